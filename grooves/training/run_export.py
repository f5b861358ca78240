"""A run as a CSV file, and in TensorBoard's event format.

Key idea: a log that others can read is worth more than a better one that they cannot. Chapter 05.
Sources: TensorFlow, "TFRecords format details" in the guide to python_io (the frames of an event
file); tensorflow/core/util/event.proto and core/framework/summary.proto (the fields in them);
RFC 3720, appendix B.4 (test values of CRC32C).
"""

from __future__ import annotations

import csv
import io
import math
import struct
from functools import cache
from pathlib import Path

import numpy as np

from grooves.training.run_folder import started_at, write_whole
from grooves.training.run_log import Run

TAGS = {  # what the columns are called in TensorBoard; others keep their names
    "loss_above_floor": "loss above the floor",
    "learning_rate": "learning rate",
    "gradient_norm": "gradient norm",
    "words_per_s": "words per second",
    "memory_bytes": "memory (bytes)",
    "processors": "processors in use",
    "seconds": "seconds of training",
}


def table(run: Run) -> dict[str, list[float]]:
    """The columns of a run, and "loss_above_floor" where the floor is known."""
    above = run.above_floor
    return run.columns | ({"loss_above_floor": above} if above else {})


def to_csv(run: Run, path: Path | str) -> None:
    """Write a run's columns as a CSV file, one line per record; an unknown number is left empty."""
    columns = table(run)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in zip(*columns.values(), strict=True):
        writer.writerow("" if math.isnan(number) else number for number in row)
    write_whole(
        Path(path), lambda part: part.write_bytes(text.getvalue().encode("utf-8", "replace"))
    )


def to_tensorboard(run: Run, folder: Path | str) -> Path:
    """Write a run's columns as scalars in TensorBoard's event format. Returns: the file's path.

    Values are rounded to 32 bits, as the format asks for. Exporting again replaces the file.
    """
    columns, started = table(run), started_at(run.header.started)
    tags = {n: TAGS.get(n, n).encode("utf-8", "replace") for n in columns if n != "step"}
    frames = [_frame(_double(1, started) + _bytes(3, b"brain.Event:2"))]  # Event: file_version
    for i, step in enumerate(columns["step"]):
        seconds = columns["seconds"][i] if "seconds" in columns else 0.0
        when = started + (0.0 if math.isnan(seconds) else seconds)
        values = b"".join(
            _bytes(1, _bytes(1, tag) + _float(2, columns[name][i]))
            for name, tag in tags.items()
            if not math.isnan(columns[name][i])
        )  # Summary: value = tag and simple_value
        frames.append(_frame(_double(1, when) + _integer(2, int(step)) + _bytes(5, values)))
    path = Path(folder) / f"events.out.tfevents.{int(started)}.{run.header.id}"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, lambda part: part.write_bytes(b"".join(frames)))
    return path


def _frame(data: bytes) -> bytes:
    """A TFRecord: the length, its checksum, the data, their checksum."""
    length = struct.pack("<Q", len(data))
    return length + _masked_crc(length) + data + _masked_crc(data)


def _masked_crc(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def crc32c(data: bytes) -> int:
    """The cyclic redundancy check with Castagnoli's polynomial, reflected. Source: RFC 3720."""
    crc, remainders = 0xFFFFFFFF, _remainders()
    for byte in data:
        crc = crc >> 8 ^ remainders[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


@cache
def _remainders() -> list[int]:
    found = list(range(256))
    for _ in range(8):
        found = [crc >> 1 ^ (0x82F63B78 if crc & 1 else 0) for crc in found]
    return found


# A field of a protocol buffer is its number and the kind of its value in one byte, then the value.


def _double(number: int, value: float) -> bytes:
    return bytes([number << 3 | 1]) + struct.pack("<d", value)


def _float(number: int, value: float) -> bytes:
    with np.errstate(over="ignore"):  # a number that is too large becomes infinite
        return bytes([number << 3 | 5]) + np.float32(value).astype("<f4").tobytes()


def _integer(number: int, value: int) -> bytes:
    return bytes([number << 3]) + _varint(value & 0xFFFFFFFFFFFFFFFF)


def _bytes(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    """Seven bits per byte, the lowest first; the eighth bit says that more follow."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
