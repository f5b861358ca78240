"""Check of lab 02, fifth part: gradients of every tensor of a graph (chapter 02).

Key idea: the gradients of all tensors are compared with PyTorch's, from the result back, so that
the first wrong one shows where the answer went wrong. Each mistake is a backward pass with one bug.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import compare_parts, draw
from grooves.checks.back_propagation.faulty_backward import BACKWARD_MISTAKES
from grooves.checks.back_propagation.graphs import (
    FINISHED,
    cancelled,
    layer,
    long_way_round,
    meeting,
    one_by_one,
    random_graph,
    shut,
    stacked,
    twice_used,
    walked,
)
from grooves.checks.back_propagation.rules import LAB, TOLERANCE, by_hand
from grooves.models.autograd import Tensor

# ---- 8 backward ------------------------------------------------------------------------------


GRAPHS = (
    (twice_used, (np.array(2.0), np.array(3.0)), "w = 2, x = 3 in (w·x + w − 5)²"),
    (twice_used, (np.array(3e4), np.array(-2e5)), "w = 30000, x = −200000 in (w·x + w − 5)²"),
    (long_way_round, (np.array(0.5),), "a = 0.5 in a·exp(tanh(a)) + a"),
    (meeting, (np.array(0.7), np.array(-0.4)), "a = 0.7, b = −0.4 and c = a·b + a"),
    (
        layer,
        (draw(19, 5, 3), draw(20, 3, 4), draw(21, 4), draw(22, 5, 1)),
        "a layer of 5 pictures, 3 inputs and 4 neurons",
    ),
    (lambda a: {"loss": a}, (np.array(4.0),), "1 tensor that was not computed"),
    (one_by_one, (draw(23, 1, 3), draw(24, 3, 1)), "a (1, 3) @ b (3, 1), of shape (1, 1)"),
    (lambda a: {"loss": a}, (np.array([[4.0]]),), "1 tensor of shape (1, 1)"),
    (shut, (np.array(-2.0), np.array(3.0)), "a = −2, b = 3 in ReLU(a)·b, whose gradients are 0"),
    (shut, (-np.ones((1, 1)), np.zeros(1)), "a of shape (1, 1) and b of shape (1,) in ReLU(a)·b"),
    (
        stacked,
        tuple(draw(25, 3)),
        "a tensor computed from 3 others, from one twice",
    ),
    (stacked, tuple(draw(26, 131)), "a tensor that was computed from 131 others"),
    (cancelled, (np.array(0.5), np.array(3.0)), "a = 0.5, b = 3 in (a − a)·b + b"),
)
SHAPES = ((3, 4), (4,), (3, 1), (), (1, 4), (1, 1))  # of leaves that are broadcast
N_RANDOM = 24


@check(lab=LAB, exercise="backward", returns=dict)
def backward(answer):
    """backward(result) -> for every tensor of the graph its gradient, in a dict."""
    call, first = by_hand(answer, FINISHED), None
    for graph, leaves, given in GRAPHS:
        tensors = [*map(Tensor, leaves)]
        _check_graph(call, graph, tensors, given)
        call, first = answer, first or (graph, tensors)
    for seed in range(N_RANDOM):
        shapes = SHAPES[: 1 + seed % 6] if seed % 2 else 3 * ((),)
        leaves = [Tensor(draw(100 * seed + i, *shape)) for i, shape in enumerate(shapes)]
        given = f"a random graph of {seed % 9 + 2} operations and {len(leaves)} leaves"
        _check_graph(answer, random_graph(seed, seed % 9 + 2), leaves, given)
    _check_again(answer, *first)
    _check_chain(answer)


def _check_graph(call: Callable, graph: Callable, leaves: list[Tensor], given: str) -> None:
    """Compare the gradients that an answer finds with PyTorch's."""
    nodes = graph(*leaves)
    torchs = graph(*(torch.tensor(leaf.data, requires_grad=True) for leaf in leaves))
    expected = torch.autograd.grad(torchs["loss"], list(torchs.values()))
    result = nodes["loss"]
    parents = {node: list(node.parents) for node in nodes.values()}
    with np.errstate(all="ignore"):
        got = _found(call, result, given)
        if any(node.parents != before for node, before in parents.items()):
            raise CheckFailed(
                f"with {given}, your function changed the parents of a tensor, and so the graph. "
                "Other code still needs it: read it, and remove nothing.",
                hint="changed_graph",
            )
        right = dict(zip(nodes, expected, strict=True))
        _check_keys(got, nodes, given, lambda name: not right[name].any())
        # from the result back: the first wrong gradient shows where the answer went wrong
        back = dict(reversed(nodes.items()))
        compare_parts(
            _arrays(got, back.values()),
            (result, list(back.values())),
            {f"the gradient of {name}": right[name] for name in back},
            BACKWARD_MISTAKES,
            given,
            tolerance=TOLERANCE,
        )


def _check_again(answer: Callable, graph: Callable, leaves: list[Tensor]) -> None:
    """Leaves that an earlier call has seen, and new ones of the same values, must give one result.

    Raises: CheckFailed with the hint "remembers".
    """
    given = "a second graph of the same leaves w and x"
    fresh = [Tensor(leaf.data.copy()) for leaf in leaves]
    seen_before, anew = graph(*leaves), graph(*fresh)
    got, right = (_found(answer, nodes["loss"], given) for nodes in (seen_before, anew))
    same = len(got) == len(right) == len(anew) and all(
        np.allclose(*_arrays({0: got.get(seen_before[name]), 1: right.get(node)}, (0, 1)))
        for name, node in anew.items()
        if node in right and seen_before[name] in got
    )
    if not same:
        raise CheckFailed(
            f"for {given}, your function returns other gradients than for new leaves, or gradients "
            "of tensors that are not in it. Something outlives the call: a global variable, a dict "
            "as a default argument, or a number kept in a tensor. Create it inside the function.",
            hint="remembers",
        )


def _found(call: Callable, result: Tensor, given: str) -> dict:
    """What the answer returns; the message names a tensor whose gradient is read too early."""
    try:
        return call(result)
    except KeyError as error:
        if not (error.args and isinstance(error.args[0], Tensor)):
            raise
        raise CheckFailed(
            f"for {given}, your code reads the gradient of {error.args[0]!r}, which has none yet "
            "(KeyError).\nLikely mistake: you do not begin at the result. "
            "in_order ends with it: use reversed(in_order(result)).",
            hint="wrong_end",
        ) from None


def _check_chain(answer: Callable) -> None:
    """The gradient doubles at each rung of a ladder that has 2⁴⁰ paths."""
    got, rungs = walked(answer, 40)
    given = "a chain of 41 tensors, each added to itself"
    _check_keys(got, rungs, given)
    right = {f"the gradient of {name}": 2.0 ** (40 - i) for i, name in enumerate(rungs)}
    compare_parts(_arrays(got, rungs.values()), (), right, (), given, "it should be")


def _arrays(got: dict, nodes) -> list:
    """The gradients of these tensors, as arrays where they came as tensors."""
    return [g.data if isinstance(g, Tensor) else g for g in map(got.get, nodes)]


def _check_keys(
    got: dict, nodes: dict[str, Tensor], given: str, is_zero=lambda name: False
) -> None:
    if got and not any(isinstance(key, Tensor) for key in got):
        raise CheckFailed(
            f"the keys of your dict look like {next(iter(got))!r:.40}. Use the tensors themselves: "
            "found[node].",
            hint="keys",
        )
    missing = [name for name, node in nodes.items() if node not in got]
    if missing == ["loss"]:
        raise CheckFailed(
            "the result itself is not in your dict. Its gradient is 1: begin with it.",
            hint="no_result",
        )
    if missing and all(map(is_zero, missing)):
        raise CheckFailed(
            f"with {given}, the gradient of {missing[0]} is not in your dict. All its "
            "elements are 0, but the dict must contain it.",
            hint="missing",
        )
    if missing:
        raise CheckFailed(
            f"with {given}, the gradient of {missing[0]} is not in your dict.\n"
            "Likely mistake: you go through the order in the wrong direction, stop early, or keep "
            "only the leaves.",
            hint="missing",
        )
