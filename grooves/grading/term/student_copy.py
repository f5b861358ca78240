"""The students' copy: the course without solutions, tests, benchmarks and answers.

Key idea: this module decides what a copy contains, as a table from paths to contents, and
`copy_targets` writes it as a folder, a zip file or a branch. Whole folders are left out, and
references to them are removed from the files that stay, so that no link and no make target is dead.
The checks are included, with the results that they compare with: see `LEFT_OUT`.
Labs of every chapter.
"""

from __future__ import annotations

import copy
import json
import os
import posixpath
import re
import subprocess
from pathlib import Path

from grooves.grading.masters import LabError, masters
from grooves.grading.term import term_file
from grooves.grading.term.handout_command import notebooks

# Folders end in "/". The checks stay, because students run them. Anyone who looks can therefore
# read the correct results and the mistakes in `grooves/checks/`, and the course's own library.
LEFT_OUT = (
    "labs/solutions/", "tests/", "benchmarks/", "book/teaching.md", ".ci/", ".github/",
    ".pre-commit-config.yaml", "requirements-dev.txt", "CHANGELOG.md", "CONTRIBUTING.md",
)  # fmt: skip
_README = Path(__file__).with_name("student_readme.md")
_TARGETS = ("test", "bench")  # make targets for students that need what is left out
_INNER = ("chromium", "checkout", "$(VENV)/authors.stamp")
_FOR_STUDENTS = ("for students and instructors", "how it is made")
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s:#]+\.(?:md|ipynb|py))(?:#[\w-]*)?\)")
_FOR_INSTRUCTORS = re.compile(  # a section, with its label
    r"^(?:\([\w-]+\)=\n)?## For instructors.*?(?=^(?:\([\w-]+\)=\n)?## |\Z)",
    re.MULTILINE | re.DOTALL,
)


def files(course: Path, term: term_file.Term) -> dict[str, tuple[bytes, bool]]:
    """What a copy of the course contains: path -> (content, whether it is executable).

    Labs are as the term sets them. Raises: LabError where git cannot list the course's files, where
    there are uncommitted changes, or where the term does not fit the labs.
    """
    known = masters(course / "labs")
    term_file.check_labs(term, known)
    found = {}
    for name in tracked(course):
        if not name.startswith(LEFT_OUT) and not re.fullmatch(r"labs/[^/]*\.ipynb", name):
            path = course / name
            found[name] = (path.read_bytes(), os.access(path, os.X_OK))
    for lab, text, _ in notebooks(term, known):
        found[f"labs/{lab}.ipynb"] = (text.encode(), False)
    if term.path:
        found[term_file.NAME] = (term.path.read_bytes(), False)
    found["README.md"] = (_README.read_bytes(), False)
    changes = {"Makefile": _makefile, "_toc.yml": _contents, "_config.yml": _config}
    for name in list(found):
        by_kind = {".md": _page, ".ipynb": _notebook}
        change = changes.get(name, by_kind.get(Path(name).suffix))
        if change and name != "README.md":
            content, executable = found[name]
            text = change(content.decode(), name, found)
            found[name] = (text.encode(), executable)
    return dict(sorted(found.items()))


def tracked(course: Path) -> list[str]:
    """The course's files, as committed. Raises: LabError."""
    changed = git(course, "status", "--porcelain", "--untracked-files=no").splitlines()
    if changed:
        raise LabError(
            f"{changed[0][3:]} has uncommitted changes"
            + (f", and {len(changed) - 1} more" if len(changed) > 1 else "")
            + ". The copy is made from the last commit: commit or `git stash` first."
        )
    return [name for name in git(course, "ls-files", "-z").split("\0") if name]


def git(folder: Path, *words: str, **more) -> str:
    """What git prints. Raises: LabError with git's own sentence."""
    try:
        done = subprocess.run(
            ["git", *words], cwd=folder, capture_output=True, text=True, check=False, **more
        )
    except FileNotFoundError:
        raise LabError("git was not found; the copy is made from what is committed there") from None
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"git {words[0]} failed"
        raise LabError(f"{folder}: {said}")
    return done.stdout


def _makefile(text: str, _: str, found: dict) -> str:
    """The targets that work without tests, benchmarks and masters."""
    head, *parts = re.split(r"^(?=# --- .+ -+$)", text, flags=re.MULTILINE)
    kept = [part for part in parts if any(f"# --- {what} -" in part for what in _FOR_STUDENTS)]
    rules = re.split(r"\n\n", "".join(kept))
    gone = tuple(f"{name}:" for name in (*_TARGETS, *_INNER))
    rules = [rule for rule in rules if not rule.startswith((*gone, "# Browser", "define STARTED"))]
    body = "\n\n".join(rules)
    phony = re.search(r"^\.PHONY: (?:.*\\\n)*.*$", head, re.MULTILINE)
    if phony:
        words = phony[0].replace("\\\n", " ").split()[1:]
        left = [word for word in words if re.search(rf"^{word}:", body, re.MULTILINE)]
        head = head.replace(phony[0], f".PHONY: {' '.join(left)}")
    return head + body


def _contents(text: str, _: str, found: dict) -> str:
    """The table of contents without pages that the copy does not have."""
    lines = []
    for line in text.split("\n"):
        page = re.match(r"\s*- file: (\S+)", line)
        if not page or any(f"{page[1]}{suffix}" in found for suffix in (".md", ".ipynb")):
            lines.append(line)
    return "\n".join(lines)


def _config(text: str, _: str, found: dict) -> str:
    """The book's settings without the address of the repository with the solutions."""
    return re.sub(r"^(repository:\n  url: ).*$", r'\1""', text, flags=re.MULTILINE)


def _page(text: str, name: str, found: dict) -> str:
    """A page without links to files that the copy lacks, and without paragraphs about them."""

    text = _FOR_INSTRUCTORS.sub("", text)
    paragraphs = [p for p in text.split("\n\n") if "labs/solutions" not in p]
    return _fitted("\n\n".join(paragraphs).rstrip("\n") + "\n", name, found)


def _notebook(text: str, name: str, found: dict) -> str:
    """A notebook whose Markdown has no links to files that the copy lacks."""
    notebook = json.loads(text)
    before = copy.deepcopy(notebook)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            source = _fitted("".join(cell["source"]), name, found)
            cell["source"] = source.splitlines(keepends=True)
    changed = notebook != before
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n" if changed else text


def _fitted(text: str, name: str, found: dict) -> str:
    """Markdown of the file `name`, in which links to files that the copy lacks are text."""

    def shown(link: re.Match) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), link[2]))
        if target in found:
            return link[0]
        return f"{link[1]} (not set this term)" if target.startswith("labs/") else link[1]

    return _LINK.sub(shown, text)
