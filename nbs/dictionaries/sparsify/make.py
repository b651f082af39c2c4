"""Make the cases of this folder with sparsify's own classes, and let it read what we write.

    PYTHONPATH=<this package>:<where eai-sparsify 1.3.3 is installed> python make.py
    PYTHONPATH=<this package>:<EleutherAI/clt-training, which goes on from sparsify, at aaf8d84>:<simple-parsing> python make.py

The second run makes the cases of before 12 February 2025, when the class was called Sae and its settings did not say
whether it was a transcoder. The skip transcoders that EleutherAI published are of that time.
"""
import shutil, sys
from pathlib import Path

import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import sparsify
from keep import keep

OLD = not hasattr(sparsify, "SparseCoder")
if OLD: from sparsify import Sae as Coder, SaeConfig as Config
else:
    from sparsify import SparseCoder as Coder
    from sparsify.config import SparseCoderConfig as Config
    from crosscoder_nb.sparsify import save_sparsify

D, F, N, K, STEPS = 8, 24, 32, 6, 60
mixer = torch.randn(12, 2 * D, generator=torch.Generator().manual_seed(1))


def activations(n): return torch.randn(n, 12).relu() @ mixer + 1


@torch.no_grad()
def outputs(coder, x):
    out = coder(x)
    f = torch.zeros(len(x), F).scatter_(1, out.latent_indices, out.latent_acts)
    return f, out.sae_out


def make(case, across, version, written, **settings):
    torch.manual_seed(0)
    shutil.rmtree(HERE / case, ignore_errors=True)
    coder = Coder(D, Config(num_latents=F, k=K, **settings))
    optimizer = torch.optim.Adam(coder.parameters(), lr=.01)
    for _ in range(STEPS):
        x, y = activations(256).split(D, 1)
        loss = coder(x, y if across else x).fvu
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    coder.save_to_disk(HERE / case)
    both = activations(N)
    x = both[:, :D]
    how = f"trained for {STEPS} steps on random activations, saved with save_to_disk"
    def ours(cc, place):
        save_sparsify(cc, place)
        return outputs(Coder.load_from_disk(place), x)
    keep(f"sparsify/{case}", both if across else x, *outputs(Coder.load_from_disk(HERE / case), x),
         "EleutherAI/sparsify", version, how, written or ours)


if OLD:
    later = "sparsify 1.3.3 reads what is written"
    make("before_2025-02_sae", False, "aaf8d84", later)
    make("before_2025-02_skip_transcoder", True, "aaf8d84", later, skip_connection=True)
else:
    for activation in "topk", "groupmax": make(activation, False, "1.3.3", None, activation=activation)
    make("transcoder", True, "1.3.3", None, transcode=True)
    make("skip_transcoder", True, "1.3.3", None, transcode=True, skip_connection=True)
    make("skip_transcoder_groupmax", True, "1.3.3", None, transcode=True, skip_connection=True, activation="groupmax")
