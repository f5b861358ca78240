"""The explorable `backprop`: its numbers are those of the course's autograd and of PyTorch."""

import itertools
import random

import numpy as np
import pytest
import torch

from grooves.explorables.backprop import still as still_backprop
from grooves.explorables.backprop.widget import EXPRESSION, VALUES, read
from grooves.models.autograd import finite_differences
from grooves.training import gradient_descent

# ---- a formula -----------------------------------------------------------------------------------

WALK = """
async (cases) => {
  const { read } = await import("/backprop/formula.mjs");
  const { trace } = await import("/backprop/scalar.mjs");
  const { layout } = await import("/backprop/graph_layout.mjs");
  return cases.map(([text, given]) => {
    const graph = read(text);
    const { values, gradients, fault } = trace(graph, given);
    const nodes = graph.nodes.map(({ operation, name, inputs, id }) => {
      const from = inputs.map((input) => input.id);
      return { operation, name: name ?? "", from, value: values[id], gradient: gradients[id] };
    });
    return { nodes, fault: fault?.message ?? null, at: fault?.at, drawn: layout(graph) };
  });
}
"""


def random_formula(rng):
    """A formula of one to three lines, and a number for each of its variables."""
    lines, names = [], []

    def part_of(depth):
        if depth == 0 or rng.random() < 0.15:
            known = [*names, "w", "w1", "x", "b", "y"]
            return (
                rng.choice(known) if rng.random() < 0.8 else rng.choice(["2", "0.5", ".25", "3e-1"])
            )
        a, b = part_of(depth - 1), part_of(depth - 1)
        gap = rng.choice(["", " "])
        return rng.choice(
            [
                *(f"{a}{gap}{sign}{gap}{b}" for sign in "+-*/"),
                f"({a} {rng.choice('+-')} {b}){gap}*{gap}{a}",
                f"{rng.choice(['relu', 'tanh', 'tanh', 'exp', 'log'])}({a})",
                f"({a}){rng.choice(['^', '**'])}{rng.choice(['2', '3', '-1', '(1/2)', '-2'])}",
                f"-{a}^2",
                f"-({a})",
            ]
        )

    for name in rng.sample(["h", "g"], rng.randrange(3)):
        lines.append(f"{name} = tanh({part_of(2)})")
        names.append(name)
    total = " + ".join(["", *names])  # so that every line is used
    lines.append(f"loss = ({part_of(3)}){total}")
    numbers = {name: rng.uniform(-2, 2) for name in ("w", "w1", "x", "b", "y")}
    return rng.choice(["\n", "; "]).join(lines), numbers


def random_formulas(n, seed):
    """Formulas with a finite result and a gradient that rounding leaves alone."""
    rng, kept = random.Random(seed), []
    while len(kept) < n:
        text, numbers = random_formula(rng)
        try:
            nodes = read(text, numbers)
        except ValueError:
            continue  # the logarithm of a negative number, or no variable in it
        sizes = [abs(node.gradient or 0) for node in nodes] + [abs(node.value) for node in nodes]
        if nodes[-1].inputs and np.isfinite(sizes).all() and max(sizes) < 1e4 and len(nodes) < 40:
            kept.append((text, numbers))
    return kept


def test_every_value_and_gradient_of_a_formula_equals_autograds(modules):
    cases = random_formulas(150, seed=1)
    found = modules.evaluate(WALK, cases)
    operations = set()
    for (text, numbers), walk in zip(cases, found, strict=True):
        assert walk["fault"] is None, text
        expected = read(text, numbers)
        place = {id(node): i for i, node in enumerate(expected)}
        for node, other in zip(walk["nodes"], expected, strict=True):
            assert (node["operation"], node["name"]) == (other.operation, other.name), text
            assert node["from"] == [place[id(one)] for one in other.inputs]
            assert node["value"] == pytest.approx(other.value, rel=1e-9, abs=1e-9), text
            if node["operation"] != "constant":
                assert node["gradient"] == pytest.approx(other.gradient, rel=1e-9, abs=1e-9), text
            operations.add(node["operation"])
    assert len(operations) == 12, "every operation was among them"


def test_gradients_of_a_formula_equal_finite_differences(modules):
    cases = [case for case in random_formulas(60, seed=2) if "relu" not in case[0]][:40]
    found = modules.evaluate(WALK, cases)
    compared = 0
    for (text, numbers), walk in zip(cases, found, strict=True):
        names = list(numbers)

        def result(x, text=text, names=names):
            return read(text, dict(zip(names, x, strict=True)))[-1].value

        try:
            slopes = finite_differences(result, np.array([numbers[name] for name in names]), 1e-5)
        except ValueError:
            continue  # at the border of what has a logarithm or a root
        gradients = {
            n["name"]: n["gradient"] for n in walk["nodes"] if n["operation"] == "variable"
        }
        for name, slope in zip(names, slopes, strict=True):
            assert gradients.get(name, 0) == pytest.approx(slope, rel=1e-3, abs=1e-3), text
            compared += name in gradients
    assert compared > 50


def test_a_formula_is_trained_by_the_steps_of_the_courses_descent(modules):
    names, lr = ["w", "b"], 0.03
    path = modules.evaluate(
        """async ([text, given, names, lr]) => {
          const { read } = await import("/backprop/formula.mjs");
          const { descend, trace } = await import("/backprop/scalar.mjs");
          const [graph, path] = [read(text), []];
          for (let i = 0; i < 20; i++) {
            given = descend(graph, given, trace(graph, given).gradients, names, lr);
            path.push(given);
          }
          return path;
        }""",
        [EXPRESSION, VALUES, names, lr],
    )
    values = dict(VALUES)
    for found in path:
        tensors = {node.name: node.tensor for node in read(EXPRESSION, values)}
        gradient_descent.SGD([tensors[name] for name in names], lr).step()
        values |= {name: float(tensors[name]) for name in names}
        assert found == pytest.approx(values, rel=1e-9)
    assert values["w"] != VALUES["w"] and values["x"] == VALUES["x"]


WRONG = {
    "": ("Type a formula, such as", 0),
    "w & x": ("“&” at position 3 has no meaning here", 2),
    "2x": ("Between “2” and “x” at position 2 an operator is missing", 1),
    "(w x)": ("Between “w” and “x” at position 4 an operator is missing", 3),
    "w*x +": ("A number or a name is missing at the end", 5),
    "(w*) - x": ("A number or a name is missing before “)” at position 4", 3),
    "tanh(w*x": ("The “(” at position 5 is never closed", 4),
    "w*x)": ("The “)” at position 4 closes nothing", 3),
    "sin(x)": ("“sin” at position 1 is no function known here, unlike relu, tanh", 0),
    "2*tanh x": ("“tanh” at position 3 needs a number in parentheses", 2),
    "x^w": ("The exponent after position 2 must be a number", 1),
    "w*x = y": ("Before the “=” at position 5 there must be one name alone", 4),
    "w = w*x": ("“w” at position 1 has been used before", 0),
    "h = w*x; x^2": ("“h” is not used in the last line", 5),
    "h = x\nh^2": ("“h” at position 1 would be only another name", 0),
    "exp = x*x": ("“exp” at position 1 is a function", 0),
    "2 + 3": ("The formula has no variable", 0),
    "x": ("it is one variable alone", 0),
    "x/(1-1)": None,  # a fault of its numbers, not of its form: see below
    "1/0 + x": ("“/” at position 2 divides by zero", 1),
    "+".join("x" * 45): ("more than 40 parts", 79),
}
UNCOMPUTABLE = [
    ("1/(x - x)", {"x": 1}, "“/” at position 2 divides by zero.", 1),
    ("x/(1-1)", {"x": 1}, "“/” at position 2 divides by zero.", 1),
    ("2 + log(x)", {"x": -1.5}, "takes the logarithm of −1.5, which must be positive.", 4),
    ("x^-1", {"x": 0}, "divides by zero: zero to a negative exponent.", 1),
    ("x^0.5", {"x": -2}, "takes the root of a negative number, −2.", 1),
    ("exp(exp(x))", {"x": 9}, "“exp” at position 1 makes a number too large", 0),
]


def test_a_fault_in_a_formula_is_told_in_one_sentence_with_its_place(modules):
    wrong = {text: told for text, told in WRONG.items() if told}
    found = modules.evaluate(
        """async (texts) => {
          const { read } = await import("/backprop/formula.mjs");
          return texts.map((text) => {
            try { read(text); } catch (error) { return [error.message, error.at]; }
            return null;
          });
        }""",
        list(wrong),
    )
    for (text, (words, at)), told in zip(wrong.items(), found, strict=True):
        assert told is not None, text
        assert words in told[0] and told[1] == at, (text, told)
        assert told[0].count(". ") == 0 and told[0].endswith("."), told
    walks = modules.evaluate(WALK, [[text, given] for text, given, *_ in UNCOMPUTABLE])
    for (text, _, words, at), walk in zip(UNCOMPUTABLE, walks, strict=True):
        assert words in walk["fault"] and walk["at"] == at, (text, walk["fault"])
        assert all(isinstance(n["value"], float | int | None) for n in walk["nodes"])


def test_cards_stand_where_python_puts_them_and_never_on_each_other(modules):
    cases = [(EXPRESSION, VALUES), *random_formulas(80, seed=3)]
    bent = 0
    for (text, numbers), walk in zip(cases, modules.evaluate(WALK, cases), strict=True):
        at, edges = still_backprop.layout(read(text, numbers))
        assert walk["drawn"]["at"] == at, text
        assert walk["drawn"]["edges"] == edges, text
        bends = [bend for edge in edges for bend in edge["bends"]]
        places = sorted([*at, *bends])
        for (column, row), (next_column, next_row) in itertools.pairwise(places):
            assert column != next_column or next_row - row >= 1, text
        for edge in edges:
            assert at[edge["from"]][0] < at[edge["to"]][0], text
        bent += bool(bends)
    assert bent > 10


# ---- a network -----------------------------------------------------------------------------------

CASES = [(1, "tanh"), (8, "tanh"), (8, "relu"), (16, "relu")]


def in_torch(weights, hidden, activation, x, y, labels):
    """PyTorch's mean loss of the page's network, whose weights lie in one row."""
    inner = weights[: 3 * hidden].reshape(hidden, 3)
    z = torch.stack([x, y], -1) @ inner[:, :2].T + inner[:, 2]
    a = torch.tanh(z) if activation == "tanh" else torch.relu(z)
    scores = a @ weights[3 * hidden : 4 * hidden] + weights[4 * hidden]
    return torch.nn.functional.binary_cross_entropy_with_logits(scores, labels)


def tensors(points):
    return [torch.tensor(points[name], dtype=torch.float64) for name in ("x", "y", "labels")]


@pytest.mark.parametrize(("hidden", "activation"), CASES)
def test_the_networks_loss_and_gradient_equal_pytorchs(modules, hidden, activation):
    found = modules.evaluate(
        """async ([hidden, activation]) => {
          const { firstWeights, gradient } = await import("/backprop/classifier.mjs");
          const { points } = await import("/backprop/points.mjs");
          return ["moons", "circles", "xor"].map((set, seed) => {
            const made = points(set, seed);
            const first = firstWeights(hidden, activation, seed);
            const weights = first.map((w, i) => 3 * w + 0.1 * (i % 3));
            const { loss, gradient: slopes } = gradient(weights, hidden, activation, made);
            const [x, y, labels] = [made.x, made.y, made.labels].map((all) => [...all]);
            return { weights: [...weights], points: { x, y, labels }, loss, gradient: [...slopes] };
          });
        }""",
        [hidden, activation],
    )
    for case in found:
        weights = torch.tensor(case["weights"], dtype=torch.float64, requires_grad=True)
        loss = in_torch(weights, hidden, activation, *tensors(case["points"]))
        loss.backward()
        assert case["loss"] == pytest.approx(loss.item(), rel=1e-9)
        np.testing.assert_allclose(case["gradient"], weights.grad, rtol=1e-6, atol=1e-9)
        assert weights.grad.abs().max() > 1e-3, "gradients this small would match anything"


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_training_takes_the_steps_of_pytorchs_sgd(modules, momentum):
    found = modules.evaluate(
        """async (momentum) => {
          const { Training } = await import("/backprop/classifier.mjs");
          const { points } = await import("/backprop/points.mjs");
          const choices = { hidden: 5, activation: "tanh", seed: 3 };
          const training = new Training(points("moons"), choices);
          for (let i = 0; i < 60; i++) training.step(0.3, momentum);
          const { x, y, labels } = training.points;
          return {
            points: { x: [...x], y: [...y], labels: [...labels] },
            path: training.path.map((weights) => [...weights]),
            losses: training.losses,
          };
        }""",
        momentum,
    )
    weights = torch.tensor(found["path"][0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([weights], lr=0.3, momentum=momentum)
    for place, loss in zip(found["path"], found["losses"], strict=True):
        np.testing.assert_allclose(place, weights.detach(), rtol=1e-6, atol=1e-9)
        expected = in_torch(weights, 5, "tanh", *tensors(found["points"]))
        assert loss == pytest.approx(expected.item(), rel=1e-6)
        optimizer.zero_grad()
        expected.backward()
        optimizer.step()
    assert found["losses"][-1] < 0.6 * found["losses"][0]


def test_the_points_need_hidden_neurons_and_eight_are_enough(modules):
    found = modules.evaluate(
        """async () => {
          const { Training } = await import("/backprop/classifier.mjs");
          const { SETS, points } = await import("/backprop/points.mjs");
          const shares = (hidden) => SETS.map((set) => {
            const training = new Training(points(set), { hidden, activation: "tanh", seed: 1 });
            for (let i = 0; i < 400; i++) training.step(0.5, 0.9);
            return training.judge().accuracy;
          });
          return [shares(1), shares(8)];
        }"""
    )
    assert max(found[0]) < 0.93
    assert min(found[1]) > 0.98


SURFACE = """
async (kind) => {
  const { Training } = await import("/backprop/classifier.mjs");
  const { points } = await import("/backprop/points.mjs");
  const { Surface, plane, project } = await import("/backprop/surface.mjs");
  const training = new Training(points("moons"), { hidden: 4, activation: "relu", seed: 2 });
  const steps = kind === "no path yet" ? 0 : 900;
  for (let i = 0; i < steps; i++) training.step(0.2, 0.5);
  const shown = plane(steps ? kind : "path", training, { two: [3, 14] });
  const surface = new Surface(shown, training);
  while (!surface.finished) surface.advance();
  const { x, y, labels } = training.points;
  const path = [...training.path, training.weights];
  const plain = (list) => [...list];
  return {
    origin: plain(shown.origin), first: plain(shown.first), second: plain(shown.second),
    places: [[0, 0], [7, 22], [30, 30]].map(([i, k]) => {
      return [surface.at(i, k), surface.losses[31 * k + i]];
    }),
    points: { x: plain(x), y: plain(y), labels: plain(labels) },
    path: path.map(plain), kept: training.path.length, shadows: project(shown, path),
    grid: project(shown, path).map((place) => surface.where(place)),
  };
}
"""


@pytest.mark.parametrize("kind", ["path", "random", "weights", "no path yet"])
def test_the_loss_surface_is_the_loss_at_its_places(modules, kind):
    found = modules.evaluate(SURFACE, kind)
    origin, first, second, path = (
        np.array(found[k]) for k in ("origin", "first", "second", "path")
    )
    points = tensors(found["points"])
    for (a, b), loss in found["places"]:
        weights = torch.tensor(origin + a * first + b * second)
        assert loss == pytest.approx(float(in_torch(weights, 4, "relu", *points)), rel=1e-9)
    shadows = np.array(found["shadows"])
    # The nearest place of the plane: what is left is at right angles to it.
    rest = path - origin - shadows @ np.stack([first, second])
    assert np.abs(rest @ np.stack([first, second]).T).max() < 1e-8 * max(1, np.abs(path).max())
    now = found["grid"][-1]
    assert all(0 <= n <= 30 for n in now), "where the weights are now is on the map"
    if kind == "random":
        for direction in (first, second):  # each neuron's part is as long as its weights
            for j in range(4):
                own = slice(3 * j, 3 * j + 3)
                assert np.linalg.norm(direction[own]) == pytest.approx(
                    np.linalg.norm(path[-1][own])
                )
            assert np.linalg.norm(direction[12:]) == pytest.approx(np.linalg.norm(path[-1][12:]))
        assert np.abs(rest[-1]).max() == 0
    elif kind == "weights":
        np.testing.assert_allclose(shadows, path[:, [3, 14]], atol=1e-12)
    else:
        assert np.abs(rest[[0, -1]]).max() < 1e-9, "the start and now lie on the plane"
        if kind == "path":
            far = np.linalg.norm(path - path[0] - np.outer((path - path[0]) @ first, first), axis=1)
            assert np.abs(rest[far.argmax()]).max() < 1e-9, "and the place farthest aside"
            assert 200 <= found["kept"] <= 400, "a long path is thinned"


def test_a_line_of_equal_loss_goes_where_the_loss_is_that(modules):
    pieces = modules.evaluate(
        """async () => {
          const { contours } = await import("/backprop/surface.mjs");
          const height = (_, n) => Math.hypot((n % 41) - 20, Math.floor(n / 41) - 20);
          const heights = Array.from({ length: 41 * 41 }, height);
          return contours(heights, 41, [5, 12, 99]);
        }"""
    )
    for level, lines in zip((5, 12), pieces, strict=False):
        ends = np.array(lines).reshape(-1, 2) - 20
        np.testing.assert_allclose(np.linalg.norm(ends, axis=1), level, atol=0.05)
        length = np.linalg.norm(np.diff(np.array(lines).reshape(-1, 2, 2), axis=1), axis=-1).sum()
        assert length == pytest.approx(2 * np.pi * level, rel=0.02), "the whole way round"
    assert pieces[2] == []
