"What the checks in a real browser share: a JupyterLab of their own, and a Chromium that opens its notebooks or a file."
import io, json, os, re, shutil, socket, subprocess, sys, time, urllib.request
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

PATIENCE = 180   # seconds until what should come is missing: a busy machine is slow, and nothing that comes waits longer
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


DEBUGGER = "Could not restore the debugger state"   # JupyterLab's own, of a kernel that ends while it begins


def what_is_missing() -> str:
    "What is needed and not there, for the line that says that nothing was checked."
    needed = dict(chromium=CHROMIUM, playwright=find_spec("playwright"), jupyterlab=find_spec("jupyterlab"))
    return ", ".join(name for name, there in needed.items() if not there)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def environment(work, **more):
    "Without proxies and test mode, with JupyterLab's folders below `work`."
    env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy") and k != "IN_TEST"}
    folders = dict(JUPYTER_CONFIG_DIR="config", JUPYTER_DATA_DIR="data", JUPYTER_RUNTIME_DIR="runtime",
                   IPYTHONDIR="ipython", JUPYTERLAB_SETTINGS_DIR="settings", JUPYTERLAB_WORKSPACES_DIR="workspaces")
    path = os.pathsep.join(p for p in sys.path if p)
    return env | {name: str(work / folder) for name, folder in folders.items()} | {"PYTHONPATH": path} | more


def write_notebook(path: Path, *sources: str) -> None:
    "A notebook of code cells, and JupyterLab's settings beside its folder."
    cells = [dict(cell_type="code", source=source, metadata={}, outputs=[], execution_count=None, id=f"cell{i}")
             for i, source in enumerate(sources)]
    kernel = dict(kernelspec=dict(name="python3", display_name="Python 3", language="python"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(cells=cells, metadata=kernel, nbformat=4, nbformat_minor=5)))
    settings = path.parent.parent / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')


def start_jupyterlab(work, **more):
    "Start JupyterLab on work/files and wait until it listens: the process and its address."
    port = free_port()
    options = [f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1", "--ServerApp.port_retries=0",
               "--IdentityProvider.token=t", f"--ServerApp.root_dir={work}/files", "--no-browser", "--allow-root",
               "--LabApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly",
               "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    server = subprocess.Popen([sys.executable, "-m", "jupyter", "lab", *options], env=environment(work, **more),
                              stdout=open(work / "lab.log", "w"), stderr=subprocess.STDOUT)
    for _ in range(2 * PATIENCE):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0: return server, f"http://127.0.0.1:{port}"
        time.sleep(0.5)
    server.terminate()
    raise TimeoutError((work / "lab.log").read_text()[-2000:])


def in_chromium(check, *args):
    "Run check(page, ...) in a headless Chromium; a request to elsewhere or an error on the page fails the check."
    from playwright.sync_api import sync_playwright
    def run():
        with sync_playwright() as p:
            chromium = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            page, wrong = chromium.new_page(viewport=dict(width=1280, height=900)), []
            page.set_default_timeout(1000 * PATIENCE)
            page.on("request", lambda r: re.match("file:|data:|blob:|(http|ws)://127.0.0.1:", r.url) or wrong.append(r.url))
            page.on("pageerror", lambda e: wrong.append(e.stack or str(e)))
            page.on("console", lambda m: m.type == "error" and DEBUGGER not in m.text
                    and wrong.append(f"{m.text} {m.location}"))
            def answer(dialog):   # a notebook with changes asks before it is left; nothing else may ask anything
                if dialog.type == "beforeunload": return dialog.accept()
                wrong.append(f"a dialog: {dialog.message}")
                dialog.dismiss()
            page.on("dialog", answer)
            try: found = check(page, *args)
            finally: chromium.close()
            assert not wrong, wrong
            return found
    with ThreadPoolExecutor(1) as pool: return pool.submit(run).result()   # a notebook's event loop has the main thread


def with_jupyterlab(check, work, **more):
    "check(page, address, files) in a JupyterLab that ends with it."
    server, address = start_jupyterlab(work, **more)
    try: return in_chromium(check, address, work / "files")
    finally:
        server.terminate()
        try: server.wait(15)
        except subprocess.TimeoutExpired: server.kill()


READY = """async () => { await jupyterapp.restored; const c = jupyterapp.shell.currentWidget.sessionContext;
                        await c.ready; await c.session.kernel.info; }"""


def command(page, name, **args):
    "Run a command of JupyterLab, as its menus do."
    page.evaluate("([name, args]) => { jupyterapp.commands.execute(name, args) }", [name, args])


def open_notebook(page, address, name="t.ipynb"):
    "Open a notebook and wait for its kernel."
    page.goto(f"{address}/lab/tree/{name}?token=t&reset")
    page.wait_for_function("() => window.jupyterapp?.shell.currentWidget?.sessionContext")
    page.evaluate(READY)
    page.evaluate("() => jupyterapp.shell.collapseLeft()")


def run_all(page, until, patience=PATIENCE):
    "Run all cells, and wait until an output has this text."
    command(page, "notebook:run-all-cells")
    page.locator(f'.jp-OutputArea-output:has-text("{until}")').first.wait_for(timeout=1000 * patience)


def run_cell(page, number, until, patience=300):
    "Run one cell, and wait until an output has this text."
    page.evaluate("number => { jupyterapp.shell.currentWidget.content.activeCellIndex = number; }", number)
    command(page, "notebook:run-cell")
    page.locator(f'.jp-OutputArea-output:has-text("{until}")').first.wait_for(timeout=1000 * patience)


def errors(page):
    "The errors among the outputs of the notebook that is open."
    return page.evaluate("""() => jupyterapp.shell.currentWidget.content.widgets.flatMap(cell =>
        (cell.model.outputs?.toJSON() ?? []).filter(o => o.output_type === "error").map(o => `${o.ename}: ${o.evalue}`))""")


def set_source(page, number, source):
    "Write into a cell."
    page.evaluate("([number, source]) => { jupyterapp.shell.currentWidget.content.widgets[number].model.sharedModel"
                  ".setSource(source) }", [number, source])


def end_kernels(address):
    "End all kernels of a JupyterLab."
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for session in json.load(direct.open(f"{address}/api/sessions?token=t")):
        direct.open(urllib.request.Request(f"{address}/api/sessions/{session['id']}?token=t", method="DELETE"))


def save(page):
    "Save the notebook that is open, and wait until it is on disk; JupyterLab may have saved an earlier state by itself."
    page.evaluate("async () => { await jupyterapp.shell.currentWidget.context.save(); }")


def reopen(page, address, path):
    "Save the notebook that is open, end its kernel, and open it again, trusted as by its owner."
    save(page)
    page.goto("about:blank")
    end_kernels(address)
    open_notebook(page, address, path.name)


def set_theme(page, dark):
    command(page, "apputils:change-theme", theme=f"JupyterLab {'Dark' if dark else 'Light'}")
    page.wait_for_function(f"() => document.body.dataset.jpThemeLight === '{str(not dark).lower()}'")


def photo(page, name=None, height=900):
    "A small picture of the page or an element, in 128 colours; with a name also as a file, unless this is a test."
    import PIL.Image
    from IPython.display import Image
    small = io.BytesIO()
    whole = PIL.Image.open(io.BytesIO(page.screenshot()))
    whole = whole.crop((0, 0, whole.width, min(whole.height, height)))
    whole.quantize(128, dither=PIL.Image.Dither.NONE).save(small, "PNG", optimize=True)
    if name and "IN_TEST" not in os.environ: (Path("../images") / name).write_bytes(small.getvalue())
    return Image(small.getvalue(), width=900)
