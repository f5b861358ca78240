"""The checks of lab 14 beyond what `test_checks_labs.py` asks of every lab's."""

import functools
import math

import numpy as np
import pytest
import torch
from answers.dataflow import ANSWERS
from test_checks_labs import refusal as refusal_in
from test_checks_labs import unwatched

from grooves.checks.dataflow import (
    chain_block,
    check_addresses,
    check_chips_for,
    check_find_hazard,
    check_liveness,
    check_puzzle,
    check_shorter_chain,
    check_systolic_cycles,
    check_two_units,
)
from grooves.hardware.dataflow import ceilings, puzzle, systolic

pytestmark = pytest.mark.usefixtures("own_progress")
refusal = functools.partial(refusal_in, ANSWERS.lab)


# --- yardsticks -------------------------------------------------------------------------------


def test_the_cycles_of_the_check_are_those_of_an_array_simulated_cell_by_cell():
    rng = np.random.default_rng(14)
    for rows, columns, n in ((2, 3, 4), (7, 4, 1), (1, 1, 6)):
        x, weights = rng.integers(-9, 9, (n, rows)), rng.integers(-9, 9, (rows, columns))
        _, cycles = systolic.simulate(x, weights)
        assert check_systolic_cycles.right(rows, columns, rows, columns, n, False) == cycles
    for rows, columns, n_in, n_out, n, overlapped in check_systolic_cycles.CASES:
        if not overlapped:
            expected = systolic.weight_stationary(n, n_in, n_out, rows, columns).cycles
            assert check_systolic_cycles.right(rows, columns, n_in, n_out, n, False) == expected


def test_the_shortest_schedules_are_those_that_an_exact_search_finds():
    for operations, shortest in check_puzzle.cases():
        tasks = check_puzzle.tasks_of(operations)
        assert puzzle.check(tasks, puzzle.optimal(tasks)) == shortest
        rules = [puzzle.check(tasks, puzzle.greedy(tasks, rule)) for rule in puzzle.RULES.values()]
        assert min(rules) > shortest
        assert check_puzzle.end_of(operations, check_puzzle.never_waiting(operations)) > shortest
    tasks = check_puzzle.tasks_of(check_two_units.SIX)
    assert puzzle.check(tasks, puzzle.greedy(tasks)) == check_two_units.GREEDY
    assert check_puzzle.SHORTEST[0] == check_two_units.SHORTEST


def test_a_schedule_is_called_greedy_whatever_the_rule_that_made_it(monkeypatch):
    unwatched(monkeypatch)
    for seed in range(6):

        def by_lot(operations, seed=seed):
            rule = np.random.default_rng(seed).permutation(12)
            greedy = check_puzzle._by(lambda tasks: list(rule[: len(tasks)]))
            return greedy(operations)

        assert refusal("puzzle", by_lot).message.count("Likely mistake: greedy: ") == 1


def test_the_cell_behind_the_exercise_misses_no_kind_of_hazard():
    ids = [f"{exercise}-answer" for exercise in ("liveness", "addresses", "find_hazard")]
    names = ANSWERS.run_cells(ANSWERS.master, *ids)
    find_hazard = names["find_hazard"]
    for kind in check_find_hazard.KINDS:
        names["find_hazard"] = lambda schedule, kind=kind: [
            hazard for hazard in find_hazard(schedule) if hazard[0] != kind
        ]
        with pytest.raises(AssertionError):
            exec(ANSWERS.master_cells["moved"], names)
    names["find_hazard"] = find_hazard
    exec(ANSWERS.master_cells["moved"], names)


def test_no_two_values_that_are_alive_share_a_place():
    for seed in range(16):
        values = check_addresses.random_case(seed)
        place = check_addresses.right(values)
        taken = set()
        for name, first, last, size in values:
            cells = {
                (cycle, at)
                for cycle in range(first, last + 1)
                for at in range(place[name], place[name] + size)
            }
            assert not cells & taken
            taken |= cells


def test_a_schedule_with_addresses_by_first_fit_has_no_hazard():
    operations = check_puzzle.operations_of(puzzle.PUZZLE)
    starts = puzzle.optimal(puzzle.PUZZLE)
    started = [
        (name, start, latency, reads)
        for (name, _, _, latency, reads), start in zip(operations, starts, strict=True)
    ]
    ranges = check_liveness.right(started, [])
    place = check_addresses.right([(name, *ranges[name], 1) for name, *_ in started])
    schedule = [
        (name, unit, start, occupies, latency, reads, place[name])
        for (name, unit, occupies, latency, reads), start in zip(operations, starts, strict=True)
    ]
    assert check_find_hazard.right(schedule) == []
    for i, (name, unit, start, *rest) in enumerate(schedule):
        early = [*schedule[:i], (name, unit, start - 1, *rest), *schedule[i + 1 :]]
        assert bool(check_find_hazard.right(early)) == (start > 0)


def test_chips_and_ceiling_are_those_of_the_course():
    for n_weights, bits, cache, memory_mib, gb_per_s, at_once in check_chips_for.CASES:
        chips, rate = check_chips_for.right(n_weights, bits, cache, memory_mib, gb_per_s, at_once)
        n_bytes = n_weights * bits / 8 + cache
        assert chips == ceilings.chips_for(n_bytes, memory_mib * 2**20)
        assert math.isclose(rate, ceilings.tokens_per_s(n_bytes, gb_per_s * 1e9, at_once))


# --- the challenge ----------------------------------------------------------------------------


def test_the_block_written_by_algebra_is_the_block():
    block = chain_block.Block(seed=41).double()
    for x in chain_block.inputs().double():
        assert torch.allclose(check_shorter_chain.by_algebra(block, x), block(x), atol=1e-9)


def test_the_chip_computes_the_block_in_the_cycles_that_were_promised():
    block = chain_block.Block(seed=41)
    for function in (block, ANSWERS.reference("shorter_chain")(block)):
        program = chain_block.compiled(function)
        computed, cycles = chain_block.on_chip(program)
        expected = torch.stack([block(x) for x in chain_block.inputs()]).numpy()
        assert np.abs(computed - expected).max() < 1e-3
        assert cycles == {program.cycles}


def test_what_cannot_be_compiled_is_refused_in_one_sentence_without_a_dump(capfd):
    for hint in ("branches", "in_place", "numpy"):
        failure = refusal("shorter_chain", ANSWERS.wrong_answers["shorter_chain"][hint])
        assert failure.hint == hint and "\n" not in failure.message
    assert capfd.readouterr() == ("", "")


def test_the_bar_leaves_room_below_and_above():
    block = chain_block.Block()
    cycles = chain_block.compiled(ANSWERS.reference("shorter_chain")(block)).cycles
    bar = check_shorter_chain.BAR
    assert cycles < 0.85 * bar < bar < 0.6 * chain_block.compiled(block).cycles


def test_what_is_right_in_pytorch_and_wrong_on_the_chip_is_refused(monkeypatch):
    wrong = lambda program: (np.zeros((chain_block.N, chain_block.C)), {program.cycles})  # noqa: E731
    monkeypatch.setattr(check_shorter_chain, "on_chip", wrong)
    assert refusal("shorter_chain", ANSWERS.reference("shorter_chain")).hint == "other_on_chip"
