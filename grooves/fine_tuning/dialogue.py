"""Dialogues: a chat template, new tokens for the roles, and a loss on the answers only.

Key idea: a chat model is a language model that was fine-tuned on dialogues written as one row of
tokens, in which special tokens say whose turn it is. Which of the targets count is a choice: all of
them, or the assistant's alone (loss masking). Chapter 06.
In our dialogues the user tells a story of the first language and asks where its hero lives. The
story settles the answer word for word, so the best possible loss on the answers is 0.
Source: Ouyang et al. 2022, arXiv:2203.02155, section 3 (fine-tuning on demonstrations); the effect
of the mask is measured in Shi et al. 2024, arXiv:2405.14394.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from grooves.language.corpora import IGNORED
from grooves.language.stories import END, Stories
from grooves.language.tokenizers import WordTokenizer
from grooves.models.transformer import Transformer

USER, ASSISTANT = "<user>", "<assistant>"
ROLES = (USER, ASSISTANT)
QUESTION = ("Where", "do", "you", "live", "?")
LOSS_ON = ("answers", "all")


@dataclass(frozen=True)
class Dialogue:
    """One question and its answer, as words."""

    question: tuple[str, ...]
    answer: tuple[str, ...]

    def __str__(self) -> str:
        """The dialogue in the chat template, a turn per line."""
        turns = ((USER, self.question), (ASSISTANT, (*self.answer, END)))
        return "\n".join(" ".join((role, *words)) for role, words in turns)


def dialogues(n: int, seed: int) -> list[Dialogue]:
    """`n` dialogues about stories of the first language; the same seed gives the same ones."""
    return [Dialogue((*story, *QUESTION), _answer(story)) for story in Stories().corpus(n, seed)]


def add_tokens(model: Transformer, n: int = len(ROLES)) -> Transformer:
    """A copy of a model whose vocabulary has n tokens more, all of whose weights may learn.

    The new rows of the embedding begin as the mean of the old ones, so that the new tokens are
    neither likely nor impossible at first.
    Raises: ValueError where n is negative.
    Source: Hewitt 2021, nlp.stanford.edu/~johnhew/vocab-expansion.html.
    """
    if n < 0:
        raise ValueError(f"{n=} must be 0 or more tokens")
    V = model.config.vocabulary_size
    larger = Transformer(replace(model.config, vocabulary_size=V + n))
    larger = larger.to(model.embedding.weight.device)
    old = dict(model.named_parameters())
    with torch.no_grad():
        for name, weight in larger.named_parameters():
            if name == "embedding.weight":
                weight[:V] = old[name]
                weight[V:] = old[name].mean(0)
            else:
                weight.copy_(old[name])
    return larger.eval()


def encode(dialogue: Dialogue, loss_on: str = "answers") -> tuple[list[int], list[int]]:
    """Inputs and targets of one dialogue, each of T token ids.

    The inputs begin with the end mark and the user's role; the target at each position is the next
    token. loss_on: "answers" sets every target to IGNORED but the answer's words and the end mark
    behind them; "all" keeps every target.
    Raises: ValueError for another `loss_on`.
    """
    if loss_on not in LOSS_ON:
        raise ValueError(f"{loss_on=} must be one of {', '.join(LOSS_ON)}")
    tokenizer = WordTokenizer(Stories().vocabulary)
    V = len(tokenizer)
    asked = [V, *tokenizer.encode(list(dialogue.question)), V + 1]
    answer = [*tokenizer.encode(list(dialogue.answer)), 0]
    tokens = [0, *asked, *answer]
    inputs, targets = tokens[:-1], tokens[1:]
    if loss_on == "answers":
        targets[: len(asked)] = [IGNORED] * len(asked)
    return inputs, targets


def rows(some: list[Dialogue], loss_on: str = "answers") -> tuple[Tensor, Tensor]:
    """Inputs and targets of dialogues, each (N, T), padded to the longest.

    Raises: ValueError as `encode`.
    """
    encoded = [encode(dialogue, loss_on) for dialogue in some]
    longest = max(len(inputs) for inputs, _ in encoded)
    inputs = torch.zeros(len(some), longest, dtype=torch.long)
    targets = torch.full((len(some), longest), IGNORED)
    for row, (read, asked) in enumerate(encoded):
        inputs[row, : len(read)] = torch.tensor(read)
        targets[row, : len(asked)] = torch.tensor(asked)
    return inputs, targets


class DialogueData:
    """Dialogues in batches, with the interface of `grooves.language.corpora.StoryData`.

    Raises: ValueError where there are fewer dialogues than one batch holds, or as `encode`.
    """

    def __init__(self, some: list[Dialogue], loss_on: str, batch_size: int = 5, seed: int = 0):
        if len(some) < batch_size:
            raise ValueError(f"{len(some)} dialogues are less than one batch of {batch_size}")
        self.inputs, self.targets = rows(some, loss_on)
        self.batch_size, self.seed = batch_size, seed

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of one step, each (batch_size, T)."""
        per_epoch = len(self.inputs) // self.batch_size
        epoch, place = divmod(step, per_epoch)
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.inputs))
        chosen = order[place * self.batch_size : (place + 1) * self.batch_size]
        return self.inputs[chosen], self.targets[chosen]


@torch.no_grad()
def evaluate(model: Transformer, some: list[Dialogue]) -> dict[str, float]:
    """How well a model answers, and how well it predicts the user.

    Returns: `answer` and `question`, nats per word of either; `right`, the fraction of dialogues in
    which the likeliest word is the right one at every place of the answer.
    """
    device = model.embedding.weight.device
    inputs, of_answers = rows(some, "answers")
    _, of_all = rows(some, "all")
    log_p = model(inputs.to(device)).float().log_softmax(-1).cpu()
    nats = -log_p.gather(-1, of_all.clamp(min=0)[..., None]).squeeze(-1)  # (N, T)
    answer = of_answers != IGNORED
    question = (of_all != IGNORED) & ~answer
    right = ((log_p.argmax(-1) == of_answers) | ~answer).all(1)
    return {
        "answer": float(nats[answer].mean()),
        "question": float(nats[question].mean()),
        "right": float(right.float().mean()),
    }


def _answer(story: list[str]) -> tuple[str, ...]:
    """Where the hero of a story lives, in the hero's own words."""
    said = " ".join(story)
    start = said.find("lived in ")
    if start >= 0:  # "lived in a warm cave with her mother ."
        home, _, rest = said[start + len("lived in ") :].partition(" with ")
        relative = rest.split()[1]
    else:  # "home was a warm cave , and her mother lived there too ."
        home, _, rest = said[said.index("home was ") + len("home was ") :].partition(" , and ")
        relative = rest.split()[1]
    return ("I", "live", "with", "my", relative, "in", *home.split(), ".")
