"""Write the dictionaries beside this file with the code of dictionary_learning and of its forks.

    PYTHONPATH=<this repository>:<checkout of the library> python make.py LIBRARY VERSION [--out FOLDER] [--seed N]

LIBRARY and VERSION are one of those in CASES, such as `jkminder 48debb2`; the checkout is of that commit. Each case is
written by the library's classes and trainers, read by this library and compared. Then this library writes the
dictionary for that code, its own loader loads it, and what it computes is compared too: expected/made.json says how far
off it was.
"""
import argparse, json, shutil, sys, tempfile, warnings
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path

import torch

from crosscoder_nb.dictionaries import load_dictionary
from crosscoder_nb.dictionary_learning import save_dictionary_learning

FOLDER = Path(__file__).parent.name
sys.path.insert(0, str(Path(__file__).parents[1]))
import keep

D, F, SITES, TOKENS, K, STEPS = 8, 24, 2, 24, 4, 60
SIZES, ORIGIN = dict(activation_dim=D, dict_size=F), dict(layer=3, lm_name="tiny")
OWNERS = {"saprmarks": "saprmarks/dictionary_learning", "jkminder": "jkminder/dictionary_learning",
          "science-of-finetuning": "science-of-finetuning/crosscoder_learning", "superkaiba": "superkaiba/dfc_learning"}


def activations(n, sites=()):
    "Activations whose mean and spread differ from neuron to neuron, and are larger at later sites."
    fixed = torch.Generator().manual_seed(0)
    spread, mean = torch.rand(*sites, D, generator=fixed) + 1, torch.randn(*sites, D, generator=fixed)
    x = torch.randn(n, *sites, D) * spread + mean
    return x * torch.arange(1, sites[0] + 1)[:, None] if sites else x


def scramble(model):
    "Give a model random weights, norms, biases and thresholds; what is masked to zero stays zero."
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name in ("threshold", "r_mag"): p.copy_(torch.rand_like(p) / 2)
            elif p.ndim == 1 or name == "decoder.bias": p.copy_(torch.randn_like(p) / 2)
            else: p.mul_(1 + torch.rand_like(p))
    if "threshold" in dict(model.named_buffers()): model.threshold.fill_(.3)
    return model


# how a dictionary is written: a function of the folder that returns the library's dictionary

def trained(trainer, folder, sites=(), **config):
    "The run folder that trainSAE leaves in one of the forks, with the options of a usual run."
    from dictionary_learning import training
    module = __import__(f"dictionary_learning.trainers.{trainer[0]}", fromlist=["_"])
    data = [activations(32, sites) for _ in range(STEPS)]
    common = dict(trainer=getattr(module, trainer[1]), **SIZES, **ORIGIN, device="cpu")
    folder.mkdir(parents=True)
    used = []
    training.trainSAE([x.clone() for x in data], common | config, steps=STEPS, save_dir=str(folder),
                      validation_data=data[:2], end_of_step_logging_fn=lambda trainer, step: used.append(trainer))
    return used[-1].ae


def trained_original(trainer, folder, **config):
    "The run folder that trainSAE leaves in the original library; biases are scaled for raw activations."
    from dictionary_learning import training
    from dictionary_learning.utils import load_dictionary as load_original
    module = __import__(f"dictionary_learning.trainers.{trainer[0]}", fromlist=["_"])
    data = [activations(32) for _ in range(STEPS + 101)]
    common = dict(trainer=getattr(module, trainer[1]), **SIZES, **ORIGIN, device="cpu", steps=STEPS)
    home = Path(tempfile.mkdtemp())
    training.trainSAE(data, [common | config], steps=STEPS, save_dir=str(home), normalize_activations=True,
                      device="cpu")
    shutil.copytree(home / "trainer_0", folder)
    return load_original(str(folder), "cpu")[0]


def pickled(make, folder, settings=None, name="ae.pt"):
    "A .pt file with the weights of a class."
    model, _ = scramble(make()), folder.mkdir(parents=True)
    torch.save(model.state_dict(), folder / name)
    if settings: (folder / "config.json").write_text(json.dumps(settings, indent=1))
    return model


def pushed(make, folder):
    "A folder as it is uploaded to the hub."
    model = scramble(make())
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    return model


def of(name, *args, **options):
    "A function that makes a dictionary of a class."
    from dictionary_learning import dictionary
    from dictionary_learning.trainers import top_k
    return partial(getattr(dictionary, name, None) or getattr(top_k, name), *args, **options)


def normaliser(sites=()):
    "Mean and standard deviation of activations, as a fork's classes take them."
    x = activations(512, sites)
    return dict(activation_mean=x.mean(0), activation_std=x.std(0))


# how the library loads what we write: a function of the folder

def load_original(folder):
    from dictionary_learning.utils import load_dictionary as load
    return load(str(folder), "cpu")[0]


def load_fork(folder, **options):
    "What the loaders of a fork accept: a hub folder, or a .pt file for top-k and for dedicated features."
    from dictionary_learning import dictionary
    from dictionary_learning.trainers.top_k import AutoEncoderTopK
    config = json.loads((folder / "config.json").read_text())
    trainer = config.get("trainer", {})
    kind = trainer.get("dict_class")
    if kind == "AutoEncoderTopK": return AutoEncoderTopK.from_pretrained(folder / "ae.pt", trainer["k"])
    if kind: return getattr(dictionary, kind).from_pretrained(folder / "model_final.pt", **options)
    return getattr(dictionary, load_dictionary(folder).info["kind"]).from_pretrained(str(folder), from_hub=True)


def crosscoder(name, norm=False, threshold=.3, **options):
    "A crosscoder class of a fork; decoder norms differ from site to site."
    def make():
        model = of(name, D, F, SITES, **options, **(normaliser((SITES,)) if norm else {}))()
        with torch.no_grad(): model.decoder.weight.mul_(.3 + torch.rand(*model.decoder.weight.shape[:2], 1))
        return model
    return make


def original():
    "Classes and trainers of the original library."
    fast = dict(warmup_steps=5, lr=1e-2)
    penalty, top = dict(l1_penalty=.1, sparsity_warmup_steps=5, **fast), dict(k=K, threshold_start_step=10, **fast)
    run = lambda *trainer, **options: partial(trained_original, trainer, **options)
    yield "AutoEncoder", "StandardTrainer, 60 steps", run("standard", "StandardTrainer", **penalty)
    yield "AutoEncoderNew", "random weights", partial(pickled, of("AutoEncoderNew", D, F), settings=dict(
        trainer=dict(dict_class="AutoEncoderNew", **SIZES, **ORIGIN)))
    yield "AutoEncoderTopK", "TopKTrainer, 60 steps", run("top_k", "TopKTrainer", **top)
    yield "BatchTopKSAE", "BatchTopKTrainer, 60 steps", run("batch_top_k", "BatchTopKTrainer", **top)
    yield "MatryoshkaBatchTopKSAE", "MatryoshkaBatchTopKTrainer, 60 steps", run(
        "matryoshka_batch_top_k", "MatryoshkaBatchTopKTrainer", group_fractions=[.25, .25, .5], **top)
    yield "GatedAutoEncoder", "GatedSAETrainer, 60 steps", run("gdm", "GatedSAETrainer", **penalty)
    yield "JumpReluAutoEncoder", "JumpReluTrainer, 60 steps", run(
        "jumprelu", "JumpReluTrainer", bandwidth=.5, sparsity_warmup_steps=5, target_l0=K, **fast)


def autoencoders():
    "Autoencoders of the forks, whose features are times the decoder norm where the class is gated or JumpReLU."
    yield "jkminder_GatedAutoEncoder", "random weights", partial(
        pickled, of("GatedAutoEncoder", D, F), name="model_final.pt")
    yield "jkminder_JumpReluAutoEncoder", "TrainerJumpRelu, 60 steps", partial(
        trained, ("jumprelu", "TrainerJumpRelu"), lr=1e-2, bandwidth=.5)
    for name, options in {"AutoEncoder": {}, "AutoEncoderNew": {}, "GatedAutoEncoder": {}, "JumpReluAutoEncoder": {},
                          "AutoEncoderTopK": dict(k=K)}.items():
        yield f"hub_{name}", "random weights, save_pretrained", partial(pushed, of(name, D, F, **options))
    yield "hub_BatchTopKSAE", "random weights, a normaliser, save_pretrained", partial(
        pushed, of("BatchTopKSAE", D, F, K, target_rms=3., **normaliser()))


BATCHTOPK = "BatchTopKCrossCoder"
RUN = dict(steps=STEPS, k=K, warmup_steps=5, threshold_start_step=10, lr=1e-2)   # of BatchTopKCrossCoderTrainer


def head():
    yield "jkminder_CrossCoder", "CrossCoderTrainer, 60 steps, a normaliser", lambda folder: trained(
        ("crosscoder", "CrossCoderTrainer"), folder, (SITES,), warmup_steps=5, lr=1e-2, **normaliser((SITES,)))
    yield f"jkminder_{BATCHTOPK}", "random weights, a normaliser, SAE, save_pretrained", partial(
        pushed, crosscoder(BATCHTOPK, norm=True, k=K, code_normalization="SAE", target_rms=3.))
    yield from autoencoders()


def november():
    yield "jkminder_2024_CrossCoder", "random weights, save_pretrained", partial(pushed, crosscoder("CrossCoder"))


def may():
    yield f"jkminder_May_{BATCHTOPK}", "BatchTopKCrossCoderTrainer, 60 steps, MIXED", lambda folder: trained(
        ("crosscoder", "BatchTopKCrossCoderTrainer"), folder, (SITES,),
        dict_class_kwargs=dict(code_normalization="MIXED"), **RUN)


def june():
    yield f"jkminder_June_{BATCHTOPK}", "random weights, a normaliser, NONE, save_pretrained", partial(
        pushed, crosscoder(BATCHTOPK, norm=True, k=K, code_normalization="NONE"))


def sof():
    yield f"sof_{BATCHTOPK}", "random weights, a normaliser, save_pretrained", partial(
        pushed, crosscoder(BATCHTOPK, norm=True, k=K, target_rms=3.))
    yield f"sof_{BATCHTOPK}_DECOUPLED", "random weights, a normaliser, save_pretrained", partial(
        pushed, crosscoder(BATCHTOPK, norm=True, k=K, code_normalization="DECOUPLED")), "its groups write one site each"
    yield "sof_CrossCoder_encoder_layers", "random weights, encoder_layers=[1], save_pretrained", partial(
        pushed, crosscoder("CrossCoder", encoder_layers=[1], init_with_transpose=False)), "it does not read every site"


def superkaiba():
    from dictionary_learning.dictionary import DedicatedFeatureBatchTopKCrossCoder as Dedicated
    dedicated = dict(model_a_exclusive_pct=.1, model_b_exclusive_pct=.25)   # 2 and 6 of 24 features
    yield f"superkaiba_{BATCHTOPK}", "BatchTopKCrossCoderTrainer, 60 steps, a normaliser", lambda folder: trained(
        ("crosscoder", "BatchTopKCrossCoderTrainer"), folder, (SITES,),
        pretrained_ae=Dedicated(D, F, SITES, k=K, **dedicated, **normaliser((SITES,))), **RUN)
    yield "superkaiba_CrossCoder", "random weights, a normaliser", partial(
        pickled, crosscoder("DedicatedFeatureCrossCoder", norm=True, **dedicated), name="model_final.pt",
        settings=dict(trainer=dict(dict_class="DedicatedFeatureCrossCoder")))


CASES = {   # library, version -> its cases, the loader of what we write, the fork it is written for
    ("saprmarks", "60ec6bf"): (original, load_original, "saprmarks"),
    ("saprmarks", "0.1.0"): (original, load_original, "saprmarks"),
    ("jkminder", "b487641"): (november, None, None), ("jkminder", "d2a7d66"): (may, None, None),
    ("jkminder", "3bfc5ef"): (june, None, None), ("jkminder", "48debb2"): (head, load_fork, "jkminder"),
    ("science-of-finetuning", "b2363ed"): (sof, load_fork, "science-of-finetuning"),
    ("superkaiba", "8e8c0b3"): (superkaiba, load_fork, "superkaiba")}


@torch.no_grad()
def outputs(model, x):
    "Features and reconstruction as the library computes them."
    return model.encode(x).flatten(1), model(x).flatten(1)


def make(library, version, name, how, write, unwritten=None):
    "Write a case, keep it, and have the library read what we write unless that is not possible."
    _, load, fork = CASES[library, version]
    shutil.rmtree(keep.HERE / FOLDER / name, ignore_errors=True)
    with redirect_stdout(StringIO()): model = write(keep.HERE / FOLDER / name).eval()
    x = activations(TOKENS, (SITES,) if "CrossCoder" in name else ())

    def written(cc, folder):
        save_dictionary_learning(cc, folder, fork)
        return outputs(load(folder), x)

    unwritten = unwritten or (None if load else "only for the newest code of this fork")
    keep.keep(f"{FOLDER}/{name}", x, *outputs(model, x), OWNERS[library], version, f"{how}.", unwritten or written)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in "library", "version": arguments.add_argument(name)
    arguments.add_argument("--out", type=Path, default=keep.HERE, help="another place than beside this file")
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    warnings.simplefilter("ignore")
    torch.manual_seed(given.seed)
    keep.HERE = given.out.absolute()
    for case in CASES[given.library, given.version][0](): make(given.library, given.version, *case)
