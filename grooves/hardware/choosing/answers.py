"""What a server answers: tokens per second, for one user and for many, input and output apart.

Key idea: the prompt is computed all at once and is bound by arithmetic; the answer comes token by
token, and each step reads every weight once, whatever the number of users. So a machine has two
rates. Both are bounds from published peaks, which a program reaches in part. Chapter: 15.
Source: Pope et al. 2022, arXiv:2211.05102; `grooves.hardware.many_devices.requests`.
"""

from __future__ import annotations

from dataclasses import dataclass

from grooves.hardware.choosing.servers import Server, fits, most_users
from grooves.hardware.many_devices.dense import Dense
from grooves.hardware.many_devices.requests import token_seconds

# Assumptions: what a good program reaches of the published peak and of the published bandwidth.
OF_PEAK = 0.5
OF_BANDWIDTH = 0.7


@dataclass(frozen=True)
class Rates:
    """What a machine does at one number of users.

    prefill: input tokens per second, while nothing else is done. decode: output tokens per second
    of all users together, likewise. token_s: seconds between two tokens of one user.
    """

    users: int
    prefill: float
    decode: float
    token_s: float

    def first_token_s(self, tokens_in: float) -> float:
        """Seconds until the first token, on a machine that is idle when the prompt comes."""
        return tokens_in / self.prefill + self.token_s

    def seconds(self, tokens_in: float, tokens_out: float) -> float:
        """Machine time of a request among `users`: its prompt, and its part of the decoding."""
        return tokens_in / self.prefill + tokens_out / self.decode


def rates(
    where: Server,
    model: Dense,
    bits: float = 16,
    users: int = 1,
    tokens: int = 1024,
    of_peak: float = OF_PEAK,
    of_bandwidth: float = OF_BANDWIDTH,
) -> Rates:
    """The rates of all of a server's devices together, each holding a part of every matrix.

    bits: of weights and caches. tokens: cached per user. of_peak, of_bandwidth: the fractions that
    are reached; 1 and 1 give the bound. Prefill: 2 FLOPs per weight and token.
    Raises: ValueError where the model and the caches do not fit, or a fraction is not in (0, 1].
    """
    if not (0 < of_peak <= 1 and 0 < of_bandwidth <= 1):
        raise ValueError(f"{of_peak=} and {of_bandwidth=} must be above 0 and at most 1")
    if users < 1:
        raise ValueError(f"{users=} must be at least 1")
    if not fits(where, model, bits, users, tokens):
        raise ValueError(
            f"the model at {bits} bits with {users} users does not fit into {where.name}; "
            "take fewer users, fewer bits or a larger machine"
        )
    full = where.group(bits)
    reached = type(full)(
        full.n_devices, full.bandwidth_bytes_per_s * of_bandwidth, full.flops_per_s * of_peak,
        full.link, full.call_s,
    )  # fmt: skip
    token_s = sum(token_seconds(model, reached, users, tokens, bits / 8))
    weights = model.n_layer * model.layer_parameters + model.head_parameters
    prefill = where.peak_flops_per_s(bits) * of_peak / (2 * weights)
    return Rates(users, prefill, users / token_s, token_s)


def user_counts(where: Server, model: Dense, bits: float, tokens: int) -> list[int]:
    """Powers of two up to the number of users that fit, and that number; empty if none does."""
    most = most_users(where, model, bits, tokens)
    counts = [2**n for n in range(most.bit_length()) if 2**n <= most]
    return sorted({*counts, most}) if most else []
