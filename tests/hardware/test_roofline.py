"""FLOPs and bytes are those that a hand counts, and the smaller of two limits binds."""

import pytest
import torch
from torch import nn

from grooves.hardware import roofline
from grooves.hardware.roofline import Operation, attainable
from grooves.inference.kv_cache import KVCache
from grooves.models.transformer import Config, Transformer


def test_a_products_flops_and_bytes_are_those_counted_by_hand():
    """(2, 3) times (3, 5): 10 sums of 3 products and 3 additions; 6 + 15 + 10 numbers."""
    small = roofline.matmul(2, 3, 5, bytes_per_value=2)
    assert (small.flops, small.n_bytes) == (60, 62)
    square = roofline.matmul(3000, 3000, 3000)
    assert square.intensity == 3000 / 6  # 2 n³ over 3 n² values of 4 bytes
    assert roofline.copy_of(10).n_bytes == 80 and roofline.copy_of(10).flops == 0


@pytest.mark.parametrize(("n_bytes", "intensity"), [(4, 0.5), (2, 1), (1, 2)])
def test_a_matrix_that_meets_one_row_gives_two_flops_a_value(n_bytes, intensity):
    assert roofline.matvec(4096, 4096, n_bytes).intensity == pytest.approx(intensity, rel=1e-3)


def test_a_network_asks_for_its_weights_once_and_for_its_flops_a_picture():
    """3 - 2 - 1, two pictures: 2 * 2 * (6 + 2) FLOPs; 6 + 8 + 4 and 4 + 3 + 2 numbers."""
    found = roofline.network_forward((3, 2, 1), batch=2)
    assert (found.flops, found.n_bytes) == (32, 4 * 27)
    many = roofline.network_forward((64, 32, 10), 64)
    assert many.intensity > 10 * roofline.network_forward((64, 32, 10), 1).intensity


def test_the_tally_counts_what_a_hand_counts():
    x, W, b = torch.ones(2, 3), torch.ones(3, 5), torch.ones(5)
    product = roofline.tallied("product", lambda: x @ W)
    assert (product.flops, product.n_bytes) == (60, 4 * 31)
    turned = roofline.tallied("seen from elsewhere", lambda: (x.T.T.view(6).view(2, 3)) @ W)
    assert (turned.flops, turned.n_bytes) == (60, 4 * 31)
    both = roofline.tallied("layer", lambda: (x @ W + b).relu())  # each sum is read and written
    assert (both.flops, both.n_bytes) == (60, 4 * (31 + 25 + 20))


def test_the_tally_sees_the_way_back():
    layer = nn.Linear(3, 5, bias=False)
    x = torch.ones(2, 3)  # no gradient is asked for the input: one product there, one back
    found = roofline.tallied("step", lambda: layer(x).sum().backward())
    assert found.flops == 2 * 60


@pytest.mark.parametrize("position", [1, 30])
def test_a_words_flops_are_those_that_pytorch_counts(position):
    model = Transformer(Config(vocabulary_size=50, context=40, n_layer=3)).eval()
    ids = torch.ones(1, position, dtype=torch.long)
    with torch.inference_mode():
        cache = KVCache(model)
        model(ids, cache)
        counted = roofline.tallied("word", lambda: model(ids[:, -1:], cache))
    assert roofline.decoded_word(model.config, position).flops == counted.flops


def test_a_word_moves_every_weight_once_and_more_the_longer_the_text():
    config = Config(vocabulary_size=50, context=40)
    first, later = (roofline.decoded_word(config, t) for t in (0, 39))
    C, L = config.n_embd, config.n_layer
    assert later.n_bytes - first.n_bytes == 39 * 2 * L * C * 4
    matrices = [p.numel() for p in Transformer(config).parameters() if p.ndim == 2]
    assert first.n_bytes == 4 * (sum(matrices) + 2 * L * C)


def test_memory_binds_below_the_ridge_and_arithmetic_above_it():
    peak, bandwidth = 100e9, 10e9
    assert roofline.ridge(peak, bandwidth) == 10
    assert attainable(10, peak, bandwidth) == peak == 10 * bandwidth
    assert attainable(5, peak, bandwidth) == 50e9
    assert attainable(1000, peak, bandwidth) == peak
    assert attainable(0, peak, bandwidth) == 0


def test_the_longer_of_arithmetic_and_memory_is_the_least_time():
    bound = Operation("memory", flops=1e9, n_bytes=1e9), Operation("both", flops=1e9, n_bytes=1e8)
    assert [roofline.least_seconds(o, 100e9, 10e9) for o in bound] == [0.1, 0.01]


def test_littles_law_gives_the_bytes_on_their_way():
    assert roofline.bytes_in_flight(100e-9, 12.8e9) == pytest.approx(1280)  # 20 lines of 64


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: roofline.matmul(0, 3, 5), "rows=0 must be positive"),
        (lambda: roofline.network_forward((64,), 1), "must name at least an input and an output"),
        (lambda: Operation("nothing", 1, 0), "n_bytes=0 must be positive"),
        (lambda: attainable(-1, 1, 1), "intensity=-1 must not be negative"),
        (lambda: roofline.ridge(1, 0), "bandwidth_bytes_per_s=0 must be positive"),
        (lambda: roofline.bytes_in_flight(0, 1), "latency_s=0 must be positive"),
        (
            lambda: roofline.decoded_word(Config(vocabulary_size=5, context=8), 8),
            "position=8 must lie in the context of 8 words",
        ),
    ],
)
def test_what_no_device_can_do_is_refused_in_a_sentence(call, says):
    with pytest.raises(ValueError, match=says):
        call()
