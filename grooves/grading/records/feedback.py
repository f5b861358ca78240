"""Feedback: the page that a student gets.

Key idea: a page is one self-contained file without scripts. For each exercise it shows the check's
own message and the instructor's comment. All text that a person wrote is escaped. On paper, the
page looks as it does on the screen, with the code unfolded.
Labs of every chapter.
"""

from __future__ import annotations

import html
import re

from grooves.grading.records.html_page import document
from grooves.grading.records.standing import Score, Standing

# state -> (a sign beside the word, for readers who cannot tell colours apart; its colour's name)
_SIGNS = {"passed": ("✓", "good"), "not started": ("○", "plain"), "by hand": ("✎", "plain")}
_STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #fff; --soft: #f2f3f5; --line: #8a8f98;
  --good: #0b6b3a; --bad: #a3261b; --plain: #4a4f57; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8ec; --paper: #16181c; --soft: #24272d;
  --line: #7d838d; --good: #6fd39b; --bad: #ff9d8f; --plain: #b5bac3; } }
body { margin: 0 auto; max-width: 46rem; padding: 1.5rem 1rem 4rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 0; }
section { border-top: 1px solid var(--line); padding: 1rem 0; }
.head { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline; }
.points { margin-left: auto; white-space: nowrap; }
.state { font-weight: 600; white-space: nowrap; } .good { color: var(--good); }
.bad { color: var(--bad); } .plain { color: var(--plain); }
progress { width: 100%; height: 1rem; }
pre { background: var(--soft); padding: .75rem; margin: .5rem 0 0; white-space: pre-wrap;
  font: .9rem/1.45 ui-monospace, monospace; }
summary { cursor: pointer; margin-top: .5rem; }
.comment { border-left: .25rem solid var(--line); margin: .75rem 0; padding: .25rem .75rem; }
@media print { :root { --ink: #000; --paper: #fff; --soft: #fff; --line: #666; --good: #064d29;
  --bad: #7d150d; --plain: #333; } body { max-width: none; padding: 0; }
  .head { break-after: avoid; }
  details::details-content { content-visibility: visible; block-size: auto; } }
:focus-visible { outline: 3px solid; outline-offset: 2px; }
"""


def page(standing: Standing, title: str, institution: str = "", counts: bool = True) -> str:
    """The feedback page of one submission as HTML.

    title: of the lab. institution: the line above it. counts: whether this submission is the one
    that counts for the person.
    """
    graded = standing.graded
    name, lab = html.escape(standing.person.name), html.escape(title)
    total = f"{standing.total:g} of {standing.out_of:g} points"
    said = list(standing.remarks)
    if not counts:
        said.insert(0, "This file does not count: another one of yours does.")
    if standing.set_total is not None:
        said.append(f"Your instructor set the total to {standing.total:g} points.")
    elif standing.extra:
        said.append(f"{standing.extra:+g} points from your instructor.")
    if standing.reason:
        said.append(f"Reason: {standing.reason}")
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in said)
    above = f"<p>{html.escape(institution)}</p>\n" if institution else ""
    sections = "".join(_section(n, score) for n, score in enumerate(standing.scores, 1))
    body = (
        f"{above}<h1>{lab}</h1>\n<p>Feedback for <strong>{name}</strong>: {total}.</p>\n"
        f'<p><progress max="{max(standing.out_of, 1):g}" value="{standing.total:g}" '
        f'aria-label="Points">{total}</progress></p>\n'
        + _comment(standing.comment)
        + (f"<h2>Notes</h2>\n<ul>{notes}</ul>\n" if notes else "")
        + (
            sections
            if not graded.reason or any(s.given or s.comment for s in standing.scores)
            else ""
        )
    )
    return document(f"{title}: feedback for {standing.person.name}", _STYLE, body)


def _section(number: int, score: Score) -> str:
    result = score.result
    sign, tone = _SIGNS.get(result.state, ("✗", "bad"))
    title = html.escape(result.title or result.exercise.replace("_", " "))
    points = f"{score.points:g} of {result.out_of:g}"
    if result.state == "by hand" and not score.changed:
        points = f"{result.out_of:g} points by hand"
    elif score.changed and result.state != "by hand":
        points += f" (the check: {result.points:g})"
    code = (
        f"<details><summary>The code that was graded</summary><pre>{_clean(result.code)}</pre>"
        "</details>"
        if result.code.strip()
        else ""
    )
    message = "" if result.state == "passed" else f"<pre>{_clean(result.message)}</pre>"
    if result.stood_in:
        message += f"<p>{html.escape(_stood_in(result.stood_in, result.state))}</p>"
    return (
        f'<section>\n<div class="head"><h2>{number}. {title}</h2> <span class="state {tone}">'
        f'<span aria-hidden="true">{sign}</span> {html.escape(result.state)}</span> '
        f'<span class="points">{points}</span></div>\n{message}'
        f"{_comment(score.comment, score.reason if score.changed else '')}{code}\n</section>\n"
    )


def _stood_in(names: str, state: str) -> str:
    """A sentence for exercises that were judged with the reference in place of failed ones."""
    what = "Judged" if state == "passed" else "Judged again"
    return f"{what} with the course's own {names}, because yours did not pass."


def _comment(comment: str, reason: str = "") -> str:
    """The instructor's comment, if there is one."""
    said = [text for text in (comment, f"Reason: {reason}" if reason else "") if text]
    if not said:
        return ""
    lines = "<br>".join(html.escape(line) for text in said for line in text.splitlines())
    return f'<p class="comment"><strong>Your instructor:</strong> {lines}</p>\n'


def _clean(text: str) -> str:
    """Escaped, without terminal colours and without characters that HTML does not allow."""
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
    return html.escape(re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "�", text))
