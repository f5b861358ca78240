"""Grooves: how generative AI is trained, how it answers, and what it runs on."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__version__ = "0.1.0"

# Threads that wait for each other by spinning slow a small model down twenty-fold as soon as
# anything else uses the machine; waiting asleep costs a few per cent. PyTorch reads this when it
# is first imported, so it stands here, the one thing that importing the course does.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def device():
    """The device that this machine computes on: CUDA, then MPS, then the CPU.

    Returns: a `torch.device`. The only place of the course that chooses one.
    """
    import torch  # two seconds that `grooves doctor` and the command line need not spend

    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def cache_dir() -> Path:
    """The only folder that the course writes to when it runs: progress, downloads, checkpoints.

    `GROOVES_CACHE` sets it; otherwise it is the platform's cache folder. Made where missing.
    """
    if chosen := os.environ.get("GROOVES_CACHE"):
        folder = Path(chosen)
    elif sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")) / "grooves"
    elif sys.platform == "darwin":
        folder = Path.home() / "Library/Caches/grooves"
    else:
        folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "grooves"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
