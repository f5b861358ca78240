"""What every check does around its comparison: the student's code is what ran, and what it said.

The checks of the single labs have tests of their own; here is the framework that they share.
"""

from __future__ import annotations

import gc
import re
import sys
import textwrap

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from grooves.checks import (
    AnswerRaised,
    CheckFailed,
    NotStarted,
    check,
    describe,
    earlier,
    exercise,
    progress,
    recorded,
)
from grooves.checks.compare import compare, written_by_hand

LAB = "98_framework"
CALLS = "97_calls"  # a lab in which one exercise calls another


@check(lab=LAB, exercise="double", returns=(float, np.ndarray))
def check_double(answer):
    got = answer(np.arange(3.0))
    if got.shape != (3,):
        raise CheckFailed(f"expected shape (3,), yours is {got.shape}.", hint="shape")
    if not np.allclose(got, [0, 2, 4]):
        raise CheckFailed(f"expected [0 2 4], yours is {got}.", hint="not_doubled")
    return "Half the work is done."


@check(lab=LAB, exercise="Counter")
def check_counter(answer):
    counter = answer(3)
    if counter.up() != 4:
        raise CheckFailed("a counter that starts at 3 goes up to 4.")


@check(lab=LAB, exercise="flops")
def check_flops(answer):
    if answer != 12:
        raise CheckFailed(f"expected 12, yours is {answer}.")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GROOVES_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def student(tmp_path):
    """Define names the way a student does, in a file of their own."""

    def define(source):
        file = tmp_path / "answer.py"
        file.write_text(textwrap.dedent(source), encoding="utf-8")
        names = {}
        exec(compile(file.read_text("utf-8"), str(file), "exec"), names)
        return names

    return define


def test_a_right_answer_passes_and_is_recorded(capsys):
    check_double(lambda x: 2 * x)
    said = "passed: double (1 point). Half the work is done."
    next_one = "1 of 3 passed, next: exercise 2, Counter."
    assert capsys.readouterr().out == f"{said} {next_one}\n"
    assert set(progress.load(LAB)["passed"]) == {"double"}


def test_a_wrong_answer_is_refused_with_its_hint_and_not_recorded(capsys):
    with pytest.raises(CheckFailed, match=r"double: expected .0 2 4., yours is") as refused:
        check_double(lambda x: x)
    assert refused.value.hint == "not_doubled"
    assert progress.load(LAB)["passed"] == {}
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("answer", [None, ..., NotImplemented])
def test_an_answer_left_open_is_not_started(answer):
    with pytest.raises(NotStarted, match="double: not started yet"):
        check_double(answer)


def test_a_stub_is_not_started(student):
    names = student("""\
        def double(x):
            raise NotImplementedError

        class Counter:
            def __init__(self, start):
                raise NotImplementedError("to do")
    """)
    for run, name in ((check_double, "double"), (check_counter, "Counter")):
        with pytest.raises(NotStarted, match=f"{name}: not started yet"):
            run(names[name])


def test_a_device_that_lacks_an_operation_is_an_error_and_no_stub(student):
    # as PyTorch does it: NotImplementedError out of compiled code, which shows as the caller's line
    names = student("""\
        class Lacking:
            def __matmul__(self, other):
                error = NotImplementedError
                raise error("not implemented for 'Half'")
        def double(x):
            return Lacking() @ x
    """)
    with pytest.raises(AnswerRaised, match="not implemented for 'Half'"):
        check_double(names["double"])


@check(lab=CALLS, exercise="double")
def check_called(answer):
    compare(answer(torch.arange(3.0)), 2 * torch.arange(3.0), (), (torch.arange(3.0),), "3 numbers")


@check(lab=CALLS, exercise="quadruple")
def check_quadruple(answer):
    compare(answer(torch.arange(3.0)), 4 * torch.arange(3.0), (), (torch.arange(3.0),), "3 numbers")


TWICE = """\
    def double(x):
        return x {}

    def twice(x):
        return double(double(x))

    def quadruple(x):
        return twice(x) + x ** 3

    def of_its_own(x):
        return 4 * x + x ** 3
"""


def test_an_answer_that_calls_a_wrong_earlier_one_is_told_to_correct_that_first(
    student, monkeypatch
):
    monkeypatch.setattr(earlier, "_outcomes", {})
    names = student(TWICE.format("* 3"))
    blamed = "It calls double, which has not passed its check: correct that one first."
    with pytest.raises(CheckFailed):
        check_called(names["double"])
    with pytest.raises(CheckFailed) as caught:
        check_quadruple(names["quadruple"])
    assert caught.value.message.endswith(blamed)
    assert "none of the usual mistakes" not in caught.value.message
    with pytest.raises(CheckFailed) as caught:
        check_quadruple(names["of_its_own"])  # it does not call double
    assert "It calls" not in caught.value.message
    progress.record(CALLS, "double", 1)  # passed on another day, but wrong today
    with pytest.raises(CheckFailed) as caught:
        check_quadruple(names["quadruple"])
    assert caught.value.message.endswith(blamed)


def test_an_earlier_answer_that_has_passed_is_not_blamed(student, monkeypatch):
    monkeypatch.setattr(earlier, "_outcomes", {})
    names = student(TWICE.format("* 2"))
    check_called(names["double"])
    for forgotten in (False, True):  # known from this session, or from the progress file
        if forgotten:
            earlier._outcomes.clear()
        with pytest.raises(CheckFailed) as caught:
            check_quadruple(names["quadruple"])
        assert "It calls" not in caught.value.message


def test_an_answer_that_needs_an_unfinished_one_says_which(student):
    names = student("""\
        def flops(x):
            raise NotImplementedError

        def double(x):
            return flops(x)

        def double_too(x):
            return Counter(x)
    """)
    with pytest.raises(NotStarted, match="double: it needs flops, which is not started yet"):
        check_double(names["double"])
    with pytest.raises(NotStarted, match="double: it needs Counter, which is not defined"):
        check_double(names["double_too"])


def test_a_forgotten_return_is_named():
    def double(x):
        x *= 2

    with pytest.raises(CheckFailed, match=r"returned None. Is a `return` missing") as refused:
        check_double(double)
    assert refused.value.hint == "returned_none"


def test_types_of_one_name_are_named_once():
    @check(lab="95_types", exercise="answer", returns=(bool, np.bool_, torch.Tensor))
    def of_two_kinds(answer):
        return str(answer())

    with pytest.raises(CheckFailed, match=r"must return a bool or a tensor\. It returned a list"):
        of_two_kinds(lambda: [True])


def test_a_wrong_type_is_named():
    with pytest.raises(CheckFailed, match=r"must return a number or an array. It returned a list"):
        check_double(lambda x: [0, 2, 4])


def test_an_answer_that_the_check_cannot_use_says_what_it_was():
    with pytest.raises(CheckFailed, match=r"could not use your answer.*TypeError") as refused:
        check_counter(5)
    assert refused.value.hint == "unusable"
    with pytest.raises(CheckFailed, match=r"no attribute .shape.*it returned: the number 2\.0"):
        check_double(lambda x: 2.0)


def test_an_error_in_the_students_code_shows_their_line_and_the_arguments(student):
    names = student("""\
        def double(x):
            wrong = x @ [[1.0]]
            return wrong
    """)
    with pytest.raises(AnswerRaised) as refused:
        check_double(names["double"])
    said = str(refused.value)
    assert "in line 2 of answer.py:\n    wrong = x @ [[1.0]]" in said
    assert "ValueError: matmul" in said
    assert "double got x = a float64 array of shape (3,)." in said


def test_an_error_in_an_earlier_answer_names_both_functions_and_the_line_that_called(student):
    names = student("""\
        def half(x):
            return x / "2"

        def double(x):
            kept = [1.0]
            return sum(4 * half(x) for _ in kept)

        class Counter:
            def __init__(self, start):
                half(start)
    """)
    with pytest.raises(AnswerRaised) as refused:
        check_double(names["double"])
    assert (
        'in half, line 2 of answer.py:\n    return x / "2"\n'
        "called by double, in line 6 of answer.py:\n    return sum(4 * half(x) for _ in kept)\n"
    ) in str(refused.value)
    with pytest.raises(AnswerRaised, match=r"called by Counter\.__init__, in line 10 of"):
        check_counter(names["Counter"])


def test_an_error_shows_short_lists_of_numbers_in_full_and_counts_what_is_in_others(student):
    @check(lab="96_lists", exercise="total")
    def total(answer):
        answer([(4, 0.5), (0, 2)], list(range(99)), [np.zeros(3)], {"small": [1]})

    with pytest.raises(AnswerRaised) as refused:
        total(student("def total(pairs, many, arrays, plan):\n    return 1 / 0")["total"])
    assert (
        "total got pairs = [(4, 0.5), (0, 2)], many = a list of 99, arrays = a list of 1, "
        "plan = {'small': [1]}."
    ) in str(refused.value)


def test_an_error_inside_a_compiled_library_is_told_as_the_line_that_called_it(student):
    """NumPy's compiled modules name their files as if they stood in the student's folder."""
    names = student("""\
        import numpy as np
        def double(x):
            return np.random.default_rng(0).choice([], 3)
    """)
    with pytest.raises(AnswerRaised, match=r"with an error in line 3 of answer\.py"):
        check_double(names["double"])


@pytest.mark.parametrize("error", ["SystemExit(0)", "RecursionError('deep')", "KeyError('k')"])
def test_any_error_of_a_students_class_is_theirs(student, error):
    names = student(f"""\
        class Counter:
            def __init__(self, start):
                self.count = start
            def up(self):
                raise {error}
    """)
    with pytest.raises(AnswerRaised, match=r"line 5 of answer\.py"):
        check_counter(names["Counter"])


def test_a_check_that_never_calls_the_answer_is_an_error_of_the_check():
    @check(lab="97_bad", exercise="lazy")
    def lazy(answer):
        if not np.allclose(2 * np.arange(3), [0, 2, 4]):  # its own reference, not the answer
            raise CheckFailed("never")

    with pytest.raises(RuntimeError, match="passed without calling the answer"):
        lazy(lambda x: x)


def test_a_recorded_answer_is_the_same_answer_and_tells_that_it_ran(student):
    names = student("""\
        def double(x):
            return 2 * x

        class Counter:
            def __init__(self, start):
                self.count = start
            def up(self):
                return self.count + 1
    """)
    for run, answer in ((check_double, names["double"]), (check_counter, names["Counter"])):
        answer, ran = recorded(answer)
        assert not ran
        run(answer)
        assert ran
    with pytest.raises(TypeError):
        recorded(12)


def test_a_tensor_that_answers_every_comparison_is_taken_as_plain():
    class Agreeing(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            if function is torch.allclose:
                return True
            return super().__torch_function__(function, types, args, kwargs or {})

    @check(lab="96_tensor", exercise="ones", returns=torch.Tensor)
    def ones(answer):
        if not torch.allclose(answer(3), torch.ones(3)):
            raise CheckFailed("expected ones.")

    assert torch.allclose(torch.zeros(3).as_subclass(Agreeing), torch.ones(3))  # it would pass
    with pytest.raises(CheckFailed, match="expected ones"):
        ones(lambda n: torch.zeros(n).as_subclass(Agreeing))


def test_what_python_clears_away_meanwhile_is_not_the_answers_doing():
    """Half-run generators of the course, caught in a cycle, end while an answer is watched."""
    course = {"__name__": "grooves.some_module"}
    exec("def half_run():\n    try:\n        yield\n    finally:\n        ended.append(1)", course)
    ended = course["ended"] = []

    def answer(x):
        gc.collect()
        return 2 * x

    for _ in range(3):
        generator = course["half_run"]()
        next(generator)
        cycle = [generator]
        cycle.append(cycle)
        del generator, cycle
    assert written_by_hand(answer, 3) == 6 and len(ended) == 3
    with pytest.raises(CheckFailed, match=r"calls the course's own grooves\.some_module\.half_run"):
        written_by_hand(lambda: next(course["half_run"]()))


def test_truth_is_told_as_true_and_false():
    with pytest.raises(CheckFailed, match=r"is it so, your result is True; it should be False\."):
        compare(True, False, (), (), "is it so", "it should be")


def test_infinite_values_and_nan_are_counted_where_they_differ():
    got = torch.tensor([1.0, 3.7, torch.inf, torch.nan, torch.nan, 2.0])
    expected = torch.tensor([1.0, torch.inf, torch.inf, torch.nan, 5.0, torch.inf])
    with pytest.raises(CheckFailed, match=r"at \[1\] is 3.7; .* inf \(3 of 6 values differ\)"):
        compare(got, expected, (), (), "these", "it should be")


def test_what_is_called_is_named_rather_than_how_it_is_made():
    course = {"__name__": "grooves.some_module"}
    exec("class Scheme:\n    def __init__(self):\n        pass\ndef pack(s):\n    pass", course)
    with pytest.raises(CheckFailed, match=r"the course's own grooves\.some_module\.pack\."):
        written_by_hand(lambda: course["pack"](course["Scheme"]()))
    with pytest.raises(CheckFailed, match=r"grooves\.some_module\.Scheme\."):
        written_by_hand(lambda: course["Scheme"]())


def test_values_are_described_in_words():
    assert describe(torch.zeros(2, 3)) == "a float32 tensor of shape (2, 3)"
    assert describe(np.zeros(2, dtype=np.int64)) == "an int64 array of shape (2,)"
    assert describe([1, 2]) == "a list of 2"
    assert describe(["norm.bias", "head"]) == "['norm.bias', 'head']"
    assert describe(torch.nn.Linear(2, 2)) == "a Linear with the weights weight (2, 2), bias (2,)"
    assert describe(len) == "the function len"
    assert describe((3,)) == "(3,)"
    assert describe(np.float64(3.5)) == "the number 3.5"
    assert describe(3.5) == "the number 3.5"
    assert describe("kite") == "the text 'kite'"
    assert describe(int) == "the class int"
    assert describe(np.ndarray) == "the class ndarray"
    assert describe(np) == "the module numpy"
    assert describe(True) == "True"
    assert describe(torch.nn.Sequential()) == "a Sequential"
    assert describe(describe) == "the function describe"


def test_a_lab_without_checks_is_refused():
    with pytest.raises(ValueError, match="no checks for the lab '55_nothing'"):
        exercise.exercises("55_nothing")


@pytest.fixture
def notebook(monkeypatch, capsys):
    """Run a cell in IPython; returns what it showed."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # IPython replaces it
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.colors = "nocolor"
    shell.user_ns |= {"check_double": check_double, "check_flops": check_flops}
    monkeypatch.setattr(exercise, "_not_run", {})
    monkeypatch.setattr(progress, "widget", lambda lab, exercises: None)
    exercise.start(LAB)

    def run(source):
        capsys.readouterr()
        shell.run_cell(textwrap.dedent(source))
        return capsys.readouterr().out

    yield run
    InteractiveShell.clear_instance()


OURS = re.compile(r"grooves/|_answers|Traceback|-----")


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (["check_double(double)"], "double: not started yet. Its cell is empty, was not run"),
        (
            ["def double(x):\n    raise NotImplementedError", "double(3)"],
            "double: not started yet.",
        ),
        (["raise NotImplementedError"], "Not started yet. Write your answer in place of"),
        (
            ["def double(x):\n    raise NotImplementedError", "check_double(double)"],
            "double: not started yet.",
        ),
        (
            ["def double(x):\n    y = x\n    return y / 'a'", "check_double(double)"],
            "in line 3 of its cell:\n    return y / 'a'",
        ),
        (["check_double(lambda x: x)"], "double: expected [0 2 4], yours is [0. 1. 2.]."),
    ],
)
def test_jupyterlab_shows_a_sentence_and_no_stack_trace_of_ours(notebook, cells, sentence):
    shown = [notebook(source) for source in cells][-1]
    assert sentence in shown
    assert not OURS.search(shown), shown


def test_a_cell_with_a_mistake_of_grammar_is_told_of_and_no_older_answer_judged(notebook):
    right = "def double(x):\n    return 2 * x"
    notebook(right)
    assert "passed: double" in notebook("check_double(double)")
    notebook("def double(x):\n    return 2 * x)")
    for source in ("double(3)", "check_double(double)"):
        shown = notebook(source)
    assert "double: its cell did not run (SyntaxError in line 2: unmatched ')')" in shown
    assert not OURS.search(shown), shown
    notebook("flops = 12)")
    assert "flops: its cell did not run" in notebook("check_flops(12)")
    notebook(right)
    assert "passed: double" in notebook("check_double(double)")


def test_other_errors_of_the_student_are_shown_as_ever(notebook):
    shown = notebook("unknown_name + 1")
    assert "NameError: name 'unknown_name' is not defined" in shown
    assert "Traceback" in shown
