"""Everyone can read a feedback page of `grooves labs grade`, on a telephone and in the dark."""

import itertools
import os
from pathlib import Path

import axe_playwright_python
import mini_lab
import pytest

from grooves import cli
from grooves.grading import masters

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"


@pytest.fixture(scope="module")
def feedback(tmp_path_factory):
    """The pages of two submissions: one with a syntax error, one with a cell that did not run."""
    folder = tmp_path_factory.mktemp("course")
    released = masters.release(masters.read_master(mini_lab.make(folder)), mini_lab.LAB)
    handed_in = folder / "submissions"
    broken = {"twice_sum": "def twice_sum(values:\n    return 14"}
    mini_lab.hand_in(released, handed_in / "syntax_error.ipynb", **broken)
    helped = mini_lab.hand_in(released, handed_in / "own_cell.ipynb")
    mini_lab.cell(helped, "twice_sum-answer").source = "def twice_sum(v):\n    return helper(v)"
    helped.cells.insert(2, mini_lab.v4.new_code_cell("def helper(v):\n    return 2 * sum(v)"))
    mini_lab.write(helped, handed_in / "own_cell.ipynb")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        patch.setenv("GROOVES_CACHE", str(folder / "cache"))
        assert cli.main(["labs", "grade", str(handed_in), "--out", "feedback"]) == 0
    pages = sorted((folder / "feedback" / mini_lab.LAB).glob("*.html"))
    assert [page.stem for page in pages] == ["own_cell", "syntax_error"]
    return pages


def test_axe_finds_nothing_on_a_feedback_page_in_light_and_dark(feedback, browser):
    # the page forbids every script; only the test may run one
    page = browser.new_page(viewport={"width": 390, "height": 800}, bypass_csp=True)
    for path, scheme in itertools.product(feedback, ("light", "dark")):
        page.emulate_media(color_scheme=scheme)
        page.goto(path.as_uri())
        for fold in page.locator("summary").all():
            fold.click()
        assert page.get_by_role("progressbar", name="Points").count() == 1
        page.evaluate(AXE.read_text("utf-8"))
        assert page.evaluate("() => axe.run().then(found => found.violations)") == []
        assert page.evaluate("() => document.documentElement.scrollWidth") == 390
    page.close()
