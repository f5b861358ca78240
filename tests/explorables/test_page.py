"""The explorable on a static page, as the book's directive writes it: what it says is true."""

import re

import pytest
import torch
from in_browser import ROOT, axe_faults, in_both_looks, opened_at, overflow, press

from grooves.explorables.attention import still
from grooves.explorables.attention.widget import PROMPT
from grooves.language.stories import to_text, to_words
from grooves.training import lineage

EXPLORABLE = "attention"  # what the fixture `page` shows


@pytest.fixture(scope="module")
def model():
    return lineage.base().cpu()


def read_by(model, language, prompt):
    """What PyTorch and the language make of a prompt: probabilities (V,), and (L, H, T, T)."""
    ids = torch.tensor([[0, *(language.index[word] for word in to_words(prompt))]])
    with torch.inference_mode():
        chances = model(ids)[0, -1].double().softmax(-1)
    exact = torch.from_numpy(language.next_word(prompt))
    return chances, exact, model.attention_weights(ids)[:, 0]


def story_of(page):
    return page.locator("[role=option] .gx-word").all_inner_texts()[1:]


def start_with(page, text):
    page.get_by_label("Start of a story").fill(text)


# ---- what it shows ------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", [PROMPT, "There once was a", "Lily was a lazy"])
def test_the_bars_show_the_models_and_the_languages_own_probabilities(
    page, model, language, prompt
):
    chances, exact, _ = read_by(model, language, prompt)
    start_with(page, prompt)
    pattern = r"(.+): model (.+), language (.+)"
    words = []
    for button in page.locator(".gx-next button:visible").all():
        word, *numbers = re.fullmatch(pattern, button.get_attribute("aria-label")).groups()
        assert button.locator(".gx-share").all_inner_texts() == numbers
        words.append(language.index["<end>" if word == "the end" else word])
        for number, p in zip(numbers, (chances[words[-1]], exact[words[-1]]), strict=True):
            bound, digits = re.fullmatch(r"([<>]?)\s?([\d.]+)%", number).groups()
            if bound:
                assert p < 0.001 if bound == "<" else p > 0.999
            else:
                assert abs(float(digits) - 100 * float(p)) <= (0.0501 if "." in digits else 0.501)
    highest = torch.maximum(chances, exact)
    likeliest = highest.topk(6).values
    assert len(words) == max(5, int((likeliest >= 0.001).sum()))
    torch.testing.assert_close(highest[words], likeliest[: len(words)], rtol=0, atol=1e-5)


def test_the_shading_is_the_attention_of_the_chosen_word_and_head(page, model, language):
    weights = read_by(model, language, PROMPT)[2]
    layer, head = still.far_head(weights)
    chosen = page.locator("[role=radio][aria-checked=true]")
    assert chosen.get_attribute("aria-label").startswith(f"Layer {layer + 1}, head {head + 1}:")
    for number, radio in enumerate(page.get_by_role("radio").all()):
        radio.click()
        layer, head = divmod(number, weights.size(1))
        for place in (7, weights.size(-1) - 1):
            page.get_by_role("option").nth(place).click()
            shown = page.locator("[role=option]").evaluate_all(
                "(all) => all.map((word) => Number(word.style.getPropertyValue('--weight')))"
            )
            found = torch.tensor(shown)
            expected = weights[layer, head, place]
            assert (found - expected).abs().max() < 0.00051, (layer, head, place)


# Where each arc ends, beside the middle and the edges of the chosen word, in pixels of the screen.
ARC_ENDS = """() => {
  const word = document.querySelector("[role=option][aria-selected=true] .gx-word");
  const { left, width, top, bottom } = word.getBoundingClientRect();
  return [...document.querySelectorAll(".gx-arcs path")].map((arc) => {
    const end = arc.getPointAtLength(arc.getTotalLength()).matrixTransform(arc.getScreenCTM());
    const high = Math.min(Math.abs(end.y - top), Math.abs(end.y - bottom));
    return Math.max(high, Math.abs(end.x - left - width / 2));
  });
}"""


@pytest.mark.parametrize("width", [1280, 390])
def test_arcs_end_at_the_chosen_word_however_short_it_is(browser, address, width):
    for page in opened_at(browser, address, width, "light"):
        for word in ("my", "kite"):
            page.get_by_role("option", name=word, exact=True).last.click()
            away = page.evaluate(ARC_ENDS)
            assert away and max(away) < 1, (word, away)


def test_the_table_holds_every_heads_weights_for_the_chosen_word(page, model, language):
    weights = read_by(model, language, PROMPT)[2]
    page.get_by_text("All numbers").click()
    rows = page.locator(".gx-table tbody tr")
    rows.first.wait_for()
    cells = [row.locator("td").all_inner_texts() for row in rows.all()]
    found = torch.tensor([[float(cell) for cell in row] for row in cells]).flip(0)  # (T, L * H)
    assert (found - weights[:, :, -1].flatten(0, 1).T).abs().max() < 0.00051
    last = f"{len(to_words(PROMPT))} {to_words(PROMPT)[-1]}"
    assert rows.locator("th").first.inner_text() == last


def test_typing_another_start_is_read_at_once(page):
    start_with(page, "There once was a shy owl")
    assert to_text(story_of(page)) == "There once was a shy owl"
    assert page.get_by_text("After “owl”").is_visible()


def test_the_next_word_is_added_and_chosen(page):
    before = story_of(page)
    press(page, "Next word")
    assert story_of(page)[:-1] == before
    chosen = page.locator("[role=option][aria-selected=true]")
    assert chosen.get_attribute("aria-label") == story_of(page)[-1]
    assert page.locator(".gx-news").inner_text() == f"Next word: {story_of(page)[-1]}"


def test_at_temperature_0_the_browser_tells_the_story_that_python_tells(page, model, language):
    from grooves.inference.generate import tell

    page.get_by_label("Temperature").fill("0")
    press(page, "Finish the story")
    expected = tell(model, language, PROMPT, temperature=0)
    assert to_text(story_of(page)) == expected
    verdict = "It is a story of the language." if language.parse(expected).ok else "Not a story"
    assert verdict in page.locator(".gx-verdict").inner_text()


def test_a_seed_gives_one_story_and_another_seed_another(page):
    page.get_by_label("Temperature").fill("1.5")
    told = []
    for _ in range(2):
        start_with(page, "")
        start_with(page, "One")  # not a start of the language: the model goes on all the same
        press(page, "Finish the story")
        told.append(story_of(page))
    press(page, "New seed (1)")
    assert story_of(page) == ["One"]
    press(page, "Finish the story")
    assert told[0] == told[1] != story_of(page)


def test_a_story_that_is_being_told_can_be_stopped(lone_page):
    page = lone_page
    page.emulate_media(reduced_motion="no-preference")
    page.clock.install(time=0)  # the test moves the page's clock, so no busy machine decides
    page.clock.pause_at(1000)
    start_with(page, "")
    press(page, "Finish the story")
    page.clock.run_for(300)
    words = story_of(page)
    assert 0 < len(words) < 30
    press(page, "Stop")
    page.clock.run_for(3000)
    assert story_of(page) == words
    press(page, "Finish the story")
    page.clock.run_for(12_000)
    assert story_of(page)[: len(words)] == words
    assert page.get_by_text("the end", exact=True).first.is_visible()


def test_a_word_chosen_in_the_bars_takes_the_place_of_what_came(page):
    start_with(page, "There once was a shy owl")
    page.get_by_role("option", name="a", exact=True).click()
    bar = page.locator(".gx-next button").first
    chosen = bar.locator(".gx-label").inner_text()
    bar.click()
    assert story_of(page) == ["There", "once", "was", "a", chosen]
    assert page.get_by_label("Start of a story").input_value() == "There once was a"
    press(page, "Next word")
    press(page, "Next word")
    page.get_by_role("option", name="a", exact=True).click()
    page.locator(".gx-next button").nth(1).click()  # in place of what was told, too
    assert story_of(page)[:4] == ["There", "once", "was", "a"]
    assert len(story_of(page)) == 5
    assert story_of(page)[4] != chosen


def test_a_word_that_the_language_forbids_is_marked_and_named(page):
    start_with(page, "There once was a Lily")
    marked = page.locator(".gx-impossible")
    assert [text.strip() for text in marked.all_inner_texts()] == ["Lily"]
    message = page.locator(".gx-message").inner_text()
    assert "No story of the language has “Lily” as its word 5" in message
    press(page, "Next word")
    assert len(story_of(page)) == 6


def test_an_unknown_word_is_named_with_words_that_mend_it(page, language):
    field = page.get_by_label("Start of a story")
    start_with(page, "There once was a brafe owl")
    message = page.locator(".gx-message").inner_text()
    assert f"“brafe” is not one of the {len(language.vocabulary) - 1} words" in message
    assert field.get_attribute("aria-invalid") == "true"
    assert page.get_by_role("button", name="Next word").get_attribute("aria-disabled") == "true"
    field.press("Enter")
    assert story_of(page) == ["There", "once", "was", "a"]  # nothing is told before it is mended
    offered = page.locator(".gx-chip").all_inner_texts()
    assert offered[0] == "brave"
    fitting = {language.vocabulary[i] for i in language.next_word("There once was a").nonzero()[0]}
    assert set(offered[1:]) & fitting
    page.locator(".gx-chip").first.click()
    assert field.input_value() == "There once was a brave owl"
    assert field.get_attribute("aria-invalid") == "false"
    assert to_text(story_of(page)) == "There once was a brave owl"


def test_a_word_that_is_still_being_typed_is_no_mistake(page):
    start_with(page, "There once was a bra")
    assert page.locator(".gx-message").inner_text() == "“bra” may become:"
    assert page.locator(".gx-chip").all_inner_texts()[0] == "brave"


# ---- how it is reached --------------------------------------------------------------------------


def test_everything_can_be_reached_and_done_with_the_keyboard(page):
    def focused(script="document.activeElement"):
        return page.evaluate(f"((e) => e.getAttribute('aria-label') ?? e.textContent)({script})")

    page.get_by_label("Start of a story").focus()
    page.keyboard.press("Enter")
    assert len(story_of(page)) == len(to_words(PROMPT)) + 1
    expected = ("Next word", "Finish the story", "New seed (1)")
    for name in expected:
        page.keyboard.press("Tab")
        assert focused() == name
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert page.locator(".gx-slider output").inner_text() == "1.1"
    page.keyboard.press("Tab")
    words = story_of(page)
    assert focused() == words[-1]
    for key, word in (("ArrowLeft", words[-2]), ("Home", "start of the story"), ("End", words[-1])):
        page.keyboard.press(key)
        assert focused() == word
        assert page.locator("[aria-selected=true]").get_attribute("aria-label") == word
    page.keyboard.press("ArrowUp")
    up = page.locator("[aria-selected=true]")
    assert up.bounding_box()["y"] < page.get_by_role("option").last.bounding_box()["y"]
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    assert focused().startswith("Layer 1, head 1:")
    assert page.locator("[aria-checked=true]").get_attribute("aria-label") == focused()
    page.keyboard.press("ArrowRight")
    assert focused().startswith("Layer 1, head 2:")
    page.keyboard.press("Tab")
    chosen = page.evaluate("document.activeElement.dataset.word")
    page.keyboard.press("Enter")
    assert chosen in (story_of(page)[-1], "<end>")
    for _ in page.locator(".gx-next button:visible").all():
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator(".gx-table").is_visible()
    page.keyboard.press("Tab")
    assert focused() == "Attention weights as a table"


def test_the_word_with_the_focus_is_described_by_what_it_looks_at(page):
    option = page.locator("[role=option][aria-selected=true]")
    described = page.locator(f"#{option.get_attribute('aria-describedby')}")
    words = to_words(PROMPT)
    subject = rf"“{words[-1]}” \(word {len(words)}\)"
    assert re.search(rf"{subject} attends to .+%", described.inner_text())


@in_both_looks
def test_axe_finds_nothing_to_mend(browser, address, width, scheme):
    for page in opened_at(browser, address, width, scheme):
        start_with(page, "There once was a brafe owl")
        assert axe_faults(page) == []
        start_with(page, "There once was a Lily")  # short: axe looks at every word and number
        page.get_by_text("All numbers").click()
        page.get_by_label("Temperature").fill("0.3")
        press(page, "Next word")
        assert axe_faults(page) == []
        assert overflow(page) == 0


@pytest.mark.parametrize(
    "attribute, light, dark",
    [("data-theme", "light", "dark"), ("data-jp-theme-light", "true", "false")],
)
def test_a_pages_own_theme_goes_before_the_systems(page, attribute, light, dark):
    def colour(value):
        page.evaluate(f"document.documentElement.setAttribute('{attribute}', '{value}')")
        return page.locator(".gx-action").first.evaluate(
            "(e) => getComputedStyle(e).backgroundColor"
        )

    page.emulate_media(color_scheme="dark")
    assert colour(light) != colour(dark)
    page.emulate_media(color_scheme="light")
    assert colour(light) != colour(dark)


# ---- where it works -----------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_it_works_from_a_server_and_from_disk_and_asks_nobody_else(browser, site, address, scheme):
    url = address if scheme == "http" else (site / "index.html").as_uri()
    asked = []
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url)
    page.locator(".explorable-mount[data-ready=yes]").wait_for(timeout=10_000)
    press(page, "Finish the story")
    assert len(story_of(page)) > len(to_words(PROMPT))
    home = url.removesuffix("index.html")
    assert [
        url for url in asked if not url.startswith((home, f"blob:{home[:-1]}", "blob:null"))
    ] == []
    context.close()


def test_without_scripts_there_is_a_still_picture_that_says_what_it_shows(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    picture = page.get_by_role("img", name="A still picture")
    assert picture.is_visible()
    assert picture.bounding_box()["height"] > 100
    assert page.get_by_text("What to notice.").is_visible()
    assert not page.get_by_role("button").count()
    context.close()


def test_the_still_picture_is_of_the_committed_weights(model, language):
    """Words and numbers must agree; coordinates may differ in what another machine rounds."""
    kept = (ROOT / "grooves/explorables/attention/attention.svg").read_text(encoding="utf-8")
    fresh = still.draw(model, language, PROMPT)
    number = r"-?\d+\.\d+"
    remedy = "run `python -m grooves.explorables.export`"
    assert re.sub(number, "", fresh) == re.sub(number, "", kept), remedy
    pairs = zip(re.findall(number, fresh), re.findall(number, kept), strict=True)
    assert max(abs(float(a) - float(b)) for a, b in pairs) < 1.5, remedy


def test_with_scripts_the_still_picture_is_not_shown(page):
    assert page.get_by_role("img").count() == 0
