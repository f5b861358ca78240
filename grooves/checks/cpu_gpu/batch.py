"""Check of lab 11, sixth part: a batch that keeps the machine busy (chapter 11).

Key idea: curves as one measures them. One has a size whose kernel is fast, one a dip by noise, one
is out of order, one falls behind its best, one hits the share exactly, and one begins with a dip.
"""

from __future__ import annotations

from grooves.checks import check
from grooves.checks.compare import Mistake
from grooves.checks.cpu_gpu.rules import LAB, Case, judge


def _curve(batches, rates):
    """Batches, and seconds a batch from examples a second."""
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
    # a dip behind the batch that is asked for, less than one example a second, equal throughputs
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


def _largest(batches, seconds, share):
    rates = _rates(batches, seconds)
    return max(b for b, r in zip(batches, rates, strict=True) if r >= share * max(rates))


def _down(curve, share):
    bar, found = share * max(b / s for b, s in curve), None
    for b, s in curve:
        if b / s >= bar:
            found = b
        elif found is not None:
            break
    return found


MISTAKES = (
    Mistake(
        "strictly_more",
        _strictly,
        "`>` leaves out the batch that reaches the share exactly.",
    ),
    *(
        Mistake(
            "best_throughput",
            compute,
            "that is the best throughput, whatever it costs in waiting. A smaller batch reaches "
            "the share too.",
        )
        for compute in (_best, lambda b, s, share: max(zip(_rates(b, s), b, strict=True))[1])
    ),
    Mistake(
        "least_latency",
        lambda b, s, share: b[s.index(min(s))],
        "that batch is ready soonest, but few examples are ready with it.",
    ),
    Mistake(
        "batches_a_second",
        lambda b, s, share: _first(b, [1 / x for x in s], share / min(s)),
        "you divide 1 by the seconds: batches a second. Count examples a second.",
    ),
    Mistake(
        "seconds_as_throughput",
        lambda b, s, share: _first(b, s, share * max(s)),
        "you compare seconds a batch as if more were better. Throughput is examples a second.",
    ),
    Mistake(
        "seconds_an_example",
        lambda b, s, share: _first(b, [1 / r for r in _rates(b, s)], share / min(_rates(b, s))),
        "you compare seconds an example as if more were better. Turn the quotient round.",
    ),
    Mistake(
        "best_forgotten",
        lambda b, s, share: _first(b, _rates(b, s), share),
        "you compare throughputs with the share itself. The bar is that share of the best one.",
    ),
    *(
        Mistake(
            "sorted_apart",
            compute,
            "you sort a list by itself, so batches get the seconds of others. Keep the pairs "
            "together.",
        )
        for compute in (
            lambda b, s, share: right(sorted(b), sorted(s), share),
            lambda b, s, share: right(sorted(b), s, share),
        )
    ),
    *(
        Mistake(
            "share_ignored",
            lambda b, s, share, fixed=fixed: right(b, s, fixed),
            "the share is fixed in your function. It is an argument.",
        )
        for fixed in (0.5, 0.75, 0.8, 0.9, 0.95)
    ),
    Mistake(
        "behind_a_dip",
        lambda b, s, share: _down(sorted(zip(b, s, strict=True), reverse=True), share),
        "a dip hides a smaller batch that reaches the share: you go down and stop there, or you "
        "halve the list as if the curve only rose. Look at every batch.",
    ),
    Mistake(
        "least_throughput",
        lambda b, s, share: min(
            (r, n) for r, n in zip(_rates(b, s), b, strict=True) if r >= share * max(_rates(b, s))
        )[1],
        "of those that reach the share you take the one with the least throughput. The smallest "
        "batch was asked for.",
    ),
    Mistake(
        "place_in_the_list",
        lambda b, s, share: b.index(right(b, s, share)),
        "that is the batch's place in the list.",
    ),
    Mistake(
        "rate_returned",
        lambda b, s, share: dict(zip(b, _rates(b, s), strict=True))[right(b, s, share)],
        "that is its throughput. The batch was asked for.",
    ),
    Mistake(
        "first_dip",
        _before_the_first_dip,
        "you stop where the throughput does not grow for once. Noise does that; look at the whole "
        "curve for its best.",
    ),
    Mistake(
        "first_in_the_list",
        _first_in_the_list,
        "that is the first one in the list that reaches the share, and not the smallest: lists "
        "need not be in order.",
    ),
    Mistake(
        "share_of_the_last",
        _share_of_the_last,
        "you take the share of the last throughput. The best one need not be the last.",
    ),
    Mistake(
        "largest_of_all",
        _largest,
        "that is the largest batch that reaches the share. Nobody wants to wait for it.",
    ),
)


@check(lab=LAB, exercise="busy_batch", points=2)
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
