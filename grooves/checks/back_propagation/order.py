"""Check of lab 02, fourth part: topological order of a graph (chapter 02).

Key idea: a graph has many topological orders, so the check tests the property that all of them have
and names the tensors that violate it; it names a mistake that explains the order of every graph.
One graph has too many paths to follow each, and two others are deeper than Python's recursion.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import draw
from grooves.checks.back_propagation.graphs import (
    FINISHED,
    LONG,
    ladder,
    long_way_round,
    meeting,
    random_graph,
    reached,
    recurrence,
    stacked,
    twice_used,
    walked,
)
from grooves.checks.back_propagation.rules import LAB, by_hand
from grooves.models.autograd import Tensor

N_RANDOM = 30


@dataclass(frozen=True)
class Walk:
    """The order that an answer returned for a graph. named: its tensors, where they have names."""

    order: list
    result: Tensor
    named: dict
    given: str


# ---- 7 in_order ------------------------------------------------------------------------------


@check(lab=LAB, exercise="in_order", returns=(list, tuple))
def in_order(answer):
    """in_order(result) -> all tensors of its graph, each after its parents."""
    first, second = twice_used(Tensor(2.5), Tensor(3.0)), meeting(Tensor(0.7), Tensor(-0.4))
    walks = []
    for call, nodes, given in (
        (by_hand(answer, FINISHED), first, "the 6 tensors of (w·x + w − 5)²"),
        (answer, long_way_round(Tensor(0.5)), "the 5 tensors of a·exp(tanh(a)) + a"),
        (answer, second, "7 tensors, of which c = a·b + a is used three times"),
        (answer, {"a": Tensor(1.0)}, "1 tensor that was not computed"),
        (answer, stacked(*map(Tensor, draw(25, 3))), "a tensor computed from 3 others"),
        (answer, stacked(*map(Tensor, draw(26, 131))), "a tensor computed from 131 others"),
        (answer, ladder(10), "a chain of 11 tensors, each used twice by the next"),
    ):
        walks.append(_walk(call, nodes, given))
    for nodes in (first, _up_to_the_total(first), second):
        walks.append(_walk_again(answer, nodes))
    for seed in range(N_RANDOM):
        leaves = [Tensor(0.5) for _ in range(1 + seed % 3)]  # equal numbers, unlike tensors
        nodes = random_graph(seed, 3 + seed % 7)(*leaves)
        walks.append(_walk(answer, nodes, f"a random graph of {len(nodes)} tensors"))
    _judge(walks)

    order, rungs = walked(answer, 40)
    given = "a chain of 41 tensors, each used twice"
    walk = Walk(list(order), rungs["rung 40"], {n: name for name, n in rungs.items()}, given)
    _check_members(walk)
    _judge([walk])
    end = Tensor(0.0)
    for _ in range(LONG):
        end = end + 1.0
    for result, given in (
        (end, f"{LONG:,} additions in a row"),
        (recurrence(LONG // 2), f"y·w + b, {LONG // 2:,} times in a row"),
    ):
        try:
            _judge([_walk(answer, {"the result": result}, given)])
        except RecursionError:
            raise CheckFailed(
                f"for {given}, your function recurses too deeply: Python allows about a thousand "
                "nested calls.\nLikely mistake: recursion works for small graphs only. Keep your "
                "own list of the tensors that are still to be visited.",
                hint="recursion",
            ) from None


def _up_to_the_total(nodes: dict[str, Tensor]) -> dict[str, Tensor]:
    """The first graph without its last two tensors."""
    return dict(list(nodes.items())[:-2])


def _walk_again(answer: Callable, nodes: dict[str, Tensor]) -> Walk:
    """Ask for the order of a graph whose tensors an earlier call has seen.

    Raises: CheckFailed with the hint "remembers".
    """
    try:
        return _walk(answer, nodes, f"{len(nodes)} tensors that an earlier call has seen too")
    except CheckFailed as failure:
        raise CheckFailed(
            f"{failure.message}\nThe first call was right. Something outlives it: a global "
            "variable, a list or set as a default argument, or a mark on the tensors. Create it "
            "inside the function.",
            hint="remembers",
        ) from None


def _walk(call: Callable, nodes: dict[str, Tensor], given: str) -> Walk:
    """Ask the answer for the order of a graph, which it must leave as it is.

    Raises: CheckFailed with the hint "changed_graph".
    """
    result = list(nodes.values())[-1]
    before = {node: list(node.parents) for node in reached(result)}
    order = list(call(result))
    if any(node.parents != parents for node, parents in before.items()):
        raise CheckFailed(
            f"for {given}, your function changed the parents of a tensor, and so the graph. Other "
            "code still needs it: read it, and remove nothing.",
            hint="changed_graph",
        )
    walk = Walk(order, result, {node: name for name, node in nodes.items()}, given)
    _check_members(walk)
    return walk


def _judge(walks: list[Walk]) -> None:
    """Look at where each tensor stands. Raises: CheckFailed for the first order that is wrong."""
    for walk in walks:
        if broken := _early(walk.order):
            _fail_order(walk, *broken, walks)


def _name(walk: Walk, node: Tensor) -> str:
    return walk.named.get(node, "one that has no name here")


def _early(order: list) -> tuple[Tensor, Tensor] | None:
    """A tensor and its parent that comes after it."""
    place = {node: i for i, node in enumerate(order)}
    return next(((n, p) for n in order for p, _ in n.parents if place[p] > place[n]), None)


def _check_members(walk: Walk) -> None:
    """Raises: CheckFailed where the list does not hold every tensor once."""
    got, members = walk.order, reached(walk.result)

    def fail(hint: str, says: str):
        raise CheckFailed(f"for {walk.given}, {says}", hint=hint)

    belongs, seen = set(members), set()
    for item in got:
        if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], Tensor):
            fail(
                "pairs",
                "your list contains pairs. From each pair in `parents` take the tensor, item 0.",
            )
        if not isinstance(item, Tensor):
            fail("no_tensors", f"your list contains {item!r:.60}. It should contain the tensors.")
        if item not in belongs:
            fail("strangers", "your list contains a tensor that the result was not computed from.")
        if item in seen:
            fail(
                "twice",
                f"{_name(walk, item)} is in your list twice.\n"
                "Likely mistake: a tensor that is used twice is visited twice. Remember which "
                "tensors you have seen.",
            )
        seen.add(item)
    missing = [node for node in members if node not in seen]
    if not missing:
        return
    if missing == [walk.result]:
        fail("no_result", "the result itself is missing. It comes last.")
    leaves = {node for node in members if not node.parents}
    if seen == leaves:
        fail(
            "leaves_only", "your list contains only the leaves. Computed tensors belong to it too."
        )
    if set(missing) == leaves:
        fail("no_leaves", "the leaves are missing: tensors without parents belong to the list.")
    names = [name for node, name in walk.named.items() if node in missing]
    says = (
        f"your list has {len(members) - len(missing)} of {len(members)} tensors; "
        f"{names[0] if names else 'one that has no name here'} is missing."
    )
    values = {float(node.data) for node in seen}
    passed_over = {p for node in seen for p, _ in node.parents if p not in seen}
    if passed_over and all(float(node.data) in values for node in passed_over):
        fail(
            "by_value",
            f"{says}\nLikely mistake: you compare tensors by their values. Two tensors may have "
            "the same value: compare them with `is`, or keep the tensors in a set.",
        )
    followed = walk.result
    by_first_parents = {followed}
    while followed.parents:
        followed = followed.parents[0][0]
        by_first_parents.add(followed)
    if seen == by_first_parents:
        fail("first_parent", f"{says}\nLikely mistake: you follow the first parent only.")
    fail("missing", says)


def _fail_order(walk: Walk, node: Tensor, parent: Tensor, walks: list[Walk]) -> None:
    """Raises: CheckFailed; with a likely mistake where it explains the orders of all graphs."""
    says = (
        f"for {walk.given}, {_name(walk, node)} comes before {_name(walk, parent)}, which it was "
        "computed from"
    )
    for hint, explains, mistake in (
        (
            "backwards",
            lambda got, _: not _early(got[::-1]),
            "the list runs from the result to the leaves.",
        ),
        (
            "by_distance",
            lambda got, result: got[::-1] == by_first_meeting(result, last=False),
            "you sort by the distance from the result. A tensor can be near along one path and far "
            "along another; the longest path counts.",
        ),
        (
            "too_early",
            lambda got, result: any(
                got in (met[::-1], [*met[1:], result])
                for met in (
                    when_met(result, 1),
                    when_met(result, -1),
                    by_first_meeting(result, last=True),
                )
            ),
            "you append a tensor when you first meet it. Append it only after all its parents.",
        ),
        (
            "marked_too_early",
            lambda got, result: got in (marked_when_put(result, 1), marked_when_put(result, -1)),
            "you mark a tensor as seen when you put it on the stack. Another tensor, whose parent "
            "it is, then skips it and is listed first. Mark it when you take it off the stack.",
        ),
    ):
        if all(explains(each.order, each.result) for each in walks):
            raise CheckFailed(f"{says}.\nLikely mistake: {mistake}", hint=hint)
    raise CheckFailed(f"{says}. Append a tensor only after all its parents.", hint="wrong_order")


# ---- the orders that mistakes produce ------------------------------------------------------------


def by_first_meeting(result: Tensor, last: bool) -> list[Tensor]:
    """Tensors in the order in which a search meets them: breadth first, or depth first (last)."""
    met, waiting = [result], [result]
    while waiting:
        for parent, _ in waiting.pop(-1 if last else 0).parents:
            if parent not in met:
                met.append(parent)
                waiting.append(parent)
    return met


def when_met(result: Tensor, step: int) -> list[Tensor]:
    """Depth first, each tensor before its parents; step -1 takes the last parent first."""
    met, waiting = {}, [result]
    while waiting:
        node = waiting.pop()
        if node not in met:
            met[node] = True
            waiting += [parent for parent, _ in node.parents[::-step]]
    return list(met)


def marked_when_put(result: Tensor, step: int) -> list[Tensor]:
    """Each after its parents, except those that were on the stack already when they were needed."""
    order, seen, waiting = [], {result}, [(result, False)]
    while waiting:
        node, parents_are_in = waiting.pop()
        if parents_are_in:
            order.append(node)
            continue
        waiting.append((node, True))
        for parent, _ in node.parents[::step]:
            if parent not in seen:
                seen.add(parent)
                waiting.append((parent, False))
    return order
