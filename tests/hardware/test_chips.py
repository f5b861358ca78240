"""The published chip: its figures agree with each other, and its rates are not mixed up."""

import datetime
import re

import pytest

from grooves.hardware import chips

GROQ = chips.groqchip()


def test_printed_peaks_follow_from_units_and_clock():
    for precision in ("int8", "fp16"):
        counted, printed = GROQ.counted_ops_per_s(precision), GROQ.peak_ops_per_s(precision)
        assert counted == pytest.approx(printed, rel=0.025)
        assert counted < printed  # the brief rounds up


def test_230_mb_and_220_mib_are_one_memory():
    assert GROQ.sram_bytes == 88 * 2.5 * 2**20
    assert round(GROQ.sram_bytes / 1e6) == round(GROQ.sram_mb + 1) == 231


def test_each_rate_is_what_its_part_of_the_chip_carries():
    one_gigahertz = GROQ.memory_bytes_per_s / GROQ.clock_hz * 1e9
    assert one_gigahertz == 55 * 1024 * 1e9  # what the paper calls 55 TiB/s
    assert GROQ.port_bytes_per_s == pytest.approx(9.216e12)
    assert 409_600 / (GROQ.port_bytes_per_s / GROQ.clock_hz) == 40  # cycles to fill all planes
    both_ways = 2 * GROQ.links_bytes_per_s
    assert both_ways == pytest.approx(3.84e12 / 8)  # the paper's 3.84 Tbit/s
    assert GROQ.brief_bytes_per_s / both_ways > 100  # 80 TB/s is the memory's rate


def test_a_ridge_point_belongs_to_a_way_for_bytes():
    points = GROQ.ridge_points("int8")
    assert points["on-chip memory, as printed"] == pytest.approx(9.375)
    assert points["links"] == pytest.approx(3125)
    assert list(points.values()) == sorted(points.values())
    assert GROQ.ridge_points("fp16")["into the matrix units"] == pytest.approx(20.4, abs=0.01)


def test_every_figure_has_a_primary_source_and_a_day():
    for one in (*chips.chips().values(), *chips.energies().values()):
        assert re.search(r"Groq|Horowitz 2014|doi:", one.source)
        assert one.checked in ("page", "quoted", "recalled")
        assert datetime.date.fromisoformat(one.read)


def test_outside_memory_costs_more_per_byte_than_inside_and_than_arithmetic():
    cost = {name: one.joules for name, one in chips.energies().items()}
    assert cost["DRAM"] > cost["HBM2"] > cost["SRAM of 1 MB"] > cost["SRAM of 8 kB"]
    assert cost["DRAM"] > 100 * cost["fp16 multiply-add"]
    assert cost["SRAM of 1 MB"] == 12.5e-12


TABLE = """
[[energy]]
name = "A"
picojoules = 1
unit = "byte"
source = "doi:x"
checked = "page"
read = "2026-11-30"
"""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (TABLE.replace('unit = "byte"', 'unit = "bit"'), "per 'bit'"),
        (TABLE.replace("= 1", "= 0", 1), "not positive"),
        (TABLE + TABLE, "twice"),
    ],
)
def test_a_table_with_a_fault_is_refused(text, says):
    with pytest.raises(ValueError, match=says):
        chips.read_energies(text)


def test_a_precision_that_was_not_published_is_refused():
    with pytest.raises(ValueError, match="'fp8' was not published for GroqChip 1"):
        GROQ.peak_ops_per_s("fp8")
