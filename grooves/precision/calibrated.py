"""GPTQ: rounding that makes up for its own errors, on the inputs that a layer really gets.

Key idea: a weight is rounded for good, and the weights of its row that are not rounded yet are
moved so that the layer's output changes least. How far each moves follows from which inputs occur
together, so a few texts are needed: the calibration data.
Chapter 12. Source: Frantar et al. 2023, arXiv:2210.17323, algorithm 1, without its blocks of
columns, which change the speed and not the result.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from grooves.language.stories import Stories
from grooves.models.transformer import Transformer
from grooves.precision.quantize import Scheme, dequantize, dequantized, quantize, quantized
from grooves.training import lineage


def gptq(weight: Tensor, inputs: Tensor, bits: int, group: int | None = None) -> Tensor:
    """A matrix rounded to integers with scales, column by column; errors are passed on.

    weight: (R, C). inputs: (N, C), what the layer was given. group: columns that share a scale;
    None for one scale per row. Returns: the dequantised matrix, (R, C).
    Source: Frantar et al. 2023, section 3.3; damping of 1 % as there.
    """
    n_columns = weight.size(1)
    second = inputs.double().mT @ inputs.double()  # which inputs occur together, (C, C)
    second += 0.01 * second.diagonal().mean() * torch.eye(n_columns, device=second.device)
    upper = torch.linalg.cholesky(torch.linalg.inv(second), upper=True)  # (C, C)
    left, result = weight.double().clone(), torch.empty_like(weight)
    limit = 2 ** (bits - 1) - 1
    for column in range(n_columns):
        if column % (group or n_columns) == 0:  # a new group: its scale, from what is left to round
            part = left[:, column : column + (group or n_columns)]
            scales = (part.abs().amax(1) / limit).bfloat16().double()
            scales[scales == 0] = 1
        w = left[:, column]
        rounded = (w / scales).round().clamp(-limit, limit) * scales
        error = (w - rounded) / upper[column, column]
        left[:, column + 1 :] -= torch.outer(error, upper[column, column + 1 :])
        result[:, column] = rounded
    return result


def calibrated(model: Transformer, ids: Tensor, bits: int, group: int | None = None) -> Transformer:
    """A copy of a model whose blocks' matrices went through `gptq`, in the order of the layers.

    ids: (B, T), texts for calibration. Each layer is calibrated on what it gets from the layers
    before it after they were rounded. The embedding is rounded to int8.
    """
    small = with_embedding_in_8_bits(model)
    for block in small.blocks:
        layers = [module for module in block.modules() if isinstance(module, nn.Linear)]
        for layer in layers:
            inputs = layer_inputs(small, layer, ids)
            with torch.no_grad():
                layer.weight.copy_(gptq(layer.weight, inputs, bits, group))
    return small.eval()


def nearest(model: Transformer, bits: int, group: int | None = None) -> Transformer:
    """The same with each weight rounded to the nearest level, to compare `calibrated` with."""
    scheme = Scheme(f"int{bits}", group or "row")
    return dequantized(quantized(model, scheme, {"embedding": Scheme("int8")}))


def texts(language: Stories, n_batches: int = 10, seed: int = 77) -> Tensor:
    """Stories for calibration, cut to the shortest so that nothing is padded: ids (B, T)."""
    data = lineage.new_data(language, n_stories=lineage.BATCH * n_batches, seed=seed)
    found = [data.batch(i) for i in range(n_batches)]
    shortest = min(int((targets >= 0).sum(1).min()) for _, targets in found)
    return torch.cat([ids[:, :shortest] for ids, _ in found])


def with_embedding_in_8_bits(model: Transformer) -> Transformer:
    """A copy of a model whose embedding is rounded to int8, one scale per row."""
    small = copy.deepcopy(model)
    codes, scales = quantize(small.embedding.weight, Scheme("int8"))
    with torch.no_grad():
        small.embedding.weight.copy_(dequantize(codes, scales, small.embedding.weight.shape))
    return small


@torch.no_grad()
def layer_inputs(model: Transformer, layer: nn.Module, ids: Tensor) -> Tensor:
    """What one layer is given while the model reads texts: (B, T) -> (B T, C)."""
    seen = []
    hook = layer.register_forward_hook(lambda _, args, __: seen.append(args[0]))
    try:
        model(ids)
    finally:
        hook.remove()
    return seen[0].flatten(0, -2)
