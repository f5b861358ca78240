"""Chapters, equations, figures, listings and exercises are numbered after the page's file name.

Sphinx would number pages by counting them, so chapter 11 would be "6" as long as chapters 7 to 10
are missing, and every number would change in an edition that leaves a chapter out. Here chapter NN
is NN, its exercises are NN.1, NN.2 and so on, and its notebook and lab continue its numbers. In the
sidebar these are called "Notebook NN" and "Lab NN". Pages that are not chapters, such as the
notation, have no number.

Parts are numbered I, II, III as soon as each of the course's three parts has a chapter in it, so
that no reader looks for a part that is not written yet.
"""

import re

from chapter_data import PAGE
from sphinx.environment.collectors.toctree import TocTreeCollector

TITLE = re.compile(r'<h1>(<span class="section-number">.*?)<a class="headerlink"', re.S)
COMPANION = re.compile(r"(notebooks|labs)/(\d\d)_\w+")
NAMES = {"notebooks": "Notebook", "labs": "Lab"}
PARTS = {"Training": "I", "Inference": "II", "Hardware": "III"}
AFTER_SPHINX = 900  # its own numbers are assigned at 500


def named(toc):
    """A table of contents that lists notebooks and labs by their chapter's number, not by title.

    toc: _toc.yml as read. Numerals are put before the parts' captions where no part is missing.
    Returns: a new table of contents.
    """
    made = _with_titles(toc)
    captions = {part.get("caption") for part in made.get("parts", ())}
    if captions >= set(PARTS):
        for part in made["parts"]:
            if part.get("caption") in PARTS:
                part["caption"] = f"{PARTS[part['caption']]} {part['caption']}"
    return made


def _with_titles(entry):
    made = dict(entry)
    found = COMPANION.fullmatch(entry.get("file", ""))
    if found and int(found[2]):
        made["title"] = f"{NAMES[found[1]]} {int(found[2])}"
    for key in ("parts", "chapters", "sections"):
        if key in entry:
            made[key] = [_with_titles(below) for below in entry[key]]
    return made


def number_of(document):
    """The number in the file name of a chapter's page, or None for any other page."""
    found = PAGE.fullmatch(document)
    return int(found[1]) or None if found else None


def assign_numbers(app, env):
    """Replace the numbers that Sphinx has assigned, and tell it which pages changed."""
    for document, contents in env.tocs.items():
        if number := number_of(document):
            page, *sections = [one["anchorname"] for one in contents.findall(_is_reference)]
            # A section without a number of its own is in the chapter; only the title shows it.
            env.toc_secnumbers[document] = {page: (number,)} | dict.fromkeys(sections, ())
            next(iter(contents.findall(_is_reference)))["secnumber"] = [number]
            env.titles[document]["secnumber"] = [number]
    return TocTreeCollector().assign_figure_numbers(env)


def _is_reference(node):
    return node.tagname == "reference" and "anchorname" in node


def number_print(app, pagename, templatename, context, doctree):
    """The title above a printed page is that of the screen, with its number."""
    if found := TITLE.search(context.get("body") or ""):
        context["pagetitle"] = found[1]


def setup(app):
    app.connect("env-get-updated", assign_numbers, priority=AFTER_SPHINX)
    app.connect("html-page-context", number_print, priority=AFTER_SPHINX)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
