"""A `grooves serve` of its own for tests: a process on a free port, and what clients need.

No proxy and no setting of the environment is used by clients or server, so the tests run the same
offline and behind a proxy.
"""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from http.client import HTTPConnection

import httpx
import openai
import psutil

PATIENCE_S = 60  # with which a loaded machine is waited for; nothing is judged by time


class Running:
    """A server that is up: its address, its process, and clients for it."""

    def __init__(self, process, errors):
        self.process, self.errors = process, errors
        self.greeting = process.stdout.readline()
        if not (found := re.search(r"http://[\d.]+:\d+", self.greeting)):
            raise AssertionError(f"no address in {self.greeting!r}: {self.said()}")
        self.url = found[0]
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=PATIENCE_S)

    def said(self):
        """What the server has printed as messages so far."""
        return self.errors.read_text()

    def post(self, path="/v1/completions", **body):
        """The response to a JSON body."""
        return self.http.post(path, json=body)

    @contextmanager
    def connection(self):
        """A bare connection: for `post_raw`, which costs a tenth of what httpx does."""
        address = self.url.removeprefix("http://")
        with closing(HTTPConnection(address, timeout=PATIENCE_S)) as connection:
            yield connection

    def openai(self):
        """The real client. It does not retry, so that every answer is seen."""
        client = openai.DefaultHttpxClient(trust_env=False)
        return openai.OpenAI(**self._settings(), http_client=client)

    def async_openai(self):
        """The same for asyncio."""
        client = openai.DefaultAsyncHttpxClient(trust_env=False)
        return openai.AsyncOpenAI(**self._settings(), http_client=client)

    def _settings(self):
        url = f"{self.url}/v1"
        return dict(base_url=url, api_key="any", max_retries=0, timeout=PATIENCE_S)

    def health(self):
        """The body of GET /health."""
        return self.http.get("/health").json()

    def metric(self, name):
        """The value of a metric, 0 where it has none yet."""
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.http.get("/metrics").text, re.M)
        return float(found[1]) if found else 0.0

    def wait_until(self, what):
        """Wait until `what()` is true, and return it."""
        end = time.monotonic() + PATIENCE_S
        while not (found := what()):
            assert time.monotonic() < end, f"waited for in vain; the server says: {self.said()}"
            time.sleep(0.02)
        return found

    def nothing_left(self):
        """Wait until no text and no block is in use; fails where one never becomes free."""

        def empty():
            health = self.health()
            return health["status"] == "ok" and not health["texts"] + health["blocks_used"]

        self.wait_until(empty)

    def worker(self):
        """The worker's process."""
        return psutil.Process(self.health()["worker_pid"])


def environment():
    """This process's variables without those that would change a client or a server."""
    strange = ("OPENAI_", "HF_", "http_proxy", "https_proxy", "all_proxy", "no_proxy")
    return {
        n: v
        for n, v in os.environ.items()
        if not n.lower().startswith(tuple(s.lower() for s in strange))
    }


@contextmanager
def serving(folder, *arguments):
    """A server with these arguments, which is ended afterwards. folder: for what it prints."""
    errors = folder / "errors.txt"
    command = [sys.executable, "-m", "grooves", "serve", "--port", "0", *map(str, arguments)]
    with errors.open("w") as file:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=file, text=True, env=environment()
        )
    try:
        running = Running(process, errors)
        with running.http:
            yield running
    finally:
        process.send_signal(signal.SIGINT)  # as Ctrl-C does
        try:
            code = process.wait(PATIENCE_S)
        finally:
            process.kill()
            process.stdout.close()
    assert code == 0, f"Ctrl-C ended the server with {code}: {errors.read_text()}"


def post_raw(connection, path, raw):
    """Status, headers and text of the response to a body of bytes."""
    connection.request("POST", path, raw)
    response = connection.getresponse()
    return response.status, response.headers, response.read().decode()
