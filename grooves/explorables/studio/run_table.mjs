// All runs side by side: a row per run, its line's colour with a box to tick, and its name, which
// chooses the run that the buttons control.

import { element, resize } from "../shared/dom.mjs";
import { lineClass } from "./run_chart.mjs";
import { shown, title } from "./run_columns.mjs";

const COLUMNS = ["learning_rate", "gradient_norm", "words_per_s", "memory_bytes", "processors"];
const HEADS = ["Run", "State", "Steps", title("loss_above_floor"), ...COLUMNS.map(title)];

/** What state a run is in, with what was requested of it. */
export function stateOf({ state, request }) {
  const open = { pause: "pause requested", stop: "stop requested", continue: "about to continue" }[request];
  if (!open || (request === "pause" && state === "paused") || (request === "continue" && state === "running")) return state;
  return `${state}, ${open}`;
}

export class RunTable {
  #rows = [];

  /** choose(key), draw(key, whether): called when a run is chosen, or its line is switched. */
  constructor(choose, draw) {
    this.choose = choose;
    this.draw = draw;
    this.body = element("tbody");
    const head = element("thead", {}, element("tr", {}, ...HEADS.map((text) => element("th", { scope: "col" }, text))));
    this.el = element("div", { className: "gx-table gu-table", role: "region", "aria-label": "All runs", tabIndex: 0 }, element("table", {}, head, this.body));
  }

  /** rows: of runs; selected: the key of one; hidden: keys. */
  show(rows, selected, hidden) {
    this.#rows = rows;
    const lines = resize(this.body, rows.length, (place) => this.#line(place));
    rows.forEach((row, place) => {
      const [head, state, ...cells] = lines[place].children;
      const [box, name] = [head.querySelector("input"), head.querySelector("button")];
      box.checked = !hidden.includes(row.key);
      box.setAttribute("aria-label", `Draw ${row.name}`);
      name.textContent = name.title = row.name;
      name.setAttribute("aria-pressed", row.key === selected);
      lines[place].classList.toggle("gu-selected", row.key === selected);
      state.className = `gu-state gu-${row.state}`;
      state.textContent = stateOf(row);
      const { latest } = row;
      const above = "loss_above_floor" in latest || !("loss" in latest);
      const loss = above ? shown("loss_above_floor", latest.loss_above_floor) : `${shown("loss", latest.loss)} (loss)`;
      const steps = `${shown("step", latest.step ?? 0)}${row.planned ? ` of ${shown("step", row.planned)}` : ""}`;
      [steps, loss, ...COLUMNS.map((column) => shown(column, latest[column]))].forEach((text, i) => (cells[i].textContent = text));
    });
  }

  #line(place) {
    const box = element("input", { type: "checkbox" });
    box.addEventListener("change", () => this.draw(this.#rows[place].key, box.checked));
    const name = element("button", { type: "button", className: "gu-run" });
    name.addEventListener("click", () => this.choose(this.#rows[place].key));
    const mark = element("label", { className: `gu-mark ${lineClass(place)}` }, box, element("span", { "aria-hidden": "true" }));
    const head = element("th", { scope: "row" }, element("span", { className: "gu-head" }, mark, name));
    return element("tr", {}, head, ...HEADS.slice(1).map(() => element("td")));
  }
}
