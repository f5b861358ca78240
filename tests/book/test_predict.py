"""A Predict box takes a guess and folds its answer, which is open without scripts and on paper."""

import pytest
from playwright.sync_api import expect
from read_pages import settle

PAGE = "book/predictions.html"
GUESS = "five, perhaps"
# A browser that does not open by itself what a link leads to.
OLDER = """
  const set = Element.prototype.setAttribute;
  Element.prototype.setAttribute = function (name, value) {
    set.call(this, name, value === "until-found" ? "" : value);
  };
"""


@pytest.fixture
def predictions(page, sample_address):
    page.goto(sample_address + PAGE)
    settle(page)
    return page


def test_an_answer_is_folded_until_it_is_asked_for(predictions):
    boxes, answers = predictions.locator(".predict"), predictions.locator(".predicted")
    assert (boxes.count(), answers.count()) == (2, 2)
    expect(predictions.get_by_text("Between them.")).to_be_visible()
    expect(answers.first).to_be_hidden()
    button = boxes.first.get_by_role("button", name="Show the answer")
    assert button.get_attribute("aria-expanded") == "false"
    button.click()
    expect(answers.first).to_be_visible()
    expect(answers.last).to_be_hidden()
    hide = boxes.first.get_by_role("button", name="Hide the answer")
    assert hide.get_attribute("aria-expanded") == "true"
    hide.click()
    expect(answers.first).to_be_hidden()


def test_a_guess_is_kept_and_stands_above_the_answer(predictions):
    first = predictions.locator(".predict").first
    first.get_by_label("Your guess").fill(GUESS)
    predictions.reload()
    assert first.get_by_label("Your guess").input_value() == GUESS
    assert predictions.locator(".predict").last.get_by_label("Your guess").input_value() == ""
    first.get_by_role("button", name="Show the answer").click()
    expect(predictions.locator(".predicted").first).to_contain_text(f"Your guess: {GUESS}")


def test_a_reader_may_have_all_answers_shown_from_then_on(predictions):
    predictions.get_by_label("Show the answers on all pages").check()
    predictions.reload()
    for answer in predictions.locator(".predicted").all():
        expect(answer).to_be_visible()
    predictions.get_by_label("Show the answers on all pages").uncheck()
    for answer in predictions.locator(".predicted").all():
        expect(answer).to_be_hidden()


@pytest.mark.parametrize("script", ["", OLDER])
def test_a_link_into_an_answer_opens_it(page, sample_address, script):
    page.add_init_script(script)
    page.goto(f"{sample_address}{PAGE}#equation-eq-four")
    expect(page.locator(".predicted").first).to_be_visible()
    expect(page.locator(".predicted").last).to_be_hidden()


def test_answers_are_open_without_scripts(browser, sample_address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(sample_address + PAGE)
    for answer in page.locator(".predicted").all():
        expect(answer).to_be_visible()
    expect(page.get_by_role("textbox", name="Your guess")).to_have_count(0)
    context.close()


def test_answers_are_printed_and_buttons_are_not(predictions):
    predictions.emulate_media(media="print")
    for answer in predictions.locator(".predicted").all():
        expect(answer).to_be_visible()
        inside = answer.locator("math, .admonition").first
        assert (
            inside.bounding_box()["height"] > 4
        )  # drawn; a formula is 9 pixels high in some fonts
    for button in predictions.get_by_role("button", name="Show the answer").all():
        expect(button).to_be_hidden()
