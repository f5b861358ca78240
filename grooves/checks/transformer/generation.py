"""Check of lab 04, generation (chapter 04).

Key idea: where one word is certain, the result is known word for word, and wrong places and
lengths show. Where words are drawn, the check counts them over thousands of texts: their
frequencies have to be the probabilities at that temperature, whatever random numbers were used.
Shapes: B texts, T words, V words in the vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from grooves.checks import CheckFailed, again, check
from grooves.checks.compare import Mistake, compare, number, own_seed, shape_of, written_by_hand
from grooves.checks.failures import UNRECOGNISED

LAB = "04_transformer"
N_TEXTS = 4_000  # texts that are drawn to count words: a frequency is then right to 0.01 or so
FAR = 0.05  # a frequency that differs by more is wrong
CERTAIN = 100.0  # a logit that leaves no other word a chance
JUST_AHEAD = 0.01  # a logit that makes a word the most likely one, by very little
LOGITS = (2.0, 1.0, 0.0, -0.5, 1.5)  # of the words, where the model has no memory
MANY = tuple(-i / 10 for i in range(31))  # of many words, each drawn ten times or more


def certain(n_words: int, ahead: float = CERTAIN) -> Callable[[Tensor], Tensor]:
    """A model that is certain of the next word, which depends on all words so far and their order.

    ahead: the logit of that word; the others' are 0.

    At each position, the word is (the sum over positions i of (i + 1) times word i, plus 7)
    modulo n_words.
    """

    def model(ids):
        weighted = ids * torch.arange(1, ids.size(1) + 1)
        following = (weighted.cumsum(1) + 7) % n_words  # (B, T)
        return ahead * F.one_hot(following, n_words).float()

    return model


def forgetful(logits=LOGITS) -> Callable[[Tensor], Tensor]:
    """A model whose next word does not depend on the text: ids (B, T) -> logits (B, T, V).

    It is created here because the grader refuses answers that call a function of this module.
    """

    def model(ids):
        return torch.tensor(logits).expand(*ids.shape, -1)

    return model


def _by_steps(model, ids, n_words, read=lambda ids: ids, at=-1, text=slice(None)):
    """The most likely word after another, or with a part of a step replaced."""
    for _ in range(n_words):
        word = model(read(ids))[:, at].argmax(-1)[text].expand(len(ids))
        ids = torch.cat((ids, word[:, None]), dim=1)
    return ids


def _only_new_words_read(model, ids, n_words, _):
    """The prompt at the first step, and then each new word alone, as with a cache."""
    T = ids.size(1)
    return _by_steps(model, ids, n_words, lambda now: now if now.size(1) == T else now[:, -1:])


def _prompt_only(model, ids, n_words, _):
    word = model(ids)[:, -1:].argmax(-1)
    return torch.cat((ids, word.expand(-1, n_words)), dim=1)


WORD_MISTAKES = (
    Mistake(
        "first_position",
        lambda model, ids, n, _: _by_steps(model, ids, n, at=0),
        "you use the logits at the first position, which predict the second word. The logits at "
        "the last position, logits[:, -1], predict the next one.",
    ),
    Mistake(
        "only_last_word_read",
        lambda model, ids, n, _: _by_steps(model, ids, n, read=lambda ids: ids[:, -1:]),
        "the model reads only the newest word. It needs all words so far, the prompt included.",
    ),
    Mistake(
        "only_last_word_read",
        _only_new_words_read,
        "the model reads only the newest word. It needs all words so far, the prompt included.",
    ),
    Mistake(
        "prompt_only_read",
        _prompt_only,
        "every new word is the one after the prompt: the model reads the prompt alone, or you take "
        "the logits at the prompt's last position. Append each word, and use logits[:, -1].",
    ),
    Mistake(
        "prompt_dropped",
        lambda model, ids, n, _: _by_steps(model, ids, n)[:, ids.size(1) :],
        "you return the new words alone. Return the given words, followed by the new ones.",
    ),
    Mistake(
        "one_text_for_all",
        lambda model, ids, n, _: _by_steps(model, ids, n, text=slice(0, 1)),
        "every text goes on with the word of text 0. Each text has its own logits.",
    ),
    Mistake(
        "one_word_too_many",
        lambda model, ids, n, _: _by_steps(model, ids, n + 1),
        "there is one word too many.",
    ),
    Mistake(
        "one_word_too_few",
        lambda model, ids, n, _: _by_steps(model, ids, n - 1),
        "the last word is missing.",
    ),
)


def _softmax(logits, temperature):
    """Probabilities of two words after one another, (V, V); at 0 the most likely one is certain."""
    p = F.one_hot(logits.argmax(), len(logits)).double()
    if temperature:
        p = (logits.double() / temperature).softmax(0)
    return torch.outer(p, p)


def _one_draw_for_all(logits, temperature):
    return _softmax(logits, temperature).sum(0).diag()


def _at_zero(name: str, compute: Callable, says: str) -> tuple[Mistake, Mistake]:
    """A mistake that is made at 0 too, or only elsewhere."""
    return (
        Mistake(name, compute, says),
        Mistake(name, lambda z, t: compute(z, t) if t else _softmax(z, 0), says),
    )


CHANCE_MISTAKES = (
    *_at_zero(
        "temperature_ignored",
        lambda logits, temperature: _softmax(logits, 1),
        "the temperature has no effect. Divide the logits by it, before the softmax; to divide the "
        "probabilities changes nothing, because they are normalised again.",
    ),
    *_at_zero(
        "temperature_multiplied",
        lambda logits, temperature: _softmax(logits, 1 / temperature if temperature else 1e9),
        "you multiply by the temperature. Divide the logits by it, so that a high one makes words "
        "more alike.",
    ),
    Mistake(
        "drawn_at_zero",
        lambda logits, temperature: _softmax(logits, temperature or 1),
        "at temperature 0 you draw a word. Take the most likely one.",
    ),
    Mistake(
        "always_most_likely",
        lambda logits, temperature: _softmax(logits, 0),
        "you always take the most likely word. That is right at temperature 0; at others, draw.",
    ),
    *_at_zero(
        "equally_likely",
        lambda logits, temperature: _softmax(0 * logits, 1),
        "every word is equally likely. Draw with the model's probabilities.",
    ),
    Mistake(
        "same_chance_again",
        _one_draw_for_all,
        "the second word is always the first one again, although it should be drawn anew. A seed "
        "that is set inside the function gives the same random numbers each time.",
    ),
)


@check(lab=LAB, exercise="generate", returns=Tensor, repeatable=False)
def generate(answer):
    """generate(model, ids, n_words, temperature): ids (B, T) -> (B, T + n_words)."""
    kept = []

    def ask(call, model, ids, n_words, temperature, seed=5):
        before = again.before((ids, n_words, temperature), {})
        handed_over = ids.clone()
        with own_seed(seed):
            got = call(model, handed_over, n_words, temperature)
        again.refuse_changed(before, (handed_over, n_words, temperature), {})
        kept.append(again.after(before, got, (handed_over, n_words, temperature), {}))
        return got

    def judge_words(call, shape, n_words, temperature, n_known, ahead=CERTAIN):
        ids = torch.arange(shape[0] * shape[1]).view(shape) * 11 % n_known
        model = certain(n_known, ahead)
        how = "certain" if ahead == CERTAIN else f"hardly certain (logits {ahead} and 0)"
        given = (
            f"a model that is {how}, ids of shape {shape_of(ids)}, n_words = {n_words} and "
            f"temperature = {number(temperature)}"
        )
        got = ask(call, model, ids, n_words, temperature)
        inputs = (model, ids, n_words, temperature)
        expected = _by_steps(model, ids, n_words)
        compare(got, expected, WORD_MISTAKES, inputs, given, "the right word is")

    def judge_chances(temperature, seed=5):
        ids = torch.zeros(N_TEXTS, 1, dtype=torch.long)
        logits = torch.tensor(LOGITS)
        drawn = got = ask(answer, forgetful(), ids, 2, temperature, seed)
        expected = _softmax(logits, temperature)
        given = (
            f"{N_TEXTS:,} texts that are continued by two words at temperature "
            f"{number(temperature)} and a model with the logits {list(LOGITS)}"
        )
        inputs = (logits, temperature)
        got = _frequencies(got, len(logits))
        compare(got, expected, CHANCE_MISTAKES, inputs, given, "its probability is", FAR)
        return drawn

    def by_hand(*inputs):
        return written_by_hand(answer, *inputs)

    judge_words(by_hand, (2, 3), 4, 1.0, n_known=29)
    judge_words(answer, (3, 5), 6, 0.7, n_known=300)
    judge_words(answer, (1, 1), 3, 0, n_known=13)
    judge_words(answer, (2, 4), 1, 2.0, n_known=31)
    first = judge_chances(1.0)
    for temperature in (0.5, 2.0, 0):
        judge_chances(temperature)
    judge_words(answer, (3, 4), 5, 0, n_known=17, ahead=JUST_AHEAD)
    _refuse_same_words(first, judge_chances(1.0, seed=6))
    many = torch.zeros(N_TEXTS, 1, dtype=torch.long)
    _judge_all_drawn(ask(answer, forgetful(MANY), many, 1, 1.0), many)
    again.refuse_overwritten([one for one in kept if one])


def _refuse_same_words(first: Tensor, second: Tensor) -> None:
    """Raises: CheckFailed where two calls on one text, with other random numbers, drew the same."""
    if first.shape == second.shape and torch.equal(first, second):
        raise CheckFailed(
            f"for {len(first):,} texts, your result has the same words in two calls, whatever the "
            "random numbers were. Set no seed inside the function, and create no generator with a "
            "fixed seed there: every text would be continued in the same way each time.",
            hint="fixed_seed",
        )


def _judge_all_drawn(got: Tensor, prompts: Tensor) -> None:
    """Judge one word after each prompt by the model of MANY words, each of which must occur.

    Raises: CheckFailed with the hint "never_drawn".
    """
    given = f"{N_TEXTS:,} texts and a model of {len(MANY)} words at temperature 1"
    compare(got[:, :-1], prompts, (), (), f"the prompts, with {given}", "the right word is")
    if not torch.equal(got[:, :-1], prompts):
        return
    drawn = set(got[:, -1].tolist())
    if missing := [word for word in range(len(MANY)) if word not in drawn]:
        p = torch.tensor(MANY).softmax(0)[missing[0]].item()
        likeliest_alone = 1 < missing[0] == len(MANY) - len(missing)
        advice = " Draw from all words, not from the most likely ones alone."
        raise CheckFailed(
            f"for {given}, word {missing[0]} was never drawn, although its probability is "
            f"{p:.2g}." + likeliest_alone * advice,
            hint="never_drawn" if likeliest_alone else UNRECOGNISED,
        )


def _frequencies(got: Tensor, n_known: int) -> Tensor:
    """How often each pair of new words occurs, (V, V); what is no word of the model counts none."""
    pairs = torch.zeros(n_known, n_known, dtype=torch.float64)
    if got.ndim != 2 or got.size(1) < 3:
        return pairs
    first, second = got[:, -2].long(), got[:, -1].long()
    known = (first >= 0) & (first < n_known) & (second >= 0) & (second < n_known)
    return pairs.index_put((first[known], second[known]), pairs.new_ones(()), True) / len(got)
