"""Which device back ends PyTorch has, which of them are here, and whether they compute the same.

Key idea: a program that names no maker runs on every back end that PyTorch reaches. Some are part
of a build of PyTorch, others come as a package of their own; the same training step on each of them
that is here shows whether the answer depends on whose device it was. Chapter 15.
Source: the PyTorch documentation, "torch.accelerator" and "torch.utils: PrivateUse1".
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

TOLERANCE = 1e-3  # of a loss, relative: sums are taken in another order on every device


@dataclass(frozen=True)
class Backend:
    """A back end: PyTorch's name of the device, whose hardware it is, and how one gets it."""

    device: str
    hardware: str
    reached: str


BACKENDS = (
    Backend("cpu", "any processor", "in every build"),
    Backend("cuda", "NVIDIA GPUs (CUDA)", "a build of PyTorch"),
    Backend("cuda", "AMD GPUs (ROCm), under the same name", "a build of PyTorch"),
    Backend("mps", "Apple GPUs (Metal)", "in the build for macOS"),
    Backend("xpu", "Intel GPUs", "a build of PyTorch"),
    Backend("mtia", "Meta's own inference chips", "not sold"),
    Backend("hpu", "Intel Gaudi", "a package of its own"),
    Backend("xla", "Google TPUs", "a package of its own, torch_xla"),
    Backend("privateuse1", "others, such as Huawei Ascend", "a package of its own"),
)


def built_in() -> dict[str, bool]:
    """The devices that this build of PyTorch was compiled for, by name."""
    return {
        "cpu": True,
        "cuda": torch.backends.cuda.is_built(),
        "mps": torch.backends.mps.is_built(),
        "xpu": torch.xpu._is_compiled(),
    }


def here() -> list[str]:
    """The devices that can be used on this machine: the CPU, and whatever accelerator there is."""
    found = ["cpu"]
    if torch.accelerator.is_available():
        found.append(torch.accelerator.current_accelerator().type)
    return found


def training_step(device: str, seed: int = 0) -> tuple[float, float]:
    """The loss before and after one step of a small network; written without any maker's name.

    Weights and inputs are drawn on the CPU, so every device gets the same.
    """
    generator = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(device)

    x, target = drawn(64, 16), drawn(64, 4)
    first, second = (nn.Parameter(0.3 * drawn(*shape)) for shape in ((16, 32), (32, 4)))
    losses = []
    for _ in range(2):
        loss = ((x @ first).relu() @ second - target).square().mean()
        losses.append(loss.item())
        for weight, gradient in zip(
            (first, second), torch.autograd.grad(loss, (first, second)), strict=True
        ):
            with torch.no_grad():
                weight -= 0.1 * gradient
    return losses[0], losses[1]


def compared() -> dict[str, float]:
    """The same training step on every device that is here.

    Returns: for each device, by how much its losses differ from the CPU's, relative, at most.
    """
    reference = training_step("cpu")
    found = {}
    for device in here():
        losses = training_step(device)
        found[device] = max(abs(a / b - 1) for a, b in zip(losses, reference, strict=True))
    return found
