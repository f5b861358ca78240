// A picture with two axes, on which each step may be a factor of ten, as wide as there is room.
//
// Key idea: drawn anew for its width in the page's own pixels, so that its text is as readable on
// a phone as on a large screen.

import { shape } from "./svg.mjs";

const [LEFT, RIGHT, TOP, BOTTOM] = [62, 26, 12, 42];

/** One axis: { from, to, title, show(value), log, at: values to be named in place of the usual }. */
const along = ({ from, to, log }, value) => (log ? Math.log10(value / from) / Math.log10(to / from) : (value - from) / (to - from));

export class Plane {
  /** draw(plane): called whenever there is another width; it ends in `show`. */
  constructor(name, height, draw, right = RIGHT) {
    this.right = right; // pixels beside the axes
    this.height = height;
    this.width = 600;
    this.svg = shape("svg", { class: "gc-plane", role: "img" });
    this.el = document.createElement("div");
    this.el.className = `gc-frame ${name}`;
    this.el.append(this.svg);
    this.sizes = new ResizeObserver(([{ contentRect }]) => {
      const width = Math.round(contentRect.width);
      if (!width || width === this.width) return;
      this.width = width;
      draw(this);
    });
    this.sizes.observe(this.el);
  }

  stop() {
    this.sizes.disconnect();
  }

  get bounds() {
    return { left: LEFT, right: this.width - this.right, top: TOP, bottom: this.height - BOTTOM };
  }

  x(value) {
    const { left, right } = this.bounds;
    return left + along(this.across, value) * (right - left);
  }

  y(value) {
    const { top, bottom } = this.bounds;
    return bottom - along(this.up, value) * (bottom - top);
  }

  /** A polyline through places [x, y] in the axes' own values. */
  line(places, className) {
    const points = places.map(([x, y]) => `${this.x(x).toFixed(1)},${this.y(y).toFixed(1)}`).join(" ");
    return shape("polyline", { points, class: className });
  }

  text(x, y, words, { anchor = "start", className = "" } = {}) {
    return shape("text", { x: x.toFixed(1), y: y.toFixed(1), "text-anchor": anchor, class: className }, words);
  }

  /** Show axes with these parts on them; label: what the picture says, in words. */
  show(label, ...parts) {
    const { left, right, top, bottom } = this.bounds;
    const grid = [];
    for (const value of ticks(this.across, this.width < 480 ? 5 : 8)) {
      const x = this.x(value);
      grid.push(shape("line", { x1: x, x2: x, y1: top, y2: bottom, class: "gc-grid" }));
      grid.push(this.text(x, bottom + 16, this.across.show(value), { anchor: "middle" }));
    }
    for (const value of ticks(this.up, 5)) {
      const y = this.y(value);
      grid.push(shape("line", { x1: left, x2: right, y1: y, y2: y, class: "gc-grid" }));
      grid.push(this.text(left - 6, y + 4, this.up.show(value), { anchor: "end" }));
    }
    grid.push(this.text((left + right) / 2, this.height - 6, this.across.title, { anchor: "middle", className: "gc-axis" }));
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
    this.svg.setAttribute("width", this.width);
    this.svg.setAttribute("height", this.height);
    this.svg.setAttribute("aria-label", label);
    this.svg.replaceChildren(...grid, ...parts);
  }
}

/** Values to be named on an axis, at most so many. */
function ticks({ from, to, log, at }, most) {
  if (at) return at;
  if (!log) return Array.from({ length: most + 1 }, (_, i) => from + ((to - from) * i) / most);
  const [low, high] = [Math.ceil(Math.log10(from) - 1e-9), Math.floor(Math.log10(to) + 1e-9)];
  const every = Math.ceil((high - low + 1) / most);
  const found = [];
  for (let power = low; power <= high; power += every) found.push(10 ** power);
  return found;
}

/** Two lengths to be compared, as bars with their names and numbers. */
export class Bars {
  /** names: of the bars, from above. */
  constructor(names, label) {
    this.rows = names.map((name) => {
      const [bar, number, title] = ["gc-bar", "gc-number", "gc-name"].map((className) => {
        const made = document.createElement("span");
        made.className = className;
        return made;
      });
      title.textContent = name;
      const track = document.createElement("span");
      track.className = "gc-track";
      track.append(bar);
      const row = document.createElement("p");
      row.className = "gc-row";
      row.append(title, track, number);
      return { row, bar, number };
    });
    this.el = document.createElement("div");
    this.el.className = "gc-bars";
    this.el.setAttribute("role", "group");
    this.el.setAttribute("aria-label", label);
    this.el.append(...this.rows.map(({ row }) => row));
  }

  /** values: lengths; texts: what they are called; chosen: the number of the one that matters. */
  draw(values, texts, chosen) {
    const longest = Math.max(...values);
    this.rows.forEach(({ row, bar, number }, i) => {
      bar.style.setProperty("--share", longest ? values[i] / longest : 0);
      number.textContent = texts[i];
      row.classList.toggle("gc-chosen", i === chosen);
    });
  }
}
