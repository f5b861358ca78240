// What every explorable does: it begins and ends, keeps its keys, and shares its state.
//
// Key idea: what is chosen stands in the model alone, which is the page's or the kernel's; a part
// reads it there and writes it there.

/** What shows a model's state, and changes it. */
export class Part {
  constructor(model) {
    this.model = model;
  }

  get(name) {
    return this.model.get(name);
  }

  save(changes) {
    for (const [name, value] of Object.entries(changes)) this.model.set(name, value);
    this.model.save_changes();
  }
}

/** Answer changes of the model, pairs ["change:name", action], until `signal` says it is over. */
export function react(model, reactions, signal) {
  for (const [event, action] of reactions) model.on(event, action);
  signal.addEventListener("abort", () => {
    for (const [event, action] of reactions) model.off(event, action);
  });
}

/** The module of an explorable. make(model) gives what has an `el` and a `follow(signal)`. */
export function explorable(make) {
  const render = ({ model, el, signal }) => {
    const ended = new AbortController();
    signal?.addEventListener("abort", () => ended.abort());
    const made = make(model);
    // JupyterLab would take the arrow keys, and Shift-Enter.
    made.el.addEventListener("keydown", (event) => event.stopPropagation());
    el.append(made.el);
    made.follow(ended.signal);
    return () => ended.abort();
  };
  return { render };
}
