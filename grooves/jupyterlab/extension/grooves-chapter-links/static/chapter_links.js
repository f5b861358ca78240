/* Links from notebooks to chapters open the chapter's page, in a tab of its own.

   JupyterLab would open book/NN_name.md, the source. The server knows where the page is
   (grooves/jupyterlab/server.py). JupyterLab loads this file as it is: no build step. */
(() => {
  "use strict";

  /** Where the page of a link's chapter is, or null where the link leads elsewhere. */
  function pageOf(link) {
    const { baseUrl } = JSON.parse(document.getElementById("jupyter-config-data").textContent);
    const root = new URL(baseUrl, location.origin).pathname;
    const target = new URL(link.href, location.href);
    const [, chapter] = /^files\/book\/(.+)\.md$/.exec(target.pathname.slice(root.length)) ?? [];
    const ours = target.origin === location.origin && target.pathname.startsWith(root);
    return ours && chapter ? `${root}course/book/${chapter}.html${target.hash}` : null;
  }

  function openPage(event) {
    const link = event.target.closest?.("a[href]");
    const page = link && pageOf(link);
    if (!page) return;
    event.preventDefault();
    event.stopImmediatePropagation();  // JupyterLab's own listener would open the source as well
    window.open(page, "_blank");
  }

  const plugin = {
    id: "grooves-chapter-links:plugin",
    autoStart: true,
    activate: () => document.addEventListener("click", openPage, { capture: true }),
  };
  // The form in which JupyterLab expects a module that was built apart from it.
  window._JUPYTERLAB ??= {};
  window._JUPYTERLAB["grooves-chapter-links"] = {
    init() {},
    get: async () => () => ({ __esModule: true, default: plugin }),
  };
})();
