"""A copy of the course's code, which the submissions' kernels import.

Key idea: a submission can write to any file that it finds, and an author may edit the course while
grading runs. Kernels therefore import a copy. If a submission changes it, the files are restored
and only that submission is affected; the course's own folder is never written to.
Labs of every chapter.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from grooves.grading.reference import Reference

PACKAGE = Path(__file__).resolve().parents[1]


class CourseFiles:
    """A copy of the package, and of checks outside the package, as they are now.

    `folder` is the first entry in the kernels' module search path. Use it in a `with` statement.
    """

    def __init__(self):
        self._place = tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True)
        self.folder = Path(self._place.name).resolve()
        left_out = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PACKAGE, self.folder / PACKAGE.name, ignore=left_out)
        self._originals = {path: path.read_bytes() for path in PACKAGE.rglob("*.py")}
        self._keep()

    def add_checks(self, reference: Reference) -> None:
        """Copy modules of checks that are not part of the package, and use the copies."""
        for name, (file, text) in list(reference.sources.items()):
            path = Path(file).resolve()
            if path.is_relative_to(self.folder) or path.is_relative_to(PACKAGE):
                continue
            copy = self.folder.joinpath(*name.split(".")).with_suffix(".py")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(text, encoding="utf-8")
            self._originals[path] = path.read_bytes()
            reference.sources[name] = (str(copy), text)
        self._keep()

    def put_back(self) -> list[Path]:
        """Restore the files of the copy that were changed. Returns: their names."""
        changed = [path for path, content in self._kept.items() if _content(path) != content]
        for path in changed:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._kept[path])
        return changed

    def edited(self) -> list[Path]:
        """Files of the course itself that have changed since they were copied; reported once."""
        found = [path for path, content in self._originals.items() if _content(path) != content]
        for path in found:
            self._originals[path] = _content(path)
        return found

    def __enter__(self) -> CourseFiles:
        return self

    def __exit__(self, *_) -> None:
        self._place.cleanup()

    def _keep(self) -> None:
        self._kept = {path: path.read_bytes() for path in self.folder.rglob("*.py")}


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
