"""Tables and texts for instructors, made from the chapters' data when the book is built.

    ```{chapter-times}
    ```
    ```{chapter-guide}
    ```
    ```{course-plan}
    :weeks: 14
    :hours: 4
    ```
    ```{syllabus}
    :weeks: 14
    :hours: 4
    ```

The first is a table of minutes and points, the second a section for each chapter: objectives and
what practises each, prerequisites, questions to discuss and exam questions. A plan with `:days:`
in place of `:weeks:` is one for a workshop. All of them show the chapters that this book has, in
the order of _toc.yml, so a new chapter appears automatically and one that an edition leaves out
does not. Answers to exam questions are stored with the solutions and are not read here.
"""

import textwrap
from itertools import groupby
from pathlib import Path

import yaml
from chapter_data import Chapter, chapter_names, entries, read_chapters
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective
from term_plan import lab_parts, make_plan, term_parts, workshop_parts

LINE = 78  # characters of a line of the syllabus

SYLLABUS = """\
# How generative AI is trained, how it answers, and what it runs on

[Institution, term, instructor, times and rooms, office hours]

## What the course is about

Small models are trained, measured and taken apart on an ordinary laptop, and each idea is something that you run. The book, the notebooks and the labs are the course "Grooves": [address].

After the course you can, among other things,

{objectives}

## What you need

A laptop with two processor cores; a GPU is not needed. Besides what the chapters before it teach, each chapter needs

{outside}

## Weeks

Plan at most {hours} hours for a week, reading and labs included. That is enough if the tools are new to you, too.

{weeks}

## Grades

- Labs, 40%: {labs} with {points} points in total. You may hand in a lab as often as you like until it is due; [the last submission counts]. Late: [10% of the points for each day].
- Written exam, 60%, without a computer.
- To pass you need [half of each].

## AI assistants

[Instructor: change this to what you can stand behind.] An assistant can solve most exercises of the labs, and we cannot reliably tell whether one did. So the rule is about learning, not about detection. You may ask an assistant to explain a term, an error message or a page of the book. Do not let it write an answer that you hand in: you would spend your time on copying and meet the same question in the exam, where you are alone. If you used an assistant for a lab, say in one sentence for what; it costs no points. We may ask you to explain your own code, and what you cannot explain does not count.
"""  # noqa: E501 one paragraph a line; it is wrapped below


class ChapterTimes(SphinxDirective):
    """Minutes and points of each chapter, in a table."""

    def run(self):
        rows = [
            "| chapter | needs chapters | read, min | run, min | lab, min | exercises | points |",
            "|---|---|---|---|---|---|---|",
        ]
        chapters = _chapters(self)
        for c in chapters:
            needs = ", ".join(str(int(name[:2])) for name in c.needs) or "none"
            cells = (c.read_min, c.run_min, c.lab_min, len(c.exercise_min), c.points)
            rows.append(f"| {_link(c)} | {needs} | {' | '.join(map(str, cells))} |")
        return self.parse_text_to_nodes("\n".join(rows))


class ChapterGuide(SphinxDirective):
    """A section for each chapter."""

    def run(self):
        chapters = _chapters(self)
        text = "\n".join(_guide(chapter, chapters) for chapter in chapters)
        return self.parse_text_to_nodes(text, allow_section_headings=True)


class CoursePlan(SphinxDirective):
    """A plan as a table, one row per week or day."""

    option_spec = {  # noqa: RUF012 docutils wants a dict
        "weeks": directives.positive_int,
        "days": directives.positive_int,
        "hours": float,
    }

    def run(self):
        plan, unit = self.plan(), "day" if "days" in self.options else "week"
        rows = [f"| {unit} | what to do | hours |", "|---|---|---|"]
        for number, parts in enumerate(plan.weeks, 1):
            hours = sum(part.minutes for part in parts) / 60
            rows.append(f"| {number} | {'; '.join(_by_chapter(parts, _link))} | {hours:.1f} |")
        if plan.left_out:
            names = ", ".join(_link(chapter) for chapter in plan.left_out)
            rows += ["", f"No room is left for: {names}."]
        if len(plan.weeks) < (asked := self.options.get("days") or self.options["weeks"]):
            rows += ["", f"{asked - len(plan.weeks)} of {asked} {unit}s are free."]
        return self.parse_text_to_nodes("\n".join(rows))

    def plan(self):
        try:
            if "days" in self.options:
                count, parts = self.options["days"], workshop_parts
            else:
                count, parts = self.options["weeks"], term_parts
            return make_plan(_chapters(self), count, self.options["hours"], parts)
        except KeyError as missing:
            raise self.error(f"this needs the option :{missing.args[0]}:") from None
        except ValueError as error:
            raise self.error(str(error)) from None


class Syllabus(CoursePlan):
    """A text to copy, with the plan's weeks in it."""

    def run(self):
        plan = self.plan()
        planned = [c for c in _chapters(self) if c not in plan.left_out]
        weeks = [
            f"- Week {number}: {'; '.join(_by_chapter(parts, _plain))}"
            for number, parts in enumerate(plan.weeks, 1)
        ]
        count = len(planned)
        outside = [f"chapter {c.number}: {c.outside}" for c in planned]
        text = SYLLABUS.format(
            objectives=_list(c.objectives[0] for c in planned),
            outside=_list(outside),
            hours=f"{self.options['hours']:g}",
            weeks="\n".join(weeks),
            labs="one lab" if count == 1 else f"{count} labs",
            points=sum(c.points for c in planned),
        )
        text = _wrapped(text)
        return [nodes.literal_block(text, text, language="text")]


def _chapters(directive) -> list[Chapter]:
    """The chapters of the book that is being built."""
    source = Path(directive.env.srcdir)
    contents = yaml.safe_load((source / directive.config.external_toc_path).read_text("utf-8"))
    found = directive.env.found_docs
    names = [name for name in chapter_names(contents) if f"book/{name}" in found]
    try:
        return read_chapters(source, names)
    except (ValueError, FileNotFoundError) as error:
        raise directive.error(str(error)) from None


def _guide(chapter: Chapter, chapters: list[Chapter]) -> str:
    """Markdown of one chapter's section."""
    lines = [f"### Chapter {chapter.number}: {chapter.title}", ""]
    lines += [f"After [this chapter](/book/{chapter.name}.md) you can", ""]
    lines += [*_objectives(chapter), ""]
    lines += [f"**Prerequisites**: {_needs(chapter, chapters)}{chapter.outside}.", ""]
    lines += ["**To discuss**", ""]
    lines += [f"{number}. {question}" for number, question in enumerate(chapter.discuss, 1)]
    lines += ["", "**For an exam**", ""]
    lines += [f"- *{name}*: {question}" for name, question in chapter.exam.items()]
    return "\n".join([*lines, ""])


def _objectives(chapter: Chapter) -> list[str]:
    """A table of the objectives, and what practises each."""
    lines = ["| objective | exercises of the lab | questions of the quiz |", "|---|---|---|"]
    rows = zip(chapter.objectives, chapter.exercises, chapter.quiz, strict=True)
    for objective, exercises, questions in rows:
        listed = "; ".join(f"{chapter.number}.{n} {title}" for n, title in exercises)
        numbers = ", ".join(map(str, questions))
        lines.append(f"| {objective} | {listed or 'none'} | {numbers or 'none'} |")
    return lines


def _needs(chapter: Chapter, chapters: list[Chapter]) -> str:
    """The chapters that come before, linked where the book has them."""
    by_name = {c.name: c for c in chapters}
    named = [
        f"[chapter {int(name[:2])}](/book/{name}.md)"
        if name in by_name
        else f"chapter {int(name[:2])} (not in this edition)"
        for name in chapter.needs
    ]
    return "".join(f"{name}; " for name in named)


def _link(chapter: Chapter) -> str:
    return f"[{_plain(chapter)}](/book/{chapter.name}.md)"


def _plain(chapter: Chapter) -> str:
    return f"{chapter.number} {chapter.title}"


def _by_chapter(parts, show) -> list[str]:
    """A week's parts, grouped by chapter: "4 The transformer: read, discuss"."""
    found = []
    for chapter, group in groupby(parts, key=lambda part: part.chapter):
        words = [part.what for part in group]
        if all(part.what in words for part in lab_parts(chapter)):
            words = [*(word for word in words if not word.startswith("lab")), "the whole lab"]
        found.append(f"{show(chapter)}: {', '.join(words)}")
    return found


def _list(items) -> str:
    """A list in Markdown whose items together are one sentence."""
    return ";\n".join(f"- {item}" for item in items) + "."


def _wrapped(text: str) -> str:
    """The text with its paragraphs and list items broken into lines."""
    lines = []
    for line in text.splitlines():
        indent = "  " if line.startswith("- ") else ""
        lines += textwrap.wrap(line, LINE, subsequent_indent=indent) or [""]
    return "\n".join(lines)


def setup(app):
    entries()  # an unreadable chapters.toml stops the build here, with its line
    app.add_directive("chapter-times", ChapterTimes)
    app.add_directive("chapter-guide", ChapterGuide)
    app.add_directive("course-plan", CoursePlan)
    app.add_directive("syllabus", Syllabus)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
