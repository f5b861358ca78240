"""Check of lab 9: requests in flight by Little's law, and the blocks that they hold (chapter 9).

Key idea: requests that overtake each other, begin later than at 0 and hold different numbers of
blocks for different times, so that the mean of a product is not the product of the means.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge_parts
from grooves.checks.mistakes import Mistake, in_forms
from grooves.checks.serving.rules import LAB, SHOULD

PARTS = ("the arrival rate", "the mean time", "the mean number in flight", "the mean blocks in use")
CASES = (
    ([0.0, 1.0, 4.0], [2.0, 5.0, 8.0], [16, 32, 48], 16),
    ([10.0, 11.0], [14.0, 12.0], [17, 3], 16),
    ([3.0, 0.5, 2.0, 6.0], [4.0, 9.0, 3.5, 8.0], [5, 33, 1, 20], 8),
    ([2.0], [5.0], [7], 4),
)


def drawn(seed: int, n: int, block_size: int) -> tuple:
    """n requests, of which long ones take longer, in no order."""
    rng = np.random.default_rng(seed)
    arrivals = (20 + np.cumsum(rng.exponential(0.5, n))).round(3)
    rng.shuffle(arrivals)
    tokens = rng.integers(1, 200, n)
    departures = (arrivals + 0.2 + 0.02 * tokens * rng.uniform(0.5, 1.5, n)).round(3)
    return arrivals.tolist(), departures.tolist(), tokens.tolist(), block_size


def measured(
    arrivals, departures, tokens, block_size, duration=None, n=len, mean=np.mean, times=None,
    blocks=None, in_flight=None, mean_blocks=None,
):  # fmt: skip
    """The right results, with a place for each mistake."""
    seconds = (duration or (lambda a, d: max(d) - min(a)))(arrivals, departures)
    stays = [d - a for a, d in zip(arrivals, departures, strict=True)]
    rate, stay = n(arrivals) / seconds, mean(times(arrivals, departures) if times else stays)
    inside = (in_flight or (lambda rate, stay, a, d: rate * stay))(rate, stay, arrivals, departures)
    held = [(blocks or (lambda t, size: math.ceil(t / size)))(t, block_size) for t in tokens]
    used = sum(b * t for b, t in zip(held, stays, strict=True)) / seconds
    if mean_blocks:
        used = mean_blocks(inside, held, tokens, block_size)
    return rate, stay, inside, used


def _with(**changes):
    return lambda *inputs: measured(*inputs, **changes)


def _peak(arrivals, departures):
    return max(sum(a <= t < d for a, d in zip(arrivals, departures, strict=True)) for t in arrivals)


MISTAKES = (
    *in_forms(
        "window",
        "the time is measured over another window. It begins with the first arrival and ends with "
        "the last departure; neither need be the first or the last of its list.",
        _with(duration=lambda a, d: max(a) - min(a)),
        _with(duration=lambda a, d: max(d)),
        _with(duration=lambda a, d: d[-1] - a[0]),
        _with(duration=lambda a, d: max(d) - min(d)),
        _with(duration=lambda a, d: max(d) - a[0]),
        _with(duration=lambda a, d: d[-1] - min(a)),
        _with(duration=lambda a, d: max(a)),
        _with(duration=lambda a, d: d[-1]),
    ),
    *in_forms(
        "gaps_counted",
        "the rate counts the gaps between arrivals, one less than the requests. Every request "
        "arrives in the window, so all of them count.",
        _with(n=lambda a: len(a) - 1),
    ),
    *in_forms(
        "not_the_mean",
        "that is the median time, or the total. Little's law holds for the mean.",
        _with(mean=np.median),
        _with(mean=np.sum),
    ),
    *in_forms(
        "time_since_start",
        "the time of a request is counted from the beginning of the window, and not from its own "
        "arrival.",
        _with(times=lambda a, d: [x - min(a) for x in d]),
        _with(times=lambda a, d: list(d)),
    ),
    *in_forms(
        "divided",
        "Little's law multiplies: L = λ · W. Check the units: requests per second times seconds.",
        _with(in_flight=lambda rate, stay, a, d: rate / stay),
        _with(in_flight=lambda rate, stay, a, d: stay / rate),
    ),
    Mistake(
        "peak",
        _with(in_flight=lambda rate, stay, a, d: _peak(a, d)),
        "that is the largest number in flight. Little's law gives the mean over time.",
    ),
    *in_forms(
        "in_flight_rounded",
        "the mean number in flight is rounded. It need not be an integer.",
        _with(in_flight=lambda rate, stay, a, d: math.ceil(rate * stay)),
        _with(in_flight=lambda rate, stay, a, d: round(rate * stay)),
        _with(in_flight=lambda rate, stay, a, d: int(rate * stay)),
    ),
    *in_forms(
        "blocks_rounded_wrongly",
        "16 tokens need one block of 16, and 17 tokens need two. Divide the tokens of each request "
        "by the block size, and round up.",
        _with(blocks=lambda t, size: t // size),
        _with(blocks=lambda t, size: t / size),
        _with(blocks=lambda t, size: t // size + 1),
        _with(blocks=lambda t, size: round(t / size)),
        _with(blocks=lambda t, size: t),
    ),
    *in_forms(
        "product_of_means",
        "you multiply the mean number in flight by the mean number of blocks. Long requests hold "
        "more blocks for longer, so weight each by its own time: the mean is λ times the mean of "
        "blocks · seconds.",
        _with(mean_blocks=lambda inside, held, tokens, size: inside * np.mean(held)),
        _with(mean_blocks=lambda inside, held, tokens, size: inside * np.mean(tokens) / size),
        _with(
            mean_blocks=lambda inside, held, tokens, size: (
                inside * math.ceil(np.mean(tokens) / size)
            )
        ),
        _with(
            mean_blocks=lambda inside, held, tokens, size: math.ceil(
                inside * np.mean(tokens) / size
            )
        ),
        _with(mean_blocks=lambda inside, held, tokens, size: math.ceil(inside) * np.mean(held)),
    ),
    *in_forms(
        "all_blocks",
        "you add up the blocks of all requests, as if all were in flight the whole time. Weight "
        "the blocks of each by its time, and divide by the length of the window.",
        _with(mean_blocks=lambda inside, held, tokens, size: sum(held)),
        _with(mean_blocks=lambda inside, held, tokens, size: np.mean(held)),
    ),
)


@check(lab=LAB, exercise="littles_law", returns=(tuple, list, np.ndarray))
def littles_law(answer):
    """littles_law(arrivals, departures, tokens, block_size) -> rate, time, in flight, blocks."""

    def as_list(call):
        def called(*inputs):
            got = call(*inputs)
            return [float(x) if isinstance(x, Fraction) else x for x in got]

        return called

    cases = *CASES, drawn(1, 8, 16), drawn(4, 8, 16), drawn(2, 60, 16), drawn(3, 200, 4)
    for i, inputs in enumerate(cases):
        right = dict(zip(PARTS, measured(*inputs), strict=True))
        arrivals, departures, tokens, size = inputs
        given = f"arrivals = {arrivals}, departures = {departures}, tokens = {tokens}"
        if len(arrivals) > 8:
            given = f"{len(arrivals)} requests"
        call = as_list(by_hand(answer) if i == 0 else answer)
        judge_parts(call, inputs, right, MISTAKES, f"{given} and block_size = {size}", SHOULD)
