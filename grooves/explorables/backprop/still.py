"""The still picture of the explorable `backprop`, for readers without scripts and for print.

Key idea: the formula's graph after its forward and backward pass, each card with its value above
and its gradient below, as the page shows it after the last step; computed with
`grooves.models.autograd`. The cards stand where graph_layout.mjs puts them. Chapter 02.
"""

from __future__ import annotations

from collections.abc import Mapping

from grooves.explorables.backprop.widget import Node, read
from grooves.explorables.shared.svg import INK, MARGIN, MODEL, SOFT, WIDTH, card, text

VALUE, GRADIENT = MODEL, "#9c4400"
CARD_WIDTH, CARD_HEIGHT, ROW, TOP = 78, 72, 92, 92
SYMBOLS = {"add": "+", "subtract": "−", "multiply": "×", "divide": "÷", "negate": "neg"}


def layout(nodes: list[Node]) -> tuple[list[list[float]], list[dict]]:
    """Column and row of every node, and the edges with their bends, as in graph_layout.mjs.

    nodes: of `read`, each after its inputs, the result last.
    Returns: [column, row] by node; edges as {"from", "to", "input", "bends"}.
    """
    place = {id(node): i for i, node in enumerate(nodes)}
    users: list[list[int]] = [[] for _ in nodes]
    for i, node in enumerate(nodes):
        for one in node.inputs:
            users[place[id(one)]].append(i)
    distance = [0] * len(nodes)  # to the result, the longest way
    for i in reversed(range(len(nodes))):
        distance[i] = max((distance[user] + 1 for user in users[i]), default=0)
    column = [max(distance) - far for far in distance]
    nearest = [[u for u in users[i] if column[u] == column[i] + 1] for i in range(len(nodes))]
    at: list[list[float]] = [[c, 0.0] for c in column]
    edges: list[dict] = []
    placed = set()

    def block(i: int) -> tuple[list[list[float]], dict[int, tuple[float, float]]]:
        """Place a node above its inputs: the nodes that move together, and their rows by column."""
        members, span, middles = [], {}, []
        for number, one in enumerate(nodes[i].inputs):
            j = place[id(one)]
            edge = {"from": j, "to": i, "input": number, "bends": []}
            edges.append(edge)
            if nearest[j][:1] == [i] and j not in placed:
                placed.add(j)
                part, rows = block(j)
            else:
                edge["bends"] = part = [[c, 0.0] for c in range(column[j] + 1, column[i])]
                rows = {c: (0.0, 0.0) for c, _ in part}
                if not part:
                    continue
            gaps = [span[c][1] + 1 - top for c, (top, _) in rows.items() if c in span]
            shift = max([0.0, *gaps])
            for member in part:
                member[1] += shift
            for c, (top, bottom) in rows.items():
                above = span[c][0] if c in span else top + shift
                span[c] = (min(above, top + shift), bottom + shift)
            members += part
            middles.append(edge["bends"][-1][1] if edge["bends"] else at[j][1])
        at[i][1] = (middles[0] + middles[-1]) / 2 if middles else 0.0
        span[column[i]] = (at[i][1], at[i][1])
        return [*members, at[i]], span

    members, _ = block(len(nodes) - 1)
    highest = min(row for _, row in members)
    for member in members:
        member[1] -= highest
    return at, edges


def draw(expression: str, values: Mapping[str, float]) -> str:
    """A picture (SVG) of a formula's graph with every value and every gradient."""
    nodes = read(expression, values)
    at, edges = layout(nodes)
    columns = max(c for c, _ in at)
    pitch = (WIDTH - 2 * MARGIN - CARD_WIDTH) / max(1, columns)

    def middle(place: list[float]) -> tuple[float, float]:
        return MARGIN + CARD_WIDTH / 2 + place[0] * pitch, TOP + CARD_HEIGHT / 2 + place[1] * ROW

    lines, cards = [], []
    for edge in edges:
        ends = [at[edge["from"]], *edge["bends"], at[edge["to"]]]
        places = [middle(end) for end in ends]
        n = len(nodes[edge["to"]].inputs)
        port = 22 * (edge["input"] - (n - 1) / 2) if n > 1 else 0
        (x, y), (end_x, end_y) = places[0], places[-1]
        places[0], places[-1] = (x + CARD_WIDTH / 2, y), (end_x - CARD_WIDTH / 2, end_y + port)
        lines.append(_curve(places))
    for node, place in zip(nodes, at, strict=True):
        cards += _card(node, *middle(place))
    bottom = TOP + CARD_HEIGHT + max(row for _, row in at) * ROW
    formula = expression.replace("*", " × ").replace("-", "−").replace("^2", "²")
    below = "below: gradient of the loss"
    head = [
        text(MARGIN, 34, formula, 17, INK, weight=600),
        text(MARGIN, 62, "above: value", 13, VALUE, weight=600),
        text(MARGIN + 105, 62, below, 13, GRADIENT, weight=600),
    ]
    return card([*head, *lines, *cards], round(bottom + MARGIN))


def _curve(places: list[tuple[float, float]]) -> str:
    (x, y), *rest = places
    path = f"M{x:.1f} {y:.1f}"
    for to_x, to_y in rest:
        bend = (x + to_x) / 2
        path += f"C{bend:.1f} {y:.1f} {bend:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
        x, y = to_x, to_y
    head = f'<path d="M{x - 8:.1f} {y - 4:.1f}L{x:.1f} {y:.1f}L{x - 8:.1f} {y + 4:.1f}z"'
    return (
        f'<path d="{path}" fill="none" stroke="{SOFT}" stroke-width="1.5"/>{head} fill="{SOFT}"/>'
    )


def _card(node: Node, x: float, y: float) -> list[str]:
    leaf = not node.inputs
    symbol = SYMBOLS.get(node.operation, node.operation)
    if node.operation == "power":
        symbol = f"^ {node.exponent:g}"
    named = node.name and not leaf
    box = (
        f'<rect x="{x - CARD_WIDTH / 2:.1f}" y="{y - CARD_HEIGHT / 2:.1f}" width="{CARD_WIDTH}" '
        f'height="{CARD_HEIGHT}" rx="{14 if leaf else 7}" fill="#f5f7f9" stroke="{SOFT}"/>'
    )
    if node.operation == "constant":
        return [box, _centred(x, y + 5, _number(node.value), 16, INK)]
    return [
        box,
        _centred(x, y - 20, _number(node.value), 13, VALUE),
        _centred(x, y + (-1 if named else 5), node.name if leaf else symbol, 16, INK),
        *([_centred(x, y + 13, node.name, 11, SOFT)] if named else []),
        _centred(x, y + 30, _number(node.gradient), 13, GRADIENT),
    ]


def _centred(x: float, y: float, words: str, size: float, ink: str) -> str:
    return text(x, y, words, size, ink, anchor="middle", weight=600)


def _number(x: float) -> str:
    return f"{x:.4g}".replace("-", "−")
