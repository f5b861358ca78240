"""Each stage of `make test` provides what its tests use, so that the suite passes anywhere.

On a machine where everything is installed a forgotten tool is not missed. So no test may use what
its stage does not provide, installed or not: conftest.py holds every test to it, in every stage.
"""

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from provided import ALWAYS_THERE, BROWSERS, FIXTURES, PROGRAMS, not_provided

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
STAGES = re.search(r"^test: ([a-z ]+?)  ##", MAKEFILE, re.MULTILINE)[1].split()


def make(*arguments):
    command = ["make", "--dry-run", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "lint"])
def test_make_tells_a_stage_what_its_prerequisites_provide(stage):
    """make is asked for its own reading of the rule, and for the line that it would run."""
    rules = make("--print-data-base", stage)
    prerequisites = set(re.search(rf"^{stage}: (.*)", rules, re.MULTILINE)[1].split())
    told = re.findall(r'GROOVES_PROVIDES="(.*?)".* -m pytest', make(stage))
    assert [set(each.split()) for each in told] == [
        prerequisites - {word for word in prerequisites if word.endswith(".stamp")}
    ]


def test_what_tests_can_need_a_target_of_make_provides():
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    assert {*FIXTURES.values(), *PROGRAMS.values()} <= targets


PLANTED = """
import subprocess
import pytest

@pytest.fixture
def page(browser): ...

def test_in_a_browser(page): ...
def test_with_git(): subprocess.run(["git", "--version"])
def test_with_another_program(): subprocess.run(["ls"])
def test_with_python_alone(): ...
"""


def outcomes(folder, provided):
    """{test: why it failed, or ""} of planted tests in a stage that provides this."""
    environment = os.environ | {
        "GROOVES_PROVIDES": provided,
        "PYTHONPATH": str(ROOT / "tests"),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    options = ["-q", "-rA", "-p", "conftest", "-p", "no:cacheprovider", "--rootdir", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-c", os.devnull, str(folder)],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    named = re.findall(r"^(\S+::(\w+)) needs (.*), which is no prereq", done.stdout, re.MULTILINE)
    assert "4 passed" in done.stdout or named, done.stdout + done.stderr
    return {name: what for _, name, what in named}


def test_a_test_fails_that_needs_what_its_stage_does_not_provide(tmp_path):
    (tmp_path / "test_planted.py").write_text(PLANTED)
    bare = outcomes(tmp_path, "")
    assert set(bare) == {"test_in_a_browser", "test_with_git", "test_with_another_program"}
    assert bare["test_in_a_browser"] == "chromium"
    assert bare["test_with_git"] == "checkout"
    assert bare["test_with_another_program"] == "ls"


def test_a_stage_that_provides_it_lets_it_pass_and_so_does_a_run_by_hand():
    fixtures, programs = {"page", "browser"}, {"/usr/bin/git", "sh"}
    assert not_provided(fixtures, programs, "chromium checkout") == []
    assert not_provided(fixtures, programs, "chromium") == ["checkout"]
    assert not_provided(fixtures, programs, None) == []
    assert not_provided(fixtures, {"/usr/bin/node"}, None) == ["/usr/bin/node"]
    assert not_provided((), ALWAYS_THERE, "") == []


def test_a_browser_is_started_in_one_place_and_is_the_systems():
    starts = re.compile(r"sync_playwright\(|async_playwright\(|\.launch\(")
    files = [path for path in (ROOT / "tests").rglob("*.py") if starts.search(path.read_text())]
    assert [path.name for path in files if path != Path(__file__)] == ["provided.py"]
    assert "executable_path=found" in files[0].read_text()
    looked_for = re.search(r"^BROWSERS := (.*)", MAKEFILE, re.MULTILINE)[1].split()
    assert tuple(looked_for) == BROWSERS


def imported_by(paths):
    """The top-level modules that files import from elsewhere: {module: a file}."""
    own = {path.stem for path in paths} | {"grooves", "answers", "conftest"}
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            for name in {name.partition(".")[0] for name in names} - own:
                if name not in sys.stdlib_module_names:
                    yield name, path


def test_what_tests_and_the_books_extensions_import_is_pinned():
    pins = "".join(path.read_text() for path in [*ROOT.glob("*requirements*.txt"),
                                                 ROOT / "constraints.txt"])  # fmt: skip
    pinned = {
        re.sub(r"[-_.]+", "-", name).lower() for name in re.findall(r"^([\w.-]+)==", pins, re.M)
    }
    brought_by = importlib.metadata.packages_distributions()
    paths = [path for folder in ("tests", "book") for path in (ROOT / folder).rglob("*.py")]
    assert paths
    for name, path in imported_by(paths):
        packages = {re.sub(r"[-_.]+", "-", one).lower() for one in brought_by.get(name, ())}
        assert packages & pinned, f"{path.relative_to(ROOT)} imports {name}, which no file pins"
