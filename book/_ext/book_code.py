"""Code on a page shows what the page is about, and no line is cut off.

- A function that `literalinclude` shows keeps the first sentence of its docstring, because the page
  explains the rest; with `:whole-docstring:` all of it stays.
- Comments for tools (`noqa`, `fmt: skip`) are left out.
- In notebooks, code that serves the book and not the experiment is folded below the cell:
  imports, alt texts and captions, `figures.keep`, `claims.verdict`. In JupyterLab, and in the file
  that a page offers for download, the notebook is complete.
- Each line is an element with a hanging indent, so that it wraps where it is too long.
- A long line that a cell printed is a sentence or a story, and wraps as well; columns scroll.
"""

import ast
import re
from html import escape, unescape

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.directives.code import LiteralInclude

TOOL_COMMENT = re.compile(r"[ \t]*#[ \t]*(?:noqa|fmt:|type:|pragma:|ruff:)[^\n]*")
PYTHON = ("default", "python", "python3", "ipython", "ipython3")
KEPT, VERDICT = "figures.keep", "claims.verdict"
WORDS = ("alt", "caption", "head")  # names of what a figure or a table is told in words
KINDS = {  # of plumbing, in the order in which they are named, with their names
    "import": "imports",
    "words": "words for a figure",
    KEPT: "results kept for the chapter",
    VERDICT: "a verdict for the ledger",
}
OUTPUT = re.compile(r'<div class="output stream (highlight-[\w-]+)(.*?</pre>)', re.S)
WIDEST = 88  # columns of what is printed that need no wrapping on a wide page
HANG = 4  # columns by which the rest of a wrapped line stands in
MOST_HANG = 24
BLOCK = re.compile(
    r'(<div class="highlight-[\w-]+ notranslate"><div class="highlight"><pre>)'
    r"((?:<span></span>)?)(.*?)(</pre>)",
    re.S,
)


class folded_code(nodes.General, nodes.Element):
    """Folded code; `title` says what it is."""


class ShortLiteralInclude(LiteralInclude):
    """`literalinclude` with an option that keeps the whole docstring."""

    option_spec = LiteralInclude.option_spec | {"whole-docstring": directives.flag}

    def run(self):
        shown = super().run()
        for node in (one for top in shown for one in top.findall(nodes.literal_block)):
            if "whole-docstring" not in self.options:
                node["short"] = True
        return shown


def first_sentence(docstring):
    """The first sentence of a docstring, on one line."""
    paragraph = " ".join(docstring.strip().partition("\n\n")[0].split())
    found = re.match(r"(.*?[.!?])(?:\s|$)", paragraph)
    return found[1] if found else paragraph


def short_docstrings(code):
    """Python code whose docstrings have one sentence each; anything else as it is."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return code
    lines = code.split("\n")
    owners = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = [
        node.body[0]
        for node in ast.walk(tree)
        if isinstance(node, owners) and ast.get_docstring(node)
    ]
    for text in sorted(found, key=lambda one: -one.lineno):
        if text.end_lineno == text.lineno:
            continue
        first, end = text.lineno - 1, text.end_lineno
        prefix = re.match(r"\s*[rRuU]?", lines[first])[0]
        sentence = first_sentence(text.value.value).replace(
            "\\", "\\\\" if "r" not in prefix.lower() else "\\"
        )
        while end < len(lines) and not lines[end].strip():
            end += 1
        lines[first:end] = [f'{prefix}"""{sentence}"""']
    return "\n".join(lines)


def plumbing(statement):
    """The kind of plumbing that a statement of a notebook's cell is, or None."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return "import"
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        called = ast.unparse(statement.value.func)
        return called if called in (KEPT, VERDICT) else None
    if isinstance(statement, ast.Assign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        named = [target.id for target in targets if isinstance(target, ast.Name)]
        return "words" if len(named) == len(targets) and set(named) <= set(WORDS) else None
    return None


def divided(code):
    """A cell's code in two: (what is shown, what is folded, what the folded part holds).

    A comment right above a folded statement is folded with it.
    """
    try:
        statements = ast.parse(code).body
    except SyntaxError:
        return code, "", ""
    lines = code.split("\n")
    kinds = {}
    for statement in statements:
        if kind := plumbing(statement):
            start = statement.lineno - 1
            while start and lines[start - 1].lstrip().startswith("#"):
                start -= 1
            kinds |= dict.fromkeys(range(start, statement.end_lineno), kind)
    shown = [line for number, line in enumerate(lines) if number not in kinds]
    folded = "\n".join(lines[number] for number in sorted(kinds))
    shown = re.sub(r"\n{4,}", "\n\n\n", "\n".join(shown)).strip("\n")
    names = [name for kind, name in KINDS.items() if kind in kinds.values()]
    return shown, folded, ", ".join(names)


def mend_code(app, doctree):
    """Shorten and fold a page's code."""
    for block in list(doctree.findall(nodes.literal_block)):
        if block.get("language", "default") not in PYTHON:
            continue
        code = TOOL_COMMENT.sub("", block.astext())
        if block.attributes.pop("short", False):
            code = short_docstrings(code)
        _say(block, code)
        in_cell = "cell_input" in block.parent.get("classes", ())
        if in_cell and app.env.docname.startswith("notebooks/"):
            _fold(block)


def _say(block, code):
    if code != block.astext():
        block.rawsource = code
        block.children = []
        block += nodes.Text(code)


def _fold(block):
    shown, code, holds = divided(block.astext())
    if not code:
        return
    fold = folded_code(title=holds[0].upper() + holds[1:])
    inner = block.deepcopy()
    inner["ids"], inner["names"] = [], []
    _say(inner, code)
    fold += inner
    block.parent.insert(block.parent.index(block) + 1, fold)
    if shown:
        _say(block, shown)
    else:
        block.parent["classes"].append("only-folded")
        block.parent.remove(block)


def wrap_lines(html):
    """The HTML of highlighted code, with an element for each line."""
    lines = html.removesuffix("\n").split("\n")
    if any(line.count("<span") != line.count("</span") for line in lines):
        return html
    made = []
    for line in lines:
        text = re.sub(r"<[^>]*>", "", line)
        hang = min(len(text) - len(text.lstrip(" ")) + HANG, MOST_HANG)
        made.append(f'<span class="line" style="--hang:{hang}ch">{line}\n</span>')
    return "".join(made)


def wrap_output(found):
    """The HTML of what a cell printed, marked where it is sentences wider than the page."""
    lines = unescape(re.sub(r"<[^>]*>", "", found[2].partition("<pre>")[2])).split("\n")
    wide = [line.strip() for line in lines if len(line) > WIDEST]
    marked = " wraps" if wide and not any("  " in line for line in wide) else ""
    return f'<div class="output stream{marked} {found[1]}{found[2]}'


def wrap_code(app, pagename, templatename, context, doctree):
    """Give every line of code on a page its element. Columns that are printed stay as they were."""
    if body := context.get("body"):
        body = OUTPUT.sub(wrap_output, body)
        context["body"] = BLOCK.sub(lambda m: m[1] + m[2] + wrap_lines(m[3]) + m[4], body)


def visit_fold(self, node):
    title = escape(node["title"])
    self.body.append(f'<details class="folded-code"><summary>{title}</summary>')


def depart_fold(self, node):
    self.body.append("</details>\n")


def setup(app):
    app.add_node(folded_code, html=(visit_fold, depart_fold))
    app.add_directive("literalinclude", ShortLiteralInclude, override=True)
    app.connect("doctree-read", mend_code)
    app.connect("html-page-context", wrap_code)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
