"""One answer by several devices: what more of them do for one user, and what for many.

Key idea: a token of one user needs every weight once, so its time is the weights' bytes over the
memory's bandwidth. Dividing each matrix divides this time, but adds two all-reduces per layer,
whose latency grows with the devices: Amdahl's law with a serial part that gets larger. Devices that
answer different users need no communication at all. Chapters: 13, 14, 15.
Source: Amdahl 1967, AFIPS 30; Pope et al. 2022, "Efficiently Scaling Transformer Inference",
arXiv:2211.05102.
"""

from __future__ import annotations

from dataclasses import dataclass

from grooves.hardware.devices import published
from grooves.hardware.many_devices.alpha_beta import AlphaBeta, all_reduce_seconds
from grooves.hardware.many_devices.dense import Dense
from grooves.hardware.many_devices.links import published_links

# What NCCL counts for an all-reduce of a few kilobytes, besides its messages (src/graph/tuning.cc,
# baseLat of ring and LL).
CALL_S = 3.6e-6


@dataclass(frozen=True)
class Group:
    """Devices that answer together: each holds a part of every matrix.

    bandwidth_bytes_per_s, flops_per_s: of one device. link: for short messages between them.
    call_s: of an all-reduce besides its messages.
    """

    n_devices: int
    bandwidth_bytes_per_s: float
    flops_per_s: float
    link: AlphaBeta
    call_s: float = CALL_S


def group(device: str, link: str, n_devices: int, precision: str = "bf16") -> Group:
    """A group of published devices and links."""
    one = published()[device]
    return Group(
        n_devices, one.bandwidth_bytes_per_s, one.peak_flops_per_s(precision),
        published_links()[link].short,
    )  # fmt: skip


def token_seconds(
    model: Dense, devices: Group, users: int = 1, position: int = 1024, bytes_per_value: float = 2
) -> tuple[float, float]:
    """Time of the next token of every user: reading or computing, and communicating.

    users: answered at once, each with `position` cached tokens.
    Returns: seconds without communication, seconds of communication.
    Raises: ValueError where the heads do not divide between the devices.
    """
    n = devices.n_devices
    if n < 1 or model.n_head % n:
        raise ValueError(f"{model.n_head} heads do not divide between n_devices={n}")
    weights = model.n_layer * model.layer_parameters + model.head_parameters
    cached = 2 * model.n_layer * (model.kv_width or model.width) * position * users
    read = (weights + cached) * bytes_per_value / n / devices.bandwidth_bytes_per_s
    compute = 2 * weights * users / n / devices.flops_per_s
    if n == 1:
        return max(read, compute), 0.0
    vector = model.width * users * bytes_per_value
    each = devices.call_s + all_reduce_seconds(devices.link, vector, n)
    return max(read, compute), 2 * model.n_layer * each


def speedups(model: Dense, devices: Group, sizes: tuple[int, ...] = (1, 2, 4, 8), **how) -> list:
    """What groups of different sizes do for one user, and for all.

    how: of `token_seconds`. Returns: for each size n_devices, token_s, speedup (one user's, over
    one device), communication (its fraction of the time), and throughput (tokens per second of n
    devices that answer together, over that of n devices that answer alone).
    """
    rows = []
    for n in sizes:
        one = Group(n, devices.bandwidth_bytes_per_s, devices.flops_per_s, devices.link,
                    devices.call_s)  # fmt: skip
        local, wire = token_seconds(model, one, **how)
        total = local + wire
        alone = rows[0]["token_s"] if rows else total
        rows.append(
            {
                "n_devices": n,
                "token_s": total,
                "speedup": alone / total,
                "communication": wire / total,
                "throughput": alone / total / n,
            }
        )
    return rows


def amdahl(n: int, serial: float, per_device: float = 0.0) -> float:
    """Speed-up on n devices if a fraction `serial` is not divided and each further device adds
    `per_device` of the undivided time for communication. Raises: ValueError for a negative one."""
    if n < 1 or not 0 <= serial <= 1 or per_device < 0:
        raise ValueError(f"{n=} must be positive, {serial=} a fraction, {per_device=} not negative")
    return 1 / (serial + (1 - serial) / n + per_device * (n - 1))
