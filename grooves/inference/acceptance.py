"""What speculative decoding will gain, computed before it runs.

Key idea: a draft from q is accepted with probability Σ q min(1, p / q) = Σ min(p, q), which is
1 - TV(p, q), where TV is the total variation distance. So the two distributions along some texts
predict the acceptance, and a recursion along each text predicts the number of forward passes.
Chapter 09. Source: Leviathan et al. 2023, arXiv:2211.17192, section 3 (the geometric formula); the
recursion is the course's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grooves.inference.readers import context_of, next_logits
from grooves.inference.sampled import Texts
from grooves.models.ngram import NGram


def acceptance(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Probability that a draft from q is accepted under p, 1 - TV(p, q): (..., V) -> (...)."""
    return np.minimum(p, q).sum(-1)


def geometric_words_per_call(alpha: float, n_drafts: int) -> float:
    """Expected words per call if every draft were accepted with probability alpha, independently.

    1 + alpha + ... + alpha^K, which is (1 - alpha^(K + 1)) / (1 - alpha).
    Raises: ValueError for alpha outside 0 to 1, or a negative number of drafts.
    Source: Leviathan et al. 2023, arXiv:2211.17192, eq. 1.
    """
    if not 0 <= alpha <= 1 or n_drafts < 0:
        raise ValueError(f"{alpha=} must be from 0 to 1, and {n_drafts=} at least 0")
    return sum(alpha**k for k in range(n_drafts + 1))


def from_draft(p: np.ndarray, q: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Probability that each given word came from an accepted draft, min(1, q / p): (T,).

    p, q: (T, V). words: (T,), the text. A draft was verified at this place; of the probability p
    with which the word is written there, accepted drafts contribute min(p, q).
    """
    at = np.arange(len(words)), words
    return np.minimum(1.0, q[at] / p[at])


def renewal(c: np.ndarray, n_drafts: int) -> np.ndarray:
    """Expected calls, accepted drafts and verified drafts for one text: (3,).

    c: (T,), `from_draft` at every word of the text. A call that begins at word t renews the
    process: it ends at the first word that did not come from an accepted draft, or after K + 1
    words. So what follows from t is a sum over where the next call begins, computed backwards.
    """
    T = len(c)
    expected = np.zeros((T + n_drafts + 2, 3))  # from a call that begins at t; 0 after the end
    for t in reversed(range(T)):
        reached, total = 1.0, np.array([1.0, 0.0, 0.0])  # reached: all drafts so far accepted
        for word in range(t, min(t + n_drafts, T)):
            accepted = reached * c[word]
            total += (0.0, accepted, reached)
            total += (reached - accepted) * expected[word + 1]
            reached = accepted
        if t + n_drafts < T:  # all K accepted: the call draws one more word
            total += reached * expected[t + n_drafts + 1]
        expected[t] = total
    return expected[0]


@dataclass(frozen=True)
class Prediction:
    """What to expect of a draft, from its distributions along the target's own texts.

    acceptance: mean of 1 - TV over all places. words_per_call: by the geometric formula with that
    mean. renewal_acceptance, renewal_words_per_call: by `renewal`, which takes into account that
    places differ, that earlier rejections decide which are tested, and that texts end.
    """

    acceptance: float
    words_per_call: float
    renewal_acceptance: float
    renewal_words_per_call: float


def predict(target, draft, texts: Texts, n_drafts: int = 3) -> Prediction:
    """Predict speculative decoding with `draft` from texts that were drawn from `target`.

    texts: of `grooves.inference.sampled.draw_texts(target, ...)`, not drawn speculatively.
    Raises: ValueError for a negative number of drafts.
    """
    accepted, sums, n_words = [], np.zeros(3), 0
    tables = zip(next_words(target, texts.tokens), next_words(draft, texts.tokens), strict=True)
    for (p, q), text, ended in zip(tables, texts.tokens, texts.ended, strict=True):
        words = np.array([*text, 0] if ended else text)[: context_of(target)]
        p, q = p[: len(words)], q[: len(words)]
        accepted.append(acceptance(p, q))
        sums += renewal(from_draft(p, q, words), n_drafts)
        n_words += len(words)
    alpha = float(np.concatenate(accepted).mean())
    by_formula = geometric_words_per_call(min(alpha, 1.0), n_drafts)  # rounding may exceed 1
    calls, kept, tested = sums
    return Prediction(alpha, by_formula, float(kept / max(tested, 1e-12)), float(n_words / calls))


def next_words(model, texts: list[list[int]]) -> list[np.ndarray]:
    """Distribution of every word of each text and of the one after it: (T + 1, V), float64."""
    if not isinstance(model, NGram):
        return [table.double().softmax(-1).numpy() for table in next_logits(model, texts)]
    n = model.n - 1  # the tokens that matter
    known: dict[tuple[int, ...], np.ndarray] = {}
    tables = []
    for text in texts:
        row = [0, *text]
        contexts = [tuple(row[max(0, end - n) : end]) for end in range(1, len(row) + 1)]
        for context in set(contexts) - set(known):
            known[context] = model.next_token(list(context))
        tables.append(np.array([known[context] for context in contexts]))
    return tables
