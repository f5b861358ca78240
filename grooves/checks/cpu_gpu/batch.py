"""Check of lab 11, sixth part: the smallest batch that uses a machine well (chapter 11).

Key idea: curves as one measures them. One has a size whose kernel is fast, one a dip by noise, one
is out of order, one falls behind its best, one hits the share exactly, and one begins with a dip.
"""

from __future__ import annotations

from grooves.checks import check
from grooves.checks.compare import Mistake
from grooves.checks.cpu_gpu.rules import LAB, Case, judge


def _curve(batches, rates):
    """Batches, and seconds per batch from examples per second."""
    return list(batches), [b / r for b, r in zip(batches, rates, strict=True)]


CASES = (
    ([2, 4, 8, 16, 32, 64], [0.5e-3, 0.9e-3, 0.43e-3, 0.4e-3, 0.42e-3, 0.8e-3], 0.9),
    (
        *_curve(
            (1, 2, 4, 8, 16, 32, 64, 128, 256),
            (100, 198, 390, 380, 1500, 3700, 5200, 5500, 5000),
        ),
        0.9,
    ),
    (*_curve((16, 2, 8, 4, 1), (80, 19, 64, 30, 10)), 0.7),
    (*_curve((3, 5, 12, 20, 50), (10, 19, 60, 100, 70)), 0.8),
    ([1, 2, 4, 8], [0.5] * 4, 0.5),
    (*_curve((1, 3, 4, 7, 16), (40, 19, 38, 70, 75)), 0.8),
    # a dip behind the batch that is asked for, less than one example per second, equal throughputs
    (*_curve((2, 6, 9, 14, 25, 40, 300), (10, 83, 50, 40, 90, 60, 100)), 0.8),
    (*_curve((5, 10, 30, 70), (0.010, 0.0222, 0.0239, 0.025)), 0.9),
    ([4, 8, 1, 32, 16], [0.5, 1.0, 1.0, 8.0, 2.0], 0.97),
    (*_curve((7, 40, 11, 28), (60, 100, 62, 90)), 0.61),
    (*_curve((28, 11, 40, 7), (50, 100, 90, 97)), 0.98),
    ([20, 30, 13], [1.0, 0.9, 1.1], 0.55),  # the larger batch is ready sooner
    (*_curve((9, 60, 4), (97, 100, 50)), 0.96),
    ([5], [2.0], 0.9),
    ([3_000_000_000_000], [2.0], 0.9),
    ([8, 4, 2], [2.0, 1.0, 1.5], 1),  # two are the best
    ([6, 3, 6_000], [6, 4, 6_000], 0.75),  # whole seconds
    (*_curve((3, 70_001, 900), (2, 90, 50)), 0.01),
    # forty batches, of which the one that is asked for stands last
    (*_curve((*range(32, 41), *range(1, 32)), (*range(92, 101), *range(61, 92))), 0.905),
)


def _first(batches, values, at_least: float):
    """The smallest batch whose value reaches a bar."""
    return min(b for b, v in zip(batches, values, strict=True) if v >= at_least)


def _rates(batches, seconds):
    return [b / s for b, s in zip(batches, seconds, strict=True)]


def right(batches, seconds, share):
    """The smallest batch that reaches the share of the best throughput."""
    rates = _rates(batches, seconds)
    return _first(batches, rates, share * max(rates))


def _strictly(batches, seconds, share):
    rates = _rates(batches, seconds)
    above = [b for b, r in zip(batches, rates, strict=True) if r > share * max(rates)]
    return min(above, default=0)


def _best(batches, seconds, share):
    rates = _rates(batches, seconds)
    return batches[rates.index(max(rates))]


def _before_the_first_dip(batches, seconds, share):
    rates = _rates(batches, seconds)
    for i in range(len(rates) - 1):
        if rates[i + 1] <= rates[i]:
            return batches[i]
    return batches[-1]


def _first_in_the_list(batches, seconds, share):
    rates = _rates(batches, seconds)
    return next(b for b, r in zip(batches, rates, strict=True) if r >= share * max(rates))


def _share_of_the_last(batches, seconds, share):
    rates = _rates(batches, seconds)
    return _first(batches, rates, share * rates[-1])


MISTAKES = (
    Mistake(
        "strictly_greater",
        _strictly,
        "`>` leaves out a batch that reaches the share exactly. Use >=.",
    ),
    *(
        Mistake(
            "best_throughput",
            compute,
            "that is the batch with the best throughput. A smaller batch reaches the share too, "
            "with less latency.",
        )
        for compute in (_best, lambda b, s, share: max(zip(_rates(b, s), b, strict=True))[1])
    ),
    Mistake(
        "lowest_latency",
        lambda b, s, share: b[s.index(min(s))],
        "that is the batch with the lowest latency. Compare throughputs.",
    ),
    Mistake(
        "batches_per_second",
        lambda b, s, share: _first(b, [1 / x for x in s], share / min(s)),
        "you divide 1 by the seconds, which gives batches per second. Throughput is examples per "
        "second.",
    ),
    Mistake(
        "seconds_as_throughput",
        lambda b, s, share: _first(b, s, share * max(s)),
        "you compare seconds per batch as if more were better. Throughput is examples per second.",
    ),
    Mistake(
        "share_as_threshold",
        lambda b, s, share: _first(b, _rates(b, s), share),
        "you compare throughputs with the share itself. The threshold is the share times the best "
        "throughput.",
    ),
    *(
        Mistake(
            "sorted_separately",
            compute,
            "you sort one list without the other, so batches are paired with the wrong seconds. "
            "Keep the pairs together.",
        )
        for compute in (
            lambda b, s, share: right(sorted(b), sorted(s), share),
            lambda b, s, share: right(sorted(b), s, share),
        )
    ),
    Mistake(
        "index_returned",
        lambda b, s, share: b.index(right(b, s, share)),
        "that is the index of the batch in the list. Return the batch itself.",
    ),
    Mistake(
        "stopped_at_first_dip",
        _before_the_first_dip,
        "you stop at the first batch after which the throughput does not grow. Measured curves "
        "have dips, so search the whole curve for the best.",
    ),
    Mistake(
        "first_in_the_list",
        _first_in_the_list,
        "that is the first batch in the list that reaches the share, not the smallest. The lists "
        "need not be sorted.",
    ),
    Mistake(
        "share_of_the_last",
        _share_of_the_last,
        "you take the share of the last throughput. The last one need not be the best.",
    ),
)


@check(lab=LAB, exercise="busy_batch")
def busy_batch(answer):
    """busy_batch(batches, seconds, share) -> the smallest batch that keeps the machine busy."""
    cases = [
        Case(
            inputs,
            {"the batch": right(*inputs)},
            f"batches = {inputs[0]}, seconds in ms = {[round(1e3 * s, 2) for s in inputs[1]]}, "
            f"share = {inputs[2]}",
        )
        for inputs in CASES
    ]
    judge(answer, cases, MISTAKES)
