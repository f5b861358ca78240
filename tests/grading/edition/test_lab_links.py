"""Links of a released lab lead to the published book, or to the folder's pages where none is."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grooves.grading.edition.lab_links import fit_links, lead_to_the_book
from grooves.grading.edition.settings import Edition

CELL = (
    "Read [who [really] labelled](../book/03_labels.md#masks), "
    "then [it](../notebooks/03_labels.ipynb)."
)
SITE = "https://school.github.io/grooves/"


def test_without_an_address_links_stay_as_they_are():
    assert lead_to_the_book(CELL, Edition()) == CELL


def test_with_an_address_links_lead_to_the_published_pages():
    assert lead_to_the_book(CELL, Edition(address=SITE)) == CELL.replace(
        "../book/03_labels.md#masks", f"{SITE}book/03_labels.html#masks"
    )


@pytest.mark.parametrize("address", ["", SITE])
def test_a_link_to_a_chapter_that_is_left_out_becomes_text(address):
    edition = Edition(address=address, leave_out=(3,))
    assert lead_to_the_book(CELL, edition).startswith(
        "Read who [really] labelled (chapter 3, not in this edition), then [it]("
    )
    short = "You need [Chapter 3](../book/03_labels.md)."
    assert lead_to_the_book(short, edition) == "You need Chapter 3 (not in this edition)."


def test_only_text_is_changed_in_a_notebook(tmp_path):
    code = 'print("[x](../book/03_labels.md)")'
    lab = new_notebook(cells=[new_markdown_cell(CELL, id="a"), new_code_cell(code, id="b")])
    before = nbformat.writes(lab)
    fit_links(lab, tmp_path)
    assert nbformat.writes(lab) == before
    (tmp_path / "edition.toml").write_text(f'address = "{SITE}"\nlogo = "logo.svg"\n')
    (tmp_path / "logo.svg").write_text("x")
    fit_links(lab, tmp_path)
    assert f"{SITE}book/03_labels.html#masks" in lab.cells[0].source
    assert lab.cells[1].source == code
