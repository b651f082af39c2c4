"""Make the cases of this folder with the CrossLayerTranscoder of curt-tigges/crosslayer-coding (9499108).

    PYTHONPATH=<this package>:<its clone> python make.py
"""
import json, shutil, sys
from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from clt.config import CLTConfig
from clt.models.clt import CrossLayerTranscoder
from keep import keep

D, F, N, LAYERS = 8, 20, 32, 3


@torch.no_grad()
def make(case, **settings):
    "Random weights; the state and the settings are saved as its trainer does."
    torch.manual_seed(0)
    folder = HERE / case
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    config = CLTConfig(num_features=F, num_layers=LAYERS, d_model=D, model_name="gpt2",
                       mlp_input_template="h.{}.ln_2", mlp_output_template="h.{}.mlp", **settings)
    theirs = CrossLayerTranscoder(config, None, torch.device("cpu"))
    for name, p in theirs.named_parameters():
        p.data = torch.rand_like(p).log() if "threshold" in name else torch.randn_like(p) / (1 if p.ndim == 1 else D**.5)
    save_file(theirs.state_dict(), folder / "clt_checkpoint_latest.safetensors")
    (folder / "cfg.json").write_text(json.dumps(config.__dict__, indent=4))
    x = torch.randn(N, 2 * LAYERS, D)
    inputs = {i: x[:, 2 * i] for i in range(LAYERS)}
    f, y = theirs.get_feature_activations(inputs), theirs(inputs)
    f, y = (torch.cat([t[i] for i in range(LAYERS)], 1) for t in (f, y))
    keep(f"crosslayer_coding/{case}", x, f, y, "curt-tigges/crosslayer-coding", "9499108",
         "random weights; state_dict and config saved as its trainer saves them", "nothing is written in this format")


make("jumprelu")
make("relu", activation_fn="relu")
