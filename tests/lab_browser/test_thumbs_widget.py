"""The two stories and their thumbs in JupyterLab, with the keyboard alone."""

import re

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect
from test_jupyterlab import keep_picture

from grooves.inference.feedback_file import read

CELL = """\
from grooves.fine_tuning.thumbs import Thumbs
from grooves.language.stories import Stories
from grooves.training import lineage
Thumbs(lineage.base(), Stories(), name="base")"""


def test_thumbs_are_given_with_the_keyboard_and_land_in_the_students_file(lab, work):
    notebook = new_notebook(
        cells=[new_code_cell(CELL)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}},
    )
    nbformat.write(notebook, work / "thumbs.ipynb")
    panel = lab.open("thumbs.ipynb")
    lab.run_all(panel)
    left = panel.get_by_role("button", name="Left is better")
    left.wait_for(timeout=30_000)
    status, file = panel.get_by_role("status"), work / "cache" / "feedback" / "thumbs.jsonl"
    expect(status).to_contain_text("You have judged 0 pairs")
    expect(status).to_contain_text("thumbs.jsonl")
    assert not file.exists(), "nothing was judged yet"

    left.focus()
    lab.page.keyboard.press("Enter")
    expect(status).to_contain_text("You have judged 1 pair.", timeout=30_000)
    lab.page.keyboard.press("Enter")  # the focus stayed where it was
    expect(status).to_contain_text("You have judged 2 pairs", timeout=30_000)
    lab.page.keyboard.press("Tab")
    focused = lab.page.locator(":focus")
    expect(focused).to_have_text(re.compile("Right is better"))
    lab.page.keyboard.press("Space")
    expect(status).to_contain_text("You have judged 3 pairs", timeout=30_000)
    keep_picture(lab, "thumbs")
    found = read(file)
    assert len(found.feedback) == 3 and not found.skipped
    assert lab.outside == set()
