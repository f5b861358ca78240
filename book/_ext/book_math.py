"""Formulas as MathML, written when the book is built.

Browsers render MathML natively and screen readers read it, so a page needs no external script or
font, online or from disk. MathJax would have to be fetched from outside, or be committed to the
repository. docutils contains the converter, which refuses commands that it does not support: the
build then warns, and `-W` stops it, instead of showing half a formula.

Set `html_math_renderer: mathml`.
"""

import html
from xml.etree import ElementTree

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)
NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
FUNCTIONS = {"ln", "log", "exp", "sin", "cos", "tan", "tanh", "max", "min"}
SCRIPTED = ("msub", "msup", "msubsup", "munder")  # whose first part is what they belong to
CLOSING = (")", "]", "}", "|", "‖", "!", "⋯", "…")  # a bar after one of these opens nothing
THIN = "0.1667em"
BRACES = {"msub": ("munder", "⏟"), "msup": ("mover", "⏞")}


def to_mathml(tex, block=False):
    """A formula as a <math> element that carries its TeX source along for those who copy it.

    Raises: MathError where the converter does not support a command.
    """
    if r"\operatorname*" in tex:
        raise MathError(r"\operatorname* is not known: use \max or \min, or leave the star out")
    converted = tex2mathml(tex, as_block=block)
    math = ElementTree.fromstring(converted.replace("&ApplyFunction;", "\u2061"))
    for element in math.iter():
        element.tag = element.tag.removeprefix(NAMESPACE)
        # the space inside <mtext> is part of the text, the line breaks between elements are not
        if element.tag != "mtext" and not (element.text or "").strip():
            element.text = None
        element.tail = None
        _mend(element)
    if r"\left" not in tex:
        for bar in math.iter("mo"):
            if bar.text == "‖":  # stretches over what stands below its neighbour
                bar.set("stretchy", "false")
    for row in list(math.iter()):
        if row.tag in ("math", "mrow", "msqrt", "mtd"):
            _pair_bars(row)
            _space_functions(row)
    body = "".join(ElementTree.tostring(child, encoding="unicode") for child in math)
    source = f'<annotation encoding="application/x-tex">{html.escape(tex.strip())}</annotation>'
    display = ' display="block"' if block else ""
    return f"<math{display}><semantics><mrow>{body}</mrow>{source}</semantics></math>"


def _mend(element):
    """Correct a fault of docutils 0.21: a text at a brace belongs below or above it, not beside."""
    script, brace = BRACES.get(element.tag, (None, None))
    if script and element[0].tag.endswith(script) and element[0][1].text == brace:
        element.tag = script


def _base(element):
    """What a script belongs to, or the element itself."""
    return element[0] if element.tag in SCRIPTED else element


def _pair_bars(row):
    """Say which bars open and which close, as in |x|: browsers put spaces around all others."""
    bars = [i for i, one in enumerate(row) if _base(one).text == "|"]
    opened = None
    for i, following in zip(bars, [*bars[1:], None], strict=False):
        if opened is not None:
            _base(row[opened]).set("form", "prefix")
            _base(row[i]).set("form", "postfix")
            opened = None
        elif following is not None and row[i].tag == "mo":
            before = row[i - 1] if i else None
            opens = before is None or (before.tag == "mo" and before.text not in CLOSING)
            opened = i if opens or row[following].tag != "mo" else None


def _space_functions(row):
    """A thin space between ln and its argument, and between a factor and ln, as in TeX."""
    for element in [one for one in row if _base(one).text in FUNCTIONS]:
        name, at = _base(element), list(row).index(element)
        if name.tag == "mo":
            name.attrib |= {"lspace": "0", "rspace": "0"}
        argument = at + 1 + (at + 1 < len(row) and row[at + 1].text == "\u2061")
        if argument < len(row) and row[argument].text not in ("(", "[", *CLOSING, ","):
            row.insert(argument, ElementTree.Element("mspace", width=THIN))
        if at and (row[at - 1].tag not in ("mo", "mspace") or row[at - 1].text in CLOSING):
            row.insert(at, ElementTree.Element("mspace", width=THIN))


def visit_inline(self, node):
    self.body.append(f'<span class="math">{_converted(self, node, block=False)}</span>')
    raise nodes.SkipNode


def visit_block(self, node):
    identifier = f' id="{node["ids"][0]}"' if node["ids"] else ""
    self.body.append(f'<div class="math-block"{identifier}>')
    self.body.append(f'<div class="math-scroll">{_converted(self, node, block=True)}</div>')
    if node["number"]:
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})')
        self.add_permalink_ref(node, _("Link to this equation"))
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


def _converted(translator, node, block):
    try:
        return to_mathml(node.astext(), block)
    except MathError as error:
        logger.warning(
            "formula %r cannot be written as MathML: %s", node.astext(), error, location=node
        )
        return f"<code>{html.escape(node.astext())}</code>"


def setup(app):
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
