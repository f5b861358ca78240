"""How a model is divided between devices, and what each of them must then store.

Key idea: a weight costs 16 bytes in training, of which 12 are the optimizer's. Tensor and pipeline
parallelism divide all of it; data parallelism divides nothing by itself, and ZeRO lets it divide
the optimizer's part, then the gradients, then the weights. Activations come on top, and a pipeline
holds those of several micro-batches. The sum is a lower bound: a program has buffers and gaps too.
Chapters: 13, 15.
Source: Rajbhandari et al. 2020, arXiv:1910.02054 (ZeRO); Korthikanti et al. 2022, arXiv:2205.05198
(activations); Narayanan et al. 2021, arXiv:2104.04473 (one forward, one backward).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from grooves.hardware.many_devices.dense import Dense


@dataclass(frozen=True)
class Plan:
    """How a model and its batch are divided.

    data, tensor, pipeline: devices that divide the batch, each matrix, the layers; their product is
    the number of devices. micro_batches: that each pipeline takes one after another. zero: stage 0
    to 3. chunks: parts of the layers that each stage has in turn (interleaved pipeline).
    """

    data: int = 1
    tensor: int = 1
    pipeline: int = 1
    micro_batches: int = 1
    zero: int = 0
    recompute: str = "selective"
    chunks: int = 1

    @property
    def n_devices(self) -> int:
        """Devices that the plan needs."""
        return self.data * self.tensor * self.pipeline


def state_bytes(parameters: float, data: int = 1, zero: int = 0) -> float:
    """Bytes of weights, gradients and Adam's state on one device, in mixed precision.

    2 for a weight, 2 for its gradient and 12 for the optimizer (a 32-bit weight and two moments).
    ZeRO 1 divides the 12 between the data-parallel devices, ZeRO 2 the gradients too, ZeRO 3 all.
    Raises: ValueError for another stage.
    """
    if zero not in (0, 1, 2, 3):
        raise ValueError(f"{zero=} must be 0, 1, 2 or 3")
    weights, gradients, optimizer = (
        each / (data if zero >= stage else 1) for each, stage in ((2, 3), (2, 2), (12, 1))
    )
    return parameters * (weights + gradients + optimizer)


def memory_bytes(model: Dense, plan: Plan, sequences: float) -> float:
    """Bytes on the fullest device of a pipeline that does one forward, one backward.

    sequences: of a micro-batch. The first stage stores the activations of as many micro-batches as
    there are stages; the last one has the logits.
    """
    layers = math.ceil(model.n_layer / plan.pipeline)
    ends = model.head_parameters * (2 - model.tied if plan.pipeline == 1 else 1)
    mine = (layers * model.layer_parameters + ends) / plan.tensor
    kept = layers * model.activation_bytes(sequences, plan.tensor, plan.recompute)
    if plan.recompute == "full":  # the layer that is being recomputed
        kept += model.activation_bytes(sequences, plan.tensor)
    in_flight = min(plan.micro_batches, plan.pipeline)
    logits = model.logits_bytes(sequences, plan.tensor)
    activations = max(in_flight * kept, kept + logits) if plan.pipeline > 1 else kept + logits
    return state_bytes(mine, plan.data, plan.zero) + activations
