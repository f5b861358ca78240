"""The simulated chip computes what PyTorch computes, in the cycles that its compiler promised."""

import json
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch

from grooves.hardware.dataflow import (
    ASSUMED,
    Chip,
    LSTMStep,
    Numbers,
    Step,
    calibrate,
    compile,
    critical_path,
    run,
    schedule,
    sensitivity,
)
from grooves.hardware.dataflow.planes import place
from grooves.hardware.dataflow.shorter import EARLY, STEPS
from grooves.language.corpora import next_word_rows
from grooves.language.stories import Stories
from grooves.language.tokenizers import WordTokenizer
from grooves.models.lstm import LSTM
from grooves.training import lineage

T = 16  # words of each story: the programs are the same at every position


@cache
def stories(n, seed):
    language = Stories()
    encode = WordTokenizer(language.vocabulary).encode
    return next_word_rows([encode(s) for s in language.corpus(n, seed)])[0].numpy()


@cache
def reference():
    with torch.no_grad():
        return lineage.base().cpu()(torch.from_numpy(stories(200, 991)[:, :T]))


@cache
def program(name, numbers="fp16"):
    step = {**STEPS, **{f"early {n}": s for n, s in EARLY.items()}}[name](lineage.base().cpu())
    settings = Numbers(numbers)
    if numbers == "mixed":
        settings.largest = calibrate(step, stories(20, 5)[:, : 2 * T])
    return compile(step, numbers=settings)


def divergence(logits):
    """Mean KL divergence of a program's probabilities from PyTorch's, in nats."""
    p = reference().double().log_softmax(-1)
    q = torch.from_numpy(logits).double().log_softmax(-1)
    return float((p.exp() * (p - q)).sum(-1).mean())


@pytest.mark.parametrize("name", ["as written", "folded through"])
def test_fp32_logits_of_200_stories_equal_pytorch(name):
    result = run(program(name, "fp32"), stories(200, 991)[:, :T])
    assert np.abs(result.logits - reference().numpy()).max() < 1e-4
    assert set(result.cycles) == {program(name, "fp32").cycles}


@pytest.mark.parametrize(
    ("name", "numbers", "most"),
    [
        ("folded through", "fp16", 1e-6),
        ("early folded through", "mixed", 1e-3),
    ],
)
def test_rounded_logits_of_200_stories_stay_near_pytorch(name, numbers, most):
    result = run(program(name, numbers), stories(200, 991)[:, :T])
    assert 0 < divergence(result.logits) < most
    assert set(result.cycles) == {program(name, numbers).cycles}
    assert program(name, numbers).cycles <= 1_000


def test_every_rewriting_shortens_the_program_to_below_1000_and_750_cycles():
    cycles = [program(name).cycles for name in STEPS]
    assert cycles == sorted(cycles, reverse=True)
    assert len(set(cycles)) == len(STEPS)
    assert program("preloaded caches").cycles <= 1_000
    assert program("folded output").cycles <= 750


def test_every_rewriting_leaves_the_outputs_unchanged():
    words = stories(200, 991)[:2, :12]
    for name, step in STEPS.items():
        with torch.no_grad():
            step = step(lineage.base().cpu())
            state = step.start()
            for t in range(12):
                logits, *state = step(torch.tensor(words[0, t]), torch.tensor(t), *state)
                worst = (logits - reference()[0, t]).abs().max()
                assert worst < 1e-4, (name, t)


def test_the_lstm_runs_on_the_chip_with_and_without_copies():
    model = LSTM.like(lineage.base().cpu())
    words = stories(200, 991)[:5, :10]
    with torch.no_grad():
        expected = model(torch.from_numpy(words)).numpy()
    cycles = {}
    for copies in (1, 4):
        made = compile(LSTMStep(model, copies), numbers="fp32")
        result = run(made, words)
        assert np.abs(result.logits - expected).max() < 1e-6
        assert set(result.cycles) == {made.cycles}
        cycles[copies] = made.cycles
    assert cycles[4] < 0.75 * cycles[1]  # no matrix displaces another from its plane


def test_matrices_that_do_not_fit_into_the_planes_are_counted():
    made = program("as written")
    roomy = replace(made.chip, planes=("fp16",) * 40)
    low = made.lowered
    resident = place(low.operations, low.tiles, roomy)[0]
    installs = [o for o in made.operations if o.kind == "install"]
    caches = [o for o in resident if o.kind == "install"]
    assert {low.tiles[o.tile].cache for o in caches} == set(low.caches)
    assert len(installs) > len(caches)
    assert made.cycles > schedule(resident, roomy).cycles
    assert all(o.occupies >= o.read_bytes / made.chip.port_bytes_per_cycle for o in installs)


class Small(Step):
    """Halves of a vector, reversed and added: nothing but places and one addition."""

    context = 4

    def __init__(self, function):
        super().__init__()
        self.table = torch.nn.Embedding.from_pretrained(torch.arange(24.0).view(3, 8))
        self.function = function

    def start(self):
        return ()

    def forward(self, word, position):
        return (self.function(self.table(word)),)


def kinds(function):
    made = compile(Small(function), numbers="fp32")
    table = torch.arange(24.0).view(3, 8)
    result = run(made, np.array([[2]]))
    assert np.array_equal(result.logits[0, 0], function(table[2]).numpy())
    return [o.kind for o in made.operations]


def test_a_view_costs_nothing_and_two_elements_that_meet_cost_a_move():
    assert kinds(lambda x: x.view(2, 4).flip(1).reshape(-1)) == ["lookup", "write"]
    assert kinds(lambda x: x[:4] + x[:4]) == ["lookup", "add", "write"]
    assert kinds(lambda x: x[:4] + x[4:]) == ["lookup", "move", "add", "write"]


def test_an_operation_without_a_rule_is_refused_by_name():
    with pytest.raises(ValueError, match=r"no rule for the PyTorch operation aten\.cumsum"):
        compile(Small(lambda x: x.cumsum(0)))


def test_a_schedule_is_plain_data_and_its_critical_path_fills_it():
    made = program("folded through")
    rows = json.loads(json.dumps(made.schedule.as_rows()))
    assert [r["start"] for r in rows] == sorted(r["start"] for r in rows)
    assert max(r["end"] for r in rows) == made.cycles
    assert {r["name"] for r in rows} == {o.name for o in made.operations}
    assert {name for r in rows for name in r["inputs"]} >= {"before", "turn.lookup"}
    path = critical_path(made.schedule)
    assert path[0]["start"] == 0
    assert sum(step["cycles"] + step["travel"] for step in path) == made.cycles
    assert max(step["travel"] for step in path) <= made.chip.latency_cycles["far"] + 4  # no waits
    for before, after in pairwise(path):
        assert before["start"] + before["cycles"] + before["travel"] == after["start"]


def test_sensitivity_names_every_assumption_and_grows_with_each():
    made = program("folded through")
    rows = sensitivity(made)
    assert set(rows) == {*ASSUMED, "all"}
    for name, (halved, same, doubled) in rows.items():
        assert same == made.cycles, name
        assert halved <= same <= doubled, name
    assert rows["matrix"][2] - made.cycles > 8 * 32  # at least eight products on the path
    assert abs(rows["all"][2] / made.cycles - 2) < 0.05


def test_a_chip_with_impossible_sizes_is_refused():
    with pytest.raises(ValueError, match="n_switch=0 must be at least 1"):
        Chip(n_switch=0)
    with pytest.raises(ValueError, match="numbers='fp8' is not one of fp32, fp16, int8, mixed"):
        compile(Small(lambda x: x), numbers="fp8")
