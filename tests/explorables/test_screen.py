"""An explorable fits one screen of 1280 × 800, step by step, and an answer moves nothing."""

import pytest
from in_browser import built_page, opened_at, press, served

COLUMN, HIGHEST = 688, 720  # pixels: of the book's column of text at 1280, and below its header

STEPS = {"trucks": ["1.", "2."], "roofline": [], "backprop": ["1.", "Train it", "2."]}


@pytest.fixture(scope="module", params=STEPS)
def shown(request, browser, tmp_path_factory):
    folders = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("html")
    with served(built_page(request.param, *folders)) as address:
        for page in opened_at(browser, f"{address}/index.html", 1280, "light"):
            page.add_style_tag(content=f".explorable {{ width: {COLUMN}px; }}")
            yield request.param, page


def height(page):
    return page.locator(".explorable-mount").bounding_box()["height"]


def test_every_step_fits_one_screen_and_an_answer_moves_nothing(shown):
    name, page = shown
    if page.get_by_role("group", name="Predict first").is_visible():
        before = height(page), page.get_by_label("Ask me first").bounding_box()
        press(page, "Show me")
        assert (height(page), page.get_by_label("Ask me first").bounding_box()) == before
    for step in STEPS[name]:
        page.get_by_role("tab", name=step).click()
        assert height(page) <= HIGHEST, (name, step)
    assert height(page) <= HIGHEST, name
