"""The explorable `dataflow`: it shows the schedule that Python makes, and anyone can use it."""

import re
from dataclasses import replace
from types import SimpleNamespace

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

from grooves.explorables.dataflow import still as still_dataflow
from grooves.explorables.dataflow.programs import encoded, operations_of, recorded, shortest
from grooves.explorables.dataflow.widget import CHIP, EXPERIMENTS, Dataflow, state
from grooves.hardware.dataflow import Chip, critical_path, schedule

EXPLORABLE = "dataflow"  # what the fixture `page` shows
PROGRAMS = recorded()
FIRST = next(iter(PROGRAMS))


def planned(name=FIRST, **latencies):
    """Python's schedule of a recorded program on a chip with other latencies."""
    chip = Chip().with_planes("fp16")
    chip = replace(chip, latency_cycles=chip.latency_cycles | latencies)
    return schedule(operations_of(PROGRAMS[name], chip), chip)


SHORTEST = shortest(PROGRAMS, Chip().with_planes("fp16"))


@pytest.fixture(scope="module")
def plan():
    return planned()


def said(page):
    """The numbers and the name in the heading of what is described: start, end, unit, name."""
    text = page.locator(".gd-head").inner_text()
    start, end, unit, name = re.fullmatch(r"Cycles (\S+) to (\S+), (\w+ \d+): (.+)", text).groups()
    return int(start.replace(",", "")), int(end.replace(",", "")), unit, name


def cycles(page):
    """The cycles of a token, as they stand above the steps."""
    return int(page.locator(".gd-top p").inner_text().split()[0].replace(",", ""))


def test_a_change_is_predicted_before_its_schedule_is_shown(page, plan):
    verdict = page.locator(".gc-verdict")
    picture = page.locator(".gx-panel:visible .gd-pair svg")
    assert not verdict.is_visible() and "After: not shown yet" in picture.get_attribute(
        "aria-label"
    )
    press(page, "None")
    assert page.locator(".gc-said").inner_text() == "Right. 1 of 1 guess right."
    assert verdict.inner_text().endswith(
        f"{plan.cycles:,} cycles become {plan.cycles:,}, no difference."
    )
    assert f"After: {len(PROGRAMS[FIRST])} operations in {plan.cycles:,} cycles" in (
        picture.get_attribute("aria-label")
    )
    page.get_by_role("combobox", name="Change").select_option("short")
    assert not verdict.is_visible() and picture.locator(".gd-end").count() == 1
    press(page, "Less than 10% fewer")
    assert page.locator(".gc-said").inner_text() == "Not this time. 1 of 2 guesses right."
    shorter = planned(SHORTEST).cycles
    assert f"become {shorter:,}, " in verdict.inner_text()
    assert picture.locator(".gd-end").count() == 2
    numbers = [int(text.replace(",", "")) for text in page.locator(".gc-number").all_inner_texts()]
    assert numbers == [plan.cycles, shorter]
    page.get_by_label("Ask me first").uncheck()
    for key in EXPERIMENTS:
        page.get_by_role("combobox", name="Change").select_option(key)
        assert verdict.is_visible() and page.locator(".gc-help").inner_text()


def test_stepping_follows_the_schedule_by_operation_cycle_and_critical_path(page, plan):
    turn_to(page, "2.")
    rows = {row["name"]: row for row in plan.as_rows()}
    starts = []
    for _ in range(12):
        start, end, unit, name = said(page)
        row = rows[name]
        assert (start, end, unit) == (row["start"], row["end"], row["unit"])
        starts.append(start)
        press(page, "Next ›")
    assert starts == sorted(plan.start.values())[:12]
    choose(page, "Critical path")
    slide(page, "Cycle", 400)
    press(page, "Next ›")
    path = [one["name"] for one in critical_path(plan)]
    at = path.index(said(page)[3])
    assert "It lies on the critical path" in page.locator(".gd-says").inner_text()
    press(page, "Next ›", "Next ›", "‹ Back", "Next ›")
    name = said(page)[3]
    assert name == path[at + 2]
    reads = page.get_by_role("group", name="Reads").locator("button:enabled")
    shown = [text for text in reads.all_inner_texts() if not text.startswith("and ")]
    assert shown and shown == rows[name]["inputs"][: len(shown)]
    timetable = page.locator(".gd-timetable svg")
    assert timetable.locator(".gd-chosen").count() == 1
    assert timetable.locator(".gd-reads").count() == len(rows[name]["inputs"])
    reads.first.click()
    assert said(page)[3] == shown[0]
    assert name in page.get_by_role("group", name="Read by").inner_text()
    choose(page, "Cycle")
    before = page.get_by_role("slider", name="Cycle").input_value()
    press(page, "Next ›")
    assert int(page.get_by_role("slider", name="Cycle").input_value()) == int(before) + 1
    other = timetable.locator("[data-bar]:not(.gd-chosen)").last
    number = int(other.get_attribute("data-bar"))
    other.click()
    assert said(page)[3] == PROGRAMS[FIRST][number]["name"]


def test_the_values_that_an_operation_makes_are_shown_with_their_lanes(page, plan):
    turn_to(page, "2.")
    rows = {row["name"]: row for row in PROGRAMS[FIRST]}
    choose(page, "Critical path")
    numbers = re.compile(r"−?[\d.]+(?: × 10⁻[⁰¹²³⁴⁵⁶⁷⁸⁹]+)?")
    for _ in range(12):
        press(page, "Next ›")
        row, text = rows[said(page)[3]], page.locator(".gd-result").inner_text()
        first, n, *values = row["values"]
        assert text.startswith(f"It makes {n} values, from lane {first} on: ")
        shown = [one.replace("−", "-") for one in numbers.findall(text.split(": ")[1])]
        powers = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
        shown = [float(one.translate(powers).replace(" × 10", "e")) for one in shown]
        assert shown == values, text


def test_other_latencies_are_scheduled_at_once(page, plan):
    turn_to(page, "3.")
    slide(page, "Matrix: product", 16)
    slide(page, "Travel between units", 7)
    expected = planned(matrix=16, far=7).cycles
    assert cycles(page) == expected < plan.cycles
    label = page.locator(".gx-panel:visible .gd-pair svg").get_attribute("aria-label")
    assert f"in {plan.cycles:,} cycles" in label and f"in {expected:,} cycles" in label
    slide(page, "Vector units", 0)
    assert cycles(page) >= expected
    assert f"the longest path takes {expected:,} " in page.locator(".gx-panel:visible").inner_text()
    page.get_by_role("combobox", name="Program").select_option(SHORTEST)
    press(page, "As assumed")
    assert cycles(page) == planned(SHORTEST).cycles


def test_the_machine_with_a_cache_takes_another_time_at_every_press(page, plan):
    turn_to(page, "4.")
    tail, label = page.locator(".gd-tail"), page.locator(".gx-panel:visible .gd-pair svg")
    assert tail.inner_text().startswith("1 token: ")
    seen = set()
    for _ in range(6):
        press(page, "Next token")
        seen.add(label.get_attribute("aria-label"))
        assert f"The chip takes {plan.cycles:,} cycles" in label.get_attribute("aria-label")
    assert len(seen) > 2
    press(page, "100 more")
    text = tail.inner_text()
    n, median, p99, worst = (
        float(one.replace(",", ""))
        for one in re.match(r"(\S+) tokens: median (\S+), p99 (\S+), longest (\S+) ", text).groups()
    )
    assert n == 107 and median < p99 < worst
    assert text.endswith(f"The chip: {plan.cycles:,} every time.")
    histogram = page.locator(".gd-histogram svg")
    assert "Latencies of 107 tokens" in histogram.get_attribute("aria-label")
    assert histogram.locator(".gd-chip").count() == 1
    assert histogram.locator(".gd-cached").count() > 5
    slide(page, "Other programs", 0)
    press(page, "100 more")
    assert histogram.locator(".gd-cached").count() == 1, "alone, it takes the same time, too"
    assert "0 cache lines were missing" in page.locator(".gx-panel:visible").inner_text()


def test_everything_can_be_done_with_the_keyboard(lone_page, plan):
    page = lone_page
    page.clock.install(time=0)
    told = page.locator("[role=status].gx-news")
    page.get_by_role("button", name="About half").press("Enter")
    assert told.inner_text().startswith("Twice the vector units: ")
    assert page.evaluate("document.activeElement.closest('.gc-check') !== null")
    page.get_by_role("tab", name="1. Predict").press("ArrowRight")
    page.get_by_role("button", name="Next ›").press("Enter")
    assert told.inner_text().startswith("Cycles 0 to ")
    slider = page.get_by_role("slider", name="Cycle")
    slider.press("End")
    assert slider.get_attribute("aria-valuetext") == f"{plan.cycles:,} of {plan.cycles:,}"
    page.clock.run_for(1000)
    assert f" to {plan.cycles:,}, memory" in told.inner_text()
    page.get_by_role("radio", name="Operation").press("ArrowRight")
    page.get_by_role("tab", name="2. Step").press("ArrowRight")
    page.get_by_role("slider", name="Matrix: product").press("ArrowLeft")
    page.clock.run_for(1000)
    assert told.inner_text().startswith(f"{planned(matrix=31).cycles:,} cycles")
    page.get_by_role("tab", name="3. Latencies").press("ArrowRight")
    page.get_by_role("button", name="Next token").press("Enter")
    assert "2 tokens: median" in told.inner_text()


def test_axe_finds_nothing_to_mend_and_nothing_sticks_out(browser, address):
    for scheme, width, steps in (("light", 390, "1234"), ("dark", 1280, "24")):
        for page in opened_at(browser, address, width, scheme):
            for step in steps:
                turn_to(page, f"{step}.")
                if step == "1":
                    press(page, "Show me")
                if step == "2":
                    press(page, "Next ›")
                assert axe_faults(page) == [], (scheme, step)
                assert overflow(page) == 0
                assert cut_off(page, ".gx-panel:not([hidden]) svg") == []


# ---- in a notebook -------------------------------------------------------------------------------


def test_another_program_is_shown_and_what_is_chosen_reaches_the_kernel(modules):
    widget = Dataflow(vector_units=1)
    widget.programs, widget.program, widget.story = {"mine": PROGRAMS[SHORTEST]}, "mine", ""
    with in_notebook(modules, widget) as page:
        turn_to(page, "2.")
        assert cycles(page) >= planned(SHORTEST).cycles
        first = said(page)
        press(page, "Next ›")
        assert said(page) != first
        assert page.evaluate("window.kernel.cycle") == said(page)[0]
        assert page.evaluate("window.keys") == []
        page.evaluate("widgetModel.receive('stepping', 'path')")
        assert page.get_by_role("radio", name="Critical path").is_checked()
        turn_to(page, "1.")
        names = page.get_by_role("combobox", name="Change").inner_text()
        assert "A shorter critical path" not in names, "there is no shorter program"
        page.evaluate("window.stop()")
        assert page.evaluate("[...listeners.values()].flat().length") == 0


def test_settings_that_no_chip_could_have_are_refused():
    latencies = CHIP["latencies"]
    for wrong in (
        {"latencies": latencies | {"matrix": 0}},
        {"latencies": {"matrix": 32}},
        {"vector_units": 0},
        {"position": 512},
        {"stepping": "x"},
    ):
        with pytest.raises(traitlets.TraitError):
            Dataflow(**wrong)
    with pytest.raises(ValueError, match="a program for 2 chips"):
        encoded(SimpleNamespace(n_chips=2))
    assert state()["latencies"] == latencies and set(state()["programs"]) == set(PROGRAMS)


def test_the_still_picture_is_of_the_recorded_schedules():
    kept = (ROOT / "grooves/explorables/dataflow/dataflow.svg").read_text(encoding="utf-8")
    assert still_dataflow.draw(PROGRAMS) == kept, "run `python -m grooves.explorables.export`"
    assert f"{planned(SHORTEST).cycles:,} cycles" in kept
