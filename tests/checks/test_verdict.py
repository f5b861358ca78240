"""Which mistake is named: the only one that agrees with all that an answer returned."""

import math
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import judge
from grooves.checks.compare import Mistake, compare
from grooves.checks.survey import Finding
from grooves.checks.verdict import note

MISTAKES = (
    Mistake("cubed", lambda x: x**3, "you cube."),
    Mistake("doubled", lambda x: 2 * x, "you double."),
    *(Mistake("shifted", lambda x, by=by: x**2 + by, "you add something.") for by in (1, 5)),
)


@check(lab="98_survey", exercise="square")
def square(answer):
    for numbers in ((0.5, 2.0), (3.0, 4.0), (10.0, 20.0)):
        x = np.array(numbers)
        judge(answer, (x,), x**2, MISTAKES, f"x = {numbers}")


def refusal(answer):
    with pytest.raises(CheckFailed) as caught:
        square(answer)
    return caught.value


pytestmark = pytest.mark.usefixtures("own_progress")


def test_a_mistake_that_explains_everything_is_named_and_the_first_wrong_result_told():
    failure = refusal(lambda x: x**3)
    assert failure.hint == "cubed"
    assert failure.message.startswith("for x = (0.5, 2.0), your result at [1] is 8;")
    assert failure.message.endswith("Likely mistake: you cube.")


def test_a_mistake_that_only_fits_one_input_is_not_named():
    assert refusal(lambda x: 2 * x if x[0] < 1 else x + 1).hint == "unrecognised"
    # right where the mistake would be wrong
    assert refusal(lambda x: 2 * x if x[0] == 3 else x**2).hint == "unrecognised"


def test_of_two_mistakes_in_one_answer_the_one_that_the_first_wrong_result_shows_is_suggested():
    failure = refusal(lambda x: 2 * x if x[0] < 1 else x**3)
    assert failure.hint == "unrecognised"
    assert failure.message.endswith(
        "\nNo single mistake explains all your results. The one above "
        "suggests this one: you double."
    )
    # `shifted` by 1 fits the first wrong result, but not the right one before it
    assert (
        "none of the usual"
        in refusal(lambda x: x**2 if x[0] < 1 else x**2 + (1 if x[0] < 4 else x)).message
    )


def test_nobody_is_sent_to_numbers_whose_answer_reads_none():
    @check(lab="98_survey", exercise="joined")
    def joined(answer):
        for chunks in ([b"a", b"bcdefghijklmnopqrstuvwxyz"], [b"a", b"b"]):
            wrong = answer(chunks) != b"".join(chunks)
            note(Finding(wrong, f"for {chunks}.", (), lambda _: False, inputs=(chunks,)))

    with pytest.raises(CheckFailed) as caught:
        joined(lambda chunks: b"")
    assert "The smallest input that fails: for [b'a', b'b']." in caught.value.message
    with pytest.raises(CheckFailed) as caught:
        joined(lambda chunks: b"ab" if len(chunks[1]) == 1 else b"")
    assert caught.value.message.endswith("Print every step of your function for the input above.")


def test_one_way_of_making_a_mistake_has_to_fit_throughout():
    assert refusal(lambda x: x**2 + 5).hint == "shifted"
    assert refusal(lambda x: x**2 + (1 if x[0] < 1 else 5)).hint == "unrecognised"


def test_two_mistakes_that_cannot_be_told_apart_are_not_named():
    @check(lab="98_survey", exercise="once")
    def once(answer):
        twos = np.full(3, 2.0)  # 2 x and x**3 / 2 are both 4 there, and the right one is 6
        rivals = (MISTAKES[1], Mistake("half a cube", lambda x: x**3 / 2, "you cube and halve."))
        judge(answer, (twos,), 3 * twos, rivals, "three twos")

    with pytest.raises(CheckFailed) as caught:
        once(lambda x: 2 * x)
    assert caught.value.hint not in ("doubled", "half a cube")


def test_a_mistake_whose_code_fails_on_an_input_explains_nothing():
    broken = (Mistake("broken", lambda x: x @ x @ x @ x, "never."),)
    with pytest.raises(CheckFailed) as caught:
        compare(torch.ones(2), torch.zeros(2), broken, (torch.ones(2, 3),), "ones")
    assert caught.value.hint == "unrecognised"


def test_a_wrong_number_is_told_before_an_error_that_it_leads_to():
    def answer(x):
        if x[0] > 5:
            raise ZeroDivisionError("later")
        return x**3

    assert refusal(answer).hint == "cubed"


def test_what_a_check_raises_itself_is_told_where_the_numbers_name_nothing():
    @check(lab="98_survey", exercise="named")
    def named(answer):
        x = np.array([1.0, 2.0])
        judge(answer, (x,), x, (), "x")
        raise CheckFailed("it has a name.", hint="a_name")

    for answer in (lambda x: x + np.array([1.0, 7.0]), lambda x: x):
        with pytest.raises(CheckFailed) as caught:
            named(answer)
        assert caught.value.hint == "a_name"


@pytest.mark.parametrize(
    ("pattern", "answer"),
    [
        ("not_finite", lambda x: np.where(x > 3, math.nan, x**2)),
        ("sign_turned", lambda x: -(x**2)),
        ("one_factor", lambda x: 0.3 * x**2),
        ("one_offset", lambda x: x**2 - 0.7),
        ("same_result_for_all", lambda x: np.array([9.0, 16.0])),
        ("first_only", lambda x: np.array([x[0] ** 2, 0])),
        ("extra_axis", lambda x: (x**2)[:, None]),
        ("rounded", lambda x: x**2 * (1 + 0.001 * x)),
        ("replaced", lambda x: np.where(x == 10, 0.0, x**2)),
        ("truncated", lambda x: np.trunc(x**2)),
    ],
)
def test_a_pattern_in_all_wrong_numbers_is_named(pattern, answer):
    failure = refusal(answer)
    assert failure.hint == pattern
    assert "none of the usual" not in failure.message


@pytest.mark.parametrize(
    "answer",
    [
        lambda x: x**2 + x,
        lambda x: -(x**2) if x[0] < 1 else 5 * x,
        lambda x: np.sqrt(x),
        lambda x: x**2 + np.array([0.0, 3.0]),
    ],
)
def test_numbers_without_a_pattern_are_told_to_have_none(answer):
    assert refusal(answer).hint == "unrecognised"


def test_the_smallest_input_that_fails_is_written_out_with_both_results():
    @check(lab="98_survey", exercise="halves")
    def halves(answer):
        for seed, shape in ((1, (6, 5)), (2, (2, 2)), (3, (4, 4))):
            x = np.random.default_rng(seed).integers(9, size=shape)
            judge(answer, (x, 2), x / 2, (), f"x of shape {shape}")

    with pytest.raises(CheckFailed) as caught:
        halves(lambda x, n: x / n + x % 3)
    assert caught.value.hint == "unrecognised"
    assert caught.value.message.startswith("for x of shape (6, 5), your result")
    told = "given x = [[7, 2], [0, 2]] and n = 2, the right result is [[3.5, 1], [0, 1]], yours is "
    assert f"The smallest input that fails: {told}[[4.5, 3], [0, 3]]." in caught.value.message


@pytest.mark.parametrize(
    ("shapes", "says"),
    [
        ([(6, 5), (5, 5)], "The smallest input that fails: for x of shape (5, 5), your result"),
        ([(5, 5), (6, 5)], "Call your function on an input of two or three numbers"),
    ],
)
def test_of_large_inputs_the_smallest_is_named_unless_it_is_told_already(shapes, says):
    @check(lab="98_survey", exercise="thirds")
    def thirds(answer):
        for seed, shape in enumerate(shapes):
            x = np.random.default_rng(seed).normal(size=shape)
            judge(answer, (x,), x / 3, (), f"x of shape {shape}")

    with pytest.raises(CheckFailed) as caught:
        thirds(lambda x: x / 3 + x**2)
    assert f"none of the usual mistakes. {says}" in caught.value.message


def test_a_result_that_is_nearly_right_is_told_with_the_digits_that_differ():
    @check(lab="98_survey", exercise="nearly")
    def nearly(answer):
        for x in (1.5, 2.5):
            judge(answer, (x,), np.array([x**2, x]), (), f"x = {x}", tolerance=1e-9)

    with pytest.raises(CheckFailed) as caught:
        nearly(lambda x: np.array([x**2 + 1e-5 * (x == 1.5), x - 7 * (x == 2.5)]))
    assert "your result at [0] is 2.25001; PyTorch's is 2.25 (1 of 2" in caught.value.message
    assert "the right result is [2.25, 1.5], yours is [2.25001, 1.5]" in caught.value.message


def test_a_number_that_is_zero_but_for_rounding_is_told_as_zero():
    with pytest.raises(CheckFailed) as caught:
        compare(torch.tensor([0.5]), torch.tensor([1.1e-16]), (), (), "1 number")
    assert "PyTorch's is 0 (1 of 1 values differ)" in caught.value.message


@pytest.mark.parametrize("scale", [1e5, 1e-4])
def test_a_small_input_of_huge_or_tiny_numbers_is_not_to_be_worked_by_hand(scale):
    @check(lab="98_survey", exercise="scaled")
    def scaled(answer):
        for x in (np.array([1.2, 3.4]), np.array([2.2, 0.3])):
            judge(answer, (scale * x,), scale * x / 3, (), "2 numbers", tolerance=1e-9)

    with pytest.raises(CheckFailed) as caught:
        scaled(lambda x: x / 3 + x % 0.7 + 1)
    assert "by hand" not in caught.value.message


def test_a_case_with_fewer_numbers_but_a_larger_count_is_not_called_the_smallest():
    @check(lab="98_survey", exercise="steps")
    def steps(answer):
        for size, n in ((40, 2), (30, 7)):
            x = np.arange(1.0, size)
            judge(answer, (x, n), x / n, (), f"{size - 1} numbers and n = {n}")

    with pytest.raises(CheckFailed) as caught:
        steps(lambda x, n: x / n + x % 3)
    assert "The smallest input" not in caught.value.message


def test_of_two_mistakes_the_one_that_shows_on_ordinary_inputs_is_named_first():
    @check(lab="98_survey", exercise="extreme")
    def extreme(answer):
        for x in ((1.0, 2.0), (700.0, 1.0), (3.0, 0.5)):
            judge(answer, (np.array(x),), np.exp(np.array(x) / 100), TWO, f"x = {x}")

    TWO = (Mistake("half", lambda x: np.exp(x / 100) / 2, "you halve."),)
    with pytest.raises(CheckFailed) as caught:
        extreme(lambda x: np.exp(x) / np.exp(0.99 * x) / 2 + (x > 500))
    assert caught.value.hint == "half"
    assert caught.value.message.startswith("for x = (1.0, 2.0), your result")


def test_nothing_with_huge_numbers_is_called_the_smallest_and_infinity_is_written_out():
    def smallest(*cases):
        @check(lab="98_survey", exercise="roots")
        def roots(answer):
            for numbers in cases:
                judge(answer, (np.array(numbers),), np.zeros(len(numbers)), (), f"x = {numbers}")

        with pytest.raises(CheckFailed) as caught:
            roots(lambda x: x + 1)
        return caught.value.message

    long = tuple(range(40))
    assert "The smallest input" not in smallest(long, (1e40,) * 3)
    assert "x = [1, 2, inf]" in smallest(long, (1.0, 2.0, math.inf))


def test_what_a_mistakes_code_does_on_an_unsuitable_input_warns_nobody():
    """Neither in NumPy nor by hand, and NumPy warns of an empty mean however errors are set."""

    def empty(x):
        warnings.warn("an odd input", stacklevel=1)
        return x[:0].mean()

    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        with pytest.raises(CheckFailed):
            compare(
                np.ones(2), np.zeros(2), (Mistake("empty", empty, "never."),), (np.ones(3),), ""
            )
    assert not shown


def test_a_lab_that_needs_no_pytorch_does_not_wait_for_it():
    """Only comparisons of numbers load it, and with it the patterns."""
    code = "import sys, grooves.checks; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
