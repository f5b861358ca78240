"""Every check of every lab, held against right and wrong answers.

It must accept the reference and other right answers, refuse the stub, an empty cell, and wrong
answers with a hint of their own. `answers/` holds them, one file a lab.
"""

import contextlib
import functools
import importlib
import inspect
import json
import os
import random
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from answers.lab import Answers
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from grooves.checks import AnswerRaised, CheckFailed, NotStarted, compare, exercises, recorded
from grooves.checks import exercise as framework

ROOT = Path(__file__).resolve().parents[2]
CHECKS = ROOT / "grooves" / "checks"
# Of the calls that one line of a check makes in a loop, so many are spoiled in turn.
SPOILED = sys.maxsize if os.environ.get("GROOVES_WHOLE") else 3
ANY_MISTAKE = {"returned_none": lambda *inputs: None, "unusable": lambda *inputs: "softmax"}


def name_of(lab):
    """The chapter's name, which its answers and its checks have: "transformer"."""
    return lab.partition("_")[2]


LABS: dict[str, Answers] = {
    path.stem: importlib.import_module(f"answers.{name_of(path.stem)}").ANSWERS
    for path in sorted((ROOT / "labs" / "solutions").glob("*.ipynb"))
    if (ROOT / "tests" / "checks" / "answers" / f"{name_of(path.stem)}.py").is_file()
}
EXERCISES = [(lab, exercise) for lab in LABS for exercise, _ in exercises(lab)]
WRITTEN = [(lab, exercise) for lab, exercise in EXERCISES if exercise not in LABS[lab].trains]
RIGHT = [
    (lab, exercise, name)
    for lab, exercise in EXERCISES
    for name in LABS[lab].right_answers.get(exercise, ())
]
WRONG = [
    (lab, exercise, hint)
    for lab, exercise in EXERCISES
    for hint in LABS[lab].wrong_answers.get(exercise, ())
]
RARE = [
    (lab, exercise, name)
    for lab, exercise in EXERCISES
    for name in LABS[lab].rare_answers.get(exercise, ())
]
FORMS = {  # every form of every mistake of an exercise whose check is a module of its own
    (lab, exercise): importlib.import_module(f"grooves.checks.{name_of(lab)}.{path.stem}").MISTAKES
    for lab in LABS
    for path in sorted((CHECKS / name_of(lab)).glob("check_*.py"))
    if re.search("^MISTAKES = ", path.read_text("utf-8"), re.MULTILINE)
    and (exercise := path.stem.removeprefix("check_")) not in LABS[lab].trains
}
in_every_lab = pytest.mark.parametrize("lab", LABS)
in_every_exercise = pytest.mark.parametrize(("lab", "exercise"), EXERCISES)


def of(lab, exercise):
    return getattr(importlib.import_module(f"grooves.checks.{name_of(lab)}"), exercise)


def refusal(lab, exercise, answer):
    with pytest.raises(CheckFailed) as caught:
        of(lab, exercise)(answer)
    return caught.value


pytestmark = pytest.mark.usefixtures("own_progress")


def test_every_lab_has_its_answers():
    assert set(LABS) == {path.stem for path in (ROOT / "labs").glob("*.ipynb")}


# --- right answers ----------------------------------------------------------------------------


@in_every_exercise
def test_the_reference_is_accepted_and_is_what_ran(lab, exercise, capsys):
    answer = LABS[lab].reference(exercise)
    ran = [True]
    if callable(answer):
        answer, ran = recorded(answer)
    of(lab, exercise)(answer)
    assert ran
    points = dict(exercises(lab))[exercise]
    assert f"passed: {exercise} ({points} point" in capsys.readouterr().out


@pytest.mark.parametrize(("lab", "exercise", "name"), RIGHT)
def test_a_right_answer_written_differently_is_accepted(lab, exercise, name):
    of(lab, exercise)(LABS[lab].right_answers[exercise][name])


@in_every_lab
def test_every_exercise_has_two_right_answers_besides_the_reference(lab):
    answers = LABS[lab].right_answers
    assert set(answers) == set(dict(exercises(lab)))
    assert all(len(each) >= 2 for each in answers.values())


# --- wrong answers ----------------------------------------------------------------------------

MESSAGES: dict[tuple[str, str], dict[str, str]] = {}


@pytest.mark.parametrize(("lab", "exercise", "name"), RARE)
def test_a_rare_mistake_is_refused_without_an_untrue_name(lab, exercise, name):
    answer, hint = LABS[lab].rare_answers[exercise][name]
    with pytest.raises(CheckFailed) as caught:
        of(lab, exercise)(answer)
    assert caught.value.hint == hint


@pytest.mark.parametrize(("lab", "exercise", "hint"), WRONG)
def test_a_wrong_answer_is_refused_with_its_own_hint(lab, exercise, hint):
    failure = refusal(lab, exercise, LABS[lab].wrong_answers[exercise][hint])
    assert failure.hint == hint
    assert exercise in str(failure)
    MESSAGES.setdefault((lab, exercise), {})[hint] = failure.message


def messages(lab, exercise):
    """What the check said to each wrong answer; asked again where that test did not run before."""
    answers = LABS[lab].wrong_answers.get(exercise, {})
    said = MESSAGES.setdefault((lab, exercise), {})
    for hint in answers.keys() - said.keys():
        said[hint] = refusal(lab, exercise, answers[hint]).message
    return said


@in_every_exercise
def test_no_two_mistakes_of_an_exercise_get_the_same_advice(lab, exercise):
    if exercise in LABS[lab].trains and (lab, exercise) not in MESSAGES:
        pytest.skip("trains for seconds; runs behind the test of the wrong answers")
    advice = [said.split("Likely mistake:")[-1] for said in messages(lab, exercise).values()]
    assert len(set(advice)) == len(advice)


class Unwatched(contextlib.nullcontext):
    """Notes no name of a function that is called."""

    def __init__(self):
        super().__init__(enter_result=self)
        self.seen = set()


def unwatched(monkeypatch):
    """Let the checks call answers as they are: the code of a mistake is no student's answer."""
    monkeypatch.setattr(compare, "watched", lambda answer, inputs, _: (answer(*inputs), []))
    monkeypatch.setattr(compare, "_Names", Unwatched)


def listed(lab, exercise, monkeypatch):
    """The mistakes that a check lists, by name: those that could show in one of its comparisons."""
    found = []
    with monkeypatch.context() as patch:
        patch.setattr(framework, "verdict", lambda findings: found.extend(findings))
        of(lab, exercise)(LABS[lab].reference(exercise))
    return {mistake.name: mistake for finding in found for mistake in finding.mistakes}


@pytest.mark.parametrize(("lab", "exercise"), WRITTEN)
def test_every_mistake_that_a_check_lists_is_recognised(lab, exercise, monkeypatch):
    """A mistake is data: its code is an answer too, and its name must be what the check says."""
    mistakes = listed(lab, exercise, monkeypatch)
    by_hand = LABS[lab].wrong_answers.get(exercise, {})
    unwatched(
        monkeypatch
    )  # a mistake's code is the course's own, and may call what answers may not
    others = {name: mistake.compute for name, mistake in mistakes.items() if name not in by_hand}
    said = {name: refusal(lab, exercise, answer).hint for name, answer in others.items()}
    assert said == {name: name for name in others}
    assert len(by_hand.keys() | mistakes.keys()) >= 5, "name the five most common mistakes"


@pytest.mark.parametrize(("lab", "exercise"), FORMS)
def test_every_form_of_a_mistake_is_named(lab, exercise, monkeypatch):
    unwatched(monkeypatch)
    said = [refusal(lab, exercise, form.compute).hint for form in FORMS[lab, exercise]]
    assert said == [form.name for form in FORMS[lab, exercise]]


@pytest.mark.parametrize(("lab", "exercise"), WRITTEN)
def test_a_message_gives_the_students_own_shapes_or_sizes(lab, exercise):
    for hint, message in messages(lab, exercise).items():
        if hint in LABS[lab].plain_hints:
            continue
        assert message.startswith("for "), message
        given = message.split(", your result ")[0].split(", the number is right")[0]
        assert any(character.isdigit() for character in given), message


@in_every_exercise
@pytest.mark.parametrize("hint", ANY_MISTAKE)
def test_nothing_or_nonsense_returned_is_refused_with_a_sentence(lab, exercise, hint):
    failure = refusal(lab, exercise, ANY_MISTAKE[hint])
    assert failure.hint in ("returned_none", "wrong_type", "unusable")
    assert "Traceback" not in failure.message


@in_every_exercise
def test_an_error_of_the_students_is_told_as_theirs(lab, exercise):
    def answer(*inputs):
        return inputs[0].there_is_no_such_thing if inputs else {}["nothing"]

    if not callable(LABS[lab].reference(exercise)):
        pytest.skip("the answer is a value: nothing of the student's runs in the check")
    failure = refusal(lab, exercise, answer)
    assert isinstance(failure, AnswerRaised)
    assert "there_is_no_such_thing" in failure.message or "nothing" in failure.message


# --- not started ------------------------------------------------------------------------------


@in_every_exercise
def test_the_untouched_stub_is_not_started_yet(lab, exercise):
    failure = refusal(lab, exercise, LABS[lab].stub(exercise))
    assert isinstance(failure, NotStarted)
    assert "not started yet" in str(failure)


@pytest.fixture(scope="module")
def shells(tmp_path_factory):
    """A function that gives an IPython shell in which a student's lab has been set up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        patch.setenv("GROOVES_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # IPython replaces it
        shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
        ready = []

        def for_lab(lab):
            if ready != [lab]:
                shell.reset()
                with capture_output():
                    assert shell.run_cell(LABS[lab].student_cells["setup"]).success
                ready[:] = [lab]
            return shell

        yield for_lab
        InteractiveShell.clear_instance()


@in_every_exercise
def test_an_empty_cell_is_not_started_yet(lab, exercise, shells):
    shell = shells(lab)
    with capture_output() as shown:
        assert shell.run_cell("").success
        ended = shell.run_cell(LABS[lab].student_cells[f"{exercise}-check"])
    assert not ended.success
    assert "not started yet" in shown.stdout
    assert "Traceback" not in shown.stdout + shown.stderr
    assert "grooves" not in shown.stdout + shown.stderr


# --- the student's code is what ran -------------------------------------------------------------


def spoiled(result):
    """The same kind of result with other numbers in it."""
    if isinstance(result, (tuple, list)):
        return type(result)(map(spoiled, result))
    if isinstance(result, dict):
        return {name: spoiled(part) for name, part in result.items()}
    if isinstance(result, torch.Tensor):
        return torch.as_tensor(spoiled(result.numpy(force=True)))
    if not np.size(result):
        return np.zeros(1, dtype=int)  # nothing in it could be another number
    if np.asarray(result).dtype.kind == "b":
        return np.logical_not(result)
    if np.asarray(result).dtype.kind == "f" and not np.isfinite(result).any():
        return 0 * np.nan_to_num(result)  # infinities and NaNs stay what they are, times anything
    return 2 * result + 1 if np.asarray(result).dtype.kind in "iu" else 1.5 * result + 0.1


def place_of_the_call():
    """The lines of the exercise's check that are running: where in it the answer is called."""
    frame, lines = sys._getframe(2), []
    while frame is not None:
        if Path(frame.f_code.co_filename).parent.parent == CHECKS:
            lines.append((frame.f_code.co_filename, frame.f_lineno))
        frame = frame.f_back
    return tuple(lines)


def spread(calls):
    """Of many calls so many as SPOILED says: the first, the last, and some between, evenly."""
    if len(calls) <= SPOILED:
        return calls
    return [calls[i * (len(calls) - 1) // (SPOILED - 1)] for i in range(SPOILED)]


@pytest.mark.parametrize(("lab", "exercise"), WRITTEN)
def test_every_call_of_the_answer_decides(lab, exercise, ended_at_once):
    """Whichever call of the reference gives wrong numbers, the check refuses it.

    Where one line of a check calls it in a loop, the weekly run alone spoils every call.
    """
    answer = LABS[lab].reference(exercise)
    if not callable(answer):
        refusal(lab, exercise, spoiled(answer))
        return
    places = []

    def noted(*inputs):
        places.append(place_of_the_call())
        return answer(*inputs)

    of(lab, exercise)(functools.wraps(answer)(noted))
    assert places
    calls_from = {}
    for call, place in enumerate(places):
        calls_from.setdefault(place, []).append(call)
    for spoil_at in sorted(call for calls in calls_from.values() for call in spread(calls)):
        calls = []

        def sometimes_wrong(*inputs, spoil_at=spoil_at, calls=calls):
            calls.append(inputs)
            result = answer(*inputs)
            return spoiled(result) if len(calls) - 1 == spoil_at else result

        refusal(lab, exercise, sometimes_wrong)


@in_every_exercise
def test_a_check_reads_nothing_of_the_solutions(lab, exercise):
    """No check knows the reference: only tests read the solutions notebook."""
    module = inspect.getsource(inspect.getmodule(of(lab, exercise).__wrapped__))
    assert "solutions" not in module
    assert "ipynb" not in module


# --- yardsticks and manners ---------------------------------------------------------------------


@in_every_lab
def test_the_examples_worked_by_hand_in_the_lab_are_right(lab):
    """The solutions give the numbers that the lab states, in these very words."""
    notebook = json.loads(LABS[lab].master.read_text(encoding="utf-8"))
    text = "".join("".join(cell["source"]) for cell in notebook["cells"])
    assert LABS[lab].worked
    for case in LABS[lab].worked:
        assert case.stated in text, case.stated
        assert case.holds(LABS[lab].reference(case.exercise)), case.stated


@in_every_exercise
def test_a_check_leaves_the_students_random_numbers_alone(lab, exercise, monkeypatch):
    answer = LABS[lab].reference(exercise)
    LABS[lab].shorten(monkeypatch)

    def states():
        return torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()

    torch.manual_seed(7)
    random.seed(7)
    np.random.seed(7)
    before = states()
    if exercise in LABS[lab].trains:
        try:  # the training may be too short to pass, but the check runs to its end
            of(lab, exercise)(answer)
        except CheckFailed as failure:
            assert failure.hint not in ("raised", "unusable", "returned_none"), failure
    else:
        of(lab, exercise)(answer)
    assert states() == before


@in_every_lab
def test_points_and_order_are_those_of_the_notebook(lab):
    notebook = json.loads(LABS[lab].master.read_text(encoding="utf-8"))
    graded = [c["metadata"].get("nbgrader", {}) for c in notebook["cells"]]
    found = {g["grade_id"].removesuffix("-check"): g["points"] for g in graded if g.get("grade")}
    assert list(found.items()) == exercises(lab)
