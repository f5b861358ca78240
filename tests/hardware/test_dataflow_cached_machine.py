"""The machine that decides at run time: its cache, its order, and where its tail comes from."""

from collections import OrderedDict
from types import SimpleNamespace

import numpy as np
import pytest

from grooves.hardware.dataflow.cached_machine import (
    QUIET,
    Cache,
    CachedMachine,
    Machine,
    Noise,
    Work,
    work_of,
)
from grooves.hardware.dataflow.chip import Chip
from grooves.hardware.dataflow.jitter import decoder_latencies, tail
from grooves.hardware.dataflow.operations import Operation
from grooves.models.transformer import Config, Transformer

KB = 1024
READS = [  # two products of 40 kB, one of keys that grow, one chain
    Work("a", "matrix", (), 37, reads="A", n_bytes=40 * KB),
    Work("b", "vector", (0,), 9),
    Work("c", "matrix", (1,), 37, reads="keys", bytes_per_token=256),
    Work("d", "matrix", (2,), 37, reads="B", n_bytes=40 * KB),
]


def run(cache_kb, noise=QUIET, n=400, work=READS, **machine):
    made = CachedMachine(work, Machine(cache_bytes=cache_kb * KB, **machine), noise)
    return made.run(n + 50, 50)[50:]


def spread(tokens):
    return tail([t.cycles for t in tokens], [t.position for t in tokens])


def test_the_cache_forgets_what_was_used_least_recently():
    cache, rng = Cache(4, 3), np.random.default_rng(0)
    sets = [OrderedDict() for _ in range(4)]
    for _ in range(60):
        lines = rng.integers(0, 25, rng.integers(1, 40))
        expected = []
        for line in lines:
            held = sets[line % 4]
            expected.append(line not in held)
            held[line] = held.pop(line, None)
            if len(held) > 3:
                held.popitem(last=False)
        np.testing.assert_array_equal(cache.missed(lines), expected)


def test_left_alone_with_room_enough_it_always_takes_the_same_time():
    tokens = run(256)
    assert sum(t.misses for t in tokens) == 0
    assert spread(tokens).worst == pytest.approx(1)


def test_the_tail_is_long_where_the_cache_is_just_large_enough():
    noise = Noise(least=20)
    roomy, tight, small = (run(kb, noise) for kb in (1024, 128, 32))
    assert spread(roomy).p99 < 1.2 and spread(tight).p99 > 3
    assert spread(small).p99 < 1.2  # it misses nearly everything every time: slow, but regular
    assert spread(small).mean > 2 * spread(tight).mean


def test_the_tail_follows_from_the_noise_that_is_assumed():
    light, heavy = run(128, Noise(least=20, tail=3)), run(128, Noise(least=20, tail=1.1))
    assert spread(light).p99 < spread(heavy).p99


def test_a_later_token_takes_longer_as_it_reads_more_keys():
    cycles = {t.position: t.cycles for t in run(256, refresh_ns=0)}
    assert cycles[49] > cycles[0]


def test_the_scheduler_takes_what_is_ready_first_and_no_unit_does_two_things():
    work = [Work("slow", "matrix", (), 50), *(Work(f"v{i}", "vector", (), 4) for i in range(3))]
    work += [Work("after", "vector", (0,), 4), Work("next", "vector", (1,), 4)]
    machine = CachedMachine(work, Machine(units=(("matrix", 1), ("vector", 1))), QUIET)
    rows = machine.as_rows(machine.token(0))
    starts = {row["name"]: row["start"] for row in rows}
    assert list(starts)[-1] == "after" and rows[-1]["end"] == 54 and rows[-1]["inputs"] == ["slow"]
    assert starts == {"slow": 0, "v0": 0, "v1": 1, "v2": 2, "next": 4, "after": 50}


def test_a_compiled_program_becomes_work_without_installs():
    chip = Chip()
    tiles = {
        "W": SimpleNamespace(cache="", weights=np.arange(6.0), nbytes=12),
        "ones": SimpleNamespace(cache="", weights=np.ones(6), nbytes=12),
        "keys": SimpleNamespace(cache="K", weights=None, nbytes=640),
    }
    operations = [
        Operation("x", "memory", "lookup"),
        Operation("append", "memory", "append", ("x",)),
        Operation("put K", "weights", "install", ("append",), tile="keys"),
        Operation("put W", "weights", "install", tile="W"),
        Operation("m", "matrix", "multiply", ("x", "put W"), tile="W"),
        Operation("s", "matrix", "multiply", ("m", "put K"), tile="keys"),
        Operation("sum", "matrix", "multiply", ("s",), tile="ones"),
    ]
    lowered = SimpleNamespace(tiles=tiles, caches={"K": (10, 32)})
    found = work_of(SimpleNamespace(chip=chip, lowered=lowered, operations=operations))
    assert [w.name for w in found] == ["x", "append", "m", "s", "sum"]
    assert [w.inputs for w in found] == [(), (0,), (0,), (1, 2), (3,)]
    assert [(w.n_bytes, w.bytes_per_token) for w in found[2:]] == [(12, 0), (0, 64), (0, 0)]


def test_a_tail_is_measured_against_the_same_position():
    latencies = [10, 20] * 500 + [10, 60]
    one = tail(latencies, [0, 1] * 501)
    assert one.p99 == 1 and one.worst == 3 and one.doubled == pytest.approx(1 / 1002)
    with pytest.raises(ValueError, match="2 latencies at 1 positions"):
        tail([1, 2], [0])


def test_the_decoders_tokens_are_timed_at_their_positions():
    ticks = iter(range(0, 10_000, 7))
    model = Transformer(Config(20, context=12, n_embd=8))
    taken, positions = decoder_latencies(model, 30, warm_up=3, clock=lambda: next(ticks))
    assert set(taken) == {7} and len(taken) == len(positions) == 30
    assert set(positions) == set(range(1, 11)) and positions[0] == 4
