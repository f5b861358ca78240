"""Check of lab 02: a step of Adam (chapter 02).

Key idea: each step is compared with one step of PyTorch's optimizer from the same state, and no two
steps begin from the same state, so that nothing remembered from an earlier call helps.
"""

from __future__ import annotations

import numpy as np
import torch

from grooves.checks import check
from grooves.checks.arrays import draw, on_whole_numbers
from grooves.checks.back_propagation.rules import (
    LAB,
    PARTS,
    by_hand,
    judge_arrays,
)
from grooves.checks.compare import Mistake, number, shape_of

# ---- adam ---------------------------------------------------------------------------------


def _adam(
    w, m, v, g, t, lr, beta1, beta2, eps,
    correct=(True, True), root=np.sqrt, square=np.square, late=0, inside=False, stored=False,
    power=lambda beta, t: beta**t, sign=-1,
):  # fmt: skip
    """Adam by formula, with an option for each mistake."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * square(g)
    mean = m / (1 - power(beta1, t + late)) if correct[0] else m
    size = v / (1 - power(beta2, t + late)) if correct[1] else v
    w = w + sign * lr * mean / (root(size + eps) if inside else root(size) + eps)
    return (w, mean, size) if stored else (w, m, v)


def _with(**changes):
    return lambda *inputs: _adam(*inputs, **changes)


ADAM_MISTAKES = (
    Mistake(
        "uncorrected",
        _with(correct=(False, False)),
        "the bias correction is missing: m and v began at 0 and are too small at first. Divide by "
        "1 − β₁ᵗ and 1 − β₂ᵗ.",
    ),
    *(
        Mistake(
            "one_uncorrected",
            _with(correct=correct),
            "you correct only one of m and v, and both began at 0: divide m by 1 − β₁ᵗ and v by "
            "1 − β₂ᵗ.",
        )
        for correct in ((False, True), (True, False))
    ),
    Mistake(
        "no_power",
        _with(power=lambda beta, t: beta),
        "the correction uses β without the power t. Divide by 1 − β₁ᵗ and 1 − β₂ᵗ: beta1**t.",
    ),
    Mistake(
        "wrong_sign",
        _with(sign=1),
        "you add the step. The gradient points to where the loss grows: subtract.",
    ),
    Mistake(
        "stored_corrected",
        _with(stored=True),
        "you return the corrected m and v. The next step needs the uncorrected ones.",
    ),
    *(
        Mistake(
            "t_off_by_one",
            _with(late=late),
            "the correction uses t + 1 or t − 1. t counts from 1, so use βᵗ itself.",
        )
        for late in (1, -1)
    ),
    Mistake(
        "no_eps",
        lambda *inputs: _adam(*inputs[:-1], 0.0),
        "ε is missing. Add it to the square root, which avoids a division by 0.",
    ),
    Mistake("no_root", _with(root=lambda x: x), "you divide by v. Divide by its square root."),
    Mistake(
        "eps_inside",
        _with(inside=True),
        "ε is inside the square root. Add it to the root.",
    ),
    Mistake(
        "not_squared",
        _with(square=lambda g: g, root=lambda x: np.sqrt(abs(x))),
        "your v is a mean of the gradients. It should be a mean of their squares.",
    ),
    Mistake(
        "not_squared",
        _with(square=lambda g: g),
        "your v is a mean of the gradients. It should be a mean of their squares.",
    ),
    Mistake(
        "betas_swapped",
        lambda w, m, v, g, t, lr, b1, b2, eps: _adam(w, m, v, g, t, lr, b2, b1, eps),
        "β₁ and β₂ are swapped. β₁ belongs to m.",
    ),
    Mistake(
        "raw_gradient",
        lambda w, m, v, g, t, lr, b1, b2, eps: _raw(w, m, v, g, t, lr, b1, b2, eps),
        "you divide g by the square root. Divide the corrected mean m.",
    ),
)


def _raw(w, m, v, g, t, lr, b1, b2, eps):
    _, m, v = _adam(w, m, v, g, t, lr, b1, b2, eps)
    return w - lr * g / (np.sqrt(v / (1 - b2**t)) + eps), m, v


@check(lab=LAB, exercise="adam", returns=PARTS)
def adam(answer):
    """adam(w, m, v, g, t, lr, beta1, beta2, eps) -> new weights, m and v, all uncorrected."""
    call = by_hand(answer)
    for i, (t, lr, betas, eps, shape) in enumerate(
        (
            (1, 0.2, (0.9, 0.98), 0.01, (3,)),
            (3, 0.02, (0.8, 0.95), 1e-8, (2, 4)),
            (6, 0.5, (0.6, 0.7), 0.3, (2, 4)),
            (2, 0.05, (0.7, 0.99), 1.0, (5,)),
            (1000, 0.15, (0.85, 0.9995), 1e-6, ()),
            (4, 1.25, (0.55, 0.45), 0.02, (1, 1)),
            (5, 0.35, (0.0, 0.9), 0.05, (67, 2)),
        )
    ):
        w, m, v, g = (np.array(draw(n + i, *shape)) for n in (270, 280, 290, 300))
        m, v = (np.zeros(shape), np.zeros(shape)) if t == 1 else (m, np.array(v**2))
        _check_adam(call, w, m, v, g, t, lr, *betas, eps)
        call = answer
    one = (np.array([2.0]), np.array([0.5]), np.array([0.25]), np.array([4.0]))
    _check_adam(answer, *one, 2, 0.1, 0.5, 0.75, 0.5)
    two, zero = np.array([2.0, -3.0]), np.zeros(2)
    _check_adam(answer, two, 3e7 * two, 1e15 * two**2, 1e9 * two, 4, 0.25, 0.75, 0.92, 1e-3)
    what = "a large v and a gradient of 0, "
    _check_adam(answer, two, two, 100 + zero, zero, 7, 0.25, 0.75, 0.92, 1e-3, what)
    _check_adam(answer, two, zero, zero, zero, 3, 0.25, 0.75, 0.92, 1e-3, "all zeros, ")
    what = "a gradient as small as ε, "
    _check_adam(answer, two, zero, zero, two * 1e-8, 1, 0.4, 0.9, 0.96, 1e-8, what)
    w, m, g = np.array([1, -2, 40]), np.array([2, 0, 1]), np.array([0.5, 3.0, -1.5])
    inputs = (w, m, m, g, 4, 0.35, 0.65, 0.55, 0.1, "integers w, m and v, ")
    on_whole_numbers(_check_adam, answer, *inputs)
    inputs = (g, g / 4, g**2, w, 3, 0.35, 0.65, 0.55, 0.1, "integers g, ")
    on_whole_numbers(_check_adam, answer, *inputs)


def _check_adam(call, w, m, v, g, t, lr, beta1, beta2, eps, what="") -> None:
    weight = torch.tensor(w, dtype=torch.float64)
    optimizer = torch.optim.Adam([weight], lr=lr, betas=(beta1, beta2), eps=eps)
    mean, square = (torch.tensor(part, dtype=torch.float64) for part in (m, v))
    state = {"step": torch.tensor(t - 1.0), "exp_avg": mean, "exp_avg_sq": square}
    optimizer.state[weight].update(state)
    weight.grad = torch.tensor(g)
    optimizer.step()
    expected = {"the new weights": weight.numpy(), "m": mean.numpy(), "v": square.numpy()}
    given = (
        f"{what}w of shape {shape_of(w)}, learning rate {number(lr)}, β₁ = {beta1}, β₂ = {beta2}, "
        f"ε = {eps:g} and t = {t}"
    )
    inputs = (w, m, v, g, t, lr, beta1, beta2, eps)
    judge_arrays(call, inputs, expected, ADAM_MISTAKES, given)
