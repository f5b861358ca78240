"""Numbers come from the chapters' file names: an edition without chapter 4 has 1 and 6."""

from book_captions import numbered
from book_numbering import named, number_of
from test_edition import article, soup
from test_ledger import said

TOC = {
    "root": "book/welcome",
    "parts": [
        {"caption": "Start here", "chapters": [{"file": "notebooks/00_start"}]},
        {
            "caption": "Training",
            "chapters": [{"file": "book/02_x", "sections": [{"file": "labs/02_x"}]}],
        },
        {"caption": "Hardware", "chapters": [{"file": "notebooks/11_y"}]},
    ],
}
INFERENCE = {"caption": "Inference", "chapters": [{"file": "book/08_z"}]}


def captions(toc):
    return [part["caption"] for part in named(toc)["parts"]]


def test_notebooks_and_labs_are_named_by_their_chapters_number():
    start, training, hardware = named(TOC)["parts"]
    assert training["chapters"] == [
        {"file": "book/02_x", "sections": [{"file": "labs/02_x", "title": "Lab 2"}]}
    ]
    assert hardware["chapters"] == [{"file": "notebooks/11_y", "title": "Notebook 11"}]
    assert start["chapters"] == [{"file": "notebooks/00_start"}]
    assert number_of("book/11_y") == 11
    assert number_of("book/notation") is number_of("notebooks/11_y") is None


def test_parts_are_numbered_when_each_has_a_chapter():
    assert captions(TOC) == ["Start here", "Training", "Hardware"]
    whole = TOC | {"parts": [*TOC["parts"], INFERENCE]}
    assert captions(whole) == ["Start here", "I Training", "III Hardware", "II Inference"]
    assert captions(TOC) == ["Start here", "Training", "Hardware"], "the given one stays"


def test_a_chapter_bears_the_number_of_its_file_in_sidebar_and_title(edition):
    sidebar = [said(link) for link in soup(edition, "book/launch.html").select(".bd-links li a")]
    assert {"1. Multiply", "6. Begin elsewhere", "Notebook 6", "Lab 1"} <= set(sidebar)
    page = soup(edition, "book/06_fine_tuning.html")
    assert said(page.select_one("article h1")).startswith("6. Begin elsewhere")
    assert page.title.text.startswith("6. Begin elsewhere")
    assert [said(h2).rstrip("# ") for h2 in page.select("article h2")] == ["Inside"]
    assert not [text for text in sidebar if text.startswith("3. ")], "nothing is counted"


def test_a_printed_chapter_has_its_number_above_it(edition):
    page = soup(edition, "book/06_fine_tuning.html")
    titles = [said(title) for title in page.select("#jb-print-docs-body h1, article h1")]
    assert len(titles) == 2 and titles[0] == titles[1].rstrip("# ")
    assert titles[0].startswith("6. ")


def test_captions_of_results_and_explorables_bear_the_chapters_number():
    page = (
        '<figcaption style="x">A</figcaption><caption>B</caption><p>C</p>'
        '<p class="explorable-caption">D</p><caption>E</caption>'
    )
    number = '<span class="caption-number">{} </span>'
    assert numbered(page, 11) == (
        f'<figcaption style="x">{number.format("Figure 11.1")}A</figcaption>'
        f"<caption>{number.format('Table 11.1')}B</caption><p>C</p>"
        f'<p class="explorable-caption">{number.format("Figure 11.2")}D</p>'
        f"<caption>{number.format('Table 11.2')}E</caption>"
    )
    counted = '<figcaption>\n<p><span class="caption-number">Fig. 2.1 </span>F</p></figcaption>'
    assert numbered(counted, 2) == counted
    assert number.format("Figure 2.2") in numbered(counted + page, 2)


def test_formulas_figures_and_exercises_begin_with_the_chapters_number(edition):
    page = article(edition, "book/06_fine_tuning.html")
    assert [said(number).strip("# ") for number in page.select(".eqno")] == ["(6.1)", "(6.2)"]
    numbers = [said(number) for number in page.select(".caption-number")]
    assert numbers == ["Fig. 6.1", "Exercise 6.1", "Exercise 6.2"]
    first = article(edition, "book/01_forward_propagation.html")
    assert said(first.select_one(".caption-number")) == "Exercise 1.1"
    # a page that is no chapter counts by itself
    assert said(article(edition, "book/our_rooms.html").select_one(".eqno")).startswith("(1)")


def test_references_give_the_numbers_that_stand_at_their_targets(edition):
    links = {
        link["href"]: said(link)
        for link in article(edition, "book/our_rooms.html").select("a.reference.internal")
    }
    target = "06_fine_tuning.html"
    assert links == {
        f"{target}#equation-eq-second": "(6.2)",
        f"{target}#fig-mark": "Fig. 6.1",
        f"{target}#ex-second": "Exercise 6.2",
    }
