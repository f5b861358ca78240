"""What a seat on a hub costs: students per node, and euros per seat and hour.

Key idea: a node is filled until its memory or its cores run out, whichever comes first. What is
guaranteed to a student counts, not what a notebook takes for a moment; and a node that is half
empty costs twice as much per student. Chapter 15.
Source: Zero to JupyterHub with Kubernetes, "Customizing User Resources" (guarantees and limits).
"""

from __future__ import annotations

from dataclasses import dataclass

RESERVED_GIB = 1.5  # of a node, for Kubernetes and the hub's own pods: an assumption


@dataclass(frozen=True)
class Seat:
    """What is guaranteed to each student: GiB of memory, which JupyterHub writes as "G", and cores.

    Raises: ValueError where one of them is not positive.
    """

    memory_gib: float
    cores: float

    def __post_init__(self):
        if not (self.memory_gib > 0 and self.cores > 0):
            raise ValueError(
                f"memory_gib={self.memory_gib} and cores={self.cores} must be positive"
            )


@dataclass(frozen=True)
class Node:
    """A machine of the cluster: cores, and GiB of memory."""

    cores: float
    memory_gib: float


SEAT = Seat(memory_gib=2, cores=0.5)  # as in jupyterhub/values.yaml


def per_node(node: Node, seat: Seat = SEAT) -> int:
    """Students that fit on a node. Raises: ValueError where not even one does."""
    n = int(min((node.memory_gib - RESERVED_GIB) // seat.memory_gib, node.cores // seat.cores))
    if n < 1:
        raise ValueError(
            f"a node with {node.memory_gib} GiB and {node.cores} cores has no room for a seat of "
            f"{seat.memory_gib} GiB and {seat.cores} cores: take a larger node"
        )
    return n


def seat_cost(eur_per_hour: float, node: Node, seat: Seat = SEAT, in_use: float = 1.0) -> float:
    """Euros per hour for each seat that is in use.

    eur_per_hour: of a node. in_use: fraction of the seats of running nodes that are in use.
    Raises: ValueError for a negative price, or a fraction outside (0, 1].
    """
    if eur_per_hour < 0 or not 0 < in_use <= 1:
        raise ValueError(f"{eur_per_hour=} must not be negative, and {in_use=} in (0, 1]")
    return eur_per_hour / (per_node(node, seat) * in_use)
