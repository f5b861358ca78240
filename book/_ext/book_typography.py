"""What is computed or measured is typeset like the text around it.

- Numbers that a page takes from a notebook have minus signs and powers of ten, as in tables.
- Quotation marks in captions, tables and such sentences are curly, as Sphinx makes them elsewhere.
- Punctuation stays on the line of the formula that it follows; browsers may break between them.
- A date such as 2026-11-30 stays on one line, and numbers in running text are set in the same way.
- The link in the title of a solution does not begin with a space, which would be underlined.
"""

import html
import re

from docutils.utils import smartquotes

from grooves.plots.typeset import MINUS, typeset

PASTED = re.compile(r'(<span class="pasted-text">)([^<]+)(</span>)')
WORDED = re.compile(r"(<(figcaption|caption|th|td|p)\b[^>]*>)(.*?)(</\2>)", re.S)
MARKUP = re.compile(r"(<(code|math|svg|style)\b.*?</\2>|<[^>]*>)", re.S)
FORMULA = re.compile(r"([(\[“‘]*)(<span class=\"math\"><math>.*?</math></span>)([^\s<]*)", re.S)
NUMBER = re.compile(
    r"(?P<other><(code|pre|math|svg|script|style)\b.*?</\2>|<[^>]*>)"
    r"|\b(?P<date>\d{4}-\d\d-\d\d)\b"
    r"|(?<![\w.)\]])(?P<number>-?\d[\d,.]*e-?\d+\b|\d+\^[-+]?\d+(?!\d)|-(?=[\d.]))",
    re.S,
)
SOLUTION = re.compile(r'(<p class="admonition-title">Solution to)(<a [^>]*>) ')


def curly(text):
    """Text with curly quotation marks and apostrophes. `&` and `<` stay escaped."""
    plain = text.replace("&#x27;", "'").replace("&quot;", '"')
    return smartquotes.educateQuotes(plain) if "'" in plain or '"' in plain else text


def pasted(text):
    """A computed number or sentence, escaped, as it stands in running text."""
    return curly(typeset(html.unescape(text)))


def worded(markup):
    """HTML of a caption, a cell or a paragraph: curly marks outside of code and formulas."""
    parts, end = [], 0
    for found in MARKUP.finditer(markup):
        parts += [curly(markup[end : found.start()]), found[0]]
        end = found.end()
    return "".join([*parts, curly(markup[end:])])


def unbroken(body):
    """A page's HTML in which no line breaks in a date, or between a formula and what touches it.

    Numbers outside of code and formulas get minus signs and powers of ten.
    """

    def held(found):
        return f'<span class="unbroken">{found[0]}</span>' if found[1] or found[3] else found[0]

    return FORMULA.sub(held, NUMBER.sub(_number, body))


def _number(found):
    """A date on one line, a number with its minus sign and power of ten; tags and code as found."""
    if found["date"]:
        return f'<span class="unbroken">{found["date"]}</span>'
    return found["other"] or (MINUS if found["number"] == "-" else typeset(found["number"]))


def typeset_page(app, pagename, templatename, context, doctree):
    if body := context.get("body"):
        body = PASTED.sub(lambda m: m[1] + pasted(m[2]) + m[3], body)
        body = WORDED.sub(lambda m: m[1] + worded(m[3]) + m[4], body)
        body = SOLUTION.sub(r"\1 \2", body)
        context["body"] = unbroken(body)


def setup(app):
    app.connect("html-page-context", typeset_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
