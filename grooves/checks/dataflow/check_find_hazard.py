"""Check of lab 14: hazards of a static schedule (chapter 14).

Key idea: schedules with one hazard of each kind, and with none although it nearly is one; then
random ones, which have several.
"""

from __future__ import annotations

from grooves.checks import CheckFailed, check, describe
from grooves.checks.arrays import by_hand
from grooves.checks.dataflow.hazard_cases import CASES, random_case
from grooves.checks.dataflow.rules import LAB, SHOULD, integer
from grooves.checks.mistakes import Mistake, in_forms
from grooves.checks.survey import Finding
from grooves.checks.verdict import note

KINDS = ("unit", "early", "overwritten")


def right(
    schedule, occupied="occupies", edge=0, reads="landing", read_edge=0, writes="landing",
    write_edge=0, last="last", kinds=KINDS, by_order=False, any_later=False, same_unit=True,
    both=False, all_of=None, earlier_only=False, unread=False, latest=False, together=False,
):  # fmt: skip
    """Hazards (kind, cycle, name) in the order of cycles, with a place for each mistake.

    earlier_only: a collision counts if the starts differ. unread: a value that is never read is
    taken to be alive. latest: only the last value to land before counts. together: two values that
    land in the same cycle overwrite each other.
    """
    starts = {one[0]: one[2] for one in schedule}
    lands = {one[0]: one[2] + one[4] for one in schedule}
    asked: dict[str, list[int]] = {}
    for one in schedule:
        for value in one[5]:
            asked.setdefault(value, []).append(starts[one[0]])
    found = set()
    in_order = schedule if by_order else sorted(schedule, key=lambda one: one[2])
    for i, (name, unit, start, _, _, inputs, address) in enumerate(in_order):
        for other, its_unit, its_start, occupies, latency, *_ in in_order[:i]:
            length = {"occupies": occupies, "latency": latency, "one": 1}[occupied] + edge
            if earlier_only and start == its_start:
                continue
            if (unit == its_unit or not same_unit) and its_start <= start < its_start + length:
                found.add(("unit", start, name))
                if both and start == its_start:
                    found.add(("unit", start, other))
        there = lands if reads == "landing" else starts
        if any(start < there[value] + read_edge for value in inputs):
            found.add(("early", start, name))
        when = lands if writes == "landing" else starts
        there = {o[0]: when[o[0]] for o in schedule if o[6] == address and o[0] != name}
        before = {o: cycle for o, cycle in there.items() if cycle < when[name] + together}
        for other, cycle in before.items():
            cycles = asked.get(other, [])
            if any_later or (unread and not cycles):
                until = 10**9
            elif cycles and (cycle == max(before.values()) or not latest):
                until = {"last": max, "first": min, "listed": _final}[last](cycles) + write_edge
            else:
                continue
            if when[name] <= until:
                found.add(("overwritten", when[name], name))
    hazards = sorted(
        (h for h in found if h[0] in kinds), key=lambda h: (h[1], KINDS.index(h[0]), h[2])
    )
    return hazards if all_of is None else all_of(hazards)


def _final(cycles):
    return cycles[-1]


def _with(**changes):
    return lambda schedule: right(schedule, **changes)


MISTAKES = (
    Mistake(
        "same_cycle_only",
        _with(occupied="one"),
        "you find two operations on a unit only if they start in the same cycle. An operation "
        "occupies its unit for `occupies` cycles.",
    ),
    Mistake(
        "unit_until_landed",
        _with(occupied="latency"),
        "you take a unit to be occupied until the result lands. After `occupies` cycles the next "
        "operation may start; the unit is a pipeline.",
    ),
    Mistake(
        "same_cycle_missed",
        _with(earlier_only=True),
        "you find a collision on a unit only if one operation started earlier. Two that start in "
        "the same cycle collide as well, and the one that comes later in the list is reported.",
    ),
    *in_forms(
        "unit_edge",
        "you are a cycle off at the end of an operation: one that starts in cycle s occupies its "
        "unit in the cycles s to s + occupies - 1.",
        _with(edge=1),
        _with(edge=-1),
    ),
    Mistake(
        "any_unit",
        _with(same_unit=False),
        "you compare operations on different units. These can work in the same cycle.",
    ),
    Mistake(
        "both_reported",
        _with(both=True),
        "of two operations that start on a unit in the same cycle, you report both. The one that "
        "comes first in the list is not at fault.",
    ),
    Mistake(
        "listed_order",
        _with(by_order=True),
        "you go through the list as it is, but it is in no order. The cycles decide "
        "which operation comes before another.",
    ),
    Mistake(
        "read_before_landing",
        _with(reads="start"),
        "you compare a read with the start of the operation that computes the value. It lands "
        "`latency` cycles later.",
    ),
    Mistake(
        "read_edge",
        _with(read_edge=1),
        "a value may be read in the cycle in which it lands.",
    ),
    Mistake(
        "written_at_start",
        _with(writes="start"),
        "an address changes when a value lands there, not when the operation starts.",
    ),
    Mistake(
        "last_read_excluded",
        _with(write_edge=-1),
        "a value is alive in the cycle of its last read too, so that nothing may land on it then.",
    ),
    Mistake(
        "after_last_read",
        _with(write_edge=1),
        "you keep an address occupied for a cycle too long. It is free in the cycle after the last "
        "read.",
    ),
    Mistake(
        "read_listed_last",
        _with(last="listed"),
        "you take the read that comes last in the list for the last read. The list is in no order: "
        "the last read is the one with the latest cycle.",
    ),
    Mistake(
        "latest_value_only",
        _with(latest=True),
        "you look only at the value that landed last at an address. An older one that is still "
        "to be read counts too: each later value at its address is a hazard, whatever landed in "
        "between.",
    ),
    Mistake(
        "unread_values",
        _with(unread=True),
        "you count values that are never read as alive. Nothing is lost when they are overwritten.",
    ),
    Mistake(
        "landed_together",
        _with(together=True),
        "you report values that land at an address in the same cycle. Only a value that landed in "
        "an earlier cycle is overwritten.",
    ),
    Mistake(
        "first_read",
        _with(last="first"),
        "you look at the first read of a value. Others may come later.",
    ),
    Mistake(
        "dead_values",
        _with(any_later=True),
        "you report every second value at an address. If nobody reads the first one any more, that "
        "is how memory is reused.",
    ),
    *in_forms(
        "kind_missing",
        "you look for some of the three kinds only: a unit that is occupied, a value that has not "
        "landed, an address that is overwritten while its value is alive.",
        *(_with(kinds=tuple(k for k in KINDS if k != left_out)) for left_out in KINDS),
        *(_with(kinds=(kind,)) for kind in KINDS),
    ),
    Mistake(
        "first_hazard",
        _with(all_of=lambda hazards: hazards[:1]),
        "you report the first hazard. Report all of them.",
    ),
    Mistake(
        "unsorted",
        lambda schedule: right(schedule)[::-1],
        "you find the right hazards, but not in the order of their cycles. Sort them by the second "
        "entry.",
    ),
)


def as_hazards(result) -> list[tuple[str, int, str]]:
    """A list of (kind, cycle, name). Raises: CheckFailed with "not_hazards" or "other_kind"."""
    try:
        hazards = [(str(kind), integer(cycle), str(name)) for kind, cycle, name in result]
    except (TypeError, ValueError):
        raise CheckFailed(
            "expected a list of hazards, each (kind, cycle, name). Your function returned "
            f"{describe(result)}.",
            hint="not_hazards",
        ) from None
    for kind, _, _ in hazards:
        if kind not in KINDS:
            raise CheckFailed(
                f"your function returned a hazard of the kind {kind!r}. The kinds are "
                f"{', '.join(map(repr, KINDS))}.",
                hint="other_kind",
            )
    return hazards


def _told(got, expected) -> str:
    missing = [h for h in expected if h not in got]
    extra = [h for h in got if h not in expected]
    if missing:
        return f"your result has no {missing[0]}; {SHOULD} {expected}."
    if extra:
        return f"your result has {extra[0]}, which is no hazard; {SHOULD} {expected}."
    return f"your result is {got}; {SHOULD} {expected}, in the order of the cycles, each once."


@check(lab=LAB, exercise="find_hazard", returns=(list, tuple))
def find_hazard(answer):
    """find_hazard(schedule) -> a list of (kind, cycle, name), in the order of the cycles."""
    drawn = [schedule for schedule in map(random_case, range(20)) if right(schedule)]
    for i, schedule in enumerate([*CASES, *drawn]):
        call = by_hand(answer) if i == 0 else answer
        got, expected = as_hazards(call(list(schedule))), right(schedule)
        twice = next((h for h in got if got.count(h) > 1), None)
        if twice and set(got) == set(expected):
            raise CheckFailed(
                f"for schedule = {schedule}, your result has {twice} more than once.\nLikely "
                "mistake: an operation is reported again for each operation that it collides with "
                "or each value that it overwrites. Report each hazard once; a set keeps it once.",
                hint="repeated",
            )
        in_cycles = [h[1] for h in got]
        wrong = sorted(got) != sorted(expected) or in_cycles != sorted(in_cycles)
        told = f"for schedule = {schedule}, {_told(got, expected)}" if wrong else ""

        def agrees(mistake, got=got, schedule=schedule):
            return sorted(as_hazards(mistake.compute(list(schedule)))) == sorted(got)

        note(Finding(wrong, told, MISTAKES, agrees, inputs=(schedule,)))
