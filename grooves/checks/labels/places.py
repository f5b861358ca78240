"""Check of lab 03: which words are hidden (chapter 03).

Key idea: a draw has no right value, but its rules can be counted. Every draw is counted text by
text; many of them together show what is drawn too often or never.
Letters: B texts, T places in each row.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import by_hand, untouched
from grooves.checks.labels.rules import ARRAY, LAB, array_of, obeys_its_generator

MANY = 300  # texts in the draw that shows what is never drawn


def _real(*lengths: int) -> np.ndarray:
    """True where a word stands, for texts of these lengths in rows of 2 more than the longest."""
    return np.arange(max(lengths) + 2) < np.array(lengths)[:, None]


MANY_TEXTS = np.repeat(_real(9, 6), MANY // 2, axis=0)


def _right_counts(real, share: float) -> np.ndarray:
    """How many are hidden in each row: the nearest whole number, at least one."""
    return np.array([max(1, round(share * int(n))) for n in real.sum(axis=1)])


COUNT_MISTAKES = (
    (
        "share_of_the_row",
        lambda real, share: np.minimum(real.sum(axis=1), max(1, round(share * real.shape[1]))),
        "you take the share of the whole row, padding included. Count the words of each text.",
    ),
    (
        "none_in_short_texts",
        lambda real, share: np.array([round(share * int(n)) for n in real.sum(axis=1)]),
        "in a short text the share rounds to 0, and nothing would be asked. Hide at least one.",
    ),
    (
        "rounded_down",
        lambda real, share: np.array([max(1, int(share * int(n))) for n in real.sum(axis=1)]),
        "you round down. Take the nearest whole number.",
    ),
    (
        "rounded_up",
        lambda real, share: np.ceil(share * real.sum(axis=1)).astype(int),
        "you round up. Take the nearest whole number.",
    ),
    (
        "one_each",
        lambda real, share: np.ones(len(real), dtype=int),
        "one word is hidden in every text, however long it is.",
    ),
)


@check(lab=LAB, exercise="draw_hidden", points=2, returns=ARRAY)
def draw_hidden(answer):
    """draw_hidden(real, share, rng) -> hidden (B, T): in each text its share, at least one."""

    def draw(call, real, share, rng):
        lengths = real.sum(axis=1)
        texts = ", ".join(map(str, lengths[:4])) + (", …" if len(lengths) > 4 else "")
        given = f"texts of {texts} words in rows of {real.shape[1]}, share {share}"
        got = untouched(call, "table of real words")(real, share, rng)
        got = array_of(got, real.shape, "True where a word is hidden", given)
        if not np.isin(got, (0, 1)).all():
            odd = got[~np.isin(got, (0, 1))][0]
            raise CheckFailed(
                f"for {given}, your result holds {odd}, where True and False are "
                "expected: a table of places, not a list of them.",
                hint="no_mask",
            )
        hidden = got.astype(bool)
        _examine(hidden, real, share, given, lambda: np.array(answer(MANY_TEXTS, 1 / 3, rng)))
        return hidden

    rng = np.random.default_rng(30)
    # A share of the whole row, 3, is no more than the shortest text has: NumPy can draw it.
    draw(by_hand(answer), _real(20, 7, 3, 11), 0.15, rng)
    draw(answer, _real(12, 8, 5), 0.4, rng)
    draw(answer, _real(2, 1), 0.15, rng)
    draw(answer, _real(4), 1.0, rng)

    hidden = draw(answer, MANY_TEXTS, 1 / 3, rng)
    _spread(hidden[: MANY // 2, :9], f"{MANY // 2} texts of 9 words, share 1/3")
    obeys_its_generator(
        lambda rng: draw(answer, MANY_TEXTS, 1 / 3, rng), np.array_equal, f"{MANY} texts, share 1/3"
    )
    draw(answer, _real(6, 4)[:, ::-1], 0.5, rng)  # padded in front
    return "Every text is asked something, and never about its padding."


def _examine(hidden, real, share: float, given: str, many) -> None:
    """Whether one draw keeps the rules; `many()` draws for MANY_TEXTS, to find out why not."""
    counts, right = hidden.sum(axis=1), _right_counts(real, share)
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
        f"{row}, expected {right[row]}.\nLikely mistake: "
    )
    of_many = many().reshape(MANY, -1).sum(axis=1)
    varied = len(set(of_many[: MANY // 2])) > 1
    for name, compute, says in COUNT_MISTAKES:
        cases = ((real, share, counts), (MANY_TEXTS, 1 / 3, of_many))  # one alone may be chance
        if all(np.array_equal(compute(table, part), found) for table, part, found in cases):
            raise CheckFailed(told + says, hint=name)
    if (of_many <= _right_counts(MANY_TEXTS, 1 / 3)).all() and (of_many > 0).all():
        name = "drawn_twice"
        says = "some places are drawn twice, so fewer are hidden. Draw without replacement."
    elif varied and of_many.max() <= round(MANY_TEXTS.shape[1] / 3):
        name = "padding_taken_off"
        says = (
            "you draw among all places of a row and take the padding off afterwards, so fewer "
            "are left. Draw among the places of the words alone."
        )
    elif varied:
        name = "chance"
        says = (
            "each word is hidden by a lot of its own, so their number is a matter of luck. Fix the "
            "number first, then draw the places."
        )
    else:
        name, says = "unrecognised", "none of the usual ones. Count what you hide in each row."
    raise CheckFailed(told + says, hint=name)


def _spread(hidden, given: str) -> None:
    """Whether all places of texts of one length are drawn about equally often."""
    if (hidden == hidden[0]).all():
        raise CheckFailed(
            f"for {given}, your result hides the places {np.flatnonzero(hidden[0]).tolist()} in "
            "every text. Draw anew for each row.",
            hint="same_everywhere",
        )
    often = hidden.mean(axis=0)
    far = int(abs(often - often.mean()).argmax())
    if abs(often[far] - often.mean()) > 0.2:  # five standard errors of a fair draw
        raise CheckFailed(
            f"for {given}, your result hides place {far} in {often[far]:.0%} of the texts, "
            f"expected about {often.mean():.0%}. Every word must have the same chance.",
            hint="unfair",
        )
