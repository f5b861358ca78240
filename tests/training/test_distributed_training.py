"""Two and three processes end where one ends: every way of dividing a batch, a matrix, the layers.

All processes start once, in the fixture; `ranks_at_work.py` says what they do.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import ranks_at_work as work
import torch

from grooves.training.distributed import all_ways, loop, pipeline
from grooves.training.distributed.launch import torchrun
from grooves.training.distributed.ranks import joined
from grooves.training.lineage import new_model

SHARDED = ["zero1", "zero2", "zero3", "fsdp"]
TENSORS = "weights", "gradients", "state"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ranks")


@pytest.fixture(scope="module")
def found(folder):
    """What the processes found: {"three": [rank 0, 1, 2], "two": [rank 0, 1]}."""
    script = Path(work.__file__)
    paths = os.pathsep.join([*sys.path, str(script.parent)])
    done = subprocess.run(
        torchrun([str(script), str(folder)], 3),
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]

    def read(name, n):
        return [torch.load(folder / f"{name}_{i}.pt", weights_only=False) for i in range(n)]

    return {"three": read("three", 3), "two": read("two", 2)}


@pytest.fixture(scope="module")
def alone(folder):
    """One process with the same micro-batches, and with the whole batch: the losses, and files."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    losses = {}
    with joined() as ranks:
        for optimizer in ("muon", "adamw"):
            for parts in (1, 2):
                path = folder / f"alone_{optimizer}_{parts}.safetensors"
                more = dict(micro_batches=parts)
                *_, losses[optimizer, parts] = work.trained(ranks, "flat", optimizer, path, **more)
    torch.set_num_threads(before)
    return losses


# ---- all-reduce ---------------------------------------------------------------------------------


@pytest.mark.parametrize("group", ["two", "three"])
def test_a_ring_of_sends_and_receives_gives_what_pytorch_gives(found, group):
    for rank in found[group]:
        for ours, theirs in rank["rings"].values():
            assert torch.allclose(ours, theirs, rtol=1e-6, atol=1e-6)
            assert group == "three" or torch.equal(ours, theirs)  # a sum of two has one order
    first, *others = (rank["rings"][1000][0] for rank in found[group])
    assert all(torch.equal(first, other) for other in others)


def test_the_timing_reports_the_bytes_that_were_sent_and_checks_the_sum(found):
    for rank in found["two"]:
        timing = rank["timing"]
        assert timing["correct"] and timing["n_bytes"] == 1000 and timing["n_ranks"] == 2
        assert min(timing["samples_s"]) <= timing["low_s"] <= timing["median_s"] <= timing["high_s"]
        assert timing["samples_s"] == found["two"][0]["timing"]["samples_s"]


# ---- data parallel and ZeRO ---------------------------------------------------------------------


@pytest.mark.parametrize(("way", "optimizer"), work.WAYS)
def test_every_way_ends_with_the_bits_of_one_process(found, alone, folder, way, optimizer):
    """The whole file is compared: weights, moments and losses."""
    ours = (folder / f"{way}_{optimizer}.safetensors").read_bytes()
    assert ours == (folder / f"alone_{optimizer}_2.safetensors").read_bytes()


def test_the_digest_is_that_of_the_whole_run():
    """It repeats, and tells one training from another that rounds differently."""
    assert {way for way, _ in all_ways.WAYS} == set(loop.NAMES)
    first, again, undivided = (all_ways.alone(parts, "adamw") for parts in (2, 2, 1))
    assert first["digest"] == again["digest"] != undivided["digest"]
    assert first["losses"] == pytest.approx(undivided["losses"], abs=2e-6)
    assert first["state"] == 2 * first["weights"] == 2 * first["gradients"]


def test_losses_are_those_of_the_undivided_batch(found, alone):
    """The two ranks have unequal numbers of rows and of words."""
    for rank in found["two"]:
        for (way, optimizer), one in rank["ways"].items():
            assert len(one["losses"]) == work.STEPS
            assert one["losses"] == pytest.approx(alone[optimizer, 1], rel=0, abs=2e-6), way


def test_a_plain_average_of_unequal_rows_is_another_gradient():
    """So the tests above would notice one. Two rows and three, as two ranks have them."""
    inputs, targets = work.story_data().batch(0)
    with joined() as ranks:
        model = new_model()
        way, _ = loop.build("flat", model, ranks)

        def gradient(compute, *arguments):
            model.zero_grad()
            compute(*arguments)
            return model.embedding.weight.grad.clone()

        whole = gradient(way.backward, inputs, targets)
        weighed = gradient(loop.backward, way, inputs, targets, 2)

        def average():
            for rows in (slice(0, 2), slice(2, 5)):
                way.forward_backward(inputs[rows], targets[rows], 0.5)

        plain = gradient(average)
    assert len(inputs) == 5
    assert (weighed - whole).norm() < 1e-5 * whole.norm()
    assert (plain - whole).norm() > 1e-2 * whole.norm()


def test_buckets_are_sent_while_the_backward_pass_goes_on(found):
    missing = found["two"][0]["ways"]["buckets", "muon"]["missing_at_launch"]
    assert missing[-1] == 0
    assert missing[0] > 0 and missing == sorted(missing, reverse=True) and len(missing) > 2


@pytest.mark.parametrize("way", SHARDED)
def test_what_is_sharded_is_exactly_half(found, way):
    """Counted as tensors in memory; stage 1 shards the state, 2 gradients too, 3 all."""
    stage = {"fsdp": 3}.get(way) or int(way[-1])
    for rank in found["two"]:
        whole, ours = (rank["ways"][name, "adamw"]["held"] for name in ("flat", way))
        assert whole["state"] == 2 * whole["weights"] == 2 * whole["gradients"] > 0
        sharded = {"state", *(["gradients"] if stage > 1 else []), *(["weights"] * (stage > 2))}
        for kind in TENSORS:
            assert ours[kind] * (2 if kind in sharded else 1) == whole[kind], kind


def test_zero3_gathers_one_block_at_a_time(found):
    """Never more than the weights outside of the blocks and those of one block."""
    one = found["two"][0]["ways"]["zero3", "adamw"]
    outside, *blocks = one["units"]
    assert one["values_held"] == [0, outside + max(blocks)]
    assert outside + max(blocks) < sum(one["units"])


def test_another_way_goes_on_from_a_checkpoint_with_the_same_bits(found, alone, folder):
    """ZeRO 3 was broken off after step 3, behind its checkpoint of step 2; ZeRO 1 went on."""
    ours = (folder / "interrupted.safetensors").read_bytes()
    assert ours == (folder / "alone_adamw_2.safetensors").read_bytes()


# ---- tensor and pipeline parallel ---------------------------------------------------------------


def test_a_divided_block_is_the_whole_block_forward_and_backward(found):
    for rank in found["two"]:
        whole, divided = rank["block"]["whole"], rank["block"]["divided"]
        for name in ("y", "x"):
            assert torch.allclose(divided[name], whole[name], rtol=0, atol=1e-6), name
        assert divided["weights"].keys() == whole["weights"].keys()
        for name, gradient in whole["weights"].items():
            assert gradient.abs().max() > 0.01
            assert torch.allclose(divided["weights"][name], gradient, rtol=1e-5, atol=1e-6), name


@pytest.fixture(scope="module")
def whole_pipeline():
    """The pipelined model trained by one process with the same micro-batches."""
    model = work.pipelined_model()
    optimizer = loop.build_optimizers(model, "adamw")[0]
    ids, targets = work.story_like()
    words, losses, gradients = int((targets >= 0).sum()), [], {}
    for _ in range(3):
        losses.append(0.0)
        for rows in (slice(i, i + 2) for i in range(0, 8, 2)):
            fraction = int((targets[rows] >= 0).sum()) / words
            loss = model.loss(ids[rows], targets[rows]) * fraction
            loss.backward()
            losses[-1] += loss.item()
        if not gradients:
            gradients = {name: p.grad.clone() for name, p in model.named_parameters()}
        squared = sum(p.grad.double().square().sum() for p in model.parameters())
        for p in model.parameters():
            p.grad.mul_(min(1.0, float(squared) ** -0.5))
        optimizer.step()
        optimizer.zero_grad()
    return losses, gradients, dict(model.named_parameters())


@pytest.mark.parametrize("kind", pipeline.SCHEDULES)
def test_a_pipeline_of_three_stages_is_one_process(found, whole_pipeline, kind):
    """Bit for bit, but for the tied matrix: its two gradients are added in another order."""
    losses, gradients, weights = whole_pipeline
    ranks = [rank["pipelines"][kind] for rank in found["three"]]
    assert ranks[-1]["losses"] == pytest.approx(losses, rel=0, abs=1e-6)
    assert set().union(*(rank["gradients"] for rank in ranks)) == set(gradients)
    for rank in ranks:
        for name, gradient in rank["gradients"].items():
            if name == "embedding.weight":
                assert torch.allclose(gradient, gradients[name], rtol=0, atol=1e-6)
            else:
                assert torch.equal(gradient, gradients[name]), name
        for name, weight in rank["weights"].items():
            assert torch.allclose(weight, weights[name], rtol=0, atol=1e-5), name
    tied = [rank["weights"]["embedding.weight"] for rank in (ranks[0], ranks[-1])]
    assert torch.equal(*tied)


@pytest.mark.parametrize("kind", pipeline.SCHEDULES)
def test_the_executed_slots_are_those_of_the_timetable(found, kind):
    """Three stages, four micro-batches: a third of all slots is empty."""
    executed = {
        (stage, *task): slot
        for stage, rank in enumerate(found["three"])
        for task, slot in rank["pipelines"][kind]["slots"].items()
    }
    assert executed == pipeline.timetable(kind, 3, work.N_MICRO)
    assert pipeline.bubble(executed, 3) == pytest.approx(2 / (work.N_MICRO + 2))
