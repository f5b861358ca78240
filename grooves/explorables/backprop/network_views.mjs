// Two maps of the small network: which class it sees where, and how high the loss lies around it.
//
// Key idea: every line is drawn twice, wide and light below narrow and dark, so that it is seen on
// any ground, in light and in dark. What a map shows is also said, in its label. Chapter 02.

import { score } from "./classifier.mjs";
import { element } from "../shared/dom.mjs";
import { show } from "./step_sentences.mjs";
import { GRID, contours } from "./surface.mjs";

const PIXELS = 560; // of a map, each way; the page shows it smaller
const FINE = 57; // places at which the network is asked, each way
const REACH = 2; // of the plane that is shown, from its middle
const CLASSES = [
  [0, 114, 178],
  [213, 94, 0],
]; // blue and vermilion, as in the book
const LAND = [
  [236, 245, 250],
  [130, 196, 234],
  [0, 114, 178],
  [8, 40, 66],
]; // of the loss, from the lowest to the highest
const LINES = 12; // of equal loss
const [INK, LIGHT] = ["#10161c", "#ffffff"];

class MapView {
  #small = element("canvas");

  constructor(name) {
    this.canvas = element("canvas", { className: "gb-map", width: PIXELS, height: PIXELS, role: "img", "aria-label": name });
    this.context = this.canvas.getContext("2d");
  }

  /** Fill the map with size × size colours [r, g, b, a], rows from the bottom to the top. */
  ground(size, colour) {
    Object.assign(this.#small, { width: size, height: size });
    const small = this.#small.getContext("2d");
    const image = small.createImageData(size, size);
    for (let k = 0; k < size; k++) {
      for (let i = 0; i < size; i++) image.data.set(colour(i, k), 4 * ((size - 1 - k) * size + i));
    }
    small.putImageData(image, 0, 0);
    this.context.clearRect(0, 0, PIXELS, PIXELS);
    this.context.imageSmoothingQuality = "high";
    // Half a square at each border is cut off: the places are the squares' middles.
    const [edge, inner] = [0.5, size - 1];
    this.context.drawImage(this.#small, edge, edge, inner, inner, 0, 0, PIXELS, PIXELS);
  }

  /** Pieces of lines, in columns and rows of a grid of `size`. */
  pieces(pieces, size, width, ink) {
    const { context } = this;
    const at = (column, row) => [(column / (size - 1)) * PIXELS, (1 - row / (size - 1)) * PIXELS];
    context.beginPath();
    for (const [a, b, c, d] of pieces) {
      context.moveTo(...at(a, b));
      context.lineTo(...at(c, d));
    }
    Object.assign(context, { strokeStyle: ink, lineWidth: width, lineCap: "round", lineJoin: "round" });
    context.stroke();
  }
}

/** Where the network sees which class, and the points it learns from. */
export class RegionsView extends MapView {
  constructor() {
    super("Decision regions");
    this.el = this.canvas;
  }

  draw({ weights, hidden, activation, points }) {
    const place = (n) => (REACH * (2 * n)) / (FINE - 1) - REACH;
    const scores = Float64Array.from({ length: FINE * FINE }, (_, n) => score(weights, hidden, activation, place(n % FINE), place(Math.floor(n / FINE))));
    this.ground(FINE, (i, k) => {
      const sure = Math.tanh(scores[k * FINE + i] / 2); // 2p - 1
      return [...CLASSES[sure > 0 ? 1 : 0], 40 + 110 * Math.abs(sure)];
    });
    const [border] = contours(scores, FINE, [0]);
    this.pieces(border, FINE, 9, LIGHT);
    this.pieces(border, FINE, 4, INK);
    const { context } = this;
    for (let i = 0; i < points.x.length; i++) {
      const at = (x) => ((x + REACH) / (2 * REACH)) * PIXELS;
      const [x, y] = [at(points.x[i]), PIXELS - at(points.y[i])];
      context.beginPath();
      if (points.labels[i]) context.rect(x - 7, y - 7, 14, 14);
      else context.arc(x, y, 8, 0, 7);
      Object.assign(context, { fillStyle: `rgb(${CLASSES[points.labels[i]]})`, strokeStyle: LIGHT, lineWidth: 3 });
      context.stroke();
      context.fill();
    }
    const share = scores.filter((s) => s > 0).length / scores.length;
    this.canvas.setAttribute("aria-label", `Decision regions: squares' class on ${Math.round(100 * share)} percent of the map, circles' class on the rest`);
  }
}

const colourAt = (t) => {
  const place = Math.max(0, Math.min(0.9999, t)) * (LAND.length - 1);
  const [i, part] = [Math.floor(place), place % 1];
  return LAND[i].map((from, c) => from + part * (LAND[i + 1][c] - from));
};

/** The loss on a plane through the weights, lines of equal loss, and the path so far. */
export class SurfaceView extends MapView {
  #low = element("output");
  #high = element("output");

  constructor() {
    super("Loss surface");
    const stops = LAND.map((colour) => `rgb(${colour})`).join(", ");
    const scale = element("span", { className: "gb-scale-bar" });
    scale.style.background = `linear-gradient(to right, ${stops})`;
    this.el = element("div", {}, this.canvas, element("p", { className: "gb-scale-row" }, "loss ", this.#low, scale, this.#high));
  }

  /** surface: finished; path: weights on the way; now: the weights; loss: at them. */
  draw(surface, path, loss) {
    const floor = (x) => Math.log(Math.max(x, 1e-6));
    const finite = surface.losses.filter(Number.isFinite);
    const [low, high] = [Math.min(...finite), Math.max(...finite)];
    const height = (n) => (Number.isFinite(surface.losses[n]) ? (floor(surface.losses[n]) - floor(low)) / (floor(high) - floor(low) || 1) : 1);
    this.ground(GRID, (i, k) => [...colourAt(height(k * GRID + i)), 255]);
    const level = (n) => Math.exp(floor(low) + ((n + 0.5) / LINES) * (floor(high) - floor(low)));
    const levels = Array.from({ length: LINES }, (_, n) => level(n));
    const lines = contours(surface.losses, GRID, levels).flat();
    this.pieces(lines, GRID, 1.5, "rgb(255 255 255 / 0.75)");
    const way = path.map((place) => surface.where(place)).filter((place) => place.every(Number.isFinite));
    const steps = way.slice(1).map((to, i) => [...way[i], ...to]);
    this.pieces(steps, GRID, 9, LIGHT);
    this.pieces(steps, GRID, 4, `rgb(${CLASSES[1]})`);
    if (way.length) {
      this.#spot(way[0], 9, LIGHT);
      this.#spot(way.at(-1), 9, `rgb(${CLASSES[1]})`);
    }
    this.#low.textContent = show(Number(low.toPrecision(2)));
    this.#high.textContent = show(Number(high.toPrecision(2)));
    this.canvas.setAttribute(
      "aria-label",
      `Loss surface: on this plane through the weights the loss goes from ${show(low)} to ${show(high)}; now it is ${show(loss)}`,
    );
  }

  #spot([column, row], radius, fill) {
    const { context } = this;
    context.beginPath();
    context.arc((column / (GRID - 1)) * PIXELS, (1 - row / (GRID - 1)) * PIXELS, radius, 0, 7);
    Object.assign(context, { fillStyle: fill, strokeStyle: INK, lineWidth: 4 });
    context.stroke();
    context.fill();
  }
}
