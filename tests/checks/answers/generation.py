"""Answers to lab 8, choose the next word: right ones in several ways, wrong ones by mistake."""

import itertools
import math
from fractions import Fraction

import numpy as np
import torch
from answers.lab import Answers, near
from torch.nn import functional as F

from grooves.checks.generation import check_challenge as generation_challenge


def shorten(monkeypatch):
    """A challenge with so few tokens that no story is finished."""
    monkeypatch.setattr(generation_challenge, "BUDGET", 600)


ANSWERS = Answers(
    "08_generation",
    trains=("challenge",),
    plain_hints=("not_a_pair", "how_many"),
    shorten=shorten,
)
right, wrong = ANSWERS.right, ANSWERS.wrong


# ---- 1 top_k -----------------------------------------------------------------------------------


@right("top_k", "in NumPy, row by row")
def _(logits, k):
    rows = []
    for z in logits.numpy().astype(float):
        likeliest = np.argsort(-z, kind="stable")[:k]
        p = np.zeros_like(z)
        p[likeliest] = np.exp(z[likeliest] - z.max())
        rows.append(p / p.sum())
    return np.array(rows)


@right("top_k", "by the rank of each token: how many are likelier, or equal and before it")
def _(logits, k):
    mine, other = logits[:, :, None], logits[:, None, :]
    before = torch.arange(logits.size(1)) < torch.arange(logits.size(1))[:, None]
    rank = ((other > mine) | ((other == mine) & before)).sum(-1)
    p = logits.softmax(-1) * (rank < k)
    return p / p.sum(-1, keepdim=True)


ANSWERS.by_hand(
    "top_k",
    "Tokens 0, 2 and 4 are left, with 0.9 together: 0.4 / 0.9 = 0.444, 0.333 and 0.222.",
    lambda top_k: near(
        top_k(torch.tensor([[0.4, 0.06, 0.3, 0.04, 0.2]]).log(), 3),
        [[4 / 9, 0, 3 / 9, 0, 2 / 9]],
    ),
)


@wrong("top_k", "changed_input")
def _(logits, k):
    logits[logits < logits.sort(descending=True).values[:, [min(k, logits.size(1)) - 1]]] = -1e9
    return logits.softmax(-1)


@wrong("top_k", "wrong_ties")
def _(logits, k):
    places = logits.argsort(dim=-1, descending=True)[:, :k]  # not stable
    kept = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, places, True)
    return logits.masked_fill(~kept, -math.inf).softmax(-1)


@wrong("top_k", "course_code")
def _(logits, k):
    from grooves.inference import sampling

    return sampling.apply_top_k(logits, k).softmax(-1)


# ---- 2 top_p -----------------------------------------------------------------------------------


@right("top_p", "in NumPy, token by token")
def _(logits, temperature, p):
    rows = []
    for z in logits.numpy().astype(float):
        q = np.exp((z - z.max()) / temperature)
        q /= q.sum()
        left, total = np.zeros_like(q), 0.0
        for token in np.argsort(-q, kind="stable"):
            if total >= p:
                break
            left[token] = q[token]
            total += q[token]
        rows.append(left / total)
    return np.array(rows)


@right("top_p", "with a mask that is scattered back, and logits of -inf")
def _(logits, temperature, p):
    z = logits / temperature
    ordered, order = z.sort(dim=-1, descending=True, stable=True)
    over = ordered.softmax(-1).cumsum(-1) >= p
    over = F.pad(over[:, :-1], (1, 0), value=False)  # the token that reaches p stays
    dropped = torch.zeros_like(over).scatter(-1, order, over)
    return z.masked_fill(dropped, -math.inf).softmax(-1)


ANSWERS.by_hand(
    "top_p",
    "Result: 0.2 / 0.7 = 0.286 for token 0 and 0.714 for token 2.",
    lambda top_p: near(
        top_p(torch.tensor([[0.2, 0.1, 0.5, 0.2]]).log(), 1.0, 0.6), [[2 / 7, 0, 5 / 7, 0]]
    ),
)
ANSWERS.by_hand(
    "top_p",
    "0.118, 0.029, 0.735 and 0.118; token 2 is above 0.6 alone.",
    lambda top_p: (
        near(top_p(torch.tensor([[0.2, 0.1, 0.5, 0.2]]).log(), 0.5, 0.6), [[0.0, 0, 1, 0]])
        and near(torch.tensor([0.04, 0.01, 0.25, 0.04]) / 0.34, [0.118, 0.029, 0.735, 0.118], 1e-3)
    ),
)


def _nucleus(stable, reached):
    """The right way with one part exchanged. reached: of the sum before a token and p."""

    def answer(logits, temperature, p):
        q = (logits / temperature).softmax(-1)
        ordered, order = q.sort(dim=-1, descending=True, stable=stable)
        left = ordered.masked_fill(reached(ordered.cumsum(-1) - ordered, p), 0.0)
        left[:, 0] = ordered[:, 0]
        left = left / left.sum(-1, keepdim=True)
        return torch.zeros_like(left).scatter(-1, order, left)

    return answer


wrong("top_p", "ties_last")(_nucleus(False, lambda before, p: before >= p))
wrong("top_p", "one_too_many")(_nucleus(True, lambda before, p: before > p))


@wrong("top_p", "course_code")
def _(logits, temperature, p):
    from grooves.inference.sampling import Sampler

    return Sampler(temperature=temperature, top_p=p).probabilities(logits)


# ---- 3 min_p -----------------------------------------------------------------------------------


@right("min_p", "on logits, with the logarithm of the ratio")
def _(logits, ratio):
    floor = logits.amax(-1, keepdim=True) + (math.log(ratio) if ratio else -math.inf)
    return logits.masked_fill(logits < floor, -math.inf).softmax(-1)


@right("min_p", "in NumPy, relative to the largest")
def _(logits, ratio):
    z = logits.numpy().astype(float)
    relative = np.exp(z - z.max(1, keepdims=True))
    relative[relative < ratio] = 0
    return relative / relative.sum(1, keepdims=True)


ANSWERS.by_hand(
    "min_p",
    "The floor is 0.5 · 0.4 = 0.2, so tokens 0, 2 and 4 are left: 0.444, 0.333 and 0.222.",
    lambda min_p: near(
        min_p(torch.tensor([[0.4, 0.06, 0.3, 0.04, 0.2]]).log(), 0.499),
        [[4 / 9, 0, 3 / 9, 0, 2 / 9]],
    ),
)


@wrong("min_p", "course_code")
def _(logits, ratio):
    from grooves.inference import sampling

    return sampling.apply_min_p(logits, ratio).softmax(-1)


# ---- 4 beam_search -----------------------------------------------------------------------------


@right("beam_search", "on tensors, with topk over all continuations")
def _(model, width, max_words, length_exponent):
    live, totals, finished = [()], torch.zeros(1, dtype=torch.float64), []
    for length in range(1, max_words + 1):
        ways = torch.stack([model(tokens) for tokens in live]) + totals[:, None]  # (B, V)
        n = min(2 * width, ways.numel())
        best, places = ways.flatten().topk(n)
        texts, kept = [], []
        for total, place in zip(best, places.tolist(), strict=True):
            row, token = divmod(place, ways.size(1))
            if token == 0:
                finished.append((total / length**length_exponent, live[row]))
            elif len(texts) < width:
                texts.append((*live[row], token))
                kept.append(total)
        live = texts
        if not live:
            break
        totals = torch.stack(kept)
    if not finished:
        finished = [(t / max_words**length_exponent, x) for t, x in zip(totals, live, strict=True)]
    score, tokens = max(finished, key=lambda text: float(text[0]))
    return torch.tensor(tokens, dtype=torch.long), score


@right("beam_search", "stopping early, once no live text can win")
def _(model, width, max_words, length_exponent):
    live, best = [(0.0, [])], None
    for length in range(1, max_words + 1):
        ways = [
            (log_p + p, [*tokens, token])
            for log_p, tokens in live
            for token, p in enumerate(model(tokens).tolist())
        ]
        ways = sorted(ways, key=lambda way: way[0], reverse=True)[: 2 * width]
        live = [way for way in ways if way[1][-1] != 0][:width]
        for log_p, tokens in ways:
            score = log_p / length**length_exponent
            if tokens[-1] == 0 and (best is None or score > best[1]):
                best = tokens[:-1], score
        # a text only loses log-probability, and its length ends at max_words
        if not live or (best and live[0][0] / max_words**length_exponent <= best[1]):
            break
    return best or (live[0][1], live[0][0] / max_words**length_exponent)


def by_table(tokens):
    """The model of the lab's example."""
    table = {(): (0.1, 0.6, 0.3), (1,): (0.3, 0.4, 0.3)}
    return torch.tensor(table.get(tuple(tokens), (0.9, 0.05, 0.05)), dtype=torch.float64).log()


ANSWERS.by_hand(
    "beam_search",
    "With exponent 0 the text 2 wins, with ln 0.27 = −1.309.",
    lambda beam_search: (
        list(beam_search(by_table, 2, 3, 0.0)[0]) == [2]
        and near(beam_search(by_table, 2, 3, 0.0)[1], -1.309, 1e-3)
    ),
)
ANSWERS.by_hand(
    "beam_search",
    "With exponent 1 it has −1.309 / 2 = −0.655, and 1 1 wins with ln 0.216 / 3 = −0.511.",
    lambda beam_search: (
        list(beam_search(by_table, 2, 3, 1.0)[0]) == [1, 1]
        and near(beam_search(by_table, 2, 3, 1.0)[1], -0.511, 1e-3)
    ),
)


@wrong("beam_search", "unfinished_not_divided")
def _(model, width, max_words, length_exponent):
    live, finished = [(0.0, [])], []
    for length in range(1, max_words + 1):
        ways = sorted(
            (
                (log_p + p, [*tokens, token])
                for log_p, tokens in live
                for token, p in enumerate(model(tokens).tolist())
            ),
            reverse=True,
        )[: 2 * width]
        finished += [(s / length**length_exponent, t[:-1]) for s, t in ways if t[-1] == 0]
        live = [way for way in ways if way[1][-1] != 0][:width]
    score, tokens = max(finished or live)
    return tokens, score


@wrong("beam_search", "not_a_pair")
def _(model, width, max_words, length_exponent):
    return [1, 2, 3]


@wrong("beam_search", "course_code")
def _(model, width, max_words, length_exponent):
    from grooves.inference.search import Hypothesis

    best = Hypothesis((1,), -1.0, True)
    return best.tokens, best.score(length_exponent)


# ---- 5 pass_at_n -------------------------------------------------------------------------------


@right("pass_at_n", "the product of Chen et al.")
def _(drawn, correct, n):
    if drawn - correct < n:
        return 1.0
    return 1 - np.prod(1 - n / np.arange(drawn - correct + 1, drawn + 1))


@right("pass_at_n", "one sample after the other, as a fraction")
def _(drawn, correct, n):
    none = Fraction(1)
    for i in range(n):
        none *= Fraction(max(drawn - correct - i, 0), drawn - i)
    return 1 - none


@right("pass_at_n", "by logarithms of factorials, as a tensor")
def _(drawn, correct, n):
    if n > drawn - correct:
        return torch.tensor([1.0])
    f = [torch.lgamma(torch.tensor(float(m + 1), dtype=torch.float64)) for m in
         (drawn - correct, drawn - n, drawn - correct - n, drawn)]  # fmt: skip
    return -torch.expm1(f[0] + f[1] - f[2] - f[3])


ANSWERS.by_hand(
    "pass_at_n",
    "There are 10 pairs, and 3 of them consist of two wrong samples: 1 − 3/10 = 0.7.",
    lambda pass_at_n: (
        near(pass_at_n(5, 2, 2), 0.7)
        and math.isclose(
            1 - sum(1 for pair in itertools.combinations("ccwww", 2) if "c" not in pair) / 10, 0.7
        )
    ),
)


@wrong("pass_at_n", "lists_subsets")
def _(drawn, correct, n):
    subsets = itertools.combinations(range(drawn), n)
    return sum(subset[0] < correct for subset in subsets) / math.comb(drawn, n)


@wrong("pass_at_n", "course_code")
def _(drawn, correct, n):
    from grooves.inference.calibration import pass_at_k

    return pass_at_k(drawn, correct, n)


# ---- 6 best_of_n -------------------------------------------------------------------------------


@right("best_of_n", "text by text, as a list")
def _(log_p, lengths, by):
    best = []
    for texts, sizes in zip(log_p, lengths, strict=True):
        scores = [float(t[:n].double().sum()) for t, n in zip(texts, sizes, strict=True)]
        if by == "mean":
            scores = [score / int(n) for score, n in zip(scores, sizes, strict=True)]
        best.append(scores.index(max(scores)))
    return best


@right("best_of_n", "cumulative sums in NumPy, read at the last token")
def _(log_p, lengths, by):
    sums = np.cumsum(log_p.numpy().astype(float), axis=-1)
    n = lengths.numpy()
    total = np.take_along_axis(sums, n[..., None] - 1, axis=-1)[..., 0]
    return (total / n if by == "mean" else total).argmax(axis=-1)


ANSWERS.by_hand(
    "best_of_n",
    "The totals are −4 and −3, so text 1 has the best total.",
    lambda best_of_n: (
        best_of_n(
            torch.tensor([[[-1.0, -1, -1, -1], [-2, -1, 0, 0]]]), torch.tensor([[4, 2]]), "total"
        ).tolist()
        == [1]
    ),
)
ANSWERS.by_hand(
    "best_of_n",
    "The means are −1 and −1.5, so text 0 has the best mean.",
    lambda best_of_n: (
        best_of_n(
            torch.tensor([[[-1.0, -1, -1, -1], [-2, -1, 0, 0]]]), torch.tensor([[4, 2]]), "mean"
        ).tolist()
        == [0]
    ),
)


@wrong("best_of_n", "course_code")
def _(log_p, lengths, by):
    from grooves.inference.best_of_n import mean_log_p, total_log_p
    from grooves.inference.sampled import WordScores

    score = mean_log_p if by == "mean" else total_log_p
    cut = [[WordScores(t[:n].numpy(), 0, 0) for t, n in zip(*row, strict=True)]
           for row in zip(log_p, lengths, strict=True)]  # fmt: skip
    return np.array([score(texts).argmax() for texts in cut])


# ---- 7 truncated_kl ----------------------------------------------------------------------------


@right("truncated_kl", "with xlogy and a sum of two terms")
def _(p, q, kept):
    r = (q * kept) / (q * kept).sum(-1, keepdim=True)

    def kl(a, b):
        return (torch.xlogy(a, a) - torch.xlogy(a, b)).sum(-1)

    return kl(p, r), kl(r, p)


@right("truncated_kl", "number by number, as lists")
def _(p, q, kept):
    def kl(a, b):
        total = 0.0
        for x, y in zip(a, b, strict=True):
            if x > 0:
                total += math.inf if y == 0 else x * math.log(x / y)
        return total

    forth, back = [], []
    for a, b, keep in zip(p.tolist(), q.tolist(), kept.tolist(), strict=True):
        left = [x if k else 0.0 for x, k in zip(b, keep, strict=True)]
        left = [x / sum(left) for x in left]
        forth.append(kl(a, left))
        back.append(kl(left, a))
    return [forth, back]


@right("truncated_kl", "in NumPy, over the tokens that count")
def _(p, q, kept):
    p, r = p.numpy(), np.where(kept, q, 0)
    r = r / r.sum(axis=1, keepdims=True)

    def kl(a, b):
        with np.errstate(divide="ignore"):
            return np.array(
                [(x[x > 0] * np.log(x[x > 0] / y[x > 0])).sum() for x, y in zip(a, b, strict=True)]
            )

    return kl(p, r), kl(r, p)


ANSWERS.by_hand(
    "truncated_kl",
    "KL(p ‖ r) = 0.5 ln (0.5 / 0.667) + 0.5 ln (0.5 / 0.333) = 0.059, and "
    "KL(r ‖ p) = 0.667 ln (0.667 / 0.5) + 0.333 ln (0.333 / 0.5) = 0.057.",
    lambda truncated_kl: near(
        torch.cat(
            truncated_kl(
                torch.tensor([[0.5, 0.5, 0]]),
                torch.tensor([[0.5, 0.25, 0.25]]),
                torch.tensor([[True, True, False]]),
            )
        ),
        [0.059, 0.057],
        2e-3,
    ),
)
ANSWERS.by_hand(
    "truncated_kl",
    "If tokens 0 and 2 are kept, both are infinite",
    lambda truncated_kl: (
        torch.cat(
            truncated_kl(
                torch.tensor([[0.5, 0.5, 0]]),
                torch.tensor([[0.5, 0.25, 0.25]]),
                torch.tensor([[True, False, True]]),
            )
        ).tolist()
        == [math.inf, math.inf]
    ),
)


def _apart(a, b):
    """KL(a || b) of each row."""
    return torch.where(a > 0, a * (a / b).log(), 0.0).sum(-1)


def _kl_answer(cut=lambda q, kept: q * kept, kl=_apart, each=True, p_too=False):
    """The right way with one part exchanged."""

    def answer(p, q, kept):
        r = cut(q, kept)
        r = r / r.sum(-1, keepdim=True) if each else r
        p = p * kept / (p * kept).sum(-1, keepdim=True) if p_too else p
        return kl(p, r), kl(r, p)

    return answer


wrong("truncated_kl", "exchanged")(_kl_answer(kl=lambda a, b: _apart(b, a)))
wrong("truncated_kl", "not_renormalised")(_kl_answer(each=False))
wrong("truncated_kl", "one_sum_for_all")(
    _kl_answer(lambda q, kept: q * kept / (q * kept).sum() * len(q), each=False)
)
wrong("truncated_kl", "not_truncated")(_kl_answer(lambda q, kept: q))
wrong("truncated_kl", "p_truncated")(_kl_answer(p_too=True))
wrong("truncated_kl", "zero_times_infinity")(
    _kl_answer(kl=lambda a, b: F.kl_div(b.log(), a, reduction="none").sum(-1))
)
wrong("truncated_kl", "common_tokens_only")(
    _kl_answer(kl=lambda a, b: (a * (a / b).log()).nan_to_num(0, 0, 0).sum(-1))
)
wrong("truncated_kl", "infinity_replaced")(
    _kl_answer(kl=lambda a, b: (a * (a / b).log()).nan_to_num().sum(-1))
)
wrong("truncated_kl", "smoothed")(
    _kl_answer(kl=lambda a, b: (a * ((a + 1e-10) / (b + 1e-10)).log()).sum(-1))
)
wrong("truncated_kl", "bits")(
    _kl_answer(kl=lambda a, b: torch.where(a > 0, a * (a / b).log2(), 0.0).sum(-1))
)
wrong("truncated_kl", "mean_over_tokens")(
    _kl_answer(kl=lambda a, b: torch.where(a > 0, a * (a / b).log(), 0.0).mean(-1))
)
wrong("truncated_kl", "cross_entropy")(_kl_answer(kl=lambda a, b: -torch.xlogy(a, b).sum(-1)))


@wrong("truncated_kl", "how_many")
def _(p, q, kept):
    return ANSWERS.right_answers["truncated_kl"]["with xlogy and a sum of two terms"](p, q, kept)[
        :1
    ]


@wrong("truncated_kl", "course_code")
def _(p, q, kept):
    from grooves.inference.best_of_n import entropy_of

    return torch.full((len(p),), entropy_of(["a", "b"])), torch.zeros(len(p))


# ---- 8 calibration -----------------------------------------------------------------------------


@right("calibration", "by histograms in NumPy")
def _(confidence, correct, n_bins):
    edges = np.arange(n_bins + 1) / n_bins
    count = np.histogram(confidence, edges)[0]  # the last bin includes 1
    sums = [np.histogram(confidence, edges, weights=x)[0] for x in (confidence, correct)]
    means = [np.divide(s, count, out=np.zeros(n_bins), where=count > 0) for s in sums]
    error = (count * abs(means[0] - means[1])).sum() / len(confidence)
    return np.stack((count, *means), axis=1), error


@right("calibration", "prediction by prediction, as lists")
def _(confidence, correct, n_bins):
    table = [[0, 0.0, 0.0] for _ in range(n_bins)]
    for c, y in zip(confidence.tolist(), correct.tolist(), strict=True):
        row = table[min(int(c * n_bins), n_bins - 1)]
        row[0], row[1], row[2] = row[0] + 1, row[1] + c, row[2] + y
    error = sum(abs(row[1] - row[2]) for row in table) / len(confidence)
    return [[n, c / max(n, 1), y / max(n, 1)] for n, c, y in table], error


ANSWERS.by_hand(
    "calibration",
    "The error is (1 · 0.2 + 3 · 0.233) / 4 = 0.225.",
    lambda calibration: near(
        calibration(torch.tensor([0.2, 0.9, 0.8, 1.0]), torch.tensor([0.0, 0, 1, 1]), 2)[1], 0.225
    ),
)


def _binned(place=None, gaps=None, empty=0.0, centres=False):
    """The right way with one part exchanged. gaps: count, gap, number of predictions -> error."""

    def answer(confidence, correct, n_bins):
        c, y = confidence.numpy(), correct.numpy()
        bins = np.minimum(c * n_bins // 1, n_bins - 1) if place is None else place(c, n_bins)
        table = np.full((n_bins, 3), empty)
        for i in range(n_bins):
            inside = bins == i
            table[i, 0] = inside.sum()
            if inside.any():
                mean = (i + 0.5) / n_bins if centres else c[inside].mean()
                table[i, 1:] = mean, y[inside].mean()
        gap, count = table[:, 1] - table[:, 2], table[:, 0]
        if gaps is None:
            return table, (count * abs(gap)).sum() / count.sum()
        return table, gaps(count, gap, confidence, correct)

    return answer


wrong("calibration", "unweighted")(_binned(gaps=lambda n, gap, *_: abs(gap).mean()))
wrong("calibration", "right_closed")(
    _binned(lambda c, n: np.digitize(c, np.arange(1, n) / n, right=True))
)
wrong("calibration", "one_lost")(_binned(lambda c, n: c * n // 1))
wrong("calibration", "signed")(_binned(gaps=lambda n, gap, *_: (n * gap).sum() / n.sum()))
wrong("calibration", "largest_gap")(_binned(gaps=lambda n, gap, *_: abs(gap).max()))
wrong("calibration", "squared")(_binned(gaps=lambda n, gap, *_: (n * gap**2).sum() / n.sum()))
wrong("calibration", "not_divided")(_binned(gaps=lambda n, gap, *_: (n * abs(gap)).sum()))
wrong("calibration", "centres")(_binned(centres=True))
wrong("calibration", "equal_counts")(
    _binned(lambda c, n: np.argsort(np.argsort(c, kind="stable")) * n // len(c))
)
wrong("calibration", "empty_bins")(_binned(empty=np.nan))
wrong("calibration", "no_bins")(_binned(gaps=lambda n, gap, c, y: (c - y).abs().mean()))


@wrong("calibration", "how_many")
def _(confidence, correct, n_bins):
    return (abs(confidence - correct).mean(),)


@wrong("calibration", "course_code")
def _(confidence, correct, n_bins):
    from grooves.inference.calibration import expected_calibration_error, reliability

    bins = reliability(confidence.numpy(), correct.numpy(), n_bins)
    table = np.zeros((n_bins, 3))
    for one in bins:
        table[round(one.low * n_bins)] = one.count, one.confidence, one.accuracy
    return table, expected_calibration_error(bins)


# ---- 9 constrained -----------------------------------------------------------------------------


@right("constrained", "backwards from the end, breadth first, as a list of True and False")
def _(edges, state, left, n_tokens):
    ends = {s: 1 for s, ways in enumerate(edges) if 0 in ways}
    front = list(ends)
    while front:
        at = front.pop(0)
        for s, ways in enumerate(edges):
            if s not in ends and at in ways.values():
                ends[s] = ends[at] + 1
                front.append(s)
    return [
        token in edges[state]
        and (1 if token == 0 else 1 + ends.get(edges[state][token], math.inf)) <= left
        for token in range(n_tokens)
    ]


@right("constrained", "all ways of at most so many tokens, as zeros and ones")
def _(edges, state, left, n_tokens):
    def ends_within(state, left):
        return left > 0 and any(
            token == 0 or ends_within(after, left - 1) for token, after in edges[state].items()
        )

    mask = torch.zeros(n_tokens, dtype=torch.int)
    for token, after in edges[state].items():
        mask[token] = left > 0 and (token == 0 or ends_within(after, left - 1))
    return mask


EXAMPLE = [{1: 1, 2: 2}, {3: 3, 0: None}, {3: 4}, {1: 1}, {}]
ANSWERS.by_hand(
    "constrained",
    "With 2 tokens left only token 1 is permitted, and with 1 token left none is.",
    lambda constrained: (
        np.array_equal(constrained(EXAMPLE, 0, 2, 4), [0, 1, 0, 0])
        and not np.any(constrained(EXAMPLE, 0, 1, 4))
    ),
)


@wrong("constrained", "too_few_passes")
def _(edges, state, left, n_tokens):
    need = [math.inf] * len(edges)
    for _ in range(3):
        for at, ways in enumerate(edges):
            for token, after in ways.items():
                need[at] = min(need[at], 1 if token == 0 else 1 + need[after])
    mask = np.zeros(n_tokens, dtype=bool)
    for token, after in edges[state].items():
        mask[token] = (1 if token == 0 else 1 + need[after]) <= left
    return mask


@wrong("constrained", "course_code")
def _(edges, state, left, n_tokens):
    from grooves.inference.best_of_n import entropy_of

    return np.arange(n_tokens) < entropy_of(list(edges[state]))


# ---- 10 challenge ------------------------------------------------------------------------------


def drawn(teller, ratio=0.1):
    """A token for each text, drawn with min-p."""
    p = teller.logits.softmax(-1)
    p = torch.where(p < ratio * p.amax(-1, keepdim=True), 0.0, p)
    return torch.multinomial(p, 1)[:, 0]


def grown(teller, n, shared, copies, ratio=0.1, room=75):
    """Groups of n beginnings of `shared` tokens, each continued by several copies."""
    stories = []
    while teller.left > n * (shared + copies * room):
        teller.begin(n)
        for _ in range(shared):
            teller.read(drawn(teller, ratio))
        teller.select(torch.arange(n).repeat_interleave(copies))
        while teller.texts:
            tokens = drawn(teller, ratio)
            stories += [teller.texts[row] for row in (tokens == 0).nonzero()[:, 0].tolist()]
            short = torch.tensor([len(text) < 150 for text in teller.texts])  # some never end
            alive = ((tokens != 0) & short).nonzero()[:, 0]
            teller.select(alive)
            if len(alive):
                teller.read(tokens[alive])
    return stories


@right("challenge", "five beginnings of fifty words, each twice")
def _(teller):
    return [torch.tensor(story) for story in grown(teller, 5, 50, 2)]


@right("challenge", "the text is split twice")
def _(teller):
    stories = []
    while teller.left > 2 * (30 + 2 * (30 + 2 * 62)):
        teller.begin(2)
        for step in range(30 + 30 + 62):
            tokens = drawn(teller, 0.08)
            stories += [
                tuple(text)
                for text, token in zip(teller.texts, tokens.tolist(), strict=True)
                if token == 0
            ]
            rows = [row for row, token in enumerate(tokens.tolist()) if token]
            rows, tokens = (rows, tokens[rows]) if rows else ([], tokens[:0])
            teller.select(rows)
            teller.read(tokens)
            if step in (29, 59):
                teller.select([row for row in range(len(rows)) for _ in range(2)])
            if not rows:
                break
    return stories


ANSWERS.by_hand(
    "challenge",
    "At least 105 are needed.",
    lambda challenge: generation_challenge.BAR == 105,
)


@wrong("challenge", "too_few")
def _(teller):
    return grown(teller, 5, 0, 1, ratio=0.0, room=125)


@wrong("challenge", "too_few_different")
def _(teller):
    return 3 * grown(teller, 1, 0, 1, room=9_000)


@wrong("challenge", "too_alike")
def _(teller):
    return grown(teller, 2, 80, 10, room=40)


@wrong("challenge", "over_budget")
def _(teller):
    teller.begin(100)
    for _ in range(101):
        teller.read(drawn(teller))
    return teller.texts


@wrong("challenge", "too_long")
def _(teller):
    teller.begin(1)
    while teller.left:
        teller.read([5])
    return teller.texts


@wrong("challenge", "how_many_tokens")
def _(teller):
    teller.begin(3)
    teller.read(drawn(teller)[:1])
    return teller.texts


@wrong("challenge", "no_text")
def _(teller):
    drawn(teller)
    return []


@wrong("challenge", "no_stories")
def _(teller):
    return []


@wrong("challenge", "not_told")
def _(teller):
    teller.begin(1)
    teller.read([5])
    return [[5, 0]]


@wrong("challenge", "uses_grammar")
def _(teller):
    from grooves.language.stories import Stories

    language = Stories()
    teller.begin(1)
    teller.read([5])
    return [text for text in teller.texts if language.parse([language.vocabulary[5]]).ok]
