"""Make the dictionaries of this folder with SAELens' own classes, and try them both ways.

    PYTHONPATH=.:.venv/peers python nbs/dictionaries/saelens/make.py

Each case is trained for some steps, or has random weights; SAELens saves it, and loads it again to compute the outputs
that are kept. Our reader must give the same. Then our writer writes it, and SAELens computes from what it wrote.
"""
import shutil, sys, tempfile
from pathlib import Path

import sae_lens, torch
from sae_lens import (SAE, BatchTopKTrainingSAEConfig, GatedTrainingSAEConfig, JumpReLUSkipTranscoderConfig,
                      JumpReLUTrainingSAEConfig, JumpReLUTranscoderConfig, MatryoshkaBatchTopKTrainingSAEConfig,
                      SkipTranscoderConfig, StandardTrainingSAEConfig, TopKTrainingSAEConfig, TrainingSAE,
                      TranscoderConfig)
from sae_lens.saes.sae import SAEMetadata, TrainStepInput

from crosscoder_nb.saelens import save_saelens

sys.path.insert(0, str(Path(__file__).parent.parent))
from keep import keep

HERE, D, OUT, F, STEPS = Path(__file__).parent, 8, 6, 24, 60
SCALED = dict(normalize_activations="expected_average_only_in", apply_b_dec_to_input=False)
ORIGIN = dict(model_name="gpt2-small", hook_name="blocks.8.hook_resid_pre", dataset_path="Skylion007/openwebtext")
ACROSS = ORIGIN | dict(hook_name="blocks.8.ln2.hook_normalized", hook_name_out="blocks.8.hook_mlp_out")

TRAINED = {   # saved with save_inference_model
    "standard": StandardTrainingSAEConfig(D, F, l1_coefficient=.2),
    "standard_scaled": StandardTrainingSAEConfig(D, F, l1_coefficient=.2, **SCALED),
    "gated": GatedTrainingSAEConfig(D, F, l1_coefficient=.2),
    "jumprelu": JumpReLUTrainingSAEConfig(D, F, jumprelu_init_threshold=.1, jumprelu_bandwidth=1., l0_coefficient=.2,
                                          apply_b_dec_to_input=False),
    "topk": TopKTrainingSAEConfig(D, F, k=5, rescale_acts_by_decoder_norm=False, apply_b_dec_to_input=False),
    "batchtopk": BatchTopKTrainingSAEConfig(D, F, k=5, topk_threshold_lr=.1, apply_b_dec_to_input=False),
    "matryoshka_batchtopk": MatryoshkaBatchTopKTrainingSAEConfig(D, F, k=5, topk_threshold_lr=.1,
                                                                 matryoshka_widths=[6, 12, 24])}
CHECKPOINTS = {   # saved with save_model, as SAELens does while it trains
    "topk_checkpoint": TopKTrainingSAEConfig(D, F, k=5),
    "batchtopk_checkpoint": BatchTopKTrainingSAEConfig(D, F, k=5, topk_threshold_lr=.1),
    "batchtopk_checkpoint_unscaled": BatchTopKTrainingSAEConfig(D, F, k=5, topk_threshold_lr=.1,
                                                                rescale_acts_by_decoder_norm=False),
    "matryoshka_batchtopk_checkpoint": MatryoshkaBatchTopKTrainingSAEConfig(D, F, k=5, topk_threshold_lr=.1,
                                                                            matryoshka_widths=[6, 12, 24])}
RANDOM = {kind: config(D, F, apply_b_dec_to_input=False, d_out=OUT) for kind, config in
          {"transcoder": TranscoderConfig, "skip_transcoder": SkipTranscoderConfig,
           "jumprelu_transcoder": JumpReLUTranscoderConfig,
           "jumprelu_skip_transcoder": JumpReLUSkipTranscoderConfig}.items()}


def activations(n): return torch.randn(n, F).relu().pow(3) @ torch.randn(F, D, generator=torch.manual_seed(1)) + .5


def train(sae):
    "A few optimizer steps of SAELens' own loss, after which biases, norms and thresholds are not those of the start."
    optimizer = torch.optim.Adam(sae.parameters(), lr=.01)
    coefficients = {name: getattr(c, "value", c) for name, c in sae.get_coefficients().items()}
    for step in range(STEPS):
        loss = sae.training_forward_pass(TrainStepInput(activations(256), coefficients, None, step, False)).loss
        optimizer.zero_grad(); loss.backward(); optimizer.step()


def randomise(sae):
    "Random weights; thresholds are positive."
    for name, p in sae.named_parameters():
        p.data = torch.rand(p.shape) if name == "threshold" else torch.randn(p.shape) / (2 if p.ndim == 1 else D**.5)


def outputs(sae, x):
    f = sae.encode(x)
    y = sae.decode(f)
    return f, y + x @ sae.W_skip.T if hasattr(sae, "W_skip") else y


@torch.no_grad()
def keep_case(name, how, inference, x):
    "Keep what SAELens computes, compare our reader, and let SAELens read what we write."
    f, y = outputs(inference, x)
    given = torch.cat([x, torch.zeros(len(x), OUT)], 1) if name in RANDOM else x

    def written(cc, folder):
        save_saelens(cc, folder)
        their_f, their_y = outputs(SAE.load_from_disk(folder), x)
        return their_f / (cc.rank_norms if cc.sparsity.kind == "topk" else 1.), their_y   # it writes units of the norm

    keep(f"saelens/{name}", given, f, y, "decoderesearch/SAELens", sae_lens.__version__, how, written)


def make(name, config, kind):
    torch.manual_seed(0)
    shutil.rmtree(HERE / name, ignore_errors=True)
    config.metadata = SAEMetadata(**(ACROSS if kind == "random" else ORIGIN))
    sae = (SAE if kind == "random" else TrainingSAE).from_dict(config.to_dict())
    randomise(sae) if kind == "random" else train(sae)
    save = sae.save_inference_model if kind == "trained" else sae.save_model
    save(HERE / name)
    inference = HERE / name
    if kind == "checkpoint": sae.save_inference_model(inference := Path(tempfile.mkdtemp()))
    how = {"random": "random weights, saved with save_model",
           "trained": f"trained for {STEPS} steps, saved with save_inference_model",
           "checkpoint": f"trained for {STEPS} steps, saved with save_model; outputs of the inference model that "
                         "SAELens makes of it"}[kind]
    keep_case(name, how, SAE.load_from_disk(inference), activations(32))


for name, config in TRAINED.items(): make(name, config, "trained")
for name, config in CHECKPOINTS.items(): make(name, config, "checkpoint")
for name, config in RANDOM.items(): make(name, config, "random")
