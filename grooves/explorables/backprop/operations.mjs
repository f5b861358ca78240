// What a formula is computed with: for each operation, a line for the forward pass and one for the backward pass.
//
// Key idea: an operation uses only its own numbers. `value` computes the result from the inputs;
// `slopes` says, for each input, by how much the result grows where that input grows by a little.
// Chapter 02; the same rules as in grooves/models/autograd.py.

/** A fault in a formula: one sentence, and the place (from 0) of the character where it shows. */
export class FormulaError extends Error {
  constructor(sentence, at) {
    super(sentence);
    this.at = at;
  }
}

export function fail(sentence, at = 0) {
  throw new FormulaError(sentence, at);
}

/** symbol: as it is drawn; typed: as it is typed, where that differs.
 * value(inputs, _, node), slopes(inputs, result, node): numbers.
 */
export const OPERATIONS = {
  add: { symbol: "+", value: ([a, b]) => a + b, slopes: () => [1, 1] },
  subtract: { symbol: "−", typed: "-", value: ([a, b]) => a - b, slopes: () => [1, -1] },
  multiply: { symbol: "×", typed: "*", value: ([a, b]) => a * b, slopes: ([a, b]) => [b, a] },
  divide: { symbol: "÷", typed: "/", value: ([a, b]) => a / b, slopes: ([a, b]) => [1 / b, -a / b ** 2] },
  negate: { symbol: "neg", typed: "-", value: ([a]) => -a, slopes: () => [-1] },
  power: {
    symbol: "^",
    value: ([a], _, { exponent: n }) => a ** n,
    slopes: ([a], _, { exponent: n }) => [n ? n * a ** (n - 1) : 0],
  },
  relu: { symbol: "relu", value: ([a]) => Math.max(a, 0), slopes: ([a]) => [a > 0 ? 1 : 0] },
  tanh: { symbol: "tanh", value: ([a]) => Math.tanh(a), slopes: (_, out) => [1 - out ** 2] },
  exp: { symbol: "exp", value: ([a]) => Math.exp(a), slopes: (_, out) => [out] },
  log: { symbol: "log", value: ([a]) => Math.log(a), slopes: ([a]) => [1 / a] },
};

/** What an operation cannot do with its numbers, as a sentence without its place; or nothing. */
function fault({ operation, exponent }, [a, b]) {
  if (operation === "divide" && b === 0) return "divides by zero";
  if (operation === "log" && a <= 0) return `takes the logarithm of ${plain(a)}, which must be positive`;
  if (operation !== "power") return "";
  if (a === 0 && exponent < 0) return "divides by zero: zero to a negative exponent";
  if (a < 0 && !Number.isInteger(exponent)) return `takes the root of a negative number, ${plain(a)}`;
  return "";
}

const plain = (x) => String(Number(x.toPrecision(4))).replace("-", "−");

/** The value of a node's operation. Throws FormulaError for numbers that it cannot take. */
export function compute(node, inputs) {
  const { symbol, typed = symbol, value } = OPERATIONS[node.operation];
  const subject = `“${typed}” at position ${node.at + 1}`;
  const wrong = fault(node, inputs);
  if (wrong) fail(`${subject} ${wrong}.`, node.at);
  const result = value(inputs, null, node);
  if (!Number.isFinite(result)) fail(`${subject} makes a number too large for the computer.`, node.at);
  return result;
}
