"""No sentence about a measured time contradicts its numbers, on whatever machine they were found.

A cell of a notebook that words a measurement is run on numbers that are made up: those of a machine
as the chapter describes it, and those of one on which the effect is turned round.
"""

import json
import math
import re
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest

from grooves.hardware import wording

ROOT = Path(__file__).parents[2]
GLUED = re.compile(r"::(\w+_words|\w+_time):s`")


def cells(number):
    """The code cells of a notebook, id to source."""
    (path,) = ROOT.glob(f"notebooks/{number}_*.ipynb")
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = (cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    return {cell["id"]: "".join(cell["source"]) for cell in code}


def told(number, cell, **names):
    """What a cell keeps, and the caption or verdict that it states, on these numbers."""
    kept = {}
    figures = MagicMock()
    figures.keep = kept.update
    figures.lines = lambda x, series, labels, alt, caption, **scales: caption
    figures.table = lambda head, rows, caption: caption
    claims = SimpleNamespace(verdict=lambda *_, found, **more: kept.update(found=found))
    namespace = {"figures": figures, "claims": claims, "np": np, "print": lambda *_, **more: None}
    namespace |= {name: getattr(wording, name) for name in ("by_ratio", "duration", "two_digits")}
    exec(cells(number)[cell], namespace := namespace | names)
    kept |= {name: value for name, value in namespace.items() if name.endswith("_words")}
    return {name: value for name, value in kept.items() if isinstance(value, str)}


def seconds(*values):
    """A stand-in for `measure` that finds these seconds, one call after the other."""
    left = list(values)
    return lambda *_, **how: SimpleNamespace(best_s=left.pop(0), median_s=None)


def batch_sizes(us):
    network = SimpleNamespace(forward=lambda x: np.zeros((*x.shape[:-1], 10)))
    times = [each * 1e-6 * B for each, B in zip(us, (1, 4, 16, 64, 256), strict=True)]
    return told("01", "batch-sizes", measure=seconds(*times), one_thread=MagicMock(),
                network=network, images=np.zeros((3, 64)), n_pixels=64)  # fmt: skip


def backward(ratio):
    clock = iter([t for i in range(25) for t in (100 * i, 100 * i + 1, 100 * i + 1 + ratio)])
    names = {name: MagicMock() for name in ("layers", "parameters", "cross_entropy", "logits")}
    return told("02", "cost-time", time=SimpleNamespace(perf_counter=lambda: next(clock)),
                costs=lambda sizes: (1, 1.9, None), rng=np.random.default_rng(0),
                **names)  # fmt: skip


def pre_training(slower):
    names = {"found_by": {"both": np.zeros(10)}, "seeds": range(5)}
    names |= {"worth": {10: 20, 50: 90}, "worth_alone": {10: 20, 50: 90}, "pseudo_1000": [0.4]}
    names["seconds"] = {"pre-training": 0, "both": 10 * slower, "labels only": 10}
    return told("03", "claim-03", n_recorded=9, middle=0, part=0.5, more_work=9, **names)


def race(lstm):
    """The LSTM's training takes `lstm` times the transformer's."""
    values = [T * 1e-5 * f for f in (1, lstm, 9, 9) for T in (16, 64, 256)]
    names = {"lengths": (16, 64, 256), "measure": seconds(*values), "torch": MagicMock()}
    names["torch"].get_num_threads = lambda: 2
    names |= {"device": lambda: SimpleNamespace(type="cpu"), "train_step": None, "write": None}
    return told("04", "race-run", racers={"transformer": None, "LSTM": None}, **names)


def cache(without_ms):
    return told("04", "cache-words", writing=1000.0, ms_without=without_ms)


def square(growth):
    names = {"torch": MagicMock(), "F": MagicMock(), "watched": MagicMock()}
    names["torch"].randn = lambda *shape, **more: [None] * shape[0]
    names |= {"device": lambda: None, "measure": seconds(1.0, 1.0, growth, 1.0)}
    return told("04", "cost-square", product_flops=lambda config, T: (0, 0, T * T), **names)


def cold(factor):
    start = {"import_s": 9.0, "wake_s": 0.1, "first_s": factor * 1e-3, "later_s": 1e-3}
    names = {"timing": SimpleNamespace(cold_start=lambda: start)}
    return told("11", "two-cold", here=SimpleNamespace(type="cpu"), **names)


def small_models(shares, digits_factor):
    one, many = (
        SimpleNamespace(timing=SimpleNamespace(best_s=s)) for s in (1e-5, 1e-5 * digits_factor)
    )
    names = ("a digit", "64 digits", "a word (Reader)", "a training step")
    shares = dict.fromkeys(names, shares)
    both = {"shares": shares, "measured": shares, "FAR": 1 / 3}
    return told("11", "roof-words", digit_1=one, digit_64=many, **both)


def nearest_memory(factor):
    machine = SimpleNamespace(bandwidth_bytes_per_s=lambda: 1e12, name="card")
    names = {"near": {"CPU": factor * 1e10}, "bandwidth": {"CPU": 1e10}, "peak": {"CPU": 1e11}}
    names |= {"mine": "CPU", "vector": SimpleNamespace(best_flops_per_s=1e9), "card": machine}
    return told(
        "11", "claim-20", where="here", wait_s=1e-7, apart_s=1e-8, here=MagicMock(), **names
    )


def bf16(large, small):
    return told("11", "kinds-words", gain={16: small, 512: large}, small_n=16, large_n=512)


def programs(factor):
    return told("11", "turn-words", program_factor=factor, here=MagicMock(), math=math)


def fused(factor):
    return told("11", "fuse-words", fuse_gain=factor, math=math)


CASES = {  # name -> (sentence, as the chapter has it, turned round), and words that only it may say
    "batch": ("batch_words", (batch_sizes, (8, 4, 1, 0.4, 0.2)), (batch_sizes, (7, 8, 9, 20, 31)),
              "a batch pays the overhead of the call once"),
    "batch caption": ("batches", (batch_sizes, (8, 4, 1, 0.4, 0.2)),
                      (batch_sizes, (7, 8, 9, 20, 31)), "share the cost"),
    "backward": ("clock_words", (backward, 2.1), (backward, 0.4), "agrees with the count"),
    "labels": ("slower_words", (pre_training, 4), (pre_training, 0.4), "4.0 times the processor"),
    "race": ("race_words", (race, 6), (race, 0.3), "can be spread over many units"),
    "cache": ("cache_words", (cache, 4.0), (cache, 0.5), "in place of"),
    "square": ("square_words", (square, 15), (square, 3), "took 15 times"),
    "cold": ("first_words", (cold, 91), (cold, 0.9), "91 times as long"),
    "calls": ("digits_words", (small_models, 0.1, 1.4), (small_models, 0.1, 64),
              "most of the time is overhead"),
    "small models": ("models_words", (small_models, 0.1, 2), (small_models, 0.9, 2),
                     "reach only a small part"),
    "cache copies": ("found", (nearest_memory, 3), (nearest_memory, 1), "Each of the three shows"),
    "near memory": ("on_chip_words", (nearest_memory, 3), (nearest_memory, 1), "copies 3.0 times"),
    "programs": ("program_words", (programs, 3.6), (programs, 1.1), "most of that factor"),
    "fused": ("fuse_words", (fused, 2.2), (fused, 1.0), "one trip to memory"),
    "bf16": ("gain_words", (bf16, 2.2, 0.9), (bf16, 0.9, 2.2), "a higher peak brings nothing"),
}  # fmt: skip


def found(case):
    made, *numbers = case
    return made(*numbers)


@pytest.mark.parametrize("name", CASES)
def test_no_sentence_says_the_opposite_of_its_numbers(name):
    key, usual, turned, words = CASES[name]
    assert words in found(usual)[key], found(usual)
    assert words not in found(turned)[key], found(turned)


def test_a_turned_sentence_still_gives_the_numbers():
    assert "takes 7.0 µs, and one among 256 takes 31 µs" in found(CASES["batch"][2])["batch_words"]
    assert "0.40 times as long" in found(CASES["backward"][2])["clock_words"]
    assert "0.30 times as long" in found(CASES["race"][2])["race_words"]
    assert "1.0 ms against 0.50 ms" in found(CASES["cache"][2])["cache_words"]
    assert "the small one gains more" in found(CASES["bf16"][2])["gain_words"]


def test_a_rate_is_measured_once_and_quoted_everywhere():
    """fp32 runs at twice the rate later on: the table of formats must not contradict the peak."""
    run = [SimpleNamespace(size=n, best_flops_per_s=1e11) for n in (16, 64, 256, 1024)]
    faster = [SimpleNamespace(size=n, best_flops_per_s=2e11) for n in (64, 256, 1024)]
    bench = SimpleNamespace(PRECISIONS=("fp32", "bf16", "fp16"), offers=lambda *_: True)
    bench.matmuls = lambda sizes, precision, *_, **more: faster
    card = SimpleNamespace(name="card", peak_flops_per_s=lambda p: 9 if p == "bf16" else 1)
    sheet = SimpleNamespace(peak_tflops={})
    names = {"swept": {"CPU": run}, "mine": "CPU", "here": MagicMock(), "microbench": bench}
    names |= {"card": card, "a100": sheet, "h100": sheet, "where": "here"}
    figures = MagicMock()
    exec(cells("11")["kinds"], space := names | {"figures": figures, "min": lambda _: 0})
    assert space["best"] == {"fp32": 1e11, "bf16": 2e11, "fp16": 2e11}


def test_every_sentence_of_the_pages_that_a_measurement_chooses_is_turned_round():
    glued = defaultdict(set)
    for page in ROOT.glob("book/[0-9]*.md"):
        for name in GLUED.findall(page.read_text(encoding="utf-8")):
            glued[name].add(page.name)
    tried = {key for key, *_ in CASES.values()}
    stated = {"speed_words", "ten_time", "gpt3_step_time"}  # numbers, with nothing concluded
    stated |= {"longer_words", "names_words", "narrator_words"}  # of recorded runs, on any machine
    assert set(glued) - stated <= tried, glued
