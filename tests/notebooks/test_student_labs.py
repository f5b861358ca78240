"""An untouched lab runs from top to bottom, and fails only where the student is to work."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

LABS = sorted((Path(__file__).resolve().parents[2] / "labs").glob("*.ipynb"))


@pytest.mark.parametrize("path", LABS, ids=lambda p: p.stem)
def test_a_students_lab_fails_only_where_the_student_has_not_been(path, tmp_path):
    notebook = nbformat.read(path, 4)
    place = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=240, allow_errors=True, resources=place).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    raised = {
        cell.id: output.ename
        for cell in code
        for output in cell.outputs
        if output.output_type == "error"
    }
    checks = {cell.id for cell in code if cell.metadata.get("nbgrader", {}).get("grade")}
    assert checks and {raised.get(cell) for cell in checks} == {"NotStarted"}, "each check says so"
    others = {name for cell, name in raised.items() if cell not in checks}
    assert others <= {"NotImplementedError"}, "a cell on answers meets a stub"
    said = "".join(o.text for c in code for o in c.outputs if o.get("name") == "stderr")
    assert "UsageError" not in said, "a magic does not exist"
    assert list(tmp_path.iterdir()) == [], "the lab leaves files behind"
