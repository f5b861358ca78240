"""An explorable fits one screen of 1280 × 800 in every state, and an answer moves nothing."""

import pytest
from in_browser import choose, opened_at, press, served, turn_to

COLUMN, HIGHEST = 688, 720  # pixels: of the book's column of text at 1280, and below its header
LEAST = 24  # pixels: of a target, each way (WCAG 2.2, 2.5.8)


def change_to(page, key):
    """Ask about another change in the explorables `dataflow` and `serving`."""
    page.get_by_role("combobox", name="Change").select_option(key)


# What a reader does to see the states of each explorable, one after the other.
STATES = {
    "attention": [(press, "Finish the story")],
    "backprop": [(turn_to, "1."), (turn_to, "Train it"), (turn_to, "2.")],
    "dataflow": [
        (turn_to, "2."),
        (choose, "Critical path"),
        *[(press, "Next ›")] * 4,
        (turn_to, "3."),
        (turn_to, "4."),
        (press, "100 more"),
        (turn_to, "1."),
        *((change_to, key) for key in ("one", "exp", "matrix", "far", "short")),
        (press, "Show me"),
    ],
    "feedback": [(press, "Two other stories")],
    "finetune": [(turn_to, "1."), (turn_to, "2.")],
    "forward": [(press, "Step through"), (press, "Next"), (press, "Next"), (press, "Next")],
    "labels": [
        *((choose, name) for name in ("Masked word", "Two views", "Human label")),
        (press, "sad"),
        (choose, "Pseudo-label"),
        (press, "Take six labels"),
    ],
    "memory": [
        (press, "Show the answer"),
        (choose, "training"),
        (choose, "Down to the bit"),
        (press, "Show me"),
    ],
    "roofline": [],
    "sampling": [
        *((choose, name) for name in ("Name", "Branch", "Mistake")),
        (turn_to, "2."),
        (turn_to, "3."),
        (press, "One step"),
    ],
    "serving": [
        (turn_to, "2."),
        (choose, "Static"),
        (turn_to, "1."),
        *((change_to, key) for key in ("load", "chunk", "few", "many", "memory")),
        (press, "Show me"),
    ],
    "teller": [],
    "trucks": [(turn_to, "1."), (turn_to, "2.")],
}

SMALL = """least => {
  const kinds = "button, input, select, textarea, summary, [role=gridcell], [role=option]";
  const targets = `.gx :is(${kinds})`;
  const shown = [...document.querySelectorAll(targets)].filter((one) => one.offsetParent);
  return shown.flatMap((one) => {
    const chosen = one.matches("[type=checkbox], [type=radio]");
    const box = ((chosen && one.closest("label")) || one).getBoundingClientRect();
    const name = one.ariaLabel || one.textContent || one.type;
    return Math.min(box.width, box.height) < least ? [[name, box.width, box.height]] : [];
  });
}"""


@pytest.fixture(scope="module", params=STATES)
def built(request, site_of):
    with served(site_of(request.param)) as address:
        yield request.param, f"{address}/index.html"


@pytest.fixture
def wide(built, browser):
    name, address = built
    for page in opened_at(browser, address, 1280, "light"):
        page.add_style_tag(content=f".explorable {{ width: {COLUMN}px; }}")
        yield name, page


@pytest.fixture
def narrow(built, browser):
    name, address = built
    for page in opened_at(browser, address, 390, "light"):
        yield name, page


def height(page):
    return round(page.locator(".explorable-mount").bounding_box()["height"])


def place(part):
    """Where a part stands and how large it is, in whole pixels."""
    return {side: round(value) for side, value in part.bounding_box().items()}


def states(name, page):
    """Put the page into one state after the other: what was done last."""
    yield "start"
    for act, what in STATES[name]:
        act(page, what)
        yield what


def test_every_step_fits_one_screen_and_an_answer_moves_nothing(wide):
    name, page = wide
    if page.get_by_role("group", name="Predict first").is_visible():
        assert height(page) <= HIGHEST, name
        before = height(page), place(page.get_by_label("Ask me first"))
        press(page, "Show me")
        assert (height(page), place(page.get_by_label("Ask me first"))) == before
    for state in states(name, page):
        assert height(page) <= HIGHEST, (name, state)


def test_targets_on_a_phone_are_large_enough_for_a_finger(narrow):
    name, page = narrow
    for state in states(name, page):
        assert page.evaluate(SMALL, LEAST) == [], (name, state)


@pytest.mark.parametrize("built", ["forward", "memory"], indirect=True)
def test_an_answer_changes_no_height_on_a_phone(narrow):
    name, page = narrow
    if name == "forward":
        before = height(page)
        for state in states(name, page):
            assert height(page) == before, state
    if name == "memory":
        for view, answer in (("Will it fit?", "Show the answer"), ("Down to the bit", "Show me")):
            choose(page, view)
            before = height(page)
            press(page, answer)
            assert height(page) == before, view


@pytest.mark.parametrize("built", ["attention", "labels"], indirect=True)
def test_what_is_told_and_labelled_moves_nothing_below_it(wide, narrow):
    for name, page in (wide, narrow):
        if name == "attention":
            heads = page.get_by_role("radiogroup", name="Attention head")
            before = place(heads), height(page)
            for what in ("Next word", "Finish the story", "New seed", "Finish the story"):
                press(page, what)
                assert (place(heads), height(page)) == before, what
        if name == "labels":
            before = height(page)
            mistake = page.get_by_label("Make the classic mistake").locator("visible=true")
            for _ in range(2):
                mistake.click()
                assert height(page) == before
            choose(page, "Human label")
            before = height(page)
            press(page, "sad", "happy", "sad")
            assert height(page) == before
            choose(page, "Pseudo-label")
            before = height(page)
            press(page, "Forget all labels", "Take six labels")
            assert height(page) == before
