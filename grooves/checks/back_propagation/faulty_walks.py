"""Faulty walks back through a graph, by which mistakes in `backward` are known (chapter 02).

Key idea: each is a whole back propagation with one fault, run on the same graph as the answer.
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
    """A right order, for the mistakes: what has all its parents comes next."""
    left, order, done = reached(result), [], set()
    while left:
        ready = [n for n in left if all(p in done for p, _ in n.parents)]
        order += ready
        done.update(ready)
        left = [n for n in left if n not in done]
    return order


def _after_parents(result: Tensor, step: int) -> list[Tensor]:
    """A right order, depth first; step -1 takes the last parent first."""
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


def _each_parent_once(result):
    """Of several pairs with one parent, the last alone passes blame on."""
    found = {result: np.ones_like(result.data)}
    for node in reversed(_ordered(result)):
        for parent, rule in dict(node.parents).items():
            share = _narrow(rule(found[node]), parent.shape)
            found[parent] = found.get(parent, 0.0) + share
    return found


def _averaged(result):
    """The mean of all shares that arrive, in place of their sum."""
    found, n = {result: np.ones_like(result.data)}, dict.fromkeys(reached(result), 0)
    for node in reversed(_ordered(result)):
        found[node] = found[node] / max(n[node], 1)
        for parent, rule in node.parents:
            n[parent] += 1
            share = _narrow(rule(found[node]), parent.shape)
            found[parent] = found.get(parent, 0.0) + share
    return found


def _in_place(old, share):
    """`old += share`, which changes the array for all who hold it."""
    old += share
    return old


def _first_twice(result, order=None):
    """What arrives first is put there and added too."""
    found = {result: np.ones_like(result.data)}
    for node in order or reversed(_ordered(result)):
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


def _in_each_order(name: str, walk: Callable, says: str):
    """A walk whose result hangs on the order among those that are right, for the usual ones."""
    return (
        (name, lambda r: walk(r, None), says),
        (name, lambda r: walk(r, _after_parents(r, 1)[::-1]), says),
        (name, lambda r: walk(r, _after_parents(r, -1)[::-1]), says),
    )


PASSED_ON_AGAIN = (
    "each time blame arrives at a tensor, what it had before is passed on again with it. "
    "Pass on once, when all has arrived: walk your order of {{exercise in_order}} from the end."
)
INCOMPLETE = (
    "a tensor passed its blame on before all of it had arrived. Walk your order of "
    "{{exercise in_order}} "
    "from the end."
)
BACKWARD_MISTAKES = tuple(
    _mistake(*wrong)
    for wrong in (
        *_in_each_order(
            "overwritten",
            lambda r, back: _walk(r, back, meet=lambda old, new: new),
            "where two paths meet, the second wipes out the first. They add up.",
        ),
        (
            "one_of_two_uses",
            _each_parent_once,
            "an operation that uses one tensor twice, such as w · w, has two pairs with it in "
            "`parents`, and you take one. Each pair passes blame on.",
        ),
        *_in_each_order(
            "first_kept",
            lambda r, back: _walk(r, back, meet=lambda old, new: old),
            "where two paths meet, only the first counts. They add up.",
        ),
        (
            "averaged_where_paths_meet",
            _averaged,
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
        *_in_each_order(
            "first_twice",
            lambda r, back: _first_twice(r, back),
            "the first blame that arrives counts double: it is put there, and then added as well.",
        ),
    )
)
