"""Published figures come from the table, with their source, and with nothing made up."""

import datetime

import pytest

from grooves.hardware import devices
from grooves.models import published as published_models
from grooves.precision import memory

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
    assert {"NVIDIA A100 SXM 40 GB", "NVIDIA H100 SXM"} <= table.keys()
    assert {8, 12, 24, 40, 80, 640} <= {one.memory_gb for one in table.values()}
    for one in (*table.values(), *published_models.models().values()):
        assert one.source and datetime.date.fromisoformat(one.read)
    for one in table.values():
        peaks = one.peak_tflops
        if peaks.keys() == {"fp32"}:
            continue
        halves = 4 if "GeForce" in one.name else 2  # GeForce: 16-bit products summed in 32 bits
        assert peaks["tf32"] * 2 == pytest.approx(peaks["bf16"], rel=0.001)
        assert peaks["int8"] == pytest.approx(halves * peaks["bf16"], rel=0.001)


@pytest.mark.parametrize("name", published_models.models())
def test_the_number_of_weights_follows_from_a_models_sizes(name):
    m = published_models.models()[name]
    if name.startswith("GPT"):
        context = {"GPT-2 124M": 1024, "GPT-3 175B": 2048}[name]
        counted = memory.gpt_parameters(m.n_layer, m.width, m.vocabulary, context)
        assert m.mlp_width == 4 * m.width
        assert counted == pytest.approx(m.parameters, rel=0.003)  # GPT-3's is a round number
        return
    attention = 2 * m.width * m.head_dim * (m.n_head + m.n_kv_head)
    gated = 3 * m.width * m.mlp_width
    norms = (4 if name.startswith("Gemma") else 2) * m.width
    biases = m.head_dim * (m.n_head + 2 * m.n_kv_head) if name.startswith("Qwen") else 0
    ends = m.vocabulary * m.width * (1 if name.startswith("Gemma") else 2)
    assert m.n_layer * (attention + gated + norms + biases) + ends + m.width == m.parameters


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
