"""The ledger lists every claim once and says exactly what executed cells have stated."""

import re
import subprocess
import sys

import pytest
from bs4 import BeautifulSoup
from built_book import ROOT
from playwright.sync_api import expect
from read_pages import AXE, axe, overflow

from grooves.grading.edition.settings import read_edition
from grooves.plots import claims
from grooves.plots.typeset import typeset


def rows(site, page):
    """Of a ledger's page: claim id to (claim's cell, verdict, finding's cell)."""
    soup = BeautifulSoup((site / page).read_text("utf-8"), "html.parser")
    found = {}
    for row in soup.select("table.ledger tbody tr"):
        assert row["id"] not in found, f"{row['id']} is listed twice"
        found[row["id"]] = row.find_all("td")
    return found


def said(cell):
    return " ".join(cell.get_text(" ").split())


def test_every_claim_is_listed_once_with_its_text_and_cited_sources(book):
    found = rows(book.site, "book/ledger.html")
    assert sorted(found) == list(claims.claims())
    for name, (about, _, _) in found.items():
        claim = claims.claims()[name]
        # typographic quotes aside, it is the text of the list
        assert said(about).replace("’", "'").startswith(f"{name} {claim.text}"[:60])
        cited = [link for link in about.find_all("a") if "bibliography.html#" in link["href"]]
        assert len(cited) == len(claim.sources), name


def test_the_ledger_says_what_the_executed_notebooks_state(book):
    notebooks = sorted((book.site.parent / "jupyter_execute" / "notebooks").glob("*.ipynb"))
    stated = {verdict.claim: verdict for verdict in claims.collect(notebooks)}
    assert stated
    for name, (_, verdict, finding) in rows(book.site, "book/ledger.html").items():
        if name in stated:
            assert said(verdict) == stated[name].verdict
            told = BeautifulSoup(typeset(stated[name].found), "html.parser")
            assert said(told)[:20] in said(finding)
        else:
            chapter, *_ = chapters = claims.claims()[name].chapters
            away = {chapter.number for chapter in chapters} & set(read_edition(ROOT).leave_out)
            assert said(verdict) == ("not in this edition" if away else "not yet checked")
            assert f"chapter {chapter.number}, {chapter.title}" in said(finding)


def test_the_claims_of_a_finished_chapter_have_a_verdict(book):
    found = rows(book.site, "book/ledger.html")
    for name, claim in claims.claims().items():
        pages = [f"notebooks/{chapter.name}.html" for chapter in claim.chapters]
        if all(page in book.pages() for page in pages):
            assert said(found[name][1]) != "not yet checked", name


def test_a_verdict_stated_in_a_cell_reaches_the_ledger_with_a_link_to_the_cell(sample):
    found = rows(sample.site, "book/ledger.html")
    _, verdict, finding = found["C33"]
    assert said(verdict) == "does not hold"
    assert said(finding.find("p")).startswith("No gradient: 0 bytes. Better: Say forward.")
    link = finding.find("a")["href"]
    assert link == "../notebooks/experiment.html#claim-C33"
    page = (sample.site / "notebooks/experiment.html").read_text("utf-8")
    assert len(re.findall('id="claim-C33"', page)) == 1
    assert said(found["C10"][1]) == "holds"
    numbers = found["C10"][2].find("p").get_text().replace("\u00a0", " ")
    assert numbers.startswith("3646 of them, up to 5 × 10\u221210.")
    assert said(found["C01"][1]) == "not yet checked"


def test_a_build_from_the_cache_states_the_same_verdicts(sample, tmp_path):
    build = sample.site.parents[1] / "book" / "build.py"
    done = subprocess.run([sys.executable, str(build), "--output", str(tmp_path)], check=False)
    assert done.returncode == 0
    found = rows(tmp_path / "_build" / "html", "book/ledger.html")
    assert {name: said(cells[1]) for name, cells in found.items()} == {
        name: said(cells[1]) for name, cells in rows(sample.site, "book/ledger.html").items()
    }


def test_the_summary_counts_the_verdicts(sample):
    page = (sample.site / "book/ledger.html").read_text("utf-8")
    assert "2 of 55 claims have been checked so far: 1 does not hold, 1 holds." in page


def test_a_widget_is_shown_as_it_stood_and_its_state_is_not_shipped(sample):
    page = (sample.site / "notebooks/experiment.html").read_text("utf-8")
    soup = BeautifulSoup(page, "html.parser")
    bar, box = soup.select(".widget-still")
    assert re.match(r"counting: 100% 7/7 \[", said(bar))
    assert said(box).startswith("what it said This part is alive in JupyterLab")
    assert "application/vnd.jupyter.widget" not in page


def shown(page):
    """The claims that are seen, in order."""
    return [row.get_attribute("id") for row in page.locator("table.ledger tbody tr:visible").all()]


def test_the_filters_show_the_claims_of_a_verdict_a_chapter_and_a_source(page, sample_address):
    page.goto(sample_address + "book/ledger.html")
    everything = shown(page)
    assert everything == list(dict.fromkeys(everything)) and len(everything) == len(claims.claims())
    page.get_by_label("Verdict").select_option("does not hold")
    assert shown(page) == ["C33"]
    expect(page.get_by_text("1 of 55 claims shown")).to_be_visible()
    page.get_by_role("button", name="Show all claims").click()
    assert shown(page) == everything
    page.get_by_label("Chapter").select_option("8")
    page.get_by_label("Source").select_option("GIGABYTE [2023]")
    expected = {
        name
        for name, claim in claims.claims().items()
        if "gigabyte-guide" in claim.sources and 8 in {one.number for one in claim.chapters}
    }
    assert set(shown(page)) == expected != set()


def test_a_link_to_a_claim_unfolds_its_finding(page, sample_address):
    page.goto(sample_address + "book/ledger.html")
    finding = page.locator("#C33").get_by_text("No gradient: 0 bytes.")
    expect(finding).to_be_hidden()
    page.goto(sample_address + "book/ledger.html#C33")
    expect(finding).to_be_visible()


def test_without_scripts_the_ledger_is_a_table_whose_findings_unfold(browser, sample_address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(sample_address + "book/ledger.html")
    assert len(shown(page)) == len(claims.claims())
    assert page.locator(".ledger-filters").count() == 0
    page.get_by_text("What was found (C33)").click()
    expect(page.locator("#C33").get_by_text("No gradient: 0 bytes.")).to_be_visible()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everyone_can_read_and_work_the_ledger(page, sample_address, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(sample_address + "book/ledger.html")
    page.get_by_role("button", name="Unfold all findings").click()
    page.evaluate(AXE)
    assert axe(page) == []
    column = page.locator(".bd-article").bounding_box()["width"]
    assert page.locator("#C33 details p").bounding_box()["width"] > 0.9 * column
    page.add_style_tag(content="* { transition: none !important }")
    page.set_viewport_size({"width": 390, "height": 900})
    assert overflow(page) <= 0
    assert axe(page, ["target-size", "label", "select-name"]) == []
