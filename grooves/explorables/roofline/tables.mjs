// The numbers of the explorable `roofline`: how each is computed, and the same on every device.

import { element } from "../shared/dom.mjs";
import { digits, quantity } from "../shared/units.mjs";
import { BYTES, met, OPERATIONS, precisions } from "./workloads.mjs";

const HEADS = ["Device", "in", "FLOP/s at most", "bytes per second", "arithmetic", "memory", "binds"];

export class RooflineTables {
  #arithmetic = element("dl", { className: "gr-sums" });
  #table = element("table");

  constructor() {
    const region = element("div", { className: "gx-table", role: "region", "aria-label": "This operation on every device", tabIndex: 0 }, this.#table);
    this.el = element("details", { className: "gx-numbers" }, element("summary", {}, "The arithmetic, and the same operation on every device"), this.#arithmetic, region);
  }

  /** state: devices, device, choice, precision, now (of `met`), shown. */
  draw({ devices, device, choice, precision, now, shown }) {
    this.el.hidden = !shown; // it would give the answer away
    const { flops, bytes, peak, bandwidth, intensity, ridge, rate } = now;
    const sums = [
      [`Counted (${BYTES[precision]} ${BYTES[precision] === 1 ? "byte" : "bytes"} per value)`, OPERATIONS[choice.operation].counts],
      ["Intensity", `${quantity(flops, "FLOP")} ÷ ${quantity(bytes, "B")} = ${digits(intensity)} FLOPs per byte`],
      ["Arithmetic", `${quantity(flops, "FLOP")} ÷ ${quantity(peak, "FLOP/s")} = ${quantity(now.arithmetic, "s")}`],
      ["Memory", `${quantity(bytes, "B")} ÷ ${quantity(bandwidth, "B/s")} = ${quantity(now.memory, "s")}`],
      ["Ridge point", `${quantity(peak, "FLOP/s")} ÷ ${quantity(bandwidth, "B/s")} = ${digits(ridge)} FLOPs per byte`],
      ["Attainable", `${quantity(rate, "FLOP/s")}, ${digits((100 * rate) / peak)}% of what ${device.name} can do in ${precision}`],
    ];
    this.#arithmetic.replaceChildren(...sums.flatMap(([name, said]) => [element("dt", {}, name), element("dd", {}, said)]));
    const rows = devices.map((one) => {
      const possible = precisions(one, choice.operation);
      const own = possible.includes(precision) ? precision : possible[0];
      const at = met(one, choice, own);
      const cells = [own, quantity(at.peak, "FLOP/s"), quantity(at.bandwidth, "B/s"), quantity(at.arithmetic, "s"), quantity(at.memory, "s"), at.binds];
      return element("tr", {}, element("th", { scope: "row" }, one.name), ...cells.map((text) => element("td", {}, text)));
    });
    const top = element("tr", {}, ...HEADS.map((text) => element("th", { scope: "col" }, text)));
    const caption = `${OPERATIONS[choice.operation].name}, as chosen; in ${precision} where there is a figure for it.`;
    this.#table.replaceChildren(element("caption", {}, caption), element("thead", {}, top), element("tbody", {}, ...rows));
  }
}
