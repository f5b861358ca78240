"""Check of lab 9: one step of a continuous-batching scheduler (chapter 9).

Key idea: small servers on which one rule decides, then many random ones, on which slots, token
budget and blocks run out in turn.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import CheckFailed, check, describe
from grooves.checks.arrays import by_hand
from grooves.checks.mistakes import Mistake, in_forms
from grooves.checks.serving.rules import LAB, judge_plain


def _texts(said: str) -> list[dict]:
    """`a 12 1, b 4 9`: names, tokens in the cache, and tokens to be read."""
    parts = [text.split() for text in said.split(",") if text.strip()]
    return [{"name": name, "cached": int(c), "unread": int(u)} for name, c, u in parts]


# running, waiting, max_running, token_budget, free_blocks, block_size
CASES = tuple(
    (_texts(running), _texts(waiting), *numbers)
    for running, waiting, *numbers in (
        ("a 12 1, b 7 1", "", 4, 8, 9, 4),
        ("", "a 0 5, b 0 3", 4, 16, 9, 4),
        ("a 12 1, b 7 1", "c 0 9, d 0 4", 4, 8, 9, 4),
        ("a 4 9, b 8 1", "c 0 2", 4, 6, 9, 4),
        ("a 4 9, b 8 1, c 5 1", "", 4, 6, 9, 4),
        ("a 5 1, b 6 1", "c 0 3, d 0 2", 3, 20, 9, 4),
        ("a 5 1", "b 0 9, c 0 2", 4, 20, 2, 4),
        ("a 8 1, b 4 1", "c 0 5", 4, 20, 2, 4),
        ("a 3 1, b 5 1", "c 0 8", 4, 20, 2, 4),
        ("a 3 5, b 9 1", "c 0 4, d 0 9", 8, 12, 9, 4),
        ("a 4 1, b 5 1", "", 4, 8, 0, 4),
        ("a 8 6, b 9 3", "c 0 1", 4, 32, 1, 4),
        ("a 5 1", "b 8 6, c 0 3", 4, 8, 3, 4),
        ("a 5 1", "b 0 30", 4, 8, 3, 4),
    )
)


def random_cases(n: int = 60) -> list[tuple]:
    """Servers with up to five running and four waiting texts, on which something is read."""
    rng, cases = np.random.default_rng(94), []
    for _ in range(n):
        names = list("abcdefghi")
        rng.shuffle(names)
        texts = []
        for name in names:
            unread = 1 if rng.random() < 0.5 else int(rng.integers(2, 12))
            texts.append({"name": name, "cached": int(rng.integers(1, 20)), "unread": unread})
        n_running = int(rng.integers(0, 6))
        waiting = texts[n_running : n_running + int(rng.integers(0, 5))]
        for text in waiting:
            text |= {"cached": 4 * int(rng.random() < 0.2), "unread": int(rng.integers(1, 12))}
        budget, free = int(rng.integers(6, 25)), int(rng.integers(0, 8))
        cases.append(
            (texts[:n_running], waiting, n_running + int(rng.integers(0, 4)), budget, free, 4)
        )
    return [case for case in cases if case[2] > 0 and plan(*case)[0]]


def plan(
    running, waiting, max_running, token_budget, free_blocks, block_size, order="decoding_first",
    chunk="budget", full="stop", blocks="right", slots="all", draws="read", taken=True,
    running_full="skip", whole_fits=False, admits=True, decoding_free=False,
):  # fmt: skip
    """The right plan, with a place for each mistake."""
    budget, free, new, drawing = token_budget, free_blocks, {}, []
    decoding = [text for text in running if text["unread"] == 1]
    prompts = [text for text in running if text["unread"] > 1]
    first = {
        "decoding_first": [*decoding, *prompts],
        "as_listed": list(running),
        "prompts_first": [*prompts, *decoding],
    }.get(order, decoding)
    candidates = [(text, False) for text in first]
    news = [(text, True) for text in waiting]
    candidates = [*news, *candidates] if order == "new_first" else [*candidates, *news]
    if order == "new_first":
        candidates += [(text, False) for text in prompts]
    if order == "new_before_prompts":
        candidates += [(text, False) for text in prompts]
    n_running = len(running)
    for text, is_new in candidates:
        if is_new and not admits:
            break
        slots_used = {
            "all": n_running,
            "ignored": -1,
            "new": n_running - len(running),
            "one": n_running - 1,
        }[slots]
        if is_new and slots_used >= max_running:
            break
        is_decoding = text["unread"] == 1 and not is_new
        n = {
            "budget": min(text["unread"], budget),
            "whole": text["unread"] if budget > 0 else 0,
            "each": min(text["unread"], token_budget),
        }[chunk]
        if decoding_free and is_decoding:
            n = 1
        if n <= 0 or (whole_fits and n < text["unread"]):
            if is_new:
                break
            continue
        before, after = text["cached"], text["cached"] + n
        needed = {
            "right": -(-after // block_size) - -(-before // block_size),
            "down": after // block_size - before // block_size,
            "alone": -(-n // block_size),
            "all": -(-after // block_size),
            "more": n // block_size + 1,
            "prompt": -(-(before + (text["unread"] if is_new else n)) // block_size)
            - -(-before // block_size),
            "none": 0,
            "tokens": n,
        }[blocks]
        if needed > free:
            if (full if is_new else running_full) == "stop":
                break
            continue
        if not (decoding_free and is_decoding):
            budget -= n
        free -= needed if taken else 0
        n_running += is_new
        new[text["name"]] = n
        if {"read": n == text["unread"], "all": True, "decoding": is_decoding}[draws]:
            drawing.append(text["name"])
    return new, drawing


def _with(**changes):
    return lambda *inputs: plan(*inputs, **changes)


MISTAKES = (
    Mistake(
        "no_chunks",
        _with(whole_fits=True),
        "a prompt that exceeds what is left of the budget is not begun. Read as much of it as the "
        "budget allows.",
    ),
    *in_forms(
        "over_budget",
        "your step reads more tokens than the budget allows. It is for all texts together, so "
        "subtract what each one reads, and read of a prompt only a chunk that is not longer than "
        "what is left.",
        _with(chunk="whole"),
        _with(chunk="each"),
        _with(decoding_free=True),
    ),
    *in_forms(
        "wrong_order",
        "texts read in another order: first those that are being written, wherever they stand in "
        "the list, then the others that run, then new ones. Otherwise a prompt uses up the budget, "
        "and texts that are being written stop.",
        _with(order="as_listed"),
        _with(order="prompts_first"),
        _with(order="new_first"),
        _with(order="new_before_prompts"),
    ),
    Mistake(
        "overtaking",
        _with(full="skip"),
        "a waiting text overtakes one that does not fit. Stop admitting there; otherwise a long "
        "prompt may wait for ever.",
    ),
    Mistake(
        "stops_at_running",
        _with(running_full="stop"),
        "a running text without a free block ends your plan. It reads nothing in this step, and "
        "the others go on.",
    ),
    Mistake(
        "blocks_rounded_down",
        _with(blocks="down"),
        "numbers of blocks are rounded down. A block that is partly filled is needed too.",
    ),
    *in_forms(
        "blocks_not_relative",
        "you do not count how many *more* blocks a text needs. Subtract what it has, "
        "⌈cached / block_size⌉, from what it will need, ⌈(cached + n) / block_size⌉: the last "
        "block often has room.",
        _with(blocks="alone"),
        _with(blocks="all"),
        _with(blocks="more"),
        _with(blocks="tokens"),
    ),
    Mistake(
        "blocks_of_prompt",
        _with(blocks="prompt"),
        "a new text is admitted only if there are blocks for its whole prompt. Here, the tokens "
        "of this step are enough.",
    ),
    *in_forms(
        "blocks_ignored",
        "more blocks are used than are free. Count down the free blocks as you hand them out.",
        _with(blocks="none"),
        _with(taken=False),
    ),
    *in_forms(
        "slots_ignored",
        "more texts run than max_running allows. Running and new texts count together.",
        _with(slots="ignored"),
        _with(slots="new"),
        _with(slots="one"),
    ),
    *in_forms(
        "nobody_admitted",
        "new texts are not admitted while others run. That is static batching.",
        lambda *inputs: plan(*inputs, admits=not inputs[0]),
        _with(admits=False),
    ),
    *in_forms(
        "wrong_drawing",
        "a token is drawn for each text whose unread tokens are all read in this step, the last "
        "chunk of a prompt included, and for no other.",
        _with(draws="all"),
        _with(draws="decoding"),
    ),
)


def as_plain(result) -> tuple[dict, list]:
    """How many tokens each text reads, without those that read none, and the names that draw.

    Raises: CheckFailed with the hint "not_a_plan".
    """
    try:
        new, drawing = result
        if isinstance(drawing, str):
            raise TypeError
        new = {str(name): int(n) for name, n in dict(new).items() if n}
        return dict(sorted(new.items())), sorted(map(str, drawing))
    except (TypeError, ValueError):
        raise CheckFailed(
            "expected a dict from names to numbers of tokens, and a list of names. Your function "
            f"returned {describe(result)}.",
            hint="not_a_plan",
        ) from None


@check(lab=LAB, exercise="plan_step", returns=(tuple, list))
def plan_step(answer):
    """plan_step(running, waiting, max_running, token_budget, free_blocks, block_size)."""
    for i, inputs in enumerate((*CASES, *random_cases())):
        given = "running = {}, waiting = {}, max_running = {}, token_budget = {}, "
        given += "free_blocks = {} and block_size = {}"
        call = by_hand(answer) if i == 0 else answer
        judge_plain(call, inputs, plan, MISTAKES, given.format(*inputs), as_plain)
