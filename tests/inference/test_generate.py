"""Answering: the fast way equals the plain way, and words are drawn as often as they should be."""

import math

import pytest
import torch
from tiny_models import INGREDIENTS, some_ids, tiny

from grooves.inference import generate as generation
from grooves.inference.decoder import Decoder
from grooves.inference.generate import (
    Reader,
    generate,
    sample_next,
    sample_stories,
    tell,
)
from grooves.inference.kv_cache import KVCache
from grooves.inference.sampling import apply_top_p
from grooves.language.stories import Stories
from grooves.language.tokenizers import WordTokenizer

every_ingredient = pytest.mark.parametrize("changes", INGREDIENTS.values(), ids=INGREDIENTS.keys())
LANGUAGE = Stories()


# ---- two ways to read on -----------------------------------------------------------------------


@pytest.mark.parametrize("reader", [Decoder, Reader])
@pytest.mark.parametrize("n_texts", [1, 3])
@every_ingredient
@torch.no_grad()
def test_reading_word_by_word_equals_reading_at_once(changes, n_texts, reader):
    model, ids = tiny(**changes), some_ids(n_texts, 40)
    expected = model(ids)
    for prompt in (1, 2, 17):
        reading = reader(model, ids[:, :prompt])
        assert torch.allclose(reading.logits, expected[:, prompt - 1], atol=1e-4)
        for t in range(prompt, 40):
            logits = reading.read(ids[:, t : t + 1])
            assert torch.allclose(logits, expected[:, t], atol=1e-4), (prompt, t)


@torch.no_grad()
def test_scores_too_large_for_the_exponential_do_no_harm():
    model, ids = tiny(qk_norm=False), some_ids(2, 20)
    for block in model.blocks:
        block.attention.qkv.weight.mul_(40)
    decoder = Decoder(model, ids[:, :5])
    for t in range(5, 20):
        logits = decoder.read(ids[:, t])
    assert torch.isfinite(logits).all()
    assert torch.allclose(logits, model(ids)[:, -1], atol=1e-3)


@every_ingredient
@torch.no_grad()
def test_a_decoder_is_a_copy_that_later_training_does_not_reach(changes):
    model, ids = tiny(**changes), some_ids(1, 12)
    expected = model(ids)[:, -2:]
    before = [p.clone() for p in model.parameters()]
    decoder = Decoder(model, ids[:, :-2])
    for p in model.parameters():
        p.copy_(p.flip(0))
    found = torch.stack([decoder.read(ids[:, place]) for place in (-2, -1)], 1)
    assert torch.allclose(found, expected, atol=1e-4)
    for p, b in zip(model.parameters(), before, strict=True):
        assert torch.equal(p, b.flip(0)), "nor did answering reach the model"


def test_models_that_the_decoder_does_not_fit_are_read_the_plain_way(monkeypatch):
    double, ids = tiny().double(), some_ids(1, 3)
    assert Decoder.fits(tiny())
    assert not Decoder.fits(double)

    class Doubled(torch.nn.Module):  # a part of a student's, with a frozen matrix inside
        def __init__(self, layer):
            super().__init__()
            self.weight = layer.weight

        def forward(self, x):
            return 2 * x @ self.weight.T

    changed = tiny()
    changed.blocks[1].mlp.up = Doubled(changed.blocks[1].mlp.up)
    assert not Decoder.fits(changed)
    expected = generate(tiny(), ids, max_words=9, temperature=0, end=None)
    monkeypatch.setattr(Decoder, "__init__", lambda *_: pytest.fail("a decoder was made"))
    assert torch.equal(generate(double, ids, max_words=9, temperature=0, end=None), expected)


# ---- the cache ---------------------------------------------------------------------------------


@torch.no_grad()
def test_the_cache_takes_the_memory_it_says():
    cache = KVCache(tiny(), batch_size=3)
    layers, keys_and_values, texts, context, channels, bytes_per_value = 2, 2, 3, 40, 16, 4
    expected = layers * keys_and_values * texts * context * channels * bytes_per_value
    assert cache.nbytes == expected
    assert len(cache) == 0


@torch.no_grad()
def test_several_words_at_once_after_the_prompt_are_refused():
    """Attention would let the first of them see the second."""
    model, ids = tiny(), some_ids(1, 12)
    cache = KVCache(model, 1)
    model(ids[:, :5], cache)
    with pytest.raises(ValueError, match="one word at a time after the prompt, not 7"):
        model(ids[:, 5:], cache)


# ---- drawing words -----------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_words_are_drawn_with_the_probabilities_of_the_model(temperature):
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0, -math.inf, 0.5])
    n = 60_000
    drawn = sample_next(logits.expand(n, -1), temperature, torch.Generator().manual_seed(1))
    assert drawn.shape == (n, 1)
    counts = torch.bincount(drawn.flatten(), minlength=6)
    weights = [math.exp(x / temperature) for x in logits.tolist()]
    expected = [n * w / sum(weights) for w in weights]
    assert counts[4] == 0, "what cannot be is never drawn"
    chi_square = sum((c - e) ** 2 / e for c, e in zip(counts.tolist(), expected, strict=True) if e)
    assert chi_square < 4 + 5 * math.sqrt(8)


@pytest.mark.parametrize("point", [0.0, 1 - 2**-24])
def test_the_ends_of_the_line_belong_to_possible_words(monkeypatch, point):
    """The smallest and the largest random number must not fall on a word of probability 0."""
    logits = torch.tensor([[-math.inf, 3.0, 1.0, -math.inf]])
    monkeypatch.setattr(torch, "rand", lambda shape, **_: torch.full(shape, point))
    assert sample_next(logits, 1.0).item() in (1, 2)


def test_temperature_zero_takes_the_likeliest():
    logits = torch.tensor([[0.0, 3.0, 2.9], [5.0, 1.0, 1.0]])
    assert sample_next(logits, 0).tolist() == [[1], [0]]
    with pytest.raises(ValueError, match=r"temperature=-0\.1 must be 0 .* or more"):
        sample_next(logits, -0.1)


def test_each_text_draws_for_itself():
    drawn = sample_next(torch.zeros(2000, 8), 1.0, torch.Generator().manual_seed(3)).flatten()
    assert len(set(drawn.tolist())) == 8
    assert (drawn[:-1] == drawn[1:]).float().mean() < 0.25


# ---- whole answers -----------------------------------------------------------------------------


@every_ingredient
@torch.no_grad()
def test_the_boldest_answer_is_the_likeliest_word_every_time(changes):
    model, prompt = tiny(**changes), some_ids(3, 4)
    ids = prompt
    for _ in range(15):
        ids = torch.cat((ids, model(ids)[:, -1:].argmax(-1)), 1)
    assert torch.equal(generate(model, prompt, max_words=15, temperature=0, end=None), ids)


@torch.no_grad()
def test_a_drawn_answer_is_what_the_same_draws_give_without_a_cache():
    model, prompt = tiny(), some_ids(4, 3)
    generator = torch.Generator().manual_seed(5)
    ids = prompt
    for _ in range(20):
        ids = torch.cat((ids, sample_next(model(ids)[:, -1], 0.7, generator)), 1)
    assert torch.equal(generate(model, prompt, 20, temperature=0.7, seed=5, end=None), ids)


def test_the_same_seed_tells_the_same_and_another_tells_another():
    model, prompt = tiny(), some_ids(2, 3)
    one, same, other = (generate(model, prompt, 25, seed=s, end=None) for s in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_text_that_ended_is_filled_with_the_end_mark():
    model = tiny()
    rows = generate(model, some_ids(40, 1), temperature=2.0, seed=3)
    ended = [row for row in rows[:, 1:].tolist() if 0 in row]
    assert len(ended) > 20
    for row in ended:
        assert set(row[row.index(0) :]) == {0}
    never = generate(model, some_ids(40, 1), temperature=2.0, seed=3, end=None)
    assert any(set(row[row.index(0) :]) != {0} for row in never[:, 1:].tolist() if 0 in row)


def test_an_answer_stops_when_every_text_has_ended(monkeypatch):
    draws = iter([[5, 6], [0, 7], [8, 9], [8, 0], [8, 8]])
    monkeypatch.setattr(generation, "sample_next", lambda *_: torch.tensor(next(draws))[:, None])
    rows = generate(tiny(), some_ids(2, 3))[:, 3:]
    assert rows.tolist() == [[5, 0, 0, 0], [6, 7, 9, 0]]


@pytest.mark.parametrize("max_words", [None, 0, 1, 100])
def test_an_answer_fits_into_the_context(max_words):
    length = generate(tiny(), some_ids(2, 7), max_words, end=None).size(1)
    assert length == 7 + min(40 - 7 + 1, 100 if max_words is None else max_words)


@pytest.mark.parametrize("n_words", [0, 41])
def test_a_prompt_that_leaves_no_room_is_refused(n_words):
    with pytest.raises(ValueError, match=f"a prompt of {n_words} words leaves no room in 40"):
        generate(tiny(), torch.ones((1, n_words), dtype=torch.long))


def test_a_full_prompt_still_gets_one_word():
    assert generate(tiny(), some_ids(1, 40)).shape == (1, 41)


@pytest.mark.parametrize("model", [tiny(), tiny().double()], ids=["decoder", "plain"])
def test_nothing_is_learned_while_answering(model):
    """The weights stay, and no way back to them is kept, which would grow with every word."""
    kept = []
    model.register_forward_hook(lambda _, inputs, logits: kept.append(logits.requires_grad))
    before = [p.clone() for p in model.parameters()]
    generate(model, some_ids(1, 3), max_words=5, end=None)
    assert kept and not any(kept)
    assert all(map(torch.equal, before, model.parameters()))


# ---- in words ----------------------------------------------------------------------------------


def storyteller():
    return tiny(vocabulary_size=len(LANGUAGE.vocabulary), context=60)


def test_a_told_story_begins_with_its_prompt():
    text = tell(storyteller(), LANGUAGE, "Once upon a time there was", seed=2)
    assert text.startswith("Once upon a time there was ")
    assert "<end>" not in text
    assert text == tell(storyteller(), LANGUAGE, "Once upon a time there was", seed=2)
    assert text != tell(storyteller(), LANGUAGE, "Once upon a time there was", seed=3)


def test_a_prompt_with_an_unknown_word_names_it():
    with pytest.raises(ValueError, match="'dragon' is not one of the"):
        tell(storyteller(), LANGUAGE, "Once upon a dragon")


def test_sampled_stories_are_the_generated_rows_up_to_their_end():
    model = storyteller()
    stories = sample_stories(model, LANGUAGE, 6, temperature=3.0, seed=4)
    rows = generate(model, torch.zeros((6, 1), dtype=torch.long), temperature=3.0, seed=4)
    tokenizer = WordTokenizer(LANGUAGE.vocabulary)
    for story, row in zip(stories, rows[:, 1:].tolist(), strict=True):
        tokens = tokenizer.encode(story)
        assert row[: len(tokens)] == tokens
        assert not any(row[len(tokens) :])


# ---- top-p ---------------------------------------------------------------------------------------


def test_the_nucleus_is_the_smallest_set_of_likeliest_tokens_that_reaches_its_share():
    p = torch.tensor([[0.1, 0.5, 0.15, 0.25], [0.97, 0.01, 0.01, 0.01]])
    for top_p, kept in ((0.6, [[1, 3], [0]]), (0.8, [[1, 2, 3], [0]]), (0.05, [[1], [0]])):
        found = apply_top_p(p.log(), top_p)
        assert [row.isfinite().nonzero().flatten().tolist() for row in found] == kept
        assert torch.equal(found[found.isfinite()], p.log()[found.isfinite()])


def test_sampling_draws_from_the_nucleus_as_often_as_its_words_are_likely():
    p = torch.tensor([0.1, 0.5, 0.15, 0.25])
    generator = torch.Generator().manual_seed(0)
    words = sample_next(p.log().expand(20_000, 4), 1.0, generator, top_p=0.7)[:, 0]
    counts = torch.bincount(words, minlength=4) / 20_000
    assert counts[0] == counts[2] == 0
    assert abs(counts[1] - 2 / 3) < 0.015
    with pytest.raises(ValueError, match=r"top_p=1\.5 must be above 0 and at most 1"):
        sample_next(p.log()[None], top_p=1.5)


def test_a_tiny_nucleus_generates_what_greedy_decoding_does():
    model, prompt = tiny(), some_ids(2, 3)
    greedy = generate(model, prompt, 8, temperature=0, end=None)
    assert torch.equal(generate(model, prompt, 8, top_p=1e-6, end=None), greedy)
