// The parts of the explorable `attention` that draw: words, heads, next words, numbers.
//
// Key idea: each part holds its elements, and `draw` brings them up to date; elements stay in place,
// so that the keyboard focus does, too. Choices are passed to the page through one callback.

import { element, moveTo, resize } from "../shared/dom.mjs";
import { listbox, select } from "../shared/listbox.mjs";
import { spaces } from "../shared/oracle.mjs";

/** The story: every word can be chosen, and then shows what it attends to. */
export class WordsView {
  #arcs = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  #list;
  #end = element("span", { className: "gx-end", hidden: true }, "the end");
  #state = null;
  #pointed = null; // the place under the pointer

  constructor(choose, describedBy) {
    this.describedBy = describedBy;
    this.#arcs.setAttribute("class", "gx-arcs");
    this.#arcs.setAttribute("aria-hidden", "true");
    this.#list = element("span", {
      "aria-label": "The story. Choose a word to see which earlier words it attends to",
      "aria-orientation": "horizontal",
    });
    this.el = element("div", { className: "gx-story" }, this.#arcs, this.#list, this.#end);
    listbox(this.#list, choose, (key, at) => this.#otherLine(key, at));
    this.#list.addEventListener("pointerover", (event) => {
      if (event.pointerType === "mouse") this.#point(this.#placeOf(event.target));
    });
    this.#list.addEventListener("pointerleave", () => this.#point(null));
  }

  get #options() {
    return [...this.#list.children];
  }

  #placeOf(target) {
    const option = target.closest("[role=option]");
    return option ? this.#options.indexOf(option) : null;
  }

  #point(place) {
    if (place === this.#pointed) return;
    this.#pointed = place;
    this.#shade();
  }

  /** The place above or below that a key leads to, or undefined. */
  #otherLine(key, at) {
    if (key !== "ArrowUp" && key !== "ArrowDown") return undefined;
    const boxes = this.#options.map((option) => option.lastChild.getBoundingClientRect());
    const down = key === "ArrowDown" ? 1 : -1;
    const other = (box) => down * (box.top - boxes[at].top) > boxes[at].height / 2;
    const lines = boxes.filter(other).map((box) => down * box.top);
    const nextLine = Math.min(...lines);
    const cost = (box) => Math.abs(box.left + box.width / 2 - boxes[at].left - boxes[at].width / 2);
    let best = at;
    boxes.forEach((box, i) => {
      if (!other(box) || Math.abs(down * box.top - nextLine) > box.height / 2) return;
      if (best === at || cost(box) < cost(boxes[best])) best = i;
    });
    return best;
  }

  /** state: { story, place, looks(place), describe(place) } */
  draw(state) {
    this.#state = state;
    const { story, place } = state;
    const words = ["start", ...story.words];
    const gaps = [false, true, ...spaces(story.words).slice(1)];
    const options = resize(this.#list, words.length, () =>
      element("span", { role: "option" }, " ", element("span", { className: "gx-word" })),
    );
    options.forEach((option, i) => {
      option.className = i === 0 ? "gx-start" : i > story.promptLength ? "gx-told" : "";
      option.classList.toggle("gx-impossible", story.impossible === i - 1);
      option.classList.toggle("gx-short", words[i].length < 4);
      option.firstChild.data = gaps[i] ? " " : "";
      option.lastChild.textContent = words[i];
      option.setAttribute("aria-label", i === 0 ? "start of the story" : words[i]);
      select(option, i === place);
      if (i === place) option.setAttribute("aria-describedby", this.describedBy);
      else option.removeAttribute("aria-describedby");
    });
    this.#end.hidden = !story.ended;
    this.#shade();
    this.#reveal(this.#box(options[place]));
  }

  /** Where a word stands in the frame, scrolled or not; offsetTop would depend on the option's own
   * position, which is `relative` for short words on a phone. */
  #box({ lastChild: word }) {
    const { left, top, width, height } = word.getBoundingClientRect();
    const frame = this.el.getBoundingClientRect();
    const y = top - frame.top - this.el.clientTop + this.el.scrollTop;
    return { x: left - frame.left - this.el.clientLeft + width / 2, top: y, bottom: y + height };
  }

  /** Scroll the frame, and never the page, until a word is in sight with its number above it. */
  #reveal({ top, bottom }) {
    const height = bottom - top;
    const { scrollTop: from, clientHeight: room } = this.el;
    if (top < from + height) this.el.scrollTop = top - height;
    else if (top + 2 * height > from + room) this.el.scrollTop = top + 2 * height - room;
  }

  /** Shade the words by how much the chosen one attends to them, and draw the strongest weights. */
  #shade() {
    const { story, place, looks, describe } = this.#state;
    const at = this.#pointed !== null && this.#pointed <= story.words.length ? this.#pointed : place;
    const weights = looks(at);
    this.#options.forEach((option, i) => {
      const weight = weights[i] ?? 0;
      option.style.setProperty("--weight", weight.toFixed(3));
      option.classList.toggle("gx-looking", i === at);
      option.classList.toggle("gx-later", i > at);
      if (weight >= 0.05) option.lastChild.dataset.share = Math.round(100 * weight);
      else delete option.lastChild.dataset.share;
    });
    describe(at);
    this.#drawArcs(at, weights);
  }

  /** Again after the words have moved: another width, another font. */
  layout() {
    if (this.#state) this.#shade();
  }

  #drawArcs(at, weights) {
    const options = this.#options;
    const from = this.#box(options[at]);
    const strongest = [...weights.keys()].filter((i) => i < at && weights[i] >= 0.04);
    strongest.sort((i, j) => weights[j] - weights[i]);
    this.#arcs.replaceChildren(
      ...strongest.slice(0, 8).map((i) => {
        const to = this.#box(options[i]);
        const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
        if (Math.abs(to.bottom - from.bottom) < (from.bottom - from.top) / 2) {
          const sag = from.bottom + Math.min(13, 5 + Math.abs(from.x - to.x) / 20);
          path.setAttribute(
            "d",
            `M${to.x} ${to.bottom}C${to.x} ${sag} ${from.x} ${sag} ${from.x} ${from.bottom}`,
          );
        } else {
          const bend = Math.max(14, (from.top - to.bottom) / 2);
          path.setAttribute(
            "d",
            `M${to.x} ${to.bottom}C${to.x} ${to.bottom + bend} ${from.x} ${from.top - bend} ` +
              `${from.x} ${from.top}`,
          );
        }
        path.style.setProperty("--weight", weights[i].toFixed(3));
        return path;
      }),
    );
  }
}

const PIXELS = 144; // of a head's picture, each way

/** All heads as small pictures, a row a word, of which one is chosen. */
export class HeadsView {
  #buttons = [];
  #row = 0;

  constructor(choose) {
    this.choose = choose;
    this.el = element("div", { role: "radiogroup", "aria-label": "Attention head", className: "gx-heads" });
  }

  /** Make the buttons for a model of so many layers and heads. */
  build(layers, heads) {
    this.heads = heads;
    this.el.style.setProperty("--heads", heads);
    this.el.replaceChildren();
    this.#buttons = [];
    for (let layer = 0; layer < layers; layer++) {
      const row = element("div", { className: "gx-layer" }, element("span", {}, `Layer ${layer + 1}`));
      this.el.append(row);
      for (let head = 0; head < heads; head++) {
        const canvas = element("canvas", { width: PIXELS, height: PIXELS, "aria-hidden": "true" });
        const name = element("span", { className: "gx-name" }, `head ${head + 1}`);
        const frame = element("span", { className: "gx-frame" }, canvas);
        const button = element("button", { type: "button", role: "radio" }, frame, name);
        const number = this.#buttons.push(button) - 1;
        button.addEventListener("click", () => this.choose(layer, head));
        button.addEventListener("keydown", (event) => this.#key(event, number));
        row.append(button);
      }
    }
  }

  #key(event, number) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.heads, ArrowDown: this.heads };
    const to = number + (steps[event.key] ?? NaN);
    if (Number.isNaN(to)) return;
    event.preventDefault();
    if (this.#buttons[to]) {
      moveTo(this.#buttons, to, (i) => this.choose(Math.floor(i / this.heads), i % this.heads));
    }
  }

  /** state: { story, place, layer, head }; repaint: whether the words have changed. */
  draw({ story, place, layer, head }, repaint) {
    const places = story.words.length + 1;
    this.el.style.setProperty("--row", (place + 0.5) / places);
    this.#buttons.forEach((button, number) => {
      const [l, h] = [Math.floor(number / this.heads), number % this.heads];
      const chosen = l === layer && h === head;
      button.setAttribute("aria-checked", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
      if (!repaint) return;
      const back = story.distance(l, h).toFixed(1);
      button.setAttribute(
        "aria-label",
        `Layer ${l + 1}, head ${h + 1}: attends ${back} words back on average`,
      );
      paint(button.querySelector("canvas"), places, (t) => story.looks(t, l, h));
    });
  }
}

/** How densely an attention weight is drawn: weak ones are visible beside strong ones, the rest is left out. */
const densityOf = (weight) => Math.max(0, Math.sqrt(weight) - 0.1) / 0.9;

/** Rows of weights as a picture: the larger the attention weight, the denser the colour. */
function paint(canvas, places, looks) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(PIXELS, PIXELS);
  const first = (i) => Math.floor((i * PIXELS) / places);
  const after = (i) => Math.ceil(((i + 1) * PIXELS) / places); // so that no look falls between pixels
  for (let t = 0; t < places; t++) {
    const weights = looks(t);
    for (let s = 0; s <= t; s++) {
      const density = Math.round(255 * densityOf(weights[s]));
      for (let y = first(t); y < after(t); y++) {
        for (let x = first(s); x < after(s); x++) {
          const at = 4 * (y * PIXELS + x);
          if (image.data[at + 3] >= density) continue;
          image.data.set([32, 134, 204, density], at); // a blue that shows on white and on black
        }
      }
    }
  }
  context.putImageData(image, 0, 0);
}
