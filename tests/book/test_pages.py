"""Every page is readable by everyone, asks nobody for anything, and complains of nothing."""

from pathlib import Path

import axe_playwright_python
import pytest
from built_book import Watch

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS = (1280, 390)

# A page of code is thousands of coloured pieces in a handful of colours, and axe looks at each for
# seconds. Of every kind on every ground one stays coloured; the others become plain text of it.
ONE_OF_EACH_COLOUR = """() => {
    const pieces = [...document.querySelectorAll(".highlight span[class]")];
    const kinds = pieces.map((piece) => {
        const colours = [piece.className];
        for (let place = piece; place; place = place.parentElement) {
            colours.push(getComputedStyle(place).backgroundColor);
        }
        return colours.join();
    });
    pieces.forEach((piece, i) => {
        if (kinds.indexOf(kinds[i]) < i) piece.replaceWith(...piece.childNodes);
    });
    document.body.normalize();
}"""


def axe(page, only=None):
    """What axe finds wrong: (rule, element, what to mend)."""
    run_only = {"type": "rule", "values": only} if only else {"type": "tag", "values": RULES}
    options = {"resultTypes": ["violations"], "runOnly": run_only}
    found = page.evaluate("options => axe.run(document, options)", options)["violations"]
    return [
        f"{violation['id']}: {node['html'][:120]} ({node['failureSummary'][:200]})"
        for violation in found
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_in_light_and_dark_and_nothing_sticks_out(
    browser, book, book_address, width
):
    context = browser.new_context(viewport={"width": width, "height": 900})
    context.add_init_script(AXE)
    page = context.new_page()
    faults, themes, too_wide = [], set(), []
    for path in book.pages():
        page.emulate_media(color_scheme="light")
        page.goto(book_address + path)
        settle(page)
        page.add_style_tag(content="* { transition: none !important }")
        if page.evaluate("document.documentElement.scrollWidth") > width:
            too_wide.append(path)
        page.evaluate(ONE_OF_EACH_COLOUR)
        faults += [f"{path} light: {fault}" for fault in axe(page)]
        themes.add(page.evaluate("document.documentElement.dataset.theme"))
        page.emulate_media(color_scheme="dark")
        page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
        # Only colours differ, so only what looks at colours needs to run again.
        faults += [f"{path} dark: {fault}" for fault in axe(page, only=["color-contrast"])]
    context.close()
    assert themes == {"light"}
    assert faults == []
    assert too_wide == [], f"wider than {width} pixels"


@pytest.mark.parametrize("way", ["http", "file"])
def test_no_page_asks_outside_or_complains(page, book, book_address, way):
    start = book_address if way == "http" else book.site.as_uri() + "/"
    watch = Watch()
    watch.on(page)
    for path in book.pages():
        page.goto(start + path)
        settle(page)
    assert watch.outside == []
    assert watch.complaints == []


def test_the_door_leads_to_the_first_page(page, book_address):
    page.goto(book_address)
    page.wait_for_url("**/book/welcome.html")
    assert page.get_by_role("heading", level=1).inner_text().startswith("Grooves")


def settle(page):
    """Wait until the page's explorables have started or failed."""
    page.wait_for_function(
        "[...document.querySelectorAll('.explorable-mount')].every(place => place.dataset.ready)"
    )


def test_what_is_wrong_on_a_page_is_noticed(page, tmp_path):
    (tmp_path / "page.html").write_text(
        "<html><body><img src='x.png'><p style='color:#999;background:#888'>grey</p>"
        "<script src='https://example.com/x.js'></script>"
        "<script>console.error('oh'); undefined.x</script></body></html>"
    )
    watch = Watch()
    watch.on(page)
    page.goto((tmp_path / "page.html").as_uri())
    page.evaluate(AXE)
    rules = {fault.partition(":")[0] for fault in axe(page)}
    assert {"image-alt", "color-contrast", "document-title"} <= rules
    assert watch.outside == ["https://example.com/x.js"]
    assert sum("oh" in text for text in watch.complaints) == 1
    assert sum("Cannot read properties" in text for text in watch.complaints) == 1
    assert any("x.png" in text for text in watch.complaints)
