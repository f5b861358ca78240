"""The live plot shows what training did, and the story teller answers to Enter and to its button.

No browser: a widget's messages are given to it as the front end would send them.
"""

import re

import pytest

from grooves.language.stories import Stories, Verdict
from grooves.plots import monitor
from grooves.training import lineage
from grooves.training.loop import History, train

LANGUAGE = Stories()


@pytest.fixture
def shown(monkeypatch):
    """Every picture that a cell would have shown, with how it came: "new" or "replaced"."""
    pictures = []

    class Place:
        def update(self, picture):
            pictures.append(("replaced", picture))

    def display(picture, display_id):
        assert display_id
        pictures.append(("new", picture))
        return Place()

    monkeypatch.setattr("IPython.display.display", display)
    return pictures


def history(n_steps):
    return History([5 / (1 + i) for i in range(n_steps)], words=n_steps * 800, seconds=1.0)


def test_the_plot_is_drawn_once_and_then_replaced_in_place(shown):
    plot = monitor.LivePlot(0.39, every_s=0)
    for done in (0.2, 0.6, 1.0):
        plot(history(10), done)
    assert [how for how, _ in shown] == ["new", "replaced", "replaced"]


def test_the_plot_is_not_redrawn_at_every_step_but_always_at_the_end(shown):
    plot = monitor.LivePlot(0.39, every_s=3600)
    for done in (0.0, 0.3, 0.6):
        plot(history(10), done)
    assert len(shown) == 1
    plot(history(20), 1.0)
    assert "20 steps" in shown[-1][1].words


def test_the_plot_follows_a_real_training(shown):
    data = lineage.new_data(LANGUAGE, n_stories=16)
    model = lineage.new_model(LANGUAGE, n_embd=16, n_head=2)
    done = train(model, data, steps=3, progress=False, on_step=monitor.LivePlot(0.39, every_s=0))
    assert len(shown) == 3
    assert f"from {done.losses[0]:.2f} to {done.losses[-1]:.2f}" in shown[-1][1].words


@pytest.mark.parametrize("n_steps", [1, 7, 120, 121, 5_000])
def test_the_curve_averages_every_step_into_few_points(n_steps):
    words, losses = monitor.curve(history(n_steps))
    assert len(words) == len(losses) <= monitor.POINTS
    assert words[-1] == pytest.approx(n_steps * 0.8)  # thousands
    sizes = [a - b for a, b in zip(words, [0, *words[:-1]], strict=True)]
    mean = sum(size * loss for size, loss in zip(sizes, losses, strict=True)) / words[-1]
    assert mean == pytest.approx(sum(history(n_steps).losses) / n_steps)


def test_the_picture_says_in_words_what_it_shows():
    picture = monitor.LivePlot(0.3934).draw(history(10))
    assert picture.words == (
        "The loss fell from 5.00 to 0.50 nats per word in 10 steps. The exact entropy is 0.393."
    )
    assert "exact entropy, 0.393" in picture.markup


@pytest.fixture(scope="module")
def model():
    return lineage.new_model(LANGUAGE, n_embd=16, n_head=2).eval()


@pytest.fixture
def teller(model):
    return monitor.StoryTeller(model, LANGUAGE)


def story_of(teller):
    return re.search(r"<p[^>]*>(.*?)</p>", teller.answer.value)[1]


def test_a_story_stands_there_before_anything_is_typed(teller):
    assert teller.verdict is not None
    assert story_of(teller)


def test_the_button_and_enter_each_tell_another_story(teller):
    stories = [story_of(teller)]
    teller.button.click()
    stories.append(story_of(teller))
    teller.prompt._handle_custom_msg({"event": "submit"}, [])
    stories.append(story_of(teller))
    assert len(set(stories)) == 3


def test_a_message_that_is_not_enter_tells_nothing(teller):
    before = teller.answer.value
    teller.prompt._handle_custom_msg({"event": "focus"}, [])
    assert teller.answer.value == before


def test_a_story_begins_with_what_was_typed(teller):
    teller.prompt.value = "  Once upon a time there "
    teller.button.click()
    assert story_of(teller).startswith("Once upon a time there")


def test_an_unknown_word_is_named_and_the_next_story_works_again(teller):
    teller.prompt.value = "Once upon a <dinosaur>"
    teller.button.click()
    assert teller.verdict is None
    assert "&#x27;&lt;&#x27;" in teller.answer.value  # the mark itself is not a known word
    teller.prompt.value = "Once upon a dinosaur"
    teller.button.click()
    assert "dinosaur" in teller.answer.value
    teller.prompt.value = "Once"
    teller.button.click()
    assert teller.verdict is not None


def test_a_start_that_leaves_no_room_is_refused_in_words(teller):
    teller.prompt.value = "Once " * teller.model.config.context
    teller.button.click()
    assert teller.verdict is None
    assert "no room" in teller.answer.value


def test_at_temperature_zero_the_same_start_gives_the_same_story(teller):
    teller.temperature.value = 0
    teller.button.click()
    first = story_of(teller)
    teller.button.click()
    assert story_of(teller) == first


def test_the_verdict_is_said_in_words():
    assert monitor.said(Verdict(True)) == "The parser: this is a story of the language."
    wrong = Verdict(False, 4, "Paul", ("Once", "There", "Lucy", "Tom"))
    assert monitor.said(wrong) == (
        "The parser: not a story. In place 5 stands “Paul”, "
        "where only “Once”, “There”, “Lucy”, … could stand."
    )
    early = Verdict(False, 4, LANGUAGE.vocabulary[0], ("on",))
    assert monitor.said(early) == (
        "The parser: not a story. In place 5 stands the end, where only “on” could stand."
    )


def test_what_the_model_says_is_shown_as_text_and_never_as_markup(teller):
    told = monitor._paragraph("<b>" + "x" + "</b>")
    assert "<b>" not in told
    assert "&lt;b&gt;" in told
