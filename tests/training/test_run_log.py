"""The log of a run: what is written, how it is read on, and what is made of it."""

import csv
import json
import math
import os
import struct
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from tiny_models import some_ids, tiny
from torch import nn

from grooves.training.loop import History, train
from grooves.training.optimizers import schedule
from grooves.training.run_control import RunLog
from grooves.training.run_export import crc32c, to_csv, to_tensorboard
from grooves.training.run_folder import find_runs
from grooves.training.run_log import Header, read_run

BY_HAND = {"kind": "run", "id": "a1", "name": "by hand", "started": "2026-11-30T17:05:12+00:00"}


class FewRows:
    """The same few rows at every turn, another order of words at each step."""

    def batch(self, step):
        ids = some_ids(4, 12, seed=step % 5)
        return ids, ids.roll(-1, 1)


def write_log(path, *entries):
    """A log as another program would write it."""
    with path.open("ab") as file:
        for entry in entries:
            file.write(entry if isinstance(entry, bytes) else json.dumps(entry).encode() + b"\n")
    return path


def record(step, **values):
    return {"kind": "record", "step": step, **values}


# ---- writing -----------------------------------------------------------------------------------


def test_a_log_gives_back_what_was_written_into_it(tmp_path):
    header = Header(
        "Müller's run",
        parameters=1234,
        optimizer="adamw",
        rates={"lr": 0.02},
        seed=3,
        floor=0.5,
        planned_steps=3,
    )
    with RunLog(tmp_path / "one.run.jsonl", header, every=0) as log:
        for step, loss in ((1, 3.0), (2, 2.5), (3, 2.25)):
            log.record(step, np.float32(loss), **({"gap": 0.125} if step == 2 else {}))
    run = read_run(tmp_path / "one.run.jsonl")
    assert run.header == header and run.header.id and len(run) == 3
    assert run.columns["step"] == [1, 2, 3] and run.columns["loss"] == [3.0, 2.5, 2.25]
    assert run.above_floor == [2.5, 2.0, 1.75]
    assert [math.isnan(gap) for gap in run.columns["gap"]] == [True, False, True]
    assert run.columns["seconds"] == sorted(run.columns["seconds"])
    assert (run.state, run.skipped, run.superseded) == ("finished", 0, 0)
    assert Header("one").id != Header("one").id


def test_records_keep_their_distance_and_the_last_step_is_never_left_out(tmp_path):
    with RunLog(tmp_path / "one.run.jsonl", Header("one"), every=1e9) as log:
        for step in range(1, 1001):
            log.record(step, loss=1 / step)
    assert read_run(log.path).columns["step"] == [1, 1000]
    with RunLog(tmp_path / "two.run.jsonl", Header("two"), every=1e9) as log:
        train(tiny(), FewRows(), steps=7, progress=False, on_step=log.on_step)
    assert read_run(log.path).columns["step"] == [1, 7]


def test_training_is_recorded_with_its_losses_rates_and_gradient_norms(tmp_path):
    model, by_hand = tiny(), tiny()
    with RunLog(tmp_path / "one.run.jsonl", Header("one"), every=0) as log:
        arguments = {"steps": 8, "optimizer": "adamw", "lr": 0.01, "progress": False}
        history = train(model, FewRows(), on_step=log.on_step, **arguments)
    columns = read_run(log.path).columns
    assert columns["step"] == list(range(1, 9)) and columns["loss"] == history.losses
    assert columns["learning_rate"] == pytest.approx([0.01 * schedule(i / 8) for i in range(8)])
    inputs, targets = FewRows().batch(0)
    nn.functional.cross_entropy(by_hand(inputs).flatten(0, 1), targets.flatten()).backward()
    squares = sum(float(w.grad.square().sum()) for w in by_hand.parameters())
    assert columns["gradient_norm"][0] == pytest.approx(math.sqrt(squares), rel=1e-4)
    assert math.sqrt(squares) > 1.1, "it was clipped"
    assert columns["seconds"][-1] == history.seconds
    assert all(1e6 < memory < 1e12 for memory in columns["memory_bytes"])
    assert all(busy >= 0 for busy in columns["processors"]) and sum(columns["processors"]) > 0


def test_a_record_stands_for_all_steps_since_the_one_before(tmp_path):
    history = History()
    with RunLog(tmp_path / "one.run.jsonl", Header("one"), every=1e9) as log:
        for loss in (9.0, 4.0, 3.0, 2.0):
            history.losses.append(loss)
            history.words += 100
            history.seconds += 2.0 if loss == 9 else 0.5
            log.on_step(history, 0.1)
    columns = read_run(log.path).columns
    assert columns["loss"] == [9.0, 3.0]
    assert columns["words_per_s"] == [50.0, 200.0]


def test_what_is_no_number_is_written_as_null_that_any_json_reader_takes(tmp_path):
    with RunLog(tmp_path / "one.run.jsonl", Header("one \udc80"), every=0) as log:
        log.record(1, math.nan, spread=math.inf)
    lines = log.path.read_bytes().splitlines()

    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    entries = [json.loads(line, parse_constant=refuse) for line in lines]
    assert entries[1]["loss"] is entries[1]["spread"] is None
    run = read_run(log.path)
    assert run.columns["step"] == [1] and math.isnan(run.columns["loss"][0])


def test_a_log_that_cannot_be_written_to_costs_records_and_not_the_run(tmp_path, monkeypatch):
    class Full:
        def write(self, line):
            raise OSError(28, "No space left on device")

    with RunLog(tmp_path / "one.run.jsonl", Header("one"), every=0) as log:
        log.record(1, 3.0)
        file = log._file
        monkeypatch.setattr(log, "_file", Full())
        with pytest.warns(RuntimeWarning, match=r"one\.run\.jsonl is lost: .*No space left"):
            log.record(2, 2.0)
        monkeypatch.setattr(log, "_file", file)
        file.write(b'{"kind":"rec')  # what had still found room
        log.record(3, 1.0)
    run = read_run(log.path)
    assert (run.columns["step"], run.skipped, run.state) == ([1, 3], 1, "finished")


# ---- reading -----------------------------------------------------------------------------------


def test_a_log_of_any_other_program_is_read(tmp_path):
    path = write_log(
        tmp_path / "x.run.jsonl",
        BY_HAND | {"floor": None, "rates": None, "colour": "red"},
        record(10, loss=2.5),
        {"kind": "picture", "file": "a.png"},
        record(20, loss=None, gpu_bytes=3_000_000_000, note="slow", warm=True),
        b"\n",
    )
    run = read_run(path)
    assert (run.header.name, run.header.floor, run.header.rates) == ("by hand", None, {})
    assert run.columns["step"] == [10, 20] and run.columns["gpu_bytes"][1] == 3e9
    assert run.columns["loss"][0] == 2.5 and math.isnan(run.columns["loss"][1])
    assert run.columns.keys() == {"step", "loss", "gpu_bytes"} and run.above_floor == []
    assert (run.state, run.skipped) == ("running", 0), "no process is named that could be gone"
    write_log(path, {"kind": "state", "state": "failed", "message": "out of memory"})
    run.update()
    assert (run.state, run.message) == ("failed", "out of memory")


def test_reading_goes_on_where_it_stopped(tmp_path):
    path = write_log(tmp_path / "x.run.jsonl", BY_HAND, record(1, loss=3.0), record(2, loss=2.0))
    run = read_run(path)
    assert run.update() == len(run) == 2
    path.write_bytes(path.read_bytes().replace(b"3.0", b"7.0"))  # what has been read stays so
    write_log(path, record(3, loss=1.0), b'{"kind": "record", "st')
    assert run.update() == 2 and run.columns["loss"] == [3.0, 2.0, 1.0]
    assert run.skipped == 1 and run.update() == len(run) == 3
    write_log(path, b'ep": 4, "loss": 0.5}\n')
    assert run.update() == 3 and run.columns["loss"] == [3.0, 2.0, 1.0, 0.5]
    assert run.skipped == 0


def test_a_file_in_place_of_a_longer_one_is_read_from_its_start(tmp_path):
    path = write_log(tmp_path / "x.run.jsonl", BY_HAND, *(record(i, loss=i) for i in range(1, 9)))
    run = read_run(path)
    path.unlink()
    write_log(path, BY_HAND | {"name": "another"}, record(1, loss=0.5))
    assert run.update() == 0
    assert (run.header.name, run.columns["loss"]) == ("another", [0.5])


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe\x00 noise\n",
        b"[1, 2]\n",
        b'{"kind":"record","step":7,"lo\n',
        b"[" * 100_000 + b"\n",
        record(None, loss=1.0),
        record("7", loss=1.0),
        record(True, loss=1.0),
        record(10**400, loss=1.0),
        record(math.inf, loss=1.0),
        {"kind": "state", "state": "dreaming"},
    ],
    ids=lambda line: str(line)[:40],
)
def test_a_line_that_cannot_be_used_is_counted_and_hides_no_other(tmp_path, line):
    lines = [BY_HAND, record(1, loss=3.0), line, record(2, loss=2.0), {"kind": "record", "step": 3}]
    run = read_run(write_log(tmp_path / "x.run.jsonl", *lines))
    assert run.columns["step"] == [1, 2, 3] and run.columns["loss"][:2] == [3.0, 2.0]
    assert (run.skipped, run.state) == (1, "running")


def test_records_of_a_repeated_stretch_replace_the_earlier_ones(tmp_path):
    first = [record(i, loss=9.0 - i) for i in (2, 4, 6, 8)]
    path = write_log(tmp_path / "x.run.jsonl", BY_HAND, *first)
    run = read_run(path)
    write_log(path, {"kind": "state", "state": "running"}, record(5, loss=1.0, gap=0.5))
    assert run.update() == 2, "from here on a picture has to be drawn again"
    assert run.columns["step"] == [2, 4, 5] and run.columns["loss"] == [7.0, 5.0, 1.0]
    assert run.superseded == 2
    assert [len(column) for column in run.columns.values()] == [3, 3, 3]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], "does not describe a run yet"),
        ([b'{"kind":"run","id":"a1","na'], "does not describe a run yet"),
        ([record(1, loss=3.0)], r'does not begin with the description of a run \("kind": "run"\)'),
        ([{"kind": "run", "id": "a1"}], "its first line has no name"),
        ([BY_HAND | {"started": "yesterday"}], "started='yesterday' must be ISO 8601"),
        ([BY_HAND | {"started": "2026-11-30T17:05:12"}], "with a time zone"),
        ([BY_HAND | {"name": 7}], "name=7 must be text"),
        ([BY_HAND | {"optimizer": ["muon"]}], r"optimizer=\['muon'\] must be text"),
        ([BY_HAND | {"floor": "low"}], "floor='low' must be a finite number"),
        ([BY_HAND | {"planned_steps": True}], "planned_steps=True must be a finite number"),
        ([BY_HAND | {"rates": [0.1]}], r"rates=\[0.1\] must be numbers by name"),
        ([BY_HAND | {"rates": {"lr": "fast"}}], "lr='fast' must be a finite number"),
    ],
)
def test_a_file_that_describes_no_run_is_refused_with_the_reason(tmp_path, lines, reason):
    path = write_log(tmp_path / "x.run.jsonl", *lines)
    with pytest.raises(ValueError, match=rf"x\.run\.jsonl .*{reason}"):
        read_run(path)


def test_a_run_is_lost_when_its_process_is_gone(tmp_path):
    with RunLog(tmp_path / "own.run.jsonl", Header("own")) as log:
        own = json.loads(log.path.read_bytes())
        assert read_run(log.path).state == "running"
    child = subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE)
    child.stdout.read()
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)  # until it has ended; its parent has not yet asked how
    states, gone = {}, own | {"process": child.pid, "process_started": None}
    for name, entry in {
        "ended": gone,
        "another with its number": own | {"process_started": own["process_started"] - 3600},
        "elsewhere": gone | {"host": "no-such-host.invalid"},
        "unnamed": {n: v for n, v in gone.items() if n != "process"},
    }.items():
        path = write_log(tmp_path / f"{name}.run.jsonl", entry, record(1, loss=1.0))
        states[name] = read_run(path).state
    child.wait()
    assert read_run(tmp_path / "ended.run.jsonl").state == "lost"
    assert states == {
        "ended": "lost",
        "another with its number": "lost",
        "elsewhere": "running",
        "unnamed": "running",
    }
    paused = write_log(tmp_path / "ended.run.jsonl", {"kind": "state", "state": "paused"})
    assert read_run(paused).state == "lost"
    write_log(paused, {"kind": "state", "state": "stopped"})
    assert read_run(paused).state == "stopped"


def test_a_folder_gives_its_runs_and_names_what_it_cannot_read(tmp_path):
    for hour, name in ((12, "late"), (9, "early"), (10, "middle")):
        folder = tmp_path / name[0]
        folder.mkdir()
        started = f"2026-11-30T{hour:02}:00:00+00:00"
        write_log(folder / f"{name}.run.jsonl", BY_HAND | {"name": name, "started": started})
    east = BY_HAND | {"name": "in the east", "started": "2026-11-30T12:30:00+03:00"}
    write_log(tmp_path / "east.run.jsonl", east)
    write_log(tmp_path / "noise.run.jsonl", b"\x00\x01\n")
    write_log(tmp_path / "thumbs.jsonl", {"no": "log"})
    (tmp_path / "folder.run.jsonl").mkdir()
    found = find_runs(tmp_path)
    assert [run.header.name for run in found.runs] == ["early", "in the east", "middle", "late"]
    assert [path.name for path, _ in found.broken] == ["folder.run.jsonl", "noise.run.jsonl"]
    assert "directory" in found.broken[0][1] and "does not describe" in found.broken[1][1]
    assert find_runs(tmp_path / "nothing here").runs == []


def test_a_folder_is_read_on_where_reading_stopped(tmp_path):
    a = write_log(tmp_path / "a.run.jsonl", BY_HAND, record(1, loss=3.0))
    gone = write_log(tmp_path / "gone.run.jsonl", BY_HAND)
    first = find_runs(tmp_path).runs
    write_log(a, record(2, loss=2.0))
    gone.unlink()
    later = {"name": "new", "started": "2026-12-01T00:00:00+00:00"}
    write_log(tmp_path / "new.run.jsonl", BY_HAND | later)
    run, new = find_runs(tmp_path, known=first).runs
    assert run is first[0] and run.columns["loss"] == [3.0, 2.0]
    assert new.header.name == "new"


# ---- export ------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path):
    records = [
        record(1, loss=3.0, learning_rate=0.1, seconds=0.5),
        record(200, loss=1.0 / 3, learning_rate=None, seconds=1.5),
        record(70_000, loss=0.25, learning_rate=1e-300, seconds=2.5, gap=1e60),
    ]
    return read_run(write_log(tmp_path / "x.run.jsonl", BY_HAND | {"floor": 0.125}, *records))


def test_a_csv_file_holds_every_number_to_the_last_digit(run, tmp_path):
    to_csv(run, tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    assert rows[0].keys() == {*run.columns, "loss_above_floor"}
    for name, column in run.columns.items():
        read = [float(row[name] or "nan") for row in rows]
        assert np.array_equal(read, column, equal_nan=True)
    assert rows[1]["learning_rate"] == "" and float(rows[1]["loss_above_floor"]) == 1 / 3 - 0.125
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []


def slow_crc32c(data):
    """Bit by bit, as the division of polynomials that it is."""
    remainder = 0xFFFFFFFF
    for byte in data:
        for bit in range(8):
            take = (remainder ^ byte >> bit) & 1
            remainder = remainder >> 1 ^ 0x82F63B78 * take
    return remainder ^ 0xFFFFFFFF


def masked(data):
    crc = slow_crc32c(data)
    rotated = int(f"{crc:032b}"[17:] + f"{crc:032b}"[:17], 2)  # right by 15 bits
    return struct.pack("<I", (rotated + 0xA282EAD8) % 2**32)


def frames(raw):
    """The records of a TFRecord file, both checksums of each compared."""
    while raw:
        (n,) = struct.unpack("<Q", raw[:8])
        data = raw[12 : 12 + n]
        assert len(data) == n and raw[8:12] == masked(raw[:8])
        assert raw[12 + n : 16 + n] == masked(data)
        yield data
        raw = raw[16 + n :]


def message(data):
    """The fields of a protocol buffer: a list of values for each number."""
    found = {}

    def varint():
        nonlocal data
        n = next(i for i, byte in enumerate(data) if byte < 128) + 1
        value = sum((byte & 127) << 7 * i for i, byte in enumerate(data[:n]))
        data = data[n:]
        return value

    while data:
        number, kind = divmod(varint(), 8)
        if kind == 0:
            value = varint()
        else:
            size = varint() if kind == 2 else {1: 8, 5: 4}[kind]
            value, data = data[:size], data[size:]
            if kind != 2:
                (value,) = struct.unpack({8: "<d", 4: "<f"}[size], value)
        found.setdefault(number, []).append(value)
    return found


def test_checksums_are_those_of_the_standard():
    """RFC 3720, appendix B.4, and the check value that catalogues of such codes give."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
    assert crc32c(b"123456789") == slow_crc32c(b"123456789") == 0xE3069283


def test_tensorboard_gets_every_value_with_its_step_and_time(run, tmp_path):
    path = to_tensorboard(run, tmp_path / "board")
    assert "tfevents" in path.name
    first, *events = map(message, frames(path.read_bytes()))
    started = 1796058312.0  # 2026-11-30T17:05:12+00:00
    assert first == {1: [started], 3: [b"brain.Event:2"]}
    assert [event[2] for event in events] == [[1], [200], [70_000]]
    assert [event[1] for event in events] == [[started + s] for s in (0.5, 1.5, 2.5)]
    shown = []
    for event in events:
        values = [message(value) for value in message(event[5][0])[1]]
        shown.append({value[1][0].decode(): value[2][0] for value in values})
    assert shown[0] == {
        "loss": 3.0,
        "loss above the floor": 2.875,
        "learning rate": float(np.float32(0.1)),
        "seconds of training": 0.5,
    }
    assert shown[1].keys() == shown[0].keys() - {"learning rate"}
    assert shown[1]["loss"] == float(np.float32(1 / 3))
    assert shown[2]["learning rate"] == 0.0 and shown[2]["gap"] == math.inf
    assert to_tensorboard(run, tmp_path / "board") == path
    assert len(os.listdir(tmp_path / "board")) == 1
