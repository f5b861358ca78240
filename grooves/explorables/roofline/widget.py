"""The explorable `roofline` in JupyterLab: compute-bound or memory-bound?

Key idea: a device has a peak performance and a memory bandwidth, and an operation's arithmetic
intensity (FLOPs per byte) decides which of the two limits it. `workloads.mjs` counts in the
page what `work` counts here. Chapter 11.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import traitlets

from grooves.explorables.shared.widget import Explorable
from grooves.hardware import devices as devices_table
from grooves.hardware.record import Recording, recordings

BYTES = {"fp32": 4, "tf32": 4, "bf16": 2, "fp16": 2, "int8": 1}  # of a value where it is stored
OPERATIONS = ("matrix_matrix", "matrix_vectors", "addition", "copy", "attention", "training")
WIDTH = 4096  # numbers of a token's vector in `attention`
DEVICES = Path(devices_table.__file__).with_name("devices.toml")


def devices() -> list[dict]:
    """Recorded devices, then those of devices.toml with both limits; dates are text.

    Only peaks in one of `BYTES` are kept, and no NPU, in which nobody trains a layer.
    """
    found = tomllib.loads(DEVICES.read_text(encoding="utf-8"))["device"]
    known = []
    for one in found:
        peaks = {p: peak for p, peak in one["peak_tflops"].items() if p in BYTES}
        if peaks and one["kind"] not in ("system", "npu"):
            known.append(one | {"read": str(one["read"]), "peak_tflops": peaks})
    return recorded() + known


def recorded() -> list[dict]:
    """The committed recordings in the form of devices.toml; of a CPU, the one with most threads."""
    found: dict[str, Recording] = {}
    for recording in sorted(recordings(), key=lambda one: one.threads):
        found[recording.device["name"]] = recording
    return [
        {
            "name": f"{one.name} (recorded)",
            "kind": "recorded",
            "bandwidth_gb_per_s": one.bandwidth_bytes_per_s() / 1e9,
            "peak_tflops": {
                precision: one.peak_flops_per_s(precision) / 1e12
                for precision in dict.fromkeys(m.precision for m in one.of("matmul"))
                if precision in BYTES
            },
            "source": f"grooves record, with PyTorch {one.versions['torch']}",
            "read": one.date[:10],
        }
        for one in found.values()
    ]


def work(
    operation: str, size: int, batch: int = 1, shared: int = 1, precision: str = "fp32"
) -> tuple[int, float]:
    """The arithmetic and the memory traffic of an operation, if every value is moved just once.

    operation: one of `OPERATIONS`.
        matrix_matrix: two square matrices with `size` rows.
        matrix_vectors: a square matrix with `size` rows, times `batch` vectors at once.
        addition, copy: the sum of two vectors of `size` values; a copy of one.
        attention: one new token of each of `batch` texts attends to `size` tokens, through
            heads of which `shared` have keys and values in common (Shazeer 2019,
            arXiv:1911.02150). Softmax is left out.
        training: forward, backward and AdamW step of one transformer layer of width `size` on
            `batch` tokens: its four matrix products (weights: 12 size²), with sums kept in fp32.
            Attention itself, which grows with the length of the text, is left out.
    precision: one of `BYTES`.
    Returns: FLOPs, bytes.
    Raises: KeyError for another operation or precision.
    """
    n, b = size, BYTES[precision]
    weights = 12 * n * n  # of a layer: n × 3n, n × n, n × 4n, 4n × n
    # Weights: read forward and backward, their gradient written and read, written again where the
    # optimizer's fp32 copy is another one; then copy and two moments, each read and written.
    # Activations: a product has in and out of 4n, 2n, 5n, 5n; forward and twice backward.
    trained = weights * ((4 if b == 4 else 5) * b + 6 * 4) + 3 * 16 * n * batch * b
    return {
        "matrix_matrix": (2 * n**3, 3 * n * n * b),
        "matrix_vectors": (2 * batch * n * n, (n * n + 2 * batch * n) * b),
        "addition": (n, 3 * n * b),
        "copy": (0, 2 * n * b),
        "attention": (4 * batch * n * WIDTH, batch * WIDTH * (2 * n / shared + 2) * b),
        "training": (6 * weights * batch, trained),
    }[operation]


def intensity(flops: float, n_bytes: float) -> float:
    """FLOPs per byte moved: the arithmetic intensity.

    Source: Williams, Waterman & Patterson 2009, "Roofline", CACM 52(4), operational intensity.
    """
    return flops / n_bytes


class Roofline(Explorable):
    """A widget in which one predicts whether an operation is compute-bound or memory-bound.

    devices: as in devices.toml. device: the name of one. operation: one of `OPERATIONS`.
    size, batch, shared: as in `work`. precision: one of `BYTES`.
    measured: your own points, [{"name": ..., "intensity": FLOPs/byte, "flops_per_s": ...}].
    asks: whether the reader is asked before the answer is shown. guesses: what was answered, set
    by the page: [{"device", "operation", "precision", "size", "batch", "guess", "binds"}].
    """

    module = "roofline"

    devices = traitlets.List().tag(sync=True)
    device = traitlets.Unicode().tag(sync=True)
    operation = traitlets.Enum(OPERATIONS, "matrix_vectors").tag(sync=True)
    size = traitlets.Int(4096, min=1).tag(sync=True)
    batch = traitlets.Int(1, min=1).tag(sync=True)
    shared = traitlets.Int(1, min=1).tag(sync=True)
    precision = traitlets.Enum(tuple(BYTES), "bf16").tag(sync=True)
    measured = traitlets.List().tag(sync=True)
    asks = traitlets.Bool(True).tag(sync=True)
    guesses = traitlets.List().tag(sync=True)

    def __init__(
        self,
        peak_flops_per_s: float | Mapping[str, float] | None = None,
        bandwidth_bytes_per_s: float | None = None,
        points: Sequence[tuple[str, float, float]] = (),
        name: str = "Your machine",
        **choices,
    ):
        """A roofline of published devices, and of your machine where its two figures are given.

        peak_flops_per_s: measured, in fp32, or one per precision. bandwidth_bytes_per_s:
        measured. points: (name, FLOPs per byte, FLOPs per second) of what was measured.
        Raises: ValueError where only one of the two figures is given, or one is not positive.
        """
        known = devices()
        if peak_flops_per_s is not None or bandwidth_bytes_per_s is not None:
            known = [own_device(name, peak_flops_per_s, bandwidth_bytes_per_s), *known]
        keys = ("name", "intensity", "flops_per_s")
        measured = [dict(zip(keys, point, strict=True)) for point in points]
        first = {"devices": known, "device": first_device(known), "measured": measured}
        super().__init__(**(first | choices))


def first_device(known: Sequence[Mapping]) -> str:
    """The name of the device shown first: a measured one, else the one with most figures."""
    own = [device for device in known if device["kind"] == "measured"]
    most = max(known, key=lambda one: (len(one["peak_tflops"]), one["bandwidth_gb_per_s"]))
    return (own or [most])[0]["name"]


def own_device(name: str, peak_flops_per_s, bandwidth_bytes_per_s: float | None) -> dict:
    """A measured machine, in the form of devices.toml, with a note that it was measured."""
    peaks = peak_flops_per_s
    if not isinstance(peaks, Mapping):
        peaks = {"fp32": peaks}
    figures = [bandwidth_bytes_per_s, *peaks.values()]
    if not all(figure is not None and figure > 0 for figure in figures) or not peaks:
        raise ValueError(f"{peak_flops_per_s=} and {bandwidth_bytes_per_s=}: give both, above 0")
    return {
        "name": name,
        "kind": "measured",
        "bandwidth_gb_per_s": bandwidth_bytes_per_s / 1e9,
        "peak_tflops": {precision: peak / 1e12 for precision, peak in peaks.items()},
    }


def state() -> dict:
    """All that the book's page starts from."""
    known = devices()
    return Roofline.defaults() | {"devices": known, "device": first_device(known)}
