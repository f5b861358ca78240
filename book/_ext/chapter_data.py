"""The data of a chapter, with the minutes that its page, notebook and lab state.

Key idea: every number is stored in one place. Titles and minutes are read from the page, the
notebook and the lab that state them, the order of the chapters from _toc.yml;
grooves/assets/chapters.toml adds what is stored nowhere else. The page "Teaching with this course"
and the welcome page's cards are made from it.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from quiz_data import quiz_path, read_quiz

from grooves import assets

PAGE = re.compile(r"book/(\d\d)_\w+")
# What the first seven pages state for themselves, exercises, figures and formulas included.
WORDS_PER_MINUTE = 95
DISCUSSION_MINUTES = 10  # for one question in the classroom
PLACES = ("core", "choice")


@dataclass(frozen=True)
class Chapter:
    """One chapter as an instructor sees it. Minutes are those of a prepared student."""

    name: str  # "04_transformer", shared by page, notebook and lab
    title: str
    needs: tuple[str, ...]  # names of chapters
    outside: str
    place: str  # one of PLACES
    objectives: tuple[str, ...]
    discuss: tuple[str, ...]
    exam: dict[str, str]  # name of the question to its text
    read_min: int
    run_min: int
    exercise_min: tuple[int, ...]  # one entry for each exercise of the lab
    points: int
    question: str = ""  # that the page opens with
    # for each objective: titles and numbers of the exercises, numbers of the quiz questions
    exercises: tuple[tuple[tuple[int, str], ...], ...] = ()
    quiz: tuple[tuple[int, ...], ...] = ()

    @property
    def number(self) -> int:
        return int(self.name[:2])

    @property
    def lab_min(self) -> int:
        return sum(self.exercise_min)

    @property
    def discuss_min(self) -> int:
        return DISCUSSION_MINUTES * len(self.discuss)


def chapter_names(toc: dict) -> list[str]:
    """Names of the chapters in a table of contents (_toc.yml as read), in order."""
    names = []
    for entry in (*toc.get("parts", ()), *toc.get("chapters", ()), *toc.get("sections", ())):
        if PAGE.fullmatch(file := entry.get("file", "")):
            names.append(Path(file).name)
        names += chapter_names(entry)
    return names


def entries() -> dict[str, dict]:
    """chapters.toml: name of the chapter to its fields."""
    return tomllib.loads((assets.FOLDER / "chapters.toml").read_text("utf-8"))


def read_chapters(source: Path, names: list[str], all_labs: bool = True) -> list[Chapter]:
    """The chapters of these names, in this order.

    source: folder that holds book/, notebooks/ and labs/. all_labs: whether each chapter must have
    a lab; a students' copy has only the labs that are assigned, and the other chapters have no
    exercises.
    Raises: ValueError where chapters.toml lacks a chapter, or a page, notebook or lab lacks what
    is read from it.
    """
    known = entries()
    chapters = []
    for name in names:
        if name not in known:
            raise ValueError(
                f"the chapter {name} has no entry in grooves/assets/chapters.toml: add [{name}] "
                "with the fields that the top of that file explains"
            )
        fields = known[name]
        if fields["place"] not in PLACES:
            raise ValueError(f"{name}: place={fields['place']!r} must be one of {PLACES}")
        page = (source / "book" / f"{name}.md").read_text("utf-8")
        notebook = _markdown(source / "notebooks" / f"{name}.ipynb")
        lab_path = source / "labs" / f"{name}.ipynb"
        has_lab = all_labs or lab_path.is_file()
        exercises, quiz = practice(source, name, fields)
        lab = _markdown(lab_path) if has_lab else ""
        chapters.append(
            Chapter(
                name=name,
                title=_first(r"^# (.+)$", page, f"book/{name}.md", "a title"),
                needs=tuple(fields["needs"]),
                outside=fields["outside"],
                place=fields["place"],
                objectives=tuple(fields["objectives"]),
                discuss=tuple(fields["discuss"]),
                exam=dict(fields["exam"]),
                read_min=reading_minutes(page),
                run_min=int(
                    _first(
                        r"(\d+) minutes", notebook, f"notebooks/{name}.ipynb", "a line with minutes"
                    )
                ),
                exercise_min=exercise_minutes(lab, name) if has_lab else (),
                points=sum(map(int, re.findall(r"\*\*Points\*\*: (\d+)", lab))),
                question=opening_question(page),
                exercises=exercises,
                quiz=quiz,
            )
        )
    return chapters


def practice(source: Path, name: str, fields: dict) -> tuple[tuple, tuple]:
    """What practises each objective of a chapter: exercises of its lab, questions of its quiz.

    Returns: for each objective ((number, title), ...) of exercises, and for each (number, ...) of
    questions; a page without a quiz has none.
    Raises: ValueError where `practised` has not one entry for each objective or names an exercise
    that the lab lacks, or where the quiz names an objective that does not exist.
    """
    objectives, practised = fields["objectives"], fields.get("practised", ())
    if len(practised) != len(objectives):
        raise ValueError(
            f"{name}: `practised` in grooves/assets/chapters.toml has {len(practised)} entries for "
            f"{len(objectives)} objectives: it lists the exercises for each"
        )
    lab = json.loads((assets.FOLDER / "exercises.json").read_text("utf-8")).get(name, {})
    numbered = {key: (n, entry["title"]) for n, (key, entry) in enumerate(lab.items(), 1)}
    if unknown := [key for keys in practised for key in keys if key not in numbered]:
        raise ValueError(
            f"{name}: `practised` names {unknown[0]!r}, which is no exercise of the lab"
        )
    path = quiz_path(source / "book", name)
    questions = read_quiz(path) if path.is_file() else ()
    for number, question in enumerate(questions, 1):
        if wrong := [o for o in question.practises if not 1 <= o <= len(objectives)]:
            raise ValueError(
                f"{path.name}, question {number}: practises = {wrong[0]}, "
                f"but {name} has objectives 1 to {len(objectives)}"
            )
    quiz = tuple(
        tuple(n for n, question in enumerate(questions, 1) if objective in question.practises)
        for objective in range(1, len(objectives) + 1)
    )
    return tuple(tuple(numbered[key] for key in keys) for keys in practised), quiz


def opening_question(page: str) -> str:
    """The question below a page's title; an empty text where there is none."""
    found = re.search(r"^# .+\n+([^\n]+\?)$", page, re.MULTILINE)
    return found[1] if found else ""


def reading_minutes(page: str) -> int:
    """Minutes to read a page: as it states, else its words at WORDS_PER_MINUTE, in fives."""
    if stated := re.search(r"Reading takes about (\d+) minutes", page):
        return int(stated[1])
    return max(5, 5 * round(count_words(page) / WORDS_PER_MINUTE / 5))


def count_words(page: str) -> int:
    """Words that a reader reads: without formulas, code, figures, and the addresses of links."""
    text = re.sub(r"^\$\$\n.*?^\$\$.*?$", "", page, flags=re.MULTILINE | re.DOTALL)
    kinds = "glue|literalinclude|anywidget|math|python|bash|yaml"
    text = re.sub(
        rf"^```(?:\{{(?:{kinds})\}}|{kinds})[^\n]*\n.*?^```$",
        "",
        text,
        flags=re.MULTILINE | re.DOTALL,
    )
    text = re.sub(r"\{(?:glue:text|cite[:\w]*)\}`[^`]*`", "1", text)
    text = re.sub(r"\]\([^)]*\)|\{[a-z:]+\}|\$[^$]*\$", " ", text)
    return len(re.findall(r"\w[\w'’-]*", text))


def exercise_minutes(lab: str, name: str) -> tuple[int, ...]:
    """Minutes of each exercise, in order, from a lab's Markdown.

    Raises: ValueError where the lab states none.
    """
    found = tuple(map(int, re.findall(r"\*\*Time\*\*: (\d+) minutes\.", lab)))
    if not found:
        raise ValueError(f"labs/{name}.ipynb states no minutes: each exercise has a **Time** line")
    return found


def halves(minutes: tuple[int, ...]) -> int:
    """The number of exercises in a lab's first half, if both halves take about equally long."""
    ends = range(1, len(minutes))
    return min(ends, key=lambda end: abs(2 * sum(minutes[:end]) - sum(minutes)), default=1)


def in_fives(minutes: float) -> int:
    """Minutes, rounded up to a multiple of five."""
    return 5 * math.ceil(minutes / 5 - 1e-9)


def _markdown(path: Path) -> str:
    """The text of a notebook's Markdown cells."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


def _first(pattern: str, text: str, where: str, what: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise ValueError(
            f"{where} lacks {what}, which the welcome page and the page for instructors show"
        )
    return found[1]
