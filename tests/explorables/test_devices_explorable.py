"""The explorable `devices`: what it shows is what the course's model of a cluster predicts."""

import itertools
import re

import numpy as np
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

from grooves.explorables.devices import still as still_devices
from grooves.explorables.devices import widget
from grooves.explorables.devices.widget import Devices, state
from grooves.hardware.devices import published
from grooves.hardware.many_devices import cluster, plans, requests
from grooves.hardware.many_devices.links import published_links
from grooves.hardware.many_devices.memory import Plan

EXPLORABLE = "devices"  # what the fixture `page` shows
PREDICTED = """async ([cases, state]) => {
  const { memory, parameters, step, token, whyInvalid } = await import("/devices/cluster.mjs");
  const row = (rows, name) => state[rows].find((one) => one.name === name);
  return cases.map(({ model: name, device, inside, between, n, plan, batch, users }) => {
    const model = row("models", name);
    const links = { inside: row("links", inside), between: row("links", between) };
    const cluster = { ...row("devices", device), ...links, n, perServer: 8, constants: state.constants };
    if (whyInvalid(model, cluster, plan, batch)) return null;
    return { ...step(model, cluster, plan, batch), token: token(model, cluster, n, users), parameters: parameters(model) };
  });
}"""  # noqa: E501
BARS = """async ([found, plan]) => (await import("/devices/timeline.mjs")).bars(found, plan)"""


@pytest.fixture
def notebook(modules):
    """The widget with another plan, as JupyterLab would show it."""
    with in_notebook(modules, Devices(tensor=1, micro=8)) as page:
        yield page


def drawn_cases(n=400):
    """Clusters and plans drawn at random, as the page names them."""
    rng = np.random.default_rng(0)
    pick = lambda values: values[rng.integers(len(values))]  # noqa: E731
    links = list(published_links())
    cases = []
    for _ in range(n):
        tensor, pipeline, data = pick([1, 2, 4, 8]), pick([1, 2, 4, 8]), pick([1, 2, 4, 8, 16])
        micro = pick([1, 2, 8, 32])
        plan = dict(data=data, tensor=tensor, pipeline=pipeline, micro=micro)
        plan |= dict(zero=pick([0, 1, 2, 3]), recompute=pick(["selective", "full"]))
        cases.append(
            dict(model=pick(list(plans.sizes())), device=pick(list(widget.DEVICES)),
                 inside=pick(links), between=pick(links), n=tensor * pipeline * data, plan=plan,
                 batch=data * micro * pick([1, 3]), users=pick([1, 64]))
        )  # fmt: skip
    return cases


def in_python(case):
    """The course's step, and a token of its group, or why there is none."""
    model, names = plans.sizes()[case["model"]], case["plan"]
    machine = cluster.servers(case["n"], case["device"], case["inside"], case["between"])
    plan = Plan(names["data"], names["tensor"], names["pipeline"], names["micro"], names["zero"],
                names["recompute"])  # fmt: skip
    if cluster.why_invalid(model, machine, plan, case["batch"]):
        return None
    return cluster.training_step(model, machine, plan, case["batch"])


def test_the_pages_step_is_the_courses_step(modules):
    cases = drawn_cases()
    compared = 0
    for case, found in zip(cases, modules.evaluate(PREDICTED, [cases, state()]), strict=True):
        expected = in_python(case)
        refused = case["plan"]["zero"] > 1 and case["plan"]["pipeline"] > 1
        assert (found is None) == (expected is None or refused), case
        if found is None:
            continue
        compared += 1
        pairs = {
            "compute": expected.compute_s,
            "added": expected.tensor_s,
            "bubble": expected.bubble_s,
            "data": expected.data_s,
            "hidden": expected.hidden_s,
            "optimizer": expected.optimizer_s,
            "seconds": expected.seconds,
            "mfu": expected.mfu,
            "bytes": expected.memory_bytes,
        }
        assert {k: found[k] for k in pairs} == pytest.approx(pairs, rel=1e-9), case
        model = plans.sizes()[case["model"]]
        assert found["parameters"] == model.parameters
        if model.n_head % case["n"] == 0:
            wire = case["inside"] if case["n"] <= 8 else case["between"]
            group = requests.group(case["device"], wire, case["n"])
            local, sent = requests.token_seconds(model, group, users=case["users"])
            assert found["token"] == pytest.approx({"local": local, "sent": sent}, rel=1e-9)
        else:
            assert found["token"] is None, case
    assert compared > 150


def test_the_timeline_adds_up_to_the_step(modules):
    cases = [c for c in drawn_cases(120) if c["plan"]["pipeline"] > 1]
    for case, found in zip(cases, modules.evaluate(PREDICTED, [cases, state()]), strict=True):
        if found is None:
            continue
        stages = modules.evaluate(BARS, [found, case["plan"]])
        assert len(stages) == case["plan"]["pipeline"]
        begins = [min(b["start"] for b in bars if b["kind"] == "backward") for bars in stages]
        assert begins == sorted(begins, reverse=True), "a stage waits for the one behind it"
        for bars in stages:
            assert max(bar["end"] for bar in bars) == pytest.approx(found["seconds"])
            ordered = sorted((bar["start"], bar["end"]) for bar in bars)
            assert all(a[1] <= b[0] + 1e-9 for a, b in itertools.pairwise(ordered))
            busy = sum(b["end"] - b["start"] for b in bars if b["kind"] in ("forward", "backward"))
            assert busy == pytest.approx(found["compute"])


# ---- in the hands of a reader --------------------------------------------------------------------


def figures(page):
    """The table by its rows' names."""
    rows = page.locator(".gd-figures tr").all()
    return {r.locator("th").inner_text(): r.locator("td").inner_text() for r in rows}


def test_the_page_opens_on_a_predicted_step_and_asks_first(page):
    expected = cluster.training_step(*widget.first())
    shown = figures(page)
    assert shown["Time of a step"] == f"{expected.seconds:.1f} s"
    assert shown["MFU"] == f"{expected.mfu:.0%}"
    many = requests.group(widget.DEVICE, widget.INSIDE, 8)
    each = sum(requests.token_seconds(plans.sizes()[widget.MODEL], many, users=64))
    assert shown["64 users’ tokens per second"] == f"{float(f'{64 / each:.3g}'):,.0f}"
    assert shown["Memory per device"].startswith(f"{expected.memory_bytes / 2**30:.1f} GiB of")
    assert not page.locator(".gc-verdict").is_visible()
    press(page, "Over 50% longer")
    slow = cluster.training_step(plans.sizes()["MPT 30B"], cluster.server(link="PCIe 5 x16"),
                                 widget.FIRST, widget.BATCH)  # fmt: skip
    verdict = page.locator(".gc-verdict").inner_text()
    assert f"{slow.seconds:.1f} s in place of {expected.seconds:.1f} s" in verdict
    assert page.locator(".gc-said").inner_text() == "Right. 1 of 1 guess right."
    assert figures(page)["Time of a step"] == f"{slow.seconds:.1f} s"


@pytest.mark.parametrize("key", widget.EXPERIMENTS)
def test_every_question_has_one_clear_answer_and_plans_that_fit(page, modules, key):
    """A ratio near a border between two answers would make the verdict a matter of rounding."""
    found = modules.evaluate(
        """async (key) => {
          const { EXPERIMENTS, START } = await import("/devices/experiments.mjs");
          const one = EXPERIMENTS[key];
          return { before: { ...START, ...one.before }, after: { ...START, ...one.after },
                   measure: one.measure, cuts: one.cuts };
        }""",
        key,
    )
    values = []
    for settings in (found["before"], found["after"]):
        model = plans.sizes()[settings["model"]]
        machine = cluster.servers(
            settings["n"], settings["device"], settings["inside"], settings["between"]
        )
        data = settings["n"] // settings["tensor"] // settings["pipeline"]
        plan = Plan(data, settings["tensor"], settings["pipeline"], settings["micro"],
                    settings["zero"], settings["recompute"])  # fmt: skip
        step = cluster.training_step(model, machine, plan, settings["batch"])
        assert step.memory_bytes < machine.memory_bytes
        wire = settings["inside"] if settings["n"] <= 8 else settings["between"]
        group = requests.group(settings["device"], wire, settings["n"])
        measured = {
            "seconds": step.seconds,
            "state": step.memory_bytes,
            "token": sum(requests.token_seconds(model, group)),
        }
        values.append(measured[found["measure"]])
    if found["measure"] != "state":
        ratio = values[1] / values[0]
        assert all(abs(ratio / cut - 1) > 0.04 for cut in found["cuts"]), ratio
    page.get_by_role("combobox", name="Change").select_option(key)
    press(page, "Show me")
    assert page.locator(".gc-verdict").inner_text().endswith("times as much.")


def test_a_plan_that_cannot_be_or_does_not_fit_is_refused_with_a_remedy(page):
    page.get_by_label("Ask me first").uncheck()
    turn_to(page, "2.")
    slide(page, "Share the layers", 3)
    message = page.locator(".gd-message")
    assert message.inner_text().startswith("2 × 8 devices do not divide 8")
    assert figures(page)["Time of a step"] == "–"
    slide(page, "Share the layers", 0)
    slide(page, "ZeRO", 0)
    assert message.inner_text().startswith("Does not fit: ")
    assert "take a higher stage of ZeRO" in message.inner_text()
    slide(page, "ZeRO", 3)
    assert message.inner_text().startswith("4 × 2 × 1: the batch is divided by 4")
    slide(page, "Micro-batches", 0)
    assert "take more micro-batches" in message.inner_text()


def test_it_can_be_worked_with_the_keyboard_and_says_what_changed(page):
    page.get_by_label("Ask me first").uncheck()
    page.get_by_role("tab", name="1. Predict").press("ArrowRight")
    slider = page.get_by_role("slider", name="Devices")
    slider.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "16 devices"
    news = page.locator(".gx-news")
    assert "8 × 2 × 1" in page.locator(".gd-message").inner_text()
    page.wait_for_function("document.querySelector('.gx-news').textContent.length > 0")
    assert news.text_content().startswith("8 × 2 × 1")
    page.get_by_role("tab", name="2. Build").press("ArrowLeft")
    assert page.evaluate("document.activeElement.textContent") == "1. Predict"


def test_axe_finds_nothing_to_mend_and_nothing_sticks_out(browser, address):
    for scheme, width in (("light", 390), ("dark", 1280)):
        for page in opened_at(browser, address, width, scheme):
            assert overflow(page) == 0 and axe_faults(page) == []
            assert cut_off(page, ".gd-timeline") == []
            page.locator("summary").click()
            page.get_by_role("combobox", name="Change").select_option("micro")
            press(page, "Show me")
            assert axe_faults(page) == [] and cut_off(page, ".gd-timeline") == []
            turn_to(page, "2.")
            choose(page, "Everything")
            slide(page, "Batch size", 0)
            assert axe_faults(page) == [] and overflow(page) == 0


# ---- in a notebook -------------------------------------------------------------------------------


def test_what_is_chosen_reaches_the_kernel_and_comes_back(notebook):
    press(notebook, "Hardly longer")
    (guess,) = notebook.evaluate("window.kernel.guesses")
    assert guess == {"experiment": "pcie", "guess": 0, "right": 2}
    assert notebook.evaluate("window.kernel.inside") == "PCIe 5 x16"
    turn_to(notebook, "2.")
    slide(notebook, "Devices", 2)
    assert notebook.evaluate("window.kernel.n") == 4
    assert notebook.evaluate("window.keys") == []
    notebook.evaluate("widgetModel.receive('n', 8)")
    assert "4 × 2 × 1" in notebook.locator(".gd-message").inner_text()
    notebook.evaluate("window.stop()")
    assert notebook.evaluate("[...listeners.values()].flat().length") == 0


def test_the_page_starts_from_what_is_published():
    start = state()
    assert set(start) == {name for name in Devices.class_own_traits(sync=True) if name[0] != "_"}
    h100 = next(one for one in start["devices"] if one["name"] == "NVIDIA H100 SXM")
    assert h100["memory"] == published()["NVIDIA H100 SXM"].memory_bytes
    assert {one["name"] for one in start["links"]} == set(published_links())
    model, machine, plan, batch = widget.first()
    assert cluster.training_step(model, machine, plan, batch).memory_bytes < machine.memory_bytes
    with pytest.raises(traitlets.TraitError):
        Devices(zero=4)


def test_the_still_picture_shows_the_predicted_steps():
    kept = (ROOT / "grooves/explorables/devices/devices.svg").read_text("utf-8")
    found = still_devices.steps()
    assert still_devices.draw(found) == kept, "run `python -m grooves.explorables.export`"
    shown = [float(n) for n in re.findall(r">([\d.]+) s<", kept)]
    assert shown == [round(step.seconds, 1) for step in found.values()]
    limit = published()["NVIDIA H100 SXM"].memory_bytes
    assert all(step.memory_bytes < limit for step in found.values())
