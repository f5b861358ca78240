"""Similar code: pairs of submissions that share more than their class does.

Key idea: code becomes a sequence of the kinds of its tokens, with every name replaced by its order
of appearance, so that renaming and layout change nothing. What two submissions share in runs of
`RUN` tokens counts, less what the reference, the released text or much of the class has, too.
Runs as fingerprints: Schleimer, Wilkerson and Aiken, "Winnowing" (2003), section 2.
Labs of every chapter.
"""

from __future__ import annotations

import ast
import html
import io
import tokenize
from collections import Counter
from dataclasses import dataclass
from itertools import combinations

from grooves.grading.records.people import Person
from grooves.grading.records.standing import Rules, standings
from grooves.grading.records.store import Store

RUN = 10  # tokens; about two lines
COMMON = 0.2  # share of the class that makes a run ordinary
LEAST = 12  # runs of one's own that both must have, to be compared at all
WORTH_A_LOOK = 0.3


@dataclass(frozen=True)
class Pair:
    """Two people. share: of the runs of the shorter one, those that both have; exercises: where."""

    first: Person
    second: Person
    share: float
    exercises: tuple[str, ...]
    code: tuple[tuple[str, str, str], ...]  # (exercise, the first's code, the second's)


def pairs(store: Store, lab: str, rules: Rules, reference=None) -> list[Pair]:
    """The pairs worth a look, most alike first.

    reference: the lab's (`grooves.grading.reference.Reference`), whose answers count for nothing.
    """
    everyone = [s for s in standings(store, lab, rules) if s.scores]
    ordinary = set()
    if reference is not None:
        for cell in reference.cells:
            ordinary |= runs(cell.source) | runs(cell.released)
    found = []
    for one in everyone:
        code = {s.result.exercise: s.result.code for s in one.scores if s.result.code.strip()}
        found.append((one.person, code, {name: runs(text) for name, text in code.items()}))
    having = Counter(run for _, _, by in found for run in set().union(*by.values()))
    if len(everyone) >= 10:
        ordinary |= {run for run, n in having.items() if n > COMMON * len(everyone)}
    own = [(who, code, {name: r - ordinary for name, r in by.items()}) for who, code, by in found]
    result = []
    for (first, code_1, by_1), (second, code_2, by_2) in combinations(own, 2):
        all_1, all_2 = set().union(*by_1.values()), set().union(*by_2.values())
        fewest = min(len(all_1), len(all_2))
        if fewest < LEAST:
            continue
        share = len(all_1 & all_2) / fewest
        if share >= WORTH_A_LOOK:
            names = [n for n in by_1 if n in by_2 and len(by_1[n] & by_2[n]) >= LEAST // 2]
            code = tuple((n, code_1[n], code_2[n]) for n in names)
            result.append(Pair(first, second, share, tuple(names), code))
    return sorted(result, key=lambda pair: -pair.share)


def runs(source: str) -> set[tuple]:
    """The runs of tokens in a cell; none where it is not Python.

    Names that the code binds become their order of appearance in the run.
    """
    tokens, bound = _tokens(source)
    found = set()
    for i in range(len(tokens) - RUN + 1):
        names: dict[str, int] = {}
        found.add(
            tuple(
                names.setdefault(word, len(names)) if word in bound else word
                for word in tokens[i : i + RUN]
            )
        )
    return found


def _tokens(source: str) -> tuple[list[str], set[str]]:
    """The tokens of a cell without layout, comments and docstrings, and the names that it binds."""
    try:
        tree = ast.parse(source)
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and _is_text(body[0]):
                node.body = body[1:] or [ast.Pass()]
        plain = ast.unparse(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [], set()
    nodes = list(ast.walk(tree))
    bound = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    bound |= {n.arg for n in nodes if isinstance(n, ast.arg)}
    bound |= {n.name for n in nodes if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    kinds = (tokenize.NAME, tokenize.NUMBER, tokenize.OP, tokenize.STRING)
    tokens = tokenize.generate_tokens(io.StringIO(plain).readline)
    return [token.string for token in tokens if token.type in kinds], bound


def _is_text(statement) -> bool:
    value = getattr(statement, "value", None)
    return isinstance(statement, ast.Expr) and isinstance(getattr(value, "value", None), str)


def page(found: list[Pair], title: str) -> str:
    """The pairs as a page, with both codes side by side."""
    rows = []
    for pair in found:
        codes = "".join(
            f"<h3>{html.escape(name)}</h3><div class='two'><pre>{html.escape(a)}</pre>"
            f"<pre>{html.escape(b)}</pre></div>"
            for name, a, b in pair.code
        )
        who = f"{html.escape(pair.first.name)} and {html.escape(pair.second.name)}"
        rows.append(
            f"<details><summary>{pair.share:.0%}: {who} ({len(pair.code)} exercises)</summary>"
            f"{codes}</details>"
        )
    style = (
        ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;margin:1rem auto;"
        "max-width:75rem;padding:0 1rem}.two{display:grid;grid-template-columns:1fr 1fr;gap:1rem}"
        "pre{white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid;padding:.5rem}"
        "summary{cursor:pointer;padding:.25rem 0}"
        "@media(max-width:40rem){.two{grid-template-columns:1fr}}"
    )
    none = "<p>No pair is more alike than the class is.</p>"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}: similar submissions</title><style>{style}</style></head>"
        f"<body><main><h1>{html.escape(title)}: similar submissions</h1>"
        "<p>The share is that of the runs of ten tokens which both have, of those that the shorter "
        "one has to itself; what the reference or a fifth of the class has is left out. It is a "
        f"list to look at and not a verdict.</p>{''.join(rows) or none}</main></body></html>\n"
    )
