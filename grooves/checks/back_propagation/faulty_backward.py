"""Faulty backward passes through a graph, which reveal mistakes in `backward` (chapter 02).

Key idea: each is a complete back propagation with one bug, run on the same graph as the answer.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from grooves.checks.arrays import NOT_THIS
from grooves.checks.back_propagation.graphs import reached
from grooves.checks.back_propagation.order import by_first_meeting
from grooves.checks.compare import Mistake
from grooves.models.autograd import Tensor


def _ordered(result: Tensor) -> list[Tensor]:
    """A topological order, for the mistakes: a tensor comes once all its parents have."""
    left, order, done = reached(result), [], set()
    while left:
        ready = [n for n in left if all(p in done for p, _ in n.parents)]
        order += ready
        done.update(ready)
        left = [n for n in left if n not in done]
    return order


def _after_parents(result: Tensor, step: int) -> list[Tensor]:
    """A topological order, depth first; step -1 takes the last parent first."""
    order, waiting = {}, [(result, False)]
    while waiting:
        node, parents_are_in = waiting.pop()
        if node not in order:
            if parents_are_in:
                order[node] = True
            else:
                waiting.append((node, True))
                waiting += [(parent, False) for parent, _ in node.parents[::-step]]
    return list(order)


def _narrow(g, shape):
    g = np.asarray(g)
    g = g.sum(tuple(range(g.ndim - len(shape))))
    return g.sum(tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True).reshape(shape)


def _walk(result, order=None, start=None, meet=np.add, narrow=_narrow, local=lambda f, g: f(g)):
    """Back propagation with an option for each mistake; returns gradients by tensor."""
    found = {result: np.ones_like(result.data) if start is None else start}
    for node in order if order is not None else reversed(_ordered(result)):
        if node not in found:
            continue
        for parent, rule in node.parents:
            new = narrow(local(rule, found[node]), parent.shape)
            found[parent] = meet(found[parent], new) if parent in found else new
    return found


def _along_every_edge(result, next_one=-1):
    """Each time a gradient reaches a tensor, its sum so far is passed on again.

    next_one: which waiting tensor comes next, the last (-1) or the first (0).
    """
    found, waiting = {result: np.ones_like(result.data)}, [result]
    while waiting:
        node = waiting.pop(next_one)
        for parent, rule in node.parents:
            found[parent] = found.get(parent, 0.0) + _narrow(rule(found[node]), parent.shape)
            waiting.append(parent)
    return found


def _at_once(result):
    """As above, but depth first: each contribution is passed on to the leaves before the next."""
    found = {result: np.ones_like(result.data)}

    def go(node):
        for parent, rule in node.parents:
            found[parent] = found.get(parent, 0.0) + _narrow(rule(found[node]), parent.shape)
            go(parent)

    go(result)
    return found


def _each_parent_once(result):
    """Of several pairs with the same parent, only the last passes a gradient on."""
    found = {result: np.ones_like(result.data)}
    for node in reversed(_ordered(result)):
        for parent, rule in dict(node.parents).items():
            new = _narrow(rule(found[node]), parent.shape)
            found[parent] = found.get(parent, 0.0) + new
    return found


def _averaged(result):
    """The mean of all contributions, in place of their sum."""
    found, n = {result: np.ones_like(result.data)}, dict.fromkeys(reached(result), 0)
    for node in reversed(_ordered(result)):
        found[node] = found[node] / max(n[node], 1)
        for parent, rule in node.parents:
            n[parent] += 1
            new = _narrow(rule(found[node]), parent.shape)
            found[parent] = found.get(parent, 0.0) + new
    return found


def _in_place(old, new):
    """`old += new`, which changes the array under all of its names."""
    old += new
    return old


def _first_twice(result, order=None):
    """The first contribution is stored and then added as well."""
    found = {result: np.ones_like(result.data)}
    for node in order or reversed(_ordered(result)):
        for parent, rule in node.parents:
            new = _narrow(rule(found[node]), parent.shape)
            found[parent] = found.get(parent, new) + new
    return found


def _mistake(name: str, walk: Callable, says: str) -> Mistake:
    """A faulty backward pass as a mistake that computes the gradients of all tensors."""

    def compute(result, tensors):
        found = walk(result)
        return [found.get(tensor, NOT_THIS) for tensor in tensors]

    return Mistake(name, compute, says)


def _in_each_order(name: str, walk: Callable, says: str):
    """A backward pass whose result depends on the topological order, for the usual orders."""
    return (
        (name, lambda r: walk(r, None), says),
        (name, lambda r: walk(r, _after_parents(r, 1)[::-1]), says),
        (name, lambda r: walk(r, _after_parents(r, -1)[::-1]), says),
    )


PASSED_ON_AGAIN = (
    "each time a gradient arrives at a tensor, you pass its whole sum on again. Pass it on once, "
    "when it is complete: go through the order of {{exercise in_order}} in reverse."
)
INCOMPLETE = (
    "a tensor passed its gradient on before the gradient was complete. Go through the order of "
    "{{exercise in_order}} in reverse."
)
BACKWARD_MISTAKES = tuple(
    _mistake(*wrong)
    for wrong in (
        *_in_each_order(
            "overwritten",
            lambda r, back: _walk(r, back, meet=lambda old, new: new),
            "where two paths meet, the second gradient overwrites the first. Add them up.",
        ),
        (
            "one_of_two_uses",
            _each_parent_once,
            "an operation that uses one tensor twice, such as w · w, has two pairs with it in "
            "`parents`, and you use one. Each pair contributes a gradient.",
        ),
        *_in_each_order(
            "first_kept",
            lambda r, back: _walk(r, back, meet=lambda old, new: old),
            "where two paths meet, you keep only the first gradient. Add them up.",
        ),
        (
            "averaged",
            _averaged,
            "where two paths meet, you take the mean. Add the gradients up.",
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
            "`+=` changes an array that another tensor uses too: a sum passes the same g on to "
            "both. Create a new array: a = a + new.",
        ),
        (
            "own_value_first",
            lambda r: _walk(r, start=r.data),
            "you start with the value of the result. Its gradient with respect to itself is 1.",
        ),
        (
            "g_unused",
            lambda r: _walk(r, local=lambda rule, g: rule(np.ones_like(g))),
            "you call the local rules with ones. Call them with the gradient that arrived: "
            "local(g).",
        ),
        (
            "not_unbroadcast",
            lambda r: _walk(r, narrow=lambda g, shape: g),
            "a tensor was broadcast in the forward pass. Unbroadcast the result of local(g) to the "
            "parent's shape.",
        ),
        *_in_each_order(
            "first_twice",
            lambda r, back: _first_twice(r, back),
            "the first gradient that arrives counts double: you store it, and then add it as well.",
        ),
    )
)
