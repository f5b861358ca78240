"""Addresses come in many forms and leave in one, or are refused with a sentence."""

import pytest

from grooves.grading.edition.addresses import hub_address, repository_address, site_address


@pytest.mark.parametrize(
    "text",
    [
        "https://github.com/School/copy",
        "https://github.com/School/copy/",
        "https://github.com/School/copy.git",
        "http://github.com/School/copy.git/",
        " github.com/School/copy ",
        "HTTPS://GitHub.com/School/copy",
        "git@github.com:School/copy.git",
        "ssh://git@github.com/School/copy.git",
        "ssh://git@github.com:22/School/copy.git",
        "https://www.github.com/School/copy",
    ],
)
def test_a_repository_has_one_form_however_it_was_written(text):
    assert repository_address(text, "launch_copy") == "https://github.com/School/copy"


def test_projects_in_groups_and_on_own_hosts_are_repositories():
    for address in ("https://gitlab.com/a/b/c", "https://git.example.edu:8443/a/b"):
        assert repository_address(f"{address}.git", "launch_copy") == address


def test_a_hub_is_known_without_its_own_pages():
    for text in ("https://hub.example.edu/", "http://hub.example.edu/hub/home", "hub.example.edu"):
        assert hub_address(text, "launch_hub") == "https://hub.example.edu"
    assert hub_address("https://example.edu/jupyter/hub", "x") == "https://example.edu/jupyter"
    assert hub_address("http://localhost:8000/user/me/lab", "x") == "http://localhost:8000"


def test_a_published_book_is_a_folder():
    for text in ("school.github.io/grooves", "https://school.github.io/grooves/index.html"):
        assert site_address(text, "address") == "https://school.github.io/grooves/"
    assert site_address("book.example.edu", "address") == "https://book.example.edu/"


def test_nothing_stays_nothing():
    for form in (repository_address, hub_address, site_address):
        assert form(" ", "x") == ""


@pytest.mark.parametrize(
    "form, text, said",
    [
        (repository_address, "https://github.com/school", "not the address of a repository: write"),
        (repository_address, "https://github.com/a/b/tree/main", "not the address of a repository"),
        (repository_address, "https://gitlab.com/a/b/-/tree/main", "not the address of a"),
        (repository_address, "my copy", "'my copy', which is not a web address: write it as"),
        (repository_address, "ftp://example.edu/a/copy", "not a web address"),
        (repository_address, "https://me:secret@github.com/a/b", "more than an address"),
        (hub_address, "hub", "'hub', which is not a web address: write it as https://hub"),
        (hub_address, "https://hub.example.edu:port", "not a web address"),
        (site_address, "https://a.github.io/b/?x=1", "more than an address"),
        (
            site_address,
            "https://a.github.io/b/book/welcome.html",
            "a page of the book and not the book",
        ),
    ],
)
def test_what_is_no_such_address_is_refused_with_the_remedy(form, text, said):
    with pytest.raises(ValueError, match=said) as refused:
        form(text, "the_setting")
    assert str(refused.value).startswith("the_setting")
    assert "secret" not in str(refused.value)
