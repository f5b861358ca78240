"""The checks of lab 1 beyond what `test_checks_labs.py` tests for every lab: rare mistakes, and the
open challenge."""

import numpy as np
import pytest
from answers.forward_propagation import ANSWERS
from scipy import ndimage

from grooves.checks import CheckFailed
from grooves.checks import forward_propagation as check
from grooves.checks.forward_propagation.challenge import BAR
from grooves.language.corpora import digits

RIGHT, WRONG = ANSWERS.right_answers["reader"], ANSWERS.wrong_answers["reader"]


pytestmark = pytest.mark.usefixtures("own_progress")


def accuracy_of(answer, images, labels):
    """The fraction classified correctly, in a forward pass of the test's own."""
    W, b, digit_of = map(np.asarray, answer(digits().train_images, digits().train_labels))
    return np.mean(
        [digit_of[np.argmax(x @ W + b)] == y for x, y in zip(images, labels, strict=True)]
    )


def test_no_verdict_of_the_challenge_hangs_on_a_rounding():
    data = digits()
    for answer in (ANSWERS.reference("reader"), *RIGHT.values()):
        assert accuracy_of(answer, data.test_images, data.test_labels) > BAR + 0.01
    for hint in ("class_means", "alike", "below_bar"):
        assert accuracy_of(WRONG[hint], data.test_images, data.test_labels) < BAR - 0.01


def test_the_challenge_hands_over_no_test_picture():
    handed_over = []

    def answer(images, labels):
        handed_over.append((images.copy(), labels.copy()))
        return RIGHT["heaps halved along their longest direction, twice"](images, labels)

    check.reader(answer)
    check.race(answer)
    test_pictures = {picture.tobytes() for picture in digits().test_images}
    assert len(handed_over) == 2  # the check and the race
    for images, labels in handed_over:
        assert len(images) == len(labels) > 1000
        assert test_pictures.isdisjoint(picture.tobytes() for picture in images)


def test_what_an_answer_does_to_its_pictures_spoils_no_later_answer():
    def vandal(images, labels):
        images[:], labels[:] = 0, 0
        return np.zeros((64, 10)), np.zeros(10), np.arange(10)

    with pytest.raises(CheckFailed):
        check.reader(vandal)
    check.race(vandal)
    check.reader(ANSWERS.reference("reader"))


def test_the_race_scores_every_test_picture_in_five_places(capsys):
    answer, data = ANSWERS.reference("reader"), digits()
    pictures = data.test_images.reshape(-1, 8, 8)
    accuracies = [
        accuracy_of(
            answer, ndimage.shift(pictures, (0, *by), order=0).reshape(-1, 64), data.test_labels
        )
        for by in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
    ]
    score = check.race(answer)
    assert score == pytest.approx(np.mean(accuracies))
    assert f"score {score:.1%}" in capsys.readouterr().out
    assert accuracies[0] > max(accuracies[1:]) + 0.1  # so the score is none of them alone


def test_the_race_takes_more_templates_than_the_exercise_and_not_every_picture():
    def nearest(n):
        def answer(images, labels):
            return images[:n].T, -(images[:n] ** 2).sum(axis=1) / 2, labels[:n]

        return answer

    assert 0.3 < check.race(nearest(200)) < 0.9
    for most, judge in ((50, check.reader), (200, check.race)):
        with pytest.raises(CheckFailed) as caught:
            judge(nearest(most + 1))
        assert caught.value.hint == "too_many"
