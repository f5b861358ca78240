"""Part of a check of lab 12: what goes wrong in a step with loss scaling (chapter 12).

Key idea: one formula has a place for each mistake, so that the right step and all wrong ones differ
in one place.
"""

from __future__ import annotations

import torch

from grooves.checks.mistakes import Mistake, in_forms

INF = float("inf")


def step(
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
    return lambda *inputs: step(*inputs, **changes)


def _grows_always(w, g, scale, good, lr, patience):
    """A scale that grows after each good step."""
    fine = torch.isfinite(g).all()
    w, new, good = step(w, g, scale, good, lr, patience)
    return w, 2 * scale if fine else new, good


def _all_out(w, g, scale, good, lr, patience):
    """The weights that met an infinity stay, the others move."""
    new = step(w, g.where(torch.isfinite(g), torch.zeros(())), scale, good, lr, patience)
    fine = torch.isfinite(g).all()
    return (new[0], *(new[1:] if fine else (scale / 2, 0)))


def _rounded_weights(w, g, scale, good, lr, patience):
    """The gradient was unscaled as it should be, and the step rounded to 16 bits."""
    new = step(w, g, scale, good, lr, patience)
    return (step(w, g, scale, good, lr, patience, rounded=True)[0], *new[1:])


def _in_half(way):
    """The step, way(g, scale, lr), is computed in 16 bits, since `g` has 16; the rest is right."""

    def compute(w, g, scale, good, lr, patience):
        moved, *rest = step(w, g, scale, good, lr, patience)
        fine = torch.isfinite(g).all()
        return (w.double() - way(g, scale, lr).double() if fine else moved, *rest)

    return compute


def _grown_first(w, g, scale, good, lr, patience):
    """The scale is doubled before the gradient is divided by it."""
    moved, new, good = step(w, g, scale, good, lr, patience)
    return (step(w, g, new, good, lr, patience)[0] if new > scale else moved, new, good)


def _sum_checked(w, g, scale, good, lr, patience):
    """The sum of the gradients is checked, not each of them."""
    lost = not torch.isfinite(g.sum())
    g = torch.full_like(g, INF) if lost else g
    return step(w, g, scale, good, lr, patience)


def _overflow(new_scale, count=None):
    """Another scale or count after an overflow; both get the scale or the count from before."""

    def compute(w, g, scale, good, lr, patience):
        moved, new, counted = step(w, g, scale, good, lr, patience)
        if torch.isfinite(g).all():
            return moved, new, counted
        return moved, new_scale(scale), 0 if count is None else count(good)

    return compute


def _growth(grows, scale_of=lambda scale: 2 * scale):
    """Other steps at which the scale grows: grows(good of this step, patience)."""

    def compute(w, g, scale, good, lr, patience):
        moved, new, _ = step(w, g, scale, good, lr, patience)
        if not torch.isfinite(g).all():
            return moved, new, 0
        grown = grows(good + 1, patience)
        return (moved, scale_of(scale), 0) if grown else (moved, scale, good + 1)

    return compute


def _max_checked(w, g, scale, good, lr, patience):
    """The largest gradient is checked, not each of them."""
    if torch.isfinite(g.max()):
        return step(w, g, scale, good, lr, patience, skip="never")
    return w, scale / 2, 0


SCALING_MISTAKES = (
    *in_forms(
        "not_unscaled",
        "the gradient is still multiplied by the scale, so the step is too long by that factor. "
        "Divide by it.",
        _with(divide=False),
        lambda w, g, scale, *rest: step(w, g.double() * scale**2, scale, *rest),
    ),
    *in_forms(
        "half_precision_step",
        "the step is computed in fp16, the precision of `g`, in which small numbers underflow to "
        "0 and large ones overflow. Convert first: `g.float()`.",
        _with(half=True),
        _in_half(lambda g, scale, lr: lr * (g / scale)),
        _in_half(lambda g, scale, lr: lr / scale * g),
        _in_half(lambda g, scale, lr: lr * g / scale),
    ),
    Mistake(
        "grown_first",
        _grown_first,
        "you double the scale before you divide the gradient by it. Divide by the scale that the "
        "loss was multiplied by.",
    ),
    *in_forms(
        "sum_checked",
        "you check whether the sum is finite. Finite gradients can add up to more than fp16 "
        "holds, so check each of them: `torch.isfinite(g).all()`.",
        _sum_checked,
        lambda w, g, *rest: (
            _sum_checked(w, g.abs(), *rest)
            if not torch.isfinite(g.abs().sum())
            else step(w, g, *rest)
        ),
    ),
    *in_forms(
        "half_precision_weights",
        "the weights were rounded to 16 bits, which loses steps that are small relative to them. "
        "Keep them in 32 bits.",
        _rounded_weights,
    ),
    *in_forms(
        "overflow_missed",
        "you make a step although a gradient is infinite or NaN, and such weights never recover. "
        "`torch.isfinite` is False for NaN and for both infinities.",
        *(_with(skip=skip) for skip in ("never", "inf", "nan", "above")),
        _max_checked,
    ),
    Mistake(
        "partial_step",
        _all_out,
        "the weights with finite gradients move and the others stay. Where one gradient "
        "overflows, skip the whole step, or its direction changes.",
    ),
    *in_forms(
        "scale_after_overflow",
        "after an overflow your scale is not half of what it was. Halve it, whatever it is.",
        *(
            _overflow(new)
            for new in (
                lambda s: s,
                lambda s: 2 * s,
                lambda s: s / 4,
                lambda s: max(s / 2, 1.0),
                lambda s: s // 2,
                lambda s: max(s // 2, 1.0),
                lambda s: 1.0,
                lambda s: 0.5,
            )
        ),
        lambda *inputs: (lambda w, s, n: (w, max(s, 1.0), n))(*step(*inputs)),
    ),
    *in_forms(
        "scale_after_growth",
        "after `patience` good steps in a row your scale is not twice what it was. Double it "
        "then, and only then.",
        _with(grow=1.0),
        _with(grow=0.5),
        _grows_always,
        _growth(lambda n, patience: n == patience, lambda s: s + 1),
        _growth(lambda n, patience: n == patience, lambda s: min(2 * s, 65536.0)),
        _growth(lambda n, patience: n == patience, lambda s: s**2),
    ),
    *in_forms(
        "growth_at_wrong_step",
        "your scale grows at the wrong step. It grows at the step that makes the count equal to "
        "`patience`: `good + 1 == patience`.",
        *(
            _growth(grows)
            for grows in (
                lambda n, patience: n >= patience - 1,
                lambda n, patience: n == patience - 1,
                lambda n, patience: n >= patience + 1,
                lambda n, patience: n % 10 == 0,
                lambda n, patience: n >= 4,
            )
        ),
        _with(after=1),
        _with(after=-1),
    ),
    *in_forms(
        "wrong_count",
        "your count is wrong. It restarts at 0 after an overflow and after the scale has grown; "
        "any other good step adds 1.",
        _with(reset="growth"),
        _with(reset="counts"),
        _with(reset="overflow"),
        _overflow(lambda s: s / 2, lambda good: 1),
        lambda *inputs: (lambda w, s, n: (w, s, n - (n > 0)))(*step(*inputs)),
        lambda *inputs: (lambda w, s, n: (w, s, 1 if s > inputs[2] else n))(*step(*inputs)),
    ),
    Mistake(
        "uphill", _with(sign=1), "you add the gradient, which increases the loss. Subtract it."
    ),
)
