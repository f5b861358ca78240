/* Filters for the ledger, by verdict, chapter and source. They are read off the table itself, so the
   page without scripts is the same table. */
(() => {
  "use strict";

  /** A choice among the values that the rows have; the empty one stands for all. */
  function choice(name, values) {
    const label = document.createElement("label");
    const select = document.createElement("select");
    select.name = name.toLowerCase();
    select.append(new Option("all", ""), ...values.map((value) => new Option(value, value)));
    label.append(name, select);
    return label;
  }

  function button(text) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    return made;
  }

  /** The section of a table, heading and all, or the table where it shares its section. */
  function block(table) {
    const section = table.closest("section");
    return section?.querySelectorAll("table.ledger").length === 1 ? section : table;
  }

  function start(rows) {
    const texts = (row, selector) => [...row.querySelectorAll(selector)].map((part) => part.textContent);
    const facts = new Map(rows.map((row) => [row, {
      verdict: texts(row, ".verdict"),
      chapter: row.dataset.chapters.split(" "),
      source: texts(row, ".bibtex-citation"),
    }]));
    const values = (name) => [...new Set([...facts.values()].flatMap((fact) => fact[name]))];
    const folds = rows.flatMap((row) => [...row.querySelectorAll("details")]);

    const form = document.createElement("form");
    form.className = "ledger-filters";
    form.setAttribute("aria-label", "Filter the claims");
    const status = document.createElement("output");
    const unfold = button("Unfold all findings");
    const reset = button("Show all claims");
    form.append(
      choice("Verdict", values("verdict")),
      choice("Chapter", values("chapter").sort((a, b) => a - b)),
      choice("Source", values("source").sort()),
      unfold, reset, status,
    );

    function apply() {
      const wanted = Object.fromEntries(["verdict", "chapter", "source"].map((name) => [name, form.elements[name].value]));
      for (const [row, fact] of facts) {
        row.hidden = Object.entries(wanted).some(([name, value]) => value && !fact[name].includes(value));
      }
      for (const table of document.querySelectorAll("table.ledger")) {
        const empty = !table.querySelector("tbody tr:not([hidden])");
        block(table).hidden = empty;
      }
      const shown = rows.filter((row) => !row.hidden).length;
      status.textContent = `${shown} of ${rows.length} claims shown`;
      reset.disabled = shown === rows.length;
    }

    form.addEventListener("change", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    reset.addEventListener("click", () => { form.reset(); apply(); form.elements.verdict.focus(); });
    unfold.addEventListener("click", () => {
      const open = !folds.some((fold) => fold.open);
      for (const fold of folds) fold.open = open;
      unfold.textContent = open ? "Fold all findings" : "Unfold all findings";
    });

    /** Who is led to a claim from elsewhere sees its finding. */
    function showTarget() {
      const row = document.getElementById(location.hash.slice(1))?.closest("table.ledger tr");
      if (!row) return;
      if (row.hidden) { form.reset(); apply(); }
      for (const fold of row.querySelectorAll("details")) fold.open = true;
    }

    block(rows[0].closest("table")).before(form);
    apply();
    showTarget();
    addEventListener("hashchange", showTarget);
  }

  document.addEventListener("DOMContentLoaded", () => {
    const rows = [...document.querySelectorAll("table.ledger tbody tr")];
    if (rows.length) start(rows);
  });
})();
