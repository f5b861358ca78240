"""Break the code under a test, and watch the test fail.

A check that has never been seen to fail proves nothing. So for every test there is a break: one
line of the course, put wrong. They stand in tests/breaks/, one file for each file of tests:

    [test_name_of_the_function]
    broken = "what is wrong now, in words"
    file = "grooves/training/loop.py"
    find = "a text that stands in that file once"
    put = "what stands there instead"

For what is no pytest function (the stages of make) a break also has `command`, run by a shell.

    python tests/see_fail.py                    # every break, in a copy of this checkout
    python tests/see_fail.py lora optimizers    # those of test_lora.py and test_optimizers.py
    python tests/see_fail.py lora::name_part    # those whose name holds name_part
    python tests/see_fail.py --write            # tests/README.md anew, nothing is run
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
BREAKS = TESTS / "breaks"
LIMIT_S = 900


@dataclass(frozen=True)
class Break:
    """One planted fault: where it is, and the test that must notice it."""

    group: str  # "test_train", "book/test_build" or "stages"
    name: str
    broken: str
    file: str
    find: str
    put: str
    command: str | None = None

    @property
    def test(self) -> str:
        """The test's node id for pytest."""
        return f"tests/{self.group}.py::{self.name}"


def breaks() -> list[Break]:
    """Every break that is written down, by file and name."""
    found = []
    for path in sorted(BREAKS.rglob("*.toml")):
        group = path.relative_to(BREAKS).with_suffix("").as_posix()
        for name, fields in tomllib.loads(path.read_text("utf-8")).items():
            found.append(Break(group, name, **fields))
    return found


def all_tests() -> set[str]:
    """Node ids of all test functions, parameters left out."""
    return {
        f"{path.relative_to(ROOT).as_posix()}::{node.name}"
        for path in sorted(TESTS.rglob("test_*.py"))
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def plant(text: str, fault: Break) -> str:
    """The file's text with the fault in it.

    Raises: ValueError where the text to replace does not stand there exactly once.
    """
    if (n := text.count(fault.find)) != 1:
        raise ValueError(f"{fault.test}: {fault.find!r} stands {n} times in {fault.file}, not once")
    return text.replace(fault.find, fault.put)


def copy_to(folder: Path) -> None:
    """Copy what git tracks or would track, and give the copy this checkout's executed notebooks."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    if (executed := ROOT / "_build" / "executed").is_dir():
        shutil.copytree(executed, folder / "_build" / "executed")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)


def run(fault: Break, folder: Path) -> tuple[int, str]:
    """The exit code of the fault's test in the copy, and what was printed."""
    return shell(fault.command, folder) if fault.command else pytest("-x", fault.test, folder)


def red_before(group: str, folder: Path) -> str:
    """What a file of tests says where it fails on whole code, and so could prove nothing."""
    code, printed = pytest("--tb=line", f"tests/{group}.py", folder)
    return printed[-1500:] if code else ""


def pytest(option: str, node: str, folder: Path) -> tuple[int, str]:
    """Exit code and output of one run of pytest in the copy."""
    return shell(f"python -m pytest -q -p no:cacheprovider {option} '{node}'", folder)


def shell(command: str, folder: Path) -> tuple[int, str]:
    """Exit code and output of a command in the copy, with the copy's package in front."""
    environment = os.environ | {
        # a fault as long as what it replaces, in the same second, looks to a cache like no change
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(folder),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "GROOVES_CACHE": str(folder / "_build" / "test-cache"),
    }
    try:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return -1, f"not done after {LIMIT_S} s"
    return done.returncode, done.stdout


def seen_to_fail(fault: Break, folder: Path) -> str:
    """An empty text where the test failed on the fault; otherwise what happened instead."""
    broken = folder / fault.file
    whole = broken.read_text("utf-8")
    try:
        broken.write_text(plant(whole, fault), "utf-8")
        code, printed = run(fault, folder)
    except ValueError as error:
        return str(error)
    finally:
        broken.write_text(whole, "utf-8")
    if code == 0:
        skipped = "skipped" in printed.rstrip().rpartition("\n")[2]
        return "the test was SKIPPED here" if skipped else "the test PASSED on broken code"
    if fault.command is None and not re.search(r"^\d+ failed", printed, re.MULTILINE):
        return f"the test could not be run (exit code {code})\n{printed[-1500:]}"
    return ""


def readme() -> str:
    """The text of tests/README.md."""
    lines = [
        "# Tests, and what each was seen to fail on",
        "",
        "<!-- Written by `python tests/see_fail.py --write` from tests/breaks/. Do not edit. -->",
        "",
        "Each row is a fault that was planted in the course, and the test that failed on it.",
        "`python tests/see_fail.py` plants them all again, one after the other, in a copy of the "
        "checkout, and complains of any test that does not notice.",
        "`tests/repository/test_breaks.py` refuses a test without a row, or a row without a place.",
        "How to write a row is said at the top of `tests/see_fail.py`.",
    ]
    group = None
    for fault in breaks():
        if fault.group != group:
            group = fault.group
            title = "the stages of `make test`" if group == "stages" else f"`{group}.py`"
            lines += ["", f"## {title}", "", "| check | broken | where |", "|---|---|---|"]
        name = fault.name.removeprefix("test_").replace("_", " ")
        lines.append(f"| {name} | {fault.broken.replace('|', chr(92) + '|')} | `{fault.file}` |")
    return "\n".join(lines) + "\n"


def chosen(words: list[str]) -> list[Break]:
    """The breaks that any of the words names; all where there are no words.

    Raises: ValueError where a word names none: nothing would be planted, and nothing seen.
    """

    def named(fault: Break, word: str) -> bool:
        group, _, part = word.partition("::")
        return fault.group.rsplit("/")[-1] in (group, f"test_{group}") and part in fault.name

    for word in words:
        if not any(named(b, word) for b in breaks()):
            raise ValueError(
                f"{word!r} names no break: write it as train_loop or train_loop::resumed"
            )
    return [b for b in breaks() if not words or any(named(b, word) for word in words)]


def main() -> int:
    """Plant the chosen breaks and report; 1 where a test did not notice its own."""
    parser = argparse.ArgumentParser(description="Break the code and watch the tests fail.")
    parser.add_argument(
        "which", nargs="*", help="files of tests, such as train_loop or train_loop::resumed"
    )
    parser.add_argument("--write", action="store_true", help="write tests/README.md and stop")
    arguments = parser.parse_args()
    if arguments.write:
        (TESTS / "README.md").write_text(readme(), "utf-8")
        return 0
    unnoticed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        copy_to(folder)
        faults = chosen(arguments.which)
        for group in dict.fromkeys(fault.group for fault in faults if not fault.command):
            if trouble := red_before(group, folder):
                unnoticed += 1
                print(f"RED BEFORE ANY FAULT  tests/{group}.py  {trouble}", flush=True)
        for fault in faults:
            trouble = seen_to_fail(fault, folder)
            unnoticed += bool(trouble)
            print(f"{'NOT SEEN' if trouble else 'seen'}  {fault.test}  {trouble}", flush=True)
    print(f"{unnoticed} not noticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
