// Pictures made of lines: SVG elements, and a curve of a loss on its way down.

/** An SVG element with attributes and children. */
export function shape(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const [WIDTH, HEIGHT, LEFT, BOTTOM] = [300, 110, 44, 16]; // in the picture's own pixels
const MOST_POINTS = 240;
const FLAT = 1e-6; // losses below are drawn at this height: nobody sees zero on a log scale

/** The loss at each step, on a scale where each line up is ten times as much. */
export class Curve {
  #picture = shape("svg", { class: "gb-curve", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });

  constructor(show) {
    this.show = show; // a number as text
    this.el = this.#picture;
    this.draw([]);
  }

  /** losses: before the first step, and after each. */
  draw(losses) {
    const finite = losses.filter(Number.isFinite);
    const label = losses.length > 1
      ? `Loss over ${losses.length - 1} steps: from ${this.show(losses[0])} to ${this.show(losses.at(-1))}, at its lowest ${this.show(Math.min(...finite))}`
      : "Loss over the steps: none yet";
    this.#picture.setAttribute("aria-label", label);
    const powers = finite.map((loss) => Math.log10(Math.max(loss, FLAT)));
    const low = Math.floor(Math.min(0, ...powers) + 1e-9);
    const high = Math.max(low + 1, Math.ceil(Math.max(...powers, -9) - 1e-9));
    const y = (power) => 8 + ((high - power) / (high - low)) * (HEIGHT - BOTTOM - 14);
    const steps = Math.max(1, losses.length - 1);
    const x = (step) => LEFT + (step / steps) * (WIDTH - LEFT - 8);
    const every = Math.ceil((high - low) / 4);
    const lines = [];
    for (let power = low; power <= high; power += every) {
      const [at, text] = [y(power), this.show(10 ** power)];
      lines.push(shape("line", { x1: LEFT, x2: WIDTH - 8, y1: at, y2: at, class: "gb-grid" }));
      lines.push(shape("text", { x: LEFT - 6, y: at + 3.5, "text-anchor": "end" }, text));
    }
    const stride = Math.ceil(losses.length / MOST_POINTS);
    const kept = losses.map((loss, step) => [step, loss]).filter(([step], i, all) => step % stride === 0 || i === all.length - 1);
    const places = kept.filter(([, loss]) => Number.isFinite(loss)).map(([step, loss]) => [x(step), y(Math.log10(Math.max(loss, FLAT)))]);
    const path = places.map((place) => place.map((n) => n.toFixed(1)).join(",")).join(" ");
    const parts = [...lines, shape("polyline", { points: path, class: "gb-line" })];
    if (places.length) parts.push(shape("circle", { cx: places.at(-1)[0], cy: places.at(-1)[1], r: 3.5, class: "gb-now" }));
    parts.push(shape("text", { x: LEFT, y: HEIGHT - 3 }, "step 0"));
    if (losses.length > 1) parts.push(shape("text", { x: WIDTH - 8, y: HEIGHT - 3, "text-anchor": "end" }, `step ${losses.length - 1}`));
    this.#picture.replaceChildren(...parts);
  }
}
