"""The explorable `forward`: what it computes is what the course computes, and anyone can use it."""

import json
import random
import re

import numpy as np
import pytest
from in_browser import ROOT, axe_faults, in_both_looks, in_notebook, opened_at, overflow, press

from grooves.explorables.forward.widget import BLANK, Forward, pack, picture, state
from grooves.language.corpora import digits
from grooves.models import layers
from grooves.training.gradient_descent import train_digits

# Ten digits as anyone draws them: lines through points on a pad of 10 by 10.
DRAWN = {
    0: [[(5, 0), (2, 2), (1, 5), (2, 8), (5, 10), (8, 8), (9, 5), (8, 2), (5, 0)]],
    1: [[(3, 2), (5, 0), (5, 10)]],
    2: [[(1, 2), (3, 0), (7, 0), (9, 2), (8, 4), (1, 10), (9, 10)]],
    3: [[(1, 1), (4, 0), (8, 1), (8, 3), (4, 5), (8, 6), (9, 8), (6, 10), (1, 9)]],
    4: [[(6, 0), (1, 6), (9, 6)], [(6, 3), (6, 10)]],
    5: [[(9, 0), (2, 0), (1, 4), (6, 4), (9, 6), (8, 9), (4, 10), (1, 9)]],
    6: [[(8, 0), (4, 2), (1, 6), (2, 9), (5, 10), (8, 9), (8, 6), (5, 5), (2, 7)]],
    7: [[(1, 0), (9, 0), (5, 5), (3, 10)]],
    8: [[(8, 1), (5, 0), (2, 1), (3, 4), (7, 6), (8, 9), (5, 10), (2, 9), (3, 6), (7, 4), (8, 1)]],
    9: [[(8, 3), (5, 5), (2, 4), (2, 1), (5, 0), (8, 1), (8, 4), (7, 7), (5, 10)]],
}

EXPLORABLE = "forward"  # what the fixture `page` shows


@pytest.fixture(scope="module")
def trained():
    return train_digits()


@pytest.fixture
def notebook(modules, trained):
    """The widget on a bare page, as JupyterLab would show it."""
    with in_notebook(modules, Forward({"mine": trained}), state(trained)) as page:
        yield page


def draw(page, strokes, left=0.05, top=0.05, size=0.9):
    """Draw on the pad with the mouse: strokes of points between 0 and 10."""
    box = page.locator(".gf-pad").bounding_box()
    for stroke in strokes:
        for i, (x, y) in enumerate(stroke):
            where = (
                box["x"] + box["width"] * (left + size * x / 10),
                box["y"] + box["height"] * (top + size * y / 10),
            )
            page.mouse.move(*where)
            if i == 0:
                page.mouse.down()
        page.mouse.up()


def shown(page):
    """The page's ten logits and probabilities as it writes them."""
    texts = page.locator(
        ".gf-digits li:not(.gf-head) :is(.gf-logit, .gf-probability)"
    ).all_inner_texts()
    return list(zip(texts[::2], texts[1::2], strict=True))


def pixels_of(page):
    labels = page.get_by_role("gridcell").evaluate_all("all => all.map((one) => one.ariaLabel)")
    return [int(label.split(": ")[1].split(" of")[0]) for label in labels]


# ---- the same numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(64, 32, 10), (64, 10), (64, 7, 10)])
def test_the_browsers_network_computes_what_the_course_computes(modules, sizes):
    network = layers.new_network(sizes, seed=1)
    rng = np.random.default_rng(2)
    for b in network.biases:
        b += rng.normal(size=b.shape)
    x = rng.random((5, 64)) * (rng.random((5, 64)) < 0.6)
    x[0] *= 2_000  # logits too large for a careless exp
    found = modules.evaluate(
        """async ([network, pictures]) => {
          const { Network } = await import("/forward/network.mjs");
          const made = new Network(network);
          return pictures.map((picture) => {
            const { hidden, logits, probabilities } = made.run(picture);
            return [[...hidden], [...logits], [...probabilities]];
          });
        }""",
        [pack(network), x.tolist()],
    )
    passed = network.activations(x)
    for i, (hidden, logits, probabilities) in enumerate(found):
        np.testing.assert_allclose(logits, passed[-1][i], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(
            probabilities, layers.softmax(passed[-1][i]), rtol=1e-9, atol=1e-12
        )
        if len(sizes) == 3:
            np.testing.assert_allclose(hidden, passed[1][i], rtol=1e-9, atol=1e-9)


def test_strokes_become_the_same_picture_in_both_languages(modules):
    rng = random.Random(3)
    cases = [
        [[(rng.random(), rng.random()) for _ in range(rng.randint(1, 6))] for _ in range(n)]
        for n in (1, 1, 2, 3)
    ]
    cases += [[[(0.4, 0.6)]], [[(0.2, 0.5), (0.9, 0.5)]], [], [[(0, 0), (1, 1)]]]
    for fit in (True, False):
        found = modules.evaluate(
            """async ([cases, fit]) => {
              const { picture } = await import("/forward/drawing.mjs");
              return cases.map((strokes) => picture(strokes, fit));
            }""",
            [cases, fit],
        )
        for strokes, pixels in zip(cases, found, strict=True):
            assert pixels == picture(strokes, fit).tolist()


def test_a_drawing_is_fitted_as_the_data_sets_digits_were():
    """Wherever and however large it is drawn, it fills the frame from top to bottom."""
    small = [[(0.05 + x / 80, 0.1 + y / 80) for x, y in stroke] for stroke in DRAWN[3]]
    large = [[(x / 10, y / 10) for x, y in stroke] for stroke in DRAWN[3]]
    grid = picture(small).reshape(8, 8)
    assert grid[0].sum() and grid[7].sum()
    assert np.abs(picture(small) - picture(large)).max() <= 3
    assert picture(small, fit=False).reshape(8, 8)[4:].sum() == 0
    in_data = digits().train_images.mean()
    drawn = np.mean([picture(strokes).mean() / 16 for strokes in DRAWN.values()])
    assert abs(drawn / in_data - 1) < 0.25, "the pen is as thick as the data's"


# ---- on the page ---------------------------------------------------------------------------------


def test_the_page_shows_what_the_network_says_and_the_templates_say_another_thing(page, trained):
    start = state(trained)
    x = np.array(start["pixels"])[None] / 16
    templates = layers.templates(digits().train_images, digits().train_labels)
    for name, network in (("trained", trained), ("class means", templates)):
        page.get_by_role("radio", name=name).check()
        logits = network.forward(x)[0]
        for digit, (logit, probability) in enumerate(shown(page)):
            assert float(logit.replace("−", "-")) == pytest.approx(logits[digit], abs=0.006)
            if probability[0] not in "<>":
                p = layers.softmax(logits)[digit]
                assert float(probability.rstrip("%")) == pytest.approx(100 * p, abs=0.06)
        assert f"predicts {logits.argmax()}" in page.locator(".gf-answer").inner_text()
        assert page.get_by_role("option").count() == network.weights[0].shape[1]


def test_digits_drawn_with_the_mouse_are_read(page):
    right = 0
    for digit, strokes in DRAWN.items():
        press(page, "Clear")
        draw(page, strokes, left=0.3, top=0.1, size=0.5)
        right += f"predicts {digit}," in page.locator(".gf-answer").inner_text()
    assert right >= 8


def test_without_fitting_the_network_gets_what_was_drawn_where_it_was_drawn(page):
    page.get_by_label("Fit to the frame").uncheck()
    draw(page, DRAWN[1], left=0.6, top=0.5, size=0.4)
    inked = [i for i, ink in enumerate(pixels_of(page)) if ink]
    assert min(i // 8 for i in inked) >= 3 and min(i % 8 for i in inked) >= 4
    page.get_by_label("Fit to the frame").check()
    assert min(i // 8 for i, ink in enumerate(pixels_of(page)) if ink) == 0


def test_the_walk_goes_from_stage_to_stage_and_shows_no_number_before_its_time(page):
    press(page, "Step through the forward pass")
    said = []
    for stage in range(1, 6):
        assert page.get_by_text(f"Stage {stage} of 5").is_visible()
        said.append(page.locator(".gf-sentence").inner_text())
        logits, probabilities = zip(*shown(page), strict=True)
        assert all(logits) == (stage >= 4) and all(probabilities) == (stage == 5)
        first = page.get_by_role("option").first.get_attribute("aria-label")
        assert ("not computed yet" in first) == (stage == 1)
        negative = page.locator("[role=option].gf-negative").count()
        assert (negative > 0) == (stage == 2), "only before the ReLU"
        if stage < 5:
            page.get_by_role("button", name="Next", exact=True).click()
    assert len(set(said)) == 5
    press(page, "Step through the forward pass")
    page.get_by_role("button", name="Next", exact=True).click()
    press(page, "Back")
    assert page.get_by_text("Stage 1 of 5").is_visible()


def test_a_neuron_shows_its_sum_with_its_parts(page, trained):
    x = np.array(state(trained)["pixels"]) / 16
    page.get_by_role("option").nth(5).click()
    products = x * trained.weights[0][:, 5]
    parts = products[products > 0].sum(), products[products < 0].sum()
    text = page.locator(".gf-sum").inner_text().replace("−", "-")
    numbers = [float(word.rstrip(",.:;")) for word in text.split() if "." in word.rstrip(".,:;")]
    expected = [*parts, trained.biases[0][5], products.sum() + trained.biases[0][5]]
    assert numbers == pytest.approx(expected, abs=0.006)


def test_a_moved_picture_loses_what_leaves_the_frame(page, trained):
    before = np.array(state(trained)["pixels"]).reshape(8, 8)
    press(page, "Move the picture right")
    press(page, "Move the picture up")
    expected = np.zeros((8, 8), dtype=int)
    expected[:-1, 1:] = before[1:, :-1]
    assert pixels_of(page) == expected.ravel().tolist()


def test_everything_can_be_done_with_the_keyboard(page):
    press(page, "Clear")
    page.locator("[role=gridcell][tabindex='0']").focus()
    for key in ("ArrowUp", "ArrowRight", " ", "ArrowDown", "+", "ArrowDown", "Enter", "-"):
        page.keyboard.press(key)
    inked = {i: ink for i, ink in enumerate(pixels_of(page)) if ink}
    assert inked == {20: 16, 28: 4, 36: 12}
    page.locator("[role=option][tabindex='0']").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    chosen = page.locator("[role=option][aria-selected=true]")
    assert chosen.get_attribute("aria-label").startswith("Neuron 31:")
    assert chosen.evaluate("one => one === document.activeElement")
    assert page.locator(".gf-sum").inner_text().startswith("Neuron 31:")


def test_a_screen_reader_is_told_what_is_read_once_the_pen_rests(page):
    press(page, "Clear")
    draw(page, DRAWN[7])
    page.wait_for_function("document.querySelector('.gx-news').textContent.includes('predicts 7')")


@in_both_looks
def test_axe_finds_nothing_to_mend_and_nothing_sticks_out(browser, address, width, scheme):
    for page in opened_at(browser, address, width, scheme):
        draw(page, DRAWN[4])
        assert axe_faults(page) == []
        assert overflow(page) == 0
        press(page, "Step through the forward pass")
        assert overflow(page) == 0
        if (scheme, width) == ("dark", 390):
            assert axe_faults(page) == []


# ---- in a notebook -------------------------------------------------------------------------------


def test_what_is_drawn_and_chosen_reaches_the_kernel_and_no_key_reaches_jupyterlab(notebook):
    draw(notebook, DRAWN[2])
    drawn = notebook.evaluate("window.kernel.pixels")
    assert drawn == pixels_of(notebook) and sum(drawn) > 100
    notebook.get_by_role("option").nth(3).click()
    notebook.get_by_role("radio", name="class means").check()
    kernel = notebook.evaluate("window.kernel")
    assert kernel["neuron"] == 3 and kernel["network"].startswith("class means")
    notebook.locator("[role=gridcell][tabindex='0']").press("ArrowDown")
    assert notebook.evaluate("window.keys") == []


def test_what_the_kernel_sets_is_shown_until_the_widget_is_closed(notebook):
    full = json.dumps([16] * 64)
    notebook.evaluate(f"widgetModel.receive('pixels', {full})")
    assert pixels_of(notebook) == [16] * 64
    notebook.evaluate("widgetModel.receive('stage', 0)")
    assert notebook.get_by_text("Stage 1 of").is_visible()
    listening = "[...listeners.values()].flat().length"
    assert notebook.evaluate(listening) > 0
    notebook.evaluate("window.stop()")
    assert notebook.evaluate(listening) == 0


def test_a_network_of_other_sizes_is_refused_with_its_sizes():
    with pytest.raises(ValueError, match="not 63 and 10"):
        pack(layers.new_network((63, 10)))
    with pytest.raises(ValueError, match="one hidden layer at most, and this has 2"):
        Forward({"deep": layers.new_network((64, 8, 8, 10))})


def test_the_page_starts_from_all_that_a_widget_knows(trained):
    start, widget = state(trained), Forward({"mine": trained})
    assert set(start) == {name for name in Forward.class_own_traits(sync=True) if name[0] != "_"}
    assert widget.pixels == BLANK and widget.network == "mine"
    hard = [one for one in start["examples"] if one["hard"]]
    for one in hard:
        assert trained.forward(np.array([one["pixels"]]) / 16).argmax() != one["label"]
    assert [one["label"] for one in start["examples"] if not one["hard"]] == list(range(10))
    assert len(hard) == 3


def test_the_still_picture_shows_the_picture_that_the_page_opens_on(trained):
    """Its digit exactly; of the probabilities the winner, since training rounds differently."""
    kept = (ROOT / "grooves/explorables/forward/forward.svg").read_text("utf-8")
    start = state(trained)
    inks = [f"{ink / 16:.2f}" for ink in start["pixels"] if ink]
    drawn = re.findall(r'fill="#1d2733" fill-opacity="([\d.]+)"', kept)
    assert drawn == inks, "run `python -m grooves.explorables.export`"
    said = layers.softmax(trained.forward(np.array([start["pixels"]]) / 16))[0]
    winner = re.search(r'font-weight="600">(\d)</text>', kept)[1]
    assert int(winner) == said.argmax()
