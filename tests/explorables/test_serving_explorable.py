"""The explorable `serving`: what it shows is what was simulated, and anyone can use it."""

import re
from dataclasses import asdict

import pytest
import traitlets
from in_browser import (
    ROOT,
    axe_faults,
    choose,
    cut_off,
    in_notebook,
    opened_at,
    overflow,
    press,
    slide,
    turn_to,
)

from grooves.explorables.serving import still as still_serving
from grooves.explorables.serving.widget import COST, EXPERIMENTS, Serving, state
from grooves.inference.serving_simulation import StepCost

EXPLORABLE = "serving"  # what the fixture `page` shows
SUMMARIES = """async ([settings, seed, cost]) => {
  const { simulate } = await import("/serving/batching.mjs");
  const { arriving, capacity, drawn } = await import("/serving/requests.mjs");
  const { summary } = await import("/serving/latency.mjs");
  const requests = drawn(seed, settings.prompts);
  const rate = settings.load * capacity(requests, settings.batch, cost);
  return ["continuous", "static"].map((policy) => {
    const trace = simulate(arriving(requests, rate), { ...settings, policy }, cost);
    return { ...summary(trace, settings.batch), rate };
  });
}"""
START = {"load": 0.8, "batch": 16, "blocks": 320, "budget": None}
START |= {"drafts": 0, "acceptance": 0.6, "prompts": "short"}
# The rows of the table, and by how much rounding may change each: absolutely, and relatively.
ROUNDING = {
    "firstMedian": (0, 6e-3),
    "first99": (0, 6e-3),
    "gap99": (0, 6e-3),
    "gapLongest": (0, 6e-3),
    "totalMedian": (0, 6e-3),
    "words": (0.51, 0),
    "slots": (0.0051, 0),
    "padding": (0.0051, 0),
    "preemptions": (0, 0),
}


@pytest.fixture
def notebook(modules):
    """The widget with the costs of another machine, as JupyterLab would show it."""
    with in_notebook(modules, Serving(StepCost(4e-3, 30e-6), seed=7)) as page:
        yield page


def figures(page):
    """The table's cells, row by row: [continuous, static]."""
    rows = page.locator(".gv-figures tbody tr").all()
    return [row.locator("td").all_inner_texts() for row in rows]


def number(text):
    """What "12.3 ms", "1,200" or "46%" says, in seconds or as it is."""
    digits, unit = re.fullmatch(r"([\d.,]+)\s?([mµ]?s|%)?", text).groups()
    factor = {"s": 1, "ms": 1e-3, "µs": 1e-6, "%": 0.01, None: 1}[unit]
    return float(digits.replace(",", "")) * factor


def assert_shown(page, both):
    """The table says what both summaries say, of continuous and of static batching."""
    for (key, (least, share)), shown in zip(ROUNDING.items(), figures(page), strict=True):
        expected = [one[key] for one in both]
        assert list(map(number, shown)) == pytest.approx(expected, abs=least, rel=share), key


def test_the_table_shows_both_policies_for_every_setting(page, modules):
    page.get_by_label("Ask me first").uncheck()
    turn_to(page, "2.")
    settings, seed = dict(START), 1
    moves = [
        ("Load", 17, {"load": 0.95}, "95%"),
        ("Batch size", 3, {"batch": 8}, "8 slots"),
        ("KV cache", 1, {"blocks": 64}, "1,024 tokens"),
        ("Budget", 1, {"budget": 64}, "64 per step"),
        ("Drafts", 2, {"drafts": 2}, "2 per step"),
        ("Accepted", 14, {"acceptance": 0.8}, "80%"),
    ]
    for name, place, change, said in moves:
        slide(page, name, place)
        settings |= change
        slider = page.get_by_role("slider", name=name)
        assert slider.get_attribute("aria-valuetext").startswith(said)
    for change, act in (
        ({}, None),
        (
            {"prompts": "tenth"},
            lambda: page.get_by_role("combobox", name="Prompts").select_option("tenth"),
        ),
        ({"seed": 2}, lambda: press(page, "Other requests")),
    ):
        if act:
            act()
        seed = change.pop("seed", seed)
        settings |= change
        both = modules.evaluate(SUMMARIES, [settings, seed, asdict(COST)])
        assert_shown(page, both)
    assert f"{both[0]['rate']:.3g} per s" in page.locator(".gv-sliders output").first.inner_text()


def test_a_change_is_predicted_before_it_is_made(page):
    verdict = page.locator(".gc-verdict")
    assert [row[1] for row in figures(page)] == ["?"] * 9, "the answer is not given away"
    assert not verdict.is_visible()
    press(page, "Over 20 times")
    assert verdict.inner_text().startswith("Static batching: time to first token, median, is ")
    assert page.locator(".gc-said").inner_text() == "Right. 1 of 1 guess right."
    before, after = map(number, page.locator(".gc-number").all_inner_texts())
    assert [before, after] == list(map(number, figures(page)[0])) and after > 20 * before
    assert page.locator(".gv-chosen").first.inner_text() == "Static"
    assert page.locator(".gv-held").count() > 3, "slots that idle are drawn"
    page.get_by_role("combobox", name="Change").select_option("load")
    assert not verdict.is_visible()
    assert page.locator(".gv-chosen").first.inner_text() == "Continuous"
    first99 = number(figures(page)[1][0])
    press(page, "Rises up to 30%")
    assert page.locator(".gc-said").inner_text() == "Not this time. 1 of 2 guesses right."
    assert number(figures(page)[1][0]) > 1.6 * first99
    page.get_by_label("Ask me first").uncheck()
    for key in EXPERIMENTS:
        page.get_by_role("combobox", name="Change").select_option(key)
        assert verdict.is_visible() and page.locator(".gc-help").inner_text()


def test_the_timetable_shows_when_each_request_waits_reads_and_writes(page):
    press(page, "Show me")
    page.locator("summary").click()
    rows = page.locator(".gx-table tbody tr")
    picture = page.locator(".gv-timetable svg")
    for first in (0, 100, 284):
        slide(page, "First request shown", first)
        names = rows.locator("th").all_inner_texts()
        assert names == [str(first + i) for i in range(1, 17)]
        label = picture.get_attribute("aria-label")
        assert label.startswith(f"Timetable of requests {first + 1} to {first + 16} with static")
        cells = [row.locator("td").all_inner_texts() for row in rows.all()]
        waits = sorted(number(cell[2]) for cell in cells)
        least, most = re.search(r"come (\S+ \S+) to (\S+ \S+) after", label).groups()
        assert [number(least), number(most)] == [waits[0], waits[-1]]
        marks = picture.locator("path.gv-token").all()
        drawn = [mark.get_attribute("d").count("M") for mark in marks]
        assert drawn == [int(cell[4]) for cell in cells], "a mark for every token"
    page.get_by_role("combobox", name="Change").select_option("memory")
    press(page, "Show me")
    cells = [row.locator("td").all_inner_texts() for row in rows.all()]
    assert picture.locator(".gv-preempted").count() == sum(int(cell[5]) for cell in cells) > 0
    assert "preempted" in picture.get_attribute("aria-label")


def test_everything_can_be_done_with_the_keyboard(lone_page):
    page = lone_page
    page.clock.install(time=0)
    page.get_by_role("tab", name="1. Predict").press("ArrowRight")
    load = page.get_by_role("slider", name="Load")
    load.press("ArrowRight")
    assert load.get_attribute("aria-valuetext").startswith("85%")
    told = page.locator("[role=status].gx-news")
    assert told.inner_text() == ""
    page.clock.run_for(1000)
    assert told.inner_text().startswith("continuous batching: time to first token, median ")
    assert "static" in told.inner_text(), "a screen reader hears both policies"
    page.get_by_role("radio", name="Continuous").press("ArrowRight")
    page.clock.run_for(1000)
    assert told.inner_text().startswith("static batching")
    page.get_by_role("slider", name="First request shown").press("ArrowRight")
    page.clock.run_for(1000)
    assert told.inner_text().startswith("Timetable of requests 2 to 17")
    page.get_by_role("tab", name="2. Settings").press("ArrowLeft")
    page.get_by_role("button", name="Over 20 times").press("Enter")
    assert told.inner_text().startswith("Static batching: time to first token")
    assert page.evaluate("document.activeElement.closest('.gc-check') !== null")


def test_axe_finds_nothing_to_mend_and_nothing_sticks_out(browser, address):
    for scheme, width in (("light", 390), ("dark", 1280)):
        for page in opened_at(browser, address, width, scheme):
            assert overflow(page) == 0 and axe_faults(page) == []
            page.locator("summary").click()
            page.get_by_role("combobox", name="Change").select_option("memory")
            press(page, "Show me")
            assert axe_faults(page) == []
            turn_to(page, "2.")
            slide(page, "Drafts", 5)
            choose(page, "Static")
            assert axe_faults(page) == []
            assert overflow(page) == 0
            assert cut_off(page, ".gv-timetable svg") == []


# ---- in a notebook -------------------------------------------------------------------------------


def test_another_machines_costs_are_used_and_what_is_chosen_reaches_the_kernel(notebook, modules):
    press(notebook, "2 to 20 times")
    (guess,) = notebook.evaluate("window.kernel.guesses")
    assert guess == {"experiment": "static", "seed": 7, "guess": 1, "right": 2}
    assert notebook.evaluate("window.kernel.policy") == "static"
    assert_shown(notebook, modules.evaluate(SUMMARIES, [START, 7, asdict(StepCost(4e-3, 30e-6))]))
    turn_to(notebook, "2.")
    slide(notebook, "Budget", 0)
    slide(notebook, "Batch size", 1)
    kernel = notebook.evaluate("window.kernel")
    assert (kernel["budget"], kernel["batch"]) == (32, 2)
    assert notebook.evaluate("window.keys") == []
    notebook.evaluate("widgetModel.receive('load', 0.5)")
    assert "50%" in notebook.locator(".gv-sliders output").first.inner_text()
    assert "4 ms" in notebook.locator(".gx-numbers .gx-note").text_content()
    notebook.evaluate("window.stop()")
    assert notebook.evaluate("[...listeners.values()].flat().length") == 0


def test_settings_that_no_server_could_have_are_refused():
    for wrong in ({"blocks": 47}, {"budget": 31}, {"batch": 33}, {"load": 0.0}, {"policy": "x"}):
        with pytest.raises(traitlets.TraitError):
            Serving(**wrong)
    assert state()["cost"] == asdict(COST) and Serving().cost == asdict(COST)


def test_the_still_picture_is_of_what_the_scheduler_does():
    kept = (ROOT / "grooves/explorables/serving/serving.svg").read_text(encoding="utf-8")
    found = still_serving.traces()
    assert still_serving.draw(found) == kept, "run `python -m grooves.explorables.export`"
    ends = still_serving.idle_until(found["static"])
    assert len(ends) == 10 and len(set(ends.values())) == 4, "each batch ends as a whole"
