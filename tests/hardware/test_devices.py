"""Published figures come from the table, with their source, and with nothing made up."""

import datetime
import re

import pytest

from grooves.hardware import devices
from grooves.models import published as published_models

ENTRY = """
[[device]]
name = "Card"
kind = "gpu"
memory_gb = 40
memory_gib = 40
bandwidth_gb_per_s = 1555
source = "a data sheet"
checked = "page"
read = "2026-11-25"
peak_tflops = { fp32 = 19.5 }
"""

MODEL = """
[[model]]
name = "Small"
parameters = 1000
n_layer = 2
n_head = 4
n_kv_head = 2
head_dim = 8
width = 32
mlp_width = 128
vocabulary = 50
source = "a paper"
read = 2026-11-25
"""


def test_a_published_device_is_read_in_plain_units():
    card = devices.read_devices(ENTRY)["Card"]
    assert card.bandwidth_bytes_per_s == 1.555e12
    assert card.peak_flops_per_s("fp32") == 19.5e12


def test_every_figure_has_a_source_and_a_day():
    table = devices.published()
    assert {"NVIDIA A100 SXM 40 GB", "NVIDIA H100 SXM", "NVIDIA B200 SXM"} <= table.keys()
    for one in (*table.values(), *published_models.models().values()):
        assert one.source and datetime.date.fromisoformat(one.read)
    for one in table.values():
        assert one.checked in ("page", "quoted", "recalled"), one.name


def test_peaks_are_dense_and_in_the_proportions_of_matrix_units():
    for one in devices.published().values():
        peaks = one.peak_tflops
        assert set(peaks) <= {"fp32", "tf32", "bf16", "fp16", "fp8", "int8", "fp4"}, one.name
        halves = 4 if "GeForce" in one.name else 2  # GeForce: 16-bit products summed in 32 bits
        pairs = {("tf32", "bf16"): 2, ("fp16", "bf16"): 1, ("bf16", "fp8"): 2, ("fp8", "fp4"): 2}
        pairs |= {("bf16", "int8"): halves}
        if "GeForce" in one.name:  # the white paper's FP4 row is with FP32 sums, at four times fp8
            pairs[("fp8", "fp4")] = 4
        for (wide, narrow), factor in pairs.items():
            if wide in peaks and narrow in peaks:
                assert peaks[narrow] == pytest.approx(factor * peaks[wide], rel=0.01), one.name


@pytest.mark.parametrize(
    ("name", "sms", "ghz"),
    [
        ("GeForce RTX 4060", 24, 2.46),
        ("GeForce RTX 4070", 46, 2.475),
        ("GeForce RTX 4090", 128, 2.52),
        ("GeForce RTX 5090", 170, 2.407),
    ],
)
def test_a_geforce_peak_is_units_times_clock_times_flops_per_cycle(name, sms, ghz):
    per_cycle = {"fp32": 256, "tf32": 256, "bf16": 512, "fp16": 512, "fp8": 1024, "int8": 2048}
    peaks = devices.published()[name].peak_tflops
    for precision, flops in per_cycle.items():
        assert peaks[precision] == pytest.approx(sms * ghz * flops / 1e3, rel=1e-3)


def test_no_source_is_an_aggregator():
    makers = r"nvidia\.com|apple\.com|amd\.com|google\.com|NVIDIA|Intel|Qualcomm|A100 SXM 80 GB"
    for one in devices.published().values():
        assert re.search(makers, one.source), f"{one.name}: no maker's document"
        hosts = re.findall(r"https?://([\w.-]+)", one.source)
        known = {"apple.com", "nvidia.com", "amd.com", "google.com"}
        for host in hosts:
            assert ".".join(host.split(".")[-2:]) in known, f"{one.name}: {host} is not its maker's"


def test_memory_is_what_a_program_finds_and_not_what_is_printed_on_the_box():
    for one in devices.published().values():
        assert 0.92 * one.memory_gb <= one.memory_gib <= one.memory_gb, one.name
        assert one.memory_bytes == one.memory_gib * 2**30
    h200 = devices.published()["NVIDIA H200 SXM"]
    assert h200.memory_bytes / 2**20 == pytest.approx(143_771, rel=1e-3)


@pytest.mark.parametrize(
    ("read", "text", "says"),
    [
        (devices.read_devices, ENTRY.replace('source = "a data sheet"', ""), "'Card' lacks source"),
        (devices.read_devices, ENTRY.replace("1555", "0"), "'Card' has a figure that is not pos"),
        (devices.read_devices, ENTRY + ENTRY, "'Card' stands in the table twice"),
        (published_models.read_models, MODEL.replace("width = 32", "", 1), "'Small' lacks width"),
        (
            published_models.read_models,
            MODEL.replace("1000", "-1"),
            "'Small' has a figure that is not pos",
        ),
        (
            published_models.read_models,
            MODEL.replace("n_kv_head = 2", "n_kv_head = 3"),
            "cannot share",
        ),
    ],
)
def test_a_table_with_a_fault_is_refused(read, text, says):
    with pytest.raises(ValueError, match=says):
        read(text)


def test_a_precision_that_was_not_published_is_not_guessed():
    with pytest.raises(ValueError, match="'fp64' was not published for Card: there are fp32"):
        devices.read_devices(ENTRY)["Card"].peak_flops_per_s("fp64")
