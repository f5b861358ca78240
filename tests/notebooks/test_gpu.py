"""On a machine with a CUDA device every notebook of the course runs there, and makes use of it."""

import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("labs/solutions/*.ipynb")])
# What a notebook says that computes where `grooves.device()` chooses.
DEVICE_WORDS = ("device()", "lineage.", "few_labels.")
ASK = "import torch\nprint('used', torch.cuda.max_memory_allocated())"


@pytest.fixture(scope="module")
def cuda():
    """Skips where there is no CUDA device, and says so."""
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    return torch.cuda.get_device_name()


def chooses_a_device(notebook):
    """Whether any cell computes on the device that the course chooses."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return any(word in code for word in DEVICE_WORDS)


def bytes_used_on_the_device(notebook, folder):
    """Run a notebook and ask its kernel how much of the device's memory it used."""
    notebook.cells.append(new_code_cell(ASK))
    client = NotebookClient(
        notebook,
        timeout=240,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    said = "".join(o.text for o in notebook.cells[-1].outputs if o.output_type == "stream")
    return int(said.split()[-1])


@pytest.mark.gpu
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_notebook_runs_on_cuda_and_makes_use_of_it(cuda, path, tmp_path, record_property):
    notebook = nbformat.read(path, 4)
    expected = chooses_a_device(notebook)
    used = bytes_used_on_the_device(notebook, tmp_path)
    record_property("device", cuda)
    record_property("bytes_on_device", used)
    print(f"{path.relative_to(ROOT)}: {used / 1e6:.1f} MB on {cuda}")
    assert used > 0 or not expected


def test_every_notebook_that_computes_where_the_course_chooses_is_known_to():
    chosen = {path.stem for path in NOTEBOOKS if chooses_a_device(nbformat.read(path, 4))}
    assert {"00_start", "04_transformer", "11_cpu_gpu"} <= chosen


def test_a_kernel_is_asked_for_its_memory_after_the_last_cell(tmp_path):
    """With no device the answer is 0, and with the question left out there would be none."""
    notebook = nbformat.v4.new_notebook(cells=[new_code_cell("x = 1 + 1\nprint(x)")])
    assert bytes_used_on_the_device(notebook, tmp_path) == 0
    assert sys.version_info >= (3, 11) and len(notebook.cells) == 2
