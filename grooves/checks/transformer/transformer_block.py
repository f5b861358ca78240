"""Check of lab 04, third part: the block (chapter 04).

Key idea: the block receives its parts, so how they are built does not matter; the check tests where
the norms, the residual additions and the activation function are.
Shapes: B texts, T words, C channels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from grooves.checks import again, check
from grooves.checks.compare import Mistake, compare, draw, shape_of, written_by_hand

LAB = "04_transformer"


# ---- 7 the block -----------------------------------------------------------------------------


def _norm(x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:])


def _block(x, attend, up, down, first=_norm, second=_norm, activate=lambda h: h.relu().square()):
    """The right block, or one with a part replaced."""
    x = x + attend(first(x))
    return x + down(activate(up(second(x))))


def _same(x: Tensor) -> Tensor:
    return x


def _post_norm(x, attend, up, down):
    x = _norm(x + attend(x))
    return _norm(x + down(up(x).relu().square()))


def _side_by_side(x, attend, up, down):
    return x + attend(_norm(x)) + down(up(_norm(x)).relu().square())


def _squared_after_down(x, attend, up, down):
    x = x + attend(_norm(x))
    return x + down(up(_norm(x)).relu()).square()


def _norm_kept(x, attend, up, down):
    x = _norm(x)
    x = _norm(x + attend(x))
    return x + down(up(x).relu().square())


def _no_first_residual(x, attend, up, down):
    x = attend(_norm(x))
    return x + down(up(_norm(x)).relu().square())


def _no_second_residual(x, attend, up, down):
    x = x + attend(_norm(x))
    return down(up(_norm(x)).relu().square())


def _norm_of_output(x, attend, up, down):
    x = x + _norm(attend(x))
    return x + _norm(down(up(x).relu().square()))


def _norm_of_both(x, attend, up, down):
    x = x + _norm(attend(_norm(x)))
    return x + _norm(down(up(_norm(x)).relu().square()))


BLOCK_MISTAKES = (
    *(
        Mistake(
            "normalised_over_words",
            lambda *parts, first=first: _block(
                *parts, *[lambda x: F.layer_norm(x, x.shape[first:])] * 2
            ),
            "the norm takes several words together, so each depends on the others, later ones "
            "included. Normalise each word over its channels: the shape is x.shape[-1:].",
        )
        for first in (0, 1)
    ),
    *(
        Mistake(
            "output_normalised",
            compute,
            "you normalise the outputs of attend and down. Normalise their inputs, and add their "
            "outputs as they are.",
        )
        for compute in (_norm_of_output, _norm_of_both)
    ),
    Mistake(
        "post_norm",
        _post_norm,
        "you normalise after each addition (post-norm), as the paper of 2017 did. Here each part "
        "gets a normalised copy, and the residual stream itself is not normalised.",
    ),
    Mistake(
        "stream_normalised",
        _norm_kept,
        "the normalised x replaces x, so the residual stream is normalised too. "
        "Normalise only the inputs of attend and up.",
    ),
    Mistake(
        "no_first_residual",
        _no_first_residual,
        "what attend returns replaces x. Add it to x.",
    ),
    Mistake(
        "no_second_residual",
        _no_second_residual,
        "what down returns replaces x. Add it to x.",
    ),
    Mistake(
        "no_first_norm",
        lambda *parts: _block(*parts, first=_same),
        "attend gets x without a norm. Normalise it first.",
    ),
    Mistake(
        "no_second_norm",
        lambda *parts: _block(*parts, second=_same),
        "up gets x without a norm. Normalise it first.",
    ),
    *(
        Mistake(
            "relu_not_squared",
            compute,
            "the result of the ReLU is not squared. Square it before down.",
        )
        for compute in (lambda *parts: _block(*parts, activate=torch.relu), _squared_after_down)
    ),
    Mistake(
        "squared_before_relu",
        lambda *parts: _block(*parts, activate=torch.square),
        "you square before the ReLU, so negative numbers pass. Apply the ReLU first.",
    ),
    Mistake(
        "no_norms",
        lambda *parts: _block(*parts, first=_same, second=_same),
        "there are no norms. attend and up each get a normalised copy of x.",
    ),
    Mistake(
        "parallel",
        _side_by_side,
        "both parts read the same x. The MLP should read the stream after attention was added.",
    ),
)


@check(lab=LAB, exercise="block", returns=Tensor)
def block(answer):
    """block(x, attend, up, down): x (B, T, C) -> (B, T, C).

    The parts are functions, which the framework does not copy, so here only x is passed again.
    """

    def judge(call, B, T, C, seed=20, alike=False):
        x = 2 * draw(seed, B, T, C) + 1
        if alike:  # words whose channels have no variance, by which the norm must not divide
            x[0, 0], x[0, 1], x[0, 2] = 0, 2, x[0, 2] / 1_000
        mean = torch.ones(T, T).tril() / torch.arange(1, T + 1)[:, None]  # over the words so far
        gather, widen = draw(seed + 1, C, C), draw(seed + 2, C, 4 * C)
        narrow = draw(seed + 3, 4 * C, C, scale=0.2)

        def to(matrix, weights=None):
            """A part of the block that accepts any float precision."""
            return lambda h: (h if weights is None else weights.to(h) @ h) @ matrix.to(h)

        parts = (to(gather, mean), to(widen), to(narrow))
        given = f"x of shape {shape_of(x)}"
        given += ", some words of which have equal or nearly equal channels" if alike else ""
        expected = _block(x.double(), *parts)

        def of_x(x):
            return call(x, *parts)

        before = again.before((x,), {})
        handed_over = x.clone()
        got = of_x(handed_over)
        compare(got, expected, BLOCK_MISTAKES, (x, *parts), given, "the right one is")
        again.refuse_changed(before, (handed_over,), {})
        return of_x, again.after(before, got, (handed_over,), {})

    asked = [
        judge(lambda *inputs: written_by_hand(answer, *inputs), 2, 5, 6),
        judge(answer, 2, 5, 6, seed=30),
        judge(answer, 1, 3, 8),
        judge(answer, 3, 1, 11),
        judge(answer, 1, 4, 6, seed=40, alike=True),
        judge(answer, 70, 2, 3),
        judge(answer, 1, 300, 2),
        judge(answer, 1, 2, 150),
    ]
    again.refuse_overwritten([kept for _, kept in asked if kept])
    for of_x, kept in asked:
        again.refuse_memory(of_x, [kept] if kept else [])
