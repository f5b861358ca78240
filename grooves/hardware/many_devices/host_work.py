"""What the host does in a training step, besides the model: every part measured by itself.

Key idea: the device computes, and the host does the rest: it makes batches, converts formats,
copies, writes checkpoints and checks them, encrypts what leaves the machine. Each part is small;
how often it happens decides. Chapter 13.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
import tempfile
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import torch

from grooves.hardware.many_devices.loaders import trainer
from grooves.hardware.timing import measure
from grooves.language.corpora import WordTokenizer, next_word_rows
from grooves.language.stories import Stories
from grooves.models.transformer import count_parameters
from grooves.training import checkpoint, lineage
from grooves.training.data_parallel import one_core

STREAM_BYTES = 8_000_000
# Encryption without a certificate, of which Python cannot make one: keys are agreed on, nobody is
# identified. It costs as much as other uses of AES with SHA-1, and more than today's AES-GCM.
CIPHER = "AECDH-AES128-SHA:@SECLEVEL=0"


def parts(**how) -> list[dict]:
    """Every part of the host's work at the lineage's model, and the step for comparison.

    how: of `grooves.hardware.timing.measure`.
    Returns: rows of part, seconds (median), per ("step", "checkpoint" or "stream"), n_bytes.
    """
    language = Stories()
    model, data = lineage.new_model(language), lineage.new_data(language, n_stories=300)
    stories = language.corpus(lineage.BATCH, 5)
    tokenizer = WordTokenizer(language.vocabulary)
    rows = [tokenizer.encode(story) for story in stories]
    batch = next_word_rows(rows)
    weights = torch.cat([w.detach().flatten() for w in model.parameters()])
    n_batch, n_weights = sum(t.nbytes for t in batch), weights.nbytes
    tensors = {name: w.detach() for name, w in model.named_parameters()}
    raw = weights.numpy().tobytes()
    step = trainer()
    with tempfile.TemporaryDirectory() as folder, one_core():
        path = Path(folder) / "weights.safetensors"
        work: list[tuple[str, str, int, Callable]] = [
            ("the model's step", "step", n_batch, lambda: step(data.batch(0))),
            ("draw a batch's stories", "step", n_batch,
             lambda: language.corpus(lineage.BATCH, 6)),
            ("words to numbers", "step", n_batch, lambda: [tokenizer.encode(s) for s in stories]),
            ("numbers to rows of a tensor", "step", n_batch, lambda: next_word_rows(rows)),
            ("copy a batch", "step", n_batch, lambda: [t.clone() for t in batch]),
            ("weights to 16 bits", "step", n_weights, lambda: weights.bfloat16()),
            ("copy the weights", "checkpoint", n_weights, lambda: weights.clone()),
            ("write a checkpoint", "checkpoint", n_weights,
             lambda: checkpoint.write(path, tensors, {})),
            ("checksum, CRC-32", "checkpoint", n_weights, lambda: zlib.crc32(raw)),
            ("checksum, SHA-256", "checkpoint", n_weights, lambda: hashlib.sha256(raw).digest()),
        ]  # fmt: skip
        found = [
            {"part": name, "per": per, "n_bytes": n, "seconds": measure(run, **how).median_s}
            for name, per, n, run in work
        ]
    for encrypted in (False, True):
        seconds = stream_seconds(encrypted)
        name = "stream on loopback, encrypted" if encrypted else "stream on loopback"
        if seconds is not None:
            per = {"part": name, "per": "stream", "n_bytes": STREAM_BYTES, "seconds": seconds}
            found.append(per)
    assert n_weights == 4 * count_parameters(model)
    return found


def host_share(rows: list[dict], steps_per_checkpoint: int = 100) -> float:
    """The fraction of a step's time that is the host's, if nothing overlaps.

    Drawing stories is left out: it is done once, before training.
    """
    seconds = {row["part"]: row["seconds"] for row in rows}
    each = sum(seconds[p] for p in ("words to numbers", "numbers to rows of a tensor",
                                    "copy a batch"))  # fmt: skip
    saved = sum(row["seconds"] for row in rows if row["per"] == "checkpoint")
    host = each + saved / steps_per_checkpoint
    return host / (host + seconds["the model's step"])


def stream_seconds(encrypted: bool, n_bytes: int = STREAM_BYTES, repeats: int = 5) -> float | None:
    """Time to send so many bytes to another thread over loopback, the median of several.

    Returns: seconds, without the handshake; None where this machine's OpenSSL does not offer
    encryption without certificates.
    """
    times = []
    payload = bytes(n_bytes)
    try:
        for _ in range(repeats):
            with connected(encrypted, n_bytes) as (sender, arrived):
                started = time.perf_counter()
                sender.sendall(payload)
                arrived.wait(60)
                times.append(time.perf_counter() - started)
    except ssl.SSLError:
        return None
    return sorted(times)[len(times) // 2]


class connected:
    """A connection over loopback to a thread that receives, for a `with` block.

    Gives: the sender's socket, and an event that is set when all bytes have arrived.
    """

    def __init__(self, encrypted: bool, n_bytes: int):
        self.encrypted, self.n_bytes, self.arrived = encrypted, n_bytes, threading.Event()

    def __enter__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self._receive, daemon=True)
        self.thread.start()
        self.sender = socket.create_connection(self.server.getsockname())
        if self.encrypted:
            self.sender = context(server=False).wrap_socket(self.sender)
        return self.sender, self.arrived

    def _receive(self) -> None:
        receiver, _ = self.server.accept()
        try:
            if self.encrypted:
                receiver = context(server=True).wrap_socket(receiver, server_side=True)
            left = self.n_bytes
            while left > 0 and (piece := receiver.recv(1 << 16)):
                left -= len(piece)
            self.arrived.set()
        except OSError:  # the sender has the same error and raises it
            pass
        finally:
            receiver.close()

    def __exit__(self, *_) -> None:
        self.sender.close()
        self.thread.join(10)
        self.server.close()


def context(server: bool) -> ssl.SSLContext:
    """TLS that encrypts and identifies nobody. Raises: ssl.SSLError where it is not offered."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers(CIPHER)
    return made
