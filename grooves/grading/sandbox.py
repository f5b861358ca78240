"""A Jupyter kernel that can be lost: for running code that may hang, crash or print for ever.

Key idea: the kernel is a process of its own, so whatever a submission does to it, the grader only
ever sees one of five outcomes, and can start another. Used by `grooves.grading.grader` (labs of
every chapter).
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import zmq
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager

OUTPUT_LIMIT_BYTES = 20_000_000
START_LIMIT_S = 120
# What a kernel may see of the grader's environment: no token and no key of the instructor's.
_PASSED_ON = (
    *("PATH", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "LD_LIBRARY_PATH", "LANG", "LC_ALL"),
    *("CUDA_VISIBLE_DEVICES", "SYSTEMROOT", "COMSPEC", "PATHEXT", "WINDIR", "TMPDIR", "TEMP"),
)


class KernelFailed(RuntimeError):
    """The kernel did not start: the machine's fault, not a submission's."""


@dataclass(frozen=True)
class Outcome:
    """What came of one cell. `state` is ok, error, time, died or flooded; after the last three
    the kernel is gone. `value` is the Python value of the expression asked for, where ok."""

    state: str
    error: str = ""
    message: str = ""
    value: object = None

    @property
    def lost(self) -> bool:
        return self.state in ("time", "died", "flooded")


class Kernel:
    """A fresh Python kernel in an empty folder of its own, with this Python and its packages.

    `threads` is the number of CPU threads its numerical libraries may use; setting `stop` ends
    whatever runs. Use it in a `with`. Raises: KernelFailed where it does not start, or is stopped.
    """

    def __init__(self, threads: int = 1, stop: threading.Event | None = None):
        self._stop = stop or threading.Event()
        self._folder = tempfile.TemporaryDirectory(prefix="grooves-", ignore_cleanup_errors=True)
        home = Path(self._folder.name)
        work = home / "work"
        work.mkdir()
        self._manager = KernelManager(
            # no kernel that a user registered under this name, which could be another Python
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[], ensure_native_kernel=True),
            connection_file=str(home / "k.json"),
            # sockets in the folder need no network; Windows has none
            transport="tcp" if sys.platform == "win32" else "ipc",
        )
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment |= {
            **{
                name: str(home)
                for name in ("HOME", "USERPROFILE", "IPYTHONDIR", "JUPYTER_DATA_DIR")
            },
            **{name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")},
            "GROOVES_CACHE": str(home / "cache"),
            "GROOVES_GRADING": "1",
            "MPLBACKEND": "agg",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        try:
            if self._stop.is_set():
                raise RuntimeError("stopped")
            self._manager.start_kernel(
                env=environment,
                cwd=str(work),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            self._client = self._manager.blocking_client()
            self._client.start_channels()
            self._client.wait_for_ready(timeout=START_LIMIT_S)
        except Exception as error:
            self.close()
            raise KernelFailed(f"no kernel could be started: {error}") from error

    def run(self, code: str, limit_s: float, expression: str | None = None) -> Outcome:
        """Run one cell for at most `limit_s` seconds; a kernel that hangs or floods is killed.

        `expression` is evaluated after it; it must give a string.
        """
        asked = {"value": expression} if expression else {}
        sent = self._client.execute(
            code,
            store_history=False,
            allow_stdin=False,
            stop_on_error=False,
            user_expressions=asked,
        )
        channels = (self._client.iopub_channel, self._client.shell_channel)
        poller = zmq.Poller()
        for channel in channels:
            poller.register(channel.socket, zmq.POLLIN)
        deadline = time.monotonic() + limit_s
        printed = 0
        while time.monotonic() < deadline:
            if self._stop.is_set():
                raise KernelFailed("stopped")
            ready = dict(poller.poll(100))
            if not ready and not self._manager.is_alive():
                return self._lost("died")
            for channel in channels:
                if channel.socket not in ready:
                    continue
                message = channel.get_msg(timeout=1)
                if channel is channels[0]:
                    printed += _size(message)
                elif message["parent_header"].get("msg_id") == sent:
                    return _outcome(message["content"])
            if printed > OUTPUT_LIMIT_BYTES:
                return self._lost("flooded")
        return self._lost("time")

    def close(self) -> None:
        """Kill the kernel, whatever it started in its process group, and remove its folder."""
        if hasattr(self, "_client"):
            self._client.stop_channels()
        if self._manager.has_kernel:
            self._manager.shutdown_kernel(now=True)
        self._manager.cleanup_resources()
        self._folder.cleanup()

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _lost(self, state: str) -> Outcome:
        if self._manager.has_kernel:
            self._manager.shutdown_kernel(now=True)
        return Outcome(state)


def _size(message: dict) -> int:
    """How much a message shows, in characters: text, or the data of a picture."""
    content = message["content"]
    return len(content.get("text", "")) + sum(
        len(data) for data in content.get("data", {}).values() if isinstance(data, str)
    )


def _outcome(reply: dict) -> Outcome:
    if reply["status"] != "ok":
        return Outcome("error", reply.get("ename", "Error"), reply.get("evalue", ""))
    asked = reply.get("user_expressions", {}).get("value")
    if asked is None or asked.get("status") != "ok":
        return Outcome("ok")
    try:
        return Outcome("ok", value=ast.literal_eval(asked["data"]["text/plain"]))
    except (KeyError, TypeError, ValueError, SyntaxError, MemoryError, RecursionError):
        return Outcome("ok")
