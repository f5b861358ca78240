"""Check of lab 8: pass@n, estimated without bias (chapter 8).

Key idea: the exact share of the subsets of n samples that hold a correct one, in integers. Many
counts are tried, among them the smallest ones, none correct, all correct, and thousands of samples.
"""

from __future__ import annotations

import math
import time
from fractions import Fraction

import numpy as np

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import by_hand, judge
from grooves.checks.generation.rules import LAB, SHOULD
from grooves.checks.mistakes import Mistake, in_forms
from grooves.checks.survey import opened

# Samples drawn, how many of them are correct, n.
CASES = (
    (10, 3, 4),
    (5, 2, 2),
    (5, 2, 3),
    (5, 3, 3),
    (20, 1, 7),
    (12, 9, 2),
    (12, 9, 3),
    (12, 9, 4),
    (8, 0, 3),
    (8, 8, 3),
    (9, 4, 1),
    (9, 4, 9),
    (1, 1, 1),
    (1, 0, 1),
)
# An answer that lists subsets survives the first of these for about a second; the others would
# take all memory, so they are asked for only of an answer that is right and fast so far.
MANY_SUBSETS = (25, 3, 8)
LARGE = ((200, 11, 25), (4_000, 7, 300))
SECONDS = 0.05  # of the processor; counting takes less than a thousandth of a second


def exact(drawn: int, correct: int, n: int) -> float:
    """The share of the subsets of size n with a correct sample in them."""
    return float(1 - Fraction(math.comb(drawn - correct, n), math.comb(drawn, n)))


def _one_factor_off(drawn: int, correct: int, n: int) -> float:
    """The product of the usual formula over the range one lower."""
    if drawn - correct < n:
        return 1.0
    return float(1 - np.prod(1 - n / np.arange(drawn - correct, drawn)))


def _ratio(top: int, drawn: int, n: int) -> float:
    return float(Fraction(math.comb(top, n), math.comb(drawn, n)))


MISTAKES = (
    Mistake(
        "biased",
        lambda drawn, correct, n: 1 - (1 - correct / drawn) ** n,
        "1 - (1 - c / N)^n draws with replacement from the N samples, which is biased: c / N is an "
        "estimate. Count the subsets of n samples instead.",
    ),
    Mistake(
        "none_correct",
        lambda drawn, correct, n: _ratio(drawn - correct, drawn, n),
        "that is the probability that none of the n samples is correct. Subtract it from 1.",
    ),
    Mistake(
        "share_correct",
        lambda drawn, correct, n: correct / drawn,
        "that is the share of correct samples, which is pass@1, whatever n is.",
    ),
    Mistake(
        "all_correct",
        lambda drawn, correct, n: _ratio(correct, drawn, n),
        "that is the probability that all n samples are correct. One is enough.",
    ),
    Mistake(
        "one_wrong",
        lambda drawn, correct, n: 1 - _ratio(correct, drawn, n),
        "that is the probability that at least one of n samples is wrong. Exchange the correct "
        "samples for the wrong ones.",
    ),
    Mistake(
        "exactly_one",
        lambda drawn, correct, n: (
            correct * float(Fraction(math.comb(drawn - correct, n - 1), math.comb(drawn, n)))
        ),
        "that is the probability of exactly one correct sample. Several are as good.",
    ),
    *in_forms(
        "expected_number",
        "n · c / N is the expected number of correct samples among n, not the probability of at "
        "least one.",
        lambda drawn, correct, n: n * correct / drawn,
        lambda drawn, correct, n: min(n * correct / drawn, 1.0),
    ),
    Mistake(
        "one_factor_off",
        _one_factor_off,
        "the product runs over N - c to N - 1. It should run over N - c + 1 to N.",
    ),
)


@check(lab=LAB, exercise="pass_at_n")
def pass_at_n(answer):
    """pass_at_n(drawn, correct, n): three integers -> the estimate, a number."""

    def ask(call, case):
        judge(call, case, exact(*case), MISTAKES, _given(case), SHOULD)

    for i, case in enumerate(CASES):
        ask(by_hand(answer) if i == 0 else answer, case)
    if any(finding.wrong for finding in opened() or ()):
        return
    took = []
    for _ in range(2):  # the shorter time counts, since Python may clear away memory meanwhile
        begun = time.process_time()
        ask(answer, MANY_SUBSETS)
        took.append(time.process_time() - begun)
    if min(took) > SECONDS and not any(finding.wrong for finding in opened() or ()):
        raise CheckFailed(
            f"for {_given(MANY_SUBSETS)}, your function took {min(took):.1f} seconds. Does it list "
            f"the {math.comb(MANY_SUBSETS[0], MANY_SUBSETS[2]):,} subsets? For larger numbers it "
            "would take all your memory. Count them: math.comb gives their number.",
            hint="lists_subsets",
        )
    for case in LARGE:
        ask(answer, case)


def _given(case: tuple[int, int, int]) -> str:
    drawn, correct, n = case
    return f"{drawn:,} samples, of which {correct} are correct, and n = {n}"
