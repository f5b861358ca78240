"""Warnings that are no concern of the student's: those of the course's own code.

Key idea: a mistake's code runs on inputs that it does not suit, and NumPy warns of the mean of an
empty slice in a line that the student has never seen. Part of the labs' checks (every chapter).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Inside, no warnings: only the course's own code runs, such as that of the mistakes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def silenced() -> Iterator[None]:
    """Inside, warnings that would point into the check, or say less than its message."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"grooves\.checks\.")
        for message in (
            r"The use of `x\.T` on tensors of dimension other than 2",
            r"The \.grad attribute of a Tensor that is not a leaf",
            r"The given NumPy array is not writable",
            r"(invalid value|divide by zero|overflow|underflow) encountered",
        ):
            warnings.filterwarnings("ignore", message)
        yield
