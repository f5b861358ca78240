"""The explorable `feedback`: thumbs change what the model tells, and anyone can give them."""

import random

import pytest
from in_browser import (
    ROOT,
    axe_faults,
    cut_off,
    in_both_looks,
    in_notebook,
    opened_at,
    overflow,
    press,
)

from grooves.explorables.feedback import still as still_feedback
from grooves.explorables.feedback.widget import TASTES, FeedbackWidget, state
from grooves.training import lineage
from grooves.training.linear_probe import ending_alone

EXPLORABLE = "feedback"  # what the fixture `page` shows
SMALL = {"pool": 24, "told": 10}  # stories: fewer than on the page, to save time


@pytest.fixture(scope="module")
def widget():
    return FeedbackWidget(lineage.base().cpu(), **SMALL)


@pytest.fixture
def notebook(modules, widget):
    """The widget as JupyterLab would show it."""
    with in_notebook(modules, widget) as page:
        page.set_default_timeout(90_000)  # it learns in the page
        yield page


def learned(page, times):
    """Wait until it has learned so many times; its measurements."""
    page.wait_for_function(f"(window.kernel.results ?? []).length === {times}")
    return page.evaluate("window.kernel.results")


def stories(page):
    return page.locator(".gf-text").all_inner_texts()


def figures(page):
    """The table's cells by row: (published, now)."""
    rows = page.locator(".gf-figures tbody tr").all()
    return {
        row.locator("th").inner_text(): tuple(row.locator("td").all_inner_texts()) for row in rows
    }


def test_a_thumb_changes_the_model_and_reset_brings_it_back(notebook):
    first = stories(notebook)
    assert set(figures(notebook).values()) == {("–", "–")}
    press(notebook, "Thumb up for story B")
    bar = notebook.get_by_role("progressbar")
    other = notebook.get_by_role("button", name="Two other stories")
    assert other.get_attribute("aria-disabled") == "true", "while it learns"
    (found,) = learned(notebook, 1)
    (thumb,) = notebook.evaluate("window.kernel.thumbs")
    assert thumb == {"chosen": first[1], "rejected": first[0]}
    assert found["kl"] > 0.01 and found["thumbs"] == 1 and found["n"] == SMALL["told"]
    shown = figures(notebook)
    assert shown["Accepted by the grammar"][1] == f"{100 * found['accepted']:.0f}%"
    assert shown["Words per story"][1] == f"{found['words']:.1f}"
    kl, error = map(float, shown["Moved: KL, nats per story"][1].split(" ± "))
    assert kl == pytest.approx(found["kl"], rel=6e-3)
    assert error == pytest.approx(found["klError"], abs=0.0051)
    assert shown["Moved: KL, nats per story"][0] == "0"
    told = notebook.locator("[role=status].gx-news").inner_text()
    assert told.startswith("After 1 thumb: ") and "accepted" in told
    assert notebook.locator(".gf-point").count() == 1 and stories(notebook) != first
    assert float(bar.get_attribute("value")) == 0
    press(notebook, "Reset")
    assert stories(notebook) == first, "the published model again"
    assert notebook.evaluate("[kernel.thumbs, kernel.results]") == [[], []]
    assert notebook.evaluate("window.keys") == []


def test_a_simulated_reader_gives_ten_thumbs_and_beta_decides_how_far_it_moves(notebook):
    notebook.evaluate("widgetModel.receive('beta', 0.5)")
    press(notebook, "gives ten thumbs")
    (near,) = learned(notebook, 1)
    thumbs = notebook.evaluate("window.kernel.thumbs")
    happy = ending_alone("happy")
    assert [happy.parse(one["chosen"]).ok for one in thumbs] == [True] * 10
    assert [happy.parse(one["rejected"]).ok for one in thumbs] == [False] * 10
    said = notebook.locator(".gf-said").inner_text()
    assert said.startswith("Learned from 10 thumbs with β = 0.5. ") and "the 24 stories" in said
    slider = notebook.get_by_role("slider", name="β")
    slider.press("End")
    _, far = learned(notebook, 2)
    assert notebook.evaluate("window.kernel.beta") == 4 == far["beta"]
    assert far["kl"] < near["kl"] and notebook.locator(".gf-point").count() == 2
    label = notebook.locator(".gf-chart svg").get_attribute("aria-label")
    assert label.startswith("share of happy endings against KL") and label.count(" nats: ") == 3
    notebook.evaluate("window.stop()")
    assert notebook.evaluate("[...listeners.values()].flat().length") == 0


def test_thumbs_of_the_feedback_file_are_learned_from_at_once(modules, widget, language):
    rng = random.Random(0)
    told = [" ".join(language.tell(rng).words) for _ in range(4)]
    thumbs = [{"chosen": told[0], "rejected": told[1]}, {"chosen": told[2], "rejected": told[3]}]
    given = {name: getattr(widget, name) for name in FeedbackWidget.defaults()}
    with in_notebook(modules, widget, given | {"thumbs": thumbs}) as page:
        page.set_default_timeout(90_000)
        (found,) = learned(page, 1)
        assert found["thumbs"] == 2 and found["kl"] > 0


def test_everything_can_be_reached_with_the_keyboard(page):
    first = stories(page)
    assert all(len(text) > 300 for text in first) and first[0] != first[1]
    page.get_by_role("button", name="Two other stories").press("Enter")
    assert stories(page) != first
    page.get_by_role("region", name="Story A").focus()
    seen = []
    for _ in range(9):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                "(document.activeElement.textContent || document.activeElement.type).slice(0, 20)"
            )
        )
    assert seen[0] == "Thumb up for story A" and seen[2] == "Thumb up for story B"
    assert "range" in seen and "gives ten thumbs" in seen
    page.get_by_role("slider", name="β").press("ArrowRight")
    assert page.get_by_role("slider", name="β").get_attribute("aria-valuetext") == "2"
    page.get_by_role("combobox").select_option("long")
    assert page.get_by_text("Words per story, against KL").is_visible()
    said = page.locator(".gf .gx-note").last.inner_text()
    rank, channels, words = 4, 64, 470
    assert f"{rank * (channels + words):,} numbers" in said and "95,680 weights" in said


@in_both_looks
def test_axe_finds_nothing_to_mend_and_nothing_sticks_out(browser, address, width, scheme):
    for page in opened_at(browser, address, width, scheme):
        assert axe_faults(page) == [] and overflow(page) == 0
        assert cut_off(page, ".gf-chart svg") == []


def test_the_still_picture_is_of_the_exact_optimum():
    kept = (ROOT / "grooves/explorables/feedback/feedback.svg").read_text(encoding="utf-8")
    assert still_feedback.draw() == kept, "run `python -m grooves.explorables.export`"
    for beta in still_feedback.BETAS:
        share, kl = still_feedback.optimum(beta)
        assert f"β = {beta:g}: {share:.0%} at {kl:.2f} nats" in kept
    assert state(lineage.base().cpu())["taste"] in TASTES
