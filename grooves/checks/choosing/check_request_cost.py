"""Check of lab 15: what one request costs (chapter 15).

Key idea: long prompts and long answers, with and without a cached part, so that each price that is
applied to the wrong tokens shows.
"""

from __future__ import annotations

from grooves.checks import check
from grooves.checks.choosing.rules import LAB, judge_figures
from grooves.checks.mistakes import in_forms

# tokens_in, cached, tokens_out, eur_in, eur_cached, eur_out
CASES = (
    (3_000, 0, 300, 0.05, 0.005, 0.50),
    (12_000, 10_000, 250, 1.25, 0.125, 10.0),
    (200, 150, 4_000, 0.75, 0.2, 4.5),
    (800, 800, 1, 2.0, 0.9, 3.0),
    (1, 0, 700, 0.4, 0.1, 1.6),
)


def right(tokens_in, cached, tokens_out, eur_in, eur_cached, eur_out, million=1e6):
    """Euros for a request."""
    fresh = tokens_in - cached
    return (fresh * eur_in + cached * eur_cached + tokens_out * eur_out) / million


MISTAKES = (
    *in_forms(
        "cache_ignored",
        "the cached tokens have a price of their own.",
        lambda i, c, o, a, b, z: right(i, 0, o, a, b, z),
    ),
    *in_forms(
        "cached_counted_twice",
        "the cached tokens are a part of tokens_in: charge the rest at the full price only.",
        lambda i, c, o, a, b, z: right(i + c, c, o, a, b, z),
    ),
    *in_forms(
        "cached_is_free",
        "cached tokens are cheaper and not free.",
        lambda i, c, o, a, b, z: right(i, c, o, a, 0, z),
    ),
    *in_forms(
        "one_price",
        "you charge all tokens at one price. Input and output have different ones.",
        lambda i, c, o, a, b, z: (i + o) * z / 1e6,
        lambda i, c, o, a, b, z: (i + o) * a / 1e6,
        lambda i, c, o, a, b, z: (i + o) * (a + z) / 2 / 1e6,
    ),
    *in_forms(
        "prices_exchanged",
        "you exchanged the prices of input and output.",
        lambda i, c, o, a, b, z: right(i, c, o, z, b, a),
    ),
    *in_forms(
        "cached_price_exchanged",
        "you charge the cached tokens at eur_in and the other tokens of the prompt at eur_cached.",
        lambda i, c, o, a, b, z: right(i, c, o, b, a, z),
    ),
    *in_forms(
        "all_cached",
        "you charge the whole prompt at the price of cached tokens. Only `cached` of its tokens "
        "are in the cache.",
        lambda i, c, o, a, b, z: right(i, i, o, a, b, z),
    ),
    *in_forms(
        "only_output",
        "the prompt is left out. It is often most of the tokens.",
        lambda i, c, o, a, b, z: o * z / 1e6,
    ),
    *in_forms(
        "only_input",
        "the answer is left out.",
        lambda i, c, o, a, b, z: right(i, c, 0, a, b, z),
    ),
    *in_forms(
        "not_a_million",
        "the prices are per million tokens.",
        lambda *inputs: right(*inputs, million=1),
        lambda *inputs: right(*inputs, million=1e3),
        lambda *inputs: 100 * right(*inputs),
    ),
)


@check(lab=LAB, exercise="request_cost")
def request_cost(answer):
    """request_cost(tokens_in, cached, tokens_out, eur_in, eur_cached, eur_out) -> euros."""
    names = ("tokens_in", "cached", "tokens_out", "eur_in", "eur_cached", "eur_out")
    judge_figures(answer, names, CASES, right, ("the cost",), MISTAKES, ("euros",))
