"""The store: results in one SQLite file in the output folder, from which all else is made.

Key idea: a submission's result is stored the moment it is known, and a run adds or replaces
submissions and never removes one. So a broken run is resumed by starting it again, grading one
submission again changes one row, and tables and pages can be made anew at any time.
Points that an instructor changes, and comments, belong into tables of their own beside these
(keyed by lab, submission and exercise), so that grading again keeps them.
Labs of every chapter.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from datetime import datetime
from pathlib import Path

from grooves.grading.masters import LabError
from grooves.grading.results import Graded, Result

NAME = "results.sqlite"
VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS submissions (
    lab TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
    notes TEXT NOT NULL,         -- a JSON list of sentences
    path BLOB NOT NULL,          -- where the file lay when it was graded, in bytes as it is named
    content TEXT NOT NULL,       -- SHA-256 of the file
    checks TEXT NOT NULL,        -- SHA-256 of the lab's master and checks
    time_limit_s REAL NOT NULL, graded_at TEXT NOT NULL,
    PRIMARY KEY (lab, name));
CREATE TABLE IF NOT EXISTS exercises (
    lab TEXT NOT NULL, submission TEXT NOT NULL, position INTEGER NOT NULL, exercise TEXT NOT NULL,
    points REAL NOT NULL, out_of REAL NOT NULL, state TEXT NOT NULL, message TEXT NOT NULL,
    hint TEXT NOT NULL,          -- the name of the mistake that the check recognised
    code TEXT NOT NULL,
    PRIMARY KEY (lab, submission, exercise));
CREATE TABLE IF NOT EXISTS changes (  -- one row for each exercise whose result changed
    at TEXT NOT NULL, lab TEXT NOT NULL, submission TEXT NOT NULL, exercise TEXT NOT NULL,
    points_before REAL, points REAL NOT NULL, state_before TEXT, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS running (  -- begun and not ended; a row left over names a suspect
    lab TEXT NOT NULL, name TEXT NOT NULL, content TEXT NOT NULL, begun INTEGER NOT NULL,
    alone INTEGER NOT NULL,      -- whether nothing else ran beside it
    PRIMARY KEY (lab, name));
"""


class Store:
    """The results in a folder, which is made. Use it in a `with`, from one thread.

    Raises: LabError where nothing can be written there, or where another program holds the file.
    """

    def __init__(self, folder: Path):
        self.folder, self.path = folder, folder / NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(self.path, timeout=5, isolation_level=None)
            version = self._base.execute("PRAGMA user_version").fetchone()[0]
            if version > VERSION:
                raise LabError(f"{self.path} was written by a newer version of the course.")
            self._base.executescript(_SCHEMA)
            self._base.execute(f"PRAGMA user_version = {VERSION}")
        except (OSError, sqlite3.Error) as error:
            raise LabError(
                f"results cannot be written to {folder} ({error}), so nothing was graded. "
                "Name a folder that you may write to with --out."
            ) from error

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_) -> None:
        self._base.close()

    def is_current(
        self, lab: str, name: str, content: str, checks: str, time_limit_s: float
    ) -> bool:
        """Whether this file was graded with these checks already.

        What was stopped is not, where there is more time now; nor what could not be graded.
        """
        row = self._base.execute(
            "SELECT content, checks, state, time_limit_s FROM submissions WHERE lab=? AND name=?",
            (lab, name),
        ).fetchone()
        if row is None or row[:2] != (content, checks) or row[2] == "not graded":
            return False
        return row[2] != "stopped" or time_limit_s <= row[3]

    def begin(self, lab: str, name: str, content: str, alone: bool) -> None:
        """Note that a submission is about to run, for the case that it ends the grader."""
        with self._written():
            self._base.execute(
                "INSERT INTO running VALUES (?, ?, ?, 1, ?) ON CONFLICT (lab, name) DO UPDATE SET "
                "begun = begun + 1, alone = excluded.alone, content = excluded.content",
                (lab, name, content, alone),
            )

    def suspects(self, lab: str) -> dict[str, bool]:
        """Submissions during which an earlier run was ended.

        Returns: by name, whether that was at least twice, the last time with nothing beside it.
        """
        found = self._base.execute("SELECT name, begun, alone FROM running WHERE lab=?", (lab,))
        return {name: bool(begun > 1 and alone) for name, begun, alone in found}

    def clear(self, lab: str, name: str) -> None:
        """The submission did not end the grader."""
        with self._written():
            self._base.execute("DELETE FROM running WHERE lab=? AND name=?", (lab, name))

    def put(self, lab: str, graded: Graded, *, path: str, content: str, checks: str,
            time_limit_s: float) -> None:  # fmt: skip
        """Store a result in place of an earlier one, and date what changed."""
        name, now = graded.submission, datetime.now().astimezone().isoformat(timespec="seconds")
        before = {r.exercise: r for r in self._results(lab, name)}
        with self._written():
            self._base.execute(
                "INSERT OR REPLACE INTO submissions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (lab, name, graded.state, graded.reason, json.dumps(graded.notes),
                 os.fsencode(path), content, checks, time_limit_s, now),
            )  # fmt: skip
            self._base.execute("DELETE FROM exercises WHERE lab=? AND submission=?", (lab, name))
            for position, r in enumerate(graded.results):
                self._base.execute(
                    "INSERT INTO exercises VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (lab, name, position, r.exercise, r.points, r.out_of, r.state, r.message,
                     r.hint, r.code),
                )  # fmt: skip
                old = before.get(r.exercise)
                if old is None or (old.points, old.state) != (r.points, r.state):
                    self._base.execute(
                        "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        (now, lab, name, r.exercise, old and old.points, r.points,
                         old and old.state, r.state),
                    )  # fmt: skip

    def all_of(self, lab: str) -> list[tuple[Graded, str, Path]]:
        """Every result of a lab by name, with when it was graded and where its file lay."""
        rows = self._base.execute(
            "SELECT name, state, reason, notes, graded_at, path FROM submissions WHERE lab=? "
            "ORDER BY name",
            (lab,),
        ).fetchall()
        return [
            (Graded(name, state, self._results(lab, name), json.loads(notes), reason), at,
 Path(os.fsdecode(path)))
            for name, state, reason, notes, at, path in rows
        ]  # fmt: skip

    def changes(self, lab: str, name: str) -> list[tuple]:
        """What changed in a submission's results: (when, exercise, points before, points now)."""
        return self._base.execute(
            "SELECT at, exercise, points_before, points FROM changes WHERE lab=? AND submission=? "
            "ORDER BY rowid",
            (lab, name),
        ).fetchall()

    def _results(self, lab: str, name: str) -> list[Result]:
        found = self._base.execute(
            "SELECT exercise, points, out_of, state, message, hint, code FROM exercises "
            "WHERE lab=? AND submission=? ORDER BY position",
            (lab, name),
        )
        return [Result(*row) for row in found]

    @contextlib.contextmanager
    def _written(self):
        """One change, made as a whole or not at all. Raises: LabError with the remedy."""
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
                f"{self.path} cannot be written ({error}). What was graded before is kept. "
                "Make room, or close what uses the file, and run the same command again."
            ) from error
