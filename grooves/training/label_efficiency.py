"""Few labels and many pictures: what a network makes of them, by five ways of learning.

Key idea: how far a handful of labels goes is a matter of luck, so each way is tried with several
draws of the labels and judged by differences within a draw. All those networks learn at once: they
are small, so one product of stacks of matrices does for thirty what it would do for one.
Chapter 03. Shapes: S networks, N pictures of 64 pixels, B of them in a batch, 10 digits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from grooves import device
from grooves.language.corpora import Digits
from grooves.training.data_parallel import one_core
from grooves.training.objectives import augment, contrastive_loss, pseudo_labels
from grooves.training.optimizers import schedule

ENCODER = (64, 192, 96)  # pixels, and the widths of two hidden layers
N_CLASSES = 10
PROJECTION = 32  # numbers of a view's vector while views look for each other
TEMPERATURE = 0.5  # of the contrastive loss
STEPS, BATCH = 300, 48  # of learning with labels
PRE_STEPS, PRE_BATCH = 400, 128  # of learning without
LR = 3e-3  # AdamW's step, for weights that start from chance
TUNING_LR, HEAD_LR = 1e-3, 1e-2  # for layers that are pre-trained, and for a new layer on top
FIRST_GUESS, GUESS_AGAIN = 100, 50  # steps before the first pseudo-labels, and between two updates


@dataclass(frozen=True)
class Way:
    """A way to learn from few labels. Without any switch it is learning from the labels alone.

    augmented: half of the pictures learned from are changed copies. pretrained: the hidden layers
    come from `pretrain`; frozen: and stay as they are. threshold: how sure a network must be of
    its own answer to learn from it; None where it does not.
    """

    augmented: bool = True
    pretrained: bool = False
    frozen: bool = False
    threshold: float | None = None


WAYS = {
    "labels only": Way(augmented=False),
    "augmented": Way(),
    "pre-trained": Way(pretrained=True, frozen=True),
    "pseudo-labels": Way(threshold=0.8),
    "both": Way(pretrained=True, threshold=0.8),
}


class Networks:
    """S networks of equal shape, side by side; each starts from its own seed.

    weights[i]: (S, fan_in, fan_out); biases[i]: (S, 1, fan_out). He et al. 2015 initialisation.
    """

    def __init__(self, sizes: tuple[int, ...], seeds):
        self.weights, self.biases = [], []
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        for fan_in, fan_out in pairwise(sizes):
            drawn = [torch.randn(fan_in, fan_out, generator=g) for g in generators]
            self.weights.append(torch.stack(drawn).mul_(math.sqrt(2 / fan_in)).to(device()))
            self.biases.append(torch.zeros(len(drawn), 1, fan_out, device=device()))

    def __len__(self) -> int:
        return len(self.weights[0])

    def hidden(self, x: Tensor) -> Tensor:
        """The last hidden layer. x: (S, B, 64), or (B, 64) for all alike -> (S, B, width)."""
        x = x.expand(len(self), -1, -1)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = torch.baddbmm(bias, x, weight).relu()
        return x

    def head(self, hidden: Tensor) -> Tensor:
        """The last layer. hidden: (S, B, width) -> (S, B, fan_out)."""
        return torch.baddbmm(self.biases[-1], hidden, self.weights[-1])

    def take_hidden_layers(self, others: Networks) -> None:
        """Copy the hidden layers of other networks, again and again where those are fewer."""
        times = len(self) // len(others)
        for mine, theirs in ((self.weights, others.weights), (self.biases, others.biases)):
            for i in range(len(mine) - 1):
                mine[i] = theirs[i].detach().repeat(times, 1, 1)

    @torch.no_grad()
    def accuracy(self, images: Tensor, labels: Tensor) -> Tensor:
        """Share of right answers of each network. images: (N, 64), labels: (N,) -> (S,)."""
        return (self.head(self.hidden(images)).argmax(-1) == labels).float().mean(-1)


class Pictures:
    """The digits as tensors on this machine's device, and changed copies of those to learn from.

    images: (N, 64), labels: (N,), and the same for testing. copies: (2 C, N, 64), of each picture
    C changed ones and then C times itself: of copies drawn at random, half are changed.
    """

    def __init__(self, digits: Digits, n_copies: int = 48, seed: int = 0):
        plain, rng = digits.train_images.astype(np.float32), np.random.default_rng(seed)
        changed = np.stack([augment(plain, rng) for _ in range(n_copies)])
        self.images = torch.from_numpy(plain).to(device())
        self.labels = torch.as_tensor(digits.train_labels, device=device())
        self.test_images = torch.as_tensor(digits.test_images).float().to(device())
        self.test_labels = torch.as_tensor(digits.test_labels, device=device())
        same = self.images.expand(n_copies, -1, -1)
        self.copies = torch.cat((torch.from_numpy(changed).to(device()), same))


def balanced_draw(labels, n: int, seed: int) -> np.ndarray:
    """Which n pictures get their labels: as many of every class, drawn by chance.

    A larger n with the same seed adds to the smaller one's pictures. Returns: (n,) indices.
    Raises: ValueError where n is no multiple of the classes, or a class has too few.
    """
    labels = np.asarray(labels)
    classes, sizes = np.unique(labels, return_counts=True)
    each, rest = divmod(n, len(classes))
    if rest or not 1 <= each <= sizes.min():
        raise ValueError(
            f"{n=} labels cannot be {len(classes)} equal shares of 1 to {sizes.min()} pictures"
        )
    order = np.random.default_rng(seed).permutation(len(labels))
    return np.concatenate([order[labels[order] == label][:each] for label in classes])


def flip(labels, share: float, seed: int) -> np.ndarray:
    """Labels of which a share is wrong: another class, each with equal chance.

    labels: (n,) integers from 0 to 9. Exactly round(share * n) are changed.
    """
    rng = np.random.default_rng(seed)
    wrong = np.array(labels)
    some = rng.permutation(len(wrong))[: round(share * len(wrong))]
    wrong[some] = (wrong[some] + rng.integers(1, N_CLASSES, len(some))) % N_CLASSES
    return wrong


@one_core()
def pretrain(pictures: Pictures, seeds, steps: int = PRE_STEPS) -> Networks:
    """Learn from pictures without labels: two changed copies of one picture must find each other.

    Returns: one network a seed; its hidden layers are what is wanted, and the last layer, in which
    the views are compared, can be thrown away.
    Source: Chen et al. 2020 (SimCLR), arXiv:2002.05709.
    """
    networks = Networks((*ENCODER, PROJECTION), seeds)
    optimizer = _optimizer([(networks.weights + networks.biases, LR)])
    generator = torch.Generator().manual_seed(0)
    n_changed = len(pictures.copies) // 2
    for step in range(steps):
        some = torch.rand(len(networks), len(pictures.images), generator=generator)
        some = some.topk(PRE_BATCH).indices  # (S, B), each picture once
        copy = torch.randint(n_changed, (2, *some.shape), generator=generator)
        first, second = pictures.copies[copy.to(device()), some.to(device())]  # (S, B, 64) each
        z1, z2 = (networks.head(networks.hidden(view)) for view in (first, second))
        loss = contrastive_loss(z1, z2, TEMPERATURE).sum()  # each has its own, so they add up
        _step_downhill(optimizer, loss, step / steps)
    return networks


@one_core()
def learn(
    pictures: Pictures,
    way: Way,
    draws,
    seeds,
    encoders: Networks | None = None,
    given=None,
    steps: int = STEPS,
) -> Networks:
    """Train one network for each draw of labelled pictures.

    draws: S arrays of indices. seeds: S numbers to start the networks from. encoders: pre-trained
    networks for a way that needs them; S must be a multiple of their number. given: S arrays of
    labels for the draws, where these are not the true ones.
    Raises: ValueError where encoders are missing, or their number does not fit.
    """
    networks = Networks((*ENCODER, N_CLASSES), seeds)
    if way.pretrained:
        if encoders is None or len(networks) % len(encoders):
            n = None if encoders is None else len(encoders)
            raise ValueError(f"{len(networks)} pre-trained networks cannot be made from {n}")
        networks.take_hidden_layers(encoders)
    layers = networks.weights[:-1] + networks.biases[:-1]
    last = [networks.weights[-1], networks.biases[-1]]
    groups = [(last, HEAD_LR if way.pretrained else LR)]
    if not way.frozen:
        groups.append((layers, TUNING_LR if way.pretrained else LR))
    optimizer = _optimizer(groups)

    known, labels = _labelled(pictures, draws, given)
    sure, generator = known, torch.Generator().manual_seed(0)
    for step in range(steps):
        some = _some(known, generator)  # (S, B)
        if way.threshold is not None and step >= FIRST_GUESS:
            if (step - FIRST_GUESS) % GUESS_AGAIN == 0:
                sure, labels = _guess(networks, pictures, known, labels, way.threshold)
            some = torch.cat((some, _some(sure, generator)), dim=1)  # (S, 2B)
        copy = torch.randint(len(pictures.copies), some.shape, generator=generator).to(device())
        if not way.augmented:
            copy = torch.full_like(copy, len(pictures.copies) - 1)  # the picture itself
        images, targets = pictures.copies[copy, some], labels.gather(1, some)
        with torch.set_grad_enabled(not way.frozen):
            hidden = networks.hidden(images)
        loss = F.cross_entropy(networks.head(hidden).mT, targets, reduction="sum") / BATCH
        _step_downhill(optimizer, loss, step / steps)
    return networks


def curve(pictures: Pictures, way: Way, counts, seeds, encoders=None) -> np.ndarray:
    """Accuracy on the test pictures by number of labels: (len(counts), len(seeds)).

    counts: numbers of labels. seeds: each draws the labels and starts the network.
    encoders: from `pretrain(pictures, seeds)`, for a way that needs them.
    """
    pairs = [(n, seed) for n in counts for seed in seeds]
    draws = [balanced_draw(pictures.labels.cpu(), n, seed) for n, seed in pairs]
    networks = learn(pictures, way, draws, [seed for _, seed in pairs], encoders)
    found = networks.accuracy(pictures.test_images, pictures.test_labels)
    return found.cpu().numpy().reshape(len(counts), len(seeds))


# ---- what the above is made of -------------------------------------------------------------------


def _optimizer(groups) -> torch.optim.Optimizer:
    """AdamW for groups of (tensors, learning rate); the tensors are made learnable."""
    for tensors, _ in groups:
        for tensor in tensors:
            tensor.requires_grad_()
    parameters = [{"params": tensors, "lr": lr, "peak": lr} for tensors, lr in groups]
    return torch.optim.AdamW(parameters, weight_decay=0.0, fused=True)


def _step_downhill(optimizer, loss: Tensor, done: float) -> None:
    """One step; `done` is the share of the training that is behind it."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * schedule(done)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def _labelled(pictures: Pictures, draws, given) -> tuple[Tensor, Tensor]:
    """Which pictures have labels (S, N), and the labels (S, N); no others are looked at."""
    known = torch.zeros(len(draws), len(pictures.images), dtype=torch.bool, device=device())
    labels = torch.full(known.shape, -1, device=device())
    for row, draw in enumerate(draws):
        draw = torch.as_tensor(draw, device=device())
        known[row, draw] = True
        right = pictures.labels[draw]
        labels[row, draw] = right if given is None else torch.as_tensor(given[row]).to(right)
    return known, labels


def _some(mask: Tensor, generator: torch.Generator) -> Tensor:
    """Indices of pictures drawn from each row's own: mask (S, N) -> (S, B), with replacement."""
    own = pad_sequence([row.nonzero()[:, 0] for row in mask], batch_first=True)
    share = torch.rand(len(mask), BATCH, generator=generator).to(mask.device)
    return own.gather(1, (share * mask.sum(1, keepdim=True)).long())


@torch.no_grad()
def _guess(networks, pictures, known, labels, threshold) -> tuple[Tensor, Tensor]:
    """Where each network has a label or is sure of one (S, N), and those labels (S, N).

    What it was given stays as given. The answers are about the unchanged pictures.
    """
    probabilities = networks.head(networks.hidden(pictures.images)).softmax(-1).cpu()
    sure, guessed = known.clone(), labels.clone()
    for row in range(len(networks)):
        indices, answers = pseudo_labels(probabilities[row], threshold)
        sure[row, indices] = True
        guessed[row, indices] = torch.from_numpy(answers).to(labels)
    return sure, torch.where(known, labels, guessed)
