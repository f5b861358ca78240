"""Reading an exported graph node by node: each PyTorch operation by its rule.

Key idea: `torch.export` leaves about a hundred calls of twenty kinds. Views are PyTorch's own
operation on the places of the elements; whatever depends on weights alone is computed now and never
again; each other kind has a rule of a few lines. Chapter 14.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from grooves.hardware.dataflow.chip import Chip
from grooves.hardware.dataflow.lower import Lowering
from grooves.hardware.dataflow.numbers import Numbers
from grooves.hardware.dataflow.operations import ONE_INPUT, Operation, Tile
from grooves.hardware.dataflow.places import LANE_BITS, VIEWS, Cache, Constant, Where
from grooves.hardware.dataflow.steps import Step

PAIRS = ("add", "sub", "mul", "maximum")


@dataclass
class Lowered:
    """Operations in an order in which each comes after its inputs, and what they refer to."""

    operations: list[Operation]
    tiles: dict[str, Tile]
    memory: dict[str, np.ndarray]  # constants and tables
    state: dict[str, int]  # vectors that one word leaves to the next: name -> width
    caches: dict[str, tuple[int, int]]  # name -> (T, n)
    n_outputs: int
    n_calls: int  # PyTorch operations in the exported graph


def lower(step: Step, chip: Chip, numbers: Numbers) -> Lowered:
    """Export a step and turn it into operations.

    Raises: ValueError for a PyTorch operation without a rule; it names the operation.
    """
    with torch.no_grad():
        graph = torch.export.export(step.eval(), step.example(), strict=False)
        first = _Reader(graph, chip, numbers, {})
        second = _Reader(graph, chip, numbers, first.lowering.seen_homes)
    return second.result


class _Reader:
    def __init__(self, graph, chip: Chip, numbers: Numbers, homes: dict):
        self.lowering = Lowering(chip, numbers, homes)
        self.lowering.shapes = {}
        signature, constants = graph.graph_signature, dict(graph.state_dict)
        constants.update(graph.constants)
        named = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
        named.update(signature.inputs_to_lifted_tensor_constants)
        users = signature.user_inputs
        self.state, self.values, n_calls = {}, {}, 0
        for node in graph.graph.nodes:
            if node.op == "placeholder" and node.name in named:
                name = named[node.name]
                self.values[node] = Constant(constants[name].detach(), name)
            elif node.op == "placeholder":
                self.values[node] = self._input(node, users.index(node.name))
            elif node.op == "call_function":
                n_calls += 1
                stack = list((node.meta.get("nn_module_stack") or {"": ("", "")}).values())
                self.lowering.path = stack[-1][0]
                self.values[node] = self._call(node)
            elif node.op == "output":
                outputs = [self.values[n] for n in node.args[0]]
        self._finish(outputs)
        low = self.lowering
        self.result = Lowered(
            low.operations,
            low.tiles,
            low.memory,
            {n: len(w.places) for n, w in self.state.items() if isinstance(w, Where)},
            low.shapes,
            outputs[0].places.numel(),
            n_calls,
        )

    def _input(self, node, index: int):
        """word and position are names; a vector of the state is in memory; a matrix is a cache."""
        if index < 2:
            return ("word", "position")[index]
        shape = node.meta["val"].shape
        if len(shape) == 2:
            self.lowering.shapes[node.name] = tuple(shape)
            self.state[node.name] = Cache(node.name)
        else:
            source = self.lowering.source(node.name)
            self.state[node.name] = Where(torch.arange(shape[0]) + source * LANE_BITS + 1)
        return self.state[node.name]

    def _call(self, node):
        name = getattr(node.target, "__name__", str(node.target)).split(".")[0]
        args = torch.fx.map_arg(node.args, lambda n: self.values[n])
        tensors = [a for a in _flat(args) if isinstance(a, Where | Constant | Cache)]
        if name in VIEWS and isinstance(args[0], str):
            return args[0]  # a view of word or position
        if tensors and all(isinstance(t, Constant) for t in tensors) and not _index(args):
            made = node.target(*_replaced(args, lambda c: c.value), **node.kwargs)
            return _wrapped(made, lambda t: Constant(t, tensors[0].name))
        if name in VIEWS:
            return self._view(name, node, args)
        rule = getattr(self, f"_{name}", None)
        if rule is not None:
            return rule(*args, **node.kwargs)
        if name in ONE_INPUT:
            return self.lowering.elementwise(name, args[0])
        if name in PAIRS:
            return self._pair(name, *args)
        raise ValueError(f"no rule for the PyTorch operation {node.target} in {self.lowering.path}")

    def _view(self, name: str, node, args):
        if isinstance(args[0], Cache):
            if name in ("t", "numpy_T", "transpose", "permute"):
                return Cache(args[0].name, not args[0].transposed, args[0].after)
            raise ValueError(f"a cache may be transposed and multiplied, not changed by {name}")
        args = _replaced(args, self._places)
        return _wrapped(node.target(*args, **node.kwargs), Where)

    def _places(self, value) -> Tensor:
        """Places of a tensor; a constant that is joined to something else is put into memory."""
        if isinstance(value, Where):
            return value.places
        flat = value.value.reshape(-1).numpy()
        source = self.lowering.source(self.lowering.stored(f"{value.name}@vector", flat))
        return (torch.arange(len(flat)) + source * LANE_BITS + 1).reshape(value.value.shape)

    # --- rules --------------------------------------------------------------------------------

    def _pair(self, kind: str, a, b, **_):
        a, b = (
            float(v.value) if isinstance(v, Constant) and v.value.numel() == 1 else v
            for v in (a, b)
        )
        if isinstance(a, Where | Constant) and isinstance(b, Where | Constant):
            return self.lowering.elementwise(kind, a, b)
        if isinstance(a, Where):
            return self.lowering.elementwise(kind, a, scalar=float(b), first=False)
        return self.lowering.elementwise(kind, b, scalar=float(a), first=True)

    def _div(self, a, b):
        if not isinstance(b, Where):
            return self._pair(
                "mul", a, Constant(1 / b.value, b.name) if isinstance(b, Constant) else 1 / b
            )
        return self._pair("mul", a, self.lowering.elementwise("reciprocal", b))

    def _rsub(self, a, b):
        return self._pair("sub", b, a)

    def _pow(self, a, exponent):
        if exponent != 2:
            raise ValueError(f"a power of {exponent} has no rule; 2 has one")
        return self.lowering.elementwise("square", a)

    def _embedding(self, table, index, *_):
        return self.lowering.lookup(table, index)

    def _layer_norm(self, x, shape, weight=None, bias=None, eps=1e-5, *_):
        if weight is not None or bias is not None or len(shape) != 1:
            raise ValueError("layer_norm has a rule without weight and bias, over the last axis")
        return self.lowering.layer_norm(x, eps)

    def _linear(self, x, weight, bias=None):
        y = self.lowering.product(x, Constant(weight.value.T, weight.name))
        return y if bias is None else self._pair("add", y, bias)

    def _matmul(self, a, b):
        if isinstance(a, Where) and isinstance(b, Constant | Cache):
            return self.lowering.product(a, b)
        if isinstance(b, Where) and isinstance(a, Constant):
            return self.lowering.product(b, Constant(a.value.T, a.name))
        raise ValueError("a product needs a vector and a matrix of weights or a cache")

    _mv = _matmul

    def _sum(self, x, dim=None, keepdim=False, **_):
        return self._reduced(x, dim, keepdim, 1.0)

    def _mean(self, x, dim=None, keepdim=False, **_):
        if dim is None:
            return self._reduced(x, dim, keepdim, 1 / x.places.numel())
        return self._reduced(x, dim, keepdim, 1 / x.places.shape[-1])

    def _reduced(self, x, dim, keepdim, weight):
        if dim is None:
            return Where(
                self.lowering.total(Where(x.places.reshape(-1)), weight).places.reshape(())
            )
        if list(dim) not in ([-1], [x.places.dim() - 1]):
            raise ValueError(f"a sum has a rule over all axes or the last one, not over {dim}")
        total = self.lowering.total(x, weight)
        return total if keepdim else Where(total.places[..., 0])

    def _index_copy(self, cache, dim, position, row):
        return self.lowering.append(cache, row)

    # --- outputs ------------------------------------------------------------------------------

    def _finish(self, outputs) -> None:
        low = self.lowering
        low.path = "out"
        self._written(outputs[0], "logits")
        for (name, _old), new in zip(self.state.items(), outputs[1:], strict=True):
            if isinstance(new, Where):
                self._written(new, name)

    def _written(self, value: Where, name: str) -> None:
        low, (sources, lanes) = self.lowering, value.split()
        for source in dict.fromkeys(sources):
            here = np.flatnonzero(sources == source)
            mine = np.where(lanes[here] == -1, 0, lanes[here])
            data = dict(output=name, lanes=mine, elements=here)
            if name != "logits" and (mine != here).any():
                source, data["lanes"] = low.moved(int(source), mine, here), here
            low.emit("memory", "write", (int(source),), data=data)


def _flat(args):
    for a in args:
        if isinstance(a, list | tuple):
            yield from _flat(a)
        else:
            yield a


def _index(args) -> bool:
    return any(isinstance(a, str) and a in ("word", "position") for a in _flat(args))


def _replaced(args, change):
    if isinstance(args, list | tuple):
        return type(args)(_replaced(a, change) for a in args)
    return change(args) if isinstance(args, Where | Constant) else args


def _wrapped(made, wrap):
    return [wrap(m) for m in made] if isinstance(made, list | tuple) else wrap(made)
