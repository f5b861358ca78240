"""Check of lab 10: which feature a reward pays for, beyond what people like (chapter 10).

Key idea: one feature goes with the people's judgement, so it goes with the reward too; another one
is paid for besides; others are constant, large or explained by the judgement completely.
Letters: N stories, F features.
"""

from __future__ import annotations

import numpy as np
import torch

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import by_hand, judge_parts
from grooves.checks.compare import ORDINARY_TOLERANCE, number
from grooves.checks.feedback.rules import LAB, SHOULD
from grooves.checks.mistakes import Mistake, in_forms

PARTS = ("the feature", "the partial correlations")
NONE = 1e-7  # of its own size: what rounding leaves of a feature that is explained completely


def case(seed: int, N: int, F: int, paid: float = 0.6, special: str = ""):
    """Rewards (N,), judgements (N,) and features (N, F), float64.

    Feature 0 goes with the judgement; the last one is paid for, with this weight. special: feature
    1 is "constant", or "explained" by the judgement completely.
    """
    random = np.random.default_rng(seed)
    judged = random.normal(3, 1.5, N)
    x = random.normal(size=(N, F))
    x[:, 0] += 2.0 * (judged - 3)
    x[:, -1] += 0.4 * (judged - 3) * np.sign(paid)
    if special:
        x[:, 1] = 4.0 if special == "constant" else 2 * judged + 1
    rewards = 0.9 * judged + paid * x[:, -1] + 0.3 * x[:, -2] + 0.5 * random.normal(size=N)
    x = x * random.permutation(np.geomspace(0.2, 30, F)) + random.normal(0, 20, F)
    order = random.permutation(F)
    return torch.tensor(rewards * 2 - 7), torch.tensor(judged), torch.tensor(x[:, order])


def _residual(y: np.ndarray, x: np.ndarray, centre: bool = True) -> np.ndarray:
    """What the best line through x (N,) leaves of y, (N,) or (N, F); 0 where it is rounding."""
    x = x - x.mean() if centre else x
    y = y - y.mean(0) if centre else y
    left = y - np.multiply.outer(x, x @ y / (x @ x)) if y.ndim > 1 else y - x * (x @ y) / (x @ x)
    size = np.sqrt((y**2).mean(0))
    return np.where(np.sqrt((left**2).mean(0)) > NONE * np.maximum(size, 1), left, 0.0)


def _correlation(a: np.ndarray, b: np.ndarray, undefined: float = 0.0, centre=True) -> np.ndarray:
    """Of a, (N,) or (N, F), with every column of b, (N, F)."""
    a = a[:, None] if a.ndim == 1 else a
    if centre:
        a, b = a - a.mean(0), b - b.mean(0)
    top, size = (a * b).sum(0), np.sqrt((a**2).sum(0) * (b**2).sum(0))
    small = size <= NONE**2 * len(a)
    return np.where(small, undefined, top / np.where(small, 1, size))


def _partial(r, j, x, undefined=0.0):
    return _correlation(_residual(r, j), _residual(x, j), undefined)


def _with(values, pick=lambda c: np.abs(np.nan_to_num(c)).argmax()):
    def compute(rewards, judged, features):
        found = values(*(np.asarray(a, dtype=float) for a in (rewards, judged, features)))
        return pick(found), found

    return compute


right = _with(_partial)


def _standard(a):
    return (a - a.mean(0)) / a.std(0)


def _slopes(r, j, x):
    """Slopes of the reward's residual on each feature's, in units of the feature."""
    a, b = _residual(r, j), _residual(x, j)
    size = (b**2).sum(0)
    return np.where(size > 1e-9, a @ b / np.where(size > 1e-9, size, 1), 0.0)


NOTHING_LEFT = (
    "a feature that is constant, or explained by the judgement completely, has no residual but "
    "rounding errors. Their correlation means nothing, and 0 / 0 is NaN: set it to 0 where the "
    "residual is tiny beside the feature."
)

MISTAKES = (
    Mistake(
        "judgement_left_in",
        _with(lambda r, j, x: _correlation(r, x)),
        "that is the correlation with the whole reward. A feature that people like goes with a "
        "good reward too; remove what the judgement explains first.",
    ),
    *in_forms(
        "subtracted",
        "you subtract the judgement from the reward, but the two have different scales. Subtract "
        "what a line through the judgements predicts.",
        _with(lambda r, j, x: _correlation(r - j, x)),
        _with(lambda r, j, x: _correlation(_standard(r) - _standard(j), x)),
        _with(lambda r, j, x: _correlation(r - j, _residual(x, j))),
    ),
    *in_forms(
        "one_residual",
        "only one of the two is freed of what the judgement explains. Do it with the reward and "
        "with the feature.",
        _with(lambda r, j, x: _correlation(_residual(r, j), x)),
        _with(lambda r, j, x: _correlation(r, _residual(x, j))),
    ),
    Mistake(
        "slopes",
        _with(_slopes),
        "these are slopes, which depend on the unit of a feature. Correlations do not.",
    ),
    *in_forms(
        "covariances",
        "these are covariances, which depend on the unit of a feature. Divide by both standard "
        "deviations.",
        _with(lambda r, j, x: (_residual(r, j)[:, None] * _residual(x, j)).mean(0)),
        _with(lambda r, j, x: (_residual(r, j)[:, None] * _residual(x, j)).sum(0) / (len(r) - 1)),
        _with(lambda r, j, x: (_residual(r, j)[:, None] * _residual(x, j)).sum(0)),
    ),
    Mistake(
        "only_positive",
        _with(_partial, np.argmax),
        "you choose the largest correlation. A reward can be gamed by having less of a feature, so "
        "the largest absolute value counts.",
    ),
    Mistake(
        "smallest",
        _with(_partial, lambda c: np.abs(c).argmin()),
        "you choose the feature that is paid for least.",
    ),
    *in_forms(
        "not_centred",
        "your lines go through 0. Subtract the means first, or fit lines with an intercept.",
        _with(
            lambda r, j, x: _correlation(
                _residual(r, j, False), _residual(x, j, False), centre=False
            )
        ),
        _with(lambda r, j, x: _correlation(_residual(r, j, False), _residual(x, j, False))),
    ),
    Mistake(
        "with_judgement",
        _with(lambda r, j, x: _correlation(j, x)),
        "that is the correlation with the judgement: what people like, and not what is cheated.",
    ),
    Mistake(
        "exchanged",
        _with(lambda r, j, x: _partial(j, r, x)),
        "reward and judgement are exchanged: you ask what people like beyond the reward.",
    ),
    *in_forms(
        "nothing_left",
        NOTHING_LEFT,
        _with(lambda r, j, x: _partial(r, j, x, undefined=np.nan)),
        _with(lambda r, j, x: _partial(r, j, x, undefined=np.nan), lambda c: np.abs(c).argmax()),
    ),
)


def _refuse_rounding(got, expected: np.ndarray, given: str) -> None:
    """Refuse a correlation of rounding errors, whatever it is, if all others are right.

    Which value it has depends on how the line was fitted, so no `Mistake` could compute it.
    Raises: CheckFailed with the hint "nothing_left".
    """
    got = np.array([float(value) for value in got])
    if got.shape != expected.shape:
        return
    wrong = ~np.isclose(got, expected, rtol=ORDINARY_TOLERANCE, atol=ORDINARY_TOLERANCE)
    if wrong.any() and not expected[wrong].any():
        at = int(wrong.argmax())
        raise CheckFailed(
            f"for {PARTS[1]}, with {given}, your result at [{at}] is {number(got[at])}; "
            f"{SHOULD} 0.\n"
            f"Likely mistake: {NOTHING_LEFT}",
            hint="nothing_left",
        )


@check(lab=LAB, exercise="cheated_reward", returns=(tuple, list))
def cheated_reward(answer):
    """cheated_reward(rewards, judged, features): (N,), (N,), (N, F) -> int, (F,)."""

    def ask(call, made, note=""):
        given = f"features of shape {tuple(made[2].shape)}{note}"
        expected = dict(zip(PARTS, right(*made), strict=True))
        got = []

        def kept(*inputs):
            got.append(call(*inputs))
            return got[-1]

        judge_parts(kept, made, expected, MISTAKES, given, SHOULD)
        _refuse_rounding(got[-1][1], expected[PARTS[1]], given)

    ask(by_hand(answer), case(1, 12, 4))
    ask(answer, case(2, 12, 4))
    ask(answer, case(3, 40, 6, paid=-0.9), ", one of which lowers the reward")
    ask(answer, case(4, 40, 6, paid=-0.9), ", one of which lowers the reward")
    ask(answer, case(5, 9, 2))
    ask(answer, case(6, 500, 20))
    ask(answer, case(7, 60, 3))
    ask(answer, case(8, 30, 6, special="constant"), ", one of which is constant")
    ask(
        answer,
        case(9, 30, 6, special="explained"),
        ", one of which the judgement explains completely",
    )
