"""Where a students' copy is written: a folder, a zip file, or a branch whose history is clean.

Key idea: no existing file is overwritten, and the same course always gives the same bytes.
Labs of every chapter.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path

from grooves.grading.masters import LabError
from grooves.grading.term.student_copy import git

Files = dict[str, tuple[bytes, bool]]  # path -> (content, whether it can be executed)
_NAME = "grooves"  # the folder that the zip unpacks to
_DATE = (
    1980,
    1,
    1,
    0,
    0,
    0,
)  # the earliest date that a zip file can store, so that equal copies give equal bytes


def to_folder(files: Files, folder: Path) -> None:
    """Write a copy into a new or empty folder. Raises: LabError where something is in the way."""
    if folder.exists() and not folder.is_dir():
        raise LabError(f"{folder} is a file: name a new or an empty folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise LabError(f"{folder} is not empty: empty it, or name another folder")
    for name, (content, executable) in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755 if executable else 0o644)


def to_zip(files: Files, path: Path) -> None:
    """Write a copy as a zip that unpacks to one folder. Raises: LabError where a file is there."""
    if path.exists():
        raise LabError(f"{path} exists: remove it, or name another file")
    if not path.parent.is_dir():
        raise LabError(f"{path.parent} is not a folder: create it first, or name another file")
    part = path.with_name(f"{path.name}.part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (content, executable) in files.items():
            entry = zipfile.ZipInfo(f"{_NAME}/{name}", _DATE)
            entry.create_system = (
                3  # Unix, wherever this runs, because the permissions below are Unix permissions
            )
            entry.external_attr = (0o100755 if executable else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    os.replace(part, path)


def to_branch(files: Files, course: Path, branch: str) -> bool:
    """Commit a copy to a branch of the course's repository that shares no history with the others.

    A branch made by an earlier call gets another commit. The working folder is not touched.
    Returns: whether anything changed.
    Raises: LabError where the branch exists and is not a students' copy, or is checked out.
    """
    git(course, "check-ref-format", "--branch", branch)
    tip = git(course, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}").strip()
    if tip:
        if f"branch refs/heads/{branch}\n" in git(course, "worktree", "list", "--porcelain") + "\n":
            raise LabError(f"the branch {branch} is checked out: switch to another one first")
        if git(course, "log", "--format=%h", "-1", tip, "--", "labs/solutions", "tests").strip():
            raise LabError(
                f"the branch {branch} has solutions or tests in its history: name a new branch"
            )
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "copy"
        to_folder(files, folder)
        store = git(course, "rev-parse", "--absolute-git-dir").strip()
        there = os.environ | {"GIT_INDEX_FILE": str(Path(place) / "index"), "GIT_DIR": store}
        there["GIT_WORK_TREE"] = str(folder)
        git(folder, "-c", "core.autocrlf=false", "add", "--all", "--force", ".", env=there)
        tree = git(folder, "write-tree", env=there).strip()
    if tip and tree == git(course, "rev-parse", f"{tip}^{{tree}}").strip():
        return False
    parent = ("-p", tip) if tip else ()
    commit = git(course, "commit-tree", tree, *parent, "-m", "The students' copy").strip()
    git(course, "update-ref", f"refs/heads/{branch}", commit, tip or "0" * 40)
    return True
