"""The session: the loop in which a kernel answers the grader's requests.

Key idea: requests and replies go over two pipes that were set aside before any student's code ran.
Each reply is signed with a key that OpenSSL holds and this process forgets, and it is written by
functions that were looked up at the start. So neither a replaced library function nor data that a
submission writes into an open file can become a result. Python cannot hide anything from code that
searches its memory: see `grooves labs grade --help`.

`grooves.grading.kernel` executes this text; nothing imports it. Labs of every chapter.
"""

import hmac
import json
import os
import sys
from _json import encode_basestring_ascii as quoted

from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

_KEY_BYTES = 32
_judge = private["judge"]  # noqa: F821 - put here by the kernel
_loads, _fork_check, _end = json.loads, os.getpid, os._exit


def serve():
    """Answer requests until the grader closes its end of the pipe."""
    reading, writing = _take_the_pipes()
    sign = hmac.new(_receive(reading, _KEY_BYTES), digestmod="sha256").copy
    shell = _Shell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    court = _judge.Court(shell.user_ns)
    cell = _cell(shell)
    does = {
        "look_alive": dict,
        "prepare": court.prepare,
        "cell": cell,
        "given": court.given(cell),
        "look": court.look,
        "judge": court.judge,
    }
    me = _fork_check()
    write = os.write
    while True:
        size = _receive(reading, 4)
        request = _loads(_receive(reading, int.from_bytes(size, "big")))
        try:
            reply = does[request["do"]](*request["with"])
        except (
            BaseException
        ) as error:  # something that the judge needs is broken: the grader gets no result
            reply = {"failed": _judge.text_of(error)}
        if _fork_check() != me:
            _end(0)  # a submission forked, and this is the copy
        data = (
            "{" + ",".join(f"{quoted(k)}:{_written(v)}" for k, v in reply.items()) + "}"
        ).encode()
        signature = sign()
        signature.update(request["number"].to_bytes(8, "big") + data)
        frame = len(data).to_bytes(4, "big") + signature.digest() + data
        while frame:
            frame = frame[write(writing, frame) :]


def _take_the_pipes():
    """The grader's two pipes, moved from the descriptors 0 and 1, which students' code may use."""
    reading, writing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.set_inheritable(reading, False)
    os.set_inheritable(writing, False)
    sink = {"encoding": "utf-8", "errors": "backslashreplace"}
    sys.stdin = open(os.devnull, **sink)  # noqa: SIM115 - open to the end
    sys.stdout, sys.stderr = open(os.devnull, "w", **sink), open(os.devnull, "w", **sink)  # noqa: SIM115
    return reading, writing


def _receive(file, n):
    data = b""
    while len(data) < n:
        part = os.read(file, n - len(data))
        if not part:
            _end(0)
        data += part
    return data


def _written(value):
    """A text, a list of texts or a dict of texts as JSON, whatever was done to `json`."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{quoted(k)}:{quoted(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(quoted, value)) + "]"
    return quoted(value)


class _Unshown(DisplayPublisher):
    """Discards pictures and tables."""

    def publish(self, *args, **kwargs):
        pass


class _Shell(InteractiveShell):
    """IPython without a screen: cells run as in JupyterLab, and what they display is discarded."""

    display_pub_class = Type(_Unshown)

    def enable_gui(self, gui=None):
        pass

    def ask_exit(self):
        pass  # exit() in a cell must not end the kernel


def _cell(shell):
    """The function that runs one cell and returns how it ended."""
    run = shell.run_cell

    def cell(source):
        try:
            result = run(source, store_history=False)
            error = result.error_before_exec or result.error_in_exec
        except BaseException as raised:
            error = raised
        if error is None:
            return {"state": "ok"}
        return {"state": "error", "error": type(error).__name__, "message": _judge.text_of(error)}

    return cell
