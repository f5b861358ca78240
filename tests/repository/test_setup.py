"""Setting up works, and says what is missing where it cannot: make, CI, workflows, launch files.

Nothing here installs a package. The Makefile is run with made-up Pythons, and pip is asked what it
would do.
"""

import importlib.util
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def run(*command, **more):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **more)


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def tool(name):
    """A command of the environment that runs the tests."""
    return str(Path(sys.executable).with_name(name))


# --- make -------------------------------------------------------------------------------------


@pytest.fixture
def made_up_pythons(tmp_path):
    """A function that makes a folder of Pythons with given versions, the only ones on PATH.

    Each answers the Makefile's question with the version it plays, and `-m venv` by saying so.
    """

    def make_folder(**versions):
        folder = tmp_path / "bin"
        folder.mkdir()
        for name in ("sh", "bash", "make", "id", "mkdir", "touch", "rm"):
            (folder / name).symlink_to(shutil.which(name))
        for name, version in versions.items():
            plays = f"import sys; sys.version_info = ({version.replace('.', ', ')}, 0); "
            script = folder / name.replace("_", ".")
            script.write_text(
                f'#!/bin/sh\ncase "$1" in\n'
                f'  -c) exec "{sys.executable}" -c "{plays}$2" ;;\n'
                f'  --version) echo "Python {version}.0" ;;\n'
                f'  -m) echo "{version} was asked: $*"; exit 3 ;;\nesac\n'
            )
            script.chmod(script.stat().st_mode | stat.S_IXUSR)
        return folder

    return make_folder


def make_env(folder, *settings):
    """What `make env` does where only the Pythons in this folder exist."""
    environment = {"PATH": str(folder), "HOME": str(folder)}
    return run("make", "env", f"VENV={folder}/venv", *settings, env=environment)


def test_make_says_in_one_sentence_which_pythons_would_do(made_up_pythons):
    told = make_env(made_up_pythons(python3="3.10", python="2.7", python3_14="3.14"))
    assert told.returncode != 0
    sentence = next(line for line in told.stderr.splitlines() if "needs" in line)
    assert "3.11, 3.12 or 3.13" in sentence
    assert "PYTHON=" in sentence


@pytest.mark.parametrize(
    ("pythons", "taken"),
    [
        ({"python3": "3.12"}, "3.12"),
        ({"python3": "3.9", "python3_11": "3.11"}, "3.11"),
        ({"python3": "3.14", "python3_13": "3.13", "python3_11": "3.11"}, "3.13"),
        ({"python": "3.11"}, "3.11"),
    ],
    ids=str,
)
def test_make_takes_the_first_python_that_suits(made_up_pythons, pythons, taken):
    told = make_env(made_up_pythons(**pythons))
    assert f"{taken} was asked: -m venv" in told.stdout


def test_make_takes_the_python_that_is_named(made_up_pythons):
    folder = made_up_pythons(python3="3.12", other="3.13")
    assert "3.13 was asked: -m venv" in make_env(folder, "PYTHON=other").stdout


def test_make_does_not_install_again_until_the_requirements_change(tmp_path):
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / ".venv").mkdir()
    for name in ("course.stamp", "authors.stamp"):
        (tmp_path / ".venv" / name).touch()

    def would_install():
        steps = ["make", "--dry-run", "lint"]
        planned = subprocess.run(steps, cwd=tmp_path, capture_output=True, text=True, check=True)
        return re.findall(r"pip install .*-r (\S+)", planned.stdout)

    assert would_install() == []
    later = (tmp_path / ".venv/authors.stamp").stat().st_mtime + 10
    os.utime(tmp_path / "requirements-dev.txt", (later, later))
    assert would_install() == ["requirements-dev.txt"]
    os.utime(tmp_path / "constraints.txt", (later, later))
    assert would_install() == ["requirements.txt", "requirements-dev.txt"]


def test_make_hands_pip_the_index_that_a_student_names():
    planned = run(
        "make", "--dry-run", "--always-make", "env", "TORCH_INDEX=https://example.org/cpu"
    )
    assert "--extra-index-url https://example.org/cpu -r requirements.txt" in planned.stdout
    assert "--extra-index-url" not in run("make", "--dry-run", "--always-make", "env").stdout


@pytest.mark.parametrize("setting", ["VENV=~/grooves-env", "PYTHON=~/grooves-env/bin/python"])
def test_make_expands_a_tilde_which_the_shell_leaves_alone(setting, tmp_path):
    home = os.environ | {"HOME": str(tmp_path)}
    planned = run("make", "--dry-run", "--always-make", "env", setting, env=home)
    assert f"{tmp_path}/grooves-env/bin/python" in planned.stdout
    assert "~" not in planned.stdout


@pytest.mark.parametrize("folder", ["two words", "~nobody/env"])
def test_make_says_so_where_a_folder_for_the_environment_cannot_be(folder):
    told = run("make", "--dry-run", "env", f"VENV={folder}")
    assert told.returncode != 0
    assert f"VENV={folder}: give the full path of one folder, without spaces" in told.stderr


@pytest.fixture
def made(tmp_path):
    """A course with an environment that make takes for finished, without a package in it."""
    course = tmp_path / "course"
    course.mkdir()
    for name in ("Makefile", "requirements.txt", "constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, course)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", ".venv"], cwd=course, check=True)
    (course / ".venv/course.stamp").write_text(f"{course}\n")
    return course


def planned_in(course, *settings):
    command = ["make", "--dry-run", "env", *settings]
    return subprocess.run(command, cwd=course, capture_output=True, text=True, check=True).stdout


def test_an_environment_whose_folder_was_renamed_is_made_anew(made, tmp_path):
    """Its programs begin with the path of the Python that was."""
    assert "pip install" not in planned_in(made)
    planned = planned_in(made.rename(tmp_path / "renamed"))
    assert 'if [ "environment" = environment ]; then echo "The folder of .venv was' in planned
    assert planned.index("-m venv --clear") < planned.index("pip install")


def test_an_environment_elsewhere_gets_the_course_anew_where_that_was_renamed(made, tmp_path):
    """The package is installed as a link to the course's folder; all else may stay."""
    elsewhere = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", elsewhere], check=True)
    (elsewhere / "course.stamp").write_text(f"{made}\n")
    assert "pip install" not in planned_in(made, f"VENV={elsewhere}")
    planned = planned_in(made.rename(tmp_path / "renamed"), f"VENV={elsewhere}")
    assert 'if [ "course" = environment ]' in planned
    assert "pip install" in planned


def test_make_test_runs_every_stage():
    planned = run("make", "--dry-run", "test").stdout
    # With a space before them: the unit stage names the same folders to ignore them.
    for step in ("ruff check", "ruff format --check", "--nbval-lax", " tests/notebooks",
                 " tests/book", " tests/explorables", " tests/lab_browser"):  # fmt: skip
        assert step in planned


def test_every_notebook_and_every_solution_runs_under_nbval_and_offline():
    (line,) = re.findall(r".*--nbval-lax(?:.*\\\n)*.*", run("make", "-n", "notebooks").stdout)
    words = line.replace("\\\n", " ").split()
    assert {"notebooks", "labs/solutions"} <= set(words)
    assert words.index("tests/notebooks/offline.py") < words.index("pytest")
    assert words[words.index("-p") + 1] == "strict_nbval"
    # Other ways of sharing out tests would split one notebook between two kernels.
    assert words[words.index("--dist") + 1] == "loadfile"


def test_no_folder_of_tests_is_left_out_of_make_test():
    """The unit stage runs all of tests/ but what has a stage of its own."""
    planned = run("make", "--dry-run", "test").stdout.replace("\\\n", " ")
    ignored = set(re.findall(r"--ignore=(\S+)", planned))
    stages = [line for line in planned.splitlines() if "-m pytest" in line]
    others = " ".join(line for line in stages if "--ignore" not in line).split()
    assert ignored
    assert ignored <= set(others)


def make_chromium(folder, **scripts):
    """What `make chromium` does where a folder is PATH and environment in one.

    It holds what make needs, and scripts by name, with - for _.
    """
    (folder / "bin").mkdir()
    for name in ("sh", "make", "id"):
        (folder / "bin" / name).symlink_to(shutil.which(name))
    for name, line in scripts.items():
        script = folder / "bin" / name.replace("_", "-")
        script.write_text(f"#!/bin/sh\n{line}\n")
        script.chmod(0o755)
    return run("make", "chromium", f"VENV={folder}", env={"PATH": str(folder / "bin")})


NEITHER = [
    {},
    {"chromium_browser": "exit 1"},  # as on Ubuntu without snap
    {"chromium": "echo 130", "playwright": "exit 127"},  # as where libatomic is missing
]


@pytest.mark.parametrize("there", NEITHER, ids=["none", "broken", "no_driver"])
def test_make_says_how_to_get_chromium_where_it_cannot_install_it(tmp_path, there):
    told = make_chromium(tmp_path, **there)
    assert told.returncode != 0
    assert "apt-get install chromium libatomic1" in told.stderr


def test_make_installs_no_browser_where_one_starts(tmp_path):
    told = make_chromium(tmp_path, google_chrome="echo 130", apt_get="echo installing")
    assert (told.returncode, told.stdout) == (0, "")


def test_make_says_what_to_do_where_git_does_not_answer(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    alone = os.environ | {"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    told = run("make", "-C", str(tmp_path), "checkout", env=alone)
    assert told.returncode != 0
    assert "test a clone of the course, not an unpacked archive" in told.stderr


# --- CI and workflows -------------------------------------------------------------------------


def test_ci_script_can_be_run_and_is_sound():
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    assert run("bash", "-n", str(script)).returncode == 0


def test_workflows_follow_the_schema():
    schema = ("--builtin-schema", "vendor.github-workflows")
    told = run(tool("check-jsonschema"), *schema, *map(str, WORKFLOWS))
    assert told.returncode == 0, told.stdout


@pytest.mark.skipif(not shutil.which("actionlint"), reason="actionlint is not installed here")
def test_workflows_pass_actionlint():
    told = run("actionlint", *map(str, WORKFLOWS))
    assert told.returncode == 0, told.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_asks_for_few_rights_and_cannot_run_for_ever(path):
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())


def triggers(name):
    # YAML reads the key `on` as true.
    return yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text())[True]


def steps(name):
    jobs = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text())["jobs"]
    return "\n".join(step.get("run", "") for job in jobs.values() for step in job["steps"])


def test_the_suite_runs_on_every_change_and_workflows_are_linted_there():
    assert set(triggers("suite")) >= {"push", "pull_request"}
    assert ".ci/run" in steps("suite")
    assert "actionlint" in steps("suite")


def test_the_book_is_published_from_main_only():
    assert triggers("book")["push"] == {"branches": ["main"]}
    assert "pull_request" not in triggers("book")
    assert "make book" in steps("book")


def test_the_weekly_run_tries_every_python_that_the_package_promises():
    matrix = yaml.safe_load((ROOT / ".github/workflows/weekly.yml").read_text())
    matrix = matrix["jobs"]["suite"]["strategy"]["matrix"]
    promised = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    low, high = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", promised).groups()
    assert matrix["python"] == [f"3.{minor}" for minor in range(int(low), int(high))]
    assert matrix["dependencies"] == ["pinned", "newest"]


def test_the_weekly_run_asks_for_every_direct_dependency_without_its_pin():
    """The shell line of the workflow, run on the real files, with pip replaced by echo."""
    line = next(step for step in steps("weekly").split("\n\n") if "xargs" in step)
    line = line[line.index("sed") : line.index("| xargs")]
    names = run("bash", "-c", line).stdout.split()
    assert "torch" in names
    assert "jupyter-book<2" in names
    assert not [name for name in names if "==" in name]
    text = (ROOT / "requirements.txt").read_text() + (ROOT / "requirements-dev.txt").read_text()
    assert len(names) == text.count("==")


@pytest.fixture
def what_broke():
    spec = importlib.util.spec_from_file_location("what_broke", ROOT / ".github/what_broke.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_broke_is_named_with_its_stage_and_its_first_line(what_broke, tmp_path):
    (tmp_path / "test_sum.py").write_text(
        "def test_good(): pass\ndef test_bad(): raise ValueError('no | sum\\nand more')\n"
    )
    report = tmp_path / "reports" / "unit.xml"
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    run(sys.executable, "-m", "pytest", str(tmp_path), f"--junitxml={report}", "-p",
        "no:cacheprovider", "--rootdir", str(tmp_path), env=alone)  # fmt: skip
    assert what_broke.failures(report.parent) == [
        ("unit", "test_sum::test_bad", "ValueError: no | sum")
    ]
    told = run(sys.executable, ".github/what_broke.py", str(report.parent))
    assert "::error title=unit: test_sum::test_bad::ValueError: no | sum" in told.stdout
    assert "| unit | test_sum::test_bad | ValueError: no \\| sum |" in told.stdout


def test_a_package_that_moved_is_named_with_both_versions(what_broke):
    pinned = {"torch": "2.13.0", "numpy": "2.4.6", "nbval": "0.11.0"}
    installed = {"torch": "2.13.0+cpu", "numpy": "2.5.0"}
    assert what_broke.changed(pinned, installed) == [("numpy", "2.4.6", "2.5.0")]


def test_hooks_are_valid_and_use_the_pinned_tools():
    assert run(tool("pre-commit"), "validate-config").returncode == 0
    pinned = (ROOT / "requirements.txt").read_text() + (ROOT / "requirements-dev.txt").read_text()
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repo["repo"] for repo in hooks] == ["local"]
    for hook in hooks[0]["hooks"]:
        for pin in hook["additional_dependencies"]:
            assert re.search(rf"^{re.escape(pin)}$", pinned, re.MULTILINE), pin


# --- what others install ----------------------------------------------------------------------


def test_binder_and_devcontainer_use_the_pinned_files():
    asked = run(sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--no-index",
                "--no-build-isolation", "-r", ".binder/requirements.txt")  # fmt: skip
    assert asked.returncode == 0, asked.stderr
    assert "requirement already satisfied: torch==2.13.0" in asked.stdout.lower()
    assert os.access(ROOT / ".binder/postBuild", os.X_OK)
    version = (ROOT / ".binder/runtime.txt").read_text().strip()
    assert version in ("python-3.11", "python-3.12", "python-3.13")
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    assert container["postCreateCommand"] == "make env"
    assert re.match(r"python:3\.1[123]-", container["image"])


def test_citation_file_follows_its_schema_and_names_this_version():
    told = run(tool("check-jsonschema"), "--builtin-schema", "vendor.citation-file-format",
               "CITATION.cff")  # fmt: skip
    assert told.returncode == 0, told.stdout
    import grooves

    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version
    assert grooves.__version__ == version


def test_an_installed_copy_carries_the_data_files(tmp_path):
    """What Colab gets: the package built from the folder, not a link into it."""
    source = tmp_path / "source"
    shutil.copytree(ROOT / "grooves", source / "grooves", ignore=shutil.ignore_patterns("__pyc*"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT"):
        shutil.copy(ROOT / name, source)
    built = run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index",
                "--no-build-isolation", "--wheel-dir", str(tmp_path), str(source))  # fmt: skip
    assert built.returncode == 0, built.stderr
    inside = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    ours = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "grooves").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert ours - inside == set()


def test_make_and_the_plain_commands_start_jupyterlab_alike():
    """Both by `grooves lab`, which tests/lab_browser tries; a plain `jupyter lab` is not it."""
    for name in ("Makefile", "README.md"):
        lines = (ROOT / name).read_text("utf-8").splitlines()
        assert [line for line in lines if "jupyter lab" in line] == []
        assert sum(bool(re.search(r"^\S+[/\\]?grooves lab\b", line.strip())) for line in lines) == 1


def test_what_is_pinned_installs_on_the_first_release_of_every_python_that_is_promised():
    """Debian 12 has Python 3.11.2, where a pin that wants 3.11.5 cannot be installed."""
    pins = "".join(path.read_text() for path in (*ROOT.glob("requirements*.txt"),
                                                 ROOT / "constraints.txt"))  # fmt: skip
    pinned = {f"{normal(n)}=={v}" for n, v in re.findall(r"^([\w.-]+)==(\S+)", pins, re.MULTILINE)}
    installed = [d for d in metadata.distributions()
                 if f"{normal(d.name)}=={d.version.partition('+')[0]}" in pinned]  # fmt: skip
    assert len(installed) > 100
    for package in installed:
        wanted = SpecifierSet(package.metadata.get("Requires-Python", ""))
        refused = [python for python in ("3.11.0", "3.12.0", "3.13.0") if python not in wanted]
        assert not refused, f"{package.name}=={package.version} wants Python {wanted}"
