"""Make the cases of this folder with the code of oli-clive-griffin/crosscode (193f3a8).

    PYTHONPATH=<this package>:<crosscode's clone> python make.py

Language models and an optimizer, which its dictionaries do not need, are replaced by mocks. The dictionaries are trained for some steps
on random activations, and saved as its trainers do, with the scaling factors folded into the weights.
"""
import shutil, sys
from pathlib import Path
from unittest.mock import MagicMock

import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
sys.modules.update({name: MagicMock() for name in ("transformer_lens", "transformer_lens.hook_points", "schedulefree")})

from crosscode.models import ModelHookpointAcausalCrosscoder, CrossLayerTranscoder, SAEOrTranscoder
from crosscode.models.activations import (AnthropicSTEJumpReLUActivation, BatchTopkActivation, GroupMaxActivation,
                                          ReLUActivation, TopkActivation)

from crosscoder_nb.crosscode import save_crosscode
from keep import keep

D, F = 8, 24
draw = torch.Generator().manual_seed(0)
mixer = torch.randn(6, 4 * D, generator=draw)


def activations(n, *sites):
    "Raw activations of n tokens at up to four sites that share six directions."
    x = torch.randn(n, 6, generator=draw).relu() @ mixer
    return x.unflatten(1, (4, D))[:, :sites[0] * sites[1] if len(sites) == 2 else sites[0]].reshape(n, *sites, D)


def train(model, x, y, s_in, s_out):
    "Random weights, some steps of Adam on scaled activations, and the scaling folded into the weights."
    for p in model.parameters(): p.data = torch.randn(p.shape, generator=draw) / 4
    model.b_enc_L.data += .5
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(30):
        loss = (model(x * s_in[..., None]) - y * s_out[..., None]).square().mean()
        optimizer.zero_grad(), loss.backward(), optimizer.step()
    model._fold_activation_scaling_into_weights_(s_in, s_out)
    return model


def make(case, model, x, y, side_by_side, written=None, s_in=None, **how):
    "Train, save and keep a dictionary that reads x [batch Xi d] and writes y [batch Xo d]."
    shutil.rmtree(HERE / case, ignore_errors=True)
    s_in, s_out = (D**.5 / t.norm(dim=-1).mean(0) for t in (x, y))
    train(model, x, y, s_in, s_out).save(HERE / case)
    theirs = type(model).load(HERE / case)
    result = theirs.forward_train(x[:32])
    y_hat = next(v for name, v in vars(result).items() if name not in ("latents_BL", "pre_activations_BL"))

    def write(cc, folder):
        save_crosscode(cc, folder)
        ours = ModelHookpointAcausalCrosscoder.load(folder).forward_train(x[:32].reshape(32, -1, 1, D))
        return ours.latents_BL.detach(), ours.recon_acts_BMPD.detach()

    keep(f"crosscode/{case}", side_by_side[:32], result.latents_BL, y_hat, "oli-clive-griffin/crosscode", "193f3a8",
         "random weights, then 30 steps of Adam on random activations; folded and saved", written or write, **how)


JUMP = AnthropicSTEJumpReLUActivation(F, 2.0, -.5)
ACTIVATIONS = {"relu": ReLUActivation(), "topk": TopkActivation(4), "groupmax": GroupMaxActivation(4, F),
               "jumprelu": JUMP, "batchtopk": BatchTopkActivation(4)}
for case, activation in ACTIVATIONS.items():
    x = activations(64, 2, 1)
    model = ModelHookpointAcausalCrosscoder(2, 1, D, F, activation)
    why = "it has no threshold until it is shown batches" if case == "batchtopk" else None
    # selected within the batch, the first 32 tokens are one batch
    make(case, model, x, x, x, why, training=case == "batchtopk")
x = activations(64, 2, 2)
make("two_by_two", ModelHookpointAcausalCrosscoder(2, 2, D, F, TopkActivation(4)), x, x, x)
for case, skip in ("cross_layer", False), ("cross_layer_skip", True):
    x = activations(64, 4)
    model = CrossLayerTranscoder(D, 3, F, TopkActivation(4), linear_skip=skip)
    make(case, model, x[:, 0], x[:, 1:], x, "only dictionaries that read and write all their sites are written")
x = activations(64, 2)
make("autoencoder", SAEOrTranscoder(D, F, TopkActivation(4)), x[:, 0], x[:, 0], x[:, 0])
make("transcoder", SAEOrTranscoder(D, F, TopkActivation(4)), x[:, 0], x[:, 1], x,
     "only dictionaries that read and write all their sites are written", sites=["mlp in", "mlp out"])
