"""Published models: their parameters, and the sizes that memory and compute follow from.

Key idea: a configuration that a paper prints is enough to count a model's parameters, bytes and
FLOPs. Each stands once, in `published.toml`, with its source and the day on which it was read.
Chapters: 05, 12, 15.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Model:
    """One published model: how many weights it has, and what its memory depends on besides."""

    name: str
    parameters: int
    n_layer: int
    n_head: int
    n_kv_head: int
    head_dim: int
    width: int
    mlp_width: int
    vocabulary: int
    source: str
    read: str  # the date


@cache
def models() -> dict[str, Model]:
    """All models of the table by name.

    Raises: ValueError for an entry with a figure that is not positive, or a name that comes twice.
    """
    return read_models(Path(__file__).with_name("published.toml").read_text("utf-8"))


def read_models(text: str) -> dict[str, Model]:
    """The models of a table in TOML, by name. Raises: ValueError as `models` does."""
    found = entries(text, "model", Model)
    for one in found.values():
        check_positive(one, [v for v in vars(one).values() if not isinstance(v, str)])
        if one.n_head % one.n_kv_head:
            raise ValueError(f"{one.name!r}: {one.n_head=} cannot share {one.n_kv_head=}")
    return found


def entries(text: str, kind: str, of: type) -> dict:
    """The entries of one kind, by name, each with all fields of its class."""
    found: dict = {}
    for entry in tomllib.loads(text).get(kind, []):
        fields = {name: entry.get(name) for name in of.__dataclass_fields__}
        if missing := [name for name, value in fields.items() if value is None]:
            raise ValueError(f"{kind} {entry.get('name')!r} lacks {', '.join(missing)}")
        one = of(**fields | {"read": str(fields["read"])})
        if one.name in found:
            raise ValueError(f"{kind} {one.name!r} stands in the table twice")
        found[one.name] = one
    return found


def check_positive(one, figures) -> None:
    if not all(value > 0 for value in figures):
        raise ValueError(
            f"{type(one).__name__.lower()} {one.name!r} has a figure that is not positive: "
            f"{tuple(figures)}"
        )
