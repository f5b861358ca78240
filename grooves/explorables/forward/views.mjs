// The parts of the explorable `forward` that draw: pad, picture, stencils, neurons, bars.
//
// Key idea: whatever can be pointed at can be reached with the keyboard, and says its number.

import { element, resize } from "../shared/dom.mjs";
import { FULL, SIDE } from "./drawing.mjs";
import { number, percent } from "./sentences.mjs";
import { listbox, select } from "../shared/listbox.mjs";

/** The place where one draws: strokes of points between 0 and 1. */
export class PadView {
  #strokes = [];
  #pen = null; // the pointer that is drawing

  constructor(changed) {
    this.canvas = element("canvas", { width: 320, height: 320, className: "gf-pad" });
    this.canvas.setAttribute("aria-hidden", "true"); // the picture beside it is for the keyboard
    this.el = this.canvas;
    const point = (event) => {
      const box = this.canvas.getBoundingClientRect();
      const inside = (value) => Math.max(0, Math.min(1, value));
      return [inside((event.clientX - box.left) / box.width), inside((event.clientY - box.top) / box.height)];
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.button > 0) return;
      event.preventDefault();
      this.#pen = event.pointerId;
      this.canvas.setPointerCapture(event.pointerId);
      this.#strokes = [...this.#strokes, [point(event)]];
      changed(this.#strokes);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (event.pointerId !== this.#pen) return;
      const between = event.getCoalescedEvents?.() ?? [];
      for (const one of between.length ? between : [event]) this.#strokes.at(-1).push(point(one));
      changed(this.#strokes);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      this.canvas.addEventListener(end, () => (this.#pen = null));
    }
  }

  get strokes() {
    return this.#strokes;
  }

  clear() {
    this.#strokes = [];
    this.draw();
  }

  draw() {
    const context = this.canvas.getContext("2d");
    const size = this.canvas.width;
    context.clearRect(0, 0, size, size);
    context.strokeStyle = getComputedStyle(this.canvas).color;
    context.lineWidth = size / 13;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of this.#strokes) {
      context.beginPath();
      context.moveTo(stroke[0][0] * size, stroke[0][1] * size);
      for (const [x, y] of stroke) context.lineTo(x * size, y * size);
      context.stroke();
    }
  }
}

/** The 8 × 8 picture that the network reads; each pixel can be set with the keyboard. */
export class PictureView {
  #at = 27; // the pixel that the Tab key reaches

  constructor(set) {
    this.el = element("div", {
      className: "gf-picture",
      role: "grid",
      "aria-label": "The picture, 8 by 8 pixels. Arrow keys move, Space fills or clears a pixel, plus and minus change its ink by one step",
    });
    this.cells = [];
    for (let row = 0; row < SIDE; row++) {
      const line = element("div", { role: "row" });
      for (let column = 0; column < SIDE; column++) {
        const cell = element("div", { role: "gridcell" });
        line.append(cell);
        this.cells.push(cell);
      }
      this.el.append(line);
    }
    this.el.addEventListener("pointerdown", (event) => {
      const place = this.cells.indexOf(event.target);
      if (place < 0) return;
      event.preventDefault();
      this.#reach(place);
      set(place, this.pixels[place] ? 0 : FULL);
    });
    this.el.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -SIDE, ArrowDown: SIDE };
      const changes = { "+": 4, "=": 4, "-": -4 };
      const ink = this.pixels[this.#at];
      if (event.key in steps) {
        const to = this.#at + steps[event.key];
        const sameRow = Math.floor(to / SIDE) === Math.floor(this.#at / SIDE);
        const sideways = Math.abs(steps[event.key]) === 1;
        if (to >= 0 && to < SIDE * SIDE && (sameRow || !sideways)) this.#reach(to);
      } else if (event.key === " " || event.key === "Enter") set(this.#at, ink ? 0 : FULL);
      else if (event.key in changes) set(this.#at, Math.max(0, Math.min(FULL, ink + changes[event.key])));
      else return;
      event.preventDefault();
    });
  }

  #reach(place) {
    this.#at = place;
    for (const [i, cell] of this.cells.entries()) cell.tabIndex = i === place ? 0 : -1;
    this.cells[place].focus();
  }

  draw(pixels) {
    this.pixels = pixels;
    for (const [i, cell] of this.cells.entries()) {
      cell.tabIndex = i === this.#at ? 0 : -1;
      cell.style.setProperty("--ink", pixels[i] / FULL);
      const place = `row ${Math.floor(i / SIDE) + 1}, column ${(i % SIDE) + 1}`;
      cell.setAttribute("aria-label", `${place}: ${pixels[i]} of ${FULL}`);
    }
  }
}

/** 64 numbers as a small picture: blue where positive, vermilion where negative. */
export class StencilView {
  constructor(title) {
    this.canvas = element("canvas", { width: SIDE * 12, height: SIDE * 12, role: "img" });
    this.el = element("figure", { className: "gf-stencil" }, this.canvas, element("figcaption", {}, title));
  }

  /** values: 64 numbers, drawn relative to `largest`. words: the same for those who cannot see it. */
  draw(values, largest, words) {
    this.canvas.setAttribute("aria-label", words);
    const context = this.canvas.getContext("2d");
    const style = getComputedStyle(this.canvas);
    const [positive, negative] = ["--gx-model", "--gx-exact"].map((name) => {
      context.fillStyle = resolved(style, name);
      return context.fillStyle;
    });
    const side = this.canvas.width / SIDE;
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    for (const [i, value] of values.entries()) {
      context.globalAlpha = largest ? Math.min(1, Math.abs(value) / largest) : 0;
      context.fillStyle = value > 0 ? positive : negative;
      context.fillRect((i % SIDE) * side, Math.floor(i / SIDE) * side, side, side);
    }
    context.globalAlpha = 1;
  }
}

/** A colour of the page as the canvas can take it: `light-dark()` is resolved by an element only. */
function resolved(style, name) {
  const probe = element("span");
  probe.style.color = `var(${name})`;
  probe.style.display = "none";
  resolved.place?.append(probe);
  const colour = getComputedStyle(probe).color || style.color;
  probe.remove();
  return colour;
}

/** Where colours are looked up: an element of the page that shows the explorable. */
export function lookUpColoursIn(place) {
  resolved.place = place;
}

/** The neurons of the first layer, each a bar from the zero line; one can be chosen. */
export class NeuronsView {
  constructor(choose) {
    this.el = element("div", { className: "gf-neurons", "aria-orientation": "horizontal" });
    listbox(this.el, choose);
  }

  /** values: one per neuron, NaN where it is not computed yet. */
  draw(label, values, chosen, name) {
    this.el.setAttribute("aria-label", label);
    const largest = Math.max(1e-9, ...values.map((value) => Math.abs(value) || 0));
    const options = resize(this.el, values.length, () =>
      element("div", { role: "option" }, element("span", { className: "gf-bar" })),
    );
    for (const [i, option] of options.entries()) {
      const value = values[i];
      select(option, i === chosen);
      option.setAttribute("aria-label", `${name(i)}: ${Number.isNaN(value) ? "not computed yet" : number(value)}`);
      option.classList.toggle("gf-negative", value < 0);
      option.style.setProperty("--height", Number.isNaN(value) ? 0 : Math.abs(value) / largest);
    }
  }
}

/** The ten digits with their logits and probabilities. */
export class DigitsView {
  constructor() {
    this.el = element("ul", { className: "gf-digits", "aria-label": "The ten digits, their logits and probabilities" });
    const parts = ["digit", "track", "logit", "probability"].map((name) => ({ className: `gf-${name}` }));
    const head = element("li", { className: "gf-head", "aria-hidden": "true" }, ...parts.map((p) => element("span", p)));
    head.children[2].textContent = "logit";
    head.children[3].textContent = "prob.";
    this.rows = Array.from({ length: 10 }, (_, digit) => {
      const bar = element("span", { className: "gf-bar" });
      const cells = parts.map((p) => element("span", p));
      cells[0].textContent = digit;
      cells[1].append(bar);
      return { li: element("li", {}, ...cells), bar, logit: cells[2], probability: cells[3] };
    });
    this.el.append(head, ...this.rows.map(({ li }) => li));
  }

  draw(logits, probabilities, winner) {
    for (const [digit, { li, bar, logit, probability }] of this.rows.entries()) {
      li.classList.toggle("gf-wins", digit === winner);
      bar.style.setProperty("--probability", probabilities ? probabilities[digit] : 0);
      logit.textContent = logits ? number(logits[digit]) : "";
      probability.textContent = probabilities ? percent(probabilities[digit]) : "";
    }
  }
}
