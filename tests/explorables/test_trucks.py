"""The explorable `trucks`: what arrives follows Little's law, and anyone can use it."""

import heapq
import re
from dataclasses import asdict, replace

import pytest
from in_browser import (
    ROOT,
    axe_faults,
    cut_off,
    in_notebook,
    opened_at,
    overflow,
    press,
    slide,
    turn_to,
)

from grooves.explorables.trucks import still as still_trucks
from grooves.explorables.trucks.widget import CAR, TRUCKS, Fleet, Trucks, state

EXPLORABLE = "trucks"  # what the fixture `page` shows
FLEETS = [
    CAR,
    TRUCKS,
    replace(TRUCKS, road_gb_per_s=40),  # the road is full
    Fleet(latency_ns=100, trip_bytes=64, in_flight=1, road_gb_per_s=1000),
    Fleet(latency_ns=10, trip_bytes=4096, in_flight=7, road_gb_per_s=3),  # a trip as long as a gate
    Fleet(latency_ns=96, trip_bytes=32, in_flight=12, road_gb_per_s=4),  # just full
]


@pytest.fixture
def notebook(modules):
    """The widget on a bare page, as JupyterLab would show it."""
    with in_notebook(modules, Trucks(), state()) as page:
        yield page


def simulated(fleet, n_trips):
    """When each trip is there: vehicles leave one after the other, as soon as they are back."""
    gate_free, there = 0.0, []
    back = [0.0] * fleet.in_flight
    for _ in range(n_trips):
        leaves = max(gate_free, heapq.heappop(back))
        gate_free = leaves + fleet.trip_bytes / fleet.road_gb_per_s
        there.append(max(gate_free, leaves + fleet.latency_ns))
        heapq.heappush(back, there[-1])
    return there


# ---- the law -------------------------------------------------------------------------------------


@pytest.mark.parametrize("fleet", FLEETS, ids=str)
def test_simulated_trips_arrive_when_computed_and_in_the_end_follow_littles_law(fleet):
    laps = 60
    there = simulated(fleet, laps * fleet.in_flight)
    some = range(0, len(there), max(1, len(there) // 500))
    assert [fleet.arrival_ns(trip) for trip in some] == pytest.approx([there[i] for i in some])
    half = len(there) // 2
    rate = (len(there) - half) * fleet.trip_bytes / (there[-1] - there[half - 1])
    assert rate == pytest.approx(fleet.throughput_gb_per_s(), rel=0.06)
    load = 5 * fleet.trip_bytes - 1
    assert fleet.load_ns(load) == pytest.approx(there[4])


def test_the_page_delivers_as_python_does(modules):
    trips = [0, 1, 6, 7, 41, 5000]
    found = modules.evaluate(
        """async ([fleets, trips]) => {
          const { arrived, departure, filling, left, loadTime, tripTime, throughput } =
            await import("/trucks/delivery.mjs");
          return fleets.map((fleet) => [
            throughput(fleet),
            trips.map((trip) => departure(fleet, trip) + tripTime(fleet)),
            trips.map((trip) => loadTime(fleet, trip * fleet.trip_bytes + 1)),
            trips.map((trip) => arrived(fleet, departure(fleet, trip) + tripTime(fleet) - 1e-3)),
            trips.map((trip) => arrived(fleet, departure(fleet, trip) + tripTime(fleet) + 1e-3)),
            Math.max(...trips.map((trip) => departure(fleet, trip) + 1e-3)
              .map((time) => left(fleet, time) - arrived(fleet, time))),
            [0, 1].map((less) => throughput({ ...fleet, in_flight: filling(fleet) - less })),
          ]);
        }""",
        [[asdict(fleet) for fleet in FLEETS], trips],
    )
    for fleet, (rate, arrivals, loads, before, after, most, filled) in zip(
        FLEETS, found, strict=True
    ):
        assert rate == pytest.approx(fleet.throughput_gb_per_s())
        assert arrivals == pytest.approx([fleet.arrival_ns(trip) for trip in trips])
        assert loads == pytest.approx(
            [fleet.load_ns(trip * fleet.trip_bytes + 1) for trip in trips]
        )
        assert before == trips and after == [trip + 1 for trip in trips]
        assert 1 <= most <= fleet.in_flight
        assert filled[0] == fleet.road_gb_per_s > filled[1]


# ---- on a page -----------------------------------------------------------------------------------


def test_which_fleet_is_first_depends_on_the_load_and_is_predicted_before_it_is_shown(page):
    verdict, numbers = page.locator(".gc-verdict"), page.locator(".gc-number")
    winners = []
    for name, load in (("8 B: a number", 8), ("33.6 MB: a layer", 2**25), ("4.1 kB: a page", 4096)):
        press(page, name)
        assert not verdict.is_visible()
        assert page.locator(".gt-line").count() == 2, "only the law's: nothing is given away"
        press(page, "The Ferrari")
        times = [fleet.load_ns(load) for fleet in (CAR, TRUCKS)]
        winners.append("The Ferrari" if times[0] < times[1] else "The trucks")
        assert verdict.inner_text().startswith(winners[-1])
        ratio = float(re.search(r", ([\d,.]+) times", verdict.inner_text())[1].replace(",", ""))
        assert ratio == pytest.approx(max(times) / min(times), rel=0.06)
        number = float(re.match(r"[\d.]+", numbers.first.inner_text())[0])
        assert f"{times[0]:.3g}"[:3] in f"{number:g}" or number == pytest.approx(times[0], rel=6e-3)
    assert set(winners) == {"The Ferrari", "The trucks"}
    right = winners.count("The Ferrari")
    assert f"{right} of 3 guesses right." in page.locator(".gc-said").inner_text()


def test_time_passes_step_by_step_and_the_numbers_are_told(page):
    assert page.get_by_role("button", name="Play").get_attribute("aria-disabled") == "true"
    assert "set to reduce motion" in page.locator(".gt .gx-note").first.inner_text()
    step = page.get_by_role("button", name="Step")
    for _ in range(12):
        step.press("Enter")
    now = 12 * 4 * TRUCKS.latency_ns / 40
    there = [sum(fleet.arrival_ns(k) <= now for k in range(5000)) for fleet in (CAR, TRUCKS)]
    shown = page.locator(".gt-progress").all_inner_texts()
    for fleet, n, text in zip((CAR, TRUCKS), there, shown, strict=True):
        trips, in_flight = re.match(
            r"([\d,]+) trips? delivered.* ([\d,]+) in flight", text
        ).groups()
        assert int(trips.replace(",", "")) == n > 0
        assert 1 <= int(in_flight.replace(",", "")) <= fleet.in_flight
    told = page.locator("[role=status].gx-news").inner_text()
    assert told.startswith("After 600 ns.") and all(text in told for text in shown)
    drawn = [page.locator(f"g.gt-{kind} path").count() for kind in ("car", "trucks")]
    assert drawn[0] == 10 and 4 <= drawn[1] <= 18
    page.get_by_role("slider", name="Time", exact=True).press("End")
    assert page.get_by_role("button", name="Step").get_attribute("aria-disabled") == "true"
    press(page, "Back to the start")
    assert page.locator(".gt-progress").first.inner_text().startswith("0 trips delivered")


def test_it_plays_only_when_asked_and_pauses(browser, address):
    page = browser.new_page(reduced_motion="no-preference")
    page.goto(address)
    page.locator(".explorable-mount[data-ready=yes]").wait_for()
    places = "[...document.querySelectorAll('g.gt-car path')].map((one) => one.outerHTML).join()"
    before = page.evaluate(places)
    page.wait_for_timeout(150)
    assert page.evaluate(places) == before, "nothing moves by itself"
    press(page, "Play")
    page.wait_for_function(f"before => ({places}) !== before", arg=before)
    page.wait_for_function("!document.querySelector('.gt-progress').textContent.startsWith('0 ')")
    press(page, "Pause")
    stopped = page.evaluate(places)
    page.wait_for_timeout(150)
    assert page.evaluate(places) == stopped
    page.close()


def test_the_law_is_said_with_the_numbers_that_were_chosen(page):
    sums, lesson = page.locator(".gt-sum"), page.locator(".gc-help")
    turn_to(page, "2.")
    assert sums.first.inner_text().startswith(
        "10 in flight × 64 B ÷ 100 ns = 6.4 GB/s, which is 16%"
    )
    assert "63 trips in flight would use all of it" in sums.first.inner_text()
    slide(page, "Trips in flight", 7, "The Ferrari")
    assert "128 in flight × 64 B ÷ 100 ns = 81.9 GB/s, but the bandwidth limits it to 40 GB/s" in (
        sums.first.inner_text()
    )
    assert "a road with 50 times the bandwidth" in lesson.inner_text()
    press(page, "Give both the same road")
    assert lesson.inner_text().startswith("Both deliver about the same per second.")
    slide(page, "Latency", 2, "The trucks")
    slide(page, "Bytes per trip", 2, "The trucks")
    slide(page, "Trips in flight", 0, "The trucks")
    assert sums.last.inner_text().startswith("1 in flight × 4 B ÷ 100 ns = 40 MB/s, which is")
    said = page.locator(".gt-chart svg").last.get_attribute("aria-label")
    assert "The Ferrari with 128 in flight 40 GB/s" in said and "The trucks with 1" in said


OVERPRINTED = """() => [...document.querySelectorAll(".gt-chart svg")]
  .filter((svg) => svg.checkVisibility()).map((svg) => {
    const boxes = [...svg.querySelectorAll(".gt-halo")].map((name) => name.getBoundingClientRect());
    const [a, b] = boxes; // a line's box is 4 pixels higher than its letters
    const aside = a.right < b.left || b.right < a.left;
    return [boxes.length, aside || a.bottom < b.top + 4 || b.bottom < a.top + 4];
  })"""


def test_the_names_of_two_equal_fleets_do_not_overprint(page):
    turn_to(page, "2.")
    for fleet in ("The Ferrari", "The trucks"):
        for name, place in (("Latency", 2), ("Bytes per trip", 6), ("Trips in flight", 7)):
            slide(page, name, place, fleet)
    press(page, "Give both the same road")
    assert page.evaluate(OVERPRINTED) == [[2, True]]
    turn_to(page, "1.")
    press(page, "Show me")
    page.get_by_role("slider", name="Time", exact=True).press("End")
    assert page.evaluate(OVERPRINTED) == [[2, True]]


def test_axe_finds_nothing_to_mend_and_nothing_sticks_out(browser, address):
    for scheme, width in (("dark", 390), ("light", 1280)):
        for page in opened_at(browser, address, width, scheme):
            assert overflow(page) == 0 and (scheme == "light" or axe_faults(page) == [])
            press(page, "Show me")
            page.get_by_role("slider", name="Time", exact=True).press("End")
            assert axe_faults(page) == [] and overflow(page) == 0
            turn_to(page, "2.")
            slide(page, "Latency", 3.4, "The trucks")
            assert axe_faults(page) == [] and overflow(page) == 0
            assert cut_off(page, ".gt-chart svg") == []


# ---- in a notebook -------------------------------------------------------------------------------


def test_what_is_turned_and_guessed_reaches_the_kernel_and_no_key_jupyterlab(notebook):
    notebook.get_by_role("button", name="The trucks", exact=True).press("Enter")
    turn_to(notebook, "2.")
    fleet = notebook.get_by_role("group", name="The Ferrari", exact=True)
    fleet.get_by_role("slider", name="Bytes per trip").press("ArrowRight")
    fleet.get_by_role("slider", name="Latency").press("ArrowRight")
    kernel = notebook.evaluate("window.kernel")
    assert kernel["guesses"] == [{"load": 64, "guess": "trucks", "first": "car"}]
    assert kernel["car"] == asdict(replace(CAR, trip_bytes=128, latency_ns=130))
    assert notebook.evaluate("window.keys") == []


def test_what_the_kernel_sets_is_shown_until_the_widget_is_closed(notebook):
    other = asdict(replace(CAR, in_flight=1))
    notebook.evaluate("car => widgetModel.receive('car', car)", other)
    notebook.evaluate("widgetModel.receive('time_ns', 250)")
    notebook.evaluate("widgetModel.receive('asks', false)")
    said = notebook.locator(".gt-progress").first.inner_text()
    assert said == "2 trips delivered: 128 B. 1 in flight."
    assert notebook.locator(".gc-verdict").is_visible()
    notebook.evaluate("window.stop()")
    assert notebook.evaluate("[...listeners.values()].flat().length") == 0


def test_the_page_starts_from_what_the_still_picture_shows():
    start = state()
    assert start["car"] == asdict(CAR) and start["trucks"] == asdict(TRUCKS)
    kept = (ROOT / "grooves/explorables/trucks/trucks.svg").read_text(encoding="utf-8")
    assert kept == still_trucks.draw(CAR, TRUCKS), "run `python -m grooves.explorables.export`"
    for fleet in (CAR, TRUCKS):
        rate = min(fleet.in_flight * fleet.trip_bytes / fleet.latency_ns, fleet.road_gb_per_s)
        assert f"{fleet.in_flight:,} in flight, {rate:,.4g} GB/s" in kept
