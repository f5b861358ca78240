"""The explorable `dataflow` computes what the package computes: schedules, and tokens with a cache."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from grooves.explorables.dataflow.programs import (
    chip_facts,
    compiled,
    operations_of,
    recorded,
    works_of,
)
from grooves.explorables.dataflow.widget import EXPERIMENTS
from grooves.hardware.dataflow import Chip, critical_path, hazards, paths_to_end, schedule
from grooves.hardware.dataflow.cached_machine import CachedMachine, Machine, Noise

CHIP = Chip().with_planes("fp16")
PROGRAMS = recorded()
PLANNED = """async ([rows, chip]) => {
  const { planned } = await import("/dataflow/plan.mjs");
  const { start, number, cycles, left, path, slack, longest, order } = planned(rows, chip, chip.latencies, chip.units.vector);
  return { start, number, cycles, left, path, slack, longest, order };
}"""
TOKENS = """async ([rows, chip, machine, noise, position, numbers, n]) => {
  const { CachedMachine, worksOf } = await import("/dataflow/cached.mjs");
  const { Timing } = await import("/dataflow/scheduler.mjs");
  let at = 0;
  const cached = new CachedMachine(worksOf(rows, new Timing(chip)), machine, noise, () => numbers[at++ % numbers.length]);
  return Array.from({ length: n }, () => cached.token(position)).map(({ cycles, misses, starts }) => ({ cycles, misses, starts }));
}"""
AFTER = """async () => {
  const { EXPERIMENTS, truth } = await import("/dataflow/experiments.mjs");
  return Object.fromEntries(Object.entries(EXPERIMENTS).map(([key, one]) => [key, one.after]));
}"""


def slower(name, factor):
    return CHIP.slower(name, factor)


CHIPS = {
    "as assumed": CHIP,
    "one unit of each kind": replace(CHIP, n_vector=1, n_switch=1, n_memory=1),
    "fast products": slower("matrix", 0.25),
    "slow ports": slower("weights", 6),
    "far apart": slower("far", 3).slower("near", 4),
    "all fast": CHIP.slower("far", 0.01).slower("near", 0.1).slower("matrix", 0.05),
}


def in_page(modules, rows, chip):
    """The page's schedule of recorded rows."""
    return modules.evaluate(PLANNED, [rows, chip_facts(chip)])


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_page_schedules_cycle_for_cycle_as_python_does(modules, name):
    rows = PROGRAMS[name]
    for what, chip in CHIPS.items():
        operations = operations_of(rows, chip)
        plan, found = schedule(operations, chip), in_page(modules, rows, chip)
        names = [o.name for o in operations]
        assert dict(zip(names, found["start"], strict=True)) == plan.start, what
        assert dict(zip(names, found["number"], strict=True)) == plan.number, what
        assert found["cycles"] == plan.cycles
        assert not list(hazards(plan)), "a schedule with other latencies is one that would run"
        assert dict(zip(names, found["left"], strict=True)) == paths_to_end(operations, chip)
        path = [one["name"] for one in critical_path(plan)]
        assert [names[i] for i in found["path"]] == path, what
        assert [names[i] for i in found["order"]] == [
            names[i] for i in sorted(range(len(names)), key=lambda i: (found["start"][i], i))
        ]


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_operation_with_slack_may_begin_so_much_later_and_no_more(modules, name):
    """Where units are plenty, slack is exact: so much later the program is as long, then longer."""
    rows, chip = PROGRAMS[name], replace(CHIP, n_vector=64, n_switch=64, n_memory=64)
    found = in_page(modules, rows, chip)
    assert found["longest"] <= found["cycles"]
    assert min(found["slack"]) >= 0 and all(found["slack"][i] == 0 for i in found["path"][-3:])
    relaxed = [i for i, slack in enumerate(found["slack"]) if slack > 0][:40:8]
    assert relaxed
    for i in relaxed:
        for extra, cycles in ((0, 0), (5, 5)):
            start = list(found["start"])
            start[i] += found["slack"][i] + extra
            assert _pushed(rows, chip, start) - found["cycles"] == cycles


def _pushed(rows, chip, start):
    """Cycles of a program whose operations begin at `start`, or later where inputs are late."""
    operations = operations_of(rows, chip)
    index = {o.name: i for i, o in enumerate(operations)}
    for i, o in enumerate(operations):
        for name in o.inputs:
            if name in index:
                before = operations[index[name]]
                gap = before.duration(chip) + chip.travel(before.unit, o.unit)
                start[i] = max(start[i], start[index[name]] + gap)
        for name, gap in o.after:
            start[i] = max(start[i], start[index[name]] + gap)
    return max(start[i] + o.duration(chip) for i, o in enumerate(operations))


class _Numbers:
    """Stands for a generator of numpy: uniform numbers from a list, in turn, as the page takes them."""

    def __init__(self, numbers):
        self.numbers, self.at = numbers, 0

    def random(self):
        self.at += 1
        return self.numbers[(self.at - 1) % len(self.numbers)]

    def integers(self, low, high, n):
        return np.array([low + int(self.random() * (high - low)) for _ in range(n)], np.int64)


@pytest.mark.parametrize(
    "machine, noise, position",
    [
        (Machine(), Noise(), 64),
        (Machine(cache_bytes=256 * 1024), Noise(least=64.0), 150),
        (Machine(cache_bytes=64 * 1024, ways=1), Noise(least=0.0), 3),
    ],
)
def test_a_token_on_the_machine_with_a_cache_takes_as_long_as_in_python(
    modules, machine, noise, position
):
    rows = PROGRAMS["written"]
    numbers = np.random.default_rng(3).random(10_007).tolist()
    cached = CachedMachine(works_of(rows, CHIP), machine, noise)
    cached._rng = _Numbers(numbers)
    given = [rows, chip_facts(CHIP), asdict(machine), asdict(noise), position, numbers, 12]
    for i, found in enumerate(modules.evaluate(TOKENS, given)):
        token = cached.token(position)
        assert found["misses"] == token.misses, i
        assert found["cycles"] == pytest.approx(token.cycles, abs=1e-6)
        assert found["starts"] == pytest.approx(token.starts, abs=1e-6)


def test_the_recorded_programs_are_what_the_compiler_makes_today():
    remedy = "run `python -m grooves.explorables.export`"
    assert compiled() == PROGRAMS, remedy


def test_every_change_does_what_its_explanation_says(modules):
    """What the sentences beside the answers claim, in cycles of the first program."""
    changes = modules.evaluate(AFTER)
    assert set(changes) == set(EXPERIMENTS)
    rows = PROGRAMS["written"]

    def cycles(after):
        chip = replace(CHIP, n_vector=after.get("vector_units", CHIP.n_vector))
        chip = replace(chip, latency_cycles=chip.latency_cycles | after.get("latencies", {}))
        rows_ = PROGRAMS.get(after.get("program"), rows)
        return schedule(operations_of(rows_, chip), chip).cycles

    before = cycles({})
    saved = {key: 1 - cycles(after) / before for key, after in changes.items()}
    assert saved["vectors"] == 0 and -0.02 < saved["one"] <= 0
    assert 0.01 < saved["exp"] < 0.1 < saved["matrix"] < 0.4 and 0.1 < saved["far"] < 0.4
    if "short" in PROGRAMS:
        assert saved["short"] > 0.1
