"""The feedback file: what is written comes back, and no line costs another."""

import json
from pathlib import Path

import pytest
import torch
from tiny_models import tiny

from grooves.inference.feedback_file import Feedback, append, parse, read, weights_hash

PAIR = Feedback(
    "base@0123456789ab", "One day,", 'he said "no".', "he cried ü.", time="2026-11-30T17:05:12Z"
)
UP = Feedback("base@0123456789ab", text="A fox.\nIt sat.", thumb=1, source="server")


def line(**changes):
    """A line of the file with some fields changed; None leaves a field as it is."""
    fields = json.loads(json.dumps(PAIR.__dict__)) | changes
    return json.dumps(fields).encode()


def test_what_was_appended_is_read_back_in_order(tmp_path):
    path = tmp_path / "new folder" / "thumbs.jsonl"
    for one in (PAIR, UP, PAIR):
        append(path, one)
    found = read(path)
    assert found.feedback == [(1, PAIR), (2, UP), (3, PAIR)]
    assert found.skipped == []
    assert str(found) == "2 pairs and 1 single thumb"


BAD = [
    (b'{"time": "2026-', "not JSON"),
    (b"\xff\xfe{}", "not UTF-8"),
    (b"[1, 2]", "list, not an object"),
    (b"[" * 100_000, "not JSON"),
    (b"{}", "'time' is missing"),
    (line(time="yesterday"), "'yesterday' is not a time"),
    (line(time=5), "time=5 is not a time"),
    (line(time=""), "time is empty"),
    (line(time="2026-11-30T17:05:12"), "not in UTC"),
    (line(time="2026-11-30T17:05:12+01:00"), "not in UTC"),
    (line(model=None), "model must be text, not None"),
    (line(prompt=3), "prompt must be text, not 3"),
    (line(chosen=["a"]), "chosen must be text"),
    (line(chosen="a" * 100_001), "100,001 characters"),
    (line(source="mail"), "'mail' is not one of widget, server"),
    (line(rejected=None), "needs both"),
    (line(rejected=PAIR.chosen), "the same text"),
    (line(text="A fox.", thumb=1), "give one kind"),
    (line(chosen=None, rejected=None), "text and thumb"),
    (line(chosen=None, rejected=None, text="A fox.", thumb=0), "thumb=0 must be 1"),
    (line(chosen=None, rejected=None, text="A fox.", thumb=True), "thumb=True must be 1"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD)
def test_a_line_that_cannot_be_used_is_named_and_costs_no_other(tmp_path, bad, reason):
    path = tmp_path / "thumbs.jsonl"
    append(path, PAIR)
    with path.open("ab") as file:
        file.write(b"\n" + bad + b"\n")
    append(path, UP)
    found = read(path)
    assert found.feedback == [(1, PAIR), (4, UP)]
    assert [number for number, _ in found.skipped] == [3]
    assert reason in found.skipped[0][1]
    assert "line 3 is skipped: " in str(found)


def test_an_interrupted_line_is_lost_alone_wherever_it_was_cut(tmp_path):
    path = tmp_path / "thumbs.jsonl"
    append(path, PAIR)
    first = path.read_bytes()
    append(path, UP)
    whole = path.read_bytes()
    for cut in range(len(first), len(whole) + 1):
        path.write_bytes(whole[:cut])
        append(path, PAIR)
        kept = [one for _, one in read(path).feedback]
        complete = cut >= len(whole) - 1  # only the end of the line is missing
        assert kept == ([PAIR, UP, PAIR] if complete else [PAIR, PAIR]), cut
        assert len(read(path).skipped) == (0 if complete or cut == len(first) else 1)


class Overtaken:
    """An open file; just before it is written to, another program adds its own line."""

    def __init__(self, file, meanwhile):
        self.file, self.meanwhile = file, meanwhile

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, line):
        self.meanwhile()
        return self.file.write(line)


def test_two_programs_may_write_at_once(tmp_path, monkeypatch):
    path, real = tmp_path / "thumbs.jsonl", Path.open
    append(path, PAIR)

    def overtaken(self, *args, **kwargs):
        def meanwhile():
            with monkeypatch.context() as plain:
                plain.setattr(Path, "open", real)
                append(path, UP)

        return Overtaken(real(self, *args, **kwargs), meanwhile)

    with monkeypatch.context() as slow:
        slow.setattr(Path, "open", overtaken)
        append(path, PAIR)
    found = read(path)
    assert found.skipped == []
    assert [one for _, one in found.feedback] == [PAIR, UP, PAIR]


def test_fields_of_later_versions_are_ignored():
    assert parse(line(colour="red")) == PAIR


def test_the_hash_changes_with_any_weight_and_with_nothing_else():
    model, same = tiny(), tiny()
    assert weights_hash(model) == weights_hash(same)
    with torch.no_grad():
        same.blocks[1].mlp.down.weight[0, 0] += 1e-3
    assert weights_hash(model) != weights_hash(same)
    assert len(weights_hash(model)) == 12
