"""Check of lab 03: which words are hidden (chapter 03).

Key idea: a draw has no right value, but its rules can be counted. Every draw is counted text by
text; many of them together show what is drawn too often, too seldom or together.
Letters: B texts, T places in each row.
"""

from __future__ import annotations

import itertools

import numpy as np

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import by_hand
from grooves.checks.labels.rules import ARRAY, LAB, array_of, obeys_its_generator, unlikely

MANY = 300  # texts in each of the draws whose frequencies are judged
DRAWS = 10
WORDS = 9  # of every other of these texts
PATTERNS = 84  # ways to hide 3 of 9


def _real(*lengths: int) -> np.ndarray:
    """True where a word stands, for texts of these lengths in rows of 2 more than the longest."""
    return np.arange(max(lengths) + 2) < np.array(lengths)[:, None]


MANY_TEXTS = np.repeat(_real(WORDS, 6), MANY // 2, axis=0)


def _right_counts(real, fraction: float) -> np.ndarray:
    """How many are hidden in each row: the nearest integer, at least one."""
    return np.array([max(1, round(fraction * int(n))) for n in real.sum(axis=1)])


def _of_the_first(real, fraction: float) -> np.ndarray:
    return np.full(len(real), _right_counts(real, fraction)[0])


COUNT_MISTAKES = (
    (
        "share_of_the_row",
        lambda real, fraction: np.minimum(
            real.sum(axis=1), max(1, round(fraction * real.shape[1]))
        ),
        "you take the fraction of the whole row, padding included. Count the words of each text.",
    ),
    (
        "none_in_short_texts",
        lambda real, fraction: np.array([round(fraction * int(n)) for n in real.sum(axis=1)]),
        "in a short text the fraction rounds to 0, and nothing would be asked. Hide at least one.",
    ),
    (
        "rounded_down",
        lambda real, fraction: np.array([max(1, int(fraction * int(n))) for n in real.sum(axis=1)]),
        "you round down. Take the nearest integer.",
    ),
    (
        "rounded_up",
        lambda real, fraction: np.ceil(fraction * real.sum(axis=1)).astype(int),
        "you round up. Take the nearest integer.",
    ),
    (
        "one_each",
        lambda real, fraction: np.ones(len(real), dtype=int),
        "one word is hidden in every text, however long it is.",
    ),
    (
        "always_15_percent",
        lambda real, fraction: _right_counts(real, 0.15),
        "the fraction is always 0.15. Use the argument `fraction`.",
    ),
    (
        "number_of_the_first",
        _of_the_first,
        "as many are hidden in every text as in the first. Each text has a number of its own.",
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
                f"for {given}, your result holds {odd}, where True and False are "
                "expected: a table of places, not a list of them.",
                hint="no_mask",
            )
        hidden = got.astype(bool)
        _examine(
            hidden, real, fraction, given, lambda: np.array(answer(MANY_TEXTS.copy(), 1 / 3, rng))
        )
        return hidden

    rng = np.random.default_rng(30)
    # A fraction of the whole row, 3, is no more than the shortest text has: NumPy can draw it.
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
    draw(answer, _real(6, 4)[:, ::-1].copy(), 0.5, rng)  # padded in front
    draw(answer, np.roll(_real(8, 3), 1, axis=1), 0.8, rng)  # and at both ends
    draw(answer, np.array([[1, 0, 1, 1, 0, 1, 1], [0, 1, 0, 0, 1, 0, 1]]) > 0, 0.7, rng)
    return "Every text is asked something, and never about its padding."


def _examine(hidden, real, fraction: float, given: str, many) -> None:
    """Whether one draw keeps the rules; `many()` draws for MANY_TEXTS, to find out why not."""
    counts, right = hidden.sum(axis=1), _right_counts(real, fraction)
    outside = hidden & ~real
    if np.array_equal((real & ~hidden).sum(axis=1), right) and not np.array_equal(counts, right):
        raise CheckFailed(
            f"for {given}, your result is True for {counts[0]} places of row 0, expected "
            f"{right[0]}.\nLikely mistake: True stands where a word stays, and False where it is "
            "hidden. Here True means hidden.",
            hint="turned_round",
        )
    if outside.any():
        row, place = np.argwhere(outside)[0]
        in_front = np.arange(real.shape[1]) < real.sum(axis=1)[:, None]
        if not (hidden & ~in_front).any():
            raise CheckFailed(
                f"for {given}, your result hides place {place} of row {row}, where there is no "
                "word: this row begins with padding. How many words there are does not say where. "
                "`np.flatnonzero(real[row])` does.",
                hint="counted_from_the_front",
            )
        raise CheckFailed(
            f"for {given}, your result hides place {place} of row {row}, where there is no word. "
            "Draw among the places where `real` is True.",
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
    """The likely reason for numbers that are not right, here and for MANY_TEXTS."""
    cases = ((real, fraction, counts), (MANY_TEXTS, 1 / 3, of_many))  # one alone may be chance
    for name, compute, says in COUNT_MISTAKES:
        if all(np.array_equal(compute(table, part), found) for table, part, found in cases):
            return name, f"Likely mistake: {says}"
    long = of_many[: MANY // 2]
    varied = len(set(long)) > 1
    if varied and all(found.sum() == round(part * table.sum()) for table, part, found in cases):
        return "drawn_from_the_whole_batch", (
            "Likely mistake: the number is right for all texts together, but you draw among all "
            "their words at once. Draw in each row."
        )
    twice = WORDS * (1 - (1 - 1 / WORDS) ** 3)  # mean number of different places in three draws
    if (of_many > 0).all() and long.max() <= 3 and abs(long.mean() - twice) < 0.2:
        return "drawn_twice", (
            "Likely mistake: some places are drawn twice, so fewer are hidden. Draw without "
            "replacement."
        )
    if varied and of_many.max() <= round(MANY_TEXTS.shape[1] / 3):
        return "padding_taken_off", (
            "Likely mistake: you draw among all places of a row and take the padding off "
            "afterwards, so fewer are left. Draw among the places of the words alone."
        )
    if varied:
        return "chance", (
            "For texts of equal length the number is not the same either: it is left to chance. "
            "Fix the number first, then draw that many places."
        )
    return "unrecognised", "This is none of the usual mistakes. Count what you hide in each row."


def _spread(draws) -> None:
    """Whether all places of texts of one length are drawn equally often and independently.

    draws: (D, B, T), whose first texts have nine words.
    """
    texts = draws[:, : MANY // 2, :WORDS]
    n = texts.shape[0] * texts.shape[1]
    given = f"{n} texts of {WORDS} words, fraction 1/3"
    alike = [(texts[:, 1:] == texts[:, rows]).all(axis=2).sum() for rows in (slice(1), slice(-1))]
    told = (
        f"for {given}, your result hides the same places in text after text, such as "
        f"{np.flatnonzero(texts[0, 0]).tolist()}. Draw again for each row."
    )
    if max(alike) > n / 2:
        raise CheckFailed(told, hint="same_everywhere")
    if (draws == draws[0]).all():
        return  # the generator is not used, which is told next
    often = texts.sum(axis=(0, 1))
    if unlikely(often, n, 1 / 3).any():
        far = int(abs(often / n - 1 / 3).argmax())
        raise CheckFailed(
            f"for {given}, your result hides place {far} in {often[far] / n:.0%} of the texts, "
            "expected about 33%. Every word must have the same chance.",
            hint="unfair",
        )
    pairs = list(itertools.combinations(range(WORDS), 2))
    both = np.array([(texts[..., i] & texts[..., j]).sum() for i, j in pairs])
    if unlikely(both, n, 1 / 12).any():  # 3/9 of 2/8
        far = int(abs(both / n - 1 / 12).argmax())
        raise CheckFailed(
            f"for {given}, your result hides places {pairs[far][0]} and {pairs[far][1]} together "
            f"in {both[far] / n:.0%} of the texts, expected about 8%. Draw each place "
            "independently: no runs of neighbours, no fixed distances.",
            hint="together",
        )
    if unlikely(alike, n - DRAWS, 1 / PATTERNS).any():
        raise CheckFailed(told, hint="same_everywhere")
