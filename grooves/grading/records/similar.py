"""Similar code: groups of submissions that share more than is usual in their class.

Key idea: code becomes a sequence of token kinds, in which each name is replaced with its order of
appearance, so renaming and layout make no difference. Submissions are compared by the runs of `RUN`
tokens that they share, without those that the reference, the released text or much of the class
has as well. The more tokens are shared, the stronger the evidence. People who share one solution
form one entry.
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
from statistics import mean

from grooves.grading.records.html_page import document
from grooves.grading.records.people import Person
from grooves.grading.records.standing import Rules, standings
from grooves.grading.records.store import Store

RUN = 10  # tokens; about two lines
COMMON = 0.2  # a run that this fraction of the class has is ordinary
LEAST = 12  # both must have this many runs of their own to be compared at all
LONG = 60  # runs: two answers this long are not identical by chance, whatever the class does
WEAK = 60  # shared tokens: fewer can be explained by chance or a common textbook
WORTH_A_LOOK = 0.3


@dataclass(frozen=True)
class Group:
    """Two people or more whose code is alike.

    share: the fraction of the shorter submission's runs that both have, on average over the pairs;
    tokens: the least that any pair shares; exercises: where; code: for each exercise, the text of
    each person, in their order.
    """

    people: tuple[Person, ...]
    share: float
    tokens: int
    exercises: tuple[str, ...]
    code: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def is_weak(self) -> bool:
        """Whether too little is shared to be strong evidence."""
        return self.tokens < WEAK

    @property
    def names(self) -> str:
        """The people's names, joined for a sentence."""
        *first, last = (person.name for person in self.people)
        return f"{', '.join(first)} and {last}"


def groups(store: Store, lab: str, rules: Rules, reference=None) -> list[Group]:
    """The groups worth examining, the strongest evidence first.

    reference: of the lab (`grooves.grading.reference.Reference`); what its answers have is ignored.
    """
    everyone = [s for s in standings(store, lab, rules) if s.scores]
    given = set()
    if reference is not None:
        for cell in reference.cells:
            given |= runs(cell.source) | runs(cell.released)
    code = [
        {s.result.exercise: s.result.code for s in one.scores if s.result.code.strip()}
        for one in everyone
    ]
    own = [{name: runs(text) - given for name, text in by.items()} for by in code]
    if len(everyone) >= 10:
        ordinary = _ordinary(own)
        own = [{name: found - ordinary for name, found in by.items()} for by in own]
    whole = [set().union(*by.values()) for by in own]
    shared = {}
    for i, j in combinations(range(len(everyone)), 2):
        if (fewest := min(len(whole[i]), len(whole[j]))) >= LEAST:
            common = len(whole[i] & whole[j])
            shared[i, j] = (common / fewest, common)
    people = [one.person for one in everyone]
    found = [_group(members, shared, people, code, own) for members in _together(shared)]
    return sorted(found, key=lambda group: (-group.share * group.tokens, group.names))


def _ordinary(own: list[dict[str, set]]) -> set[tuple]:
    """The runs that much of the class has; a long answer counts once with its copies."""
    having: Counter = Counter()
    originals: dict[str, list[set]] = {}
    for by in own:
        counted = set()
        for name, found in by.items():
            known = originals.setdefault(name, [])
            copied = any(len(found & other) > 0.8 * len(found | other) for other in known)
            if len(found) < LONG or not copied:
                known.append(found)
                counted |= found
        having.update(counted)
    return {run for run, n in having.items() if n > COMMON * len(own)}


def _together(shared: dict[tuple[int, int], tuple[float, int]]) -> list[list[int]]:
    """The pairs worth examining, merged into groups whose pairs are, on average, similar enough.

    A pair that connects two groups which are not similar stays an entry of its own.
    """

    def alike(a: int, b: int) -> float:
        return shared.get((min(a, b), max(a, b)), (0.0, 0))[0]

    worth = [pair for pair, (share, _) in shared.items() if share >= WORTH_A_LOOK]
    worth.sort(key=lambda pair: (-shared[pair][0] * shared[pair][1], pair))
    group_of = {one: [one] for pair in worth for one in pair}
    for a, b in worth:
        first, second = group_of[a], group_of[b]
        if first is second:
            continue
        if mean(alike(i, j) for i in first for j in second) >= WORTH_A_LOOK:
            first.extend(second)
            group_of |= dict.fromkeys(second, first)
    joined = {id(group): sorted(group) for group in group_of.values() if len(group) > 1}
    return [*joined.values(), *([a, b] for a, b in worth if group_of[a] is not group_of[b])]


def _group(members, shared, people, code, own) -> Group:
    pairs = [shared[pair] for pair in combinations(members, 2) if pair in shared]
    tokens = min(common for _, common in pairs) + RUN - 1
    first, *others = members
    names = tuple(
        name
        for name, found in own[first].items()
        if all(len(found & own[i].get(name, set())) >= LEAST // 2 for i in others)
    )
    texts = tuple((name, tuple(code[i][name] for i in members)) for name in names)
    who = tuple(people[i] for i in members)
    return Group(who, mean(share for share, _ in pairs), tokens, names, texts)


def runs(source: str) -> set[tuple]:
    """The runs of tokens in a cell; none if it is not Python.

    Names that the code binds are replaced with their order of appearance in the run.
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


_STYLE = """
:root { color-scheme: light dark; } h3 { margin: 1rem 0 0; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 1rem auto; max-width: 75rem; padding: 0 1rem; }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; } figure { margin: 0; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid; padding: .5rem; }
summary { cursor: pointer; padding: .25rem 0; }
@media (max-width: 40rem) { .two { grid-template-columns: 1fr; } }
"""
_EXPLAINED = (
    f"<p>Names, comments and layout are ignored, and so is code that also occurs in the course's "
    f"solution, in the text that students were given, or in a fifth of the class. The percentage "
    f"says how much of the shorter submission is shared; the number of tokens says how much code "
    f"that is. Below {WEAK} tokens, which is about {WEAK // 5} lines, similarity is weak evidence. "
    "This is a list to look at, not a verdict.</p>"
)


def page(found: list[Group], title: str) -> str:
    """The groups as a page, with the code of all members side by side."""
    rows = []
    for group in found:
        codes = "".join(
            f"<h3>{html.escape(name)}</h3><div class='two'>"
            + "".join(
                f"<figure><figcaption>{html.escape(person.name)}</figcaption>"
                f"<pre>{html.escape(text)}</pre></figure>"
                for person, text in zip(group.people, texts, strict=True)
            )
            + "</div>"
            for name, texts in group.code
        )
        rows.append(f"<details><summary>{html.escape(summary(group))}</summary>{codes}</details>\n")
    none = "<p>No submissions are more similar than usual in this class.</p>"
    return document(
        f"{title}: similar submissions",
        _STYLE,
        f"<h1>{html.escape(title)}: similar submissions</h1>\n{_EXPLAINED}\n"
        f"{''.join(rows) or none}\n",
    )


def summary(group: Group) -> str:
    """One line about a group: how similar, how much code, who and where."""
    n = len(group.people)
    who = f"{n} people: {group.names}" if n > 2 else group.names
    where = ", ".join(group.exercises) or "no single exercise"
    weak = ", weak evidence" if group.is_weak else ""
    return f"{group.share:.0%} similar, {group.tokens} tokens{weak}: {who} ({where})"
