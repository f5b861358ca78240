// The steps of an explorable that is too much for one screen: tabs, of which one panel is shown.
//
// Key idea: roles and keys are those of the ARIA Authoring Practices: Tab reaches the chosen tab,
// arrow keys, Home and End move between the tabs, and a panel is named by its tab.

import { element, moveTo } from "./dom.mjs";

export class Tabs {
  #tabs;
  #panels;

  /** steps: pairs of a name and the elements of its panel; the first one is shown. */
  constructor(label, steps) {
    const id = `gx-${Math.random().toString(36).slice(2, 8)}`;
    const parts = steps.map(([name, ...children], i) => {
      const [tab, panel] = [`${id}-tab-${i}`, `${id}-panel-${i}`];
      const button = element("button", { type: "button", role: "tab", id: tab, "aria-controls": panel }, name);
      button.addEventListener("click", () => this.show(i));
      button.addEventListener("keydown", (event) => this.#key(event, i));
      return [button, element("div", { role: "tabpanel", id: panel, "aria-labelledby": tab, className: "gx-panel" }, ...children)];
    });
    this.#tabs = parts.map(([tab]) => tab);
    this.#panels = parts.map(([, panel]) => panel);
    this.elements = [element("div", { className: "gx-tabs", role: "tablist", "aria-label": label }, ...this.#tabs), ...this.#panels];
    this.show(0);
  }

  show(chosen) {
    this.#tabs.forEach((tab, i) => {
      tab.setAttribute("aria-selected", String(i === chosen));
      tab.tabIndex = i === chosen ? 0 : -1;
      this.#panels[i].hidden = i !== chosen;
    });
  }

  #key(event, i) {
    const last = this.#tabs.length - 1;
    const to = { ArrowLeft: i ? i - 1 : last, ArrowRight: i < last ? i + 1 : 0, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    moveTo(this.#tabs, to, (at) => this.show(at));
  }
}
