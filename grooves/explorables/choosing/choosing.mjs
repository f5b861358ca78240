// The explorable `choosing`: which machine is the cheapest for which workload, as a map. Chapter 15.
//
// Key idea: a point of the map is a workload, and its colour the machine that meets the goals at the
// lowest cost; sliders move prices, and with them the borders.
// State: models, offers, settings; model, requests, tokenS, tokensIn, tokensOut, firstS, peak,
// rentFactor, eurPerKwh, ask, guess.

import { button, check, choice, rateSlider, slider } from "../shared/controls.mjs";
import { element, resize } from "../shared/dom.mjs";
import { explorable, Part, react } from "../shared/explorable.mjs";
import { shape } from "../shared/svg.mjs";
import { digits, quantity } from "../shared/units.mjs";
import { map, ranked } from "./plans.mjs";
import { cells, doubt, euros, question, right, verdict, whole, wrong } from "./sentences.mjs";

const NAMES = ["model", "requests", "tokenS", "tokensIn", "tokensOut", "firstS", "peak", "rentFactor", "eurPerKwh", "ask", "guess"];
const HEADS = ["Machine", "how", "per token", "used", "per day"];
const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [640, 400, 84, 46, 26];
const [LOW_X, HIGH_X, LOW_Y, HIGH_Y] = [2, 7, -3.3, -0.7]; // powers of ten: requests per day, s
const [COLUMNS, ROWS] = [26, 20];
const POINTS = (from, to, n) => Array.from({ length: n }, (_, i) => 10 ** (from + ((to - from) * i) / (n - 1)));

class Choosing extends Part {
  #saying = 0;

  constructor(model) {
    super(model);
    this.#build();
  }

  #build() {
    const offers = this.get("offers").map(({ name }) => name);
    this.question = element("p", { className: "gx-title" });
    this.answers = element("div", { className: "gx-controls" }, ...offers.map((name) => button(name, () => this.#guess(name))), button("Show me", () => this.#guess("")));
    this.box = element("div", { className: "gc-question", role: "group", "aria-label": "Predict first" }, this.question, this.answers);
    this.said = element("p", { className: "gc-said", role: "status" });
    this.asks = check("Ask me first", (ask) => this.save({ ask, guess: null }));
    this.model_ = choice("Model", this.get("models").map(({ name }) => [name, name]), (model) => this.#turn({ model }));
    const range = (min, max) => ({ min, max });
    this.sliders = [
      ["requests", rateSlider("Requests per day", range(LOW_X, HIGH_X), (requests) => this.#turn({ requests }), whole)],
      ["tokenS", rateSlider("Per token, at most", range(LOW_Y, HIGH_Y), (tokenS) => this.#turn({ tokenS }), (s) => quantity(s, "s"))],
      ["tokensIn", rateSlider("Tokens in", range(1, 4), (tokensIn) => this.#turn({ tokensIn: Math.round(tokensIn) }), whole)],
      ["tokensOut", rateSlider("Tokens out", range(1, 3.5), (tokensOut) => this.#turn({ tokensOut: Math.round(tokensOut) }), whole)],
      ["firstS", rateSlider("First token within", range(-1, 1.5), (firstS) => this.#turn({ firstS }), (s) => quantity(s, "s"))],
    ];
    this.plain = [
      ["peak", slider("Busiest hour over mean", { min: 1, max: 10, step: 0.5 }, (peak) => this.#turn({ peak })), (x) => `${digits(x)} times`],
      ["rentFactor", slider("Rents", { min: 0.25, max: 3, step: 0.25 }, (rentFactor) => this.#turn({ rentFactor })), (x) => `${digits(x)} times the table’s`],
      ["eurPerKwh", slider("Electricity", { min: 0.05, max: 0.6, step: 0.05 }, (eurPerKwh) => this.#turn({ eurPerKwh })), (x) => `${x.toFixed(2)} € per kWh`],
    ];
    const workload = element("div", { className: "gs-sliders" }, this.model_.el, ...this.sliders.map(([, { el }]) => el), ...this.plain.map(([, { el }]) => el));
    this.picture = shape("svg", { class: "gs-map", role: "img" });
    this.legend = element("ul", { className: "gs-legend" });
    this.verdict = element("p", { className: "gc-verdict" });
    this.doubt = element("p", { className: "gc-help" });
    this.rows = element("tbody");
    const table = element("table", { className: "gs-plans" }, element("caption", { className: "gx-title" }, "The cheapest plans for this workload"), element("thead", {}, element("tr", {}, ...HEADS.map((head) => element("th", { scope: "col" }, head)))), this.rows);
    this.answer = element("div", {}, this.verdict, this.doubt, element("div", { className: "gx-table", role: "region", "aria-label": "The cheapest plans", tabIndex: 0 }, table));
    this.news = element("p", { className: "gx-news", role: "status" });
    this.el = element(
      "section",
      { className: "gx gs", "aria-label": "Which machine is the cheapest" },
      element("div", { className: "gs-top" }, workload, element("div", {}, element("div", { className: "gx-stack" }, this.box, element("div", { className: "gs-frame" }, this.picture, this.legend)))),
      element("div", { className: "gs-under" }, this.said, this.asks.el),
      this.answer,
      this.news,
    );
  }

  follow(signal) {
    const draw = () => this.#draw();
    react(this.model, NAMES.map((name) => [`change:${name}`, draw]), signal);
    draw();
    signal.addEventListener("abort", () => clearTimeout(this.#saying));
  }

  // ---- what the reader does --------------------------------------------------------------------

  #guess(guess) {
    this.save({ guess });
    this.#draw();
    this.news.textContent = this.verdict.textContent;
    this.asks.input.focus({ preventScroll: true }); // the button that had the focus is gone
  }

  #turn(changes) {
    const another = ["model", "requests", "tokenS", "tokensIn", "tokensOut", "firstS"].some((name) => name in changes);
    this.save(this.get("ask") && another ? { ...changes, guess: null } : changes);
    clearTimeout(this.#saying);
    this.#saying = setTimeout(() => (this.news.textContent = this.#hidden() ? this.question.textContent : this.verdict.textContent), 600);
  }

  #hidden() {
    return this.get("ask") && this.get("guess") === null;
  }

  // ---- what is shown ---------------------------------------------------------------------------

  #draw() {
    const [models, offers] = [this.get("models"), this.get("offers")];
    const model = models.find(({ name }) => name === this.get("model")) ?? models[0];
    const work = Object.fromEntries(["requests", "tokenS", "tokensIn", "tokensOut", "firstS", "peak"].map((name) => [name, this.get(name)]));
    const settings = { ...this.get("settings"), rentFactor: this.get("rentFactor"), eurPerKwh: this.get("eurPerKwh") };
    const plans = ranked(offers, model, work, settings);
    const winner = plans[0]?.offer ?? "";
    this.model_.input.value = model.name;
    for (const [name, { set }] of this.sliders) set(this.get(name));
    for (const [name, { set }, says] of this.plain) set(this.get(name), says(this.get(name)));
    const hidden = this.#hidden();
    this.asks.input.checked = this.get("ask");
    this.question.textContent = question(work);
    this.box.hidden = !hidden;
    this.picture.parentElement.hidden = hidden;
    this.answer.hidden = hidden;
    const guess = this.get("guess");
    this.said.textContent = hidden || !guess ? "" : guess === winner ? right(winner) : wrong(guess, winner);
    this.verdict.textContent = verdict(plans);
    this.doubt.textContent = doubt(plans);
    const shown = plans.slice(0, 4);
    const lines = resize(this.rows, shown.length, () => element("tr", {}, element("th", { scope: "row" }), ...HEADS.slice(1).map(() => element("td"))));
    lines.forEach((line, i) => cells(shown[i]).forEach((text, column) => (line.children[column].textContent = text)));
    if (!hidden) this.#drawMap(offers, model, work, settings, winner);
  }

  #drawMap(offers, model, work, settings, winner) {
    const [xs, ys] = [POINTS(LOW_X, HIGH_X, COLUMNS), POINTS(LOW_Y, HIGH_Y, ROWS)];
    const found = map(offers, model, work, settings, xs, ys);
    const [w, h] = [(WIDTH - LEFT - 8) / COLUMNS, (HEIGHT - BOTTOM - TOP) / ROWS];
    const place = (name) => offers.findIndex((offer) => offer.name === name);
    const parts = [];
    found.forEach((row, i) => row.forEach((name, j) => {
      if (name) parts.push(shape("rect", { x: (LEFT + j * w).toFixed(1), y: (HEIGHT - BOTTOM - (i + 1) * h).toFixed(1), width: (w + 0.3).toFixed(1), height: (h + 0.3).toFixed(1), class: `gs-area gs-${place(name)}` }));
    }));
    const x = (requests) => LEFT + ((Math.log10(requests) - LOW_X) / (HIGH_X - LOW_X)) * (WIDTH - LEFT - 8);
    const y = (seconds) => HEIGHT - BOTTOM - ((Math.log10(seconds) - LOW_Y) / (HIGH_Y - LOW_Y)) * (HEIGHT - BOTTOM - TOP);
    for (let power = LOW_X; power <= HIGH_X; power++) parts.push(shape("text", { x: x(10 ** power), y: HEIGHT - BOTTOM + 17, "text-anchor": power === HIGH_X ? "end" : "middle" }, quantity(10 ** power, "").trim()));
    for (const seconds of [0.001, 0.01, 0.1]) parts.push(shape("text", { x: LEFT - 6, y: y(seconds) + 4, "text-anchor": "end" }, quantity(seconds, "s")));
    parts.push(shape("text", { x: 4, y: 17 }, "time per token, at most"));
    parts.push(shape("text", { x: (LEFT + WIDTH) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, "requests per day"));
    parts.push(shape("circle", { cx: x(work.requests).toFixed(1), cy: y(work.tokenS).toFixed(1), r: 8, class: "gs-here" }));
    this.picture.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    const names = [...new Set(found.flat())].filter(Boolean).sort((a, b) => place(a) - place(b));
    this.picture.setAttribute("aria-label", `Map of the cheapest machine over requests per day and seconds per token. Areas of ${names.join(", ") || "none"}; the chosen workload lies in ${winner ? `the area of ${winner}` : "no area"}`);
    this.picture.replaceChildren(...parts);
    this.legend.replaceChildren(...names.map((name) => element("li", {}, element("span", { className: `gs-swatch gs-${place(name)}`, "aria-hidden": "true" }), `${name}, ${euros(offers[place(name)].eur)}/h`)));
  }
}

export default explorable((model) => new Choosing(model));
