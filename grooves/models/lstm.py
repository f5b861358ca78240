"""The LSTM: the kind of language model that the transformer replaced.

Key idea: a state of fixed size summarises everything so far and is passed from token to token. So
token t cannot be processed before token t - 1, neither in generation nor in training.
Chapter 04. Source: Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grooves.models.transformer import Config, Transformer, count_parameters


class LSTM(nn.Module):
    """An LSTM with the interface of `Transformer`; `like` picks its width for equal size.

    Tokens in, logits of the next token out: ids (B, T) -> (B, T, V).
    """

    def __init__(self, config: Config, width: int, seed: int = 0):
        super().__init__()
        self.config = config
        with torch.random.fork_rng(devices=[]):  # weights drawn here are drawn again by reset()
            self.embedding = nn.Embedding(config.vocabulary_size, width)
            self.layers = nn.LSTM(width, width, config.n_layer, batch_first=True)
            self.head = nn.Linear(width, config.vocabulary_size, bias=False)
        self.head.weight = self.embedding.weight
        self.reset(seed)

    @classmethod
    def like(cls, transformer: Transformer, seed: int = 0) -> LSTM:
        """The LSTM whose number of weights comes closest to the transformer's."""
        config, target = transformer.config, count_parameters(transformer)
        layer = 8 * config.n_layer  # weights a layer: 8 width**2 + 8 width
        size = lambda w: config.vocabulary_size * w + layer * w * (w + 1)  # noqa: E731
        width = min(range(4, 4 * config.n_embd, 2), key=lambda w: abs(size(w) - target))
        return cls(config, width, seed)

    @torch.no_grad()
    def reset(self, seed: int) -> None:
        """Draw all weights; the forget gates begin open (Jozefowicz et al. 2015)."""
        generator = torch.Generator().manual_seed(seed)
        width = self.embedding.embedding_dim
        for name, p in self.named_parameters():
            if "bias_ih" in name:
                p.zero_()
                p[width : 2 * width] = 1.0
            elif "bias" in name:
                p.zero_()
            elif "embedding" in name:
                p.normal_(std=0.1, generator=generator)
            else:
                p.uniform_(-(width**-0.5), width**-0.5, generator=generator)

    def forward(self, ids: Tensor, state=None, return_state: bool = False):
        """Logits of the next token: ids (B, T) -> (B, T, V).

        state: what an earlier call returned with `return_state`, to continue from there.
        """
        y, state = self.layers(self.embedding(ids), state)
        logits = self.head(y)
        return (logits, state) if return_state else logits

    def loss(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy of the next tokens in nats. ids, targets: (B, T); -100 is ignored."""
        return F.cross_entropy(self(ids).flatten(0, 1).float(), targets.flatten())
