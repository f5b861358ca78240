"""Scaling: parameters and FLOPs counted, exact gaps, runs, and fitted power laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from grooves.language.gazette import Gazette
from grooves.models.transformer import Config, Transformer, count_parameters
from grooves.training.scaling import counting, fits, gaps
from grooves.training.scaling.runs import (
    TOKENS,
    ScaledHead,
    Setting,
    for_compute,
    run,
    trained,
    tuned,
)

SMALL = Config(97, context=5, n_layer=3, mlp_from=1, n_embd=12, n_head=2)


@pytest.fixture(scope="module")
def gazette():
    return Gazette()


class Oracle(torch.nn.Module):
    """The language itself as a model: exact probabilities, or those of a guess at one place."""

    def __init__(self, gazette, guess=()):
        super().__init__()
        self.gazette, self.guess = gazette, guess
        self.place = torch.nn.Parameter(torch.zeros(1))

    def forward(self, tokens):
        words = self.gazette.vocabulary
        logits = torch.full((*tokens.shape, len(words)), -1e4)
        for b, row in enumerate(tokens.tolist()):
            for t in range(len(row)):
                if t in self.guess:  # all values alike
                    logits[b, t, -64:] = 0
                    continue
                p = self.gazette.next_word([words[i] for i in row[1 : t + 1]])
                logits[b, t] = torch.from_numpy(np.log(np.maximum(p, 1e-300))).float()
        return logits


# ---- counting ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes", [{}, {"mix": False}, {"positions": "learned"}, {"n_layer": 1, "mlp_from": 0}]
)
def test_what_is_counted_is_what_the_model_has(changes):
    config = Config(**(SMALL.to_dict() | changes))
    model, counts = Transformer(config), counting.count(config)
    blocks = sum(p.numel() for p in model.blocks.parameters())
    table = model.embedding.weight.numel()
    assert counts.tied == count_parameters(model) and counts.blocks == blocks
    assert counts.untied == counts.tied + table and counts.multiplied == blocks + table


def test_flops_are_two_for_a_weight_and_three_passes_and_attention():
    by_hand = 6 * counting.count(SMALL).multiplied
    assert counting.flops_per_token(SMALL, 0) < by_hand + 6 * 3 * 12 * 1.01
    one, five = (counting.flops_per_token(SMALL, n) for n in (1, 5))
    # q · k and the weighted sum: 2 * 12 multiplications for each pair, in 3 layers, three passes
    assert one == by_hand + 6 * 3 * 2 * 12 and five - one == 6 * 3 * 2 * 12 * 2


def test_compute_in_its_units():
    assert counting.flops(1e6, 2e7) == 1.2e14
    # GPT-3: 175 billion parameters and 300 billion tokens (Brown et al. 2020, appendix D)
    days = counting.pfs_days(counting.flops(174.6e9, 300e9))
    assert days == pytest.approx(3640, rel=0.01)
    assert counting.doubling_months(1, 8, 30) == pytest.approx(10)
    with pytest.raises(ValueError, match="must not be negative"):
        counting.flops(-1, 5)
    with pytest.raises(ValueError, match="must be positive and below"):
        counting.doubling_months(2, 2, 10)


# ---- the exact gap -----------------------------------------------------------------------------


def test_the_language_itself_has_no_gap_and_knows_every_fact():
    small = Gazette(n_people=30)
    found = gaps.gap(Oracle(small), small)
    assert found.total == pytest.approx(0, abs=1e-5) and found.known == pytest.approx(1)
    assert gaps.known_up_to(gaps.surprise_by_rank(Oracle(small), small)) == 30


def test_each_part_of_a_sentence_is_charged_for_its_own_guess():
    small = Gazette(n_people=30)
    found = gaps.gap(Oracle(small, guess=(3,)), small)
    assert found.fact == pytest.approx(math.log(64), abs=1e-5)
    assert found.name == pytest.approx(0, abs=1e-5) and found.end == pytest.approx(0, abs=1e-5)
    assert found.to_dict()["total"] == pytest.approx(found.total)
    by_rank = gaps.surprise_by_rank(Oracle(small, guess=(3,)), small)
    assert by_rank == pytest.approx(np.full(30, math.log(64)))
    assert gaps.known_up_to(by_rank) == 0


def test_the_gap_is_the_loss_above_the_entropy(gazette):
    model = Transformer(Setting(16, 1).config(gazette), seed=3)
    from grooves.language.corpora import GazetteData

    inputs, targets = GazetteData(gazette, 60_000, seed=1).batch(0)
    with torch.no_grad():
        loss = TOKENS * float(model.loss(inputs, targets))
    found = gaps.gap(model.train(), gazette).total
    assert found == pytest.approx(loss - gazette.nats_per_sentence, abs=0.06) and model.training


def test_people_are_known_up_to_the_rank_at_which_surprise_rises():
    by_rank = np.where(np.arange(100) < 40, 0.05, 2.5)
    assert gaps.known_up_to(by_rank) == pytest.approx(40, abs=2)
    by_rank[10] = 2.5  # a single exception is smoothed
    assert gaps.known_up_to(by_rank) == pytest.approx(40, abs=2)


# ---- runs --------------------------------------------------------------------------------------


def test_a_run_comes_nearer_to_the_language_and_can_be_repeated(gazette):
    short, longer = (run(tuned(16, n), gazette) for n in (2_000, 12_000))
    assert (
        longer["gap"]["total"] < 0.8 * short["gap"]["total"] and longer["known"] >= short["known"]
    )
    assert run(tuned(16, 2_000), gazette)["gap"] == short["gap"]
    assert short["tokens"] == short["steps"] * short["batch"] * TOKENS
    assert 1 < len(longer["losses"]) == len(longer["seconds"]) <= 201 * 2
    assert longer["losses"][-1] < longer["losses"][0]


def test_a_budget_of_compute_buys_so_many_sentences(gazette):
    for width in (8, 64):
        setting = for_compute(width, 1e9, gazette, seed=5)
        per_token = counting.flops_per_token(setting.config(gazette), TOKENS)
        assert per_token * TOKENS * setting.sentences == pytest.approx(1e9, rel=0.01)
        assert setting.seed == 5
    assert tuned(16, 64_000).batch == 128 and tuned(16, 256_000).batch == 256


def test_a_scaled_head_has_logits_in_proportion_to_the_inverse_of_the_width(gazette):
    tokens = torch.arange(10).reshape(2, 5)
    for width, factor in ((16, 4.0), (64, 1.0), (128, 0.5)):
        config = Setting(width, 1).config(gazette)
        plain, scaled = Transformer(config, 1)(tokens), ScaledHead(config, 1)(tokens)
        assert torch.allclose(scaled, factor * plain)
    kinds = [
        trained(Setting(16, 64, batch=32, optimizer=o), gazette)[0]
        for o in ("adamw", "scaled adamw")
    ]
    assert [type(one) for one in kinds] == [Transformer, ScaledHead]


# ---- fits --------------------------------------------------------------------------------------


def test_a_power_law_is_found_again():
    x = np.geomspace(10, 1e5, 7)
    law = fits.power_law(x, 3 * x**-0.4)
    assert (law.factor, law.exponent, law.r2) == pytest.approx((3, -0.4, 1))
    assert law(100) == pytest.approx(3 * 100**-0.4)
    with pytest.raises(ValueError, match="all values must be positive"):
        fits.power_law(x, x - 20)
    with pytest.raises(ValueError, match="have no slope"):
        fits.power_law([2, 2], [1, 3])


def made_up(floor):
    n, d = (a.flatten() for a in np.meshgrid(np.geomspace(1e3, 1e6, 5), np.geomspace(1e4, 1e7, 5)))
    return n, d, floor + 40 * n**-0.5 + 60 * d**-0.35


@pytest.mark.parametrize("known", [True, False])
def test_a_surface_is_found_again_with_the_floor_and_without(known):
    n, d, loss = made_up(4.4)
    found = fits.surface(n, d, loss, 4.4 if known else None)
    assert (found.a, found.b) == pytest.approx((0.5, 0.35), rel=0.02)
    assert found.floor == pytest.approx(4.4, abs=0.02) and found.known is known
    assert found.loss(1e8, 1e9) == pytest.approx(4.4 + 40e-4 + 60 * 1e9**-0.35, abs=0.02)


def test_a_wrong_floor_bends_the_forecast():
    n, d, loss = made_up(4.4)
    right, wrong = (fits.surface(n, d, loss, floor) for floor in (4.4, 4.2))
    true = 40e-4 + 60 * 1e9**-0.35
    assert right.gap(1e8, 1e9) == pytest.approx(true, rel=0.02)
    assert abs(wrong.loss(1e8, 1e9) - 4.4 - true) > 0.05


def test_fits_that_cannot_be_made_are_refused():
    n, d, loss = made_up(4.4)
    with pytest.raises(ValueError, match="is not above the floor of 9"):
        fits.surface(n, d, loss, 9.0)
    with pytest.raises(ValueError, match="4 runs are too few for 5 numbers"):
        fits.surface(n[:4], d[:4], loss[:4])
    with pytest.raises(ValueError, match="take at least 3"):
        fits.minimum([1, 2], [1, 2])


def test_the_best_size_lies_between_runs_or_is_said_to_be_at_the_edge():
    n = np.array([1e3, 2e3, 4e3, 8e3, 16e3])
    gap = 0.2 * np.exp(0.3 * np.log(n / 5e3) ** 2)
    mixed = [2, 0, 4, 3, 1]
    found = fits.minimum(n[mixed], gap[mixed])
    assert (
        found.interior
        and found.n_parameters == pytest.approx(5e3)
        and found.gap == pytest.approx(0.2)
    )
    edge = fits.minimum(n[::-1], (n**-0.1)[::-1])
    assert not edge.interior and edge.n_parameters == pytest.approx(16e3)
