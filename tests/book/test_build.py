"""The build is clean, complaints stop it, and pages show what the code does now."""

import html
import shutil
import subprocess
import sys
from types import SimpleNamespace

import nbformat
import pytest
from book_execution import forget_the_contents, missing_notebooks, take_in
from book_math import MathError, to_mathml
from built_book import ROOT
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbformat.v4 import new_code_cell, new_notebook
from notebook_results import hand_in, state_of
from read_pages import edition_pages
from sample_book import SOUND

NOTEBOOKS = sum(path.startswith("notebooks/") for path in SOUND)  # of the sample


def test_the_book_builds_without_a_warning(book):
    assert book.returncode == 0, book.log[-6000:]
    assert "WARNING:" not in book.log


def test_every_page_of_the_contents_is_there_and_no_solution(book):
    for page in edition_pages(ROOT):
        assert f"{page}.html" in book.pages()
    everything = [path for path in book.site.rglob("*") if path.is_file()]
    assert [path for path in everything if "solutions" in str(path)] == []
    assert [path for path in everything if b"BEGIN SOLUTION" in path.read_bytes()] == []


def test_every_notebook_of_the_book_was_run_and_no_lab(book):
    executed = book.site.parent / "jupyter_execute"
    for page in book.pages():
        folder = page.split("/")[0]
        if folder not in ("notebooks", "labs"):
            continue
        cells = nbformat.read(executed / page.replace(".html", ".ipynb"), 4).cells
        counts = [c.execution_count for c in cells if c.cell_type == "code" and c.source.strip()]
        if folder == "notebooks":
            assert counts and all(counts), f"{page} shows cells that did not run"
        else:
            assert not any(counts), f"{page} was run: its stubs only raise"


def test_no_page_names_a_folder_of_this_machine(book):
    for path in book.site.rglob("*.html"):
        assert str(ROOT) not in path.read_text("utf-8"), path


@pytest.mark.parametrize(
    "page, complaint",
    [
        ("book/formula", "cannot be written as MathML"),
        ("book/unanswered", "has no answer"),
        ("book/unasked", "has no Predict box before it"),
        ("book/no_quiz", "this page has no quiz: write book/quizzes/no_quiz.toml"),
        ("book/two_right", "two_right.toml, question 1 has 2 right choices"),
        ("book/missing", "nowhere.mjs"),
        ("book/circle", "a.mjs → b.mjs → a.mjs"),
        ("book/no_alt", "needs an :alt:"),
        ("book/state", "must be a JSON object"),
        ("book/ledger", "part='gardening' has no claims"),
        ("notebooks/raises", "Executing notebook failed"),
        ("notebooks/twice", "two verdicts on C01"),
    ],
)
def test_a_fault_on_a_page_stops_the_build(faulty, page, complaint):
    assert faulty.returncode != 0
    complaints = [line for line in faulty.log.splitlines() if "WARNING" in line or "ERROR" in line]
    named = [line for line in complaints if page in line and complaint in line]
    assert named, "\n".join(complaints)


def test_the_sample_book_is_sound_so_that_its_tests_mean_something(sample):
    assert sample.returncode == 0, sample.log[-4000:]


def test_a_changed_package_makes_notebooks_run_again(tmp_path):
    shutil.copytree(ROOT / "grooves", tmp_path / "grooves")
    before = state_of(tmp_path)
    assert state_of(tmp_path) == before
    (tmp_path / "grooves" / "README.txt").write_text("no code")
    assert state_of(tmp_path) == before
    for name in ("plots/claims.py", "assets/claims.toml"):
        changed = tmp_path / "grooves" / name
        changed.write_text(changed.read_text("utf-8") + "\n# changed\n", "utf-8")
        assert state_of(tmp_path) != before
        before = state_of(tmp_path)
    (tmp_path / "requirements.txt").write_text("numpy==0\n")
    assert state_of(tmp_path) != before


def test_the_build_uses_the_cache_of_the_packages_state(sample):
    root = sample.site.parents[1]
    cache = root / "_build" / "executed" / state_of(root)
    assert len(list(cache.glob("executed/*/base.ipynb"))) == NOTEBOOKS


def test_what_the_tests_have_executed_does_not_run_again_until_it_changes(tmp_path):
    """As long as the package stays as it is: another state has another folder."""
    cache = tmp_path / "executed"
    config = SimpleNamespace(nb_execution_mode="cache", nb_execution_cache_path=str(cache))
    config.nb_execution_excludepatterns = ["labs/*"]
    app = SimpleNamespace(config=config)
    app.env = SimpleNamespace(doc2path=lambda name: str(tmp_path / f"{name}.ipynb"))
    for name in ("one", "two"):
        cell = new_code_cell(f"print('{name}')", metadata={"tags": ["hide-input"]})
        nbformat.write(new_notebook(cells=[cell]), tmp_path / f"{name}.ipynb")
    ran = nbformat.read(tmp_path / "one.ipynb", 4)
    ran.cells[0].outputs = [nbformat.v4.new_output("stream", text="one\n")]
    hand_in(cache, tmp_path / "one.ipynb", ran, seconds=2.5)

    def missing():
        take_in(app, app.env, ["one", "two"])
        return [path.name for path, _ in missing_notebooks(app, ["one", "two"])]

    assert missing() == ["two.ipynb"]
    assert missing() == ["two.ipynb"]  # it was handed in once, and is kept
    assert list(cache.glob("handed_in/*")) == []
    (record,) = get_cache(cache).list_cache_records()
    kept = get_cache(cache).get_cache_bundle(record.pk)
    assert kept.nb.cells[0].outputs[0].text == "one\n"
    assert record.data == {"execution_seconds": 2.5}
    text = (tmp_path / "one.ipynb").read_text("utf-8")
    (tmp_path / "one.ipynb").write_text(text.replace("'one'", "'changed'"), "utf-8")
    assert missing() == ["one.ipynb", "two.ipynb"]


def test_all_that_is_written_goes_where_the_output_goes(sample, tmp_path):
    """A course that cannot be written to: a file stands where its `_build` would be."""
    course, output = tmp_path / "course", tmp_path / "output"
    shutil.copytree(
        sample.site.parents[1], course, ignore=shutil.ignore_patterns("_build", "__pycache__")
    )
    (course / "_build").write_text("in the way")
    before = {path: path.stat().st_mtime for path in course.rglob("*") if path.is_file()}
    command = [sys.executable, "-B", str(course / "book" / "build.py")]

    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert f"cannot be written to {course / '_build'}" in told.stderr
    assert "--output" in told.stderr
    assert "Traceback" not in told.stderr

    built = subprocess.run(
        [*command, "--output", str(output)], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr[-3000:]
    assert (output / "_build" / "html" / "index.html").is_file()
    assert len(list((output / "_build" / "executed").glob("*/executed/*/base.ipynb"))) == NOTEBOOKS
    assert {path: path.stat().st_mtime for path in course.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "tex, expected",
    [
        (r"\frac{a}{\sqrt{D}}", "<mfrac><mi>a</mi><msqrt><mi>D</mi></msqrt></mfrac>"),
        (r"x < 1", "<mo>&lt;</mo>"),
        (r"a \text{ if b}", "<mtext>\xa0if b</mtext>"),
        (r"\underbrace{x}_{\text{why}}", "<munder><munder><mi>x</mi><mo>⏟</mo></munder>"),
        (r"\overbrace{x}^{y}", "</mover><mi>y</mi></mover>"),
        (r"\lVert q \rVert^2", '<mo stretchy="false">‖</mo>'),
    ],
)
def test_a_formula_becomes_mathml_that_keeps_its_source(tex, expected):
    written = to_mathml(tex)
    assert expected in written
    assert f"{html.escape(tex)}</annotation>" in written


def test_lines_of_a_formula_are_aligned():
    for tex in (r"a &= b \\ c &= d", r"\begin{aligned} a &= b \\ c &= d \end{aligned}"):
        assert to_mathml(tex, block=True).count('<mtable class="ams-align"') == 1


@pytest.mark.parametrize("tex", [r"\nosuchcommand", r"\operatorname*{argmax}", r"\frac{a}"])
def test_a_formula_that_would_come_out_wrong_is_refused(tex):
    with pytest.raises(MathError):
        to_mathml(tex)


def test_a_notebook_that_lists_the_chapters_runs_again_when_there_are_others(tmp_path):
    (tmp_path / "edition.toml").write_text("leave_out = []\n", "utf-8")
    (tmp_path / "_toc.yml").write_text("- file: book/02_first\n", "utf-8")
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "02_first.md").write_text("# First\n\nWhy?\n", "utf-8")
    cache = get_cache(tmp_path / "executed")
    config = SimpleNamespace(nb_execution_mode="cache", nb_execution_cache_path=cache.path)
    app = SimpleNamespace(srcdir=tmp_path, config=config)
    app.env = SimpleNamespace(doc2path=lambda name: str(tmp_path / f"{name}.ipynb"))
    forget_the_contents(app, app.env, [])  # as in the build that ran them
    for name, source in (("lists", "contents.chapters()"), ("other", "1 + 1")):
        path = tmp_path / f"{name}.ipynb"
        nbformat.write(new_notebook(cells=[new_code_cell(source)]), path)
        bundle = CacheBundleIn(nbformat.read(path, 4), str(path))
        cache.cache_notebook_bundle(bundle, check_validity=False)

    def kept():
        forget_the_contents(app, app.env, ["lists", "other"])
        return [record.uri.rpartition("/")[2] for record in cache.list_cache_records()]

    assert kept() == ["lists.ipynb", "other.ipynb"]
    (tmp_path / "edition.toml").write_text("leave_out = [2]\n", "utf-8")
    assert kept() == ["other.ipynb"]
