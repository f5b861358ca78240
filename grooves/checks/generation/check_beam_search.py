"""Check of lab 8: beam search (chapter 8).

Key idea: models that are tables of random numbers, in which short texts are likely in total and
long ones per token, so that each way of treating finished and unfinished texts differently finds
another text somewhere. Letters: V tokens in the vocabulary, of which token 0 ends a text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from grooves.checks import CheckFailed, check, describe
from grooves.checks.arrays import by_hand
from grooves.checks.compare import as_tensor, told_apart
from grooves.checks.generation.rules import LAB
from grooves.checks.mistakes import Mistake, in_forms
from grooves.checks.survey import Finding
from grooves.checks.verdict import note

# Seed of the model, V, width, most tokens of a text, exponent, and how likely the end is.
CASES = (
    (1, 5, 3, 6, 0.0, 0.0),
    (2, 5, 3, 6, 1.0, 0.0),
    (2, 5, 1, 6, 1.0, 0.0),
    (3, 4, 2, 7, 1.0, -1.0),
    (4, 6, 4, 5, 0.6, 0.5),
    (5, 4, 2, 4, 0.0, -3.0),
    (6, 3, 2, 8, 0.7, 0.0),
    (7, 7, 5, 3, 1.0, -0.5),
    (8, 5, 2, 1, 1.0, 1.0),
    (9, 4, 3, 6, 0.0, -1.5),
    (10, 3, 9, 5, 1.0, -1.0),
    (11, 6, 2, 4, 1.0, -30.0),
    (12, 5, 2, 9, 0.5, -1.0),
    (13, 40, 3, 5, 1.0, -0.5),
    (14, 5, 3, 6, 0.0, 1.0),
)


def model_of(seed: int, V: int, end: float) -> Callable[[Sequence[int]], Tensor]:
    """A model: the tokens of a text so far -> log-probabilities of the next token, (V,), float64.

    The same arguments give the same model, so that a student can try what a message tells of.
    end: what is added to the logit of the end mark.
    """

    def model(tokens):
        number = seed
        for token in tokens:
            number = (number * 1_000_003 + int(token) + 1) % (2**61 - 1)
        logits = torch.randn(V, generator=torch.Generator().manual_seed(number)).double() * 1.5
        logits[0] += end
        return logits.log_softmax(0)

    return model


def search(
    model, width, max_words, exponent, considered=None, stop_at_first=False, carried=False,
    own_best=False, compete=False, end_counts=1, end_paid=True, returned="score", end_kept=False,
    divide_unfinished=True,
):  # fmt: skip
    """The right search, with a place for each mistake."""
    live, finished = [((), 0.0)], []

    def score(text):
        tokens, log_p, *ended = text
        if not ended and not divide_unfinished:
            return log_p
        return log_p / max(len(tokens) + end_counts * bool(ended), 1) ** exponent

    for _ in range(max_words):
        ways = []
        for tokens, log_p in live:
            own = [(log_p + p, tokens, word) for word, p in enumerate(model(tokens).tolist())]
            own.sort(key=lambda way: -way[0])
            ways += own[:1] if own_best and tokens else own
        if carried:
            ways += [(log_p, tokens, None) for tokens, log_p, _ in finished]
            finished = []
        ways.sort(key=lambda way: -way[0])
        live = []
        for total, tokens, word in ways[: considered or 2 * width]:
            if word is None:
                finished.append((tokens, total, True))
            elif word == 0:
                paid = total if end_paid else total - float(model(tokens)[0])
                finished.append((tokens, paid, True))
            elif len(live) < width:
                live.append(((*tokens, word), total))
        if not live or (stop_at_first and finished):
            break
    texts = [*finished, *live] if compete or not finished else finished
    best = max(texts, key=score)
    tokens = [*best[0], 0] if end_kept and len(best) > 2 else list(best[0])
    return tokens, best[1] if returned == "log_p" else score(best)


def _with(**changes):
    return lambda *inputs: search(*inputs, **changes)


MISTAKES = (
    *in_forms(
        "greedy",
        "you keep one text only. `width` texts stay live, and the best of all their continuations "
        "are taken.",
        lambda model, width, n, e: search(model, 1, n, e),
        lambda model, width, n, e: search(model, 1, n, e, considered=1),
    ),
    Mistake(
        "stops_at_first",
        _with(stop_at_first=True),
        "the search stops at the first finished text. An unfinished one may still end with a "
        "better score: go on until no text is live or max_words is reached.",
    ),
    Mistake(
        "finished_take_places",
        lambda model, width, n, e: search(model, width, n, e, considered=width),
        "finished texts take the places of live ones, so the beam becomes narrower. Look at the "
        "2 * width best continuations, so that `width` unfinished ones are left.",
    ),
    Mistake(
        "finished_pruned",
        lambda model, width, n, e: search(model, width, n, e, considered=width, carried=True),
        "finished texts stay in the beam and are dropped from it when longer texts have a higher "
        "total. Set them aside: they are finished and cost nothing.",
    ),
    Mistake(
        "no_competition",
        _with(own_best=True),
        "each live text is continued by its own likeliest token. The continuations of all of them "
        "compete for the places.",
    ),
    Mistake(
        "not_normalised",
        lambda model, width, n, e: search(model, width, n, 0.0),
        "the length has no effect. Divide the log-probability by length ** length_exponent before "
        "you choose.",
    ),
    Mistake(
        "end_not_counted",
        _with(end_counts=0),
        "the end mark is missing from the length. It is one of the tokens that were predicted.",
    ),
    Mistake(
        "end_probability_missing",
        _with(end_paid=False),
        "the log-probability of the end mark is missing from the total.",
    ),
    Mistake(
        "unfinished_compete",
        _with(compete=True),
        "an unfinished text is returned, although some are finished. It lacks the cost of what it "
        "has not yet written.",
    ),
    Mistake(
        "unfinished_not_divided",
        _with(divide_unfinished=False),
        "where no text is finished, you return a log-probability. Divide that of a live text by "
        "length ** length_exponent too.",
    ),
    Mistake(
        "limit_without_end",
        lambda model, width, n, e: search(model, width, n + 1, e),
        "your texts have one token too many: max_words counts the end mark.",
    ),
    Mistake(
        "returns_log_p",
        _with(returned="log_p"),
        "the text is right, and the number beside it is its log-probability. Return its score.",
    ),
    Mistake(
        "end_in_tokens",
        _with(end_kept=True),
        "the end mark is among the tokens that you return. Leave it out.",
    ),
)


@check(lab=LAB, exercise="beam_search", returns=(tuple, list))
def beam_search(answer):
    """beam_search(model, width, max_words, length_exponent) -> (tokens, score)."""
    for i, (seed, V, width, max_words, exponent, end) in enumerate(CASES):
        inputs = (model_of(seed, V, end), width, max_words, exponent)
        got = _pair((by_hand(answer) if i == 0 else answer)(*inputs))
        given = (
            f"for check.model_of({seed}, {V}, {end}), width = {width}, max_words = {max_words} and "
            f"length_exponent = {exponent}"
        )
        _note(got, search(*inputs), inputs, given)


def _pair(got) -> tuple[list[int], float]:
    """What an answer returned, as a list of integers and a number.

    Raises: CheckFailed with the hint "not_a_pair".
    """
    try:
        tokens, score = got
        return [int(token) for token in tokens], float(np.asarray(score).reshape(()))
    except (TypeError, ValueError):
        raise CheckFailed(
            f"expected a list of tokens and its score, your function returned {describe(got)}.",
            hint="not_a_pair",
        ) from None


def _alike(one, other) -> bool:
    return one[0] == other[0] and math.isclose(one[1], other[1], rel_tol=1e-4, abs_tol=1e-4)


def _note(got, right, inputs: tuple, given: str) -> None:
    """Note how the text and its score differ from the right ones."""
    wrong = not _alike(got, right)
    mine, its = told_apart(got[1], right[1])
    told = (
        f"{given}, your result is {got[0]} with the score {mine}; it should be {right[0]} with "
        f"{its}."
    )

    def agrees(mistake):
        would = mistake.compute(*inputs)
        return _alike(got, would) and not (wrong and _alike(would, right))

    scores = as_tensor(got[1]), as_tensor(right[1])
    note(Finding(wrong, told if wrong else "", MISTAKES, agrees, *scores, 1e-4))
