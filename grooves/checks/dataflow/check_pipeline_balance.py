"""Check of lab 14: layers in a pipeline of chips, split as evenly as possible (chapter 14).

Key idea: few layers with one slow among them, and many alike; links that cost nothing and links
that cost as much as a layer. Splits that fill a chip up to the mean are not the best ones.
"""

from __future__ import annotations

import itertools

import numpy as np

from grooves.checks import check
from grooves.checks.arrays import by_hand
from grooves.checks.cpu_gpu.rules import Case, judge
from grooves.checks.dataflow.rules import LAB
from grooves.checks.mistakes import Mistake, in_forms


def _drawn(seed: int, n: int, n_chips: int, link: int, slow: int = 90) -> tuple:
    rng = np.random.default_rng(seed)
    return [int(c) for c in rng.integers(5, slow, n)], n_chips, link


# cycles of the layers, n_chips, link
CASES = (
    ([4, 6, 3, 5], 2, 1),
    ([4, 6, 3, 5], 2, 0),
    ([4, 6, 3, 5], 1, 7),
    ([4, 6, 3, 5], 4, 2),
    ([9, 1, 1, 1, 9], 3, 0),
    ([30, 2, 2, 2, 2, 40], 3, 5),
    _drawn(1, 8, 3, 4),
    _drawn(2, 10, 4, 17),
    _drawn(3, 12, 5, 60),
    _drawn(4, 9, 2, 3, slow=400),
    _drawn(5, 11, 4, 0),
)


def _splits(n: int, n_chips: int):
    """All ways of cutting n layers into n_chips runs, as pairs of ends."""
    for cuts in itertools.combinations(range(1, n), n_chips - 1):
        yield list(itertools.pairwise((0, *cuts, n)))


def right(
    cycles, n_chips, link, on_last=0, on_first=1, choose=None, interval=max, total=1, links=None
):
    """Cycles between tokens and cycles of one token, with a place for each mistake.

    on_last, on_first: whether the last chip, and the others, spend cycles on a link. choose: the
    split, instead of the best. links: how many links a token crosses.
    """

    def stages(split):
        return [
            sum(cycles[a:b]) + link * (on_last if b == len(cycles) else on_first) for a, b in split
        ]

    best = min(map(stages, _splits(len(cycles), n_chips)), key=max)
    if choose:
        best = stages(choose(cycles, n_chips, link))
    crossed = n_chips - 1 if links is None else links(n_chips)
    return interval(best), total * sum(cycles) + crossed * link


def _with(**changes):
    return lambda *inputs: right(*inputs, **changes)


def _equal_counts(cycles, n_chips, _):
    ends = [round(i * len(cycles) / n_chips) for i in range(n_chips + 1)]
    return list(itertools.pairwise(ends))


def _rounded_up(cycles, n_chips, _):
    n = -(-len(cycles) // n_chips)
    ends = [min(i * n, len(cycles)) for i in range(n_chips + 1)]
    return list(itertools.pairwise(ends))


def _filled(cycles, n_chips, _, over=True):
    """Chip by chip is filled until the mean is reached, or until the next layer exceeds it."""
    mean, ends, held = sum(cycles) / n_chips, [0], 0
    for i, one in enumerate(cycles):
        if len(ends) < n_chips and i > ends[-1] and held + (0 if over else one) >= mean:
            ends.append(i)
            held = 0
        held += one
    ends += [len(cycles)] * (n_chips + 1 - len(ends))
    return list(itertools.pairwise(ends))


def _best_without_link(cycles, n_chips, _):
    return min(
        _splits(len(cycles), n_chips), key=lambda split: max(sum(cycles[a:b]) for a, b in split)
    )


def _any_order(cycles, n_chips, link):
    """Layers dealt to the chip that has least, longest first, as if their order did not matter."""
    held = [0] * n_chips
    for one in sorted(cycles, reverse=True):
        held[held.index(min(held))] += one
    return max(held) + link * (n_chips > 1), right(cycles, n_chips, link)[1]


MISTAKES = (
    *in_forms(
        "mean_stage",
        "you divide by the number of chips, as if all had the same to do. The slowest chip sets "
        "the rate; the others wait for it.",
        _with(interval=lambda stages: sum(stages) / len(stages)),
        lambda cycles, n, link: (sum(cycles) / n, right(cycles, n, link)[1]),
        lambda cycles, n, link: (sum(cycles) / n + link, right(cycles, n, link)[1]),
        lambda cycles, n, link: (-(-sum(cycles) // n), right(cycles, n, link)[1]),
    ),
    *in_forms(
        "equal_counts",
        "you give all chips the same number of layers. The layers take different times, so split "
        "by cycles.",
        _with(choose=_equal_counts),
        _with(choose=_rounded_up),
    ),
    *in_forms(
        "greedy_fill",
        "you fill one chip after the other up to the mean. What is left for the last ones may then "
        "be too much: compare all splits, or look for the smallest limit that works.",
        _with(choose=_filled),
        _with(choose=lambda *inputs: _filled(*inputs, over=False)),
    ),
    Mistake(
        "layers_reordered",
        _any_order,
        "your chips get layers that do not follow each other. A chip holds a run of layers.",
    ),
    Mistake(
        "rate_is_latency",
        lambda *inputs: (right(*inputs)[1],) * 2,
        "you let a token leave the last chip before the next one enters the first. In a pipeline "
        "each chip works on another token.",
    ),
    Mistake(
        "slowest_layer",
        lambda cycles, n, link: (max(cycles), right(cycles, n, link)[1]),
        "you take the slowest layer. A chip takes as long as all of its layers together.",
    ),
    Mistake(
        "fastest_stage",
        _with(interval=min),
        "you take the fastest chip. The slowest one sets the rate.",
    ),
    *in_forms(
        "link_forgotten",
        "the link is left out: a chip that passes its result on is occupied for `link` cycles "
        "more, and a token waits for as many at each border.",
        _with(on_first=0),
        _with(links=lambda n: 0),
        _with(on_first=0, links=lambda n: 0),
        _with(on_first=0, choose=_best_without_link),
    ),
    Mistake(
        "split_without_link",
        _with(choose=_best_without_link),
        "you choose the split without the link. The last chip passes nothing on, so it can take a "
        "little more than the others.",
    ),
    *in_forms(
        "link_after_last",
        "you count a link behind the last chip. There is one between two chips.",
        _with(on_last=1),
        _with(links=lambda n: n),
        _with(on_last=1, links=lambda n: n),
    ),
    Mistake(
        "slowest_for_all",
        lambda cycles, n, link: (
            right(cycles, n, link)[0],
            n * right(cycles, n, link)[0],
        ),
        "you let a token spend the slowest chip's time on every chip. Here it passes each chip as "
        "fast as that chip can.",
    ),
    Mistake(
        "swapped", lambda *inputs: right(*inputs)[::-1], "the cycles between tokens come first."
    ),
)


@check(lab=LAB, exercise="pipeline_balance", returns=(tuple, list))
def pipeline_balance(answer):
    """pipeline_balance(cycles, n_chips, link) -> cycles between tokens, cycles of one token."""
    cases = []
    for cycles, n_chips, link in CASES:
        apart, alone = right(cycles, n_chips, link)
        told = f"cycles = {cycles}, n_chips = {n_chips}, link = {link}"
        expected = {"the cycles between tokens": apart, "the cycles of one token": alone}
        cases.append(Case((cycles, n_chips, link), expected, told))
    judge(by_hand(answer), cases, MISTAKES, ("cycles", "cycles"))
