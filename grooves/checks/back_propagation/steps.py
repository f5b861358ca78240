"""Checks of lab 02, seventh part: a step with momentum, and a step of Adam (chapter 02).

Key idea: each step is compared with PyTorch's optimizer, several steps long, and each begins from
PyTorch's own state, so that the first wrong step is the one that is told.
"""

from __future__ import annotations

import numpy as np
import torch

from grooves.checks import check
from grooves.checks.arrays import draw, judge_parts
from grooves.checks.back_propagation.rules import LAB, by_hand
from grooves.checks.compare import Mistake, number

# ---- 10 step ---------------------------------------------------------------------------------


STEP_MISTAKES = (
    Mistake(
        "uphill",
        lambda w, v, g, lr, mu: (w + lr * (mu * v + g), mu * v + g),
        "the step goes uphill. The gradient says where the loss grows: subtract.",
    ),
    Mistake(
        "no_rate",
        lambda w, v, g, lr, mu: (w - (mu * v + g), mu * v + g),
        "the learning rate is missing from the step.",
    ),
    Mistake(
        "rate_in_velocity",
        lambda w, v, g, lr, mu: (w - mu * v - lr * g, mu * v + lr * g),
        "the learning rate went into the velocity. Here the velocity is μ v + g, and the rate "
        "comes in when w moves.",
    ),
    Mistake(
        "signed_velocity",
        lambda w, v, g, lr, mu: (w + mu * v - lr * g, mu * v - lr * g),
        "your velocity points downhill and holds the learning rate. Many books have it so; here "
        "it is μ v + g, and w moves by −η times it.",
    ),
    Mistake(
        "old_velocity",
        lambda w, v, g, lr, mu: (w - lr * v, mu * v + g),
        "w moves by the velocity of the step before. Renew the velocity first.",
    ),
    Mistake(
        "gradient_only",
        lambda w, v, g, lr, mu: (w - lr * g, mu * v + g),
        "w moves by the gradient, as without momentum. It moves by the velocity.",
    ),
    Mistake(
        "velocity_kept",
        lambda w, v, g, lr, mu: (w - lr * (mu * v + g), v),
        "w is right, but you return the old velocity.",
    ),
    Mistake(
        "averaged",
        lambda w, v, g, lr, mu: (w - lr * (mu * v + (1 - mu) * g), mu * v + (1 - mu) * g),
        "you take (1 − μ) of the gradient. Adam does that; here the gradient counts in full.",
    ),
    Mistake(
        "no_friction",
        lambda w, v, g, lr, mu: (w - lr * (v + g), v + g),
        "the velocity keeps all of itself. It keeps the share μ.",
    ),
    Mistake(
        "friction_everywhere",
        lambda w, v, g, lr, mu: (w - lr * mu * (v + g), mu * (v + g)),
        "μ shrinks the gradient too. It belongs to the old velocity alone.",
    ),
    Mistake(
        "looks_ahead",
        lambda w, v, g, lr, mu: (w - lr * (g + mu * (mu * v + g)), mu * v + g),
        "that is Nesterov's step, which looks ahead. Here w moves by the velocity as it is.",
    ),
    Mistake(
        "the_move_alone",
        lambda w, v, g, lr, mu: (-lr * (mu * v + g), mu * v + g),
        "that is the move. Return where w is after it.",
    ),
    Mistake(
        "exchanged",
        lambda w, v, g, lr, mu: (mu * v + g, w - lr * (mu * v + g)),
        "the two are exchanged: first the weights, then the velocity.",
    ),
)


@check(lab=LAB, exercise="step", points=1, returns=(tuple, list))
def step(answer):
    """step(w, velocity, g, lr, momentum) -> new weights, new velocity."""
    call = by_hand(answer)
    for lr, mu, shape in ((0.1, 0.0, (3,)), (0.25, 0.9, (2, 3)), (0.05, 0.5, (4, 1, 2))):
        w = torch.tensor(draw(24, *shape))
        optimizer, velocity = torch.optim.SGD([w], lr=lr, momentum=mu), np.zeros(shape)
        for t in range(1, 4):
            g = draw(30 + t, *shape)
            inputs = (w.numpy().copy(), velocity, g, lr, mu)
            w.grad = torch.tensor(g)
            optimizer.step()
            buffer = optimizer.state[w].get("momentum_buffer")
            velocity = g if buffer is None else buffer.numpy().copy()
            given = f"learning rate {number(lr)}, μ = {number(mu)}, step {t}"
            expected = {"the new weights": w.numpy().copy(), "the new velocity": velocity}
            judge_parts(call, inputs, expected, STEP_MISTAKES, given)
            call = answer


# ---- 11 adam ---------------------------------------------------------------------------------


def _adam(
    w, m, v, g, t, lr, beta1, beta2, eps,
    sign=-1, correct=(True, True), root=np.sqrt, square=np.square, late=0, inside=False,
    stored=False, kept=lambda beta: beta, of=lambda g, m: g,
):  # fmt: skip
    """Adam by formula, with a place for each mistake."""
    m = kept(beta1) * m + (1 - kept(beta1)) * g
    v = kept(beta2) * v + (1 - kept(beta2)) * square(of(g, m))
    mean = m / (1 - beta1 ** (t + late)) if correct[0] else m
    size = v / (1 - beta2 ** (t + late)) if correct[1] else v
    below = root(size + eps) if inside else root(size) + eps
    w = w + sign * lr * mean / below
    return (w, mean, size) if stored else (w, m, v)


def _with(**changes):
    return lambda *inputs: _adam(*inputs, **changes)


ADAM_MISTAKES = (
    Mistake(
        "uncorrected",
        _with(correct=(False, False)),
        "m and v began at 0 and are too small at first. Divide by 1 − β₁ᵗ and 1 − β₂ᵗ.",
    ),
    Mistake(
        "mean_uncorrected",
        _with(correct=(False, True)),
        "v is corrected and m is not. It began at 0 too: divide by 1 − β₁ᵗ.",
    ),
    Mistake(
        "square_uncorrected",
        _with(correct=(True, False)),
        "m is corrected and v is not. It began at 0 too: divide by 1 − β₂ᵗ.",
    ),
    Mistake(
        "stored_corrected",
        _with(stored=True),
        "you return the corrected m and v. The next step continues the uncorrected ones.",
    ),
    Mistake(
        "power_forgotten",
        lambda w, m, v, g, t, lr, b1, b2, eps: _adam(w, m, v, g, 1, lr, b1, b2, eps),
        "the correction is that of the first step, always. It is βᵗ: β to the power of t.",
    ),
    Mistake(
        "counted_late",
        _with(late=1),
        "the correction is one step ahead. t counts from 1, so it is βᵗ, not βᵗ⁺¹.",
    ),
    Mistake(
        "counted_early",
        _with(late=-1),
        "the correction is one step behind. t counts from 1, so it is βᵗ, not βᵗ⁻¹.",
    ),
    Mistake(
        "times_t",
        lambda w, m, v, g, t, lr, b1, b2, eps: _times_t(w, m, v, g, t, lr, b1, b2, eps),
        "the correction has β · t. It is βᵗ: β to the power of t.",
    ),
    Mistake(
        "square_of_mean",
        _with(of=lambda g, m: m),
        "v is made from the new m. It is a mean of the squares of g.",
    ),
    Mistake(
        "no_eps",
        lambda *inputs: _adam(*inputs[:-1], 0.0),
        "ε is missing. It is added to the root, so that nobody divides by 0.",
    ),
    Mistake("no_root", _with(root=lambda x: x), "you divide by v. Divide by its root."),
    Mistake(
        "eps_inside",
        _with(inside=True),
        "ε stands inside the root. It is added to the root.",
    ),
    Mistake(
        "not_squared",
        _with(square=lambda g: g, root=lambda x: np.sqrt(abs(x))),
        "v is a mean of the gradients. It is a mean of their squares.",
    ),
    Mistake("not_squared", _with(square=lambda g: g), "v is a mean of the gradients, not squared."),
    Mistake(
        "absolute",
        _with(square=abs, root=lambda x: x),
        "v is a mean of absolute values. It is a mean of squares.",
    ),
    Mistake("uphill", _with(sign=1), "the step goes uphill: subtract."),
    Mistake(
        "betas_exchanged",
        lambda w, m, v, g, t, lr, b1, b2, eps: _adam(w, m, v, g, t, lr, b2, b1, eps),
        "β₁ and β₂ are exchanged. β₁ belongs to m.",
    ),
    Mistake(
        "shares_exchanged",
        _with(kept=lambda beta: 1 - beta),
        "β and 1 − β are exchanged. β is the share of the old that is kept, and it is large.",
    ),
    Mistake(
        "sums",
        lambda w, m, v, g, t, lr, b1, b2, eps: _sums(w, m, v, g, t, lr, b1, b2, eps),
        "the new gradient counts in full. It counts 1 − β, since these are means.",
    ),
    Mistake(
        "raw_gradient",
        lambda w, m, v, g, t, lr, b1, b2, eps: _raw(w, m, v, g, t, lr, b1, b2, eps),
        "w moves by g over the root. It moves by the mean m.",
    ),
    Mistake(
        "no_rate",
        lambda w, m, v, g, t, lr, *rest: _adam(w, m, v, g, t, 1.0, *rest),
        "the learning rate is missing from the step.",
    ),
    Mistake(
        "the_move_alone",
        lambda w, *rest: (_adam(w, *rest)[0] - w, *_adam(w, *rest)[1:]),
        "the first array is the move. Return where w is after it.",
    ),
    Mistake(
        "state_kept",
        lambda w, m, v, *rest: (_adam(w, m, v, *rest)[0], m, v),
        "w is right, but you return the old m and v.",
    ),
)


def _times_t(w, m, v, g, t, lr, b1, b2, eps):
    _, m, v = _adam(w, m, v, g, t, lr, b1, b2, eps)
    return w - lr * (m / (1 - b1 * t)) / (np.sqrt(v / (1 - b2 * t)) + eps), m, v


def _sums(w, m, v, g, t, lr, b1, b2, eps):
    m, v = b1 * m + g, b2 * v + g**2
    return w - lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps), m, v


def _raw(w, m, v, g, t, lr, b1, b2, eps):
    _, m, v = _adam(w, m, v, g, t, lr, b1, b2, eps)
    return w - lr * g / (np.sqrt(v / (1 - b2**t)) + eps), m, v


@check(lab=LAB, exercise="adam", points=2, returns=(tuple, list))
def adam(answer):
    """adam(w, m, v, g, t, lr, beta1, beta2, eps) -> new weights, m and v, all uncorrected."""
    call = by_hand(answer)
    for lr, betas, eps, shape in (
        (0.1, (0.9, 0.98), 0.01, (3,)),
        (0.02, (0.8, 0.95), 1e-8, (2, 4)),
    ):
        w = torch.tensor(draw(25, *shape))
        optimizer = torch.optim.Adam([w], lr=lr, betas=betas, eps=eps)
        m, v = np.zeros(shape), np.zeros(shape)
        for t in range(1, 5):
            g = draw(40 + t, *shape)
            inputs = (w.numpy().copy(), m, v, g, t, lr, *betas, eps)
            w.grad = torch.tensor(g)
            optimizer.step()
            m, v = (optimizer.state[w][k].numpy().copy() for k in ("exp_avg", "exp_avg_sq"))
            given = f"learning rate {number(lr)}, β₁ = {betas[0]}, β₂ = {betas[1]}, t = {t}"
            expected = {"the new weights": w.numpy().copy(), "m": m, "v": v}
            judge_parts(call, inputs, expected, ADAM_MISTAKES, given)
            call = answer
