"""Check of lab 8: which tokens are permitted, without dead ends (chapter 8).

Key idea: grammars as graphs whose dead ends lie one, two and three tokens away, with loops that
have an exit and loops that have none, asked at every state and with every number of tokens left.
Token 0 is the end mark.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from torch import Tensor

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge
from grooves.checks.generation.rules import LAB, SHOULD
from grooves.checks.mistakes import Mistake, in_forms

END = 0

# Each state is a dict from tokens to the states after them; after the end mark there is none.
CHAIN = [{1: 1, 2: 2}, {3: 3}, {3: 4, END: None}, {2: 5, 4: 5}, {1: 3}, {}]
LOOPS = [{1: 1, 3: 4, 2: 2}, {1: 0, 4: 3}, {2: 2, 1: 5}, {END: None, 3: 3}, {5: 2}, {5: 5}]
CYCLE = [{1: 1}, {2: 2, 3: 3}, {1: 1}, {4: 4, 2: 5}, {END: None, 1: 1}, {3: 5, 1: 6}, {3: 5}]
BRANCHES = [
    {1: 1, 2: 2, 3: 3, END: None},
    {4: 4},
    {5: 5, 6: 1},
    {4: 6},
    {1: 7, 3: 8},
    {END: None},
    {2: 9},
    {3: 9},
    {END: None, 7: 3},
    {},
]
DIAMOND = [{2: 1, 3: 2}, {1: 2, 4: 3}, {1: 3}, {END: None, 2: 4}, {}]
LONG = [*({1: state + 1} for state in range(13)), {END: None}]  # one way, of 14 tokens
GRAMMARS = {
    "diamond": DIAMOND,
    "chain": CHAIN,
    "loops": LOOPS,
    "cycle": CYCLE,
    "branches": BRANCHES,
    "long": LONG,
}
TOKENS = {"diamond": 6, "chain": 5, "loops": 7, "cycle": 6, "branches": 300, "long": 3}
LEFT = (1, 2, 3, 4, 6)
LEFT_OF_LONG = (1, 4, 10, 13, 14, 20)


def needed(edges: list[dict]) -> list[float]:
    """The fewest tokens with which a text in each state can end, the end mark counted."""
    need = [math.inf] * len(edges)
    for _ in edges:  # no shortest way visits a state twice
        for state, ways in enumerate(edges):
            for token, after in ways.items():
                need[state] = min(need[state], 1 if token == END else 1 + need[after])
    return need


def _mask(edges, state, n_tokens, permits) -> np.ndarray:
    mask = np.zeros(n_tokens, dtype=bool)
    for token, after in edges[state].items():
        mask[token] = permits(token, after)
    return mask


def right(edges, state, left, n_tokens, end=1, strict=False) -> np.ndarray:
    """The permitted tokens; end: what the end mark costs."""
    need = needed(edges)

    def permits(token, after):
        cost = (1 if token == END else 1 + need[after]) + end - 1
        return cost < left if strict else cost <= left

    return _mask(edges, state, n_tokens, permits)


def _no_limit(edges, state, left, n_tokens) -> np.ndarray:
    need = needed(edges)
    return _mask(edges, state, n_tokens, lambda t, after: t == END or need[after] < math.inf)


def _some_way(edges, state, left, n_tokens, depth) -> np.ndarray:
    """Tokens after which there are any ways on for so many tokens, ended or not."""

    def goes_on(after, depth):
        if depth == 0 or after is None:
            return True
        return any(goes_on(state, depth - 1) for state in edges[after].values())

    return _mask(edges, state, n_tokens, lambda _, after: goes_on(after, depth))


def _first_way(edges, state, left, n_tokens) -> np.ndarray:
    """The need is counted along the first token of each state, not along the shortest way."""

    def count(after):
        for steps in range(1, len(edges) + 2):
            if after is None:
                return steps
            if not edges[after]:
                break
            after = next(iter(edges[after].values()))
        return math.inf

    return _mask(edges, state, n_tokens, lambda _, after: count(after) <= left)


def _cached_in_cycle(edges, state, left, n_tokens) -> np.ndarray:
    """Depth first, where a state that is being visited counts, and is cached, as a dead end."""
    known: dict[int, float] = {}

    def count(state):
        if state not in known:
            known[state] = math.inf
            ways = edges[state].items()
            known[state] = min((1 if t == END else 1 + count(s) for t, s in ways), default=math.inf)
        return known[state]

    count(state)
    return _mask(edges, state, n_tokens, lambda t, s: (1 if t == END else 1 + known[s]) <= left)


def _visited_once(edges, state, left, n_tokens) -> np.ndarray:
    """Depth first, where a state that any other way has visited counts as a dead end."""

    def count(state, visited):
        if state in visited:
            return math.inf
        visited.add(state)
        ways = edges[state].items()
        return min((1 if t == END else 1 + count(s, visited) for t, s in ways), default=math.inf)

    return _mask(
        edges, state, n_tokens, lambda t, s: (1 if t == END else 1 + count(s, set())) <= left
    )


def _as_end(edges, state, left, n_tokens, allowed: bool) -> np.ndarray:
    mask = right(edges, state, left, n_tokens)
    mask[END] = allowed
    return mask


def _passes(edges, state, left, n_tokens, n, in_place) -> np.ndarray:
    """The needs after n passes over all states, with the new needs used at once or not."""
    need = [math.inf] * len(edges)
    for _ in range(n):
        known = need if in_place else list(need)
        for at, ways in enumerate(edges):
            costs = [1 if token == END else 1 + known[after] for token, after in ways.items()]
            need[at] = min(costs, default=math.inf)
    return _mask(edges, state, n_tokens, lambda t, s: (1 if t == END else 1 + need[s]) <= left)


MISTAKES = (
    *in_forms(
        "too_few_passes",
        "a fixed number of passes over the states is not enough: each makes the known ways one "
        "token longer, and the shortest way to the end may visit every state. Repeat them as many "
        "times as there are states, or until nothing changes.",
        *(
            partial(_passes, n=n, in_place=in_place)
            for n in (2, 3, 4, 5, 6, 8, 10)
            for in_place in (True, False)
        ),
    ),
    Mistake(
        "next_only",
        lambda edges, state, left, n: _some_way(edges, state, left, n, 0),
        "you permit every token that may stand next. After some of them the text cannot end any "
        "more, or not in time.",
    ),
    *in_forms(
        "looks_too_near",
        "you look only a fixed number of tokens ahead. A dead end may be farther away, so compute "
        "for each state how many tokens it needs to the end.",
        lambda edges, state, left, n: _some_way(edges, state, left, n, 2),
        lambda edges, state, left, n: _some_way(edges, state, left, n, 1),
    ),
    Mistake(
        "no_limit",
        _no_limit,
        "`left` has no effect: from the permitted tokens the end can be reached, but not in the "
        "tokens that are left.",
    ),
    Mistake(
        "one_too_many",
        lambda edges, state, left, n: right(edges, state, left, n, end=0),
        "your texts may become one token too long. Count the token itself and the end mark.",
    ),
    Mistake(
        "one_too_few",
        lambda edges, state, left, n: right(edges, state, left, n, strict=True),
        "you forbid what just fits: a text may use all the tokens that are left.",
    ),
    Mistake(
        "end_forbidden",
        lambda edges, state, left, n: _as_end(edges, state, left, n, False),
        "the end mark is never permitted, so no text can end.",
    ),
    Mistake(
        "end_everywhere",
        lambda edges, state, left, n: _as_end(edges, state, left, n, True),
        "the end mark is always permitted. It may stand only where the state lists it.",
    ),
    Mistake(
        "first_way",
        _first_way,
        "you count along the first token of each state. The shortest way to the end counts.",
    ),
    Mistake(
        "visited_once",
        _visited_once,
        "a state that one way has visited is closed to all other ways, also to shorter ones. "
        "Search breadth first, or repeat a pass over all states.",
    ),
    Mistake(
        "cached_in_cycle",
        _cached_in_cycle,
        "a state that your recursion is still visiting is taken for a dead end, and that is "
        "remembered. Repeat a pass over all states until nothing changes instead.",
    ),
)


@check(lab=LAB, exercise="constrained", returns=(np.ndarray, Tensor, list, tuple))
def constrained(answer):
    """constrained(edges, state, left, n_tokens) -> which tokens are permitted, bool (n_tokens,)."""
    calls = [_as_bool(by_hand(answer))]
    for name, edges in GRAMMARS.items():
        for state in range(len(edges)):
            for left in LEFT_OF_LONG if name == "long" else LEFT:
                inputs = (edges, state, left, TOKENS[name])
                given = (
                    f"the grammar {edges}, state {state} and {left} token{'s' * (left > 1)} left"
                )
                call = calls.pop() if calls else _as_bool(answer)
                judge(call, inputs, right(*inputs), MISTAKES, given, SHOULD)


def _as_bool(call):
    """Zeros and ones are as good as False and True."""

    def called(*inputs):
        got = np.asarray(call(*inputs))
        return got.astype(bool) if got.size and np.isin(got, (0, 1)).all() else got

    return called
