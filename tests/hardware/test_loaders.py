"""Loaders that starve a model, and the host's work."""

import threading

import pytest
import torch

from grooves.hardware.many_devices import host_work, loaders
from grooves.hardware.many_devices.loaders import Costs
from grooves.training import lineage

COSTS = Costs(step_s=0.010, per_batch_s=0.001, cores=2)


@pytest.fixture(scope="module")
def data():
    return lineage.new_data(n_stories=60)


def test_a_prefetched_batch_is_fetched_while_the_consumer_works():
    third = threading.Event()

    def source():
        for i in range(4):
            if i == 2:
                third.set()
            yield i

    fetched = loaders.prefetched(source(), ahead=2)
    assert next(fetched) == 0  # the consumer has one batch and asks for no more
    assert third.wait(30)
    assert list(fetched) == [1, 2, 3]


def test_an_error_of_the_source_reaches_the_consumer():
    def source():
        yield 0
        raise OSError("the disk is gone")

    fetched = loaders.prefetched(source())
    assert next(fetched) == 0
    with pytest.raises(OSError, match="the disk is gone"):
        next(fetched)


def test_every_way_gives_the_same_batches_in_the_same_order(data):
    for way in loaders.WAYS:
        dataset = loaders.SlowBatches(data, 4, "computing", 0.0, 1.0)
        for step, (inputs, targets) in enumerate(loaders.loader(dataset, way)):
            assert torch.equal(inputs, data.batch(step)[0])
            assert torch.equal(targets, data.batch(step)[1])
        assert step == 3
    with pytest.raises(ValueError, match="way='3 workers'"):
        loaders.loader(dataset, "3 workers")
    with pytest.raises(ValueError, match="must be waiting or computing"):
        loaders.SlowBatches(data, 4, "dreaming", 0.0)


def test_what_helps_depends_on_whether_fetching_waits_or_computes():
    def seconds(kind, load_s, way):
        return loaders.predicted_seconds(kind, load_s, way, COSTS)

    assert seconds("waiting", 0.010, "none") == pytest.approx(0.020)
    assert seconds("waiting", 0.010, "thread") == pytest.approx(0.010)
    assert seconds("waiting", 0.030, "thread") == pytest.approx(0.030)
    assert seconds("waiting", 0.030, "2 workers") == pytest.approx(0.015)
    assert seconds("computing", 0.010, "thread") == pytest.approx(0.020)
    assert seconds("computing", 0.010, "1 worker") == pytest.approx(0.011)
    # two cores do 30 ms of fetching and 11 ms of a step in 20.5 ms, whichever core does which
    assert seconds("computing", 0.030, "2 workers") == pytest.approx(0.0205)


def test_a_way_pays_from_the_time_that_it_costs_itself():
    assert loaders.pays_from("waiting", "thread", COSTS) == pytest.approx(0, abs=1e-9)
    assert loaders.pays_from("computing", "thread", COSTS) is None
    for kind in ("waiting", "computing"):
        assert loaders.pays_from(kind, "1 worker", COSTS) == pytest.approx(0.001)


def test_a_loader_is_measured_with_the_model_that_it_feeds(data):
    found = loaders.measure("computing", 0.0, "thread", n=4, loops_per_s=1.0, data=data)
    assert (found["kind"], found["way"], found["load_s"]) == ("computing", "thread", 0.0)
    assert found["first_s"] > 0 and found["step_s"] > 0


def test_the_hosts_share_counts_each_part_as_often_as_it_happens():
    rows = [
        {"part": "the model's step", "per": "step", "seconds": 0.008},
        {"part": "draw a batch's stories", "per": "step", "seconds": 5.0},
        {"part": "words to numbers", "per": "step", "seconds": 0.0004},
        {"part": "numbers to rows of a tensor", "per": "step", "seconds": 0.0005},
        {"part": "copy a batch", "per": "step", "seconds": 0.0001},
        {"part": "write a checkpoint", "per": "checkpoint", "seconds": 0.1},
    ]
    assert host_work.host_share(rows, steps_per_checkpoint=100) == pytest.approx(0.002 / 0.010)


def test_every_part_of_the_hosts_work_is_measured():
    rows = {row["part"]: row for row in host_work.parts(min_s=0.0, min_runs=2, max_runs=2)}
    assert {"the model's step", "write a checkpoint", "checksum, SHA-256"} <= rows.keys()
    assert all(row["seconds"] > 0 for row in rows.values())
    assert 0 < host_work.host_share(list(rows.values())) < 1


def test_an_encrypted_stream_is_encrypted_and_arrives():
    if host_work.stream_seconds(True, 1000, repeats=1) is None:
        pytest.skip("this OpenSSL does not encrypt without certificates")
    with host_work.connected(True, 3) as (sender, arrived):
        assert "AES128" in sender.cipher()[0]
        sender.sendall(b"abc")
        assert arrived.wait(30)
    with host_work.connected(False, 3) as (sender, arrived):
        assert not hasattr(sender, "cipher")
        sender.sendall(b"abc")
        assert arrived.wait(30)
