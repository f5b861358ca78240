"""Which mistake explains an answer: the only one that agrees with everything the answer returned.

Key idea: a mistake is named only if it agrees with every result, correct or wrong, and no other
mistake does. If none is named, the numbers may still show a common pattern
(`grooves.checks.diagnoses`). Part of the labs' checks (every chapter).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grooves.checks.diagnoses import pattern
from grooves.checks.failures import UNRECOGNISED, CheckFailed
from grooves.checks.smallest import smallest_case
from grooves.checks.survey import Finding, opened

NONE_OF_THE_USUAL = "This is none of the usual mistakes."


def note(finding: Finding) -> None:
    """Add a finding to the open survey; without one, a wrong result is refused at once.

    Raises: CheckFailed as `verdict` returns it.
    """
    findings = opened()
    if findings is not None:
        findings.append(finding)
    elif finding.wrong:
        raise verdict([finding])


def verdict(findings: Sequence[Finding]) -> CheckFailed | None:
    """The refusal that follows from the findings, or None if none of them is wrong.

    Its message is about the first wrong result. Its hint is the name of the mistake that explains
    all results, or of the pattern that they show, or "unrecognised".
    """
    first = next((finding for finding in findings if finding.wrong), None)
    if first is None:
        return None
    named = explanations(findings, first)
    if len(named) == 1:
        (name, says), *_ = named.items()
        return CheckFailed(f"{first.told}\nLikely mistake: {says}", hint=name)

    if found := pattern(findings):
        name, says = found
        return CheckFailed(f"{first.told}\n{says}", hint=name)
    told = f"{first.told}\n{NONE_OF_THE_USUAL} {smallest_case(findings)}"
    return CheckFailed(told, hint=UNRECOGNISED)


def explanations(findings: Sequence[Finding], first: Finding) -> dict[str, str]:
    """The mistakes that agree with all findings: the sentence about each, by name.

    A mistake may be listed several times under one name, once for each way of making it; one of
    these has to agree with all findings.
    """
    tables = [_by_place(finding.mistakes) for finding in findings]
    found: dict[str, str] = {}
    for place, mistake in _by_place(first.mistakes).items():
        if mistake.name in found:
            continue
        pairs = [
            (f, table[place]) for f, table in zip(findings, tables, strict=True) if place in table
        ]
        if all(_agrees(finding, mistake) for finding, mistake in pairs):
            found[mistake.name] = mistake.says
    return found


def _by_place(mistakes: Sequence) -> dict[tuple[str, int], object]:
    """Mistakes by name and by the number of earlier ones with this name."""
    seen: dict[str, int] = {}
    table = {}
    for mistake in mistakes:
        n = seen.get(mistake.name, 0)
        table[mistake.name, n] = mistake
        seen[mistake.name] = n + 1
    return table


def _agrees(finding: Finding, mistake) -> bool:
    try:
        with np.errstate(
            all="ignore"
        ):  # a division by 0 in a mistake's code must not warn the student
            return bool(finding.agrees(mistake))
    except Exception:  # a mistake's code may fail on some inputs, in any way
        return False
