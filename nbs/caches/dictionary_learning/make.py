"""Make the caches of this folder with the code of dictionary_learning, in one of its versions, and try ours on them.

    PYTHONPATH=.:path/to/jkminder/dictionary_learning python nbs/caches/dictionary_learning/make.py 48debb2

`ActivationCache.collect` runs two tiny random models on a few texts; what `PairedActivationCache` then returns is kept
as expected/outputs.safetensors. The version is the commit that is checked out: 48debb2 or 5ad595d of
jkminder/dictionary_learning, or b2363ed of science-of-finetuning/crosscoder_learning.
"""
import json, shutil, sys, tempfile
from pathlib import Path

import torch
from dictionary_learning.cache import ActivationCache, PairedActivationCache
from nnsight import LanguageModel
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

from crosscoder_nb.organisms import byte_tokenizer
from crosscoder_nb.store import ActivationStore

HERE, D = Path(__file__).parent, 8
TEXTS = ["ab cd ef", "xyz", "hello world again", "one, two, three"]
JKMINDER, FINETUNING = "jkminder/dictionary_learning", "science-of-finetuning/crosscoder_learning"
CASES = {   # by version: name -> texts of the two models, beginning of a sequence, options of collect
    "48debb2": dict(paired=(TEXTS, TEXTS, "", dict(dtype=torch.bfloat16, store_tokens=True)),
                    bos=(TEXTS, TEXTS, "<bos>", dict(store_tokens=True, ignore_first_n_tokens_per_sample=0))),
    "b2363ed": dict(longer=(TEXTS, TEXTS[:3], "", dict(dtype=torch.float16, store_tokens=True))),
    "5ad595d": dict(first=(TEXTS, TEXTS, "", {}))}
# their code reads saved activations by .value, which nnsight had until 0.4, and takes the first of a module's outputs
if not hasattr(torch.Tensor, "value"): torch.Tensor.value = property(lambda self: self)


def tiny_model(seed, bos):
    "A random model whose attention, which returns a tuple, is cached."
    tokenizer = byte_tokenizer(pad_token="<eos>", **({} if bos else dict(bos_token=None)))
    torch.manual_seed(seed)
    config = LlamaConfig(vocab_size=len(tokenizer), hidden_size=D, intermediate_size=16, num_hidden_layers=2,
                         num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=64)
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for weight in model.parameters(): weight.mul_(20 if weight.ndim > 1 else 1)
    return LanguageModel(model, tokenizer=tokenizer)


def collect(folder, seed, texts, bos, options):
    "Cache one model. Shards end with the batch that makes them longer than 10 rows."
    model, recent = tiny_model(seed, bos), dict(multiprocessing=False) if options else {}
    ActivationCache.collect([bos + text for text in texts], (model.model.layers[1].self_attn,), ("attn",), model,
                            str(folder), batch_size=2, context_len=16, shard_size=10, d_model=D, num_workers=0,
                            **options, **recent)


def returned(base, tuned, options):
    "What their classes return for all rows."
    if options: pair = PairedActivationCache(str(base), str(tuned), "attn_out")
    else: pair = PairedActivationCache(str(base / "attn_out"), str(tuned / "attn_out"))
    found = dict(x=torch.stack([pair[i] for i in range(len(pair))]))
    if not options: return found
    ranges = pair.sequence_ranges
    if ranges is not None: found["sequence_ranges"] = ranges if ranges.ndim == 1 else ranges[0]
    return found | dict(tokens=pair.tokens[0], mean=pair.mean, std=pair.std)


def make(case, version, texts, bos, options):
    folder = HERE / case
    shutil.rmtree(folder, ignore_errors=True)
    base, tuned = (folder / "activations" / name / "texts" for name in ("base", "tuned"))
    for seed, place, some in zip((0, 1), (base, tuned), texts): collect(place, seed, some, bos, options)
    (folder / "expected").mkdir()
    expected = returned(base, tuned, options)
    save_file({name: x.contiguous() for name, x in expected.items()}, folder / "expected/outputs.safetensors")
    caches = dict(base=base / "attn_out", tuned=tuned / "attn_out")
    with tempfile.TemporaryDirectory() as tmp:
        store = ActivationStore.from_caches(tmp, caches)
        assert torch.equal(store.rows(slice(None)), expected["x"].flatten(1).to(store.dtype))
    made = dict(library=FINETUNING if version == "b2363ed" else JKMINDER, version=version,
                how="ActivationCache.collect on two random Llama models of width 8; PairedActivationCache read it",
                written="a store writes its own format")
    (folder / "expected/made.json").write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    for name, (base, tuned, bos, options) in CASES[sys.argv[1]].items():
        make(name, sys.argv[1], (base, tuned), bos, options)
