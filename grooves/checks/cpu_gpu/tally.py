"""Counts what a training step does: PyTorch's operations and steps in Python (chapter 11).

Key idea: no time is measured. What is done for each picture shows as a count that grows with the
batch.
"""

from __future__ import annotations

import sys
from collections import Counter

from torch.utils._python_dispatch import TorchDispatchMode

from grooves.checks.answers import is_students


class Operations(TorchDispatchMode):
    """Counts PyTorch's operations by name while it is on, and the tensors into which they split."""

    def __init__(self):
        super().__init__()
        self.seen: Counter = Counter()
        self.cut: Counter = Counter()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        name = str(operation.overloadpacket)
        self.seen[name] += 1
        if isinstance(result, (tuple, list)):
            self.cut[name] += len(result)
        return result


def counted(function) -> tuple[int, object]:
    """Steps in Python while a function runs, and its result.

    A step is a call of a function, Python's or C's, or an executed line of the student's code, each
    time that it runs, even in a loop of one line.
    """
    steps = 0

    def note(frame, event, argument):
        nonlocal steps
        steps += event in ("call", "c_call")

    def note_lines(frame, event, argument):
        nonlocal steps
        steps += event == "line"
        return note_lines if is_students(frame.f_code) else None

    before = sys.getprofile(), sys.gettrace()
    sys.setprofile(note)
    sys.settrace(note_lines)
    try:
        result = function()
    finally:
        sys.settrace(before[1])
        sys.setprofile(before[0])
    return steps, result
