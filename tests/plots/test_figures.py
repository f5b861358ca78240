"""Pictures are readable on any page, say what they show, and reach the chapter that quotes them."""

import colorsys
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from myst_nb.core.variables import format_plain_text
from myst_nb.ext.glue import extract_glue_data_cell

from grooves.plots import figures

STYLE = (Path(__file__).parents[2] / "book/_static/grooves.css").read_text(encoding="utf-8")


def drawn(label="nats a word", alt="A line", caption="", colour=figures.INK):
    figure, axes = figures.canvas()
    axes.plot([0, 1], [0, 1], marker="o")
    axes.set(xlabel="words", ylabel=label)
    axes.annotate("here", (0.5, 0.5), color=colour)
    return figures.picture(figure, alt, caption)


def contrast(one, other):
    """The ratio of two colours that the accessibility guidelines define."""

    def luminance(colour):
        parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return linear @ (0.2126, 0.7152, 0.0722)

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_figures_and_pages_share_one_palette():
    names = ("blue", "vermilion", "green", "pink", "orange", "sky")
    in_css = [re.search(rf"--groove-{name}: (#\w+);", STYLE)[1] for name in names]
    assert list(figures.PALETTE) == in_css


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_colours_of_lines_stand_out_on_every_page(theme):
    papers = re.findall(r"--groove-paper: (#\w+);", STYLE)
    paper = papers[0] if theme == "light" else papers[1]
    for colour in figures.PALETTE[:4]:
        assert contrast(colour, paper) >= 3, (colour, paper)


def test_a_picture_takes_its_ink_from_the_page():
    markup = drawn().markup
    assert "currentColor" in markup
    assert not re.search(r"#000000|fill: ?black|stroke: ?black", markup)
    assert "background" not in markup and "<image" not in markup


def test_a_picture_says_what_it_shows():
    picture = drawn(alt='The "gap" < 1', caption="It falls & falls.")
    assert 'role="img" aria-label="The &quot;gap&quot; &lt; 1"' in picture.markup
    assert "<figcaption" in picture.markup and "It falls &amp; falls." in picture.markup
    assert picture._repr_mimebundle_()["text/plain"] == 'The "gap" < 1'


def test_two_pictures_on_one_page_do_not_share_ids():
    ids = [set(re.findall(r'\bid="([^"]+)"', drawn(label).markup)) for label in ("a", "b")]
    assert ids[0] and ids[1] and not ids[0] & ids[1]


def test_every_reference_inside_a_picture_has_its_target():
    markup = drawn().markup
    wanted = set(re.findall(r'(?:href="|url\()#([^")]+)', markup))
    assert wanted and wanted <= set(re.findall(r'\bid="([^"]+)"', markup))


def test_drawing_twice_gives_the_same_picture():
    assert drawn().markup == drawn().markup


def papers():
    """The pages' grounds, light and dark."""
    return re.findall(r"--groove-paper: (#\w+);", STYLE)[:2]


def test_text_in_a_colour_can_be_read_on_every_page():
    markup = drawn(colour=figures.VERMILION).markup
    light, dark = figures.SHADES[figures.VERMILION]
    assert re.search(rf"<text[^>]*fill: light-dark\({light}, {dark}\)[^>]*>here<", markup)
    for shades in figures.SHADES.values():
        for shade, paper in zip(shades, papers(), strict=True):
            assert contrast(shade, paper) >= 4.5, (shade, paper)


def test_every_series_stands_out_on_every_page():
    for colour in figures.SERIES:
        shades = figures.SHADES[colour] if colour in figures.SHADED_MARKS else (colour, colour)
        for shade, paper in zip(shades, papers(), strict=True):
            assert colour == figures.INK or contrast(shade, paper) >= 3, colour


def test_a_method_keeps_its_colour_wherever_it_stands():
    for names in (["LSTM, writing", "full", "plain"], ["plain", "LSTM", "full"]):
        colours = {name: figures.colour_of(name, i) for i, name in enumerate(names)}
        assert sorted(colours.values()) == [figures.BLUE, figures.BLUE, figures.VERMILION]
    assert figures.colour_of("nobody", 1) == figures.VERMILION
    series = {"last layer": [1, 2], "LoRA": [2, 1]}
    markup = figures.lines([1, 2], series, ("x", "y"), "", "").markup
    for name, colour in (("last layer", figures.GREEN), ("LoRA", figures.VERMILION)):
        light, _ = figures.SHADES[colour]
        assert re.search(rf"fill: light-dark\({light}[^>]*>{name}<", markup), name


def test_two_lines_of_one_colour_differ_in_dashes():
    looks = []
    for place, name in enumerate(("Adam", "plain", "Adam, schedule")):
        drawn = [figures.Name(other, 0, look) for other, look in looks]
        looks.append((name, figures.dashed(figures.look_of(name, place), drawn)))
    assert ["linestyle" in look for _, look in looks] == [False, False, True]
    assert looks[0][1]["color"] == looks[2][1]["color"]


def test_a_caption_is_typeset_like_a_table():
    figure, axes = figures.canvas()
    shown = figures.picture(figure, "alt", "fell by -0.5 & more").markup
    assert "fell by \u22120.5 &amp; more" in shown


def test_figures_and_explorables_give_a_method_one_colour():
    """In the style sheets --gx-model is blue and --gx-exact vermilion."""
    variables = {"gf-scratch": "from scratch", "gf-head": "last layer", "gf-lora": "LoRA"}
    variables |= {"gf-full": "full", "gm-weights": "weights", "gm-gradients": "gradients"}
    variables |= {"gm-optimizer": "optimizer", "gm-activations": "activations"}
    variables |= {"gt-car": "one walk", "gt-trucks": "8,192 walks"}
    folder = Path(figures.__file__).parents[1] / "explorables"
    styles = "".join(p.read_text(encoding="utf-8") for p in sorted(folder.glob("*/*.css")))
    hues = {figures.BLUE: 0.56, figures.VERMILION: 0.07, figures.GREEN: 0.45, figures.PINK: 0.9}
    for variable, name in variables.items():
        value = re.search(rf"--{variable}: (.*?);", styles)[1]
        words = {"var(--gx-model)": figures.BLUE, "var(--gx-exact)": figures.VERMILION}
        if value == "var(--gx-soft)":
            assert figures.METHODS[name] == figures.INK
            continue
        colour = words.get(value) or re.search(r"#\w{6}", value)[0]
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        hue = colorsys.rgb_to_hsv(*parts)[0]
        assert abs(hue - hues[figures.METHODS[name]]) < 0.07, (variable, value, name)


def test_a_table_shows_what_it_is_given_and_no_markup_of_it():
    table = figures.table(["model", "gap"], [["<b>LSTM</b>", 0.5]], "Gaps & more")
    assert "&lt;b&gt;LSTM&lt;/b&gt;" in table.markup and "<b>" not in table.markup
    assert "<caption>Gaps &amp; more</caption>" in table.markup
    assert table.markup.count('scope="col"') == 2 and table.markup.count('scope="row"') == 1
    assert table.words.splitlines()[-1].split() == ["<b>LSTM</b>", "0.5"]


def test_look_back_names_the_words_that_are_looked_at_most():
    words = ["Mia", "lived", "in", "a", "hut", "."]
    picture = figures.look_back(words, torch.tensor([0.1, 0.0, 0.2, 0.0, 0.7]), 4, "One head.")
    assert picture.words.endswith("Most looked at: 'hut' 70%, 'in' 20%, 'Mia' 10%.")
    assert "outline" in picture.markup and ">hut" in picture.markup
    assert picture.markup.count("border-bottom") == 3  # words without a look have no bar


def kept(**values):
    """What the book finds in a cell that has kept these values."""
    InteractiveShell.instance()
    with capture_output() as captured:
        figures.keep(**values)
    outputs = [
        nbformat.v4.new_output("display_data", data=o.data, metadata=o.metadata)
        for o in captured.outputs
    ]
    cell = nbformat.v4.new_code_cell(outputs=outputs)
    return dict(extract_glue_data_cell(cell)), cell.outputs


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.00421, ".4f", "0.0042"),
        (np.float64(0.5), ".0%", "50%"),
        (torch.tensor(3), "d", "3"),
        ("the hut", "s", "the hut"),
    ],
)
def test_the_chapter_can_quote_a_kept_value(value, form, text):
    found, shown = kept(gap=value)
    assert format_plain_text(found["gap"]["data"]["text/plain"], form) == text
    assert not shown  # kept without a word


def test_a_kept_picture_is_shown_where_it_was_made():
    found, shown = kept(curve=drawn())
    assert len(shown) == 1 and "<svg" in shown[0]["data"]["text/html"]
    assert found["curve"]["data"]["text/html"] == drawn().markup


def test_a_corner_without_a_name_is_no_header():
    """An empty header cell says nothing to those who listen."""
    picture = figures.table(["", "words"], [["read", 3]], "A table")
    assert "<thead><tr><td></td><th" in picture.markup
    assert "<thead><tr><th" in figures.table(["what", "words"], [["read", 3]], "").markup


def test_columns_of_words_stand_left_and_columns_of_numbers_right():
    """The German scale, an optimizer and a source are words; "2 of 3" and "< 1" are numbers."""
    rows = [["a", "Milliarde", "-0.2 (-0.3 to 0.1)", ""], ["b", "Adam", "< 1", "not stated"]]
    markup = figures.table(["", "words", "numbers", "few"], rows, "Two").markup
    sides = [re.findall(r"text-align: (\w+)", row) for row in markup.split("<tr>")[1:]]
    assert sides == [["left", "right", "left"]] * 3
