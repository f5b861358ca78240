// The chosen run: what is trained, and buttons for what can be done with it now.

import { button } from "../shared/controls.mjs";
import { element, resize } from "../shared/dom.mjs";
import { shown } from "./run_columns.mjs";
import { stateOf } from "./run_table.mjs";

const GOING_ON = ["running", "paused"];

/** What can be done with a run, of pause, continue, stop, branch, csv and tensorboard. */
export function offered({ state, request, checkpoint, records }) {
  const waits = request === "pause" || (state === "paused" && request !== "continue");
  const going = GOING_ON.includes(state) && request !== "stop";
  return [
    ...(going ? [waits ? "continue" : "pause", "stop"] : []),
    ...(checkpoint ? ["branch"] : []),
    ...(records ? ["csv", "tensorboard"] : []),
  ];
}

/** What is trained, in sentences. */
export function about(row) {
  const rates = Object.entries(row.rates).map(([name, rate]) => `${name} ${rate}`);
  const parts = [
    row.parameters && `${shown("step", row.parameters)} parameters`,
    row.optimizer && `optimizer ${row.optimizer}`,
    rates.length && `peak rates ${rates.join(", ")}`,
    row.seed !== null && `seed ${row.seed}`,
    row.floor !== null && `floor ${row.floor.toFixed(4)} nats per word`,
    row.latest.loss !== undefined && `loss ${shown("loss", row.latest.loss)}`,
    row.parent && `branched from ${row.parent} at step ${shown("step", row.parent_step)}`,
  ].filter(Boolean);
  const lost = row.state === "lost" ? " Its process is gone and has not said how the run ended; it can be resumed." : "";
  const skipped = row.skipped ? ` ${row.skipped} line${row.skipped === 1 ? "" : "s"} of its log could not be used.` : "";
  const again = row.superseded ? ` ${row.superseded} records were replaced when it was resumed from an earlier step.` : "";
  return `${row.name} is ${stateOf(row)}${row.message ? `: ${row.message}` : ""}${parts.length ? `; ${parts.join(", ")}` : ""}.${lost}${skipped}${again}`;
}

export class RunPanel {
  #row = null;
  #live = false;
  #rates = [];

  /** send(message): to the kernel. */
  constructor(send) {
    const act = (what, more = {}) => send({ do: what, run: this.#row.key, ...more });
    this.about = element("p", { className: "gu-about" });
    this.buttons = {
      pause: button("Pause", () => act("pause")),
      continue: button("Continue", () => act("continue")),
      stop: button("Stop", () => act("stop")),
      branch: button("Branch…", () => this.#open(this.form.hidden)),
      csv: button("Export CSV", () => act("csv")),
      tensorboard: button("Export for TensorBoard", () => act("tensorboard")),
    };
    this.bar = element("div", { className: "gx-controls gu-buttons" }, ...Object.values(this.buttons));
    this.name = element("input", { type: "text", autocomplete: "off" });
    this.fields = element("div", { className: "gu-rates" });
    const rates = () => Object.fromEntries(this.#rates.map((rate, i) => [rate, this.fields.children[i].control.valueAsNumber]));
    const make = element("button", { type: "submit", className: "gx-action" }, "Make the branch");
    const cancel = button("Cancel", () => this.#open(false));
    this.form = element("form", { className: "gu-form", hidden: true, "aria-label": "Branch from this run" }, element("label", { className: "gx-choice" }, "Name of the new run", this.name), this.fields, element("div", { className: "gx-controls" }, make, cancel));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.form.reportValidity()) return;
      act("branch", { name: this.name.value.trim(), rates: rates() });
      this.#open(false);
    });
    this.name.required = true;
    this.el = element("div", { className: "gu-panel" }, this.about, this.bar, this.form);
  }

  /** row: of the chosen run, null for none; live: whether a kernel answers. */
  show(row, live) {
    const other = row?.key !== this.#row?.key;
    [this.#row, this.#live] = [row, live];
    this.about.textContent = row ? about(row) : "No runs yet. A training run with a RunLog in this folder appears here.";
    const now = row && live ? offered(row) : [];
    this.bar.hidden = !now.length;
    const held = this.bar.contains(document.activeElement) && document.activeElement;
    for (const [what, one] of Object.entries(this.buttons)) one.hidden = !now.includes(what);
    if (held?.hidden) Object.values(this.buttons).find(({ hidden }) => !hidden)?.focus();
    if (other || !now.includes("branch")) this.form.hidden = true;
    this.buttons.branch.setAttribute("aria-expanded", !this.form.hidden);
  }

  #open(open) {
    this.form.hidden = !open;
    this.buttons.branch.setAttribute("aria-expanded", open);
    if (!open) {
      this.buttons.branch.focus();
      return;
    }
    this.#rates = Object.keys(this.#row.rates);
    resize(this.fields, this.#rates.length, () => element("label", { className: "gx-choice" }, "", element("input", { type: "number", min: 0, step: "any", required: true })));
    this.#rates.forEach((rate, i) => {
      this.fields.children[i].firstChild.data = `Peak rate ${rate}`;
      this.fields.children[i].control.value = this.#row.rates[rate];
    });
    this.name.value = `${this.#row.name} branch`;
    this.name.focus();
    this.name.select();
  }
}
