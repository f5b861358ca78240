"""Check of lab 04, byte-pair encoding (chapter 04).

Key idea: the pairs that are learned and the tokens of another text are integers, so they are
compared one by one, and the first that differs tells where the two ways part.
Source: Sennrich et al. 2016, arXiv:1508.07909; on bytes: Radford et al. 2019 (GPT-2).
"""

from __future__ import annotations

import itertools
from functools import partial

import torch
from torch import Tensor

from grooves.checks import CheckFailed, check
from grooves.checks.compare import Mistake, as_tensor, compare, written_by_hand
from grooves.checks.words import describe

LAB = "04_transformer"
BYTES = 256  # the tokens before any merge

STORY = (
    "the duck lives in the hut. the duck has a red hat and a red cup. the goat lives in the cave. "
    "the goat finds the hat, and the duck finds the cup. at the end the duck is in the hut again."
)
# (corpus, number of merges, text)
CASES = (
    ("aaabdaaabac", 3, "aaabdaaabac"),
    ("abababab", 2, "ababa"),
    ("aaaaaaa aaaa", 2, "aaaaa"),
    ("low lower lowest slow slower", 6, "lower slow glow"),
    ("übel über übermut, für übung", 5, "übrig für ü"),
    (STORY, 40, "the duck finds the goat in the hut"),
    (STORY, 12, "a dinosaur"),
    (STORY, 25, ""),
    ("banana bandana", 0, "banana"),
    ("no no no yes yes", 1, "nonono"),
    (
        " Mia met Max. MAX met MIA.  ",
        6,
        "  Max, Mia, MAX ",
    ),  # capitals and spaces count
    ("bcbcxaaaa", 1, "aabc"),  # aa three times, if overlapping pairs count
    ("bc1bc2bc3ab4ab", 2, "abc abab"),  # the longest token that fits is not what merges make
)


def merged(ids: list[int], pair: tuple[int, int], new: int, once=False, backwards=False):
    """Tokens in which each occurrence of a pair, from the left, is one new token.

    once: the first occurrence alone. backwards: from the right.
    """
    if backwards:
        return merged(ids[::-1], pair[::-1], new)[::-1]
    out, i, left = [], 0, 1 if once else len(ids)
    while i < len(ids):
        if left and tuple(ids[i : i + 2]) == tuple(pair):
            out, i, left = [*out, new], i + 2, left - 1
        else:
            out, i = [*out, ids[i]], i + 1
    return out


def counts(ids: list[int]) -> dict[tuple[int, int], int]:
    """How often each pair of neighbours occurs, in the order of their first occurrence."""
    found: dict[tuple[int, int], int] = {}
    for pair in itertools.pairwise(ids):
        found[pair] = found.get(pair, 0) + 1
    return found


def _first_of_most(found: dict) -> tuple[int, int]:
    return max(found, key=found.get)


def byte_pairs_of(
    corpus: str,
    n_merges: int,
    text: str,
    read=lambda text: list(text.encode()),
    choose=_first_of_most,
    recount=True,
    merge=merged,
    first_id=BYTES,
    order=lambda pairs: pairs,
    longest=False,
):
    """(pairs, ids): the right answer, or one with a part replaced."""
    ids, pairs = read(corpus), []
    at_first = counts(ids)
    for step in range(n_merges):
        if not recount:
            ranked = sorted(at_first, key=at_first.get, reverse=True)
            pairs.append(ranked[step])
            continue
        pairs.append(choose(counts(ids)))
        ids = merge(ids, pairs[-1], first_id + step)
    numbered = [(pair, first_id + i) for i, pair in enumerate(pairs)]
    tokens = read(text)
    if longest:
        return pairs, _longest_first(tokens, pairs)
    for pair, new in order(numbered):
        tokens = merge(tokens, pair, new)
    return pairs, tokens


def _longest_first(tokens: list[int], pairs: list) -> list[int]:
    """At each place the token that covers most bytes, whatever the merges' order."""
    spelled = {(byte,): byte for byte in range(BYTES)}
    of = {byte: (byte,) for byte in range(BYTES)}
    for i, (a, b) in enumerate(pairs):
        of[BYTES + i] = of[a] + of[b]
        spelled.setdefault(of[BYTES + i], BYTES + i)
    out, i = [], 0
    while i < len(tokens):
        n = max(n for n in range(1, len(tokens) - i + 1) if tuple(tokens[i : i + n]) in spelled)
        out.append(spelled[tuple(tokens[i : i + n])])
        i += n
    return out


def _last_of_most(found: dict) -> tuple[int, int]:
    return max(reversed(found), key=found.get)


def _as(**changes):
    return lambda corpus, n, text: byte_pairs_of(corpus, n, text, **changes)


MISTAKES = (
    Mistake(
        "characters",
        _as(read=lambda text: [ord(character) for character in text]),
        "you read characters, and one such as ü is two bytes. Begin with list(text.encode()).",
    ),
    Mistake(
        "never_recounted",
        _as(recount=False),
        "you count the pairs once and take the most frequent ones. Merge after each choice and "
        "count again, so that a merge can be part of the next.",
    ),
    Mistake(
        "last_of_the_most_frequent",
        _as(choose=_last_of_most),
        "of several pairs that are equally frequent you take the one that occurs last. Take the "
        "one that occurs first in the text.",
    ),
    Mistake(
        "largest_of_the_most_frequent",
        _as(choose=lambda found: max(found, key=lambda pair: (found[pair], pair))),
        "of several pairs that are equally frequent you take the one with the largest numbers. "
        "Take the one that occurs first in the text.",
    ),
    Mistake(
        "largest_numbers",
        _as(choose=max),
        "max(counts) compares the pairs themselves and takes the one with the largest numbers. "
        "Compare how often they occur: max(counts, key=counts.get).",
    ),
    Mistake(
        "first_occurrence_only",
        _as(merge=partial(merged, once=True)),
        "you replace a pair only where it occurs first. Replace every occurrence.",
    ),
    Mistake(
        "from_the_right",
        _as(merge=partial(merged, backwards=True)),
        "where occurrences overlap, as in aaa, you replace the last one. Replace from the left.",
    ),
    Mistake(
        "ids_from_257",
        _as(first_id=BYTES + 1),
        "your new tokens begin at 257. Bytes are 0 to 255, so the first new token is 256.",
    ),
    Mistake(
        "merges_reversed",
        _as(order=lambda numbered: numbered[::-1]),
        "you apply the last merge first. A later merge joins what earlier ones made: apply them in "
        "the order in which they were learned.",
    ),
    Mistake(
        "longest_first",
        _as(longest=True),
        "you take the longest token that fits at each place. Apply the merges in the order in "
        "which they were learned, each to the whole text.",
    ),
    Mistake(
        "corpus_encoded",
        lambda corpus, n, text: byte_pairs_of(corpus, n, corpus),
        "you return the tokens of the corpus. Encode the text, the third argument.",
    ),
    Mistake(
        "not_encoded",
        lambda corpus, n, text: (byte_pairs_of(corpus, n, text)[0], list(text.encode())),
        "the text is still its bytes: apply the merges to it too.",
    ),
)


@check(lab=LAB, exercise="byte_pairs", returns=(tuple, list))
def byte_pairs(answer):
    """byte_pairs(corpus, n_merges, text): text, int, text -> (pairs, ids of the text)."""

    def judge(call, corpus, n_merges, text):
        inputs = (corpus, n_merges, text)
        cut = corpus if len(corpus) < 40 else corpus[:30] + " …"
        given = f"{n_merges} merges learned on {cut!r} and the text {text!r}"
        got = call(*inputs)
        if len(got) != 2:
            raise CheckFailed(
                f"for {given}, expected two results, (pairs, ids), got {len(got)}.",
                hint="not_two",
            )
        pairs, ids = byte_pairs_of(*inputs)
        parts = (
            ("the pairs", got[0], pairs, (-1, 2)),
            ("the tokens", got[1], ids, (-1,)),
        )
        for part, (name, mine, right, shape) in enumerate(parts):
            mine = _integers(mine, shape, name, given)
            right = torch.tensor(right, dtype=torch.long).reshape(shape)
            of_part = [
                Mistake(m.name, lambda *i, m=m, n=part, s=shape: _part(m, n, s, *i), m.says)
                for m in MISTAKES
            ]
            compare(mine, right, of_part, inputs, f"{name}, with {given}", "the right one is")

    judge(lambda *inputs: written_by_hand(answer, *inputs), *CASES[0])
    for case in CASES[1:]:
        judge(answer, *case)


def _integers(mine, shape: tuple, name: str, given: str) -> Tensor:
    """The answer's pairs (n, 2) or tokens (n,) as a tensor.

    Raises: CheckFailed where they are something else.
    """
    try:
        numbers = as_tensor(mine)
    except (TypeError, ValueError, RuntimeError):
        numbers = None
    if numbers is not None and not numbers.numel():
        return numbers.reshape(shape)
    if numbers is None or numbers.ndim != len(shape) or shape[-1] not in (-1, numbers.size(-1)):
        kind = "pairs of integers" if len(shape) == 2 else "integers"
        first = f", and the first of them {mine[0]!r}" if isinstance(mine, list) and mine else ""
        raise CheckFailed(
            f"for {given}, {name} must be a list of {kind}. Yours is {describe(mine)}{first}.",
            hint="not_a_list",
        )
    return numbers


def _part(mistake: Mistake, part: int, shape: tuple, *inputs):
    return torch.tensor(mistake.compute(*inputs)[part], dtype=torch.long).reshape(shape)
