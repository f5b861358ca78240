"""Small models for tests, with every weight alive.

A fresh `Transformer` starts with the output matrices of its blocks at zero, so that each block
adds nothing: a fault in attention could not be seen in it. Here every weight is drawn anew.
"""

import torch

from grooves.models.transformer import Config, Transformer

VOCABULARY = 23

# Every ingredient on and off; the first is the course's default.
INGREDIENTS = {
    "default": {},
    "learned positions": {"positions": "learned"},
    "no positions": {"positions": "none"},
    "no qk-norm": {"qk_norm": False},
    "no mixing": {"mix": False},
    "an MLP in every block": {"mlp_from": 0},
    "plain": {"positions": "none", "qk_norm": False, "mix": False, "mlp_from": 0},
    "one head, three layers": {"n_head": 1, "n_layer": 3},
}


def tiny(seed=0, **changes):
    """A `Transformer` of width 16 in which every weight matters; `changes` go to `Config`."""
    sizes = {"vocabulary_size": VOCABULARY, "context": 40, "n_layer": 2, "n_head": 2, "n_embd": 16}
    model = Transformer(Config(**(sizes | changes))).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=0.4, generator=generator)
    return model


def some_ids(n_texts, n_words, seed=0, vocabulary=VOCABULARY):
    """Random tokens (n_texts, n_words), the end mark not among them."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(1, vocabulary, (n_texts, n_words), generator=generator)
