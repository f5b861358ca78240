"""Parts of the welcome page: where to start, the chapters as cards, and how to get a copy.

    ```{ways}
    - **[Read](first-chapter)**

      What reading is like.
    ```
    ```{chapter-cards}
    ```
    ```{get-course}
    ```

`{ways}` shows a list as large cards, each with one link; `first-chapter` stands for the first
chapter of this edition. `{chapter-cards}` shows every chapter of this edition with its question,
minutes and picture, under its part of _toc.yml. Nothing about a chapter is typed on the page: the
question and minutes come from the chapter itself (chapter_data.py), the picture is
book/_static/cards/NN_name.svg. `{get-course}` says how to clone or download the students' copy, or
what to do with a folder if no copy is configured.
"""

import re
from html import escape
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import yaml
from book_launch import students_copy
from chapter_data import chapter_names, in_fives, read_chapters
from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

CARDS = "book/_static/cards"
FIRST = "(first-chapter)"
# Where a host keeps the zip of a branch.
ZIPS = {
    "github.com": "{copy}/archive/refs/heads/{branch}.zip",
    "gitlab.com": "{copy}/-/archive/{branch}/{name}-{branch}.zip",
}


def contents(env):
    """The table of contents of this edition."""
    path = Path(env.srcdir) / env.config.external_toc_path
    return yaml.safe_load(path.read_text("utf-8"))


class Ways(SphinxDirective):
    """A list with its items as cards."""

    has_content = True

    def run(self):
        first, *_ = [f"(/book/{name}.md)" for name in chapter_names(contents(self.env))] or [""]
        text = "\n".join(self.content).replace(FIRST, first)
        made = self.parse_text_to_nodes(text)
        for items in made:
            items["classes"].append("ways")
            for item in list(items):  # a students' copy has no page for instructors
                if not any(item.findall(addnodes.pending_xref)):
                    items.remove(item)
        return made


class ChapterCards(SphinxDirective):
    """A card for each chapter, under a heading for each part that has chapters."""

    def run(self):
        made = []
        for part in _parts(contents(self.env)):
            try:
                chapters = read_chapters(Path(self.env.srcdir), chapter_names(part), all_labs=False)
                cards = [_card(chapter, self.picture(chapter.name)) for chapter in chapters]
            except (ValueError, FileNotFoundError) as error:
                raise self.error(str(error)) from None
            if caption := part.get("caption"):
                heading = f'<h3 class="part">{escape(caption)}</h3>'
                made.append(nodes.raw("", heading, format="html"))
            (items,) = self.parse_text_to_nodes("\n".join(cards))
            items["classes"].append("chapter-cards")
            made.append(items)
        return made

    def picture(self, name):
        """A chapter's picture as SVG in the page's colours. It is decorative."""
        path = Path(self.env.srcdir) / CARDS / f"{name}.svg"
        self.env.note_dependency(str(path))
        if not path.is_file():
            raise ValueError(
                f"the chapter {name} has no picture for its card: draw {CARDS}/{path.name}"
            )
        return re.sub(r"\s*\n\s*", "", path.read_text("utf-8"))


def _parts(toc):
    """The parts with chapters in them; a table of contents without parts is one of its own."""
    return [part for part in toc.get("parts", [toc]) if chapter_names(part)]


def _card(chapter, picture):
    """A list item in Markdown.

    Raises: ValueError where the chapter's page does not open with a question.
    """
    if not chapter.question:
        raise ValueError(
            f"book/{chapter.name}.md has no question below its title, which its card would show: "
            "open the page with one"
        )
    hidden = picture.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)
    minutes = f"{chapter.read_min} min to read, {chapter.run_min} to run"
    if chapter.exercise_min:
        minutes += f", {in_fives(chapter.lab_min)} for the lab"
    lines = [
        f"**[{chapter.number}. {chapter.title}](/book/{chapter.name}.md)**",
        # as HTML, in which no word becomes a link: a card is one link already
        f'```{{raw}} html\n<p class="card-question">{escape(chapter.question)}</p>'
        f'<p class="card-minutes">{minutes}</p><div class="card-picture">{hidden}</div>\n```',
    ]
    text = "\n\n".join(lines).replace("\n", "\n  ")
    return f"- {text}\n"


class GetCourse(SphinxDirective):
    """Two lines that fetch the course and start it, or what to do with its folder."""

    def run(self):
        copy, branch = students_copy(self.config)
        text = _with_copy(copy, branch) if copy else WITHOUT_COPY
        return self.parse_text_to_nodes(text)


WITHOUT_COPY = """\
You need the course's folder. If you got it as a zip file, unpack it; if you read this book from a
disk, it is the folder that holds `README.md` and `Makefile`. Open a terminal there and give the
command

```bash
make lab
```
"""


def _with_copy(copy, branch):
    name = PurePosixPath(urlsplit(copy).path).name
    chosen = "" if branch == "main" else f"--branch {branch} "
    zipped = ZIPS.get(urlsplit(copy).netloc, "").format(copy=copy, branch=branch, name=name)
    instead = (
        f" Without git, [download the zip file]({zipped}), unpack it and run `make lab` there."
    )
    instead = instead if zipped else ""
    return (
        f"```bash\ngit clone {chosen}{copy}\nmake -C {name} lab\n```\n"
        f"\nThe first line fetches the course, the second starts it.{instead}\n"
    )


def setup(app):
    app.add_directive("ways", Ways)
    app.add_directive("chapter-cards", ChapterCards)
    app.add_directive("get-course", GetCourse)
    app.add_css_file("welcome.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
