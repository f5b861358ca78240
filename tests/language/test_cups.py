"""The shell game: its rules, its rows, and what each arm is asked."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grooves.language.cups import ARMS, UNSCORED, Cups, CupsData, accuracy, answers, write_steps


def moved(cups, first, swaps):
    """The game played with a list and one ball."""
    board = [i == first for i in range(cups.n_cups)]
    found = []
    for token in swaps:
        if token != cups.no_swap:
            i, j = cups.pairs[token - cups.n_cups]
            board[i], board[j] = board[j], board[i]
        found.append(board.index(True))
    return found


class Perfect:
    """A model that reads the prompt and writes the correct places."""

    def __init__(self, cups):
        self.cups = cups

    def __call__(self, tokens):
        n, t = self.cups.n_swaps, tokens.size(1)
        scores = torch.zeros(*tokens.shape, self.cups.vocabulary_size)
        for b, row in enumerate(tokens.tolist()):
            places = moved(self.cups, row[0], row[1 : n + 1])
            told = [*places, self.cups.answer_next, places[-1]]
            scores[b, -1, told[t - n - 2]] = 1
        return scores


def test_places_are_those_of_a_game_played_by_hand():
    cups = Cups(5, 10)
    game = cups.play(np.arange(1, 11).repeat(20), 200, np.random.default_rng(0))
    for row, places in zip(game.prompt, game.places, strict=True):
        assert places.tolist() == moved(cups, row[0], row[1:-1])


def test_swaps_that_are_left_out_come_first():
    cups = Cups(4, 6)
    game = cups.play([1, 4, 6], 3, np.random.default_rng(0))
    assert (game.prompt[:, 1:-1] == cups.no_swap).sum(1).tolist() == [5, 2, 0]
    assert (game.prompt[0, 1:6] == cups.no_swap).all()


@pytest.mark.parametrize("arm", ARMS)
def test_the_answer_is_a_target_and_never_an_input(arm):
    """A change of the answer changes no input, and every arm is scored on it."""
    cups = Cups(5, 4)
    game = cups.play(4, 50, np.random.default_rng(1))
    inputs, targets = cups.rows(game, arm)
    assert (targets[:, -1].numpy() == game.answer).all()
    n_scored = {"direct": 1, "dots": 1, "supervised": 5, "steps": 6}[arm]
    assert ((targets != UNSCORED).sum(1) == n_scored).all()
    before_answer = inputs[:, -1].numpy()
    assert (before_answer == (cups.question if arm == "supervised" else cups.answer_next)).all()


def test_supervised_targets_stand_at_their_swaps():
    cups = Cups(5, 4)
    game = cups.play(4, 50, np.random.default_rng(2))
    _, targets = cups.rows(game, "supervised")
    assert (targets[:, 1:5].numpy() == game.places).all()
    assert (targets[:, 0] == UNSCORED).all()


def test_a_perfect_model_is_right_and_its_written_steps_are_read():
    cups = Cups(5, 6)
    game = cups.play(6, 40, np.random.default_rng(3))
    assert (answers(Perfect(cups), cups, game, "steps") == game.answer).all()
    assert accuracy(Perfect(cups), cups, "steps", 3, n_games=40) == 1
    told = write_steps(Perfect(cups), cups, game.prompt)
    assert (told[:, 8:14] == game.places).all()


def test_batches_are_the_same_games_for_every_arm():
    cups = Cups(5, 6)
    one, other = (CupsData(cups, arm, seed=4).batch(7)[0] for arm in ("direct", "steps"))
    assert torch.equal(one[:, :8], other[:, :8])
    assert not torch.equal(one, CupsData(cups, "direct", seed=4).batch(8)[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Cups(1), "n_cups=1 must be at least 2"),
        (lambda: Cups(5, 6).play(7, 2, np.random.default_rng(0)), "between 1 and 6"),
        (
            lambda: Cups(5, 6).rows(Cups(5, 6).play(2, 2, np.random.default_rng(0)), "thinking"),
            "must be one of direct, dots, supervised, steps",
        ),
    ],
)
def test_impossible_games_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
