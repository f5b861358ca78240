"""The search over parallel plans."""

import pytest

from grooves.hardware.many_devices import cluster, dense, plans

GPT = dense.Dense(8, 1024, 8, 32_000, 1024)


def test_the_search_tries_every_division_of_the_devices():
    four = cluster.server(n=4)
    found = list(plans.all_plans(GPT, four, 8, zero=(0,), recompute=("selective",)))
    divisions = {(p.data, p.tensor, p.pipeline) for p in found}
    by_hand = {
        (4, 1, 1), (2, 2, 1), (2, 1, 2), (1, 4, 1), (1, 2, 2), (1, 1, 4),
    }  # fmt: skip
    assert divisions == by_hand
    assert {p.micro_batches for p in found if p.data == 2} == {1, 2, 4}
    assert len(set(found)) == len(found)


def test_the_fastest_plan_is_found_and_has_room():
    eight = cluster.server()
    best = plans.fastest(GPT, eight, 64)
    every = [
        cluster.training_step(GPT, eight, plan, 64) for plan in plans.all_plans(GPT, eight, 64)
    ]
    fitting = [step for step in every if step.memory_bytes <= eight.memory_bytes]
    assert best.step.seconds == min(step.seconds for step in fitting)
    tight = 1.1 * min(step.memory_bytes for step in every)
    frugal = plans.fastest(GPT, eight, 64, tight)
    assert frugal.step.memory_bytes <= tight < best.step.memory_bytes
    assert frugal.step.seconds > best.step.seconds


def test_a_slow_link_moves_tensor_parallelism_into_the_pipeline():
    """What must be added up for every layer is not sent over Ethernet."""
    llama = dense.from_published("Llama 3.1 8B", 8192)
    near, far = cluster.server(), cluster.server(link="10 Gbit/s Ethernet")
    over_nvlink = plans.fastest(llama, near, 16).plan
    over_ethernet = plans.fastest(llama, far, 16).plan
    assert over_ethernet.pipeline > over_nvlink.pipeline == 1
    assert over_ethernet.tensor == 1


def test_a_model_without_room_is_refused_with_what_it_needs():
    with pytest.raises(ValueError, match=r"no plan fits into 1\.0 GiB per device.*needs"):
        plans.fastest(dense.from_published("Llama 3.1 70B", 8192), cluster.server(), 64, 2**30)
    with pytest.raises(ValueError, match="no plan divides"):
        plans.fastest(dense.Dense(1, 3, 3, 10, 8), cluster.server(n=7), 5)


def test_a_server_over_pcie_is_slower_and_70_billion_parameters_fit_neither():
    rows = plans.server_table()
    assert [row["plan"] is None for row in rows] == [False] * 10 + [True] * 2
    for fast, slow in zip(rows[:10:2], rows[1:10:2], strict=True):
        assert fast["link"] == "NVLink 4"
        assert fast["seconds"] < slow["seconds"]
    assert 7 < rows[0]["speedup"] <= 8
    assert rows[6]["speedup"] is None  # 8 billion parameters need 128 GB on one device


def test_every_division_is_a_divisor():
    assert plans.divisors(12) == [1, 2, 3, 4, 6, 12]
