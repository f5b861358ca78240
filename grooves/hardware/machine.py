"""What a machine has: Python, torch, device, cores, memory, disk, JupyterLab, widgets.

Key idea: `look` reads one machine into a plain `Machine`, a value that can be printed, stored
beside a measurement, or made up in a test. Judging it is `grooves.hardware.doctor`'s work. Every
chapter that measures something says with it where it was measured.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """What one machine has. A field is None where it could not be found."""

    python: tuple[int, ...] = tuple(sys.version_info[:3])
    system: str = ""
    torch: str | None = None  # version
    torch_error: str = ""  # why torch did not import, in its own words
    device: str = "cpu"
    nvidia_card: str | None = None  # the card's name, where the driver reports one
    cores: int = 1
    memory_bytes: int | None = None  # what is free for us now
    disk_bytes: int | None = None  # free in the cache folder
    cache_folder: str = ""
    cache_writable: bool = True
    missing: tuple[str, ...] = ()  # packages that the notebooks import
    jupyterlab: str | None = None  # version
    widgets: str | None = None  # version of ipywidgets, where both of its halves are installed


def look() -> Machine:
    """Read this machine. Takes the seconds that importing torch takes."""
    from grooves import cache_dir

    version, error, device = _look_at_torch()
    try:
        folder = cache_dir()
        probe = folder / ".grooves-doctor"
        probe.touch()
        probe.unlink()
        disk_bytes = shutil.disk_usage(folder).free
        writable = True
    except OSError as refused:
        folder, disk_bytes, writable = refused.filename or "the cache folder", None, False
    jupyterlab = _version("jupyterlab")
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        torch=version,
        torch_error=error,
        device=device,
        nvidia_card=_nvidia_card(),
        cores=_usable_cores(),
        memory_bytes=_free_memory(),
        disk_bytes=disk_bytes,
        cache_folder=str(folder),
        cache_writable=writable,
        missing=tuple(
            name
            for name in ("numpy", "sklearn", "matplotlib", "safetensors", "tqdm", "anywidget")
            if importlib.util.find_spec(name) is None
        ),
        jupyterlab=jupyterlab,
        # JupyterLab shows widgets only with the half of ipywidgets that is made for it.
        widgets=_version("ipywidgets")
        if _version("jupyterlab-widgets") or not jupyterlab
        else None,
    )


def processor() -> str:
    """The name of this machine's processor, as well as the system knows it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    if sys.platform == "darwin":
        asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
        said = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False)
        if name := said.stdout.strip():
            return name
    return platform.processor() or platform.machine()


def _look_at_torch():
    """Returns: version or None, what went wrong, the device in words."""
    if importlib.util.find_spec("torch") is None:
        return None, "", "cpu"
    try:
        import torch

        from grooves import device

        chosen = device()
    except Exception as error:  # a broken install raises OSError, ImportError or worse
        return None, str(error).splitlines()[0] if str(error) else type(error).__name__, "cpu"
    name = torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else chosen.type
    return torch.__version__, "", name


def _nvidia_card():
    try:
        asked = subprocess.run(
            ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip().splitlines()[0] if asked.returncode == 0 and asked.stdout else None


def _usable_cores():
    # In a container we may use fewer cores than the machine has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _free_memory():
    try:
        import psutil
    except ImportError:
        return None
    free = psutil.virtual_memory().available
    try:  # a container may use less than its machine has free
        return min(free, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):  # no such file, or the word "max"
        return free


def _version(distribution):
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
