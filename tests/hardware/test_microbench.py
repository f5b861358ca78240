"""Experiments on a device: they do what their names say, and stop in time."""

import numpy as np
import pytest
import torch

from grooves.hardware import latency, microbench, workloads
from grooves.hardware.microbench import CPU, Measurement
from grooves.hardware.timing import Timing
from grooves.inference.decoder import Decoder
from grooves.inference.generate import Reader

QUICK = {"min_s": 0, "min_runs": 2}


def test_products_grow_until_the_next_would_take_too_long(monkeypatch):
    """Eightfold for each doubling: 8 ms are within 40 ms, 64 ms are not, and 32 would be."""

    def timed(function, **_):
        function()
        seconds = 1e-3 * (done.append(1) or 8 ** (len(done) - 1))
        return Timing(seconds, seconds, seconds, seconds, 2, (seconds,) * 2)

    done = []
    monkeypatch.setattr(microbench, "measure", timed)
    found = microbench.matmuls([8, 4, 16, 32], "fp32", CPU, budget_s=40e-3)
    assert [m.size for m in found] == [4, 8]
    assert found[1].flops_per_s == 2 * 8**3 / 8e-3


@pytest.mark.parametrize("precision", ["fp64", "fp32", "bf16", "fp16"])
def test_each_precision_is_computed_in_and_counted_with_its_bytes(precision):
    seen = []
    kind, n_bytes = microbench.PRECISIONS[precision]
    real, torch_mm = torch.mm, lambda a, b, out: seen.append((a.dtype, real(a, b, out=out)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "mm", torch_mm)
        (found,) = microbench.matmuls([8], precision, CPU, **QUICK)
    assert {dtype for dtype, _ in seen} == {kind} and kind.itemsize == n_bytes
    assert found.operation.n_bytes == 3 * 64 * n_bytes and found.precision == precision
    a, b = (microbench.values((8, 8), precision, CPU) for _ in range(2))
    assert torch.equal(seen[-1][1], real(a, b))


def test_a_precision_that_a_device_lacks_is_not_measured():
    assert not microbench.offers(CPU, "tf32") and microbench.offers(CPU, "fp64")
    assert not microbench.offers(torch.device("mps"), "fp64")
    with pytest.raises(ValueError, match="'tf32' is no format of cpu"):
        microbench.matmuls([8], "tf32", CPU)
    with pytest.raises(ValueError, match="'fp3' is unknown: choose from fp64, fp32, tf32"):
        microbench.offers(CPU, "fp3")


def test_rounding_to_tf32_ends_with_its_block():
    before = torch.get_float32_matmul_precision()
    with microbench.multiplying_in("fp32"):
        assert torch.get_float32_matmul_precision() == "highest"
        with microbench.multiplying_in("tf32"):
            assert torch.get_float32_matmul_precision() == "high"
        inside = torch.get_float32_matmul_precision()
    after = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(before)  # whatever was wrong, other tests go on as before
    assert (inside, after) == ("highest", before)


def test_every_experiment_says_its_threads_and_keeps_its_samples():
    (copy,) = microbench.copies([1 << 16], CPU, **QUICK)
    launched = microbench.launches(CPU, **QUICK)
    (matvec,) = microbench.matvecs([32], "fp32", CPU, **QUICK)
    for m in (copy, *launched.values(), matvec):
        assert m.threads == torch.get_num_threads() and len(m.timing.samples) >= 2
        assert Measurement.from_dict(m.to_dict()) == m
    assert copy.operation.n_bytes == copy.size == 1 << 16
    assert matvec.operation.flops == 2 * 32**2
    assert microbench.transfers([1024], CPU) == []


def test_a_large_copy_goes_on_where_the_last_piece_ended(monkeypatch):
    """Three pieces and a rest: the fourth sample begins anew, and a sample moves one piece."""
    monkeypatch.setattr(microbench, "PIECE", 100)
    began = []
    real = torch.Tensor.copy_

    def copy(target, source):
        began.append(source.storage_offset())
        return real(target, source)

    monkeypatch.setattr(torch.Tensor, "copy_", copy)
    (found,) = microbench.copies([8 * 350], CPU, min_s=0, min_runs=2, repeat=2)
    assert began == [0, 100, 200, 0, 100]
    assert found.size == 8 * 350 and found.operation.n_bytes == 8 * 100


def test_a_ring_leads_through_every_line_once_and_back_in_no_order():
    n = 500
    steps = latency.ring(n)
    walked, here = [], 0
    for _ in range(n):
        walked.append(here)
        here = int(steps[here])
    assert here == 0 and sorted(walked) == list(range(0, 8 * n, 8))
    jumps = np.abs(np.diff(walked)) // 8
    assert np.mean(jumps > 4) > 0.9  # neighbours in the walk are none in memory
    with pytest.raises(ValueError, match="n_lines=1 must be at least 2"):
        latency.ring(1)


def test_a_step_of_a_walk_is_one_of_many(monkeypatch):
    def a_second(function, **_):
        function()
        return Timing(2.0, 1.0, 1.0, 1.0, 2, (1.0, 1.0))

    monkeypatch.setattr(latency, "measure", a_second)
    alone = latency.pointer_chase(16, n_steps=1000)
    assert alone.timing.median_s == alone.timing.best_s == 1e-3 and alone.size == 16 * 64
    assert latency.scattered(16, n_together=100).timing.median_s == 1 / 800


@pytest.mark.parametrize("program", [Reader, Decoder])
def test_a_word_is_read_at_the_same_place_each_time(program):
    """The context ends at 192 words; without going back the words would run out of it."""
    found = workloads.story_word(CPU, position=190, program=program, min_s=0, min_runs=5)
    assert found.timing.n == 5 and found.kind == f"word by {program.__name__}"
    assert found.operation.flops > 2 * 190 * 4 * 64


def test_two_devices_are_compared_with_one_program_unless_the_name_says_otherwise():
    words = workloads.story_words(CPU, **QUICK)
    assert [m.kind for m in words] == ["word by Reader", "word by Decoder"]


def test_the_calls_of_a_step_do_not_grow_with_its_width():
    narrow, wide = (workloads.calls_of_a_step(CPU, n_embd=n, n_head=1) for n in (16, 32))
    assert narrow == wide > 100


def test_a_wider_model_asks_for_more_flops_and_ends_within_the_budget():
    found = workloads.wider_steps((64, 16, 32), CPU, budget_s=1e9, **QUICK)
    assert [m.size for m in found] == [16, 32, 64]
    narrow, half, own = (m.operation.flops for m in found)
    assert narrow < half < own == workloads.training_step(CPU, **QUICK).operation.flops
    assert len(workloads.wider_steps((16, 32), CPU, budget_s=0, **QUICK)) == 1


def test_a_training_step_is_tallied_forward_and_back():
    found = workloads.training_step(CPU, **QUICK)
    inputs, _ = workloads.lineage.new_data(n_stories=50).batch(0)
    weights = 81_000  # of the model's matrices, rounded down
    assert found.operation.flops > 3 * 2 * weights * inputs.numel()
    (forward,) = (workloads.digits_forward(3, CPU, **QUICK),)
    assert forward.operation.flops == 2 * 3 * (64 * 32 + 32 * 10)


def test_an_experiment_of_another_form_is_refused():
    (copy,) = microbench.copies([1 << 10], CPU, **QUICK)
    with pytest.raises(ValueError, match="an experiment of another form"):
        Measurement.from_dict(copy.to_dict() | {"colour": "blue"})
    with pytest.raises(ValueError, match="an experiment of another form"):
        Measurement.from_dict({"kind": "copy"})
