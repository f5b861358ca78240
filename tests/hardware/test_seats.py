"""Seats on a hub: filled by memory or by cores, and what an empty one costs the others."""

from pathlib import Path

import pytest
import yaml

from grooves.hardware import seats

ROOT = Path(__file__).resolve().parents[2]


def test_memory_or_cores_run_out_first():
    seat = seats.Seat(memory_gib=2, cores=0.5)
    assert seats.per_node(seats.Node(cores=8, memory_gib=32), seat) == 15  # 30.5 GB for 2 GB each
    assert seats.per_node(seats.Node(cores=2, memory_gib=32), seat) == 4
    with pytest.raises(ValueError, match="take a larger node"):
        seats.per_node(seats.Node(cores=8, memory_gib=3), seat)


def test_empty_seats_are_paid_by_the_others():
    node = seats.Node(8, 32)
    assert seats.seat_cost(1.5, node, in_use=1.0) == pytest.approx(0.1)
    assert seats.seat_cost(1.5, node, in_use=0.25) == pytest.approx(0.4)
    for wrong in ((-1, 1.0), (1, 0.0), (1, 1.2)):
        with pytest.raises(ValueError, match="must not be negative"):
            seats.seat_cost(wrong[0], node, in_use=wrong[1])
    with pytest.raises(ValueError, match="must be positive"):
        seats.Seat(0, 1)


def test_the_hubs_values_guarantee_the_seat_that_is_priced():
    values = yaml.safe_load((ROOT / "jupyterhub/values.yaml").read_text("utf-8"))
    user = values["singleuser"]
    assert user["memory"]["guarantee"] == f"{seats.SEAT.memory_gib:g}G"
    assert user["cpu"]["guarantee"] == seats.SEAT.cores
    limit, guarantee = (
        float(user["memory"][key].removesuffix("G")) for key in ("limit", "guarantee")
    )
    assert limit >= guarantee
    assert set(values) <= {"singleuser", "cull", "hub", "proxy", "scheduling", "prePuller"}
    assert values["cull"]["enabled"] and values["cull"]["timeout"] <= 3600
    secrets = ("password", "secret", "token")
    text = (ROOT / "jupyterhub/values.yaml").read_text("utf-8").lower()
    assert not any(f"{word}:" in text for word in secrets)
