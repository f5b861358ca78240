/* What the theme leaves to be desired: search from disk, names for assistive technology, the form
   that leads to a JupyterHub, what is printed. */
(() => {
  "use strict";

  // The summaries under search results are fetched, which browsers refuse on file://. The index
  // itself is a script and loads; so search works there too, without summaries.
  if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS !== "undefined") {
    DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  }

  /** Names and landmarks that the theme leaves out, for those who hear the page. */
  function mendTheme() {
    const sidebar = document.querySelector(".bd-sidebar-primary");
    sidebar?.setAttribute("role", "region");
    sidebar?.setAttribute("aria-label", "Book");
    for (const summary of document.querySelectorAll(".bd-links summary")) {
      const page = summary.closest("li")?.querySelector("a")?.textContent.trim();
      summary.setAttribute("aria-label", `Pages under ${page}`);
    }
    // The role that docutils gives an entry of the bibliography is no longer part of ARIA.
    for (const entry of document.querySelectorAll("[role=doc-biblioentry]")) {
      entry.setAttribute("role", "listitem");
    }
  }

  const SCROLLS = ".bd-article pre, .math-scroll, .cell_output, .text_html, .widget-still, .table-scroll, .pst-scrollable-table-container";

  /** What scrolls sideways takes the focus, so that keys can scroll it, and fades where it goes on.
      It is looked at again whenever it or its content changes size: a fold opens, a font arrives. */
  function mindWhatScrolls() {
    const sizes = new ResizeObserver((entries) => {
      for (const box of new Set(entries.map(({ target }) => target.closest(SCROLLS)))) mind(box);
    });
    const boxes = document.querySelectorAll(SCROLLS);
    for (const box of boxes) {
      box.addEventListener("scroll", fade, { passive: true });
      for (const one of box.matches("pre") ? [box] : [box, ...box.children]) sizes.observe(one);
      mind(box);
    }
    document.fonts.addEventListener("loadingdone", () => boxes.forEach(mind));
  }

  function mind(box) {
    const scrolls = box.scrollWidth > box.clientWidth + 1;
    if (scrolls) box.tabIndex = 0;
    else if (!box.matches("pre")) box.removeAttribute("tabindex"); // that of code is the theme's
    const caption = box.querySelector(":scope > table > caption"); // stays in sight, so it must not fade
    if (caption) box.style.setProperty("--captioned", `${caption.offsetHeight}px`);
    fade({ target: box });
  }

  function fade({ target: box }) {
    const rest = box.scrollWidth - box.clientWidth - box.scrollLeft;
    const more = [box.scrollLeft > 1 && "left", rest > 1 && "right"].filter(Boolean).join(" ");
    if (more) box.dataset.more = more;
    else delete box.dataset.more;
  }

  /** Paper is white, and nothing unfolds on it: a page is printed in the light scheme with every
      answer open, whatever the reader has chosen, and is put back afterwards. */
  function prepareForPaper() {
    const root = document.documentElement;
    let chosen;
    let folded = [];
    addEventListener("beforeprint", () => {
      chosen ??= root.dataset.theme;
      root.dataset.theme = "light";
      const now = document.querySelectorAll(".bd-article details:not([open], .folded-code)");
      for (const fold of now) fold.open = true;
      folded = [...folded, ...now];
    });
    addEventListener("afterprint", () => {
      if (chosen) root.dataset.theme = chosen;
      chosen = undefined;
      for (const fold of folded) fold.open = false;
      folded = [];
    });
  }

  /** What answers on the screen is a picture on paper: that which readers without scripts see. */
  function keepStillsForPaper() {
    for (const figure of document.querySelectorAll(".explorable")) {
      const words = figure.querySelector("noscript")?.textContent ?? "";
      const still = new DOMParser().parseFromString(words, "text/html").querySelector("img");
      if (!still) continue;
      still.classList.add("only-on-paper");
      figure.classList.add("has-still");
      figure.querySelector(".explorable-mount").after(still);
    }
  }

  function openHub(form) {
    const { repository, branch } = form.dataset;
    const wanted = new URLSearchParams(location.search).get("notebook");
    if (wanted) form.elements.notebook.value = wanted;
    try { form.elements.hub.value = localStorage.getItem("hub") ?? ""; } catch { /* private mode */ }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const hub = form.elements.hub.value.replace(/\/+$/, "");
      try { localStorage.setItem("hub", hub); } catch { /* private mode */ }
      const folder = repository.split("/").at(-1).replace(/\.git$/, "");
      const urlpath = `lab/tree/${folder}/${form.elements.notebook.value}`;
      const query = new URLSearchParams({ repo: repository, branch, urlpath });
      location.assign(`${hub}/hub/user-redirect/git-pull?${query}`);
    });
  }

  document.addEventListener("DOMContentLoaded", () => {
    mendTheme();
    mindWhatScrolls();
    prepareForPaper();
    keepStillsForPaper();
    document.querySelectorAll(".hub-form").forEach(openHub);
  });
})();
