"""The time step of an LSTM: what binds it, and what its published figure is compared with."""

import pytest

from grooves.hardware.chips import groqchip
from grooves.hardware.dataflow import recurrent
from grooves.hardware.dataflow.recurrent import Latencies, lstm_step

GROQ = groqchip()


def test_with_all_weights_in_place_a_step_takes_the_chain_and_no_less():
    for width, n_bytes in ((16, 1), (64, 1), (64, 2)):
        step = lstm_step(width, n_bytes)
        assert step.load == 0 and step.period == pytest.approx(step.chain) == 92
    free = Latencies(matrix=0, vector=0, transcendental=0, transit=0, install=0)
    one_vector_a_cycle = lstm_step(64, 1, free).period
    assert one_vector_a_cycle == pytest.approx(1)


def test_without_latencies_a_large_step_takes_the_weight_ports_time():
    none = Latencies(0, 0, 0, 0, 0)
    for n_bytes in (1, 2):
        step = lstm_step(512, n_bytes, none)
        weights = 8 * 512 * 512 * n_bytes
        assert step.load == pytest.approx(weights / (GROQ.streams * GROQ.lanes))
        assert step.load <= step.period < 1.02 * step.load


def test_no_period_is_shorter_than_the_chain_the_port_or_the_arithmetic():
    for width in (64, 200, 320, 512, 1024):
        for n_bytes in (1, 2):
            for ahead in (False, True):
                step = lstm_step(width, n_bytes, inputs_ahead=ahead)
                assert step.period >= max(step.chain, step.load, step.arithmetic) - 1e-9
                assert step.first >= step.period - 1e-9


def test_the_published_step_is_met_in_16_bits_and_not_in_8():
    fp16 = lstm_step(512, 2).ns(GROQ.clock_hz)
    int8 = lstm_step(512, 1).ns(GROQ.clock_hz)
    assert fp16 == pytest.approx(recurrent.PUBLISHED_NS, rel=0.15)
    assert int8 < 0.7 * recurrent.PUBLISHED_NS
    # Against 16 bits: the same source's rate of an LSTM-1024 exceeds the chip's peak in fp16.
    assert GROQ.peak_ops_per_s("fp16") < recurrent.PUBLISHED_TOPS * 1e12


def test_the_published_figure_alone_does_not_decide_the_precision():
    slower = lstm_step(512, 1, Latencies().scaled(2.7)).ns(GROQ.clock_hz)
    assert slower == pytest.approx(recurrent.PUBLISHED_NS, rel=0.05)  # 8 bits and slower units


def test_all_assumptions_doubled_or_halved_leave_16_bits_within_a_third():
    for factor in (0.5, 2):
        taken = lstm_step(512, 2, Latencies().scaled(factor)).ns(GROQ.clock_hz)
        assert abs(taken / recurrent.PUBLISHED_NS - 1) < 1 / 3


def test_a_width_or_format_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="width=0"):
        lstm_step(0, 1)
    with pytest.raises(ValueError, match="bytes_per_weight=4"):
        lstm_step(64, 4)
