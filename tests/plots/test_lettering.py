"""Labels find room of their own, or make it."""

import itertools

import pytest

from grooves.plots import figures, lettering


def names(*texts, ends=(1.0, 1.01, 1.02)):
    return [
        lettering.Name(text, end, {"color": colour})
        for text, end, colour in zip(texts, ends, figures.PALETTE, strict=False)
    ]


def labels(axis):
    return [tick.label1.get_text() for tick in axis.get_major_ticks() if tick.label1.get_text()]


def test_names_stay_near_their_lines_and_inside_the_axes():
    assert lettering.spread([3.0, 7.0], 2, 0, 10) == [3, 7]
    places = lettering.spread([9.9, 9.8, 1.0], 2, 0, 10)
    assert places == [10, 8, 1]
    crowded = sorted(lettering.spread([5.0] * 8, 2, 0, 10))
    assert all(b - a >= 2 for a, b in itertools.pairwise(crowded))


def test_short_names_stand_beside_their_lines_and_long_ones_above():
    for texts, beside in ((("one", "two"), True), (("transformer, training", "LSTM"), False)):
        figure, axes = figures.canvas()
        axes.plot([0, 1], [0, 1])
        lettering.name_lines(axes, names(*texts), figures.FONT_SIZE)
        assert bool(axes.texts) == beside and bool(figure.legends) != beside
        if beside:
            low, high = sorted(text.get_window_extent().y0 for text in axes.texts)
            assert high - low > axes.texts[0].get_window_extent().height


def test_tick_labels_that_would_collide_are_left_out():
    figure, axes = figures.canvas()
    axes.set(xscale="log", xlim=(1, 2000))
    axes.set_xticks(marks := (5, 10, 1000, 1200, 1400), [f"{mark:,}" for mark in marks])
    lettering.settle(figure, figures.FONT_SIZE)
    assert labels(axes.xaxis) == ["5", "10", "1,000"]


def test_a_label_longer_than_its_axis_is_wrapped():
    figure, axes = figures.canvas(2.2)
    axes.set(ylabel="nats a word above the exact entropy of the language", xlabel="words")
    lettering.settle(figure, figures.FONT_SIZE)
    assert axes.get_ylabel().count("\n") == 1 and axes.get_xlabel() == "words"


@pytest.mark.parametrize(
    ("low", "high", "some"),
    [(12, 240, "50"), (2, 8, "5"), (1e-6, 10, "10⁻²"), (20, 23, "20.8"), (1e8, 1e14, "1 T")],
)
def test_a_logarithmic_axis_has_ticks_that_tell_its_scale(low, high, some):
    figure, axes = figures.canvas()
    axes.set(yscale="log", ylim=(low, high))
    lettering.settle(figure, figures.FONT_SIZE)
    assert 2 <= len(labels(axes.yaxis)) <= 8 and some in labels(axes.yaxis)


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("seconds", ["10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s"]),
        ("loss, nats", ["10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²", "10⁻¹", "1"]),
    ],
)
def test_a_tick_has_a_prefix_only_with_its_unit(label, shown):
    figure, axes = figures.canvas()
    axes.set(yscale="log", ylim=(1e-5, 1), ylabel=label)
    lettering.settle(figure, figures.FONT_SIZE)
    assert labels(axes.yaxis) == shown


def test_names_of_one_colour_stand_above_where_their_dashes_show():
    figure, axes = figures.canvas()
    axes.plot([0, 1], [0, 1])
    pair = names("one", "two")
    pair[1].look["color"] = pair[0].look["color"]
    lettering.name_lines(axes, pair, figures.FONT_SIZE)
    assert figure.legends and not axes.texts


def test_a_negative_number_in_a_figure_has_a_minus_sign():
    figure, axes = figures.canvas()
    axes.text(0.5, 0.5, "-0.61, well-known")
    lettering.settle(figure, figures.FONT_SIZE)
    assert axes.texts[0].get_text() == "\u22120.61, well-known"


def test_no_text_is_smaller_than_the_course_s_size():
    figure, axes = figures.canvas()
    axes.text(0.5, 0.5, "small", fontsize=6)
    lettering.settle(figure, figures.FONT_SIZE)
    assert axes.texts[0].get_fontsize() == figures.FONT_SIZE


def test_a_note_keeps_clear_of_lines_or_is_not_written():
    figure, axes = figures.canvas()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.plot([0, 1], [0.55, 0.55])
    assert lettering.note(axes, "here", (0.5, 0.5), figures.FONT_SIZE)
    box = axes.texts[0].get_window_extent()
    assert box.y1 < axes.transData.transform((0, 0.55))[1]
    for i in range(200):
        axes.plot([0, 1], [i / 200, i / 200])
    assert not lettering.note(axes, "nowhere", (0.5, 0.5), figures.FONT_SIZE)
    assert len(axes.texts) == 1
