"""The targets that cost no labels: hidden is hidden, and what is asked for is what was hidden."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from grooves.language.corpora import IGNORED, digits, next_word_rows
from grooves.training.objectives import (
    augment,
    contrastive_loss,
    masked_patch,
    masked_word,
    next_word,
    pseudo_labels,
    rotations,
    views,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def images():
    return digits().train_images[:60].astype(np.float32)


def test_the_next_word_is_the_one_after():
    inputs, targets = next_word([5, 7, 7, 2])
    assert inputs.tolist() == [5, 7, 7] and targets.tolist() == [7, 7, 2]
    rows, wanted = next_word_rows([[5, 7, 7, 2]])  # the same with an end mark at both ends
    inputs, targets = next_word([0, 5, 7, 7, 2, 0])
    assert rows[0].tolist() == inputs.tolist() and wanted[0].tolist() == targets.tolist()


def test_next_words_leave_the_text_alone():
    text = np.array([1, 2, 3])
    inputs, targets = next_word(text)
    inputs[0] = targets[0] = 9
    assert text.tolist() == [1, 2, 3]


def test_what_is_masked_is_hidden_and_asked_for_and_nothing_else_is(rng):
    ids = rng.integers(0, 50, 4_000)
    inputs, targets = masked_word(ids, mask_id=50, share=0.15, rng=rng)
    hidden = targets != IGNORED
    assert (inputs[hidden] == 50).all() and (targets[hidden] == ids[hidden]).all()
    assert (inputs[~hidden] == ids[~hidden]).all()
    assert abs(hidden.mean() - 0.15) < 0.03  # five standard errors


def test_at_least_one_word_is_masked(rng):
    places = set()
    for _ in range(40):
        inputs, targets = masked_word([4, 5, 6], mask_id=9, share=0.0, rng=rng)
        assert (targets != IGNORED).sum() == (inputs == 9).sum() == 1
        places.add(int((inputs == 9).argmax()))
    assert places == {0, 1, 2}


@pytest.mark.parametrize(
    "call",
    [
        lambda rng: next_word([1]),
        lambda rng: next_word([[1, 2], [3, 4]]),
        lambda rng: masked_word([], 9, 0.15, rng),
        lambda rng: masked_word([1, 2], 9, 15, rng),
        lambda rng: masked_patch(np.zeros((1, 64)), rng, size=9),
        lambda rng: rotations(np.zeros((1, 60))),
    ],
)
def test_what_cannot_be_made_into_a_question_is_refused(call, rng):
    with pytest.raises(ValueError):
        call(rng)


def test_a_patch_is_a_square_that_is_empty(images, rng):
    hidden, masks = masked_patch(np.repeat(images, 10, axis=0) + 0.1, rng, size=3)
    squares = masks.reshape(-1, 8, 8)
    assert (masks.sum(1) == 9).all() and (hidden[masks] == 0).all() and (hidden[~masks] > 0).all()
    assert (squares.any(1).sum(1) == 3).all() and (squares.any(2).sum(1) == 3).all()
    assert squares.any(0).all(), "every pixel is hidden some time"


def test_turns_are_labelled_by_their_quarters(images):
    turned, quarters = rotations(images)
    assert quarters.tolist() == [k for k in range(4) for _ in images]
    for picture, quarter in zip(turned, quarters, strict=True):
        back = np.rot90(picture.reshape(8, 8), -quarter)
        assert any(np.array_equal(back.ravel(), image) for image in images)
    top = np.zeros((1, 64))
    top[0, 7] = 1  # ink in the upper right corner, after a quarter against the clock upper left
    assert rotations(top)[0][1].argmax() == 0


def blobs():
    """Pictures with 2 x 2 pixels of ink, at each place that is not at the border: (25, 64)."""
    found = np.zeros((25, 8, 8), np.float32)
    for i in range(25):
        top, left = divmod(i, 5)
        found[i, top + 1 : top + 3, left + 1 : left + 3] = 1
    return found.reshape(25, 64)


def middles(images):
    """Row and column of each picture's centre of ink: (N, 2)."""
    rows, columns = np.divmod(np.arange(64), 8)
    return np.stack([images @ rows, images @ columns], axis=1) / images.sum(1, keepdims=True)


def test_an_augmented_picture_is_another_one_of_the_same_thing(images, rng):
    changed = augment(images, rng)
    assert changed.shape == images.shape and changed.dtype == images.dtype
    assert changed.min() >= 0 and changed.max() <= 1
    assert (np.square(changed - images).sum(1) > 1e-3).all(), "none stayed as it was"
    plain = np.tile(blobs(), (40, 1))
    moved = augment(plain, rng, erase=0.0)
    shift = middles(moved) - middles(plain)
    # 1 pixel of shift, and up to 3.5 * 0.44 more at the corners from turning and scaling.
    assert np.abs(shift).max() < 2.3 and 0.4 < shift.std() < 0.9 and abs(shift.mean()) < 0.1
    ink = moved.sum(1) / plain.sum(1)
    assert 0.65 < ink.min() < 0.8 and 1.2 < ink.max() < 1.4  # 0.85 and 1.15, squared


def test_erasing_empties_a_square_in_half_of_the_pictures(rng):
    full = np.ones((2_000, 64))
    for chance in (0.0, 0.5, 1.0):
        middle = augment(full, rng, erase=chance).reshape(-1, 8, 8)[:, 2:6, 2:6]
        assert abs((middle.min((1, 2)) == 0).mean() - chance * 25 / 49) < 0.06


def test_a_picture_that_is_not_moved_stays_as_it_is(images):
    class Still:
        """A generator that draws the middle of every range."""

        def uniform(self, low, high, size):
            return np.full(size, (low + high) / 2)

        def random(self, size):
            return np.ones(size)

        def integers(self, low, high, size):
            return np.zeros(size, int)

    assert np.allclose(augment(images[:5], Still(), erase=0.0), images[:5], atol=1e-6)


def test_views_are_two_and_belong_together_row_by_row(rng):
    plain = np.tile(blobs(), (40, 1))
    first, second = views(plain, rng)
    assert not np.allclose(first, second)
    seen = (first.sum(1) > 1) & (second.sum(1) > 1)  # where the ink was not erased
    apart = middles(first[seen]) - middles(second[seen])
    assert seen.mean() > 0.5 and np.abs(apart).max() < 5 and np.abs(apart).mean() < 1.2


def test_the_contrastive_loss_is_a_cross_entropy_over_all_other_views():
    generator = torch.Generator().manual_seed(0)
    z1, z2 = torch.randn(2, 6, 5, generator=generator, dtype=torch.float64)
    z = F.normalize(torch.cat((z1, z2)), dim=1)
    losses = []
    for i in range(12):
        others = [j for j in range(12) if j != i]
        scores = torch.stack([z[i] @ z[j] / 0.3 for j in others])
        losses.append(F.cross_entropy(scores, torch.tensor(others.index((i + 6) % 12))))
    found = contrastive_loss(z1, z2, temperature=0.3)
    assert math.isclose(found, sum(losses) / 12, rel_tol=1e-9)
    many = contrastive_loss(torch.stack((z1, z2)), torch.stack((z2, z2)), temperature=0.3)
    assert many.shape == (2,) and math.isclose(many[0], found, rel_tol=1e-9)


def test_who_cannot_tell_views_apart_guesses_among_the_others():
    z = torch.ones(8, 3)
    assert math.isclose(contrastive_loss(z, z, 0.5), math.log(15), rel_tol=1e-5)


def test_pseudo_labels_are_the_best_answers_where_sure():
    p = [[0.7, 0.2, 0.1], [0.4, 0.35, 0.25], [0.0, 0.2, 0.8], [0.1, 0.9, 0.0]]
    indices, labels = pseudo_labels(p, threshold=0.8)
    assert indices.tolist() == [2, 3] and labels.tolist() == [2, 1]
    assert [len(part) for part in pseudo_labels(p, threshold=0.95)] == [0, 0]
