"""Search works on a server and from a disk, and leads to the chapter that explains a word."""

import book_search
import pytest
from built_book import ROOT, Watch, served
from playwright.sync_api import expect
from read_pages import edition_pages

FIRST = {  # what a student would type, and the chapter that explains it
    "backprop": "02_back_propagation",
    "KV cache": "04_transformer",
    "attention": "04_transformer",
    "cross entropy": "01_forward_propagation",
    "softmax": "01_forward_propagation",
    "gradient descent": "02_back_propagation",
    "LoRA": "06_fine_tuning",
    "quantization": "12_precision_memory",
    "int8": "12_precision_memory",
    "roofline": "11_cpu_gpu",
    "memory bandwidth": "11_cpu_gpu",
    "tokens": "04_transformer",
    "self-supervised": "03_labels",
    "residual": "04_transformer",
    "autograd": "02_back_propagation",
    "perplexity": "04_transformer",
    "batch size": "01_forward_propagation",
    "fp16": "12_precision_memory",
    "overfitting": "06_fine_tuning",
    "fine-tune": "06_fine_tuning",
}


def found(page, address, query):
    """Addresses of the pages that a search finds, in order."""
    page.goto(f"{address}search.html?q={query}")
    status = page.locator("#search-results .search-summary")
    expect(status).to_contain_text("found")
    links = page.locator("#search-results li > a").all()
    return [link.get_attribute("href").partition("?")[0] for link in links]


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


def test_what_a_student_types_finds_its_chapter_first(page, book_address):
    here = edition_pages(ROOT)  # an edition may leave a chapter out
    expected = {q: f"book/{name}.html" for q, name in FIRST.items() if f"book/{name}" in here}
    assert expected
    found_first = {query: found(page, book_address, query)[0] for query in expected}
    assert found_first == expected


def test_chapters_come_before_notebooks_and_labs(page, taught):
    with served(taught.site) as address:
        kinds = [name.partition("/")[0] for name in found(page, address, "minutes")]
    assert {"book", "notebooks", "labs"} <= set(kinds)
    assert kinds == sorted(kinds, key=["book", "notebooks", "labs"].index)


def test_a_word_that_no_page_holds_still_leads_to_its_chapter(page, taught):
    with served(taught.site) as address:
        assert found(page, address, "Skip-Connections") == ["book/04_transformer.html"]


def test_excerpts_hold_no_code_and_code_of_notebooks_is_not_found(page, sample_address):
    assert found(page, sample_address, "very_long_name") == ["book/code.html"]
    excerpt = page.locator("#search-results li p")
    expect(excerpt).to_have_count(1)
    assert "factor" not in excerpt.inner_text()


def test_an_excerpt_begins_with_the_text_and_keeps_short_formulas(page, sample_address):
    found(page, sample_address, "costs")
    excerpt = page.locator("#search-results li p").first.inner_text()
    assert "costs O(T^2)" in excerpt
    assert not [word for word in (".md", ".pdf", "Print") if word in excerpt]


def test_each_word_of_a_student_belongs_to_one_chapter():
    listed = [
        book_search.plain(phrase) for typed in book_search.chapters().values() for phrase in typed
    ]
    alike = sorted({phrase for phrase in listed if listed.count(phrase) > 1})
    assert alike == []
    assert book_search.phrases({"book/04_transformer"})["kv cache"] == "book/04_transformer"
    assert book_search.phrases({"book/welcome"}) == {}
