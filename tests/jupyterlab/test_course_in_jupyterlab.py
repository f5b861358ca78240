"""`grooves lab` starts JupyterLab for the course, and its server leaves out the solutions alone."""

import asyncio
import shutil

import pytest
from jupyter_server.services.contents.filemanager import AsyncFileContentsManager
from jupyter_server.services.contents.largefilemanager import LargeFileManager

from grooves import cli
from grooves.jupyterlab import start
from grooves.jupyterlab.server import leave_out_solutions


@pytest.fixture
def course(tmp_path):
    """A folder with a first notebook, a lab, its solutions, and a student's folder of that name."""
    for path in (start.FIRST, "labs/01.ipynb", "labs/solutions/01.ipynb", "mine/solutions/x.txt"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("{}")
    return tmp_path


def names(contents, path):
    """What a contents manager, of either sort, lists in a folder."""
    model = contents.get(path)
    if asyncio.iscoroutine(model):
        model = asyncio.run(model)
    return {item["name"] for item in model["content"]}


@pytest.mark.parametrize("manager", [LargeFileManager, AsyncFileContentsManager])
def test_the_solutions_are_left_out_of_the_labs_and_of_nothing_else(course, manager):
    contents = manager(root_dir=str(course))
    assert names(contents, "labs") == {"01.ipynb", "solutions"}
    leave_out_solutions(contents)
    assert names(contents, "labs") == {"01.ipynb"}
    assert names(contents, "/labs/") == {"01.ipynb"}
    assert names(contents, "labs/solutions") == {"01.ipynb"}  # for those who know the path
    assert names(contents, "mine") == {"solutions"}


@pytest.fixture
def started(monkeypatch):
    """The words that JupyterLab would have been started with."""
    from jupyterlab.labapp import LabApp

    words = []
    monkeypatch.setattr(LabApp, "launch_instance", lambda argv: words.extend(argv))
    return words


def test_other_options_go_on_to_jupyterlab(course, monkeypatch, own_progress, started):
    monkeypatch.chdir(course)
    assert cli.main(["lab", "--no-browser", "--port=9000"]) == 0
    assert started[-2:] == ["--no-browser", "--port=9000"]
    assert f"--ServerApp.root_dir={course}" in started
    assert "--CourseServer.show_solutions=False" in started


def test_authors_get_the_solutions_back(course, monkeypatch, own_progress, started):
    monkeypatch.chdir(course)
    assert cli.main(["lab", "--solutions"]) == 0
    assert "--CourseServer.show_solutions=True" in started


def test_other_commands_refuse_what_they_do_not_know(capsys):
    with pytest.raises(SystemExit):
        cli.main(["doctor", "--no-browser"])
    assert "unrecognized arguments: --no-browser" in capsys.readouterr().err


def test_a_folder_without_the_course_is_named_with_the_remedy(
    tmp_path, monkeypatch, own_progress, started, capsys
):
    shutil.copytree(start.EXTENSION.parents[1], tmp_path / "site" / "grooves")
    monkeypatch.setattr(start, "__file__", str(tmp_path / "site/grooves/jupyterlab/start.py"))
    monkeypatch.chdir(tmp_path)
    assert cli.main(["lab"]) == 1
    assert started == []
    told = capsys.readouterr().err
    assert f"there is no {start.FIRST} in {tmp_path}: change to the course's folder" in told
