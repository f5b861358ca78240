"""Notebooks can be downloaded always, and launched as soon as a students' copy is set."""

import json
import re
from types import SimpleNamespace

import book_launch
import pytest
import yaml
from book_launch import add_links, binder_link, colab_link, take_addresses
from built_book import ROOT
from playwright.sync_api import expect
from sample_book import AUTHORS, REPOSITORY

from grooves.grading.edition.addresses import repository_address

NOTEBOOK = "notebooks/experiment.ipynb"
BINDER = (
    "https://mybinder.org/v2/gh/example-school/grooves-copy/main"
    "?urlpath=lab%2Ftree%2Fnotebooks%2Fexperiment.ipynb"
)
COLAB = (
    "https://colab.research.google.com/github/example-school/grooves-copy/blob/main/"
    "notebooks/experiment.ipynb"
)
DOWNLOAD = re.compile(r'<a href="([^"]+[.]ipynb)"[^>]*\bbtn-download-source-button\b')
ON_HUB = (
    "/hub/user-redirect/git-pull?repo=https%3A%2F%2Fgithub.com%2Fexample-school%2Fgrooves-copy"
    "&branch=main&urlpath=lab%2Ftree%2Fgrooves-copy%2Fnotebooks%2Fexperiment.ipynb"
)


def settings(**chosen):
    """A book's settings, as Sphinx hands them to an extension."""
    options = {"repository_url": AUTHORS}
    usual = {"launch_copy": REPOSITORY, "launch_branch": "main", "launch_hub": ""}
    return SimpleNamespace(html_theme_options=options, **(usual | chosen))


def header_of(config):
    """The buttons that a notebook's page gets."""
    context = {"page_source_suffix": ".ipynb", "pathto": str, "header_buttons": []}
    add_links(SimpleNamespace(config=config), "notebooks/experiment", "", context, None)
    return context["header_buttons"]


def menu(page, label):
    """Open a menu of the header, and give its links: text to address."""
    page.get_by_role("button", name=label).click()
    links = page.locator(".dropdown-menu.show a")
    expect(links.first).to_be_visible()
    return {link.inner_text().strip(): link.get_attribute("href") for link in links.all()}


@pytest.mark.parametrize("path", ["notebooks/experiment", "labs/exercise"])
def test_launch_links_appear_with_the_students_copy(page, sample_address, path):
    page.goto(f"{sample_address}{path}.html")
    links = menu(page, "Open this notebook elsewhere")
    assert list(links) == ["Binder", "Colab", "JupyterHub"]
    if path == "notebooks/experiment":
        assert links["Binder"] == BINDER
        assert links["Colab"] == COLAB
        assert links["JupyterHub"].endswith(
            "book/launch.html?notebook=notebooks%2Fexperiment.ipynb"
        )


def test_a_page_without_cells_has_no_launch_links(page, sample_address):
    page.goto(f"{sample_address}book/welcome.html")
    assert page.get_by_role("button", name="Open this notebook elsewhere").count() == 0


def test_the_hub_page_leads_to_the_readers_own_hub_and_remembers_it(page, sample_address):
    gone = []
    page.route(
        "https://hub.example.edu/**",
        lambda route: (gone.append(route.request.url), route.fulfill(body="hub")),
    )
    page.goto(f"{sample_address}book/launch.html?notebook={NOTEBOOK}")
    page.get_by_label("Address of your hub").fill("https://hub.example.edu/")
    page.get_by_role("button", name="Open on the hub").click()
    page.wait_for_url("https://hub.example.edu/**")
    assert gone[0] == f"https://hub.example.edu{ON_HUB}"
    page.goto(f"{sample_address}book/launch.html")
    expect(page.get_by_label("Address of your hub")).to_have_value("https://hub.example.edu")


def test_the_launch_page_gives_the_line_that_installs_the_course_on_colab(page, sample_address):
    page.goto(f"{sample_address}book/launch.html")
    line = f"%pip install --quiet git+{REPOSITORY}@main"
    expect(page.locator("pre")).to_have_text(line)


def test_a_hub_that_the_instructor_names_is_linked_directly():
    (group,) = header_of(settings(launch_hub="https://hub.example.edu/"))
    addresses = {button["text"]: button["url"] for button in group["buttons"]}
    assert addresses["JupyterHub"] == f"https://hub.example.edu{ON_HUB}"


@pytest.mark.parametrize("address", [AUTHORS, f"{AUTHORS}.git", f"{AUTHORS.upper()}/"])
def test_no_link_leads_to_the_authors_repository(address, monkeypatch):
    complaints = []
    monkeypatch.setattr(book_launch.logger, "warning", lambda text, *_: complaints.append(text))
    for copy in ("", REPOSITORY, address):
        take_addresses(None, settings(launch_copy=copy))
    assert len(complaints) == 1
    assert header_of(settings(launch_copy=address)) == []
    assert header_of(settings(launch_copy="")) == []


def test_no_page_of_a_book_names_the_authors_repository(sample):
    assert AUTHORS in (sample.site.parents[1] / "_config.yml").read_text("utf-8")
    assert [
        path for path in sample.site.rglob("*.html") if AUTHORS in path.read_text("utf-8")
    ] == []


def test_other_hosts_than_github_get_binder_links_and_no_colab():
    gitlab = "https://gitlab.com/group/course"
    assert "/v2/gl/group%2Fcourse/main?" in binder_link(gitlab, "main", NOTEBOOK)
    own = "https://git.example.edu/a/b"
    assert "/v2/git/https%3A%2F%2Fgit.example.edu%2Fa%2Fb/main?" in binder_link(
        own, "main", NOTEBOOK
    )
    assert colab_link(gitlab, "main", NOTEBOOK) is None
    assert colab_link(own, "main", NOTEBOOK) is None


def test_the_book_launches_from_the_students_copy_that_is_set_or_not_at_all(
    page, book, book_address
):
    told = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["sphinx"]["config"]
    copy = repository_address(told["launch_copy"], "launch_copy")
    page.goto(f"{book_address}notebooks/00_start.html")
    if copy:
        links = menu(page, "Open this notebook elsewhere")
        assert links["Binder"] == binder_link(
            copy, told["launch_branch"], "notebooks/00_start.ipynb"
        )
    else:
        assert page.get_by_role("button", name="Open this notebook elsewhere").count() == 0
    page.goto(f"{book_address}book/launch.html")
    assert page.get_by_text("This book has no launch links").count() == (0 if copy else 1)
    assert page.get_by_text("make lab").count() == (0 if copy else 1)
    assert page.locator(".hub-form").count() == (1 if copy else 0)


def test_every_page_of_code_offers_its_notebook_for_download(page, book, book_address):
    paths = [path for path in book.pages() if path.startswith(("notebooks/", "labs/"))]
    assert len(paths) >= 3
    for path in paths:
        (address,) = DOWNLOAD.findall((book.site / path).read_text("utf-8"))
        if path == paths[0]:  # the menu is the same on every page
            page.goto(book_address + path)
            assert menu(page, "Download this page")[".ipynb"] == address
        offered = (book.site / path).parent / address
        stored = ROOT / path.replace(".html", ".ipynb")
        assert json.loads(offered.read_text("utf-8")) == json.loads(stored.read_text("utf-8"))


def test_addresses_that_are_set_are_brought_into_one_form(monkeypatch):
    complaints = []
    monkeypatch.setattr(
        book_launch.logger, "warning", lambda text, *given: complaints.append(given)
    )
    config = settings(
        launch_copy="git@github.com:school/copy.git", launch_hub="hub.example.edu/hub"
    )
    config.html_theme_options = {"repository_url": "github.com/school/grooves.git", "x": 1}
    take_addresses(None, config)
    assert complaints == []
    assert config.launch_copy == "https://github.com/school/copy"
    assert config.launch_hub == "https://hub.example.edu"
    # the theme takes an address apart, and fails on what git's own form looks like
    assert config.html_theme_options == {
        "repository_url": "https://github.com/school/grooves",
        "x": 1,
    }


def test_what_is_no_address_is_complained_of_and_not_linked(monkeypatch):
    complaints = []
    monkeypatch.setattr(
        book_launch.logger, "warning", lambda text, *given: complaints.append(text % given)
    )
    config = settings(launch_copy="our copy", launch_hub="the hub")
    config.html_theme_options = {"repository_url": "ours"}
    take_addresses(None, config)
    assert [complaint.split(" is ")[0] for complaint in complaints] == [
        "launch_copy",
        "launch_hub",
        "repository: url:",
    ]
    assert header_of(config) == []
    assert config.html_theme_options == {"repository_url": ""}
