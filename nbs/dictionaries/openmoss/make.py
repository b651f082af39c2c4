"""Make the cases of this folder with the code of OpenMOSS/Language-Model-SAEs (95281ac).

    PYTHONPATH=<this package>:<jaxtyping>:<its clone>/src python make.py

Its package imports a whole toolbox; here only its dictionaries are imported, and language models are replaced by mocks.
Weights, thresholds and biases are random; some steps of Adam follow, and save_pretrained.
"""
import importlib.util, shutil, sys, types
from importlib import metadata
from pathlib import Path
from unittest.mock import MagicMock

import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
installed = metadata.version
metadata.version = lambda name: "2.0.0b34" if name == "llamascopium" else installed(name)   # saved with the weights


class HookedRootModule(torch.nn.Module):
    def setup(self): pass


LENS, OURS = "transformer_lens", "llamascopium"
sys.modules.update({name: MagicMock() for name in (
    LENS, f"{LENS}.components", f"{LENS}.components.mlps", f"{LENS}.components.mlps.can_be_used_as_mlp",
    f"{OURS}.backend", f"{OURS}.backend.language_model")})
sys.modules[f"{LENS}.hook_points"] = types.SimpleNamespace(HookedRootModule=HookedRootModule, HookPoint=torch.nn.Identity)
sys.modules[OURS] = types.ModuleType(OURS)
sys.modules[OURS].__path__ = [str(Path(folder, OURS)) for folder in sys.path if Path(folder, OURS).is_dir()]

from llamascopium.models.clt import CLTConfig, CrossLayerTranscoder
from llamascopium.models.crosscoder import Crosscoder, CrosscoderConfig
from llamascopium.models.sae import SAEConfig, SparseAutoEncoder

from keep import keep

D, EXPANSION = 8, 3
draw = torch.Generator().manual_seed(0)
mixer = torch.randn(6, 4 * D, generator=draw)


def activations(hooks, n=64):
    "Raw activations at these hooks that share six directions, of different size."
    x = (torch.randn(n, 6, generator=draw).relu() @ mixer).unflatten(1, (4, D))
    return {hook: x[:, i] * (i + 1) for i, hook in enumerate(hooks)}


def make(case, cls, cfg):
    "Train, save and keep a dictionary."
    shutil.rmtree(HERE / case, ignore_errors=True)
    hooks = list(dict.fromkeys(cfg.associated_hook_points))
    model, raw = cls(cfg), activations(hooks)
    for p in model.parameters(): p.data = torch.randn(p.shape, generator=draw) / 3
    model.b_E.data += .3
    model.set_dataset_average_activation_norm({h: raw[h].norm(dim=1).mean().item() for h in hooks})
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(20):
        batch = model.normalize_activations(raw)
        x, label = model.prepare_input(batch)[0], model.prepare_label(batch)
        loss = (model.decode(model.encode(x)) - label).square().mean()
        optimizer.zero_grad(), loss.backward(), optimizer.step()
    model.save_pretrained(HERE / case)
    cfg.save_hyperparameters(HERE / case)

    theirs, x = cls.from_local(str(HERE / case)), {hook: t[:32] for hook, t in raw.items()}
    with torch.no_grad():
        batch, scales = theirs.normalize_activations(x, return_scale_factor=True)
        f = theirs.encode(theirs.prepare_input(batch)[0])
        y = theirs.decode(f, batch_first=True)
    written = dict.fromkeys(cfg.hooks_out)
    y = y.unflatten(1, (len(written), -1)) if y.ndim == 2 else y
    y = torch.stack([y[:, i] / scales[hook] for i, hook in enumerate(written)], 1)
    if cls is Crosscoder and cfg.act_fn == "relu":
        assert (f == f[:, :1]).all() or torch.allclose(f, f[:, :1])   # one decision for all heads
        f = f[:, 0]
    pairs = zip(cfg.hooks_in, cfg.hooks_out) if cls is CrossLayerTranscoder else [hooks]
    order = [hook for pair in pairs for hook in pair]
    keep(f"openmoss/{case}", torch.stack([x[hook] for hook in order], 1), f, y, "OpenMOSS/Language-Model-SAEs",
         "95281ac", "random weights, then 20 steps of Adam on random activations; save_pretrained", "no writer",
         training=cfg.act_fn == "batchtopk")


def config(cls, act_fn, **more): return cls(d_model=D, expansion_factor=EXPANSION, act_fn=act_fn, top_k=4, **more)


SAE = dict(hook_point_in="blocks.3.resid", hook_point_out="blocks.3.resid")
for act_fn in "relu", "jumprelu", "topk", "batchtopk":
    make(f"sae_{act_fn}", SparseAutoEncoder, config(SAEConfig, act_fn, **SAE))
make("sae_no_norms", SparseAutoEncoder, config(SAEConfig, "topk", sparsity_include_decoder_norm=False,
                                               use_decoder_bias=False, **SAE))
make("transcoder_jumprelu", SparseAutoEncoder,
     config(SAEConfig, "jumprelu", hook_point_in="blocks.3.mlp.in", hook_point_out="blocks.3.mlp.out"))
for act_fn in "relu", "jumprelu":
    make(f"crosscoder_{act_fn}", Crosscoder, config(CrosscoderConfig, act_fn, hook_points=["base.3", "tuned.3"]))
for act_fn in "relu", "jumprelu", "layertopk":
    make(f"clt_{act_fn}", CrossLayerTranscoder, config(
        CLTConfig, act_fn, hook_points_in=["0.in", "1.in"], hook_points_out=["0.out", "1.out"]))
