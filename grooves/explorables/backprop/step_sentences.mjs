// What the explorable `backprop` says about a step through a formula, in words and numbers.
//
// Key idea: what the picture shows is also said in one or two sentences with the numbers, so that
// nobody needs the picture. Chapter 02.

import { OPERATIONS } from "./operations.mjs";

const LONGEST = 26; // characters of a part of the formula that is quoted in full
const SUPERSCRIPTS = { "-": "⁻", ...Object.fromEntries([..."⁰¹²³⁴⁵⁶⁷⁸⁹"].map((sign, i) => [i, sign])) };

/** A number for people: four digits at most, a real minus, powers of ten where it is tiny or huge. */
export function show(x) {
  if (x === null || x === undefined) return "";
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "no number" : x > 0 ? "∞" : "−∞";
  const size = Math.abs(x);
  if (size !== 0 && (size < 0.001 || size >= 100_000)) {
    const [digits, power] = x.toExponential(1).split("e");
    const raised = [...String(Number(power))].map((sign) => SUPERSCRIPTS[sign]).join("");
    const factor = digits.replace("-", "−").replace(".0", "");
    return factor === "1" ? `10${raised}` : `${factor}·10${raised}`;
  }
  const rounded = size >= 1000 ? Math.round(x) : Number(x.toPrecision(4));
  return String(rounded + 0).replace("-", "−");
}

/** A number inside a computation: in parentheses where a sign would stand beside a sign. */
const inside = (x) => (x < 0 ? `(${show(x)})` : show(x));

const RANK = { add: 1, subtract: 1, negate: 2, multiply: 3, divide: 3, power: 4 };

/** The formula of one operation on texts that stand for its inputs. */
function written({ operation, exponent }, [a, b]) {
  const { symbol } = OPERATIONS[operation];
  if (operation === "negate") return `−${a}`;
  if (operation === "power") return exponent === 2 ? `${a}²` : `${a}^${inside(exponent)}`;
  return operation in RANK ? `${a} ${symbol} ${b}` : `${symbol}(${a})`;
}

/** A part of the formula as it could be written, its named parts by their names. */
function wholeText(node, top = true) {
  if (node.name && (!top || !node.inputs.length)) return node.name;
  if (node.operation === "constant") return show(node.value);
  const texts = node.inputs.map((input, i) => {
    const text = wholeText(input, false);
    const [outer, inner] = [RANK[node.operation], input.name ? 9 : (RANK[input.operation] ?? 9)];
    const second = i === 1 && (node.operation === "subtract" || node.operation === "divide");
    const loose = inner < outer || (second && inner === outer) || (inner === 2 && outer);
    return loose || (input.operation === "constant" && input.value < 0 && outer) ? `(${text})` : text;
  });
  return written(node, texts);
}

/** How a node is called in a sentence: by its name, else by its formula while that is short. */
export function nameOf(node) {
  if (node.name) return node.name;
  const text = wholeText(node);
  return text.length <= LONGEST ? text : `the result of “${OPERATIONS[node.operation].symbol}”`;
}

/** A node's formula in names, for the table. */
export const formulaOf = (node) => (node.inputs.length ? wholeText(node) : "");

/** The computation of one node, in names and in numbers. */
export function forwardSentence(node, values) {
  const result = values[node.id];
  const numbers = node.inputs.map((input) => values[input.id]);
  const computed = written(node, numbers.map((x, i) => (i === 0 && !["power", "negate"].includes(node.operation) ? show(x) : inside(x))));
  const names = wholeText(node);
  const said = [node.name, names.length <= LONGEST ? names : "", computed, show(result)];
  const sentence = `${said.filter((text, i) => text && text !== said[i - 1]).join(" = ")}.`;
  if (node.operation === "relu") {
    return `${sentence} ${numbers[0] > 0 ? "A positive number passes unchanged." : "A number that is not positive becomes 0."}`;
  }
  if (node.operation === "tanh" && Math.abs(result) > 0.9) return `${sentence} This close to ±1, tanh is almost flat.`;
  return sentence;
}

/** Why the gradient is multiplied by this slope, for input number i of a node: a text, and its sum. */
function reason(node, i, values) {
  const [a, b] = node.inputs.map((input) => values[input.id]);
  const out = values[node.id];
  const n = node.exponent;
  return {
    multiply: () => `the other factor, ${nameOf(node.inputs[1 - i])} = ${show([b, a][i])}`,
    divide: () => (i ? `the slope, −${inside(a)} ÷ ${inside(b)}²` : `the slope, 1 ÷ ${inside(b)}`),
    power: () => (n === 2 ? `the slope, 2 × ${inside(a)}` : `the slope, ${show(n)} × ${inside(a)}^${inside(n - 1)}`),
    tanh: () => `the slope, 1 − ${inside(out)}²`,
    exp: () => `the slope, which is its own result, ${show(out)}`,
    log: () => `the slope, 1 ÷ ${show(a)}`,
  }[node.operation]?.();
}

/** What one node does with its gradient. */
export function backwardSentence({ node, gradient, passes }, values) {
  const arrived = `The gradient of ${nameOf(node)} is ${show(gradient)}.`;
  const parts = passes.map(({ to, input, slope, amount }, order) => {
    const name = nameOf(to);
    switch (node.operation) {
      case "add":
        return order ? `and ${show(amount)} to ${name}.` : `A sum passes it on unchanged: ${show(amount)} to ${name}${passes.length > 1 ? "" : "."}`;
      case "subtract":
        return input ? `${name} is subtracted, so it gets the gradient with the opposite sign: ${show(amount)}.` : `${name} gets it unchanged: ${show(amount)}.`;
      case "negate":
        return `The sign flips: ${show(amount)} for ${name}.`;
      case "relu":
        return slope ? `The input was positive, so the gradient passes unchanged: ${show(amount)} for ${name}.` : `The input was not positive, so no gradient passes: 0 for ${name}.`;
      default: {
        const sum = `${inside(gradient)} × ${inside(slope)} = ${show(amount)}`;
        return `For ${name} it is multiplied by ${reason(node, input, values)}: ${sum}.`;
      }
    }
  });
  const sums = passes.filter(({ again }) => again).map(({ to, before, amount }) => {
    return `${nameOf(to)} had ${show(before)} from another use: ${show(before)} + ${inside(amount)} = ${show(before + amount)}.`;
  });
  return [arrived, ...parts, ...sums].join(" ");
}

/** How the backward pass begins. */
export function firstGradient(graph) {
  const name = graph.result.name ?? "the result";
  return `The backward pass begins at ${name}. If ${name} grows by 1, ${name} grows by 1, so its own gradient is 1.`;
}

/** Whether an answer is the gradient, or which mistake it looks like. { right, text }
 *
 * node: that hands on its gradient; pass: of which the gradient afterwards is asked.
 */
export function judgeAnswer(answer, { node, gradient, pass }, values) {
  const { to, input, slope, amount, before, again } = pass;
  const expected = before + amount;
  const is = (x) => Math.abs(answer - x) <= 0.01 * Math.abs(x) + 1e-9 || (x !== 0 && show(answer) === show(x));
  const name = nameOf(to);
  if (is(expected)) return { right: true, text: "Right." };
  if (again && is(amount)) return wrong(`That is the gradient from this use alone. ${name} already had ${show(before)}, and the two are added.`);
  if (is(-expected)) return wrong("The size is right, but the sign is not.");
  if (slope === 0) return wrong("How flat is the operation at this input? Does any gradient pass?");
  if (node.operation === "multiply" && is(before + gradient * values[to.id])) {
    return wrong(`That is the gradient times ${name}'s own value. Multiply by the other factor instead: it says how much ${name} matters.`);
  }
  if (is(gradient)) return wrong(`That is the gradient of “${OPERATIONS[node.operation].symbol}” itself. To get that of ${name}, multiply it by the slope.`);
  if (is(slope)) return wrong("That is the slope alone. Multiply it by the gradient of this operation.");
  const rule = reason(node, input, values);
  if (rule) return wrong(`Not yet. Multiply the gradient, ${show(gradient)}, by ${rule}.${again ? ` Then add the ${show(before)} that ${name} already has.` : ""}`);
  return wrong(`Not yet. Does “${OPERATIONS[node.operation].symbol}” change the gradient ${show(gradient)} that ${name} gets?${again ? ` And ${name} already has ${show(before)}.` : ""}`);
}

const wrong = (text) => ({ right: false, text });
