"""The course's own files, which grading leans on and a submission could change.

Key idea: they are kept in memory before the first submission runs and put back when one differs,
so that a submission that writes to them costs itself alone. Labs of every chapter.
"""

from __future__ import annotations

from pathlib import Path

from grooves.grading.masters import LabError
from grooves.grading.reference import Reference


class CourseFiles:
    """The package's code, the master and its checks, as they are now."""

    def __init__(self, reference: Reference):
        package = Path(__file__).resolve().parents[1]
        paths = {*package.rglob("*.py"), reference.path.resolve()}
        paths |= {Path(file).resolve() for file, _ in reference.sources.values()}
        self._kept = {path: path.read_bytes() for path in sorted(paths)}

    def changed(self) -> list[Path]:
        """Those that no longer hold what they held."""
        return [path for path, content in self._kept.items() if _content(path) != content]

    def restore(self, paths: list[Path]) -> None:
        """Put files back. Raises: LabError where one cannot be written."""
        for path in paths:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self._kept[path])
            except OSError as error:
                raise LabError(
                    f"a submission changed {path}, and it cannot be put back ({error.strerror}). "
                    "Restore it with git before you grade again, in a container."
                ) from error


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
