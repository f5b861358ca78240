"""Every page is readable by everyone, asks nobody for anything, and complains of nothing."""

import pytest
from built_book import Watch
from read_pages import AXE, axe, read, settle


def test_axe_finds_nothing_in_the_light_and_nothing_sticks_out(browser, book, book_address):
    faults, too_wide = read(browser, book, book_address, width=1280, coloured="light")
    assert faults == []
    assert too_wide == [], "wider than 1280 pixels"


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
