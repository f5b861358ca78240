"""Dialogues: the story settles the answer, chosen targets count, new tokens change little."""

import math
import re

import pytest
import torch
from tiny_models import VOCABULARY, some_ids, tiny

from grooves.fine_tuning import dialogue
from grooves.language.corpora import IGNORED
from grooves.language.stories import Stories

V = len(Stories().vocabulary)


def test_an_answer_names_the_home_and_the_relative_of_its_story():
    forms = set()
    for one in dialogue.dialogues(200, seed=3):
        told = " ".join(one.question)
        found = re.search(r"lived in (an? \w+ \w+) with \w+ (\w+) \.", told)
        other = re.search(r"home was (an? \w+ \w+) , and \w+ (\w+) lived there", told)
        home, relative = (found or other).groups()
        forms.add(bool(found))
        assert " ".join(one.answer) == f"I live with my {relative} in {home} ."
        assert told.endswith("Where do you live ?")
    assert forms == {True, False}, "one of the two forms was never tested"


def test_only_the_answer_and_the_end_behind_it_count_or_every_target():
    one = dialogue.Dialogue(("Milo", "was", "old", "."), ("In", "a", "cave", "."))
    index = Stories().index
    asked, answer = ([index[w] for w in words] for words in (one.question, one.answer))
    inputs, targets = dialogue.encode(one)
    assert inputs == [0, V, *asked, V + 1, *answer]
    assert targets == [IGNORED] * 6 + [*answer, 0]
    assert dialogue.encode(one, "all") == (inputs, [*inputs[1:], 0])
    with pytest.raises(ValueError, match="loss_on='user' must be one of answers, all"):
        dialogue.encode(one, "user")


def test_new_tokens_leave_the_logits_of_the_old_ones_and_begin_as_their_mean():
    model = tiny().eval()
    larger = dialogue.add_tokens(model, 3)
    ids = some_ids(2, 7)
    with torch.no_grad():
        assert torch.allclose(larger(ids)[..., :VOCABULARY], model(ids), atol=1e-6)
    rows = larger.embedding.weight
    assert torch.allclose(rows[VOCABULARY:], model.embedding.weight.mean(0).expand(3, -1))
    assert larger.head.weight is rows and len(rows) == VOCABULARY + 3
    with pytest.raises(ValueError, match="n=-1"):
        dialogue.add_tokens(model, -1)


def test_every_dialogue_is_seen_once_in_each_pass():
    some = dialogue.dialogues(10, seed=1)
    data = dialogue.DialogueData(some, "all", batch_size=5, seed=2)
    whole = {tuple(row.tolist()) for row in dialogue.rows(some, "all")[0]}
    orders = []
    for first in (0, 2):
        seen = [tuple(row.tolist()) for step in (first, first + 1) for row in data.batch(step)[0]]
        assert set(seen) == whole and len(seen) == 10
        orders.append(seen)
    assert orders[0] != orders[1], "every pass has the same order"
    with pytest.raises(ValueError, match="10 dialogues are less than one batch of 11"):
        dialogue.DialogueData(some, "all", batch_size=11)


class Knows(torch.nn.Module):
    """Predicts a row's next token with certainty where it may, and nothing elsewhere."""

    def __init__(self, some, of):
        super().__init__()
        self.embedding = torch.nn.Embedding(1, 1)
        _, self.targets = dialogue.rows(some, of)

    def forward(self, ids):
        sure = torch.nn.functional.one_hot(self.targets.clamp(min=0), V + 2).float() * 100
        return torch.where((self.targets >= 0)[..., None], sure, torch.zeros(()))


def test_answers_and_questions_are_judged_apart():
    some = dialogue.dialogues(8, seed=4)
    found = dialogue.evaluate(Knows(some, "answers"), some)
    assert found["right"] == 1 and found["answer"] == pytest.approx(0, abs=1e-6)
    assert found["question"] == pytest.approx(math.log(V + 2))
    assert dialogue.evaluate(Knows(some, "all"), some)["question"] == pytest.approx(0, abs=1e-6)
    others = dialogue.dialogues(8, seed=5)
    assert dialogue.evaluate(Knows(some, "answers"), some[::-1])["right"] < 1, others
