// The explorable `roofline`: which limit binds an operation on a device, and what would help.
// Chapter 11.
//
// Key idea: an operation takes at least as long as its arithmetic and at least as long as moving its
// data; the reader predicts which is longer.
// State: devices, device, operation, size, batch, shared, precision, measured, asks, guesses.

import { choice as list, radios, slider } from "../shared/controls.mjs";
import { element } from "../shared/dom.mjs";
import { explorable, Part, react } from "../shared/explorable.mjs";
import { Bars } from "../shared/plane.mjs";
import { Prediction, praise } from "../shared/prediction.mjs";
import { help, origin, question, tooLarge, verdict } from "./sentences.mjs";
import { RooflineTables } from "./tables.mjs";
import { RooflineView } from "./view.mjs";
import { quantity } from "../shared/units.mjs";
import { BYTES, met, OPERATIONS, precisions } from "./workloads.mjs";

const NAMES = ["devices", "device", "operation", "size", "batch", "shared", "precision", "measured", "asks"];
const SLIDERS = ["size", "batch", "shared"];

class Roofline extends Part {
  #answered = ""; // the case for which the answer was shown
  #saying = 0; // a timer: screen readers are told when a slider rests

  constructor(model) {
    super(model);
    this.view = new RooflineView();
    this.tables = new RooflineTables();
    this.#build();
  }

  #build() {
    this.device = list("Device", [], (device) => this.save({ device }));
    const formats = Object.keys(BYTES).map((precision) => [precision, precision]);
    this.precisions = radios("Precision", formats, (precision) => this.save({ precision }), { className: "gr-precisions", titled: true });
    this.source = element("p", { className: "gx-note gr-source" });
    const operations = Object.entries(OPERATIONS).map(([value, { name }]) => [value, name]);
    this.operations = radios("Operation", operations, (operation) => this.#choose(operation), { className: "gr-cards", option: "gr-card" });
    this.sliders = element("div", { className: "gr-sliders" });
    this.bars = new Bars(["Arithmetic", "Memory"], "How long each takes");
    this.verdict = element("p", { className: "gc-verdict" });
    this.help = element("p", { className: "gc-help" });
    this.warning = element("p", { className: "gx-message" });
    this.answer = element("div", { className: "gr-answer" }, this.bars.el, this.verdict, this.help);
    this.prediction = new Prediction([["arithmetic", "The arithmetic"], ["memory", "Moving the data"]], (guess) => this.#guess(guess), (asks) => this.save({ asks }), this.answer);
    this.news = element("p", { className: "gx-news", role: "status" });
    this.el = element(
      "section",
      { className: "gx gr", "aria-label": "Which limit binds: arithmetic or memory?" },
      element("div", { className: "gr-top" }, this.device.el, this.precisions.el),
      this.operations.el,
      this.sliders,
      this.warning,
      this.prediction.el,
      this.view.el,
      element("p", { className: "gx-note" }, "Assumed: every value is moved once, arithmetic and transfers overlap, and a launch takes no time. Small operations fit in a cache and are launch-bound."),
      this.source,
      this.tables.el,
      this.news,
    );
  }

  // ---- what is known elsewhere -----------------------------------------------------------------

  /** Follow the model's state until `signal` says that the page has no use for this any more. */
  follow(signal) {
    const draw = () => this.#draw();
    react(this.model, NAMES.map((name) => [`change:${name}`, draw]), signal);
    draw();
    signal.addEventListener("abort", () => {
      this.view.stop();
      clearTimeout(this.#saying);
    });
  }

  // ---- what the reader does --------------------------------------------------------------------

  #choose(operation) {
    const sizes = SLIDERS.map((name) => [name, 2 ** (OPERATIONS[operation][name]?.[3] ?? 0)]);
    this.save({ operation, ...Object.fromEntries(sizes) });
  }

  /** guess: "arithmetic", "memory", or null to be shown. */
  #guess(guess) {
    const { device, choice, precision, key } = this.#case();
    this.#answered = key;
    const { binds } = met(device, choice, precision);
    if (guess) this.save({ guesses: [...this.get("guesses"), { device: device.name, ...choice, precision, guess, binds }] });
    this.#draw();
    const said = guess ? `${praise(this.get("guesses"), "binds")} ` : "";
    this.prediction.say(said.trim());
    this.news.textContent = `${this.verdict.textContent} ${this.help.textContent}`;
    this.prediction.switch.focus({ preventScroll: true }); // the button that had the focus is gone
  }

  /** What is chosen. A precision without a figure for the device is replaced by one that has one. */
  #case() {
    const devices = this.get("devices");
    const device = devices.find(({ name }) => name === this.get("device")) ?? devices[0];
    const [operation, size, batch, shared] = ["operation", ...SLIDERS].map((name) => this.get(name));
    const possible = precisions(device, operation);
    const wanted = this.get("precision");
    const precision = possible.includes(wanted) ? wanted : possible[0];
    return { devices, device, possible, precision, choice: { operation, size, batch, shared }, key: `${device.name} ${operation} ${precision}` };
  }

  // ---- what is shown ---------------------------------------------------------------------------

  #draw() {
    const { devices, device, possible, precision, choice, key } = this.#case();
    const asks = this.get("asks");
    const shown = !asks || this.#answered === key;
    const now = met(device, choice, precision);
    const names = devices.map(({ name }) => name);
    if (`${names}` !== this.known) {
      this.known = `${names}`;
      this.device.input.replaceChildren(...names.map((name) => element("option", { value: name }, name)));
    }
    this.device.input.value = device.name;
    this.precisions.set(precision);
    for (const { control } of this.precisions.labels) control.disabled = !possible.includes(control.value);
    this.source.replaceChildren(...linked(origin(device)));
    this.operations.set(choice.operation);
    this.#drawSliders(choice);
    this.warning.textContent = tooLarge(device, choice, now);
    if (!shown) this.prediction.draw(question({ device, operation: choice.operation, precision }), asks);
    else this.prediction.draw(null, asks);
    this.view.draw({ device, choice, precision, measured: this.get("measured"), shown });
    this.bars.draw([now.arithmetic, now.memory], [now.arithmetic, now.memory].map((one) => quantity(one, "s")), now.binds === "memory" ? 1 : 0);
    this.verdict.textContent = verdict(now);
    this.help.textContent = help(device, choice, precision);
    this.tables.draw({ devices, device, choice, precision, now, shown });
  }

  /** The sliders of an operation, rebuilt only when the operation changes. */
  #drawSliders(choice) {
    if (this.sliders.dataset.of !== choice.operation) {
      this.sliders.dataset.of = choice.operation;
      const used = SLIDERS.filter((name) => name in OPERATIONS[choice.operation]);
      this.handles = used.map((name) => {
        const [label, min, max] = OPERATIONS[choice.operation][name];
        return [name, slider(label, { min, max, step: 1 }, (power) => this.#slide(name, 2 ** power))];
      });
      this.sliders.replaceChildren(...this.handles.map(([, { el }]) => el));
    }
    for (const [name, handle] of this.handles) handle.set(Math.log2(choice[name]), choice[name].toLocaleString("en"));
  }

  #slide(name, value) {
    this.save({ [name]: value });
    clearTimeout(this.#saying);
    if (!this.answer.hidden) this.#saying = setTimeout(() => (this.news.textContent = this.verdict.textContent), 600);
  }
}

/** A text with its addresses as links, each named after its site. */
function linked(text) {
  return text.split(/(https?:\/\/[^\s),;]+[^\s),;.])/).map((part, i) => (i % 2 ? element("a", { href: part }, new URL(part).hostname) : part));
}

export default explorable((model) => new Roofline(model));
