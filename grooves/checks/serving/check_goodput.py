"""Check of lab 9, the open challenge: the best goodput under a latency goal (chapter 9).

Key idea: a server that receives more than it can serve is judged by how many requests meet the
goal, so it matters which ones it serves, and that a step stays short. Every policy meets the same
requests.
"""

from __future__ import annotations

from collections.abc import Callable

from grooves.checks import CheckFailed, check
from grooves.checks.serving.rules import LAB
from grooves.checks.serving.simulated import COST, GOAL, JUDGED, N_REQUESTS, run
from grooves.inference.serving_simulation import Trace

SEEDS = (0, 1, 2, 3)
BAR = 40  # of 50 requests, on average over the seeds


def served(policy: Callable, seed: int = 0) -> dict[str, int]:
    """What became of the 50 requests of a seed: {"met": ..., "first token late": ..., ...}.

    Raises: CheckFailed where the policy's plan cannot be carried out.
    """
    trace, met, _ = run(policy, seed)
    return _counted(trace, met)


def _counted(trace: Trace, met: int) -> dict[str, int]:
    timings = trace.timings
    late = sum(t.first_token_s > JUDGED.first_token_s for t in timings)
    return {
        "met": met,
        "first token late": late,
        "gap too long": len(timings) - met - late,
        "dropped": N_REQUESTS - len(timings),
    }


@check(
    lab=LAB,
    exercise="goodput",
    returns=(dict, list, tuple),
    in_place=True,
    repeatable=False,
    raised=(
        (
            "unhashable type: 'Text'",
            "the keys of the plan are names: `reads[text.name]`, not `reads[text]`.",
        ),
    ),
)
def goodput(answer):
    """goodput(server) -> how many tokens each text reads in the next step, by its name."""
    counts, overdue_s = [], []
    for seed in SEEDS:
        trace, met, overdue = run(answer, seed)
        counts.append(_counted(trace, met))
        overdue_s += overdue
    mean = {key: sum(each[key] for each in counts) / len(counts) for key in counts[0]}
    said = f"on average, {mean['met']:g} of {N_REQUESTS} requests met the goal"
    if mean["met"] < BAR:
        hint, advice = _advice(mean, overdue_s)
        raise CheckFailed(f"{said}; at least {BAR} are needed. {advice}", hint=hint)
    return f"{said[0].upper()}{said[1:]}."


def _advice(mean: dict[str, float], overdue_s: list[float]) -> tuple[str, str]:
    """The hint, and a sentence about why most of the others missed the goal.

    overdue_s: of each dropped request of all runs, as `run` says.
    """
    worst = max(("first token late", "gap too long", "dropped"), key=mean.get)
    n = f"{mean[worst]:g}"
    if worst == "gap too long":
        return "long_gaps", (
            f"In {n} others, two successive tokens came more than {GOAL.between_tokens_s} s apart: "
            "a step took too long, or a text that was being written was left out of one. How many "
            "tokens may a step read at most?"
        )
    if worst == "first token late":
        gaps = f" ({mean['gap too long']:g} more had a gap too long.)" * (mean["gap too long"] >= 1)
        return "late_first_tokens", (
            f"In {n} others, the first token came more than {GOAL.first_token_s:g} s after the "
            f"arrival.{gaps} There are more requests than the server can serve: those that can no "
            "longer meet the goal take the time of those that still can."
        )
    in_time = sum(by_s < 0 for by_s in overdue_s)
    if in_time > len(overdue_s) / 2:
        those = in_time / len(SEEDS)
        which = "all of which" if those == mean[worst] else f"of which {those:g}"
        return "dropped_too_many", (
            f"You dropped {n} others, {which} could still have met the goal. Drop only what can no "
            "longer meet it."
        )
    if mean["first token late"] > 1 or sum(overdue_s) / len(overdue_s) > GOAL.between_tokens_s:
        return "dropped_too_late", (
            f"You dropped {n} others, but too late: a request is lost before "
            f"{GOAL.first_token_s:g} s is over, because its unread tokens take time to be read. "
            "Drop it, whether it waits or runs, as soon as its first token would come too late "
            "even if the next step read them all."
        )
    return "short_steps", (
        f"You dropped {n} others because your server fell behind. A step takes "
        f"{COST.fixed_s * 1000:g} ms however little it reads, so read as many tokens in each as "
        "the goal allows."
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
