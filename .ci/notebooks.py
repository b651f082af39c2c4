"""What the Makefile does with notebooks.

    notebooks.py run SRC [DST]   execute SRC, echo what it prints, keep the outputs in DST (SRC itself when not given)
    notebooks.py readme          write README.md from nbs/index.ipynb
    notebooks.py test            execute every notebook, prove library, README and notebooks in sync and clean
"""
import hashlib, json, os, re, shutil, subprocess, sys, tempfile, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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


def echoing_shell(path):
    "execnb's shell, which also shows what it captures; its matplotlib figures are small."
    from execnb.shell import CaptureShell
    from fastcore.basics import AttrDict
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    class EchoShell(CaptureShell):
        def _run(self, raw_cell, store_history=False, silent=False, shell_futures=True, cell_id=None, **_):
            quiet, out, err = raw_cell.rstrip().endswith(";"), sys.stdout, sys.stderr
            with capture_output() as c:
                sys.stdout, sys.stderr = Tee(sys.stdout, out), Tee(sys.stderr, err)
                result = InteractiveShell.run_cell(self, raw_cell, store_history, silent, shell_futures=shell_futures, cell_id=cell_id)
            for o in c.outputs:
                if "text/plain" in o.data and len(o.data) == 1: print(o.data["text/plain"], flush=True)
            return AttrDict(result=result, stdout=last_state(c.stdout), stderr=last_state(c.stderr), display_objects=c.outputs,
                            exception=result.error_in_exec or result.error_before_exec, quiet=quiet)

    return EchoShell(path, mpl_format="png")


def is_skipped(cell):
    return bool(re.search(r"^\s*#\s*\|\s*eval:\s*false", "".join(cell.source), re.M))


PROGRESS = re.compile(r"^.*(\d%\||\d\w*/s[\],]|\?\w*/s[\],]).*\n?", re.M)   # a line drawn by tqdm


def tidy(cell):
    "Leave what is worth reading without a kernel: no progress bars, of widgets and live figures what can be seen."
    for out in cell.get("outputs", []):
        data = out.get("data", {})
        if "image/png" in data: data.pop("text/html", None), data.pop("application/vnd.plotly.v1+json", None)
        data.pop("application/vnd.jupyter.widget-view+json", None)
        if out.get("name") == "stderr": out["text"] = PROGRESS.sub("", "".join(out["text"]))
    cell["outputs"] = [out for out in cell.get("outputs", []) if out.get("data") or "".join(out.get("text", "")).strip()]


def run(src, dst=None):
    "Execute a notebook as nbdev_test would, in this process, and keep its outputs."
    from execnb.nbio import read_nb, write_nb
    src, dst = Path(src).resolve(), Path(dst or src).resolve()
    os.environ.setdefault("PLOTLY_RENDERER", "plotly_mimetype")   # live in JupyterLab; without it plotly would look for a browser to open
    nb, shell = read_nb(src), echoing_shell(src)
    home = Path.cwd()
    os.chdir(src.parent)
    sys.path.insert(0, str(ROOT))
    try:
        for cell in nb.cells:
            if cell.cell_type != "code" or is_skipped(cell): continue
            cell.outputs = []
            shell.cell(cell)
            tidy(cell)
            if shell.exc: sys.exit(shell.prettytb(src))
    finally:
        os.chdir(home)
        dst.parent.mkdir(parents=True, exist_ok=True)
        write_nb(nb, dst)


# ---- readme --------------------------------------------------------------------------------------

def static_text(out):
    "The part of an output that a README can show."
    if out["output_type"] == "stream": return "".join(out["text"]) if out["name"] == "stdout" else ""
    return "".join(out.get("data", {}).get("text/plain", ""))


def readme_text():
    "index.ipynb as Markdown: prose as it stands, code fenced, printed output below it."
    parts = []
    for cell in json.loads((NBS / "index.ipynb").read_text())["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown": parts.append(re.sub(r"\]\((?!https?:|#)", "](nbs/", source))
        elif cell["cell_type"] == "code" and not re.search(r"^#\s*\|\s*hide", source, re.M):
            parts.append(f"```python\n{source}\n```")
            shown = "".join(map(static_text, cell["outputs"])).rstrip()
            if shown: parts.append(f"```\n{shown}\n```")
    return "\n\n".join(parts).rstrip() + "\n"


def readme(): README.write_text(readme_text())


# ---- test ----------------------------------------------------------------------------------------

def notebooks():
    return sorted(p for p in NBS.rglob("*.ipynb") if not any(part[0] in "._" for part in p.relative_to(NBS).parts))


def fingerprint(nb):
    "What a notebook's result depends on: the notebooks, the library, the pinned packages, this script."
    others = sorted(NBS.glob("*.ipynb")) if nb.parent.name == "checks" else []
    files = [nb, ROOT / "constraints.txt", Path(__file__), *others, *sorted(p for p in LIB.rglob("*") if p.suffix in (".py", ".js", ".css"))]
    return hashlib.sha256(b"".join(p.read_bytes() for p in files)).hexdigest()


def nbdev_test(nb, threads):
    "Run one notebook through nbdev_test in a process of its own: pass, FAIL or skip, and a note. A pass is remembered for its fingerprint."
    stamp = BIN.parent / "passed" / nb.relative_to(NBS).with_suffix(".sha")
    now = fingerprint(nb)
    if stamp.exists() and stamp.read_text() == now: return "pass", "unchanged since it passed"
    env = dict(os.environ, OMP_NUM_THREADS=str(threads), TQDM_DISABLE="1", WANDB_MODE="offline", HF_HUB_OFFLINE="1")
    begin = time.time()
    done = subprocess.run([BIN / "nbdev_test", "--path", nb], cwd=ROOT, env=env, capture_output=True, text=True)
    said = done.stdout + done.stderr
    if done.returncode or "Success." not in done.stdout: return "FAIL", said
    skipped = re.search(r"^SKIPPED: .*$", said, re.M)
    if skipped: return "skip", skipped[0]
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(now)
    return "pass", f"{time.time() - begin:.0f} s"


def clean_copy(into):
    "What git would commit, as the working tree has it, with the library and README made anew."
    files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, files.stdout.split("\0")):
        if not (ROOT / name).exists(): continue
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, into / name)
    for path in (into / "crosscoder_nb").rglob("*.py"): path.unlink()
    for command in ("nbdev_export", "nbdev_clean"):
        subprocess.run([BIN / command], cwd=into, check=True, capture_output=True)


def differing(a, b, pattern):
    "Files matching `pattern` that are not the same under both folders."
    names = {p.relative_to(x) for x in (a, b) for p in x.rglob(pattern) if "__pycache__" not in p.parts and ".ipynb_checkpoints" not in p.parts}
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


def run_notebooks(report):
    "Two at a time, then the checks, which want the machine to themselves."
    cores = os.cpu_count() or 1
    checks = [nb for nb in notebooks() if nb.parent.name == "checks"]
    others = [nb for nb in notebooks() if nb not in checks]
    with ThreadPoolExecutor(cores) as pool:
        for nb, result in zip(others, pool.map(lambda nb: nbdev_test(nb, 1), others)): report(nb.relative_to(ROOT), *result)
    for nb in checks: report(nb.relative_to(ROOT), *nbdev_test(nb, cores))


def test():
    results = []
    def report(name, result, note):
        results.append(result)
        print(f"{result}  {name}  {note}", flush=True)
    for name, wrong in sync_checks(): report(name, "FAIL" if wrong else "pass", ", ".join(wrong))
    run_notebooks(report)
    passed, failed, skipped = map(results.count, ("pass", "FAIL", "skip"))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(failed > 0)


if __name__ == "__main__":
    commands = dict(run=run, readme=readme, test=test)
    if len(sys.argv) < 2 or sys.argv[1] not in commands: sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])
