// Reverse-mode automatic differentiation of a formula, one number per node, kept step by step.
//
// Key idea: forward, every node is computed from its inputs, and its value is kept. Backward, every
// node passes its gradient on to its inputs, each time multiplied by the slope
// of that one operation. Where a node has several users, their gradients add up. Chapter 02.

import { FormulaError, OPERATIONS, compute } from "./operations.mjs";

const MOST = 1e300; // beyond this a step does not go: what is no number could not be shown

/** Everything that happens to a formula's graph in the forward and the backward pass.
 *
 * graph: of `read`. given: { name: number } for every variable.
 * Returns: {
 *   values: a number for each node, as far as they could be computed,
 *   forward: the nodes that are computed, in their order,
 *   fault: the FormulaError that stopped the forward pass, or null,
 *   backward: for each computed node, result first, { node, gradient, passes }, where a pass is
 *     { to, input, slope, amount, before, again }: amount = gradient * slope goes to the node `to`, the
 *     input of this number, which had `before`; again: whether it had been reached already,
 *   gradients: a number for each node: by how much the result grows with it; for constants null }.
 */
export function trace(graph, given) {
  const { nodes, result } = graph;
  const values = [];
  const forward = nodes.filter((node) => node.inputs.length);
  const numbers = (node) => node.inputs.map((input) => values[input.id]);
  let fault = null;
  try {
    for (const node of nodes) {
      if (node.operation === "variable") values.push(given[node.name]);
      else if (node.operation === "constant") values.push(node.value);
      else values.push(compute(node, numbers(node)));
    }
  } catch (error) {
    if (!(error instanceof FormulaError)) throw error;
    fault = error;
  }
  if (fault) return { values, forward, fault, backward: [], gradients: [] };

  const gradients = nodes.map((node) => (node.operation === "constant" ? null : 0));
  gradients[result.id] = 1;
  const met = new Set(); // the nodes that some gradient has reached
  // Each node stands after its inputs, so from the end every node comes after all its users.
  const backward = [...forward].reverse().map((node) => {
    const gradient = gradients[node.id];
    const slopes = OPERATIONS[node.operation].slopes(numbers(node), values[node.id], node);
    const passes = [];
    node.inputs.forEach((to, i) => {
      if (to.operation === "constant") return;
      const amount = gradient * slopes[i];
      passes.push({ to, input: i, slope: slopes[i], amount, before: gradients[to.id], again: met.has(to) });
      gradients[to.id] += amount;
      met.add(to);
    });
    return { node, gradient, passes };
  });
  return { values, forward, fault, backward, gradients };
}

/** The gradients that are known after so many steps back; the first step is the result's own. */
export function known(graph, { backward }, steps) {
  const found = graph.nodes.map(() => null);
  if (steps > 0) found[graph.result.id] = 1;
  for (const { passes } of backward.slice(0, Math.max(0, steps - 1))) {
    for (const { to, amount } of passes) found[to.id] = (found[to.id] ?? 0) + amount;
  }
  return found;
}

/** The weights one step downhill: each minus lr times its gradient. Other numbers stay. */
export function descend(graph, given, gradients, trained, lr) {
  const moved = { ...given };
  for (const { operation, name, id } of graph.nodes) {
    if (operation === "variable" && trained.includes(name)) moved[name] = Math.max(-MOST, Math.min(MOST, moved[name] - lr * gradients[id]));
  }
  return moved;
}
