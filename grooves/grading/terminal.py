"""The terminal: lines that may hold anything that a student can write. Labs of every chapter."""

from __future__ import annotations

import sys


def say(line: str) -> None:
    """Print a line on any terminal, whatever is in it."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(line.encode(encoding, "backslashreplace").decode(encoding), flush=True)
