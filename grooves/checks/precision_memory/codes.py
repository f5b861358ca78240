"""Check of lab 12: weights as integers with a scale per row (chapter 12).

Key idea: the weights are made from codes and scales that the check chose, each a little off the
centre of its step. So the right codes are known, and no rounding of the last bit decides. Weights
that lie half-way are made so that they are exact.
Letters: R rows, C columns.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import by_hand
from grooves.checks.compare import shape_of
from grooves.checks.precision_memory.code_mistakes import CODE_MISTAKES
from grooves.checks.precision_memory.rules import LAB
from grooves.checks.survey import Finding
from grooves.checks.verdict import note

NAMES = ("scales", "codes")

OFF = np.array([0.29, -0.31, 0.41, -0.17])  # of a step: what rounding takes away
TIES = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])  # in steps: exact, however they are computed
SCALES = (
    np.array([811, 1283, 1789, 2819, 3331, 4871]) / 4096
)  # the largest codes times these are exact
TINY = 2.0**-70  # of a scale that a bound such as 1e-8 would change
READY_MADE = ("quantize_per_channel", "quantize_per_tensor", "fake_quantize_per_channel_affine")
# Shape and bits; the first two have one shape. Columns and rows alike, one row, one column.
CASES = (
    ((6, 6), 8),
    ((6, 6), 8),
    ((4, 11), 8),
    ((5, 9), 4),
    ((1, 7), 5),
    ((3, 1), 6),
    ((3, 12), 7),
    ((2, 13), 3),
    ((5, 7), 2),
    ((1, 1), 4),
)


def case(seed: int, shape: tuple[int, int], bits: int):
    """Weights (R, C), with the codes and scales that they were made from."""
    rng, limit = np.random.default_rng(seed), 2 ** (bits - 1) - 1
    rows, columns = shape
    scales = rng.permutation(SCALES)[:rows]
    codes = rng.integers(-limit + 1, limit, shape)  # no limit yet: one place a row is to have it
    off = rng.choice(OFF, shape)
    for row in range(rows):
        place = rng.integers(columns)
        codes[row, place], off[row, place] = limit * (-1) ** row, 0  # below 0 in every other row
    weight = torch.tensor(scales[:, None] * (codes + off), dtype=torch.float32)
    return weight, codes, scales


def with_ties(bits: int):
    """As `case`: three rows of weights half-way between two codes, the last one tiny."""
    limit = 2 ** (bits - 1) - 1
    steps = np.stack([[*TIES, limit], [-limit, *TIES], [*TIES[::-1], -limit]])
    scales = np.array([0.25, 2.0, TINY])
    return torch.tensor(scales[:, None] * steps).float(), np.rint(steps).astype(int), scales


def with_zeros():
    """As `case`: one row of zeros among others, one of tiny and one of huge weights."""
    weight, codes, scales = case(91, (4, 5), 4)
    for row in (0, 2, 3):  # and some zeros, one in a row or several
        few = np.argsort(abs(codes[row]))[: 1 + row % 2]
        weight[row, few], codes[row, few] = 0, 0
    weight[1], codes[1], scales[1] = 0, 0, 1
    weight[2], scales[2] = TINY * weight[2], TINY * scales[2]
    weight[3], scales[3] = weight[3] / TINY, scales[3] / TINY
    return weight, codes, scales


@check(lab=LAB, exercise="quantize", returns=(tuple, list))
def quantize(answer):
    """quantize(weight, bits) -> codes (R, C) as int8, and scales (R,)."""
    cases = [(*case(seed, *one), one[1]) for seed, one in enumerate(CASES)]
    cases += [(*with_ties(4), 4), (*with_ties(6), 6), (*with_zeros(), 4)]
    wrong, of_zeros = False, 1.0
    for i, (weight, codes, scales, bits) in enumerate(cases):
        call = answer if i else by_hand(answer, *READY_MADE)
        shape = tuple(weight.shape)
        zeros = " and a row of zeros" if not weight.any(dim=1).all() else ""
        given = f"weights of shape {shape}{zeros}, bits = {bits}"
        got = _two(call(weight.clone(), bits), shape, given)
        if zeros and got[0].shape == scales.shape:  # which other mistakes may have besides
            empty = ~weight.any(dim=1).numpy()
            of_zeros = next((s for s in got[0][empty] if s != 1), of_zeros)
            got[0][empty] = 1.0
        wrong |= _note_parts(got, (scales, codes), (weight, bits), given)
    if not wrong and of_zeros == 1:  # and where all rows are zeros
        given = "weights of shape (2, 3) and rows of zeros, bits = 8"
        scales, _ = _two(answer(torch.zeros(2, 3), 8), (2, 3), given)
        of_zeros = next((s for s in scales if s != 1), 1.0)
    if of_zeros != 1 and not wrong:
        raise CheckFailed(
            f"for {given}, your result has the scale {of_zeros:.3g} for that row. A row of zeros "
            "gets the scale 1: its largest magnitude would give the scale 0, and 0 / 0 is NaN.",
            hint="zero_row",
        )
    return "Codes times scales are within half a step of every weight."


def _two(result, shape, given: str) -> list[np.ndarray]:
    """A scale a row, and the codes, integers of eight bits, of what an answer returned."""
    if len(result) != 2:
        raise CheckFailed(
            f"expected two results, codes and scales, got {len(result)}.", hint="not_two"
        )
    codes, scales = (p if isinstance(p, Tensor) else torch.as_tensor(np.array(p)) for p in result)
    for wrong, found, name, says in (
        (
            scales.dtype == torch.int8 and codes.is_floating_point(),
            f"codes of {codes.dtype} and scales of {scales.dtype}",
            "swapped",
            "The two are swapped: return the codes first.",
        ),
        (
            codes.shape != shape,
            f"codes of shape {shape_of(codes)}",
            "shape",
            f"They must have the shape of the weights, {shape}.",
        ),
        (
            codes.dtype == torch.uint8,
            "codes of uint8",
            "unsigned",
            "It has no negative numbers: a code of −1 would become 255. Use torch.int8.",
        ),
        (
            codes.dtype != torch.int8,
            f"codes of {codes.dtype}",
            "codes_not_int8",
            f"They take {codes.element_size()} bytes each. Convert them to one-byte integers at "
            "the end: `.to(torch.int8)`.",
        ),
    ):
        if wrong:
            raise CheckFailed(f"for {given}, your result has {found}. {says}", hint=name)
    scales = scales.detach().cpu().double()
    if scales.numel() == 1:  # one for the whole matrix: a mistake that is known by its numbers
        scales = scales.reshape(-1).repeat(shape[0])
    scales = scales.reshape(-1) if scales.shape == (shape[0], 1) else scales
    return [scales.numpy().copy(), codes.detach().cpu().double().numpy()]


def _near(a, b) -> bool:
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-4, atol=0)


def _alike(some, others) -> bool:
    return all(_near(a, b) for a, b in zip(some, others, strict=True))


def _note_parts(got, right, inputs, given: str) -> bool:
    """Note both results of one call, scales and codes. Returns: whether one is wrong."""
    wrong = not _alike(got, right)

    def agrees(mistake):
        would = mistake.compute(*inputs)
        if len(would[0]) == len(inputs[0]):  # that of a row of zeros is looked at by itself
            would[0][~inputs[0].any(dim=1).numpy()] = 1
        return _alike(got, would) and not (wrong and _alike(would, right))

    which = 1 if _near(got[0], right[0]) else 0
    mine, its = (np.asarray(each[which], dtype=float) for each in (got, right))
    told = ""
    if mine.shape != its.shape:
        told = f"{NAMES[which]} of shape {shape_of(mine)}, expected {shape_of(its)}."
    elif wrong:
        off = np.nan_to_num(abs(mine - its) / (abs(its) if which == 0 else 1), nan=np.inf)
        at = tuple(int(i) for i in np.unravel_index(off.argmax(), off.shape))
        told = f"{NAMES[which]} with {mine[at]:.4g} at {list(at)}; it should be {its[at]:.4g}."
    told = f"for {given}, your result has {told}" if wrong else ""
    note(Finding(wrong, told, CODE_MISTAKES, agrees, *map(torch.as_tensor, (mine, its)), 1e-4))
    return wrong
