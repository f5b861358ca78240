"""Schedules that would compute something else are refused, and change what the simulator gives."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from grooves.hardware.dataflow import (
    Chip,
    Hazard,
    Operation,
    Schedule,
    TooLarge,
    allocate,
    check,
    compile,
    hazards,
    instructions,
    lives,
    memory_bytes,
    run,
    schedule,
    split,
)
from grooves.hardware.dataflow.addresses import address_hazards, working_vectors
from grooves.hardware.dataflow.shorter import STEPS
from grooves.hardware.dataflow.simulate import Simulator
from grooves.hardware.dataflow.split import assigned
from grooves.training import lineage

WORDS = np.random.default_rng(0).integers(1, 470, (2, 3))


@cache
def program(name="folded through"):
    return compile(STEPS[name](lineage.base().cpu()))


def chain(**more):
    """A table lookup and the square of its row, by hand."""
    data = dict(table="table", index="word", start=0)
    return [
        Operation("look", "memory", "lookup", (), 4, data=data),
        Operation("square", "vector", "square", ("look",), 4),
        Operation(
            "write",
            "memory",
            "write",
            ("square",),
            data=dict(output="logits", lanes=np.arange(4), elements=np.arange(4)),
        ),
    ]


def executed(plan):
    """Outputs of three words with a plan for `chain`."""
    table = np.arange(12, dtype=np.float32).reshape(3, 4)
    listed = instructions(plan, allocate(plan, reuse=False))
    simulator = Simulator(listed, plan.chip, {}, {"table": table}, {}, {}, 4, 1)
    return [simulator.word(np.array([w]), 0)[0][0] for w in (1, 2, 0)]


def test_a_value_that_is_read_too_early_is_the_one_of_the_word_before():
    plan = schedule(chain(), Chip())
    table = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert np.array_equal(executed(plan), table[[1, 2, 0]] ** 2)
    early = plan.moved("square", -1)
    assert np.array_equal(executed(early)[1:], table[[1, 2]] ** 2)


def test_a_value_read_before_it_is_there_is_refused_with_cycle_and_unit():
    early = schedule(chain(), Chip()).moved("square", -1)
    with pytest.raises(Hazard, match=r"^cycle 9, vector 0: square reads look, .* from 10$") as e:
        check(early)
    assert (e.value.cycle, e.value.unit) == (9, "vector 0")


def test_two_operations_on_one_unit_are_refused_with_cycle_and_unit():
    both = [
        Operation("a", "switch", "move", (), 4, occupies=3),
        Operation("b", "switch", "move", (), 4),
    ]
    plan = Schedule(both, Chip(), {"a": 5, "b": 7}, {"a": 1, "b": 1})
    with pytest.raises(Hazard, match=r"^cycle 7, switch 1: b and a need it at once$"):
        check(plan)
    check(plan.moved("b", 1))
    one = schedule(both, Chip(n_switch=1))
    assert one.start == {"a": 0, "b": 3}


def test_an_address_overwritten_while_alive_is_refused_with_cycle_and_unit():
    made = program()
    assert list(address_hazards(made.schedule, made.addresses)) == []
    long = max(lives(made.schedule), key=lambda life: life.last_read - life.lands)
    other = next(life for life in lives(made.schedule) if long.lands < life.lands < long.last_read)
    stolen = {**made.addresses, other.name: made.addresses[long.name]}
    (hazard, *_) = address_hazards(made.schedule, stolen)
    assert hazard.cycle == other.lands
    assert hazard.unit == f"memory slice {made.addresses[long.name][0]}"
    assert f"{other.name} overwrites {long.name}" in str(hazard)
    assert working_vectors(made.addresses) < len(made.addresses) / 4  # addresses are reused


def test_weights_displaced_under_a_passing_vector_are_refused_and_stop_the_simulator():
    made = program()
    gap = {name: cycles for o in made.operations for name, cycles in o.after}
    victim = next(
        o
        for o in made.operations
        if o.kind == "install"
        for name, cycles in o.after
        if cycles > 1 and made.schedule.start[o.name] == made.schedule.start[name] + cycles
    )
    assert gap
    early = made.schedule.moved(victim.name, -1)
    with pytest.raises(Hazard, match="overwrites what"):
        check(early)
    with pytest.raises(Hazard, match=r"overwrites .* while a vector passes through it"):
        run(made, WORDS, made.simulator(2, instructions(early, made.addresses)))


def test_nine_of_ten_schedules_with_one_operation_a_cycle_early_are_caught_by_running_them():
    made = program()
    right = run(made, WORDS).logits
    late = [o for o in made.operations if made.schedule.start[o.name] > 0]
    sample = late[::4]
    caught = 0
    for o in sample:
        early = made.schedule.moved(o.name, -1)
        assert any(True for _ in hazards(early)), o.name  # the compiler's own check finds all
        try:
            result = run(made, WORDS, made.simulator(2, instructions(early, made.addresses)))
            caught += not np.array_equal(result.logits, right)
        except Hazard:
            caught += 1
    assert caught >= 0.9 * len(sample)
    assert len(sample) >= 50


def test_a_program_too_large_for_the_memory_is_refused_with_the_number_of_chips():
    step = STEPS["folded through"](lineage.base().cpu())
    needed = memory_bytes(program().lowered, program().numbers)
    assert needed < 2_000_000  # of the 220 MiB that a chip has
    with pytest.raises(TooLarge, match="at least 2 chips are needed") as e:
        compile(step, Chip(memory_bytes=needed - 1))
    assert e.value.n_chips == 2


def test_several_chips_give_the_outputs_of_one_and_their_links_are_in_the_schedule():
    small = Chip(memory_bytes=900_000)
    made = split(STEPS["folded through"](lineage.base().cpu()), small)
    result = run(made, WORDS)
    assert np.array_equal(result.logits, run(program(), WORDS).logits)
    assert set(result.cycles) == {made.cycles}
    assert made.n_chips == 3
    links = [r for r in made.schedule.as_rows() if " link " in r["unit"]]
    assert {r["unit"][:6] for r in links} == {"chip 0", "chip 1", "chip 2"}
    assert all(r["end"] - r["start"] >= small.latency("link", "send") for r in links)
    assert made.cycles > program().cycles + 2 * small.latency("link", "send")
    slow = made.schedule.moved(links[0]["name"], -1)
    assert any(True for _ in hazards(slow))


def test_one_operation_larger_than_a_chip_cannot_be_split():
    with pytest.raises(TooLarge, match="do not fit"):
        assigned(program().lowered, Chip(memory_bytes=10_000), program().numbers)


def test_operations_that_wait_for_each_other_are_refused():
    both = [
        Operation("a", "vector", "square", ("b",), 4),
        Operation("b", "vector", "square", ("a",), 4),
    ]
    with pytest.raises(ValueError, match="operations wait for each other: a, b"):
        schedule(both, Chip())


def test_a_late_unit_delays_every_user():
    """The schedule is made for one chip; on a chip with a slower unit it is refused."""
    made = program()
    slower = made.chip.slower("switch", 2)
    with pytest.raises(Hazard, match="which is there from"):
        check(replace(made.schedule, chip=slower))
