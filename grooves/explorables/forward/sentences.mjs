// What the explorable `forward` says about each stage of the forward pass, with its numbers.

import { best } from "../shared/softmax.mjs";
import { FULL } from "./drawing.mjs";

export const number = (value, digits = 2) =>
  value.toFixed(digits).replace(/^-0(\.0*)?$/, (zero) => zero.slice(1)).replace("-", "−");
export const percent = (p) => {
  if (p < 0.001) return "< 0.1%";
  if (p > 0.999) return "> 99.9%";
  return `${(100 * p).toFixed(1)}%`;
};

/** The stages of the forward pass, in order. */
export const stages = (network) =>
  network.hasHidden ? ["picture", "sums", "relu", "logits", "probabilities"] : ["picture", "logits", "probabilities"];

/** One stage in words: what is computed there, and what came out. */
export function explain(stage, network, pixels, run, neuron) {
  const inked = pixels.filter((ink) => ink > 0).length;
  const n = network.weights[0][0].length;
  const winner = best(run.logits);
  switch (stage) {
    case "picture":
      return inked
        ? `The picture is 64 numbers: the ink of each pixel, from 0 to 1. ${inked} of them are above 0.`
        : "The picture is 64 zeros: nothing is drawn yet.";
    case "sums":
      return (
        `Each of the ${n} hidden neurons computes the dot product of the 64 inputs with its own 64 ` +
        `weights and adds its bias. For neuron ${neuron + 1}, the result is ${number(run.sums[0][neuron])}.`
      );
    case "relu": {
      const on = run.hidden.filter((value) => value > 0).length;
      return `The activation function ReLU replaces negative numbers with 0. ${on} of ${n} neurons are active.`;
    }
    case "logits":
      return network.hasHidden
        ? `Ten output neurons do the same with the ${n} activations of the hidden layer. Their results ` +
            `are the logits. The largest is ${number(run.logits[winner])}, for ${winner}.`
        : "Ten neurons, one for each digit: the dot product of the picture with the mean picture of the " +
            "digit, plus a bias that makes up for the mean picture's ink. The largest logit is " +
            `${number(run.logits[winner])}, for ${winner}.`;
    default:
      return `Softmax turns the logits into probabilities: positive numbers that add up to 1. The ${winner} has ${percent(run.probabilities[winner])}.`;
  }
}

/** The sum of one neuron of the first layer, written out. */
export function account(network, pixels, run, neuron) {
  const stencil = network.stencil(neuron);
  const products = pixels.map((ink, i) => (ink / FULL) * stencil[i]);
  const add = (keep) => products.filter(keep).reduce((sum, product) => sum + product, 0);
  const [up, down, bias] = [add((p) => p > 0), add((p) => p < 0), network.biases[0][neuron]];
  const sum = run.sums[0][neuron];
  const signed = (value) => `${value < 0 ? "−" : "+"} ${number(Math.abs(value))}`;
  const end = network.hasHidden
    ? sum > 0
      ? " It is positive, so ReLU passes it on."
      : " It is not positive, so ReLU replaces it with 0."
    : "";
  return (
    `${number(up)} from ink under positive weights, ${number(down)} from ink under negative weights, ` +
    `bias ${signed(bias).replace("+ ", "")}: the sum is ${number(sum)}.${end}`
  );
}

/** What the network predicts, for the line under the picture. */
export function answer(pixels, run, label) {
  if (!pixels.some((ink) => ink > 0)) return "Draw a digit, or choose one.";
  const winner = best(run.probabilities);
  const said = `The network predicts ${winner}, with a probability of ${percent(run.probabilities[winner])}.`;
  if (label === null) return said;
  return label === winner ? `${said} The writer meant ${label} as well.` : `${said} The writer meant ${label}.`;
}
