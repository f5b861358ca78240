"""The feedback file: what readers thought of what a model wrote, one JSON object per line.

Key idea: thumbs are data that nobody can collect twice, so the file is only ever appended to, a
line that cannot be used never costs the others, and a program that was interrupted in the middle of
a line spoils no more than that line.
Chapters: 09, 10.

The format is JSON Lines (jsonlines.org) in UTF-8. Each line has these fields:

    time      when the thumb was given, ISO 8601 in UTC: "2026-11-30T17:05:12+00:00"
    model     which weights wrote it: name@hash, "base@1f0c9a2b44d1"
    prompt    what the model was asked to continue; "" where it began by itself
    chosen    a pair: the continuation that was preferred ...
    rejected  ... and the other one; both null where the line is about one text
    text      one text: the continuation that was judged; null where the line is a pair
    thumb     1 (up) or -1 (down) for `text`; null where the line is a pair
    source    "widget" (the notebook) or "server" (`grooves serve --feedback`)

Texts are ordinary text ("One day, he"), without the prompt. Fields that are not listed are ignored.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from grooves import cache_dir

SOURCES = ("widget", "server")
HASH_DIGITS = 12  # of the weights' SHA-256
LONGEST = 100_000  # characters of a text; far more than any context holds


@dataclass(frozen=True)
class Feedback:
    """One line of the file: a pair, or one text with its thumb. The fields are described above.

    Raises: ValueError that names the field which is wrong, and says what it should be.
    """

    model: str
    prompt: str = ""
    chosen: str | None = None
    rejected: str | None = None
    text: str | None = None
    thumb: int | None = None
    source: str = "widget"
    time: str = ""  # now, where it is left empty

    def __post_init__(self):
        if self.time == "":
            now = datetime.now(UTC).isoformat(timespec="seconds")
            object.__setattr__(self, "time", now)
        _check_time(self.time)
        for name in ("model", "prompt"):
            _check_text(name, getattr(self, name))
        for name in ("chosen", "rejected", "text"):
            if getattr(self, name) is not None:
                _check_text(name, getattr(self, name))
        if self.source not in SOURCES:
            raise ValueError(f"source={self.source!r} is not one of {', '.join(SOURCES)}")
        _check_kind(self)

    @property
    def is_pair(self) -> bool:
        """Whether two texts were compared; otherwise one text has a thumb."""
        return self.chosen is not None


def _check_text(name: str, value) -> None:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be text, not {value!r}")
    if len(value) > LONGEST:
        raise ValueError(f"{name} has {len(value):,} characters: at most {LONGEST:,} are read")


def _check_time(value) -> None:
    try:
        offset = datetime.fromisoformat(value).utcoffset()
    except (TypeError, ValueError):
        raise ValueError(f"time={value!r} is not a time in ISO 8601, such as {_EXAMPLE}") from None
    if offset != timedelta(0):
        raise ValueError(f"time={value!r} is not in UTC: it should end in +00:00, as {_EXAMPLE}")


_EXAMPLE = "2026-11-30T17:05:12+00:00"


def _check_kind(one: Feedback) -> None:
    """Refuse what is neither a pair nor one text with its thumb."""
    pair = (one.chosen is not None, one.rejected is not None)
    single = (one.text is not None, one.thumb is not None)
    if any(pair) and any(single):
        raise ValueError("chosen and rejected are a pair, text and thumb one text: give one kind")
    if any(pair):
        if not all(pair):
            raise ValueError("a pair needs both chosen and rejected")
        if one.chosen == one.rejected:
            raise ValueError("chosen and rejected are the same text, which says nothing")
        return
    if not all(single):
        raise ValueError("a line needs chosen and rejected, or text and thumb")
    if isinstance(one.thumb, bool) or one.thumb not in (1, -1):
        raise ValueError(f"thumb={one.thumb!r} must be 1 (up) or -1 (down)")


# ---- writing -----------------------------------------------------------------------------------


def default_path() -> Path:
    """The file that the widget writes to unless told otherwise, in the course's cache folder."""
    return cache_dir() / "feedback" / "thumbs.jsonl"


def append(path: Path | str, feedback: Feedback) -> None:
    """Add one line to a file, which is made where it is missing.

    The line is written in one piece and is on the disk when this returns. Where an earlier program
    was interrupted in the middle of its line, a new line is begun first, so only that one is lost.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(asdict(feedback), ensure_ascii=False).encode() + b"\n"
    with path.open("a+b", buffering=0) as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                line = b"\n" + line
        file.write(line)  # append mode: always at the end, even if others write
        os.fsync(file.fileno())


# ---- reading -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Read:
    """What a file held: feedback with the number of its line, and what was skipped.

    feedback: (line, Feedback) in the order of the file. skipped: (line, reason). Lines count from
    1; empty ones are neither.
    """

    feedback: list[tuple[int, Feedback]]
    skipped: list[tuple[int, str]]

    def __str__(self) -> str:
        """A summary, and a line for each that was skipped."""
        pairs = sum(one.is_pair for _, one in self.feedback)
        found = f"{_count(pairs, 'pair')} and {_count(len(self.feedback) - pairs, 'single thumb')}"
        return "\n".join([found, *(f"line {line} is skipped: {why}" for line, why in self.skipped)])


def read(path: Path | str) -> Read:
    """Read a file; a line that cannot be used is skipped and named, and never costs the others.

    Raises: OSError where there is no such file.
    """
    found, skipped = [], []
    with Path(path).open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                found.append((number, parse(line)))
            except ValueError as error:
                skipped.append((number, str(error)))
    return Read(found, skipped)


def parse(line: bytes | str) -> Feedback:
    """One line as feedback. Raises: ValueError that says what is wrong with it."""
    try:
        fields = json.loads(line.decode("utf-8-sig") if isinstance(line, bytes) else line)
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except (json.JSONDecodeError, RecursionError):
        raise ValueError("it is not JSON: perhaps it was cut while it was written") from None
    if not isinstance(fields, dict):
        raise ValueError(f"it is {type(fields).__name__}, not an object with fields")
    missing = [name for name in ("time", "model", "prompt", "source") if name not in fields]
    if missing:
        raise ValueError(f"the field {missing[0]!r} is missing")
    if fields["time"] == "":
        raise ValueError(f"time is empty: it should be as {_EXAMPLE}")
    known = Feedback.__dataclass_fields__
    return Feedback(**{name: value for name, value in fields.items() if name in known})


# ---- which weights -----------------------------------------------------------------------------


def weights_hash(model) -> str:
    """The beginning of the SHA-256 of a model's weights, names and values: 12 hex digits."""
    digest = sha256()
    for name, weight in sorted(model.named_parameters()):
        digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
        digest.update(weight.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:HASH_DIGITS]


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
