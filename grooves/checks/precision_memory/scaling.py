"""Check of lab 12: a step in 16 bits whose loss was scaled (chapter 12).

Key idea: one step is asked for from many states: a gradient so small that only 32 bits hold it, one
with an infinity, one with a NaN, a counter that is nearly full. Each state is the check's own, so
that the first wrong step is the one that is told.
"""

from __future__ import annotations

import numpy as np
import torch

from grooves.checks import CheckFailed, check, describe
from grooves.checks.compare import Mistake, as_tensor, close, written_by_hand
from grooves.checks.precision_memory.rules import LAB, refuse

NAMES = ("the new weights", "the new scale", "the new count of good steps")
INF, NAN = float("inf"), float("nan")
W = (0.75, -1.5, 0.2001)
NEAR = 1e-6  # what 32 bits allow
# What the case is about: gradient, scale, good, rate, patience.
CASES = {
    "an ordinary gradient": ((64.0, -32.0, 8.0), 256.0, 3, 0.5, 10),
    "gradients that are small without the scale": ((0.5, -0.25, 0.125), 2.0**24, 0, 2.0**23, 10),
    "one infinite gradient": ((1.0, INF, 2.0), 1024.0, 4, 0.1, 10),
    "one gradient of minus infinity": ((-INF, 1.0, 2.0), 1024.0, 9, 0.1, 10),
    "one NaN": ((3.0, 1.0, NAN), 512.0, 2, 0.1, 4),
    "the last good step of a row": ((8.0, 4.0, -2.0), 64.0, 6, 0.25, 7),
    "the last but one": ((8.0, 4.0, -2.0), 64.0, 5, 0.25, 7),
    "a first good step": ((16.0, -8.0, 4.0), 32.0, 0, 0.1, 3),
    "large gradients whose sum is more than 16 bits hold": ((4e4, 3e4, 8.0), 2.0**20, 2, 0.5, 10),
    "steps that are small beside the weights": ((2.0, 2.0, 2.0), 1024.0, 1, 0.05, 5),
}


def _step(
    w, g, scale, good, lr, patience, divide=True, skip="both", half=False, after=0, reset="both",
    grow=2.0, shrink=0.5, sign=-1, rounded=False,
):  # fmt: skip
    """By formula, with a place for each mistake.

    skip: what makes a step be left out. reset: after what the counter goes back to 0.
    """
    w, g = w.double(), g.double()
    bad = {
        "both": not torch.isfinite(g).all(),
        "inf": torch.isinf(g).any(),
        "nan": torch.isnan(g).any(),
        "above": (g == INF).any(),
        "never": False,
    }[skip]
    if bad:
        good = 0 if reset in ("both", "overflow") else good + (reset == "counts")
        return w, scale * shrink, good
    small = (g / scale).half().double() if half else g / scale if divide else g
    w = w + sign * lr * small
    if rounded:
        w = w.half().double()
    good = good + 1
    if good >= patience + after:
        return w, scale * grow, good if reset == "overflow" else 0
    return w, scale, good


def _with(**changes):
    return lambda *inputs: _step(*inputs, **changes)


def _each_step(w, g, scale, good, lr, patience):
    """A scale that grows after each good step."""
    fine = torch.isfinite(g).all()
    w, new, good = _step(w, g, scale, good, lr, patience)
    return w, 2 * scale if fine else new, good


def _all_out(w, g, scale, good, lr, patience):
    """The weights that met an infinity stay, the others move."""
    new = _step(w, g.where(torch.isfinite(g), torch.zeros(())), scale, good, lr, patience)
    fine = torch.isfinite(g).all()
    return (new[0], *(new[1:] if fine else (scale / 2, 0)))


def _half_step(w, g, scale, good, lr, patience):
    """The gradient was unscaled as it should be, and the step rounded to 16 bits."""
    new = _step(w, g, scale, good, lr, patience)
    return (_step(w, g, scale, good, lr, patience, rounded=True)[0], *new[1:])


def _in_half(step):
    """The step, step(g, scale, lr), is computed in 16 bits, since `g` has 16; the rest is right."""

    def compute(w, g, scale, good, lr, patience):
        moved, *rest = _step(w, g, scale, good, lr, patience)
        fine = torch.isfinite(g).all()
        return (w.double() - step(g, scale, lr).double() if fine else moved, *rest)

    return compute


def _grown_first(w, g, scale, good, lr, patience):
    """The scale is doubled before it is taken off."""
    moved, new, good = _step(w, g, scale, good, lr, patience)
    return (_step(w, g, new, good, lr, patience)[0] if new > scale else moved, new, good)


def _sum_asked(w, g, scale, good, lr, patience):
    """The sum of the gradients is asked whether it is finite."""
    lost = not torch.isfinite(g.sum())
    g = torch.full_like(g, INF) if lost else g
    return _step(w, g, scale, good, lr, patience)


SCALING_MISTAKES = (
    Mistake(
        "not_divided",
        _with(divide=False),
        "the scale is still in the gradient, so the step is too long by that factor. Divide by it.",
    ),
    Mistake(
        "divided_in_half",
        _with(half=True),
        "you divide in 16 bits, where what the scale saved becomes 0 again. Make the gradient 32 "
        "bits first: `g.float() / scale`.",
    ),
    Mistake(
        "divided_in_half",
        _in_half(lambda g, scale, lr: lr * (g / scale)),
        "you divide in 16 bits, where what the scale saved becomes 0 again. Make the gradient 32 "
        "bits first: `g.float() / scale`.",
    ),
    Mistake(
        "step_in_half",
        _in_half(lambda g, scale, lr: lr / scale * g),
        "a number times `g` has 16 bits, as `g` has, so the step was rounded to 16 bits. Make the "
        "gradient 32 bits before anything else: `g.float()`.",
    ),
    Mistake(
        "multiplied_in_half",
        _in_half(lambda g, scale, lr: lr * g / scale),
        "`lr` times `g` has 16 bits, as `g` has, and is more than they hold or was rounded. Begin "
        "with `g.float()`.",
    ),
    Mistake(
        "grown_first",
        _grown_first,
        "the scale was doubled before it was taken off the gradient. Divide by the one that the "
        "loss was multiplied by.",
    ),
    Mistake(
        "sum_asked",
        _sum_asked,
        "you ask whether the sum is finite. Finite gradients can add up to more than 16 bits hold: "
        "ask each, `torch.isfinite(g).all()`.",
    ),
    Mistake(
        "weights_in_half",
        _half_step,
        "the weights were rounded to 16 bits, which loses steps that are small beside them. Keep "
        "them in 32.",
    ),
    Mistake(
        "steps_anyway",
        _with(skip="never"),
        "the step is taken in spite of the infinity, and the weights are lost for good. Leave it "
        "out.",
    ),
    Mistake(
        "only_infinities",
        _with(skip="inf"),
        "a NaN is not an infinity, and ruins the weights as well: `torch.isfinite` asks for both.",
    ),
    Mistake(
        "only_nans",
        _with(skip="nan"),
        "an infinity is not a NaN, and ruins the weights as well: `torch.isfinite` asks for both.",
    ),
    Mistake(
        "only_plus_infinity",
        lambda *inputs: _step(*inputs, skip="above"),
        "you look for +∞ alone. There are −∞ and NaN as well: `torch.isfinite`.",
    ),
    Mistake(
        "some_weights_move",
        _all_out,
        "the weights whose gradient is fine move, the others stay. Where one gradient overflows "
        "the whole step is left out, or it would go in another direction.",
    ),
    Mistake(
        "not_halved",
        _with(shrink=1.0),
        "after an overflow the scale stays, so the next step overflows too. Halve it.",
    ),
    Mistake(
        "doubled_at_overflow",
        _with(shrink=2.0),
        "after an overflow the scale is doubled. It was too large: halve it.",
    ),
    Mistake(
        "halved_at_growth",
        _with(grow=0.5),
        "after enough good steps the scale is halved. It may be larger: double it.",
    ),
    Mistake(
        "grows_each_step",
        _each_step,
        "the scale grows after every good step, so every other step would be lost. Wait for "
        "`patience` of them.",
    ),
    Mistake("never_grows", _with(grow=1.0), "after `patience` good steps the scale is doubled."),
    Mistake(
        "grows_late",
        _with(after=1),
        "the scale grows one step late. The step that makes `good` equal to `patience` is it.",
    ),
    Mistake(
        "grows_early",
        _with(after=-1),
        "the scale grows one step early. Count this step, then compare with `patience`.",
    ),
    Mistake(
        "not_reset_at_overflow",
        _with(reset="growth"),
        "an overflow ends a row of good steps: set the count back to 0.",
    ),
    Mistake(
        "counts_overflow",
        _with(reset="counts"),
        "the lost step was counted as a good one. It sets the count back to 0.",
    ),
    Mistake(
        "not_reset_at_growth",
        _with(reset="overflow"),
        "once the scale has grown the count begins anew, or it would grow at each step.",
    ),
    Mistake("uphill", _with(sign=1), "the step goes uphill. Subtract it."),
)


@check(lab=LAB, exercise="scaled_step", points=3, returns=(tuple, list))
def scaled_step(answer):
    """scaled_step(w, g, scale, good, lr, patience) -> new weights, new scale, new good."""
    call, got, inputs, given = _by_hand(answer), [], [], []
    for name, (gradient, scale, good, lr, patience) in CASES.items():
        w, g = torch.tensor(W), torch.tensor(gradient, dtype=torch.float16)
        inputs.append((w, g, scale, good, lr, patience))
        given.append(f"{name}, {scale = :,.0f}, {good = }, {patience = }")
        got.append(_three(call(w.clone(), g.clone(), *inputs[-1][2:]), given[-1]))
        call = answer
    expected = [_step(*one) for one in inputs]

    def said(i):
        same = [_near(mine, right) for mine, right in zip(got[i], expected[i], strict=True)]
        part = same.index(False)
        mine, right = (_shown(results[i][part]) for results in (got, expected))
        return f"for {given[i]}, your result for {NAMES[part]} is {mine}; it should be {right}."

    refuse(got, expected, SCALING_MISTAKES, inputs, said, _alike)
    return f"{len(CASES)} steps, of which {_lost()} had to be left out."


def _near(a, b) -> bool:
    return close(as_tensor(a), as_tensor(b), NEAR)


def _alike(some, others) -> bool:
    return all(_near(a, b) for a, b in zip(some, others, strict=True))


def _shown(part) -> str:
    return ", ".join(f"{float(x):.6g}" for x in as_tensor(part).reshape(-1))


def _by_hand(answer):
    return lambda *inputs: written_by_hand(answer, *inputs)


def _lost() -> int:
    return sum(not np.isfinite(gradient).all() for gradient, *_ in CASES.values())


def _three(got, given: str) -> list:
    """The three results, with weights that have not become numbers of 16 bits."""
    if len(got) != 3:
        raise CheckFailed(
            f"expected three results, weights, scale and good, got {len(got)}.", hint="how_many"
        )
    w = torch.as_tensor(got[0])
    if w.dtype in (torch.float16, torch.bfloat16):
        raise CheckFailed(
            f"for {given}, your result has weights in {describe(w)}. Weights are a sum of many "
            "small steps: they stay in 32 bits.",
            hint="half_weights",
        )
    return [w.detach().cpu(), *(float(part) for part in got[1:])]
