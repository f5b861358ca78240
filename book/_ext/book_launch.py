"""Launch links: notebooks and labs open on Binder, Colab and JupyterHub, from a students' copy.

Binder and JupyterHub clone a whole repository, and Colab's link leads into one, so a link to the
authors' repository would hand out labs/solutions. The links appear as soon as `launch_copy` in
_config.yml holds the address of a repository without the solutions, and not before; the address
under `repository: url:` is refused. JupyterHub has as many addresses as there are hubs. Where
`launch_hub` names one, the link leads there; where it is empty, the link leads to the book's own
page `launch`, on which the reader enters the hub once.

    ```{with-students-copy}
    Text of a page that holds where `launch_copy` is set.
    ```
    ```{without-students-copy}
    Text that holds where it is not: what to do with a folder that was downloaded.
    ```
"""

from html import escape
from urllib.parse import quote, urlencode, urlsplit

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from grooves.grading.edition.addresses import hub_address, repository_address

logger = logging.getLogger(__name__)
BINDER = "https://mybinder.org"
COLAB = "https://colab.research.google.com"
PAGE = "book/launch"


def binder_link(repository, branch, path):
    """The address that opens a notebook of the repository on Binder, in JupyterLab."""
    parts = urlsplit(repository)
    name = parts.path.strip("/").removesuffix(".git")
    if parts.netloc == "github.com":
        where = f"gh/{name}"
    elif parts.netloc == "gitlab.com":
        where = f"gl/{quote(name, safe='')}"
    else:
        where = f"git/{quote(repository, safe='')}"
    return f"{BINDER}/v2/{where}/{quote(branch, safe='')}?{urlencode({'urlpath': _lab(path)})}"


def colab_link(repository, branch, path):
    """The address that opens a notebook on Colab, or None: Colab reads from GitHub alone."""
    parts = urlsplit(repository)
    if parts.netloc != "github.com":
        return None
    return f"{COLAB}/github{parts.path.rstrip('/').removesuffix('.git')}/blob/{branch}/{path}"


def hub_link(repository, branch, path, hub):
    """The address that fetches the repository on a JupyterHub with nbgitpuller and opens it."""
    folder = urlsplit(repository).path.rstrip("/").rpartition("/")[2].removesuffix(".git")
    query = {"repo": repository, "branch": branch, "urlpath": _lab(f"{folder}/{path}")}
    return f"{hub.rstrip('/')}/hub/user-redirect/git-pull?{urlencode(query)}"


def _lab(path):
    return f"lab/tree/{path}"


def add_links(app, pagename, templatename, context, doctree):
    """Put the launch menu into the header of every notebook's page."""
    repository, branch = students_copy(app.config)
    if not repository or context.get("page_source_suffix") != ".ipynb":
        return
    path = f"{pagename}.ipynb"
    hub = app.config.launch_hub
    to_hub = f"{context['pathto'](PAGE)}?{urlencode({'notebook': path})}"
    links = [
        ("Binder", "logo_binder.svg", binder_link(repository, branch, path)),
        ("Colab", "logo_colab.png", colab_link(repository, branch, path)),
        (
            "JupyterHub",
            "logo_jupyterhub.svg",
            hub_link(repository, branch, path, hub) if hub else to_hub,
        ),
    ]
    menu = [
        {
            "type": "link",
            "text": name,
            "tooltip": f"Open this notebook on {name}",
            "icon": f"_static/images/{icon}",
            "url": address,
        }
        for name, icon, address in links
        if address
    ]
    context["header_buttons"].insert(
        0,
        {
            "type": "group",
            "tooltip": "Open this notebook elsewhere",
            "icon": "fas fa-rocket",
            "buttons": menu,
            "label": "launch-buttons",
        },
    )


def students_copy(config):
    """(address, branch) of the repository that students may see; an empty address where none is."""
    address = config.launch_copy
    authors = config.html_theme_options.get("repository_url") or ""
    if _same(address, authors):
        return "", config.launch_branch
    return address, config.launch_branch


def _same(one, other):
    """Whether two addresses lead to the same repository; hosts ignore upper and lower case."""
    return _usual(one).lower() == _usual(other).lower()


def _usual(address):
    try:
        return repository_address(address, "")
    except ValueError:
        return address


def take_addresses(app, config):
    """Normalise the configured addresses, or report an error, which stops the build.

    It is an error if students would be sent to the authors' repository, with the solutions.
    """
    for name, form in (("launch_copy", repository_address), ("launch_hub", hub_address)):
        try:
            setattr(config, name, form(getattr(config, name), name))
        except ValueError as error:
            logger.warning("%s", error)
            setattr(config, name, "")
    authors = config.html_theme_options.get("repository_url") or ""
    try:
        authors = repository_address(authors, "repository: url:")
    except ValueError as error:
        logger.warning("%s", error)
        authors = ""  # the theme would fail on what is no address
    config.html_theme_options = {**config.html_theme_options, "repository_url": authors}
    if config.launch_copy and _same(config.launch_copy, authors):
        logger.warning(
            "launch_copy is %s, the authors' repository, whose labs/solutions its launch links "
            "would hand out: give the address of a copy without them, or leave it empty",
            config.launch_copy,
        )


def install_line(repository, branch):
    """The line for a notebook's first cell on a host where the course is not installed."""
    return f"%pip install --quiet git+{repository}@{branch}"


class WithCopy(SphinxDirective):
    """Text for a book with a students' copy."""

    has_content = True
    wanted = True

    def run(self):
        if bool(students_copy(self.env.config)[0]) is not self.wanted:
            return []
        return self.parse_text_to_nodes("\n".join(self.content))


class WithoutCopy(WithCopy):
    """Text for a book without one."""

    wanted = False


class InstallLine(SphinxDirective):
    """The line that installs the course on Colab; nothing where no students' copy is set."""

    def run(self):
        repository, branch = students_copy(self.env.config)
        if not repository:
            return []
        line = install_line(repository, branch)
        return [nodes.literal_block(line, line, language="text")]


class HubForm(SphinxDirective):
    """The form that asks for a hub's address; nothing where no students' copy is set."""

    def run(self):
        repository, branch = students_copy(self.env.config)
        if not repository:
            return []
        found = sorted(d for d in self.env.found_docs if d.startswith(("notebooks/", "labs/")))
        choices = "".join(f"<option>{escape(name)}.ipynb</option>" for name in found)
        form = (
            f'<form class="hub-form" data-repository="{escape(repository)}" '
            f'data-branch="{escape(branch)}">'
            '<label>Address of your hub <input name="hub" type="url" required '
            'placeholder="https://" autocomplete="url"></label>'
            f'<label>Notebook <select name="notebook">{choices}</select></label>'
            '<button type="submit">Open on the hub</button>'
            "<noscript><p>This form needs scripts.</p></noscript></form>"
        )
        return [nodes.raw("", form, format="html")]


def setup(app):
    app.add_config_value("launch_copy", "", "html", [str])
    app.add_config_value("launch_branch", "main", "html", [str])
    app.add_config_value("launch_hub", "", "html", [str])
    app.connect("config-inited", take_addresses)
    app.add_directive("with-students-copy", WithCopy)
    app.add_directive("without-students-copy", WithoutCopy)
    app.add_directive("install-line", InstallLine)
    app.add_directive("hub-form", HubForm)
    # after the theme has made the list of buttons, and before the templates read it
    app.connect("html-page-context", add_links, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
