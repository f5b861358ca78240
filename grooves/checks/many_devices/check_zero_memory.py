"""Check of lab 13: what each device stores under ZeRO (chapter 13).

Key idea: all four stages, with one device and many, so that what is divided and what is not shows.
"""

from __future__ import annotations

from grooves.checks import check
from grooves.checks.many_devices.rules import LAB, judge_figures
from grooves.checks.mistakes import Mistake, in_forms

SIZES = ((7_000_000_000, 8), (124_000_000, 1), (1_000_000, 3), (70_000_000_000, 64), (3, 7))
CASES = tuple((*sizes, stage) for sizes in SIZES for stage in (0, 1, 2, 3))


def right(n, d, stage, weight=2, gradient=2, optimizer=12, from_=(3, 2, 1)):
    """Bytes per device, with a place for each mistake. from_: the stages that divide each part."""
    parts = zip((weight, gradient, optimizer), from_, strict=True)
    return n * sum(each / (d if stage >= first else 1) for each, first in parts)


def _with(**changes):
    return lambda *inputs: right(*inputs, **changes)


MISTAKES = (
    *in_forms(
        "optimizer_forgotten",
        "the optimizer's 12 bytes are missing, or a part of them: a 32-bit copy of each weight and "
        "two 32-bit moments.",
        _with(optimizer=0),
        _with(optimizer=8),
        _with(optimizer=4),
    ),
    *in_forms(
        "gradients_forgotten",
        "the gradients are missing, 2 bytes each.",
        _with(gradient=0),
    ),
    *in_forms(
        "weights_forgotten",
        "the 16-bit weights are missing. The 32-bit copy that the optimizer keeps comes on top.",
        _with(weight=0),
    ),
    *in_forms(
        "all_in_32_bits",
        "in mixed precision weights and gradients have 16 bits.",
        _with(weight=4, gradient=4, optimizer=8),
        _with(weight=4, gradient=4),
        _with(weight=4),
        _with(gradient=4),
    ),
    Mistake(
        "everything_divided",
        lambda n, d, stage: right(n, d, 3 if stage else 0),
        "you divide everything from stage 1 on. Stage 1 divides the optimizer's part only.",
    ),
    Mistake(
        "nothing_divided",
        lambda n, d, stage: right(n, d, 0),
        "you divide nothing. From stage 1 on, a part is divided between the devices.",
    ),
    Mistake(
        "always_divided",
        lambda n, d, stage: right(n, d, 3),
        "you divide everything, whatever the stage.",
    ),
    *in_forms(
        "stage_off_by_one",
        "your stages are one off. Stage 1 divides the optimizer's part, stage 2 the gradients too, "
        "stage 3 the weights too.",
        lambda n, d, stage: right(n, d, stage + 1),
        lambda n, d, stage: right(n, d, stage - 1),
    ),
    *in_forms(
        "other_order",
        "you divide the parts in another order. The optimizer's part is the largest and comes "
        "first, then the gradients, then the weights.",
        _with(from_=(1, 2, 3)),
        _with(from_=(2, 1, 3)),
        _with(from_=(1, 3, 2)),
        _with(from_=(3, 1, 2)),
    ),
    Mistake(
        "only_this_part",
        lambda n, d, stage: (
            n * sum(b / (d if stage == s else 1) for b, s in ((2, 3), (2, 2), (12, 1)))
        ),
        "you divide one part in each stage. A stage divides what the stages before it divide, too.",
    ),
    Mistake(
        "divided_is_gone",
        lambda n, d, stage: (
            n * sum(b * (0 if stage >= s and d > 1 else 1) for b, s in ((2, 3), (2, 2), (12, 1)))
        ),
        "you leave out what is divided. A device still keeps its share.",
    ),
    *in_forms(
        "gigabytes",
        "bytes are asked for.",
        lambda *inputs: right(*inputs) / 1e9,
        lambda *inputs: right(*inputs) / 2**30,
        lambda *inputs: right(*inputs) * 8,
    ),
)


@check(lab=LAB, exercise="zero_memory")
def zero_memory(answer):
    """zero_memory(n_parameters, n_devices, stage) -> bytes on each device."""
    names = ("n_parameters", "n_devices", "stage")
    judge_figures(answer, names, CASES, right, ("the bytes",), MISTAKES, ("bytes",))
