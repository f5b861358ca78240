"""Estimators of the KL divergence against sums over every outcome."""

import math

import pytest
import torch
from tiny_models import tiny

from grooves.fine_tuning.kl_estimators import ESTIMATORS, exact_kl, k1, k2, k3, moments, story_kl


def two_distributions(seed=0, size=6, distance=0.7):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, size, dtype=torch.float64, generator=generator)
    return logits[0].log_softmax(0), (logits[0] + distance * logits[1]).log_softmax(0)


def test_the_estimators_are_those_worked_out_by_hand():
    d = torch.tensor([0.0, math.log(2), -1.0], dtype=torch.float64)
    assert k1(d).tolist() == pytest.approx([0, -math.log(2), 1])
    assert k2(d).tolist() == pytest.approx([0, math.log(2) ** 2 / 2, 0.5])
    assert k3(d).tolist() == pytest.approx([0, 1 - math.log(2), math.exp(-1)])


def test_the_exact_kl_agrees_with_pytorch_and_ignores_impossible_outcomes():
    p, q = two_distributions()
    expected = torch.nn.functional.kl_div(q, p, log_target=True, reduction="sum")
    assert exact_kl(p, q).item() == pytest.approx(expected.item())
    p = torch.tensor([0.5, 0.5, 0.0]).log()
    q = torch.tensor([0.25, 0.25, 0.5]).log()
    assert exact_kl(p, q).item() == pytest.approx(math.log(2))
    assert exact_kl(q, p).item() == math.inf


def test_k1_and_k3_have_no_bias_and_k2_has():
    p, q = two_distributions(distance=1.5)
    exact = exact_kl(p, q).item()
    found = moments(p, q)
    assert found["k1"][0] == pytest.approx(exact)
    assert found["k3"][0] == pytest.approx(exact)
    assert abs(found["k2"][0] / exact - 1) > 0.05


def test_the_spread_is_that_of_many_draws():
    p, q = two_distributions(seed=3)
    generator = torch.Generator().manual_seed(0)
    rows = torch.multinomial(p.exp(), 200_000, True, generator=generator)
    for name, (mean, sd) in moments(p, q).items():
        values = ESTIMATORS[name]((q - p)[rows])
        assert values.mean().item() == pytest.approx(mean, abs=4 * sd / math.sqrt(200_000))
        assert values.std().item() == pytest.approx(sd, rel=0.03)


def test_a_storys_kl_is_the_sum_over_the_words_that_were_written():
    model, reference = tiny(seed=1), tiny(seed=2)
    text, n_prompt = [4, 9, 2, 7], 1
    ids = torch.tensor([[0, *text]])
    terms = exact_kl(model(ids).double().log_softmax(-1), reference(ids).double().log_softmax(-1))
    found = story_kl(model, reference, [text, [3] * 9], n_prompt, ended=[False, True])
    assert found[0].item() == pytest.approx(terms[0, n_prompt : len(text)].sum().item(), abs=1e-3)
