"""The shell game: a task that takes many steps, with or without room to write them down.

Key idea: a ball lies under one of five cups, and the cups are swapped up to ten times. A model that
answers at once has to follow all swaps within one forward pass; a model that writes the ball's
place after each swap needs one small step per pass. Both read the same swaps and get equally many
examples.
Chapter 08. Shapes: B games, K the most swaps, T tokens.
Source: the idea is "scratchpads" (Nye et al. 2021, arXiv:2112.00114) and chain of thought
(Wei et al. 2022, arXiv:2201.11903); dots in their place: Pfau et al. 2024, arXiv:2404.15758.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

UNSCORED = -100  # target of a token whose prediction is not part of the loss
ARMS = ("direct", "dots", "supervised", "steps")


@dataclass(frozen=True)
class Game:
    """B games as the model reads them, with the ball's place after every swap.

    prompt: (B, K + 2), the ball's first place, K swaps (those left out are "no swap"), a question
    mark. places: (B, K), the place of the ball after each swap; the last one is the answer.
    """

    prompt: np.ndarray
    places: np.ndarray

    @property
    def answer(self) -> np.ndarray:
        """Where the ball lies at the end, (B,)."""
        return self.places[:, -1]


class Cups:
    """The game of `n_cups` cups and at most `n_swaps` swaps, and its tokens.

    Tokens: the places 0 to n_cups - 1, one token for each pair of cups that can be swapped, and
    `no_swap`, `question`, `dot` and `answer_next`.
    Raises: ValueError for fewer than two cups or no swap.
    """

    def __init__(self, n_cups: int = 5, n_swaps: int = 10):
        if n_cups < 2 or n_swaps < 1:
            raise ValueError(f"{n_cups=} must be at least 2 and {n_swaps=} at least 1")
        self.n_cups, self.n_swaps = n_cups, n_swaps
        self.pairs = np.array([(i, j) for i in range(n_cups) for j in range(i)])
        self.no_swap = n_cups + len(self.pairs)
        self.question, self.dot, self.answer_next = range(self.no_swap + 1, self.no_swap + 4)
        self.vocabulary_size = self.no_swap + 4

    def play(self, n_swaps, n_games: int, rng: np.random.Generator) -> Game:
        """Draw games with the given number of swaps: one number, or one for each game, (B,).

        The swaps stand at the end, after as many "no swap" as are missing, so that step i always
        looks back over the same distance.
        Raises: ValueError where a number of swaps is not between 1 and the game's most.
        """
        n_swaps = np.broadcast_to(n_swaps, (n_games,))
        if n_swaps.min() < 1 or n_swaps.max() > self.n_swaps:
            raise ValueError(f"{n_swaps=} must lie between 1 and {self.n_swaps}")
        first = rng.integers(0, self.n_cups, n_games)
        swaps = self.n_cups + rng.integers(0, len(self.pairs), (n_games, self.n_swaps))
        left_out = np.arange(self.n_swaps) < self.n_swaps - n_swaps[:, None]
        swaps[left_out] = self.no_swap
        question = np.full(n_games, self.question)
        prompt = np.column_stack((first, swaps, question))
        return Game(prompt, self.follow(first, swaps))

    def follow(self, place, swaps) -> np.ndarray:
        """The ball's place after each swap. place: (B,), swaps: (B, n) tokens -> (B, n)."""
        places = []
        for token in np.asarray(swaps).T:
            one, other = self.pairs[np.clip(token - self.n_cups, 0, len(self.pairs) - 1)].T
            moved = np.where(place == one, other, np.where(place == other, one, place))
            place = np.where(token == self.no_swap, place, moved)
            places.append(place)
        return np.stack(places, axis=1)

    def rows(self, game: Game, arm: str) -> tuple[Tensor, Tensor]:
        """Inputs and targets of training, (B, T) each, as one of four arms sees them.

        "direct": prompt, answer. "dots": as many dots as there would be steps, then the answer.
        "steps": the ball's place after every swap, all of them learned, then the answer.
        "supervised": the same places as targets of the prompt's own tokens; nothing is written.
        Raises: ValueError for another arm.
        """
        n_games = len(game.prompt)
        end = np.full((n_games, 1), self.answer_next)
        written = {
            "direct": np.empty((n_games, 0), int),
            "dots": np.full(game.places.shape, self.dot),
            "steps": game.places,
        }
        if arm == "supervised":
            targets = np.full_like(game.prompt, UNSCORED)
            targets[:, 1:-1], targets[:, -1] = game.places, game.answer
            return torch.from_numpy(game.prompt), torch.from_numpy(targets)
        if arm not in written:
            raise ValueError(f"{arm=} must be one of {', '.join(ARMS)}")
        answer = game.answer[:, None]
        whole = torch.from_numpy(np.hstack((game.prompt, written[arm], end, answer)))
        inputs, targets = whole[:, :-1], whole[:, 1:].clone()
        learned = game.prompt.shape[1] - 1 if arm == "steps" else whole.size(1) - 2
        targets[:, :learned] = UNSCORED
        return inputs, targets


@dataclass(frozen=True)
class CupsData:
    """Batches of games with 1 to the most swaps, the same for every arm. Has `batch(step)`."""

    cups: Cups
    arm: str
    n_games: int = 64
    seed: int = 1

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of one step, (B, T) each."""
        rng = np.random.default_rng((self.seed, step))
        n_swaps = rng.integers(1, self.cups.n_swaps + 1, self.n_games)
        return self.cups.rows(self.cups.play(n_swaps, self.n_games, rng), self.arm)


@torch.inference_mode()
def write_steps(model, cups: Cups, text: np.ndarray) -> np.ndarray:
    """Let the model complete texts greedily, up to and including the answer.

    text: (B, t), a prompt and perhaps some written places. Returns: (B, K + 2 + K + 2) tokens.
    """
    tokens = torch.from_numpy(np.asarray(text))
    while tokens.size(1) < 2 * cups.n_swaps + 4:
        tokens = torch.cat((tokens, model(tokens)[:, -1].argmax(-1, keepdim=True)), dim=1)
    return tokens.numpy()


@torch.inference_mode()
def answers(model, cups: Cups, game: Game, arm: str) -> np.ndarray:
    """The model's answers, (B,): its likeliest token at the place of the answer."""
    if arm == "steps":
        return write_steps(model, cups, game.prompt)[:, -1]
    inputs, _ = cups.rows(game, arm)  # holds no answer: that is a target only
    return model(inputs)[:, -1].argmax(-1).numpy()


def accuracy(model, cups: Cups, arm: str, n_swaps: int, n_games: int = 500, seed: int = 0) -> float:
    """The proportion of new games with `n_swaps` swaps that are answered correctly."""
    game = cups.play(n_swaps, n_games, np.random.default_rng((2**31 + seed, n_swaps)))
    return float((answers(model, cups, game, arm) == game.answer).mean())
