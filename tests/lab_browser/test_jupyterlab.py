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


GREEN = "rgb(45, 164, 78)"
NEWS = "@jupyterlab/apputils-extension:announcements"


def listed(lab):
    """The names in the file browser."""
    return lab.page.locator(".jp-DirListing-itemText").all_inner_texts()


def test_jupyterlab_opens_with_the_first_notebook_and_the_labs_in_sight(lab, work):
    lab.start()
    expect(lab.page.locator(".lm-TabBar-tab.jp-mod-current").first).to_contain_text("00_start")
    assert {"labs", "notebooks", "book"} <= set(listed(lab))
    keep_picture(lab, "opened")
    lab.page.locator(".jp-DirListing-item", has_text="labs").dblclick()
    expect(lab.page.locator(".jp-DirListing-item", has_text="04_transformer")).to_be_visible()
    assert (work / "labs" / "solutions").is_dir()
    assert "solutions" not in listed(lab)
    off = "JSON.parse(document.getElementById('jupyter-config-data').text).disabledExtensions"
    assert NEWS in lab.page.evaluate(off)
    assert lab.page.locator(".Toastify__toast").count() == 0
    keep_picture(lab, "labs")
    assert lab.outside == set()


def test_nothing_is_written_to_the_users_own_configuration(lab, work):
    lab.start()
    kept = work / "cache" / "jupyterlab" / "workspaces"
    lab.page.locator(".jp-DirListing-item", has_text="labs").dblclick()
    for _ in range(100):
        if kept.is_dir() and list(kept.iterdir()):
            break
        lab.page.wait_for_timeout(100)
    else:
        raise AssertionError(f"the layout was not kept in {kept}")
    written = [path.name for path in (work / "config").rglob("*") if path.is_file()]
    assert set(written) <= {"migrated"}  # an empty stamp that any Jupyter command leaves
    assert not (work / "settings").exists()
    assert not (work / "workspaces").exists()


def test_a_link_to_a_chapter_opens_its_page_or_says_how_to_build_it(lab, work):
    page = work / "_build" / "html" / "book" / "how_to_use.html"
    lab.start()
    link = lab.page.locator(".jp-RenderedMarkdown a", has_text="How to use this book").first

    def follow():
        with lab.page.expect_popup() as opened:
            link.click()
        opened.value.wait_for_load_state()
        return opened.value

    missing = follow()
    expect(missing.locator("main")).to_contain_text("make book")
    assert missing.url.endswith("/course/book/how_to_use.html")
    source = missing.get_by_role("link").get_attribute("href")
    assert source == "/lab/tree/book/how_to_use.md"
    missing.close()
    page.parent.mkdir(parents=True)
    page.write_text("<title>The built page</title>", "utf-8")
    built = follow()
    assert built.title() == "The built page"
    built.close()
    assert lab.outside == set()


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
    written = cell.locator(".cm-content")
    for _ in range(5):  # what arrives from the kernel may move the cell between click and key
        written.click()
        lab.page.keyboard.press("Control+a")
        lab.page.keyboard.insert_text(answer)
        lab.page.wait_for_timeout(300)
        if "".join(written.inner_text().split()) == "".join(answer.split()):
            break
    lab.run_cell(cell)
    lab.run_cell(first_check)
    expect(first_check).to_contain_text("passed: softmax", timeout=30_000)
    expect(first_check).to_contain_text("1 of 11 passed, next: exercise 2, ")
    mark = first_check.locator(".jp-OutputArea-output", has_text="passed: softmax").locator("div")
    colours = mark.evaluate_all("marks => marks.map((m) => getComputedStyle(m).borderLeftColor)")
    assert GREEN in colours
    line = panel.locator(".grooves-lab-progress")
    expect(line).to_contain_text("Lab 4: The transformer")
    expect(line).to_contain_text("1 of 11 passed, next: exercise 2, ")
    expect(line).to_be_in_viewport()
    keep_picture(lab, "lab")
    panel.locator(".jp-WindowedPanel-outer").evaluate("box => box.scrollTo(0, box.scrollHeight)")
    lab.page.wait_for_timeout(500)
    assert panel.locator(".jp-WindowedPanel-outer").evaluate("box => box.scrollTop") > 1000
    expect(line).to_have_count(1)
    expect(line).to_be_in_viewport()
    keep_picture(lab, "lab_end")
    assert lab.outside == set()


def test_a_moved_slider_reaches_the_kernel(lab, work):
    cells = [
        "from grooves.explorables.attention.widget import Attention\n"
        "from grooves.language.stories import Stories\n"
        "from grooves.training import lineage\n"
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
