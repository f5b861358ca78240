"""What edition.toml may say, what comes of it, and what is refused with a sentence."""

import pytest

from grooves.grading.edition.settings import Edition, Page, contents, read_edition

TOC = {
    "root": "book/welcome",
    "parts": [
        {"caption": "Start", "chapters": [{"file": "notebooks/00_start"}]},
        {"caption": "I", "chapters": [
            {"file": "book/03_labels", "sections": [{"file": "notebooks/03_labels"}]},
            {"file": "book/06_fine_tuning"},
        ]},
        {"caption": "III", "chapters": [{"file": "book/11_cpu_gpu"}]},
    ],
}  # fmt: skip


def course(folder, text):
    """A course with this edition.toml, a logo and two pages."""
    (folder / "book" / "_static").mkdir(parents=True)
    for name in ("_static/favicon.svg", "ours.md", "mine.md"):
        (folder / "book" / name).write_text("x")
    (folder / "edition.toml").write_text(text)
    return folder


def files(toc):
    """Captions of the parts and the files below them."""
    return {
        part["caption"]: [
            file
            for entry in part["chapters"]
            for file in (entry["file"], *(s["file"] for s in entry.get("sections", [])))
        ]
        for part in toc["parts"]
    }


def test_the_committed_edition_is_the_course_as_it_comes_or_a_sound_one(tmp_path):
    assert read_edition(tmp_path) == Edition()
    assert read_edition(course(tmp_path, "")) == Edition()
    assert contents(TOC, Edition()) == TOC


def test_an_edition_says_all_of_it_in_one_file(tmp_path):
    text = (
        'name = "Ridges"\ninstitution = " Example School "\ncolour = "#8a1538"\n'
        'address = "example.edu/grooves"\nleave_out = [11, 3, 3]\n'
        '[[pages]]\nfile = "book/ours.md"\npart = "Start"\n'
    )
    assert read_edition(course(tmp_path, text)) == Edition(
        name="Ridges",
        institution="Example School",
        colour="#8a1538",
        address="https://example.edu/grooves/",
        leave_out=(3, 11),
        pages=(Page("book/ours", "Start"),),
    )


def test_a_chapter_goes_with_notebook_and_lab_and_an_empty_part_goes_too():
    toc = contents(TOC, Edition(leave_out=(3, 11)))
    assert files(toc) == {"Start": ["notebooks/00_start"], "I": ["book/06_fine_tuning"]}
    edition = Edition(leave_out=(3,))
    assert edition.lacks("labs/03_labels.ipynb") == edition.lacks("book/03_labels") == 3
    assert edition.lacks("book/06_fine_tuning.md") is None
    assert edition.lacks("notebooks/00_start.ipynb") is None


def test_a_page_is_added_at_the_end_of_its_part():
    toc = contents(TOC, Edition(pages=(Page("book/ours", "I"), Page("book/mine", "Start"))))
    assert files(toc)["I"][-1] == "book/ours"
    assert files(toc)["Start"] == ["notebooks/00_start", "book/mine"]


@pytest.mark.parametrize(
    "text, said",
    [
        ("leave_out = 3", r"leave_out is 3: write a list of chapter numbers, such as \[3, 11\]"),
        ('leave_out = ["3"]', r"leave_out is \['3'\]"),
        ("leave_out = [5]", "leave_out names chapter 5, .* choose from 3, 6, 11"),
        ("leave_out = [0]", "leave_out names chapter 0, .* choose from 3, 6, 11"),
        ("leave_out = [3, 6, 11]", "removes every chapter: keep at least one"),
        ('logo = "book/logo.svg"', "logo is 'book/logo.svg', but there is no such file: give"),
        ('logo = "book/ours.md"', "give a file that ends with .svg"),
        ('colour = "red"', "colour is 'red', which is not a colour: write '#'"),
        ('color = "#8a1538"', "'color' is not a setting; the settings are name, "),
        ("name = 3", "name is 3: write it in quotes"),
        ('name = " "', "name is empty"),
        ("name = Ridges", "edition.toml is not TOML .*line 1.*: correct that line"),
        ('address = "a page"', "address is 'a page', which is not a web address"),
        ('[[pages]]\nfile = "book/x"\npart = "I"', "neither book/x.md nor book/x.ipynb: write"),
        ('[[pages]]\nfile = "README"\npart = "I"', "'README' must be in book or notebooks"),
        ('[[pages]]\nfile = "book/ours"\npart = "II"', "for the part 'II', .* from 'Start', 'I'"),
        ('[[pages]]\nfile = "book/ours"', r"a page is .*: below \[\[pages\]\], give its file and"),
        ('pages = "book/ours"', "a page is 'book/ours'"),
    ],
)
def test_a_wrong_setting_is_refused_with_the_remedy(tmp_path, text, said):
    with pytest.raises(ValueError, match=said) as refused:
        contents(TOC, read_edition(course(tmp_path, text)))
    assert str(refused.value).startswith("edition.toml")
    assert "\n" not in str(refused.value)


def test_a_page_is_in_the_book_once():
    with pytest.raises(ValueError, match="'notebooks/00_start' is already in the book"):
        contents(TOC, Edition(pages=(Page("notebooks/00_start", "I"),)))
