"""Weights on disk: written completely or not at all, and read without running any code.

Key idea: a checkpoint holds numbers and a little plain text (safetensors), never a program.
Chapters: 04, 06, 12.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from grooves.models.transformer import Config, Transformer


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; the message says why in one sentence."""


def write(path: Path | str, tensors: dict[str, Tensor], notes: dict) -> None:
    """Write tensors and notes (plain data) to a safetensors file, atomically.

    The file appears under its name only when it is complete and on the disk.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    tensors = {name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}
    try:
        save_file(tensors, part, metadata={"grooves": json.dumps(notes, sort_keys=True)})
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read(path: Path | str) -> tuple[dict[str, Tensor], dict]:
    """The tensors and notes of a file made by `write`. The file is left as it is.

    Raises: CheckpointError where it is missing, truncated, or not such a file.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint {path}: train first, or check the name")
    try:
        with safe_open(path, framework="pt") as file:
            notes = json.loads((file.metadata() or {})["grooves"])
            return {name: file.get_tensor(name) for name in file.keys()}, notes  # noqa: SIM118
    except SafetensorError as error:
        raise CheckpointError(
            f"{path} is damaged or not a safetensors file ({error}): it was left as it is; "
            "use an older checkpoint or train again"
        ) from None
    except (KeyError, json.JSONDecodeError):
        raise CheckpointError(
            f"{path} is a safetensors file, but not one of this course: its notes are missing"
        ) from None


def save_model(model: Transformer, path: Path | str, notes: dict | None = None) -> None:
    """Write a model's weights and its config; `notes` says how it was made."""
    write(path, _weights(model), {"config": model.config.to_dict(), "notes": notes or {}})


def load_model(path: Path | str) -> Transformer:
    """The model that `save_model` wrote, on the CPU.

    Raises: CheckpointError as `read`, and where the weights do not fit the config.
    """
    tensors, notes = read(path)
    try:
        model = Transformer(Config(**notes["config"]))
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} holds no usable config ({error})") from None
    restore(model, tensors, path)
    return model


def restore(model: torch.nn.Module, tensors: dict[str, Tensor], path: Path | str) -> None:
    """Put weights into a model in place.

    Raises: CheckpointError that names the first weight which is missing, extra or misshapen.
    """
    fill(_weights(model), tensors, path)


def fill(own: dict[str, Tensor], tensors: dict[str, Tensor], path: Path | str) -> None:
    """Copy tensors of a file into a model's own, in place. Raises: as `restore`."""
    for name in sorted(own.keys() | tensors.keys()):
        if name not in tensors or name not in own:
            where = "is missing in" if name not in tensors else "has no place for what is in"
            raise CheckpointError(f"weight {name!r} {where} {path}: it is from another model")
        if own[name].shape != tensors[name].shape:
            raise CheckpointError(
                f"weight {name!r} has shape {tuple(tensors[name].shape)} in {path}, "
                f"the model needs {tuple(own[name].shape)}: it is from a model of another size"
            )
    with torch.no_grad():
        for name, weight in own.items():
            weight.copy_(tensors[name])


def _weights(model: torch.nn.Module) -> dict[str, Tensor]:
    """The parameters by name, a tied one once."""
    return dict(model.named_parameters())
