// The bars of the explorable `memory`: what is needed, part by part, and devices that it may fill.
//
// Key idea: a device is a frame, and what is needed lies in it, or sticks out of it. Where it fits
// the frame has the row's full width; where it does not, what is needed has. Chapter 12.

import { element, resize } from "./dom.mjs";
import { devices, PARTS, RESERVE, total, usable } from "./memory_budget.mjs";
import { count, NAMES, percent, size } from "./memory_sentences.mjs";

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
    const sum = element("li", { className: "gm-total" }, element("span"), element("span", {}, "together"), element("span", { className: "gm-number" }, size(total(need))));
    this.el.replaceChildren(...items, sum);
  }
}

/** The devices, of which one is chosen. */
export class DevicesView {
  #name = `gm-${Math.random().toString(36).slice(2, 8)}`;
  #list = element("div", { className: "gm-devices" });
  #none = this.#row("none of them alone", () => this.choose(0));
  el = element("div", { role: "radiogroup", "aria-label": "Device" }, this.#list, this.#none.el);

  /** choose(gb) is called with a device's memory, 0 for none. */
  constructor(choose) {
    this.choose = choose;
  }

  #row(name, choose) {
    const input = element("input", { type: "radio", name: this.#name });
    input.addEventListener("change", choose);
    const [gb, who, status] = ["gm-gb", "gm-who", "gm-status"].map((className) => element("span", { className }));
    gb.textContent = name;
    const parts = segments();
    const stack = element("span", { className: "gm-stack" }, ...parts);
    const frame = element("span", { className: "gm-frame" });
    const track = element("span", { className: "gm-track", "aria-hidden": "true" }, stack, frame);
    const el = element("label", { className: "gm-row" }, input, gb, who, status, track);
    return { el, input, gb, who, status, parts, track };
  }

  /** state: { listed: [{ memory_gb, names }], need, device (GB, null for none yet), asking } */
  draw({ listed, need, device, asking }) {
    this.listed = listed;
    this.rows ??= [];
    resize(this.#list, listed.length, (i) => {
      this.rows[i] = this.#row("", () => this.choose(this.listed[i].memory_gb));
      return this.rows[i].el;
    });
    listed.forEach(({ memory_gb: gb, names }, i) => {
      const row = this.rows[i];
      const [all, bytes] = [total(need), gb * 1e9];
      const fits = all <= usable(gb);
      const whole = Math.max(all, bytes);
      row.gb.textContent = `${gb} GB`;
      row.who.textContent = names;
      row.input.checked = gb === device;
      row.status.textContent = asking ? "" : fits ? `fits: ${percent(all / bytes)}` : `needs ${count(devices(need, gb))}`;
      row.el.classList.toggle("gm-fits", !asking && fits);
      row.el.classList.toggle("gm-asking", asking);
      row.track.style.setProperty("--stack", all / whole);
      row.track.style.setProperty("--frame", asking ? 1 : bytes / whole);
      row.track.style.setProperty("--usable", 1 - RESERVE);
      stretch(row.parts, need);
    });
    this.#none.el.hidden = !asking;
    this.#none.input.checked = device === 0;
    this.#none.el.classList.add("gm-none");
  }
}
