"""The explorable `teller`: the stories are the model's own, and what is said of them is true."""

import re

import pytest
from in_browser import (
    ROOT,
    axe_faults,
    in_both_looks,
    in_notebook,
    opened_at,
    overflow,
    press,
    random_model,
)

from grooves.explorables.shared.eight_bits import as_told, pack
from grooves.explorables.teller import still
from grooves.explorables.teller.widget import SEED, Teller, state
from grooves.language.stories import Stories, to_text, to_words
from grooves.models.lstm import LSTM
from grooves.models.transformer import Config
from grooves.training import lineage

EXPLORABLE = "teller"  # what the fixture `page` shows
FAULTY = 5  # a seed of which the model makes a mistake


@pytest.fixture(scope="module")
def model():
    return lineage.base().cpu()


@pytest.fixture
def moving(browser, address):
    """The page for a reader who did not ask for less motion."""
    context = browser.new_context(reduced_motion="no-preference")
    page = context.new_page()
    page.goto(address)
    page.locator(".explorable-mount[data-ready=yes]").wait_for()
    yield page
    context.close()


def told(page):
    return page.locator(".gw-story").text_content()


def verdict(page):
    return page.locator(".gw-verdict").text_content()


def test_the_page_tells_what_the_model_tells_in_pytorch(page, model, language):
    for seed in range(SEED, SEED + 3):
        assert told(page) == to_text(still.tell(model, language, seed))
        press(page, "Tell another")


def test_weights_of_8_bits_tell_as_well_as_those_of_32(model):
    assert len(pack(model)) < sum(weight.numel() for weight in model.parameters()) * 1.2
    (before, _), (after, _) = lineage.gap(model), lineage.gap(as_told(model))
    assert abs(after - before) < 0.001  # nats per word


def test_a_story_is_called_true_where_the_parser_accepts_it(page, language):
    seen = set()
    for _ in range(SEED, FAULTY + 1):
        parsed = language.parse(to_words(told(page)))
        seen.add(parsed.ok)
        assert verdict(page).startswith("✓" if parsed.ok else "✗")
        if not parsed.ok:
            (at,) = re.findall(r"word (\d+), “", verdict(page))
            assert int(at) - 1 == parsed.position
            wrong = page.locator(".gw-wrong").text_content()
            assert f"“{wrong}”" in verdict(page)
            assert wrong == to_words(told(page))[parsed.position]
        press(page, "Tell another")
    assert seen == {True, False}


def test_stories_are_counted_as_they_are_judged(page):
    for _ in range(SEED, FAULTY + 1):
        press(page, "Tell another")
    tally = page.locator(".gw .gx-note")
    assert tally.text_content() == "4 of the 5 stories so far are true to the language."


def test_words_appear_one_by_one_in_places_that_stay(moving):
    box = moving.locator(".gw")
    height = box.bounding_box()["height"]
    hidden = moving.locator(".gw-word.gw-hidden")
    first = hidden.count()
    assert first > 0
    moving.wait_for_function(
        f"document.querySelectorAll('.gw-word.gw-hidden').length < {first} - 2"
    )
    assert hidden.count() > 0
    assert not moving.locator(".gw-verdict").is_visible()
    press(moving, "Show it all")
    assert hidden.count() == 0
    assert moving.locator(".gw-verdict").is_visible()
    assert box.bounding_box()["height"] == height


def test_who_wants_no_motion_gets_the_whole_story_at_once(page):
    assert page.locator(".gw-hidden").count() == 0
    assert page.locator(".gw button").all_inner_texts() == ["Tell another"]
    press(page, "Tell another")
    assert page.locator(".gw-hidden").count() == 0
    news = page.get_by_role("status").text_content()
    assert news == f"A story of {len(to_words(told(page)))} words. {verdict(page)}"


@in_both_looks
def test_everyone_can_use_it(browser, address, width, scheme):
    for page in opened_at(browser, address, width, scheme):
        for _ in range(SEED, FAULTY):
            page.locator(".gw button").press("Enter")
        assert verdict(page).startswith("✗")
        assert axe_faults(page) == []
        assert overflow(page) <= 0


def test_the_still_shows_the_story_that_the_page_tells_first(page, model, language):
    path = ROOT / "grooves" / "explorables" / "teller" / "teller.svg"
    assert path.read_text("utf-8") == still.draw(model, language)
    drawn = re.findall(r">([^<]+)</text>", path.read_text("utf-8").replace("&quot;", '"'))
    assert " ".join(drawn[:-1]) == told(page)


def test_a_widget_tells_the_same_story_and_hands_it_to_the_kernel(modules, model, language):
    with in_notebook(modules, Teller(model)) as page:
        story = to_text(still.tell(model, language))
        assert told(page) == story
        assert page.evaluate("window.kernel.text") == story
        page.evaluate("window.widgetModel.receive('seed', 9)")
        assert told(page) == to_text(still.tell(model, language, 9))


def test_what_cannot_be_told_is_refused(model):
    with pytest.raises(TypeError, match="not LSTM"):
        pack(LSTM(Config(vocabulary_size=20), width=8))
    with pytest.raises(ValueError, match="vocabulary of 50 words"):
        Teller(random_model())
    assert set(state(model)) == {"weights", "grammar", "seed", "text"}
    assert state(model)["grammar"] == Stories().to_json()
