"""Generation: one token after another.

Key idea: the model predicts probabilities, the sampler draws a token, and the token becomes part of
the input of the next prediction. No parameter changes, so nothing needs a gradient.
Chapters: 04, 08, 09.
"""

from __future__ import annotations

import torch
from torch import Tensor

from grooves.inference.decoder import Decoder
from grooves.inference.kv_cache import KVCache
from grooves.inference.sampling import apply_top_p, draw
from grooves.language.tokenizers import WordTokenizer


def sample_next(
    logits: Tensor,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    top_p: float = 1.0,
) -> Tensor:
    """Draw one token for each text: logits (B, V) -> (B, 1).

    temperature: 1 samples from the model's own distribution, less favours the likely tokens, 0
    always takes the likeliest (greedy decoding). top_p: sample only from the likeliest tokens that
    together have at least this probability.
    Raises: ValueError for a negative temperature, or a `top_p` outside (0, 1].
    """
    if temperature < 0:
        raise ValueError(f"{temperature=} must be 0 (always the likeliest token) or more")
    if not 0 < top_p <= 1:
        raise ValueError(f"{top_p=} must be above 0 and at most 1 (all tokens)")
    if temperature == 0:
        return logits.argmax(-1, keepdim=True)
    if temperature != 1:
        logits = logits / temperature
    return draw(apply_top_p(logits, top_p).softmax(-1), generator)[:, None]


class Reader:
    """A model that has read a prompt (B, T) and continues one token at a time, with its cache.

    `logits` are those of the token after the prompt, (B, V).
    `grooves.inference.decoder.Decoder` does the same, faster, on a CPU.
    """

    def __init__(self, model, prompt: Tensor):
        self.model, self.cache = model, KVCache(model, prompt.size(0))
        self.logits = self.read(prompt)

    def read(self, words: Tensor) -> Tensor:
        """Read one more token of each text, (B, 1): logits of the token after it, (B, V)."""
        return self.model(words, self.cache)[:, -1]

    def select(self, rows: Tensor) -> None:
        """Keep the given texts, (B',) indices, in this order; one may be taken several times."""
        self.cache.select(rows)


@torch.inference_mode()
def generate(
    model,
    prompt: Tensor,
    max_words: int | None = None,
    temperature: float = 1.0,
    seed: int = 0,
    end: int | None = 0,
    top_p: float = 1.0,
) -> Tensor:
    """Continue each prompt: (B, T) -> (B, T + new). Texts that ended are filled with `end`.

    max_words: how many tokens to add at most (default: as many as fit into the context).
    temperature, top_p: as for `sample_next`. end: the token that ends a text; None never stops
    early.
    Raises: ValueError where the prompt alone fills the context, or is empty.
    """
    length = prompt.size(1)
    room = model.config.context - length + 1
    if length == 0 or room < 1:
        raise ValueError(f"a prompt of {length} words leaves no room in {model.config.context}")
    generator = torch.Generator(prompt.device).manual_seed(seed)
    reader = Decoder(model, prompt) if Decoder.fits(model) else Reader(model, prompt)
    logits, out = reader.logits, [prompt]
    ended = torch.zeros_like(prompt[:, :1], dtype=torch.bool)
    for left in reversed(range(min(room, max_words if max_words is not None else room))):
        words = sample_next(logits, temperature, generator, top_p)
        if end is not None:
            words.masked_fill_(ended, end)
            ended |= words == end
        out.append(words)
        if not left or (end is not None and ended.all()):
            break
        logits = reader.read(words)
    return torch.cat(out, dim=1)


def tell(model, language, prompt: str = "", temperature: float = 1.0, seed: int = 0) -> str:
    """Let the model continue a story that begins with `prompt`; returns the whole text.

    Raises: ValueError that names the first word the model does not know.
    """
    tokenizer = WordTokenizer(language.vocabulary)
    start = [0, *tokenizer.encode(prompt)]
    ids = torch.tensor([start], device=next(model.parameters()).device)
    return tokenizer.decode(generate(model, ids, temperature=temperature, seed=seed)[0].tolist())


def sample_stories(
    model, language, n: int, temperature: float = 1.0, seed: int = 0, top_p: float = 1.0
) -> list[list[str]]:
    """`n` stories of the model as lists of words; one that never ended is cut at the context."""
    tokenizer = WordTokenizer(language.vocabulary)
    start = torch.zeros((n, 1), dtype=torch.long, device=next(model.parameters()).device)
    rows = generate(model, start, temperature=temperature, seed=seed, top_p=top_p)[:, 1:].tolist()
    return [tokenizer.decode_words(row[: row.index(0)] if 0 in row else row) for row in rows]
