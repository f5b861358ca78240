"""Every notebook without nbval, from a fresh kernel and with the network cut.

nbval passes an unknown magic, and a cell that should raise and does not; this run does not. What
ran without a fault is kept for the book, which then need not run it again. The lab solutions, which
nbval runs for each change, run here too where GROOVES_WHOLE is set.
"""

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_cache import get_cache
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))
from book_execution import cache_folder  # noqa: E402 the book's extensions are no package

RUNNER = Path(__file__).with_name("run_offline.py")
WHOLE = bool(os.environ.get("GROOVES_WHOLE"))
SOLUTIONS = ROOT.glob("labs/solutions/*.ipynb") if WHOLE else ()
NOTEBOOKS = sorted([*ROOT.glob("notebooks/*.ipynb"), *SOLUTIONS])
LABS = sorted(ROOT.glob("labs/*.ipynb"))


@functools.cache
def cutter() -> tuple[str, ...]:
    """The command that cuts the network, or nothing where it is not permitted."""
    command = ("unshare", "-rn")
    if shutil.which("unshare") is None:
        return ()
    done = subprocess.run([*command, "true"], capture_output=True, check=False)
    return command if done.returncode == 0 else ()


def run(path, *options):
    """Run one notebook with the network cut where that is permitted."""
    cut = ["--cut"] if cutter() else []
    command = [*cutter(), sys.executable, str(RUNNER), str(path), *cut, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def run_cells(tmp_path, *sources, tags=(), options=()):
    """Run a notebook of these cells, each with `tags`."""
    cells = [new_code_cell(source, metadata={"tags": list(tags)}) for source in sources]
    path = tmp_path / "planted.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    return run(path, *options)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: str(p.relative_to(ROOT)))
def test_it_runs_from_a_fresh_kernel_offline_and_leaves_nothing_behind(path, record_property):
    cache = ["--cache", str(cache_folder(ROOT))] if path.parent.name == "notebooks" else []
    result = run(path, *cache)
    record_property("seconds", result["seconds"])
    print(f"{path.relative_to(ROOT)}: {result['seconds']} s")
    assert result["error"] is None
    assert result["swallowed"] == []
    assert result["left_behind"] == []
    if not cutter():
        pytest.skip("ran, but with the network: `unshare -rn` is not permitted here")
    assert result["cut"], "the network was to be cut and is not"


@pytest.mark.parametrize("path", LABS, ids=lambda p: p.stem)
def test_a_students_lab_fails_only_where_the_student_has_not_been(path):
    result = run(path, "--allow-errors")
    checks = {
        cell.id
        for cell in nbformat.read(path, 4).cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    }
    raised = result["raised"]
    assert {raised.get(cell) for cell in checks} == {"NotStarted"}, "every check says so"
    others = {cell: name for cell, name in raised.items() if cell not in checks}
    assert set(others.values()) <= {"NotImplementedError"}, "a cell on answers meets a stub"
    assert result["swallowed"] == [] and result["left_behind"] == []


def test_a_faultless_run_is_kept_for_the_book_and_no_other(tmp_path):
    sources = {"1 + 1": 1, "1 / 0": 0, "open('crumb', 'w').close()": 0}
    for name, (source, kept) in zip("abc", sources.items(), strict=True):
        folder = tmp_path / name
        run_cells(tmp_path, source, options=("--cache", str(folder)))
        records = get_cache(folder).list_cache_records() if folder.exists() else []
        assert len(records) == kept, source
    notebook = nbformat.read(tmp_path / "planted.ipynb", 4)
    notebook.cells[0].source = "1 + 1"
    _, filled_in = get_cache(tmp_path / "a").merge_match_into_notebook(notebook)
    assert filled_in.cells[0].outputs[0].data["text/plain"] == "2"


def test_a_failing_cell_is_named(tmp_path):
    assert "the claim" in run_cells(tmp_path, "assert 1 == 2, 'the claim'")["error"]


def test_an_unknown_magic_is_not_swallowed(tmp_path):
    for options in ([], ["--allow-errors"]):
        found = run_cells(tmp_path, "%nosuchmagic", options=options)
        assert "nosuchmagic" in (found["error"] or "".join(found["swallowed"]))


def test_an_exception_that_does_not_come_is_not_swallowed(tmp_path):
    found = run_cells(tmp_path, "fine = 1", tags=["raises-exception"])
    assert any("was to raise an exception" in fault for fault in found["swallowed"])


def test_a_file_left_behind_is_seen(tmp_path):
    assert run_cells(tmp_path, "open('crumb', 'w').close()")["left_behind"] == ["crumb"]


def test_the_cut_is_seen_from_inside_a_notebook(tmp_path):
    if not cutter():
        pytest.skip("`unshare -rn` is not permitted here")
    ask = "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=20)"
    assert "unreachable" in run_cells(tmp_path, ask)["error"].lower()
