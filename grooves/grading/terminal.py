"""The terminal: lines that may contain any text of a student's. Labs of every chapter."""

from __future__ import annotations

import sys


def say(line: str) -> None:
    """Print a line on any terminal, whatever characters it contains."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(line.encode(encoding, "backslashreplace").decode(encoding), flush=True)
