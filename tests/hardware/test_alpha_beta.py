"""Latency and bandwidth of messages: the model, and its fit."""

import numpy as np
import pytest

from grooves.hardware.many_devices import alpha_beta
from grooves.hardware.many_devices.alpha_beta import AlphaBeta
from grooves.hardware.many_devices.links import link_named, published_links, read_links

WIRE = AlphaBeta(2e-3, 12.5e6)
SIZES = [2**k for k in range(10, 24, 2)]


def test_a_message_of_alpha_times_beta_bytes_gets_half_the_bandwidth():
    assert WIRE.half_bytes == 25_000
    assert WIRE.bandwidth_bytes_per_s(25_000) == pytest.approx(12.5e6 / 2)
    assert WIRE.bandwidth_bytes_per_s(25e9) == pytest.approx(12.5e6, rel=1e-5)


def test_a_ring_takes_as_long_as_its_messages_one_after_another():
    clock = 0.0
    for _ in range(2):  # reduce-scatter, then all-gather
        for _ in range(7):
            clock += 2e-3 + (1e6 / 8) / 12.5e6
    assert alpha_beta.all_reduce_seconds(WIRE, 1e6, 8) == pytest.approx(clock)
    assert alpha_beta.all_gather_seconds(WIRE, 1e6, 8) == pytest.approx(clock / 2)
    assert alpha_beta.all_reduce_seconds(WIRE, 1e6, 1) == 0


def test_a_fit_finds_the_link_that_made_the_times():
    exact = alpha_beta.fit(SIZES, [WIRE.seconds(n) for n in SIZES])
    assert exact.alpha_s == pytest.approx(2e-3)
    assert exact.beta_bytes_per_s == pytest.approx(12.5e6)
    ring = [alpha_beta.all_reduce_seconds(WIRE, n, 4) for n in SIZES]
    found = alpha_beta.fit_all_reduce(SIZES, ring, 4)
    assert (found.alpha_s, found.beta_bytes_per_s) == pytest.approx((2e-3, 12.5e6))


def test_a_fit_is_numpys_least_squares_on_relative_errors():
    noise = np.random.default_rng(3).normal(1, 0.2, len(SIZES))
    times = [WIRE.seconds(n) * f for n, f in zip(SIZES, noise, strict=True)]
    rows = np.array([[1 / t, n / t] for n, t in zip(SIZES, times, strict=True)])
    alpha, gamma = np.linalg.lstsq(rows, np.ones(len(SIZES)), rcond=None)[0]
    found = alpha_beta.fit(SIZES, times)
    assert found.alpha_s == pytest.approx(alpha)
    assert found.beta_bytes_per_s == pytest.approx(1 / gamma)


def test_a_latency_is_never_fitted_negative():
    times = [n / 1e6 * (0.5 if n < 4000 else 1) for n in (1000, 2000, 64_000, 128_000)]
    found = alpha_beta.fit((1000, 2000, 64_000, 128_000), times)
    assert found.alpha_s == 0
    assert found.beta_bytes_per_s > 1e6


def test_sizes_that_were_held_out_do_not_change_the_fit():
    times = [WIRE.seconds(n) for n in SIZES]
    times[1] *= 3
    link, rows = alpha_beta.predict_held_out(SIZES, times)
    assert link.alpha_s == pytest.approx(2e-3)
    assert [row["held_out"] for row in rows[:3]] == [False, True, False]
    assert rows[1]["error"] == pytest.approx(1 / 3 - 1)
    assert alpha_beta.typical_error(rows) == pytest.approx(0, abs=1e-9)


def test_how_much_bandwidth_makes_up_for_latency_depends_on_the_size():
    direct, slow = AlphaBeta(0.5e-6, 100e9), 3e-6
    size = alpha_beta.size_of_factor(3, slow, direct)
    assert alpha_beta.bandwidth_needed(size, slow, direct) == pytest.approx(300e9)
    assert alpha_beta.bandwidth_needed(100 * size, slow, direct) < 101e9
    assert alpha_beta.bandwidth_needed(size / 2, slow, direct) == float("inf")


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(ValueError, match="two different sizes"):
        alpha_beta.fit([1000, 1000], [1, 2])
    with pytest.raises(ValueError, match="do not grow"):
        alpha_beta.fit([1000, 2000], [2.0, 1.0])
    with pytest.raises(ValueError, match="alpha_s=-1"):
        AlphaBeta(-1, 1)
    with pytest.raises(ValueError, match="not one of NVLink 4"):
        link_named("carrier pigeon")


def test_published_links_are_one_direction_and_reach_less_than_they_promise():
    links = published_links()
    assert links["NVLink 4"].gb_per_s == 18 * 25  # 18 links of 25 GB/s in each direction
    lanes = 32e9 * 16 * 128 / 130 / 8 / 1e9  # 32 GT/s, 16 lanes, 128 of 130 bits are data
    assert links["PCIe 5 x16"].gb_per_s == pytest.approx(lanes, rel=0.01)
    assert all(link.model.beta_bytes_per_s < link.gb_per_s * 1e9 for link in links.values())
    text = (
        '[[link]]\nname = "x"\ngb_per_s = 1\nlatency_us = 1\nshort_us = 1\nfraction = 2\n'
        'source = ""\nchecked = ""\nread = ""\n'
    )
    with pytest.raises(ValueError, match="more than all of it"):
        read_links(text)
