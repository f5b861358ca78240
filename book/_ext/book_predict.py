"""Predict boxes: a question with a field for a prediction, and an answer that unfolds after it.

In a page the question is an admonition of the class `predict`, the answer a `div` of the class
`predicted` behind it:

    ```{admonition} Predict
    :class: predict
    What changes when 100 is added to every logit?
    ```

    :::{div}
    :class: predicted

    Nothing changes, since ...
    :::

This is as Jupyter Book 2 writes it; sphinx-design's `div`, which has no such option, is replaced
here. predict.js folds the answer and adds the field, so a reader without scripts, or on paper, sees
the answer.
A question without an answer, or an answer without a question, is a warning.
"""

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)

UNANSWERED = "this Predict box has no answer: put a {div} of the class `predicted` behind it"
UNASKED = "this answer has no Predict box before it: write an {admonition} of the class `predict`"


class Div(SphinxDirective):
    """A block with a class of its own."""

    has_content = True
    option_spec = {"class": directives.class_option}  # noqa: RUF012 docutils wants a dict

    def run(self):
        block = nodes.container("\n".join(self.content), classes=self.options.get("class", []))
        self.set_source_info(block)
        self.state.nested_parse(self.content, self.content_offset, block)
        return [block]


def pair_up(app, doctree):
    """Warn of each question without an answer, and of each answer without a question."""
    asked = None
    for node in doctree.findall(nodes.Element):
        classes = node.get("classes", ())
        if isinstance(node, nodes.admonition) and "predict" in classes:
            if asked is not None:
                _complain(asked, UNANSWERED)
            asked = node
        elif "predicted" in classes:
            if asked is None:
                _complain(node, UNASKED)
            asked = None
    if asked is not None:
        _complain(asked, UNANSWERED)


def _complain(node, what):
    logger.warning(what, location=node, type="predict")


def setup(app):
    app.add_directive("div", Div, override=True)
    app.connect("doctree-read", pair_up)
    app.add_css_file("predict.css")
    app.add_js_file("predict.js")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
