"""Tables stay within the page's width, and bare addresses become named links.

Every table that is not yet in a scrolling box gets one, which fades where it continues (book.js). A
link that shows its bare address, as the bibliography's do, is named after its site.
"""

import re

from grooves.plots.typeset import site

TABLE = re.compile(r'<table(?![^>]*class="ledger).*?</table>', re.S)
SCROLLING = 'class="pst-scrollable-table-container">'
BARE = re.compile(r'(<a class="[^"]*\bexternal\b[^"]*" href="(https?://[^"]+)"[^>]*>)\2(</a>)')


TWICE = re.compile(r"\b(arXiv:[\d.]+)\. URL: (?=<a [^>]*>\1</a>)")


def name_of(address):
    """The name of a link to this address."""
    if paper := re.match(r"https?://arxiv\.org/abs/([\w./-]+)", address):
        return f"arXiv:{paper[1]}"
    return site(address)


def box_tables(body):
    """A page's HTML with a scrolling box around each table."""

    def boxed(found):
        before = body[: found.start()].rstrip()
        if before.endswith(SCROLLING):
            return found[0]
        return f'<div class="table-scroll">{found[0]}</div>'

    return TABLE.sub(boxed, body)


def mend_tables(app, pagename, templatename, context, doctree):
    if body := context.get("body"):
        body = BARE.sub(lambda m: m[1] + name_of(m[2]) + m[3], body)
        body = TWICE.sub("", body)  # a preprint's number, which its link bears as well
        context["body"] = box_tables(body)


def setup(app):
    app.connect("html-page-context", mend_tables)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
