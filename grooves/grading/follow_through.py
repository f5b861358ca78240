"""Follow-through: a wrong answer costs its own points, but not those of exercises that build on it.

Key idea: if an exercise failed, those that build on it are judged again with the reference solution
in its place. What passes then counts, and the feedback page says so. Labs of every chapter.
"""

from __future__ import annotations

from dataclasses import replace

from grooves.grading.sandbox import Kernel
from grooves.grading.term.uses import Uses

# Nothing was handed in that could be judged, or a person grades it.
_NOTHING = ("not started", "missing", "by hand", "not counted")


def builds_on_failed(run) -> dict[str, list[str]]:
    """The failed exercises that build on other failed ones, with the names of the latter.

    run: a submission after its run (`grooves.grading.grader.Run`).
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
    """Judge the exercises in `spoilt` with the reference in place of the failed ones before them.

    If the submission hangs or crashes this kernel, judging ends; the results until then stay.
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
    """The exercises that the reference replaces: the failed ones, and those that they call.

    The reference solution is only certain to work with the functions that it was written for.
    """
    exercises = run.reference.exercises
    uses = Uses([cell.source if cell.is_code else "" for cell in run.reference.cells])
    failed = [e for e in exercises if run.results[e.name].state not in ("passed", "by hand")]
    needed = uses.needed(i for e in failed if e.name not in spoilt for i in e.answers)
    helpers = {e.name for e in exercises if needed & set(e.answers)}
    return ({e.name for e in failed} | helpers) - spoilt.keys()


def name_what_failed(run, spoilt: dict[str, list[str]]) -> None:
    """Tell, for exercises that were not judged again, which failed ones they build on."""
    for name, others in spoilt.items():
        result = run.results[name]
        if not result.stood_in:
            did = "did" if len(others) == 1 else "all did"
            said = f"{result.message}\nIt builds on {_listed(others)}, which {did} not pass."
            run.results[name] = replace(result, message=said)


def _listed(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
