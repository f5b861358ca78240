"""Preferences: pairs of texts, of which somebody preferred one, and how a model learns from them.

Key idea: a pair says only which of two texts is better. If the better one wins with probability
sigmoid(r(chosen) - r(rejected)), pairs can be fitted like any other data: by a separate reward
model (`grooves.fine_tuning.reward_model`), or by the language model itself (DPO, IPO), whose reward
is how much more probable it makes a text than a frozen reference model does.
Chapter 10.
Source: Bradley and Terry 1952, Biometrika 39; Rafailov et al. 2023, arXiv:2305.18290 (DPO); Azar et
al. 2023, arXiv:2310.12036 (IPO).

A text is a list of tokens without the end mark. Its log-probability is the sum over its tokens and
its end mark. The tokens of the prompt were given, not written, so they do not count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grooves.fine_tuning.updates import Updater, device_of
from grooves.language.corpora import IGNORED, next_word_rows

METHODS = ("dpo", "ipo", "ordinary")
CHUNK = 50  # texts that are read at once where no gradient is needed


# ---- log-probabilities of texts ------------------------------------------------------------------


def encode(
    texts: list[list[int]],
    n_prompt: int | Sequence[int] = 0,
    ended: Sequence[bool] | None = None,
    context: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Inputs and targets of texts, each (B, T), with IGNORED where a target does not count.

    n_prompt: tokens of the prompt, for all texts or for each. ended: whether each text has an end
    mark (default: all). context: at most so many places; what is beyond is left out, as is the end
    mark of a text that fills it.
    Raises: ValueError where a prompt is longer than its text.
    """
    inputs, targets = next_word_rows(texts)
    for row, (text, given) in enumerate(zip(texts, _for_each(n_prompt, len(texts)), strict=True)):
        if not 0 <= given <= len(text):
            raise ValueError(f"a prompt of {given} tokens does not fit a text of {len(text)}")
        targets[row, :given] = IGNORED
        if ended is not None and not ended[row]:
            targets[row, len(text)] = IGNORED
    return inputs[:, :context], targets[:, :context]


def token_log_probs(model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Log-probability of every target, 0 where it is IGNORED: (B, T), with a gradient."""
    place = device_of(model)
    inputs, targets = inputs.to(place), targets.to(place)
    log_p = model(inputs).float().log_softmax(-1)  # (B, T, V)
    taken = log_p.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    return taken * (targets >= 0)


def story_log_probs(
    model: nn.Module,
    texts: list[list[int]],
    n_prompt: int | Sequence[int] = 0,
    ended: Sequence[bool] | None = None,
) -> Tensor:
    """Log-probability of each text given its prompt, in nats, summed over its tokens: (N,).

    With a gradient, unless called under `torch.no_grad`; then long lists are read in parts.
    Arguments and errors as `encode`.
    """
    if torch.is_grad_enabled() or len(texts) <= CHUNK:
        rows = encode(texts, n_prompt, ended, model.config.context)
        return token_log_probs(model, *rows).sum(1)
    prompts = _for_each(n_prompt, len(texts))
    parts = [slice(i, i + CHUNK) for i in range(0, len(texts), CHUNK)]
    return torch.cat(
        [
            story_log_probs(model, texts[p], prompts[p], None if ended is None else ended[p])
            for p in parts
        ]
    )


def _for_each(n_prompt: int | Sequence[int], n_texts: int) -> list[int]:
    """One number for all texts, or one for each, as one for each."""
    return [n_prompt] * n_texts if isinstance(n_prompt, int) else list(n_prompt)


# ---- pairs ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pairs:
    """N pairs of texts: `chosen[i]` was preferred to `rejected[i]`.

    n_prompt: how many tokens of each pair were given to both, (N,) or one number for all.
    Raises: ValueError where the lists differ in length, are empty, a pair holds the same text
    twice, or its two texts begin with different prompts.
    """

    chosen: list[list[int]]
    rejected: list[list[int]]
    n_prompt: int | tuple[int, ...] = 0

    def __post_init__(self):
        if len(self.chosen) != len(self.rejected) or not self.chosen:
            raise ValueError(
                f"{len(self.chosen)} chosen and {len(self.rejected)} rejected texts are not pairs: "
                "give one of each, and at least one pair"
            )
        for i, (a, b, n) in enumerate(zip(self.chosen, self.rejected, self.prompts, strict=True)):
            if a == b:
                raise ValueError(f"pair {i} holds the same text twice: leave it out")
            if a[:n] != b[:n]:
                raise ValueError(f"the texts of pair {i} have different prompts")

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def prompts(self) -> list[int]:
        """Tokens of the prompt of each pair."""
        return _for_each(self.n_prompt, len(self.chosen))

    def take(self, rows: Sequence[int]) -> Pairs:
        """Some of the pairs, by their numbers."""
        prompts = self.prompts
        return Pairs(
            [self.chosen[i] for i in rows],
            [self.rejected[i] for i in rows],
            tuple(prompts[i] for i in rows),
        )

    def log_probs(self, model: nn.Module) -> tuple[Tensor, Tensor]:
        """`story_log_probs` of the chosen and of the rejected texts: (N,) each."""
        both = story_log_probs(model, self.chosen + self.rejected, self.prompts * 2)
        return both[: len(self)], both[len(self) :]


def pair_up(texts: list[list[int]], ratings: Sequence[float], n: int | None = None) -> Pairs:
    """Pairs of one text that was rated 1 and one that was rated -1, in order; at most n.

    Other ratings (0: no opinion) are left out. Raises: ValueError where one kind is missing.
    """
    liked = [text for text, rating in zip(texts, ratings, strict=True) if rating == 1]
    disliked = [text for text, rating in zip(texts, ratings, strict=True) if rating == -1]
    kept = min(len(liked), len(disliked), len(texts) if n is None else n)
    return Pairs(liked[:kept], disliked[:kept])


# ---- losses --------------------------------------------------------------------------------------


def bradley_terry_loss(chosen: Tensor, rejected: Tensor) -> Tensor:
    """Mean of -ln sigmoid(r(chosen) - r(rejected)) over pairs, in nats: (N,), (N,) -> ().

    chosen, rejected: rewards of the preferred and of the other text.
    Source: Bradley and Terry 1952; Ouyang et al. 2022, arXiv:2203.02155, eq. 1, for two answers.
    """
    return -F.logsigmoid(chosen - rejected).mean()


def dpo_loss(
    chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, beta: float
) -> Tensor:
    """The Bradley-Terry loss with beta ln(pi / pi_ref) as the reward: four times (N,) -> ().

    Arguments are log-probabilities of the texts under the model and under the frozen reference.
    beta: price of one nat of KL in units of reward. Raises: ValueError unless it is positive.
    Source: Rafailov et al. 2023, arXiv:2305.18290, eq. 7.
    """
    if not beta > 0:
        raise ValueError(f"{beta=} must be positive")
    return bradley_terry_loss(beta * (chosen - ref_chosen), beta * (rejected - ref_rejected))


def ipo_loss(
    chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, margin: float
) -> Tensor:
    """Mean of (h - margin)² / margin² over pairs: four times (N,) -> ().

    h is how many nats more the model gained on the chosen text than on the rejected one:
    ln(pi / pi_ref) of the one minus the other. The loss has its least value at h = margin, where
    DPO's goes on falling. margin is 1 / (2 tau) in the source; dividing by its square is a
    departure from it, so that losses of different margins compare.
    Raises: ValueError unless the margin is positive.
    Source: Azar et al. 2023, arXiv:2310.12036, eq. 17.
    """
    if not margin > 0:
        raise ValueError(f"{margin=} must be positive")
    h = (chosen - ref_chosen) - (rejected - ref_rejected)
    return (h / margin - 1).square().mean()


# ---- fitting -------------------------------------------------------------------------------------


@dataclass
class PairHistory:
    """What happened at each step: the loss, and how many nats the texts of the batch have gained.

    chosen, rejected: mean of ln(pi / pi_ref) over the batch.
    """

    losses: list[float] = field(default_factory=list)
    chosen: list[float] = field(default_factory=list)
    rejected: list[float] = field(default_factory=list)


def fit_pairs(
    model: nn.Module,
    reference: nn.Module,
    pairs: Pairs,
    method: str = "ipo",
    steps: int = 100,
    lr: float = 3e-4,
    beta: float = 0.1,
    margin: float = 4.0,
    batch: int = 16,
    seed: int = 0,
    optimizer: str = "adamw",
    on_step: Callable[[int, PairHistory], None] | None = None,
) -> PairHistory:
    """Train a model on pairs, in place.

    method: "dpo" (with beta), "ipo" (with margin), or "ordinary" (next-word training on the chosen
    texts alone, per token: the control that learns nothing from the rejected ones). reference: a
    frozen copy of the model as it was. batch: pairs a step, drawn anew each time. on_step: called
    with the number of steps done and the history; it may put the model into evaluation mode.
    Raises: ValueError for another method.
    """
    if method not in METHODS:
        raise ValueError(f"{method=} is not one of {', '.join(METHODS)}")
    with torch.no_grad():
        ref_chosen, ref_rejected = pairs.log_probs(reference)
    updater, history = Updater(model, optimizer, lr), PairHistory()
    generator = torch.Generator().manual_seed(seed)
    for step in range(1, steps + 1):
        rows = torch.randperm(len(pairs), generator=generator)[:batch]
        some, ref = pairs.take(rows.tolist()), (ref_chosen[rows], ref_rejected[rows])
        model.train()
        if method == "ordinary":
            chosen = story_log_probs(model, some.chosen, some.prompts)
            with torch.no_grad():  # only for the record
                rejected = story_log_probs(model, some.rejected, some.prompts)
            n_tokens = sum(map(len, some.chosen)) + len(some) - sum(some.prompts)
            loss = -chosen.sum() / n_tokens
        else:
            chosen, rejected = some.log_probs(model)
            both = chosen, rejected, *ref
            loss = dpo_loss(*both, beta) if method == "dpo" else ipo_loss(*both, margin)
        updater.step(loss)
        history.losses.append(loss.item())
        history.chosen.append((chosen.detach() - ref[0]).mean().item())
        history.rejected.append((rejected.detach() - ref[1]).mean().item())
        if on_step is not None:
            on_step(step, history)
    model.eval()
    return history
