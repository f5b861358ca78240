"""Explorables: interactive figures, on a static page and in JupyterLab.

Each explorable has a folder with one front-end module (`NAME.mjs`, in the form that anywidget
defines), its style sheet, and two Python modules: `widget.py` shows it on a student's own model in
JupyterLab, and `still.py` draws the picture for readers without scripts. `shared/` holds the parts
that several of them use, and `export.py` makes the data for the book's pages. Read `trucks/` first:
it is the smallest.

The front-end modules import each other, so that people can read them one by one. But a kernel sends
JupyterLab a single text, and a page opened from disk may not import at all, so `bundle` joins a
module and all its imports into one, with no other tool.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

MARK = "grooves-module:"  # stands for an imported module until it has an address

# from "./x.mjs" (of an import or an export), import "./x.mjs", import("./x.mjs")
_IMPORT = re.compile(
    r"""(?P<before>\b(?:from|import)\s*\(?\s*)(?P<quote>["'])(?P<path>\.\.?/.+?)(?P=quote)"""
)

# @import "./frame.css"; on a line of its own
_SHARED_STYLE = re.compile(r'^@import "(?P<path>\.\.?/[^"]+)";$', re.MULTILINE)

_LOADER = """\
// Every module becomes a Blob with an address, those it imports before it.
const address = {};
for (const [name, source] of %s) {
  const linked = source.replace(/%s([\\w.-]+)/g, (_, imported) => address[imported]);
  const parts = [linked, `\\n//# sourceURL=grooves/${name}`];
  address[name] = URL.createObjectURL(new Blob(parts, { type: "text/javascript" }));
}
export default (await import(address[%s])).default;
"""


def module_graph(entry: Path | str) -> list[tuple[str, str]]:
    """A front-end module and all that it imports, each after those it needs.

    entry: path of the module. In the sources, `MARK` and a name stand for each relative import.
    Returns: pairs (name, source), the entry last.
    Raises: FileNotFoundError for a missing module; ValueError where modules import each other in
    a circle, or two have the same name.
    """
    finished: dict[Path, str] = {}

    def visit(path: Path, above: tuple[Path, ...]) -> None:
        if path in above:
            circle = " → ".join(p.name for p in (*above, path))
            raise ValueError(f"modules import each other in a circle: {circle}")
        if path in finished:
            return

        def link(match: re.Match) -> str:
            imported = (path.parent / match["path"]).resolve()
            visit(imported, (*above, path))
            return f"{match['before']}{match['quote']}{MARK}{imported.name}{match['quote']}"

        source = _IMPORT.sub(link, path.read_text(encoding="utf-8"))
        if any(other.name == path.name for other in finished):
            raise ValueError(f"two modules are called {path.name}: give one another name")
        finished[path] = source

    visit(Path(entry).resolve(), ())
    return [(path.name, source) for path, source in finished.items()]


def bundle(entry: Path | str) -> str:
    """One text that works as the module `entry` with all its imports, as `AnyWidget._esm` wants.

    Raises: as `module_graph`.
    """
    graph = module_graph(entry)
    return _LOADER % (json.dumps(graph), MARK, json.dumps(graph[-1][0]))


def stylesheet(path: Path | str) -> str:
    """A style sheet with its `@import` lines replaced by the style sheets that they name.

    Raises: FileNotFoundError for a missing file.
    """
    path = Path(path)
    return _SHARED_STYLE.sub(
        lambda match: stylesheet(path.parent / match["path"]), path.read_text(encoding="utf-8")
    )
