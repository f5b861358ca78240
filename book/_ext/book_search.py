"""The search shows chapters first, and no excerpts of code.

`search_words.toml` beside this file lists the words that students may type for each chapter. They
are written with the kind of each page into `_static/search-words.js`; `search.js` ranks with them.
Code of notebooks and labs, and what it printed, is not indexed: a search for a function leads to
the chapter that shows it.
"""

import json
import re
import tomllib
from pathlib import Path

from docutils import nodes
from sphinx.builders.html import StandaloneHTMLBuilder

WORDS = Path(__file__).with_name("search_words.toml")


def plain(phrase):
    """A phrase as search.js compares it: small letters, one space, no hyphens, no plural s."""
    words = re.findall(r"[^\W_]+", phrase.lower())
    return " ".join(
        word[:-1] if len(word) > 3 and word[-1] == "s" != word[-2] else word for word in words
    )


def chapters():
    """What students may type, by the name of the chapter that explains it."""
    return tomllib.loads(WORDS.read_text("utf-8"))


def phrases(found_docs):
    """Each phrase in its plain form, with the page that explains it, if this book has that page."""
    return {
        plain(phrase): f"book/{chapter}"
        for chapter, typed in chapters().items()
        if f"book/{chapter}" in found_docs
        for phrase in typed
    }


def write_words(app, exception):
    if exception is None and app.builder.format == "html":
        words = json.dumps(phrases(app.env.found_docs), ensure_ascii=False)
        target = Path(app.outdir) / "_static" / "search-words.js"
        target.write_text(f'"use strict";\nconst SEARCH_WORDS = {words};\n', "utf-8")


class Builder(StandaloneHTMLBuilder):
    """The HTML builder, which leaves the code of notebooks out of the search index."""

    def index_page(self, pagename, doctree, title):
        if pagename.startswith(("notebooks/", "labs/")):
            doctree = doctree.deepcopy()
            for node in list(doctree.findall(_is_code)):
                node.parent.remove(node)
        super().index_page(pagename, doctree, title)


def _is_code(node):
    classes = node.get("classes", ()) if isinstance(node, nodes.Element) else ()
    return isinstance(node, nodes.literal_block) or "cell_output" in classes


def setup(app):
    app.add_builder(Builder, override=True)
    app.add_js_file("search-words.js", priority=190)
    app.add_js_file("search.js", priority=191)
    app.connect("build-finished", write_words)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
