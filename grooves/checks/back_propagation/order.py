"""Check of lab 02, fourth part: the order in which a graph is walked (chapter 02).

Key idea: a graph has many right orders, so the check looks for the property that all of them have
and names the tensors that break it. One graph has more paths than anybody can walk, another is
deeper than Python's recursion.
"""

from __future__ import annotations

from collections.abc import Callable

from grooves.checks import CheckFailed, check
from grooves.checks.back_propagation.rules import LAB, by_hand
from grooves.models.autograd import Tensor

FINISHED = {"backward", "in_order", "unbroadcast"}
LONG = 5_000  # operations in a row; Python's recursion ends at a thousand
READS_ALLOWED = 100  # times a node, before a walk counts as one along every path


class Counted(Tensor):
    """A tensor that counts how often somebody asks for its parents."""

    n_reads, n_allowed = 0, 0

    @property
    def parents(self):
        Counted.n_reads += 1
        if Counted.n_reads > Counted.n_allowed:
            raise CheckFailed(
                f"for a chain of {Counted.n_allowed // READS_ALLOWED} tensors, each used twice by "
                f"the next, your function has asked for parents {Counted.n_allowed:,} times: it "
                "walks along every path, and there are 2⁴⁰ of them.\n"
                "Likely mistake: a tensor that was seen before is walked through again.",
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
    bent = a.tanh()
    grown = bent.exp()
    product = grown * a
    return {"a": a, "tanh": bent, "exp": grown, "product": product, "loss": product + a}


def meeting(a, b):
    """c is used for both factors of a product and once more at the end, near and far."""
    c = a * b + a
    left, right = c * c, c.tanh()
    product = left * right
    return {"a": a, "b": b, "c": c, "left": left, "right": right, "loss": product + c}


def layer(x, W, b, v):
    """A layer of a batch whose bias is stretched, a column that is stretched too, and a sum."""
    sums = x @ W + b
    hidden = sums.relu()
    weighed = hidden * v
    return {"x": x, "W": W, "b": b, "v": v, "sums": sums, "hidden": hidden, "loss": weighed.sum()}


def ladder(n: int) -> dict:
    """n rungs, each using the one before twice: n + 1 tensors and 2ⁿ paths."""
    rungs = {"rung 0": Tensor(0.5)}
    for i in range(n):
        below = rungs[f"rung {i}"]
        rungs[f"rung {i + 1}"] = below + below
    return rungs


def walked(answer: Callable, n: int) -> tuple[object, dict]:
    """What the answer makes of a ladder, and the ladder; refused where it walks every path.

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


# ---- 7 in_order ------------------------------------------------------------------------------


@check(lab=LAB, exercise="in_order", points=2, returns=(list, tuple))
def in_order(answer):
    """in_order(result) -> all tensors of its graph, each after its parents."""
    w, x = Tensor(2.0), Tensor(3.0)
    for call, nodes, given in (
        (by_hand(answer, FINISHED), twice_used(w, x), "the 6 tensors of (w·x + w − 5)²"),
        (answer, long_way_round(Tensor(0.5)), "the 5 tensors of a·exp(tanh(a)) + a"),
        (answer, {"a": Tensor(1.0)}, "1 tensor that was not computed"),
        (answer, ladder(10), "a chain of 11 tensors, each used twice by the next"),
    ):
        result = list(nodes.values())[-1]
        _check_order(list(call(result)), result, nodes, given)

    order, rungs = walked(answer, 40)
    _check_order(list(order), rungs["rung 40"], rungs, "a chain of 41 tensors, each used twice")

    end = Tensor(0.0)
    for _ in range(LONG):
        end = end + 1.0
    given = f"{LONG:,} additions in a row"
    try:
        order = list(answer(end))
    except RecursionError:
        raise CheckFailed(
            f"for {given}, your function calls itself too often: Python allows about a thousand "
            "calls inside each other.\nLikely mistake: none, for small graphs. Here keep a list of "
            "your own of what is still to be done.",
            hint="recursion",
        ) from None
    _check_order(order, end, {}, given)


def _check_order(got: list, result: Tensor, nodes: dict[str, Tensor], given: str) -> None:
    named = {node: name for name, node in nodes.items()}
    members = reached(result)

    def name(node):
        return named.get(node, "one that has no name here")

    def fail(hint: str, says: str):
        raise CheckFailed(f"for {given}, {says}", hint=hint)

    belongs = set(members)
    for item in got:
        if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], Tensor):
            fail("pairs", "your list holds pairs. Of a pair in `parents` take the tensor, item 0.")
        if not isinstance(item, Tensor):
            fail("no_tensors", f"your list holds {item!r:.60}. It should hold the tensors.")
        if item not in belongs:
            fail("strangers", "your list holds a tensor that the result was not computed from.")
    place = {}
    for i, node in enumerate(got):
        if node in place:
            fail(
                "twice",
                f"{name(node)} stands in your list twice.\n"
                "Likely mistake: a tensor that is used twice is met twice. Remember which were "
                "seen.",
            )
        place[node] = i
    missing = [node for node in members if node not in place]
    if missing == [result]:
        fail("no_result", "the result itself is missing. It comes last.")
    if missing and not any(node.parents for node in got):
        fail("leaves_only", "your list holds the leaves alone. What was computed belongs to it.")
    if missing and not any(not node.parents for node in got):
        fail("no_leaves", "the leaves are missing: tensors without parents belong to the list.")
    if missing:
        least = min(missing, key=lambda node: list(named).index(node) if node in named else -1)
        fail(
            "missing",
            f"your list has {len(members) - len(missing)} of {len(members)} tensors; {name(least)} "
            "is missing.\n"
            "Likely mistake: the walk ends at a tensor's parents, or follows one parent only.",
        )

    def early(place):
        return next(((n, p) for n in got for p, _ in n.parents if place[p] > place[n]), None)

    if not (broken := early(place)):
        return
    node, parent = broken
    says = f"{name(node)} stands before {name(parent)}, which it was computed from"
    if not early({n: -i for n, i in place.items()}):
        fail("backwards", f"{says}.\nLikely mistake: the list runs from the result to the leaves.")
    if got[::-1] == by_first_meeting(result, last=False):
        fail(
            "by_distance",
            f"{says}.\nLikely mistake: you go by the distance from the result. A tensor can be "
            f"near "
            "by one path and far by another; the far one counts.",
        )
    fail(
        "too_early",
        f"{says}.\nLikely mistake: a tensor enters the list when you first meet it. "
        "It may enter only when all its parents are in.",
    )


def by_first_meeting(result: Tensor, last: bool) -> list[Tensor]:
    """Tensors in the order in which a walk meets them: breadth first, or depth first (last)."""
    met, waiting = [result], [result]
    while waiting:
        for parent, _ in waiting.pop(-1 if last else 0).parents:
            if parent not in met:
                met.append(parent)
                waiting.append(parent)
    return met
