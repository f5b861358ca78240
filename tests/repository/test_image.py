"""The container's image, as far as it can be judged without building it; the workflow builds it."""

import re
import shlex
import subprocess

import pytest
import yaml
from test_setup import ROOT

from grooves.cli import main

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/image.yml").read_text("utf-8"))


def instructions(text):
    """[(instruction, its words as written)] of a Dockerfile, comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    whole = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in whole.splitlines() if line.strip()]


def said(name):
    return [words for instruction, words in instructions(DOCKERFILE) if instruction == name]


def copied():
    """What is copied from the course's folder into the image."""
    return {source for words in said("COPY") for source in words.split()[:-1]}


def grading_command(text):
    """The words of the `docker run` that grades, wherever it is written."""
    joined = re.sub(r"\\\n\s*", "", text)
    (line,) = re.findall(r"docker run .* grooves labs grade .*", joined)
    return shlex.split(line)


def test_the_base_image_is_pinned_to_a_release_of_a_python_that_is_promised():
    (base,) = said("FROM")
    assert re.fullmatch(r"python:3\.1[123]\.\d+-slim-\w+", base)


def test_the_image_holds_the_package_and_nothing_that_students_must_not_see():
    """Students work in it on a hub, so a folder that holds solutions is never copied."""
    assert copied() >= {"grooves", "requirements.txt", "constraints.txt", "pyproject.toml"}
    for source in copied():
        assert (ROOT / source).exists(), source
        solutions = list((ROOT / source).rglob("*.ipynb"))
        assert solutions == [], source
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert ignored.count("*") == 1
    assert {line[1:] for line in ignored if line.startswith("!")} == copied()


def test_what_the_package_is_built_from_is_copied():
    """pip reads these when it installs the package from its folder."""
    asked = re.findall(r'^(?:readme = |license-files = \[)(.*?)\]?$',
                       (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)  # fmt: skip
    files = {name for line in asked for name in re.findall(r'"([^"]+)"', line)}
    assert {"README.md", "LICENSE"} <= files <= copied()


@pytest.mark.parametrize("index", ["", "https://index.example.edu/cpu"])
def test_pip_installs_the_pins_from_the_index_that_is_given(index):
    """The image's own shell line, with pip and python replaced by what prints their words."""
    (install,) = [words for words in said("RUN") if "pip install" in words]
    script = f'pip() {{ printf "%s\\n" "$@"; }}; python() {{ :; }}; {install}'
    told = subprocess.run(["sh", "-c", script], env={"TORCH_INDEX": index, "PATH": "/usr/bin:/bin"},
                          capture_output=True, text=True, check=True)  # fmt: skip
    words = told.stdout.split()
    assert words[words.index("--requirement") + 1] == "requirements.txt"
    assert (["--extra-index-url", index] == words[1:3]) == bool(index)
    others = words[words.index("requirements.txt") + 1 :]
    assert {re.sub("==.*", "", word) for word in others} == {"jupyterhub", "nbgitpuller"}
    assert all(re.fullmatch(r"[a-z]+==\d+\.\d+\.\d+", word) for word in others)


def test_nobody_in_the_image_is_root_and_a_hub_can_start_it():
    (user,) = said("USER")
    (made,) = [words for words in said("RUN") if "useradd" in words]
    assert f"--uid {user} " in made and made.endswith(" jovyan")
    assert f"--home-dir {said('WORKDIR')[-1]} " in made  # where a hub mounts what a student keeps
    assert said("CMD") == ['["jupyterhub-singleuser", "--ip=0.0.0.0"]']
    assert said("ENTRYPOINT") == []  # a hub, and the grader, give their own command


def test_the_command_for_grading_fits_the_image_and_is_the_one_that_the_workflow_tries(capsys):
    with pytest.raises(SystemExit):
        main(["labs", "grade", "--help"])
    words = grading_command(capsys.readouterr().out)
    mounted = [words[i + 1] for i, word in enumerate(words) if word == "--volume"]
    assert [volume.split(":", 1)[1] for volume in mounted] == ["/course:ro", "/out"]
    assert words[words.index("--network") + 1] == "none"
    image, *command = words[words.index("--workdir") + 2 :]
    assert words[words.index("--workdir") + 1] == "/course"
    assert (image, command[:3], command[-2:]) == (
        "grooves",
        ["grooves", "labs", "grade"],
        ["--out", "/out"],
    )
    environment = [words for words in said("ENV") if "PYTHONPATH" in words]
    assert environment == [
        "PYTHONPATH=/course"
    ]  # the course that is mounted is the one that counts
    steps = "\n".join(step.get("run", "") for step in WORKFLOW["jobs"]["image"]["steps"])
    assert grading_command(steps) == words


def test_the_image_is_built_on_every_change_and_tried_without_a_network():
    assert set(WORKFLOW[True]) == {"push", "pull_request"}  # YAML 1.1 reads "on" as true
    lines = [line for step in WORKFLOW["jobs"]["image"]["steps"] for line in
             re.sub(r"\\\n\s*", "", step.get("run", "")).splitlines()]  # fmt: skip
    assert sum(line.startswith("docker build --tag grooves ") for line in lines) == 1
    tried = [line for line in lines if line.startswith("docker run") and "--network none" in line]
    for command in ("grooves doctor", "jupyterhub-singleuser --version", "grooves labs grade"):
        assert sum(command in line for line in tried) == 1, command


def test_the_workflow_opens_serves_and_grades_with_commands_that_exist():
    """The image's three uses; the commands are parsed here, and run in the workflow."""
    script = "\n".join(step.get("run", "") for step in WORKFLOW["jobs"]["image"]["steps"])
    joined = re.sub(r"\\\n\s*", "", script)
    uses = [shlex.split(line) for line in re.findall(r"docker run .* grooves .*", joined)]
    of_image = [words[words.index("grooves") + 1 :] for words in uses]
    assert any(words[:2] == ["jupyter", "lab"] for words in of_image)
    assert "/contents/notebooks/00_start.ipynb" in joined
    assert (ROOT / "notebooks/00_start.ipynb").is_file()
    (serving,) = [words[1:] for words in of_image if words[:2] == ["grooves", "serve"]]
    (copying,) = [words[1:] for words in of_image if words[:2] == ["grooves", "student-copy"]]
    for words in (serving, copying):
        with pytest.raises(SystemExit) as asked:
            main([words[0], "--help"])
        assert asked.value.code == 0
    port = serving[serving.index("--port") + 1]
    assert f"127.0.0.1:{port}/v1/models" in joined and f"127.0.0.1:{port}:{port}" in joined
