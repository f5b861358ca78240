"""Check of lab 9, the open challenge: the best goodput under a latency goal (chapter 9).

Key idea: a server that receives more than it can serve is judged by how many requests meet the
goal, so it matters which ones it serves, and that a step stays short. Every policy meets the same
requests.
"""

from __future__ import annotations

from collections.abc import Callable

from grooves.checks import CheckFailed, check
from grooves.checks.serving.rules import LAB
from grooves.checks.serving.simulated import GOAL, N_REQUESTS, run

SEEDS = (0, 1, 2, 3)
BAR = 40  # of 50 requests, on average over the seeds


def served(policy: Callable, seed: int = 0) -> dict[str, int]:
    """What became of the 50 requests of a seed: {"met": ..., "first token late": ..., ...}.

    Raises: CheckFailed where the policy's plan cannot be carried out.
    """
    trace, met = run(policy, seed)
    timings = trace.timings
    late = sum(t.first_token_s > GOAL.first_token_s for t in timings)
    return {
        "met": met,
        "first token late": late,
        "gap too long": len(timings) - met - late,
        "dropped": N_REQUESTS - len(timings),
    }


@check(lab=LAB, exercise="goodput", returns=(dict, list, tuple), in_place=True, repeatable=False)
def goodput(answer):
    """goodput(server) -> how many tokens each text reads in the next step, by its name."""
    counts = [served(answer, seed) for seed in SEEDS]
    mean = {key: sum(each[key] for each in counts) / len(counts) for key in counts[0]}
    said = f"{mean['met']:.1f} of {N_REQUESTS} requests met the goal, on average"
    if mean["met"] < BAR:
        hint, advice = _advice(mean)
        raise CheckFailed(f"{said}. At least {BAR} are needed. {advice}", hint=hint)
    return f"{said}."


def _advice(mean: dict[str, float]) -> tuple[str, str]:
    """The hint, and a sentence about why most of the others missed the goal."""
    worst = max(("first token late", "gap too long", "dropped"), key=mean.get)
    if worst == "gap too long":
        return "long_gaps", (
            f"In {mean[worst]:.1f} of them, two tokens came more than {GOAL.between_tokens_s} s "
            "apart: a step took too long, or a text that was being written was left out of one. "
            "How many tokens may a step read at most?"
        )
    if worst == "first token late":
        return "late_first_tokens", (
            f"In {mean[worst]:.1f} of them, the first token came later than "
            f"{GOAL.first_token_s:g} s. There are more requests than the server can serve, and a "
            "request that is late already takes the time of one that is not."
        )
    return "dropped_too_many", (
        f"You dropped {mean[worst]:.1f} of them. Drop only what can no longer meet the goal."
    )


def race(policy: Callable, seeds: int = 5) -> float:
    """The mean number of requests that met the goal, over other seeds. Not graded.

    Raises: CheckFailed, as the check does.
    """
    scores = []
    for seed in range(100, 100 + seeds):
        scores.append(served(policy, seed)["met"])
        print(f"{scores[-1]} of {N_REQUESTS} requests met the goal")
    return sum(scores) / len(scores)
