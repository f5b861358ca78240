"""The shaded ball is what the lamps make of it pixel by pixel, and its path is a network's."""

import numpy as np
import pytest
import torch

from grooves.hardware import shading
from grooves.models.layers import new_network

CPU = torch.device("cpu")


def test_two_layers_shade_a_pixel_as_lamp_after_lamp_does():
    normals, _ = shading.sphere(24, CPU)
    weights, biases = shading.lights(CPU)
    shaded = shading.layers(normals, weights, biases)
    for i in range(0, len(normals), 37):
        by_hand = shading.lambert(tuple(normals[i].tolist()), weights, biases)
        assert shaded[i].tolist() == pytest.approx(by_hand, abs=1e-6)


def test_normals_have_length_one_and_look_at_the_viewer():
    normals, hit = shading.sphere(33, CPU)
    assert torch.allclose(normals.norm(dim=1), torch.ones(len(normals)), atol=1e-6)
    assert (normals[:, 2] > 0).all() and hit.sum() == len(normals)
    middle = hit.view(33, 33)[16]
    assert middle.sum() > 25 and not middle[0] and not middle[-1]
    top = normals[0]
    assert top[1] > 0.9  # rows begin above


def test_a_picture_is_dark_where_there_is_no_ball():
    normals, hit = shading.sphere(20, CPU)
    seen = shading.picture(torch.full((len(normals), 3), 2.0), hit)
    assert seen.shape == (20, 20, 3)
    assert seen.sum() == 3 * len(normals) and seen[0, 0].sum() == 0  # no brighter than 1


def test_the_same_layers_are_the_network_of_chapter_1():
    network = new_network((64, 32, 10), seed=0)
    x = np.random.default_rng(0).normal(size=(5, 64))
    arrays = ([torch.tensor(w) for w in part] for part in (network.weights, network.biases))
    assert np.allclose(shading.layers(torch.tensor(x), *arrays), network.forward(x))


def test_what_is_no_picture_and_no_network_is_refused():
    with pytest.raises(ValueError, match="height=1 must be at least 2"):
        shading.sphere(1, CPU)
    with pytest.raises(ValueError, match="1 weights and 0 biases are no layers"):
        shading.layers(torch.ones(1, 1), [torch.ones(1, 1)], [])
