"""Search works on a server and from a disk."""

import pytest
from built_book import Watch
from playwright.sync_api import expect


@pytest.mark.parametrize("way", ["http", "file"])
def test_search_finds_pages_by_what_they_say(page, book, book_address, way):
    watch = Watch()
    watch.on(page)
    start = book_address if way == "http" else book.site.as_uri() + "/"
    page.goto(start + "book/about.html")
    page.keyboard.press("Control+k")
    field = page.get_by_role("searchbox").locator("visible=true")
    field.fill("perplexity")
    field.press("Enter")
    results = page.locator("#search-results")
    expect(results.get_by_role("link", name="Glossary").first).to_be_visible()
    expect(page.locator("#search-results p").first).to_contain_text("found")
    results.get_by_role("link", name="Glossary").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Glossary")
    assert watch.outside == []
    assert watch.complaints == []


def test_a_word_that_nowhere_stands_is_not_found(page, book_address):
    page.goto(book_address + "search.html?q=zeppelinoid")
    expect(page.locator("#search-results")).to_contain_text("did not match any documents")
