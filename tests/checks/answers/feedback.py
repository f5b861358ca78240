"""Answers to lab 10, learn from thumbs: right ones in several ways, wrong ones by mistake."""

import math
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from answers.lab import Answers, near

from grooves.checks.feedback import check_self_training
from grooves.fine_tuning.preferences import encode, token_log_probs
from grooves.inference.best_of_n import plots_of
from grooves.inference.sampled import draw_texts
from grooves.inference.sampling import Sampler
from grooves.language.stories import Stories
from grooves.training import lineage


def shorten(monkeypatch):
    """So few verdicts that the training ends after a round."""
    monkeypatch.setattr(check_self_training, "BUDGET", 250)
    monkeypatch.setattr(check_self_training, "DRAWN", 20)


ANSWERS = Answers(
    "10_feedback",
    trains=("self_training",),
    plain_hints=("how_many",),
    shorten=shorten,
)
right, wrong = ANSWERS.right, ANSWERS.wrong


# ---- 1 bradley_terry ---------------------------------------------------------------------------


@right("bradley_terry", "softplus of the other difference")
def _(chosen, rejected):
    return F.softplus(rejected - chosen).mean()


@right("bradley_terry", "a softmax over the two rewards of a pair")
def _(chosen, rejected):
    both = torch.stack((rejected, chosen), dim=1)
    return F.cross_entropy(both, torch.ones(len(both), dtype=torch.long))


@right("bradley_terry", "in NumPy, with logaddexp; a number")
def _(chosen, rejected):
    return float(np.logaddexp(0, rejected.numpy() - chosen.numpy()).mean())


ANSWERS.by_hand(
    "bradley_terry",
    "Their mean is 0.813.",
    lambda bradley_terry: near(
        bradley_terry(torch.tensor([2.0, 0]), torch.tensor([1.0, 1])), 0.813, 1e-3
    ),
)


@wrong("bradley_terry", "course_code")
def _(chosen, rejected):
    from grooves.fine_tuning.preferences import bradley_terry_loss

    return bradley_terry_loss(chosen, rejected)


@wrong("bradley_terry", "unstable")
def _(chosen, rejected):
    return -torch.log(1 / (1 + torch.exp(rejected - chosen))).mean()


@wrong("bradley_terry", "logarithm_of_mean")
def _(chosen, rejected):
    return np.log(np.mean(1 + np.exp(np.asarray(rejected) - np.asarray(chosen))))


@ANSWERS.rare("bradley_terry", "with math.exp, which overflows", "raised")
def _(chosen, rejected):
    pairs = zip(chosen.tolist(), rejected.tolist(), strict=True)
    return float(np.mean([math.log(1 + math.exp(r - c)) for c, r in pairs]))


# ---- 2 story_logprob ---------------------------------------------------------------------------


@right("story_logprob", "text by text, token by token, as a list")
def _(logits, tokens, n_prompt, lengths):
    totals = []
    for z, row, given, n in zip(logits, tokens, n_prompt, lengths, strict=True):
        total = 0.0
        for place in range(int(given), int(n) + 1):
            total += float(z[place].double().log_softmax(0)[row[place + 1]])
        totals.append(total)
    return totals


@right("story_logprob", "by a cross-entropy that ignores what does not count")
def _(logits, tokens, n_prompt, lengths):
    place = torch.arange(tokens.size(1))
    counts = (place > n_prompt[:, None]) & (place <= lengths[:, None] + 1)
    targets = torch.where(counts, tokens, -100)[:, 1:]
    usable = torch.where(counts[:, 1:, None], logits[:, :-1], 0.0)
    return -F.cross_entropy(usable.mT, targets, reduction="none").sum(1)


@right("story_logprob", "cumulative sums in NumPy, whole text minus prompt")
def _(logits, tokens, n_prompt, lengths):
    totals = []
    for z, row, given, n in zip(logits.numpy(), tokens.numpy(), n_prompt, lengths, strict=True):
        z, row = z[: n + 1].astype(float), row[1 : n + 2]
        top = z.max(1)
        log_p = z[np.arange(n + 1), row] - top - np.log(np.exp(z - top[:, None]).sum(1))
        sums = np.concatenate(([0.0], log_p.cumsum()))
        totals.append(sums[n + 1] - sums[given])
    return np.array(totals)


def _example_logits():
    p = torch.tensor([[0.3, 0.3, 0.4], [0.25, 0.25, 0.5], [0.2, 0.4, 0.4], [0.1, 0.1, 0.8]])
    return p.log()[None]


ANSWERS.by_hand(
    "story_logprob",
    "The log-probability is ln 0.5 + ln 0.2 = −2.303.",
    lambda story_logprob: near(
        story_logprob(
            _example_logits(), torch.tensor([[0, 1, 2, 0]]), torch.tensor([1]), torch.tensor([2])
        ),
        [-2.303],
        1e-3,
    ),
)


@wrong("story_logprob", "course_code")
def _(logits, tokens, n_prompt, lengths):
    rows = [row[1 : n + 1].tolist() for row, n in zip(tokens, lengths, strict=True)]
    return encode(rows, n_prompt.tolist())[1].float().sum(1)


@wrong("story_logprob", "padding_multiplied")
def _(logits, tokens, n_prompt, lengths):
    targets = tokens[:, 1:].clamp(min=0)
    log_p = logits[:, :-1].log_softmax(-1).gather(-1, targets[..., None])[..., 0]
    place = torch.arange(targets.size(1))
    return (log_p * (place >= n_prompt[:, None]) * (place <= lengths[:, None])).sum(-1)


# ---- 3 dpo -------------------------------------------------------------------------------------


@right("dpo", "pair by pair, with lists")
def _(tokens, log_p, ref_log_p, n_prompt, beta):
    losses = []
    for pair, p, q, given in zip(tokens, log_p, ref_log_p, n_prompt, strict=True):
        if pair[0].tolist() == pair[1].tolist():
            continue
        gained = []
        for side in (0, 1):
            n = int((pair[side] != -1).sum())
            gained.append(float((p[side, given:n].double() - q[side, given:n].double()).sum()))
        losses.append(np.logaddexp(0, -beta * (gained[0] - gained[1])))
    return float(np.mean(losses)) if losses else 0.0


@right("dpo", "by a Bradley-Terry loss of rewards, weighted by whether the pair differs")
def _(tokens, log_p, ref_log_p, n_prompt, beta):
    inside = tokens.ge(0) & (torch.arange(tokens.shape[2])[None, None] >= n_prompt.view(-1, 1, 1))
    pi, ref = (torch.where(inside, x, torch.zeros_like(x)).sum(2) for x in (log_p, ref_log_p))
    reward = beta * (pi - ref)
    differs = (tokens[:, 0] != tokens[:, 1]).any(1).float()
    losses = F.softplus(reward[:, 1] - reward[:, 0])
    return (losses * differs).sum() / differs.sum().clamp(min=1)


@right("dpo", "the ratios of the models first, then of the references")
def _(tokens, log_p, ref_log_p, n_prompt, beta):
    place = torch.arange(tokens.size(2)).expand_as(tokens)
    off = (tokens == -1) | (place < n_prompt[:, None, None])
    p, q = log_p.masked_fill(off, 0).sum(-1), ref_log_p.masked_fill(off, 0).sum(-1)
    margin = beta * ((p[:, 0] - p[:, 1]) - (q[:, 0] - q[:, 1]))
    margin = margin[[a.tolist() != b.tolist() for a, b in tokens]]
    return -F.logsigmoid(margin).sum() / max(len(margin), 1)


@right("dpo", "the integer 0 where no pair differs")
def _(tokens, log_p, ref_log_p, n_prompt, beta):
    losses = [
        np.logaddexp(0, -beta * sum((p[0] - q[0])[g : n[0]]) + beta * sum((p[1] - q[1])[g : n[1]]))
        for x, p, q, g, n in zip(
            tokens,
            log_p.numpy(),
            ref_log_p.numpy(),
            n_prompt.tolist(),
            (tokens != -1).sum(-1).tolist(),
            strict=True,
        )
        if not x[0].equal(x[1])
    ]
    return sum(losses) / len(losses) if losses else 0


def _example_pairs(n):
    tokens = torch.tensor([[[5, 7, 8], [5, 9, -1]], [[5, 7, 8], [5, 7, 8]]])
    log_p = torch.tensor([[[-1.0, -2, -1], [-1, -3, 0]], [[-1, -2, -1], [-1, -2, -1]]])
    ref = torch.tensor([[[-1.0, -2.5, -1.5], [-1, -2, 0]], [[-1, -2.5, -1.5], [-1, -2.5, -1.5]]])
    return tokens[:n], log_p[:n], ref[:n], torch.tensor([1, 1])[:n], 0.5


ANSWERS.by_hand(
    "dpo",
    "The loss is −ln σ(0.5 · 2) = 0.313.",
    lambda dpo: near(dpo(*_example_pairs(1)), 0.313, 1e-3),
)
ANSWERS.by_hand(
    "dpo",
    "With a second pair of two identical texts the result is 0.313 as well, and not 0.503.",
    lambda dpo: (
        near(dpo(*_example_pairs(2)), 0.313, 1e-3) and near((0.3133 + math.log(2)) / 2, 0.503, 1e-3)
    ),
)


@wrong("dpo", "course_code")
def _(tokens, log_p, ref_log_p, n_prompt, beta):
    from grooves.fine_tuning.preferences import dpo_loss

    return dpo_loss(*log_p.sum(-1).T, *ref_log_p.sum(-1).T, beta)


# ---- 4 kl_estimators ---------------------------------------------------------------------------


@right("kl_estimators", "draw by draw, with lists")
def _(log_p, log_ref, drawn):
    p, ref = log_p.tolist(), log_ref.tolist()
    exact = sum(math.exp(a) * (a - b) for a, b in zip(p, ref, strict=True) if a > -math.inf)
    d = [ref[i] - p[i] for i in drawn.tolist()]
    n = len(d)
    return [
        exact,
        sum(-x for x in d) / n,
        sum(x * x for x in d) / 2 / n,
        sum(math.expm1(x) - x for x in d) / n,
    ]


@right("kl_estimators", "with ratios, and as one tensor")
def _(log_p, log_ref, drawn):
    p, ref = log_p.exp(), log_ref.exp()
    ratio = ref[drawn] / p[drawn]
    exact = torch.special.xlogy(p, p / ref).sum()
    log = ratio.log()
    return torch.stack((exact, -log.mean(), 0.5 * (log**2).mean(), (ratio - 1 - log).mean()))


@right("kl_estimators", "by kl_div, and counts of the outcomes")
def _(log_p, log_ref, drawn):
    exact = F.kl_div(log_ref, log_p, reduction="sum", log_target=True)
    if exact.isnan():
        exact = F.kl_div(log_ref, log_p.exp(), reduction="sum")
    share = torch.bincount(drawn, minlength=len(log_p)) / len(drawn)
    at = share > 0
    d, share = (log_ref - log_p)[at], share[at].double()
    return exact, -(share * d).sum(), (share * d**2).sum() / 2, (share * (d.expm1() - d)).sum()


def _by_hand_kl(kl_estimators):
    p, ref = torch.tensor([0.5, 0.5]), torch.tensor([0.25, 0.75])
    return torch.stack([torch.as_tensor(x) for x in
                        kl_estimators(p.log(), ref.log(), torch.tensor([0, 0, 1]))])  # fmt: skip


ANSWERS.by_hand(
    "kl_estimators",
    "The exact divergence is 0.5 ln 2 + 0.5 ln 0.667 = 0.144.",
    lambda kl_estimators: near(_by_hand_kl(kl_estimators)[0], 0.144, 1e-3),
)
ANSWERS.by_hand(
    "kl_estimators",
    "The means are 0.327 for k1, 0.188 for k2 and 0.160 for k3.",
    lambda kl_estimators: near(_by_hand_kl(kl_estimators)[1:], [0.327, 0.188, 0.160], 1e-3),
)


def _estimated(d=None, exact=None, k=(), over=None):
    """The right way with one part exchanged, in NumPy, outcome by outcome.

    d, exact: of p and ref as logarithms. k: of d, by number. over: what becomes of the values of
    the draws, from these and their probabilities.
    """
    ways = {1: lambda d: -d, 2: lambda d: d * d / 2, 3: lambda d: np.exp(d) - 1 - d, **dict(k)}

    def answer(log_p, log_ref, drawn):
        p, ref, draws = log_p.numpy(), log_ref.numpy(), drawn.numpy()
        with np.errstate(all="ignore"):
            inside = np.isfinite(p)
            value = (
                (np.exp(p[inside]) * (p[inside] - ref[inside])).sum()
                if exact is None
                else exact(p, ref)
            )
            at = (ref - p)[draws] if d is None else d(p, ref)[draws]
            mean = over or (lambda values, _: values.mean())
            return [value, *(mean(ways[i](at), np.exp(p[draws])) for i in (1, 2, 3))]

    return answer


def _kl_sum(a, b):
    return sum(math.exp(x) * (x - y) for x, y in zip(a, b, strict=True) if x > -math.inf)


wrong("kl_estimators", "direction")(_estimated(d=lambda p, ref: p - ref))
wrong("kl_estimators", "k1_sign")(_estimated(k={1: lambda d: d}))
wrong("kl_estimators", "k3_ratio")(_estimated(k={3: lambda d: 1 / np.exp(d) - 1 + d}))
wrong("kl_estimators", "exact_reversed")(_estimated(exact=lambda p, ref: _kl_sum(ref, p)))
wrong("kl_estimators", "exact_turned")(_estimated(exact=lambda p, ref: -_kl_sum(p, ref)))
wrong("kl_estimators", "no_half")(_estimated(k={2: lambda d: d**2}))
wrong("kl_estimators", "k3_incomplete")(_estimated(k={3: np.expm1}))
wrong("kl_estimators", "weighted_again")(_estimated(over=lambda v, p: (v * p).sum() / p.sum()))
wrong("kl_estimators", "exact_unweighted")(_estimated(exact=lambda p, ref: (p - ref).mean()))
wrong("kl_estimators", "zero_times_infinity")(
    _estimated(exact=lambda p, ref: (np.exp(p) * (p - ref)).sum())
)
wrong("kl_estimators", "added_up")(_estimated(over=lambda v, p: v.sum()))


@wrong("kl_estimators", "not_drawn")
def _(log_p, log_ref, drawn):
    rows = [(p, r - p) for p, r in zip(log_p.tolist(), log_ref.tolist(), strict=True) if p > -1e300]
    ways = (lambda d: -d, lambda d: d * d / 2, lambda d: math.exp(d) - 1 - d)
    means = [sum(math.exp(p) * way(d) for p, d in rows) for way in ways]
    return means[0], *means


@wrong("kl_estimators", "course_code")
def _(log_p, log_ref, drawn):
    from grooves.fine_tuning import kl_estimators as ours

    d = (log_ref - log_p)[drawn]
    return ours.exact_kl(log_p, log_ref), *(k(d).mean() for k in ours.ESTIMATORS.values())


@wrong("kl_estimators", "how_many")
def _(log_p, log_ref, drawn):
    d = (log_ref - log_p)[drawn]
    return -d.mean(), (d.square() / 2).mean(), (d.exp() - 1 - d).mean()


# ---- 5 group_advantages ------------------------------------------------------------------------


@right("group_advantages", "with sums by index, in double precision")
def _(rewards, groups):
    _, index, sizes = groups.unique(return_inverse=True, return_counts=True)
    r = rewards.double()
    mean = torch.zeros(len(sizes), dtype=torch.double).index_add(0, index, r) / sizes
    centred = r - mean[index]
    spread = torch.zeros_like(mean).index_add(0, index, centred**2).div(sizes).sqrt()
    least, most = (
        torch.zeros_like(mean).scatter_reduce(0, index, r, how, include_self=False)
        for how in ("amin", "amax")
    )
    return torch.where((least == most)[index], 0.0, centred / spread[index])


@right("group_advantages", "in NumPy, text by text, as a list")
def _(rewards, groups):
    r, g = rewards.numpy().astype(float), groups.numpy()
    out = []
    for reward, group in zip(r, g, strict=True):
        own = r[g == group]
        out.append(0.0 if np.ptp(own) == 0 else (reward - own.mean()) / own.std())
    return out


@right("group_advantages", "group by group in a dictionary, with a set to find equal rewards")
def _(rewards, groups):
    places: dict = {}
    for i, group in enumerate(groups.tolist()):
        places.setdefault(group, []).append(i)
    out = np.zeros(len(rewards))
    for own in places.values():
        values = [float(rewards[i]) for i in own]
        if len(set(values)) > 1:
            mean = sum(values) / len(values)
            spread = math.sqrt(sum((v - mean) ** 2 for v in values) / len(values))
            out[own] = [(v - mean) / spread for v in values]
    return out


ANSWERS.by_hand(
    "group_advantages",
    "The advantages are 1, −1, −1, 1 and 0.",
    lambda group_advantages: near(
        group_advantages(torch.tensor([3.0, 1, 1, 5, 1]), torch.tensor([4, 9, 4, 9, 6])),
        [1, -1, -1, 1, 0],
    ),
)


@wrong("group_advantages", "course_code")
def _(rewards, groups):
    from grooves.fine_tuning import policy_gradient

    return policy_gradient.group_advantages(rewards, groups, divide_by_spread=True)


def _group_by_group(change, arrays=False):
    """change: of the rewards of a group, tensors or arrays, in single precision."""

    def answer(rewards, groups):
        out = torch.zeros(len(rewards))
        for group in groups.unique():
            own = rewards[groups == group]
            out[groups == group] = torch.as_tensor(change(own.numpy() if arrays else own))
        return out

    return answer


def _guarded(own):
    s = own.std()
    return (own - own.mean()) / s if s > 0 else 0 * own


wrong("group_advantages", "sample_and_rounding")(_group_by_group(_guarded))
wrong("group_advantages", "rounding_divided")(_group_by_group(_guarded, arrays=True))
ANSWERS.rare("group_advantages", "std() + 1e-8", "sample_and_rounding")(
    _group_by_group(lambda own: (own - own.mean()) / (own.std() + 1e-8))
)
ANSWERS.rare("group_advantages", "NumPy's std() + 1e-8", "rounding_divided")(
    _group_by_group(lambda own: (own - own.mean()) / (own.std() + 1e-8), arrays=True)
)
ANSWERS.rare("group_advantages", "std() + 1e-6", "constant_added")(
    _group_by_group(lambda own: (own - own.mean()) / (own.std() + 1e-6))
)


# ---- 6 best_of_n_kl ----------------------------------------------------------------------------


@right("best_of_n_kl", "sorted, with cumulative sums, in NumPy")
def _(p, rewards, n):
    p, rewards = p.numpy(), rewards.numpy()
    different, index = np.unique(rewards, return_inverse=True)
    mass = np.bincount(index, p, len(different))
    below = mass.cumsum() - mass
    wins = (below + mass) ** n - below**n
    share = np.divide(p, mass[index], out=np.zeros_like(p), where=mass[index] > 0)
    q = wins[index] * share
    return q, float(sum(a * math.log(a / b) for a, b in zip(q, p, strict=True) if a > 0))


@right("best_of_n_kl", "by adding one draw after the other")
def _(p, rewards, n):
    q = p.clone()
    for _ in range(n - 1):  # the best so far stays unless the next draw is better
        better = rewards[None, :] > rewards[:, None]
        stays = q * (1 - (better * p).sum(1))
        comes = p * (better.T * q).sum(1)
        q = stays + comes
    return [q, torch.special.xlogy(q, q / torch.where(p > 0, p, 1.0)).sum()]


@right("best_of_n_kl", "outcome by outcome, in fractions")
def _(p, rewards, n):
    exact, r = [Fraction(x) for x in p.tolist()], rewards.tolist()
    if len(exact) > 20:  # fractions of so many digits take too long
        exact = p.tolist()
    q, divergence = [], 0.0
    for i, mine in enumerate(exact):
        below = sum((x for x, y in zip(exact, r, strict=True) if y < r[i]), 0)
        level = sum((x for x, y in zip(exact, r, strict=True) if y == r[i]), 0)
        q.append(float(((below + level) ** n - below**n) * mine / level) if mine else 0.0)
        if q[-1] > 0:
            divergence += q[-1] * math.log(q[-1] / float(mine))
    return q, divergence


def _by_hand_best(best_of_n_kl):
    return best_of_n_kl(
        torch.tensor([0.5, 0.3, 0.2]).double(), torch.tensor([1.0, 1, 2]).double(), 2
    )


ANSWERS.by_hand(
    "best_of_n_kl",
    "which outcomes 0 and 1 share 5 : 3, so q = (0.4, 0.24, 0.36).",
    lambda best_of_n_kl: near(_by_hand_best(best_of_n_kl)[0], [0.4, 0.24, 0.36]),
)
ANSWERS.by_hand(
    "best_of_n_kl",
    "KL(q ‖ p) = 0.4 ln 0.8 + 0.24 ln 0.8 + 0.36 ln 1.8 = 0.069, where the formula gives 0.193.",
    lambda best_of_n_kl: (
        near(_by_hand_best(best_of_n_kl)[1], 0.069, 1e-3) and near(math.log(2) - 0.5, 0.193, 1e-3)
    ),
)


def _kl_of(q, p):
    return sum(a * math.log(a / b) for a, b in zip(q, p, strict=True) if a > 0)


def _won(p, rewards, n):
    """The right probabilities, as a list."""
    q = []
    for mine, r in zip(p, rewards, strict=True):
        below = sum(x for x, y in zip(p, rewards, strict=True) if y < r)
        level = sum(x for x, y in zip(p, rewards, strict=True) if y == r)
        q.append(((below + level) ** n - below**n) * mine / level if mine else 0.0)
    return q


def _winner(q=None, divergence=_kl_of):
    """The right way with one part exchanged. q: of lists and n; divergence: of q and p."""

    def answer(p, rewards, n):
        p, rewards = p.tolist(), rewards.tolist()
        made = (q or _won)(p, rewards, n)
        return np.array(made), divergence(made, p)

    return answer


def _by_place(below_of, at_of):
    """q from the probability below and that of winning beside it, both of a place."""

    def q(p, rewards, n):
        found = []
        for i in range(len(p)):
            below = sum(p[j] for j in range(len(p)) if below_of(i, j, rewards))
            at = sum(p[j] for j in range(len(p)) if at_of(i, j, rewards))
            found.append((below + at) ** n - below**n)
        return found

    return q


def _lower(i, j, r):
    return r[j] < r[i]


wrong("best_of_n_kl", "ties_in_order")(
    _winner(_by_place(lambda i, j, r: (r[j], j) < (r[i], i), lambda i, j, r: i == j))
)
wrong("best_of_n_kl", "not_shared")(_winner(_by_place(_lower, lambda i, j, r: r[i] == r[j])))
wrong("best_of_n_kl", "equals_missing")(_winner(_by_place(_lower, lambda i, j, r: i == j)))
wrong("best_of_n_kl", "unsorted")(_winner(_by_place(lambda i, j, r: j < i, lambda i, j, r: i == j)))
wrong("best_of_n_kl", "worst")(_winner(lambda p, r, n: _won(p, [-x for x in r], n)))
wrong("best_of_n_kl", "one_draw_less")(
    _winner(lambda p, r, n: _won(p, r, n - 1) if n > 1 else [math.nan] * len(p))
)
wrong("best_of_n_kl", "reversed")(_winner(divergence=lambda q, p: _kl_of(p, q)))
wrong("best_of_n_kl", "occurs")(_winner(lambda p, r, n: [1 - (1 - x) ** n for x in p]))


@wrong("best_of_n_kl", "equal_shares")
def _(p, rewards, n):
    values, index, sizes = np.unique(rewards, return_inverse=True, return_counts=True)
    mass = np.bincount(index, p, len(values)).cumsum()
    wins = np.diff(np.concatenate(([0.0], mass)) ** n)
    q = (wins / sizes)[index]
    return q, sum(a * math.log(a / b) if b else math.inf for a, b in zip(q, p, strict=True))


@wrong("best_of_n_kl", "density")
def _(p, rewards, n):
    up_to = np.array([p[rewards <= r].sum() for r in rewards])
    q = n * p.numpy() * up_to ** (n - 1)
    return q, _kl_of(q, p.tolist())


@wrong("best_of_n_kl", "zero_times_infinity")
def _(p, rewards, n):
    q = torch.tensor(_won(p.tolist(), rewards.tolist(), n), dtype=torch.float64)
    return q, (q * (q / p).log()).sum()


@wrong("best_of_n_kl", "formula")
def _(p, rewards, n):
    return _won(p.tolist(), rewards.tolist(), n), math.log(n) - (n - 1) / n


@wrong("best_of_n_kl", "course_code")
def _(p, rewards, n):
    from grooves.fine_tuning.kl_estimators import exact_kl

    q = p**n / (p**n).sum()
    return q, exact_kl(q.log(), p.log())


@wrong("best_of_n_kl", "how_many")
def _(p, rewards, n):
    return (math.log(n) - (n - 1) / n,)


# ---- 7 cheated_reward --------------------------------------------------------------------------


@right("cheated_reward", "from the three plain correlations")
def _(rewards, judged, features):
    def r(a, b):
        a, b = a - a.mean(), b - b.mean()
        size = math.sqrt((a @ a) * (b @ b))
        return a @ b / size if size > 1e-9 * (1 + len(a)) else 0.0

    rewards, judged, features = rewards.numpy(), judged.numpy(), features.numpy()
    found = []
    for x in features.T:
        with_judged, rest = r(x, judged), 0.0
        rest = (1 - with_judged**2) * (1 - r(rewards, judged) ** 2)
        top = r(rewards, x) - r(rewards, judged) * with_judged
        constant = np.ptp(x) <= 1e-9 * abs(x).max()
        found.append(0.0 if constant or rest < 1e-10 else top / math.sqrt(rest))
    return int(np.argmax(np.abs(found))), found


@right("cheated_reward", "by polyfit and corrcoef in NumPy")
def _(rewards, judged, features):
    x = judged.numpy()

    def left(y):
        return y - np.polyval(np.polyfit(x, y, 1), x)

    mine, found = left(rewards.numpy()), np.zeros(features.shape[1])
    for i, y in enumerate(features.numpy().T):
        rest = left(y)
        if rest.std() > 1e-8 * max(y.std(), abs(y).max()):
            found[i] = np.corrcoef(mine, rest)[0, 1]
    return abs(found).argmax(), found


@right("cheated_reward", "by least squares with an intercept, all columns at once")
def _(rewards, judged, features):
    x = torch.stack((torch.ones_like(judged), judged), 1)
    y = torch.cat((rewards[:, None], features), 1)
    rest = y - x @ torch.linalg.lstsq(x, y).solution
    size = rest.norm(dim=0)
    rest = torch.where(size > 1e-8 * y.norm(dim=0), rest / size, torch.zeros(()).double())
    found = rest[:, 0] @ rest[:, 1:]
    return found.abs().max(0).indices, found


def _by_hand_cheated(cheated_reward):
    features = torch.tensor([[10.0, 1], [30, 1], [10, 2], [30, 2]]).double()
    return cheated_reward(
        torch.tensor([1.0, 3, 3, 5]).double(), torch.tensor([0.0, 0, 1, 1]).double(), features
    )


ANSWERS.by_hand(
    "cheated_reward",
    "the residuals are −10, 10, −10 and 10, and the partial correlation is 1.",
    lambda cheated_reward: (
        near(_by_hand_cheated(cheated_reward)[1], [1, 0])
        and _by_hand_cheated(cheated_reward)[0] == 0
    ),
)
ANSWERS.by_hand(
    "cheated_reward",
    "Both features have a plain correlation of 0.707 with the reward.",
    lambda _: (
        near(np.corrcoef([1, 3, 3, 5], [10, 30, 10, 30])[0, 1], 0.707, 1e-3)
        and near(np.corrcoef([1, 3, 3, 5], [1, 1, 2, 2])[0, 1], 0.707, 1e-3)
    ),
)


def _freed(y, x, centre=True):
    """What a least-squares line through x leaves of y, 0 where that is rounding."""
    columns = np.stack((np.ones_like(x), x), 1) if centre else x[:, None]
    rest = y - columns @ np.linalg.lstsq(columns, y, rcond=None)[0]
    return rest if np.sqrt((rest**2).mean()) > 1e-7 * max(abs(y).max(), 1) else 0 * rest


def _r(a, b, centre=True):
    if centre:
        a, b = a - a.mean(), b - b.mean()
    size = math.sqrt((a @ a) * (b @ b))
    return a @ b / size if size > 1e-12 else 0.0


def _suspected(value, pick=lambda c: np.abs(c).argmax()):
    """value: of rewards, judgements and one feature, in place of the partial correlation."""

    def answer(rewards, judged, features):
        r, j, x = (a.numpy() for a in (rewards, judged, features))
        found = np.array([value(r, j, column) for column in x.T])
        return int(pick(found)), found

    return answer


def _partial(r, j, x):
    return _r(_freed(r, j), _freed(x, j))


def _slope(r, j, x):
    a, b = _freed(r, j), _freed(x, j)
    return a @ b / (b @ b) if b.any() else 0.0


def _undefined(r, j, x):
    rest = _freed(x, j)
    return _partial(r, j, x) if rest.any() else math.nan


wrong("cheated_reward", "judgement_left_in")(_suspected(lambda r, j, x: _r(r, x)))
wrong("cheated_reward", "subtracted")(_suspected(lambda r, j, x: _r(r - j, x)))
wrong("cheated_reward", "one_residual")(_suspected(lambda r, j, x: _r(_freed(r, j), x)))
wrong("cheated_reward", "slopes")(_suspected(_slope))
wrong("cheated_reward", "covariances")(
    _suspected(lambda r, j, x: (_freed(r, j) * _freed(x, j)).mean())
)
wrong("cheated_reward", "only_positive")(_suspected(_partial, np.argmax))
wrong("cheated_reward", "smallest")(_suspected(_partial, lambda c: np.abs(c).argmin()))
wrong("cheated_reward", "not_centred")(
    _suspected(lambda r, j, x: _r(_freed(r, j, False), _freed(x, j, False), False))
)
wrong("cheated_reward", "with_judgement")(_suspected(lambda r, j, x: _r(j, x)))
wrong("cheated_reward", "exchanged")(_suspected(lambda r, j, x: _partial(j, r, x)))
wrong("cheated_reward", "nothing_left")(_suspected(_undefined, lambda c: np.nanargmax(np.abs(c))))


@ANSWERS.rare("cheated_reward", "polyfit, and no thought of rounding", "nothing_left")
def _(rewards, judged, features):
    r, j, x = (a.numpy() for a in (rewards, judged, features))

    def left(y):
        return y - np.polyval(np.polyfit(j, y, 1), j)

    found = [np.corrcoef(left(r), left(column))[0, 1] for column in x.T]
    return int(np.argmax(np.abs(found))), found


@ANSWERS.rare("cheated_reward", "plain PyTorch, and no thought of rounding", "nothing_left")
def _(rewards, judged, features):
    x = judged - judged.mean()

    def left(y):
        y = y - y.mean()
        return y - x * (x @ y) / (x @ x)

    a, rest = left(rewards), [left(column) for column in features.T]
    found = torch.stack([a @ b / (a.norm() * b.norm()) for b in rest])
    return int(found.abs().argmax()), found


@wrong("cheated_reward", "course_code")
def _(rewards, judged, features):
    from grooves.inference.best_of_n import entropy_of

    return 0, features.mean(0) * entropy_of(["a"])


@wrong("cheated_reward", "how_many")
def _(rewards, judged, features):
    return (0,)


# ---- 8 when_to_stop ----------------------------------------------------------------------------


@right("when_to_stop", "with lists, row by row")
def _(rewards, kl, wins, compared):
    rows = [i for i, n in enumerate(compared.tolist()) if n]
    share = {i: float(wins[i]) / float(compared[i]) for i in rows}
    best = max(rows, key=share.get)
    error = math.sqrt(share[best] * (1 - share[best]) / float(compared[best]))
    return min((i for i in rows if share[i] >= share[best] - error), key=lambda i: float(kl[i]))


@right("when_to_stop", "in NumPy, through the order of KL; a tensor")
def _(rewards, kl, wins, compared):
    n = np.asarray(compared, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.nan_to_num(np.asarray(wins) / n, nan=-9.0)
    best = share.argmax()
    floor = share[best] - np.sqrt(share[best] * (1 - share[best]) / n[best])
    for row in np.argsort(np.asarray(kl)):
        if share[row] >= floor:
            return torch.tensor(row)
    return None


ANSWERS.by_hand(
    "when_to_stop",
    "The standard error of 0.74 is 0.044, so 0.696 is enough.",
    lambda _: near(math.sqrt(0.74 * 0.26 / 100), 0.044, 1e-3) and near(0.74 - 0.0439, 0.696, 1e-3),
)
ANSWERS.by_hand(
    "when_to_stop",
    "The second checkpoint has 0.70, and less KL than the third: keep row 1.",
    lambda when_to_stop: (
        int(
            when_to_stop(
                torch.tensor([1.0, 2.1, 3.4]),
                torch.tensor([2.0, 6, 15]),
                torch.tensor([60, 70, 74]),
                torch.tensor([100, 100, 100]),
            )
        )
        == 1
    ),
)


def _stopped(own=False):
    """0 / 0 stays NaN. own: each checkpoint's own standard error is its allowance."""

    def answer(rewards, kl, wins, compared):
        share = wins / compared
        best = share.argmax()
        error = (share * (1 - share) / compared).sqrt()
        good = share >= share[best] - (error if own else error[best])
        return int(torch.where(good, kl, math.inf).argmin())

    return answer


wrong("when_to_stop", "unjudged")(_stopped())
wrong("when_to_stop", "another_error_and_unjudged")(_stopped(own=True))


@ANSWERS.rare("when_to_stop", "0 / 0 in Python", "raised")
def _(rewards, kl, wins, compared):
    share = [w / n for w, n in zip(wins.tolist(), compared.tolist(), strict=True)]
    p = max(share)
    floor = p - math.sqrt(p * (1 - p) / compared[share.index(p)])
    return min((i for i, s in enumerate(share) if s >= floor), key=kl.tolist().__getitem__)


@wrong("when_to_stop", "course_code")
def _(rewards, kl, wins, compared):
    from grooves.inference.best_of_n import entropy_of

    return int(entropy_of(["a", "b"]))


# ---- 9 selection_bias --------------------------------------------------------------------------


@right("selection_bias", "with where, in NumPy")
def _(thumbs, chance):
    t, e = thumbs.numpy(), chance.numpy()
    weight = np.divide(1, e, out=np.zeros_like(e), where=(t != 0) & (e > 0))
    liked = (t + 1) / 2
    total = (weight * liked).sum()
    return np.array([liked[t != 0].mean(), total / t.size, total / weight.sum()])


@right("selection_bias", "story by story, as a list")
def _(thumbs, chance):
    up = down = weight_up = weight_down = 0.0
    for thumb, e in zip(thumbs.tolist(), chance.tolist(), strict=True):
        if thumb == 1:
            up, weight_up = up + 1, weight_up + 1 / e
        elif thumb == -1:
            down, weight_down = down + 1, weight_down + 1 / e
    n = len(thumbs)
    return [up / (up + down), weight_up / n, weight_up / (weight_up + weight_down)]


ANSWERS.by_hand(
    "selection_bias",
    "The weighted estimate is (1.25 + 1.25) / 4 = 0.625, and the self-normalised one "
    "2.5 / (2.5 + 5) = 0.333.",
    lambda selection_bias: near(
        torch.stack(
            [
                torch.as_tensor(x)
                for x in selection_bias(
                    torch.tensor([1, 1, -1, 0]), torch.tensor([0.8, 0.8, 0.2, 0.2])
                )
            ]
        ),
        [2 / 3, 0.625, 1 / 3],
    ),
)


def _thumbs(weight=None, share=None, value=None, divisor=None, own=None):
    """The right way with one part exchanged, in NumPy.

    weight: of a thumb, from all chances and those of the judged ones. share, divisor: of thumbs
    (and weights). value: of the judged thumbs. own: of weights and all chances.
    """

    def answer(thumbs, chance):
        t, e = thumbs.numpy(), chance.numpy()
        judged = t != 0
        w = (weight or (lambda e, some: 1 / some))(e, e[judged])
        total = (w * (value or (lambda t: t > 0))(t[judged])).sum()
        first = (share or (lambda t: (t > 0).sum() / (t != 0).sum()))(t)
        with np.errstate(all="ignore"):
            last = total / (own or (lambda w, e: w.sum()))(w, e)
        return first, total / (divisor or (lambda t, w: len(t)))(t, w), last

    return answer


wrong("selection_bias", "multiplied")(_thumbs(weight=lambda e, some: some))
wrong("selection_bias", "divided_by_thumbs")(_thumbs(divisor=lambda t, w: np.count_nonzero(t)))
wrong("selection_bias", "signed")(
    _thumbs(value=lambda t: t, share=lambda t: t.sum() / np.count_nonzero(t))
)
wrong("selection_bias", "signed_estimates")(_thumbs(value=lambda t: t))
wrong("selection_bias", "no_thumb_counted")(_thumbs(share=lambda t: (t == 1).mean()))
wrong("selection_bias", "weights_of_all")(_thumbs(own=lambda w, e: (1 / e[e > 0]).sum()))
wrong("selection_bias", "self_normalised_only")(_thumbs(divisor=lambda t, w: w.sum()))
wrong("selection_bias", "not_self_normalised")(_thumbs(own=lambda w, e: len(e)))
wrong("selection_bias", "inverse_of_rest")(_thumbs(weight=lambda e, some: 1 / (1 - some)))
wrong("selection_bias", "mean_chance")(_thumbs(weight=lambda e, some: 0 * some + 1 / e.mean()))


@wrong("selection_bias", "not_corrected")
def _(thumbs, chance):
    share = (thumbs == 1).sum() / (thumbs != 0).sum()
    return share, share, share


@wrong("selection_bias", "zero_chance")
def _(thumbs, chance):
    w = (thumbs != 0) / chance  # 0 / 0 is NaN
    total = (w * (thumbs == 1)).sum()
    return (thumbs == 1).sum() / (thumbs != 0).sum(), total / len(thumbs), total / w.sum()


@wrong("selection_bias", "course_code")
def _(thumbs, chance):
    from grooves.inference.best_of_n import entropy_of

    return entropy_of(["a"]), 0.0, 0.0


@wrong("selection_bias", "how_many")
def _(thumbs, chance):
    return [(thumbs == 1).sum() / (thumbs != 0).sum()]


# ---- 10 self_training --------------------------------------------------------------------------


def trained(
    model, judge, rounds=6, drawn=250, steps=25, only=None, lr=3e-3, min_p=0.1, optimizer=None
):
    """Draw, judge, and train on what was accepted, with AdamW; `only` on stories of one plot."""
    optimizer = optimizer or torch.optim.AdamW(model.parameters(), lr=lr)
    language, kept = Stories(), {}
    for i in range(rounds):
        told = draw_texts(model.eval(), drawn, Sampler(min_p=min_p if i == 0 else 0), seed=50 + i)
        verdicts, labels = judge(told.tokens), plots_of(told.words(language))
        for text, ok, plot in zip(told.tokens, verdicts, labels, strict=True):
            if ok and only in (None, plot):
                kept.setdefault(plot, []).append(text)
        model.train()
        for _ in range(steps):
            texts = []
            for _ in range(16):
                group = kept[list(kept)[int(torch.randint(len(kept), ()))]]
                texts.append(group[int(torch.randint(len(group), ()))])
            inputs, targets = encode(texts)
            loss = -token_log_probs(model, inputs, targets).sum() / (targets >= 0).sum()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    return model


@right("self_training", "with AdamW, plots at random")
def _(model, judge):
    return trained(model, judge)


@right("self_training", "with AdamW, five rounds and more steps in each")
def _(model, judge):
    return trained(model, judge, rounds=5, drawn=300, steps=35)


ANSWERS.by_hand(
    "self_training",
    "exp of the entropy of the plots of these stories, which is 6 in the language.",
    lambda _: check_self_training.PLOTS == 5,
)


@wrong("self_training", "too_few_accepted")
def _(model, judge):
    return model


@wrong("self_training", "too_few_plots")
def _(model, judge):
    return trained(model, judge, rounds=1, steps=20, only="lost")


@wrong("self_training", "over_budget")
def _(model, judge):
    told = draw_texts(model, 100, seed=1)
    for _ in range(16):
        judge(told.tokens)
    return model


@wrong("self_training", "no_stories")
def _(model, judge):
    judge([["One", "day"]])
    return model


@wrong("self_training", "other_model")
def _(model, judge):
    return torch.nn.Linear(2, 2)


ANOTHERS_STORIES = [[1] * 30] * 2


@wrong("self_training", "stories_from_outside")
def _(model, judge):
    encode(ANOTHERS_STORIES)
    return model


@wrong("self_training", "uses_weights")
def _(model, judge):
    model.load_state_dict(lineage.base().state_dict())
    return model


@wrong("self_training", "uses_grammar")
def _(model, judge):
    Stories().corpus(10, seed=1)
    return model
