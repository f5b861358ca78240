"""The explorable `backprop` in JupyterLab: the backward pass through your own formula.

Key idea: what the page does number by number is what `grooves.models.autograd` does with arrays. So
the same formula can be parsed here, with Python's own grammar, and the two compared.
Chapter 02.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import traitlets

from grooves.explorables.shared.widget import Explorable
from grooves.models.autograd import Tensor, in_order

EXPRESSION = "loss = (relu(w*x + b) - y)^2"
VALUES = {"w": 3.0, "x": 2.0, "b": -1.0, "y": 3.0}

_BINARY = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide"}
_FUNCTIONS = ("relu", "tanh", "exp", "log")


@dataclass(eq=False)
class Node:
    """One operation, variable or constant of a formula.

    operation: as in operations.mjs. tensor: its value, and after `backward` its gradient. inputs:
    what it is computed from. name: of a variable or of a line's result, else empty.
    """

    operation: str
    tensor: Tensor
    inputs: list[Node] = field(default_factory=list)
    name: str = ""
    exponent: float | None = None

    @property
    def value(self) -> float:
        """The number that was computed."""
        return float(self.tensor)

    @property
    def gradient(self) -> float | None:
        """The derivative of the result with respect to this number; None for a constant."""
        return None if self.tensor.grad is None else float(self.tensor.grad)


def read(expression: str, values: Mapping[str, float]) -> list[Node]:
    """The nodes of a formula in the order of its text, after forward and backward pass; the result
    last.

    expression: lines (or parts divided by ";") such as `loss = (w*x - y)^2`, as on the page.
    values: a number for every variable.
    Raises: ValueError for a text that is not a formula or has no value.
    """
    reading = _Reading(values)
    text = expression.replace("^", "**").replace(";", "\n")
    try:
        lines = ast.parse("\n".join(line.strip() for line in text.splitlines())).body
        if not lines:
            raise ValueError("the formula is empty: give one such as loss = (w*x - y)^2")
        with np.errstate(all="ignore"):  # what goes wrong is reported below
            result = [reading.line(line) for line in lines][-1]
            if not math.isfinite(result.value):
                raise ValueError(f"{expression!r} is not a finite number at {dict(values)}")
            result.tensor.backward()
    except SyntaxError as error:
        raise ValueError(f"{expression!r} is not a formula: {error.msg}") from None
    used = {id(tensor) for tensor in in_order(result.tensor)}
    constants = {id(one) for node in reading.nodes for one in node.inputs if not one.inputs}
    return [n for n in reading.nodes if id(n.tensor) in used or id(n) in constants]


class _Reading:
    """Computes the nodes of Python's syntax tree one after the other."""

    def __init__(self, values: Mapping[str, float]):
        self.values, self.nodes, self.named = values, [], {}

    def line(self, line: ast.stmt) -> Node:
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            name, node = line.targets[0].id, self.node(line.value)
            if name in self.named:
                raise ValueError(f"{name!r} has been used before: choose another name")
            if not node.inputs or node.name:
                raise ValueError(f"{name!r} would be only another name: give it a computation")
            node.name, self.named[name] = name, node
            return node
        if isinstance(line, ast.Expr):
            return self.node(line.value)
        raise ValueError(f"{ast.unparse(line)!r} is not a line of a formula")

    def node(self, tree: ast.expr) -> Node:
        match tree:
            case ast.Constant(value=bool() | str() | bytes() | complex() | None):
                pass
            case ast.Constant(value=number):
                return self.keep(Node("constant", Tensor(float(number), parents=[])))
            case ast.Name(id=name):
                return self.named.get(name) or self.variable(name)
            case ast.UnaryOp(op=ast.USub(), operand=inside):
                return self.result("negate", [self.node(inside)], lambda a: -a)
            case ast.UnaryOp(op=ast.UAdd(), operand=inside):
                return self.node(inside)
            case ast.BinOp(left=base, op=ast.Pow(), right=exponent):
                base, exponent = self.node(base), self.node(exponent)
                if exponent.operation != "constant":
                    raise ValueError("the exponent must be a number: write exp(y*log(x)) for x^y")
                node = self.result("power", [base], lambda a: a**exponent.value)
                node.exponent = exponent.value
                return node
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                compute = {
                    "add": lambda a, b: a + b,
                    "subtract": lambda a, b: a - b,
                    "multiply": lambda a, b: a * b,
                    "divide": lambda a, b: a / b,
                }
                name = _BINARY[type(op)]
                return self.result(name, [self.node(left), self.node(right)], compute[name])
            case ast.Call(func=ast.Name(id=name), args=[inside]) if name in _FUNCTIONS:
                return self.result(name, [self.node(inside)], lambda a: getattr(a, name)())
        raise ValueError(f"{ast.unparse(tree)!r} is not part of a formula")

    def variable(self, name: str) -> Node:
        if name not in self.values:
            raise ValueError(f"{name!r} has no value: give values={{{name!r}: 0.5, ...}}")
        self.named[name] = self.keep(Node("variable", Tensor(float(self.values[name])), name=name))
        return self.named[name]

    def result(self, operation: str, inputs: list[Node], compute) -> Node:
        """A node of an operation; if all inputs are constants, it is a constant, as on the page."""
        tensor = compute(*(node.tensor for node in inputs))
        if not tensor.needs_grad:
            return self.keep(Node("constant", tensor))
        return self.keep(Node(operation, tensor, inputs))

    def keep(self, node: Node) -> Node:
        self.nodes.append(node)
        return node


class Backprop(Explorable):
    """A widget in which a formula is stepped through, forward and backward, and trained.

    expression: the formula, see `read`. values: a number for each of its variables, changed by
    training. trained: names of the variables that are weights; None takes those that begin with w
    or b. lr: the learning rate. step: how many steps are done. ask: whether the reader is asked
    before each step of the backward pass. The rest belongs to the network: points, hidden
    (neurons), activation, seed (of its initial weights), rate, momentum, plane (of the loss
    surface), axes (of the plane "weights": the places of two weights).
    Raises: ValueError as `read`; TraitError for a value that does not fit.
    """

    module = "backprop"

    expression = traitlets.Unicode(EXPRESSION).tag(sync=True)
    values = traitlets.Dict(VALUES).tag(sync=True)
    trained = traitlets.List(traitlets.Unicode(), None, allow_none=True).tag(sync=True)
    lr = traitlets.Float(0.05, min=0.001, max=10.0).tag(sync=True)
    step = traitlets.Int(0, min=0).tag(sync=True)
    ask = traitlets.Bool(False).tag(sync=True)
    points = traitlets.Enum(("moons", "circles", "xor"), "moons").tag(sync=True)
    hidden = traitlets.Int(8, min=1, max=16).tag(sync=True)
    activation = traitlets.Enum(("tanh", "relu"), "tanh").tag(sync=True)
    seed = traitlets.Int(1).tag(sync=True)
    rate = traitlets.Float(0.5, min=0.01, max=100.0).tag(sync=True)
    momentum = traitlets.Float(0.0, min=0.0, max=0.95).tag(sync=True)
    plane = traitlets.Enum(("path", "random", "weights"), "path").tag(sync=True)
    axes = traitlets.List(traitlets.Int(min=0), [0, 1], minlen=2, maxlen=2).tag(sync=True)

    def __init__(self, expression: str = EXPRESSION, values: Mapping | None = None, **choices):
        if values is None and expression == EXPRESSION:
            values = VALUES
        values = {name: float(number) for name, number in (values or {}).items()}
        read(expression, values)
        super().__init__(expression=expression, values=values, **choices)

    def gradients(self) -> dict[str, float]:
        """The gradient of the result with respect to every variable, by
        `grooves.models.autograd`."""
        nodes = read(self.expression, self.values)
        return {node.name: node.gradient for node in nodes if node.operation == "variable"}


def state() -> dict:
    """All that the front-end module starts from, for a page without a kernel."""
    return Backprop.defaults()
