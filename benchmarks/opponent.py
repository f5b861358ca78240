"""The opponent: Hugging Face's GPT-2 class, built from a config, as large as our model.

Key idea: a race is fair when the other side runs at its best. So: the same number of layers and
heads, the width that brings the number of weights nearest to ours, PyTorch's fused attention, no
dropout, its own initial weights, its own tied embedding. Nothing is downloaded.
Run alone, it prints the two models side by side.
"""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when transformers is imported
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import report
import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from grooves.models.transformer import Transformer, count_parameters
from grooves.training.lineage import new_model


class Opponent(nn.Module):
    """GPT-2 with our interface: ids (B, T) -> scores (B, T, V), and `loss`.

    `gpt2` is the model itself.
    """

    def __init__(self, ours: Transformer, n_embd: int, seed: int = 0):
        super().__init__()
        torch.manual_seed(seed)
        config = ours.config
        self.gpt2 = GPT2LMHeadModel(
            GPT2Config(
                vocab_size=config.vocabulary_size,
                n_positions=config.context,
                n_embd=n_embd,
                n_layer=config.n_layer,
                n_head=config.n_head,
                resid_pdrop=0.0,
                embd_pdrop=0.0,
                attn_pdrop=0.0,
                bos_token_id=0,
                eos_token_id=0,
                attn_implementation="sdpa",
            )
        )
        self.config = config

    @classmethod
    def like(cls, ours: Transformer, seed: int = 0) -> Opponent:
        """The opponent whose number of weights comes nearest to ours."""
        heads, target = ours.config.n_head, count_parameters(ours)

        def distance(width):
            with torch.device("meta"):  # shapes without memory
                return abs(count_parameters(cls(ours, width)) - target)

        width = min(range(heads * 8, ours.config.n_embd + 1, heads), key=distance)
        return cls(ours, width, seed)

    def forward(self, ids: Tensor) -> Tensor:
        """Scores of the next word at every position."""
        return self.gpt2(input_ids=ids, use_cache=False).logits

    def loss(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Mean surprise in nats at the true next words; -100 is ignored."""
        return nn.functional.cross_entropy(self(ids).flatten(0, 1), targets.flatten())


def matrix_weights(model: nn.Module) -> int:
    """Weights that every word is multiplied by: all matrices but the look-up of positions.

    The tied embedding counts once, as the output matrix; looking a word up costs no product.
    """
    learned = ("position.weight", "wpe.weight")
    return sum(
        p.numel() for n, p in model.named_parameters() if p.ndim == 2 and not n.endswith(learned)
    )


def forward_flops(model: nn.Module, n_texts: int, n_words: int) -> float:
    """Multiplications and additions of one forward pass over (n_texts, n_words).

    Two a weight and word, and attention's two products, of which causality needs half.
    """
    config = model.gpt2.config if isinstance(model, Opponent) else model.config
    attention = 2 * 2 * n_words * n_words / 2 * config.n_embd * config.n_layer
    return n_texts * (2 * matrix_weights(model) * n_words + attention)


def main() -> None:
    """Print the two models side by side."""
    parsed = report.arguments("The two models of the races.").parse_args()
    ours = new_model()
    theirs = Opponent.like(ours)
    rows = [
        {
            "model": name,
            "weights": count_parameters(model),
            "layers": model.config.n_layer,
            "heads": model.config.n_head,
            "width": width,
        }
        for name, model, width in (
            ("ours", ours, ours.config.n_embd),
            ("GPT-2 class", theirs, theirs.gpt2.config.n_embd),
        )
    ]
    report.publish("opponent", "Equal size: the two models of the races", rows, [], parsed.out)


if __name__ == "__main__":
    main()
