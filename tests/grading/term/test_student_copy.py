"""The students' copy: everything that students need works in it, and nothing gives answers away."""

import ast
import os
import re
import shutil
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import nbformat
import pytest
import yaml

from grooves import cli
from grooves.grading.masters import exercises_of, masters, read_master
from grooves.grading.term.student_copy import files
from grooves.grading.term.term_file import Term, read

ROOT = Path(__file__).resolve().parents[3]
MASTERS = masters(ROOT / "labs")
# Solutions so short that the library, or the chapter that explains them, has the same line.
PUBLIC = {"neuron", "layer", "relu", "hide_words"}
TERM = """
[labs.04_transformer]
exercises = ["softmax", "causal_attention"]
[labs.01_forward_propagation]
"""


def git(folder, *words):
    mine = ("-c", "user.name=A Teacher", "-c", "user.email=teacher@example.org")
    command = ["git", *mine, *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """This checkout as a repository of its own, with everything committed."""
    folder = tmp_path_factory.mktemp("course")
    names = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "config", "user.name", "A Teacher")
    git(folder, "config", "user.email", "teacher@example.org")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=course")
    return folder


@pytest.fixture
def course(repository, monkeypatch):
    monkeypatch.chdir(repository)
    yield repository
    git(repository, "reset", "--quiet", "--hard")
    git(repository, "clean", "--quiet", "--force", "-d")


@pytest.fixture(scope="module")
def whole(repository):
    """The copy without a term: path -> (content, whether it can be executed)."""
    return files(repository, Term())


@pytest.fixture(scope="module")
def code(whole):
    """Path -> what the file says, code in one form whatever its layout, all in one line."""
    return {name: flat(name, content) for name, (content, _) in whole.items()}


def one_form(source):
    try:
        return ast.unparse(ast.parse(source))
    except SyntaxError:
        return source


def flat(name, content):
    text = content.decode("utf-8", "replace")
    if name.endswith(".py"):
        text += "\n" + one_form(text)
    elif name.endswith(".ipynb"):
        sources = [cell.source for cell in nbformat.reads(text, as_version=4).cells]
        text = "\n".join(form for source in sources for form in (source, one_form(source)))
    return " ".join(text.split())


def solutions(lab):
    """(exercise, code) of everything that stands between markers in a master."""
    master = read_master(MASTERS[lab])
    for exercise in exercises_of(master, lab):
        for index in exercise.answers:
            source = master.cells[index].source
            marked = r"### BEGIN SOLUTION\n(.*?)\n *### END SOLUTION"
            for region in re.findall(marked, source, re.DOTALL) or [source]:
                body = textwrap.indent(textwrap.dedent(region), "    ")
                yield exercise.name, " ".join(one_form(f"def _():\n{body}").split()[2:])


@pytest.mark.parametrize("lab", MASTERS)
def test_no_solution_is_in_any_file_of_the_copy(code, lab):
    found = [
        (exercise, name)
        for exercise, solution in solutions(lab)
        if exercise not in PUBLIC
        for name, text in code.items()
        if solution in text
    ]
    assert found == []
    assert len(list(solutions(lab))) >= 8


def test_no_answer_of_a_test_and_none_of_an_exam_is_in_any_file_of_the_copy(code):
    answers = []
    for path in sorted((ROOT / "tests/checks/answers").glob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef) and any(
                isinstance(mark, ast.Call) and getattr(mark.func, "id", "") in ("right", "wrong")
                for mark in node.decorator_list
            ):
                answers += [" ".join("\n".join(map(ast.unparse, node.body)).split())]
    answers = [answer for answer in answers if len(answer) > 80]
    exam = (ROOT / "labs/solutions/exam_answers.md").read_text("utf-8").split("\n")
    sentences = [" ".join(line.split()) for line in exam if len(line) > 40]
    assert len(answers) > 100 and len(sentences) > 50
    everything = "\n".join(code.values())
    assert [one for one in (*answers, *sentences) if one in everything] == []


def test_the_copy_has_no_tests_benchmarks_or_masters_and_nothing_leads_to_them(whole):
    for name in whole:
        assert not re.match(r"tests/|benchmarks/|labs/solutions|\.github/|\.ci/", name)
    contents = yaml.safe_load(whole["_toc.yml"][0])
    pages = [contents["root"], *re.findall(r"'file': '([^']+)'", str(contents))]
    assert all(f"{page}.md" in whole or f"{page}.ipynb" in whole for page in pages)
    link = re.compile(r"(?<!!)\]\(((?:\.\./)?[\w./]+\.(?:md|ipynb))")
    for name, (content, _) in whole.items():
        if name.endswith((".md", ".ipynb")):
            for target in link.findall(content.decode()):
                assert os.path.normpath(os.path.join(os.path.dirname(name), target)) in whole, name
    assert "labs/solutions" not in whole["labs/README.md"][0].decode()


def test_lab_doctor_and_progress_work_in_the_copy_without_git(course, tmp_path):
    copy = tmp_path / "copy"
    assert cli.main(["student-copy", "--to", str(copy)]) == 0
    environment = {
        "PATH": str(tmp_path / "no-git"),
        "PYTHONPATH": str(copy),
        "GROOVES_CACHE": str(tmp_path / "cache"),
        "OMP_NUM_THREADS": "1",
    }

    def python(*words, folder=copy):
        return subprocess.run(
            [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True
        )

    lab = nbformat.read(copy / "labs/01_forward_propagation.ipynb", as_version=4)
    setup = next(cell.source for cell in lab.cells if cell.id == "setup")
    answer = "neuron = lambda x, w, b: float(sum(x * w) + b)\ncheck.neuron(neuron)"
    ran = python("-c", f"{setup}\n{answer}", folder=copy / "labs")
    assert "passed: neuron (1 point)." in ran.stdout, ran.stderr
    assert "1 of 19 points" in python("-m", "grooves", "progress").stdout
    doctor = python("-m", "grooves", "doctor")
    assert "Python" in doctor.stdout and doctor.returncode == 0, doctor.stdout + doctor.stderr
    for target in ("help", "lab", "doctor", "env", "book", "serve"):
        made = subprocess.run(
            ["make", "--dry-run", target], cwd=copy, capture_output=True, text=True, check=True
        )
        assert "tests" not in made.stdout + made.stderr
    offered = subprocess.run(["make"], cwd=copy, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^  make (\w+)", offered, re.MULTILINE) == [
        "lab",
        "book",
        "serve",
        "doctor",
        "env",
    ]


def test_the_copy_has_the_labs_that_the_term_sets(course, tmp_path):
    (course / "term.toml").write_text(TERM)
    made = files(course, read(course / "term.toml"))
    labs = [name for name in made if name.startswith("labs/") and name.endswith(".ipynb")]
    assert labs == ["labs/01_forward_propagation.ipynb", "labs/04_transformer.ipynb"]
    assert b"for 2 exercises" in made["labs/04_transformer.ipynb"][0]
    assert made["term.toml"][0] == TERM.encode()
    assert b"labs/06_fine_tuning" not in made["_toc.yml"][0]
    assert b"../labs/06_fine_tuning.ipynb" not in made["book/06_fine_tuning.md"][0]
    assert b"../labs/04_transformer.ipynb" in made["book/04_transformer.md"][0]
    assert "(not set this term)" in made["notebooks/06_fine_tuning.ipynb"][0].decode()


def test_every_link_of_a_copy_with_some_labs_leads_to_a_file_in_it(course):
    """The book is built with warnings as errors, so one link to a lab that is not set ends it."""
    (course / "term.toml").write_text(TERM)
    made = files(course, read(course / "term.toml"))
    dead = []
    for name, (content, _) in made.items():
        if name.endswith(".md"):
            texts = [content.decode()]
        elif name.endswith(".ipynb"):
            cells = nbformat.reads(content.decode(), as_version=4).cells
            texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
        else:
            continue
        for target in re.findall(
            r"\]\(((?:\.\./)*(?:labs/)?[\w./-]+\.ipynb)[#)]", "\n".join(texts)
        ):
            if os.path.normpath(os.path.join(os.path.dirname(name), target)) not in made:
                dead.append((name, target))
    assert dead == []


def _dirty(course, place):
    (course / "README.md").write_text("changed")


def _full_folder(course, place):
    place.mkdir()
    (place / "mine").write_text("mine")


def _with_solutions(course, place):
    git(course, "branch", "old")


@pytest.mark.parametrize(
    ("before", "words", "says"),
    [
        (_dirty, ["--to", "PLACE"], "README.md has uncommitted changes. The copy is made from"),
        (_full_folder, ["--to", "PLACE"], "is not empty: empty it, or name another folder"),
        (
            lambda _, place: place.write_text(""),
            ["--to", "PLACE"],
            "is a file: name a new or an empty folder",
        ),
        (lambda _, place: place.write_text(""), ["--zip", "PLACE"], "exists: remove it, or name"),
        (lambda *_: None, ["--zip", "PLACE/no/a.zip"], "is not a folder: create it first"),
        (_with_solutions, ["--branch", "old"], "has solutions or tests in its history"),
        (lambda *_: None, ["--branch", "main"], "main is checked out: switch to another one"),
        (lambda *_: None, ["--branch", "a b"], "'a b' is not a valid branch name"),
    ],
)
def test_what_is_in_the_way_is_told_in_a_sentence_and_kept(
    course, tmp_path, capsys, before, words, says
):
    place = tmp_path / "place"
    before(course, place)
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert cli.main(["student-copy", *(word.replace("PLACE", str(place)) for word in words)]) == 2
    said = capsys.readouterr().err.strip()
    assert says in said
    assert "\n" not in said
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == kept


def test_a_zip_is_the_same_bytes_each_time_and_keeps_what_can_be_run(course, tmp_path):
    for name in ("one.zip", "two.zip"):
        assert cli.main(["student-copy", "--zip", str(tmp_path / name)]) == 0
        for path in course.rglob("*.md"):
            os.utime(path, (1, 1))  # another checkout, with other times
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        rights = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
    assert rights["grooves/.binder/postBuild"] & 0o111
    assert not rights["grooves/README.md"] & 0o111


def test_a_branch_shares_no_history_with_the_solutions(course):
    assert cli.main(["student-copy", "--branch", "students"]) == 0
    assert cli.main(["student-copy", "--branch", "students"]) == 0
    assert git(course, "rev-list", "--count", "students").strip() == "1"
    (course / "labs/README.md").write_text("# Labs\n")
    git(course, "commit", "--quiet", "--all", "--message=shorter")
    assert cli.main(["student-copy", "--branch", "students"]) == 0
    assert git(course, "rev-list", "--count", "students").strip() == "2"
    assert git(course, "show", "students:labs/README.md") == "# Labs\n"
    names = git(course, "log", "--format=", "--name-only", "students")
    assert "labs/04_transformer.ipynb" in names
    assert "labs/solutions" not in names and "tests/" not in names
    assert git(course, "status", "--porcelain") == ""
    git(course, "branch", "--delete", "--force", "students")
    git(course, "reset", "--quiet", "--hard", "HEAD~1")
