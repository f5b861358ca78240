"""What of training with several processes one process can judge: schedules, rows, rendezvous."""

import json
import math
import sys
import threading
import time
import weakref

import pytest
import ranks_at_work
import torch
import torch.distributed as dist

from grooves.training.distributed import all_reduce_timing, launch, loop, pipeline, rendezvous, ring
from grooves.training.distributed.ranks import Ranks, joined
from grooves.training.distributed.shards import padded
from grooves.training.distributed.tensor_parallel import TensorParallelBlock
from grooves.training.lineage import new_model
from grooves.training.loop import Divergence

CPU = torch.device("cpu")


@pytest.mark.parametrize("kind", pipeline.SCHEDULES)
@pytest.mark.parametrize(("p", "m"), [(1, 1), (1, 5), (2, 1), (2, 4), (3, 4), (4, 4), (8, 32)])
def test_the_bubble_is_what_the_formula_says(kind, p, m):
    slots = pipeline.timetable(kind, p, m)
    assert pipeline.bubble(slots, p) == pytest.approx((p - 1) / (m + p - 1))


def test_a_slot_follows_everything_that_it_needs():
    for kind in pipeline.SCHEDULES:
        slots = pipeline.timetable(kind, 4, 6)
        assert len(slots) == 2 * 4 * 6 and min(slots.values()) == 1
        for (stage, task, k), slot in slots.items():
            before = (stage - 1, task, k) if task == "forward" else (stage + 1, task, k)
            assert slots.get(before, 0) < slot
            assert task == "forward" or slots[stage, "forward", k] < slot
        for stage in range(4):
            own = [slot for (s, _, _), slot in slots.items() if s == stage]
            assert len(own) == len(set(own))


def test_one_forward_one_backward_keeps_few_activations():
    """A stage stores at most as many micro-batches as there are stages from it to the end."""

    def most(kind, stage, p, m):
        now = highest = 0
        for task, _ in pipeline.SCHEDULES[kind](stage, p, m):
            now += 1 if task == "forward" else -1
            highest = max(highest, now)
        return highest

    assert [most("1f1b", stage, 4, 16) for stage in range(4)] == [4, 3, 2, 1]
    assert [most("gpipe", stage, 4, 16) for stage in range(4)] == [16] * 4


def test_rows_are_divided_completely_and_almost_equally():
    for n_rows, n in ((5, 2), (7, 3), (12, 5), (4, 4)):
        parts = [Ranks(i, n, CPU).rows(n_rows) for i in range(n)]
        assert [i for rows in parts for i in range(n_rows)[rows]] == list(range(n_rows))
        sizes = [rows.stop - rows.start for rows in parts]
        assert max(sizes) - min(sizes) <= 1
    with pytest.raises(ValueError, match="3 rows cannot be divided between 4 ranks"):
        Ranks(0, 4, CPU).rows(3)


def test_padding_makes_equal_shards():
    for n in (1, 2, 3, 7):
        flat = padded(torch.arange(1.0, 8.0), n)
        assert flat.numel() % n == 0 and flat.numel() < 7 + n
        assert flat[:7].tolist() == [1, 2, 3, 4, 5, 6, 7] and not flat[7:].any()


def test_bytes_sent_in_a_ring_are_counted():
    """By hand: 3 ranks, 12 bytes in chunks of 4; each sends 2 chunks, then 2 more."""
    assert ring.bytes_sent(12, 3) == 16
    assert ring.bytes_sent(12, 1) == 0


def test_processes_of_an_earlier_attempt_are_not_taken_for_new_ones():
    """The store still holds what a killed attempt wrote, in every order of arrival."""
    for late in (0, 1, 2):
        store = dist.HashStore()
        store.set("caller/1", "dead"), store.set("caller/2", "dead too")
        store.set("answer", json.dumps(["old", ["dead", "dead too"]]))
        attempts = [None] * 3

        def join(rank, attempts=attempts, store=store):
            attempts[rank] = (
                rendezvous.answer(store, 3) if rank == 0 else rendezvous.call(store, rank)
            )

        threads = [threading.Thread(target=join, args=(rank,), daemon=True) for rank in range(3)]
        for thread in [t for i, t in enumerate(threads) if i != late]:
            thread.start()
        time.sleep(0.05)  # so that the early ones meet the old table
        assert "old" not in attempts
        threads[late].start()
        for thread in threads:
            thread.join(20)
        assert len(set(attempts)) == 1 and attempts[0] not in (None, "old")


def test_without_torchrun_there_is_a_group_of_one():
    with joined() as ranks:
        assert (ranks.rank, ranks.n, ranks.is_first) == (0, 1, True)
        vector = torch.arange(3.0)
        dist.all_reduce(vector)
        assert vector.tolist() == [0, 1, 2]
    assert not dist.is_initialized()


def test_no_model_outlives_the_group_that_it_uses(monkeypatch):
    """The traceback of an error holds the model; a DDP destroyed later can hang for ever."""
    seen, leave = {}, dist.destroy_process_group

    def destroy():
        seen["alive"] = seen["way"]() is not None
        leave()

    def fail(ranks):
        way, _ = loop.build("ddp", new_model(), ranks)
        seen["way"] = weakref.ref(way)
        raise ValueError("refused")

    monkeypatch.setattr(dist, "destroy_process_group", destroy)
    with pytest.raises(ValueError, match="refused"), joined() as ranks:
        fail(ranks)
    assert seen["alive"] is False


def test_every_way_is_tried_by_the_processes():
    assert {way for way, _ in ranks_at_work.WAYS} == set(loop.NAMES)
    for way, optimizer in ranks_at_work.WAYS:
        assert optimizer in loop.way_named(way).optimizers


def test_what_cannot_be_divided_is_refused():
    ranks = Ranks(0, 3, CPU)
    with pytest.raises(ValueError, match="2 heads cannot be divided equally between 3"):
        TensorParallelBlock(new_model().blocks[0], ranks)
    with pytest.raises(ValueError, match="2 blocks cannot be divided into 3 stages"):
        pipeline.Stage(new_model(), ranks)
    with pytest.raises(ValueError, match="n_micro=0"):
        pipeline.timetable("gpipe", 2, 0)
    with pytest.raises(ValueError, match="'zero9' is not one of naive"):
        loop.way_named("zero9")
    with pytest.raises(ValueError, match=r"'zero1' cuts matrices.*'muon' needs whole"):
        loop.build("zero1", new_model(), ranks, "muon")
    with pytest.raises(ValueError, match="n_bytes=3 must be at least 4"):
        all_reduce_timing.time_all_reduce(ranks, 3)


@pytest.mark.parametrize("name", ["ddp", "zero1", "zero2", "zero3", "fsdp"])
def test_micro_batches_add_up_in_every_way(name):
    inputs, targets = ranks_at_work.story_data().batch(0)
    found = {}
    with joined() as ranks:
        for way in ("flat", name):
            divided, _ = loop.build(way, new_model(), ranks, "adamw")
            loss = loop.backward(divided, inputs, targets, 3)
            gradients = {n: p.grad for n, p in divided.trained.named_parameters()}
            found[way] = loss, divided.gather(gradients)
        buckets, _ = loop.build("buckets", new_model(), ranks)
        with pytest.raises(ValueError, match="micro_batches=3 is not for buckets"):
            loop.backward(buckets, inputs, targets, 3)
    assert found[name][0] == found["flat"][0]
    assert found[name][1].keys() == found["flat"][1].keys()
    for key, gradient in found["flat"][1].items():
        assert torch.equal(found[name][1][key], gradient), key


def test_a_loss_that_is_not_a_number_is_named_by_its_step():
    loop.refuse_divergence([3.0, 2.0])
    for bad in (math.nan, math.inf):
        with pytest.raises(Divergence, match="not a number at step 2: the learning rates"):
            loop.refuse_divergence([3.0, bad, 2.0])


def test_a_process_that_fails_is_reported_with_what_it_said(monkeypatch):
    monkeypatch.setattr(launch, "torchrun", lambda program, n: [sys.executable, *program])
    with pytest.raises(RuntimeError, match="ended with 1: it went wrong"):
        launch.run(["-c", "raise SystemExit('it went wrong')"])
    assert launch.run(["-c", "print('words'); print('{\"a\": 1}')"]) == [{"a": 1}]


def test_a_run_leaves_no_folder_of_logs_behind(tmp_path, monkeypatch):
    script = tmp_path / "script.py"
    script.write_text("print('{\"a\": 1}')")
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("TMPDIR", str(empty))
    assert launch.run([str(script)], n=1) == [{"a": 1}]
    assert not list(empty.iterdir())


def test_lines_that_are_json_are_read_and_others_left_out():
    text = 'words\n{"a": 1}\n[2]\n{"a": 3}\n'
    assert launch.json_lines(text) == [{"a": 1}, {"a": 3}]
