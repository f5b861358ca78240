"""The checks of lab 6 beyond those of every lab: what the challenge counts, and what it judges."""

import copy
import re
import warnings
from types import SimpleNamespace

import pytest
import torch
from answers.fine_tuning import ANSWERS, lora_and_rows
from torch import nn

from grooves.checks import CheckFailed
from grooves.checks import fine_tuning as check
from grooves.checks.fine_tuning import challenge, reasons
from grooves.checks.stories import holds_stories
from grooves.fine_tuning.lora import LoRALinear, add_lora, last_layer_only, merge
from grooves.language.corpora import HeldOut, next_word_rows
from grooves.language.stories import Stories
from grooves.training import lineage

pytestmark = pytest.mark.usefixtures("own_progress")
VOCABULARY, WIDTH = lineage.base().embedding.weight.shape


def reached(answer, draw):
    """Nats above the entropy that an answer comes to, on one draw of stories."""
    exam = challenge._exam(draw)
    judged, _ = challenge._rebuilt(challenge._ask(answer, exam))
    return challenge.nats_above(judged, exam.unseen)


# --- the bar -------------------------------------------------------------------------------------


def test_an_honest_idea_clears_the_bar_with_room_to_spare_whatever_the_draw():
    for draw, answer in enumerate(ANSWERS.right_answers["tune"].values(), start=1):
        assert reached(answer, draw) < challenge.BAR_NATS - 0.02


def test_lora_alone_misses_the_bar():
    everywhere = lora_and_rows("", rank=1, rows=0, steps=80, lr=0.02)
    assert reached(everywhere, 0) > challenge.BAR_NATS + 0.02


# --- the count -----------------------------------------------------------------------------------


@torch.no_grad()
def changed(model, places):
    """The model with so many numbers changed, in its embedding."""
    model.embedding.weight.view(-1)[:places] += 1.0
    return model


def test_as_many_numbers_are_counted_as_differ_from_the_base_model():
    assert check.numbers_changed(lineage.base()) == 0
    assert check.numbers_changed(changed(lineage.base(), 70)) == 70  # tied: counted once
    assert check.numbers_changed(changed(last_layer_only(lineage.base()), 7)) == 7
    mixed = lineage.base()
    mixed.mix = nn.Parameter(mixed.mix.detach() + 1)
    assert check.numbers_changed(mixed) == WIDTH


def test_lora_counts_its_a_and_b_where_it_changes_anything():
    model = add_lora(lineage.base(), rank=1)
    assert check.numbers_changed(model) == 0  # B is zero: nothing says anything new
    layer = model.blocks[1].mlp.up
    with torch.no_grad():
        layer.B[0, 0, 3] = 1.0
    assert check.numbers_changed(model) == WIDTH + 4 * WIDTH
    assert check.numbers_changed(merge(model)) == WIDTH  # one row of the merged matrix


def test_the_whole_budget_may_be_spent_and_no_more():
    exam = challenge._exam(0)
    for n, hint in ((challenge.BUDGET, "worse_than_before"), (challenge.BUDGET + 1, "whole_head")):
        with pytest.raises(CheckFailed) as caught:
            check.tune(lambda model, few, many, n=n: changed(model, n))
        assert caught.value.hint in (hint, "hardly_moved")
        assert f"{n:,} numbers changed" in caught.value.message
    assert exam.few


# --- what is judged ------------------------------------------------------------------------------


def test_the_model_that_is_judged_says_what_the_tuned_one_says():
    model = last_layer_only(add_lora(lineage.base(), rank=1))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, LoRALinear):
                layer.B += 0.2 * torch.randn(layer.B.shape, generator=generator).to(layer.B)
        model.head.weight[5] += 1.0
        model.mix += 0.1
    judged, _ = challenge._rebuilt(model)
    ids = torch.arange(40, device=model.mix.device)[None]
    with torch.no_grad():
        said, says, base = (m(ids) for m in (model, judged, lineage.base()))
    assert torch.allclose(said, says, atol=1e-3)
    assert not torch.allclose(said, base, atol=1.0)


def test_what_is_no_number_of_the_model_helps_nobody():
    """A forward of one's own, which may hold anything, is not what is judged."""
    asked = []

    def answer(model, few, many):
        model.forward = lambda ids, cache=None: asked.append(ids)
        return model

    with pytest.raises(CheckFailed) as caught:
        check.tune(answer)
    assert caught.value.hint == "nothing_changed"
    assert not asked


def test_a_scale_of_lora_that_is_a_table_is_refused():
    """It would be as many numbers as a matrix, and none of them would be counted."""

    def answer(model, few, many):
        layer = add_lora(model, rank=1).blocks[1].mlp.up
        nn.init.ones_(layer.B)
        layer.scale = torch.zeros_like(layer.weight)
        return model

    with pytest.raises(CheckFailed) as caught:
        check.tune(answer)
    assert caught.value.hint == "unusable"


def test_stories_are_found_in_whatever_one_learns_from():
    lists = challenge._exam(0).few[:2]
    texts = Stories("narrator").corpus(2, seed=1)
    unseen = challenge._exam(0).unseen
    tables = next_word_rows(lists)
    drawn = SimpleNamespace(tokens=lists)
    for stories in (lists, texts, drawn, unseen, tables, tables[0], tables[0].numpy()):
        assert holds_stories(stories)
        assert holds_stories([stories])
    words, scores = lists[0], torch.ones(3, 4)
    for other in (words, scores, [(64, 64)] * 6, ["a text"] * 30, lineage.base(), {}, Stories):
        assert not holds_stories(other)


def test_the_notebooks_stories_are_back_when_the_check_is_done():
    notebook = {"more": challenge._exam(1).few}
    exec("def tune(model, few, many):\n    return len(more)", notebook)
    exec("def helped(model, few, many):\n    return 'more' in globals() or model", notebook)
    with pytest.raises(CheckFailed, match="the notebook's `more`, which holds stories"):
        check.tune(notebook["tune"])
    assert notebook["more"] == challenge._exam(1).few
    with pytest.raises(CheckFailed, match="base model"):
        check.tune(notebook["helped"])
    assert notebook["more"]


def test_what_an_answer_does_to_its_stories_spoils_no_later_answer():
    def spoil(model, few, many):
        few[0].clear()
        many[0].clear()
        return model

    def look(model, few, many):
        assert few[0] and many[0]
        return model

    for answer in (spoil, look):
        with pytest.raises(CheckFailed) as caught:
            check.tune(answer)
        assert caught.value.hint == "nothing_changed"


def test_the_unseen_stories_are_none_of_those_handed_over():
    exam = challenge._exam(0)
    encoded = [row[row >= 0][:-1].tolist() for row in exam.unseen.targets]
    assert len(encoded) == challenge.N_UNSEEN
    assert not any(story in exam.few + exam.many for story in encoded)


def test_the_race_adds_what_was_forgotten(capsys):
    def answer(model, few, many):
        model = copy.deepcopy(model)
        with torch.no_grad():
            model.mix += 0.3
        return model

    score = check.race(answer, draws=1)
    total, gap, forgotten = map(float, re.findall(r"\d+\.\d+", capsys.readouterr().out))
    assert forgotten > 0.01
    assert score == pytest.approx(gap + forgotten, abs=2e-3)
    assert total == pytest.approx(score, abs=1e-3)


# --- why a model misses the bar ------------------------------------------------------------------


@torch.no_grad()
def moved(*names):
    """The base model with these tensors changed."""
    model = lineage.base()
    for name, weight in model.named_parameters():
        if name in names:
            weight += 0.01
    return model


def test_only_what_has_changed_is_said_to_be_too_little():
    exam = challenge._exam(0)
    for names in (("mix",), ("mix", "embedding.weight")):
        name, why = reasons.reason(moved(*names), 64, 1.0, exam, challenge.BUDGET)
        assert name == "blocks_untouched"
        assert f"has changed, only {' and '.join(names)}, and" in why


@pytest.mark.parametrize(("seen", "hint"), [(0.044, "memorised"), (0.3, "rows_untouched")])
def test_a_model_that_is_good_on_its_twenty_stories_alone_has_memorised_them(
    seen, hint, monkeypatch
):
    """0.044 and 0.405 are those of LoRA after 400 steps."""
    monkeypatch.setattr(reasons, "loss_above", lambda model, held: seen)
    judged = moved("blocks.0.attention.out.weight")
    name, why = reasons.reason(judged, 64, 0.405, challenge._exam(0), challenge.BUDGET)
    assert name == hint
    assert "the embedding has not changed" in why


def test_a_loss_is_compared_with_that_of_a_perfect_model_on_the_same_words():
    held = HeldOut(Stories("narrator"), 2, seed=5)

    class Perfect(nn.Module):
        def __init__(self):
            super().__init__()
            self.bias = nn.Parameter(torch.zeros(()))

        def forward(self, ids):
            return held.truth.log() + self.bias

    assert abs(reasons.loss_above(Perfect(), held)) < 1e-4
    assert reasons.loss_above(lineage.base(), held) > 0.5


# --- what the messages show ----------------------------------------------------------------------


def test_a_mistake_that_fits_no_input_warns_nobody():
    """Without the end mark one case has no words: NumPy warns of an empty mean, in our own line."""
    end_mark_left_out = ANSWERS.wrong_answers["forgotten"]["end_mark_left_out"]
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        with pytest.raises(CheckFailed):
            check.forgotten(end_mark_left_out)
    ours = [w for w in shown if "grooves" in w.filename]
    assert not ours


def test_a_model_is_told_by_its_weights_and_in_by_what_it_compares():
    def trainable(model, parts):
        chosen = [model.embedding.weight]
        for weight in model.parameters():
            if weight not in chosen:
                weight.requires_grad_(False)

    with pytest.raises(CheckFailed) as refused:
        check.trainable(trainable)
    assert "got model = a Tied with the weights scale (), embedding" in refused.value.message
    assert "compare identities" in refused.value.message
