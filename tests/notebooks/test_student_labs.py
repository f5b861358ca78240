"""An untouched lab runs from top to bottom, and fails only where the student is to work.

The labs share a kernel, which forgets all names between two: half of a lab's time was the start of
its kernel and the import of PyTorch. That each runs in a kernel of its own, the solutions show.
"""

from pathlib import Path

import nbformat
import pytest
from jupyter_client import KernelManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

LABS = sorted((Path(__file__).resolve().parents[2] / "labs").glob("*.ipynb"))


@pytest.fixture(scope="module")
def kernel():
    """A kernel that is running; its client is made anew for each notebook."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    yield manager
    manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("path", LABS, ids=lambda p: p.stem)
def test_a_students_lab_fails_only_where_the_student_has_not_been(path, tmp_path, kernel):
    notebook = nbformat.read(path, 4)
    started_here = f"%reset -f\nimport os\nos.chdir({str(tmp_path)!r})\ndel os"
    notebook.cells.insert(0, new_code_cell(started_here))
    NotebookClient(notebook, timeout=240, allow_errors=True, km=kernel).execute()
    assert notebook.cells.pop(0).outputs == []
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
