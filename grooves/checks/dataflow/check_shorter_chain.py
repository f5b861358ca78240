"""Check of lab 14, challenge: a block with a shorter critical path (chapter 14).

Key idea: the answer is plain PyTorch. It is compared with the block in double precision, then
compiled for the simulated chip, which must give the same numbers in 32 bits in the cycles that
were promised. What is on the critical path says which idea is missing.
Letters: C channels, T earlier tokens, N inputs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from grooves.checks import CheckFailed, check, describe
from grooves.checks.dataflow.chain_block import EPS, Block, C, T, compiled, inputs, on_chip
from grooves.checks.dataflow.rules import LAB
from grooves.hardware.dataflow import Chip, Program, critical_path

BAR = 400  # cycles
NEAR = 2e-3


def by_algebra(
    block: Block, x: Tensor, centred=True, eps=EPS, divided=True, scaled=True, squared=True,
    residual=True, second="own", relu=True,
) -> Tensor:  # fmt: skip
    """The block with its norms and its division behind the products; a place for each mistake."""

    def scale(x: Tensor) -> Tensor:
        mean = x.mean() if centred else 0.0
        return ((x - mean).square().mean() + eps).rsqrt()

    def centre(x: Tensor) -> Tensor:
        return x - x.mean() if centred else x

    first = scale(x)
    scores = block.keys @ (block.query @ centre(x))
    weights = (scores * first if scaled else scores).exp()
    y = block.out @ (weights @ block.values)
    y = y / weights.sum() if divided else y
    before, x = x, x + y
    hidden = block.up @ centre(x)
    hidden = (hidden.relu() if relu else hidden).square()
    last = {"own": scale(x), "first": scale(before), "none": torch.ones(())}[second]
    return (x if residual else y) + (block.down @ hidden) * (last.square() if squared else last)


# Of each mistake its name, what it changes, and what to say.
MISTAKES = (
    (
        "scale_not_squared",
        dict(squared=False),
        "the scale of the second norm passes a square: (r · h)² is r² · h². Behind the square, and "
        "behind `down`, multiply by r².",
    ),
    (
        "mean_kept",
        dict(centred=False),
        "the norm subtracts the mean before it scales. Where a matrix A meets a centred vector, A "
        "can be centred instead, before the program runs: subtract from each row its mean.",
    ),
    (
        "no_eps",
        dict(eps=0.0),
        "the norm adds 1e-5 to the variance, which counts where x is small.",
    ),
    (
        "not_divided",
        dict(divided=False),
        "the division by the sum of the weights is missing. It may come later, but it has to come.",
    ),
    (
        "not_scaled",
        dict(scaled=False),
        "the scores are not scaled by the first norm. This has to happen before `exp`.",
    ),
    (
        "first_scale_again",
        dict(second="first"),
        "the second norm uses the scale of the first. x has changed between them.",
    ),
    (
        "no_second_norm",
        dict(second="none"),
        "the second norm does not scale. What it would have divided by may come behind `down`.",
    ),
    (
        "no_residual",
        dict(residual=False),
        "x itself is missing in the result: both halves of the block add something to x.",
    ),
    ("no_relu", dict(relu=False), "relu is missing: without it, negative numbers are squared too."),
)


@check(lab=LAB, exercise="shorter_chain")
def shorter_chain(answer):
    """shorter_chain(block) -> a function (C,) -> (C,) that computes the same as the block."""
    block = Block(seed=41)
    function = answer(block)
    if not callable(function):
        raise CheckFailed(
            "your function must return a function of x, or a module. It returned "
            f"{describe(function)}.",
            hint="wrong_type",
        )
    given = f"a block of {C} channels and {T} earlier tokens"
    _judge_outputs(function, block, given)
    program = _program(function, given)
    cycles = program.cycles
    if cycles > BAR:
        name, why = why_long(program)
        raise CheckFailed(
            f"for {given}, your result takes {cycles} cycles; the bar is {BAR}.\n"
            f"Likely mistake: {why}",
            hint=name,
        )
    computed, executed = on_chip(program)
    _judge_chip(computed, block, given)
    if executed != {cycles}:
        raise RuntimeError(f"the chip took {executed} cycles instead of {cycles}")
    before = compiled(block).cycles
    return f"{cycles} cycles, as the compiler promised; the block as it was written takes {before}."


def race(answer) -> int:
    """The cycles of an answer on the simulated chip. Nothing is graded.

    Raises: CheckFailed where its results differ from the block's.
    """
    block = Block(seed=41)
    function = answer(block)
    _judge_outputs(function, block, "the race's block")
    cycles = _program(function, "the race's block").cycles
    print(f"score {cycles}: cycles per token, {Chip().clock_hz / cycles:,.0f} tokens per second.")
    return cycles


def _program(function: Callable, given: str) -> Program:
    """The compiled function, which has run in PyTorch before.

    Raises: CheckFailed with "in_place", "branches", "numpy" or "no_rule".
    """
    try:
        return compiled(function)
    except Exception as error:  # the tracer raises errors of many types
        name, why = why_not_compiled(error)
    raise CheckFailed(f"for {given}, your result cannot be compiled: {why}", hint=name) from None


def why_not_compiled(error: Exception) -> tuple[str, str]:
    """The name of what the compiler cannot take, and what to do about it."""
    told = str(error)
    operation = told.partition("no rule for the PyTorch operation ")[2].split(" ")[0]
    kind = operation.removeprefix("aten.").split(".")[0]
    if kind.endswith("_"):
        return "in_place", (
            f"it changes a tensor in place ({operation}). Compute a new tensor instead, for "
            "instance x = x + y in place of x += y."
        )
    if "data-dependent" in told or kind == "item":
        return "branches", (
            "it takes a number out of a tensor, for an `if`, `float` or `.item()`, for instance. "
            "The program has to be the same for every x, so nothing in it may depend on the "
            "values in x except by operations on tensors."
        )
    if "numpy" in told.lower() or "data pointer" in told:
        return "numpy", (
            "it calls NumPy. The compiler sees PyTorch's operations alone, so write the function "
            "that you return with tensors; outside it you may use NumPy."
        )
    first = (told.splitlines() or [type(error).__name__])[0].removesuffix(" in ").rstrip(".")
    return "no_rule", (
        f"{first}.\nThe compiler knows products with a matrix of weights, + − · /, sums and means, "
        "square, sqrt, rsqrt, exp, relu, reshaping, torch.cat and layer_norm. Compute constants "
        "outside the function that you return."
    )


def _expected(block: Block) -> Tensor:
    precise = Block(seed=41).double()
    precise.load_state_dict(block.state_dict())
    return torch.stack([precise(x.double()) for x in inputs()])


def _far(got: Tensor, expected: Tensor) -> Tensor:
    """Of each number its distance, relative where it is large: (N, C)."""
    return ((got - expected).abs() / (1 + expected.abs())).nan_to_num(math.inf)


def _judge_outputs(function: Callable, block: Block, given: str) -> None:
    with torch.no_grad():
        expected = _expected(block)
        results = [torch.as_tensor(function(x.clone())).double() for x in inputs()]
        if results[0].shape != (C,):
            raise CheckFailed(
                f"for {given}, your result has the shape {tuple(results[0].shape)}; it should be "
                f"({C},).",
                hint="wrong_shape",
            )
        got = torch.stack(results)
        far = _far(got, expected)
        if far.max() <= NEAR:
            return
        row = int(far.max(1).values.argmax())
        place = int(far[row].argmax())
        told = (
            f"for {given}, your result has {got[row, place]:.4g} in channel {place}, for an x with "
            f"a standard deviation of {inputs()[row].std():.2g}; it should be "
            f"{expected[row, place]:.4g}."
        )
        for name, changes, says in MISTAKES:
            like = torch.stack([by_algebra(block, x, **changes) for x in inputs()]).double()
            if _far(got, like).max() <= NEAR:
                raise CheckFailed(f"{told}\nLikely mistake: {says}", hint=name)
    raise CheckFailed(
        f"{told}\nThis is none of the usual mistakes. Change one line of the block at a time, and "
        "compare after each.",
        hint="unrecognised",
    )


def _judge_chip(computed: np.ndarray, block: Block, given: str) -> None:
    with torch.no_grad():
        far = float(_far(torch.from_numpy(computed).double(), _expected(block)).max())
    if far > NEAR:
        raise CheckFailed(
            f"for {given}, your result is right in PyTorch, but {far:.2g} off on the chip. Does it "
            "subtract two large numbers that are nearly equal?",
            hint="other_on_chip",
        )


def why_long(program: Program) -> tuple[str, str]:
    """The idea that would shorten a program most, from the neighbours on its critical path."""
    kinds = {o.name: o.kind for o in program.operations}
    sums = {o.name for o in program.operations if o.tile.startswith("sum of")}
    path = [one["name"] for one in critical_path(program.schedule)]
    path = [name for name in path if kinds[name] != "install"]
    pairs = list(itertools.pairwise(path))
    several = [(a, b) for a, b in pairs if kinds[a] == kinds[b] == "multiply" and a not in sums]
    products = sum(kind == "multiply" for kind in map(kinds.get, path))
    chip = program.chip
    each = chip.latency("matrix", "multiply") + 2 * chip.travel("vector", "matrix")
    said = f"{products} products follow each other on the critical path, each of which takes about "
    said += f"{each} cycles with the way there and back. "
    if several:
        return "not_folded", said + (
            "Two matrices follow each other with nothing between them: A @ (B @ x) is (A @ B) @ x, "
            "and A @ B can be computed before the program runs, because it depends on weights "
            "alone."
        )
    scaled = [(a, b) for a, b in pairs if kinds[a] == "mul" and kinds[b] == "multiply"]
    if scaled:
        return "scaled_early", said + (
            "A vector is scaled by one number, and then multiplied by a matrix: the product waits "
            "for the number. A @ (r · x) is r · (A @ x), in which both are computed at the same "
            "time."
        )
    if any(kinds[a] == "sub" and kinds[b] == "multiply" and b not in sums for a, b in pairs):
        return "mean_not_folded", said + (
            "The mean is subtracted from a vector, which is then multiplied by a matrix A: the "
            "product waits for the mean. To subtract the mean is linear, so it can be multiplied "
            "into A before the program runs: A @ (x - x.mean()) is A_centred @ x, where A_centred "
            "is A with the mean of each row subtracted from the row."
        )
    if any(kinds[a] == "sub" and kinds[b] == "square" for a, b in pairs):
        return "variance_waits", said + (
            "A variance waits for the mean. It need not: it is the mean of the squares minus the "
            "square of the mean, and these two are computed at the same time."
        )
    return "too_long", said + (
        "For each of them, look at what it waits for. Could it be computed from x directly, and "
        "what it waits for be multiplied or added behind it?"
    )
