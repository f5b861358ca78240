"""The page of the widget `studio`: what a reader sees of a folder of runs, and can do with it."""

import itertools

import pytest
from in_browser import axe_faults, cut_off, dress, in_both_looks, in_notebook, overflow, press
from test_studio import by_name, some_runs

from grooves.explorables.studio import recording
from grooves.explorables.studio.widget import Studio

TEXTS = ["a b c", "a b c", "a b c d e f", "a rose"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return some_runs(tmp_path_factory.mktemp("runs"))


def state_of(studio):
    """All that a kernel would send of a studio."""
    curves = [name for name in studio.keys if name.startswith("curve_")]
    return {name: getattr(studio, name) for name in [*Studio.defaults(), *curves]}


@pytest.fixture(scope="module")
def studio(folder):
    return Studio(folder, {"small": TEXTS, "other": ["one word"]})


@pytest.fixture
def notebook(modules, studio):
    with in_notebook(modules, studio, state_of(studio)) as page:
        yield page


def receive(page, **values):
    """Hand over what a kernel sends."""
    for name, value in values.items():
        page.evaluate("([name, value]) => widgetModel.receive(name, value)", [name, value])


def changed_rows(studio, name, **changes):
    """The rows with one run changed, as another reading would give them."""
    return [row | changes if row["name"] == name else row for row in studio.runs]


def cells(page):
    """The table: the texts of each run's cells, by its name."""
    lines = page.locator(".gu-table tbody tr").all()
    return {
        line.get_by_role("button").inner_text(): line.locator("td").all_inner_texts()
        for line in lines
    }


def offered(page):
    return page.locator(".gu-buttons button:visible").all_inner_texts()


def chart(page):
    return page.locator(".gc-plane").get_attribute("aria-label")


def lines(page):
    """The classes of the chart's lines."""
    found = page.locator(".gu-line").all()
    return [line.get_attribute("class").split()[1] for line in found]


# ---- what is shown -------------------------------------------------------------------------------


def test_all_runs_stand_side_by_side_with_their_numbers(notebook):
    heads = notebook.locator(".gu-table thead th").all_inner_texts()
    assert heads == [
        "Run", "State", "Steps", "Loss above the floor", "Learning rate", "Gradient norm",
        "Words per second", "Memory", "Processors",
    ]  # fmt: skip
    shown = cells(notebook)
    assert shown["base"] == [
        "finished", "40 of 40", "0.05", "0.0005", "1.5", "51,200", "610 MB", "1.3",
    ]  # fmt: skip
    assert shown["letters"] == ["running", "30", "0.1 (loss)", *["–"] * 5]
    assert [row[0] for row in shown.values()] == ["finished", "failed", "paused", "running", "lost"]
    notebook.get_by_role("button", name="fast").click()
    about = notebook.locator(".gu-about").first
    assert "fast is failed: Divergence: the loss rose to 41.2; optimizer muon" in about.inner_text()
    notebook.get_by_role("button", name="slow").click()
    assert "branched from base at step 20." in about.inner_text()
    assert notebook.locator(".gu-selected").get_by_role("button").inner_text() == "slow"


def test_logs_that_cannot_be_read_are_listed_with_the_reason(notebook):
    unread = notebook.locator(".gu-broken li").all_inner_texts()
    assert unread == [
        "no-name.run.jsonl is no log of a run: its first line has no name",
        "sub/noise.run.jsonl does not describe a run yet: its first line is missing",
    ]
    receive(notebook, broken=[])
    assert not notebook.get_by_text("Logs that cannot be read").is_visible()


def test_the_chart_has_a_named_line_for_each_chosen_run(notebook):
    assert chart(notebook) == (
        "Chart: loss (nats per word) over steps. Last points: base 0.8 at 40; fast 0.95 at 10; "
        "slow 0.85 at 20; letters 0.1 at 30; killed 2.75 at 1"
    )
    assert lines(notebook) == ["gu-run-0", "gu-run-1", "gu-run-2", "gu-run-3"]
    names = sorted(notebook.locator(".gu-name").all_text_contents())
    assert names == ["base", "fast", "killed", "letters", "slow"]
    notebook.get_by_label("Draw letters").click()
    assert notebook.evaluate("window.kernel.hidden") == ["letters.run.jsonl"]
    assert lines(notebook) == ["gu-run-0", "gu-run-1", "gu-run-2"]
    expected = "Chart: loss above the floor (nats per word) over steps. Last points: base 0.05"
    assert chart(notebook).startswith(expected), "all that are left have a known floor"
    notebook.get_by_label("Draw fast").click()
    assert lines(notebook) == ["gu-run-0", "gu-run-2"]
    notebook.get_by_label("Draw letters").click()
    assert notebook.evaluate("window.kernel.hidden") == ["fast.run.jsonl"]
    notebook.get_by_label("Draw fast").click()
    notebook.get_by_role("combobox", name="Column").select_option("gradient_norm")
    notebook.get_by_role("radio", name="Seconds").check(force=True)
    assert chart(notebook).startswith("Chart: gradient norm over seconds of training. Last")
    assert "Without gradient norm over seconds of training: letters." in notebook.inner_text("main")
    assert notebook.evaluate("[kernel.column, kernel.across]") == ["gradient_norm", "seconds"]


def heights(page):
    """The height of the first line's points, from its first one, in pixels."""
    points = page.locator(".gu-line").first.get_attribute("points").split()
    y = [float(point.split(",")[1]) for point in points]
    return [height - y[0] for height in y]


def test_the_axis_is_logarithmic_or_linear(notebook):
    receive(notebook, column="loss_above_floor", hidden=["letters.run.jsonl"])
    found = heights(notebook)  # of 2 / step
    assert found[3] == pytest.approx(2 * found[1], abs=0.3), "a factor of 2, and one of 4"
    notebook.get_by_label("Logarithmic").uncheck()
    found = heights(notebook)
    assert found[3] == pytest.approx(1.5 * found[1], abs=0.3), "2 less 1, and 2 less 0.5"
    assert notebook.evaluate("window.kernel.log") is False


def test_what_a_logarithmic_axis_cannot_show_is_counted(notebook):
    curve = {"step": [1, 2, 3, 4], "loss": [2.0, -0.1, None, 0.5]}
    receive(notebook, curve_0=curve, column="loss")
    text = "A logarithmic axis leaves out 1 point that is not above zero."
    assert text in notebook.inner_text("main")
    notebook.get_by_label("Logarithmic").uncheck()
    assert "leaves out" not in notebook.inner_text("main")


def test_axes_name_round_numbers_around_the_values(modules):
    scales = modules.evaluate(
        """async (cases) => {
          const { scale } = await import("/studio/run_chart.mjs");
          return cases.map(([values, log]) => scale(values, log, 7));
        }""",
        [[[0, 7200], False], [[3.1, 3.4], False], [[5, 5], False], [[0, 0], False],
         [[0.03, 7], True], [[1e-9, 1e9], True], [[2, 2], True], [[0.71, 0.83], True]],
    )  # fmt: skip
    assert scales[0]["at"] == [0, 2000, 4000, 6000, 8000]
    assert scales[1]["at"] == [3.1, 3.15, 3.2, 3.25, 3.3, 3.35, 3.4]
    for (low, high), one in zip(
        [(0, 7200), (3.1, 3.4), (5, 5), (0, 0), (0.03, 7), (1e-9, 1e9), (2, 2), (0.71, 0.83)],
        scales,
        strict=True,
    ):
        assert one["from"] <= low <= high <= one["to"] and one["from"] < one["to"]
        assert 1 <= len(one["at"]) <= 8, one
        assert all(one["from"] <= value <= one["to"] for value in one["at"])


def test_names_at_the_ends_of_lines_do_not_overlap(notebook, studio):
    many = [
        row | {"key": f"{i}", "name": f"a run with a rather long name, number {i}"}
        for i, row in enumerate(studio.runs * 3)
    ]
    receive(notebook, runs=many)
    boxes = [one.bounding_box() for one in notebook.locator(".gu-name").all()]
    tops = sorted(box["y"] for box in boxes)
    assert len(tops) == 15
    assert all(b - a > 12 for a, b in itertools.pairwise(tops))
    assert cut_off(notebook, ".gc-plane") == []
    assert notebook.locator(".gu-line.gu-dashed").count() > 0, "the seventh has the first's colour"


def test_a_data_set_is_shown_with_its_lengths_and_what_repeats(notebook):
    notebook.get_by_role("tab", name="Data set").click()
    panel = notebook.get_by_role("tabpanel", name="Data set")
    rows = panel.locator("tr").all()
    found = {row.locator("th").inner_text(): row.locator("td").inner_text() for row in rows}
    assert found == {
        "Texts": "4",
        "Words": "14",
        "Different words": "7",
        "Texts that repeat an earlier one": "1 (25%)",
        "Different words that occur once": "4 (57.1%)",
    }
    assert panel.locator(".gc-number").all_inner_texts() == [
        "2 words", "2 words", "3 words", "3 words", "6 words", "6 words",
    ]  # fmt: skip
    assert panel.locator("li:visible").all_inner_texts() == ["2 times: a b c"]
    assert panel.get_by_text("Once: d, e, f, rose.").is_visible()
    panel.get_by_role("combobox", name="Data set").select_option("other")
    assert panel.locator("td").first.inner_text() == "1"
    receive(notebook, data_sets=[])
    assert panel.get_by_text("No data set was given").is_visible()


# ---- what can be done ----------------------------------------------------------------------------


def test_buttons_are_offered_only_where_they_make_sense(notebook, studio):
    exports, seen = ["Export CSV", "Export for TensorBoard"], {}
    for name in by_name(studio):
        notebook.get_by_role("button", name=name, exact=True).click()
        seen[name] = offered(notebook)
    assert seen == {
        "base": exports,
        "fast": exports,
        "slow": ["Continue", "Stop", "Branch…", *exports],
        "letters": ["Pause", "Stop", *exports],
        "killed": exports,
    }
    receive(notebook, selected="letters.run.jsonl")
    for request, expected in (("pause", ["Continue", "Stop"]), ("stop", [])):
        receive(notebook, runs=changed_rows(studio, "letters", request=request))
        assert offered(notebook) == [*expected, *exports]
        assert cells(notebook)["letters"][0] == f"running, {request} requested"
    receive(notebook, runs=changed_rows(studio, "letters", records=0, latest={}))
    assert offered(notebook) == ["Pause", "Stop"]
    receive(notebook, runs=[])
    assert offered(notebook) == [] and "No runs yet." in notebook.inner_text("main")


def test_a_button_tells_the_kernel_and_its_answer_is_shown_and_announced(notebook):
    receive(notebook, selected="letters.run.jsonl")
    press(notebook, "Pause", "Stop", "Export CSV", "Export for TensorBoard")
    sent = [message for message in notebook.evaluate("window.sent") if "do" in message]
    assert [message["do"] for message in sent] == ["pause", "stop", "csv", "tensorboard"]
    assert {message["run"] for message in sent} == {"letters.run.jsonl"}
    for answer in ({"said": "Pause requested of letters.", "failed": False},
                   {"said": "Not done: the disk is full.", "failed": True}):  # fmt: skip
        notebook.evaluate("message => widgetModel.answer(message)", answer)
        shown = notebook.locator(".gu-answer")
        assert shown.inner_text() == answer["said"]
        assert notebook.get_by_role("status").text_content() == answer["said"]
        assert ("gu-failed" in shown.get_attribute("class")) == answer["failed"]


def test_a_branch_is_asked_for_its_name_and_rates_and_can_be_cancelled(notebook):
    receive(notebook, selected="slow.run.jsonl")
    branch = notebook.get_by_role("button", name="Branch…")
    assert branch.get_attribute("aria-expanded") == "false"
    branch.press("Enter")
    name = notebook.get_by_label("Name of the new run")
    assert name.input_value() == "slow branch"
    assert notebook.evaluate("document.activeElement.value") == "slow branch"
    name.fill(" slower ")
    rate = notebook.get_by_label("Peak rate lr")
    assert rate.input_value() == "0.02"
    rate.fill("0.005")
    rate.press("Enter")
    (message,) = [m for m in notebook.evaluate("window.sent") if "do" in m]
    rates = {"lr": 0.005, "matrix_lr": 0.025}
    assert message == {"do": "branch", "run": "slow.run.jsonl", "name": "slower", "rates": rates}
    assert not name.is_visible() and branch.evaluate("one => one === document.activeElement")
    press(notebook, "Branch")
    name.fill("")
    press(notebook, "Make the branch")
    assert name.is_visible(), "a name is needed"
    press(notebook, "Cancel")
    assert not name.is_visible() and len(notebook.evaluate("window.sent")) == 2


def test_what_the_kernel_reads_is_shown_at_once_and_the_form_stays(notebook, studio):
    receive(notebook, selected="slow.run.jsonl")
    press(notebook, "Branch")
    notebook.get_by_label("Name of the new run").fill("half a na")
    more = {"step": [10, 20, 30, 40], "loss": [0.3, 0.15, 0.1, 0.075]}
    curve = by_name(studio)["letters"]["curve"]
    latest = {"step": 40, "loss": 0.075}
    receive(notebook, **{curve: more})
    receive(notebook, runs=changed_rows(studio, "letters", latest=latest, records=4))
    assert "letters 0.075 at 40" in chart(notebook)
    assert cells(notebook)["letters"][1] == "40"
    assert notebook.get_by_role("status").text_content() == "", "no news twice a second"
    assert notebook.get_by_label("Name of the new run").input_value() == "half a na"
    assert notebook.evaluate("document.activeElement.value") == "half a na"
    receive(notebook, runs=changed_rows(studio, "letters", state="finished"))
    assert notebook.get_by_role("status").text_content() == "letters is finished."


def test_it_is_worked_with_the_keyboard_and_jupyterlab_gets_no_key(notebook):
    notebook.get_by_role("tab", name="Runs").press("ArrowRight")
    assert notebook.evaluate("document.activeElement.textContent") == "Data set"
    notebook.get_by_role("tab", name="Data set").press("Home")
    notebook.get_by_label("Draw base").focus()
    notebook.keyboard.press("Space")
    assert notebook.evaluate("window.kernel.hidden") == ["base.run.jsonl"]
    notebook.keyboard.press("Tab")
    notebook.keyboard.press("Enter")
    assert notebook.evaluate("window.kernel.selected") == "base.run.jsonl"
    pressed = notebook.locator(".gu-run[aria-pressed=true]")
    assert pressed.inner_text() == "base"
    receive(notebook, selected="letters.run.jsonl")
    pause = notebook.get_by_role("button", name="Pause")
    pause.focus()
    rows = notebook.evaluate("widgetModel.get('runs')")
    receive(notebook, runs=[row | {"request": "pause"} for row in rows])
    assert notebook.evaluate("document.activeElement.textContent") == "Continue"
    assert notebook.evaluate("window.keys") == []


def test_it_says_that_it_is_seen_until_it_is_closed(modules, studio):
    with in_notebook(modules, studio, state_of(studio)) as page:
        assert page.evaluate("window.sent") == [{"watched": True}]
        assert page.evaluate("[...listeners.values()].flat().length") > 10
        page.evaluate("window.stop()")
        assert page.evaluate("[...listeners.values()].flat().length") == 0


# ---- without a kernel ----------------------------------------------------------------------------


def test_a_recording_is_replayed_with_a_slider_and_offers_nothing_else(modules, folder, studio):
    state = recording.state(folder, TEXTS)
    with in_notebook(modules, studio, state) as page:
        assert [row[0] for row in cells(page).values()] == [
            "finished", "failed", "paused", "running", "lost",
        ]  # fmt: skip
        assert offered(page) == [] and page.evaluate("window.sent") == []
        assert cells(page)["base"][2] == "0.05"
        slider = page.get_by_role("slider", name="Time")
        assert slider.get_attribute("aria-valuetext") == "4:01 of 4:01"
        slider.fill("52")  # of 200: 62.53 s
        assert slider.get_attribute("aria-valuetext") == "1:03 of 4:01"
        shown = cells(page)
        assert list(shown) == ["base", "fast"]
        assert shown["base"][:3] == ["finished", "40 of 40", "0.05"]
        assert shown["fast"][:3] == ["running", "5 of 40", "0.4"]
        assert chart(page).endswith("base 0.05 at 40; fast 0.4 at 5")
        assert "Divergence" not in page.inner_text("main")
        assert page.evaluate("window.kernel.time") == pytest.approx(240.5 * 52 / 200)
        page.get_by_role("tab", name="Data set").click()
        assert page.locator(".gu-figures td").first.inner_text() == "4"


# ---- for everybody -------------------------------------------------------------------------------


@in_both_looks
def test_axe_finds_nothing_to_mend_and_nothing_sticks_out(browser, studio, folder, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.set_content("<!doctype html><html lang=en><title>Runs</title><body></body></html>")
    for state in (state_of(studio) | {"selected": "slow.run.jsonl"}, recording.state(folder)):
        with in_notebook(page, studio, state):
            page.evaluate("document.querySelector('main').className = 'explorable'")
            dress(page, scheme)
            page.evaluate(
                "dark => (document.body.style.background = dark ? '#14181d' : '#fff')",
                scheme == "dark",
            )
            if state["live"]:
                press(page, "Branch")
                page.evaluate("widgetModel.answer({ said: 'Not done: it is full.', failed: true })")
            page.wait_for_function(
                "[...document.querySelectorAll('.gc-frame')].every((one) =>"
                " one.firstChild.clientWidth <= one.clientWidth + 1)"
            )
            assert overflow(page) == 0 and cut_off(page, ".gc-plane") == []
            assert axe_faults(page) == []
            page.get_by_role("tab", name="Data set").click()
            assert overflow(page) == 0 and axe_faults(page) == []
    page.close()
