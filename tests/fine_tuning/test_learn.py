"""Learning from a few pairs: in the right direction, and on a copy."""

import torch
from tiny_models import VOCABULARY, tiny

from grooves.fine_tuning import learn
from grooves.fine_tuning.learn import learn_from_pairs, reward_from_pairs
from grooves.fine_tuning.preferences import Pairs
from grooves.inference.feedback_file import weights_hash
from grooves.inference.sampled import draw_texts

FAVOURITE = 7


def some_pairs(n, seed=0):
    """Pairs of which the chosen text is full of the favourite token."""
    generator = torch.Generator().manual_seed(seed)
    words = torch.randint(1, VOCABULARY, (2 * n, 8), generator=generator)
    words[:n, 3:] = FAVOURITE
    texts = words.tolist()
    return Pairs(texts[:n], texts[n:])


def share(model):
    """How often a model writes the favourite token."""
    texts = draw_texts(model, 200, seed=5).tokens
    return sum(t.count(FAVOURITE) for t in texts) / max(1, sum(map(len, texts)))


def test_the_reward_model_prefers_new_texts_of_the_preferred_kind():
    model = tiny().eval()
    reward, new = reward_from_pairs(model, some_pairs(10)), some_pairs(50, seed=1)
    assert (reward(new.chosen) > reward(new.rejected)).mean() > 0.9


def test_a_tuned_copy_writes_what_was_preferred_and_the_model_stays_as_it_was():
    model = tiny().eval()
    before, weights = share(model), weights_hash(model)
    tuned, _ = learn_from_pairs(model, some_pairs(10), steps=12, lr=2e-2, last=8)
    assert weights_hash(model) == weights
    assert share(tuned) > before + 0.1
    assert not tuned.training


def test_the_seed_decides_what_is_learned():
    model, pairs = tiny().eval(), some_pairs(6)
    found = [weights_hash(learn_from_pairs(model, pairs, 3, seed=seed)[0]) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]


def test_every_step_is_reported():
    seen = []
    learn_from_pairs(
        tiny().eval(), some_pairs(4), steps=3, on_step=lambda h: seen.append((h.steps, h.texts))
    )
    per_step = learn.N_GROUPS * learn.GROUP
    assert seen == [(i, i * per_step) for i in (1, 2, 3)]
