"""The book of an edition: its pages, name, logo and colour, as edition.toml sets them.

Chapters that are left out are removed from the table of contents before it is read, so their pages,
notebooks and labs are not built. Links to them become text that says so; a list item or table row
that consists only of such a link is removed. What edition.toml may say:
grooves/grading/edition/settings.py.
"""

from pathlib import Path

import yaml
from book_numbering import named
from docutils import nodes
from sphinx import addnodes
from sphinx.errors import ExtensionError

from grooves.grading.edition.colours import style_sheet
from grooves.grading.edition.lab_links import without
from grooves.grading.edition.settings import Edition, contents, read_edition

FIRST = 100  # before Sphinx's own collectors note titles, links and downloads (500)


def take_settings(app, config):
    """Before anything is read, pass the edition's settings to Sphinx."""
    source, made = Path(app.srcdir), Path(app.outdir).parent / "edition"
    try:
        edition = read_edition(source)
        toc = yaml.safe_load((source / config.external_toc_path).read_text("utf-8"))
        toc = named(contents(toc, edition))
    except ValueError as error:
        raise ExtensionError(str(error)) from None
    made.mkdir(parents=True, exist_ok=True)
    (made / "_toc.yml").write_text(yaml.safe_dump(toc, sort_keys=False), "utf-8")
    config.external_toc_path = str(made / "_toc.yml")
    config.edition = edition
    config.html_title = edition.name
    config.html_logo = config.html_favicon = str(source / edition.logo)
    config.html_baseurl = edition.address
    logo = {**config.html_theme_options.get("logo", {}), "text": edition.name, "alt_text": ""}
    config.html_theme_options = {**config.html_theme_options, "logo": logo}
    if edition.colour:
        static = made / "static"
        static.mkdir(exist_ok=True)
        (static / "edition.css").write_text(style_sheet(edition.colour), "utf-8")
        config.html_static_path = [*config.html_static_path, str(static)]
        config.html_css_files = [*config.html_css_files, "edition.css"]


def fit_page(app, doctree):
    """Adapt a page that was read: its links to chapters that are left out, and the book's name."""
    edition, page = app.config.edition, app.env.docname
    if page == app.config.root_doc:
        _put_name(doctree, edition)
    for kind in (addnodes.pending_xref, addnodes.download_reference):
        for link in list(doctree.findall(kind)):
            target = _document(app.env, page, link)
            if number := edition.lacks(target):
                _become_text(link, number)


def _document(env, page, link):
    """The document that a link of MyST leads to, as a path below the course's folder."""
    target = link["reftarget"].partition("#")[0]
    if link.get("refdomain") == "doc":
        return target
    return env.relfn2path(target, page)[0] if link.get("reftype") == "myst" and target else ""


def _become_text(link, number):
    """Replace a link by its text, or remove the entry if it consists only of this link."""
    around = link.parent
    holder = around.parent if isinstance(around, nodes.paragraph) else around
    alone = holder.astext().strip() == link.astext().strip()
    if alone and isinstance(holder, nodes.entry):
        _remove(holder.parent)
    elif alone and isinstance(holder, nodes.list_item):
        _remove(holder)
    else:
        words = [child.deepcopy() for link_part in link.children for child in link_part.children]
        note = nodes.inline("", f" ({without(number, link.astext())})", classes=["not-here"])
        link.replace_self([*words, note])


def _remove(entry):
    """Remove a row or a list item, and what is empty afterwards."""
    holder = entry.parent
    if holder is None:  # a row with two such links is gone already
        return
    holder.remove(entry)
    if not holder.children and isinstance(holder, nodes.bullet_list | nodes.enumerated_list):
        holder.parent.remove(holder)


def _put_name(doctree, edition: Edition):
    """Put the edition's name above the first page, and below it whose edition of what it is."""
    title = next(doctree.findall(nodes.title), None)
    whose = [f"of {Edition.name}"] if edition.name != Edition.name else []
    whose += [f"for {edition.institution}"] if edition.institution else []
    if title is not None and whose:
        title.children = []
        title += nodes.Text(edition.name)
        said = f"An edition {' '.join(whose)}"
        section = title.parent
        line = nodes.paragraph("", said, classes=["edition-line"])
        section.insert(section.index(title) + 1, line)


def lead_inside(app, doctree, page):
    """Turn the labs' links to the published book into links within this book."""
    address = app.config.edition.address
    for link in doctree.findall(nodes.reference) if address else ():
        target = link.get("refuri", "")
        if not target.startswith(address):
            continue
        name, _, anchor = target.removeprefix(address).partition("#")
        document = name.removesuffix(".html")
        if document in app.env.found_docs:
            uri = app.builder.get_relative_uri(page, document)
            link["refuri"] = f"{uri}#{anchor}" if anchor else uri
            link["internal"] = True


def setup(app):
    app.add_config_value("edition", Edition(), "env", [Edition])
    app.connect("config-inited", take_settings, priority=FIRST)
    app.connect("doctree-read", fit_page, priority=FIRST)
    app.connect("doctree-resolved", lead_inside)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
