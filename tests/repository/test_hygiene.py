"""The repository keeps its own rules: notebooks, modules, imports, pins, and what README promises.

The notebook rules live in `hygiene.py`. Each is first shown a notebook with the fault it is there
to find, then every stored notebook. The other rules are functions over text, and are shown planted
faults in the same way.
"""

import ast
import copy
import importlib
import json
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import hygiene
import pytest

ROOT = Path(__file__).resolve().parents[2]
TRACKED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
).stdout.split("\n")
FILES = sorted(path for path in map(Path, filter(None, TRACKED)) if (ROOT / path).is_file())
NOTEBOOKS = [path for path in FILES if path.suffix == ".ipynb"]
MODULES = [path for path in FILES if path.parts[0] == "grooves" and path.suffix == ".py"]


def text_of(path):
    return (ROOT / path).read_text(encoding="utf-8")


# --- notebooks --------------------------------------------------------------------------------


def code(source, **more):
    cell = {"cell_type": "code", "id": f"c{abs(hash(source))}", "source": source, "metadata": {}}
    return {**cell, "outputs": [], "execution_count": None, **more}


def printed(text):
    return {"output_type": "stream", "name": "stdout", "text": text}


KEPT = {"tags": ["keep_output", "nbval-check-output"]}
GOOD = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {
        "kernelspec": {
            "display_name": "Python 3 (ipykernel)",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    },
    "cells": [
        {
            "cell_type": "markdown",
            "id": "title",
            "source": "# What is the sum?\n\nTwo minutes.",
            "metadata": {},
        },
        code("total = 1 + 1\nassert total == 2"),
        code(
            "print(total)",
            id="kept",
            metadata=KEPT,
            outputs=[printed("2\n")],
            execution_count=1,
        ),
    ],
}


def with_cell(cell):
    """The good notebook with one more cell."""
    notebook = copy.deepcopy(GOOD)
    notebook["cells"].append(cell)
    return notebook


def with_metadata(**metadata):
    notebook = copy.deepcopy(GOOD)
    notebook["metadata"].update(metadata)
    return notebook


def without_cells(*positions):
    notebook = copy.deepcopy(GOOD)
    notebook["cells"] = [c for i, c in enumerate(notebook["cells"]) if i not in positions]
    return notebook


RESULT = {
    "output_type": "execute_result",
    "execution_count": 7,
    "metadata": {},
    "data": {"text/plain": "7"},
}
PICTURE = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "aGk="}}
PLANTED = {
    "output without tags": (
        "stored_outputs",
        with_cell(code("print(1)", outputs=[printed("1\n")])),
    ),
    "one tag of the two": (
        "stored_outputs",
        with_cell(code("print(1)", metadata={"tags": ["keep_output"]})),
    ),
    "kept cell without output": (
        "stored_outputs",
        with_cell(code("print(1)", metadata=KEPT, execution_count=1)),
    ),
    "kept picture": (
        "stored_outputs",
        with_cell(code("plot()", metadata=KEPT, execution_count=1, outputs=[PICTURE])),
    ),
    "kept log": (
        "stored_outputs",
        with_cell(
            code("log()", metadata=KEPT, execution_count=1, outputs=[printed("line\n" * 99)])
        ),
    ),
    "kept memory address": (
        "stored_outputs",
        with_cell(
            code(
                "f",
                metadata=KEPT,
                execution_count=1,
                outputs=[printed("<function f at 0x7f12ab34cd56>")],
            )
        ),
    ),
    "execution count": ("execution_counts", with_cell(code("1 + 1", execution_count=4))),
    "kept cell without count": (
        "execution_counts",
        with_cell(code("print(1)", metadata=KEPT, outputs=[printed("1\n")])),
    ),
    "count in an output": (
        "execution_counts",
        with_cell(code("7", metadata=KEPT, execution_count=1, outputs=[RESULT])),
    ),
    "run times": (
        "per_run_metadata",
        with_cell(code("1", metadata={"execution": {"iopub.status.busy": "2026-01-01"}})),
    ),
    "widget state": ("per_run_metadata", with_metadata(widgets={"state": {}})),
    "Python's version": (
        "per_run_metadata",
        with_metadata(language_info={"name": "python", "version": "3.11.7"}),
    ),
    "another kernel": ("per_run_metadata", with_metadata(kernelspec={"name": "my-env"})),
    "path of a person": ("absolute_paths", with_cell(code("open('/ho" + "me/ada/data.csv')"))),
    "path on Windows": ("absolute_paths", with_cell(code(r"open('C:\\Us" + r"ers\\ada\\d.csv')"))),
    "path in an output": (
        "absolute_paths",
        with_cell(
            code(
                "where()", metadata=KEPT, execution_count=1, outputs=[printed("/ro" + "ot/grooves")]
            )
        ),
    ),
    "unknown magic": ("magics", with_cell(code("%%sparkle\nraise SystemExit"))),
    "unknown magic, assigned": ("magics", with_cell(code("rows = %sql select"))),
    "shell": ("magics", with_cell(code("!pip install torch"))),
    "shell, assigned": ("magics", with_cell(code("files = !ls"))),
    "pip by magic": ("magics", with_cell(code("%pip install torch"))),
    "path of modules": ("tricks", with_cell(code("import sys\nsys.path.append('..')"))),
    "names by string": ("tricks", with_cell(code("f = globals().get('attention')"))),
    "another folder": ("tricks", with_cell(code("import os\nos.chdir('..')"))),
    "not Python": ("tricks", with_cell(code("def f(:"))),
    "error that nbval lets pass": (
        "tricks",
        with_cell(code("1 / 0", metadata={"tags": ["raises-exception"]})),
    ),
    "no assert": ("shows_something", without_cells(1)),
    "an assert about nothing": (
        "shows_something",
        {**without_cells(1), "cells": [GOOD["cells"][0], code("assert True")]},
    ),
    "no title": ("opening", without_cells(0)),
    "no minutes": (
        "opening",
        {**GOOD, "cells": [{**GOOD["cells"][0], "source": "# Sum"}, *GOOD["cells"][1:]]},
    ),
    "no id": ("valid", with_cell({k: v for k, v in code("1").items() if k != "id"})),
    "id twice": ("valid", with_cell(code("1", id="kept"))),
    "old format": ("valid", {**GOOD, "nbformat_minor": 4}),
    "broken": ("valid", with_cell({k: v for k, v in code("1").items() if k != "outputs"})),
}


def test_a_clean_notebook_gets_no_complaint():
    assert hygiene.complaints(GOOD) == []


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found_by_its_rule(fault):
    rule, notebook = PLANTED[fault]
    assert list(getattr(hygiene, rule)(notebook))


def test_every_notebook_rule_has_a_planted_fault():
    assert {rule for rule, _ in PLANTED.values()} == {rule.__name__ for rule in hygiene.RULES}


@pytest.mark.parametrize("source", ["x = 7 % 2", "%matplotlib inline", "%%time\n1 + 1", "'!pip'"])
def test_what_only_looks_like_a_shell_or_magic_line_is_let_pass(source):
    assert list(hygiene.magics(with_cell(code(source)))) == []


def test_stripping_removes_every_trace_of_a_run_and_keeps_what_nbval_compares():
    used = with_metadata(widgets={"state": {}}, language_info={"name": "python", "version": "3.9"})
    used["cells"].append(code("print(1)", outputs=[printed("1\n")], execution_count=9))
    used["cells"].append(code("7", metadata=KEPT, outputs=[RESULT], execution_count=7))
    used["cells"].append(code("2", metadata={"execution": {}, "collapsed": True}))
    clean = hygiene.strip(used)
    assert hygiene.complaints(clean) == []
    assert clean["cells"][2]["outputs"] == [printed("2\n")]
    assert clean["cells"][3]["outputs"] == []
    assert clean["cells"][4]["outputs"][0]["data"] == {"text/plain": "7"}
    assert hygiene.strip(clean) == clean


def test_the_strip_command_rewrites_a_used_notebook_and_fails_on_what_it_cannot_mend(tmp_path):
    path = tmp_path / "used.ipynb"
    used = with_cell(code("print(1)", id="new", outputs=[printed("1\n")], execution_count=9))
    path.write_text(json.dumps(used))
    command = [sys.executable, str(ROOT / "tests/hygiene.py"), "--strip", str(path)]
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert json.loads(path.read_text()) == hygiene.strip(used)
    path.write_text(json.dumps(with_cell(code("!ls", id="new"))))
    told = subprocess.run(command, capture_output=True, text=True)
    assert told.returncode == 1
    assert "cell 4 (new)" in told.stdout


def test_there_are_notebooks_to_check():
    folders = {path.parent.as_posix() for path in NOTEBOOKS}
    assert folders >= {"notebooks", "labs", "labs/solutions"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=str)
def test_stored_notebook_is_clean(path):
    assert hygiene.complaints(json.loads(text_of(path))) == []


# --- modules ----------------------------------------------------------------------------------

# The rooms of the package, and what each may import besides itself. Data and the package's own few
# names (`device`, `cache_dir`) are open to all.
BELOW_INFERENCE = ["language", "models", "training"]
BELOW_PLOTS = [
    *BELOW_INFERENCE, "fine_tuning", "images", "voice", "inference", "precision", "hardware",
]  # fmt: skip
ROOMS = {
    "assets": [],
    "language": [],
    "models": BELOW_INFERENCE[:1],
    "training": BELOW_INFERENCE[:2],
    "fine_tuning": [*BELOW_INFERENCE, "inference"],  # learning from feedback draws from the model
    "images": BELOW_INFERENCE,
    "voice": BELOW_INFERENCE,
    "inference": BELOW_INFERENCE,
    "precision": BELOW_PLOTS[:-2],
    "hardware": BELOW_PLOTS[:-1],
    "plots": BELOW_PLOTS,
    "explorables": [*BELOW_PLOTS, "plots"],
    "checks": [*BELOW_PLOTS, "plots"],
    "grading": ["checks"],
    "jupyterlab": [],
    "cli": [],
    "__main__": ["cli"],
    "__init__": [],
}
OPEN_TO_ALL = {"assets", "device", "cache_dir", "__version__"}
MOST_ENTRIES = 18
NO_IDEA = re.compile(r"util|helper|manager|process|misc|common")
LONGEST_MODULE = 300


def imported_rooms(source):
    """The rooms of `grooves` that a module imports from: {"language", "checks", ...}."""
    rooms = set()
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = ["grooves.relative"]  # refused below: a reader should see where a name is from
        rooms |= {name.split(".")[1] for name in names if name.startswith("grooves.")}
    return rooms


def wrong_arrows(room, source):
    """Sentences about imports that do not run downwards, for a module of `grooves/<room>`."""
    if room not in ROOMS:
        yield f"{room} is no room of the package: see CONTRIBUTING.md"
        return
    for other in sorted(imported_rooms(source) - OPEN_TO_ALL - {room}):
        if other == "relative":
            yield f"{room} imports relatively"
        elif other not in ROOMS[room]:
            yield f"{room} imports grooves.{other}, which is not below it"


def module_faults(path, source):
    """Sentences about one module's size, name and opening."""
    lines = source.count("\n")
    if lines > LONGEST_MODULE:
        yield f"{path}: {lines} lines, at most {LONGEST_MODULE} are allowed"
    if NO_IDEA.search(Path(path).stem):
        yield f"{path}: a name that says no idea"
    if Path(path).suffix == ".py" and not ast.get_docstring(ast.parse(source)):
        yield f"{path}: does not open with what it teaches"


def room_of(path):
    """The room of `grooves` that a file belongs to."""
    return path.parts[1] if len(path.parts) > 2 else path.stem


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_run_downwards(path):
    assert list(wrong_arrows(room_of(path), text_of(path))) == []


@pytest.mark.parametrize(
    "path",
    [p for p in FILES if p.parts[0] == "grooves" and p.suffix in (".py", ".mjs")],
    ids=str,
)
def test_module_is_short_named_by_an_idea_and_opens_with_it(path):
    assert list(module_faults(path, text_of(path))) == []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("models", "from grooves.checks import check"),
        ("models", "import grooves.training.loop"),
        ("training", "def f():\n    from grooves.plots import claims"),
        ("voice", "from grooves.inference.generate import sample_stories"),
        ("precision", "from grooves.hardware import devices"),
        ("checks", "from grooves.explorables.attention.widget import Attention"),
        ("explorables", "from grooves import checks"),
        ("language", "from .grammar import Grammar"),
        ("attic", "import math"),
    ],
)
def test_a_planted_wrong_import_is_found(room, source):
    assert len(list(wrong_arrows(room, source))) == 1


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("inference", "from grooves.inference.kv_cache import KVCache\nimport torch"),
        ("checks", "from grooves.models.transformer import Transformer"),
        ("grading", "from grooves.checks import progress\nfrom grooves import device"),
        ("language", "from grooves import assets, cache_dir"),
    ],
)
def test_a_right_import_is_let_pass(room, source):
    assert list(wrong_arrows(room, source)) == []


def test_the_package_shows_its_rooms_and_little_else():
    entries = {path.parts[1] for path in FILES if path.parts[0] == "grooves"}
    assert len(entries) <= MOST_ENTRIES, sorted(entries)
    assert {Path(entry).stem for entry in entries} <= set(ROOMS)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("grooves/attention_utils.py", '"""Teaches."""\n'),
        ("grooves/data_manager.py", '"""Teaches."""\n'),
        ("grooves/long.py", '"""Teaches."""\n' + "x = 1\n" * 300),
        ("grooves/silent.py", "x = 1\n"),
    ],
)
def test_a_planted_fault_in_a_module_is_found(path, source):
    assert len(list(module_faults(path, source))) == 1


# --- the repository ---------------------------------------------------------------------------

# In pieces, so that this file does not name them. These serve packages; a page that explains one
# (the documentation, a project's own site) may be linked.
PACKAGE_HOSTS = re.compile(
    "|".join(
        re.escape(".".join(parts))
        for parts in [
            ("py" + "pi", "org"),
            ("pythonho" + "sted", "org"),
            ("download", "pyto" + "rch", "org"),
            ("registry", "np" + "mjs", "org"),
            ("de" + "b", "debian", "org"),
            ("proxy", "gola" + "ng", "org"),
            ("conda", "anacon" + "da", "org"),
        ]
    )
)
# The folders above the home folder of a machine that others have too, and that of a hub's images.
NOT_OURS = {"/ho" + "me/ada", "/ho" + "me/jovyan", "/tm" + "p/"}
TEXT = {
    "", ".bib", ".cff", ".cfg", ".css", ".ipynb", ".js", ".json", ".md", ".mjs", ".py",
    ".svg", ".toml", ".txt", ".yaml", ".yml",
}  # fmt: skip


def names_a_place(source):
    """Sentences about a path of one machine, or a package host, that a text names."""
    for found in PACKAGE_HOSTS.finditer(source):
        yield f"names the package host {found[0]}"
    for found in hygiene.MACHINE_PATHS.finditer(source):
        if not source.startswith(tuple(NOT_OURS), found.start()):
            yield f"names a path of one machine, {source[found.start() : found.start() + 30]!r}"


@pytest.mark.parametrize("path", [p for p in FILES if p.suffix in TEXT], ids=str)
def test_file_names_no_machine_and_no_package_host(path):
    assert list(names_a_place(text_of(path))) == []


@pytest.mark.parametrize(
    "source",
    [
        "pip install --index-url https://download.pyto" + "rch.org/whl/cpu torch",
        "ROOT = '/wo" + "rk/main'",
        "see /ro" + "ot/.cache",
        "fi" + "le:///srv/book",
    ],
)
def test_a_planted_place_is_found(source):
    assert len(list(names_a_place(source))) == 1


def test_code_and_text_have_their_licences():
    assert text_of("LICENSE").startswith("MIT License\n")
    assert "Attribution 4.0 International" in text_of("LICENSE-TEXT")
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    assert set(project["license-files"]) == {"LICENSE", "LICENSE-TEXT"}
    assert "LICENSE-TEXT" in text_of("README.md")


PIN = re.compile(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.!]+)")


def pins_of(requirements):
    """{name: version} of a requirements file's text. Raises: AssertionError on a loose line."""
    pins = {}
    for line in requirements.splitlines():
        line = line.split("#")[0].strip()
        if not line or line.startswith(("-r ", "-c ", "-e ")):
            continue
        pin = PIN.fullmatch(line)
        assert pin, f"not pinned exactly: {line!r}"
        name = re.sub(r"[-_.]+", "-", pin[1]).lower()
        assert name not in pins, f"pinned twice: {name}"
        pins[name] = pin[2]
    return pins


@pytest.mark.parametrize("line", ["torch", "torch>=2", "torch==2.*", "torch~=2.1", "torch @ git"])
def test_a_loose_requirement_is_found(line):
    with pytest.raises(AssertionError, match="not pinned exactly"):
        pins_of(line)


def test_every_requirement_is_pinned_exactly_and_once():
    course = pins_of(text_of("requirements.txt"))
    authors = pins_of(text_of("requirements-dev.txt"))
    rest = pins_of(text_of("constraints.txt"))
    assert not course.keys() & authors.keys()
    assert not (course.keys() | authors.keys()) & rest.keys()
    assert "-c constraints.txt" in text_of("requirements.txt")
    assert "-e ." in text_of("requirements.txt")
    assert "-r requirements.txt" in text_of("requirements-dev.txt")


# What a declared package brings along, or has under another name.
BROUGHT_BY = {
    "IPython": "ipywidgets",
    "jupyter_client": "nbclient",
    "jupyter_server": "jupyterlab",
    "prometheus_client": "prometheus-client",
    "sklearn": "scikit-learn",
    "threadpoolctl": "scikit-learn",
    "tornado": "jupyterlab",
    "traitlets": "ipywidgets",
    "zmq": "nbclient",
}


def imported_packages(source):
    """The packages that a module imports from elsewhere: {"torch", "numpy", ...}."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
    return names - sys.stdlib_module_names - {"grooves"}


def test_what_the_package_imports_is_required():
    course = pins_of(text_of("requirements.txt"))
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    required = [*project["dependencies"], *project["optional-dependencies"]["lab"]]
    declared = {re.match(r"[A-Za-z0-9._-]+", line)[0]: line for line in required}
    for name, requirement in declared.items():
        assert name in course
        # A host that brings its own torch keeps it only if the package asks for no exact version.
        assert "==" not in requirement
    imported = set().union(*(imported_packages(text_of(path)) for path in MODULES))
    assert {BROUGHT_BY.get(name, name) for name in imported} - declared.keys() == set()


@pytest.mark.parametrize("path", sorted(ROOT.glob("benchmarks/*.py")), ids=lambda path: path.stem)
def test_a_benchmark_finds_what_it_imports(path):
    # Benchmarks take minutes and do not run here; a function that moved would go unnoticed.
    missing = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "grooves":
            module = importlib.import_module(node.module)
            modules = {part.name for part in pkgutil.iter_modules(getattr(module, "__path__", []))}
            missing += [
                f"{node.module}.{alias.name}"
                for alias in node.names
                if not hasattr(module, alias.name) and alias.name not in modules
            ]
    assert missing == []


def targets_of(makefile):
    """(targets that are explained, targets that are no files)."""
    explained = set(re.findall(r"^([a-z]+):.*  ## \S", makefile, re.MULTILINE))
    phony = re.search(r"^\.PHONY:((?:.*\\\n)*.*)", makefile, re.MULTILINE)[1]
    return explained, set(phony.replace("\\", "").split())


def test_make_alone_lists_every_target():
    explained, phony = targets_of(text_of("Makefile"))
    assert phony - explained == {"help", "chromium", "checkout"}
    assert explained - phony == set()
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  make ([a-z]+) ", listed, re.MULTILINE)) == explained
    assert explained >= {"lab", "test", "book", "serve", "bench"}


def test_ci_runs_the_test_command_that_readme_names():
    assert re.search(r"^exec make test ", text_of(".ci/run"), re.MULTILINE)
    assert "make test" in text_of("README.md")


def unmapped(readme, files):
    """Folders of the repository, and rooms of the package, that README does not name."""
    named = set(re.findall(r"`([^`\s]+)`", readme))
    for path in files:
        folders = [f"{folder.as_posix()}/" for folder in path.parents if folder.parts]
        wanted = folders[-1:]  # the top folder of each file
        if path.parts[0] == "grooves" and len(path.parts) > 2:
            wanted = [f"{path.parts[1]}/", *wanted]
        yield from (name for name in wanted if name not in named)


def test_readme_maps_every_folder_and_every_room():
    assert sorted(set(unmapped(text_of("README.md"), FILES))) == []


def test_a_folder_or_room_that_readme_forgets_is_found():
    readme = "`grooves/`: the package. `language/`: the language."
    files = [
        Path("grooves/language/stories.py"),
        Path("grooves/training/loop.py"),
        Path("labs/01.ipynb"),
    ]
    assert list(unmapped(readme, files)) == ["training/", "labs/"]


LARGEST = 1_000_000  # bytes: trained weights stay below it, and nothing else comes near


def test_no_file_is_too_big_to_be_read_or_fetched():
    sizes = {str(path): (ROOT / path).stat().st_size for path in FILES}
    assert {path: size for path, size in sizes.items() if size > LARGEST} == {}
