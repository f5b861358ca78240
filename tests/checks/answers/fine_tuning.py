"""Answers to lab 06, fine-tuning: right ones in several ways, wrong ones named by mistake."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from answers.lab import Answers, near
from torch import nn

from grooves.checks.fine_tuning import challenge as fine_tuning_challenge
from grooves.fine_tuning.lora import LoRALinear, add_lora, last_layer_only
from grooves.fine_tuning.lora import merge as merge_lora
from grooves.language.corpora import IGNORED, next_word_rows
from grooves.language.stories import Stories
from grooves.training.loop import train


def shorten(monkeypatch):
    """Stories so short that a step is quick; what is learned from them need not pass."""
    monkeypatch.setattr(fine_tuning_challenge, "LONGEST", 6)
    monkeypatch.setattr(fine_tuning_challenge, "N_UNSEEN", 2)
    monkeypatch.setattr(fine_tuning_challenge, "_exam", fine_tuning_challenge._exam.__wrapped__)


ANSWERS = Answers(
    "06_fine_tuning",
    needs={"tune": ["batches"]},
    trains=("tune",),
    plain_hints=(
        "changed_input",
        "no_gradient",
        "gradient_changed",
        "other_weights",
        "more_than_switches",
        "how_many",
        "raised",
        "same_memory",
    ),
    shorten=shorten,
)
right, wrong, rare = ANSWERS.right, ANSWERS.wrong, ANSWERS.rare


# ---- trainable -------------------------------------------------------------------------------


@right("trainable", "through the modules themselves")
def _(model, parts):
    model.requires_grad_(False)
    for part in parts:
        above, _, last = part.rpartition(".")
        getattr(model.get_submodule(above), last).requires_grad_(True)
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


@right("trainable", "name by name, never off again; a NumPy number")
def _(model, parts):
    for weight in model.parameters():
        weight.requires_grad = False
    for name, weight in model.named_parameters(remove_duplicate=False):
        steps = name.split(".")
        if any(".".join(steps[:n]) in parts for n in range(1, len(steps) + 1)):
            weight.requires_grad = True
    return np.sum([p.numel() for p in model.parameters() if p.requires_grad], dtype=int)


@right("trainable", "a set of tensors; the number as a tensor")
def _(model, parts):
    everything = model.named_parameters(remove_duplicate=False)
    learns = {w for n, w in everything if (n + ".").startswith(tuple(p + "." for p in parts))}
    for weight in set(model.parameters()):
        weight.requires_grad_(weight in learns)
    return torch.tensor([sum(math.prod(weight.shape) for weight in learns)])


def _fits(name, parts):
    return any(name == part or name.startswith(part + ".") for part in parts)


def _switch(model, chosen):
    """Let exactly these learn."""
    for weight in model.parameters():
        weight.requires_grad_(any(weight is other for other in chosen))


def _chosen(model, parts):
    return [w for n, w in model.named_parameters(remove_duplicate=False) if _fits(n, parts)]


@wrong("trainable", "counts_all")
def _(model, parts):
    _switch(model, _chosen(model, parts))
    return sum(weight.numel() for weight in model.parameters())


@wrong("trainable", "tied_twice")
def _(model, parts):
    _switch(model, _chosen(model, parts))
    return sum(weight.numel() for weight in _chosen(model, parts))


@wrong("trainable", "tied_missed")
def _(model, parts):
    n = 0
    for name, weight in model.named_parameters():
        weight.requires_grad = _fits(name, parts)
        n += weight.numel() * weight.requires_grad
    return n


@wrong("trainable", "switched_off_again")
def _(model, parts):
    for name, weight in model.named_parameters(remove_duplicate=False):
        weight.requires_grad = _fits(name, parts)
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


@wrong("trainable", "frozen_instead")
def _(model, parts):
    model.requires_grad_(True)
    for weight in _chosen(model, parts):
        weight.requires_grad = False
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


@wrong("trainable", "prefix")
def _(model, parts):
    named = model.named_parameters(remove_duplicate=False)
    _switch(model, [w for n, w in named if n.startswith(tuple(parts))])
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


@wrong("trainable", "substring")
def _(model, parts):
    named = model.named_parameters(remove_duplicate=False)
    _switch(model, [w for n, w in named if any(part in n for part in parts)])
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


@wrong("trainable", "full_names_only")
def _(model, parts):
    _switch(model, [w for n, w in model.named_parameters(remove_duplicate=False) if n in parts])
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


@wrong("trainable", "not_unfrozen")
def _(model, parts):
    chosen = {id(weight): weight for weight in _chosen(model, parts)}
    for weight in model.parameters():
        if id(weight) not in chosen:
            weight.requires_grad = False
    return sum(weight.numel() for weight in chosen.values())


@wrong("trainable", "not_frozen")
def _(model, parts):
    for weight in _chosen(model, parts):
        weight.requires_grad = True
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


@wrong("trainable", "changed_input")
def _(model, parts):
    chosen = []
    while parts:
        chosen += _chosen(model, [parts.pop()])
    _switch(model, chosen)
    return sum(weight.numel() for weight in set(chosen))


@wrong("trainable", "counted_only")
def _(model, parts):
    return sum(weight.numel() for weight in set(_chosen(model, parts)))


@wrong("trainable", "set_on_module")
def _(model, parts):
    for name, module in model.named_modules():
        module.requires_grad = _fits(name, parts)
    return sum(weight.numel() for weight in set(_chosen(model, parts)))


@wrong("trainable", "other_weights")
def _(model, parts):
    for name, weight in list(model.named_parameters()):
        above, _, last = name.rpartition(".")
        learns = nn.Parameter(weight.detach(), requires_grad=_fits(name, parts))
        setattr(model.get_submodule(above), last, learns)
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


@wrong("trainable", "unrecognised")
def _(model, parts):
    _switch(model, _chosen(model, parts))
    return 4 * sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


@rare("trainable", "counts two tensors with the same numbers once")
def _(model, parts):
    _switch(model, _chosen(model, parts))
    counted = []
    for weight in (w for w in model.parameters() if w.requires_grad):
        if not any(torch.equal(weight, other) for other in counted):
            counted.append(weight)
    return sum(weight.numel() for weight in counted)


@wrong("trainable", "course_code")
def _(model, parts):
    from grooves.fine_tuning.lora import freeze, trainable_parameters

    freeze(model)
    for weight in _chosen(model, parts):
        weight.requires_grad = True
    return trainable_parameters(model)


ANSWERS.by_hand(
    "trainable",
    'With the parts `["0.bias", "2"]`, 2 + 8 + 4 = 14 numbers are trainable.',
    lambda trainable: (
        trainable(nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 4)), ["0.bias", "2"]) == 14
    ),
)


@rare(
    "trainable", "flags name by name, and a tensor counted under both names", "switched_off_again"
)
def _(model, parts):
    count = 0
    for name, weight in model.named_parameters(remove_duplicate=False):
        weight.requires_grad_(_fits(name, parts))
        count += weight.numel() * _fits(name, parts)
    return count


@rare("trainable", "each part switches all others off again", "switched_off_again")
def _(model, parts):
    count = 0
    for name, weight in model.named_parameters(remove_duplicate=False):
        for part in parts:
            if _fits(name, [part]):
                weight.requires_grad = True
                count += weight.numel()
            else:
                weight.requires_grad = False
    return count


# ---- lora_forward ----------------------------------------------------------------------------


@right("lora_forward", "the change made first, in double precision")
def _(x, weight, A, B, alpha):
    whole = weight.double().T + (alpha / len(B)) * torch.mm(A.double(), B.double())
    return x.double() @ whole


@right("lora_forward", "PyTorch's linear, and einsum")
def _(x, weight, A, B, alpha):
    return F.linear(x, weight) + torch.einsum("...i,ir,ro->...o", x, A, B) * alpha / A.shape[-1]


@right("lora_forward", "one direction at a time")
def _(x, weight, A, B, alpha):
    out = torch.matmul(x, weight.t())
    for k in range(A.shape[1]):
        out = out + (x @ A[:, k])[..., None] * B[k] * (alpha / A.shape[1])
    return out


def _detour(x, weight, A, B, scale):
    return x @ weight.T + scale * (x @ A @ B)


@wrong("lora_forward", "no_scale")
def _(x, weight, A, B, alpha):
    return _detour(x, weight, A, B, 1)


@wrong("lora_forward", "alpha_only")
def _(x, weight, A, B, alpha):
    return _detour(x, weight, A, B, alpha)


@wrong("lora_forward", "inverse_scale")
def _(x, weight, A, B, alpha):
    return _detour(x, weight, A, B, len(B) / alpha)


@wrong("lora_forward", "root_of_rank")
def _(x, weight, A, B, alpha):
    return _detour(x, weight, A, B, alpha / math.sqrt(len(B)))


@wrong("lora_forward", "input_size_for_rank")
def _(x, weight, A, B, alpha):
    return _detour(x, weight, A, B, alpha / A.size(0))


@wrong("lora_forward", "scale_on_all")
def _(x, weight, A, B, alpha):
    return (x @ weight.T + x @ A @ B) * alpha / A.size(1)


@wrong("lora_forward", "base_missing")
def _(x, weight, A, B, alpha):
    return alpha / A.size(1) * x @ A @ B


@wrong("lora_forward", "low_rank_term_missing")
def _(x, weight, A, B, alpha):
    return F.linear(x, weight)


@wrong("lora_forward", "order_swapped")
def _(x, weight, A, B, alpha):
    return x @ weight.T + alpha / A.size(1) * (x @ B @ A)


@wrong("lora_forward", "weight_not_transposed")
def _(x, weight, A, B, alpha):
    return x @ weight + alpha / A.size(1) * (x @ A @ B)


@wrong("lora_forward", "product_transposed")
def _(x, weight, A, B, alpha):
    return F.linear(x, weight + alpha / A.size(1) * A @ B)


@wrong("lora_forward", "changed_input")
def _(x, weight, A, B, alpha):
    A *= alpha / A.size(1)
    return x @ weight.T + x @ A @ B


@wrong("lora_forward", "no_gradient")
def _(x, weight, A, B, alpha):
    x, weight, A, B = (part.detach().numpy() for part in (x, weight, A, B))
    return torch.from_numpy(x @ weight.T + alpha / A.shape[1] * x @ A @ B)


@wrong("lora_forward", "rounded")
def _(x, weight, A, B, alpha):  # in single precision, whatever it is given
    x, weight, A, B = (part.float() for part in (x, weight, A, B))
    return _detour(x, weight, A, B, alpha / A.size(1))


@wrong("lora_forward", "unrecognised")
def _(x, weight, A, B, alpha, products={}):  # noqa: B006
    key = id(A), id(B)
    if key not in products:
        products[key] = (A, B, A @ B)
    return x @ weight.T + alpha / A.size(1) * (x @ products[key][2])


@wrong("lora_forward", "course_code")
def _(x, weight, A, B, alpha):
    linear = nn.Linear(*weight.T.shape, bias=False)
    linear.weight = nn.Parameter(weight)
    lora = LoRALinear(linear, A.size(1), alpha, 1, None)
    lora.A, lora.B = nn.Parameter(A[None]), nn.Parameter(B[None])
    return lora(x.reshape(1, -1, x.size(-1))).reshape(*x.shape[:-1], -1)


SQUARE = (
    torch.tensor([[1.0, 0.0], [3.0, 1.0]]),
    torch.tensor([[1.0], [1.0]]),
    torch.tensor([[2.0, 0.0]]),
    0.5,
)
ANSWERS.by_hand(
    "lora_forward",
    "The result is (4, 5).",
    lambda lora_forward: near(lora_forward(torch.tensor([1.0, 2.0]), *SQUARE), [4, 5]),
)


# ---- merge -----------------------------------------------------------------------------------


@right("merge", "in double precision, the product turned over")
def _(weight, A, B, alpha):
    return weight.double() + B.double().T @ A.double().T * (alpha / B.size(0))


@right("merge", "written into a copy, one direction at a time")
def _(weight, A, B, alpha):
    out = weight.clone()
    for k in range(A.size(1)):
        out += torch.outer(B[k], A[:, k]) * alpha / A.size(1)
    return out


@right("merge", "addmm, or the layer asked what it says to each unit vector")
def _(weight, A, B, alpha):
    return torch.addmm(weight.T, A, B, alpha=alpha / A.size(1)).T


@wrong("merge", "not_transposed")
def _(weight, A, B, alpha):
    return weight + alpha / A.size(1) * (A @ B)


@wrong("merge", "result_transposed")
def _(weight, A, B, alpha):
    return weight.T + alpha / A.size(1) * (A @ B)


@wrong("merge", "order_swapped")
def _(weight, A, B, alpha):
    return weight + alpha / A.size(1) * (B @ A)


@wrong("merge", "no_scale")
def _(weight, A, B, alpha):
    return weight + (A @ B).T


@wrong("merge", "alpha_only")
def _(weight, A, B, alpha):
    return weight + alpha * (A @ B).T


@wrong("merge", "inverse_scale")
def _(weight, A, B, alpha):
    return weight + A.size(1) / alpha * (A @ B).T


@wrong("merge", "input_size_for_rank")
def _(weight, A, B, alpha):
    return weight + alpha / len(A) * (A @ B).T


@wrong("merge", "scale_on_all")
def _(weight, A, B, alpha):
    return alpha / len(B) * (weight + (A @ B).T)


@wrong("merge", "change_only")
def _(weight, A, B, alpha):
    return alpha / len(B) * (A @ B).T


@wrong("merge", "rounded")
def _(weight, A, B, alpha):  # the change in single precision, whatever it is given
    return weight + alpha / len(B) * (A.float() @ B.float()).T


@wrong("merge", "changed_input")
def _(weight, A, B, alpha):
    weight += alpha / len(B) * (A @ B).T
    return weight


@wrong("merge", "unrecognised")
def _(weight, A, B, alpha):
    return weight


@wrong("merge", "course_code")
def _(weight, A, B, alpha):
    linear = nn.Linear(*weight.T.shape, bias=False)
    linear.weight = nn.Parameter(weight)
    lora = LoRALinear(linear, A.size(1), alpha, 1, None)
    lora.A, lora.B = nn.Parameter(A[None]), nn.Parameter(B[None])
    return lora.merged().weight.detach()


ANSWERS.by_hand(
    "merge",
    "The merged matrix is ((2, 1), (3, 1)), and it maps (1, 2) to "
    "(2 · 1 + 1 · 2, 3 · 1 + 1 · 2) = (4, 5), as before.",
    lambda merge: near(merge(*SQUARE), [[2, 1], [3, 1]]),
)


def _merged(change):
    return lambda weight, A, B, alpha: weight + alpha / A.size(1) * change(A, B)


rare("merge", "the second factor transposed", "b_transposed")(_merged(lambda A, B: A @ B.T))
rare("merge", "the second factor transposed, and the product", "b_transposed")(
    _merged(lambda A, B: (A @ B.T).T)
)


# ---- largest_rank ----------------------------------------------------------------------------


@right("largest_rank", "one rank after the other")
def _(shapes, budget):
    rank = 0
    while all(rank < side for shape in shapes for side in shape):
        if sum((rank + 1) * (n_out + n_in) for n_out, n_in in shapes) > budget:
            break
        rank += 1
    return rank


@right("largest_rank", "with NumPy, an integer written as a float")
def _(shapes, budget):
    sides = np.array(shapes)
    return float(min(np.floor(budget / sides.sum()), sides.min()))


@right("largest_rank", "the best of a list")
def _(shapes, budget):
    ranks = range(min(map(min, shapes)) + 1)
    return np.array([max(r for r in ranks if r * sum(map(sum, shapes)) <= budget)])


def _paid(shapes, budget):
    return budget // sum(map(sum, shapes))


@wrong("largest_rank", "no_upper_limit")
def _(shapes, budget):
    return _paid(shapes, budget)


@wrong("largest_rank", "longer_side")
def _(shapes, budget):
    return min(_paid(shapes, budget), min(max(shape) for shape in shapes))


def _ended(rank, shapes):
    return min(rank, min(min(shape) for shape in shapes))


@wrong("largest_rank", "only_a")
def _(shapes, budget):
    return _ended(budget // sum(n_in for _, n_in in shapes), shapes)


@wrong("largest_rank", "only_b")
def _(shapes, budget):
    return _ended(budget // sum(n_out for n_out, _ in shapes), shapes)


@wrong("largest_rank", "square_assumed")
def _(shapes, budget):
    return _ended(budget // sum(2 * n_out for n_out, _ in shapes), shapes)


@wrong("largest_rank", "full_matrices")
def _(shapes, budget):
    return _ended(budget // sum(n_out * n_in for n_out, n_in in shapes), shapes)


@wrong("largest_rank", "first_matrix_only")
def _(shapes, budget):
    return _ended(budget // sum(shapes[0]), shapes[:1])


@wrong("largest_rank", "budget_not_shared")
def _(shapes, budget):
    return min(min(budget // sum(shape), *shape) for shape in shapes)


@wrong("largest_rank", "rounded")
def _(shapes, budget):
    return _ended(round(budget / sum(map(sum, shapes))), shapes)


@wrong("largest_rank", "budget_excluded")
def _(shapes, budget):
    rank = 0
    while (rank + 1) * sum(map(sum, shapes)) < budget:
        rank += 1
    return _ended(rank, shapes)


@wrong("largest_rank", "at_least_one")
def _(shapes, budget):
    return max(1, _ended(_paid(shapes, budget), shapes))


@wrong("largest_rank", "unrecognised")
def _(shapes, budget):
    return 2 * _paid(shapes, budget) + 1


ANSWERS.by_hand(
    "largest_rank",
    "Rank 1 takes 4 + 6 + 6 + 6 = 22, rank 2 takes 44, rank 3 takes 66: the largest rank is 2.",
    lambda largest_rank: largest_rank([(4, 6), (6, 6)], 50) == 2,
)
ANSWERS.by_hand(
    "largest_rank",
    "With a budget of 1,000 it is 4, since the first matrix cannot have a rank of 5; with a "
    "budget of 20 it is 0.",
    lambda largest_rank: [largest_rank([(4, 6), (6, 6)], n) for n in (1_000, 20)] == [4, 0],
)


# ---- choose_rate -----------------------------------------------------------------------------


@right("choose_rate", "run by run in plain Python; a list")
def _(rates, training, held_out):
    best = (math.inf, None, None)
    for rate, seen, unseen in zip(rates, training.tolist(), held_out.tolist(), strict=True):
        if all(map(math.isfinite, [*seen, *unseen])):
            best = min(best, *((loss, rate, look) for look, loss in enumerate(unseen)))
    _, rate, look = best
    order = sorted(rates)
    return [rate, look, rate in (order[0], order[-1])]


@right("choose_rate", "in PyTorch")
def _(rates, training, held_out):
    rates, held_out = torch.tensor(rates), torch.tensor(held_out)
    diverged = ~(torch.from_numpy(training).isfinite() & held_out.isfinite()).all(1)
    held_out[diverged] = torch.inf
    run = held_out.amin(1).argmin()
    others = torch.cat((rates[:run], rates[run + 1 :]))
    inside = (others < rates[run]).any() and (others > rates[run]).any()
    return rates[run], held_out[run].argmin(), not inside


@right("choose_rate", "only the sound runs looked at")
def _(rates, training, held_out):
    sound = np.flatnonzero(np.isfinite(training + held_out).all(axis=1))
    run = sound[held_out[sound].min(axis=1).argmin()]
    place = np.argsort(rates).tolist().index(run)
    return (
        np.float32(rates[run]),
        int(held_out[run].argmin()),
        np.array(place in (0, len(rates) - 1)),
    )


def _sound(*losses):
    return np.logical_and.reduce([np.isfinite(loss).all(1) for loss in losses])


def _at_edge(rates, run):
    return rates[run] in (rates.min(), rates.max())


def _read_off(rates, losses, sound=None):
    """The right reading of these losses, of the runs that are sound."""
    if sound is not None:
        losses = np.where(sound[:, None], losses, np.inf)
    run, look = np.unravel_index(losses.argmin(), losses.shape)
    return run, look, _at_edge(rates, run)


@wrong("choose_rate", "training_loss")
def _(rates, training, held_out):
    run, look, edge = _read_off(rates, training, _sound(training, held_out))
    return rates[run], look, edge


@wrong("choose_rate", "nan_wins")
def _(rates, training, held_out):
    run, look, edge = _read_off(rates, held_out)
    return rates[run], look, edge


@wrong("choose_rate", "before_it_diverged")
def _(rates, training, held_out):
    run, look, edge = _read_off(rates, np.nan_to_num(held_out, nan=np.inf))
    return rates[run], look, edge


@wrong("choose_rate", "training_not_checked")
def _(rates, training, held_out):
    run, look, edge = _read_off(rates, held_out, _sound(held_out))
    return rates[run], look, edge


@wrong("choose_rate", "last_losses_compared")
def _(rates, training, held_out):
    last = np.where(_sound(training, held_out), held_out[:, -1], np.inf)
    return rates[last.argmin()], held_out.shape[1] - 1, _at_edge(rates, last.argmin())


@wrong("choose_rate", "last_look_returned")
def _(rates, training, held_out):
    run, _, edge = _read_off(rates, held_out, _sound(training, held_out))
    return rates[run], held_out.shape[1] - 1, edge


@wrong("choose_rate", "index_returned")
def _(rates, training, held_out):
    return _read_off(rates, held_out, _sound(training, held_out))


@wrong("choose_rate", "edge_of_the_list")
def _(rates, training, held_out):
    run, look, _ = _read_off(rates, held_out, _sound(training, held_out))
    return rates[run], look, run == 0 or run == len(rates) - 1


@wrong("choose_rate", "diverged_rates_ignored")
def _(rates, training, held_out):
    sound = _sound(training, held_out)
    rates, held_out = rates[sound], held_out[sound]
    run, look, edge = _read_off(rates, held_out)
    return rates[run], look, edge


@wrong("choose_rate", "lower_edge_missed")
def _(rates, training, held_out):
    run, look, _ = _read_off(rates, held_out, _sound(training, held_out))
    return rates[run], look, rates[run] == rates.max()


@wrong("choose_rate", "argsort_for_rank")
def _(rates, training, held_out):
    run, look, _ = _read_off(rates, held_out, _sound(training, held_out))
    return rates[run], look, np.argsort(rates)[run] in (0, len(rates) - 1)


@wrong("choose_rate", "changed_input")
def _(rates, training, held_out):
    held_out[~_sound(training, held_out)] = np.inf
    run, look, edge = _read_off(rates, held_out)
    return rates[run], look, edge


@wrong("choose_rate", "how_many")
def _(rates, training, held_out):
    run, look, _ = _read_off(rates, held_out, _sound(training, held_out))
    return rates[run], look


@wrong("choose_rate", "unrecognised")
def _(rates, training, held_out):
    return rates.mean(), 0, False


ANSWERS.by_hand(
    "choose_rate",
    "The lowest loss of the others is 2: rate 0.1, look 1.\n"
    "0.1 is neither the smallest nor the largest rate tried, so it is not at the edge.",
    lambda choose_rate: _is_choice(
        choose_rate(
            np.array([0.1, 0.01, 1.0]),
            *[np.array([[3, 2, 2.5], [3, 2.8, 2.6], [1, np.nan, np.nan]])] * 2,
        )
    ),
)


def _is_choice(got):
    return float(got[0]) == 0.1 and int(got[1]) == 1 and not got[2]


@wrong("choose_rate", "infinity_allowed")
def _(rates, training, held_out):
    sound = ~(np.isnan(training).any(1) | np.isnan(held_out).any(1))
    losses = np.where(sound[:, None], held_out, np.inf)
    run, look = np.unravel_index(losses.argmin(), losses.shape)
    return rates[run], look, rates[run] in (min(rates), max(rates))


# ---- stop_at ---------------------------------------------------------------------------------


@right("stop_at", "counting what was waited")
def _(training, held_out, patience):
    best, least, waited = 0, float("inf"), 0
    for look in range(len(held_out)):
        if held_out[look] < least:
            best, least, waited = look, held_out[look], 0
        else:
            waited += 1
            if waited >= patience:
                return best
    return best


@right("stop_at", "the first look that stays best for so long, with NumPy")
def _(training, held_out, patience):
    held_out = np.asarray(held_out)
    for look in range(len(held_out)):
        best_so_far = look == held_out[: look + 1].argmin()
        if best_so_far and held_out[look] == held_out[: look + 1 + patience].min():
            return np.int64(look)


@right("stop_at", "from one new best to the next, by recursion")
def _(training, held_out, patience):
    def after(best):
        for look in range(best + 1, min(best + patience + 1, len(held_out))):
            if held_out[look] < held_out[best]:
                return after(look)
        return best

    return after(0)


@right("stop_at", "in PyTorch, a tensor of one number")
def _(training, held_out, patience):
    losses = torch.as_tensor(held_out)
    so_far = losses.cummin(0).values
    new_best = torch.cat((torch.tensor([True]), losses[1:] < so_far[:-1])).nonzero().flatten()
    gaps = torch.diff(new_best, append=torch.tensor([10**9]))
    return new_best[(gaps > patience).nonzero()[0]]


def _stopping(losses, patience, better=lambda loss, best: loss < best):
    """The look to keep, and the one at which one stops."""
    best = 0
    for look in range(1, len(losses)):
        if better(losses[look], losses[best]):
            best = look
        elif look - best >= patience:
            return best, look
    return best, len(losses) - 1


@wrong("stop_at", "training_curve")
def _(training, held_out, patience):
    return _stopping(training, patience)[0]


@wrong("stop_at", "first_rise")
def _(training, held_out, patience):
    for look in range(1, len(held_out)):
        if held_out[look] >= held_out[look - 1]:
            return look - 1
    return len(held_out) - 1


@wrong("stop_at", "looked_ahead")
def _(training, held_out, patience):
    return held_out.argmin()


@wrong("stop_at", "stopping_look")
def _(training, held_out, patience):
    return _stopping(held_out, patience)[1]


@wrong("stop_at", "equal_is_better")
def _(training, held_out, patience):
    return _stopping(held_out, patience, lambda loss, best: loss <= best)[0]


@wrong("stop_at", "first_look_forgotten")
def _(training, held_out, patience):
    best = min(1, len(held_out) - 1)
    for look in range(2, len(held_out)):
        if held_out[look] < held_out[best]:
            best = look
        elif look - best >= patience:
            break
    return best


@wrong("stop_at", "minimum_improvement")
def _(training, held_out, patience):
    return _stopping(held_out, patience, lambda loss, best: loss < best - 1e-3)[0]


@wrong("stop_at", "remembers")
def _(training, held_out, patience, least=[np.inf]):  # noqa: B006
    best = 0
    for look, loss in enumerate(held_out):
        if loss < least[0]:
            best, least[0] = look, loss
        elif look - best >= patience:
            break
    return best


@wrong("stop_at", "counter_not_reset")
def _(training, held_out, patience):
    best, waited = 0, 0
    for look in range(1, len(held_out)):
        if held_out[look] < held_out[best]:
            best = look
        else:
            waited += 1
        if waited == patience:
            break
    return best


@wrong("stop_at", "compared_with_previous")
def _(training, held_out, patience):
    best, waited = 0, 0
    for look in range(1, len(held_out)):
        if held_out[look] < held_out[look - 1]:
            best, waited = look, 0
        else:
            waited += 1
        if waited == patience:
            break
    return best


@wrong("stop_at", "last_if_never_stopped")
def _(training, held_out, patience):
    best = 0
    for look in range(1, len(held_out)):
        if held_out[look] < held_out[best]:
            best = look
        elif look - best >= patience:
            return best
    return len(held_out) - 1


@wrong("stop_at", "too_patient")
def _(training, held_out, patience):
    best = 0
    for look, loss in enumerate(held_out):
        if loss < held_out[best]:
            best = look
        elif look - best > patience:
            break
    return best


@wrong("stop_at", "too_impatient")
def _(training, held_out, patience):
    return _stopping(held_out, patience - 1)[0]


@wrong("stop_at", "unrecognised")
def _(training, held_out, patience):
    return len(held_out) + 10


ANSWERS.by_hand(
    "stop_at",
    "Looks 4 and 5 are not, so stop and keep look 3.",
    lambda stop_at: stop_at(None, np.array([3, 2, 2.1, 1.9, 2, 2.2, 1]), 2) == 3,
)
ANSWERS.by_hand(
    "stop_at",
    "in (2, 1, 1, 1) with patience 2, look 1 is kept.",
    lambda stop_at: stop_at(None, np.array([2.0, 1, 1, 1]), 2) == 1,
)


@rare("stop_at", "look 0 is no better than itself", "too_impatient")
def _(training, held_out, patience):
    best, waited = 0, 0
    for look in range(len(held_out)):
        if held_out[look] < held_out[best]:
            best, waited = look, 0
        else:
            waited += 1
        if waited == patience:
            break
    return best


# ---- forgotten -------------------------------------------------------------------------------


@right("forgotten", "word by word in plain Python")
def _(before, after, targets, old):
    nats, words = 0.0, 0
    for story in range(len(old)):
        if old[story]:
            for was, now, target in zip(before[story], after[story], targets[story], strict=True):
                if target != IGNORED:
                    nats, words = nats + now - was, words + 1
    return nats / words


@right("forgotten", "two means, with masked arrays")
def _(before, after, targets, old):
    hidden = (targets == IGNORED)[old]
    now, was = (np.ma.masked_array(table[old], hidden).mean() for table in (after, before))
    return now - was


@right("forgotten", "the stories' sums weighted by their words, in PyTorch")
def _(before, after, targets, old):
    before, after, targets, old = map(torch.as_tensor, (before, after, targets, old))
    words = targets[old] >= 0
    sums = torch.where(words, (after - before)[old], 0.0).sum(1)
    weights = words.sum(1) / words.sum()
    return (sums / words.sum(1).clamp(min=1)) @ weights.double()


def _real(targets, stories):
    return (targets != IGNORED) & stories[:, None]


@wrong("forgotten", "mean_of_stories")
def _(before, after, targets, old):
    rows = zip(after[old] - before[old], targets[old] != IGNORED, strict=True)
    return np.mean([row[words].mean() for row, words in rows])


@wrong("forgotten", "sign_flipped")
def _(before, after, targets, old):
    return (before - after)[_real(targets, old)].mean()


@wrong("forgotten", "padding_counted")
def _(before, after, targets, old):
    return after[old].mean() - before[old].mean()


@wrong("forgotten", "divided_by_padded_length")
def _(before, after, targets, old):
    return np.where(targets != IGNORED, after - before, 0)[old].mean()


@wrong("forgotten", "end_mark_left_out")
def _(before, after, targets, old):
    return (after - before)[(targets > 0) & old[:, None]].mean()


@wrong("forgotten", "dialect")
def _(before, after, targets, old):
    return (after - before)[_real(targets, ~old)].mean()


@wrong("forgotten", "both_languages")
def _(before, after, targets, old):
    return (after - before)[targets != IGNORED].mean()


@wrong("forgotten", "ratio_of_perplexities")
def _(before, after, targets, old):
    words = _real(targets, old)
    return np.exp(after[words].mean()) / np.exp(before[words].mean())


@wrong("forgotten", "after_only")
def _(before, after, targets, old):
    return after[_real(targets, old)].mean()


@wrong("forgotten", "nan_times_zero")
def _(before, after, targets, old):
    words = _real(targets, old)
    return ((after - before) * words).sum() / words.sum()


@wrong("forgotten", "not_averaged")
def _(before, after, targets, old):
    return (after - before)[_real(targets, old)].sum()


@wrong("forgotten", "unrecognised")
def _(before, after, targets, old):
    return np.median((after - before)[_real(targets, old)])


ANSWERS.by_hand(
    "forgotten",
    "The four words lost 4 + 0 + 1 + 3 = 8 nats: 2 nats per word.",
    lambda forgotten: near(
        float(
            forgotten(
                np.zeros((2, 3)),
                np.array([[4.0, 9, 9], [0, 1, 3]]),
                np.array([[0, IGNORED, IGNORED], [5, 6, 0]]),
                np.array([True, True]),
            )
        ),
        2,
    ),
)


@rare(
    "forgotten",
    "the mean of the means of stories with words",
    "mean_of_stories",
)
def _(before, after, targets, old):
    lost = []
    for i in np.flatnonzero(old):
        words = targets[i] != IGNORED
        if words.any():
            lost.append((after[i] - before[i])[words].mean())
    return np.mean(lost)


# ---- tune ------------------------------------------------------------------------------------


class _Five:
    """Stories in turn, five at a time."""

    def __init__(self, stories):
        self.inputs, self.targets = next_word_rows(stories)

    def batch(self, step):
        start = 5 * (step % (len(self.inputs) // 5))
        return self.inputs[start : start + 5], self.targets[start : start + 5]


def _unread(few, many, n):
    """The n words of the dialect that are most frequent among those that the old stories lack."""
    known = {word for story in many for word in story}
    times = Counter(word for story in few for word in story if word not in known)
    return [word for word, _ in times.most_common(n)]


def _let_rows_learn(weight, words):
    mask = torch.zeros(len(weight), 1, device=weight.device)
    mask[words] = 1
    weight.requires_grad_(True).register_hook(lambda gradient: gradient * mask)


def _learn(model, stories, steps, lr):
    train(model, _Five(stories), steps=steps, lr=lr, matrix_lr=lr, progress=False)
    return model


def _most_read(few, many, n):
    """The n words of the dialect that are most frequent, known or not."""
    return [word for word, _ in Counter(word for story in few for word in story).most_common(n)]


def lora_and_rows(layers, rank, rows, steps, lr, choose=_unread):
    """LoRA in some layers, rows of the embedding, and a few steps."""

    def answer(model, few, many):
        add_lora(model, rank)
        for name, layer in model.blocks.named_modules():
            if isinstance(layer, LoRALinear) and layers not in name:
                layer.A.requires_grad_(False)
                layer.B.requires_grad_(False)
        if rows:
            _let_rows_learn(model.embedding.weight, choose(few, many, rows))
        return _learn(model, few, steps, lr)

    return answer


right("tune", "LoRA in the feed-forward network alone, rows of nine words")(
    lora_and_rows("mlp", 2, 9, 60, 0.02)
)


@right("tune", "a head of its own, Adam by hand")
def _(model, few, many):
    add_lora(model, 1)
    model.head.weight = nn.Parameter(model.head.weight.detach().clone())
    words = _unread(few, many, 5)
    place = model.mix.device
    inputs, targets = (part.to(place) for part in next_word_rows(few))
    learns = [p for p in model.parameters() if p.requires_grad]
    model.head.weight.requires_grad_(True)
    optimizer = torch.optim.Adam(learns, 0.02)
    kept = model.head.weight.detach().clone()
    for step in range(56):
        some = slice(5 * (step % 4), 5 * (step % 4) + 5)
        model.loss(inputs[some], targets[some]).backward()
        optimizer.step()
        optimizer.zero_grad()
        with torch.no_grad():  # the other rows go back to where they were
            new = model.head.weight[words].clone()
            model.head.weight.copy_(kept)
            model.head.weight[words] = new
    return model


@wrong("tune", "nothing_changed")
def _(model, few, many):
    return model


@wrong("tune", "nothing_frozen")
def _(model, few, many):
    return _learn(model, few, 1, 0.01)


@wrong("tune", "whole_head")
def _(model, few, many):
    return _learn(last_layer_only(model), few, 1, 0.01)


@wrong("tune", "whole_matrices")
def _(model, few, many):
    return merge_lora(_learn(add_lora(model, 1), few, 2, 0.01))


@wrong("tune", "rank_too_high")
def _(model, few, many):
    return _learn(add_lora(model, 2), few, 2, 0.01)


@wrong("tune", "whole_embedding")
def _(model, few, many):
    model = add_lora(model, 1)
    with torch.no_grad():
        model.embedding.weight += 0.01
    return _learn(model, few, 1, 0.01)


@wrong("tune", "hardly_moved")
def _(model, few, many):
    return _learn(add_lora(model, 1), few, 4, 1e-4)


@wrong("tune", "worse_than_before")
def _(model, few, many):
    add_lora(model, 1)
    for name, weight in model.named_parameters():
        if name.endswith(".B"):
            nn.init.normal_(weight)
    return model


@wrong("tune", "diverged")
def _(model, few, many):
    return _learn(add_lora(model, 1), few, 30, 3.0)


@wrong("tune", "not_finite")
def _(model, few, many):
    with torch.no_grad():
        model.mix[0] = math.nan
    return model


@wrong("tune", "unknown_weights")
def _(model, few, many):
    model.extra = nn.Linear(3, 3)
    return model


@wrong("tune", "other_shape")
def _(model, few, many):
    model.mix = nn.Parameter(torch.ones(1, device=model.mix.device))
    return model


@wrong("tune", "stories_made")
def _(model, few, many):
    more = Stories("narrator").corpus(10, seed=1)
    return _learn(add_lora(model, 1), few, 1, 0.01) if more else model


# stories that lie about, as they would in the notebook
MORE = [[1 + word % 40 for word in range(24)]] * 5


@wrong("tune", "stories_from_outside")
def _(model, few, many):
    return _learn(add_lora(model, 1), MORE, 1, 0.01)


@wrong("tune", "blocks_untouched")
def _(model, few, many):
    model.requires_grad_(False)
    _let_rows_learn(model.embedding.weight, _unread(few, many, 9))
    return _learn(model, few, 20, 0.05)


wrong("tune", "rows_untouched")(lora_and_rows("", 1, 0, 30, 0.03))
wrong("tune", "rows_of_known_words")(lora_and_rows("", 1, 5, 12, 0.03, choose=_most_read))
wrong("tune", "few_numbers")(lora_and_rows("attention.out", 1, 3, 25, 0.05))
wrong("tune", "not_there_yet")(lora_and_rows("", 1, 5, 25, 0.01))


# ---- what goes wrong beside the result ---------------------------------------------------------


@wrong("trainable", "more_than_switches")
def _(model, parts):
    total = 0
    for weight in model.parameters():
        weight.requires_grad_(False)
    for name, weight in model.named_parameters(remove_duplicate=False):
        if any(name == part or name.startswith(part + ".") for part in parts):
            total += 0 if weight.requires_grad else weight.numel()
            weight.requires_grad_(True)
    model.eval()
    return total


@wrong("lora_forward", "gradient_changed")
def _(x, weight, A, B, alpha):
    A.grad = B.grad = None
    return x @ weight.T + alpha / A.size(1) * (x @ A @ B)


@wrong("merge", "same_memory")
def _(weight, A, B, alpha):
    return weight + alpha / A.size(1) * (A @ B).T if B.any() and alpha else weight


@wrong("forgotten", "raised")
def _(before, after, targets, old):
    kept = after.copy()
    after -= before
    lost = after[(targets != IGNORED) & old[:, None]].mean()
    after[:] = kept  # set back, which one cannot rely on
    return lost


# ---- training_bytes -----------------------------------------------------------------------------


@right("training_bytes", "matrix by matrix")
def _(shapes, rank, bits, group):
    total = 0
    for n_out, n_in in shapes:
        n = n_out * n_in
        total += n * bits / 8 + 4 * 4 * rank * n_in + 4 * 4 * rank * n_out
        if bits < 16:
            total += n // group * 16 / 8
    return total


@right("training_bytes", "with NumPy, in bits, an array of one number")
def _(shapes, rank, bits, group):
    sides = np.array(shapes, dtype=float)
    frozen, thin = sides.prod(1).sum(), rank * sides.sum()
    per_weight = bits + (16 / group if bits < 16 else 0)
    return np.array([(frozen * per_weight + 128 * thin) / 8])


def _memory(
    per_weight=lambda bits: bits / 8,
    per_trained=16,
    per_scale=2,
    scaled=lambda bits: bits < 16,
    sides=(1, 1),
):
    """A wrong answer: the memory with a part exchanged; sides: whether B and A count."""

    def answer(shapes, rank, bits, group):
        total = 0
        for n_out, n_in in shapes:
            n = n_out * n_in
            total += n * per_weight(bits) + per_scale * n / group * scaled(bits)
            total += per_trained * rank * (sides[0] * n_out + sides[1] * n_in)
        return total

    return answer


rare("training_bytes", "scales at 4 bits only")(_memory(scaled=lambda bits: bits == 4))
rare("training_bytes", "a byte for each number of A and B")(_memory(per_trained=1))
rare("training_bytes", "a byte for each scale", "size_of_a_scale")(_memory(per_scale=1))
rare("training_bytes", "4 bytes for each scale", "size_of_a_scale")(_memory(per_scale=4))
rare("training_bytes", "frozen gradients", "frozen_has_gradients")(
    _memory(per_weight=lambda bits: bits / 8 + 4)
)
rare("training_bytes", "frozen gradients and moments", "frozen_has_gradients")(
    _memory(per_weight=lambda bits: bits / 8 + 12)
)
rare("training_bytes", "A alone", "one_of_a_and_b")(_memory(sides=(0, 1)))
rare("training_bytes", "B alone", "one_of_a_and_b")(_memory(sides=(1, 0)))


ANSWERS.by_hand(
    "training_bytes",
    "At rank 2, A and B have 2 · (10 + 12) = 44 numbers, which take 44 · 16 = 704 bytes: 744 bytes "
    "in total.",
    lambda training_bytes: (
        near(training_bytes([(4, 6), (6, 6)], 2, 4, 12), 744)
        and near(training_bytes([(4, 6), (6, 6)], 2, 16, 12), 824)
    ),
)


def _memory(frozen_each, learned_each=lambda bits: 16.0, scaled=lambda bits: bits < 16):
    def answer(shapes, rank, bits, group):
        frozen = sum(o * i for o, i in shapes)
        learned = rank * sum(o + i for o, i in shapes)
        scales = frozen / group if scaled(bits) else 0
        return frozen * frozen_each(bits) + 2 * scales + learned * learned_each(bits)

    return answer


for _name, _hint, _each in (
    ("scales at 16 bits", "scales_at_any_precision", {"scaled": lambda bits: bits <= 16}),
    ("AdamW for the frozen weights", "frozen_has_gradients", {"frozen_each": lambda bits: 16.0}),
    ("four numbers for each", "frozen_has_gradients", {"frozen_each": lambda bits: bits / 2}),
    ("A and B in few bits", "trained_in_few_bits", {"learned_each": lambda bits: bits / 2}),
    ("no moments", "no_moments", {"learned_each": lambda bits: 4.0}),
):
    rare("training_bytes", _name, _hint)(_memory(**{"frozen_each": lambda bits: bits / 8} | _each))


# ---- chat_rows ----------------------------------------------------------------------------------


@right("chat_rows", "token by token, the target beside its input")
def _(dialogue, user, assistant):
    inputs, targets = [], []
    before = 0

    def write(token, counts):
        nonlocal before
        inputs.append(before)
        targets.append(token if counts else IGNORED)
        before = token

    for question, answer in dialogue:
        for token in (user, *question, assistant):
            write(token, False)
        for token in (*answer, 0):
            write(token, True)
    return inputs, targets


@right("chat_rows", "with NumPy, a mask from the lengths")
def _(dialogue, user, assistant):
    row = np.array([0] + [t for q, a in dialogue for t in (user, *q, assistant, *a, 0)])
    lengths = [n for q, a in dialogue for n in (len(q) + 2, len(a) + 1)]
    counts = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return row[:-1], np.where(counts, row[1:], IGNORED)


ANSWERS.by_hand(
    "chat_rows",
    "The next tokens are (8, 5, 6, 9, 7, 0), of which only the last two count: the targets are "
    "four times `IGNORED`, then 7 and 0.",
    lambda chat_rows: (
        [list(part) for part in chat_rows([([5, 6], [7])], 8, 9)]
        == [[0, 8, 5, 6, 9, 7], [IGNORED] * 4 + [7, 0]]
    ),
)


def _marked(dialogue, user, assistant, first=True, question_ends=False, answer_ends=True):
    """The tokens of a row, each with a letter for what it is."""
    row = [(0, "first")] * first
    for question, answer in dialogue:
        row += [(user, "user"), *((t, "asked") for t in question), *[(0, "asked")] * question_ends]
        row += [(assistant, "role"), *((t, "said") for t in answer), *[(0, "end")] * answer_ends]
    return row


def _masked(row, counts=("said", "end"), ignored=IGNORED):
    """Inputs and targets where targets of some kinds count."""
    return [t for t, _ in row[:-1]], [t if kind in counts else ignored for t, kind in row[1:]]


@wrong("chat_rows", "not_shifted")
def _(dialogue, user, assistant):
    row = _marked(dialogue, user, assistant)[:-1]
    return [t for t, _ in row], [t if kind in ("said", "end") else IGNORED for t, kind in row]


@wrong("chat_rows", "everything_counts")
def _(dialogue, user, assistant):
    row = [t for t, _ in _marked(dialogue, user, assistant)]
    return row[:-1], row[1:]


@wrong("chat_rows", "mask_not_shifted")
def _(dialogue, user, assistant):
    row = _marked(dialogue, user, assistant)
    late = [b[0] if a[1] in ("said", "end") else IGNORED for a, b in pairwise(row)]
    return [t for t, _ in row[:-1]], late


@wrong("chat_rows", "role_counts")
def _(dialogue, user, assistant):
    return _masked(_marked(dialogue, user, assistant), ("role", "said", "end"))


@rare("chat_rows", "the user's role counts", "role_counts")
def _(dialogue, user, assistant):
    return _masked(_marked(dialogue, user, assistant), ("user", "said", "end"))


@rare("chat_rows", "both roles count", "role_counts")
def _(dialogue, user, assistant):
    return _masked(_marked(dialogue, user, assistant), ("user", "role", "said", "end"))


@wrong("chat_rows", "end_ignored")
def _(dialogue, user, assistant):
    return _masked(_marked(dialogue, user, assistant), ("said",))


@wrong("chat_rows", "first_word_ignored")
def _(dialogue, user, assistant):
    inputs, targets = _masked(_marked(dialogue, user, assistant))
    return inputs, [IGNORED if i == assistant else t for i, t in zip(inputs, targets, strict=True)]


@wrong("chat_rows", "users_words_count")
def _(dialogue, user, assistant):
    return _masked(_marked(dialogue, user, assistant), ("asked",))


@wrong("chat_rows", "last_answer_only")
def _(dialogue, user, assistant):
    inputs, targets = _masked(_marked(dialogue, user, assistant))
    n = len(dialogue[-1][1]) + 1
    return inputs, [IGNORED] * (len(targets) - n) + targets[-n:]


@wrong("chat_rows", "zero_for_ignored")
def _(dialogue, user, assistant):
    return _masked(_marked(dialogue, user, assistant), ignored=0)


@wrong("chat_rows", "no_first_mark")
def _(dialogue, user, assistant):
    return _masked(_marked(dialogue, user, assistant, first=False))


@wrong("chat_rows", "no_end_marks")
def _(dialogue, user, assistant):
    return _masked(_marked(dialogue, user, assistant, answer_ends=False))


@wrong("chat_rows", "extra_end_mark")
def _(dialogue, user, assistant):
    return _masked(_marked(dialogue, user, assistant, question_ends=True))


@rare("largest_rank", "by the mean size of a matrix, rounded down")
def _(shapes, budget):
    mean = sum(map(sum, shapes)) // len(shapes)
    return min(budget // (mean * len(shapes)), min(map(min, shapes)))


@rare("stop_at", "a new best only where the training loss has fallen too")
def _(training, held_out, patience):
    best = 0
    for look in range(1, len(held_out)):
        if held_out[look] < held_out[best] and training[look] <= training[best]:
            best = look
        elif look - best >= patience:
            break
    return best


@rare("chat_rows", "what counts by its value: any word that an answer has")
def _(dialogue, user, assistant):
    row = [0]
    for question, answer in dialogue:
        row += [user, *question, assistant, *answer, 0]
    said = {0, *(word for _, answer in dialogue for word in answer)}
    return row[:-1], [token if token in said else IGNORED for token in row[1:]]


@rare("choose_rate", "leaves out the first look")
def _(rates, training, held_out):
    sound = np.isfinite(held_out).all(1) & np.isfinite(training).all(1)
    losses = np.where(sound[:, None], held_out, np.inf)
    late = int(losses.shape[1] > 1)
    run, look = np.unravel_index(losses[:, late:].argmin(), losses[:, late:].shape)
    return rates[run], look + late, rates[run] in (rates.min(), rates.max())


@rare("chat_rows", "every turn begins with the end mark", "extra_end_mark")
def _(dialogue, user, assistant):
    row, counts = [], []
    for question, answer in dialogue:
        row += [0, user, *question, assistant, *answer, 0]
        counts += [False] * (len(question) + 3) + [True] * (len(answer) + 1)
    return row[:-1], [t if c else IGNORED for t, c in zip(row[1:], counts[1:], strict=True)]


@rare("chat_rows", "one end mark, after the last turn", "no_end_marks")
def _(dialogue, user, assistant):
    row, counts = [0], [False]
    for question, answer in dialogue:
        row += [user, *question, assistant, *answer]
        counts += [False] * (len(question) + 2) + [True] * len(answer)
    row, counts = [*row, 0], [*counts, True]
    return row[:-1], [t if c else IGNORED for t, c in zip(row[1:], counts[1:], strict=True)]
