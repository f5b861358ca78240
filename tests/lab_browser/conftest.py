"""A JupyterLab of our own, in folders of its own, and a browser that works it."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).resolve().parents[2]
ERRORS = "[data-mime-type='application/vnd.jupyter.error']"
READY = "Python 3 (ipykernel) | Idle"
TOKEN = "grooves"


def environment(work):
    """Every folder that Jupyter would read or write, inside the test's own."""
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
        "GROOVES_CACHE": "cache",
    }
    places = {name: str(work / folder) for name, folder in folders.items()}
    return os.environ | places | {"PYTHONPATH": str(ROOT)}


class Lab:
    """A running JupyterLab and a page on it; `outside` is what the page asked of others."""

    def __init__(self, port, page, work):
        self.port, self.page, self.work, self.outside = port, page, work, set()
        own = (f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}", "data:", "blob:")
        page.on("request", lambda r: r.url.startswith(own) or self.outside.add(r.url))

    def start(self):
        """Open what a student's browser opens; gives the address that JupyterLab starts with."""
        page = self.work.glob("runtime/jpserver-*-open.html")
        address = re.search(r'url=([^"]+)"', next(page).read_text("utf-8"))[1]
        self.page.goto(address.replace("localhost", "127.0.0.1"))
        self.page.locator(".jp-NotebookPanel:visible .jp-CodeCell").first.wait_for(timeout=90_000)
        expect(self.page.get_by_text(READY)).to_be_visible(timeout=90_000)

    def open(self, path):
        """Open a notebook and wait for its kernel; gives the notebook's panel."""
        self.page.goto(f"http://127.0.0.1:{self.port}/doc/tree/{path}?token={TOKEN}&reset")
        panel = self.page.locator(".jp-NotebookPanel:visible")
        panel.locator(".jp-CodeCell").first.wait_for(timeout=90_000)
        expect(self.page.get_by_text(READY)).to_be_visible(timeout=90_000)
        return panel

    def run_all(self, panel):
        """Run > Run All Cells, and wait until the kernel rests."""
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name=re.compile("^Run All Cells")).first.click()
        expect(panel.locator(".jp-InputPrompt").get_by_text("[*]:")).not_to_have_count(0)
        expect(panel.locator(".jp-InputPrompt").get_by_text("[*]:")).to_have_count(
            0, timeout=240_000
        )

    def run_cell(self, cell):
        """Put the cursor into one code cell, run it, and wait for its output."""
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        expect(cell.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]"), timeout=90_000)


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    """A copy of what a student opens."""
    folder = tmp_path_factory.mktemp("student")
    for name in ("notebooks", "labs", "book"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("_build"))
    return folder


@pytest.fixture(scope="session")
def lab(work, browser):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-c",
        "from grooves.cli import main; main()",
        "lab",
        "--no-browser",
    ]
    command += [f"--port={port}", "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1"]
    command += [f"--IdentityProvider.token={TOKEN}"]
    log = work / "server.log"
    with log.open("w") as out:
        server = subprocess.Popen(command, stdout=out, stderr=out, env=environment(work), cwd=work)
    try:
        deadline = time.monotonic() + 90
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api?token={TOKEN}", timeout=2)
                break
            except OSError:
                assert server.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        yield Lab(port, page, work)
        page.close()
    finally:
        server.terminate()
        server.wait(30)
