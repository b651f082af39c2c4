"""The rules of the house. Each guard reads the notebooks and returns what breaks its rule, nothing when all is well.

`BROKEN` holds for each guard a notebook that breaks its rule; `unproved` says which guards do not notice it.
"""
import ast, json, re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NBS = ROOT / "nbs"
COLUMNS = 120   # longest line of code
NEAR = 4        # a public name is shown within so many cells after the cell that exports it


# ---- notebooks as data ---------------------------------------------------------------------------

@dataclass
class Cell:
    kind: str     # code, markdown
    source: str

    def says(self, directive): return bool(re.search(rf"^#\s*\|\s*{directive}\b", self.source, re.M))
    @property
    def exports(self): return self.kind == "code" and self.says("exporti?")
    @property
    def visible(self): return self.kind == "code" and not self.exports and not self.says("hide")
    @property
    def tree(self): return ast.parse(re.sub(r"^(\s*)[%!].*$", r"\1pass", self.source, flags=re.M))


@dataclass
class Notebook:
    name: str     # its path below nbs/, without the suffix
    cells: list

    @classmethod
    def read(cls, path, root=NBS):
        cells = json.loads(path.read_text())["cells"]
        cells = [Cell(c["cell_type"], "".join(c["source"])) for c in cells]
        return cls(str(path.relative_to(root).with_suffix("")), cells)

    @property
    def floor(self): return self.name[:2] if self.name[:2].isdigit() and "/" not in self.name else None

    @property
    def module(self):
        found = [re.search(r"^#\|\s*default_exp\s+(\S+)", c.source, re.M) for c in self.cells if self.floor]
        return next((m[1] for m in found if m), None)

    def public(self):
        "(index of the cell, name) of what the module's __all__ holds."
        exporting = [(i, c) for i, c in enumerate(self.cells) if c.exports and not c.says("exporti")]
        return [(i, name) for i, c in exporting for name in defined(c.tree)]


def defined(tree):
    "Names that a cell adds to __all__: functions, classes and assigned names without a leading underscore."
    names = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not patches(node): names.append(node.name)
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            bound = [x for t in targets for x in ast.walk(t) if isinstance(x, ast.Name)]
            names += [x.id for x in bound if isinstance(x.ctx, ast.Store)]
    return [name for name in dict.fromkeys(names) if not name.startswith("_")]


def modules(notebooks):
    "Those that export a module of their own; `all` only gathers what others export."
    return [nb for nb in notebooks if nb.module and nb.module != "all"]


def registered(tree, name):
    "Whether a function is a row of the table of architectures, from which users take it."
    rows = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    return any(ast.unparse(d).startswith("architecture(") for node in rows for d in node.decorator_list)


def patches(node): return any(isinstance(d, ast.Name) and d.id.startswith("patch") for d in node.decorator_list)


def our_imports(tree):
    "(module, name) of everything imported from this package."
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("crosscoder_nb"):
            for name in node.names: yield node.module.removeprefix("crosscoder_nb").lstrip("."), name.name


# ---- guards --------------------------------------------------------------------------------------

def upward_imports(notebooks):
    "A module imports only modules of lower floors."
    floors = {nb.module: nb.floor for nb in notebooks if nb.module}
    return [f"{nb.name} imports {module}, which is on floor {floors.get(module, '?')}"
            for nb in notebooks if nb.module and nb.floor for c in nb.cells if c.exports
            for module in dict.fromkeys(m for m, _ in our_imports(c.tree)) if not floors.get(module, "?") < nb.floor]


def public_twice(notebooks):
    "A public name belongs to one module, and is defined there in one cell."
    owners = {}
    for nb in modules(notebooks):
        for _, name in nb.public(): owners.setdefault(name, []).append(nb.name)
        inner = [name for c in nb.cells if c.says("exporti") for name in defined(c.tree)]
        for name in {name for _, name in nb.public()} & set(inner): owners[name].append(nb.name)
    return [f"{name} is defined in {' and '.join(sorted(where))}" for name, where in owners.items() if len(where) > 1]


def not_shown(notebooks):
    "A public name is used, by name, in a visible cell soon after the cell that exports it."
    def shown(nb, i, name):
        return any(c.visible and re.search(rf"\b{name}\b", c.source) for c in nb.cells[i + 1:i + 1 + NEAR])
    return [f"{nb.name}: {name} is not shown in the {NEAR} cells after its definition"
            for nb in modules(notebooks) for i, name in nb.public() if not shown(nb, i, name)]


def needlessly_public(notebooks):
    "What no other notebook uses is exported with #| exporti, which leaves it out of __all__."
    used = {}
    for nb in notebooks:
        for c in nb.cells:
            for name in set(re.findall(r"[A-Za-z_]\w*", c.source)): used.setdefault(name, set()).add(nb.name)
    return [f"{nb.name}: {name} is public and used nowhere else" for nb in modules(notebooks)
            for i, name in nb.public() if used[name] == {nb.name} and not registered(nb.cells[i].tree, name)]


def long_lines(notebooks):
    "No line of code is longer than COLUMNS."
    return [f"{nb.name}, cell {i}: {len(line)} columns: {line.strip()[:60]}"
            for nb in notebooks for i, c in enumerate(nb.cells) if c.kind == "code"
            for line in c.source.split("\n") if len(line) > COLUMNS]


def dead_links(notebooks):
    "A link to a notebook or a file of the repository leads somewhere."
    def target(nb, link): return (NBS / nb.name).parent / link.split("#")[0]
    return [f"{nb.name} links to {link}" for nb in notebooks for c in nb.cells if c.kind == "markdown"
            for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)\s]+)\)", c.source) if not target(nb, link).exists()]


def prints_errors(notebooks):
    "Errors are shown by `shows`, which also fails when none is raised."
    printing = re.compile(r"^\s*except [^:\n]+ as (\w+): print\(.*\b\1\b", re.M)
    return [f"{nb.name}, cell {i}: an error is caught and printed" for nb in notebooks for i, c in enumerate(nb.cells)
            if c.kind == "code" and not c.exports and printing.search(c.source)]


GUARDS = [upward_imports, public_twice, not_shown, needlessly_public, long_lines, dead_links, prints_errors]


# ---- each guard, shown failing -------------------------------------------------------------------

def made(name, *cells):
    "A notebook; a cell of code begins with a directive or with >>>."
    kinds = ["code" if c.startswith(("#|", ">>>")) else "markdown" for c in cells]
    return Notebook(name, [Cell(kind, c.removeprefix(">>>").strip()) for kind, c in zip(kinds, cells)])


def fine():
    "Two notebooks that keep all rules."
    return [made("01_low", "#| default_exp low", "#| export\ndef give(): return 1", ">>> give()"),
            made("02_high", "#| default_exp high", "#| export\nfrom crosscoder_nb.low import give",
                 "#| exporti\ndef inner(): return give()")]


def broken():
    "For each guard a notebook that breaks its rule, to stand with those of `fine`."
    def module(name, *cells): return made(f"03_{name}", f"#| default_exp {name}", *cells)
    return {upward_imports: made("01_up", "#| default_exp up", "#| exporti\nfrom crosscoder_nb.high import inner"),
            public_twice: module("twice", "#| export\ndef give(): return 2", ">>> give()"),
            not_shown: module("hidden", "#| export\ndef take(): return 2", "#| hide\ntake()"),
            needlessly_public: module("alone", "#| export\ndef lonely(): return 2", ">>> lonely()"),
            long_lines: made("03_long", ">>> x = 1" + " + 1" * 40),
            dead_links: made("03_links", "See [the other](99_nowhere.ipynb)."),
            prints_errors: made("03_tries", ">>> try: 1 / 0\nexcept ZeroDivisionError as e: print(e)")}


def unproved():
    "Guards that do not notice what they are for, or complain where all is well."
    wrong = [f"{guard.__name__} complains without reason" for guard in GUARDS if guard(fine())]
    return wrong + [f"{guard.__name__} notices nothing" for guard, nb in broken().items() if not guard([*fine(), nb])]
