// The numbers of a format around one of them, on a line: the stored one, its neighbours, and the
// original.

import { decode, neighbour } from "./formats.mjs";
import { show } from "./numbers.mjs";
import { element } from "../shared/dom.mjs";
import { shape } from "../shared/svg.mjs";

const [WIDTH, MIDDLE, SIDES] = [640, 26, 8]; // pixels of the picture; numbers on either side

export class StripView {
  #picture = shape("svg", { class: "gm-strip", viewBox: `0 0 ${WIDTH} 52`, role: "img" });
  #below = element("span");
  #at = element("span", { className: "gm-stored" });
  #above = element("span");
  el = element("div", { className: "gm-line" }, this.#picture, element("p", { className: "gm-neighbours" }, this.#below, this.#at, this.#above));

  /** state: { pattern, format, scale, wanted } */
  draw({ pattern, format, scale, wanted }) {
    const stored = decode(pattern, format, scale);
    const value = (steps) => {
      const to = neighbour(pattern, format, steps);
      return to === null ? null : decode(to, format, scale);
    };
    const [below, above] = [value(-1), value(1)];
    this.#below.textContent = below === null ? "nothing below" : `below: ${show(below)}`;
    this.#at.textContent = `stored: ${show(stored)}`;
    this.#above.textContent = above === null ? "nothing above" : `above: ${show(above)}`;
    const label = `A line with the numbers of ${format.name} around ${show(stored)}; below it ${below === null ? "none" : show(below)}, above it ${above === null ? "none" : show(above)}; the original is ${show(wanted)}`;
    this.#picture.setAttribute("aria-label", label);
    if (!Number.isFinite(stored)) return this.#picture.replaceChildren();
    const around = [];
    for (let steps = -SIDES; steps <= SIDES; steps++) {
      const one = steps ? value(steps) : stored;
      if (one !== null) around.push(one);
    }
    const reach = 3.2 * Math.max(...[below, above].filter((one) => one !== null).map((one) => Math.abs(one - stored)));
    const x = (number) => WIDTH / 2 + ((number - stored) / reach) * (WIDTH / 2 - 12);
    const inside = (number) => Math.abs(number - stored) <= reach;
    const parts = [shape("line", { x1: 0, x2: WIDTH, y1: MIDDLE, y2: MIDDLE, class: "gm-axis" })];
    for (const number of around.filter(inside)) {
      const tall = number === stored ? 14 : 8;
      parts.push(shape("line", { x1: x(number), x2: x(number), y1: MIDDLE - tall, y2: MIDDLE + tall, class: number === stored ? "gm-here" : "gm-tick" }));
    }
    if (inside(wanted)) {
      const at = x(wanted);
      parts.push(shape("path", { d: `M${at} ${MIDDLE - 2}l-7 -14h14z`, class: "gm-wanted" }));
    }
    return this.#picture.replaceChildren(...parts);
  }
}
