"""The store: results in one SQLite file in the output folder, from which everything else is made.

Key idea: a submission's result is stored as soon as it is known, and a run adds or replaces
submissions and never removes one. So an interrupted run is resumed by starting it again, regrading
one submission changes one row, and tables and pages can be rewritten at any time. The instructor's
changes are in a separate table, so regrading does not affect them. Labs of every chapter.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from grooves.grading.masters import LabError
from grooves.grading.records.people import Listed
from grooves.grading.records.results import Adjustment, Graded, Result, Stored
from grooves.grading.records.schema import SCHEMA

NAME = "results.sqlite"
VERSION = 1


class Store:
    """The results in a folder, which is created. Use it in a `with` statement, from one thread.

    Raises: LabError where nothing can be written there, or where another program locks the file.
    """

    def __init__(self, folder: Path):
        self.folder, self.path = folder, folder / NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(self.path, timeout=5, isolation_level=None)
            version = self._base.execute("PRAGMA user_version").fetchone()[0]
            if version > VERSION:
                raise LabError(f"{self.path} was written by a newer version of the course.")
            self._base.executescript(SCHEMA)
            self._base.execute(f"PRAGMA user_version = {VERSION}")
        except (OSError, sqlite3.Error) as error:
            raise LabError(
                f"results cannot be written to {folder} ({error}), so nothing was graded. "
                "With --out, name a folder that you can write to."
            ) from error

    @classmethod
    def there(cls, folder: Path) -> Store:
        """The results in a folder of results. Raises: LabError where there are none."""
        if not (folder / NAME).is_file():
            raise LabError(
                f"there are no results in {folder}, because it has no {NAME}. Grade first, or name "
                "the right folder with --out."
            )
        return cls(folder)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_) -> None:
        self._base.close()

    def is_current(
        self, lab: str, name: str, content: str, checks: str, time_limit_s: float
    ) -> bool:
        """Whether this file was already graded with these checks.

        Does not count: a stopped submission if the time limit is longer now, and one that could
        not be graded.
        """
        row = self._base.execute(
            "SELECT content, checks, state, time_limit_s FROM submissions WHERE lab=? AND name=?",
            (lab, name),
        ).fetchone()
        if row is None or row[:2] != (content, checks) or row[2] == "not graded":
            return False
        return row[2] != "stopped" or time_limit_s <= row[3]

    def begin(self, lab: str, name: str, content: str, alone: bool) -> None:
        """Record that a submission is about to run, in case it ends the grader."""
        with self._written():
            self._base.execute(
                "INSERT INTO running VALUES (?, ?, ?, 1, ?) ON CONFLICT (lab, name) DO UPDATE SET "
                "begun = begun + 1, alone = excluded.alone, content = excluded.content",
                (lab, name, content, alone),
            )

    def suspects(self, lab: str) -> dict[str, bool]:
        """Submissions that were running when an earlier run was ended.

        Returns: by name, whether that happened at least twice, the last time with nothing else
        running.
        """
        found = self._base.execute("SELECT name, begun, alone FROM running WHERE lab=?", (lab,))
        return {name: bool(begun > 1 and alone) for name, begun, alone in found}

    def clear(self, lab: str, name: str) -> None:
        """Record that the submission did not end the grader."""
        with self._written():
            self._base.execute("DELETE FROM running WHERE lab=? AND name=?", (lab, name))

    def put(self, lab: str, graded: Graded, *, path: str, content: str, checks: str,
            time_limit_s: float, handed_in: str = "") -> None:  # fmt: skip
        """Store a result, replacing an earlier one, and record the changes with their date."""
        name, now = graded.submission, now_as_text()
        before = {r.exercise: r for r in self._results(lab, name)}
        with self._written():
            self._base.execute(
                "INSERT OR REPLACE INTO submissions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (lab, name, graded.state, graded.reason, json.dumps(graded.notes),
                 os.fsencode(path), content, checks, time_limit_s, now, handed_in),
            )  # fmt: skip
            self._base.execute("DELETE FROM exercises WHERE lab=? AND submission=?", (lab, name))
            for position, r in enumerate(graded.results):
                self._base.execute(
                    "INSERT INTO exercises VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (lab, name, position, r.exercise, r.points, r.out_of, r.state, r.message,
                     r.hint, r.code, r.title, r.stood_in),
                )  # fmt: skip
                old = before.get(r.exercise)
                if old is None or (old.points, old.state) != (r.points, r.state):
                    self._base.execute(
                        "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        (now, lab, name, r.exercise, old and old.points, r.points,
                         old and old.state, r.state),
                    )  # fmt: skip

    def remove(self, lab: str, name: str) -> None:
        """Remove a submission from the results; its points stay in the dated list of changes."""
        now, before = now_as_text(), self._results(lab, name)
        with self._written():
            for table, column in (("submissions", "name"), ("exercises", "submission")):
                self._base.execute(f"DELETE FROM {table} WHERE lab=? AND {column}=?", (lab, name))
            self._base.executemany(
                "INSERT INTO changes VALUES (?, ?, ?, ?, ?, 0, ?, 'removed')",
                [(now, lab, name, r.exercise, r.points, r.state) for r in before],
            )

    def labs(self) -> dict[str, str]:
        """The labs that were graded into this folder: names and titles."""
        return dict(self._base.execute("SELECT lab, title FROM labs ORDER BY lab"))

    def name_lab(self, lab: str, title: str) -> None:
        """Store a lab's title for pages and exports that are made later."""
        with self._written():
            self._base.execute("INSERT OR REPLACE INTO labs VALUES (?, ?)", (lab, title))

    def all_of(self, lab: str) -> list[Stored]:
        """Every result of a lab, by name."""
        rows = self._base.execute(
            "SELECT name, state, reason, notes, graded_at, path, handed_in FROM submissions "
            "WHERE lab=? ORDER BY name",
            (lab,),
        ).fetchall()
        return [
            Stored(Graded(name, state, self._results(lab, name), json.loads(notes), reason),
                   at, Path(os.fsdecode(path)), handed_in)
            for name, state, reason, notes, at, path, handed_in in rows
        ]  # fmt: skip

    def paths(self) -> dict[str, str]:
        """The names of all submissions, by where their files were when they were graded."""
        found = self._base.execute("SELECT path, name FROM submissions WHERE path != x''")
        return {os.fsdecode(path): name for path, name in found}

    def adjust(self, adjustments: list[Adjustment]) -> list[Adjustment]:
        """Store an instructor's changes; the fields of a new one replace those of an earlier one.

        An empty adjustment undoes the earlier ones for the same person and exercise.
        Returns: the adjustments that were undone.
        """
        now, taken_back = now_as_text(), []
        with self._written():
            for a in adjustments:
                if a.says_nothing:
                    same = (a.person, a.exercise)
                    earlier = self.adjustments(a.lab)
                    taken_back += [one for one in earlier if (one.person, one.exercise) == same]
                a = self._with_earlier(a)
                key = (a.lab, a.person, a.exercise)
                says = (a.points, a.due, a.handed_in, a.comment)
                self._base.execute(
                    "DELETE FROM adjustments WHERE lab=? AND person=? AND exercise=?", key
                )
                if any(says):
                    self._base.execute(
                        "INSERT INTO adjustments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        (*key, *says, a.reason, now),
                    )
        return taken_back

    def _with_earlier(self, new: Adjustment) -> Adjustment:
        said = ("points", "due", "handed_in", "comment", "reason")
        same = [a for a in self.adjustments(new.lab) if a.person == new.person]
        old = next((a for a in same if a.exercise == new.exercise), None)
        if old is None or new.says_nothing:
            return new
        return replace(new, **{name: getattr(new, name) or getattr(old, name) for name in said})

    def adjustments(self, lab: str) -> list[Adjustment]:
        """The instructor's changes to a lab."""
        found = self._base.execute(
            "SELECT lab, person, exercise, points, due, handed_in, comment, reason, at "
            "FROM adjustments WHERE lab=? ORDER BY person, exercise",
            (lab,),
        )
        return [Adjustment(*row) for row in found]

    def setting(self, name: str) -> str:
        """The value stored under that name; empty if there is none."""
        found = self._base.execute("SELECT value FROM settings WHERE name=?", (name,)).fetchone()
        return found[0] if found else ""

    def keep_setting(self, name: str, value: str) -> None:
        """Store a value that applies to all labs in the folder."""
        with self._written():
            self._base.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    def expect(self, lab: str, people: list[Listed]) -> None:
        """Store the class list of a lab, replacing an earlier one.

        Moodle's numbers and times belong to one assignment, so each lab has a list of its own.
        """
        with self._written():
            self._base.execute("DELETE FROM people WHERE lab=?", (lab,))
            self._base.executemany(
                "INSERT OR REPLACE INTO people VALUES (?, ?, ?, ?, ?)",
                [(lab, one.key, one.name, one.email, one.handed_in) for one in people],
            )

    def expected(self, lab: str) -> list[Listed]:
        """The class list; empty if none was given."""
        listed = "SELECT key, name, email, handed_in FROM people WHERE lab=? ORDER BY name"
        return [Listed(*row) for row in self._base.execute(listed, (lab,))]

    def note_instead(self, lab: str, files: dict[str, str]) -> None:
        """Store what else was handed in: descriptions of files that are not notebooks of the lab.

        Names are like those of submissions. A name that is already known is replaced.
        """
        with self._written():
            rows = [(lab, name, what) for name, what in files.items()]
            self._base.executemany("INSERT OR REPLACE INTO instead VALUES (?, ?, ?)", rows)

    def instead(self, lab: str) -> dict[str, str]:
        """Descriptions of the files handed in that are not notebooks of the lab, by name."""
        found = "SELECT name, what FROM instead WHERE lab=? ORDER BY name"
        return dict(self._base.execute(found, (lab,)).fetchall())

    def changes(self, lab: str, name: str) -> list[tuple]:
        """What changed in a submission's results: (when, exercise, points before, points now)."""
        return self._base.execute(
            "SELECT at, exercise, points_before, points FROM changes WHERE lab=? AND submission=? "
            "ORDER BY rowid",
            (lab, name),
        ).fetchall()

    def _results(self, lab: str, name: str) -> list[Result]:
        found = self._base.execute(
            "SELECT exercise, points, out_of, state, message, hint, code, title, stood_in "
            "FROM exercises WHERE lab=? AND submission=? ORDER BY position",
            (lab, name),
        )
        return [Result(*row) for row in found]

    @contextlib.contextmanager
    def _written(self):
        """One transaction, made completely or not at all. Raises: LabError with the remedy."""
        try:
            self._base.execute("BEGIN IMMEDIATE")
            yield
            self._base.execute("COMMIT")
        except BaseException as error:
            with contextlib.suppress(sqlite3.Error):
                self._base.execute("ROLLBACK")
            if not isinstance(error, sqlite3.Error):
                raise
            raise LabError(
                f"{self.path} cannot be written ({error}). The results until now are stored. Free "
                "disk space, or close the program that uses the file, and run the command again."
            ) from error


def now_as_text() -> str:
    """The time as ISO 8601 with the offset from UTC, to the second."""
    return datetime.now().astimezone().isoformat(timespec="seconds")
