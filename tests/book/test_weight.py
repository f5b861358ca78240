"""A page loads little besides its own content, and every icon on it is drawn."""

import pytest
from playwright.sync_api import expect

LIMIT_BYTES = 800_000  # uncompressed: about 2.5 MB before the icon font was left out
PAGES = ["book/welcome.html", "book/explorables.html", "notebooks/experiment.html", "search.html"]

# Elements that the theme marks as icons, with whether each of them has a picture.
ICONS = """() => [...document.querySelectorAll("[class*='fa-']")].map((icon) => [
    icon.className, getComputedStyle(icon).maskImage.startsWith("url(")])"""
# What style sheets write before or after an element in characters that only an icon font has.
FONT_CHARACTERS = r"""() => [...document.querySelectorAll("body *")].flatMap((element) =>
    ["::before", "::after"].map((part) => [element, getComputedStyle(element, part).content])
      .filter(([, content]) => /[\uE000-\uF8FF]/.test(content))
      .map(([element]) => element.className))"""


def loaded(page, address):
    """Bytes of what a page loads, by address, without the page itself, pictures and explorables."""
    sizes = {}

    def note(response):
        if not any(part in response.url for part in ("/_images/", "/explorables/", ".mjs")):
            sizes[response.url] = len(response.body())

    page.on("response", note)
    page.goto(address)
    page.wait_for_load_state("networkidle")
    sizes.pop(address)
    return sizes


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_little_besides_its_own_content(page, sample_address, path):
    sizes = loaded(page, sample_address + path)
    assert any("pydata-sphinx-theme.css" in address for address in sizes), "nothing was counted"
    assert sum(sizes.values()) < LIMIT_BYTES, sorted(sizes.items(), key=lambda one: -one[1])[:5]


def test_only_the_search_page_loads_the_index_of_the_search(page, sample_address):
    for path in PAGES:
        index = [name for name in loaded(page, sample_address + path) if "searchindex" in name]
        assert len(index) == (path == "search.html"), path


@pytest.mark.parametrize("path", [*PAGES, "labs/exercise.html", "book/launch.html"])
def test_every_icon_is_drawn(page, sample_address, path):
    page.goto(sample_address + path)
    icons = page.evaluate(ICONS)
    assert len(icons) >= 5
    assert [name for name, drawn in icons if not drawn] == []
    assert page.evaluate(FONT_CHARACTERS) == []


def test_the_theme_switch_shows_one_icon_for_the_chosen_scheme(page, sample_address):
    page.goto(sample_address + "book/welcome.html")
    switch = page.get_by_role("button", name="Color mode").locator("visible=true")
    shown = []
    for _ in range(3):
        icon = switch.locator("i").locator("visible=true")
        expect(icon).to_have_count(1)
        shown.append(icon.get_attribute("data-mode"))
        switch.click()
    assert sorted(shown) == ["auto", "dark", "light"]
