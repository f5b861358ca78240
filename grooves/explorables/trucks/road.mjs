// The road of the explorable `trucks`: what is in flight at one moment, from memory to the core.

import { arrived, departure, left, tripTime } from "./delivery.mjs";
import { element } from "../shared/dom.mjs";
import { shape } from "../shared/svg.mjs";
import { FLEETS, progress } from "./sentences.mjs";

const [WIDTH, LANE, EDGE] = [400, 22, 60]; // the picture's own pixels; EDGE: a house at each end
const MOST = 16; // vehicles drawn; where there are more, each stands for several
const LANES = 5;

const CAR = "M0 4 L5 4 L9 0 L16 0 L20 4 L27 5 L27 9 L0 9 Z";
const TRUCK = "M0 -3 L19 -3 L19 9 L0 9 Z M20 1 L25 1 L28 5 L28 9 L20 9 Z";

export class Road {
  constructor(kind) {
    this.kind = kind;
    this.svg = shape("svg", { class: "gt-road", viewBox: `0 0 ${WIDTH} ${LANES * LANE + 8}`, "aria-hidden": "true" });
    this.ground = shape("rect", { x: EDGE, class: "gt-ground" });
    this.marks = shape("g", { class: "gt-lanes" });
    this.vehicles = shape("g", { class: `gt-${kind}` });
    this.houses = shape("g", {});
    const houses = [[0, "memory"], [WIDTH - EDGE, "core"]].flatMap(([x, name]) => [
      shape("rect", { x: x + 1, width: EDGE - 2, rx: 6, class: "gt-house" }),
      shape("text", { x: x + EDGE / 2, y: (LANES * LANE) / 2 + 9, "text-anchor": "middle" }, name),
    ]);
    this.houses.append(...houses);
    this.svg.append(this.ground, this.marks, this.vehicles, this.houses);
    this.text = element("p", { className: "gt-progress" });
    this.scale = element("p", { className: "gx-note" });
    this.el = element("div", {}, this.svg, this.text, this.scale);
  }

  draw(fleet, time) {
    const lanes = Math.max(1, Math.min(LANES, Math.round(Math.log10(fleet.road_gb_per_s)) + 1));
    if (lanes !== this.lanes) this.#pave(lanes);
    const [gone, there] = [left(fleet, time), arrived(fleet, time)];
    const stride = 2 ** Math.max(0, Math.ceil(Math.log2(Math.min(fleet.in_flight, gone - there) / MOST)));
    const shown = [];
    for (let trip = Math.ceil(there / stride) * stride; trip < gone; trip += stride) shown.push(trip);
    while (this.vehicles.childElementCount > shown.length) this.vehicles.lastChild.remove();
    while (this.vehicles.childElementCount < shown.length) this.vehicles.append(shape("path", { d: this.kind === "car" ? CAR : TRUCK }));
    const top = ((LANES - lanes) * LANE) / 2 + 4;
    shown.forEach((trip, i) => {
      const share = (time - departure(fleet, trip)) / tripTime(fleet);
      const x = EDGE - 28 + share * (WIDTH - 2 * EDGE + 28);
      const y = top + ((trip / stride) % lanes) * LANE + 8;
      this.vehicles.children[i].setAttribute("transform", `translate(${x.toFixed(1)} ${y})`);
    });
    this.text.textContent = progress(fleet, there, gone - there);
    this.scale.textContent = stride > 1 ? `Each vehicle drawn stands for ${stride.toLocaleString("en")} trips.` : `Each vehicle drawn is one trip of ${fleet.trip_bytes.toLocaleString("en")} bytes.`;
  }

  #pave(lanes) {
    this.lanes = lanes;
    const top = ((LANES - lanes) * LANE) / 2 + 4;
    this.ground.setAttribute("y", top);
    this.ground.setAttribute("width", WIDTH - 2 * EDGE);
    this.ground.setAttribute("height", lanes * LANE);
    for (const house of this.houses.querySelectorAll("rect")) {
      house.setAttribute("y", top - 3);
      house.setAttribute("height", lanes * LANE + 6);
    }
    const lines = Array.from({ length: lanes - 1 }, (_, i) => shape("line", { x1: EDGE, x2: WIDTH - EDGE, y1: top + (i + 1) * LANE, y2: top + (i + 1) * LANE }));
    this.marks.replaceChildren(...lines);
  }

  /** The fleet's name, for a screen reader that is told how far it is. */
  get said() {
    return `${FLEETS[this.kind].name}: ${this.text.textContent}`;
  }
}
