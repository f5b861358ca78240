// What the explorable `forward` says about each stage of the way, with its numbers.

import { best } from "../shared/softmax.mjs";
import { FULL } from "./drawing.mjs";

export const number = (value, digits = 2) =>
  value.toFixed(digits).replace(/^-0(\.0*)?$/, (zero) => zero.slice(1)).replace("-", "−");
export const percent = (share) => {
  if (share < 0.001) return "< 0.1%";
  if (share > 0.999) return "> 99.9%";
  return `${(100 * share).toFixed(1)}%`;
};

/** The stages of the way through a network, in order. */
export const stages = (network) =>
  network.hasHidden ? ["picture", "sums", "relu", "logits", "shares"] : ["picture", "logits", "shares"];

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
        `Each of ${n} hidden neurons multiplies the 64 numbers by its own 64 weights, adds them up, ` +
        `and adds its bias. Neuron ${neuron + 1} gets ${number(run.sums[0][neuron])}.`
      );
    case "relu": {
      const on = run.hidden.filter((value) => value > 0).length;
      return `ReLU: what is negative becomes 0. ${on} of ${n} neurons hand something on.`;
    }
    case "logits":
      return network.hasHidden
        ? `Ten output neurons do the same with the ${n} numbers of the hidden layer. These are the ` +
            `logits. The largest is ${number(run.logits[winner])}, for ${winner}.`
        : "Ten neurons, one for each digit: the picture's 64 numbers times the mean picture of the " +
            "digit, added up, less what the mean pays for its ink. The largest sum is " +
            `${number(run.logits[winner])}, for ${winner}.`;
    default:
      return `Softmax makes shares of the logits, positive and 1 in all. The ${winner} gets ${percent(run.shares[winner])}.`;
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
      ? " It is positive, so the ReLU hands it on."
      : " It is not positive, so the ReLU makes it 0."
    : "";
  return (
    `${number(up)} of ink where the weights are positive, ${number(down)} where they are negative, ` +
    `bias ${signed(bias).replace("+ ", "")}: together ${number(sum)}.${end}`
  );
}

/** What the network answers, for the line under the picture. */
export function answer(pixels, run, label) {
  if (!pixels.some((ink) => ink > 0)) return "Draw a digit, or choose one.";
  const winner = best(run.shares);
  const said = `It reads ${winner}, with ${percent(run.shares[winner])}.`;
  if (label === null) return said;
  return label === winner ? `${said} The writer meant ${label}, too.` : `${said} The writer meant ${label}.`;
}
