"""Results that no kernel had to find."""

from grooves.grading.records.results import Graded, Result

LAB = "99_mini"
EXERCISES = {"double": 1, "twice_sum": 2, "longest": 3}


def graded(name, *passed, **wrong):
    """A graded submission: the exercises that passed; those that did not, as hint=message."""
    results = [
        Result(e, points, points, "passed", "Passed.", title=e.title(), code=f"def {e}(): ...")
        if e in passed
        else Result(e, 0, points, "not right yet", wrong.get(e, "No."), e if e in wrong else "",
                    title=e.title())
        for e, points in EXERCISES.items()
    ]  # fmt: skip
    return Graded(name, "graded", results, [])
