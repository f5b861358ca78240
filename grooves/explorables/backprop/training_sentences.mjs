// What the explorable `backprop` says about training a formula, and about checking a gradient.

import { trace } from "./scalar.mjs";
import { show } from "./step_sentences.mjs";

const LITTLE = 0.001; // by how much a number is moved to try its gradient out
const NAMED = 3; // weights whose steps are written out

/** A gradient check of one variable: move it a little both ways and measure the slope. */
export function tried(graph, given, way, weights) {
  const name = weights[0] ?? graph.variables[0];
  const { id } = graph.nodes.find((node) => node.operation === "variable" && node.name === name);
  const [down, up] = [-LITTLE, LITTLE].map((by) => trace(graph, { ...given, [name]: given[name] + by }));
  if (down.fault || up.fault) return "";
  const slope = (up.values[graph.result.id] - down.values[graph.result.id]) / (2 * LITTLE);
  const called = graph.result.name ?? "the result";
  const grows = `${called} grows ${show(slope)} times as much`;
  return `Gradient check: when ${name} grows a little, ${grows}, and its gradient is ${show(way.gradients[id])}.`;
}

/** What some steps of training have done: the walks before and after.
 *
 * losses: all since the start, those of the last steps at their end.
 */
export function trainingSentence(before, after, { losses, steps, lr }) {
  const { graph, weights, gradients } = before;
  const called = graph.result.name ?? "The result";
  const now = weights.slice(0, NAMED).map((name) => `${name} = ${show(after.given[name])}`).join(", ");
  if (after.fault) return `Stopped: with ${now}, the formula cannot be computed. Start over with a smaller learning rate.`;
  const [from, to] = [losses.at(-1 - steps), losses.at(-1)];
  if (weights.every((name) => after.given[name] === before.given[name])) {
    return `Nothing has changed, because the gradient of every weight is 0. ${called} stays ${show(to)}.`;
  }
  const each = weights.slice(0, NAMED).map((name) => {
    const { id } = graph.nodes.find((node) => node.operation === "variable" && node.name === name);
    const gradient = gradients[id] < 0 ? `(${show(gradients[id])})` : show(gradients[id]);
    return `${name}: ${show(before.given[name])} − ${show(lr)} × ${gradient} = ${show(after.given[name])}.`;
  });
  const start = steps === 1 ? each.join(" ") : `${steps} steps later: ${now}.`;
  const advice = to > from ? " It has grown because the step was too large: try a smaller learning rate." : "";
  return `${start} ${called}: ${show(from)} → ${show(to)}.${advice}`;
}
