"""Which mistake explains an answer: the only one that agrees with everything the answer returned.

Key idea: a mistake is named only if it agrees with every result, correct or wrong, and no other
mistake does. If none is named, the numbers may still show a common pattern
(`grooves.checks.diagnoses`). Part of the labs' checks (every chapter).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy as np

from grooves.checks.failures import UNRECOGNISED, CheckFailed
from grooves.checks.quiet import quiet
from grooves.checks.smallest import smallest_case
from grooves.checks.survey import Finding, opened

NONE_OF_THE_USUAL = "This is none of the usual mistakes."
SEVERAL = "No single mistake explains all your results. The one above suggests this one:"
MODERATE = 16.0  # what a fraction in an ordinary input does not exceed
PATTERNS: dict[str, tuple[Callable, str]] = {}  # filled by `diagnoses`, which `compare` imports


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
    all results, or of the pattern that they show, or "unrecognised". Where nothing explains all,
    two mistakes may have been made of which one shows in extreme inputs alone, so the wrong results
    for ordinary inputs are considered by themselves, with all right ones. Where even these show no
    single mistake, the message tells of the only one that explains the first wrong result and all
    right ones, if there is one; the hint remains "unrecognised".
    """
    first = next((finding for finding in findings if finding.wrong), None)
    if first is None:
        return None
    with quiet(), np.errstate(all="ignore"):
        return _verdict(findings, first)


def _verdict(findings: Sequence[Finding], first: Finding) -> CheckFailed:
    if failure := _recognised(findings, first):
        return failure
    ordinary = [finding for finding in findings if not finding.wrong or _is_ordinary(finding)]
    of_these = next((finding for finding in ordinary if finding.wrong), None)
    if of_these and (failure := _recognised(ordinary, of_these)):
        return failure
    right = [finding for finding in findings if not finding.wrong]
    suggested = explanations([first, *right], first)
    if len(suggested) == 1:
        says = next(iter(suggested.values()))
        return CheckFailed(f"{first.told}\n{SEVERAL} {says}", hint=UNRECOGNISED)
    told = f"{first.told}\n{NONE_OF_THE_USUAL} {smallest_case(findings)}"
    return CheckFailed(told, hint=UNRECOGNISED)


def _recognised(findings: Sequence[Finding], first: Finding) -> CheckFailed | None:
    """The refusal that names the one mistake or the pattern behind these findings, if there is."""
    named = explanations(findings, first)
    if len(named) == 1:
        (name, says), *_ = named.items()
        return CheckFailed(f"{first.told}\nLikely mistake: {says}", hint=name)

    if found := pattern(findings):
        name, says = found
        return CheckFailed(f"{first.told}\n{says}", hint=name)
    return None


def pattern(findings: Sequence[Finding]) -> tuple[str, str] | None:
    """The first pattern that all wrong results show: its name and what to say, or None."""
    wrong = [f for f in findings if f.wrong and f.got is not None and f.expected is not None]
    if not wrong or len(wrong) < sum(f.wrong for f in findings):
        return None
    for name, (shows, says) in PATTERNS.items():
        try:
            if shows(wrong, findings):
                return name, says
        except (RuntimeError, ValueError, TypeError, IndexError):
            continue  # shapes that the pattern does not speak of
    return None


def _is_ordinary(finding: Finding) -> bool:
    """Whether no fraction that the answer was given is large: no extreme input."""
    return bool(finding.inputs) and all(map(_is_moderate, finding.inputs))


def _is_moderate(value) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_moderate, value))
    torch = sys.modules.get("torch")
    if torch and isinstance(value, torch.Tensor):
        value = value.detach().cpu().double().numpy() if value.is_floating_point() else None
    if isinstance(value, (float, np.ndarray)) and np.asarray(value).dtype.kind == "f":
        return bool((np.abs(value) <= MODERATE).all())
    return True


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
        return bool(finding.agrees(mistake))
    except Exception:  # a mistake's code may fail on some inputs, in any way
        return False
