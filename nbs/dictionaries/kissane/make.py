"""Make the cases of this folder with the code of ckkissane/crosscoder-model-diff-replication (e221e8d) and of
neelnanda-io/Crosscoders (3adc7eb).

    PYTHONPATH=<this package>:<ckkissane's clone>:<neelnanda's clone> python make.py

Both import plotting and model libraries that their CrossCoder does not need; these are
replaced by mocks. Their language models and buffers are replaced by random activations.
"""
import shutil, sys
from pathlib import Path
from unittest.mock import MagicMock

import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
sys.argv = sys.argv[:1]
sys.modules.update({name: MagicMock() for name in ("transformer_lens", "transformer_lens.hook_points",
                                               "transformer_lens.utils", "jaxtyping", "wandb")})

import crosscoder as kissane   # ckkissane's modules lie at the top of its repository
import trainer as kissane_trainer
from crosscoders import utils as neel

from crosscoder_nb.kissane import save_kissane
from keep import keep

D, F, N = 8, 24, 512
mixer = torch.randn(6, 3 * D, generator=torch.Generator().manual_seed(0))


class RandomBuffer:
    "Activations of three sites that share six directions, scaled to a mean norm of sqrt(d) as the buffers do."
    def __init__(self, cfg, *models_and_tokens):
        self.n_sites, self.batch_size = len(cfg["sites"]), cfg["batch_size"]
        self.draw = torch.Generator().manual_seed(1)

    def next(self):
        x = torch.randn(self.batch_size, 6, generator=self.draw).relu() @ mixer
        x = x.unflatten(1, (3, D))[:, :self.n_sites]
        return x * D**.5 / x.norm(dim=2).mean(0)[:, None]


def settings(sites, **more):
    return dict(seed=49, batch_size=64, lr=3e-3, num_tokens=64 * 40, l1_coeff=.05, beta1=.9, beta2=.999, d_in=D,
                dict_size=F, enc_dtype="fp32", device="cpu", log_every=100, save_every=1000, dec_init_norm=.3,
                wandb_project="", wandb_entity="", sites=sites) | more


def make_kissane():
    case = HERE / "CrossCoder"
    shutil.rmtree(case, ignore_errors=True)
    kissane_trainer.Buffer = RandomBuffer
    cfg = settings(["base", "it"], model_name="gemma-2-2b", hook_point="blocks.14.hook_resid_pre", site="resid_pre")
    trained = kissane_trainer.Trainer(cfg, None, None, None)
    trained.crosscoder.save_dir = case
    case.mkdir()
    trained.train()
    (case / "0.pt").rename(case / "cc_weights.pt")         # the names that load_from_hf expects
    (case / "0_cfg.json").rename(case / "cfg.json")
    kissane.hf_hub_download = lambda repo_id, filename: str(Path(repo_id) / filename)
    x = RandomBuffer(cfg).next()[:32]

    def computed(folder):
        theirs = kissane.CrossCoder.load_from_hf(str(folder.parent), folder.name)
        with torch.no_grad(): return theirs.encode(x), theirs(x)

    def written(cc, folder):
        save_kissane(cc, folder / "ours")
        return computed(folder / "ours")

    keep("kissane/CrossCoder", x, *computed(case), "ckkissane/crosscoder-model-diff-replication", "e221e8d",
         "40 steps of its Trainer on random activations; 0.pt renamed as load_from_hf expects", written)


def make_neel():
    case, model = HERE / "three_layers", MagicMock()
    shutil.rmtree(case, ignore_errors=True)
    neel.Buffer, model.cfg.n_layers, model.cfg.d_model = RandomBuffer, 3, D
    neel.cfg = settings(["0", "1", "2"], model_name="gpt2-small", site="resid_post", name="gpt2-small_24_resid_post")
    trained = neel.Trainer(neel.cfg, model, use_wandb=False)
    trained.crosscoder.save_dir = case
    case.mkdir()
    trained.train()
    x = RandomBuffer(neel.cfg).next()[:32]
    theirs = neel.CrossCoder.load("0", model, case)
    with torch.no_grad(): f, y = theirs.encode(x), theirs(x)
    keep("kissane/three_layers", x, f, y, "neelnanda-io/Crosscoders", "3adc7eb",
         "40 steps of its Trainer on random activations", "only crosscoders of two sites are written")


make_kissane()
make_neel()
