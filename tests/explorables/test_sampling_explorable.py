"""The explorable `sampling` in the hands of a reader: what it shows is what the course computes."""

import json
import math
import re

import pytest
import torch
from in_browser import (
    ROOT,
    axe_faults,
    choose,
    in_both_looks,
    in_notebook,
    opened,
    opened_at,
    overflow,
    press,
    random_model,
    slide,
    turn_to,
)
from scipy.spatial.distance import jensenshannon
from scipy.stats import binomtest, entropy
from story_draws import told_in_python

from grooves.explorables.export import sampling
from grooves.explorables.sampling import still
from grooves.explorables.sampling.widget import PLACES, Sampling
from grooves.explorables.shared.eight_bits import as_told
from grooves.inference.sampling import Sampler
from grooves.inference.search import beam_search
from grooves.language.stories import to_text, to_words
from grooves.training import lineage

EXPLORABLE = "sampling"  # what the fixture `page` shows


@pytest.fixture(scope="module")
def model():
    """The model that the page has: that of the course, with weights of 8 bits."""
    return as_told(lineage.base().cpu())


# ---- in the hands of a reader -------------------------------------------------------------------


def at(model, language, place, **settings):
    """Language's and sampler's probabilities, float64 (V,), of the next word at a place."""
    words = to_words(dict(PLACES)[place])
    ids = torch.tensor([[0, *(language.index[word] for word in words)]])
    with torch.inference_mode():
        logits = model(ids)[0, -1].double()
    return language.next_word(words), Sampler(**settings).probabilities(logits).numpy()


def numbers(text):
    """The bounds of a probability as it is shown, from 0 to 1."""
    if text in ("cut", "impossible"):
        return 0.0, 0.0
    bound, digits = re.fullmatch(r"([<>]?)\s?([\d.]+)%", text).groups()
    value = float(digits) / 100
    if bound:
        return (0.0, 0.001) if bound == "<" else (0.999, 1.0)
    half = 0.0005001 if "." in digits else 0.005001
    return value - half, value + half


def text(page, selector):
    return page.locator(selector).locator("visible=true").inner_text()


def shown_distances(page):
    return page.locator(".gs-nats").all_inner_texts(), page.locator(".gs-reason").all_inner_texts()


# The place of a slider, as the page numbers them, for each value.
STEPS = {("Top-k", 5): 4, ("Top-p", 0.9): 6, ("Epsilon", 0.01): 6, ("Temperature", 1.5): 15}


@pytest.mark.parametrize(
    ("place", "slider", "setting"),
    [
        ("First word", ("Top-p", 0.9), {"top_p": 0.9}),
        ("Name", ("Top-k", 5), {"top_k": 5}),
        ("Recall", ("Temperature", 1.5), {"temperature": 1.5}),
        ("Branch", ("Epsilon", 0.01), {"epsilon": 0.01}),
        ("Mistake", ("Top-p", 0.9), {"top_p": 0.9}),
    ],
)
def test_bars_and_distances_at_a_word_are_exact(page, model, language, place, slider, setting):
    choose(page, place)
    page.get_by_role("slider", name=slider[0]).locator("visible=true").fill(str(STEPS[slider]))
    p, q = at(model, language, place, **setting)
    rows = page.locator(".gs-next button").all()
    for row in rows:
        word = row.locator(".gs-word").inner_text()
        token = language.index["<end>" if word == "the end" else word]
        for value, shown in zip(
            (p[token], q[token]), row.locator(".gs-number").all_inner_texts(), strict=True
        ):
            low, high = numbers(shown)
            assert low <= value <= high, (word, shown, value)
            assert (shown in ("cut", "impossible")) == (value == 0)
    assert len(rows) == 7
    cut = page.locator(".gs-next .gs-cut").count()
    assert cut >= min(2, ((p > 0) & (q == 0)).sum())
    expected = [entropy(p, q), entropy(q, p), jensenshannon(p, q) ** 2]
    values, reasons = shown_distances(page)
    for value, nats in zip(values, expected, strict=True):
        if math.isinf(nats):
            assert value == "∞"
        else:
            assert float(re.search(r"[\d.]+", value)[0]) == pytest.approx(nats, abs=1e-4)
    assert [reason.split(",")[0] for reason in reasons[:2]] == [
        "Infinite" if math.isinf(nats) else "Finite" for nats in expected[:2]
    ]
    if place == "Name":
        assert "Infinite, because top-k cuts “" in reasons[0] and "75%" in reasons[0]
    if place == "Mistake":
        assert "“leaves” can be drawn and cannot follow here" in reasons[1]


def test_a_story_is_written_word_by_word_and_taken_back(page, language):
    press(page, "Once: language 50", "upon: language", "a: language")
    assert text(page, ".gs-prefix") == "Once upon a …"
    assert page.get_by_role("radio", checked=True).locator("visible=true").count() == 0
    press(page, "Back one word")
    assert text(page, ".gs-prefix") == "Once upon …"
    for _ in range(6):
        press(page, "Draw a word")
    drawn = to_words(text(page, ".gs-prefix").removesuffix(" …"))
    assert len(drawn) == 8 and drawn[:3] == ["Once", "upon", "a"]
    assert language.next_word(drawn).sum() == pytest.approx(1)
    page.get_by_role("slider", name="Temperature").locator("visible=true").fill("0")
    choose(page, "Branch")
    for _ in range(60):
        press(page, "Draw a word")
        if page.locator(".gs-ended").count():
            break
    story = to_words(text(page, ".gs-prefix").removesuffix(" …"))
    assert language.parse(story).ok, "the end mark ends a story"
    choose(page, "Name")
    assert page.locator(".gs-next .gs-number:last-child").all_inner_texts()[1:] == ["cut"] * 6
    press(page, "All off")
    assert "cut" not in page.locator(".gs-next .gs-number:last-child").all_inner_texts()


def test_outside_the_language_there_is_no_exact_distribution(page):
    page.get_by_role("slider", name="Temperature").locator("visible=true").fill("20")
    choose(page, "Mistake")
    press(page, "leaves: language impossible")
    values, reasons = shown_distances(page)
    assert values == ["–"] * 3 and reasons[0].startswith("The text has left the language")
    assert page.locator(".gs-next .gs-number").first.inner_text() == ""


def test_a_hundred_stories_are_counted_as_python_counts_them(page, model, language):
    turn_to(page, "2.")
    before = page.locator(".gs").bounding_box()
    slide(page.locator("[role=tabpanel]:not([hidden])"), "Temperature", 13)
    press(page, "Tell 100 stories")
    page.get_by_role("button", name="Tell 100 stories").wait_for(timeout=60_000)
    sampler = Sampler(temperature=1.3)
    words, ended, nats = told_in_python(model, language, sampler, range(100, 200))
    accepted = [row in ended and language.parse(words[row]).ok for row in range(100)]
    mean = sum(nats) / (sum(map(len, words)) + len(ended))
    low, high = binomtest(sum(accepted), 100).proportion_ci(method="wilson")
    cells = page.locator(".gs-latest").locator("th, td").all_inner_texts()
    interval = f"{round(100 * low)} to {round(100 * high)}%"
    expected = ["temperature 1.3", f"{sum(accepted)} of 100", interval, f"{mean:.3f}"]
    assert cells == expected and 20 < sum(accepted) < 80
    right, wrong = accepted.index(True), accepted.index(False)
    stories = page.locator(".gs-told > div")
    place = language.parse(words[wrong]).position
    texts = stories.locator("p").all_inner_texts()
    assert texts[0] == f"Story {right + 1}: accepted." and texts[1] == to_text(words[right])
    assert texts[2].startswith(f"Story {wrong + 1}: not accepted; word {place + 1}, “")
    assert texts[3] == to_text(words[wrong])
    assert page.locator(".gs-wrong").all_inner_texts() == [words[wrong][place]]
    assert page.locator(".gs").bounding_box() == before, "results moved something"


def test_telling_leaves_the_page_alive_and_can_be_stopped(page):
    turn_to(page, "2.")
    count = page.evaluate(
        """() => new Promise((resolve) => {
          const buttons = [...document.querySelectorAll(".gs button")];
          const press = (name) => buttons.find((one) => one.textContent === name).click();
          press("Tell 100 stories");
          let n = 0;
          const frame = () => {
            n += 1;
            if (n < 8) return requestAnimationFrame(frame);
            press("Stop");
            setTimeout(() => resolve(document.querySelector(".gs-count").textContent), 100);
          };
          requestAnimationFrame(frame);
        })"""
    )
    told = int(re.fullmatch(r"(\d+) of 100", count)[1])
    assert 0 < told < 100
    assert text(page, ".gs-latest td >> nth=0").endswith(f" of {told}")
    assert page.get_by_role("button", name="Tell 100 stories").is_visible()


def tree(page):
    return page.locator(".gs-tree .gs-node").all_text_contents()


def test_the_beam_grows_as_a_tree_and_a_wide_one_returns_the_empty_story(page, model, language):
    turn_to(page, "3.")
    assert tree(page) == ["•"]
    press(page, "One step", "One step")
    ids = torch.tensor([[0]])
    with torch.inference_mode():
        first = model(ids)[0, -1].double().log_softmax(-1).topk(4)
    names = [language.vocabulary[token] for token in first.indices.tolist()]
    assert [one.split("−")[0] for one in tree(page)][1:5] == names
    assert len(tree(page)) == 1 + 4 + 4
    press(page, "One step", "One step")
    assert len(tree(page)) == 1 + 4 * 4 and page.locator(".gs-node.gs-dropped").count() > 0
    press(page, "Run")
    page.get_by_text("Search over").locator("visible=true").first.wait_for(timeout=30_000)
    best = beam_search(model, 4).best
    said = page.locator(".gs-finished li").first.inner_text()
    story = to_text(best.words(language))
    ok = "✓ accepted" if language.parse(story).ok else "✗ not accepted"
    assert said.startswith(ok) and said.endswith(f"{len(best.tokens)} words: {story}")
    before = page.locator(".gs").bounding_box()["height"]
    choose(page, "32")
    assert tree(page) == ["•"] and page.locator(".gs-finished li").count() == 0
    press(page, "Run")
    page.get_by_text("The empty story wins").locator("visible=true").first.wait_for(timeout=60_000)
    assert beam_search(model, 32).best.tokens == ()
    assert page.locator(".gs-finished li").first.inner_text().endswith("0 words: the empty story")
    assert page.locator(".gs").bounding_box()["height"] == before
    assert page.locator(".gs .gx-news").last.inner_text().startswith("Step 102: 32 live")


def test_the_beam_is_seen_growing_unless_less_motion_is_wanted(browser, address):
    for page in opened(browser, address, alone=True, reduced_motion="no-preference"):
        turn_to(page, "3.")
        press(page, "Run")
        page.wait_for_function("document.querySelectorAll('.gs-node').length > 9")
        press(page, "Pause")
        stopped = tree(page)
        page.wait_for_timeout(300)
        assert tree(page) == stopped and not page.get_by_text("Search over").is_visible()


def test_everything_can_be_done_with_the_keyboard(page):
    page.get_by_role("tab", name="1. One word").focus()
    for _ in range(2):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "range"
    page.keyboard.press("ArrowLeft")  # top-k, from off to 50
    assert page.evaluate("document.activeElement.getAttribute('aria-valuetext')") == "50"
    page.get_by_role("button", name="Once").focus()
    page.keyboard.press("Enter")
    assert text(page, ".gs-prefix") == "Once …"
    said = page.locator(".gs .gx-news").first.inner_text()
    assert said.startswith("Added “Once”. Likeliest next: upon: language")
    page.get_by_role("tab", name="1. One word").focus()
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.textContent") == "3. Beam search"
    page.get_by_role("button", name="One step").focus()
    page.keyboard.press("Enter")
    news = page.locator(".gs .gx-news").last.inner_text()
    assert news.startswith("Step 1: 4 live, 0 finished") and "Best live hypothesis: Once" in news


@in_both_looks
def test_axe_finds_nothing_to_mend_and_nothing_sticks_out(browser, address, width, scheme):
    for page in opened_at(browser, address, width, scheme):
        choose(page, "Mistake")
        press(page, "leaves")
        choose(page, "Name")
        slide(page.locator("[role=tabpanel]:not([hidden])"), "Top-k", 2)
        assert overflow(page) == 0 and axe_faults(page) == []
        turn_to(page, "2.")
        slide(page.locator("[role=tabpanel]:not([hidden])"), "Temperature", 20)
        press(page, "Tell 100 stories")
        page.locator(".gs-count").get_by_text(re.compile(r"^[1-9]\d? of")).wait_for()
        press(page, "Stop")
        assert overflow(page) == 0 and axe_faults(page) == []
        turn_to(page, "3.")
        for _ in range(5):
            press(page, "One step")
        assert overflow(page) == 0 and axe_faults(page) == []


# ---- in a notebook, and without scripts ---------------------------------------------------------


def test_choices_and_results_reach_the_kernel_and_its_changes_the_page(modules, language):
    base = lineage.base().cpu()
    with in_notebook(modules, Sampling(base, prefix=dict(PLACES)["Name"])) as page:
        page.get_by_role("slider", name="Top-k").locator("visible=true").fill("4")
        kernel = page.evaluate("window.kernel")
        p, q = at(as_told(base), language, "Name", top_k=5)
        assert kernel["top_k"] == 5 and kernel["distances"]["forward"] is None
        backward = kernel["distances"]["backward"]
        assert backward == pytest.approx(entropy(q, p), abs=1e-5)
        page.evaluate("window.widgetModel.receive('top_k', null)")
        page.evaluate("window.widgetModel.receive('source', 'language')")
        assert page.locator(".gs-nats").all_inner_texts() == ["0 nats"] * 3
        turn_to(page, "3.")
        page.evaluate("window.widgetModel.receive('width', 2)")
        press(page, "Run")
        page.wait_for_function("window.kernel.found?.length === 2", timeout=30_000)
        found = page.evaluate("window.kernel.found")
        expected = beam_search(language, 2).found
        assert [one["log_p"] for one in found] == pytest.approx([one.log_p for one in expected])
        assert page.evaluate("window.keys") == []
        listening = "[...listeners.values()].flat().length"
        assert page.evaluate(listening) > 0
        page.evaluate("window.stop()")
        assert page.evaluate(listening) == 0


def test_the_page_starts_from_all_that_a_widget_knows_and_shares_its_weights(site_of):
    start = sampling()
    names = {name for name in Sampling.class_own_traits(sync=True) if name[0] != "_"}
    assert set(start) == names and start["places"] == [list(place) for place in PLACES]
    json.dumps({name: value for name, value in start.items() if name != "weights"})
    files = [
        {path.name for path in (site_of(name) / "_static" / "explorables").glob("weights.*")}
        for name in ("sampling", "teller")
    ]
    assert len(files[0]) == 1 and files[0] == files[1]
    with pytest.raises(ValueError, match="vocabulary of 50 words"):
        Sampling(random_model())


def test_the_still_picture_shows_two_places_with_one_sampler(language):
    base = lineage.base().cpu()
    kept = (ROOT / "grooves/explorables/sampling/sampling.svg").read_text("utf-8")
    assert kept == still.draw(base, language), "run `python -m grooves.explorables.export`"
    said = re.findall(r"= ([∞\d.]+)", kept)
    expected = []
    for place in ("First word", "Mistake"):
        p, q = at(as_told(base), language, place, top_p=0.9)
        expected += [entropy(p, q), entropy(q, p)]
    assert said == ["∞" if math.isinf(nats) else f"{nats:.3f}" for nats in expected]
    assert kept.count(">cut<") >= 2 and "leaves" in kept
