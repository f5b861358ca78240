"""Check of lab 12, last part: the smallest file of a model that still tells stories (chapter 12).

Key idea: only bytes pass from `pack` to `unpack`. The two run in separate copies of the notebook,
`unpack` may use no other weights, and the model that is packed is the course's in disguise: rows,
channels and neurons are permuted and signs changed, so that its outputs are the same and no stored
weight fits.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from grooves import device
from grooves.checks import CheckFailed, check, describe
from grooves.checks.compare import own_seed, watched
from grooves.checks.precision_memory.apart import apart, files_read, put_aside
from grooves.checks.precision_memory.rules import LAB
from grooves.models.transformer import Transformer
from grooves.training import lineage

BAR_BYTES = 60_000  # 4 bits in groups of 32 take 54,000; 8 bits per row 98,000
BAR_NATS = 0.05
N_STORIES = 50
WRAPPED = 10  # times as large is a weight whose code was negative and wrapped around
KEEPERS_OF_WEIGHTS = ("grooves.training.lineage", "grooves.training.checkpoint", "safetensors")


@check(lab=LAB, exercise="smallest")
def smallest(answer):
    """(pack, unpack): pack(weights) -> bytes, unpack(data, shapes) -> the weights, nearly."""
    n_bytes, nats, data, worst = _examined(answer)
    bits = 8 * n_bytes / _n_weights()
    given = f"for {_n_weights():,} weights, your result is {n_bytes:,} bytes ({bits:.2f} bits each)"
    if not nats < BAR_NATS:
        raise CheckFailed(
            f"{given} and the restored model is {nats:.3f} nats worse; {BAR_NATS} are "
            f"allowed. {worst}\nLikely mistake: quantisation is too coarse there. Use smaller "
            "groups per scale, or more bits for the matrices that need them, and check whether "
            "large codes are clipped.",
            hint="too_coarse",
        )
    if not n_bytes <= BAR_BYTES:
        name, why = _why(data, bits)
        raise CheckFailed(
            f"{given}; the bar is {BAR_BYTES:,}. The model is {nats:.3f} nats worse, and "
            f"{BAR_NATS} are allowed.\nLikely mistake: {why}",
            hint=name,
        )
    return (
        f"{n_bytes:,} bytes, {bits:.2f} bits per weight, {nats:.3f} nats worse (bar: {BAR_NATS})."
    )


def race(answer) -> int:
    """Score of (pack, unpack): the bytes, where the model stays within the allowed nats.

    Nothing is graded. Raises: CheckFailed where it does not, or where the bytes cannot be used.
    """
    n_bytes, nats, *_ = _examined(answer)
    if not nats < BAR_NATS:
        raise CheckFailed(f"{nats:.3f} nats worse: {BAR_NATS} are allowed.", hint="too_coarse")
    print(f"score {n_bytes:,} bytes, {nats:.4f} nats worse.")
    return n_bytes


def nats_above(weights: dict[str, Tensor]) -> float:
    """By how many nats per word a model with these weights is worse than the course's own.

    weights: by name, as `named_parameters` has them, in any format. Both are judged on the same
    held-out stories.
    """
    with own_seed(0):
        model = Transformer(_base().config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(_tensor(weights[name]))
    return lineage.gap(model.to(device()).eval(), n_stories=N_STORIES)[0] - _base_gap()


def _tensor(weight) -> Tensor:
    """A tensor; of an array a copy, since one that was read off bytes cannot be written to."""
    return torch.as_tensor(weight.copy() if isinstance(weight, np.ndarray) else weight)


@cache
def _base() -> Transformer:
    with own_seed(0):  # a model that is made draws numbers, before its weights are read
        return lineage.base()


@cache
def _base_gap() -> float:
    return lineage.gap(_base(), n_stories=N_STORIES)[0]


def _n_weights() -> int:
    return sum(p.numel() for p in _base().parameters())


def disguised(seed: int) -> tuple[dict[str, Tensor], Tensor]:
    """The course's model in other words, and the new place of each word.

    The channels of the stream, the neurons and the words change places, and half of the values of
    the attention their signs.
    Returns: weights by name; and `order`, with new embedding[i] = old embedding[order[i]].
    """
    random = torch.Generator().manual_seed(seed)
    old = {name: p.detach().cpu().clone() for name, p in _base().named_parameters()}
    V, C = old["embedding.weight"].shape
    channels, order = (torch.randperm(n, generator=random) for n in (C, V))
    new = {}
    for name, weight in old.items():
        if name == "mix" or name.endswith(("out.weight", "down.weight")):
            new[name] = weight[channels]
        else:  # read from it, as the embedding does at the other end
            new[name] = weight[:, channels]
    new["embedding.weight"] = new["embedding.weight"][order]
    for name in new:
        if name.endswith("up.weight"):
            down, neurons = name.replace("up.", "down."), torch.randperm(4 * C, generator=random)
            new[name], new[down] = new[name][neurons], new[down][:, neurons]
        if name.endswith("qkv.weight"):
            out, signs = name.replace("qkv.", "out."), torch.ones(3 * C)
            signs[2 * C :] = torch.where(torch.rand(C, generator=random) < 0.5, -1.0, 1.0)
            new[name], new[out] = new[name] * signs[:, None], new[out] * signs[2 * C :]
    return {name: weight.contiguous() for name, weight in new.items()}, order


def _examined(answer) -> tuple[int, float, bytes, str]:
    """Bytes and nats of the worse of two disguises, the bytes themselves, and the worst matrix."""
    if not (isinstance(answer, tuple | list) and len(answer) == 2 and all(map(callable, answer))):
        raise CheckFailed(
            f"smallest must be the two functions (pack, unpack), got {describe(answer)}.",
            hint="wrong_type",
        )
    pack, unpack = answer
    rooms = [(apart(pack), apart(unpack, alone=True)) for _ in range(2)]
    packed = [_packed(room[0], disguised(seed)[0]) for seed, room in enumerate(rooms)]
    found = []
    for seed in (1, 0):  # the last one first
        weights, order = disguised(seed)
        back = _unpacked(*rooms[seed], packed[seed], weights)
        in_order = torch.empty_like(back["embedding.weight"])
        in_order[order] = back["embedding.weight"]
        nats = nats_above({**back, "embedding.weight": in_order})
        if not nats < BAR_NATS:
            _refuse_scrambled(back, weights, len(packed[seed]))
        found.append((len(packed[seed]), nats))
    worst = _worst(back, weights)
    return max(n for n, _ in found), max(nats for _, nats in found), packed[0], worst


def _worst(back, weights) -> str:
    """The matrix that comes back with the largest relative error, in words."""
    errors = {
        name: float((back[name] - w).norm() / w.norm().clamp(min=1e-12))
        for name, w in weights.items()
    }
    name = max(errors, key=errors.get)
    return f"The weights in {name} have the largest error, {errors[name]:.0%}."


def _packed(pack, weights: dict[str, Tensor]) -> bytes:
    data = pack(weights)
    if not isinstance(data, bytes | bytearray):
        given = f"for {len(weights)} tensors of {_n_weights():,} weights"
        raise CheckFailed(
            f"{given}, your result of pack is {describe(data)}; it must be bytes. An array has "
            "`.tobytes()`.",
            hint="not_bytes",
        )
    return bytes(data)


def _unpacked(pack, unpack, data: bytes, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """What comes back, where it has the names and shapes of the weights."""
    shapes = {name: tuple(weight.shape) for name, weight in weights.items()}

    def keeper(module: str, _code):
        return module if module.startswith(KEEPERS_OF_WEIGHTS) else None

    given = f"for {len(data):,} bytes"
    try:
        with files_read() as read:
            back, called = watched(unpack, (data, dict(shapes)), keeper)
    except Exception as error:
        if (name := put_aside(pack, unpack)) is None:
            raise
        raise CheckFailed(
            f"{given}, your result of unpack is an error ({type(error).__name__}: {error}), and it "
            f"reads `{name}`, which pack has changed. The one who reads the file has `{name}` as "
            "it was before pack ran: store what is needed in the bytes.",
            hint="put_aside",
        ) from error
    if read:
        raise CheckFailed(
            f"{given}, your result of unpack comes from the file {read[0]}. The one who reads "
            "the bytes has no other file: store what is needed in the bytes.",
            hint="file_beside",
        )
    if called:
        raise CheckFailed(
            f"{given}, your result of unpack comes from {called[0]}, which loads the course's "
            "weights. The one who reads the file has only the file.",
            hint="course_weights",
        )
    if not isinstance(back, dict) or set(back) != set(shapes):
        got = f"a dict with {', '.join(back)}" if isinstance(back, dict) else describe(back)
        raise CheckFailed(
            f"{given}, your result of unpack is {got}; it must be a dict with the names "
            f"{', '.join(shapes)}.",
            hint="names",
        )
    back = {name: _tensor(weight).detach().cpu().float() for name, weight in back.items()}
    for name, shape in shapes.items():
        if tuple(back[name].shape) != shape or not torch.isfinite(back[name]).all():
            odd = f"has the shape {tuple(back[name].shape)}"
            if tuple(back[name].shape) == shape:
                odd = "has values that are not finite"
            raise CheckFailed(
                f"{given}, your result of unpack {odd} in {name}; it must be {shape}, all finite.",
                hint="shape",
            )
    return back


def _refuse_scrambled(back, weights, n_bytes: int) -> None:
    """Refuse weights that are not rounded but others, and name the first such matrix."""
    for name, weight in weights.items():
        if back[name].min() >= 0 > weight.min() and back[name].max() > WRAPPED * weight.abs().max():
            raise CheckFailed(
                f"for {n_bytes:,} bytes, your result of unpack has no negative weight in {name}, "
                f"and weights up to {float(back[name].max()):.3g} where pack got at most "
                f"{float(weight.abs().max()):.3g}.\nLikely mistake: you subtract from codes that "
                "are still unsigned bytes (uint8), where 3 − 8 wraps around to 251. Convert them "
                "to a signed type first, such as `.astype(int)`.",
                hint="unsigned_codes",
            )
        off = back[name] - weight
        larger = float((off > 0).float().mean())
        if not 0.1 < larger < 0.9 and off.mean().abs() > weight.std() / 10:
            raise CheckFailed(
                f"for {n_bytes:,} bytes, your result of unpack has {larger:.0%} of the weights in "
                f"{name} larger than in pack; rounding makes about half of them larger."
                "\nLikely mistake: unpack does not subtract the offset that pack adds to the "
                "codes to make them positive, or the codes are rounded down and not to the "
                "nearest.",
                hint="offset_left",
            )
        pair = torch.stack((back[name].flatten(), weight.flatten()))
        alike = float(torch.corrcoef(pair)[0, 1].nan_to_num(0))
        if alike < 0.5:
            raise CheckFailed(
                f"for {n_bytes:,} bytes, your result of unpack has other weights in {name} than "
                f"pack got (correlation {alike:.2f}).\nLikely mistake: the order of the bytes, "
                "which code is in which half of a byte, or something that unpack adds and pack did "
                "not subtract, such as `base`. Compare unpack(pack(weights)) with the weights, "
                "matrix by matrix.",
                hint="scrambled",
            )


def _why(data: bytes, bits: float) -> tuple[str, str]:
    """The likely reason that a file is too large, and its name."""
    if bits >= 14:
        return "sixteen_bits", (
            "a weight still takes two bytes or more. Integers of few bits with a scale are "
            f"nearly as good: about {8 * BAR_BYTES / _n_weights():.1f} bits per weight are "
            "allowed."
        )
    if len(set(data)) <= 64 or _most_are_small(data):
        return "one_code_per_byte", (
            "your bytes have few different values, so the codes are small and each takes a whole "
            "byte. Pack two of four bits into one: `low + 16 * high`."
        )
    if bits >= 7.5:
        return (
            "eight_bits",
            "eight bits are more than this model needs. How much worse is it with four?",
        )
    return "above_bar", (
        "close. How many weights share a scale, how many bits does a scale have, and does every "
        "matrix need as many bits?"
    )


def _most_are_small(data: bytes) -> bool:
    """Whether nine in ten bytes are among the 32 most frequent."""
    counts = sorted((data.count(byte) for byte in set(data)), reverse=True)
    return sum(counts[:32]) > 0.9 * len(data)
