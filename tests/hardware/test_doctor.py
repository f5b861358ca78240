"""`grooves doctor` says what is wrong with a machine and what to do, and its exit status agrees.

Every bad machine is made up: a `Machine` is a value, so no test needs to pretend about this one.
"""

import argparse
import html
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from grooves import cli
from grooves.hardware import doctor
from grooves.hardware.machine import Machine, look

GIB = 2**30
GOOD = Machine(
    python=(3, 12, 4),
    system="Linux x86_64",
    torch="2.13.0",
    device="cpu",
    cores=2,
    memory_bytes=8 * GIB,
    disk_bytes=20 * GIB,
    cache_folder="/home/ada/.cache/grooves",
    jupyterlab="4.6.6",
    widgets="8.1.9",
)


def finding(machine, what):
    return next(found for found in doctor.diagnose(machine) if found.what == what)


def test_a_good_machine_is_ready_and_gets_no_advice():
    report = doctor.examine(GOOD)
    assert report.ready
    assert report.conclusion == "Ready."
    assert [found.remedy for found in report.findings] == [""] * len(report.findings)


MUST_FIX = {
    "Python too old": (replace(GOOD, python=(3, 10, 14)), "Python", "3.11, 3.12 or 3.13"),
    "Python too new": (replace(GOOD, python=(3, 14, 0)), "Python", "3.11, 3.12 or 3.13"),
    "no torch": (replace(GOOD, torch=None), "PyTorch", "requirements.txt"),
    "torch does not load": (
        replace(GOOD, torch=None, torch_error="libtorch.so: cannot open shared object file"),
        "PyTorch",
        "requirements.txt",
    ),
    "little memory": (replace(GOOD, memory_bytes=GIB // 2), "free memory", "close programs"),
    "little disk": (replace(GOOD, disk_bytes=GIB // 10), "free disk", "GROOVES_CACHE"),
    "cache not writable": (replace(GOOD, cache_writable=False), "cache folder", "GROOVES_CACHE"),
    "numpy missing": (replace(GOOD, missing=("numpy",)), "packages", "requirements.txt"),
}
WORTH_A_LOOK = {
    "one core": (replace(GOOD, cores=1), "CPU cores", "twice as long"),
    "card not seen": (replace(GOOD, nvidia_card="NVIDIA T4"), "device", "CUDA build"),
    "memory for one": (replace(GOOD, memory_bytes=3 * GIB // 2), "free memory", "one notebook"),
    "disk for no download": (replace(GOOD, disk_bytes=GIB // 2), "free disk", "downloads"),
    "no JupyterLab": (replace(GOOD, jupyterlab=None), "JupyterLab", "requirements.txt"),
    "no widgets": (replace(GOOD, widgets=None), "widgets", "requirements.txt"),
}


@pytest.mark.parametrize("fault", MUST_FIX)
def test_a_fault_that_stops_the_course_is_named_with_its_remedy(fault):
    machine, what, remedy = MUST_FIX[fault]
    assert finding(machine, what).verdict == "must fix"
    assert remedy in finding(machine, what).remedy
    assert not doctor.examine(machine).ready
    assert doctor.examine(machine).conclusion == f"Not ready yet. Fix first: {what}."


@pytest.mark.parametrize("fault", WORTH_A_LOOK)
def test_a_fault_that_can_be_lived_with_is_named_but_stops_nobody(fault):
    machine, what, remedy = WORTH_A_LOOK[fault]
    assert finding(machine, what).verdict == "warning"
    assert remedy in finding(machine, what).remedy
    assert doctor.examine(machine).ready
    assert doctor.examine(machine).conclusion == f"Ready. Worth a look: {what}."


def test_a_torch_that_does_not_load_is_told_from_one_that_is_not_there():
    broken = replace(GOOD, torch=None, torch_error="libtorch.so: cannot open shared object file")
    assert "libtorch.so" in finding(broken, "PyTorch").found
    assert finding(replace(GOOD, torch=None), "PyTorch").found == "not installed"


def test_a_card_that_torch_sees_is_no_fault():
    machine = replace(GOOD, device="NVIDIA T4", nvidia_card="NVIDIA T4")
    assert finding(machine, "device") == doctor.Finding("device", "NVIDIA T4")


def test_what_cannot_be_found_out_is_said_and_blames_nobody():
    report = doctor.examine(replace(GOOD, memory_bytes=None, disk_bytes=None))
    assert report.conclusion == "Ready."
    assert str(report).count("unknown") == 2


def test_terminal_and_notebook_show_the_same_table():
    report = doctor.examine(replace(GOOD, missing=("<numpy>",), cores=1))
    in_notebook = html.unescape(report._repr_html_())
    for found in report.findings:
        assert found.what in str(report)
        assert found.what in in_notebook
        assert found.remedy in str(report)
        assert found.remedy in in_notebook
    assert "<numpy>" not in report._repr_html_()  # what the machine says is text, never markup


def test_the_first_notebook_shows_the_table_before_it_stops_at_what_must_be_fixed():
    notebook = Path(__file__).parents[2] / "notebooks" / "00_start.ipynb"
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    (source,) = ("".join(cell["source"]) for cell in cells if cell["id"] == "machine")
    report, shown = doctor.examine(replace(GOOD, cache_writable=False)), []
    with pytest.raises(AssertionError, match="Fix first: cache folder"):
        exec(source, {"examine": lambda: report, "display": shown.append})
    assert shown == [report]


def test_exit_status_is_one_where_something_must_be_fixed(capsys):
    args = argparse.Namespace()
    assert doctor.main(args, machine=GOOD) == 0
    assert doctor.main(args, machine=replace(GOOD, cores=1)) == 0
    assert doctor.main(args, machine=replace(GOOD, torch=None)) == 1
    assert "FIX   PyTorch" in capsys.readouterr().out


def test_the_machine_that_runs_the_tests_is_seen_as_it_is():
    import torch

    here = look()
    assert here.python == sys.version_info[:3]
    assert here.torch == torch.__version__
    assert here.cores >= 1
    assert here.memory_bytes > 0
    assert here.disk_bytes > 0
    assert here.missing == ()
    assert here.widgets


def test_a_cache_folder_that_cannot_be_made_is_reported_not_raised(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("a file where the folder should be")
    asked = subprocess.run(
        [sys.executable, "-m", "grooves.hardware.doctor"],
        env={**os.environ, "GROOVES_CACHE": str(in_the_way)},
        capture_output=True,
        text=True,
    )
    assert asked.returncode == 1
    assert "FIX   cache folder" in asked.stdout
    assert str(in_the_way) in asked.stdout


def test_the_command_line_lists_every_command_and_imports_only_the_one_asked_for():
    asked = subprocess.run(
        [sys.executable, "-c", "import sys; from grooves.cli import main; main([]); "
         "print('torch' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    for command in cli.COMMANDS:
        assert re.search(rf"^\s+{command}\s", asked.stdout, re.MULTILINE)
    assert asked.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main([command, "--help"])
    assert left.value.code == 0
    assert cli.COMMANDS[command][1] in " ".join(capsys.readouterr().out.split())


def test_the_package_itself_can_be_run():
    command = [sys.executable, "-m", "grooves", "progress", "../no-lab"]
    asked = subprocess.run(command, capture_output=True, text=True)
    assert asked.returncode == 2
    assert asked.stderr.startswith(
        "'../no-lab' is not a lab; the labs are 01_forward_propagation, "
    )
    asked = subprocess.run(
        [*command[:3], "labs", "grade", "no-folder"], capture_output=True, text=True
    )
    assert asked.returncode != 0
    assert "Traceback" not in asked.stderr


def test_an_unknown_command_is_refused_with_the_list_of_known_ones(capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["docter"])
    assert left.value.code == 2
    assert "doctor" in capsys.readouterr().err
