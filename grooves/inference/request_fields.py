"""The fields of a request: one check for each, which names the field, its value and the remedy.

Key idea: a table says which fields exist, and a check per type of field says what is wrong with a
value. Fields that would change the answer and are not implemented are listed as well, because
ignoring them would be a silent error. Chapter 09.
Source: platform.openai.com/docs/api-reference (completions, chat).
"""

from __future__ import annotations

import json
from collections.abc import Callable

MOST_ANSWERS = 16  # per request, `n` times the number of prompts
ROLES = ("system", "developer", "user", "assistant")
REQUIRED = object()


class BadRequest(ValueError):
    """A request that cannot be answered. status: of HTTP. param: the field that is wrong."""

    def __init__(self, message: str, param: str | None = None, status: int = 400, code=None):
        super().__init__(message)
        self.param, self.status, self.code = param, status, code

    def body(self) -> dict:
        """The error in the protocol's format."""
        return error_body(str(self), "invalid_request_error", self.param, self.code)


def error_body(message: str, kind: str, param: str | None = None, code: str | None = None) -> dict:
    """An error in the protocol's format."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def shown(value: object) -> str:
    """A value as JSON, shortened, for a message."""
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def integer(low: int, high: int) -> Callable:
    """A check for integers from `low` to `high`; true and false are none."""

    def check(name: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise BadRequest(
                f"{name} is {shown(value)}: it must be an integer from {low} to {high}", name
            )
        return value

    return check


def number(low: float, high: float, above: bool = False) -> Callable:
    """A check for numbers from `low` (or above it) to `high`."""

    def check(name: str, value: object) -> float:
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        if not numeric or not low <= value <= high or (above and value == low):
            start = f"above {low:g} and at most" if above else f"from {low:g} to"
            raise BadRequest(
                f"{name} is {shown(value)}: it must be a number {start} {high:g}", name
            )
        return float(value)

    return check


def boolean(name: str, value: object) -> bool:
    """Refuses everything but true and false."""
    if not isinstance(value, bool):
        raise BadRequest(f"{name} is {shown(value)}: it must be true or false", name)
    return value


def stop_strings(name: str, value: object) -> tuple[str, ...]:
    """One string, or up to four, none of them empty."""
    strings = [value] if isinstance(value, str) else value
    if not isinstance(strings, list) or len(strings) > 4:
        raise BadRequest(f"{name} is {shown(value)}: it must be a string or up to 4 of them", name)
    if not all(isinstance(s, str) and s for s in strings):
        raise BadRequest(f"{name} holds {shown(value)}: each must be a string, not empty", name)
    return tuple(strings)


def stream_options(name: str, value: object) -> bool:
    """Whether the usage is asked for: an object whose one field is `include_usage`."""
    if not isinstance(value, dict) or value.keys() - {"include_usage"}:
        raise BadRequest(f'{name} is {shown(value)}: only {{"include_usage": true}} exists', name)
    return boolean(f"{name}.include_usage", value.get("include_usage", False))


def prompts(name: str, value: object) -> list[str]:
    """One text or several."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        raise BadRequest(f"{name} is {shown(value)}: it must be a text, or a list of texts", name)
    return texts


def messages(name: str, value: object) -> list[str]:
    """Chat messages as one prompt: their contents, joined by spaces."""
    if not isinstance(value, list) or not value:
        raise BadRequest(f"{name} is {shown(value)}: it must be a list of 1 message or more", name)
    return [" ".join(filter(None, (_content(f"{name}[{i}]", m) for i, m in enumerate(value))))]


def _content(name: str, message: object) -> str:
    """The text of one message, which is a string or a list of parts of type text."""
    if not isinstance(message, dict):
        raise BadRequest(
            f"{name} is {shown(message)}: it must be an object with role and content", name
        )
    if (role := message.get("role")) not in ROLES:
        raise BadRequest(
            f"{name}.role is {shown(role)}: it must be one of {', '.join(ROLES)}", f"{name}.role"
        )
    content, name = message.get("content"), f"{name}.content"
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise BadRequest(f"{name} is {shown(content)}: it must be a text", name)
    for part in content:
        if (
            not isinstance(part, dict)
            or part.get("type") != "text"
            or not isinstance(part.get("text"), str)
        ):
            raise BadRequest(
                f'{name} holds {shown(part)}: parts must be {{"type": "text", "text": ...}}', name
            )
    return " ".join(part["text"] for part in content)


# ---- the fields ----------------------------------------------------------------------------------

BOTH = {  # name: (check, default)
    "n": (integer(1, MOST_ANSWERS), 1),
    "max_tokens": (integer(1, 2**31), None),
    "temperature": (number(0, 2), 1.0),
    "top_p": (number(0, 1, above=True), 1.0),
    "seed": (integer(-(2**63), 2**63 - 1), None),
    "stop": (stop_strings, ()),
    "stream": (boolean, False),
    "stream_options": (stream_options, False),
}
COMPLETION = BOTH | {"prompt": (prompts, REQUIRED), "logprobs": (integer(0, 5), None)}
CHAT = BOTH | {
    "messages": (messages, REQUIRED),
    "max_completion_tokens": (integer(1, 2**31), None),
    "logprobs": (boolean, False),
    "top_logprobs": (integer(0, 20), None),
}
IGNORED = {"model", "user", "metadata", "store", "service_tier", "safety_identifier"}
# What would change the answer and is not implemented, with the values that change nothing.
NEUTRAL = {
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logit_bias": ({},),
    "best_of": (1,),
    "echo": (False,),
    "suffix": ("",),
    "response_format": ({"type": "text"},),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "parallel_tool_calls": (True, False),
    "modalities": (["text"],),
    "reasoning_effort": (),
}
