"""Samplers: what each keeps, in which order they apply, and that words are drawn accordingly."""

import math

import pytest
import torch
from scipy import stats
from transformers.generation import logits_process as hugging_face

from grooves.inference import sampling
from grooves.inference.sampling import Sampler

NONE = torch.zeros((1, 0), dtype=torch.long)  # the text so far, for those who do not read it
LOGITS = 2 * torch.randn((40, 30), generator=torch.Generator().manual_seed(0))
PAIRS = {
    "temperature": (sampling.apply_temperature, hugging_face.TemperatureLogitsWarper, (0.3, 1.7)),
    "top-k": (sampling.apply_top_k, hugging_face.TopKLogitsWarper, (1, 2, 7, 30, 99)),
    "top-p": (sampling.apply_top_p, hugging_face.TopPLogitsWarper, (0.05, 0.5, 0.9, 0.99, 1.0)),
    "min-p": (sampling.apply_min_p, hugging_face.MinPLogitsWarper, (0.02, 0.1, 0.5, 1.0)),
    "epsilon": (sampling.apply_epsilon, hugging_face.EpsilonLogitsWarper, (0.005, 0.03, 0.9)),
}


def kept(logits):
    return [row.isfinite().nonzero().flatten().tolist() for row in logits]


@pytest.mark.parametrize("ours, theirs, values", PAIRS.values(), ids=PAIRS.keys())
def test_each_setting_does_what_it_does_in_hugging_face(ours, theirs, values):
    for value in values:
        expected = theirs(value)(NONE, LOGITS)
        assert torch.equal(ours(LOGITS, value), expected), value
        shaped = ours(LOGITS.reshape(2, 20, 30), value)  # any leading shape
        assert torch.equal(shaped.reshape(40, 30), expected), value


def test_the_repetition_penalty_changes_earlier_tokens_only():
    ids = torch.randint(0, 30, (40, 9), generator=torch.Generator().manual_seed(1))
    seen = torch.stack([sampling.seen_before(row, 30)[-1] for row in ids.tolist()])
    for penalty in (1.3, 0.5):
        expected = hugging_face.RepetitionPenaltyLogitsProcessor(penalty)(ids, LOGITS)
        assert torch.equal(sampling.apply_repetition_penalty(LOGITS, seen, penalty), expected)
    with pytest.raises(ValueError, match="depends on the text so far"):
        Sampler(repetition_penalty=1.3).logits(LOGITS)


def test_tokens_are_seen_from_the_place_after_them():
    seen = sampling.seen_before([2, 0, 2], 4)
    assert seen.int().tolist() == [[0, 0, 0, 0], [0, 0, 1, 0], [1, 0, 1, 0], [1, 0, 1, 0]]


ORDER = {
    "repetition_penalty": (hugging_face.RepetitionPenaltyLogitsProcessor, 1.5),
    "temperature": (hugging_face.TemperatureLogitsWarper, 2.0),
    "top_k": (hugging_face.TopKLogitsWarper, 5),
    "top_p": (hugging_face.TopPLogitsWarper, 0.6),
    "min_p": (hugging_face.MinPLogitsWarper, 0.2),
    "epsilon": (hugging_face.EpsilonLogitsWarper, 0.1),
}
NOT_EXCHANGEABLE = [
    ("repetition_penalty", "top_k"),
    ("temperature", "top_p"),
    ("top_k", "top_p"),
    ("top_p", "min_p"),
    ("min_p", "epsilon"),
]


@pytest.mark.parametrize("names", [*NOT_EXCHANGEABLE, tuple(ORDER)], ids=" ".join)
def test_settings_apply_in_the_stated_order(names):
    ids = torch.randint(0, 30, (40, 9), generator=torch.Generator().manual_seed(1))
    seen = torch.stack([sampling.seen_before(row, 30)[-1] for row in ids.tolist()])

    def in_turn(order):
        logits = LOGITS
        for name in order:
            kind, value = ORDER[name]
            logits = kind(value)(ids, logits)
        return logits.softmax(-1)

    assert list(Sampler.__dataclass_fields__) == list(ORDER)
    found = Sampler(**{name: ORDER[name][1] for name in names}).probabilities(LOGITS, seen)
    assert torch.allclose(found, in_turn(names))
    assert not torch.allclose(found, in_turn(names[::-1])), "the other order is another sampler"


def test_the_temperature_applies_before_the_nucleus_is_chosen():
    """Worked by hand: at temperature 2 the square roots 4 : 2 : 1 : 1 make 0.5, 0.25, ..."""
    logits = torch.tensor([[16.0, 4.0, 1.0, 1.0]]).log()
    assert kept(Sampler(temperature=2, top_p=0.7).logits(logits)) == [[0, 1]]
    assert kept(Sampler(top_p=0.7).logits(logits)) == [[0]]


def test_of_equal_tokens_the_first_are_kept():
    equal = torch.zeros(1, 10)
    assert kept(sampling.apply_top_k(equal, 3)) == [[0, 1, 2]]
    assert kept(sampling.apply_top_p(equal, 0.3)) == [[0, 1, 2]]
    assert kept(sampling.apply_top_p(equal, 0.9)) == [list(range(9))]
    assert kept(sampling.apply_top_p(equal, 0.31)) == [[0, 1, 2, 3]]
    assert kept(sampling.apply_top_k(torch.tensor([[1.0, 5, 1, 1]]), 2)) == [[0, 1]]
    assert kept(sampling.apply_min_p(equal, 1.0)) == [list(range(10))]
    assert kept(sampling.apply_epsilon(equal, 0.5)) == [list(range(10))], "the likeliest stay"


def test_all_of_a_distribution_with_impossible_tokens_is_handled():
    logits = torch.tensor([[-math.inf, 0.0, -math.inf, 1.0]])
    for sampler in (Sampler(top_k=3), Sampler(top_p=0.999), Sampler(min_p=0.01), Sampler(0.9, 0.5)):
        q = sampler.probabilities(logits, torch.ones_like(logits, dtype=torch.bool))
        assert q.isfinite().all() and q[0, 0] == q[0, 2] == 0
    assert sampling.apply_top_p(LOGITS, 1.0) is LOGITS
    assert torch.equal(sampling.apply_top_k(LOGITS, 31), LOGITS)


def test_temperature_zero_is_greedy_whatever_else_is_set():
    logits = torch.tensor([[0.0, 3.0, 3.0], [5.0, 1.0, 1.0]])
    for more in ({}, {"top_p": 0.5, "epsilon": 0.4}, {"top_k": 2, "min_p": 0.9}):
        q = Sampler(temperature=0, **more).probabilities(logits)
        assert q.tolist() == [[0, 1, 0], [1, 0, 0]]


@pytest.mark.parametrize(
    "settings, sentence",
    [
        ({"temperature": -0.1}, r"temperature=-0.1 must be finite and 0 .* or more"),
        ({"temperature": math.nan}, r"temperature=nan must be finite"),
        ({"temperature": math.inf}, r"temperature=inf must be finite"),
        ({"top_k": 0}, r"k=0 must be an integer and keep 1 token or more"),
        ({"top_k": 2.5}, r"k=2.5 must be an integer"),
        ({"top_p": 0}, r"p=0 must be above 0 and at most 1"),
        ({"top_p": 1.5}, r"p=1.5 must be above 0 and at most 1"),
        ({"min_p": -0.1}, r"ratio=-0.1 must be from 0"),
        ({"min_p": 1.1}, r"ratio=1.1 must be from 0"),
        ({"epsilon": 1}, r"epsilon=1 must be from 0"),
        ({"repetition_penalty": 0}, r"penalty=0 must be positive"),
    ],
)
def test_a_setting_out_of_range_is_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Sampler(**settings)


def test_words_are_drawn_as_often_as_the_sampler_says():
    sampler, n = Sampler(temperature=1.5, top_k=6, min_p=0.05), 30_000
    q = sampler.probabilities(LOGITS[0].double())
    before = torch.get_rng_state()
    drawn = sampling.draw(q.expand(n, -1), torch.Generator().manual_seed(2))
    assert torch.equal(before, torch.get_rng_state()), "the student's generator is left alone"
    counts = torch.bincount(drawn, minlength=30)
    possible = q > 0
    assert 2 < possible.sum() <= 6 and counts[~possible].sum() == 0
    assert stats.chisquare(counts[possible], n * q[possible]).pvalue > 1e-4


def test_a_sampler_is_labelled_by_what_it_changes():
    assert str(Sampler()) == "temperature 1"
    assert str(Sampler(temperature=0)) == "greedy"
    assert str(Sampler(temperature=0.7, top_p=0.9)) == "temperature 0.7, top-p 0.9"
    assert str(Sampler(top_k=20, min_p=0.1)) == "top-k 20, min-p 0.1"
