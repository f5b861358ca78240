// Steps through a formula: how far the reader has come in both passes, and which numbers are known there.
//
// Key idea: a step is a number. First one step for each operation of the forward pass; then one step
// in which the result gets its own gradient, 1; then one for each operation of the backward pass.
// Chapter 02.

import { known, trace } from "./scalar.mjs";
import { backwardSentence, firstGradient, forwardSentence } from "./step_sentences.mjs";
import { tried } from "./training_sentences.mjs";

export class Walk {
  /** graph: of `read`; given: a number for each variable; weights: names of those that may move. */
  constructor(graph, given, weights) {
    Object.assign(this, { graph, given, weights }, trace(graph, given));
  }

  get result() {
    return this.values[this.graph.result.id];
  }

  /** The step at which the forward pass ends; where something cannot be computed, before that. */
  get turn() {
    return this.forward.filter(({ id }) => id < this.values.length).length;
  }

  get last() {
    return this.fault ? this.turn : this.turn + 1 + this.backward.length;
  }

  /** What the step after this one hands back, or undefined where it hands nothing back. */
  next(step) {
    return this.backward[step - this.turn - 1];
  }

  /** What is known and what happens at a step, for the picture and the table. */
  at(step) {
    const { graph, values, forward, turn, weights } = this;
    const done = new Set(forward.slice(0, step));
    const now = this.next(step - 1);
    const active = now?.node ?? (step > turn ? graph.result : forward[step - 1]);
    return {
      graph,
      values: graph.nodes.map((node) => (node.inputs.length && !done.has(node) ? null : (values[node.id] ?? null))),
      gradients: known(graph, this, step - turn),
      trained: weights,
      forward: step <= turn,
      active: active ?? null,
      passes: now?.passes ?? [],
    };
  }

  /** How far it is, in words. */
  count(step) {
    const { turn, last, forward } = this;
    return step <= turn ? `Forward: ${step} of ${forward.length} steps` : `Backward: ${step - turn} of ${last - turn} steps`;
  }

  /** What happens at a step, in words and numbers. */
  sentence(step) {
    const { graph, given, values, turn, last, forward, fault, weights } = this;
    if (step === 0) return fault ? "" : "Press “Step forward” to compute one node at a time.";
    if (step <= turn) {
      const end = step === turn && !fault ? " The forward pass is complete: now step backward." : "";
      return `${forwardSentence(forward[step - 1], values)}${end}`;
    }
    const now = this.next(step - 1);
    const said = now ? backwardSentence(now, values) : firstGradient(graph);
    return step < last ? said : `${said} ${tried(graph, given, this, weights)}`;
  }
}
