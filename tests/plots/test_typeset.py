"""Cells of tables are set as in a book: powers, signs, and links with a name."""

import pytest

from grooves.plots import figures
from grooves.plots.typeset import site, typeset

NB = "\u00a0"


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("2^-6", "2<sup>−6</sup>"),
        ("10^9 weights", "10<sup>9</sup> weights"),
        ("1.4e-45", f"1.4{NB}×{NB}10<sup>−45</sup>"),
        ("1.12e+06 µs", f"1.12{NB}×{NB}10<sup>6</sup> µs"),
        ("1e-06 becomes", "10<sup>−6</sup> becomes"),
    ],
)
def test_powers_have_a_raised_exponent(text, markup):
    assert typeset(text) == markup


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("-0.0000 … +0.0004", "0.0000 … +0.0004"),
        ("+0.000 ± 0.003", f"0.000{NB}±{NB}0.003"),
        ("-0.04 ± 0.01", f"−0.04{NB}±{NB}0.01"),
        ("-0.0, and 3", "0.0, and 3"),
        ("-0.5", "−0.5"),
        ("-10", "−10"),
        ("w x + w - t", "w x + w − t"),
        ("256 x 256", f"256{NB}×{NB}256"),
    ],
)
def test_a_zero_has_no_sign_and_other_signs_are_set(text, markup):
    assert typeset(text) == markup


@pytest.mark.parametrize(
    "text",
    ["GPT-3 175B", "2026-11-25", "0.0316", "x86_64", "fp16-fp32", "Llama-2 70B", "v2.e5x", "·"],
)
def test_what_is_no_number_is_left_alone(text):
    assert typeset(text) == text


def test_an_address_becomes_a_link_that_is_named_after_its_site():
    address = "https://www.example.org/gpu?a=1&b=2"
    assert typeset(f"{address}: 4,096 units") == (
        '<a class="reference external" href="https://www.example.org/gpu?a=1&amp;b=2">'
        "example.org</a>: 4,096 units"
    )
    assert typeset(f"{address} , page 3").endswith("example.org</a>, page 3")
    assert site("https://github.com/google/gemma_pytorch") == "github.com/google"
    assert "<script>" not in typeset("https://a.b/<script> <script>")


def test_every_table_is_typeset():
    markup = figures.table(["10^9", "2^-3"], [["1e-06", "-0.00 ± 0.01"]], "10^12 operations").markup
    assert "^" not in markup and markup.count("<sup>") == 4
    assert f"0.00{NB}±{NB}0.01" in markup
