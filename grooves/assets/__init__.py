"""What the course ships as data: weights with their cards, recorded measurements, recordings.

`weights/` holds trained models and stored adapters, `measurements/` what benchmarks recorded
because it takes too long for a notebook, `recordings/` what devices were measured to do, and
`claims.toml` the claims that the course checks, `chapters.toml` what each chapter asks of students
and gives them. Nothing here computes.
"""

from __future__ import annotations

import json
from pathlib import Path

FOLDER = Path(__file__).parent
WEIGHTS = FOLDER / "weights"
MEASUREMENTS = FOLDER / "measurements"
RECORDINGS = FOLDER / "recordings"


def recorded(name: str) -> dict:
    """A measurement too long for a notebook, as a benchmark wrote it: rows, machine, date.

    Raises: ValueError where nothing of this name was recorded.
    """
    path = MEASUREMENTS / f"{name}.json"
    if not path.exists():
        names = ", ".join(sorted(p.stem for p in MEASUREMENTS.glob("*.json")))
        raise ValueError(f"{name=} was not recorded; there are {names}")
    return json.loads(path.read_text(encoding="utf-8"))
