"""Data parallelism: every rank holds the whole model and computes the gradient of its own rows.

Key idea: the gradient of a batch is the sum of its rows' gradients, so after one all-reduce every
rank has the gradient of the whole batch, takes the same step, and the copies never differ. Three
ways to send it: tensor by tensor (one latency per tensor), as one flat buffer (one latency), and in
buckets, each sent while the backward pass still computes the next (the wire is busy meanwhile).
PyTorch's own `DistributedDataParallel` stands beside them. Chapter 13.
Source: Li et al. 2020, "PyTorch Distributed: Experiences on Accelerating Data Parallel Training",
arXiv:2006.15704.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn

from grooves.training.distributed.ranks import Ranks

Named = dict[str, Tensor]


class Replicas:
    """What all ways of data parallelism share; `reduce` is what they do differently.

    trained: the module whose parameters the optimizers step. Rank 0's weights are sent to all.
    sharded: whether `trained` is a part of the model, and its gradients add up over the ranks.
    accumulates: whether several backward passes may come before `reduce`.
    """

    sharded = False
    accumulates = True
    optimizers: tuple[str, ...] = ("muon", "adamw")  # kinds that this way can step

    def __init__(self, model: nn.Module, ranks: Ranks):
        self.model, self.ranks = model, ranks
        self.trained: nn.Module = model
        self.shapes = {name: weight.shape for name, weight in model.named_parameters()}
        for weight in model.parameters():
            dist.broadcast(weight.detach(), src=0)

    def backward(self, inputs: Tensor, targets: Tensor) -> float:
        """Forward and backward pass of this rank's rows, and the exchange of gradients.

        inputs, targets: the whole batch, (B, T). Afterwards every `grad` is the gradient of the
        mean over all words of the batch. Each rank's mean is multiplied by its fraction of the
        words: rows differ in length, so a plain average of the ranks' means would weigh a word in
        a short row more.
        Returns: this rank's part of the loss; the parts add up to the nats per word of the batch.
        """
        rows = self.ranks.rows(len(inputs))
        fraction = int((targets[rows] >= 0).sum()) / int((targets >= 0).sum())
        loss = self.forward_backward(
            inputs[rows].to(self.ranks.place), targets[rows].to(self.ranks.place), fraction
        )
        self.reduce()
        return loss

    def forward_backward(self, inputs: Tensor, targets: Tensor, fraction: float) -> float:
        """Add the gradient of `fraction` times the mean loss of these rows to every `grad`."""
        loss = self.model.loss(inputs, targets) * fraction
        loss.backward()
        return loss.item()

    def reduce(self) -> None:
        """Make every rank's gradients the sum over all ranks."""
        raise NotImplementedError

    def clip(self, limit: float = 1.0) -> float:
        """Scale the gradient down to the length `limit` if it is longer; returns its length.

        The squares are added in double precision, so that the sum of two shards' sums rounds to
        the same 32-bit factor as one sum over everything.
        """
        gradients = [local(p.grad) for p in self.trained.parameters()]
        squared = sum(g.double().square().sum() for g in gradients)
        if self.sharded:
            dist.all_reduce(squared)
        return scale_down(gradients, squared, limit)

    def finish_step(self) -> None:
        """Whatever must follow the optimizers' step; replicas have all taken the same one."""

    def gather(self, tensors: Named) -> Named:
        """Tensors by name of `trained`'s parameters -> by name of the model's, whole. Collective:
        all ranks call it together."""
        return tensors

    def scatter(self, tensors: Named) -> Named:
        """The opposite of `gather`: what of each whole tensor this rank keeps."""
        return tensors


class Naive(Replicas):
    """One all-reduce per tensor, after the backward pass."""

    def reduce(self) -> None:
        for weight in self.model.parameters():
            dist.all_reduce(weight.grad)


class Flat(Replicas):
    """One all-reduce of all gradients, copied into one buffer, after the backward pass."""

    def reduce(self) -> None:
        gradients = [weight.grad for weight in self.model.parameters()]
        flat = torch.cat([g.flatten() for g in gradients])
        dist.all_reduce(flat)
        copy_back(flat, gradients)


class Buckets(Replicas):
    """An all-reduce per bucket, started as soon as the bucket's last gradient is there.

    The backward pass computes the last layer's gradients first, so buckets are filled from the
    last parameter to the first. bucket_bytes: a bucket is closed when it holds at least so many.
    missing_at_launch: after `backward`, how many tensors of the model had no gradient yet when
    each bucket's all-reduce began; above 0 means that it overlaps with the backward pass.
    """

    accumulates = False  # a bucket would be sent after the first of them

    def __init__(self, model: nn.Module, ranks: Ranks, bucket_bytes: int = 64 * 1024):
        super().__init__(model, ranks)
        self.buckets: list[list[nn.Parameter]] = [[]]
        for weight in reversed(list(model.parameters())):
            if sum(p.numel() * 4 for p in self.buckets[-1]) >= bucket_bytes:
                self.buckets.append([])
            self.buckets[-1].append(weight)
        for bucket in self.buckets:
            for weight in bucket:
                weight.register_post_accumulate_grad_hook(
                    lambda _, bucket=bucket: self._arrived(bucket)
                )
        self._begin()

    def _begin(self) -> None:
        self._missing = [len(bucket) for bucket in self.buckets]
        self._sent: list[tuple] = []
        self._launches: list[int] = []

    def _arrived(self, bucket: list[nn.Parameter]) -> None:
        i = next(i for i, b in enumerate(self.buckets) if b is bucket)
        self._missing[i] -= 1
        if self._missing[i] == 0:
            gradients = [weight.grad for weight in bucket]
            flat = torch.cat([g.flatten() for g in gradients])
            self._sent.append((dist.all_reduce(flat, async_op=True), flat, gradients))
            self._launches.append(sum(self._missing))

    def reduce(self) -> None:
        for sending, flat, gradients in self._sent:
            sending.wait()
            copy_back(flat, gradients)
        self.missing_at_launch = self._launches
        self._begin()


class DDP(Replicas):
    """PyTorch's `DistributedDataParallel`, which fills and overlaps buckets in the same way.

    It averages over ranks where we add, so the loss is multiplied by their number.
    """

    def __init__(self, model: nn.Module, ranks: Ranks):
        super().__init__(model, ranks)
        on_gpu = [ranks.place.index] if ranks.place.type == "cuda" else None
        self.wrapped = nn.parallel.DistributedDataParallel(LossOf(model), device_ids=on_gpu)

    def forward_backward(self, inputs: Tensor, targets: Tensor, fraction: float) -> float:
        loss = self.wrapped(inputs, targets) * (fraction * self.ranks.n)
        loss.backward()
        return loss.item() / self.ranks.n

    def reduce(self) -> None:
        """It has happened during the backward pass."""


class LossOf(nn.Module):
    """A model whose forward pass ends in the loss: wrappers such as DDP act on `forward` only."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        return self.model.loss(inputs, targets)


def scale_down(gradients: list[Tensor], squared: Tensor, limit: float) -> float:
    """Multiply gradients so that their length is at most `limit`; returns the length before.

    squared: the sum of squares over everything, of which `gradients` may be this rank's part.
    """
    length = float(squared) ** 0.5
    if length > limit:
        for gradient in gradients:
            gradient.mul_(limit / length)
    return length


def copy_back(flat: Tensor, tensors: list[Tensor]) -> None:
    """Copy the pieces of a flat buffer into the tensors that it was made of."""
    for piece, tensor in zip(flat.split([t.numel() for t in tensors]), tensors, strict=True):
        tensor.copy_(piece.view_as(tensor))


def local(tensor: Tensor) -> Tensor:
    """The part of a tensor that lies on this rank: all of it, unless it is PyTorch's DTensor."""
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor
