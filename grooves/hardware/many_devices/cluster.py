"""How long a training step takes on many devices, and what each must store.

Key idea: add up what nothing can hide. A device computes; with its neighbours it completes every
layer (tensor parallel), and must wait for them; as a stage of a pipeline, it stands idle while the
pipeline fills and empties; at the end, all add their gradients, which hides behind the backward
pass as far as that is long enough. Chapters: 13, 15.
Source: Narayanan et al. 2021, arXiv:2104.04473 (the three kinds together, the bubble); NVIDIA's
NCCL, src/graph/tuning.cc (latency of a tree between servers).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from grooves.hardware.devices import published
from grooves.hardware.many_devices.alpha_beta import AlphaBeta
from grooves.hardware.many_devices.dense import STORED_BYTES, Dense
from grooves.hardware.many_devices.links import link_named
from grooves.hardware.many_devices.memory import Plan, memory_bytes

# The part of its published peak that a device reaches in matrix products of 4096 by 4096: recorded
# on an H200 by `grooves record`, bf16. No training reaches more.
PRODUCT_FRACTION = 0.76
# The same throughout a training, where products are smaller, kernels start and the clock falls: the
# one number here that is fitted, to one published run (`published_runs.calibrate`).
SUSTAINED_FRACTION = 0.55
# Passes over what a layer stores, in memory: each number is written in the forward pass and read in
# the backward pass, and its gradient is written and read. An assumption.
PASSES = 4


@dataclass(frozen=True)
class Cluster:
    """Servers with `per_server` devices each.

    device: a name of devices.toml. inside, between: links within and between servers, per device.
    fraction: of its peak that a device reaches in matrix products.
    """

    device: str
    n_devices: int
    inside: AlphaBeta
    between: AlphaBeta
    per_server: int = 8
    precision: str = "bf16"
    fraction: float = SUSTAINED_FRACTION

    @property
    def peak_flops_per_s(self) -> float:
        """Of one device."""
        return published()[self.device].peak_flops_per_s(self.precision)

    @property
    def memory_bytes(self) -> float:
        """Of one device."""
        return published()[self.device].memory_bytes

    def all_reduce_seconds(self, n_bytes: float, n: int, stride: int = 1) -> float:
        """Time in which `n` devices add up a vector, `stride` places apart from each other.

        Those in a server do so in a ring; then each of them adds its part up with the other
        servers', in a tree; then the ring again.
        """
        near = max(1, min(n, self.per_server // stride))
        servers = math.ceil(n / near)
        inside = (near - 1) * self.inside.alpha_s
        inside += (near - 1) / near * n_bytes / self.inside.beta_bytes_per_s
        between = math.log2(servers) * self.between.alpha_s
        between += (servers - 1) / servers * n_bytes / near / self.between.beta_bytes_per_s
        return 2 * (inside + between)


def server(device: str = "NVIDIA H100 SXM", link: str = "NVLink 4", n: int = 8) -> Cluster:
    """One server whose devices are connected by a published link."""
    return Cluster(device, n, link_named(link), link_named(link), per_server=n)


def servers(
    n_devices: int,
    device: str = "NVIDIA H100 SXM",
    inside: str = "NVLink 4",
    between: str = "400 Gbit/s network",
) -> Cluster:
    """A cluster of servers of eight devices, with published links."""
    return Cluster(device, n_devices, link_named(inside), link_named(between))


@dataclass(frozen=True)
class Step:
    """A training step: seconds of each part that nothing hides, and what follows from them."""

    compute_s: float  # matrix products, and passes over memory
    tensor_s: float  # adding up layers' outputs
    bubble_s: float  # a stage with nothing to do
    data_s: float  # gradients and weights, as far as they are not hidden
    optimizer_s: float
    hidden_s: float  # communication behind computation; not part of the step
    tokens: int
    mfu: float
    memory_bytes: float  # of the fullest device

    @property
    def seconds(self) -> float:
        """Of the whole step."""
        return self.compute_s + self.tensor_s + self.bubble_s + self.data_s + self.optimizer_s

    @property
    def tokens_per_s(self) -> float:
        """Of the whole cluster."""
        return self.tokens / self.seconds


def why_invalid(model: Dense, cluster: Cluster, plan: Plan, batch: int) -> str | None:
    """Why a plan cannot be executed, in a sentence, or None."""
    if plan.n_devices != cluster.n_devices:
        return f"{plan} needs {plan.n_devices} devices, and there are {cluster.n_devices}"
    if batch % (plan.data * plan.micro_batches):
        return f"{batch=} does not divide into {plan.data} times {plan.micro_batches} micro-batches"
    if model.n_head % plan.tensor:
        return f"{model.n_head} heads do not divide between {plan.tensor} devices"
    if model.n_layer < plan.pipeline * plan.chunks:
        return f"{model.n_layer} layers are too few for {plan.pipeline * plan.chunks} parts"
    return None


def training_step(model: Dense, cluster: Cluster, plan: Plan, batch: int) -> Step:
    """Predict one step. batch: sequences in all.

    Raises: ValueError where the plan cannot be executed. Memory is not checked: compare with
    `cluster.memory_bytes`.
    """
    if reason := why_invalid(model, cluster, plan, batch):
        raise ValueError(reason)
    d, t, p, m = plan.data, plan.tensor, plan.pipeline, plan.micro_batches
    sequences = batch // (d * m)
    tokens = sequences * model.context
    compute, layers = slot_compute_seconds(model, cluster, plan, tokens)
    # Forward and backward pass each end attention and MLP with an all-reduce; recomputing adds two.
    sums = 6 if plan.recompute == "full" else 4
    vector = 2 * tokens * model.width
    tensor = layers * sums * cluster.all_reduce_seconds(vector, t) if t > 1 else 0.0
    slot = compute + tensor
    message = 0.0
    if p > 1:  # hidden behind the next micro-batch, but not while the pipeline fills and empties
        link = cluster.inside if d * t < cluster.per_server else cluster.between
        message = 2 * link.seconds(vector / t)
    bubble = (p - 1) * (slot / plan.chunks + message)
    mine = (layers * model.layer_parameters + model.head_parameters / p) / t
    data, hidden = data_seconds(cluster, plan, mine, layers, slot)
    optimizer = 30 * mine / (d if plan.zero else 1) / bandwidth(cluster)  # bytes read and written
    total = m * slot + bubble + data + optimizer
    needed = model.model_flops_per_token * batch * model.context
    return Step(
        m * compute, m * tensor, bubble, data, optimizer, hidden, batch * model.context,
        needed / (total * cluster.n_devices * cluster.peak_flops_per_s),
        memory_bytes(model, plan, sequences),
    )  # fmt: skip


def slot_compute_seconds(
    model: Dense, cluster: Cluster, plan: Plan, tokens: float
) -> tuple[float, float]:
    """Time that one stage computes for a micro-batch, forward and backward, and its layers.

    The output matrix counts as so many layers, and the layers are dealt out as evenly as they can.
    Memory moves activations, and per weight 8 bytes, however few tokens there are: it is read in
    both passes, and its gradient is read and written, 16 bits each.
    """
    layer = model.layer_flops(tokens, plan.recompute)
    mine = math.ceil(model.n_layer / plan.pipeline)
    as_layers = max((model.n_layer + model.head_flops(tokens) / layer) / plan.pipeline, mine)
    products = layer / plan.tensor / (cluster.fraction * cluster.peak_flops_per_s)
    passes = PASSES + (plan.recompute == "full")
    moved = passes * STORED_BYTES * tokens * model.width + 8 * model.layer_parameters
    traffic = moved / plan.tensor / bandwidth(cluster)
    return as_layers * products + mine * traffic, mine


def data_seconds(
    cluster: Cluster, plan: Plan, mine: float, layers: int, slot: float
) -> tuple[float, float]:
    """Communication between data-parallel devices: seconds exposed, and seconds hidden.

    mine: parameters of one device's stage. layers: of it. slot: its time for a micro-batch.
    Gradients and weights travel in 16 bits. Up to ZeRO 1, gradients are summed once per step,
    behind the last backward pass (two thirds of a slot). ZeRO 2 reduces them after every
    micro-batch; ZeRO 3 fetches all weights for each forward and each backward pass as well. One
    layer's part is never hidden: the gradients of the first layer come last, when nothing is left
    to be computed.
    """
    if plan.data == 1:
        return 0.0, 0.0
    half = cluster.all_reduce_seconds(2 * mine, plan.data, plan.tensor) / 2
    if plan.zero < 2:
        rounds, each, cover = 1, 2 * half, slot * 2 / 3
    elif plan.zero == 2:
        rounds, each, cover = plan.micro_batches, half, slot * 2 / 3
    else:
        rounds, each, cover = plan.micro_batches, 3 * half, slot
    exposed = max(each / layers, each - cover)
    extra = half if plan.zero == 2 else 0.0  # the new weights, once per step
    return rounds * exposed + extra, rounds * (each - exposed)


def bandwidth(cluster: Cluster) -> float:
    """Of one device's memory, in bytes per second."""
    return published()[cluster.device].bandwidth_bytes_per_s
