"""The network that draws: sizes, what it begins with, and what each patch can depend on."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from grooves.images.drawer import MEAN, Config, Drawer, from_patches, to_patches, waves
from grooves.images.picture_language import PictureLanguage
from grooves.images.render import PictureData
from grooves.models.transformer import Transformer, count_parameters

TINY = Config(n_layer=1, n_head=2, n_embd=16, text_layer=1, text_head=2, text_embd=8)


@pytest.fixture
def awake():
    """A tiny model all of whose weights are random, also those that begin at zero."""
    model = Drawer(TINY)
    generator = torch.Generator().manual_seed(0)
    for p in model.parameters():
        nn.init.normal_(p, std=0.25, generator=generator)
    return model.eval()


def an_input(n=3):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(n, 3, 16, 16, generator=generator)
    return x, torch.linspace(0.1, 0.6, n), torch.arange(1, 11).expand(n, 10)


def test_the_default_has_the_size_that_the_course_can_train():
    model = Drawer()
    assert 1.1e6 < count_parameters(model) < 1.2e6
    assert model.config.n_patches == 4 and isinstance(model.text, Transformer)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"n_layer": 0}, "n_layer=0 must be at least 1"),
        ({"patch": 5}, "size=16 must be a multiple of patch=5"),
        ({"n_embd": 30}, "n_embd=30 must be a multiple of n_head=4"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(change, said):
    with pytest.raises(ValueError, match=said):
        Config(**change)


def test_an_untrained_model_predicts_the_mean_grey():
    found = Drawer(TINY)(*an_input())
    assert torch.equal(found, torch.full((3, 3, 16, 16), MEAN))
    pictures, *_ = PictureData(PictureLanguage(), batch_size=500).batch(0)
    assert float(pictures.mean()) == pytest.approx(MEAN, abs=0.01)


def test_the_same_seed_gives_the_same_weights_and_leaves_other_numbers_alone():
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    one, again, other = (Drawer(TINY, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(torch.rand(3), wanted)
    assert all(map(torch.equal, one.parameters(), again.parameters()))
    assert not torch.equal(one.position, other.position)
    assert not torch.equal(one.text.embedding.weight, other.text.embedding.weight)


def test_position_embeddings_are_large_in_both_transformers():
    """Small ones cost the prototype most of what it learned in its first minute."""
    model = Drawer()
    assert float(model.position.detach().std()) == pytest.approx(0.7, abs=0.1)
    words, places = model.text.embedding.weight.detach(), model.text.position.weight.detach()
    assert float(places.std() / words.std()) == pytest.approx(1, abs=0.15)


def test_pictures_are_cut_into_squares_and_put_together_again():
    pictures = torch.arange(2 * 3 * 16 * 16.0).view(2, 3, 16, 16)
    patches = to_patches(pictures, 8)
    assert patches.shape == (2, 4, 192)
    assert torch.equal(patches[0, 1].view(3, 8, 8), pictures[0, :, :8, 8:])
    assert torch.equal(from_patches(patches, 8), pictures)
    assert torch.equal(from_patches(to_patches(pictures, 4), 4), pictures)


def test_each_word_reaches_every_patch(awake):
    x, t, tokens = an_input(1)
    before = awake(x, t, tokens)
    for place in range(10):
        changed = tokens.clone()
        changed[0, place] = 20
        moved = to_patches((awake(x, t, changed) - before).abs(), 8).amax(2)
        assert (moved > 1e-5).all(), place


def test_the_order_of_the_words_matters(awake):
    x, t, tokens = an_input(1)
    exchanged = tokens[:, [0, 6, 2, 3, 4, 5, 1, 7, 8, 9]]
    assert not torch.allclose(awake(x, t, tokens), awake(x, t, exchanged), atol=1e-4)


def test_the_summary_has_seen_the_whole_sentence(awake):
    _, _, tokens = an_input(1)
    words = awake.encode(tokens)
    assert words.shape == (1, 11, 8)
    for place in (0, 9):
        changed = tokens.clone()
        changed[0, place] = 20
        assert not torch.allclose(awake.encode(changed)[:, -1], words[:, -1], atol=1e-4)


def test_each_patch_sees_the_others_and_knows_its_place(awake):
    x, t, tokens = an_input(1)
    before, changed = awake(x, t, tokens), x.clone()
    changed[:, :, 8:, 8:] += 1
    moved = to_patches((awake(changed, t, tokens) - before).abs(), 8).amax(2)
    assert (moved > 1e-5).all()
    patches = to_patches(awake(torch.zeros_like(x), t, tokens), 8)[0]
    assert not torch.allclose(patches[0], patches[3], atol=1e-3)


def test_times_are_told_apart(awake):
    x, _, tokens = an_input(1)
    early, late = (awake(x, torch.tensor([t]), tokens) for t in (0.30, 0.32))
    assert not torch.allclose(early, late, atol=1e-3)
    t = torch.linspace(0, 1, 200)
    distance = torch.cdist(waves(t), waves(t)) + 10 * torch.eye(200)
    assert float(distance.min()) > 0.1


def test_a_picture_is_predicted_alike_alone_and_among_others(awake):
    x, t, tokens = an_input()
    together = awake(x, t, tokens)
    for i in range(3):
        alone = awake(x[i : i + 1], t[i : i + 1], tokens[i : i + 1])
        assert torch.allclose(alone[0], together[i], atol=1e-5)


def test_larger_pictures_need_a_larger_model():
    model = Drawer(Config(**(TINY.to_dict() | {"size": 24})))
    assert model(torch.zeros(1, 3, 24, 24), torch.zeros(1), an_input(1)[2]).shape[-1] == 24
    with pytest.raises(ValueError, match="this model draws pictures of size 24"):
        model(*an_input())
