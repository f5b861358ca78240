"""Check of lab 11, sixth part: a softmax that sees its scores piece by piece (chapter 11).

Key idea: the pieces come as from a cache: each is overwritten when the next one is fetched, and
they can be passed once. The greatest score comes first, in the middle and last, and some scores are
so large or so small that exp without a running maximum gives infinity or nothing but zeros. In
Python's own numbers these attempts end in an error, and the check says what it means.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import by_hand
from grooves.checks.compare import Mistake
from grooves.checks.cpu_gpu.rules import LAB, Case, judge

MOST_WRITTEN = 150  # characters of pieces that are written in full


class Pieces(Iterator):
    """Pairs (scores, values) that can be fetched once, each cleared when the next is fetched."""

    def __init__(self, *pairs: tuple[tuple, tuple]):
        self.pairs = pairs
        self.held: tuple[list, list] = ([], [])  # the pair that was fetched last
        self.fetched = 0
        self.passed = False

    def __next__(self) -> tuple[list, list]:
        if self.passed:
            raise CheckFailed(
                f"for pieces of {self.lengths()} scores, your function goes through them a second "
                "time. They pass only once, as tiles do in attention: keep three numbers instead.",
                hint="second_pass",
            )
        for part in self.held:
            part.clear()
        if self.fetched == len(self.pairs):
            self.passed = True
            raise StopIteration
        scores, values = self.pairs[self.fetched]
        self.held = list(scores), list(values)
        self.fetched += 1
        return self.held

    __code__ = __next__.__code__  # handed over with the inputs, so an answer may run it

    def __repr__(self) -> str:
        """The pairs as a list, which can be passed in their place, if they are few."""
        written = ", ".join(f"({list(scores)}, {list(values)})" for scores, values in self.pairs)
        if len(written) > MOST_WRITTEN:
            shown = ", ".join(f"{list(scores)}" for scores, _ in self.pairs[:4])
            return f"{len(self.pairs)} pieces, with the scores {shown} and so on"
        return f"[{written}]"

    def lengths(self) -> str:
        """How many scores the pieces hold."""
        return ", ".join(str(len(scores)) for scores, _ in self.pairs)

    def scores(self) -> list[float]:
        """All scores, one after the other."""
        return [s for scores, _ in self.pairs for s in scores]

    def values(self) -> list[float]:
        """All values, one after the other."""
        return [v for _, values in self.pairs for v in values]


CASES = (
    Pieces(((0.5, -1.2, 2.0), (10.0, -3.0, 4.5)), ((1.1,), (7.0,)), ((-0.4, 0.3), (2.0, 10.0))),
    Pieces(((-2.0, 0.1), (6.0, 1.0)), ((0.7, 1.9, 0.2, -0.6), (-4.0, 9.0, 3.0, 2.5))),
    Pieces(((0.2,), (5.0,)), ((1.4, 0.9), (-8.0, 6.5)), ((2.6, -0.3, 1.0), (1.5, 12.0, -2.0))),
    Pieces(((700.3, 698.1), (3.0, 20.0)), ((1000.6, 999.2, 1001.0), (-5.0, 2.0, 11.0))),
    Pieces(((-900.0, -903.5, -901.2), (4.0, 1.0, -6.0)), ((-899.1, -905.0), (8.0, 30.0))),
    Pieces(((1000.4,), (3.0,)), ((-1000.2, -999.7), (8.0, 2.0)), ((999.8, 999.0), (-4.0, 6.0))),
    Pieces(((-1000.0, 0.5), (40.0, 2.0)), ((999.3, 1000.0, 998.9), (-7.0, 5.0, 13.0))),
    Pieces(((999.6, -1000.0), (3.0, 22.0)), ((1000.0, 998.8, -999.0), (1.0, -9.0, 6.0))),
    Pieces(((3.3,), (17.0,))),
    Pieces(((1, 0, 2), (4, 9, 1)), ((3, 1), (6, 25))),  # integers
    Pieces(((0.0, 0.0), (2.0, 5.0)), ((0.0, 0.0, 0.0), (11.0, 3.0, 7.0))),
    Pieces(*(((0.3 * i, 1.0 - 0.2 * i), (1.0 + i, 2.0 - i * i)) for i in range(9))),
)


def _average(scores, values) -> float:
    greatest = max(scores)
    weights = [math.exp(s - greatest) for s in scores]
    return sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)


def right(pieces: Pieces) -> float:
    """The values' mean with the softmax of all scores as weights, computed at once."""
    return _average(pieces.scores(), pieces.values())


def _running(pieces: Pieces, total_scale, sum_scale) -> float:
    """The running form, with other factors for earlier sums: functions of (old, new) maximum."""
    greatest, total, divisor = -math.inf, 0.0, 0.0
    for scores, values in pieces.pairs:
        before, greatest = greatest, max(greatest, *scores)
        weights = [math.exp(s - greatest) for s in scores]
        moved = before > -math.inf
        total = total * (total_scale(before, greatest) if moved else 0)
        divisor = divisor * (sum_scale(before, greatest) if moved else 0)
        total += sum(w * v for w, v in zip(weights, values, strict=True))
        divisor += sum(weights)
    return total / divisor


def _none(before: float, after: float) -> float:
    return 1.0


def _down(before: float, after: float) -> float:
    return math.exp(before - after)


def _up(before: float, after: float) -> float:
    return math.exp(min(after - before, 700.0))


def _relative_to(greatest_of: Callable) -> Callable:
    """The result with exponentials relative to another number than the greatest score, in NumPy."""

    def compute(pieces: Pieces) -> float:
        weights = np.exp(np.array(pieces.scores(), float) - greatest_of(pieces.scores()))
        return float((weights * pieces.values()).sum() / weights.sum())

    return compute


def _own_maxima(pieces: Pieces) -> float:
    shifted = [s - max(scores) for scores, _ in pieces.pairs for s in scores]
    weights = list(map(math.exp, shifted))
    total = sum(w * v for w, v in zip(weights, pieces.values(), strict=True))
    return total / sum(weights)


def _parts(pieces: Pieces) -> list[float]:
    return [_average(scores, values) for scores, values in pieces.pairs]


def _by_length(pieces: Pieces) -> float:
    lengths = [len(scores) for scores, _ in pieces.pairs]
    return sum(n * a for n, a in zip(lengths, _parts(pieces), strict=True)) / sum(lengths)


def _weights(pieces: Pieces) -> list[float]:
    greatest = max(pieces.scores())
    return [math.exp(s - greatest) for s in pieces.scores()]


def _undivided(pieces: Pieces) -> float:
    return sum(w * v for w, v in zip(_weights(pieces), pieces.values(), strict=True))


MISTAKES = (
    Mistake(
        "not_rescaled",
        lambda p: _running(p, _none, _none),
        "what you added up before a greater score came is still relative to the old maximum. "
        "Multiply both sums by exp(old maximum - new maximum).",
    ),
    Mistake(
        "maximum_missing",
        _relative_to(lambda scores: 0),
        "you never subtract the greatest score, so exp of a large score is infinite, and exp of "
        "small ones are all 0. Subtract the greatest score so far.",
    ),
    Mistake(
        "maximum_missing",
        _relative_to(lambda scores: max(0, *scores)),
        "your greatest score starts at 0, above all scores where these are negative, so that all "
        "weights may be 0. Let it start at -math.inf.",
    ),
    Mistake(
        "one_sum_not_rescaled",
        lambda p: _running(p, _down, _none),
        "you rescale the sum of the values, but not the sum of the weights. Both are relative to "
        "the maximum.",
    ),
    Mistake(
        "one_sum_not_rescaled",
        lambda p: _running(p, _none, _down),
        "you rescale the sum of the weights, but not the sum of the values. Both are relative to "
        "the maximum.",
    ),
    Mistake(
        "rescaled_upside_down",
        lambda p: _running(p, _up, _up),
        "your factor grows when a greater score comes. It is exp(old maximum - new maximum), at "
        "most 1.",
    ),
    Mistake(
        "own_maximum",
        _own_maxima,
        "each piece is relative to its own maximum, so their weights cannot be added. Use the "
        "greatest score so far, and rescale what came before.",
    ),
    Mistake(
        "mean_of_pieces",
        lambda p: sum(_parts(p)) / len(p.pairs),
        "you average the results of the pieces. A piece with greater scores counts for more.",
    ),
    Mistake(
        "weighted_by_length",
        _by_length,
        "you weight the results of the pieces by their lengths. Their weights are sums of "
        "exponentials.",
    ),
    Mistake(
        "last_piece_only",
        lambda p: _parts(p)[-1],
        "that is the result of the last piece. The earlier ones count too.",
    ),
    Mistake(
        "first_piece_only",
        lambda p: _parts(p)[0],
        "that is the result of the first piece. Does your function return inside the loop?",
    ),
    Mistake(
        "not_divided",
        _undivided,
        "you do not divide by the sum of the weights at the end.",
    ),
    Mistake(
        "scores_ignored",
        lambda p: sum(p.values()) / len(p.values()),
        "that is the plain mean of the values. Weight each by exp(score).",
    ),
    Mistake(
        "scores_as_weights",
        lambda p: sum(s * v for s, v in zip(p.scores(), p.values(), strict=True)),
        "you use the scores themselves as weights. The weights are their exponentials, divided by "
        "the sum of all.",
    ),
)


RAISED = (
    (
        "ZeroDivisionError",
        "the sum of the weights is 0. The greatest score so far must start below every score, at "
        "-math.inf: above scores such as -900, a start at 0 makes all weights 0. And each pair of "
        "lists must be used before the next is fetched, which overwrites it.",
    ),
    (
        "OverflowError",
        "exp of a number far above 0. Subtract the greatest score so far from each score, and "
        "multiply what you added up before by exp(old maximum - new maximum): neither exponent is "
        "ever above 0.",
    ),
    (
        r"(?:max|min)\(\) (?:arg|iterable)|is not iterable|zero-size array|list index out of range",
        "the lists are empty by now. Both are overwritten when the next pair is fetched, so "
        "`list(pieces)` does not keep them: use each pair inside the loop over `pieces`.",
    ),
)


@check(lab=LAB, exercise="softmax_average", raised=RAISED)
def softmax_average(answer):
    """softmax_average(pieces) -> the values' mean, weighted by the softmax of all scores."""
    cases = []
    for pieces in CASES:
        cases.append(Case((pieces,), {"the mean": right(pieces)}, f"pieces = {pieces}"))
    judge(by_hand(answer), cases, MISTAKES)
