"""The explorable `backprop` on a page and in a notebook: what it says is true."""

import json
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
    turn_to,
)

from grooves.explorables.backprop import still as still_backprop
from grooves.explorables.backprop.widget import EXPRESSION, VALUES, Backprop, read, state

EXPLORABLE = "backprop"  # what the fixture `page` shows


@pytest.fixture
def notebook(modules):
    """The widget on a bare page, as JupyterLab would show it."""
    with in_notebook(modules, Backprop(), state()) as page:
        yield page


def part(page, number):
    return page.locator(".gb-part").nth(number - 1)


def said(page):
    return page.locator(".gb-saying .gb-sentence").inner_text()


def number(text):
    """A number as the page writes it."""
    text = text.replace("−", "-").translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    if "10-" in text:
        factor, _, power = text.rpartition("10")
        return float(factor.rstrip("·") or 1) * 10 ** int(power)
    return float(text)


# ---- on the page ---------------------------------------------------------------------------------


def table(page):
    """Every node's name, value and gradient, as the table writes them."""
    if not page.locator(".gx-table").is_visible():
        page.get_by_text("All numbers").click()
    rows = [
        row.locator("th, td").all_inner_texts() for row in page.locator(".gx-table tbody tr").all()
    ]
    return [(name, value, gradient) for name, _, value, gradient in rows]


def gradient_of(page, wanted):
    return next(gradient for name, _, gradient in table(page) if name == wanted)


def test_each_press_shows_one_more_number_and_says_how_it_came_about(page):
    nodes = read(EXPRESSION, VALUES)
    leaves = sum(not node.inputs for node in nodes)
    told = [said(page)]
    for step in range(1, 6):
        press(page, "Step forward")
        assert sum(bool(value) for _, value, _ in table(page)) == leaves + step
        assert not any(gradient for *_, gradient in table(page))
        told.append(said(page))
    assert told[1] == "w × x = 3 × 2 = 6."
    assert told[3].startswith("relu(w × x + b) = relu(5) = 5. A positive number passes")
    assert "now step backward" in told[5]
    button = page.get_by_role("button", name="Step forward")
    assert button.get_attribute("aria-disabled") == "true"
    known = []
    for _ in range(6):
        press(page, "Step backward")
        known.append(sum(bool(gradient) for *_, gradient in table(page)))
        told.append(said(page))
    assert known == [1, 2, 4, 5, 7, 9]
    assert "4 × 2 = 8" in told[-1] and "other factor, x = 2" in told[-1]
    assert "Gradient check: when w grows a little, loss grows 8 times as much" in told[-1]
    assert len(set(told)) == 12
    for (name, value, gradient), node in zip(table(page), nodes, strict=True):
        assert not node.name or name == node.name
        assert (number(value), number(gradient)) == (node.value, node.gradient)
    drawn = page.locator(".gb-graph .gb-gradient").all_text_contents()
    assert [number(text) for text in drawn] == [node.gradient for node in nodes]


def test_gradients_that_come_back_on_two_paths_are_added_before_the_eyes(page):
    press(page, "Used twice", "All forward")
    for _ in range(5):
        press(page, "Step backward")
    before = gradient_of(page, "w")
    press(page, "Step backward")
    after = gradient_of(page, "w")
    assert (before, after) == ("24", "36")
    assert "w had 24 from another use: 24 + 12 = 36." in said(page)


def test_a_question_names_the_mistake_and_goes_on_at_the_right_answer(page):
    page.get_by_label("Ask me before each step back").check()
    press(page, "All forward", "Step backward")  # the result's own gradient is told, not asked
    asked = page.get_by_label("What gradient will")
    for answer in ("4", "4", "4", "4"):
        press(page, "Step backward")
        asked.fill(answer)
        asked.press("Enter")
        assert said(page).startswith("Right. The gradient of")
        focused = page.evaluate("document.activeElement.textContent")
        assert focused == "Step backward"
    press(page, "Step backward")
    assert "What gradient will w have then?" in page.locator(".gx-question").inner_text()
    mistakes = {
        "": "Type a number",
        "12": "times w's own value",
        "4": "multiply it by the slope",
        "-8": "the sign is not",
        "2": "the slope alone",
        "5": "Multiply the gradient, 4, by the other factor, x = 2",
    }
    for answer, advice in mistakes.items():
        asked.fill(answer)
        press(page, "Check")
        assert advice in page.locator(".gx-said").inner_text(), answer
        assert not any(name == "w" and gradient for name, _, gradient in table(page))
    asked.fill("8,0")
    press(page, "Check")
    assert said(page).startswith("Right.") and not asked.is_visible()


def test_a_formula_that_is_typed_is_drawn_at_once_and_a_fault_leaves_the_last_one(page):
    field = page.get_by_label("Formula, with")
    field.fill("loss = (w1*x + w2*x^2 - y)^2")
    assert page.locator(".gb-card").count() == len(
        read("(w1*x + w2*x^2 - y)^2", dict.fromkeys(("w1", "x", "w2", "y"), 1.0))
    )
    turn_to(page, "Train it")
    assert [box.is_checked() for box in page.get_by_role("checkbox", name="is a weight").all()] == [
        True,
        False,
        True,
        False,
    ]
    field.fill("loss = (w1*x + sin(x))^2")
    message = page.locator(".gx-message")
    assert message.inner_text().startswith("“sin” at position 16 is no function known here")
    assert field.get_attribute("aria-invalid") == "true"
    assert page.get_by_label("Value of w2").count() == 1
    field.fill("loss = log(w*x)")
    assert field.get_attribute("aria-invalid") == "false" and message.inner_text() == ""
    page.get_by_label("Value of w").fill("-2")
    turn_to(page, "Step through it")
    press(page, "All forward")
    assert "takes the logarithm of −4, which must be positive" in message.inner_text()
    off = [page.get_by_role("button", name=name) for name in ("Step backward", "All backward")]
    assert [button.get_attribute("aria-disabled") for button in off] == ["true", "true"]
    turn_to(page, "Train it")
    train = page.get_by_role("button", name="Train one step")
    assert train.get_attribute("aria-disabled") == "true"
    page.get_by_role("slider", name="w, slider").fill("1.5")
    assert message.inner_text() == ""
    turn_to(page, "Step through it")
    press(page, "Step forward", "All backward")
    assert number(gradient_of(page, "w")) == pytest.approx(1 / 1.5, abs=1e-4)


def test_training_moves_the_marked_weights_and_says_what_became_of_the_loss(page):
    report = page.locator(".gb-halves .gb-sentence")
    turn_to(page, "Train it")
    press(page, "Train one step")
    assert report.inner_text() == "w: 3 − 0.05 × 8 = 2.6. b: −1 − 0.05 × 4 = −1.2. loss: 4 → 1."
    page.get_by_label("b is a weight").uncheck()
    press(page, "Train 20 steps")
    assert page.get_by_label("Value of b").input_value() == "-1.2"
    assert float(page.get_by_label("Value of w").input_value()) == pytest.approx(2.1, abs=0.01)
    curve = part(page, 1).get_by_role("img", name="Loss over 21 steps: from 4 to")
    assert curve.count() == 1
    part(page, 1).get_by_role("button", name="Start over").click()
    assert page.get_by_label("Value of w").input_value() == "3"
    assert part(page, 1).get_by_role("img", name="none yet").count() == 1
    press(page, "Dead ReLU", "Train 20 steps")
    assert "Nothing has changed, because the gradient of every weight is 0" in report.inner_text()
    press(page, "Too large a step", "Train one step")
    assert "It has grown because the step was too large" in report.inner_text()
    part(page, 1).get_by_role("slider", name="Learning rate").fill("1")  # that is 10
    many = page.get_by_role("button", name="Train 20 steps")
    for _ in range(9):
        if many.is_enabled():
            many.click()
    assert "Start over with a smaller learning rate" in report.inner_text()
    page.get_by_label("w is a weight").uncheck()
    assert "nothing to train" in report.inner_text()


def test_the_network_learns_says_so_and_its_maps_say_what_they_show(page):
    turn_to(page, "2.")
    network = part(page, 2)
    sentence = network.locator(".gb-sentence")
    labels = lambda: [one.get_attribute("aria-label") for one in network.locator("canvas").all()]  # noqa: E731
    painted = "() => [...document.querySelectorAll('canvas')].map((one) => one.toDataURL())"
    before, pictures = labels(), page.evaluate(painted)
    press(page, "Train 200 steps")
    assert re.fullmatch(
        r"Step 200: loss 0\.\d+ nats, 1\d\d of 160 points classified correctly\.",
        sentence.inner_text(),
    )
    assert network.locator(".gx-news").inner_text() == sentence.inner_text()
    loss = re.search(r"loss (\S+) nats", sentence.inner_text())[1]
    assert labels()[1].endswith(f"now it is {loss}")
    assert all(a != b for a, b in zip(before, labels(), strict=True))
    assert all(a != b for a, b in zip(pictures, page.evaluate(painted), strict=True))
    for plane, note in (("random", "two random directions"), ("weights", "Two of the 33 weights")):
        shown = page.evaluate(painted)[1]
        network.get_by_role("combobox", name="Plane").select_option(plane)
        assert page.evaluate(painted)[1] != shown
        assert note in network.inner_text()
    network.get_by_role("combobox", name="up").select_option(label="bias of the output")
    network.get_by_role("slider", name="Hidden neurons").fill("3")
    assert sentence.inner_text().startswith("Step 0:")
    assert network.get_by_role("combobox", name="up").locator("option").count() == 13
    network.get_by_role("combobox", name="Points").select_option("circles")
    network.get_by_role("combobox", name="Activation").select_option("relu")
    network.get_by_role("slider", name="Learning rate").fill("2")
    network.get_by_role("slider", name="Momentum").fill("0.9")
    press(page, "Train 200 steps")
    assert (
        "the steps are too large" in sentence.inner_text()
        or "were too large" in sentence.inner_text()
    )


def test_what_runs_can_be_paused_and_whoever_wants_no_motion_gets_none(lone_page):
    page = lone_page
    turn_to(page, "2.")
    network = part(page, 2)
    steps = """() => {
      const [, network] = document.querySelectorAll(".gb-part");
      const sentence = network.querySelector(".gb-sentence").textContent;
      return Number(sentence.match(/Step (\\d+)/)[1]);
    }"""
    page.emulate_media(reduced_motion="no-preference")
    network.get_by_role("slider", name="Momentum").fill("0.5")  # brings the buttons up to date
    assert page.evaluate(steps) == 0
    press(page, "Play")
    page.wait_for_function(f"({steps})() > 20")
    press(page, "Pause")
    reached = page.evaluate(steps)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate(steps) == reached
    page.clock.install(time=0)
    turn_to(page, "1.")
    press(page, "All backward")
    assert page.get_by_text("Forward: 1 of 5 steps").is_visible()
    page.clock.run_for(3000)
    assert page.get_by_text("Backward: 1 of 6 steps").is_visible()
    page.clock.run_for(9000)
    assert page.get_by_text("Backward: 6 of 6 steps").is_visible()


NAME = """() => {
  const here = document.activeElement;
  if (!here.closest(".gx")) return "";
  const label = here.closest("label")?.textContent;
  return here.getAttribute("aria-label") ?? label ?? here.textContent;
}"""


def test_everything_can_be_reached_and_done_with_the_keyboard(page):
    reached = []

    def press_tab_from(tab, key=None):
        tab.focus()
        if key:
            page.keyboard.press(key)
        for _ in range(40):
            page.keyboard.press("Tab")
            name = page.evaluate(NAME)
            if not name:
                break
            reached.append(name)
            if name in ("One neuron", "Train one step"):
                page.keyboard.press("Enter")
            if name in ("Step forward", "w, slider"):
                page.keyboard.press(" " if name == "Step forward" else "ArrowLeft")

    press_tab_from(page.get_by_role("tab", name="1."))
    press_tab_from(page.get_by_role("tab", name="Step through it"), "ArrowRight")
    press_tab_from(page.get_by_role("tab", name="1."), "End")
    wanted = ["Dead ReLU", "Step backward", "All forward", "Start over", "Value of y"]
    wanted += ["y is a weight", "Train 20 steps", "Learning rate", "All numbers", "One step"]
    wanted += ["Points", "Momentum", "Plane"]
    assert [one for one in wanted if not any(name.startswith(one) for name in reached)] == []
    assert any(name.startswith("The formula as a graph") for name in reached)
    turn_to(page, "1.")
    assert page.get_by_label("Value of w").input_value() == "2.54"  # 2.9 less a step
    turn_to(page, "Step through it")
    assert page.get_by_text("Backward: 6 of 6 steps").is_visible()


@in_both_looks
def test_axe_finds_nothing_to_mend_and_nothing_sticks_out(browser, address, width, scheme):
    for page in opened_at(browser, address, width, scheme):
        page.get_by_label("Formula, with").fill("loss = (w &")
        page.get_by_label("Ask me before each step back").check()
        press(page, "Used twice", "All forward", "Step backward", "Step backward")
        table(page)
        assert axe_faults(page) == []
        assert overflow(page) == 0
        press(page, "Vanishing", "All backward")
        turn_to(page, "Train it")
        press(page, "Train one step")
        assert overflow(page) == 0
        if width == 390:
            assert axe_faults(page) == []
        turn_to(page, "2.")
        press(page, "One step")
        page.get_by_role("combobox", name="Plane").select_option("weights")
        assert overflow(page) == 0
        if width == 390:  # nothing new stands here on a wide page
            assert axe_faults(page) == []


# ---- in a notebook -------------------------------------------------------------------------------


def test_what_is_done_on_the_page_reaches_the_kernel_and_no_key_reaches_jupyterlab(notebook):
    notebook.get_by_label("Formula, with").fill("(a*x - y)^2")
    kernel = notebook.evaluate("window.kernel")
    assert kernel["expression"] == "(a*x - y)^2" and kernel["step"] == 0
    assert kernel["values"] == VALUES | {"a": 2, "x": 2}
    notebook.get_by_label("Formula, with").fill("(a*x - y")  # no formula, so not told
    assert notebook.evaluate("window.kernel.expression") == "(a*x - y)^2"
    notebook.get_by_label("Formula, with").fill("(a*x - y)^2")
    turn_to(notebook, "Train it")
    notebook.get_by_label("a is a weight").check()
    press(notebook, "Train one step")
    kernel = notebook.evaluate("window.kernel")
    gradients = Backprop("(a*x - y)^2", {"a": 2, "x": 2, "y": 3}).gradients()
    assert kernel["values"]["a"] == pytest.approx(2 - 0.05 * gradients["a"])
    notebook.get_by_role("slider", name="Learning rate").first.press("ArrowRight")
    notebook.get_by_label("Value of a").press("Shift+Enter")
    turn_to(notebook, "2.")
    notebook.get_by_role("combobox", name="Points").select_option("xor")
    kernel = notebook.evaluate("window.kernel")
    assert (kernel["trained"], kernel["points"], kernel["lr"]) == (["a"], "xor", 0.063)
    assert notebook.evaluate("window.keys") == []


def test_what_the_kernel_sets_is_shown_until_the_widget_is_closed(notebook):
    def receive(name, value):
        notebook.evaluate(f"widgetModel.receive('{name}', {json.dumps(value)})")

    receive("values", {"w": 1, "x": 1, "y": 1})
    receive("expression", "loss = (w*x - y)^2 + 1")
    receive("step", 99)
    assert ("loss", "1", "1") in table(notebook)
    receive("values", {"w": 3, "x": 1, "y": 1})
    assert ("w", "3", "4") in table(notebook)
    receive("hidden", 5)
    assert (
        notebook.locator(".gb-part").nth(1).locator(".gx-slider output").first.inner_text() == "5"
    )
    listening = "[...listeners.values()].flat().length"
    assert notebook.evaluate(listening) > 0
    notebook.evaluate("window.stop()")
    assert notebook.evaluate(listening) == 0


def test_a_widget_computes_with_the_courses_own_gradients_and_refuses_what_it_cannot_read():
    widget = Backprop("loss = (w*x - y)^2", {"w": 1, "x": 2, "y": 3})
    assert widget.gradients() == {"w": -4.0, "x": -2.0, "y": 2.0}
    refused = {
        "loss = (w*x": "is not a formula",
        "w^x": "the exponent must be a number",
        "w*q": "'q' has no value",
        "log(w - x)": "is not a finite number",
        "w.real": "is not part of a formula",
        "w = w*x": "'w' has been used before",
        "": "the formula is empty",
    }
    for expression, words in refused.items():
        with pytest.raises(ValueError, match=re.escape(words)):
            Backprop(expression, {"w": 1, "x": 2})
    assert {name: getattr(Backprop(), name) for name in state()} == state()


def test_the_still_picture_is_of_the_formula_that_the_page_opens_on():
    kept = (ROOT / "grooves/explorables/backprop/backprop.svg").read_text("utf-8")
    remedy = "run `python -m grooves.explorables.export`"
    assert kept == still_backprop.draw(EXPRESSION, VALUES), remedy
    below = re.findall(r'fill="#9c4400"[^>]*>(−?\d+)</text>', kept)
    assert [number(text) for text in below] == [n.gradient for n in read(EXPRESSION, VALUES)]
