"""An explorable starts on a server and from a disk, and leaves a picture where it cannot."""

import pytest
from book_explorable import packed
from built_book import Watch
from playwright.sync_api import expect


def address(way, sample, sample_address):
    start = sample_address if way == "http" else sample.site.as_uri() + "/"
    return start + "book/explorables.html"


@pytest.mark.parametrize("way", ["http", "file"])
def test_a_module_starts_with_its_imports_state_bytes_and_style(page, sample, sample_address, way):
    watch = Watch()
    watch.on(page)
    page.goto(address(way, sample, sample_address))
    first = page.locator(".explorable").first
    # the body's state goes before the function's: 3 and not 100; the module doubles it
    expect(first.get_by_role("button")).to_have_text("twice: 6")
    # three float32 as bytes, added up and doubled by modules that import each other
    expect(first.locator("output")).to_have_text("14")
    expect(first.locator(".plain")).to_have_text('["a","b"]')
    expect(first.locator(".plain")).to_have_css("color", "rgb(1, 2, 3)")
    expect(first.get_by_text("The counter doubles what it counts.")).to_be_visible()
    expect(first.get_by_role("img")).to_have_count(0)
    assert watch.outside == []


@pytest.mark.parametrize("way", ["http", "file"])
def test_a_change_of_the_model_reaches_those_who_listen(page, sample, sample_address, way):
    page.goto(address(way, sample, sample_address))
    button = page.locator(".explorable").first.get_by_role("button")
    button.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(button).to_have_text("twice: 10")


def test_where_scripts_are_off_there_is_a_picture_with_its_caption(browser, sample_address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{sample_address}book/explorables.html")
    first = page.locator(".explorable").first
    picture = first.get_by_role("img", name="A still picture of a counter")
    expect(picture).to_be_visible()
    assert picture.bounding_box()["width"] >= 40
    note = first.locator("noscript p")  # playwright's search for text skips <noscript>
    expect(note).to_be_visible()
    expect(note).to_have_text("Scripts are off, so this is a still picture.")
    expect(first.get_by_text("The counter doubles what it counts.")).to_be_visible()
    context.close()


def test_a_module_that_fails_leaves_the_picture_and_says_why(page, sample_address):
    watch = Watch()
    watch.on(page)
    page.goto(f"{sample_address}book/explorables.html")
    second = page.locator(".explorable").nth(1)
    expect(second.get_by_role("img", name="A still picture of what fails")).to_be_visible()
    expect(second.get_by_role("status")).to_contain_text("could not start: no luck today")
    assert any("no luck today" in text for text in watch.complaints)


def test_formulas_are_laid_out_by_the_browser_and_numbered(page, sample_address):
    page.goto(f"{sample_address}book/formulas.html")
    formula = page.locator("math[display=block]")
    expect(formula).to_have_count(1)
    box = formula.bounding_box()
    assert box["height"] > 30, "a fraction is taller than a line"
    expect(page.locator(".math-block .eqno")).to_contain_text("(1)")
    expect(page.get_by_role("link", name="(1)")).to_be_visible()


def test_bytes_are_held_apart_from_plain_state():
    assert packed({"a": 1, "b": b"\x00\xff"}) == {"plain": {"a": 1}, "bytes": {"b": "AP8="}}
