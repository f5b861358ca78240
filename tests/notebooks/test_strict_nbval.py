"""The stage `notebooks` has no network, and notices what nbval by itself lets pass."""

import json
import os
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import nbformat
import pytest
from jupyter_cache.executors.utils import single_nb_execution
from nbformat.v4 import new_code_cell, new_notebook
from nbval.plugin import coalesce_streams
from offline import cutter, offline_command

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))
from notebook_results import cache_folder, take_out  # noqa: E402

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
REACH = "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=20)"
DRAW = "figure, axes = figures.canvas()\naxes.text(0.5, 0.5, 'a label')\n"
DRAW += (
    "axes.plot([0, 1], [{low}, {high}])\naxes.set_ylim(0, 1)\nfigures.picture(figure, 'a line', '')"
)
MANY_KINDS = """
import sys
import ipywidgets
import matplotlib.pyplot as plt
from IPython.display import HTML, clear_output, display, update_display
from grooves.plots import figures
print("replaced")
clear_output()
print("out")
print("err", file=sys.stderr)
figures.keep(gap_nats=0.25)
display(HTML("<p>before</p>"), display_id="one")
update_display(HTML("<p>after</p>"), display_id="one")
plt.plot([1, 2])
plt.show()
ipywidgets.IntSlider(3)
"""
# What stands in the notebooks before the cell in question.
BEFORE = {
    "figure": "from grooves.plots import figures",
    "half": "%nosuchmagic",
    "unfinished": "1 + 1",
}
PLANTED = {
    "fine": ("1 + 1", []),
    "many_kinds": (MANY_KINDS, []),
    "half": ("1 + 1", []),
    "unfinished": ("2 + 2", []),
    "skipped": ("1 + 1", ["nbval-skip"]),
    "lists": ("from grooves.plots import contents\ncontents.chapters('.')", []),
    "raises": ("1 / 0", ["raises-exception"]),
    "asserts": ("assert 1 == 2, 'the claim'", []),
    "magic": ("%nosuchmagic", []),
    "quiet_magic": ("%nosuchmagic", ["raises-exception"]),
    "no_exception": ("fine = 1", ["raises-exception"]),
    "crumb": ("open('crumb', 'w').close()", []),
    "network": (REACH, []),
    "lookup": ("import socket\nsocket.getaddrinfo('host.invalid', 80)", []),
    "figure": (DRAW.format(low=0, high=0.1), []),
    "blind figure": (DRAW.format(low=0, high=1), []),
    "kept": ("print(2)", ["nbval-check-output"]),
}


def stage_command(*arguments):
    """What the Makefile runs in the stage, on other arguments, in one process, without colours.

    The last argument is where the report goes.
    """
    planned = subprocess.run(
        ["make", "--dry-run", "notebooks"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.replace("\\\n", " ")
    (line,) = [line for line in planned.splitlines() if "--nbval-lax" in line]
    words = shlex.split(line)[: shlex.split(line).index("-n")]
    python = next(i for i, word in enumerate(words) if word.endswith("/python"))
    settings = dict(word.split("=", 1) for word in words[:python])
    command = [sys.executable if word.endswith("/python") else word for word in words[python:]]
    *others, report = arguments
    command += ["--color=no", *others, f"--junitxml={report}"]
    return command, os.environ | settings


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A course of planted notebooks that the stage has run: (its folder, the stage's report)."""
    course = tmp_path_factory.mktemp("planted")
    (course / "notebooks").mkdir()
    for name, (source, tags) in PLANTED.items():
        cell = new_code_cell(source, metadata={"tags": tags})
        before = BEFORE.get(name.split()[-1])
        cells = [new_code_cell(before), cell] if before else [cell]
        if name == "kept":
            cell.execution_count = 1
            cell.outputs = [nbformat.v4.new_output("stream", text="1\n")]
        path = course / "notebooks" / f"{name}.ipynb"
        nbformat.write(new_notebook(cells=cells, metadata=KERNEL), path)
    left_out = "--deselect=notebooks/unfinished.ipynb::Cell 1"
    report = course / "report.xml"
    command, environment = stage_command(left_out, str(course), "--rootdir", str(course), report)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert report.is_file(), done.stdout + done.stderr
    return course, report


@pytest.fixture(scope="module")
def said(planted):
    """What the stage says about planted notebooks: name to the text of its failure, or ""."""
    cases = list(ElementTree.parse(planted[1]).iter("testcase"))
    found = dict.fromkeys(PLANTED, "")
    for case in cases:
        found[case.get("classname").split(".")[-2]] += "".join(
            part.text or part.get("message") for part in case if part.tag in ("failure", "error")
        )
    assert len(found) == len(PLANTED)
    return found


@pytest.fixture(scope="module")
def handed_in(planted):
    """The notebooks that the stage has left for the book's build, by name."""
    return {Path(path).stem: notebook for path, notebook, _ in take_out(cache_folder(planted[0]))}


@pytest.mark.parametrize("name", ["fine", "raises", "figure", "many_kinds", "lists"])
def test_a_sound_notebook_passes(said, name):
    assert said[name] == ""


def test_a_false_claim_is_named_and_a_kept_output_compared(said):
    assert "the claim" in said["asserts"]
    assert "mismatch 'stdout'" in said["kept"]


@pytest.mark.parametrize("name", ["magic", "quiet_magic"])
def test_an_unknown_magic_is_not_swallowed(said, name):
    assert "nosuchmagic" in said[name]


def test_an_exception_that_does_not_come_is_not_swallowed(said):
    assert "was to raise an exception and did not" in said["no_exception"]


def test_a_file_left_behind_is_seen(said):
    assert "left behind ['crumb']" in said["crumb"]


def test_a_label_on_a_line_is_seen(said):
    assert "'a label' lies on a line" in said["blind figure"]


@pytest.mark.parametrize("name", ["network", "lookup"])
def test_no_notebook_reaches_another_machine(said, name):
    assert "Network is unreachable" in said[name]


def test_pythons_cannot_reach_out_where_no_namespace_is_permitted(tmp_path):
    guard = {"PYTHONPATH": str(Path(__file__).with_name("no_network"))}
    environment = {**os.environ, **guard}
    by_number = "import socket; s = socket.socket(); s.settimeout(5); s.connect(('192.0.2.1', 80))"
    done = subprocess.run(
        [sys.executable, "-c", by_number], env=environment, capture_output=True, text=True
    )
    assert "Network is unreachable: 192.0.2.1 was asked for offline" in done.stderr
    here = "import socket; s = socket.create_server(('127.0.0.1', 0)); "
    here += "socket.create_connection(s.getsockname()); print('reached')"
    done = subprocess.run([sys.executable, "-c", here], env=environment, capture_output=True)
    assert done.stdout == b"reached\n"


def test_no_program_reaches_out_where_a_namespace_is_permitted():
    if not cutter():
        pytest.skip("`unshare --net` is not permitted here")
    devices = "import socket; print([name for _, name in socket.if_nameindex()])"
    command = offline_command(sys.executable, "-c", devices)
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == "['lo']\n"


def test_the_book_gets_each_notebook_of_which_every_cell_has_passed_and_no_other(handed_in):
    """One lists the chapters, which lie elsewhere as seen from the folder where the stage runs."""
    assert set(handed_in) == {"fine", "raises", "figure", "many_kinds"}


def without_what_chance_gives(notebook):
    """A notebook as data, with its streams in one piece and random names numbered as they come."""
    for cell in notebook.cells:
        cell.outputs = coalesce_streams(cell.outputs)
    text = json.dumps(notebook)
    for number, name in enumerate(dict.fromkeys(re.findall("[0-9a-f]{32}", text))):
        text = text.replace(name, f"name {number}")
    return json.loads(text)


@pytest.mark.parametrize("name", ["raises", "many_kinds"])
def test_what_the_book_gets_is_what_its_own_execution_gives(
    planted, handed_in, name, tmp_path, monkeypatch
):
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    notebook = nbformat.read(planted[0] / "notebooks" / f"{name}.ipynb", 4)
    own = single_nb_execution(notebook, str(tmp_path), timeout=60, allow_errors=False)
    assert own.err is None
    expected = without_what_chance_gives(own.nb)
    assert without_what_chance_gives(handed_in[name]) == expected
    if name == "many_kinds":
        for part in ("image/png", "scrapbook", "IntSliderModel", "<p>after</p>", "err\\n"):
            assert part in json.dumps(expected)
        assert "replaced" not in json.dumps(expected["cells"][0]["outputs"])
