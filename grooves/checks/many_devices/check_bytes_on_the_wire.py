"""Check of lab 13: bytes and messages of a ring all-reduce (chapter 13).

Key idea: one device, two, and many; numbers of 2, 4 and 8 bytes, so that no two mistakes coincide.
"""

from __future__ import annotations

from grooves.checks import check
from grooves.checks.many_devices.rules import LAB, judge_figures
from grooves.checks.mistakes import Mistake, in_forms

# n_parameters, bits, n_devices
CASES = (
    (1_000, 32, 2),
    (1_000, 32, 4),
    (124_000_000, 16, 8),
    (7_000_000_000, 16, 64),
    (350, 64, 3),
    (96_000, 32, 1),
    (405_000_000_000, 8, 1_000),
)


def right(n_parameters, bits, n_devices, byte=8, times=None, messages=None):
    """Bytes that each device sends, and messages in turn, with a place for each mistake."""
    times = 2 * (n_devices - 1) / n_devices if times is None else times
    messages = 2 * (n_devices - 1) if messages is None else messages
    return n_parameters * bits / byte * times, messages


def _times(factor):
    return lambda p, bits, n: right(p, bits, n, times=factor(n))


def _messages(count):
    return lambda p, bits, n: right(p, bits, n, messages=count(n))


MISTAKES = (
    *in_forms(
        "whole_vectors",
        "you let whole vectors travel around, or count what all devices send. In a ring each "
        "message is one chunk, the vector's n-th part, and one device's bytes are asked for.",
        _times(lambda n: n - 1),
        _times(lambda n: 2 * (n - 1)),
        _times(lambda n: n),
    ),
    *in_forms(
        "one_half",
        "you count one half of the ring. The sums must travel around as well.",
        _times(lambda n: (n - 1) / n),
        lambda p, bits, n: right(p, bits, n, times=(n - 1) / n, messages=n - 1),
    ),
    *in_forms(
        "own_chunk_sent",
        "a device does not send all n chunks in each half: n - 1 of them, so n - 1 n-ths of the "
        "vector.",
        _times(lambda n: 2),
        _times(lambda n: 2 if n > 1 else 0),
        _times(lambda n: 1),
    ),
    Mistake(
        "sent_and_received",
        _times(lambda n: 4 * (n - 1) / n),
        "you add what is received to what is sent.",
    ),
    *in_forms(
        "bits_for_bytes",
        "`bits` is the number of bits of one number; a byte has eight of them.",
        lambda p, bits, n: right(p, bits, n, byte=1),
        lambda p, bits, n: right(p, 32, n),
        lambda p, bits, n: right(p, 8, n),
    ),
    *in_forms(
        "messages_of_one_half",
        "your number of messages is that of one half. There are n - 1 steps in each.",
        _messages(lambda n: n - 1),
    ),
    *in_forms(
        "messages_off",
        "each half has n - 1 steps, because a chunk starts somewhere and must pass the n - 1 other "
        "devices.",
        _messages(lambda n: 2 * n),
        _messages(lambda n: n),
        _messages(lambda n: 2 * n - 1),
        _messages(lambda n: n * (n - 1)),
        _messages(lambda n: 2 * n * (n - 1)),
        lambda p, bits, n: right(p, bits, n, times=2, messages=2 * n),
    ),
    Mistake("swapped", lambda *inputs: right(*inputs)[::-1], "bytes first, then messages."),
)


@check(lab=LAB, exercise="bytes_on_the_wire", returns=(tuple, list))
def bytes_on_the_wire(answer):
    """bytes_on_the_wire(n_parameters, bits, n_devices) -> bytes each sends, messages in turn."""
    names = ("n_parameters", "bits", "n_devices")
    parts = ("the bytes", "the messages")
    judge_figures(answer, names, CASES, right, parts, MISTAKES, ("bytes", "messages"))
