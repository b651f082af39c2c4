"""What the Makefile does with notebooks.

    notebooks.py run SRC [DST]   execute SRC, echo what it prints, keep the outputs in DST (SRC itself when not given)
    notebooks.py readme          write README.md from nbs/index.ipynb
    notebooks.py new NAME        begin a notebook, such as 33_layers
    notebooks.py test [NAME]     execute every notebook (or one, such as 14_losses) and compare outputs with those kept;
                                 without a name also check library, README and notebooks for sync, and the guards
    notebooks.py one PATH        what test does with a single notebook, through nbdev_test, in this process
"""
import functools, gc, hashlib, importlib, json, os, platform, re, shutil, signal, subprocess, sys, tempfile, time
from pathlib import Path

import guards

ROOT = Path(__file__).resolve().parent.parent
NBS, LIB, README = ROOT / "nbs", ROOT / "crosscoder_nb", ROOT / "README.md"
BIN = Path(sys.executable).parent


# ---- run -----------------------------------------------------------------------------------------

class Tee:
    "A stream that keeps what is written and shows it at once."

    def __init__(self, kept, shown): self.kept, self.shown = kept, shown
    def write(self, s): self.shown.write(s); return self.kept.write(s)
    def flush(self): self.shown.flush()
    def __getattr__(self, name): return getattr(self.kept, name)


def last_state(text):
    "What a terminal shows in the end: of a line redrawn with carriage returns, the last drawing."
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))


PROGRESS = re.compile(r"^.*(\d%\||[\d?]\w*/s[\],]|\ds/\w+[\],]).*\n?", re.M)   # a line drawn by tqdm
# What differs from run to run and says nothing.
MASKS = {rf"{re.escape(str(ROOT))}(?=[/\s\"':])": "crosscoder_nb",
         rf"{re.escape(tempfile.gettempdir())}/[\w.-]+": "/tmp/…",
         r"\b0x[0-9a-f]{6,}": "0x…",
         r"\b20\d\d-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?": "<date>",
         r"\bprocess \d+": "process …",
         r"checksum [0-9a-f]{8}, not [0-9a-f]{8}": "checksum …, not …",
         r"(?m)^Computing in float32: .*\n?": "",   # said on machines without fast bfloat16
         r"(?m)^the texts of \d+ features take about .*\n?": ""}   # said where that takes long


def masked(text):
    for pattern, mask in MASKS.items(): text = re.sub(pattern, mask, text)
    return text


def tidy(cell):
    "Leave what is worth reading without a kernel: no progress bars, paths or dates; of live figures the picture."
    for out in cell.get("outputs", []):
        data = out.get("data", {})
        if "image/png" in data: data.pop("text/html", None), data.pop("application/vnd.plotly.v1+json", None)
        data.pop("application/vnd.jupyter.widget-view+json", None)
        if out.get("name") == "stderr": out["text"] = PROGRESS.sub("", "".join(out["text"]))
        if "text" in out: out["text"] = masked("".join(out["text"])).splitlines(True)
        for kind in {"text/plain", "text/html", "text/markdown"} & set(data):
            data[kind] = masked("".join(data[kind])).splitlines(True)
    def says(out): return out.get("data") or "".join(out.get("text", "")).strip()
    cell["outputs"] = [out for out in cell.get("outputs", []) if says(out)]


def make_shell(path, echo=False):
    "execnb's shell with tidy outputs and small figures of matplotlib; with `echo` it also shows what it captures."
    from execnb.shell import CaptureShell
    from fastcore.basics import AttrDict
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    class NotebookShell(CaptureShell):
        def _run(self, raw_cell, store_history=False, silent=False, shell_futures=True, cell_id=None, **_):
            quiet, out, err = raw_cell.rstrip().endswith(";"), sys.stdout, sys.stderr
            with capture_output() as c:
                if echo: sys.stdout, sys.stderr = Tee(sys.stdout, out), Tee(sys.stderr, err)
                result = InteractiveShell.run_cell(self, raw_cell, store_history, silent, shell_futures, cell_id)
            for o in c.outputs if echo else ():
                if "text/plain" in o.data and len(o.data) == 1: print(o.data["text/plain"], flush=True)
            return AttrDict(result=result, stdout=last_state(c.stdout), stderr=last_state(c.stderr), quiet=quiet,
                            display_objects=c.outputs, exception=result.error_in_exec or result.error_before_exec)

        def cell(self, cell, **options):
            if cell.cell_type != "code": return
            cell.outputs = []
            super().cell(cell, **options)
            tidy(cell)

    return NotebookShell(path, mpl_format="png")


def is_skipped(cell):
    return bool(re.search(r"^\s*#\s*\|\s*eval:\s*false", "".join(cell.source), re.M))


def run(src, dst=None):
    "Execute a notebook as nbdev_test would, in this process, and keep its outputs."
    if not Path(src).exists(): [src] = chosen(src)
    from execnb.nbio import read_nb, write_nb
    src, dst = Path(src).resolve(), Path(dst or src).resolve()
    os.environ.setdefault("PLOTLY_RENDERER", "plotly_mimetype")   # without it plotly would look for a browser to open
    if "IN_TEST" not in src.read_text(): os.environ["OMP_NUM_THREADS"] = "1"   # as in tests: sums round alike
    nb, shell = read_nb(src), make_shell(src, echo=True)
    home = Path.cwd()
    os.chdir(src.parent)
    sys.path.insert(0, str(ROOT))
    try:
        for cell in nb.cells:
            if cell.cell_type != "code" or is_skipped(cell): continue
            shell.cell(cell)
            if shell.exc: sys.exit(shell.prettytb(src))
    finally:
        os.chdir(home)
        dst.parent.mkdir(parents=True, exist_ok=True)
        write_nb(nb, dst)


# ---- are the outputs those that are kept? -----------------------------------------------------------

NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+(?:,\d{3})*(?:\.\d*)?(?:e[-+]?\d+)?|nan|inf)(?!\w)")
CLOSE, TINY = .02, .002   # numbers with a fraction may differ by so much, relative to the larger one or at all


def text_of(outputs):
    "What a cell prints and returns as text; pictures and live figures say nothing here."
    texts = []
    for out in outputs:
        data = out.get("data", {})
        if out.get("name") == "stdout": texts.append("".join(out["text"]))
        elif "text/markdown" in data: texts.append("".join(data["text/markdown"]))
        elif set(data) <= {"text/plain", "text/html"}: texts.append("".join(data.get("text/plain", "")))
    return "\n".join(texts)


def same_number(a, b):
    if a == b: return True
    if not {".", "e"} & set(a + b) or "n" in a + b: return False   # whole numbers, nan and inf are exact
    a, b = float(a.replace(",", "")), float(b.replace(",", ""))
    return abs(a - b) <= max(TINY, CLOSE * max(abs(a), abs(b)))


DURATION = re.compile(r"(# h )?# (µs|ms|s|min)\b")   # which unit also varies with the machine

def differs(kept, now, varies=False):
    "What is not the same in two texts: words exactly, numbers about, or not at all where they vary with the machine."
    words = [re.sub(r"[-\s]+", " ", NUMBER.sub("#", text)).strip() for text in (kept, now)]
    if varies: words = [DURATION.sub("# s", text) for text in words]
    if words[0] != words[1]: return f"kept:\n{kept}\nnow:\n{now}"
    pairs = zip(NUMBER.findall(kept), NUMBER.findall(now))
    if varies or not (wrong := [f"{a} was kept, {b} came" for a, b in pairs if not same_number(a, b)]): return ""
    return "; ".join(wrong[:5]) + f"\nin:\n{now}"


def unproved():
    "Texts that `differs` should tell apart and does not, or the other way about."
    alike = [("a 1.00 b", "a  1.01 b"), ("1e-7", "3.2e-08"), ("nan", "nan"), ("tensor([1.])", "tensor([1.0001])")]
    unlike = [("3 features", "4 features"), ("0.50", "0.55"), ("an error", "another"), ("", "1"), ("1,024", "1,025"),
              ("0.1", "nan"), ("72, 4", "67, 4")]
    wrong = [f"{pair} are taken for different" for pair in alike if differs(*pair)]
    wrong += [f"{pair} are taken for the same" for pair in unlike if not differs(*pair)]
    vary = [("3.1 s", "5.2 s"), ("about 59 s: one", "about 1 h 5 min: one"), ("batch 0: 980 µs", "batch 0: 1.2 ms")]
    return wrong + [f"{pair} are compared, although they vary" for pair in vary if differs(*pair, varies=True)]


KEPT_WITH = "3.11.7"   # Python that made the kept outputs; its standard library is a text that many notebooks read
STALE = "Outputs differ from those that are kept. If the new ones are right: make outputs NB=..."

def one(path):
    """Run a notebook through nbdev_test and compare its outputs with those kept.
    One that shrinks in tests is only run, and so is every notebook on another Python than the one of the outputs."""
    import nbdev.test
    path = Path(path).resolve()
    text = path.read_text()
    comparable = "IN_TEST" not in text and platform.python_version() == KEPT_WITH
    kept = {c["id"]: c for c in json.loads(text)["cells"] if c["cell_type"] == "code"} if comparable else {}
    stale = []

    def compare(cell):
        if not (old := kept.get(cell.get("id"))): return
        source = "".join(old["source"])
        varies = re.search(r"^#\|\s*varies", source, re.M)
        what = differs(masked(text_of(old["outputs"])), text_of(cell.get("outputs", [])), varies)
        if what: stale.append(f"cell {cell['id']}, {source.splitlines()[0][:80]}\n{what}")

    def comparing_shell(fn):
        shell = make_shell(fn)
        run_all = shell.run_all
        shell.run_all = lambda nb, **options: run_all(nb, **options, postproc=compare)
        return shell

    nbdev.test.CaptureShell = comparing_shell
    nbdev.test.nbdev_test(path=str(path))
    if stale: sys.exit("\n\n".join([STALE, *stale]))


# ---- readme --------------------------------------------------------------------------------------

def from_root(markdown): return re.sub(r"\]\((?!https?:|#)", "](nbs/", markdown).replace("](nbs/../", "](")


def shown(out):
    "An output as Markdown: a table as it is, other text as a block."
    data = out.get("data", {})
    if "text/markdown" in data: return from_root("".join(data["text/markdown"]))
    text = "".join(out["text"] if out.get("name") == "stdout" else data.get("text/plain", "")).rstrip()
    return f"```\n{text}\n```" if text else ""


def readme_text():
    "index.ipynb as Markdown: prose unchanged, code as a block unless its input is hidden, output below it."
    parts = []
    for cell in json.loads((NBS / "index.ipynb").read_text())["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown": parts.append(from_root(source))
        elif not re.search(r"^#\s*\|\s*hide\s*$", source, re.M):
            if not re.search(r"^#\s*\|\s*hide_input", source, re.M): parts.append(f"```python\n{source}\n```")
            parts += filter(None, map(shown, cell["outputs"]))
    return "\n\n".join(parts).rstrip() + "\n"


def readme(): README.write_text(readme_text())


# ---- new -----------------------------------------------------------------------------------------

SKELETON = '''
%% code
#| default_exp {module}
%% markdown
# {title}

> One plain line: what this notebook teaches

What it is for, in two or three sentences, with the equation and the paper.
%% code
#| export
import torch
from torch import Tensor
%% code
#| hide
from fastcore.test import expect_fail, test_eq
from torch.testing import assert_close
from crosscoder_nb.organisms import planted_activations, shows
%% markdown
## By hand

The naive way first, in a few lines, and what is wrong with it.
%% code
planted = planted_activations({{"A": 8, "B": 8}}, n_tokens=64)
planted.x.shape
%% markdown
A sentence of need, then the function that meets it:
%% code
#| export
def mean_norm(
    x: Tensor,   # activations, [row d]
) -> float:      # mean length of a row
    "Replace this by your first function."
    return float(x.norm(dim=1).mean())
%% code
round(mean_norm(planted.x), 2)
%% code
#| hide
test_eq(mean_norm(torch.ones(3, 4)), 2.0)
'''


def made_cell(number, kind, text):
    cell = dict(cell_type=kind, id=f"new{number:05}", metadata={}, source=text.strip().splitlines(True))
    return cell | (dict(outputs=[], execution_count=None) if kind == "code" else {})


def new(name=""):
    "Begin a notebook in the form that all have."
    path = NBS / f"{name.removesuffix('.ipynb')}.ipynb"
    module = path.stem[3:]
    if not re.fullmatch(r"\d\d_[a-z][a-z0-9_]*", path.stem):
        sys.exit(f"A notebook is called by its floor and a noun, such as 33_layers; got {name}.")
    if taken := [p.name for p in NBS.glob("*.ipynb") if p.stem[3:] == module]: sys.exit(f"There is {taken[0]} already.")
    text = SKELETON.format(module=module, title=module.replace("_", " ").capitalize())
    cells = [made_cell(i, *part) for i, part in enumerate(re.findall(r"^%% (\w+)\n(.*?)(?=^%%|\Z)", text, re.M | re.S))]
    nb = json.loads((NBS / "index.ipynb").read_text()) | dict(cells=cells)   # with its kernel and format
    path.write_text(json.dumps(nb, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    print(f"Made {path.relative_to(ROOT)}. Write it, then: make export; make outputs NB={path.stem}; "
          f"make test NB={path.stem}. README's table takes it with: make outputs NB=index; make readme.")


# ---- test ----------------------------------------------------------------------------------------

def notebooks():
    return sorted(p for p in NBS.rglob("*.ipynb") if not any(part[0] in "._" for part in p.relative_to(NBS).parts))


def fingerprint(nb):
    "What a notebook's result depends on: the notebooks, the library, the pinned packages, this script."
    others = sorted(NBS.glob("*.ipynb")) if nb.parent.name == "checks" else []
    library = sorted(p for p in LIB.rglob("*") if p.suffix in (".py", ".js", ".css"))
    files = [nb, ROOT / "constraints.txt", Path(__file__), *others, *library]
    return hashlib.sha256(b"".join(p.read_bytes() for p in files)).hexdigest()


def stamp(nb): return BIN.parent / "passed" / nb.relative_to(NBS).with_suffix(".sha")


def verdict(nb, now, failed, said, seconds):
    "Of a notebook that has run: pass, FAIL or skip, and a note. A pass is remembered."
    if failed == signal.SIGALRM: said += f"It was ended after {MOST_MINUTES} minutes."
    if failed or not re.search(r"^Success\.$", said, re.M): return "FAIL", said.replace("Success.\n", "", 1)
    if skipped := re.search(r"^SKIPPED: .*$", said, re.M): return "skip", skipped[0]
    stamp(nb).parent.mkdir(parents=True, exist_ok=True)
    stamp(nb).write_text(now)
    return "pass", f"{seconds:.0f} s"


def clean_copy(into):
    "What git would commit, as the working tree has it, with the library and README made anew."
    listed = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    files = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, files.split("\0")):
        if not (ROOT / name).exists(): continue
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, into / name)
    for path in (into / "crosscoder_nb").rglob("*.py"): path.unlink()
    for command in ("nbdev_export", "nbdev_clean"):
        subprocess.run([nbdev(command)], cwd=into, check=True, capture_output=True)


def nbdev(command):
    "A command of nbdev 2, or the same of nbdev 3, which is written with hyphens."
    return next(path for path in (BIN / command, BIN / command.replace("_", "-")) if path.exists())


def differing(a, b, pattern):
    "Files matching `pattern` that are not the same under both folders."
    ignored = {"__pycache__", ".ipynb_checkpoints"}
    names = {p.relative_to(x) for x in (a, b) for p in x.rglob(pattern) if not ignored & set(p.parts)}
    def read(p): return p.read_bytes() if p.exists() else None
    return sorted(str(n) for n in names if read(a / n) != read(b / n))


def sync_checks():
    "Each check is (name, what is wrong with it: empty when nothing is)."
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        clean_copy(tmp)
        yield "library is what the notebooks export (nbdev_export)", differing(LIB, tmp / "crosscoder_nb", "*.py")
        yield "notebooks are clean (nbdev_clean)", differing(NBS, tmp / "nbs", "*.ipynb")
    stale = README.read_text() != readme_text() if README.exists() else True
    yield "README.md is nbs/index.ipynb (make readme)", ["README.md"] if stale else []


CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
HEAVY = ("crosscoder_nb.all", "execnb.shell", "matplotlib.pyplot", "nbdev.test", "peft", "torch._dynamo")


@functools.cache
def import_heavy():
    """Import what nearly every notebook imports, 6 s of work, so that they can be forks of this process.
    Nothing is computed here and no thread of Python begun, so a fork loses nothing."""
    sys.path.insert(0, str(ROOT))
    for name in HEAVY: importlib.import_module(name)
    gc.freeze()


def can_fork(nb):
    "Triton's interpreter must be chosen before Triton is imported; only Linux lets a process with libraries fork."
    return sys.platform == "linux" and "run_in_numpy()" not in nb.read_text()


MOST_MINUTES = 20   # of a notebook, which then is taken to hang


def start(nb, log, fork):
    "Run a notebook in a process of its own, a fork of this one or a new one, that writes to a file; its id."
    if fork: import_heavy()
    if pid := os.fork(): return pid
    signal.alarm(60 * MOST_MINUTES)
    signal.signal(signal.SIGINT, signal.default_int_handler)   # which a shell in the background ignores
    for stream in 1, 2: os.dup2(log.fileno(), stream)
    if fork: sys.exit(one(nb))
    os.execv(sys.executable, [sys.executable, __file__, "one", str(nb)])


def run_notebooks(waiting, report, at_once=1, fork=False):
    "Run notebooks, some at a time, and report each as it ends. One that passed and did not change passes at once."
    running = {}
    while waiting or running:
        while waiting and len(running) < at_once:
            nb = waiting.pop(0)
            now, log = fingerprint(nb), tempfile.TemporaryFile("w+")
            if stamp(nb).exists() and stamp(nb).read_text() == now:
                report(nb.relative_to(ROOT), "pass", "unchanged since it passed")
            else: running[start(nb, log, fork and can_fork(nb))] = nb, now, log, time.time()
        if not running: break
        pid, status = os.wait()
        nb, now, log, began = running.pop(pid)
        log.seek(0)
        report(nb.relative_to(ROOT), *verdict(nb, now, status, log.read(), time.time() - began))


def longest_first():
    "All notebooks; how long one takes is guessed by where it is and how much is in it."
    return sorted(notebooks(), key=lambda nb: (nb.parent.name != "checks", -nb.stat().st_size))


def house_checks():
    "The guards, on all notebooks and on notebooks made to fail them; each is (name, what is wrong)."
    scripts = [*Path(__file__).parent.glob("*.py"), ROOT / "setup.py"]
    scripts = [guards.Notebook(p.name, [guards.Cell("code", p.read_text())]) for p in scripts]
    guide = guards.Notebook("../CONTRIBUTING", [guards.Cell("markdown", (ROOT / "CONTRIBUTING.md").read_text())])
    house = [*map(guards.Notebook.read, notebooks()), *scripts, guide]
    yield "every guard fails where it should", guards.unproved() + unproved()
    for guard in guards.GUARDS: yield guard.__doc__.rstrip("."), guard(house)


def chosen(name):
    "The notebooks called so: 14_losses, losses, tutorials/01_diff_two_models, nbs/14_losses.ipynb."
    wanted = name.removeprefix("nbs/").removesuffix(".ipynb")
    found = [nb for nb in notebooks() if wanted in (nb.stem, nb.stem[3:], str(nb.relative_to(NBS).with_suffix("")))]
    if not found: sys.exit(f"There is no notebook {name}; there are {', '.join(nb.stem for nb in notebooks())}.")
    return found


def test(name=None):
    os.environ.update(OMP_NUM_THREADS="1", TQDM_DISABLE="1", WANDB_MODE="offline", HF_HUB_OFFLINE="1")
    results = []
    def report(name, result, note):
        results.append(result)
        print(f"{result}  {name}  {note}", flush=True)
    if name:
        run_notebooks(chosen(name), report)
    else:
        for what, wrong in [*sync_checks(), *house_checks()]:
            report(what, "FAIL" if wrong else "pass", "".join(f"\n      {problem}" for problem in wrong))
        run_notebooks(longest_first(), report, CORES, fork=True)
    passed, failed, skipped = map(results.count, ("pass", "FAIL", "skip"))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(failed > 0)


if __name__ == "__main__":
    commands = dict(run=run, readme=readme, new=new, test=test, one=one)
    if len(sys.argv) < 2 or sys.argv[1] not in commands: sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])
