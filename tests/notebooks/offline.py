"""Run a command with the network cut: `python offline.py COMMAND ARGUMENTS...`

Every Python that the command starts refuses connections to other machines (see no_network/). Where
Linux permits it, the command runs besides in a network namespace of its own, in which no program
finds any device but the loopback device; a kernel talks to its client through that one.
"""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

SIOCSIFFLAGS, IFF_UP_RUNNING = 0x8914, 0x1 | 0x40


def cutter() -> list[str]:
    """The command that makes a network namespace, or nothing where none is permitted."""
    if shutil.which("unshare"):
        for command in (["unshare", "--net"], ["unshare", "--map-root-user", "--net"]):
            tried = subprocess.run([*command, "true"], capture_output=True, check=False)
            if tried.returncode == 0:
                return command
    return []


def loopback_up() -> None:
    """Switch on the loopback device of a new namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        fcntl.ioctl(probe, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP_RUNNING))


def offline_command(*command: str) -> list[str]:
    """The command that runs another one offline."""
    return [sys.executable, str(Path(__file__).resolve()), *command]


def main(command: list[str]) -> None:
    """Become the command; in a new namespace, once its loopback device is on."""
    if command[0] == "--inside":
        loopback_up()
        os.execvp(command[1], command[1:])
    guard = str(Path(__file__).resolve().with_name("no_network"))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [guard, os.environ.get("PYTHONPATH")]))
    namespace = cutter()
    if namespace:
        command = [*namespace, *offline_command("--inside", *command)]
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
