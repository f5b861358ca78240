// The bars of the explorable `memory`: what is needed, part by part, and devices that it may fill.
//
// Key idea: a device is a frame, and what is needed fits into it or extends beyond it. Where it fits
// the frame has the row's full width; where it does not, what is needed has. Chapter 12.

import { radios } from "../shared/controls.mjs";
import { element } from "../shared/dom.mjs";
import { devices, PARTS, RESERVE, total, usable } from "./budget.mjs";
import { count, NAMES, percent, size } from "./sentences.mjs";

const segments = () => PARTS.map((part) => element("span", { className: `gm-part gm-${part}` }));

function stretch(elements, need) {
  elements.forEach((one, i) => {
    one.style.flexGrow = need[PARTS[i]] / total(need);
    one.hidden = !need[PARTS[i]];
  });
}

/** The five parts with their sizes; a list, and the key of the colours. */
export class PartsView {
  el = element("ul", { className: "gm-parts", "aria-label": "What is needed" });

  draw(need) {
    const shown = PARTS.filter((part) => need[part]);
    const items = shown.map((part) =>
      element(
        "li",
        {},
        element("span", { className: `gm-part gm-${part}`, "aria-hidden": "true" }),
        element("span", {}, NAMES[part]),
        element("span", { className: "gm-number" }, size(need[part])),
      ),
    );
    const sum = element("li", { className: "gm-total" }, element("span"), element("span", {}, "total"), element("span", { className: "gm-number" }, size(total(need))));
    this.el.replaceChildren(...items, sum);
  }
}

/** What stands beside the button of a device with so much memory (GiB): { cells, who, status, parts, track }. */
function row(memory) {
  const [gb, who, status] = ["gm-gb", "gm-who", "gm-status"].map((className) => element("span", { className }));
  gb.textContent = `${Math.round(memory)} GiB`;
  const parts = segments();
  const stack = element("span", { className: "gm-stack" }, ...parts);
  const frame = element("span", { className: "gm-frame" });
  const track = element("span", { className: "gm-track", "aria-hidden": "true" }, stack, frame);
  return { cells: [gb, who, status, track], who, status, parts, track };
}

/** The devices, of which one is chosen. */
export class DevicesView {
  el = element("div");
  #rows = [];

  /** choose(gib) is called with a device's memory, 0 for none. */
  constructor(choose) {
    this.choose = choose;
  }

  /** Rows for devices of these memories (GiB), and a last one for none of them. */
  #build(memories) {
    this.#rows = memories.map(row);
    const none = element("span", { className: "gm-gb" }, "none of them alone");
    const options = [...memories.map((gib, i) => [gib, this.#rows[i].cells]), [0, [none]]];
    this.radios = radios("Device", options, (gib) => this.choose(gib), { className: "gm-devices", option: "gm-row" });
    this.none = this.radios.labels.at(-1);
    this.none.classList.add("gm-none");
    this.el.replaceChildren(this.radios.el);
  }

  /** state: { listed: [{ memory_gib, names }], need, device (GiB, null for none yet), asking } */
  draw({ listed, need, device, asking }) {
    const memories = listed.map(({ memory_gib: gib }) => gib);
    if (`${memories}` !== this.known) {
      this.known = `${memories}`;
      this.#build(memories);
    }
    listed.forEach(({ memory_gib: gib, names }, i) => {
      const [row, label] = [this.#rows[i], this.radios.labels[i]];
      const [all, bytes] = [total(need), gib * 2 ** 30];
      const fits = all <= usable(gib);
      const whole = Math.max(all, bytes);
      row.who.textContent = names;
      row.status.textContent = asking ? "" : fits ? `fits: ${percent(all / bytes)}` : `needs ${count(devices(need, gib))}`;
      label.classList.toggle("gm-fits", !asking && fits);
      label.classList.toggle("gm-asking", asking);
      row.track.style.setProperty("--stack", all / whole);
      row.track.style.setProperty("--frame", asking ? 1 : bytes / whole);
      row.track.style.setProperty("--usable", 1 - RESERVE);
      stretch(row.parts, need);
    });
    this.none.hidden = !asking;
    this.radios.set(device);
  }
}
