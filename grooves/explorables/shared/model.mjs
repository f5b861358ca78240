// The transformer of grooves/models/transformer.py once more, for one text, in the reader's browser.
//
// Key idea: a word is read once. Its keys and values are kept, so the next word costs one pass
// through the weights and one look back. Reads the same checkpoint file as the course does.
// Letters as everywhere: C channels, D channels of a head, V words. Chapter 04.

import { softmax } from "./softmax.mjs";

const EPSILON = 1e-5; // of PyTorch's layer_norm
const ROTATION_BASE = 1000; // of rotation_angles
const KINDS = { F32: Float32Array, I8: Int8Array };

/** A checkpoint (safetensors): its config, and its weights by name as typed arrays.
 *
 * bytes: a DataView. The file is a length, that many bytes of JSON, then the numbers.
 */
export function readCheckpoint(bytes) {
  if (bytes.byteLength < 8) throw new Error("the checkpoint is empty");
  const headerLength = Number(bytes.getBigUint64(0, true));
  const start = bytes.byteOffset + 8;
  const text = new TextDecoder().decode(new Uint8Array(bytes.buffer, start, headerLength));
  const { __metadata__: notes, ...entries } = JSON.parse(text);
  const weights = {};
  for (const [name, { dtype, data_offsets: offsets }] of Object.entries(entries)) {
    const kind = KINDS[dtype];
    if (!kind) throw new Error(`weight ${name} is ${dtype}, this page reads ${Object.keys(KINDS).join(" and ")}`);
    const [from, to] = offsets.map((offset) => start + headerLength + offset);
    weights[name] = new kind(bytes.buffer.slice(from, to)); // a copy, so aligned
  }
  return { config: JSON.parse(notes.grooves).config, weights };
}

/** Mean 0 and variance 1 over the channels from..to of x, in place. */
function norm(x, from = 0, to = x.length) {
  const n = to - from;
  let mean = 0;
  for (let i = from; i < to; i++) mean += x[i] / n;
  let variance = 0;
  for (let i = from; i < to; i++) variance += (x[i] - mean) ** 2 / n;
  const scale = 1 / Math.sqrt(variance + EPSILON);
  for (let i = from; i < to; i++) x[i] = (x[i] - mean) * scale;
  return x;
}

/** matrix (rows, x.length), row by row, times x. */
function multiply(matrix, x) {
  const n = x.length;
  const y = new Float64Array(matrix.length / n);
  for (let row = 0, k = 0; row < y.length; row++) {
    let sum = 0;
    for (let i = 0; i < n; i++, k++) sum += matrix[k] * x[i];
    y[row] = sum;
  }
  return y;
}

function add(x, y) {
  for (let i = 0; i < x.length; i++) x[i] += y[i];
  return x;
}

/** A number in [0, 1) that depends on nothing but seed and place: the same story every time. */
export function randomNumber(seed, place) {
  let h = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(place + 1, 0x85ebca6b)) >>> 0;
  for (const factor of [0x21f0aaad, 0x735a2d97]) h = Math.imul(h ^ (h >>> 15), factor) >>> 0;
  return ((h ^ (h >>> 15)) >>> 0) / 2 ** 32;
}

/** The index that a number u in [0, 1) falls on when the probabilities are laid end to end. */
export function draw(probabilities, u) {
  let sum = 0;
  let last = 0;
  for (let i = 0; i < probabilities.length; i++) {
    if (probabilities[i] === 0) continue;
    sum += probabilities[i];
    last = i;
    if (u < sum) break;
  }
  return last;
}

/** The model: weights that never change. `read()` starts a text. */
export class Transformer {
  /** checkpoint: its bytes, or what `readCheckpoint` made of them. */
  constructor(checkpoint) {
    const { config, weights } = checkpoint.weights ? checkpoint : readCheckpoint(checkpoint);
    this.config = config;
    this.weights = weights;
    this.headSize = config.n_embd / config.n_head;
  }

  read() {
    return new Reading(this);
  }
}

/** One text on its way through the model. After word t, in `places[t]`:
 * state (C,), the last one, normalised; scores (V,) of the next word; attention [layer][head] (t + 1,), what this word looked at.
 */
export class Reading {
  constructor(model) {
    this.model = model;
    this.tokens = [];
    this.places = [];
  }

  /** Forget all but the first n words. */
  cut(n) {
    this.tokens.length = Math.min(n, this.tokens.length);
    this.places.length = this.tokens.length;
  }

  /** The same text once more, to be continued differently. Places never change: both share them. */
  fork() {
    const copy = new Reading(this.model);
    copy.tokens = [...this.tokens];
    copy.places = [...this.places];
    return copy;
  }

  /** Read one more word; returns its place. */
  push(token) {
    const { config, weights } = this.model;
    const { vocabulary_size: V, context, n_layer: layers } = config;
    const t = this.tokens.length;
    if (t >= context) throw new Error(`${t + 1} words do not fit into a context of ${context}`);
    if (!(token >= 0 && token < V)) throw new Error(`${token} is not one of the ${V} tokens`);
    const place = { keys: [], values: [], attention: [] };
    this.tokens.push(token);
    this.places.push(place);

    const x = this.#embed(token, place);
    for (let layer = 0; layer < layers; layer++) {
      add(x, this.#attend(layer, norm(x.slice())));
      if (layer >= config.mlp_from) add(x, this.#think(layer, norm(x.slice())));
    }
    const head = weights["head.weight"] ?? weights["embedding.weight"]; // tied, unless it has its own
    place.state = norm(x); // what the output layer reads
    place.scores = multiply(head, place.state);
    return place;
  }

  /** What goes into the first block: the word, its position, a share of the word before. */
  #embed(token, place) {
    const { config, weights } = this.model;
    const C = config.n_embd;
    const t = this.tokens.length - 1;
    const x = Float64Array.from(weights["embedding.weight"].subarray(token * C, (token + 1) * C));
    if (config.positions === "learned") {
      add(x, weights["position.weight"].subarray(t * C, (t + 1) * C));
    }
    place.embedded = norm(x).slice();
    if (config.mix && t > 0) {
      const before = this.places[t - 1].embedded;
      for (let i = 0; i < C; i++) x[i] += weights.mix[i] * before[i];
    }
    return x;
  }

  /** What the newest word gathers from all words so far, through every head of a layer. */
  #attend(layer, x) {
    const { config, weights, headSize: D } = this.model;
    const C = config.n_embd;
    const place = this.places.at(-1);
    const qkv = multiply(weights[`blocks.${layer}.attention.qkv.weight`], x);
    const [q, k, v] = [0, 1, 2].map((i) => qkv.subarray(i * C, (i + 1) * C));
    for (const part of [q, k]) {
      if (config.qk_norm) for (let h = 0; h < C; h += D) norm(part, h, h + D);
      if (config.positions === "rotary") this.#rotate(part);
    }
    place.keys[layer] = k;
    place.values[layer] = v;
    place.attention[layer] = [];
    const gathered = new Float64Array(C);
    const n = this.places.length;
    const scores = new Float64Array(n);
    for (let h = 0; h < C; h += D) {
      for (let s = 0; s < n; s++) {
        const key = this.places[s].keys[layer];
        let sum = 0;
        for (let i = h; i < h + D; i++) sum += q[i] * key[i];
        scores[s] = sum / Math.sqrt(D);
      }
      const looks = softmax(scores);
      place.attention[layer].push(looks);
      for (let s = 0; s < n; s++) {
        const value = this.places[s].values[layer];
        for (let i = h; i < h + D; i++) gathered[i] += looks[s] * value[i];
      }
    }
    return multiply(weights[`blocks.${layer}.attention.out.weight`], gathered);
  }

  /** What the newest word makes of what it has gathered: the MLP of a layer. */
  #think(layer, x) {
    const { weights } = this.model;
    const hidden = multiply(weights[`blocks.${layer}.mlp.up.weight`], x);
    for (let i = 0; i < hidden.length; i++) hidden[i] = Math.max(0, hidden[i]) ** 2;
    return multiply(weights[`blocks.${layer}.mlp.down.weight`], hidden);
  }

  /** Turn each pair of channels by the newest position's angle, head by head. */
  #rotate(x) {
    const D = this.model.headSize;
    const t = this.tokens.length - 1;
    for (let i = 0; i < x.length; i += 2) {
      const angle = t * ROTATION_BASE ** (-(i % D) / D);
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      [x[i], x[i + 1]] = [x[i] * cos - x[i + 1] * sin, x[i] * sin + x[i + 1] * cos];
    }
  }
}
