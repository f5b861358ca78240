"""A disposable kernel, for running code that may hang, crash or kill the process that started it.

Key idea: each kernel is a process in a session of its own. It is started by a launcher whose loss
does no harm, and it talks to the grader over two pipes. So whatever a submission does to its
process, parent or group, the grader sees one of four outcomes and can start another kernel.
Labs of every chapter.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import queue
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import psutil

START_LIMIT_S = 120
REPLY_LIMIT_BYTES = 8_000_000
MORE_PROCESSES = 512  # threads count as well
FILE_LIMIT_BYTES = 2_000_000_000
# The environment variables that a kernel may see, so that it gets none of the instructor's tokens.
_PASSED_ON = (
    *("PATH", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "LD_LIBRARY_PATH", "LANG", "LC_ALL"),
    *(
        "GROOVES_TERM",
        "CUDA_VISIBLE_DEVICES",
        "SYSTEMROOT",
        "COMSPEC",
        "PATHEXT",
        "WINDIR",
        "TMPDIR",
        "TEMP",
    ),
)
# The launcher: the kernel's parent, which holds nothing of value. It ends the kernel when the
# grader's end of the pipe is closed.
_LAUNCHER = """
import os, select, signal, subprocess, sys
limits = [int(n) for n in sys.argv[1:3]]
def restrict():
    import resource
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for kind, limit in zip((resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE), limits):
        hard = resource.getrlimit(kind)[1]
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (limit, limit))
if sys.platform == "win32":
    sys.exit(subprocess.call(sys.argv[3:]))
kernel = subprocess.Popen(sys.argv[3:], preexec_fn=restrict)
gone = select.poll()
gone.register(0, 0)
while kernel.poll() is None:
    if gone.poll(200):
        os.killpg(kernel.pid, signal.SIGKILL)
        break
"""


class KernelFailed(RuntimeError):
    """The kernel did not start, or the run was stopped; no submission caused it."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of one request. `state` is ok, error, time or died; after the last two, the
    kernel no longer exists. `reply` is what the kernel sent."""

    state: str
    error: str = ""
    message: str = ""
    reply: dict = field(default_factory=dict)

    @property
    def lost(self) -> bool:
        return self.state in ("time", "died")


class Kernel:
    """A new Python kernel in an empty folder of its own, with this Python and its packages.

    `threads` is the number of CPU threads that its numerical libraries may use; setting `stop` ends
    whatever runs; `course` is the folder from which it imports the package. Use it in a `with`
    statement.
    Raises: KernelFailed where it does not start.
    """

    def __init__(
        self,
        threads: int = 1,
        stop: threading.Event | None = None,
        apart: bool = True,
        course: Path | None = None,
    ):
        self._stop = stop or threading.Event()
        self._folder = tempfile.TemporaryDirectory(prefix="grooves-", ignore_cleanup_errors=True)
        self._mark, self._key, self._number = secrets.token_hex(16), secrets.token_bytes(32), 0
        self._arrived: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        home = Path(self._folder.name)
        work = home / "work"
        work.mkdir()
        own = Path(__file__).resolve()
        self._course = course or own.parents[2]
        kernel = self._course.joinpath(*own.parts[-3:-1], "kernel.py")
        command = [
            *(own_processes() if apart else ()),
            *(sys.executable, "-I", "-S", "-c", _LAUNCHER, str(_most_processes())),
            *(str(FILE_LIMIT_BYTES), sys.executable, "-P", str(kernel)),
        ]
        try:
            if self._stop.is_set():
                raise KernelFailed("stopped")
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=work,
                env=self._environment(home, threads),
                start_new_session=True,
            )
        except OSError as error:
            self._folder.cleanup()
            raise KernelFailed(f"no kernel could be started: {error}") from error
        threading.Thread(target=self._read, daemon=True).start()
        self._send(self._key)
        try:
            if self.ask("look_alive", limit_s=START_LIMIT_S).state != "ok":
                raise KernelFailed("no kernel could be started: it did not reply")
        except BaseException:
            self.close()
            raise

    def run(self, source: str, limit_s: float, given: bool = False) -> Outcome:
        """Run one cell for at most `limit_s` seconds; a kernel that hangs is killed.

        A `given` cell runs under the course's settings.
        """
        return self.ask("given" if given else "cell", source, limit_s=limit_s)

    def ask(self, what: str, *arguments, limit_s: float) -> Outcome:
        """Send a request to the kernel (see `grooves.grading.session`) and wait for its reply."""
        self._number += 1
        request = {"do": what, "with": arguments, "number": self._number}
        data = json.dumps(request).encode()
        deadline = time.monotonic() + limit_s
        if not self._send(len(data).to_bytes(4, "big") + data):
            return self._lost("died")
        while (left := deadline - time.monotonic()) > 0:
            if self._stop.is_set():
                raise KernelFailed("stopped")
            try:
                frame = self._arrived.get(timeout=min(left, 0.2))
            except queue.Empty:
                continue
            if frame is None:
                return self._lost("died")
            reply = self._verified(frame)
            if reply is not None:
                state = reply.get("state", "ok")
                return Outcome(state, reply.get("error", ""), reply.get("message", ""), reply)
        return self._lost("time")

    def close(self) -> None:
        """Kill the kernel and whatever it started, and remove its folder."""
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()
        self._kill()
        self._folder.cleanup()

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _environment(self, home: Path, threads: int) -> dict[str, str]:
        at_home = ("HOME", "USERPROFILE", "IPYTHONDIR", "JUPYTER_DATA_DIR")
        return {
            **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            **dict.fromkeys(at_home, str(home)),
            **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads)),
            "PYTHONPATH": os.pathsep.join(
                filter(None, (str(self._course), os.environ.get("PYTHONPATH")))
            ),
            "GROOVES_CACHE": str(home / "cache"),
            "GROOVES_GRADING": self._mark,
            "MPLBACKEND": "agg",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def _send(self, data: bytes) -> bool:
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except (OSError, ValueError):
            return False
        return True

    def _read(self) -> None:
        """Put the data into the queue, frame by frame; None at the end or for malformed data."""
        pipe = self._process.stdout
        try:
            while size := pipe.read(4):
                n = int.from_bytes(size, "big")
                frame = pipe.read(32 + n) if n <= REPLY_LIMIT_BYTES else b""
                if len(frame) < 32 + n:
                    break
                self._arrived.put(frame)
        except (OSError, ValueError):
            pass
        self._arrived.put(None)

    def _verified(self, frame: bytes) -> dict | None:
        """The reply in a frame; None unless this kernel signed it for this request."""
        signature, data = frame[:32], frame[32:]
        signed = hmac.digest(self._key, self._number.to_bytes(8, "big") + data, "sha256")
        return json.loads(data) if hmac.compare_digest(signature, signed) else None

    def _lost(self, state: str) -> Outcome:
        self._kill()
        return Outcome(state)

    def _kill(self) -> None:
        """End the launcher and all processes with this kernel's mark, until none is left."""
        for _ in range(20):
            found = _marked(self._mark)
            for process in found:
                with contextlib.suppress(psutil.Error, OSError):
                    process.kill()
            if self._process.poll() is None:
                with contextlib.suppress(OSError):
                    self._process.kill()
            elif not found:
                break
            time.sleep(0.02)
        self._process.wait()


def _marked(mark: str) -> list[psutil.Process]:
    """This user's processes with a mark in their environment, even those that left the group."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get("GROOVES_GRADING") == mark:
                found.append(process)
    return found


def _most_processes() -> int:
    """How many processes and threads this user may have while a submission runs."""
    count = 0
    for process in psutil.process_iter(["num_threads"]):
        count += process.info["num_threads"] or 1
    return count + MORE_PROCESSES


@cache
def own_processes() -> tuple[str, ...]:
    """A prefix for a command, which then sees only its own processes; empty if not permitted.

    Linux permits it to root, and to users where unprivileged namespaces are enabled.
    """
    unshare = shutil.which("unshare") if sys.platform == "linux" else None
    if unshare is None:
        return ()
    user = [] if os.geteuid() == 0 else ["--user", "--map-current-user"]
    command = (unshare, *user, "--pid", "--fork", "--kill-child", "--mount-proc")
    try:
        tried = subprocess.run(
            [*command, sys.executable, "-I", "-S", "-c", ""],
            capture_output=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return command if tried.returncode == 0 else ()
