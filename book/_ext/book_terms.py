"""Links each term of the glossary to its entry, where it first occurs on a page.

Terms are taken from the glossary and need no markup, except words that also have an everyday
meaning, which are linked only where a page says {term}`key`. Headings, code, formulas and existing
links are left unchanged.
"""

import re
from functools import cache

from book_ledger import ledger_table
from docutils import nodes
from sphinx import addnodes

GLOSSARY = "book/glossary"
# Words that a page often uses in their everyday sense.
EVERYDAY = {
    *("block", "channel", "context", "frozen", "gap", "generation", "head", "interference", "key"),
    *("launch", "moments", "peak", "position", "precision", "query", "rank", "replay", "step"),
    *("template", "training", "value", "view", "weight", "lineage", "seed", "prompt"),
    *("hazard", "lane", "stream"),
}
LEFT_ALONE = (
    nodes.title,
    nodes.rubric,
    nodes.reference,
    nodes.target,
    nodes.literal,
    nodes.literal_block,
    nodes.doctest_block,
    nodes.math,
    nodes.math_block,
    nodes.raw,
    nodes.term,
    nodes.citation,
    addnodes.pending_xref,
    addnodes.glossary,
    ledger_table,  # claims are quoted
)
LEFT_ALONE_CLASSES = {"cell", "objectives"}  # objectives name terms before the text explains them
CASED = re.compile(r"[A-Z]")  # a term with a capital letter is matched as it is written


@cache
def terms_of(text: str) -> tuple[str, ...]:
    """The terms that a glossary in Markdown defines, in order."""
    inside = re.search(r"^```\{glossary\}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return tuple(re.findall(r"^(\S.*)$", inside[1], re.MULTILINE)) if inside else ()


@cache
def pattern(terms: tuple[str, ...]) -> re.Pattern | None:
    """A pattern that matches any of the terms, longer ones first, in singular or plural."""
    ways = []
    for number, term in sorted(enumerate(terms), key=lambda entry: -len(entry[1])):
        if term.lower() in EVERYDAY:
            continue
        words = r"[-\s]".join(re.escape(word) for word in re.split(r"[-\s]", term))
        ways.append(f"(?P<t{number}>{words if CASED.search(term) else f'(?i:{words})'}(?:e?s)?)")
    return re.compile(rf"(?<![\w-])(?:{'|'.join(ways)})(?![\w-])") if ways else None


def link_terms(app, doctree):
    """Link the terms of one page."""
    page = app.env.docname
    glossary = app.env.srcdir / f"{GLOSSARY}.md"
    if page == GLOSSARY or not glossary.is_file():
        return
    app.env.note_dependency(str(glossary))
    terms = terms_of(glossary.read_text("utf-8"))
    find = pattern(terms)
    if find is None:
        return
    linked = set()
    for node in list(doctree.findall()):
        if isinstance(node, addnodes.pending_xref) and node.get("reftype") == "term":
            linked.add(node["reftarget"].lower())
        elif isinstance(node, nodes.Text) and not _left_alone(node):
            _link(node, find, terms, linked, page)


def _left_alone(text):
    node = text.parent
    while node is not None:
        classes = LEFT_ALONE_CLASSES.intersection(node.get("classes", ()))
        if isinstance(node, LEFT_ALONE) or classes:
            return True
        node = node.parent
    return False


def _link(text, find, terms, linked, page):
    """Put links into a piece of text, for the terms in it that are not linked yet."""
    parts, end = [], 0
    for found in find.finditer(text.astext()):
        term = terms[int(found.lastgroup[1:])]
        if term.lower() in linked:
            continue
        linked.add(term.lower())
        parts += [nodes.Text(text.astext()[end : found.start()]), _reference(found[0], term, page)]
        end = found.end()
    if parts:
        text.parent.replace(text, [*parts, nodes.Text(text.astext()[end:])])


def _reference(shown, term, page):
    return addnodes.pending_xref(
        "",
        nodes.inline(shown, shown, classes=["xref", "std", "std-term"]),
        refdomain="std",
        reftype="term",
        reftarget=term,
        refdoc=page,
        refexplicit=True,
        refwarn=True,
    )


def setup(app):
    app.connect("doctree-read", link_terms)
    app.add_css_file("terms_and_captions.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
