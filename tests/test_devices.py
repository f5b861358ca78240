"""Published figures come from the table, with their source, and with nothing made up."""

import datetime

import pytest

from grooves import devices

ENTRY = """
[[device]]
name = "Card"
kind = "gpu"
memory_gb = 40
bandwidth_gb_per_s = 1555
source = "a data sheet"
read = "2026-11-25"
peak_tflops = { fp32 = 19.5 }
"""


def test_a_published_device_is_read_in_plain_units():
    card = devices.read_devices(ENTRY)["Card"]
    assert card.bandwidth_bytes_per_s == 1.555e12
    assert card.peak_flops_per_s("fp32") == 19.5e12


def test_every_figure_has_a_source_and_a_day():
    table = devices.published()
    assert {"NVIDIA A100 SXM 40 GB", "NVIDIA H100 SXM"} <= table.keys()
    for one in table.values():
        assert one.source and datetime.date.fromisoformat(one.read)
        peaks = one.peak_tflops
        if {"tf32", "bf16"} <= peaks.keys():  # each half the width, twice the rate
            assert 2 * peaks["tf32"] == pytest.approx(peaks["bf16"], rel=1e-2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ENTRY.replace('source = "a data sheet"', ""), "'Card' lacks source"),
        (ENTRY.replace("1555", "0"), "'Card' has a figure that is not positive"),
        (ENTRY + ENTRY, "'Card' stands in the table twice"),
    ],
)
def test_a_table_with_a_fault_is_refused(text, says):
    with pytest.raises(ValueError, match=says):
        devices.read_devices(text)


def test_a_precision_that_was_not_published_is_not_guessed():
    with pytest.raises(ValueError, match="'fp64' was not published for Card: there are fp32"):
        devices.read_devices(ENTRY)["Card"].peak_flops_per_s("fp64")
