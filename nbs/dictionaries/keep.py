"""What the make.py of every library shares: keep what the library computed, and note how far we are from it.

A case is a folder `<library>/<case>` of files that the library's own code wrote. `keep` adds to it
expected/outputs.safetensors, what that code computed from x, and expected/made.json, how the files were made
and how well the library reads what this package writes.
"""
import json, tempfile, warnings
from pathlib import Path

from safetensors.torch import save_file

from crosscoder_nb.dictionaries import load_dictionary
from crosscoder_nb.interop import compare

HERE = Path(__file__).parent


def relative(ours, theirs): return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def keep(case, x, f, y, library, version, how, written, training=False, **load):
    """Keep the outputs of a case and compare ours with them. x [batch Σd], f [batch feature], y [batch Σd] are the
    library's. `written` is why nothing is written, or a function (cc, folder) that writes a crosscoder there and
    returns the f and y that the library computes from x with it. `training`: select within the batch.
    `load`: what load_dictionary must be told, such as kind= or sites=."""
    place = HERE / case
    (place / "expected").mkdir(exist_ok=True)
    x, f, y = (t.detach().flatten(1).contiguous().clone() for t in (x, f, y))
    save_file({"x": x, "f": f, "y": y}, place / "expected/outputs.safetensors")
    with warnings.catch_warnings(action="ignore"): cc = load_dictionary(place, **load).train(training)
    print(case, compare(cc, x, f, y))
    if callable(written):
        again_f, again_y = written(cc, Path(tempfile.mkdtemp()))
        written = dict(library=library, version=version, features=relative(again_f, cc.encode(x)),
                       reconstruction=relative(again_y.flatten(1), cc(x).y_hat))
        print(" " * len(case), written)
    made = dict(library=library, version=version, how=how, written=written)
    if load: made["load"] = load
    if training: made["training"] = True
    (place / "expected/made.json").write_text(json.dumps(made, indent=1) + "\n")
