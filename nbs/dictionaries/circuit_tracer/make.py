"""Make the cases of this folder with circuit-tracer's own classes, and let it read what we write.

    PYTHONPATH=<this package>:<a clone of decoderesearch/circuit-tracer at 4bb8c0e>:<transformer-lens> python make.py

Its loader takes the name of a repository on the hub; here the download is replaced by a path. Last, an attribution graph
of a small random model is drawn with transcoders and with a cross-layer transcoder that we wrote.
"""
import shutil, sys, tempfile
from pathlib import Path

import huggingface_hub.constants
import torch
import yaml

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
huggingface_hub.constants.HF_HUB_ENABLE_HF_TRANSFER = False   # circuit-tracer asks for it; new versions have it no more

from circuit_tracer.transcoder import SingleLayerTranscoder, TranscoderSet
from circuit_tracer.transcoder.activation_functions import JumpReLU, TopK
from circuit_tracer.transcoder.cross_layer_transcoder import CrossLayerTranscoder
from circuit_tracer.utils import hf_utils
from keep import keep

from crosscoder_nb.architectures import clt, transcoder
from crosscoder_nb.circuit_tracer import save_circuit_tracer
from crosscoder_nb.organisms import scramble
from crosscoder_nb.sparsity import BatchTopK, JumpReLU as OurJumpReLU, ReLU, TopK as OurTopK

D, F, N, LAYERS, K = 8, 20, 32, 3, 5
LIBRARY = ("decoderesearch/circuit-tracer", "4bb8c0e")
HOOKS = dict(feature_input_hook="mlp.hook_in", feature_output_hook="hook_mlp_out")
HOW = "random weights, saved with to_safetensors; config.yaml as in its documentation"


def fresh(case):
    shutil.rmtree(HERE / case, ignore_errors=True)
    (HERE / case).mkdir()
    return HERE / case


def randomise(module):
    for name, p in module.named_parameters():
        p.data = torch.rand_like(p) + .01 if "threshold" in name else torch.randn_like(p) / (1 if p.ndim == 1 else D**.5)


def load(folder):
    "What circuit-tracer does with a repository, after the download."
    config = yaml.safe_load((folder / "config.yaml").read_text())
    hf_utils.snapshot_download = lambda *names, **more: str(folder)
    config |= dict(repo_id="me/mine", revision=None, subfolder=None, scan="mine")
    return hf_utils.load_transcoders(config, dtype=torch.float32, lazy_decoder=False)


@torch.no_grad()
def outputs(theirs, x):
    "x [batch Σd], read and written in turn; features and reconstruction [batch Σ]."
    x = x.unflatten(1, (-1, 2, D))[:, :, 0].transpose(0, 1)
    f = theirs.encode(x)
    return f.transpose(0, 1).flatten(1), theirs.decode(f, x).transpose(0, 1).flatten(1)


def make(case, theirs, **settings):
    folder, many = fresh(case), isinstance(theirs, TranscoderSet)
    randomise(theirs)
    theirs.to_safetensors(str(folder))
    kind = "transcoder_set" if many else "cross_layer_transcoder"
    config = dict(model_name="meta-llama/Llama-3.2-1B", model_kind=kind) | HOOKS | settings
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    x = torch.randn(N, 2 * D * len(theirs.transcoders if many else theirs.b_enc))

    def written(cc, place):
        save_circuit_tracer(cc, place)
        return outputs(load(place), x)

    keep(f"circuit_tracer/{case}", x, *outputs(theirs, x), *LIBRARY, HOW, written)


def transcoders(activation, n=LAYERS, skip=False):
    one = dict(skip_connection=skip, dtype=torch.float32)
    return TranscoderSet({i: SingleLayerTranscoder(D, F, activation(), i, **one) for i in range(n)}, **HOOKS)


torch.manual_seed(0)
make("transcoders", transcoders(lambda: JumpReLU(torch.zeros(F))))
make("transcoders_relu_skip", transcoders(lambda: torch.nn.functional.relu, skip=True))
make("topk_layer", transcoders(lambda: TopK(K), n=1), activation="topk", k=K)
for case, activation in ("clt", "jump_relu"), ("clt_relu", "relu"):
    make(case, CrossLayerTranscoder(LAYERS, F, D, activation, lazy_decoder=False, dtype=torch.float32, **HOOKS))


def check_ours(name, cc, folder):
    "What we train, written and read by circuit-tracer: largest differences from our own outputs."
    kind, many = save_circuit_tracer(cc, folder), cc if isinstance(cc, list) else [cc]
    x = torch.randn(N, 2 * D * LAYERS)
    f, y = outputs(load(folder), x)
    parts = list(zip(many, x.split(x.shape[1] // len(many), 1)))
    units = [one.rank_norms if one.sparsity.kind == "topk" else 1. for one in many]
    ours_f = torch.cat([one.encode(part) * c for (one, part), c in zip(parts, units)], 1)
    ours_y = torch.cat([one(part).y_hat for one, part in parts], 1)
    error = [float((a - b).abs().max() / b.abs().max()) for a, b in ((f, ours_f), (y, ours_y))]
    print(f"{name:24} {kind:22} features {error[0]:.1e}, reconstruction {error[1]:.1e}")
    return folder


sites = {f"base/model.layers.{i}.mlp.{side}": D for i in range(LAYERS) for side in ("input", "output")}
pairs = [{n: D for n in sites if f".{i}." in n} for i in range(LAYERS)]
place = Path(tempfile.mkdtemp())
with torch.no_grad():
    for sparsity in ReLU(), OurJumpReLU(), BatchTopK(8):
        check_ours(f"clt {sparsity.kind}", scramble(clt(sites, LAYERS * F, sparsity)), place / f"clt_{sparsity.kind}")
    for sparsity in ReLU(), OurJumpReLU(), BatchTopK(8), OurTopK(2):
        many = [scramble(transcoder(pair, F, sparsity, skip=True)) for pair in pairs]
        check_ours(f"transcoders {sparsity.kind}", many, place / f"set_{sparsity.kind}")


def draw_graph(folder):
    "An attribution graph of a random Llama with three layers, in which the MLPs are replaced by what we wrote."
    from circuit_tracer.attribution.attribute_transformerlens import attribute
    from circuit_tracer.replacement_model.replacement_model_transformerlens import TransformerLensReplacementModel
    from transformer_lens import HookedTransformerConfig

    from transformers import AutoTokenizer

    from crosscoder_nb.organisms import byte_tokenizer

    byte_tokenizer().save_pretrained(place / "tokenizer")
    config = HookedTransformerConfig(
        n_layers=LAYERS, d_model=D, n_ctx=64, d_head=4, n_heads=2, d_mlp=16, act_fn="silu", d_vocab=258, gated_mlp=True,
        normalization_type="RMS", positional_embedding_type="rotary", rotary_dim=4, final_rms=True, seed=0, device="cpu",
        original_architecture="LlamaForCausalLM", model_name="random", tokenizer_prepends_bos=False)
    model = TransformerLensReplacementModel.from_config(config, load(folder), tokenizer=AutoTokenizer.from_pretrained(place / "tokenizer"))
    for p in model.parameters(): p.data = torch.randn_like(p) / 3
    transcoders = load(folder)                      # the line above has filled them too
    model.transcoders.load_state_dict(transcoders.state_dict())
    graph = attribute(torch.tensor([256, 10, 20, 30, 40]), model, verbose=False)
    edges = int((graph.adjacency_matrix != 0).sum())
    print(f"{folder.name}: a graph of {len(graph.active_features)} active features and {edges} edges")


for name in "set_batchtopk", "clt_batchtopk": draw_graph(place / name)
