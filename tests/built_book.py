"""The book as it was built, a server for it, and a watch on what a reader would not notice.

The tests of the book and of its explorables share one build a session. It goes to _build/tested, so
it leaves alone what `make book` made, and uses the same cache of executed notebooks. In that cache
are the results of the stage `notebooks`; only if GROOVES_WHOLE is set does the book run them all.
"""

import contextlib
import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "_build" / "tested"
OWN = ("http://127.0.0.1", "file:", "data:", "blob:", "about:")


@dataclass(frozen=True)
class Built:
    """A built book: where it is, what the build said, and whether it was content."""

    site: Path
    log: str
    returncode: int

    def pages(self):
        """The pages that a reader can be on, as paths below the site."""
        found = (path.relative_to(self.site) for path in self.site.rglob("*.html"))
        kept = {path.as_posix() for path in found if path.parts[0] not in ("_static", "_sources")}
        return sorted(kept - {"index.html"})  # the door leads on at once


def run_build(*arguments):
    """Run book/build.py with no network and return (everything it printed, its exit code)."""
    offline = [sys.executable, str(ROOT / "tests" / "notebooks" / "offline.py")]
    command = [*offline, sys.executable, str(ROOT / "book" / "build.py"), *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.stdout.decode("utf-8", "replace"), done.returncode


@functools.cache
def built_book():
    """The repository's book, built once a session, also where several workers share it."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    log_file, stamp = OUTPUT / "log.txt", OUTPUT / "session.txt"
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID", "")
    with FileLock(OUTPUT / "lock"):
        if not session or not stamp.is_file() or stamp.read_text("utf-8").split()[0] != session:
            shutil.rmtree(OUTPUT / "_build", ignore_errors=True)
            itself = ["--fresh"] if os.environ.get("GROOVES_WHOLE") else []  # it runs all notebooks
            log, returncode = run_build("--jobs", 2, "--output", OUTPUT, *itself)
            log_file.write_text(log, "utf-8")
            stamp.write_text(f"{session or 'alone'} {returncode}", "utf-8")
        returncode = int(stamp.read_text("utf-8").split()[1])
        built = Built(OUTPUT / "_build" / "html", log_file.read_text("utf-8"), returncode)
    if not (built.site / "index.html").is_file():
        pytest.fail(f"the book was not built at all:\n{built.log[-3000:]}")
    return built


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def end_headers(self):
        if "/_static/" in self.path:  # all pages load the same, and only once
            self.send_header("Cache-Control", "max-age=3600")
        super().end_headers()

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def served(folder):
    """Serve a folder on this machine; gives its address, with a slash at the end."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@dataclass
class Watch:
    """What a page asked of others, and what it complained about."""

    outside: list = field(default_factory=list)
    complaints: list = field(default_factory=list)

    def on(self, page):
        """Watch this page from now on. Nothing is stepped in between, which would slow it down.

        Requests to other machines are noted; the tests' Chromium reaches none (tests/provided.py).
        """
        for event, note in self._notes():
            page.on(event, note)
        return page

    def off(self, page):
        """Watch this page no longer."""
        for event, note in self._notes():
            page.remove_listener(event, note)

    def _notes(self):
        return (
            ("request", self._asked),
            ("console", self._listen),
            ("pageerror", self._complain),
            ("requestfailed", self._missed),
        )

    def _asked(self, request):
        if not request.url.startswith(OWN):
            self.outside.append(request.url)

    def _complain(self, error):
        self.complaints.append(str(error))

    def _listen(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.location.get('url', '')}: {message.text}")

    def _missed(self, request):
        if request.url.startswith(OWN) and request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.url}: {request.failure}")
