"""Check of lab 03: which words are hidden (chapter 03).

Key idea: a draw has no right value, but it must obey rules. Every draw is counted text by text;
many draws together show what is drawn too often, too rarely or together.
Letters: B texts, T positions in each row.
"""

from __future__ import annotations

import itertools

import numpy as np

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import by_hand
from grooves.checks.labels.rules import ARRAY, LAB, array_of, obeys_its_generator, unlikely

MANY = 300  # texts in each draw whose frequencies are tested
DRAWS = 10
WORDS = 9  # of every other of these texts
PATTERNS = 84  # ways to hide 3 of 9


def _real(*lengths: int) -> np.ndarray:
    """True where there is a word, for texts of these lengths in rows 2 longer than the longest."""
    return np.arange(max(lengths) + 2) < np.array(lengths)[:, None]


MANY_TEXTS = np.repeat(_real(WORDS, 6), MANY // 2, axis=0)


def _right_counts(real, fraction: float) -> np.ndarray:
    """How many words are hidden in each row: the nearest integer, at least one."""
    return np.array([max(1, round(fraction * int(n))) for n in real.sum(axis=1)])


COUNT_MISTAKES = (
    (
        "fraction_of_the_row",
        lambda real, fraction: np.minimum(
            real.sum(axis=1), max(1, round(fraction * real.shape[1]))
        ),
        "you take the fraction of the whole row, padding included. Count the words of each text.",
    ),
    (
        "none_in_short_texts",
        lambda real, fraction: np.array([round(fraction * int(n)) for n in real.sum(axis=1)]),
        "in a short text the fraction rounds to 0, so there would be no target. Hide at least one.",
    ),
    (
        "rounded_down",
        lambda real, fraction: np.array([max(1, int(fraction * int(n))) for n in real.sum(axis=1)]),
        "you round down. Take the nearest integer.",
    ),
)


@check(lab=LAB, exercise="draw_hidden", returns=ARRAY)
def draw_hidden(answer):
    """draw_hidden(real, fraction, rng) -> hidden (B, T): its fraction of each text, or one."""

    def draw(call, real, fraction, rng):
        lengths = real.sum(axis=1)
        texts = ", ".join(map(str, lengths[:4])) + (", …" if len(lengths) > 4 else "")
        given = f"texts of {texts} words in rows of {real.shape[1]}, fraction {fraction:.4g}"
        got = array_of(
            call(real.copy(), fraction, rng), real.shape, "True where a word is hidden", given
        )
        if not np.isin(got, (0, 1)).all():
            odd = got[~np.isin(got, (0, 1))][0]
            raise CheckFailed(
                f"for {given}, your result contains {odd}, expected True and "
                "False: a mask, not a list of positions.",
                hint="no_mask",
            )
        hidden = got.astype(bool)
        _examine(
            hidden, real, fraction, given, lambda: np.array(answer(MANY_TEXTS.copy(), 1 / 3, rng))
        )
        return hidden

    rng = np.random.default_rng(30)
    # A fraction of the whole row, 3, is no more than the shortest text has, so NumPy can draw it.
    draw(by_hand(answer), _real(20, 7, 3, 11), 0.15, rng)
    draw(answer, _real(4, 20, 11, 8), 0.4, rng)
    draw(answer, _real(12, 8, 5), 0.4, rng)
    draw(answer, _real(2, 1), 0.15, rng)
    draw(answer, _real(4, 1_100, 700), 1, rng)
    draw(answer, _real(1_100, 700), 0.37, rng)
    draw(answer, _real(5, 1, 3), 0.0, rng)
    draw(answer, np.ones((1, 1), dtype=bool), 0.3, rng)
    draw(answer, _real(5, 300, 41), 0.62, rng)

    _spread(np.array([draw(answer, MANY_TEXTS, 1 / 3, rng) for _ in range(DRAWS)]))
    obeys_its_generator(
        lambda rng: draw(answer, MANY_TEXTS, 1 / 3, rng),
        np.array_equal,
        f"{MANY} texts, fraction 1/3",
    )
    draw(answer, _real(6, 4)[:, ::-1].copy(), 0.5, rng)  # padded at the front
    draw(answer, np.roll(_real(8, 3), 1, axis=1), 0.8, rng)  # and at both ends
    draw(answer, np.array([[1, 0, 1, 1, 0, 1, 1], [0, 1, 0, 0, 1, 0, 1]]) > 0, 0.7, rng)
    return "Every text has a target, and no target is padding."


def _examine(hidden, real, fraction: float, given: str, many) -> None:
    """Check that one draw obeys the rules; `many()` draws for MANY_TEXTS, to find out why not."""
    counts, right = hidden.sum(axis=1), _right_counts(real, fraction)
    outside = hidden & ~real
    if np.array_equal((real & ~hidden).sum(axis=1), right) and not np.array_equal(counts, right):
        raise CheckFailed(
            f"for {given}, your result is True at {counts[0]} positions of row 0, expected "
            f"{right[0]}.\nLikely mistake: the mask is inverted. Here True means hidden, and "
            "False means visible.",
            hint="mask_inverted",
        )
    if outside.any():
        row, place = np.argwhere(outside)[0]
        in_front = np.arange(real.shape[1]) < real.sum(axis=1)[:, None]
        if not (hidden & ~in_front).any():
            raise CheckFailed(
                f"for {given}, your result hides position {place} of row {row}, where there is no "
                "word: this row begins with padding. The number of words does not tell where they "
                "are. `np.flatnonzero(real[row])` does.",
                hint="assumed_at_the_front",
            )
        raise CheckFailed(
            f"for {given}, your result hides position {place} of row {row}, where there is no "
            "word. Draw among the positions where `real` is True.",
            hint="padding_hidden",
        )
    if np.array_equal(counts, right):
        return
    row = int((counts != right).argmax())
    told = (
        f"for {given}, your result hides {counts[row]} of the {real[row].sum()} words in row "
        f"{row}, expected {right[row]}.\n"
    )
    name, says = _why(counts, real, fraction, many().reshape(MANY, -1).sum(axis=1))
    raise CheckFailed(told + says, hint=name)


def _why(counts, real, fraction: float, of_many) -> tuple[str, str]:
    """The likely reason for wrong counts, here and for MANY_TEXTS."""
    cases = ((real, fraction, counts), (MANY_TEXTS, 1 / 3, of_many))  # one alone may be coincidence
    for name, compute, says in COUNT_MISTAKES:
        if all(np.array_equal(compute(table, part), found) for table, part, found in cases):
            return name, f"Likely mistake: {says}"
    long = of_many[: MANY // 2]
    varied = len(set(long)) > 1
    twice = WORDS * (1 - (1 - 1 / WORDS) ** 3)  # mean number of different positions in three draws
    if (of_many > 0).all() and long.max() <= 3 and abs(long.mean() - twice) < 0.2:
        return "with_replacement", (
            "Likely mistake: some positions are drawn twice, so fewer are hidden. Draw without "
            "replacement."
        )
    if varied and of_many.max() <= round(MANY_TEXTS.shape[1] / 3):
        return "padding_discarded", (
            "Likely mistake: you draw among all positions of a row and discard the padding "
            "afterwards, so fewer are left. Draw only among the positions of words."
        )
    if varied:
        return "independent_draws", (
            "Texts of equal length have different numbers of hidden words, so the number is "
            "random. Fix the number first, then draw that many positions in each row."
        )
    return "unrecognised", "This is none of the usual mistakes. Count the hidden words in each row."


def _spread(draws) -> None:
    """Check that all positions are drawn equally often and independently.

    draws: (D, B, T), whose first texts have nine words.
    """
    texts = draws[:, : MANY // 2, :WORDS]
    n = texts.shape[0] * texts.shape[1]
    given = f"{n} texts of {WORDS} words, fraction 1/3"
    alike = [(texts[:, 1:] == texts[:, rows]).all(axis=2).sum() for rows in (slice(1), slice(-1))]
    told = (
        f"for {given}, your result hides the same positions in text after text, such as "
        f"{np.flatnonzero(texts[0, 0]).tolist()}. Draw anew for each row."
    )
    if max(alike) > n / 2:
        raise CheckFailed(told, hint="same_for_all")
    if (draws == draws[0]).all():
        return  # the generator is not used, which is reported next
    often = texts.sum(axis=(0, 1))
    if unlikely(often, n, 1 / 3).any():
        far = int(abs(often / n - 1 / 3).argmax())
        raise CheckFailed(
            f"for {given}, your result hides position {far} in {often[far] / n:.0%} of the "
            "texts, expected about 33%. Every word must be equally likely.",
            hint="not_uniform",
        )
    pairs = list(itertools.combinations(range(WORDS), 2))
    both = np.array([(texts[..., i] & texts[..., j]).sum() for i, j in pairs])
    if unlikely(both, n, 1 / 12).any():  # 3/9 of 2/8
        far = int(abs(both / n - 1 / 12).argmax())
        raise CheckFailed(
            f"for {given}, your result hides positions {pairs[far][0]} and {pairs[far][1]} "
            f"together in {both[far] / n:.0%} of the texts, expected about 8%. Draw each "
            "position independently: no runs of neighbours, no fixed distances.",
            hint="not_independent",
        )
    if unlikely(alike, n - DRAWS, 1 / PATTERNS).any():
        raise CheckFailed(told, hint="same_for_all")
