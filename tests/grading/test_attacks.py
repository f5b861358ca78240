"""Attacks on the grader: a submission that tries to get points, or to end grading, gets neither.

Each attack stands in one answer of a small lab; the exercises beside it keep their points.
"""

from __future__ import annotations

import os

import mini_lab
import psutil
import pytest

from grooves.grading import grader, masters, sandbox, submissions
from grooves.grading.reference import Reference

SLOW = (
    "def longest(words):\n    {first}\n    for _ in range(20_000):\n        pass\n"
    "    return max(words, key=len)"
)
FORGED = r'{"ended": "passed", "said": "", "hint": "", "changed": []}'

# name -> (answers, the exercise that must get nothing, a part of what its page says)
FORGERIES = {
    "statistics.median replaced": (
        {
            "twice_sum": "import statistics\nstatistics.median = lambda v: 14\n"
            "def twice_sum(v):\n    return 0"
        },
        "twice_sum",
        "It changed statistics.median",
    ),
    "statistics.median replaced when called": (
        {
            "twice_sum": "import statistics\ndef twice_sum(v):\n"
            "    statistics.median = lambda v: 14\n    return 0"
        },
        "twice_sum",
        "It changed statistics.median",
    ),
    "the JSON encoder replaced": (
        {
            "twice_sum": "import json\n"
            f"json.JSONEncoder.encode = lambda *a: {FORGED!r}\n"
            f"json.dumps = lambda *a, **k: {FORGED!r}\n"
            "def twice_sum(v):\n    return 0"
        },
        "twice_sum",
        "It changed json.dumps",
    ),
    "the text formatter replaced": (
        {
            "twice_sum": "form = get_ipython().display_formatter.formatters['text/plain']\n"
            f"form.for_type(str, lambda o, p, c: p.text({FORGED!r}))\n"
            f"form.for_type(dict, lambda o, p, c: p.text({FORGED!r}))\n"
            "raise NotImplementedError"
        },
        "twice_sum",
        "Not started.",
    ),
    "tracing switched off": (
        {"longest": SLOW.format(first="import sys; sys.settrace(None)")},
        "longest",
        "It changed tracing (sys.settrace)",
    ),
    "sys.settrace replaced": (
        {"longest": "import sys\nsys.settrace = lambda f: None\n" + SLOW.format(first="pass")},
        "longest",
        "It changed sys.settrace",
    ),
    "the check's own answer called": (
        {"longest": "import mini_checks\ndef longest(words):\n    return mini_checks.right(words)"},
        "longest",
        "right belongs to the check; an answer must not call it.",
    ),
    "the check's own answer imported when called": (
        {"longest": "def longest(w):\n    from mini_checks import right\n    return right(w)"},
        "longest",
        "right belongs to the check",
    ),
    "the check's own answer under the name of the student's": (
        {"longest": "from mini_checks import right as longest"},
        "longest",
        "longest must be written by you; this one is the check's own.",
    ),
    "the check's parts replaced while it runs": (
        {
            "longest": "def longest(words):\n    import mini_checks\n"
            "    mini_checks.right = lambda words: 'owl'\n    return 'owl'"
        },
        "longest",
        "It changed mini_checks.right",
    ),
    "builtins replaced": (
        {
            "twice_sum": "import builtins\nbuiltins.abs = lambda x: 0\n"
            "builtins.all = lambda x: True\ndef twice_sum(v):\n    return 0"
        },
        "twice_sum",
        "It changed builtins.abs and builtins.all",
    ),
    "a reply written into every open file": (
        {
            "twice_sum": "import os\n"
            f"data = {FORGED!r}.encode()\n"
            "for fd in range(3, 64):\n"
            "    try:\n"
            "        os.write(fd, len(data).to_bytes(4, 'big') + bytes(32) + data)\n"
            "    except OSError:\n        pass\n"
            "def twice_sum(v):\n    return 0"
        },
        "twice_sum",
        "must be 14, yours is 0",
    ),
    "junk written into every open file": (
        {
            "twice_sum": "import os\nfor fd in range(3, 64):\n    try:\n"
            "        os.write(fd, b'\\xff' * 4096)\n    except OSError:\n        pass\n"
            "def twice_sum(v):\n    return 0"
        },
        "twice_sum",
        "It ended Python or cut the connection",
    ),
    "the judge looked for as a module": (
        {
            "twice_sum": "import grooves.grading.grader, sys, __main__\n"
            "for module in list(sys.modules.values()):\n"
            "    for name in ('quoted', 'load_checks', 'functions_of', 'text_of'):\n"
            "        if hasattr(module, name):\n"
            "            setattr(module, name, lambda *a: [])\n"
            "def twice_sum(v):\n    return 0"
        },
        "twice_sum",
        "must be 14, yours is 0",
    ),
    "IPython's ways of running a cell replaced": (
        {
            "twice_sum": "shell = get_ipython()\n"
            "shell.run_code = shell.run_ast_nodes = lambda *a, **k: False\n"
            "shell.user_expressions = lambda asked: {}\ndef twice_sum(v):\n    return 0"
        },
        "twice_sum",
        "",
    ),
    "an error that says nothing and never ends": (
        {
            "twice_sum": "class Bad(Exception):\n    def __str__(self):\n        1 / 0\n"
            "def twice_sum(v):\n    raise Bad"
        },
        "twice_sum",
        "",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The small lab, and what was released of it."""
    folder = tmp_path_factory.mktemp("course")
    path = mini_lab.make(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        yield Reference(path), masters.release(masters.read_master(path), mini_lab.LAB)


def _graded(lab, tmp_path, answers, **more):
    reference, released = lab
    mini_lab.hand_in(released, tmp_path / "one.ipynb", **answers)
    handed_in = submissions.read(tmp_path / "one.ipynb", "one")
    return {r.exercise: r for r in grader.grade(handed_in, reference, **more).results}


@pytest.mark.parametrize("attack", FORGERIES)
def test_a_forged_result_counts_for_nothing(lab, tmp_path, attack):
    answers, exercise, sentence = FORGERIES[attack]
    results = _graded(lab, tmp_path, answers, time_limit_s=20)
    assert results[exercise].points == 0
    assert sentence in results[exercise].message
    assert results["double"].points == 1  # the answer before is not touched


# What a submission does to the processes around it, when its cell runs.
BLOWS = {
    "its kernel": "os.kill(os.getpid(), 9)",
    "its parent": "os.kill(os.getppid(), 9)\ntime.sleep(1)",
    "its process group": "os.killpg(0, 9)",
    "its parent's process group": "os.killpg(os.getpgid(os.getppid()), 9)\ntime.sleep(1)",
    "every file": "os.closerange(3, 4096)",
    "a fork that goes on": "os.fork()",
    "an alarm": "signal.alarm(1)\ntime.sleep(3)",
}


@pytest.mark.parametrize("apart", [True, False], ids=["own processes", "all processes"])
@pytest.mark.parametrize("blow", BLOWS)
def test_a_submission_that_strikes_around_costs_itself_alone(
    lab, tmp_path, monkeypatch, blow, apart
):
    if not apart:
        monkeypatch.setattr(sandbox, "own_processes", tuple)
    code = f"import os, signal, time\n{BLOWS[blow]}\ndef twice_sum(values):\n    return 14"
    results = _graded(lab, tmp_path, {"twice_sum": code}, time_limit_s=20)
    assert results["double"].points == 1
    assert results["longest"].points == 3
    assert results["twice_sum"].state in ("stopped", "passed")


def test_nothing_that_a_submission_started_outlives_it(lab, tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "own_processes", tuple)  # where the kernel sees to it by itself
    left = (
        "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c',"
        " 'import time; time.sleep(987)'], start_new_session=True)\n"
        "def twice_sum(values):\n    return 14"
    )
    assert _graded(lab, tmp_path, {"twice_sum": left})["twice_sum"].points == 2
    commands = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert not [line for line in commands if "time.sleep(987)" in " ".join(line)]


def test_processes_and_files_of_a_submission_are_limited(lab, tmp_path):
    asked = (
        "import resource\ndef longest(words):\n"
        "    limits = [resource.getrlimit(k) for k in (resource.RLIMIT_NPROC,"
        " resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)]\n    raise ValueError(limits)"
    )
    said = _graded(lab, tmp_path, {"longest": asked})["longest"].message
    assert f"({sandbox.FILE_LIMIT_BYTES}, {sandbox.FILE_LIMIT_BYTES}), (0, 0)]" in said
    processes = int(said.split("[(")[1].split(",")[0])
    assert 0 < processes < 100_000


def test_where_linux_allows_it_a_submission_sees_no_process_but_its_own(lab, tmp_path):
    if not sandbox.own_processes():
        pytest.skip("this system gives no process namespaces")
    seen = (
        "import os\ndef longest(words):\n"
        "    raise ValueError(len([p for p in os.listdir('/proc') if p.isdigit()]))"
    )
    said = _graded(lab, tmp_path, {"longest": seen})["longest"].message
    assert "ValueError: 2" in said
