"""Check of lab 12: a step with loss scaling (chapter 12).

Key idea: one step is asked for from many states: a gradient so small that only 32 bits hold it, one
with an infinity, one with a NaN, a counter that is nearly full. Each state is the check's own, so
that the first wrong step is the one that is told.
"""

from __future__ import annotations

import numpy as np
import torch

from grooves.checks import CheckFailed, check, describe
from grooves.checks.arrays import by_hand
from grooves.checks.compare import as_tensor, close, number
from grooves.checks.precision_memory.rules import LAB, refuse
from grooves.checks.precision_memory.scaling_mistakes import INF, SCALING_MISTAKES, step

NAMES = ("the new weights", "the new scale", "the new count of good steps")
NAN = float("nan")
W = (0.75, -1.5, 0.2001, 1.25, -0.3, 2.5)  # as many of them as there are gradients
NEAR = 1e-6  # what 32 bits allow
# What the case is about: gradient, scale, good, rate, patience.
CASES = {
    "an ordinary gradient": ((64.0, -32.0, 8.0), 256.0, 3, 0.5, 10),
    "another one": ((-24.0, 80.0, 3.0), 128.0, 6, 0.375, 12),
    "gradients that are small without the scale": ((0.5, -0.25, 0.125), 2.0**24, 0, 2.0**23, 10),
    "one infinite gradient": ((1.0, INF, 2.0), 1024.0, 4, 0.1, 10),
    "an infinite one in the first place": ((INF, 0.0), 2.0**40, 2, 0.1, 10),
    "one gradient of minus infinity": ((-INF, 1.0, 2.0, 0.5), 1024.0, 9, 0.1, 10),
    "infinities of both signs": ((INF, -INF, 2.0, 1.0, 5.0), 3.0, 1, 0.1, 2),
    "one NaN": ((3.0, 1.0, NAN), 512.0, 2, 0.1, 4),
    "a NaN in the first place": ((NAN, 3.0, 1.0, 2.0), 2048.0, 5, 0.1, 6),
    "an infinite gradient and a scale of 1": ((INF,), 1.0, 0, 0.1, 3),
    "a NaN and a scale of 0.625": ((NAN, 1.0), 0.625, 0, 0.1, 3),
    "the last good step of a row": ((8.0, 4.0, -2.0), 64.0, 6, 0.25, 7),
    "the last one and a large scale": ((8.0, 4.0), 2.0**30, 299, 2.0**20, 300),
    "the last one and a small scale": ((0.5, 1.0, -2.0, 1.0, 1.0, 3.0), 0.375, 1, 0.25, 2),
    "patience for one step only": ((2.0,), 16.0, 0, 0.75, 1),
    "the last but one": ((8.0, 4.0, -2.0), 64.0, 5, 0.25, 7),
    "the third last": ((8.0, 4.0, -2.0), 64.0, 4, 0.25, 7),
    "a first good step": ((16.0, -8.0, 4.0), 32.0, 0, 0.1, 3),
    "a long row of good steps": ((16.0, -8.0, 4.0), 32.0, 1000, 0.1, 2000),
    "large gradients whose sum is more than 16 bits hold": ((4e4, 3e4, 8.0), 2.0**20, 2, 0.5, 10),
    "the largest gradient of 16 bits": ((65504.0, -65504.0), 2.0**15, 2, 0.5, 10),
    "steps that are small beside the weights": ((2.0, 2.0, 2.0), 1024.0, 1, 0.05, 5),
    "nothing but zeros": ((0.0, 0.0, 0.0, 0.0), 8.0, 1, 0.05, 5),
}


@check(lab=LAB, exercise="scaled_step", returns=(tuple, list))
def scaled_step(answer):
    """scaled_step(w, g, scale, good, lr, patience) -> new weights, new scale, new good."""
    call, got, inputs, given = by_hand(answer), [], [], []
    for name, (gradient, scale, good, lr, patience) in CASES.items():
        g = torch.tensor(gradient, dtype=torch.float16)
        w = torch.tensor(W[: len(g)])
        inputs.append((w, g, scale, good, lr, patience))
        given.append(f"{name}, scale = {number(scale)}, {good = }, {patience = }")
        got.append(_three(call(w.clone(), g.clone(), *inputs[-1][2:]), given[-1]))
        call = answer
    expected = [step(*one) for one in inputs]

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
