"""Patterns in wrong numbers that say the same in every exercise: NaN, a sign, a missing axis.

Key idea: where no mistake of an exercise's own explains a wrong answer, what its results have in
common often does. A pattern has to hold for every wrong result. Part of the labs' checks (every
chapter).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from grooves.checks.survey import Finding
from grooves.checks.verdict import PATTERNS

LOOSE = 2e-2  # of a result that is right but for its rounding


def _each(shows: Callable[[Tensor, Tensor, float], bool]) -> Callable:
    """A pattern that can be seen in one result, and must be in all wrong ones."""
    return lambda wrong, _: all(
        shows(f.got.double(), f.expected.double(), max(f.tolerance, 1e-6)) for f in wrong
    )


def _near(a: Tensor, b: Tensor, tolerance: float) -> bool:
    return a.shape == b.shape and torch.allclose(a, b, rtol=tolerance, atol=tolerance)


def _told_apart(e: Tensor, tolerance: float) -> bool:
    """Whether a result is one that a pattern can be read off: not all 0, not all alike."""
    return bool(e.abs().max() > 10 * tolerance)


def _counts(e: Tensor, tolerance: float) -> bool:
    """Whether a result is a count, compared exactly: right or wrong, and never nearly right."""
    return tolerance <= 1e-6 and bool((e == e.trunc()).all())


def _not_finite(g: Tensor, e: Tensor, _) -> bool:
    return g.shape == e.shape and bool((~g.isfinite() & e.isfinite()).any())


def _papered_over(g: Tensor, e: Tensor, tolerance: float) -> bool:
    """Right wherever it is not a round number that stands for NaN or infinity."""
    if g.shape != e.shape or g.ndim == 0:
        return False
    off = (g - e).abs() > tolerance * (1 + e.abs())
    return bool(off.any()) and not bool(off.all()) and bool(((g == 0) | (g.abs() > 1e4))[off].all())


def _true_or_false(wrong: Sequence[Finding]) -> bool:
    return any(f.expected.dtype == torch.bool for f in wrong)


def _right_beside(wrong: Sequence[Finding], findings: Sequence[Finding]) -> list[Finding]:
    """The right results of the kind of the first wrong one, known by the mistakes it could have."""
    kind = [m.name for m in wrong[0].mistakes]
    right = [f for f in findings if not f.wrong and f.expected is not None]
    return [f for f in right if [m.name for m in f.mistakes] == kind]


def _left_out(g: Tensor, e: Tensor, tolerance: float) -> bool:
    """The last rows, or the last columns, are 0, and all others are right."""
    if g.shape != e.shape or g.ndim < 2:
        return False
    off = (g - e).abs() > tolerance * (1 + e.abs())
    if not off.any() or off.all() or bool(g[off].any()):
        return False
    # from some row, or some column, to the last one
    kept_rows, kept_columns = _last_true((g != 0).any(-1)), _last_true((g != 0).any(-2))
    rows, columns = (
        torch.arange(n) > kept
        for n, kept in zip(g.shape[-2:], (kept_rows, kept_columns), strict=True)
    )
    return bool((off <= rows[..., :, None]).all() or (off <= columns).all())


def _last_true(x: Tensor) -> int:
    """The last place along the last axis where anything is True, -1 without one."""
    places = x.flatten(0, -2).any(0).nonzero() if x.ndim > 1 else x.nonzero()
    return int(places[-1]) if len(places) else -1


def _one_factor(wrong: Sequence[Finding], findings: Sequence[Finding]) -> bool:
    """The same factor, other than 1 and -1, on every number of several results, and none right."""
    right = _right_beside(wrong, findings)
    if _true_or_false(wrong) or any(bool((f.expected.abs() > 1e-6).any()) for f in right):
        return False
    factors = []
    for f in wrong:
        g, e = f.got.double(), f.expected.double()
        counts = e.abs() > 1e-6
        if g.shape != e.shape or not counts.any() or not bool((g[~counts].abs() < 1e-6).all()):
            return False
        factors.append(g[counts] / e[counts])
    ratios = torch.cat([f.flatten() for f in factors])
    spread = float((ratios - ratios[0]).abs().max())
    other = abs(abs(float(ratios[0])) - 1) > 1e-4
    return (
        len(ratios) > 1 and len(wrong) > 1 and other and spread < 1e-4 * abs(float(ratios[0])) > 0
    )


def _one_offset(wrong: Sequence[Finding], findings: Sequence[Finding]) -> bool:
    if _true_or_false(wrong) or _right_beside(wrong, findings):
        return False
    gaps = [f.got.double() - f.expected.double() for f in wrong]
    gaps = torch.cat([gap.flatten() for gap in gaps])
    size = float(gaps.abs().max())
    return len(wrong) > 1 and len(gaps) > 1 and float((gaps - gaps[0]).abs().max()) < 1e-4 * size


def _never_varies(wrong: Sequence[Finding], findings: Sequence[Finding]) -> bool:
    """The same result for inputs whose right results differ."""
    told = [f for f in findings if f.got is not None and f.expected is not None]
    alike = all(_near(f.got.double(), told[0].got.double(), 1e-9) for f in told[1:])
    differ = any(not _near(f.expected.double(), told[0].expected.double(), 1e-4) for f in told[1:])
    return len(told) > 1 and alike and differ


def _rounded(g: Tensor, e: Tensor, tolerance: float) -> bool:
    """Right up to two per cent, or with so many digits after the point and no more."""
    if tolerance >= LOOSE or g.shape != e.shape:
        return False
    if not _told_apart(e, tolerance) or _counts(e, tolerance):
        return False
    few_digits = any(_near(g, e.round(decimals=digits), 1e-9) for digits in range(1, 7))
    near = torch.allclose(g, e, rtol=LOOSE, atol=tolerance)
    return few_digits or near


def _first_row_only(g: Tensor, e: Tensor, tolerance: float) -> bool:
    """Right in the first row, text or head of several, and nowhere near elsewhere."""
    if e.ndim == 0 or len(e) < 2:
        return False
    if g.shape == e.shape[1:]:
        return _near(g, e[0], tolerance)
    others = g[1:].abs().max() == 0 if g.shape == e.shape else False
    return bool(others) and _near(g[0], e[0], tolerance)


_PATTERNS: tuple[tuple[str, Callable, str], ...] = (
    (
        "same_result_for_all",
        _never_varies,
        "Your function returns the same whatever it is given: something is fixed in it that should "
        "come from its arguments.",
    ),
    (
        "not_finite",
        _each(_not_finite),
        "NaN comes from 0/0, inf - inf, as in the softmax of a row that is masked completely, the "
        "logarithm of a negative number or 0 * inf, as where a mask of 0 and 1 is multiplied by "
        "-inf; infinity comes from a number that is too large. "
        "Find the first step that gives one.",
    ),
    (
        "first_only",
        _each(_first_row_only),
        "The first row is right, and the others are missing: handle all rows of the first axis.",
    ),
    (
        "extra_axis",
        _each(lambda g, e, t: g.shape != e.shape and _near(g.squeeze(), e.squeeze(), t)),
        "The numbers are right, but an axis of size 1 is missing or too many: see keepdim, "
        "squeeze and unsqueeze.",
    ),
    (
        "transposed",
        _each(lambda g, e, t: e.ndim == 2 and _near(g.mT, e, t)),
        "The numbers are right, but rows and columns are swapped.",
    ),
    (
        "flattened",
        _each(lambda g, e, t: g.shape != e.shape and _near(g.flatten(), e.flatten(), t)),
        "The numbers are right and in order, but the shape is another.",
    ),
    (
        "sign_turned",
        _each(lambda g, e, t: _told_apart(e, t) and _near(-g, e, t)),
        "Likely mistake: the sign is turned.",
    ),
    (
        "truncated",
        _each(lambda g, e, t: _near(g, e.trunc(), 1e-9) and not _near(e, e.trunc(), t)),
        "The digits after the decimal point are missing: an integer type, `int()` or `//` cut them "
        "off.",
    ),
    (
        "one_factor",
        _one_factor,
        "Each wrong result is the right one times one number: a factor is missing or too many.",
    ),
    (
        "one_offset",
        _one_offset,
        "Each wrong result is the right one plus one number: a term is missing or too many.",
    ),
    (
        "left_out",
        _each(_left_out),
        "The last rows or columns are 0, the others are right: is a size fixed in your function?",
    ),
    (
        "replaced",
        lambda wrong, findings: (
            all(f.expected.is_floating_point() for f in wrong)
            and _each(_papered_over)(wrong, findings)
        ),  # of integers, 0 and -100 are words and targets
        "The other numbers are right, and here stands 0 or a huge number. Was this place never "
        "filled? Or was something cut off, or put in the place of NaN or infinity? Then change the "
        "formula so that neither arises.",
    ),
    (
        "rounded",
        _each(_rounded),
        "This is almost right: a small number was added, digits were rounded off, or a data type "
        "has too few of them.",
    ),
)

PATTERNS.update({name: (shows, says) for name, shows, says in _PATTERNS})
