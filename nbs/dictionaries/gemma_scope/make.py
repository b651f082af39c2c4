"""Make the cases of this folder: files as Google published them, with the outputs that SAELens and circuit-tracer compute.

    PYTHONPATH=<this package>:<where SAELens 6.54.12 and circuit-tracer 0.5.0 are installed> python make.py

No code that writes these files is public. So they have random weights here, in the layout that the loaders of both
libraries expect, and the outputs are those of the classes that these loaders fill. The loaders download; here the
download is replaced by a path.
"""
import json, shutil, sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import sae_lens
from circuit_tracer.transcoder.cross_layer_transcoder import load_gemma_scope_2_clt
from circuit_tracer.transcoder.single_layer_transcoder import load_gemma_scope_2_transcoder, load_gemma_scope_transcoder
from keep import keep
from sae_lens.loading import pretrained_sae_loaders as loaders

D, F, N, LAYERS = 8, 24, 32, 3
LENS, TRACER = ("decoderesearch/SAELens", sae_lens.__version__), ("decoderesearch/circuit-tracer", "0.5.0")
NO_WRITER = "nothing is written in this format; SAELens and circuit-tracer read our dictionaries in their own"
draw = torch.Generator().manual_seed(0)


def randn(*shape): return torch.randn(*shape, generator=draw)


def arrays(written=0):
    "Random weights of a dictionary, or of one layer of `written`."
    W_dec = randn(F, *[written] * (written > 0), D) / D**.5
    return dict(w_enc=randn(D, F) / D**.5, b_enc=randn(F) / 2, w_dec=W_dec, b_dec=randn(D),
                threshold=torch.rand(F, generator=draw) + .01)


def settings(kind, reads, writes, affine=False):
    return dict(hf_hook_point_in=reads, hf_hook_point_out=writes, width=F, model_name="google/gemma-3-270m-pt",
                architecture="jump_relu", l0=8, affine_connection=affine, type=kind)


def fresh(case):
    shutil.rmtree(HERE / case, ignore_errors=True)
    (HERE / case).mkdir()
    return HERE / case


def in_saelens(loader, folder, name, **overrides):
    "The class of SAELens that its loader fills from a folder, which it believes to be on the hub under a name."
    loaders.hf_hub_download = lambda repo_id, filename, subfolder=None, **more: str(folder / Path(filename).name)
    loaders.get_safetensors_tensor_shapes = lambda repo_id, filename: {
        n: list(t.shape) for n, t in load_file(folder / Path(filename).name).items()}
    def converter(repo_id, folder_name, device, force_download, cfg_overrides=None):
        return loader(repo_id, folder_name, device, force_download, overrides or None)

    scope_1 = loader is loaders.gemma_2_sae_huggingface_loader
    release = "google/gemma-scope-2b-pt-res" if scope_1 else "google/gemma-scope-2-270m-pt"
    return sae_lens.SAE.from_pretrained(release, name, converter=converter)


@torch.no_grad()
def outputs(theirs, x):
    "Features and reconstruction; forward of a transcoder adds the skip connection."
    return theirs.encode(x), theirs(x)


def make_scope_1(case, names):
    "An autoencoder for Gemma 2. Read as a transcoder it computes the same, which circuit-tracer confirms."
    folder, t = fresh(case), arrays()
    np.savez(folder / "params.npz", **{names.get(n, n): a.numpy() for n, a in t.items()})
    x = 2 * randn(N, D)
    f, y = outputs(in_saelens(loaders.gemma_2_sae_huggingface_loader, folder, "layer_12/width_16k/average_l0_8",
                              d_in=D, d_sae=F), x)
    if names:
        again = outputs(load_gemma_scope_transcoder(str(folder / "params.npz"), 12), x)
        for a, b in zip((f, y), again): torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
    keep(f"gemma_scope/{case}", x, f, y, *LENS, "random weights; outputs of the class that its loader fills", NO_WRITER)


def make_single(case, kind, reads, writes, affine=False):
    folder, t = fresh(case), arrays()
    if affine: t["affine_skip_connection"] = randn(D, D) / 4
    save_file(t, folder / "params.safetensors")
    (folder / "config.json").write_text(json.dumps(settings(kind, reads, writes, affine)))
    x, place = 2 * randn(N, D), "transcoder" if kind == "transcoder" else "resid_post"
    f, y = outputs(in_saelens(loaders.gemma_3_sae_huggingface_loader, folder, f"{place}/layer_5_width_16k_l0_small"), x)
    if kind == "transcoder":
        again = outputs(load_gemma_scope_2_transcoder(str(folder / "params.safetensors"), 5), x)
        for a, b in zip((f, y), again): torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
        x = torch.cat([x, randn(N, D)], 1)
    how = "random weights; outputs of the class that its loader fills"
    if kind == "transcoder": how += ", equal to those of circuit-tracer 0.5.0"
    keep(f"gemma_scope/{case}", x, f, y, *LENS, how, NO_WRITER)


@torch.no_grad()
def make_layers(case, kind, reads, writes, affine=False):
    "circuit-tracer's loader takes the largest number for the number of layers, so it is given one more."
    folder = fresh(case)
    for i in range(LAYERS):
        t = arrays(LAYERS)
        t["w_dec"][:, :i] = 0     # weakly causal
        if affine: t["affine_skip_connection"] = randn(D, D) / 4
        save_file(t, folder / f"params_layer_{i}.safetensors")
    (folder / "config.json").write_text(json.dumps(settings(kind, reads, writes, affine)))
    paths = {i: str(folder / f"params_layer_{i}.safetensors") for i in range(LAYERS + 1)}
    theirs, x = load_gemma_scope_2_clt(paths, dtype=torch.float32), 2 * randn(LAYERS, N, D)
    f = theirs.encode(x)
    y, f = theirs.decode(f, x).transpose(0, 1), f.transpose(0, 1)
    sites = [x, randn(LAYERS, N, D)] if kind == "clt" else [x]
    given = torch.stack(sites, 1).flatten(0, 1).transpose(0, 1)      # [batch site d], read and written in turn
    how = "random weights; outputs of the class that its loader fills, encode and decode"
    if kind == "crosscoder": how += " (a crosscoder computes what a cross-layer transcoder does)"
    keep(f"gemma_scope/{case}", given, f, y, *TRACER, how, NO_WRITER)


torch.manual_seed(0)
make_scope_1("JumpReLU", {"w_enc": "W_enc", "w_dec": "W_dec"})
make_scope_1("JumpReLU_lower_case", {})
make_single("scope_2_sae", "sae", "model.layers.5.output", "model.layers.5.output")
mlp = ("model.layers.5.pre_feedforward_layernorm.output", "model.layers.5.post_feedforward_layernorm.output")
make_single("scope_2_transcoder", "transcoder", *mlp)
make_single("scope_2_skip_transcoder", "transcoder", *mlp, affine=True)
make_layers("scope_2_crosscoder", "crosscoder", *["model.layers.{5,9,12}.output"] * 2)
every = [hook.replace("5", "{all}") for hook in mlp]
make_layers("scope_2_clt", "clt", *every)
make_layers("scope_2_skip_clt", "clt", *every, affine=True)
