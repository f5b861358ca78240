// A formula as the reader types it, read into a graph of operations.
//
// Key idea: a name stands for one node, wherever it occurs; so what is used twice is one node with
// two users, and gradients that come back to it add up. Chapter 02.
//
// A formula is one or more lines `name = sum` (or parts divided by ";"), of which the last is the
// result. Operators as in mathematics: ^ before the sign, the sign before * and /, then + and -.

import { compute, fail } from "./operations.mjs";

export const FUNCTIONS = ["relu", "tanh", "exp", "log"];
const MOST_NODES = 40; // that fit on a page
const LONGEST = 300; // characters

const PART = /(\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?)|([a-z_]\w*)|(\*\*|[-+*/^()=;\n])/iy;

/** The numbers, names and signs of a text: [{ kind, text, at }], with an end mark. */
function parts(text) {
  const found = [];
  for (let at = 0; at < text.length; at = PART.lastIndex) {
    PART.lastIndex = at;
    const match = PART.exec(text);
    if (!match) {
      if (!/[^\S\n]/.test(text[at])) fail(`“${text[at]}” at position ${at + 1} has no meaning here.`, at);
      PART.lastIndex = at + 1;
      continue;
    }
    const kind = match[1] ? "number" : match[2] ? "name" : "sign";
    const sign = match[0] === "**" ? "^" : match[0] === "\n" ? ";" : match[0];
    found.push({ kind, text: sign, at });
  }
  return [...found, { kind: "end", text: "", at: text.length }];
}

/** Reads the parts of one formula and collects the nodes of its graph. */
class Reader {
  nodes = [];
  named = new Map(); // name: node

  constructor(text) {
    this.source = text;
    this.parts = parts(text);
    this.next = 0;
  }

  get here() {
    return this.parts[this.next];
  }

  /** Take the next part if it is this sign. */
  takes(sign) {
    if (this.here.kind !== "sign" || this.here.text !== sign) return false;
    this.next++;
    return true;
  }

  read() {
    let result = null;
    do {
      while (this.takes(";"));
      if (this.here.kind === "end") break;
      result = this.line();
    } while (this.takes(";"));
    const { kind, text, at } = this.here;
    if (text === ")") fail(`The “)” at position ${at + 1} closes nothing.`, at);
    if (text === "=") fail(`Before the “=” at position ${at + 1} there must be one name alone.`, at);
    if (kind !== "end") fail(`Between “${this.parts[this.next - 1].text}” and “${text}” at position ${at + 1} an operator is missing; to multiply, write *.`, at);
    if (!result) fail("Type a formula, such as loss = (w*x - y)^2.");
    return result;
  }

  /** name = sum, or a sum without a name. */
  line() {
    const name = this.here;
    const assigned = name.kind === "name" && this.parts[this.next + 1].text === "=";
    if (!assigned) return this.sum();
    if (FUNCTIONS.includes(name.text)) fail(`“${name.text}” at position ${name.at + 1} is a function and cannot be given a value.`, name.at);
    this.next += 2;
    const value = this.sum();
    if (this.named.has(name.text)) fail(`“${name.text}” at position ${name.at + 1} has been used before: choose another name for the result.`, name.at);
    if (value.operation === "variable" || value.operation === "constant" || value.name) {
      fail(`“${name.text}” at position ${name.at + 1} would be only another name: let it be computed by an operation.`, name.at);
    }
    value.name = name.text;
    this.named.set(name.text, value);
    return value;
  }

  sum() {
    let left = this.product();
    for (;;) {
      const { at } = this.here;
      if (this.takes("+")) left = this.node("add", [left, this.product()], at);
      else if (this.takes("-")) left = this.node("subtract", [left, this.product()], at);
      else return left;
    }
  }

  product() {
    let left = this.signed();
    for (;;) {
      const { at } = this.here;
      if (this.takes("*")) left = this.node("multiply", [left, this.signed()], at);
      else if (this.takes("/")) left = this.node("divide", [left, this.signed()], at);
      else return left;
    }
  }

  signed() {
    const { at } = this.here;
    if (this.takes("-")) return this.node("negate", [this.signed()], at);
    if (this.takes("+")) return this.signed();
    return this.power();
  }

  power() {
    const base = this.atom();
    const { at } = this.here;
    if (!this.takes("^")) return base;
    const exponent = this.signed();
    if (exponent.operation !== "constant") fail(`The exponent after position ${at + 1} must be a number: for x^y, write exp(y*log(x)).`, at);
    return this.node("power", [base], at, { exponent: exponent.value });
  }

  atom() {
    const { kind, text, at } = this.here;
    if (kind === "number") {
      this.next++;
      return this.#keep({ operation: "constant", value: Number(text), inputs: [], at });
    }
    if (kind === "name") {
      this.next++;
      const called = this.here.text === "(";
      if (FUNCTIONS.includes(text)) {
        if (!called) fail(`“${text}” at position ${at + 1} needs a number in parentheses, as in ${text}(x).`, at);
        return this.node(text, [this.inParentheses()], at);
      }
      if (called) fail(`“${text}” at position ${at + 1} is no function known here, unlike ${FUNCTIONS.join(", ")}; to multiply, write *.`, at);
      if (!this.named.has(text)) this.named.set(text, this.node("variable", [], at, { name: text }));
      return this.named.get(text);
    }
    if (text === "(") return this.inParentheses();
    const what = kind === "end" ? "at the end" : `before “${text === ";" ? "the end of the line" : text}” at position ${at + 1}`;
    return fail(`A number or a name is missing ${what}.`, at);
  }

  inParentheses() {
    const { at } = this.here;
    this.takes("(");
    const inside = this.sum();
    if (this.takes(")")) return inside;
    const { kind, text, at: there } = this.here;
    const open = kind === "end" || text === ";";
    if (open) fail(`The “(” at position ${at + 1} is never closed.`, at);
    return fail(`Between “${this.parts[this.next - 1].text}” and “${text}” at position ${there + 1} an operator is missing; to multiply, write *.`, there);
  }

  /** A node of the graph; one that is computed from constants alone is a constant itself. */
  node(operation, inputs, at, more = {}) {
    const made = { operation, inputs, at, ...more };
    if (inputs.length && inputs.every((input) => input.operation === "constant")) {
      const value = compute(made, inputs.map((input) => input.value));
      return this.#keep({ operation: "constant", value, inputs: [], at });
    }
    return this.#keep(made);
  }

  #keep(node) {
    if (this.nodes.length >= MOST_NODES) fail(`The formula has more than ${MOST_NODES} parts, too many to draw.`, node.at);
    this.nodes.push(node);
    return node;
  }
}

/** Read a formula. Returns { nodes, result, variables }.
 *
 * nodes: every node after its inputs, the result last. A node has `operation`, `inputs` (nodes),
 * `name` where it has one, `exponent` for a power, `value` for a constant, `id` (its place).
 * variables: names in the order in which they occur. Throws FormulaError.
 */
export function read(text) {
  if (text.length > LONGEST) fail(`The formula has ${text.length} characters, at most ${LONGEST} fit.`, LONGEST);
  const reader = new Reader(text);
  const result = reader.read();
  const reached = new Set();
  const visit = (node) => {
    if (reached.has(node)) return;
    node.inputs.forEach(visit);
    reached.add(node);
  };
  visit(result);
  const idle = reader.nodes.find((node) => node.name && node.inputs.length && !reached.has(node));
  if (idle) fail(`“${idle.name}” is not used in the last line: use it there or take it out.`, idle.at);
  const nodes = reader.nodes.filter((node) => reached.has(node)); // in the order of the text
  const variables = nodes.filter((node) => node.operation === "variable").map((node) => node.name);
  if (!variables.length) fail("The formula has no variable, so nothing could be changed.");
  if (result.operation === "variable") fail("The formula computes nothing: it is one variable alone.");
  nodes.forEach((node, id) => (node.id = id));
  return { nodes, result, variables };
}
