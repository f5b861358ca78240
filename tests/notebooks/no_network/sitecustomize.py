"""Refuses connections from this Python, and the Pythons that it starts, to any other machine.

Python imports a module of this name when it starts, where PYTHONPATH leads to it: see offline.py.
"""

import errno
import socket
import sys

LOOKUPS = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")


def is_here(host) -> bool:
    """Whether a host is this machine."""
    host = host.decode() if isinstance(host, bytes) else host
    named = ("", "localhost", "0.0.0.0", "::", "::1", socket.gethostname())
    return host is None or host in named or host.startswith("127.")


def refuse(event, arguments):
    """An audit hook, which Python calls before it connects or looks up a name."""
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # a path is a local socket's
    elif event in LOOKUPS:
        host = arguments[0]
    else:
        return
    if isinstance(host, (str, bytes)) and not is_here(host):
        raise OSError(errno.ENETUNREACH, f"Network is unreachable: {host} was asked for offline")


sys.addaudithook(refuse)
