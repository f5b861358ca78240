"""Nothing false on a feedback page: for each sentence, a right submission that must not get it.

Every one of them solves the lab and comes as near as it can to what the sentence is about.
"""

from __future__ import annotations

import csv
import json
import os
import re

import mini_lab
import nbformat
import pytest

from grooves import cli
from grooves.grading import masters
from grooves.grading.records.results import ENDINGS

DOUBLE = "def double(x):\n    return 2 * x"
LONGEST = "def longest(words):\n    return max(words, key=len)"


def _after(code, answer=DOUBLE):
    return f"{code}\n{answer}"


# the ending that is near -> answers that differ from the solution, all right
BY_ANSWER = {
    "time": {"double": _after("import time\ntime.sleep(1)"),
             "twice_sum": "def twice_sum(v):\n    time.sleep(1)\n    return 2 * sum(v)"},
    "died": {"double": _after("exit()\nquit()\nimport subprocess, sys, os\n"
                              "subprocess.run([sys.executable, '-c', 'import os; os._exit(3)'])\n"
                              "pid = os.fork()\nif pid == 0:\n    os._exit(0)\nos.waitpid(pid, 0)"),
             "longest": "import sys\ndef longest(words):\n    try:\n        sys.exit(1)\n"
                        "    except SystemExit:\n        return max(words, key=len)"},
    "died, printing": {"double": _after("for n in range(3000):\n    print('x' * 5000)\n"
                                        "print('\\ud83d')\n1 / 2")},
    "cell": {"double": f"{DOUBLE}\nprint(double(3))\n1 / 0"},
    "undefined": {"double": "double = lambda x: 2 * x",
                  "twice_sum": "import functools\ndef scaled(v, by):\n    return by * sum(v)\n"
                               "twice_sum = functools.partial(scaled, by=2)",
                  "longest": "if True:\n    def longest(w):\n        return max(w, key=len)"},
    "not_started": {"double": "# raise NotImplementedError\ndef double(x):\n"
                              "    if x is None:\n        raise NotImplementedError\n"
                              "    return 2 * x"},
    "wrong": {"double": "def double(x):\n    return x + x",
              "twice_sum": "def twice_sum(values):\n    return float(sum(values) + sum(values))"},
    "raised": {"double": "def double(x):\n    try:\n        1 / 0\n    except ZeroDivisionError:\n"
                         "        return 2 * x"},
    "changed, settings": {
        "double": _after("import decimal, gc, os, random, sys, warnings\n"
                         "random.seed(1)\nwarnings.simplefilter('error')\ngc.disable()\n"
                         "sys.setrecursionlimit(5000)\ndecimal.getcontext().prec = 3\n"
                         "os.makedirs('elsewhere', exist_ok=True)\nos.chdir('elsewhere')\n"
                         "os.environ['COLUMNS'] = '200'")},
    "changed, printing": {
        "double": _after("from rich import pretty, traceback\npretty.install()\n"
                         "traceback.install()\nimport logging\nlogging.captureWarnings(True)")},
    "changed, pictures": {
        "double": _after("%matplotlib inline\nimport matplotlib.pyplot as plt\n"
                         "plt.style.use('ggplot')\nplt.rcParams['figure.dpi'] = 50\n"
                         "plt.plot([1, 2])\nplt.show()\nimport numpy as np\n"
                         "np.seterr(all='raise')\nnp.set_printoptions(precision=2)\n"
                         "np.random.seed(2)")},
    "changed, tracing": {
        "double": _after("import sys, cProfile\nsys.settrace(lambda *a: None)\n"
                         "sys.settrace(None)\ncProfile.run('sum(range(9))')"),
        "longest": "print = print\nmax_of = max\ndef longest(words):\n    max = max_of\n"
                   "    return max(words, key=len)"},
    "near the check": {
        "longest": "import mini_checks\ndef right(words):\n    return max(words, key=len)\n"
                   "longest = right\nmini_checks.longest(longest)"},
}  # fmt: skip
SENTENCES = [
    *(sentence.split("{")[0].strip(" .") for _, sentence in ENDINGS.values()),
    "belongs to the check",
    "must be written by you",
    "is not defined when",
    "that you added did not run",
    "was edited",
    "could not be read",
    "larger than",
    "is empty",
    "not a Jupyter notebook",
    "experiment",
    "No cell of the lab",
    "so it was not graded",
    "could not be graded",
    "The grader",
]


def _by_file(folder, released):
    """Right submissions that are strange in another way than by their answers."""

    def solved():
        return mini_lab.hand_in(released, folder / "missing.ipynb")

    moved = solved()
    for cell in moved.cells:
        del cell["id"]
        cell["metadata"] = {}
    moved.cells.reverse()
    mini_lab.write(moved, folder / "missing.ipynb")

    more = solved()
    for source in ("%pip install rich", "# my notes", ""):
        cell = nbformat.v4.new_code_cell(source)
        more.cells.insert(1, cell)
    mini_lab.cell(more, "double-check").source += "  \n\n"
    mini_lab.write(more, folder / "added and edited.ipynb")

    text = json.dumps(solved(), indent=4).replace("\n", "\r\n")
    (folder / "unreadable.ipynb").write_bytes(b"\xef\xbb\xbf" + text.encode())

    stranger = solved()
    stranger["metadata"] = {}
    cells = [nbformat.v4.new_code_cell(f"experiment({n})", id=f"e{n}") for n in range(5)]
    mini_lab.write(nbformat.v4.new_notebook(cells=cells), folder.parent / "notebooks/99_mini.ipynb")
    stranger.cells += [nbformat.v4.new_code_cell("experiment(1)", id="setup")]
    mini_lab.write(stranger, folder / "not the lab.ipynb")
    return ["missing", "added and edited", "unreadable", "not the lab"]


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The rows of the table, and the pages without the code, by submission."""
    folder = tmp_path_factory.mktemp("course")
    path = mini_lab.make(folder)
    released = masters.release(masters.read_master(path), mini_lab.LAB)
    names = _by_file(folder / "s", released)
    for name, answers in BY_ANSWER.items():
        mini_lab.hand_in(released, folder / "s" / f"{name}.ipynb", **answers)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        assert cli.main(["labs", "grade", "s", "--no-rehearsal", "--time-limit", "60"]) == 0
    with open(folder / f"feedback/{mini_lab.LAB}.csv", encoding="utf-8", newline="") as file:
        rows = {row["submission"]: row for row in csv.DictReader(file)}
    assert set(rows) == {*names, *BY_ANSWER}
    pages = {}
    for name in rows:
        page = (folder / "feedback" / mini_lab.LAB / f"{name}.html").read_text("utf-8")
        pages[name] = re.sub(r"<(details|style)>.*?</\1>|<[^>]+>", "", page, flags=re.DOTALL)
    return rows, pages


@pytest.mark.parametrize(
    "name", [*BY_ANSWER, "missing", "added and edited", "unreadable", "not the lab"]
)
def test_a_right_submission_gets_full_marks_and_no_sentence_about_a_fault(graded, name):
    rows, pages = graded
    said = [s for s in SENTENCES if s and s != "Passed" and s in pages[name]]
    assert (rows[name]["total"], rows[name]["state"], said) == ("6", "graded", []), pages[name]
    assert rows[name]["notes"] == ""


def test_every_ending_has_an_innocent_neighbour():
    near = {name.partition(",")[0] for name in BY_ANSWER} | {"missing"}
    assert set(ENDINGS) - {"passed", "by hand"} <= near
