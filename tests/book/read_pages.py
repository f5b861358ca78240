"""Reading every page of the book with axe, for the tests of wide and of narrow pages."""

from pathlib import Path

import axe_playwright_python

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

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


def axe(page, colours=True, shapes=True):
    """What axe finds wrong with colours, with all else, or both: (rule, element, what to mend)."""
    tags, contrast = (
        {"type": "tag", "values": RULES},
        {"type": "rule", "values": ["color-contrast"]},
    )
    options = {"resultTypes": ["violations"], "runOnly": tags if shapes else contrast}
    if not colours:
        options["rules"] = {"color-contrast": {"enabled": False}}
    found = page.evaluate("options => axe.run(document, options)", options)["violations"]
    return [
        f"{violation['id']}: {node['html'][:120]} ({node['failureSummary'][:200]})"
        for violation in found
        for node in violation["nodes"]
    ]


def read(browser, book, address, width, coloured):
    """What is wrong on pages of this width: what axe finds, and the pages that are wider.

    coloured: the scheme in which colours are looked at, "light" or "dark", which takes longest. All
    else is the same in both, so the light alone is asked for it.
    """
    context = browser.new_context(viewport={"width": width, "height": 900})
    context.add_init_script(AXE)
    page = context.new_page()
    faults, too_wide = [], []
    for path in book.pages():
        page.emulate_media(color_scheme="light")
        page.goto(address + path)
        settle(page)
        page.add_style_tag(content="* { transition: none !important }")
        if page.evaluate("document.documentElement.scrollWidth") > width:
            too_wide.append(path)
        page.evaluate(ONE_OF_EACH_COLOUR)
        for scheme in dict.fromkeys(("light", coloured)):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function(
                "scheme => document.documentElement.dataset.theme === scheme", arg=scheme
            )
            found = axe(page, colours=scheme == coloured, shapes=scheme == "light")
            faults += [f"{path} {scheme}: {fault}" for fault in found]
    context.close()
    return faults, too_wide


def settle(page):
    """Wait until the page's explorables have started or failed."""
    page.wait_for_function(
        "[...document.querySelectorAll('.explorable-mount')].every(place => place.dataset.ready)"
    )
