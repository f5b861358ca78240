"""The report: how a class did in a lab, exercise by exercise.

Key idea: the checks name mistakes, so a class's mistakes can be counted. Other failures are grouped
by their messages, from which numbers and names are removed. Labs of every chapter.
"""

from __future__ import annotations

import html
import re
import statistics
from collections import Counter, defaultdict

from grooves.grading.records.html_page import document
from grooves.grading.records.standing import Rules, Standing, standings
from grooves.grading.records.store import Store

# The checks' hints that do not name a mistake.
UNNAMED = {"", "unrecognised", "unusable", "raised", "not_started", "not_run"}
_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")


def report(store: Store, lab: str, rules: Rules) -> dict:
    """How the class did, as data for JSON.

    Returns: {"lab", "title", "people", "states", "points", "exercises"}; an exercise has "passed"
    and "people" (those who handed in something that could be read), "states" (how many ended how),
    "mistakes" (named by the checks, most frequent first) and "unnamed" (the other messages, those
    that are alike together), each with the number of people and an example; "said" is the first
    sentence of it. "stopped" is the number of people whose code was stopped in the exercise.
    """
    everyone = standings(store, lab, rules)
    handed_in = [one for one in everyone if one.scores and not one.graded.reason]
    totals = sorted(sum(s.result.points for s in one.scores) for one in handed_in)
    names = list(dict.fromkeys(s.result.exercise for one in handed_in for s in one.scores))
    return {
        "lab": lab,
        "title": store.labs().get(lab, lab),
        "people": len(everyone),
        "states": dict(Counter(one.graded.state for one in everyone).most_common()),
        "points": {
            "out_of": max((one.out_of for one in handed_in), default=0),
            "median": statistics.median(totals) if totals else None,
            "quartiles": statistics.quantiles(totals, n=4, method="inclusive")
            if len(totals) > 1
            else None,
            "all": totals,
        },
        "exercises": [_exercise(n, name, handed_in) for n, name in enumerate(names, 1)],
    }


def _exercise(number: int, name: str, handed_in: list[Standing]) -> dict:
    found = [s.result for one in handed_in for s in one.scores if s.result.exercise == name]
    mistakes: dict[str, list[str]] = defaultdict(list)
    unnamed: dict[str, list[str]] = defaultdict(list)
    for result in found:
        if result.state in ("passed", "not started", "missing", "by hand", "stopped"):
            continue
        if result.hint in UNNAMED:
            unnamed[alike(result.message)].append(result.message)
        else:
            mistakes[result.hint].append(result.message)
    return {
        "number": number,
        "exercise": name,
        "title": found[0].title or name,
        "out_of": found[0].out_of,
        "people": len(found),
        "passed": sum(result.state == "passed" for result in found),
        "states": dict(Counter(result.state for result in found).most_common()),
        "stopped": sum(result.state == "stopped" for result in found),
        "mistakes": [
            {
                "mistake": hint,
                "said": shortened(said[0]),
                "people": len(said),
                "example": said[0],
            }
            for hint, said in _most_first(mistakes)
        ],
        "unnamed": [{"people": len(said), "example": said[0]} for _, said in _most_first(unnamed)],
    }


def alike(message: str) -> str:
    """The common part of messages that differ only in numbers, lines of code and quoted texts."""
    said = [line for line in message.splitlines() if not line.startswith(("   ", ">", "|"))]
    plain = re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", "…", "\n".join(said))
    return _NUMBER.sub("#", plain)[:300]


def shortened(message: str, most: int = 120) -> str:
    """The sentence of a message that names the mistake, or else its first one, in brief.

    most: how many characters it may have.
    """
    message = message.partition("\nLikely mistake: ")[2] or message
    first = " ".join(re.split(r"\n\s*\n", message.strip(), maxsplit=1)[0].split())
    sentence = re.match(r".+?[.!?](?= |$)", first)
    text = sentence[0] if sentence else first
    return text if len(text) <= most else f"{text[: most - 1].rsplit(' ', 1)[0]}…"


def _most_first(groups: dict[str, list[str]]) -> list[tuple[str, list[str]]]:
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))


_STYLE = """
:root { color-scheme: light dark; --line: #8a8f98; --bar: #2f6f9f; }
@media (prefers-color-scheme: dark) { :root { --bar: #7fb9e6; } }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem;
  overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; } th, td { border-bottom: 1px solid var(--line);
  padding: .3rem .5rem; text-align: left; vertical-align: top; overflow-wrap: normal; }
th { white-space: nowrap; } td.n { text-align: right; } td:last-child { overflow-wrap: anywhere; }
meter { width: 6rem; height: 1rem; } pre { white-space: pre-wrap; margin: .25rem 0; }
section { margin-top: 1.5rem; } .wide { overflow-x: auto; }
"""


def page(found: dict) -> str:
    """The report as a self-contained page; all text that a person wrote is escaped."""
    title = html.escape(found["title"])
    states = ", ".join(f"{n} {html.escape(state)}" for state, n in found["states"].items())
    points = found["points"]
    middle = ""
    if points["quartiles"]:
        low, median, high = points["quartiles"]
        middle = (
            f" Of {points['out_of']:g} points the median has {median:g}; "
            f"half of the class lies between {low:g} and {high:g}."
        )
    rows = "".join(
        f'<tr><td class="n">{one["number"]}</td><td>{html.escape(one["title"])}</td>'
        f"<td>{_passed(one)}</td><td>{html.escape(_states(one))}</td></tr>"
        for one in found["exercises"]
    )
    sections = "".join(_section(one) for one in found["exercises"])
    body = (
        f"<h1>{title}: report</h1><p>{found['people']} people: {states}.{middle}</p>"
        f"{_stopped(found['exercises'])}"
        '<div class="wide"><table><thead><tr><th>no.</th><th>exercise</th><th>passed</th>'
        f"<th>the others</th></tr></thead><tbody>{rows}</tbody></table></div>{sections}\n"
    )
    return document(f"{found['title']}: report", _STYLE, body)


def _stopped(exercises: list[dict]) -> str:
    """A sentence about the exercises in which submissions were stopped; empty if there are none."""
    said = [f"{one['stopped']} in {html.escape(one['title'])}" for one in exercises
            if one["stopped"]]  # fmt: skip
    return f"<p>Stopped: {', '.join(said)}. Read the code of these submissions.</p>" if said else ""


def _passed(one: dict) -> str:
    """A bar and the numbers; empty for an exercise that a person grades."""
    if set(one["states"]) == {"by hand"}:
        return ""
    text = f"{one['passed']} of {one['people']}"
    most = max(one["people"], 1)
    return f'<meter min="0" max="{most}" value="{one["passed"]}">{text}</meter> {text}'


def _states(one: dict) -> str:
    return ", ".join(f"{n} {state}" for state, n in one["states"].items() if state != "passed")


def _section(one: dict) -> str:
    if not one["mistakes"] and not one["unnamed"]:
        return ""
    named = "".join(
        f'<tr><td class="n">{m["people"]}</td><td>{html.escape(m["said"])} '
        f"<small>{html.escape(m['mistake'])}</small></td>"
        f"<td><pre>{html.escape(m['example'])}</pre></td></tr>"
        for m in one["mistakes"]
    )
    other = "".join(
        f'<tr><td class="n">{u["people"]}</td><td>not recognised</td>'
        f"<td><pre>{html.escape(u['example'])}</pre></td></tr>"
        for u in one["unnamed"]
    )
    return (
        f'<section><h2>{one["number"]}. {html.escape(one["title"])}</h2><div class="wide"><table>'
        "<thead><tr><th>people</th><th>mistake</th><th>message, for example</th></tr>"
        f"</thead><tbody>{named}{other}</tbody></table></div></section>"
    )
