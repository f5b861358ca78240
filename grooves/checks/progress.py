"""Progress through the labs: one small file per lab, shown in a terminal and in the lab itself.

Key idea: the file is only a convenience for the student, and no grade is ever taken from it. It is
written completely or not at all, and a file that cannot be read is renamed, so that it is not lost.
Used by the labs of every chapter; `grooves progress` prints it.
"""

from __future__ import annotations

import html
import json
import os
import re
import sys
import tempfile
from datetime import datetime
from pathlib import Path

import grooves
from grooves.checks.term import exercises_set, lab_named, lab_table
from grooves.plots import claims

_widgets: dict[str, object] = {}  # lab -> the widget to update after its next pass


def record(lab: str, exercise: str, points: float | None) -> dict | None:
    """Record that an exercise was passed, and update the widget that shows it.

    points: None if the exercise is not one of those set; it then does not count.
    Returns: the lab's progress, as `load` returns it, or None if nothing was written.

    Nothing is written during grading. If the folder is not writable, a sentence says so, and the
    exercise still passes.
    """
    if being_graded():
        return None
    try:
        kept = load(lab)
        if points is not None:
            kept["exercises"][exercise] = points
        kept["passed"][exercise] = datetime.now().astimezone().isoformat(timespec="seconds")
        _write(lab, kept)
    except OSError as error:
        print(f"The check passed, but your progress could not be saved ({error}).")
        return None
    if lab in _widgets:
        for name, value in _shown(lab, kept).items():
            setattr(_widgets[lab], name, value)
    return kept


def standing(lab: str, names: list[str], passed, after: str = "") -> str:
    """The progress and the next exercise: "3 of 13 passed, next: exercise 5, Rotary positions".

    names: the exercises that are set, in order. passed: the names of those passed.
    after: the exercise passed last; the search for the next one begins after it.
    """
    done = sum(name in passed for name in names)
    start = names.index(after) + 1 if after in names else 0
    left = [name for name in names[start:] + names[:start] if name not in passed]
    if not left:
        return f"{done} of {len(names)} passed: the lab is complete"
    entry = lab_table().get(lab, {}).get(left[0], {})
    title = entry.get("title", left[0].replace("_", " "))
    return f"{done} of {len(names)} passed, next: exercise {names.index(left[0]) + 1}, {title}"


def title(lab: str) -> str:
    """A lab's title, such as "Lab 4: The transformer" for 04_transformer; otherwise its name."""
    number, _, key = lab.partition("_")
    chapter = claims.chapters().get(key)
    return f"Lab {chapter.number}: {chapter.title}" if chapter and number.isdigit() else lab


def load(lab: str) -> dict:
    """A lab's progress: {"exercises": {name: points}, "passed": {name: time}}.

    A file that cannot be read is renamed, a sentence says how, and the progress starts from zero.
    """
    path = _path(lab)
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {
            "exercises": {str(name): _number(worth) for name, worth in kept["exercises"].items()},
            "passed": {str(name): str(when) for name, when in kept["passed"].items()},
        }
    except FileNotFoundError:
        pass
    except (ValueError, KeyError, TypeError, AttributeError):
        aside = _free_name(path)
        os.replace(path, aside)
        print(
            f"The progress of {lab} could not be read and starts from zero; the old file is now "
            f"{aside}."
        )
    return {"exercises": {}, "passed": {}}


def widget(lab: str, exercises: list[tuple[str, float]]):
    """A widget for JupyterLab that shows the lab's progress and changes as checks pass.

    `exercises` are names and points in the order of the lab.
    Returns: a `grooves.checks.progress_widget.Progress`, or None during grading.
    """
    if being_graded():
        return None
    # this import takes seconds, which a terminal does not need to spend
    from grooves.checks.progress_widget import Progress

    try:
        kept = load(lab)
        kept["exercises"] = dict(exercises)
        _write(lab, kept)
    except OSError as error:
        print(f"Progress cannot be saved here ({error}), but the checks work.")
        kept = {"exercises": dict(exercises), "passed": {}}
    _widgets[lab] = Progress(**_shown(lab, kept))
    return _widgets[lab]


def _shown(lab: str, kept: dict) -> dict:
    """The values that the widget shows, by the names of its traits."""
    return {
        "title": title(lab),
        "points": list(_points(kept)),
        "value": markup(lab, kept),
        "standing": standing(lab, list(kept["exercises"]), kept["passed"]),
    }


def being_graded() -> bool:
    """Whether a grader (ours or nbgrader) runs this, so that a pass is nobody's progress."""
    grader = os.environ.get("GROOVES_GRADING")
    return bool(grader) or os.environ.get("NBGRADER_EXECUTION") == "autograde"


def markup(lab: str, kept: dict) -> str:
    """The progress of one lab as an HTML fragment: a sentence, a bar, the list of exercises."""
    got, total = _points(kept)
    done = sum(name in kept["passed"] for name in kept["exercises"])
    sentence = f"{done} of {len(kept['exercises'])} exercises, {got:g} of {total:g} points"
    rows = []
    for name, worth in kept["exercises"].items():
        sign, state = ("✓", "passed") if name in kept["passed"] else ("○", "to do")
        unit = "point" if worth == 1 else "points"
        rows.append(
            f'<li style="white-space:nowrap"><span aria-hidden="true">{sign}</span> '
            f"{html.escape(name.replace('_', ' '))} "
            f'<span style="opacity:.75">({worth:g} {unit}, {state})</span></li>'
        )
    return (
        '<div style="max-width:44rem;line-height:1.5;'
        'color:var(--jp-content-font-color1,inherit);font-size:var(--jp-content-font-size1,1em)">'
        f"<div><b>{html.escape(title(lab))}</b>: {sentence}</div>"
        f'<progress max="{total or 1:g}" value="{got:g}" style="width:100%;height:1rem" '
        f'aria-label="Progress in {html.escape(title(lab))}: {sentence}">{sentence}</progress>'
        '<ul style="list-style:none;margin:.25rem 0 0;padding:0;display:flex;flex-wrap:wrap;'
        f'gap:0 1.25rem">{"".join(rows)}</ul></div>'
    )


def add_arguments(parser) -> None:
    """The options of `grooves progress`."""
    parser.add_argument(
        "lab", nargs="*", help="only these labs by name or number (04_transformer or 4)"
    )


def main(args) -> int:
    """Print the progress of every lab, or of those named.

    Returns: the exit status; 2 if a name is not a lab's, with a sentence that says so.
    """
    started = {path.stem for path in _folder().glob("*.json")}
    known = sorted(started | lab_table().keys())
    try:
        named = [lab_named(name, known) for name in args.lab]
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    for lab in named or sorted(started):
        if lab not in started:
            print(f"{lab}: not started yet")
        if lab in started or exercises_set(lab):
            print(text(lab, _as_set(lab)))
    if not args.lab and not started:
        print("No lab has been started yet. `make lab` opens JupyterLab; the labs are in labs/.")
    return 0


def text(lab: str, kept: dict, width: int = 30) -> str:
    """The progress of one lab for a terminal."""
    got, total = _points(kept)
    filled = round(width * got / total) if total else 0
    lines = [f"{lab}  [{'#' * filled}{'.' * (width - filled)}]  {got:g} of {total:g} points"]
    for name, worth in kept["exercises"].items():
        when = kept["passed"].get(name)
        state = f"passed {when[:10]}" if when else "to do"
        lines.append(f"  {name:<28} {worth:>2g}  {state}")
    return "\n".join(lines)


def _as_set(lab: str) -> dict:
    """A lab's progress with the exercises and points that the course sets at present."""
    kept = load(lab)
    kept["exercises"] = exercises_set(lab) or kept["exercises"]
    return kept


def _number(value) -> float:
    """A number as it was written, 2 or 2.5. Raises: ValueError, TypeError."""
    number = float(value)
    return int(number) if number.is_integer() else number


def _points(kept: dict) -> tuple[float, float]:
    worth = kept["exercises"]
    return sum(worth[name] for name in worth if name in kept["passed"]), sum(worth.values())


def _folder() -> Path:
    folder = grooves.cache_dir() / "progress"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _path(lab: str) -> Path:
    if not re.fullmatch(r"\w[\w.-]*", lab):
        raise ValueError(f"{lab!r} is not the name of a lab; names look like 04_transformer")
    return _folder() / f"{lab}.json"


def _free_name(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return aside


def _write(lab: str, kept: dict) -> None:
    """Write the file under a temporary name first, then rename it over the old one."""
    path = _path(lab)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(kept, file, indent=1)
            file.write("\n")
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise
