"""JupyterLab worked as a student works it: open, run, type, press keys, look."""

import os
import re
from pathlib import Path

import nbformat
from conftest import ERRORS, ROOT
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect


def keep_picture(lab, name):
    """A screenshot for the eyes, where GROOVES_PICTURES names a folder."""
    if folder := os.environ.get("GROOVES_PICTURES"):
        lab.page.screenshot(path=Path(folder) / f"{name}.png")


def test_the_first_notebook_runs_and_its_story_teller_answers(lab):
    panel = lab.open("notebooks/00_start.ipynb")
    lab.run_all(panel)
    expect(panel.locator(ERRORS)).to_have_count(0)
    box = panel.locator(".widget-text input").first
    box.scroll_into_view_if_needed()
    box.fill("There once was a zebra")
    box.press("Enter")
    expect(panel.get_by_text("zebra' is not").first).to_be_visible(timeout=30_000)
    box.fill("There once was an")
    box.press("Enter")
    expect(panel.get_by_text(re.compile(r"There once was an \w+ ")).first).to_be_visible(
        timeout=30_000
    )
    keep_picture(lab, "start")
    assert lab.outside == set()


def test_a_lab_says_not_started_and_then_passed(lab, work):
    answers = nbformat.read(ROOT / "labs/solutions/04_transformer.ipynb", 4)
    answer = next(cell.source for cell in answers.cells if cell.id == "softmax-answer")
    panel = lab.open("labs/04_transformer.ipynb")
    lab.run_all(panel)
    first_check = panel.locator(".jp-CodeCell", has_text="check.softmax(softmax)").last
    expect(first_check).to_contain_text("not started yet", timeout=30_000)
    expect(first_check).not_to_contain_text("Traceback")
    cell = panel.locator(".jp-CodeCell", has_text="def softmax(scores)").first
    cell.locator(".cm-content").click()
    lab.page.keyboard.press("Control+a")
    lab.page.keyboard.insert_text(answer)
    lab.run_cell(cell)
    lab.run_cell(first_check)
    expect(first_check).to_contain_text("passed", timeout=30_000)
    keep_picture(lab, "lab")
    assert lab.outside == set()


def test_a_moved_slider_reaches_the_kernel(lab, work):
    cells = [
        "from grooves.training import lineage\n"
        "from grooves.explorables.attention.widget import Attention\n"
        "from grooves.language.stories import Stories\n"
        "widget = Attention(lineage.base(), Stories())\n"
        "widget",
        "print('temperature in the kernel:', round(widget.temperature, 2))",
    ]
    notebook = new_notebook(
        cells=[new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}},
    )
    nbformat.write(notebook, work / "widget.ipynb")
    panel = lab.open("widget.ipynb")
    lab.run_all(panel)
    ask = panel.locator(".jp-CodeCell").last
    expect(ask).to_contain_text("temperature in the kernel: 1.0", timeout=30_000)
    slider = panel.locator("input[type=range]").first
    slider.wait_for(timeout=30_000)
    slider.focus()
    for _ in range(3):
        lab.page.keyboard.press("ArrowLeft")
    moved = float(slider.input_value())
    assert moved < 1.0, "JupyterLab took the arrow keys from the slider"
    lab.run_cell(ask)
    expect(ask).to_contain_text(f"temperature in the kernel: {round(moved, 2)}", timeout=30_000)
    keep_picture(lab, "widget")
    assert lab.outside == set()
