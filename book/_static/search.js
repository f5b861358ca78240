/* The search: chapters before everything else, what is typed led to the chapter that explains it
   (search-words.js, written by book_search), no code in the excerpts. Loaded before Sphinx's own
   searchtools.js, whose settings and functions it takes the place of. */

/** A phrase as book_search writes it: small letters, one space, no hyphens, no plural s. */
function plainPhrase(phrase) {
  const words = phrase.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.map((word) => (word.length > 3 && /[^s]s$/.test(word) ? word.slice(0, -1) : word)).join(" ");
}

/** What a page of its kind is worth beside others that hold the same words. */
function kindScore(page) {
  if (/^book\/\d\d_/.test(page)) return 300;
  if (page === "book/glossary") return 250;
  if (page.startsWith("book/")) return 150;
  return page.startsWith("notebooks/") ? 100 : 0;
}

// eslint-disable-next-line no-var -- searchtools.js looks whether there is such a variable
var Scorer = {
  score: ([page, , anchor, , score]) => kindScore(page) + score - (anchor ? 1 : 0),
  objNameMatch: 11, objPartialMatch: 6, objPrio: { 0: 15, 1: 5, 2: -5 }, objPrioDefault: 0,
  title: 15, partialTitle: 7, term: 5, partialTerm: 2,
};

/** A formula in a sentence as plain text: a/b, x^2. */
function onOneLine(formula) {
  for (const part of formula.querySelectorAll("mfrac")) part.lastElementChild.before("/");
  for (const part of formula.querySelectorAll("msup, msubsup")) part.lastElementChild.before("^");
  return formula.textContent;
}

document.addEventListener("DOMContentLoaded", () => {
  "use strict";
  if (typeof Search === "undefined") return;

  /** The page that explains the query goes on top, whether or not it holds the words. */
  const perform = Search._performSearch;
  Search._performSearch = (query, ...terms) => {
    const found = perform(query, ...terms).filter(([page]) => !["genindex", "search"].includes(page));
    const page = SEARCH_WORDS[plainPhrase(query)];
    const number = Search._index.docnames.indexOf(page);
    if (number < 0) return found; // results stand in the opposite order: the first comes last
    const others = found.filter(([name, , anchor]) => name !== page || anchor);
    const { titles, filenames } = Search._index;
    return [...others, [page, titles[number], "", null, 1000, filenames[number]]];
  };

  const toText = Search.htmlToText;
  Search.htmlToText = (html, anchor) => {
    const parsed = new DOMParser().parseFromString(html, "text/html");
    const left = parsed.querySelectorAll(
      "pre, .highlight, .cell_output, .folded-code, .math-block, table, nav, .toc, noscript, .bd-header-article, #jb-print-docs-body, .code-block-caption",
    );
    for (const part of left) part.remove();
    for (const formula of parsed.querySelectorAll("math")) formula.replaceWith(onOneLine(formula));
    return toText(parsed.documentElement.outerHTML, anchor).replace(/\s+/g, " ");
  };
});
