"""Make the dictionaries of this folder, and compare our readers with the code that published or loads them.

    PYTHONPATH=.:.venv/peers:OpenMOSS-5e5527b7/src python nbs/dictionaries/releases/make.py llama_scope
    PYTHONPATH=.:.venv/peers:OpenMOSS-aeac1571/src python nbs/dictionaries/releases/make.py llama_scope_r1
    PYTHONPATH=.:.venv/peers                       python nbs/dictionaries/releases/make.py saelens

OpenMOSS' classes (OpenMOSS/Language-Model-SAEs at the commits of the two releases of Llama Scope) write the first two.
For the others there is a description and no code: random tensors are written as described, and SAELens' loaders, which
find them in place of the hub, compute the outputs.
"""
import importlib.util, json, shutil, sys, types
from pathlib import Path
from unittest.mock import MagicMock

import torch

sys.path.insert(0, str(Path(__file__).parent.parent))
from keep import keep

HERE, D, F = Path(__file__).parent, 8, 24
HOOK = "blocks.15.hook_resid_post"


WRITTEN = "published files are read, not written"


def start(case):
    torch.manual_seed(0)
    shutil.rmtree(HERE / case, ignore_errors=True)
    (HERE / case).mkdir()
    return HERE / case


def randomise(module):
    for p in module.parameters(): p.data = torch.randn(p.shape) / (2 if p.ndim == 1 else D**.5)


def import_openmoss():
    "Import `lm_saes.sae` and `lm_saes.config` alone: the rest of the package wants a database, and kernels for GPUs."
    package = types.ModuleType("lm_saes")
    package.__path__ = list(importlib.util.find_spec("lm_saes").submodule_search_locations)
    sys.modules |= {"lm_saes": package, "lm_saes.database": MagicMock(), "lm_saes.kernels": MagicMock(),
                    "lm_saes.activation.activation_store": MagicMock(), "lm_saes.activation": MagicMock()}
    import lm_saes.config, lm_saes.sae
    lm_saes.sae.version = lambda name: "0"   # it is not installed
    return lm_saes.config.SAEConfig, lm_saes.sae.SparseAutoEncoder


def make_llama_scope():
    SAEConfig, SparseAutoEncoder = import_openmoss()
    folder = start("llama_scope")
    config = SAEConfig(hook_point_in=HOOK, d_model=D, d_sae=F, act_fn="jumprelu", jump_relu_threshold=.6,
                       norm_activation="dataset-wise", dataset_average_activation_norm={"in": 5., "out": 5.},
                       apply_decoder_bias_to_pre_encoder=False)
    sae = SparseAutoEncoder(config)
    randomise(sae)
    sae.save_pretrained(str(folder))
    config.save_hyperparameters(str(folder))
    x, sae = 2 * torch.randn(32, D), SparseAutoEncoder.from_pretrained(str(folder))
    f = sae.encode(x)
    keep("releases/llama_scope", x, f, sae.decode(f), "OpenMOSS/Language-Model-SAEs", "5e5527b7",
         "random weights, saved with save_pretrained and save_hyperparameters", WRITTEN)


def make_llama_scope_r1():
    SAEConfig, SparseAutoEncoder = import_openmoss()
    folder = start("llama_scope_r1")
    config = SAEConfig(hook_point_in=HOOK, d_model=D, expansion_factor=F // D, act_fn="jumprelu",
                       dtype=torch.float32)
    sae = SparseAutoEncoder(config)
    randomise(sae)
    sae.set_dataset_average_activation_norm({HOOK: 5.})
    sae.save_pretrained(str(folder))
    config.save_hyperparameters(str(folder))
    x, sae = 2 * torch.randn(32, D), SparseAutoEncoder.from_pretrained(str(folder), dtype=torch.float32)
    f = sae.encode(x)
    y = sae.decode(f) / sae.compute_norm_factor(x, HOOK)
    keep("releases/llama_scope_r1", x, f, y, "OpenMOSS/Language-Model-SAEs", "aeac1571",
         "random weights, saved with save_pretrained and save_hyperparameters", WRITTEN)


def make_saelens():
    import sae_lens
    from sae_lens.loading import pretrained_sae_loaders
    from sae_lens.saes import sae as sae_module
    W, b, V, c = torch.randn(F, D) / D**.5, torch.randn(F) / 2, torch.randn(D, F) / D**.5, torch.randn(D) / 2
    linear = [f"{part}.{name}" for part in ("encoder", "decoder") for name in ("weight", "bias")]
    described = {   # release and id of SAELens -> our case, and the tensors as they are described
        ("goodfire-llama-3.3-70b-instruct", "layer_50"):
            ("goodfire", dict(zip([n.replace(".", "_linear.") for n in linear], (W, b, V, c)))),
        ("qwen-scope-3-1.7b-base-w32k-l50", "layer0"):
            ("SAE-Res-Qwen3-1.7B-Base-W32K-L0_5", dict(W_enc=W, b_enc=b, W_dec=V, b_dec=c)),
        ("gpt2-small-hook-z-kk", "blocks.5.hook_z"):
            ("attention", dict(W_enc=W.T.contiguous(), b_enc=b, W_dec=V.T.contiguous(), b_dec=c)),
        ("deepseek-r1-distill-llama-8b-qresearch", "blocks.19.hook_resid_post"):
            ("deepseek_r1", dict(zip(linear, (W, b, V, c))))}
    pretrained_sae_loaders.hf_hub_download = lambda repo_id, filename, **_: str(folder / filename)
    sae_module.get_config_overrides = lambda release, sae_id: dict(d_in=D, d_sae=F, **active)
    for (release, sae_id), (case, tensors) in described.items():
        folder, x = start(case), 2 * torch.randn(32, D)
        active = dict(activation_fn_kwargs=dict(k=5)) if "L0_5" in case else {}
        file = pretrained_sae_loaders.get_repo_id_and_folder_name(release, sae_id)[1]
        torch.save(tensors, folder / file)
        if case == "attention":
            settings = dict(act_name="blocks.5.attn.hook_z", act_size=D, dict_size=F)
            (folder / file.replace(".pt", "_cfg.json")).write_text(json.dumps(settings))
        sae = sae_lens.SAE.from_pretrained(release, sae_id)
        sae.turn_off_forward_pass_hook_z_reshaping()   # x holds the heads side by side
        f = sae.encode(x)
        how = f"random tensors as described; outputs of SAE.from_pretrained({release!r}, {sae_id!r}) on them"
        keep(f"releases/{case}", x, f, sae.decode(f), "decoderesearch/SAELens", sae_lens.__version__, how, WRITTEN)


{"llama_scope": make_llama_scope, "llama_scope_r1": make_llama_scope_r1, "saelens": make_saelens}[sys.argv[1]]()
