"""Pictures of chapter 4: every run is a dot, and every row has its name."""

import re

from grooves.plots import transformer_plots as pictures


def drawn(picture, mark="<use "):
    """How many marks a picture has."""
    return picture.markup.count(mark)


def test_every_run_is_a_dot_in_the_row_of_its_model():
    one, three = ({"LSTM: 0.3": [1.0], "bigram": values} for values in ([3.0], [2, 3, 2.5]))
    few = pictures.dot_rows(one, "nats", "alt", "note", xlim=(0, 4))  # the same ticks in both
    more = pictures.dot_rows(three, "nats", "alt", "note", xlim=(0, 4))
    assert drawn(more) == drawn(few) + 3  # two dots, and the bar at the median
    for text in ("LSTM: 0.3", "bigram", "nats", "note"):
        assert text in more.markup


def test_a_row_has_its_method_s_colour():
    picture = pictures.dot_rows({"LSTM: 0.3": [1.0], "LSTM, longer": [2.0]}, "nats", "alt", "")
    assert picture.markup.count("#d55e00") >= 2


def test_a_mark_is_a_line_through_all_rows():
    rows = {"one": [1.0, 2.0], "two": [1.5]}
    plain = pictures.dot_rows(rows, "nats", "alt", "")
    marked = pictures.dot_rows(rows, "nats", "alt", "", mark=1.7)
    assert marked.markup.count("stroke-dasharray") == plain.markup.count("stroke-dasharray") + 1


def test_an_interval_is_a_line_from_its_lower_to_its_upper_end():
    def level_lines(spans):
        rows = {"one": [1.0, 2.0], "two": [1.5, 1.6]}
        markup = pictures.dot_rows(rows, "nats", "alt", "", spans=spans, xlim=(0, 4)).markup
        found = re.findall(r'M (\S+) (\S+) \nL (\S+) (\S+) \n" clip-path', markup)
        return [(float(left), float(right)) for left, y, right, same in found if y == same]

    assert level_lines(None) == []
    (wide,) = level_lines({"two": (1.2, 2.2)})
    (narrow,) = level_lines({"two": (1.2, 1.7)})
    assert wide[0] == narrow[0] and abs((wide[1] - wide[0]) / (narrow[1] - narrow[0]) - 2) < 1e-3


def test_every_share_of_every_run_is_drawn_and_empty_bins_are_not():
    edges = (1, 10, 20, 30)
    one = pictures.recall_by_distance(edges, {"LSTM": [[0.1, 0.2, None]]}, "alt", "note")
    two = pictures.recall_by_distance(
        edges, {"LSTM": [[0.1, 0.2, None], [0.2, 0.3, None]]}, "alt", "note"
    )
    assert drawn(two) == drawn(one) + 2
    assert "LSTM" in one.markup and "50%" in one.markup and "note" in one.markup
