"""What instructors read is complete, right, and made from the chapters that there are."""

import itertools
import json
import random
import re

import chapter_data
import pytest
import yaml
from book_teaching import LINE
from bs4 import BeautifulSoup
from built_book import ROOT
from chapter_data import Chapter, chapter_names, entries, read_chapters
from term_plan import Part, cut_into_weeks, make_plan, term_parts, workshop_parts

CONTENTS = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
ANSWERS = (ROOT / "labs" / "solutions" / "exam_answers.md").read_text("utf-8")
NAMES = chapter_names(CONTENTS)
TEACHING = (ROOT / "book" / "teaching.md").read_text("utf-8")


def sections(answers):
    """The answers: "01_forward_propagation: counts" to the text below it."""
    parts = re.split(r"^## (.+)$", answers, flags=re.MULTILINE)[1:]
    assert len(set(parts[::2])) == len(parts[::2]), "two answers to one question"
    return dict(zip(parts[::2], parts[1::2], strict=True))


def sentences(answers):
    """What would give an answer away: its lines, as words alone."""
    lines = [words(line) for text in sections(answers).values() for line in text.splitlines()]
    return [line for line in lines if len(line) > 25]


def words(text):
    return " ".join(re.findall(r"\w+", text))


def made_up(name, place="core", needs=(), minutes=(30, 20, 30), exercise_min=(10, 20, 30)):
    """A chapter for plans: minutes to read, run and discuss, and those of its exercises."""
    read, run, discuss = minutes
    questions = ("?",) * (discuss // chapter_data.DISCUSSION_MINUTES)
    return Chapter(
        name, name, needs, "", place, (), questions, {}, read, run, exercise_min, len(exercise_min)
    )


def tried(seed):
    """Chapters drawn at random, each of which may need any before it."""
    draw = random.Random(seed)
    names = [f"{number:02d}_x" for number in range(1, draw.randint(2, 9))]
    return [
        made_up(
            name,
            place=draw.choice(["core", "choice"]),
            needs=tuple(other for other in names[:position] if draw.random() < 0.3),
            minutes=(draw.randint(10, 60), draw.randint(10, 60), 30),
            exercise_min=tuple(draw.randint(2, 20) for _ in range(draw.randint(1, 9))),
        )
        for position, name in enumerate(names)
    ]


# --- the data ---------------------------------------------------------------------------------


def test_each_chapter_of_the_contents_has_an_entry_and_there_is_no_other():
    assert sorted(entries()) == sorted(NAMES)


def test_each_entry_holds_what_the_page_promises():
    for position, chapter in enumerate(read_chapters(ROOT, NAMES)):
        assert 3 <= len(chapter.objectives) <= 6, chapter.name
        assert len(set(chapter.discuss)) == len(set(chapter.exam.values())) == 3, chapter.name
        assert set(chapter.needs) <= set(NAMES[:position]), chapter.name
        assert all(text.endswith("?") or text.endswith(".") for text in chapter.exam.values())
        # they continue "After this chapter you can ...", and the page adds the full stop
        assert all(o[0].islower() and o[-1].isalnum() for o in chapter.objectives), chapter.name


@pytest.mark.parametrize("name", NAMES)
def test_each_chapter_states_its_objectives_before_its_first_section(name):
    page = (ROOT / "book" / f"{name}.md").read_text("utf-8")
    assert page.split("\n## ")[0].count("```{objectives}\n```") == page.count("{objectives}") == 1


def test_a_chapters_page_lists_its_objectives(book):
    for name in NAMES:
        soup = BeautifulSoup((book.site / f"book/{name}.html").read_text("utf-8"), "html.parser")
        items = soup.select(".objectives li")
        shown = [item.get_text().strip().replace("’", "'") for item in items]
        stated = entries()[name]["objectives"]
        assert len(shown) == len(stated), name
        plain = [text for text in zip(shown, stated, strict=True) if not set("$`") & set(text[1])]
        assert plain and all(on_page == text for on_page, text in plain), name
        assert not soup.select(".objectives a"), f"{name}: a term is linked before it is explained"


def test_each_exam_question_has_one_answer_with_its_points():
    asked = {f"{name}: {question}" for name in NAMES for question in entries()[name]["exam"]}
    answered = sections(ANSWERS)
    assert set(answered) == asked
    for question, text in answered.items():
        answer, marking = text.split("**Marking** ")
        assert len(answer.split()) > 10, question
        assert re.match(r"\(\d+ points\): ", marking), question


def test_no_answer_stands_in_what_the_book_is_built_from():
    pages = sorted(set(re.findall(r"file: (\S+)", (ROOT / "_toc.yml").read_text("utf-8"))))
    files = [path for page in pages for path in ROOT.glob(f"{page}.*")]
    assert len(files) >= len(pages)
    files += [ROOT / "grooves/assets/chapters.toml", *(ROOT / "book/_ext").glob("*.py")]
    public = {path.name: words(path.read_text("utf-8")) for path in files}
    assert len(sentences(ANSWERS)) > 50
    for sentence in sentences(ANSWERS):
        assert not [name for name, text in public.items() if sentence in text], sentence


def test_no_answer_reaches_a_built_book(taught):
    built = [path for path in taught.site.rglob("*") if path.suffix in (".html", ".js", ".md")]
    assert len(built) > 20
    for path in built:
        text = words(path.read_text("utf-8"))
        assert not [s for s in sentences(ANSWERS) if s in text], path


# --- minutes ----------------------------------------------------------------------------------

SHORT = """\
# A title of five words

See [chapter 1](01_forward_propagation.md) and {term}`terms <token>`, where $x = 1$.

$$
y = \\text{not counted}
$$ (eq-label)

```{glue} figure
:doc: not counted
```

The end {glue:text}`not.ipynb::counted:d`.
"""


def test_words_are_counted_without_formulas_figures_and_addresses():
    # A title of five words / See chapter 1 and terms token where / The end 1
    assert chapter_data.count_words(SHORT) == 5 + 7 + 3


def test_a_page_takes_the_minutes_that_it_states_or_else_those_of_its_length():
    assert chapter_data.reading_minutes("Reading takes about 35 minutes.") == 35
    assert chapter_data.reading_minutes("word " * 950) == 10
    assert chapter_data.reading_minutes("word " * 1200) == 15
    assert chapter_data.reading_minutes("word") == 5


def test_the_minutes_that_pages_state_fit_their_length():
    for chapter in read_chapters(ROOT, NAMES):
        page = (ROOT / "book" / f"{chapter.name}.md").read_text("utf-8")
        per_minute = chapter_data.count_words(page) / chapter.read_min
        assert 65 < per_minute < 125, f"{chapter.name}: {per_minute:.0f} words per minute"


def test_the_minutes_and_points_of_a_lab_are_those_of_its_exercises():
    for chapter in read_chapters(ROOT, NAMES):
        cells = json.loads((ROOT / f"labs/{chapter.name}.ipynb").read_text("utf-8"))["cells"]
        settings = [cell["metadata"].get("nbgrader", {}) for cell in cells]
        points = [entry["points"] for entry in settings if entry.get("grade")]
        assert len(chapter.exercise_min) == len(points) > 5, chapter.name
        assert chapter.points == sum(points), chapter.name
        notes = (ROOT / "labs/solutions/README.md").read_text("utf-8")
        told = notes.split(f"### Lab {chapter.number}: ")[1].split("\n### ")[0]
        rows = re.findall(r"^\| \d+ \w+ \| (\d+) \| \d+ \|", told, re.MULTILINE)
        assert chapter.exercise_min == tuple(map(int, rows)), chapter.name


# --- plans ------------------------------------------------------------------------------------


@pytest.mark.parametrize("parts", [term_parts, workshop_parts])
def test_no_week_exceeds_its_hours_and_nothing_is_lost_or_done_twice(parts):
    planned = 0
    for seed in range(150):
        chapters, weeks, hours = tried(seed), 1 + seed % 14, 1 + seed % 5
        try:
            plan = make_plan(chapters, weeks, hours, parts)
        except ValueError:
            continue
        planned += 1
        assert len(plan.weeks) <= weeks
        assert all(0 < sum(p.minutes for p in week) <= 60 * hours for week in plan.weeks)
        kept = [c for c in chapters if c not in plan.left_out]
        done = [part for week in plan.weeks for part in week]
        assert done == [part for c in kept for part in parts(c)]
        names = {c.name for c in kept}
        assert all(names >= set(c.needs) for c in kept)
    assert planned > 100


def test_the_most_even_cut_is_found():
    for seed in range(40):
        draw = random.Random(seed)
        work = [Part(made_up(f"{i:02d}_x"), "read", draw.randint(5, 90)) for i in range(7)]
        weeks, limit = draw.randint(1, 5), draw.randint(80, 300)
        loads = []
        for ends in itertools.combinations(range(1, 7), weeks - 1):
            cut = [work[a:b] for a, b in zip((0, *ends), (*ends, 7), strict=True)]
            loads.append([sum(part.minutes for part in week) for week in cut])
        allowed = [sum(n * n for n in load) for load in loads if max(load) <= limit]
        found = [sum(p.minutes for p in week) for week in cut_into_weeks(work, weeks, limit)]
        assert sum(n * n for n in found) == min(allowed, default=0)


def test_a_cut_between_two_chapters_is_preferred_to_one_inside():
    first, second = made_up("01_x"), made_up("02_x")
    work = [
        Part(first, "read", 40),
        Part(first, "run", 30),
        Part(second, "read", 30),  # a cut behind it would be even, 100 and 100
        Part(second, "run", 100),
    ]
    assert cut_into_weeks(work, 2, 300) == (tuple(work[:2]), tuple(work[2:]))


def test_the_core_is_planned_before_a_choice_that_comes_earlier():
    early, core = made_up("01_x", place="choice"), made_up("02_x")
    plan = make_plan([early, core], weeks=1, hours=3)
    assert plan.left_out == (early,)
    assert make_plan([early, core], weeks=2, hours=3).left_out == ()


def test_a_chapter_comes_with_those_that_it_needs_or_not_at_all():
    other, base = made_up("01_x", place="choice"), made_up("02_x", place="choice")
    core = made_up("03_x", needs=("02_x",))
    assert make_plan([other, base, core], weeks=2, hours=3).left_out == (other,)
    assert make_plan([other, base, core], weeks=1, hours=3).left_out == (base, core)
    with pytest.raises(ValueError, match="no chapter fits into weeks=1 of hours=1"):
        make_plan([other, base, core], weeks=1, hours=1)


def test_a_chapter_is_spread_over_two_weeks_at_most():
    assert len(make_plan([made_up("01_x")], weeks=14, hours=4).weeks) == 2


def test_the_plans_of_the_page_hold_the_whole_course_or_at_least_its_core():
    chapters = read_chapters(ROOT, NAMES)
    plans = re.findall(r"```\{course-plan\}\n:(\w+): (\d+)\n:hours: (\d+)\n", TEACHING)
    assert [(unit, count) for unit, count, _ in plans] == [
        ("weeks", "14"),
        ("weeks", "7"),
        ("days", "2"),
    ]
    for unit, count, hours in plans:
        parts = workshop_parts if unit == "days" else term_parts
        left_out = make_plan(chapters, int(count), int(hours), parts).left_out
        assert not [c.name for c in left_out if c.place == "core"], unit
        assert count != "14" or left_out == ()  # a shorter plan may leave out what is a choice


def test_a_new_chapter_appears_by_itself(tmp_path, monkeypatch):
    toc = {"parts": [{"chapters": [{"file": "book/01_one"}, {"file": "book/02_new"}]}]}
    fields = {"needs": [], "outside": "", "place": "core", "objectives": ["o"], "discuss": ["d"]}
    fields["practised"] = [[]]
    told = {"01_one": fields | {"exam": {}}, "02_new": fields | {"exam": {"a": "b"}}}
    monkeypatch.setattr(chapter_data, "entries", lambda: told)
    for name in told:
        for folder in ("book", "notebooks", "labs"):
            (tmp_path / folder).mkdir(exist_ok=True)
        text = "About 20 minutes. **Time**: 30 minutes. **Points**: 2."
        cells = {"cells": [{"cell_type": "markdown", "source": [text]}]}
        (tmp_path / f"book/{name}.md").write_text(f"(label)=\n# Called {name}\n")
        for folder in ("notebooks", "labs"):
            (tmp_path / folder / f"{name}.ipynb").write_text(json.dumps(cells))
    chapters = read_chapters(tmp_path, chapter_names(toc))
    assert [c.title for c in chapters] == ["Called 01_one", "Called 02_new"]
    plan = make_plan(chapters, weeks=7, hours=6)
    assert {part.chapter.name for week in plan.weeks for part in week} == set(told)


# --- what is refused --------------------------------------------------------------------------


def test_what_is_missing_or_wrong_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"99_x has no entry in .*chapters\.toml: add"):
        read_chapters(ROOT, ["99_x"])
    with pytest.raises(ValueError, match=r"labs/09_x\.ipynb states no minutes"):
        chapter_data.exercise_minutes("# Lab", "09_x")
    with pytest.raises(ValueError, match="weeks=0 and hours=4 must be positive"):
        make_plan([made_up("01_x")], weeks=0, hours=4)
    with pytest.raises(ValueError, match="there is no chapter to plan"):
        make_plan([], weeks=1, hours=4)


@pytest.mark.parametrize(
    ("page", "complaint"),
    [("book/plan", ":weeks:"), ("book/unplanned", "there is no chapter to plan")],
)
def test_a_plan_that_cannot_be_made_stops_the_build(faulty, page, complaint):
    assert faulty.returncode != 0
    named = [line for line in faulty.log.splitlines() if page in line]
    told = faulty.log.split(page)[1:]
    assert [part for part in told if complaint in part[:400]], named


# --- the page ---------------------------------------------------------------------------------


def test_the_page_shows_each_chapter_of_the_edition_and_no_other(taught):
    assert taught.returncode == 0, taught.log[-3000:]
    soup = BeautifulSoup((taught.site / "book/teaching.html").read_text("utf-8"), "html.parser")
    shown = words(soup.select_one("article").get_text(" "))
    there = ["01_forward_propagation", "04_transformer", "06_fine_tuning"]
    for name, fields in entries().items():
        texts = [*fields["objectives"], *fields["discuss"], *fields["exam"].values()]
        found = [words(text.replace("'", "’")) in shown for text in texts]
        assert all(found) if name in there else not any(found), name
        if name in there:
            titles = [t for listed in read_chapters(ROOT, [name])[0].exercises for _, t in listed]
            assert titles and all(words(title) in shown for title in titles), name
    assert "chapter 2 not in this edition" in shown
    rows = [[cell.get_text() for cell in row("td")] for row in soup.select("article table tr")]
    assert ["4 Look back", "1, 2", "17", "19", "50", "2", "9"] in rows
    # lab 6: 12 + 12 minutes in either half, and a fifth more: 28.8, hence 30, twice
    assert ["6", "6 Begin elsewhere: the whole lab", "1.0"] in rows
    assert "8 of 14 weeks are free" in shown


def test_the_syllabus_can_be_copied_as_it_is(taught):
    soup = BeautifulSoup((taught.site / "book/teaching.html").read_text("utf-8"), "html.parser")
    texts = [pre.get_text() for pre in soup.select("article div.highlight pre")]
    (text,) = [text for text in texts if "- Week 1: " in text]
    assert max(map(len, text.splitlines())) <= LINE
    assert "- Week 1: 1 Multiply: read, run the notebook, discuss, the whole lab\n" in text
    assert "3 labs with 24 points in total" in " ".join(text.split())
    assert "{" not in text and "$" not in text


@pytest.mark.parametrize("name", NAMES)
def test_a_chapter_states_the_minutes_of_its_lab(name):
    (chapter,) = read_chapters(ROOT, [name])
    stated = re.search(r"\]\(\.\./labs/[^)]*\) takes (\d+)", (ROOT / f"book/{name}.md").read_text())
    assert int(stated[1]) == chapter_data.in_fives(sum(chapter.exercise_min))


@pytest.mark.parametrize("name", NAMES)
def test_a_lab_names_its_chapter_by_the_question_on_its_page(name):
    (chapter,) = read_chapters(ROOT, [name])
    for folder in ("labs", "labs/solutions"):
        cells = json.loads((ROOT / f"{folder}/{name}.ipynb").read_text("utf-8"))["cells"]
        title = "".join(cells[0]["source"])
        named = re.search(rf"chapter \d+, \[(.+?)\]\(\.\./book/{name}\.md\)", title)
        assert named[1] == chapter.question
