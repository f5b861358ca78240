"""A slow wire in user space: it reads packets, holds them, and writes them out on the other side.

Key idea: a wire does two things to a packet. It takes it in at a limited rate, so a packet waits
until those before it have gone in, and it delivers it a fixed time later. A program can do both, if
it gets the packets: a TUN device hands to a program what the kernel would send. Chapter 13.
Source: the Linux kernel documentation, "Universal TUN/TAP device driver".
"""

from __future__ import annotations

import os
import select
import signal
import struct
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
MTU = 9000  # bytes of a packet at most; fewer and larger packets leave time for the training


@dataclass(frozen=True)
class Wire:
    """A wire: seconds from end to end, bits per second, and bytes that may wait to go in."""

    delay_s: float = 2e-3
    bits_per_s: float = 100e6
    queue_bytes: int = 2_000_000

    def __post_init__(self):
        if not (self.delay_s >= 0 and self.bits_per_s > 0 and self.queue_bytes > 0):
            raise ValueError(f"{self}: the rate and the queue must be positive")


class Direction:
    """One direction of a wire: a queue of packets with the times at which they come out."""

    def __init__(self, wire: Wire):
        self.wire, self.free_at_s = wire, 0.0
        self.inside: deque[tuple[float, bytes]] = deque()
        self.dropped = 0

    def put(self, packet: bytes, now_s: float) -> None:
        """Take a packet in, or drop it where too much waits already, as a full queue does."""
        rate = self.wire.bits_per_s / 8  # bytes per second
        start_s = max(now_s, self.free_at_s)
        if (start_s - now_s) * rate > self.wire.queue_bytes:
            self.dropped += 1
            return
        self.free_at_s = start_s + len(packet) / rate
        self.inside.append((self.free_at_s + self.wire.delay_s, packet))

    def due(self, now_s: float) -> list[bytes]:
        """Packets that have arrived by now, in the order in which they were sent."""
        arrived = []
        while self.inside and self.inside[0][0] <= now_s:
            arrived.append(self.inside.popleft()[1])
        return arrived

    def wait_s(self, now_s: float) -> float | None:
        """Seconds until the next packet arrives; None while the wire is empty."""
        return max(0.0, self.inside[0][0] - now_s) if self.inside else None


def open_tun(name: str) -> int:
    """A TUN device of this name, as a file descriptor. Raises: OSError where it is refused."""
    import fcntl  # not on Windows

    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    request = struct.pack("16sH14s", name.encode(), IFF_TUN | IFF_NO_PI, b"")
    fcntl.ioctl(device, TUNSETIFF, request)
    return device


def relay(devices: Sequence[int], wire: Wire) -> None:
    """Carry packets between two TUN devices until the process is told to stop."""
    ways = [Direction(wire), Direction(wire)]
    while True:
        now = time.monotonic()
        waits = [w for way in ways if (w := way.wait_s(now)) is not None]
        ready, _, _ = select.select(devices, (), (), min(waits, default=None))
        for i in (0, 1):
            if devices[i] in ready:
                for packet in packets(devices[i]):
                    ways[i].put(packet, time.monotonic())
            for packet in ways[i].due(time.monotonic()):
                send(devices[1 - i], packet)


def packets(device: int, at_most: int = 64) -> list[bytes]:
    """What the kernel wants to send through a device at present."""
    found = []
    while len(found) < at_most:
        try:
            found.append(os.read(device, MTU + 100))
        except OSError:  # nothing left, or the device is still down
            break
    return found


def send(device: int, packet: bytes) -> None:
    """Hand a packet to the kernel; what it cannot take is lost, as on any network."""
    with suppress(OSError):
        os.write(device, packet)


def main(words: Sequence[str]) -> None:
    """Open two devices, say so, and carry: NAME NAME DELAY_S BITS_PER_S QUEUE_BYTES."""
    first, second, delay, rate, queue = words
    with suppress(OSError, AttributeError):  # a late packet would look like a slower wire
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    devices = [open_tun(first), open_tun(second)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print("up", flush=True)
    relay(devices, Wire(float(delay), float(rate), int(queue)))


if __name__ == "__main__":
    main(sys.argv[1:])
