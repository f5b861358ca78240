"""Drawn pictures are judged against their sentences."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grooves.images import evaluation, flow
from grooves.images.evaluation import evaluate
from grooves.images.held_out import ATTRIBUTES, KINDS, splits
from grooves.images.judge import Judge, Reading
from grooves.images.picture_language import PictureLanguage

SCALE = 0.01


def row_of(tokens):
    language = PictureLanguage("any")
    return [language.read([language.vocabulary[i] for i in each]).row for each in tokens.tolist()]


def marked(x, t, tokens):
    """A model whose pictures hold the scene of the sentence, as numbers in the first row."""
    picture = torch.zeros_like(x)
    picture[:, 0, 0, :7] = SCALE * torch.tensor(row_of(tokens), dtype=x.dtype)
    return picture


def read_marks(judge, pictures):
    """What a judge without errors would read in these pictures."""
    return Reading((pictures[:, 0, 0, :7] / SCALE).round().long().numpy(), {})


@pytest.fixture
def perfect(monkeypatch):
    """Every judge reads the marks."""
    monkeypatch.setattr(evaluation, "read", read_marks)
    return Judge(width=8)


def test_a_perfect_model_gets_everything_right(perfect):
    counts = evaluate(marked, perfect, n=30, steps=2, scale=1)
    assert counts == dict.fromkeys((*ATTRIBUTES, "all"), (30, 30))


def test_what_is_drawn_wrong_is_counted_where_it_is_wrong(perfect):
    def other_colour(x, t, tokens):
        picture = marked(x, t, tokens)
        picture[::2, 0, 0, 2] += SCALE
        return picture

    counts = evaluate(other_colour, perfect, n=30, steps=2, scale=1)
    assert counts["first colour"] == (15, 30) and counts["all"] == (15, 30)
    assert counts["second colour"] == counts["relation"] == (30, 30)


@pytest.mark.parametrize("kind", KINDS)
def test_sentences_are_of_the_kind_that_is_named_and_leave_nothing_out(perfect, kind):
    said = []

    def noted(x, t, tokens):
        said.extend(row_of(tokens))
        return marked(x, t, tokens)

    evaluate(noted, perfect, kind, n=40, steps=1, scale=1)
    assert len(said) == 40 and np.min(said) >= 0
    assert {splits().kind(row) for row in said} == {kind}


def test_the_sampler_gets_the_steps_the_scale_and_the_seed(perfect, monkeypatch):
    given = []

    def noted(model, tokens, steps, scale, seed, size):
        given.append((len(tokens), steps, scale, seed, size))
        return marked(torch.zeros(len(tokens), 3, size, size), None, tokens)

    monkeypatch.setattr(flow, "draw", noted)
    evaluate(marked, perfect, n=5, steps=3, scale=2.5, seed=4)
    assert given == [(5, 3, 2.5, 4, 16)]


def test_the_same_seed_asks_for_the_same_sentences(perfect):
    def asked_for(seed):
        said = []
        evaluate(
            lambda x, t, tokens: said.append(tokens) or marked(x, t, tokens),
            perfect,
            n=10,
            steps=1,
            scale=1,
            seed=seed,
        )
        return said[0]

    assert torch.equal(asked_for(0), asked_for(0)) and not torch.equal(asked_for(0), asked_for(1))


def test_nothing_cannot_be_evaluated(perfect):
    with pytest.raises(ValueError, match="n=0 must be at least 1"):
        evaluate(marked, perfect, n=0)
    with pytest.raises(ValueError, match="kind='unseen' is not one of"):
        evaluate(marked, perfect, "unseen")
