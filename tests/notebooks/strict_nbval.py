"""A plugin that makes nbval notice what it lets pass, in every notebook that it runs.

Loaded by `-p strict_nbval`. A cell fails whose magic does not exist, or which was to raise an
exception and did not. Each kernel starts in an empty folder of its own, and a cell that leaves a
file there fails. So does a cell whose figure is hard to read (tests/legible.py). Where the network
is not cut nothing runs.

A notebook of the book whose cells have all passed is handed to the book's build with its outputs,
so that the build need not run it again. A notebook that lists the chapters is not: it does so only
in its own folder.
"""

import os
import socket
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import nbval.plugin
import pytest
from as_executed import executed

sys.path.insert(0, str(Path(__file__).parents[2] / "book" / "_ext"))
from notebook_results import cache_folder, depends_on_its_folder, hand_in

WATCH = f"import sys; sys.path.append({str(Path(__file__).parents[1])!r}); import legible"
WATCH += "; legible.watch_cells(get_ipython()); sys.path.pop()"
ELSEWHERE = ("192.0.2.1", 9)  # RFC 5737: an address that nobody has


class KernelInAnEmptyFolder(nbval.plugin.RunningKernel):
    """nbval's kernel, which keeps what each cell makes it say.

    folder: where it runs. messages: id of a request -> what the kernel broadcast for it.
    passed: the numbers of the cells that have passed. began: when it was started.
    """

    def __init__(self, kernel_name, cwd=None, **more):
        self._kept = tempfile.TemporaryDirectory(prefix="notebook-")
        self.folder = Path(self._kept.name)
        self.messages, self.requests, self.passed = defaultdict(list), [], []
        self.began = time.monotonic()
        super().__init__(kernel_name, cwd=str(self.folder), **more)
        self.await_reply(self.kc.execute(WATCH, silent=True), timeout=60)
        about = self.kc.kernel_info(reply=True, timeout=60)
        self.language_info = about["content"]["language_info"]

    def execute_cell_input(self, cell_input, allow_stdin=None):
        """Run a cell. It is counted, as in JupyterLab and in the book; nbval would not count it."""
        request = self.kc.execute(cell_input, allow_stdin=allow_stdin, stop_on_error=False)
        self.requests.append(request)
        return request

    def get_message(self, stream, timeout=None):
        message = super().get_message(stream, timeout)
        if stream == "iopub":
            self.messages[message["parent_header"].get("msg_id")].append(message)
        return message


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


def hand_to_the_book(item):
    """Give the book's build a notebook whose last cell this was, if all of its cells have passed.

    A change of the package while the notebook ran makes its results those of no state.
    """
    file, kernel, course = item.parent, item.parent.kernel, item.config.rootpath
    cells = sum(cell.cell_type == "code" for cell in file.nb.cells)
    if kernel.passed != list(range(cells)) or file.path.parent != course / "notebooks":
        return
    if depends_on_its_folder(file.path.read_text("utf-8")) or cache_folder(course) != kernel.cache:
        return
    said = [kernel.messages[request] for request in kernel.requests]
    if notebook := executed(file.nb, said, kernel.language_info):
        hand_in(kernel.cache, file.path, notebook, time.monotonic() - kernel.began)


def pytest_sessionstart(session):
    if not network_is_cut():
        pytest.exit("the network is not cut: start pytest by tests/notebooks/offline.py", 1)
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # as in book/build.py


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    if isinstance(item, nbval.plugin.IPyNbCell) and item.cell_num == 0:
        item.parent.kernel.cache = cache_folder(item.config.rootpath)
    result = yield
    if isinstance(item, nbval.plugin.IPyNbCell):
        if complaint := let_pass(item.test_outputs or [], item.options["check_exception"]):
            item.raise_cell_error(complaint)
        if left := sorted(path.name for path in item.parent.kernel.folder.iterdir()):
            item.raise_cell_error(f"the cell left behind {left} in the folder where it ran")
        item.parent.kernel.passed.append(item.cell_num)
        hand_to_the_book(item)
    return result
