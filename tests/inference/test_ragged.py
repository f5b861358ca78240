"""The forward pass for texts of different lengths, against the model's own on each text alone."""

import pytest
import torch
from tiny_models import INGREDIENTS, VOCABULARY, some_ids, tiny

from grooves.inference.ragged import ContiguousCache, Slots, forward_ragged


def alone(model, text):
    """Logits after every token of one text, without any cache: (T, V)."""
    with torch.inference_mode():
        return model(torch.tensor([text]))[0]


def close(one, other):
    return torch.allclose(one, other, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("changes", INGREDIENTS.values(), ids=INGREDIENTS.keys())
def test_texts_read_in_pieces_of_any_size_equal_the_full_forward_pass(changes):
    model, cache = tiny(**changes), ContiguousCache(tiny(**changes), 3)
    texts = some_ids(3, 40).tolist()
    pieces = [(4, 1, 9), (5, 8, 10), (6, 20, 25), (40, 21, 26)]  # tokens of each text after a call
    for stops in pieces:
        parts = [text[:stop] for text, stop in zip(texts, stops, strict=True)]
        logits = cache.next_logits([0, 1, 2], parts)
        for row, part in enumerate(parts):
            assert close(logits[row, 0], alone(model, part)[-1])


def test_the_last_places_of_each_text_are_returned_in_order():
    model, cache = tiny(), ContiguousCache(tiny(), 2)
    texts = [row[:stop] for row, stop in zip(some_ids(2, 12).tolist(), (12, 7), strict=True)]
    logits = cache.next_logits([0, 1], texts, n_last=4)
    assert logits.shape == (2, 4, VOCABULARY)
    for row, text in enumerate(texts):
        assert close(logits[row], alone(model, text)[-4:])


def test_a_text_that_was_cut_continues_as_if_it_had_never_been_longer():
    model, cache = tiny(), ContiguousCache(tiny(), 2)
    long, other = some_ids(2, 20).tolist()
    cache.next_logits([0, 1], [long, other])
    changed = [*long[:8], 3, 5]
    assert close(cache.next_logits([0], [changed])[0, 0], alone(model, changed)[-1])
    assert close(cache.next_logits([1], [other[:11]])[0, 0], alone(model, other[:11])[-1])


def test_only_what_the_cache_does_not_hold_is_computed(monkeypatch):
    cache, read = ContiguousCache(tiny(), 1), []
    text = some_ids(1, 15)[0].tolist()

    def counted(model, memory, slots, tokens, *rest):
        read.append(len(tokens[0]))
        return forward_ragged(model, memory, slots, tokens, *rest)

    monkeypatch.setattr("grooves.inference.ragged.forward_ragged", counted)
    for part in (text[:10], text[:11], [*text[:9], 1, 2], text[:9]):
        cache.next_logits([0], [part])
    assert read == [10, 1, 2, 1], "the last token is read again where nothing is new"


def test_what_does_not_fit_is_refused():
    model, cache = tiny(), ContiguousCache(tiny(), 1)
    with pytest.raises(ValueError, match="41 tokens do not fit into a context of 40"):
        cache.next_logits([0], [[1] * 41])
    with pytest.raises(ValueError, match="2 tokens only"):
        cache.next_logits([0], [[1, 2]], n_last=3)
    with pytest.raises(ValueError, match="at least one new token"):
        forward_ragged(model, Slots(model, 8), torch.arange(8)[None], [[]], [0])
    with pytest.raises(ValueError, match="n_slots=0"):
        Slots(model, 0)
