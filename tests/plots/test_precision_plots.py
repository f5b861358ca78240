"""Pictures of precision: they say in words what they show, and every number is drawn."""

from grooves.plots import precision_plots as pictures
from grooves.precision.formats import FP8_E4M3, INT8


def drawn(picture, mark="<use "):
    """How many marks a picture has."""
    return picture.markup.count(mark)


def test_every_positive_number_of_a_format_is_drawn():
    alone = pictures.number_lines([INT8], [1.0], "all of int8", "")
    both = pictures.number_lines([INT8, FP8_E4M3], [1.0, 1.0], "two rows", "a caption")
    assert "two rows" in both.words and "a caption" in both.markup
    assert drawn(both) - drawn(alone) >= 126 - 15  # its positive numbers, but for a few ticks


def test_every_point_and_its_name_are_in_the_picture():
    points = [(0.25, 9.0, "2"), (0.5, 0.5, "4"), (1.0, 0.01, "8"), (2.0, 0.001, "")]
    picture = pictures.bytes_and_gaps(
        {"per row": points, "floating": [(2.0, 0.002, "bf16")]}, (1.0, "guessing"), "alt", ""
    )
    for text in ("per row", "floating", "bf16", "guessing", ">8<"):
        assert text in picture.markup
    more = pictures.bytes_and_gaps(
        {"per row": points, "floating": [(2.0, 0.002, "bf16"), (2.0, 0.1, "")]},
        (1.0, "guessing"), "alt", "",
    )  # fmt: skip
    assert drawn(more) == drawn(picture) + 1


def test_bars_carry_their_parts_and_the_measured_line():
    bars = {"6 texts": {"weights": 2e6, "rest": 1e6}, "9 texts": {"weights": 2e6, "rest": 4e6}}
    without = pictures.stacked(bars, 1e6, "MB", {}, "alt", "")
    marked = pictures.stacked(bars, 1e6, "MB", {"9 texts": 5.5e6}, "alt", "")
    for text in ("6 texts", "9 texts", "weights", "rest", "MB"):
        assert text in marked.markup
    assert "measured" in marked.markup and "measured" not in without.markup
    both = pictures.stacked(bars, 1e6, "MB", {"9 texts": 5.5e6, "6 texts": 2.5e6}, "alt", "")
    assert drawn(both, "<path") == drawn(marked, "<path") + 1  # a line for each that was measured


def test_every_seed_is_a_dot_in_the_row_of_its_name():
    rows = {"nvfp4": [0.01, 0.02, 0.03], "int4": [0.02, 0.04, 0.05]}
    picture = pictures.dots(rows, "nats", "two formats", "a caption")
    more = pictures.dots(rows | {"int4": [*rows["int4"], 0.03]}, "nats", "two formats", "")
    assert "two formats" in picture.words and "a caption" in picture.markup
    assert all(text in picture.markup for text in ("nvfp4", "int4", "nats"))
    assert drawn(more) == drawn(picture) + 1


def test_every_run_is_a_line_that_ends_in_a_dot():
    at, slow, fast = [0, 50, 100], [[2.0, 1.9, 1.8], [2.0, 1.8, 1.7]], [[2.0, 1.0, 0.5]]
    labels = ("step", "nats")
    picture = pictures.run_lines(at, {"nearest": slow, "32 bits": fast}, labels, "alt", "")
    more = pictures.run_lines(
        at, {"nearest": [*slow, fast[0]], "32 bits": fast}, ("step", "nats"), "", ""
    )
    assert all(text in picture.markup for text in ("nearest", "32 bits", "step", "nats"))
    assert drawn(more) == drawn(picture) + 1
