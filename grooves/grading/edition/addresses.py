"""Addresses that an instructor sets, normalised to one form or refused with a sentence.

Key idea: people copy addresses from the browser, from git and from memory, so the same repository
is written with and without `https`, `.git` and a final slash. Links are made from one form only.
Used for every chapter's launch links and for the published book.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

# git@host:owner/name and ssh://git@host:22/owner/name; the port is for SSH only
_SSH = re.compile(r"(?:ssh://)?git@([^:/]+)(?::\d+(?=/))?[:/](.+)")
_LOCAL = ("localhost", "127.0.0.1")
_WWW = (
    "www.github.com",
    "www.gitlab.com",
)  # other names of the same sites; links use the short names
_PAGES = (
    "blob",
    "tree",
    "-",
    "issues",
    "pull",
    "settings",
)  # the first parts of the paths of pages inside a repository


def repository_address(text: str, setting: str) -> str:
    """A repository as "https://host/owner/name"; an empty text stays empty.

    setting: name of the setting, for the message.
    Raises: ValueError where the text is not the address of a repository.
    """
    if not text.strip():
        return ""
    fits = "write it as https://github.com/your-name/your-repository"
    scheme, host, path = _parts(_SSH.sub(r"https://\1/\2", text.strip()), setting, text, fits)
    host = host.removeprefix("www.") if host in _WWW else host
    steps = [step for step in path.removesuffix(".git").split("/") if step]
    too_deep = len(steps) > 2 and (host == "github.com" or set(steps[2:]) & set(_PAGES))
    if len(steps) < 2 or too_deep or scheme not in ("https", "http"):
        raise ValueError(f"{setting} is {text!r}, which is not the address of a repository: {fits}")
    return f"https://{host}/{'/'.join(steps)}"


def hub_address(text: str, setting: str) -> str:
    """A JupyterHub as "https://host/path" without the hub's own pages; an empty text stays empty.

    Raises: ValueError where the text is not the address of a web server.
    """
    if not text.strip():
        return ""
    scheme, host, path = _parts(text, setting, text, "write it as https://hub.example.edu")
    path = re.sub(r"/(?:hub|user)(?:/.*)?$", "", f"/{path}".rstrip("/"))
    return f"{_secure(scheme, host)}://{host}{path}"


def site_address(text: str, setting: str) -> str:
    """The published book as "https://host/path/"; an empty text stays empty.

    Raises: ValueError where the text is not the address of a folder on a web server.
    """
    if not text.strip():
        return ""
    fits = "write it as https://your-name.github.io/your-repository/"
    scheme, host, path = _parts(text, setting, text, fits)
    path = path.removesuffix("index.html").strip("/")
    if path.endswith((".html", ".htm")):
        raise ValueError(
            f"{setting} is {text!r}, which is a page of the book and not the book: {fits}"
        )
    return f"{_secure(scheme, host)}://{host}/{path}/".replace(f"{host}//", f"{host}/")


def _parts(address: str, setting: str, text: str, fits: str) -> tuple[str, str, str]:
    """(scheme, host with its port, path without slashes around it)."""
    address = address.strip()
    if "://" not in address:
        address = f"https://{address}"
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = None, "", None
    wrong = not re.fullmatch(r"[\w-]+(\.[\w-]+)+", host) and host not in _LOCAL
    if wrong or parts.scheme not in ("https", "http") or re.search(r"\s", address):
        raise ValueError(f"{setting} is {text!r}, which is not a web address: {fits}")
    if parts.username or parts.query or parts.fragment:
        raise ValueError(
            f"{setting} is more than an address (it has a user name, '?' or '#'): {fits}"
        )
    return parts.scheme, host if port is None else f"{host}:{port}", parts.path.strip("/")


def _secure(scheme: str, host: str) -> str:
    """https, except on this machine, where http is common."""
    return scheme if host.partition(":")[0] in _LOCAL else "https"
