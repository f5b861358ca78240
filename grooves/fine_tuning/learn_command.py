"""`grooves learn FILE`: train the model on the thumbs of a feedback file, and say what changed.

Key idea: collecting thumbs changes nothing; this command is where the weights change. It reads the
file, trains a copy of the model, measures both, and replaces the new weights' file in one step, so
that a running `grooves serve --model FILE` can take them.
Chapter 10.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grooves import cache_dir
from grooves.fine_tuning import judges
from grooves.fine_tuning.learn import STEPS, learn_from_pairs
from grooves.fine_tuning.preferences import Pairs
from grooves.inference import feedback_file
from grooves.inference.sampled import draw_texts
from grooves.language.stories import Stories
from grooves.language.tokenizers import WordTokenizer
from grooves.training import lineage
from grooves.training.checkpoint import CheckpointError, load_model, save_model

MEASURED = 300  # stories before and after
FEW = 5  # pairs; below, the command says that this is hardly anything


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `grooves learn`."""
    parser.add_argument("file", type=Path, help="feedback file, one JSON object per line")
    parser.add_argument("--model", type=Path, help="weights to start from (default: the base)")
    parser.add_argument("--to", type=Path, help=f"where the new weights go (default: {TO_TEXT})")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn")


TO_TEXT = "models/learned.safetensors in the course's cache folder"


def main(args: argparse.Namespace) -> int:
    """Read, learn, measure, write. Raises: ValueError or OSError with one sentence."""
    to = args.to or cache_dir() / "models" / "learned.safetensors"
    refuse_committed(to)
    language = Stories()
    model, name = starting_model(args.model, language)
    found = feedback_file.read(args.file)
    print(f"{args.file}: {found}.")
    lesson = Lesson.from_feedback(found.feedback, language, model.config.context)
    for line, why in lesson.skipped:
        print(f"line {line} is skipped: {why}")
    pairs = lesson.pairs(model, args.seed)
    if len(pairs) < FEW:
        print(f"Fewer than {FEW} pairs are hardly anything: {2 * FEW} give a clear direction.")
    count = "1 pair" if len(pairs) == 1 else f"{len(pairs)} pairs"
    if any(one.thumb is not None for _, one in found.feedback):
        print("A single thumb is compared with one of the opposite kind, or with a new story.")
    print(f"Learning from {count}, {STEPS} steps: about half a minute ...", flush=True)
    tuned, reward = learn_from_pairs(model, pairs, seed=args.seed)
    print(Change.measure(model, tuned, reward, MEASURED))
    notes = {
        "learned_from": len(pairs),
        "started_from": f"{name}@{feedback_file.weights_hash(model)}",
    }
    save_model(tuned, to, notes)
    print(f"Written to {to} ({feedback_file.weights_hash(tuned)}).")
    print(f"Ask it for stories: grooves serve --model {to}")
    return 0


def starting_model(path: Path | None, language: Stories):
    """The model to start from and its name. Raises: CheckpointError where it is of another kind."""
    if path is None:
        return lineage.base(), "base"
    model = load_model(path).eval()
    if model.config.vocabulary_size != len(language.vocabulary):
        raise CheckpointError(
            f"{path} knows {model.config.vocabulary_size} words, the language has "
            f"{len(language.vocabulary)}: give a story model of the course"
        )
    return model, path.stem


def refuse_committed(to: Path) -> None:
    """Raises: ValueError where the course's own weights would be overwritten."""
    if lineage.weights_path(lineage.BASE_STEPS).parent.resolve() in to.resolve().parents:
        raise ValueError(f"{to} is among the course's own weights: choose another place with --to")


@dataclass(frozen=True)
class Lesson:
    """What a feedback file teaches, as tokens with their prompts.

    compared: (chosen, rejected, tokens of the prompt). liked, disliked: single texts, as (text,
    tokens of the prompt). skipped: (line, reason) for words that the model does not know.
    """

    compared: list[tuple[list[int], list[int], int]]
    liked: list[tuple[list[int], int]]
    disliked: list[tuple[list[int], int]]
    skipped: list[tuple[int, str]]

    @classmethod
    def from_feedback(cls, feedback, language: Stories, context: int) -> Lesson:
        """feedback: (line, Feedback), as `feedback_file.read` returns it."""
        tokenizer = WordTokenizer(language.vocabulary)
        lesson = cls([], [], [], [])
        for line, one in feedback:
            try:
                lesson._add(one, tokenizer, context)
            except ValueError as error:
                lesson.skipped.append((line, str(error)))
        return lesson

    def _add(self, one, tokenizer: WordTokenizer, context: int) -> None:
        prompt = tokenizer.encode(one.prompt)

        def whole(text: str) -> list[int]:
            """Prompt and continuation, as much as fits."""
            return (prompt + tokenizer.encode(text))[: context - 1]

        if len(prompt) >= context - 1:
            raise ValueError(f"its prompt has {len(prompt)} words and leaves no room in {context}")
        if one.is_pair:
            chosen, rejected = whole(one.chosen), whole(one.rejected)
            if chosen == rejected:
                raise ValueError("its two texts are the same as far as the model can read them")
            self.compared.append((chosen, rejected, len(prompt)))
        else:
            side = self.liked if one.thumb == 1 else self.disliked
            side.append((whole(one.text), len(prompt)))

    def pairs(self, model, seed: int = 0) -> Pairs:
        """Pairs to learn from: the compared ones, and single thumbs paired with each other.

        A liked text is paired with a disliked one that has the same prompt; where there is none,
        with a text that the model writes now for that prompt, and likewise the other way round: a
        single thumb says that a text is better, or worse, than what the model usually writes.
        Raises: ValueError where nothing is left to learn from.
        """
        rng = random.Random(seed)
        rows = list(self.compared)
        for mine, others, sign in ((self.liked, self.disliked, 1), (self.disliked, self.liked, -1)):
            for text, n in mine:
                rivals = [other for other, m in others if other[:m] == text[:n] and other != text]
                rival = rng.choice(rivals) if rivals else usual(model, text[:n], rng)
                if rival != text:
                    rows.append((text, rival, n) if sign == 1 else (rival, text, n))
        if not rows:
            raise ValueError("there is nothing to learn from: judge some stories first")
        chosen, rejected, prompts = zip(*rows, strict=True)
        return Pairs(list(chosen), list(rejected), tuple(prompts))


def usual(model, prompt: list[int], rng: random.Random) -> list[int]:
    """What the model writes now for a prompt, one text."""
    return draw_texts(model, 1, seed=rng.randrange(2**31), prefixes=[prompt]).tokens[0]


@dataclass(frozen=True)
class Change:
    """What learning changed, from equally many stories of the model before and after.

    preferred: how often the reward model prefers a story of the new model to one of the old (0.5
    where nothing changed). before, after: `judges.Report`.
    """

    preferred: float
    before: judges.Report
    after: judges.Report

    @classmethod
    def measure(cls, old, new, reward, n: int = MEASURED, seed: int = 9) -> Change:
        """Draw n stories of each, and compare."""
        scores = [np.sort(reward(draw_texts(model, n, seed=seed).tokens)) for model in (old, new)]
        below = np.searchsorted(scores[0], scores[1], "left")
        up_to = np.searchsorted(scores[0], scores[1], "right")
        preferred = float((below + up_to).mean()) / (2 * n)
        reports = [judges.report(model, old, n, seed) for model in (old, new)]
        return cls(preferred, *reports)

    def __str__(self) -> str:
        before, after = self.before, self.after
        lines = [
            "The reward model prefers a new story to an old one in "
            f"{self.preferred:.0%} of comparisons (50% is no change).",
            f"Happy endings: {before.happy:.0%} before, {after.happy:.0%} now "
            f"(± {after.error:.0%}).",
            f"Accepted by the parser: {before.accepted:.0%} before, {after.accepted:.0%} now.",
            f"Moved by {after.kl:.2f} ± {after.kl_error:.2f} nats per story from the weights that "
            "it started with (exact divergence of every next word).",
        ]
        if after.accepted < before.accepted - 0.1:
            lines.append(
                "Fewer stories are correct than before: keep the old weights, or judge more pairs."
            )
        return "\n".join(lines)
