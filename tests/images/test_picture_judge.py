"""The judge reads scenes from pictures, and its errors are counted attribute by attribute."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grooves.images import judge
from grooves.images.held_out import ATTRIBUTES, SHAPE
from grooves.images.judge import Judge, count_right, distort, read, train_judge
from grooves.images.picture_language import PictureLanguage
from grooves.images.render import PictureData, draw_rows, glyphs
from grooves.images.sentences import UNSAID


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Sums over threads may be rounded in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained():
    return train_judge(steps=150, width=12)


@pytest.fixture(scope="module")
def some():
    """Pictures of test glyphs and their scenes."""
    rng = np.random.default_rng(0)
    rows, _ = PictureLanguage("any").batch(400, rng)
    return draw_rows(rows, glyphs("test"), rng), rows


def test_a_judge_learns_to_read_every_attribute(trained):
    counts = judge.ceiling(trained, n_pictures=500)
    share = {name: right / n for name, (right, n) in counts.items()}
    assert all(n == 500 for _, n in counts.values())
    assert min(share[name] for name in ATTRIBUTES if "digit" not in name) > 0.85
    assert min(share["first digit"], share["second digit"]) > 0.4  # 0.1 by chance


def test_the_same_seed_trains_the_same_judge():
    one, again, other = (train_judge(steps=2, seed=seed, width=8) for seed in (3, 3, 4))
    assert all(map(torch.equal, one.state_dict().values(), again.state_dict().values()))
    assert not torch.equal(one.overview[0].weight, other.overview[0].weight)


def test_a_judge_is_trained_on_its_own_glyphs_alone(monkeypatch):
    used = []

    def noted(language, of, *arguments):
        used.append((of, language.kind))
        return PictureData(language, of, *arguments)

    monkeypatch.setattr(judge, "PictureData", noted)
    train_judge(steps=1, width=8)
    assert used == [("judge", "any")]


def test_a_reading_is_the_most_probable_value_of_each_attribute(trained, some):
    reading = read(trained, some[0])
    assert reading.rows.shape == (400, 7) and list(reading.probabilities) == list(ATTRIBUTES)
    for i, (each, n) in enumerate(zip(reading.probabilities.values(), SHAPE, strict=True)):
        assert each.shape == (400, n) and each.sum(axis=1) == pytest.approx(1, abs=1e-5)
        assert (each[np.arange(400), reading.rows[:, i]] == each.max(axis=1)).all()


def test_a_picture_is_read_alike_alone_and_among_others(trained, some):
    together = read(trained.train(), some[0])
    alone = [read(trained, picture[None]) for picture in some[0][[0, 5, 399]]]
    for place, one in zip((0, 5, 399), alone, strict=True):
        for name, each in one.probabilities.items():
            assert each[0] == pytest.approx(together.probabilities[name][place], abs=1e-4)


def test_both_things_are_read_by_the_same_classifier(trained, some):
    """Where the attention exchanges the things, so do the readings, and nothing else changes."""
    pictures = some[0][:50]
    before = read(trained, pictures).rows
    last, n_places = trained.overview[-1], 16
    order = [0, 1, *range(2 + n_places, 2 + 2 * n_places), *range(2, 2 + n_places)]
    weight, bias = last.weight.data, last.bias.data
    last.weight.data, last.bias.data = weight[order], bias[order]
    exchanged = read(trained, pictures).rows
    last.weight.data, last.bias.data = weight, bias
    assert (exchanged == before[:, [0, 4, 5, 6, 1, 2, 3]]).all()


@pytest.mark.parametrize("size", [16, 24])
def test_a_judge_reads_pictures_of_its_own_size(size):
    model = Judge(size, width=8).eval()
    logits = model(torch.zeros(2, 3, size, size))
    assert [tuple(each.shape) for each in logits] == [(2, n) for n in SHAPE]
    with pytest.raises(ValueError, match=f"this judge reads pictures of size {size}"):
        model(torch.zeros(2, 3, 40 - size, 40 - size))


def test_distortion_is_small_and_leaves_the_background_black():
    pictures = -torch.ones(200, 3, 16, 16)
    pictures[:, :, 6:10, 6:10] = 1.0
    found = distort(pictures, torch.Generator().manual_seed(0))
    assert found.shape == pictures.shape
    assert float(found[:, :, [0, -1]].mean()) == pytest.approx(-1, abs=0.02)
    ink = (found + 1).clamp(min=0).mean(1)
    places = torch.arange(16.0)
    middle = (ink.sum(1) * places).sum(1) / ink.sum((1, 2))
    assert float(middle.mean()) == pytest.approx(7.5, abs=0.3) and 0.1 < float(middle.std()) < 1.5


def test_right_attributes_are_counted_where_they_are_mentioned():
    scenes = np.array([[0, 3, 0, 0, 7, 5, 1]] * 4)
    said = scenes.copy()
    said[1, 1] = 4  # a wrong first digit
    said[2] = [0, 7, 5, 1, 3, 0, 0]  # things in each other's place
    said[3] = [1, UNSAID, 0, UNSAID, UNSAID, UNSAID, UNSAID]  # the other relation
    assert count_right(said, scenes) == {
        "relation": (2, 4),
        "first digit": (2, 3),
        "first colour": (4, 4),
        "first size": (3, 3),
        "second digit": (3, 3),
        "second colour": (3, 3),
        "second size": (3, 3),
        "all": (1, 4),
    }


def test_the_ceiling_is_measured_on_the_set_that_is_named(trained, monkeypatch):
    used = []
    monkeypatch.setattr(judge, "glyphs", lambda name: used.append(name) or glyphs(name))
    counts = judge.ceiling(trained, n_pictures=20)
    assert used == ["test"] and counts["all"][1] == 20
    assert judge.ceiling(trained, n_pictures=20) == counts
    with pytest.raises(ValueError, match="steps=0 must be at least 1"):
        train_judge(steps=0)
