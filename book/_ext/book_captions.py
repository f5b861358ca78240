"""Figures and tables of a chapter are numbered: Figure 2.3, Table 2.1.

Most figures and tables are outputs of a notebook's cell, HTML with its own caption, so Sphinx,
which numbers only its own figures, does not see them. Here each caption on a chapter's page gets
the chapter's number and its place on the page; explorables count as figures. Notebooks, which show
the same results, have no such numbers.
"""

import re
from collections import Counter

from book_numbering import number_of

CAPTION = re.compile(
    r"(?:<figcaption\b[^>]*>|<p class=\"explorable-caption\">|<caption\b[^>]*>)"
    r"(?!\s*(?:<p>)?\s*<span class=\"caption-number\">)"
)
SPHINX_FIGURE = '<span class="caption-number">Fig. '


def numbered(body: str, chapter: int) -> str:
    """The page's HTML with a number in front of each caption."""
    counts = Counter(Figure=body.count(SPHINX_FIGURE))  # ours come after those that have a number

    def with_number(tag):
        kind = "Table" if tag[0].startswith("<caption") else "Figure"
        counts[kind] += 1
        number = f"{kind} {chapter}.{counts[kind]}"
        return f'{tag[0]}<span class="caption-number">{number} </span>'

    return CAPTION.sub(with_number, body)


def number_captions(app, page, template, context, doctree):
    """Number the captions of a chapter's page."""
    if (chapter := number_of(page)) and "body" in context:
        context["body"] = numbered(context["body"], chapter)


def setup(app):
    app.connect("html-page-context", number_captions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
