"""Check of lab 10, the open challenge: more accepted stories from the judge alone (chapter 10).

Key idea: a model whose weights were rounded too coarsely, a number of verdicts, and a score that
counts only while the plots are left. Costs are counted in verdicts, so that a slow machine changes
nothing.
"""

from __future__ import annotations

import torch
from torch import nn

from grooves.checks import CheckFailed, check
from grooves.checks.compare import kept_without, own_seed
from grooves.checks.feedback.parser_judge import Judge, judge_alone
from grooves.checks.feedback.rules import LAB
from grooves.checks.stories import with_no_other_stories
from grooves.fine_tuning import judges
from grooves.inference.sampled import draw_texts
from grooves.training import lineage

BUDGET = 1_500  # verdicts
BAR = 0.55  # of the stories accepted
PLOTS = 5.0  # exp of the entropy; the language has 6, equally likely
DRAWN = 300  # stories by which a model is judged: standard error about 0.03
STEPS = 3.6  # from 0 to the largest weight of a row, so that a row has nine values


def beginner() -> nn.Module:
    """A new copy of the model of the challenge, on the CPU: few of its stories are accepted.

    It is the short-trained story model with each row of its matrices rounded to nine values.
    """
    model = lineage.short_trained().cpu()
    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim > 1:
                step = weights.abs().amax(1, keepdim=True) / STEPS
                weights.copy_((weights / step).round() * step)
    return model.eval()


def judge(n_verdicts: int | None = None) -> Judge:
    """The parser with a budget of so many verdicts, 1,500 by default."""
    return Judge(n_verdicts or BUDGET)


def told(answer, seed: int = 10) -> tuple[float, float, float]:
    """Accepted share of the model that an answer has trained, its plots and its names.

    seed: of PyTorch's random numbers, if the answer draws with them.
    Raises: CheckFailed where the answer used what it may not, or returned another model.
    """
    model = beginner()

    def ask():
        with own_seed(seed), judge_alone():
            return answer(model, judge())

    def with_no_other_model():
        return kept_without(
            ask,
            answer,
            lambda value: isinstance(value, nn.Module),
            "other_model",
            lambda name: f"your code uses {name}, another model. Train the one that you are given.",
        )

    got = with_no_other_stories(with_no_other_model, answer)
    if got is not model:
        raise CheckFailed(
            "your function returned another model than the one that it was given. Train that one, "
            "and return it.",
            hint="other_model",
        )
    drawn = draw_texts(got.eval(), DRAWN, seed=seed)
    return float(judges.accepted(drawn.tokens).mean()), *judges.varieties(drawn)


@check(lab=LAB, exercise="self_training", returns=nn.Module, repeatable=False)
def self_training(answer):
    """self_training(model, judge) -> the same model, trained."""
    accepted, plots, names = told(answer)
    said = f"{accepted:.0%} of {DRAWN} stories accepted, {plots:.1f} plots and {names:.0f} names"
    if plots < PLOTS:
        raise CheckFailed(
            f"{said}. At least {PLOTS:g} plots must be left. Perhaps the model repeats what was "
            "accepted first: train on rare plots as often as on frequent ones. Perhaps unlikely "
            "words were left out in every round, as by min-p: draw without that later on.",
            hint="too_few_plots",
        )
    if accepted < BAR:
        said = f"{said}. At least {BAR:.0%} are needed. {_advice(accepted)}"
        raise CheckFailed(said, hint="too_few_accepted")
    return f"{said}."


def _advice(accepted: float) -> str:
    if accepted < 0.2:
        return (
            "The model has learned next to nothing, or it has been spoiled: is it trained on "
            "accepted stories only, with the end mark, and is the learning rate right?"
        )
    return "Spend all verdicts, and train more often on what was accepted."


def race(answer, seeds: int = 2) -> float:
    """The mean accepted share over some seeds; 0 where fewer than five plots are left. Not graded.

    Raises: CheckFailed, as the check does.
    """
    scores = []
    for seed in range(seeds):
        accepted, plots, names = told(answer, seed=200 + seed)
        scores.append(accepted if plots >= PLOTS else 0.0)
        print(f"{accepted:.0%} accepted, {plots:.1f} plots, {names:.0f} names")
    return sum(scores) / len(scores)
