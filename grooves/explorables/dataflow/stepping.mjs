// Stepping through a schedule: by cycle, by operation or along the critical path. Chapter 14.

import { button, radios, slider } from "../shared/controls.mjs";
import { element, resize } from "../shared/dom.mjs";
import { Part } from "../shared/explorable.mjs";
import { issuedAt, stepped } from "./plan.mjs";
import { count, described, pictured } from "./sentences.mjs";
import { legend, Timetable } from "./timetable.mjs";

const WAYS = [["operation", "Operation"], ["cycle", "Cycle"], ["path", "Critical path"]];
const SHOWN = 2; // operations named among what is read, and who reads

export class Stepping extends Part {
  /** tell(text): for screen readers. */
  constructor(model, tell) {
    super(model);
    this.tell = tell;
    this.way = radios("Step by", WAYS, (stepping) => this.save({ stepping }));
    this.back = button("‹ Back", () => this.#step(-1));
    this.next = button("Next ›", () => this.#step(1));
    this.timetable = new Timetable((operation) => this.choose(operation));
    this.slider = slider("Cycle", { min: 0, max: 1, step: 1 }, (cycle) => this.#go(cycle));
    this.head = element("p", { className: "gx-title gd-head" });
    this.text = element("p", { className: "gd-text gd-does" });
    this.result = element("p", { className: "gd-text gd-result" });
    this.note = element("p", { className: "gx-note" });
    this.lists = ["Reads", "Read by"].map((name) => {
      const chips = element("span", { className: "gd-chips" });
      return { chips, row: element("div", { className: "gd-list", role: "group", "aria-label": name }, element("span", { className: "gd-label", "aria-hidden": "true" }, name), chips) };
    });
    this.elements = [
      element("div", { className: "gd-row" }, element("div", { className: "gd-ways" }, element("span", { "aria-hidden": "true" }, "Step by"), this.way.el), element("div", { className: "gd-buttons" }, this.back, this.next)),
      this.slider.el,
      element("div", { className: "gd-says" }, this.head, this.text, this.result, ...this.lists.map(({ row }) => row)),
      this.timetable.el,
      legend(["gd-critical", "critical path"], ["gd-other", "other operations"], ["gd-reads", "reads"], ["gd-writes", "is read by"]),
      this.note,
    ];
  }

  stop() {
    this.timetable.plane.stop();
  }

  draw(plan) {
    this.plan = plan;
    const [cycle, chosen] = [this.get("cycle"), this.chosen(plan)];
    this.way.set(this.get("stepping"));
    [this.slider.el.control.max, this.said] = [plan.cycles, described(plan, chosen, cycle)];
    this.slider.set(cycle, `${count(cycle)} of ${count(plan.cycles)}`);
    this.head.textContent = this.said.head;
    this.text.textContent = this.said.text;
    this.result.textContent = this.said.result;
    this.note.textContent = this.get("story") && `Values: after “${this.get("story")}” Click a bar to choose it.`;
    this.#chips(this.lists[0].chips, plan.operations[chosen].inputs, "nothing: it comes first");
    this.#chips(this.lists[1].chips, plan.readers[chosen], "none: it is a result");
    const reads = plan.operations[chosen].inputs.filter((i) => typeof i === "number");
    this.timetable.draw({ ...plan, cycle: Math.min(cycle, plan.cycles), chosen, reads, writes: plan.readers[chosen], label: pictured(plan, chosen) });
  }

  /** The operation that is described. */
  chosen(plan) {
    const chosen = this.get("operation");
    return chosen >= 0 && chosen < plan.operations.length ? chosen : issuedAt(plan, this.get("cycle"));
  }

  #chips(parent, all, none) {
    const { operations, start, ends } = this.plan;
    const shown = all.slice(0, SHOWN);
    const rest = all.length - shown.length;
    const texts = shown.map((i) => (typeof i === "string" ? `${i} (memory)` : operations[i].name));
    const chips = resize(parent, Math.max(1, shown.length + (rest ? 1 : 0)), () => {
      const chip = element("button", { type: "button", className: "gx-chip" });
      chip.addEventListener("click", () => this.choose(Number(chip.dataset.operation)));
      return chip;
    });
    chips.forEach((chip, k) => {
      const link = typeof shown[k] === "number";
      chip.disabled = !link;
      chip.dataset.operation = link ? shown[k] : "";
      chip.textContent = texts[k] ?? (rest ? `and ${rest} more` : none);
      chip.title = link ? `cycles ${start[shown[k]]} to ${ends[shown[k]]}` : "";
    });
  }

  /** Describe an operation, in the cycle in which it is issued. */
  choose(operation) {
    this.save({ operation, cycle: this.plan.start[operation] });
    this.#say(0);
  }

  #step(by) {
    const way = this.get("stepping");
    if (way === "cycle") return this.#go(this.get("cycle") + by);
    return this.choose(stepped(this.plan, this.chosen(this.plan), way, by));
  }

  #go(to) {
    const cycle = Math.max(0, Math.min(this.plan.cycles, to));
    this.save({ cycle, operation: issuedAt(this.plan, cycle) });
    this.#say(600);
  }

  #say(delay) {
    const { head, text, result } = this.said;
    this.tell(`${head}. ${text} ${result}`, delay);
  }
}
