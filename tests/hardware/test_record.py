"""A recording names its device, keeps every sample, and says the same when it is read again."""

import json
from dataclasses import replace

import pytest
import torch

from grooves.cli import main
from grooves.hardware import record

SMALL = {"precisions": ("fp32", "bf16", "tf32"), "sizes": (16, 32), "budget_s": 0.05}


@pytest.fixture(scope="module")
def made():
    """A recording of this machine's CPU, of small products and rings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record, "RINGS", (64, 128))
        patch.setattr(record, "COPIES", (2**14, 2**16))
        patch.setattr(record, "WIDTHS", (16, 32))
        yield record.make(torch.device("cpu"), shared=True, **SMALL)


def test_a_recording_read_again_says_the_same(made, tmp_path):
    path = record.save(made, tmp_path)
    again = record.load(path)
    assert again.name == made.name and again.date == made.date and again.shared
    assert again.device == made.device and again.threads == torch.get_num_threads()
    assert len(again.rows) == len(made.rows)
    for one, other in zip(again.rows, made.rows, strict=True):
        assert one.timing.samples == pytest.approx(other.timing.samples, rel=1e-5)
        assert one.operation == other.operation and one.precision == other.precision
    assert record.recordings(tmp_path)[0] == again
    assert record.recordings(tmp_path, "cuda") == []


def test_a_recording_holds_every_kind_of_experiment_that_the_device_has(made):
    kinds = {m.kind for m in made.rows}
    assert kinds == {
        "matmul", "matvec", "copy", "launch, waited", "launch, queued", "chase", "scattered",
        "digits", "word by Reader", "word by Decoder", "training step", "wider step",
    }  # fmt: skip
    assert {m.precision for m in made.of("matmul")} == {"fp32", "bf16"}  # a CPU has no tf32
    assert made.versions["torch"] == torch.__version__ and made.cores >= 1
    assert made.device["kind"] == "cpu" and made.device["name"]


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Intel(R) Xeon(R) Processor", "Intel Xeon, 2 threads"),
        ("Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz", "Intel Core i5-8250U, 2 threads"),
        ("AMD EPYC", "AMD EPYC, 2 threads"),
    ],
)
def test_a_processors_name_is_said_in_short(made, name, short):
    assert replace(made, device=made.device | {"name": name}, threads=2).name == short


def test_the_peak_is_the_best_product_and_the_bandwidth_that_of_the_largest_copy(made):
    fastest = max(m.operation.flops / min(m.timing.samples) for m in made.of("matmul", "fp32"))
    assert made.peak_flops_per_s("fp32") == fastest
    small, large = made.of("copy")
    in_a_wink = replace(small, timing=replace(small.timing, samples=(1e-12, 1e-12)))
    copies = replace(made, rows=(in_a_wink, large))
    assert copies.bandwidth_bytes_per_s() == 2**16 / min(large.timing.samples)
    with pytest.raises(ValueError, match="no products at precision='fp16' were recorded, but fp32"):
        made.peak_flops_per_s("fp16")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no JSON", "is no recording .* make one with grooves record"),
        ("[1, 2]", "is no recording"),
        ('{"format": 99}', "has format 99, and this version reads 1: record anew"),
        ('{"format": 1, "rows": []}', "is a recording of another form"),
    ],
)
def test_a_file_that_is_no_recording_is_refused_with_the_remedy(tmp_path, text, says):
    path = tmp_path / "some.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=says):
        record.load(path)


def test_the_command_writes_one_file_that_names_the_device(tmp_path, monkeypatch, capsys, made):
    asked = []
    monkeypatch.setattr(record, "make", lambda *given: asked.append(given) or made)
    monkeypatch.setattr(record, "device", lambda: torch.device("cpu"))
    words = ["record", "--out", str(tmp_path), "--largest", "64", "--budget", "0.2", "--shared"]
    assert main([*words, "--precision", "fp32"]) == 0
    (path,) = tmp_path.glob("*.json")
    assert json.loads(path.read_text())["device"]["name"] == made.device["name"]
    assert asked == [(torch.device("cpu"), ("fp32",), (16, 32, 64), 0.2, True)]
    said = capsys.readouterr().out
    assert made.name in said and "fp32:" in said and str(path) in said


def test_each_device_of_a_machine_gets_a_recording(tmp_path, monkeypatch, made):
    asked = []
    monkeypatch.setattr(record, "make", lambda place, *_: asked.append(place.type) or made)
    monkeypatch.setattr(record, "device", lambda: torch.device("cuda"))
    assert main(["record", "--out", str(tmp_path)]) == 0
    assert asked == ["cpu", "cuda"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--threads", "0"], "--threads 0 must be at least 1"),
        (["--precision", "fp31"], "--precision fp31 is unknown: choose from fp64"),
        (["--largest", "8"], "--largest 8 must be at least 16"),
        (["--budget", "0"], "--budget above 0"),
    ],
)
def test_the_command_refuses_what_it_cannot_measure(words, says, capsys):
    assert main(["record", *words]) == 1
    assert says in capsys.readouterr().err


def test_the_committed_recordings_can_be_read_and_say_how_they_were_made():
    found = record.recordings()
    assert found and all(r.date and r.rows and r.device["name"] for r in found)
    for r in found:
        assert r.peak_flops_per_s("fp32") > 1e9 and r.bandwidth_bytes_per_s() > 1e9
        assert isinstance(r.shared, bool) and r.threads >= 1
