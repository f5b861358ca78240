// The explorable `studio`: all runs of a folder side by side, one chart, buttons, and a data set.
// Chapter 05.
//
// Key idea: this page only shows what the kernel has read in files, or what a recording holds, and
// sends requests; it can be closed at any time.
// State: where, runs, curve_0 and so on, broken, data_sets, live, recording, selected, hidden,
// column, across, log, time.

import { check, choice, radios, slider } from "../shared/controls.mjs";
import { element, resize } from "../shared/dom.mjs";
import { explorable, Part, react } from "../shared/explorable.mjs";
import { Tabs } from "../shared/tabs.mjs";
import { DataTab } from "./data_tab.mjs";
import { at } from "./replay.mjs";
import { RunChart } from "./run_chart.mjs";
import { drawable, title, usual } from "./run_columns.mjs";
import { RunPanel } from "./run_panel.mjs";
import { RunTable, stateOf } from "./run_table.mjs";

const NAMES = ["where", "runs", "broken", "data_sets", "live", "recording", "selected", "hidden", "column", "across", "log", "time"];
const HEARD_MS = 20_000; // between two messages that somebody sees this
const REPLAY_STEPS = 200; // of the slider

class Studio extends Part {
  #states = null; // of the runs when they were last shown

  constructor(model) {
    super(model);
    this.#build();
  }

  #build() {
    this.table = new RunTable((selected) => this.save({ selected }), (key, drawn) => this.#switch(key, drawn));
    this.time = slider("Time", { min: 0, max: REPLAY_STEPS, step: 1 }, (place) => this.save({ time: (place / REPLAY_STEPS) * this.get("recording").length }));
    this.replay = element("div", { className: "gu-replay" }, element("p", { className: "gx-note" }, "A recording: move the slider to see the runs at another time."), this.time.el);
    this.chart = new RunChart();
    this.column = choice("Column", [], (column) => this.save({ column }));
    this.across = radios("Over", [["step", "Steps"], ["seconds", "Seconds"]], (across) => this.save({ across }), { titled: true, className: "gx-radios gu-across" });
    this.log = check("Logarithmic", (log) => this.save({ log }));
    this.omitted = element("p", { className: "gx-note gu-omitted" });
    this.panel = new RunPanel((message) => this.model.send(message));
    this.answer = element("p", { className: "gx-message gu-answer" });
    this.broken = element("ul", { className: "gu-broken" });
    this.unread = element("div", { className: "gu-unread" }, element("p", { className: "gx-title" }, "Logs that cannot be read"), this.broken);
    this.data = new DataTab();
    this.tabs = new Tabs("Runs, or a data set", [
      ["Runs", this.replay, this.table.el, this.panel.el, this.answer, element("div", { className: "gu-drawing" }, this.column.el, this.across.el, this.log.el), this.chart.el, this.omitted, this.unread],
      ["Data set", this.data.el],
    ]);
    this.news = element("p", { className: "gx-news", role: "status" });
    this.el = element("section", { className: "gx gu", "aria-label": "Training runs of a folder" }, ...this.tabs.elements, this.news);
  }

  // ---- what is known elsewhere -----------------------------------------------------------------

  follow(signal) {
    const draw = () => this.#draw();
    const reactions = NAMES.map((name) => [`change:${name}`, draw]);
    reactions.push(["msg:custom", (message) => this.#answered(message)]);
    react(this.model, reactions, signal);
    draw();
    signal.addEventListener("abort", () => this.chart.stop());
    if (!this.get("live")) return;
    const watched = () => this.model.send({ watched: true });
    const beat = setInterval(watched, HEARD_MS);
    signal.addEventListener("abort", () => clearInterval(beat));
    watched();
  }

  #answered({ said, failed }) {
    if (said === undefined) return;
    this.answer.textContent = this.news.textContent = said;
    this.answer.classList.toggle("gu-failed", Boolean(failed));
  }

  #switch(key, drawn) {
    const others = this.get("hidden").filter((other) => other !== key);
    this.save({ hidden: drawn ? others : [...others, key] });
  }

  // ---- what is shown ---------------------------------------------------------------------------

  /** The rows, and the curve of each by its key: from the kernel, or as recorded. */
  #seen() {
    if (this.get("recording").runs) return at(this.get("recording"), this.get("time"));
    const rows = this.get("runs");
    return { rows, curves: Object.fromEntries(rows.map(({ key, curve }) => [key, this.get(curve) ?? {}])) };
  }

  #draw() {
    const { rows, curves } = this.#seen();
    const [hidden, live] = [this.get("hidden"), this.get("live")];
    const chosen = rows.find(({ key }) => key === this.get("selected")) ?? rows.at(-1) ?? null;
    this.table.el.hidden = !rows.length;
    this.table.show(rows, chosen?.key, hidden);
    this.panel.show(chosen, live);
    this.#drawChart(rows, curves, chosen, hidden);
    this.#drawTime();
    const broken = this.get("broken");
    this.unread.hidden = !broken.length;
    resize(this.broken, broken.length, () => element("li")).forEach((item, i) => (item.textContent = broken[i].reason));
    this.data.show(this.get("data_sets"));
    this.#tell(rows);
  }

  #drawChart(rows, curves, chosen, hidden) {
    const columns = drawable(rows);
    const wanted = this.get("column");
    const column = columns.includes(wanted) ? wanted : usual(rows.filter(({ key }) => !hidden.includes(key)));
    const names = columns.includes(column) ? columns : [column, ...columns];
    resize(this.column.input, names.length, () => element("option")).forEach((option, i) => Object.assign(option, { value: names[i], textContent: title(names[i]) }));
    this.column.input.value = column;
    this.across.set(this.get("across"));
    this.log.input.checked = this.get("log");
    const lines = rows.map((row, place) => ({ name: row.name, key: row.key, place, curve: curves[row.key], chosen: row.key === chosen?.key })).filter(({ key }) => !hidden.includes(key));
    this.omitted.textContent = this.chart.draw({ lines, column, across: this.get("across"), log: this.get("log") });
  }

  #drawTime() {
    const { runs, length } = this.get("recording");
    this.replay.hidden = !runs;
    if (!runs) return;
    const time = this.get("time");
    this.time.set(Math.round((time / (length || 1)) * REPLAY_STEPS), `${clock(time)} of ${clock(length)}`);
  }

  /** Say to screen readers which runs are new or have another state. */
  #tell(rows) {
    const states = new Map(rows.map((row) => [row.key, `${row.name} is ${stateOf(row)}`]));
    const changed = this.#states && [...states].filter(([key, text]) => this.#states.get(key) !== text);
    if (changed?.length) this.news.textContent = `${changed.map(([, text]) => text).join(". ")}.`;
    this.#states = states;
  }
}

/** Seconds as minutes and seconds: 2:05. */
function clock(seconds) {
  const all = Math.round(seconds);
  return `${Math.floor(all / 60)}:${String(all % 60).padStart(2, "0")}`;
}

export default explorable((model) => new Studio(model));
