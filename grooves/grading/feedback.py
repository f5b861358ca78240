"""Feedback: the page that a student gets.

Key idea: a page is one file that needs nothing else, holds no script, and says for each exercise
what the check said, in the check's own words. Everything a student wrote is escaped.
Labs of every chapter.
"""

from __future__ import annotations

import html
import re

from grooves.grading.results import Graded, Result

# state -> (a sign beside the word, since colour alone says nothing to many; its colour's name)
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
:focus-visible { outline: 3px solid; outline-offset: 2px; }
"""


def page(graded: Graded, title: str) -> str:
    """The feedback page of one submission as HTML; `title` is the lab's."""
    name, lab = html.escape(graded.submission), html.escape(title)
    total = f"{graded.total:g} of {graded.out_of:g} points"
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in graded.notes)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{lab}: feedback for {name}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<main>\n<h1>{lab}</h1>\n<p>Feedback for <strong>{name}</strong>: {total}.</p>\n"
        f'<p><progress max="{max(graded.out_of, 1):g}" value="{graded.total:g}" '
        f'aria-label="Points">{total}</progress></p>\n'
        + (f"<p>{html.escape(graded.reason)}</p>\n" if graded.reason else "")
        + (f"<h2>Notes</h2>\n<ul>{notes}</ul>\n" if notes else "")
        + ("" if graded.reason else "".join(_section(result) for result in graded.results))
        + "</main>\n</body>\n</html>\n"
    )


def _section(result: Result) -> str:
    sign, tone = _SIGNS.get(result.state, ("✗", "bad"))
    title = html.escape(result.exercise.replace("_", " "))
    points = f"{result.out_of:g} points by hand"
    if result.state != "by hand":
        points = f"{result.points:g} of {result.out_of:g}"
    code = (
        f"<details><summary>The code that was graded</summary><pre>{_clean(result.code)}</pre>"
        "</details>"
        if result.code.strip()
        else ""
    )
    message = "" if result.state == "passed" else f"<pre>{_clean(result.message)}</pre>"
    return (
        f'<section>\n<div class="head"><h2>{title}</h2> <span class="state {tone}">'
        f'<span aria-hidden="true">{sign}</span> {html.escape(result.state)}</span> '
        f'<span class="points">{points}</span></div>\n{message}{code}\n</section>\n'
    )


def _clean(text: str) -> str:
    """Escaped, without terminal colours and without characters that HTML does not allow."""
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
    return html.escape(re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "�", text))
