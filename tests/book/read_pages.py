"""Reading a page of the book with axe, for the tests of every page."""

import contextlib
from pathlib import Path

import axe_playwright_python
import yaml
from playwright.sync_api import TimeoutError

from grooves.grading.edition import settings

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

# A page of code is thousands of coloured pieces in a handful of colours, and axe looks at each for
# seconds. Of every kind on every ground one stays coloured; the others become plain text of it.
ONE_OF_EACH_COLOUR = """() => {
    const grounds = new Map([[null, ""]]);
    const ground = (place) => {
        if (!grounds.has(place)) {
            const { backgroundColor } = getComputedStyle(place);
            grounds.set(place, [backgroundColor, ground(place.parentElement)].join());
        }
        return grounds.get(place);
    };
    const seen = new Set();
    const pieces = document.querySelectorAll(".highlight span[class]:not(.line)");
    const repeated = [...pieces].filter((piece) => {
        const kind = [piece.className, ground(piece)].join();
        return seen.has(kind) || !seen.add(kind);
    });
    repeated.forEach((piece) => piece.replaceWith(...piece.childNodes));
    document.body.normalize();
}"""


def edition_pages(root):
    """The pages of the edition that the course in this folder has, in order."""
    toc = yaml.safe_load((root / "_toc.yml").read_text("utf-8"))
    return list(contents(settings.contents(toc, settings.read_edition(root))))


def contents(toc):
    """The pages named in a table of contents, in order."""
    for key in ("root", "file"):
        if key in toc:
            yield toc[key]
    for key in ("parts", "chapters", "sections"):
        for entry in toc.get(key, ()):
            yield from contents(entry)


# What hangs on the width of the window besides colours; the rest is the same on a telephone.
OF_WIDTH = ["target-size", "scrollable-region-focusable"]


# Text of one look on one ground is looked at once, on the first page that has it: the others get
# this mark. Pictures are left alone, because there the ground is what lies below and not around.
# So are links of one look in text of one look, which have to differ from it. Gives the looks that
# are new.
MARK_THE_SAME = """(seen) => {
    const grounds = new Map([[null, ""]]);
    const ground = (place) => {
        if (!grounds.has(place)) {
            const { backgroundColor, backgroundImage, opacity } = getComputedStyle(place);
            const own = [backgroundColor, backgroundImage, opacity];
            grounds.set(place, [...own, ground(place.parentElement)].join());
        }
        return grounds.get(place);
    };
    const known = new Set(seen);
    const fresh = [];
    for (const piece of document.querySelectorAll("body *")) {
        if (piece.closest("svg") || ![...piece.childNodes].some(
            (node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim()
        )) continue;
        const { color, fontSize, fontWeight, textShadow } = getComputedStyle(piece);
        const look = [color, fontSize, fontWeight, textShadow, ground(piece)].join();
        piece.dataset.same = known.has(look);
        if (!known.has(look)) fresh.push(look);
        known.add(look);
    }
    for (const link of document.querySelectorAll("a[href]")) {
        let block = link.parentElement;
        while (getComputedStyle(block).display === "inline") block = block.parentElement;
        const linked = [...block.querySelectorAll("a")].map((one) => one.textContent).join("");
        const styles = [link, link.firstElementChild, link.parentElement].map((piece) => {
            const { color, fontWeight, fontStyle, textDecoration, border } =
                piece ? getComputedStyle(piece) : {};
            return [color, fontWeight, fontStyle, textDecoration, border];
        });
        const look = ["link", block.textContent.length > linked.length, ...styles, link.className,
            ground(link)].join();
        link.dataset.sameLink = known.has(look);
        if (!known.has(look)) fresh.push(look);
        known.add(look);
    }
    return fresh;
}"""
UNREAD = "body svg text, body [data-same=false]"
SKIP_THE_SAME = """axe.configure({rules: [
    {id: "color-contrast", selector: "*:not([data-same=true])"},
    {id: "link-in-text-block", selector: "a[href]:not([data-same-link=true])"},
]})"""


def axe(page, rules=None):
    """What axe finds wrong with a page: (rule, element, what to mend).

    rules: the names of those to look at; None for all up to level AA.
    """
    options = {"resultTypes": ["violations"]}
    # Preloading, axe fetches imported style sheets from the wrong place, for rules that are off.
    options["preload"] = False
    options["runOnly"] = (
        {"type": "tag", "values": RULES} if rules is None else {"type": "rule", "values": rules}
    )
    command = "async (options) => (await axe.run(document, options)).violations"
    return [
        f"{violation['id']}: {node['html'][:120]} ({node['failureSummary'][:200]})"
        for violation in page.evaluate(command, options)
        for node in violation["nodes"]
    ]


def look_at_new_colours(page, seen):
    """Have axe leave out the text whose look is in `seen`, a set, which gets the others."""
    seen.update(page.evaluate(MARK_THE_SAME, sorted(seen)))
    page.evaluate(SKIP_THE_SAME)


FADED = """() => Promise.allSettled(
  document.getAnimations().filter(a => a instanceof CSSTransition).map(a => a.finished)
).then(() => null)"""


def wear(page, scheme):
    """The page in the colours that a system in this scheme asks for, when they have faded in."""
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(
        "scheme => document.documentElement.dataset.theme === scheme", arg=scheme
    )
    page.evaluate(FADED)


def overflow(page):
    """By how many pixels the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def faults(page, address, seen):
    """What is wrong with a page: on a laptop, in the dark, and then on a telephone.

    One reading serves all: colours do not hang on the width, nor most rules on either.
    seen: a set of the looks of text that were found to be readable on other pages.
    """
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")
    page.goto(address)
    settle(page)
    page.add_style_tag(content="* { transition: none !important }")
    found = [f"{over} pixels too wide for 1280" for over in [overflow(page)] if over > 0]
    page.evaluate(ONE_OF_EACH_COLOUR)
    page.evaluate(AXE)
    look_at_new_colours(page, seen)
    found += [f"light: {fault}" for fault in axe(page)]
    wear(page, "dark")
    look_at_new_colours(page, seen)
    if page.locator(UNREAD).count():
        found += [f"dark: {fault}" for fault in axe(page, ["color-contrast"])]
    page.set_viewport_size({"width": 390, "height": 900})
    await_tab_stops(page)
    found += [f"{over} pixels too wide for 390" for over in [overflow(page)] if over > 0]
    found += [f"narrow: {fault}" for fault in axe(page, OF_WIDTH)]
    return found


def await_tab_stops(page):
    """Wait until the scripts have seen the new width; what is not mended then, axe finds."""
    with contextlib.suppress(TimeoutError):
        page.wait_for_function(
            "(scrolls) => [...document.querySelectorAll(scrolls)].every("
            "  (box) => box.scrollWidth <= box.clientWidth || box.tabIndex === 0)",
            arg="pre, .math-scroll, .pst-scrollable-table-container",
            timeout=5000,
        )


def settle(page):
    """Wait until the page's explorables have started or failed."""
    page.wait_for_function(
        "[...document.querySelectorAll('.explorable-mount')].every(place => place.dataset.ready)"
    )
