"""The ledger: every claim of the sources, with the verdict that an executed cell has stated.

    ```{ledger} training
    :caption: Claims about training
    ```

lists the claims whose first chapter belongs to that part. The verdicts are read from the executed
notebooks when all pages have been read (grooves.plots.claims.collect); a claim without a verdict is
listed as not yet checked, or as not in this edition where its chapter was left out.
`{ledger-summary}` counts them. ledger.js adds filters; without scripts it is a table with findings
that unfold.
"""

from collections import Counter
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from grooves.grading.edition.settings import NOT_HERE
from grooves.plots import claims

logger = logging.getLogger(__name__)
BADGES = {  # the class of a verdict's badge
    claims.HOLDS: "holds",
    claims.IN_PART: "in-part",
    claims.WRONG: "wrong",
    claims.NOT_CHECKABLE: "none",
}
COLUMNS = ("Claim", "Verdict", "What was found")


class ledger_table(nodes.General, nodes.Element):
    """A table with explicit ARIA roles, which it keeps when laid out as cards."""


class ledger_row(nodes.Part, nodes.Element): ...


class ledger_cell(nodes.Part, nodes.Element): ...


class ledger_fold(nodes.General, nodes.Element):
    """What was found about a claim, folded."""


class ledger_finding(nodes.General, nodes.Element):
    """The place of a claim's verdict, filled in when every notebook has been read."""


class ledger_count(nodes.General, nodes.Element): ...


class Ledger(SphinxDirective):
    """The claims of one part: training, inference or hardware."""

    required_arguments = 1
    option_spec = {"caption": directives.unchanged_required}  # noqa: RUF012 docutils wants a dict

    def run(self):
        part = self.arguments[0]
        table = ledger_table(caption=self.options.get("caption", f"Claims about {part}"))
        for claim in claims.claims().values():
            if claim.chapters[0].part == part:
                table += self.row(claim)
        if not table.children:
            raise self.error(f"{part=} has no claims: give training, inference or hardware")
        _pages(self.env).add(self.env.docname)
        return [table]

    def row(self, claim):
        row = ledger_row(claim=claim.id)
        about = ledger_cell(label=COLUMNS[0])
        sources = ", ".join(f"{{cite:t}}`{key}`" for key in claim.sources)
        about += self.parse_text_to_nodes(f"**{claim.id}** {claim.text}\n\n{sources}\n")
        row += about
        for label in COLUMNS[1:]:
            cell = ledger_cell(label=label)
            cell += ledger_finding(claim=claim.id, label=label)
            row += cell
        return row


class LedgerSummary(SphinxDirective):
    """How many claims there are, how many have a verdict, and which."""

    def run(self):
        _pages(self.env).add(self.env.docname)
        return [ledger_count()]


def _pages(env):
    """Names of the pages that show verdicts."""
    if not hasattr(env, "ledger_pages"):
        env.ledger_pages = set()
    return env.ledger_pages


def read_verdicts(app, env):
    """When all notebooks have run, collect their verdicts and mark the ledger for rewriting."""
    executed = Path(app.outdir).parent / "jupyter_execute"
    env.ledger_verdicts = {}
    for page in sorted(env.found_docs):
        notebook = executed / f"{page}.ipynb"
        if not notebook.is_file() or not page.startswith("notebooks/"):
            continue
        try:
            stated = claims.collect([notebook])
        except ValueError as error:
            logger.warning("%s", error, location=page)
            continue
        for verdict in stated:
            env.ledger_verdicts.setdefault(verdict.claim, []).append((page, verdict))
    return sorted(_pages(env))


def fill_in(app, doctree, docname):
    """Put the verdicts into the ledger's page."""
    found = app.env.ledger_verdicts if docname in _pages(app.env) else {}
    for place in list(doctree.findall(ledger_finding)):
        claim = claims.claims()[place["claim"]]
        stated = found.get(claim.id, [])
        show = _verdicts if place["label"] == COLUMNS[1] else _findings
        place.replace_self(show(app, docname, claim, stated))
    for place in list(doctree.findall(ledger_count)):
        place.replace_self(
            nodes.paragraph("", _count(found, app.config.edition), classes=["ledger-summary"])
        )


def _count(found, edition):
    total = len(claims.claims())
    by_wording = Counter(verdict.verdict for stated in found.values() for _, verdict in stated[-1:])
    counts = [
        f"{n} {wording if n == 1 else _plural(wording)}" for wording, n in by_wording.most_common()
    ]
    text = f"{len(found)} of {total} claims have been checked so far"
    text = f"{text}: {', '.join(counts)}." if counts else f"{text}."
    away = [c for c in claims.claims().values() if c.id not in found and _left_out(c, edition)]
    if not away:
        return text
    belong = "claim belongs" if len(away) == 1 else "claims belong"
    return f"{text} {len(away)} {belong} to chapters that are {NOT_HERE}."


def _plural(wording):
    """A verdict's words about several claims: "does not hold" becomes "do not hold"."""
    verb, space, rest = wording.partition(" ")
    return {"does": "do"}.get(verb, verb.removesuffix("s")) + space + rest


def _left_out(claim, edition):
    """Whether a claim is checked in a chapter that this edition leaves out."""
    return any(chapter.number in edition.leave_out for chapter in claim.chapters)


def _verdicts(app, docname, claim, stated):
    if not stated:
        text = NOT_HERE if _left_out(claim, app.config.edition) else "not yet checked"
        return [_badge(text, "open")]
    wordings = dict.fromkeys(verdict.verdict for _, verdict in stated)
    return [_badge(wording, BADGES[wording]) for wording in wordings]


def _badge(text, kind):
    return nodes.paragraph("", "", nodes.inline("", text, classes=["verdict", f"verdict-{kind}"]))


def _findings(app, docname, claim, stated):
    if not stated:
        when = "Checked in" if _left_out(claim, app.config.edition) else "Planned for"
        paragraph = nodes.paragraph("", f"{when} chapter ", classes=["verdict-open"])
        for number, chapter in enumerate(claim.chapters):
            paragraph += nodes.Text(" and chapter ") if number else []
            paragraph += _chapter(app, docname, chapter)
        return [paragraph]
    fold = ledger_fold(claim=claim.id)
    for page, verdict in stated:
        text = verdict.found + (f" Better: {verdict.correction}" if verdict.correction else "")
        paragraph = nodes.paragraph("", f"{text} ")
        label = f"The cell that found it ({claim.id})"
        paragraph += _link(app, docname, page, label, f"#{verdict.anchor}")
        fold += paragraph
    return [fold]


def _chapter(app, docname, chapter):
    label = f"{chapter.number}, {chapter.title}"
    page = f"book/{chapter.name}"
    if page not in app.env.found_docs:
        return nodes.Text(label)
    return _link(app, docname, page, label)


def _link(app, docname, page, label, anchor=""):
    address = app.builder.get_relative_uri(docname, page) + anchor
    return nodes.reference("", label, internal=True, refuri=address)


def visit_table(self, node):
    heads = "".join(f'<th role="columnheader" scope="col">{name}</th>' for name in COLUMNS)
    self.body.append(
        f'<table class="ledger" role="table"><caption>{self.encode(node["caption"])}</caption>'
        f'<thead role="rowgroup"><tr role="row">{heads}</tr></thead><tbody role="rowgroup">'
    )


def depart_table(self, node):
    self.body.append("</tbody></table>\n")


def visit_row(self, node):
    numbers = " ".join(str(chapter.number) for chapter in claims.claims()[node["claim"]].chapters)
    self.body.append(f'<tr role="row" id="{node["claim"]}" data-chapters="{numbers}">')


def depart_row(self, node):
    self.body.append("</tr>\n")


def visit_cell(self, node):
    self.body.append(f'<td role="cell" data-label="{node["label"]}">')


def depart_cell(self, node):
    self.body.append("</td>")


def visit_fold(self, node):
    self.body.append(f"<details><summary>What was found ({node['claim']})</summary>")


def depart_fold(self, node):
    self.body.append("</details>")


def setup(app):
    app.add_node(ledger_table, html=(visit_table, depart_table))
    app.add_node(ledger_row, html=(visit_row, depart_row))
    app.add_node(ledger_cell, html=(visit_cell, depart_cell))
    app.add_node(ledger_fold, html=(visit_fold, depart_fold))
    app.add_node(ledger_finding)
    app.add_node(ledger_count)
    app.add_directive("ledger", Ledger)
    app.add_directive("ledger-summary", LedgerSummary)
    app.add_js_file("ledger.js")
    app.connect("env-updated", read_verdicts)
    app.connect("doctree-resolved", fill_in)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
