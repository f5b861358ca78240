"""A plugin that makes nbval notice what it lets pass, in every notebook that it runs.

Loaded by `-p strict_nbval`. A cell fails whose magic does not exist, or which was to raise an
exception and did not. Each kernel starts in an empty folder of its own, and a cell that leaves a
file there fails. So does a cell whose figure is hard to read (tests/legible.py). Where the network
is not cut nothing runs.
"""

import socket
import tempfile
from pathlib import Path

import nbval.plugin
import pytest

WATCH = f"import sys; sys.path.append({str(Path(__file__).parents[1])!r}); import legible"
WATCH += "; legible.watch_cells(get_ipython()); sys.path.pop()"
ELSEWHERE = ("192.0.2.1", 9)  # RFC 5737: an address that nobody has


class KernelInAnEmptyFolder(nbval.plugin.RunningKernel):
    """nbval's kernel; `folder` is where it runs."""

    def __init__(self, kernel_name, cwd=None, **more):
        self._kept = tempfile.TemporaryDirectory(prefix="notebook-")
        self.folder = Path(self._kept.name)
        super().__init__(kernel_name, cwd=str(self.folder), **more)
        self.await_reply(self.kc.execute(WATCH, silent=True), timeout=60)


nbval.plugin.RunningKernel = KernelInAnEmptyFolder


def network_is_cut() -> bool:
    """Whether an address that is not this machine's cannot even be tried."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(ELSEWHERE)
        except OSError:
            return True
    return False


def let_pass(outputs, was_to_raise):
    """What nbval let pass in the outputs of a cell, as a sentence, or None."""
    said = "".join(o.text for o in outputs if o.output_type == "stream" and o.name == "stderr")
    if "UsageError" in said:
        return said.strip()
    if was_to_raise and not any(o.output_type == "error" for o in outputs):
        return "the cell was to raise an exception and did not"
    return None


def pytest_sessionstart(session):
    if not network_is_cut():
        pytest.exit("the network is not cut: start pytest by tests/notebooks/offline.py", 1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    result = yield
    if isinstance(item, nbval.plugin.IPyNbCell):
        if complaint := let_pass(item.test_outputs or [], item.options["check_exception"]):
            item.raise_cell_error(complaint)
        if left := sorted(path.name for path in item.parent.kernel.folder.iterdir()):
            item.raise_cell_error(f"the cell left behind {left} in the folder where it ran")
    return result
