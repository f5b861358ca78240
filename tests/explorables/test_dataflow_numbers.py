"""The explorable `dataflow` computes schedules and tokens as the package does."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from grooves.explorables.dataflow.programs import (
    chip_facts,
    compiled,
    encoded,
    operations_of,
    recorded,
    shortest,
    story_words,
    values,
    works_of,
)
from grooves.explorables.dataflow.widget import EXPERIMENTS, Dataflow
from grooves.hardware.dataflow import Chip, critical_path, hazards, paths_to_end, schedule
from grooves.hardware.dataflow.cached_machine import CachedMachine, Machine, Noise
from grooves.hardware.dataflow.shorter import STEPS
from grooves.training import lineage

CHIP = Chip().with_planes("fp16")
PROGRAMS = recorded()
WORDS = story_words()
REMEDY = "run `python -m grooves.explorables.export`"
PLANNED = """async ([rows, chip]) => {
  const { planned } = await import("/dataflow/plan.mjs");
  const plan = planned(rows, chip, chip.latencies, chip.units.vector);
  const names = ["start", "number", "cycles", "left", "path", "slack", "longest", "order"];
  return Object.fromEntries(names.map((name) => [name, plan[name]]));
}"""
TOKENS = """async ([rows, chip, machine, noise, position, numbers, n]) => {
  const { complete } = await import("/dataflow/plan.mjs");
  const { CachedMachine, worksOf } = await import("/dataflow/cached.mjs");
  const { Timing } = await import("/dataflow/scheduler.mjs");
  let at = 0;
  const random = () => numbers[at++ % numbers.length];
  const works = worksOf(complete(rows), new Timing(chip));
  const cached = new CachedMachine(works, machine, noise, random);
  return Array.from({ length: n }, () => cached.token(position));
}"""
SAVED = """async ([programs, chip, first]) => {
  const { EXPERIMENTS, SHORTEST, truth } = await import("/dataflow/experiments.mjs");
  const { planned, shortest } = await import("/dataflow/plan.mjs");
  const cycles = ({ latencies, vector_units = chip.units.vector, program = first }) =>
    planned(
      programs[program === SHORTEST ? shortest(programs, chip) : program],
      chip,
      { ...chip.latencies, ...latencies },
      vector_units,
    ).cycles;
  return Object.fromEntries(Object.entries(EXPERIMENTS).map(([key, one]) => {
    const [before, after] = [cycles({}), cycles(one.after)];
    return [key, [before, after, truth(one, before, after)]];
  }));
}"""


@pytest.fixture(scope="module")
def model():
    return lineage.base()


CHIPS = {
    "one unit of each kind": replace(CHIP, n_vector=1, n_switch=1, n_memory=1),
    "slow ports, far apart": CHIP.slower("weights", 6).slower("far", 3).slower("near", 4),
    "all fast": CHIP.slower("far", 0.01).slower("near", 0.1).slower("matrix", 0.05),
}
FIRST = next(iter(PROGRAMS))
SHORTEST = shortest(PROGRAMS, CHIP)


def in_page(modules, rows, chip):
    """The page's schedule of recorded rows."""
    return modules.evaluate(PLANNED, [rows, chip_facts(chip)])


@pytest.mark.parametrize(
    ("name", "what"),
    [(FIRST, "all fast"), (SHORTEST, "slow ports, far apart"), (SHORTEST, "one unit of each kind")],
)
def test_the_page_schedules_cycle_for_cycle_as_python_does(modules, name, what):
    rows, chip = PROGRAMS[name], CHIPS[what]
    operations = operations_of(rows, chip)
    plan, found = schedule(operations, chip), in_page(modules, rows, chip)
    names = [o.name for o in operations]
    assert dict(zip(names, found["start"], strict=True)) == plan.start
    assert dict(zip(names, found["number"], strict=True)) == plan.number
    assert found["cycles"] == plan.cycles
    assert not list(hazards(plan)), "a schedule with other latencies is one that would run"
    assert dict(zip(names, found["left"], strict=True)) == paths_to_end(operations, chip)
    assert [names[i] for i in found["path"]] == [one["name"] for one in critical_path(plan)]
    path = set(found["path"])
    order = sorted(range(len(names)), key=lambda i: (found["start"][i], i not in path, i))
    assert found["order"] == order


def test_a_recorded_program_takes_as_long_as_the_compiler_promises(modules, model):
    """It is what the compiler makes today, and the page schedules it as the compiler does."""
    program, rows = compiled(model, [SHORTEST])[SHORTEST], PROGRAMS[SHORTEST]
    assert list(PROGRAMS) == list(STEPS), REMEDY
    bare = [{key: value for key, value in row.items() if key != "values"} for row in rows]
    assert bare == encoded(program), REMEDY
    made = values(program, WORDS)
    for row in rows:  # what rounding may change on another machine
        expected = pytest.approx(made.get(row["name"], []), rel=0.02, abs=1e-3)
        assert row.get("values", []) == expected, (row["name"], REMEDY)
    found, start = in_page(modules, rows, CHIP), program.schedule.start
    assert dict(zip([row["name"] for row in rows], found["start"], strict=True)) == start
    assert found["cycles"] == program.cycles
    widget = Dataflow({"mine": program})
    assert widget.program == "mine" and widget.chip == chip_facts(program.chip)
    assert widget.programs["mine"] == encoded(program)


@pytest.mark.parametrize("name", [FIRST, SHORTEST])
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
    """Stands for a generator of numpy: uniform numbers from a list, taken as the page does."""

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
    rows = PROGRAMS[FIRST]
    numbers = np.random.default_rng(3).random(10_007).tolist()
    cached = CachedMachine(works_of(rows, CHIP), machine, noise)
    cached._rng = _Numbers(numbers)
    given = [rows, chip_facts(CHIP), asdict(machine), asdict(noise), position, numbers, 12]
    for i, found in enumerate(modules.evaluate(TOKENS, given)):
        token = cached.token(position)
        assert found["misses"] == token.misses, i
        assert found["cycles"] == pytest.approx(token.cycles, abs=1e-6)
        assert found["starts"] == pytest.approx(token.starts, abs=1e-6)


def test_the_values_that_are_shown_are_the_models(model):
    """The last product of the program as it is written gives the model's own logits."""
    (row,) = (row for row in PROGRAMS[FIRST] if row["name"] == "head.multiply")
    first, n, *shown = row["values"]
    logits = model(torch.tensor([WORDS]))[0, -1]
    assert (first, n) == (0, CHIP.lanes)
    assert shown == pytest.approx(logits[: len(shown)].tolist(), abs=0.05)
    keys = [row for row in PROGRAMS[FIRST] if row["kind"] == "move" and row["values"][0] > 0]
    assert keys, "of a vector whose first lanes hold nothing, others are shown"


def test_every_change_does_what_its_explanation_says(modules):
    """What the sentences beside the answers claim, of the program that is asked about."""
    saved = modules.evaluate(SAVED, [PROGRAMS, chip_facts(CHIP), FIRST])
    assert set(saved) == set(EXPERIMENTS)
    shares = {key: 1 - after / before for key, (before, after, _) in saved.items()}
    assert shares["vectors"] == 0 and -0.02 < shares["one"] <= 0
    assert 0.01 < shares["exp"] < 0.1 < shares["matrix"] < 0.4 and 0.1 < shares["far"] < 0.4
    assert shares["short"] > 0.5
    right = {"vectors": 0, "one": 2, "exp": 0, "matrix": 1, "far": 1, "short": 2}
    assert {key: answer for key, (_, _, answer) in saved.items()} == right
