/* Starts explorables on a static page: anywidget modules without a kernel (book/_ext/book_explorable.py).

   A module and its data arrive as ordinary scripts, because those load from file:// too. Here each
   source becomes a module with an address of its own (a blob), what it imports first. */
(() => {
  "use strict";
  const folder = new URL("explorables/", document.currentScript.src);
  const scripts = new Map();

  /** Load an ordinary script once. */
  function load(file) {
    if (!scripts.has(file)) {
      scripts.set(file, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = new URL(file, folder);
        script.onload = resolve;
        script.onerror = () => {
          scripts.delete(file); // whoever asks again tries again
          reject(new Error(`${file} is missing`));
        };
        document.head.append(script);
      }));
    }
    return scripts.get(file);
  }

  /** Load a style sheet, and wait for it: a module may measure what it draws. */
  function style(file) {
    return new Promise((resolve, reject) => {
      const link = document.createElement("link");
      Object.assign(link, { rel: "stylesheet", href: new URL(file, folder) });
      link.onload = resolve;
      link.onerror = () => reject(new Error(`${file} is missing`));
      document.head.append(link);
    });
  }

  /** Import the last of these [name, source] pairs; each may import those before it. */
  function importGraph(graph) {
    const address = new Map();
    for (const [name, source] of graph) {
      const linked = source.replace(/grooves-module:([\w.-]+)/g, (_, other) => address.get(other));
      const blob = new Blob([linked, `\n//# sourceURL=${name}`], { type: "text/javascript" });
      address.set(name, URL.createObjectURL(blob));
    }
    return import(address.get(graph.at(-1)[0]));
  }

  /** Bytes as anywidget hands them over. */
  function decode(base64) {
    const text = atob(base64);
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    return new DataView(bytes.buffer);
  }

  /** The part of anywidget's model that needs no kernel. parts: scripts with bytes, by name. */
  class Model {
    #state;
    #parts;
    #listeners = new Map();
    constructor(state, parts) {
      this.#state = { ...state };
      this.#parts = parts;
    }
    get(name) { return this.#state[name]; }
    set(name, value) {
      if (typeof name === "object") {
        for (const [key, one] of Object.entries(name)) this.set(key, one);
        return;
      }
      if (Object.is(this.#state[name], value)) return;
      this.#state[name] = value;
      this.#tell(`change:${name}`, value);
      this.#tell("change");
    }
    #tell(event, ...details) {
      this.#say(event, this, ...details);
    }
    #say(event, ...details) {
      for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(...details);
    }
    on(event, listener) {
      if (!this.#listeners.has(event)) this.#listeners.set(event, new Set());
      this.#listeners.get(event).add(listener);
    }
    off(event, listener) {
      if (listener) this.#listeners.get(event)?.delete(listener);
      else if (event) this.#listeners.delete(event);
      else this.#listeners.clear();
    }
    save_changes() {}
    /** The only message that is answered without a kernel: a part of the state that is wanted. */
    send({ want } = {}) {
      const file = this.#parts[want];
      if (!file) throw new Error("there is no kernel on a static page to send to");
      load(file).then(
        () => this.#say("msg:custom", { part: want }, [decode(globalThis.grooves.parts[file])]),
        (error) => this.#say("msg:custom", { part: want, failed: error.message }, []),
      );
    }
  }

  async function mount(place) {
    const { module, data, css } = place.dataset;
    try {
      await Promise.all([load(module), data && load(data), css && style(css)]);
      const { plain, bytes, parts } = (data && globalThis.grooves.data[data]) || { plain: {}, bytes: {}, parts: {} };
      const state = { ...plain, ...JSON.parse(place.dataset.state) };
      const binary = Object.entries(bytes).map(async ([name, file]) => {
        await load(file);
        state[name] = decode(globalThis.grooves.parts[file]);
      });
      await Promise.all(binary);
      const loaded = (await importGraph(globalThis.grooves.modules[module])).default;
      const widget = typeof loaded === "function" ? await loaded() : loaded;
      const model = new Model(state, parts);
      await widget.initialize?.({ model, experimental: {} });
      await widget.render?.({ model, el: place, experimental: {} });
      place.dataset.ready = "yes";
    } catch (error) {
      console.error(error);
      // Better the still picture than nothing. A <noscript> holds its content as text.
      const still = place.parentElement.querySelector("noscript")?.textContent ?? "";
      place.innerHTML = still;
      place.querySelector("p:last-of-type")?.remove();
      const note = document.createElement("p");
      note.textContent = `This part of the page could not start: ${error.message}`;
      note.setAttribute("role", "status");
      place.append(note);
      place.dataset.ready = "failed";
    }
  }

  const start = () => document.querySelectorAll(".explorable-mount").forEach(mount);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
