"""Answers to lab 14, a chip without a cache: right ones in several ways, wrong ones by mistake."""

import functools
import itertools
import math
from fractions import Fraction

import numpy as np
import torch
from answers.lab import Answers, near

from grooves.checks.dataflow import check_shorter_chain
from grooves.checks.dataflow.chain_block import EPS, inputs
from grooves.checks.dataflow.check_two_units import SIX

ANSWERS = Answers(
    "14_dataflow",
    trains=("shorter_chain",),
    harmless={"two_units": {"cached by shape": "it has no arguments"}},
    plain_hints=(
        *("how_many", "not_a_table", "not_hazards", "other_kind"),
        *("no_rule", "in_place", "branches", "numpy"),
    ),
)
right, wrong, rare = ANSWERS.right, ANSWERS.wrong, ANSWERS.rare


# ---- 1 intensity -------------------------------------------------------------------------------


@right("intensity", "with NumPy's sizes, as a fraction")
def _(n_out, n_in, n_vectors, weight_bits, other_bits):
    bits = np.array([n_out * n_in, n_in * n_vectors, n_out * n_vectors])
    bits = bits @ np.array([weight_bits, other_bits, other_bits])
    return Fraction(16 * n_out * n_in * n_vectors, int(bits))


@right("intensity", "the reciprocal of bytes per operation, as a tensor")
def _(n_out, n_in, n_vectors, weight_bits, other_bits):
    weights = weight_bits / 8 / (2 * n_vectors)
    return torch.tensor(1 / (weights + other_bits / 16 * (1 / n_in + 1 / n_out)))


@wrong("intensity", "bits_for_bytes")
def _(n_out, n_in, n_vectors, weight_bits, other_bits):
    weights, others = n_out * n_in * weight_bits, n_vectors * (n_in + n_out) * other_bits
    return 2 * n_out * n_in * n_vectors / (weights + others)


@wrong("intensity", "course_code")
def _(n_out, n_in, n_vectors, weight_bits, other_bits):
    from grooves.hardware.roofline import ridge

    weights, others = n_out * n_in * weight_bits, n_vectors * (n_in + n_out) * other_bits
    return ridge(2 * n_out * n_in * n_vectors, (weights + others) / 8)


@wrong("intensity", "wrong_type")
def _(*sizes):
    return f"{sizes} operations per byte"


@rare("intensity", "the results are read as well as written")
def _(n_out, n_in, n_vectors, weight_bits, other_bits):
    moved = n_out * n_in * weight_bits + n_vectors * (n_in + 2 * n_out) * other_bits
    return 16 * n_out * n_in * n_vectors / moved


ANSWERS.by_hand(
    "intensity",
    "The intensity is 144 / 84 = 1.714 operations per byte.",
    lambda f: near(f(4, 6, 3, 8, 16), 144 / 84),
)


# ---- 2 systolic_cycles -------------------------------------------------------------------------


@right("systolic_cycles", "tile by tile, with the cycle in which each begins")
def _(rows, columns, n_in, n_out, n_vectors, overlapped):
    loaded = end = begin = None
    for _ in itertools.product(range(0, n_in, rows), range(0, n_out, columns)):
        loaded = rows if begin is None else (begin if overlapped else end) + rows
        begin = loaded if begin is None or not overlapped else max(loaded, begin + n_vectors)
        end = begin + (n_vectors - 1) + (rows - 1) + (columns - 1) + 1
    return end


@right("systolic_cycles", "rounding up by negative division, in NumPy")
def _(rows, columns, n_in, n_out, n_vectors, overlapped):
    tiles = np.prod(-(-np.array([n_in, n_out]) // np.array([rows, columns])))
    whole = rows + n_vectors + rows + columns - 2
    return np.int64(whole + (tiles - 1) * (max(rows, n_vectors) if overlapped else whole))


@wrong("systolic_cycles", "peak_rate")
def _(rows, columns, n_in, n_out, n_vectors, overlapped):
    return n_in * n_out * n_vectors / (rows * columns)


@rare("systolic_cycles", "both: the rest is rounded down and the array is never drained")
def _(rows, columns, n_in, n_out, n_vectors, overlapped):
    return n_in // rows * (n_out // columns) * (rows + n_vectors)


ANSWERS.by_hand(
    "systolic_cycles",
    "A tile takes 2 + 7 = 9 cycles, and all four take 36.",
    lambda f: f(2, 3, 4, 5, 4, False) == 36,
)
ANSWERS.by_hand(
    "systolic_cycles",
    "and 7 for the last tile, which makes 21.",
    lambda f: f(2, 3, 4, 5, 4, True) == 21,
)


# ---- 3 liveness --------------------------------------------------------------------------------


@right("liveness", "value by value, with all of its reads")
def _(operations, outputs):
    lands = {name: start + latency for name, start, latency, _ in operations}
    end = max(lands.values())
    ranges = {}
    for value in {*lands, *(v for *_, reads in operations for v in reads)}:
        first = lands.get(value, 0)
        reads = [start for _, start, _, its in operations if value in its]
        ranges[value] = [first, end if value in outputs else max([first, *reads])]
    return ranges


@right("liveness", "cycle by cycle, backwards")
def _(operations, outputs):
    last = dict.fromkeys(outputs, -1)
    lands = {name: start + latency for name, start, latency, _ in operations}
    for cycle in range(max(lands.values()), -1, -1):
        for value in outputs:
            last[value] = max(last[value], cycle)
        for _, start, _, reads in operations:
            for value in reads if start == cycle else ():
                last.setdefault(value, cycle)
        for name, landing in lands.items():
            if landing == cycle:
                last.setdefault(name, cycle)
    return {name: np.array([lands.get(name, 0), cycle]) for name, cycle in last.items()}


@wrong("liveness", "first_read")
def _(operations, outputs):
    found = {name: (start + latency,) * 2 for name, start, latency, _ in operations}
    end, read = max(last for _, last in found.values()), set()
    for _, start, _, its in sorted(operations, key=lambda one: one[1]):
        for value in its:
            if value not in read:
                found[value] = found.get(value, (0, 0))[0], start
                read.add(value)
    return found | {value: (found[value][0], end) for value in outputs}


@wrong("liveness", "not_a_table")
def _(operations, outputs):
    return {name: start for name, start, _, _ in operations}


@rare("liveness", "a range ends where the next operation of the list begins")
def _(operations, outputs):
    starts = [start for _, start, _, _ in operations]
    lands = {name: start + latency for name, start, latency, _ in operations}
    return {name: (landing, max(starts)) for name, landing in lands.items()}


ANSWERS.by_hand(
    "liveness",
    "a lands in cycle 2 and is read in 3 and 7: (2, 7).",
    lambda f: (
        dict(f([("a", 0, 2, ("x",)), ("b", 3, 4, ("a",)), ("c", 7, 1, ("a", "b"))], ["c"]))
        == {"a": (2, 7), "b": (7, 7), "c": (8, 8), "x": (0, 0)}
    ),
)


# ---- 4 addresses -------------------------------------------------------------------------------


@right("addresses", "address by address, until all places are free")
def _(values):
    held, found = {}, {}  # (place, cycle): taken
    for name, first, last, size in sorted(values, key=lambda v: v[1]):
        cells = functools.partial(itertools.product, range(first, last + 1))
        at = next(
            at
            for at in itertools.count()
            if not any(held.get((p, c)) for c, p in cells(range(at, at + size)))
        )
        held |= {(p, c): True for c, p in cells(range(at, at + size))}
        found[name] = at
    return found


@right("addresses", "the candidates: 0, and behind each value that is alive")
def _(values):
    order = np.argsort([first for _, first, _, _ in values], kind="stable")
    placed = []
    for name, first, last, size in (values[i] for i in order):
        alive = [(at, s) for _, at, a, b, s in placed if not (b < first or last < a)]
        for at in sorted({0, *(at + s for at, s in alive)}):
            if all(at + size <= other or other + s <= at for other, s in alive):
                break
        placed.append((name, at, first, last, size))
    return {name: np.int64(at) for name, at, *_ in placed}


@wrong("addresses", "above_all")
def _(values):
    found, placed = {}, []
    for name, first, last, size in sorted(values, key=lambda v: v[1]):
        found[name] = max((at + s for at, b, s in placed if b >= first), default=0)
        placed.append((found[name], last, size))
    return found


@wrong("addresses", "not_a_table")
def _(values):
    return {name: size / 2 for name, _, _, size in values}


@rare("addresses", "a value gets the address of any dead one that is as large")
def _(values):
    found, free, top = {}, [], 0
    for name, _first, last, size in sorted(values, key=lambda v: v[1]):
        fitting = [one for one in free if one[1] == size and one[2] < _first]
        if fitting:
            free.remove(fitting[0])
            found[name] = fitting[0][0]
        else:
            found[name], top = top, top + size
        free.append((found[name], size, last))
    return found


ANSWERS.by_hand(
    "addresses",
    "d begins in cycle 4, in which a is still alive, and so is c: address 4.",
    lambda f: (
        dict(f([("a", 0, 4, 3), ("b", 1, 2, 2), ("c", 3, 6, 1), ("d", 4, 5, 2)]))
        == {"a": 0, "b": 3, "c": 3, "d": 4}
    ),
)


# ---- 5 two_units -------------------------------------------------------------------------------


@right("two_units", "e as late as it can")
def _():
    return {"a": 0, "b": 5, "c": 7, "d": 6, "e": 4, "f": 8}


@right("two_units", "found by trying all orders, in NumPy's integers")
def _():
    best = None
    for order in itertools.permutations(SIX):
        free, starts, lands = {}, {}, {}
        for name, unit, occupies, latency, reads in order:
            if not all(value in lands for value in reads):
                break
            starts[name] = max([free.get(unit, 0), *(lands[value] for value in reads)])
            free[unit], lands[name] = starts[name] + occupies, starts[name] + latency
        else:
            if best is None or max(lands.values()) < best[0]:
                best = max(lands.values()), starts
    return {name: np.int64(start) for name, start in best[1].items()}


SHORTEST = {"a": 0, "e": 0, "b": 5, "d": 6, "c": 7, "f": 8}
for _hint, _starts in (
    ("unit_taken", {**SHORTEST, "c": 5}),
    ("too_early", {**SHORTEST, "b": 2}),
    ("greedy", {**SHORTEST, "c": 5, "d": 9, "f": 11}),
    ("late_e", {**SHORTEST, "e": 11}),
    ("late_beginning", {name: start + 1 for name, start in SHORTEST.items()}),
    ("idle", {**SHORTEST, "c": 8}),
    ("one_at_a_time", {"a": 0, "b": 5, "e": 6, "d": 9, "f": 11, "c": 16}),
    ("missing", {name: start for name, start in SHORTEST.items() if name != "e"}),
    ("unknown_name", {**SHORTEST, "g": 20}),
    ("before_start", {**SHORTEST, "e": -2}),
    ("not_a_table", {**SHORTEST, "e": "zero"}),
):
    wrong("two_units", _hint)(lambda starts=_starts: starts)

ANSWERS.by_hand(
    "two_units",
    "it would occupy the matrix unit until the end of cycle 8, and land in cycle 11.",
    lambda f: dict(f())["a"] + SIX[0][3] == 5 and (5 + SIX[2][2] - 1, 5 + SIX[2][3]) == (8, 11),
)


# ---- 6 find_hazard -----------------------------------------------------------------------------


@right("find_hazard", "cycle by cycle, with what each unit and each address holds")
def _(schedule):
    lands = {name: start + latency for name, _, start, _, latency, *_ in schedule}
    until, holds, found = {}, {}, []
    reads = {v: max(o[2] for o in schedule if v in o[5]) for o in schedule for v in o[5]}
    for cycle in range(max(lands.values()) + 1):
        for name, unit, start, occupies, _, its, _ in schedule:
            if start == cycle:
                if until.get(unit, 0) > cycle:
                    found.append(["unit", cycle, name])
                if any(lands[value] > cycle for value in its):
                    found.append(["early", cycle, name])
                until[unit] = max(until.get(unit, 0), cycle + occupies)
        landing = [o for o in schedule if lands[o[0]] == cycle]
        for name, *_, address in landing:
            if any(reads.get(other, -1) >= cycle for other in holds.get(address, ())):
                found.append(["overwritten", cycle, name])
        for name, *_, address in landing:
            holds.setdefault(address, []).append(name)
    return found


@right("find_hazard", "all pairs of operations, at the end sorted")
def _(schedule):
    lands = {o[0]: o[2] + o[4] for o in schedule}
    found = set()
    for (i, a), (j, b) in itertools.permutations(enumerate(schedule), 2):
        if a[1] == b[1] and (a[2], i) < (b[2], j) and b[2] < a[2] + a[3]:
            found.add(("unit", b[2], b[0]))
        if a[0] in b[5] and b[2] < lands[a[0]]:
            found.add(("early", b[2], b[0]))
        readers = [c[2] for c in schedule if a[0] in c[5]]
        if a[6] == b[6] and lands[a[0]] < lands[b[0]] and max(readers, default=-1) >= lands[b[0]]:
            found.add(("overwritten", lands[b[0]], b[0]))
    return tuple(sorted(found, key=lambda hazard: hazard[1]))


@wrong("find_hazard", "not_hazards")
def _(schedule):
    return [operation[0] for operation in schedule]


@wrong("find_hazard", "other_kind")
def _(schedule):
    return [("busy", 0, operation[0]) for operation in schedule]


@wrong("find_hazard", "first_read")
def _(schedule):
    lands = {o[0]: o[2] + o[4] for o in schedule}
    first = {}
    for o in schedule:
        for value in o[5]:
            first[value] = min(first.get(value, 10**9), o[2])
    found = []
    for a, b in itertools.permutations(sorted(schedule, key=lambda o: o[2]), 2):
        i, j = schedule.index(a), schedule.index(b)
        if a[1] == b[1] and (a[2], i) < (b[2], j) and b[2] < a[2] + a[3]:
            found.append((b[2], "unit", b[0]))
        if a[0] in b[5] and b[2] < lands[a[0]]:
            found.append((b[2], "early", b[0]))
        if a[6] == b[6] and lands[a[0]] < lands[b[0]] <= first.get(a[0], -1):
            found.append((lands[b[0]], "overwritten", b[0]))
    return [(kind, cycle, name) for cycle, kind, name in sorted(set(found))]


@wrong("find_hazard", "unsorted")
def _(schedule):
    found = ANSWERS.right_answers["find_hazard"]["all pairs of operations, at the end sorted"]
    return list(found(schedule))[::-1]


@wrong("find_hazard", "latest_value_only")
def _(schedule):
    found = ANSWERS.right_answers["find_hazard"]["all pairs of operations, at the end sorted"]
    lands = {o[0]: o[2] + o[4] for o in schedule}
    hazards = [hazard for hazard in found(schedule) if hazard[0] != "overwritten"]
    for name, *_, address in schedule:
        here = [o for o in schedule if o[6] == address and lands[o[0]] < lands[name]]
        newest = max((lands[o[0]] for o in here), default=None)
        lying = [o[0] for o in here if lands[o[0]] == newest]
        if any(o[2] >= lands[name] for o in schedule for value in o[5] if value in lying):
            hazards.append(("overwritten", lands[name], name))
    return sorted(hazards, key=lambda hazard: hazard[1])


@wrong("find_hazard", "repeated")
def _(schedule):
    found = ANSWERS.right_answers["find_hazard"]["all pairs of operations, at the end sorted"]
    return [hazard for hazard in found(schedule) for _ in range(2)]


@rare("find_hazard", "a unit is free in every third cycle")
def _(schedule):
    found = ANSWERS.right_answers["find_hazard"]["all pairs of operations, at the end sorted"]
    return [h for h in found(schedule) if h[0] != "unit" or h[1] % 3]


EXAMPLE = [
    ("a", "matrix", 0, 3, 5, (), 0),
    ("b", "matrix", 2, 1, 4, (), 1),
    ("c", "vector", 4, 1, 2, ("a",), 1),
]
REREAD = [
    *((name, "matrix", start, 1, 4, (), 5) for name, start in (("f", 6), ("h", 9), ("g", 14))),
    ("r", "vector", 18, 1, 1, ("f",), 6),
]
ANSWERS.by_hand(
    "find_hazard",
    "and f is read in cycle 18, then h and g both overwrite it.",
    lambda f: list(f(REREAD)) == [("overwritten", 13, "h"), ("overwritten", 18, "g")],
)
ANSWERS.by_hand(
    "find_hazard",
    'c reads a in cycle 4, but a lands in 5: ("early", 4, "c").',
    lambda f: list(f(EXAMPLE)) == [("unit", 2, "b"), ("early", 4, "c")],
)


# ---- 7 fused_bytes -----------------------------------------------------------------------------


@right("fused_bytes", "each layer by itself, minus what is kept")
def _(widths, n_vectors, bits, kept):
    numbers = 0
    for i, (a, b) in enumerate(itertools.pairwise(widths)):
        numbers += a * b
        numbers += n_vectors * a * (i == 0 or not kept[i - 1])
        numbers += n_vectors * b * (i == len(kept) or not kept[i])
    return Fraction(numbers * bits, 8)


@right("fused_bytes", "as products of NumPy's arrays")
def _(widths, n_vectors, bits, kept):
    w = np.array(widths)
    times = np.array([1, *(0 if k else 2 for k in kept), 1])
    return (w[1:] @ w[:-1] + n_vectors * w @ times) * bits / 8


@wrong("fused_bytes", "not_read_back")
def _(widths, n_vectors, bits, kept):
    moved = widths[0] + sum(w for w, k in zip(widths[1:-1], kept, strict=True) if not k)
    weights = sum(a * b for a, b in itertools.pairwise(widths))
    return (weights + n_vectors * (moved + widths[-1])) * bits / 8


@rare("fused_bytes", "the input is read for every layer")
def _(widths, n_vectors, bits, kept):
    moved = widths[0] * (len(widths) - 1) + widths[-1]
    moved += 2 * sum(w for w, k in zip(widths[1:-1], kept, strict=True) if not k)
    return (sum(a * b for a, b in itertools.pairwise(widths)) + n_vectors * moved) * bits / 8


ANSWERS.by_hand(
    "fused_bytes",
    "Not kept, 2 · 4 · 5 = 40 numbers more: 85 numbers, 170 bytes.",
    lambda f: f([3, 5, 2], 4, 16, [False]) == 170 and f([3, 5, 2], 4, 16, [True]) == 90,
)


# ---- 8 chips_for -------------------------------------------------------------------------------


@right("chips_for", "in bits, rounding up by negative division")
def _(n_weights, bits, cache_bytes, memory_mib, gb_per_s, at_once):
    stored = n_weights * bits + 8 * cache_bytes
    return -(-stored // (8 * memory_mib << 20)), 8 * at_once * gb_per_s * 10**9 / stored


@right("chips_for", "one chip after the other, and the time of a token")
def _(n_weights, bits, cache_bytes, memory_mib, gb_per_s, at_once):
    stored, chips = np.array([n_weights * bits / 8, cache_bytes]).sum(), 1
    while chips * memory_mib * 1024 * 1024 < stored:
        chips += 1
    seconds = stored / (gb_per_s * 1e9) / at_once
    return [np.int64(chips), torch.tensor(1 / seconds)]


@wrong("chips_for", "all_at_once")
def _(n_weights, bits, cache_bytes, memory_mib, gb_per_s, at_once):
    stored = n_weights * bits / 8 + cache_bytes
    chips = math.ceil(stored / (memory_mib * 2**20))
    return chips, chips * gb_per_s * 1e9 / stored


@wrong("chips_for", "how_many")
def _(n_weights, bits, *_):
    return (n_weights * bits,)


@rare("chips_for", "the cache is read twice")
def _(n_weights, bits, cache_bytes, memory_mib, gb_per_s, at_once):
    weights = n_weights * bits / 8
    chips = math.ceil((weights + cache_bytes) / (memory_mib * 2**20))
    return chips, at_once * gb_per_s * 1e9 / (weights + 2 * cache_bytes)


ANSWERS.by_hand(
    "chips_for",
    "and 10⁹ bytes are 4.33 times as many: 5 chips.",
    lambda f: f(10**9, 8, 0, 220, 1_000, 2)[0] == 5,
)
ANSWERS.by_hand(
    "chips_for",
    "which is enough for 2,000 tokens per second.",
    lambda f: near(f(10**9, 8, 0, 220, 1_000, 2)[1], 2_000),
)


# ---- 9 pipeline_balance ------------------------------------------------------------------------


@right("pipeline_balance", "the smallest limit for which filling chip by chip needs no more chips")
def _(cycles, n_chips, link):
    def fits(limit):
        @functools.cache
        def can(start, chips):
            if chips == 1:
                return start < len(cycles) and sum(cycles[start:]) <= limit
            ends = range(start + 1, len(cycles))
            return any(sum(cycles[start:e]) + link <= limit and can(e, chips - 1) for e in ends)

        return can(0, n_chips)

    limit = next(n for n in itertools.count(max(cycles)) if fits(n))
    return limit, sum(cycles) + (n_chips - 1) * link


@right("pipeline_balance", "by dynamic programming, in NumPy")
def _(cycles, n_chips, link):
    n = len(cycles)
    best = np.full((n_chips + 1, n + 1), np.inf)  # of the last k chips, from layer i on
    for i in range(n):
        best[1, i] = sum(cycles[i:])
    for k in range(2, n_chips + 1):
        for i in range(n):
            for j in range(i + 1, n):
                best[k, i] = min(best[k, i], max(sum(cycles[i:j]) + link, best[k - 1, j]))
    return [best[n_chips, 0], np.sum(cycles) + link * n_chips - link]


@wrong("pipeline_balance", "mean_stage")
def _(cycles, n_chips, link):
    alone = sum(cycles) + (n_chips - 1) * link
    return sum(cycles) / n_chips, alone


@wrong("pipeline_balance", "how_many")
def _(cycles, n_chips, link):
    return (max(cycles),)


@rare("pipeline_balance", "the sum of the slowest chips before and after")
def _(cycles, n_chips, link):
    return 2 * max(cycles) + link, sum(cycles)


ANSWERS.by_hand(
    "pipeline_balance",
    "The best split has 11 cycles between tokens; one token takes 18 + 1 = 19.",
    lambda f: tuple(f([4, 6, 3, 5], 2, 1)) == (11, 19),
)


# ---- 10 puzzle ---------------------------------------------------------------------------------


def _of_order(operations, order):
    """Each operation as early as it can, in an order in which inputs come first."""
    free, starts, lands = {}, {}, {}
    for name, unit, occupies, latency, reads in (operations[i] for i in order):
        starts[name] = max([free.get(unit, 0), *(lands[value] for value in reads)])
        free[unit], lands[name] = starts[name] + occupies, starts[name] + latency
    return max(lands.values()), starts


@right("puzzle", "orders that are changed again and again, as long as none is worse")
def _(operations):
    rng = np.random.default_rng(1)
    place = {name: i for i, (name, *_) in enumerate(operations)}
    best = (10**9, None)
    for _ in range(12):
        order = list(range(len(operations)))
        now = _of_order(operations, order)
        for _ in range(250):
            new = list(order)
            moved = new.pop(rng.integers(len(new)))
            new.insert(rng.integers(len(new) + 1), moved)
            at = {i: k for k, i in enumerate(new)}
            if any(at[place[v]] > at[i] for i in new for v in operations[i][4]):
                continue
            found = _of_order(operations, new)
            if found[0] <= now[0]:
                order, now = new, found
        best = min(best, now, key=lambda found: found[0])
    return best[1]


@right("puzzle", "from the last operation to the first: the puzzle turned around")
def _(operations):
    # what reads comes first, and an operation may begin when its unit and its readers allow it
    left, best = {}, [10**9, None]
    for name, _, _, latency, reads in operations:
        left[name] = max((left[v] for v in reads), default=0) + latency
    back = {name: [o[0] for o in operations if name in o[4]] for name, *_ in operations}
    seen = set()

    def extend(starts, free):
        key = (frozenset(starts), *sorted(free.items()), *sorted(starts.items()))
        if key in seen:
            return
        seen.add(key)
        if len(starts) == len(operations):
            end = -min(starts.values())
            if end < best[0]:
                best[:] = end, {name: start + end for name, start in starts.items()}
            return
        ready = {}
        for name, unit, occupies, latency, _ in operations:
            if name not in starts and all(o in starts for o in back[name]):
                by_readers = min([0, *(starts[o] for o in back[name])]) - latency
                start = min(by_readers, free.get(unit, 10**9) - occupies)
                if -start + left[name] - latency >= best[0]:
                    return
                ready[name] = start, unit, occupies
        latest, unit = max((start, unit) for start, unit, _ in ready.values())
        for name, (start, its_unit, occupies) in sorted(ready.items(), key=lambda r: -r[1][0]):
            if its_unit == unit and start + occupies > latest:
                extend({**starts, name: start}, {**free, unit: start})

    extend({}, {})
    return best[1]


@wrong("puzzle", "unit_taken")
def _(operations):
    starts = {}
    for name, *_, reads in operations:
        latency = {o[0]: o[3] for o in operations}
        starts[name] = max((starts[v] + latency[v] for v in reads), default=0)
    return starts


@wrong("puzzle", "too_early")
def _(operations):
    starts, free = {}, {}
    for name, unit, occupies, *_ in operations:
        starts[name] = free.get(unit, 0)
        free[unit] = starts[name] + occupies
    return starts


@wrong("puzzle", "greedy_other")
def _(operations):
    starts, free, lands, cycle = {}, {}, {}, 0
    while len(starts) < len(operations):
        for name, unit, occupies, latency, reads in operations:
            ready = name not in starts and all(lands.get(v, 10**9) <= cycle for v in reads)
            if ready and free.get(unit, 0) <= cycle:
                starts[name], lands[name] = cycle, cycle + latency
                free[unit] = cycle + occupies
        cycle += 1
    return starts


@wrong("puzzle", "missing")
def _(operations):
    return {operations[0][0]: 0}


@wrong("puzzle", "unknown_name")
def _(operations):
    return {name: 40 * i for i, (name, *_) in enumerate((*operations, ("zero",)))}


@wrong("puzzle", "before_start")
def _(operations):
    return {name: 40 * i - 1 for i, (name, *_) in enumerate(operations)}


@wrong("puzzle", "not_a_table")
def _(operations):
    return {name: None for name, *_ in operations}


@wrong("puzzle", "in_order_of_the_list")
def _(operations):
    return _of_order(operations, range(len(operations)))[1]


@rare("puzzle", "each operation a cycle later than it could, in the order of the list")
def _(operations):
    starts = _of_order(operations, range(len(operations)))[1]
    return {name: start + 1 for name, start in starts.items()}


@rare("puzzle", "greedy by the number of readers", "greedy_other")
def _(operations):
    readers = {name: sum(name in o[4] for o in operations) for name, *_ in operations}
    starts, free, lands, cycle = {}, {}, {}, 0
    while len(starts) < len(operations):
        for name, unit, occupies, latency, reads in sorted(
            operations, key=lambda o: (-readers[o[0]], o[0] in "bdfhj")
        ):
            ready = name not in starts and all(lands.get(v, 10**9) <= cycle for v in reads)
            if ready and free.get(unit, 0) <= cycle:
                starts[name], lands[name] = cycle, cycle + latency
                free[unit] = cycle + occupies
        cycle += 1
    return starts


ANSWERS.by_hand(
    "puzzle",
    "Of the six operations above, a, b, d, f is the longest path, with 13 cycles.",
    lambda f: max(f(list(SIX))[name] + latency for name, _, _, latency, _ in SIX) == 13,
)


# ---- 11 shorter_chain --------------------------------------------------------------------------


@right("shorter_chain", "as a module, scaled before the square")
def _(block):
    class Shorter(torch.nn.Module):
        def __init__(self):
            super().__init__()
            centred = lambda A: A - A.mean(1, keepdim=True)  # noqa: E731
            self.register_buffer("scores", centred(block.keys @ block.query))
            self.register_buffer("values", block.out @ block.values.T)
            self.register_buffer("up", centred(block.up))
            self.down = block.down

        def forward(self, x):
            weights = ((self.scores @ x) * self.scale(x)).exp()
            x = x + (self.values @ weights) / weights.sum()
            return x + self.down @ ((self.up @ x) * self.scale(x)).relu().square()

        def scale(self, x):
            return (x.square().mean() - x.mean().square() + EPS).rsqrt()

    return Shorter()


@right("shorter_chain", "the sum of the weights carried on: the second norm takes any factor")
def _(block):
    C = len(block.query)
    centre = torch.eye(C) - 1 / C
    scores, values = block.keys @ block.query @ centre, block.out @ block.values.T
    up = block.up @ centre

    def forward(x):
        scale = (x.square().mean() - (x.mean().square() - EPS)).rsqrt()
        weights = ((scores @ x) * scale).exp()
        total = weights.sum()
        z = x * total + values @ weights
        variance = z.square().mean() - (z.mean().square() - EPS * total * total)
        return z / total + (block.down @ (up @ z).relu().square()) / variance

    return forward


for _name, _changes, _ in check_shorter_chain.MISTAKES:
    wrong("shorter_chain", _name)(
        lambda block, changes=_changes: (
            lambda x: check_shorter_chain.by_algebra(block, x, **changes)
        )
    )


@wrong("shorter_chain", "not_folded")
def _(block):
    return block


@wrong("shorter_chain", "scaled_early")
def _(block):
    scores, values = block.keys @ block.query, block.out @ block.values.T

    def forward(x):
        weights = (scores @ block.norm(x)).exp()
        x = x + (values @ weights) / weights.sum()
        return x + block.down @ (block.up @ block.norm(x)).relu().square()

    return forward


def _late(block, variance, centred=True, before_relu=False):
    """The block with its matrices folded, in steps that are still to be improved."""
    C = len(block.query)
    centre = torch.eye(C) - 1 / C if centred else torch.eye(C)
    scores, up, values = (
        block.keys @ block.query @ centre,
        block.up @ centre,
        block.out @ block.values.T,
    )
    less = (lambda x: x) if centred else (lambda x: x - x.mean())

    def forward(x):
        weights = ((scores @ less(x)) * variance(x).rsqrt()).exp()
        x = x + (values @ weights) / weights.sum()
        hidden = up @ less(x)
        if before_relu:
            return x + block.down @ (hidden / variance(x).sqrt()).relu().square()
        return x + (block.down @ hidden.relu().square()) / variance(x)

    return forward


def _one_pass(x):
    return x.square().mean() - x.mean().square() + EPS


@rare("shorter_chain", "the variance in one pass, and the mean subtracted", "mean_not_folded")
def _(block):
    return _late(block, _one_pass, centred=False)


@wrong("shorter_chain", "variance_waits")
def _(block):
    return _late(block, lambda x: (x - x.mean()).square().mean() + EPS, before_relu=True)


@wrong("shorter_chain", "too_long")
def _(block):
    return _late(block, lambda x: (x * x - x * x.mean()).mean() + EPS, before_relu=True)


@wrong("shorter_chain", "in_place")
def _(block):
    def forward(x):
        weights = (block.keys @ (block.query @ block.norm(x))).exp()
        x = x.clone()
        x += block.out @ (weights @ block.values) / weights.sum()
        return x + block.down @ (block.up @ block.norm(x)).relu().square()

    return forward


@wrong("shorter_chain", "branches")
def _(block):
    return lambda x: block(x) if x.square().sum() > 0 else x


@wrong("shorter_chain", "numpy")
def _(block):
    return lambda x: block(torch.tensor(x.numpy()))


@wrong("shorter_chain", "mean_not_folded")
def _(block):
    scores, values = block.keys @ block.query, block.out @ block.values.T

    def forward(x):
        centred = x - x.mean()
        weights = ((scores @ centred) * (centred.square().mean() + EPS).rsqrt()).exp()
        x = x + (values @ weights) / weights.sum()
        centred = x - x.mean()
        hidden = (block.up @ centred).relu().square()
        return x + (block.down @ hidden) / (centred.square().mean() + EPS)

    return forward


@wrong("shorter_chain", "no_rule")
def _(block):
    def forward(x):
        weights = torch.softmax(block.keys @ (block.query @ block.norm(x)), 0)
        x = x + block.out @ (weights @ block.values)
        return x + block.down @ (block.up @ block.norm(x)).relu().square()

    return forward


@wrong("shorter_chain", "wrong_type")
def _(block):
    return torch.stack([block(x) for x in inputs()])


@wrong("shorter_chain", "wrong_shape")
def _(block):
    return lambda x: block(x)[None]


@rare("shorter_chain", "the two halves of the block side by side")
def _(block):
    def forward(x):
        weights = (block.keys @ (block.query @ block.norm(x))).exp()
        y = block.out @ (weights @ block.values) / weights.sum()
        return x + y + block.down @ (block.up @ block.norm(x)).relu().square()

    return forward


ANSWERS.by_hand(
    "shorter_chain",
    "It is equal to `(self.keys @ self.query) @ n`",
    lambda f: check_shorter_chain.race(f) < 0.85 * check_shorter_chain.BAR,
)
