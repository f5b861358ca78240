"""How a notebook is stored: the rules, and the tool that brings a notebook into that form.

Key idea: a rule is a function from a notebook (the parsed JSON) to complaints, so that each rule
can be shown a planted fault. `test_hygiene.py` runs the rules over every stored notebook;
`make format` and the pre-commit hook call `strip`:

    python tests/hygiene.py --strip notebooks/00_start.ipynb

Cells tagged `keep_output` and `nbval-check-output` keep what they printed, since nbval compares
it. They store execution count 1: without a count nbval refuses them, and with the real one every
author's run would change the file.
"""

import argparse
import ast
import copy
import json
import re
import sys
import warnings
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

KEPT = {"keep_output", "nbval-check-output"}
KEPT_LINES = 40  # more than this is no verdict, it is a log

NOTEBOOK_METADATA = {"kernelspec", "language_info", "nbformat", "authors", "title", "grooves"}
CELL_METADATA = {"tags", "nbgrader", "mystnb", "editable", "deletable", "jupyter", "slideshow"}
LANGUAGE_INFO = {"name"}  # the rest is the Python of whoever ran it last

KNOWN_MAGICS = {"matplotlib", "time", "timeit", "capture"}
# Written in pieces, so that this file does not hold what it looks for.
MACHINE_PATHS = re.compile(
    r"(?<![\w.])/(?:ho" + r"me|Us" + r"ers|ro" + r"ot|tm" + r"p|wo" + r"rk|mnt|opt)/[\w.]"
    r"|[A-Za-z]:\\\\?Us" + r"ers|fi" + r"le:///"
)


def cells_of(notebook, kind=None):
    """(name, cell) of each cell, or of each of one kind ("code", "markdown")."""
    for position, cell in enumerate(notebook["cells"], start=1):
        if kind in (None, cell["cell_type"]):
            yield f"cell {position} ({cell.get('id', 'no id')})", cell


def source_of(cell):
    return "".join(cell["source"])


def tags_of(cell):
    return set(cell["metadata"].get("tags", []))


def is_kept(cell):
    return tags_of(cell) >= KEPT


def python_of(cell):
    """The cell as plain Python, magics turned into calls; None where it does not parse."""
    source = TransformerManager().transform_cell(source_of(cell))
    try:
        return ast.parse(source)
    except SyntaxError:
        return None


# The rules. Each yields one sentence for each fault.


def valid(notebook):
    """The file is a notebook of format 4.5 or later, each cell with an id of its own."""
    try:
        with warnings.catch_warnings(action="ignore"):  # ids are looked at below
            nbformat.validate(copy.deepcopy(notebook))
    except nbformat.ValidationError as error:
        yield f"not a valid notebook: {str(error).splitlines()[0]}"
    if (notebook["nbformat"], notebook["nbformat_minor"]) < (4, 5):
        yield "older than format 4.5, so its cells have no ids"
    seen = set()
    for name, cell in cells_of(notebook):
        if "id" not in cell:
            yield f"{name}: has no id"
        elif cell["id"] in seen:
            yield f"{name}: another cell has the same id"
        seen.add(cell.get("id"))


def stored_outputs(notebook):
    """Nothing is stored but short text in cells tagged for it, which nbval then compares."""
    for name, cell in cells_of(notebook, "code"):
        tags = tags_of(cell) & KEPT
        if tags and tags != KEPT:
            yield f"{name}: tagged {tags.pop()} without {(KEPT - tags_of(cell)).pop()}"
        if not is_kept(cell):
            if cell["outputs"]:
                yield f"{name}: has a stored output but is not tagged keep_output"
            continue
        if not cell["outputs"]:
            yield f"{name}: is tagged keep_output but has no stored output"
        text = ""
        for output in cell["outputs"]:
            kinds = set(output.get("data", {}))
            if output["output_type"] == "error" or kinds - {"text/plain"}:
                yield f"{name}: keeps something other than plain text"
            text += "".join(output.get("text", output.get("data", {}).get("text/plain", "")))
        if text.count("\n") >= KEPT_LINES:
            yield f"{name}: keeps {text.count(chr(10)) + 1} lines"
        if re.search(r"\b0x[0-9a-f]{6,}", text):
            yield f"{name}: keeps a memory address, which changes with every run"


def execution_counts(notebook):
    """No count is stored, except the 1 that nbval needs to compare a kept output."""
    for name, cell in cells_of(notebook, "code"):
        expected = 1 if is_kept(cell) else None
        counts = [cell["execution_count"]]
        counts += [o["execution_count"] for o in cell["outputs"] if "execution_count" in o]
        for count in counts:
            if count != expected:
                yield f"{name}: stores execution count {count}, expected {expected}"
                break


def per_run_metadata(notebook):
    """No metadata that a run or an editor leaves behind."""
    metadata = notebook["metadata"]
    for key in sorted(set(metadata) - NOTEBOOK_METADATA):
        yield f"notebook: metadata {key!r} is not ours"
    for key in sorted(set(metadata.get("language_info", {})) - LANGUAGE_INFO):
        yield f"notebook: language_info {key!r} changes with the Python that ran it"
    if metadata.get("kernelspec", {}).get("name") != "python3":
        yield "notebook: its kernel is not called python3"
    for name, cell in cells_of(notebook):
        for key in sorted(set(cell["metadata"]) - CELL_METADATA):
            yield f"{name}: metadata {key!r} is not ours"
        for output in cell.get("outputs", []):
            if output.get("metadata"):
                yield f"{name}: an output stores metadata"


def absolute_paths(notebook):
    """No path of anybody's machine, in a source or an output."""
    for name, cell in cells_of(notebook):
        found = MACHINE_PATHS.search(source_of(cell) + json.dumps(cell.get("outputs", [])))
        if found:
            yield f"{name}: names a path of one machine, {found[0]!r}"


def magics(notebook):
    """Only magics that every kernel knows: nbval passes a cell that starts with another one."""
    call = re.compile(r"get_ipython\(\)\.(run_line_magic|run_cell_magic|system|getoutput)\('(\w*)")
    for name, cell in cells_of(notebook, "code"):
        for kind, word in call.findall(TransformerManager().transform_cell(source_of(cell))):
            if kind in ("system", "getoutput"):
                yield f"{name}: runs a shell command (!{word})"
            elif word not in KNOWN_MAGICS:
                yield f"{name}: magic %{word} is not one of {', '.join(sorted(KNOWN_MAGICS))}"


def tricks(notebook):
    """No sys.path, globals() or change of folder: a notebook works because `grooves` installs."""
    for name, cell in cells_of(notebook, "code"):
        tree = python_of(cell)
        if tree is None:
            yield f"{name}: is not Python"
            continue
        for node in ast.walk(tree):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.path":
                yield f"{name}: uses sys.path"
            if called in ("globals", "os.chdir", "exec", "eval"):
                yield f"{name}: calls {called}()"
        if "raises-exception" in tags_of(cell):
            yield f"{name}: tagged raises-exception, which nbval passes even if nothing is raised"


def shows_something(notebook):
    """At least one assert about a computed value, or one exercise check."""
    for _, cell in cells_of(notebook, "code"):
        for node in ast.walk(python_of(cell) or ast.Module([], [])):
            if isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant):
                return
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("check."):
                return
    yield "notebook: asserts nothing, so running it proves nothing"


def opening(notebook):
    """The first cell is text: a title, and how many minutes it takes."""
    first = notebook["cells"][0] if notebook["cells"] else {"cell_type": "none", "source": ""}
    if first["cell_type"] != "markdown" or not opens_with_title(source_of(first)):
        yield "notebook: the first cell is no title"
    elif "minutes" not in source_of(first):
        yield "notebook: the first cell does not say how many minutes it takes"


def opens_with_title(text):
    """Whether a title stands first; a comment before it (how the file is made) is not shown."""
    return re.sub(r"^<!--.*?-->\s*", "", text, flags=re.DOTALL).startswith("# ")


RULES = [
    valid,
    stored_outputs,
    execution_counts,
    per_run_metadata,
    absolute_paths,
    magics,
    tricks,
    shows_something,
    opening,
]


def complaints(notebook):
    """Every complaint of every rule, as sentences."""
    return [f"{rule.__name__}: {fault}" for rule in RULES for fault in rule(notebook)]


# The tool.


def strip(notebook):
    """The notebook as it is stored: no traces of a run, except the outputs that nbval compares."""
    clean = copy.deepcopy(notebook)
    clean["metadata"] = {k: v for k, v in clean["metadata"].items() if k in NOTEBOOK_METADATA}
    clean["metadata"]["kernelspec"] = {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    }
    clean["metadata"]["language_info"] = {"name": "python"}
    for _, cell in cells_of(clean):
        cell["metadata"] = {k: v for k, v in cell["metadata"].items() if k in CELL_METADATA}
        if cell["cell_type"] != "code":
            continue
        kept = is_kept(cell)
        cell["execution_count"] = 1 if kept else None
        cell["outputs"] = cell["outputs"] if kept else []
        for output in cell["outputs"]:
            if "metadata" in output:
                output["metadata"] = {}
            if "execution_count" in output:
                output["execution_count"] = 1
    return clean


def as_text(notebook):
    """The notebook as the file's text, in the form that Jupyter itself writes."""
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main():
    parser = argparse.ArgumentParser(description="Check notebooks, or bring them into form.")
    parser.add_argument("--strip", action="store_true", help="remove outputs and traces of runs")
    parser.add_argument("notebooks", nargs="*", type=Path)
    options = parser.parse_args()
    faults = 0
    for path in options.notebooks:
        before = path.read_text(encoding="utf-8")
        notebook = json.loads(before)
        if options.strip:
            notebook = strip(notebook)
            if notebook != json.loads(before):
                path.write_text(as_text(notebook), encoding="utf-8")
                print(f"{path}: stripped")
        for complaint in complaints(notebook):
            faults += 1
            print(f"{path}: {complaint}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
