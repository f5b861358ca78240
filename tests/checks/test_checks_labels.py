"""The checks of lab 3 beyond those of every lab: random draws, the classifier and the challenge."""

import gc
import sys
import textwrap
from functools import cache, partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from answers.labels import ANSWERS

import grooves
from grooves.checks import CheckFailed
from grooves.checks import labels as check
from grooves.checks.labels.challenge import BAR
from grooves.language.corpora import digits

RIGHT, WRONG = ANSWERS.right_answers, ANSWERS.wrong_answers


pytestmark = pytest.mark.usefixtures("own_progress")


# --- random draws ------------------------------------------------------------------------


@pytest.mark.parametrize("exercise", ["views", "draw_balanced"])
def test_a_right_draw_is_accepted_whatever_its_luck(exercise):
    answers = {"reference": ANSWERS.reference(exercise), **RIGHT[exercise]}
    for luck in range(4):
        for answer in answers.values():

            def drawn(*inputs, answer=answer, luck=luck):
                *others, rng = inputs
                return answer(*others, np.random.default_rng([luck, int(rng.integers(2**40))]))

            getattr(check, exercise)(drawn)


def test_what_an_earlier_check_left_behind_is_no_call_of_the_courses_code():
    """A generator left half run may be collected, and so run on, while a later answer runs."""
    reference = ANSWERS.reference("pseudo_labels")
    course = {"__name__": "grooves.checks.labels.earlier"}
    source = """
    def left_half_run():
        try:
            yield
        finally:
            cleared.append(True)
    """
    exec(textwrap.dedent(source), course | {"cleared": (cleared := [])}, scope := {})

    def answer(probabilities, threshold):
        kept = [[] for _ in range(100_000)]  # so many that Python looks for what it can throw away
        return reference(probabilities, threshold) if kept else None

    before = gc.get_threshold()
    gc.disable()
    try:
        holds_itself = [scope["left_half_run"]()]
        next(holds_itself[0])
        holds_itself.append(holds_itself)
        del holds_itself
        gc.set_threshold(50_000)
        gc.enable()
        check.pseudo_labels(answer)
    finally:
        gc.enable()
        gc.set_threshold(*before)
    assert cleared


# --- what a message says --------------------------------------------------------------------------


def test_an_import_inside_the_answer_is_not_taken_for_a_call(monkeypatch):
    """Whoever imports runs a whole module; the sentence names the function that is called."""
    monkeypatch.setattr(
        grooves.training, "objectives", grooves.training.objectives
    )  # comes back afterwards
    monkeypatch.delitem(sys.modules, "grooves.training.objectives")

    def answer(ids):
        from grooves.training.objectives import next_word

        return next_word(ids)

    with pytest.raises(
        CheckFailed, match=r"calls the course's own grooves\.training\.objectives\.next_word\."
    ):
        check.next_word(answer)


def test_of_integers_the_first_that_differs_is_shown():
    with pytest.raises(CheckFailed, match=r"your result at \[0\] is 4; it should be 11 \(6 of 6"):
        check.next_word(WRONG["next_word"]["swapped"])


# --- the fixed classifier ----------------------------------------------------------------------


def test_the_classifier_is_softmax_regression_as_pytorchs_sgd_trains_it():
    data = digits()
    chosen = slice(40, 97)
    x, others = (
        torch.tensor(images - data.train_images[chosen].mean(axis=0))
        for images in (data.train_images[chosen], data.test_images)
    )
    W = torch.zeros(64, 10, dtype=torch.float64, requires_grad=True)
    b = torch.zeros(10, dtype=torch.float64, requires_grad=True)
    groups = [{"params": [W], "weight_decay": 1e-3}, {"params": [b]}]
    optimizer = torch.optim.SGD(groups, lr=0.5, momentum=0.9)
    for _ in range(150):
        optimizer.zero_grad()
        F.cross_entropy(x @ W + b, torch.tensor(data.train_labels[chosen])).backward()
        optimizer.step()
    expected = (others @ W + b).softmax(dim=1).detach().numpy()
    found = check.classify(data.train_images[chosen], data.train_labels[chosen], data.test_images)
    assert np.abs(found - expected).max() < 1e-9
    assert (found.argmax(axis=1) == data.test_labels).mean() > 0.7


# --- the challenge -------------------------------------------------------------------------------


def seen_by(judge, answer):
    """What a judge hands to an answer: pictures and number, each time."""
    handed_over = []

    def noting(images, n):
        handed_over.append((images.copy(), n))
        return answer(images, n)

    judge(noting)
    return handed_over


@cache
def pools():
    """The pictures of the five trials."""
    return [images for images, _ in seen_by(check.race, lambda images, n: np.arange(n))[:5]]


def mean_accuracy(answer):
    """The mean of the five trials, as the test itself computes it."""
    data, accuracies = digits(), []
    place = {picture.tobytes(): i for i, picture in enumerate(data.train_images)}
    for images in pools():
        chosen = images[np.asarray(answer(images, 50)).astype(int)]
        labels = data.train_labels[[place[picture.tobytes()] for picture in chosen]]
        said = check.classify(chosen, labels, data.test_images).argmax(axis=1)
        accuracies.append((said == data.test_labels).mean())
    return np.mean(accuracies)


def test_no_verdict_of_the_challenge_depends_on_rounding():
    for answer in (ANSWERS.reference("choose"), *RIGHT["choose"].values()):
        assert mean_accuracy(answer) > BAR + 0.01
    for hint in ("as_random", "outliers", "too_similar", "not_central", "below_bar"):
        assert mean_accuracy(WRONG["choose"][hint]) < BAR - 0.01


def test_random_choices_miss_the_bar():
    for luck in range(12):
        with pytest.raises(CheckFailed, match="the bar is"):
            check.choose(
                lambda images, n, luck=luck: np.random.default_rng(luck).permutation(1000)[:n]
            )


def test_the_challenge_hands_over_no_test_picture():
    answer = RIGHT["choose"]["scikit-learn's k-means, in floating point"]
    test_pictures = {picture.tobytes() for picture in digits().test_images}
    handed_over = seen_by(check.choose, answer) + seen_by(check.race, answer)
    of_race = [10] * 5 + [20] * 5 + [50] * 5 + [100] * 5
    assert [n for _, n in handed_over] == 5 * [50] + [20, 61, 40, 40] + of_race
    sizes = 5 * [1000] + 2 * [700] + 2 * [200] + 20 * [1000]
    assert [len(images) for images, _ in handed_over] == sizes
    for images, _ in handed_over:
        assert test_pictures.isdisjoint(picture.tobytes() for picture in images)


def test_the_challenge_gives_a_notebook_its_labels_back():
    """Under every name they have; a local name is the student's own, whatever it is called."""
    notebook = {"labels": digits().train_labels, "also": digits().train_labels.tolist(), "np": np}
    notebook["y"] = notebook["labels"].copy()
    before = dict(notebook)
    source = """
    def by_label(images, n):
        return np.argsort(y[:1000])[:n]
    def own_name(images, n, missing=False):
        labels = np.arange(n)
        return nowhere if missing else labels
    """
    exec(textwrap.dedent(source), notebook)
    for answer, said in (
        (notebook["by_label"], "your function reads `y`, and labels are forbidden"),
        (partial(notebook["by_label"]), "your function reads `y`, and labels are forbidden"),
        (notebook["own_name"], "the bar is"),
        (partial(notebook["own_name"], missing=True), "name 'nowhere' is not defined"),
    ):
        with pytest.raises(CheckFailed, match=said):
            check.choose(answer)
        assert all(notebook[name] is value for name, value in before.items())


def test_what_an_answer_does_to_its_pictures_spoils_no_later_answer():
    def vandal(images, n):
        images[:] = 0
        return np.arange(n)

    with pytest.raises(CheckFailed):
        check.choose(vandal)
    check.race(vandal)
    check.choose(ANSWERS.reference("choose"))


def test_the_race_scores_the_mean_of_all_four_numbers(capsys):
    score = check.race(ANSWERS.reference("choose"))
    said = capsys.readouterr().out
    accuracies = [float(part.split("%")[0]) for part in said.partition(": ")[2].split(", ")]
    assert accuracies == sorted(accuracies)
    assert len(set(accuracies)) == 4  # more labels, higher accuracy
    assert score == pytest.approx(np.mean(accuracies) / 100, abs=1e-3)
    assert f"score {score:.1%}" in said
