"""Two hosts on one machine, connected by a wire of any speed.

Key idea: a network namespace has its own devices, addresses and ports, so a program in it sees a
host of its own. Two of them, connected by `relay`, are enough to try what several hosts need, and
to see what a slow wire costs. Needs Linux, the right to make namespaces (root), and `ip`; where
that is missing, `why_not` says what. Chapter 13.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from grooves.hardware.many_devices import relay
from grooves.hardware.many_devices.relay import MTU, Wire
from grooves.training.distributed.launch import json_lines, torchrun

PORT = 29400
RENDEZVOUS_S = 40  # that one host waits for the other


def why_not() -> str | None:
    """Why two hosts cannot be made here, in a sentence, or None."""
    if sys.platform != "linux":
        return f"two hosts need Linux's network namespaces, and this is {sys.platform}"
    if shutil.which("ip") is None:
        return "the program `ip` (package iproute2) is not installed"
    if os.geteuid() != 0:
        return "making network namespaces needs root"
    name = f"gtry{os.getpid()}"
    made = ip("netns", "add", name, check=False)
    if made.returncode:
        return f"network namespaces are not permitted: {made.stderr.strip()}"
    entered = ip("-n", name, "link", "set", "lo", "up", check=False)  # a container may refuse that
    ip("netns", "del", name)
    if entered.returncode:
        return f"network namespaces cannot be entered: {entered.stderr.strip()}"
    try:
        os.close(relay.open_tun(name[:15]))
    except OSError as error:
        return f"TUN devices are not permitted: {error}"
    return None


def ip(*words: str, check: bool = True) -> subprocess.CompletedProcess:
    """Run `ip`. Raises: RuntimeError with what it printed, where it fails and `check` is true."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done


@dataclass(frozen=True)
class Hosts:
    """Two network namespaces, by name; each host's device and address follow from its number."""

    names: tuple[str, str]

    def device(self, host: int) -> str:
        """Its network device."""
        return f"{self.names[host]}w"

    def address(self, host: int) -> str:
        """Its address on the wire."""
        return f"10.77.0.{host + 1}"

    def command(
        self, host: int, program: Sequence[str], job: str, max_restarts: int = 0
    ) -> list[str]:
        """The command line that starts one host's process of a program.

        Host 0 is told that it keeps the rendezvous, and host 1 that it does not: by itself,
        torchrun compares the endpoint with the machine's own name, which both share.
        """
        options = [
            "--nnodes=2",
            "--rdzv-backend=c10d",
            f"--rdzv-endpoint={self.address(0)}:{PORT}",
            f"--rdzv-id={job}",
            f"--rdzv-conf=is_host={1 - host},join_timeout={RENDEZVOUS_S}",
            f"--local-addr={self.address(host)}",
        ]
        inside = ["ip", "netns", "exec", self.names[host]]
        return [*inside, *torchrun(program, 1, max_restarts, options)]

    def start(self, program: Sequence[str], job: str, files: Sequence, max_restarts: int = 0):
        """Start a program on both hosts; files: [output of 0, errors of 0, output of 1, ..]."""
        return [
            subprocess.Popen(
                self.command(host, program, job, max_restarts),
                stdout=files[2 * host],
                stderr=files[2 * host + 1],
                text=True,
                env=os.environ | {"GLOO_SOCKET_IFNAME": self.device(host)},
            )
            for host in (0, 1)
        ]

    def run(
        self, program: Sequence[str], timeout_s: float = 120, max_restarts: int = 0
    ) -> tuple[list[dict], list[dict]]:
        """Run a program as one process on each host.

        Returns: the JSON lines that host 0 printed, and those of host 1.
        Raises: RuntimeError where one of them failed, or took longer than `timeout_s`.
        """
        with ExitStack() as stack:
            files = [stack.enter_context(tempfile.TemporaryFile("w+")) for _ in range(4)]
            running = self.start(program, f"job{os.getpid()}", files, max_restarts)
            try:
                codes = [process.wait(timeout_s) for process in running]
            except subprocess.TimeoutExpired:
                codes = [None]
            finally:
                for process in running:
                    process.terminate()
                    process.wait()
            texts = [read(file) for file in files]
        if any(codes) or None in codes:
            raise RuntimeError(f"exit codes {codes}: {texts[1][-1500:]} {texts[3][-1500:]}")
        return json_lines(texts[0]), json_lines(texts[2])


@contextmanager
def two_hosts(wire: Wire | None = None) -> Iterator[Hosts]:
    """Two hosts for a `with` block; afterwards nothing of them is left.

    wire: its latency and rate; None is one of 2 ms and 100 Mbit/s in each direction.
    Raises: RuntimeError where they cannot be made: ask `why_not` first.
    """
    hosts = Hosts((f"g{os.getpid()}a", f"g{os.getpid()}b"))
    with ExitStack() as stack:
        for name in hosts.names:
            ip("netns", "add", name)
            stack.callback(ip, "netns", "del", name, check=False)
        stack.enter_context(running_relay(hosts, wire or Wire()))
        for host in (0, 1):
            name, device = hosts.names[host], hosts.device(host)
            ip("link", "set", device, "netns", name)
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "addr", "add", f"{hosts.address(host)}/24", "dev", device)
            ip("-n", name, "link", "set", device, "mtu", str(MTU), "up")
        yield hosts


@contextmanager
def running_relay(hosts: Hosts, wire: Wire) -> Iterator[None]:
    """The relay as a process of its own, so that it does not wait for anybody's lock."""
    numbers = [str(wire.delay_s), str(wire.bits_per_s), str(wire.queue_bytes)]
    with subprocess.Popen(
        [sys.executable, relay.__file__, hosts.device(0), hosts.device(1), *numbers],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(relay.__file__).parent,
    ) as process:
        try:
            if process.stdout.readline() != "up\n":
                raise RuntimeError(f"the relay did not start: {process.stderr.read()[-500:]}")
            yield
        finally:
            process.terminate()


def read(file) -> str:
    """All that was written to an open file."""
    file.seek(0)
    return file.read()
