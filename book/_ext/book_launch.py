"""Launch links: notebooks and labs open on Binder, Colab and JupyterHub.

They appear as soon as `repository: url:` in _config.yml holds the address of a repository, and not
before. JupyterHub has as many addresses as there are hubs. Where `launch_hub` names one, the link
leads there; where it is empty, the link leads to the book's own page `launch`, which asks the
reader for the hub once and remembers it.
"""

from html import escape
from urllib.parse import quote, urlencode, urlsplit

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

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
    repository, branch = _repository(app)
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


def _repository(app):
    options = app.config.html_theme_options
    address = (options.get("repository_url") or "").rstrip("/")
    return address, options.get("repository_branch") or "main"


def install_line(repository, branch):
    """What a notebook's first cell must hold on a host that has not installed the course."""
    return f"%pip install --quiet git+{repository}@{branch}"


class InstallLine(SphinxDirective):
    """The line that installs the course on Colab; nothing where no repository is set."""

    def run(self):
        repository, branch = _repository(self.env.app)
        if not repository:
            return []
        line = install_line(repository, branch)
        return [nodes.literal_block(line, line, language="text")]


class HubForm(SphinxDirective):
    """The form that asks for a hub's address; a sentence where no repository is set."""

    def run(self):
        repository, branch = _repository(self.env.app)
        if not repository:
            text = "This copy of the book does not know its repository yet, so it has no links."
            return [nodes.paragraph(text, text)]
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
    app.add_config_value("launch_hub", "", "html", [str])
    app.add_directive("install-line", InstallLine)
    app.add_directive("hub-form", HubForm)
    # after the theme has made the list of buttons, and before the templates read it
    app.connect("html-page-context", add_links, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
