"""The explorable `choosing`: its plans are the course's plans, and anyone can use it."""

import re
from dataclasses import replace

import numpy as np
import pytest
import traitlets
from in_browser import (
    ROOT,
    axe_faults,
    cut_off,
    in_notebook,
    opened_at,
    overflow,
    press,
    slide,
)

from grooves.explorables.choosing import still as still_choosing
from grooves.explorables.choosing import widget
from grooves.explorables.choosing.widget import Choosing, state
from grooves.hardware.choosing import rent_or_buy as rent
from grooves.hardware.choosing.cheapest import Workload, cheapest
from grooves.hardware.choosing.customers import rented_offers
from grooves.hardware.many_devices.dense import from_published

EXPLORABLE = "choosing"  # what the fixture `page` shows
RANKED = """async ([cases, state]) => {
  const { ranked } = await import("/choosing/plans.mjs");
  return cases.map(({ model, work, rentFactor, eurPerKwh, owned }) => {
    const one = state.models.find(({ name }) => name === model);
    const offers = state.offers.filter(({ busy }) => owned || !busy);
    return ranked(offers, one, work, { ...state.settings, rentFactor, eurPerKwh });
  });
}"""


@pytest.fixture
def notebook(modules):
    """The widget with another workload, as JupyterLab would show it."""
    with in_notebook(modules, Choosing(requests=100.0, ask=False)) as page:
        yield page


def drawn_cases(n=120, owned=False):
    rng = np.random.default_rng(3)
    cases = []
    for _ in range(n):
        work = dict(
            requests=float(10 ** rng.uniform(2, 7)),
            tokenS=float(10 ** rng.uniform(-3, -0.7)),
            tokensIn=int(10 ** rng.uniform(1, 4)),
            tokensOut=int(10 ** rng.uniform(1, 3)),
            firstS=float(10 ** rng.uniform(-1, 1)),
            peak=float(rng.integers(1, 8)),
        )
        model = widget.MODELS[int(rng.integers(2))]
        cases.append(dict(model=model, work=work, rentFactor=1.0, eurPerKwh=0.2, owned=owned))
    return cases


def in_python(case):
    work = case["work"]
    load = Workload(work["requests"], work["tokensIn"], work["tokensOut"], work["tokenS"],
                    work["firstS"], work["peak"])  # fmt: skip
    offers = [offer for offer in rented_offers() if offer.name in widget.RENTED]
    return cheapest(offers, from_published(case["model"], widget.CONTEXT), load)


def test_the_pages_cheapest_plan_is_the_courses(modules):
    cases = drawn_cases()
    compared = 0
    for case, plans in zip(cases, modules.evaluate(RANKED, [cases, state()]), strict=True):
        expected = in_python(case)
        assert bool(plans) == (expected is not None), case
        if not plans:
            continue
        compared += 1
        best = plans[0]
        assert best["eurPerDay"] == pytest.approx(expected.eur_per_day, rel=1e-9), case
        ties = [p["offer"] for p in plans if p["eurPerDay"] < best["eurPerDay"] * (1 + 1e-9)]
        assert expected.offer in ties, case
        if best["offer"] == expected.offer and len(ties) == 1:
            shown = best["copies"], best["bits"], best["users"]
            assert shown == (expected.copies, expected.bits, expected.users), case
            assert best["tokenS"] == pytest.approx(expected.token_s, rel=1e-9)
            assert best["load"] == pytest.approx(expected.load, rel=1e-9)
    assert compared > 60


def test_an_owned_machine_pays_its_electricity_and_a_rented_one_its_rent(modules):
    case = drawn_cases(1, owned=True)[0] | {"model": widget.MODELS[0]}
    case["work"] |= dict(requests=2000.0, tokenS=0.5, tokensIn=200, tokensOut=100, firstS=20.0)
    dear = case | {"eurPerKwh": 0.4, "rentFactor": 2.0}
    usual, changed = modules.evaluate(RANKED, [[case, dear], state()])
    by_name = {plan["offer"]: plan for plan in usual}
    for plan in changed:
        before = by_name[plan["offer"]]["eurPerDay"]
        if plan["offer"] in widget.OWNED:
            machine, bought = widget.OWNED[plan["offer"]]
            choice = widget.owned_choice(machine, bought, plan["utilisation"])
            choice = replace(choice, eur_per_kwh=0.4)
            hourly = rent.owned_eur_per_hour(choice)
            assert plan["eurPerDay"] == pytest.approx(24 * plan["copies"] * hourly, rel=1e-9)
            assert before < plan["eurPerDay"] < 2 * before
        else:
            assert plan["eurPerDay"] == pytest.approx(2 * before, rel=1e-9)
    assert {plan["offer"] for plan in changed} & set(widget.OWNED)


# ---- in the hands of a reader --------------------------------------------------------------------


def test_the_reader_guesses_before_the_map_is_shown(page, modules):
    assert not page.locator(".gs-map").is_visible()
    assert "10,000 requests per day" in page.locator(".gc-question .gx-title").inner_text()
    start = state()
    goals = ("requests", "tokenS", "tokensIn", "tokensOut", "firstS", "peak")
    work = {name: start[name] for name in goals}
    case = dict(model=start["model"], work=work, rentFactor=1.0, eurPerKwh=0.2, owned=True)
    best = modules.evaluate(RANKED, [[case], start])[0][0]["offer"]
    other = next(one["name"] for one in start["offers"] if one["name"] != best)
    page.get_by_role("button", name=other, exact=True).click()
    assert page.locator(".gc-said").inner_text() == f"Not {other}: {best} is the cheapest."
    assert page.locator(".gc-verdict").inner_text().startswith("Cheapest: ")
    assert best in page.locator(".gc-verdict").inner_text()
    assert page.locator(".gs-map").is_visible() and page.locator(".gs-area").count() > 200
    slide(page, "Requests per day", 6.5)
    assert not page.locator(".gs-map").is_visible(), "another workload is another question"
    page.get_by_label("Ask me first").uncheck()
    assert (
        "million" in page.locator(".gc-verdict").inner_text()
        or page.locator(".gs-map").is_visible()
    )


def test_prices_move_the_winner_and_a_goal_can_be_too_strict(page):
    page.get_by_label("Ask me first").uncheck()
    rows = page.locator(".gs-plans tbody tr")
    before = rows.all_inner_texts()
    assert any("on demand" in row for row in before)
    slide(page, "Rents", 3)
    dear = rows.all_inner_texts()
    slide(page, "Rents", 1)
    assert dear != before == rows.all_inner_texts()
    slide(page, "Electricity", 0.6)
    assert rows.all_inner_texts() != before
    slide(page, "Per token, at most", -3.3)
    assert "No plan is fast enough" in page.locator(".gc-verdict").inner_text()
    assert rows.count() == 0


def test_it_can_be_worked_with_the_keyboard_and_says_what_changed(page):
    press(page, "Show me")
    assert page.evaluate("document.activeElement.type") == "checkbox"
    slider = page.get_by_role("slider", name="Busiest hour over mean")
    slider.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "3.5 times"
    page.wait_for_function("document.querySelector('.gx-news').textContent.startsWith('Cheapest')")


def test_axe_finds_nothing_to_mend_and_nothing_sticks_out(browser, address):
    for scheme, width in (("light", 390), ("dark", 1280)):
        for page in opened_at(browser, address, width, scheme):
            assert overflow(page) == 0 and axe_faults(page) == []
            press(page, "Show me")
            assert overflow(page) == 0 and axe_faults(page) == []
            assert cut_off(page, ".gs-map") == []


# ---- in a notebook -------------------------------------------------------------------------------


def test_what_is_chosen_reaches_the_kernel_and_comes_back(notebook):
    slide(notebook, "Tokens out", 2)
    assert notebook.evaluate("window.kernel.tokensOut") == 100
    assert notebook.evaluate("window.keys") == []
    notebook.evaluate("widgetModel.receive('tokenS', 0.0005)")
    assert "No plan is fast enough" in notebook.locator(".gc-verdict").inner_text()
    notebook.evaluate("window.stop()")
    assert notebook.evaluate("[...listeners.values()].flat().length") == 0


def test_the_page_starts_from_what_is_priced():
    start = state()
    assert set(start) == {name for name in Choosing.class_own_traits(sync=True) if name[0] != "_"}
    by_name = {one["name"]: one for one in start["offers"]}
    assert set(by_name) == {*widget.RENTED, *widget.OWNED}
    rented = {offer.name: offer for offer in rented_offers()}
    assert by_name["H100 on demand"]["eur"] == rented["H100 on demand"].eur_per_hour
    assert by_name["own laptop"]["busy"] > 0 == by_name["H100 on demand"]["busy"]
    with pytest.raises(traitlets.TraitError):
        Choosing(peak=0.5)


def test_the_still_picture_shows_the_winners():
    kept = (ROOT / "grooves/explorables/choosing/choosing.svg").read_text("utf-8")
    cells = still_choosing.found()
    assert still_choosing.draw(cells) == kept, "run `python -m grooves.explorables.export`"
    names = {name for row in cells for name in row if name}
    assert len(names) >= 3 and all(f">{name}<" in kept for name in names)
    filled = sum(bool(name) for row in cells for name in row)
    assert len(re.findall("<rect", kept)) == 1 + filled + len(names)
