"""Check of lab 02, fifth part: blame walked back through a graph (chapter 02).

Key idea: the gradients of all tensors are compared with PyTorch's, from the result back, so that
the first wrong one is where the walk went wrong. The mistakes are walks with one fault each.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import NOT_THIS, compare_parts, draw
from grooves.checks.back_propagation.order import (
    FINISHED,
    by_first_meeting,
    layer,
    long_way_round,
    meeting,
    reached,
    twice_used,
    walked,
)
from grooves.checks.back_propagation.rules import LAB, by_hand
from grooves.checks.compare import Mistake
from grooves.models.autograd import Tensor

# ---- 8 backward ------------------------------------------------------------------------------


def _ordered(result: Tensor) -> list[Tensor]:
    """A right order, for the mistakes: what has all its parents comes next."""
    left, order, done = reached(result), [], set()
    while left:
        ready = [n for n in left if all(p in done for p, _ in n.parents)]
        order += ready
        done.update(ready)
        left = [n for n in left if n not in done]
    return order


def _narrow(g, shape):
    g = np.asarray(g)
    g = g.sum(tuple(range(g.ndim - len(shape))))
    return g.sum(tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True).reshape(shape)


def _walk(result, order=None, start=None, meet=np.add, narrow=_narrow, local=lambda f, g: f(g)):
    """Back propagation with a place for each mistake; returns gradients by tensor."""
    found = {result: np.ones_like(result.data) if start is None else start}
    for node in order if order is not None else reversed(_ordered(result)):
        if node not in found:
            continue
        for parent, rule in node.parents:
            share = narrow(local(rule, found[node]), parent.shape)
            found[parent] = meet(found[parent], share) if parent in found else share
    return found


def _along_every_edge(result, next_one=-1):
    """Each time blame reaches a tensor, all that it has by now is passed on again.

    next_one: whose turn comes of those that wait, the last (-1) or the first (0).
    """
    found, waiting = {result: np.ones_like(result.data)}, [result]
    while waiting:
        node = waiting.pop(next_one)
        for parent, rule in node.parents:
            found[parent] = found.get(parent, 0.0) + _narrow(rule(found[node]), parent.shape)
            waiting.append(parent)
    return found


def _at_once(result):
    """As above, but each share is passed on to the end before the next is looked at."""
    found = {result: np.ones_like(result.data)}

    def go(node):
        for parent, rule in node.parents:
            found[parent] = found.get(parent, 0.0) + _narrow(rule(found[node]), parent.shape)
            go(parent)

    go(result)
    return found


def _in_place(old, share):
    """`old += share`, which changes whoever else holds the same array."""
    old += share
    return old


def _first_twice(result):
    """What arrives first is put there and added too."""
    found = {result: np.ones_like(result.data)}
    for node in reversed(_ordered(result)):
        for parent, rule in node.parents:
            share = _narrow(rule(found[node]), parent.shape)
            found[parent] = found.get(parent, share) + share
    return found


def _mistake(name: str, walk: Callable, says: str) -> Mistake:
    """A faulty walk as a mistake that gives the gradients of all tensors."""

    def compute(result, tensors):
        found = walk(result)
        return [found.get(tensor, NOT_THIS) for tensor in tensors]

    return Mistake(name, compute, says)


PASSED_ON_AGAIN = (
    "each time blame arrives at a tensor, what it had before is passed on again with it. "
    "Pass on once, when all has arrived: walk your order of exercise 7 from the end."
)
INCOMPLETE = (
    "a tensor passed its blame on before all of it had arrived. Walk your order of exercise 7 "
    "from the end."
)
BACKWARD_MISTAKES = tuple(
    _mistake(*wrong)
    for wrong in (
        (
            "overwritten",
            lambda r: _walk(r, meet=lambda old, new: new),
            "where two paths meet, the second wipes out the first. They add up.",
        ),
        (
            "first_kept",
            lambda r: _walk(r, meet=lambda old, new: old),
            "where two paths meet, only the first counts. They add up.",
        ),
        (
            "multiplied_where_paths_meet",
            lambda r: _walk(r, meet=np.multiply),
            "where two paths meet, you multiply. Along a path factors multiply; paths add up.",
        ),
        (
            "averaged_where_paths_meet",
            lambda r: _walk(r, meet=lambda old, new: (old + new) / 2),
            "where two paths meet, you take the mean. They add up.",
        ),
        (
            "incomplete",
            lambda r: _walk(r, order=by_first_meeting(r, last=True)),
            INCOMPLETE,
        ),
        (
            "incomplete",
            lambda r: _walk(r, order=by_first_meeting(r, last=False)),
            INCOMPLETE,
        ),
        ("passed_on_again", _along_every_edge, PASSED_ON_AGAIN),
        ("passed_on_again", lambda r: _along_every_edge(r, 0), PASSED_ON_AGAIN),
        ("passed_on_again", _at_once, PASSED_ON_AGAIN),
        (
            "aliased",
            lambda r: _walk(
                r, meet=_in_place, narrow=lambda g, s: g if g.shape == s else _narrow(g, s)
            ),
            "`+=` changes an array that another tensor holds too: a sum passes the same g on to "
            "both. Make a new one: a = a + share.",
        ),
        (
            "own_value_first",
            lambda r: _walk(r, start=r.data),
            "you start with the result's value. Its blame for itself is 1.",
        ),
        (
            "chain_broken",
            lambda r: _walk(r, local=lambda rule, g: rule(np.ones_like(g))),
            "the local rules are right, but nothing of what arrived goes into them: local(g).",
        ),
        (
            "not_narrowed",
            lambda r: _walk(r, narrow=lambda g, shape: g),
            "it was stretched on the way there. Unbroadcast what local(g) returns, to the "
            "parent's shape.",
        ),
        (
            "first_twice",
            _first_twice,
            "the first blame that arrives counts double: it is put there, and then added as well.",
        ),
        (
            "averaged_over_the_stretch",
            lambda r: _walk(
                r, narrow=lambda g, s: _narrow(g, s) / (np.size(g) // max(1, np.prod(s)))
            ),
            "along what was stretched you take a mean. It adds up.",
        ),
    )
)

GRAPHS = (
    (twice_used, (np.array(2.0), np.array(3.0)), "w = 2, x = 3 in (w·x + w − 5)²"),
    (long_way_round, (np.array(0.5),), "a = 0.5 in a·exp(tanh(a)) + a"),
    (meeting, (np.array(0.7), np.array(-0.4)), "a = 0.7, b = −0.4 and c = a·b + a"),
    (
        layer,
        (draw(19, 5, 3), draw(20, 3, 4), draw(21, 4), draw(22, 5, 1)),
        "a layer of 5 pictures, 3 inputs and 4 neurons",
    ),
)


@check(lab=LAB, exercise="backward", points=2, returns=dict)
def backward(answer):
    """backward(result) -> for every tensor of the graph its gradient, in a dict."""
    for call, (graph, leaves, given) in zip(
        (by_hand(answer, FINISHED), answer, answer, answer), GRAPHS, strict=True
    ):
        nodes = graph(*map(Tensor, leaves))
        torchs = graph(*(torch.tensor(leaf, requires_grad=True) for leaf in leaves))
        expected = torch.autograd.grad(torchs["loss"], list(torchs.values()))
        result = nodes["loss"]
        with np.errstate(all="ignore"):
            got = _found(call, result, given)
            _check_keys(got, nodes, given)
            # from the result back: the first wrong gradient is where the walk went wrong
            back = dict(reversed(nodes.items()))
            right = dict(zip(nodes, expected, strict=True))
            compare_parts(
                _arrays(got, back.values()),
                (result, list(back.values())),
                {f"the gradient of {name}": right[name] for name in back},
                BACKWARD_MISTAKES,
                given,
            )
    _check_chain(answer)


def _found(call: Callable, result: Tensor, given: str) -> dict:
    """What the answer returns; a tensor that is asked for too early is told."""
    try:
        return call(result)
    except KeyError as error:
        if not (error.args and isinstance(error.args[0], Tensor)):
            raise
        raise CheckFailed(
            f"for {given}, your code asks for the gradient of {error.args[0]!r}, and nothing has "
            "arrived there yet (KeyError).\nLikely mistake: the walk does not begin at the result. "
            "in_order ends with it: reversed(in_order(result)).",
            hint="wrong_end",
        ) from None


def _check_chain(answer: Callable) -> None:
    """Blame doubles at each rung of a chain that has 2⁴⁰ paths."""
    got, rungs = walked(answer, 40)
    given = "a chain of 41 tensors, each added to itself"
    _check_keys(got, rungs, given)
    right = {f"the gradient of {name}": 2.0 ** (40 - i) for i, name in enumerate(rungs)}
    compare_parts(_arrays(got, rungs.values()), (), right, (), given, "it should be")


def _arrays(got: dict, nodes) -> list:
    """The gradients of these tensors, as arrays where they came as tensors."""
    return [g.data if isinstance(g, Tensor) else g for g in map(got.get, nodes)]


def _check_keys(got: dict, nodes: dict[str, Tensor], given: str) -> None:
    if got and not any(isinstance(key, Tensor) for key in got):
        raise CheckFailed(
            f"the keys of your dict are like {next(iter(got))!r:.40}. Use the tensors themselves: "
            "found[node].",
            hint="keys",
        )
    missing = [name for name, node in nodes.items() if node not in got]
    if missing == ["loss"]:
        raise CheckFailed(
            "the result itself is not in your dict. Its gradient is 1: there the walk begins.",
            hint="no_result",
        )
    if missing:
        raise CheckFailed(
            f"with {given}, the gradient of {missing[0]} is not in your dict.\n"
            "Likely mistake: the walk goes the wrong way, ends early, or keeps the leaves only.",
            hint="missing",
        )
