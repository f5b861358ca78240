"""Tiles change what is moved and not what comes out."""

import numpy as np
import pytest
import torch

from grooves.hardware import tiling


def matrices(n):
    rng = np.random.default_rng(0)
    return (rng.random((n, n), dtype=np.float32) for _ in range(2))


def test_a_product_is_the_same_in_whatever_pieces_it_is_computed():
    a, b = matrices(24)
    for found in (
        tiling.multiply_by_rows(a, b),
        tiling.multiply_by_elements(a, b),
        tiling.multiply_in_tiles(a, b, 8),
        tiling.multiply_in_tiles(a, b, 24),
    ):
        assert np.allclose(found, a @ b, rtol=1e-5)


def test_the_traffic_of_a_product_falls_with_the_tile():
    assert tiling.product_traffic(64, 1, 1) == 2 * 64**3 + 64**2
    assert tiling.product_traffic(64, 1, 64) == 64**3 + 2 * 64**2  # a row at a time
    assert tiling.product_traffic(64, 64, 64) == 3 * 64**2  # all of it near: each number once
    assert tiling.product_traffic(64, 16, 16) == 2 * 64**3 / 16 + 64**2


@pytest.mark.parametrize("tile", [1, 7, 32, 100])
def test_attention_in_tiles_equals_the_formula(tile):
    draw = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(75, 16, generator=draw, dtype=torch.float64) for _ in range(3))
    expected = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    assert (tiling.attention(q, k, v) - expected).abs().max() < 1e-12
    assert (tiling.attention_in_tiles(q, k, v, tile) - expected).abs().max() < 1e-12
    large = tiling.attention_in_tiles(1e4 * q, k, v, tile)  # exp overflows without the maximum
    assert torch.isfinite(large).all()


def test_attentions_traffic_is_what_passes_between_its_steps():
    n, width = 6, 2
    q, k, v = (torch.randn(n, width) for _ in range(3))
    scores = q @ k.T
    weights = scores.softmax(1)
    passed = [q, k, scores, scores, weights, weights, v, weights @ v]  # read or written, in turn
    assert tiling.attention_traffic(n, width) == sum(t.numel() for t in passed)
    assert tiling.attention_traffic(n, width, tile=2) == 2 * n * width + 3 * 2 * n * width


def test_a_chain_gives_the_same_piece_by_piece():
    steps = [lambda x: x.mul_(3), lambda x: x.sub_(1), lambda x: x.clamp_(min=0)]
    x = torch.randn(1001)
    whole, pieces = tiling.chain(x.clone(), steps), tiling.chain(x.clone(), steps, piece=64)
    assert torch.equal(whole, pieces) and torch.equal(whole, (3 * x - 1).relu())


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: tiling.product_traffic(8, 0, 8), "rows=0"),
        (lambda: tiling.multiply_in_tiles(np.eye(4), np.eye(4), 3), "tile=3 must divide n=4"),
        (lambda: tiling.attention_in_tiles(*3 * [torch.ones(2, 2)], 0), "tile=0"),
        (lambda: tiling.attention_traffic(0, 4), "n_tokens=0"),
    ],
)
def test_a_tile_that_does_not_fit_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()
