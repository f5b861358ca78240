"""Numbers and links in table cells, typeset as in a book.

The key idea: a cell is written by a format string, which has no superscripts, minus signs or links.
So `10^9` and `1.4e-45` become powers of ten with a raised exponent, `-0.0000` loses the sign that
rounding left behind, `±` stays on the line of its number, a spaced hyphen becomes a minus sign, and
an address becomes a link named after its site. Used by every table and caption of the
course.
"""

import re
from html import escape

MINUS = "\u2212"
NO_BREAK = "\u00a0"
_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
_ADDRESS = re.compile(r"https?://[^\s,;]*[^\s,;:.]")
_AFTER_ADDRESS = re.compile(r"(https?://\S+) ([,;:])(?=\s)")
_SIGNED_ZERO = re.compile(r"(?<![\w.,])[-+](0(?:\.0+)?)(?!\d|[.,]\d)")
_POWER = re.compile(r"(\d+)\^([-+]?\d+)(?!\d)")
_SCIENTIFIC = re.compile(rf"(?<![\w.])({_NUMBER})e([-+]?\d+)(?!\w)")
_MINUS = re.compile(r"(?<![\w.)\]])-(?=[\d.])|(?<=\S )-(?= \S)")
_TIMES = re.compile(r"(?<=\d) x (?=\d)")
_JOINED = re.compile(r" (±|×) ")


def typeset(text: str) -> str:
    """A cell's text as HTML: powers, signs, spaces that must not break, and named links.

    Example: `typeset("2^-6")` is `2<sup>−6</sup>`.
    """
    parts, end = [], 0
    text = _AFTER_ADDRESS.sub(r"\1\2", text)  # " ," keeps the comma out of the address
    for found in _ADDRESS.finditer(text):
        parts += [_numbers(text[end : found.start()]), _link(found[0])]
        end = found.end()
    return "".join([*parts, _numbers(text[end:])])


def site(address: str) -> str:
    """The name of the site that an address leads to; of a shared one, with the owner's name."""
    host, _, path = re.sub(r"^https?://(?:www\.)?", "", address).partition("/")
    shared = host in ("github.com", "huggingface.co")
    return f"{host}/{path.split('/')[0]}" if shared and path else host


def _link(address):
    where = escape(address)
    return f'<a class="reference external" href="{where}">{escape(site(address))}</a>'


def _numbers(text):
    text = _SIGNED_ZERO.sub(r"\1", text)
    text = _POWER.sub(lambda m: _power(m[1], m[2]), escape(text))
    text = _SCIENTIFIC.sub(lambda m: _scientific(m[1], int(m[2])), text)
    return _JOINED.sub(rf"{NO_BREAK}\1{NO_BREAK}", _TIMES.sub(" × ", signed(text)))


def signed(text: str) -> str:
    """A plain text with minus signs where a program writes hyphens: "-0.61", "w - t"."""
    return _MINUS.sub(MINUS, text)


def _scientific(number, exponent):
    power = _power("10", str(exponent))
    return power if number == "1" else f"{number}{NO_BREAK}×{NO_BREAK}{power}"


def _power(base, exponent):
    return f"{base}<sup>{exponent.replace('-', MINUS).lstrip('+')}</sup>"
