"""Graphs for the checks of lab 02: small ones by hand, random ones, a ladder and a long chain.

Key idea: a graph is a function of its leaves that works on our Tensor and on PyTorch's, and returns
its tensors by name, the result last. Random graphs contain cases that are easily overlooked: paths
of different length, tensors used twice by one operation, and different tensors with equal values
(chapter 02).
"""

from __future__ import annotations

import random
from collections.abc import Callable

from grooves.checks import CheckFailed
from grooves.models.autograd import Tensor

FINISHED = {"backward", "in_order", "unbroadcast"}
LONG = 5_000  # operations in a row; Python's recursion ends at a thousand
READS_ALLOWED = 100  # times a node, before an answer counts as one that follows every path


class Counted(Tensor):
    """A tensor that counts how often its parents are read."""

    n_reads, n_allowed = 0, 0

    @property
    def parents(self):
        Counted.n_reads += 1
        if Counted.n_reads > Counted.n_allowed:
            raise CheckFailed(
                f"for a chain of {Counted.n_allowed // READS_ALLOWED} tensors, each used twice by "
                f"the next, your function has read `parents` {Counted.n_allowed:,} times: it "
                "follows every path, and there are 2⁴⁰ of them.\n"
                "Likely mistake: you visit the parents of a tensor again each time it is met.",
                hint="every_path",
            )
        return self.__dict__["parents"]

    @parents.setter
    def parents(self, value):
        self.__dict__["parents"] = value


# ---- the graphs: functions of their leaves, in our Tensor or in PyTorch's ------------------------


def twice_used(w, x):
    """(w x + w - 5)², chapter 02's example: w is used twice."""
    product = w * x
    total = product + w
    error = total - 5.0
    return {"w": w, "x": x, "w·x": product, "w·x + w": total, "error": error, "loss": error**2}


def long_way_round(a):
    """a · exp(tanh(a)) + a: one path from a to the result is short, another long."""
    tanh = a.tanh()
    exp = tanh.exp()
    product = exp * a
    return {"a": a, "tanh": tanh, "exp": exp, "product": product, "loss": product + a}


def meeting(a, b):
    """c is used for both factors of a product and once more at the end, near and far."""
    c = a * b + a
    left, right = c * c, c.tanh()
    product = left * right
    return {"a": a, "b": b, "c": c, "left": left, "right": right, "loss": product + c}


def layer(x, W, b, v):
    """A layer of a batch whose bias is broadcast, a column that is broadcast too, and a sum."""
    sums = x @ W + b
    hidden = sums.relu()
    weighed = hidden * v
    return {"x": x, "W": W, "b": b, "v": v, "sums": sums, "hidden": hidden, "loss": weighed.sum()}


def one_by_one(a, b):
    """A product of a row and a column: one number, in an array of shape (1, 1)."""
    return {"a": a, "b": b, "loss": a @ b}


def shut(a, b):
    """A product with an inactive ReLU: gradients of 0 are gradients too."""
    relu = a.relu()
    return {"a": a, "b": b, "ReLU": relu, "loss": relu * b}


def cancelled(a, b):
    """The two paths to a cancel."""
    gap = a - a
    product = gap * b
    return {"a": a, "b": b, "a − a": gap, "product": product, "loss": product + b}


def stacked(*leaves):
    """One operation on all leaves, the first of them twice: 1 a + 2 b + 3 c + … + n a."""
    used = [*leaves, leaves[0]]
    if not isinstance(leaves[0], Tensor):
        total = sum(i * leaf for i, leaf in enumerate(used, 1))
    else:
        rules = [(leaf, lambda g, i=i: i * g) for i, leaf in enumerate(used, 1)]
        total = Tensor(sum(i * leaf.data for i, leaf in enumerate(used, 1)), rules)
    return {**{f"leaf {i}": leaf for i, leaf in enumerate(leaves)}, "loss": total}


def random_graph(seed: int, n: int) -> Callable:
    """A graph of n operations and a sum over all that was left unused; a function of any leaves."""

    def graph(*leaves):
        rng = random.Random(seed)
        nodes = [*leaves]
        unused = dict.fromkeys(range(len(nodes)))
        for _ in range(n):
            kind = rng.choice(("add", "add", "multiply", "multiply", "tanh", "relu"))
            chosen = [rng.randrange(len(nodes)), max(rng.randrange(len(nodes)) for _ in "12")]
            a, b = (nodes[place] for place in chosen)
            if kind in ("tanh", "relu"):
                del chosen[1]
                nodes.append(a.tanh() if kind == "tanh" else a.relu())
            else:
                nodes.append(a + b if kind == "add" else a * b)
            for place in chosen:
                unused.pop(place, None)
            unused[len(nodes) - 1] = None
        while len(unused) > 1:
            (a, _), (b, _) = unused.popitem(), unused.popitem()
            nodes.append(nodes[a] + nodes[b])
            unused[len(nodes) - 1] = None
        named = {f"tensor {i}": node for i, node in enumerate(nodes, 1)}
        return {**named, "loss": nodes[-1].sum()}

    return graph


def recurrence(n: int) -> Tensor:
    """n times y·w + b, with the same w and b: 2n operations in a row, and more than a chain."""
    y, w, b = Tensor(1.0), Tensor(-0.5), Tensor(0.3)
    for _ in range(n):
        y = y * w + b
    return y


def ladder(n: int) -> dict:
    """n rungs, each using the one before twice: n + 1 tensors and 2ⁿ paths."""
    rungs = {"rung 0": Tensor(0.5)}
    for i in range(n):
        below = rungs[f"rung {i}"]
        rungs[f"rung {i + 1}"] = below + below
    return rungs


def walked(answer: Callable, n: int) -> tuple[object, dict]:
    """What the answer returns for a ladder, and the ladder; refused where it follows every path.

    Raises: CheckFailed with the hint "every_path".
    """
    rungs = ladder(n)
    for rung in rungs.values():
        rung.__class__ = Counted
    Counted.n_reads, Counted.n_allowed = 0, READS_ALLOWED * len(rungs)
    try:
        return answer(rungs[f"rung {n}"]), rungs
    finally:
        Counted.n_allowed = 10**12


def reached(result: Tensor) -> list[Tensor]:
    """All tensors of a graph, in no order that matters."""
    found, waiting = {result}, [result]
    while waiting:
        new = {parent for parent, _ in waiting.pop().parents} - found
        found |= new
        waiting += new
    return list(found)
