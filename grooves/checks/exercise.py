"""Checks of the labs: what every check does around its comparison.

Key idea: a check is an ordinary function that calls the student's answer and raises `CheckFailed`
with a sentence if it finds a mistake. The decorator `check` does what all checks have in common: it
reports an untouched stub as "not started yet", shows an error in the student's code with the line
that raised it, names a missing `return`, records progress, and never shows a traceback through the
course's own code.

Each lab has one package, named after it: `grooves.checks.transformer` contains the checks of
`labs/04_transformer.ipynb` (chapter 4) and defines
`start = functools.partial(grooves.checks.start, "04_transformer")`.
"""

from __future__ import annotations

import functools
import importlib
import re
import sys
from html import escape

from grooves.checks.again import refuse_memory, refuse_overwritten
from grooves.checks.answers import line_of, not_started_in, place_of, student_frames, watch
from grooves.checks.earlier import earlier_not_passed, note_outcome, sentence
from grooves.checks.errors import habit
from grooves.checks.failures import UNRECOGNISED, AnswerRaised, CheckFailed, NotStarted, Stopped
from grooves.checks.quiet import silenced
from grooves.checks.survey import named_inputs, survey
from grooves.checks.term import exercises_set, numbered, tell_missing
from grooves.checks.verdict import NONE_OF_THE_USUAL, PATTERNS, SEVERAL, verdict
from grooves.checks.words import describe

_registry: dict[str, dict[str, None]] = {}  # lab -> its exercises, in the order of definition
_modules: set[str] = set()  # where checks are defined
_not_run: dict[str, SyntaxError] = {}  # names whose cell last had a syntax error
UNNAMED = {UNRECOGNISED, "unusable", "raised"}  # hints of refusals that do not name a mistake


def check(
    lab: str,
    exercise: str,
    returns: type | tuple = object,
    in_place: bool = False,
    repeatable: bool = True,
    raised: tuple[tuple[str, str], ...] = (),
):
    """Turn a function of the student's answer into the check of one exercise.

    `lab` is the notebook's name ("04_transformer"); its master holds the points (see
    `grooves.checks.term`). `returns` is the type, or a tuple of types, that the answer must return
    if it is a function; `object` means anything but None, `type(None)` allows None (for work in
    place). in_place: whether the answer may change the arrays and lists that it is given.
    repeatable: whether equal arguments must give equal results; False if the answer may draw with
    a generator of its own. raised: errors that usual mistakes raise, each as a pattern in "Type:
    message", and what to say of it.

    The function may return a sentence, which is shown after "passed". Calls of the answer are
    recorded if it is a function: a check that passes without having called it has a bug, and
    RuntimeError is raised.

    Raises (from the check): NotStarted, AnswerRaised, CheckFailed.
    """

    def decorate(body):
        _registry.setdefault(lab, {})[exercise] = None
        _modules.add(body.__module__)

        @functools.wraps(body)
        def run(answer):
            if exercise in _not_run:
                raise _named(_stale(exercise), lab, exercise) from None
            if answer is None or answer is Ellipsis or answer is NotImplemented:
                raise _named(NotStarted(_not_started(exercise)), lab, exercise) from None
            watched, calls = watch(answer, exercise, returns, in_place)
            with survey() as findings, silenced():
                failure = cause = remark = None
                try:
                    remark = body(watched)
                except CheckFailed as refused:
                    failure = refused
                except KeyboardInterrupt:
                    raise Stopped(f"{exercise}: stopped while the check was running.") from None
                except (Exception, SystemExit) as error:
                    failure, cause = _translate(error, calls, run, body), error
            with silenced():
                found = verdict(named_inputs(findings, answer))
            failure = _weightiest(failure, found)
            unnamed = failure is None or failure.hint in UNNAMED or failure.hint in PATTERNS
            if unnamed:
                try:
                    kept = [c.kept for c in calls or () if c.kept]
                    refuse_overwritten(kept)
                    if repeatable:
                        with silenced():
                            refuse_memory(answer, kept)
                except CheckFailed as remembers:
                    failure, cause = remembers, None
            note_outcome(lab, exercise, failure is None)
            if failure is not None:
                if failure is found or failure.hint in UNNAMED:
                    failure = _with_earlier(failure, answer, lab, exercise)
                raise _named(failure, lab, exercise) from cause
            if calls is not None and not calls:
                raise RuntimeError(f"the check of {exercise!r} passed without calling the answer")
            _passed(lab, exercise, remark)

        run.lab, run.exercise, run.raised = lab, exercise, raised
        return run

    return decorate


def exercises(lab: str) -> list[tuple[str, float]]:
    """The exercises of a lab that count here and their points, in the order of definition.

    All of them count unless a term file makes a selection (see `grooves.checks.term`).

    Raises: ValueError where no module in `grooves/checks/` belongs to the lab.
    """
    if lab not in _registry:
        module = lab.lstrip("0123456789").lstrip("_")
        try:
            importlib.import_module(f"grooves.checks.{module}")
        except ModuleNotFoundError as error:
            raise ValueError(f"no checks for the lab {lab!r}: no module {error.name}") from error
    if lab not in _registry:
        raise ValueError(f"grooves.checks.{module} defines no check of the lab {lab!r}")
    return list(exercises_set(lab, list(_registry[lab])).items())


def modules() -> list[str]:
    """The modules imported so far that define checks; grading reloads them."""
    return sorted(_modules)


def start(lab: str, with_term: bool = False):
    """Prepare a notebook for its lab; returns the progress widget, which the cell then shows.

    with_term: whether the notebook was handed out with a term file, whose absence is reported.

    From then on, the notebook says "not started yet" if a cell stops at an untouched stub, or at
    the name of an exercise whose cell is empty. Outside IPython this does nothing.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        return None
    counted = exercises(lab)
    names = list(_registry[lab])
    if with_term:
        tell_missing(len(counted))

    def explain(shell, kind, error, trace, tb_offset=None):
        sentence = _unfinished(error, names)
        if sentence:
            error._render_traceback_ = lambda: [sentence]
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)

    shell.set_custom_exc((NameError, NotImplementedError), explain)
    shell.events.register("post_run_cell", _note_cell)  # once, however often this cell is run
    from grooves.checks import (
        progress,  # here, since the widget needs ipywidgets and the checks do not
    )

    return progress.widget(lab, counted)


def _weightiest(raised: CheckFailed | None, found: CheckFailed | None) -> CheckFailed | None:
    """The refusal to show: the first wrong result, or what was raised, if that is more specific."""
    if found is None or (found.hint in UNNAMED and raised and raised.hint not in UNNAMED):
        return raised
    return found


def _with_earlier(failure: CheckFailed, answer, lab: str, exercise: str) -> CheckFailed:
    """The refusal, with earlier exercises that the answer calls and that have not passed."""
    if blamed := earlier_not_passed(answer, lab, exercise, list(_registry[lab])):
        told = re.split(f"\n(?:{NONE_OF_THE_USUAL}|{SEVERAL})", failure.message)[0]
        failure.message = f"{told}\n{sentence(blamed)}"
    return failure


def _named(failure: CheckFailed, lab: str, exercise: str) -> CheckFailed:
    failure.exercise, failure.message = exercise, numbered(lab, failure.message)
    return failure


def _not_started(exercise: str) -> str:
    return f"not started yet. Write {exercise} in its cell, run that cell, then this one."


def _note_cell(result) -> None:
    """Record the names that a cell with a syntax error would have defined; runs after each cell."""
    error = result.error_before_exec
    defined = r"^(?:def +|class +|(?=\w+ *=[^=]))(\w+)"
    for name in re.findall(defined, str(result.info.raw_cell), re.MULTILINE):
        _not_run.pop(name, None)
        if isinstance(error, SyntaxError):
            _not_run[name] = error


def _stale(exercise: str) -> CheckFailed:
    """The message for a function that is left over from before its cell had a syntax error."""
    error = _not_run[exercise]
    return CheckFailed(
        f"its cell did not run ({type(error).__name__} in line {error.lineno}: {error.msg}), so an "
        "older answer would be judged. Correct the cell and run it again.",
        hint="not_run",
    )


def _unfinished(error: BaseException, names: list[str]) -> str | None:
    """The sentence for an error that only means "not done yet"; None for any other error."""
    if isinstance(error, NameError):
        name = getattr(error, "name", None)
        if name in names:
            return (
                f"{name}: not started yet. "
                "Its cell is empty, was not run, or stopped with an error."
            )
        return None
    function = not_started_in(error)
    if function is None:
        return None
    if function in names:
        return f"{function}: not started yet."
    return "Not started yet. Write your answer in place of the line with NotImplementedError."


def _translate(error: BaseException, calls, run, body) -> CheckFailed:
    """What an error inside a check means for the student."""
    exercise, names = run.exercise, _registry[run.lab]
    stub = not_started_in(error) if isinstance(error, NotImplementedError) else None
    if stub is not None:
        if stub in names and stub != exercise:
            message = f"it needs {stub}, which is not started yet. Do that exercise first."
            return NotStarted(message, needs=stub)
        return NotStarted(_not_started(exercise))
    if isinstance(error, NameError) and error.name in names and error.name != exercise:
        message = f"it needs {error.name}, which is not defined. Do that exercise first."
        return NotStarted(message, needs=error.name)
    kind, said = type(error).__name__, str(error).strip()
    what = f"{kind}: {said}" if said else kind
    call = calls[-1] if calls else None
    frames = student_frames(error, body)
    if not frames and not (call and call.error is error):
        if "inhomogeneous shape" in said:
            what = "its parts have different shapes, so they make no single array"
        got = f" What it returned: {describe(call.result)}." if call and call.error is None else ""
        return CheckFailed(
            f"the check could not use your answer ({what}).{got} "
            "Compare its type and shape with what the exercise asks for.",
            hint="unusable",
        )
    place = f" in {place_of(frames, exercise)}" if frames else "."
    arguments = f"\n{exercise} got {call.arguments}." if call and call.arguments else ""
    usual = habit(what, line_of(frames[-1]) if frames else "", run.raised)
    advice = f"\n{usual}" if usual else ""
    return AnswerRaised(f"your code stopped with an error{place}\n{what}{arguments}{advice}")


def _passed(lab: str, exercise: str, remark: str | None) -> None:
    from grooves.checks import progress  # imported late: a check can be read and tested without it

    counted = dict(exercises(lab))
    points = counted.get(exercise)
    if points is None:
        worth = "not among the exercises set"
    else:
        worth = "1 point" if points == 1 else f"{points:g} points"
    said = f"passed: {exercise} ({worth})." + (f" {remark}" if remark else "")
    kept = progress.record(lab, exercise, points)
    _tell(said, kept and progress.standing(lab, list(counted), kept["passed"], exercise))


def _tell(said: str, standing: str | None) -> None:
    """Report that an exercise was passed, in a notebook with a green mark, elsewhere as text."""
    standing = standing if not standing or standing.endswith("?") else f"{standing}."
    text = f"{said} {standing}" if standing else said
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if not standing or not hasattr(shell, "kernel"):
        print(text)
        return
    from IPython.display import display

    shown = (
        '<div style="border-left:0.4rem solid #2da44e;padding:0.1rem 0 0.1rem 0.7rem">'
        f'<span aria-hidden="true" style="color:#2da44e;font-weight:700">✓ </span>{escape(said)}'
        f"<br><b>{escape(standing)}</b></div>"
    )
    display({"text/plain": text, "text/html": shown}, raw=True)
