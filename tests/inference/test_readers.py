"""Readers: a trained model and the language itself behind one interface."""

import numpy as np
import pytest
import torch
from tiny_language import TinyStories
from tiny_models import some_ids, tiny

from grooves.inference.decoder import Decoder
from grooves.inference.readers import next_logits, open_reader

LANGUAGE = TinyStories()


@pytest.mark.parametrize("model", [tiny(), tiny().double()], ids=["decoder", "plain"])
@torch.no_grad()
def test_texts_that_are_selected_continue_as_they_would_alone(model):
    """Rows are reordered, left out and taken twice, as a beam does."""
    assert isinstance(open_reader(model, some_ids(1, 2)).inner, Decoder) == Decoder.fits(model)
    ids, rows = some_ids(4, 20), torch.tensor([2, 0, 2])
    reader = open_reader(model, ids[:, :3])
    for t in range(3, 8):
        reader.read(ids[:, t])
    reader.select(rows)
    assert torch.allclose(reader.logits, model(ids[rows][:, :8])[:, -1], atol=1e-4)
    ids = torch.cat((ids[rows][:, :8], some_ids(3, 12, seed=5)), 1)
    for t in range(8, 20):
        found = reader.read(ids[:, t])
        assert torch.allclose(found, model(ids[:, : t + 1])[:, -1], atol=1e-4), t
        assert torch.equal(found, reader.logits)


def test_the_language_as_a_model_gives_its_own_probabilities():
    stories = [["Ann", "sat", ".", "Bo", "left", "Ann", "."], ["A", "ball", "fell", "on", "Cy"]]
    ids = torch.zeros((2, 8), dtype=torch.long)
    for row, story in enumerate(stories):
        ids[row, 1 : len(story) + 1] = torch.tensor([LANGUAGE.index[word] for word in story])
    reader = open_reader(LANGUAGE, ids[:, :2])
    for t in range(2, 6):
        reader.read(ids[:, t])
    expected = [LANGUAGE.next_word(story[:5]) for story in stories]
    assert np.allclose(reader.logits.exp(), expected)
    reader.select(torch.tensor([1, 1, 0]))
    assert np.allclose(reader.logits.exp(), [expected[1], expected[1], expected[0]])
    reader.read(torch.tensor([LANGUAGE.index[word] for word in (".", ".", "Ann")]))
    expected = [LANGUAGE.next_word([*stories[1], "."]), LANGUAGE.next_word(stories[0][:6])]
    assert np.allclose(reader.logits.exp(), [expected[0], expected[0], expected[1]])
    with pytest.raises(ValueError, match="no story of the language continues with 'sat'"):
        reader.read(torch.full((3,), LANGUAGE.index["sat"]))


def test_end_marks_after_the_end_are_padding():
    story = ["Ann", "sat", ".", "Bo", "left", "Ann", "."]
    reader = open_reader(LANGUAGE, torch.zeros((1, 1), dtype=torch.long))
    start = reader.logits.clone()
    for word in (*(LANGUAGE.index[word] for word in story), 0, 0, 0):
        reader.read(torch.tensor([word]))
    assert torch.equal(reader.logits, start)


@torch.no_grad()
def test_whole_texts_are_scored_as_one_by_one():
    model = tiny(vocabulary_size=len(LANGUAGE.vocabulary))
    texts = [[3, 1, 4], [], [5] * 39, [2, 6] * 30]
    found = next_logits(model, texts, chunk=3)
    for text, table in zip(texts, found, strict=True):
        ids = torch.tensor([[0, *text]])[:, :40]
        assert torch.allclose(table, model(ids)[0], atol=1e-4)
    story = [LANGUAGE.index[word] for word in ("Ann", "sat", ".")]
    exact = next_logits(LANGUAGE, [story])[0].exp()
    assert np.allclose(exact, LANGUAGE.next_word_table(["Ann", "sat", "."]))
