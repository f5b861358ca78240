"""The yardsticks and the committed base model."""

import math
import os
import re

import pytest
import torch

from grooves import assets
from grooves.inference import evaluation
from grooves.language.corpora import HeldOut
from grooves.language.stories import Stories
from grooves.models.lstm import LSTM
from grooves.models.transformer import Config
from grooves.training import lineage
from grooves.training.checkpoint import load_model, save_model


class Perfect(torch.nn.Module):
    """Answers with the language's own probabilities on the held-out stories, blurred by `blur`."""

    def __init__(self, held_out: HeldOut, blur: float = 0.0):
        super().__init__()
        self.anchor = torch.nn.Parameter(torch.zeros(1))
        self.held_out, self.blur = held_out, blur

    def forward(self, ids):
        rows = [
            next(r for r, row in enumerate(self.held_out.inputs) if torch.equal(row, one))
            for one in ids
        ]
        truth = self.held_out.truth[rows]
        mixed = (1 - self.blur) * truth + self.blur / truth.size(-1)
        return mixed.clamp_min(1e-30).log()


@pytest.fixture(scope="module")
def language():
    return Stories()


def test_the_language_itself_has_no_gap(language):
    gap, error = lineage.gap(Perfect(lineage._held_out(language, 20)), language, 20)
    assert abs(gap) < 1e-5 and error < 1e-5


def test_the_gap_of_a_blurred_language_is_the_divergence_worked_out_by_hand(language):
    held_out = lineage._held_out(language, 20)
    blur, expected, words = 0.3, 0.0, 0
    for story in held_out.stories:
        table = language.next_word_table(story)
        for p in table:
            possible = p[p > 0]
            q = (1 - blur) * possible + blur / len(p)
            expected += sum(a * math.log(a / b) for a, b in zip(possible, q, strict=True))
        words += len(table)
    gap, _ = lineage.gap(Perfect(held_out, blur), language, 20)
    assert gap == pytest.approx(expected / words, rel=1e-4)


def test_the_gap_is_loss_minus_entropy_on_average(language):
    model, held_out = lineage.base().cpu(), lineage._held_out(language, 100)
    loss = model.loss(held_out.inputs, held_out.targets).item()
    exact = -sum(language.score(story).sum() for story in held_out.stories)
    exact /= int((held_out.targets >= 0).sum())
    assert lineage.gap(model, language)[0] == pytest.approx(loss - exact, abs=0.004)


def test_the_committed_model_is_as_good_as_its_card_says(language):
    score = evaluation.evaluate(lineage.base(), language)
    assert score.gap_nats < 0.005
    assert score.accepted > 0.7
    card = (assets.WEIGHTS / "base.md").read_text(encoding="utf-8")
    stated = float(re.search(r"when it was made: (\S+)", card).group(1))
    assert score.gap_nats == pytest.approx(stated, abs=2e-4)


def test_an_untrained_model_is_far_from_perfect(language):
    score = evaluation.evaluate(lineage.new_model(language), language, n=20)
    assert score.gap_nats > 3 and score.accepted == 0


@pytest.mark.parametrize(
    "steps", [lineage.SHORT_STEPS[-1], *([700, 6_000] if os.environ.get("GROOVES_WHOLE") else [])]
)
def test_remaking_a_model_reaches_the_same_quality(steps, language):
    """The weekly run remakes all; each change only one that was trained briefly."""
    committed = load_model(lineage.weights_path(steps)).eval()
    made = lineage.make_base(steps, progress=False).cpu()
    assert lineage.gap(made, language)[0] < 2 * lineage.gap(committed, language)[0]


@pytest.mark.parametrize("steps, accepted", [(700, (0.0, 0.05)), (1_100, (0.6, 0.8))])
def test_the_briefly_trained_models_are_as_good_as_their_cards_say(steps, accepted, language):
    score = evaluation.evaluate(lineage.short_trained(steps), language)
    assert accepted[0] <= score.accepted <= accepted[1]
    card = lineage.weights_path(steps).with_suffix(".md").read_text(encoding="utf-8")
    stated = float(re.search(r"when it was made: (\S+)", card).group(1))
    assert score.gap_nats == pytest.approx(stated, rel=0.02)
    with pytest.raises(ValueError, match="steps=900 is not one of 700, 1100"):
        lineage.short_trained(900)


def test_the_committed_weights_are_small(tmp_path):
    """And so would be those of a remake, which takes their place."""
    save_model(lineage.new_model(), tmp_path / "base.safetensors")
    for path in (tmp_path / "base.safetensors", *assets.WEIGHTS.glob("*.safetensors")):
        assert path.stat().st_size < 1_000_000


def test_a_recorded_measurement_says_where_it_was_made():
    recorded = assets.recorded("ingredients")
    assert recorded["rows"] and {"processor", "torch", "date"} <= set(recorded["machine"])
    with pytest.raises(ValueError, match=r"name='nothing' was not recorded; there are .*labels"):
        assets.recorded("nothing")


def test_loading_a_model_draws_no_random_number_of_the_students():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    lineage.base()
    LSTM(Config(vocabulary_size=12), width=8)
    assert torch.equal(torch.rand(3), expected)
