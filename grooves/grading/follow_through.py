"""Follow-through: one wrong answer costs its own points and not those of what builds on it.

Key idea: where an exercise failed, those that build on it are judged once more, with the reference
in its place; the page says so. What then passes counts. Labs of every chapter.
"""

from __future__ import annotations

from dataclasses import replace

from grooves.grading.sandbox import Kernel
from grooves.grading.term.uses import Uses

# Nothing was handed in that could be judged, or a person judges it.
_NOTHING = ("not started", "missing", "by hand", "not counted")


def builds_on_failed(run) -> dict[str, list[str]]:
    """The exercises that failed and build on others that failed, with the names of those.

    run: a submission that went through its kernels (`grooves.grading.grader.Run`).
    """
    reference, found = run.reference, {}
    failed: dict[str, set[int]] = {}
    for exercise in reference.exercises:
        result = run.results[exercise.name]
        if result.state in ("passed", "by hand") or exercise.check is None:
            continue
        if result.state not in _NOTHING:
            needed = run.uses.needed((*exercise.answers, exercise.check))
            if names := [name for name, answers in failed.items() if answers & needed]:
                found[exercise.name] = names
        failed[exercise.name] = set(exercise.answers)
    return found


def judge_again(run, kernel: Kernel, spoilt: dict[str, list[str]]) -> None:
    """Judge the exercises in `spoilt` with the reference in place of what failed before them.

    What the submission does to this kernel ends it, and what was found before stays.
    """
    # the grader imports this module
    from grooves.grading.grader import prepare

    prepare(kernel, run.reference)
    stand_in = _stand_in(run, spoilt)
    owner = {i: e for e in run.reference.exercises for i in e.answers}
    last = max(e.check for e in run.reference.exercises if e.name in spoilt)
    for index, cell in enumerate(run.reference.cells[: last + 1]):
        exercise = run.reference.check_cells.get(index)
        lost = None
        if not cell.is_code or index in run.skipped:
            continue
        if index in owner:
            name = owner[index].name
            own = name not in stand_in and index not in run.left_out
            lost = run.answer(kernel, index) if own else run.given(kernel, index)
        elif exercise is None:
            lost = None if index in run.left_out else run.given(kernel, index)
        elif exercise.name in spoilt and not run.left_out.keys() & set(exercise.answers):
            before = run.results[exercise.name]
            lost = run.check(kernel, exercise, stood_in=_listed(spoilt[exercise.name]))
            if lost:
                run.results[exercise.name] = before
            elif run.results[exercise.name].state != "passed":
                for i in exercise.answers:
                    lost = lost or run.given(kernel, i)
        if lost:
            return


def _stand_in(run, spoilt: dict[str, list[str]]) -> set[str]:
    """The exercises for which the reference stands in: those that failed, and what theirs call.

    The course's own answer is sure to work with the course's own helpers alone.
    """
    exercises = run.reference.exercises
    uses = Uses([cell.source if cell.is_code else "" for cell in run.reference.cells])
    failed = [e for e in exercises if run.results[e.name].state not in ("passed", "by hand")]
    needed = uses.needed(i for e in failed if e.name not in spoilt for i in e.answers)
    helpers = {e.name for e in exercises if needed & set(e.answers)}
    return ({e.name for e in failed} | helpers) - spoilt.keys()


def name_what_failed(run, spoilt: dict[str, list[str]]) -> None:
    """Say of exercises that were not judged again what they build on."""
    for name, others in spoilt.items():
        result = run.results[name]
        if not result.stood_in:
            did = "did" if len(others) == 1 else "all did"
            said = f"{result.message}\nIt builds on {_listed(others)}, which {did} not pass."
            run.results[name] = replace(result, message=said)


def _listed(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
