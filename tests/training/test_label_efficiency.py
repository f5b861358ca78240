"""Few labels: every network learns from its own draw, and from no label it was not given."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from grooves.language.corpora import digits
from grooves.training import label_efficiency
from grooves.training.label_efficiency import (
    ENCODER,
    WAYS,
    Networks,
    Pictures,
    balanced_draw,
    curve,
    flip,
    learn,
    pretrain,
)


@pytest.fixture(scope="module")
def numbers():
    return digits()


@pytest.fixture(scope="module")
def pictures(numbers):
    return Pictures(numbers, n_copies=6)


def test_a_draw_has_as_many_of_each_digit_and_grows_by_adding(numbers):
    few, more = (balanced_draw(numbers.train_labels, n, seed=3) for n in (20, 50))
    assert np.bincount(numbers.train_labels[more]).tolist() == 10 * [5]
    assert set(few) < set(more) and len(set(more)) == 50
    other = balanced_draw(numbers.train_labels, 20, seed=4)
    assert len(set(few) & set(other)) < 5


@pytest.mark.parametrize("n", [0, 15, 5_000])
def test_a_draw_that_cannot_be_balanced_is_refused(numbers, n):
    with pytest.raises(ValueError, match="equal shares"):
        balanced_draw(numbers.train_labels, n, seed=0)


def test_exactly_the_share_of_labels_is_flipped_to_other_classes():
    labels = np.arange(200) % 10
    wrong = flip(labels, 0.3, seed=1)
    assert (wrong != labels).sum() == 60 and labels.tolist() == (np.arange(200) % 10).tolist()
    assert set(wrong[wrong != labels]) == set(range(10))
    assert (flip(labels, 0.0, seed=1) == labels).all()


def test_networks_side_by_side_compute_as_if_alone():
    together = Networks((64, 12, 10), seeds=[4, 9])
    alone = Networks((64, 12, 10), seeds=[9])
    x = torch.rand(7, 64)
    layers = [torch.nn.Linear(64, 12), torch.nn.Linear(12, 10)]
    for layer, weight, bias in zip(layers, alone.weights, alone.biases, strict=True):
        layer.weight.data, layer.bias.data = weight[0].T.cpu(), bias[0, 0].cpu()
    expected = layers[1](layers[0](x).relu())
    here = x.to(alone.weights[0].device)
    assert torch.allclose(together.head(together.hidden(here))[1].cpu(), expected, atol=1e-5)


def test_networks_that_learn_together_learn_as_if_alone(pictures, numbers):
    draws = [balanced_draw(numbers.train_labels, n, seed=0) for n in (10, 30)]
    swapped = [draws[0][::-1].copy(), draws[1]]
    one = learn(pictures, WAYS["labels only"], draws, [0, 1], steps=20)
    other = learn(pictures, WAYS["labels only"], [draws[0], draws[0]], [0, 1], steps=20)
    again = learn(pictures, WAYS["labels only"], swapped, [0, 1], steps=20)
    assert torch.equal(one.weights[0][0], other.weights[0][0]), "the neighbour's draw leaks in"
    assert not torch.equal(one.weights[0][1], other.weights[0][1])
    assert torch.equal(one.weights[0][0], again.weights[0][0])


@pytest.mark.parametrize("name", WAYS)
def test_no_label_is_used_that_was_not_given(pictures, numbers, name):
    """Every other label of the training pictures is set wrong, and nothing changes."""
    draw = balanced_draw(numbers.train_labels, 30, seed=2)
    spoiled = Pictures.__new__(Pictures)
    spoiled.__dict__.update(pictures.__dict__)
    spoiled.labels = (pictures.labels + 3) % 10
    spoiled.labels[draw] = pictures.labels[draw]
    weights = []
    for version in (pictures, spoiled):
        encoders = pretrain(version, [5], steps=2) if WAYS[name].pretrained else None
        networks = learn(version, WAYS[name], [draw], [5], encoders, steps=160)
        weights.append(networks.weights[-1])
    assert torch.equal(*weights)


def test_labels_that_are_given_are_learned(pictures, numbers):
    draw = balanced_draw(numbers.train_labels, 20, seed=2)
    given = (numbers.train_labels[draw] + 1) % 10
    networks = learn(pictures, WAYS["labels only"], [draw], [0], given=[given])
    wanted = torch.as_tensor(given, device=pictures.labels.device)
    assert networks.accuracy(pictures.images[draw], wanted) == 1


def test_frozen_layers_stay_and_others_learn(pictures, numbers):
    draw = balanced_draw(numbers.train_labels, 20, seed=2)
    encoders = pretrain(pictures, [7, 8], steps=3)
    frozen = learn(pictures, WAYS["pre-trained"], 4 * [draw], range(4), encoders, steps=5)
    for theirs, mine in zip(encoders.weights[:-1], frozen.weights[:-1], strict=True):
        assert torch.equal(theirs.repeat(2, 1, 1), mine)
    tuned = learn(pictures, WAYS["both"], 4 * [draw], range(4), encoders, steps=5)
    assert not torch.equal(encoders.weights[0].repeat(2, 1, 1), tuned.weights[0])
    with pytest.raises(ValueError, match="4 pre-trained networks cannot be made from None"):
        learn(pictures, WAYS["both"], 4 * [draw], range(4))


def test_sure_answers_become_labels_but_given_ones_stay(pictures, numbers):
    draw = balanced_draw(numbers.train_labels, 100, seed=2)
    wrong = (numbers.train_labels[draw] + 1) % 10
    networks = learn(pictures, WAYS["augmented"], [draw], [0])
    known, labels = label_efficiency._labelled(pictures, [draw], [wrong])
    assert known.sum() == 100 and (labels[~known] == -1).all()
    sure, guessed = label_efficiency._guess(networks, pictures, known, labels, threshold=0.9)
    assert guessed[0, draw].tolist() == wrong.tolist() and sure[known].all()
    new = sure & ~known
    assert 300 < new.sum() < len(numbers.train_labels) - 100
    p = F.softmax(networks.head(networks.hidden(pictures.images)), dim=-1)[0]
    assert torch.equal(guessed[new], p.argmax(-1)[new[0]]) and p.max(-1).values[new[0]].min() >= 0.9


def test_pretraining_without_labels_makes_digits_easier_to_tell(pictures, numbers):
    """One nearest labelled neighbour, in the space of the encoder and of an untrained one."""
    draw = balanced_draw(numbers.train_labels, 100, seed=1)
    right = []
    for networks in (Networks((*ENCODER, 32), [0]), pretrain(pictures, [0], steps=150)):
        shown, asked = (
            F.normalize(networks.hidden(images)[0], dim=-1)
            for images in (pictures.images[draw], pictures.test_images)
        )
        nearest = pictures.labels[draw][(asked @ shown.T).argmax(-1)]
        right.append((nearest == pictures.test_labels).float().mean().item())
    assert right[1] > right[0] + 0.015


def test_more_labels_help_and_every_way_beats_chance(pictures):
    found = curve(pictures, WAYS["augmented"], (10, 300), (0, 1))
    assert found.shape == (2, 2) and (found[0] > 0.45).all() and (found[1] > 0.9).all()
    assert (found[1] > found[0] + 0.1).all()
