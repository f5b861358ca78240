"""Check of lab 8, the open challenge: as many accepted stories as possible (chapter 8).

Key idea: every way of decoding pays for the tokens that it reads, each accepted story counts once,
and stories that share most of their text are found out by how many different sequences of four
tokens they have, beside as many stories of the language. The parser judges afterwards; an answer
that uses it is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from torch import Tensor

from grooves.checks import CheckFailed, check, describe
from grooves.checks.compare import own_seed
from grooves.checks.generation.rules import LAB
from grooves.checks.generation.teller import Teller
from grooves.language.grammar import Grammar
from grooves.language.stories import Stories
from grooves.training import lineage

BUDGET = 10_000  # tokens
BAR = 105  # accepted stories
DIVERSITY = 0.5  # of the language's
LONGEST = 4  # tokens in a row that are compared
MOST = 600  # stories of the language that are told for comparison


@cache
def _language() -> Stories:
    return Stories()


@cache
def _model():
    return lineage.short_trained().cpu()  # so small a model is fastest there


@cache
def _true_stories() -> list[list[int]]:
    language = _language()
    return [[language.index[word] for word in story] for story in language.corpus(MOST, seed=808)]


def sequences(stories: list) -> int:
    """How many different sequences of four tokens occur in some stories."""
    n = LONGEST
    return len({tuple(s[i : i + n]) for s in stories for i in range(len(s) - n + 1)})


def diversity(stories: list) -> float:
    """Different sequences of four tokens, relative to as many stories of the language."""
    n = min(len(stories), MOST)
    return sequences(stories[:n]) / max(sequences(_true_stories()[:n]), 1)


def teller(n_tokens: int | None = None) -> Teller:
    """The short-trained story model with a budget of so many tokens, 10,000 by default."""
    return Teller(_model(), n_tokens or BUDGET)


def told(answer, seed: int = 8) -> tuple[list[tuple[int, ...]], float]:
    """The accepted stories of an answer, each once, and their diversity.

    seed: of PyTorch's random numbers, if the answer draws with them.
    Raises: CheckFailed where the answer used the grammar, or returned what it has not written.
    """
    one = teller()
    with own_seed(seed), _closed_grammar():
        got = answer(one)
    stories = _as_tuples(got)
    for i, story in enumerate(stories):
        if story not in one.written:
            ends = (
                " It ends with the end mark, which must be left out." if story[-1:] == (0,) else ""
            )
            raise CheckFailed(
                f"story {i} of {len(stories)} was not written with this teller.{ends} Return lists "
                "of the tokens that were read.",
                hint="not_told",
            )
    language = _language()
    accepted = [
        story
        for story in dict.fromkeys(stories)
        if language.parse([language.vocabulary[token] for token in story]).ok
    ]
    return accepted, diversity(accepted)


@contextmanager
def _closed_grammar() -> Iterator[None]:
    """Inside, whatever reads or tells a story with the language's grammar is refused."""

    def refused(*_):
        raise CheckFailed(
            "your code uses the language's grammar: its parser, its probabilities or its stories. "
            "Choose by the model's probabilities; the parser judges afterwards.",
            hint="uses_grammar",
        )

    own = {name: getattr(Grammar, name) for name in ("sample", "begin", "next_words", "read")}
    for name in own:
        setattr(Grammar, name, refused)
    try:
        yield
    finally:
        for name, method in own.items():
            setattr(Grammar, name, method)


def _as_tuples(got) -> list[tuple[int, ...]]:
    try:
        return [
            tuple(story.tolist() if isinstance(story, Tensor) else map(int, story)) for story in got
        ]
    except (TypeError, ValueError):
        raise CheckFailed(
            f"expected a list of stories, each a list of tokens; your function returned "
            f"{describe(got)}.",
            hint="no_stories",
        ) from None


@check(lab=LAB, exercise="challenge", returns=(list, tuple), repeatable=False)
def challenge(answer):
    """challenge(teller) -> stories, each a list of tokens without the end mark."""
    n_told = []  # how many stories were returned, and how many different ones

    def counted(one):
        got = answer(one)
        n_told.extend((len(got), len(set(_as_tuples(got)))))
        return got

    accepted, varied = told(counted)
    said = (
        f"{len(accepted)} different accepted stories from {BUDGET:,} tokens, with {varied:.0%} of "
        "the language's diversity"
    )
    if not n_told[0]:
        raise CheckFailed(
            "for a budget of 10,000 tokens, your result has no stories.", hint="no_stories"
        )
    if varied < DIVERSITY:
        raise CheckFailed(
            f"{said}. At least {DIVERSITY:.0%} are needed: your stories share too much of their "
            "text.",
            hint="too_alike",
        )
    if len(accepted) < BAR:
        advice = _advice(accepted, *n_told)
        hint = "too_few_different" if "repeated" in advice else "too_few"
        raise CheckFailed(f"{said}. At least {BAR} are needed. {advice}", hint=hint)
    return f"{said}."


def _advice(accepted: list, n_told: int, n_different: int) -> str:
    """What costs an answer most: stories that are repeated, or rejected, or tokens."""
    share = len(accepted) / n_told
    if share < 0.85 and n_told - n_different > n_different - len(accepted):
        return (
            f"You returned {n_told} stories, but only {n_different} different "
            f"{'one' if n_different == 1 else 'ones'}, and a repeated story counts once. Draw the "
            "tokens of each story separately, those of copies after `select` too."
        )
    if share < 0.85:
        return (
            f"Only {len(accepted) / n_different:.0%} of the {n_different} different stories that "
            "you returned are accepted: tokens that are unlikely where they stand spoil most of "
            "the others."
        )
    return (
        f"{share:.0%} of the stories that you returned count, so save tokens: "
        f"{BUDGET / n_told:.0f} "
        "of them went into each story. Must every story begin anew?"
    )


def race(answer, seeds: int = 3) -> float:
    """The mean number of accepted stories over some seeds; 0 where they are too alike. Not graded.

    Raises: CheckFailed, as the check does.
    """
    scores = []
    for seed in range(seeds):
        accepted, varied = told(answer, seed=100 + seed)
        scores.append(len(accepted) if varied >= DIVERSITY else 0)
        print(f"{len(accepted)} stories, {varied:.0%} of the language's diversity")
    return sum(scores) / len(scores)
