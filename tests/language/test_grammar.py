"""The engine behind the language, against every derivation of a small grammar listed by hand.

The reference below lists all texts of a grammar from its written rules, with nothing shared with
the engine but the notation. Whatever the engine says of a text must agree with that list.
"""

import math
import random
from collections import Counter, defaultdict

import pytest

from grooves.language.grammar import END, Entry, Grammar, choice_entropy, read_template

RULES = {
    "Story": [(3, "[Hero] ran ."), (1, "[Hero] saw {?t=Thing} {t.a} {t} . [End]")],
    "Hero": [(1, "{h=Name}"), (2, "{h=Name} and {f=Name-h}")],
    "End": [(1, "#glad {h} took the {t} ."), (4, "#sorry {h.he^} wept , and {t^} fell .")],
}
LEXICON = {
    "Name": ["Ann he=she", "Bo he=he", "Cy he=he"],
    "Thing": ["big egg", "old ant", "hat"],
}


def every_text(rules, lexicon):
    """All texts with their probabilities: {(word, ...): p}. Written apart from the engine."""

    def entry(text):
        forms = dict(part.split("=") for part in text.split() if "=" in part)
        words = " ".join(part for part in text.split() if "=" not in part)
        return {"": words, "a": "an" if words[0] in "aeiouAEIOU" else "a", **forms}

    found = defaultdict(float)

    def go(todo, p, memory, out):
        if not todo:
            found[tuple(" ".join(out).split())] += p
            return
        token, rest = todo[0], todo[1:]
        if token.startswith("["):
            weights = rules[token[1:-1]]
            for weight, template in weights:
                share = weight / sum(w for w, _ in weights)
                go(template.split() + rest, p * share, memory, out)
        elif token.startswith("{"):
            inside = token[1:-1]
            capital, silent = inside.endswith("^"), inside.startswith("?")
            inside = inside.strip("^?")
            name, _, drawn = inside.partition("=")
            show = lambda words: words[0].upper() + words[1:] if capital else words  # noqa: E731
            if drawn:
                of, *excluded = drawn.split("-")
                free = [e for e in lexicon[of] if e not in [memory.get(x) for x in excluded]]
                for e in free:
                    written = out if silent else [*out, show(entry(e)[""])]
                    go(rest, p / len(free), {**memory, name: e}, written)
            else:
                name, _, form = inside.partition(".")
                go(rest, p, memory, [*out, show(entry(memory[name])[form])])
        elif token.startswith("#"):
            go(rest, p, memory, out)
        else:
            go(rest, p, memory, [*out, token])

    go(["[Story]"], 1.0, {}, [])
    return dict(found)


TEXTS = every_text(RULES, LEXICON)
GRAMMAR = Grammar(RULES, LEXICON)


def after(prefix):
    """The engine's states after a prefix."""
    states = GRAMMAR.begin()
    for word in prefix:
        states = GRAMMAR.read(states, word)
    return states


def test_the_engine_writes_the_whole_language_and_nothing_else():
    # 3 heroes alone, 6 pairs; ran, or 3 things with 2 ends
    assert len(TEXTS) == (3 + 6) * (1 + 3 * 2)
    walked, todo = {}, [((), 1.0, GRAMMAR.begin())]
    while todo:
        text, p, states = todo.pop()
        for word, share in GRAMMAR.next_words(states).items():
            if word == END:
                walked[text] = p * share
            else:
                todo.append(((*text, word), p * share, GRAMMAR.read(states, word)))
    assert walked == pytest.approx(TEXTS)
    assert math.isclose(sum(walked.values()), 1.0)


def test_next_words_are_the_shares_of_all_texts_that_go_on_so():
    prefixes = {text[:n] for text in TEXTS for n in range(len(text) + 1)}
    for prefix in prefixes:
        shares = defaultdict(float)
        for text, p in TEXTS.items():
            if text[: len(prefix)] == prefix:
                shares[text[len(prefix)] if len(text) > len(prefix) else END] += p
        total = sum(shares.values())
        table = GRAMMAR.next_words(after(prefix))
        assert table == pytest.approx({word: p / total for word, p in shares.items()}), prefix


def test_reading_accepts_the_texts_of_the_language_and_nothing_else():
    words = {word for text in TEXTS for word in text}
    for text in sorted(TEXTS)[::5]:
        assert GRAMMAR.read(after(text), END), text
        for place in range(len(text)):
            before = after(text[:place])
            for word in words - {text[place]}:
                changed = (*text[:place], word, *text[place + 1 :])
                states = before
                for later in (*changed[place:], END):
                    states = GRAMMAR.read(states, later) if states else []
                assert bool(states) == (changed in TEXTS), changed


def test_samples_come_as_often_as_the_rules_say():
    rng, n = random.Random(1), 20_000
    counts = Counter(tuple(GRAMMAR.sample(rng)) for _ in range(n))
    assert counts.keys() <= TEXTS.keys()
    chi_square = sum((counts[text] - n * p) ** 2 / (n * p) for text, p in TEXTS.items())
    freedom = len(TEXTS) - 1
    assert chi_square < freedom + 5 * math.sqrt(2 * freedom)


def test_the_choices_of_a_sample_multiply_to_its_probability():
    rng = random.Random(2)
    for _ in range(300):
        choices = []
        text = tuple(GRAMMAR.sample(rng, choices=choices))
        assert math.prod(p[index] for index, p in choices) == pytest.approx(TEXTS[text])


def test_mean_choice_entropy_is_the_entropy_of_the_listed_texts():
    exact = -sum(p * math.log(p) for p in TEXTS.values())
    rng, n = random.Random(3), 20_000
    seen = []
    for _ in range(n):
        choices = []
        GRAMMAR.sample(rng, choices=choices)
        seen.append(choice_entropy(choices))
    mean = sum(seen) / n
    error = math.sqrt(sum((x - mean) ** 2 for x in seen)) / n
    assert abs(mean - exact) < 5 * error


def test_labels_name_the_branch_that_was_taken():
    rng = random.Random(4)
    for _ in range(200):
        labels = []
        words = GRAMMAR.sample(rng, labels=labels)
        assert labels == (["glad"] if "took" in words else ["sorry"] if "wept" in words else [])


def test_an_article_follows_from_the_spelling_of_the_next_word():
    articles = [Entry.parse(words).forms["a"] for words in ("umbrella", "Ivy", "big egg")]
    assert articles == [("an",), ("an",), ("a",)]


def test_a_form_of_several_words_is_written_with_underscores():
    assert Entry.parse("Ann self=she_alone").forms["self"] == ("she", "alone")


@pytest.mark.parametrize("token", ["{h=}", "{h.}", "{=Name}", "{h", "{h Name}"])
def test_a_token_outside_the_notation_is_refused_by_name(token):
    with pytest.raises(ValueError, match="not in the grammar's notation") as refusal:
        read_template(f"He saw {token} .")
    assert repr(token.split()[0]) in str(refusal.value)


def test_unknown_rules_and_classes_are_refused_by_name():
    with pytest.raises(ValueError, match="rule 'Nowhere' is used but not defined"):
        Grammar({"Story": [(1, "[Nowhere]")]}, {})
    with pytest.raises(ValueError, match="class 'Nothing' is used but not defined"):
        Grammar({"Story": [(1, "{x=Nothing}")]}, {})


def test_an_exclusion_that_was_never_bound_excludes_nothing():
    grammar = Grammar({"Story": [(1, "{x=Name-nobody}")]}, LEXICON)
    assert grammar.next_words(grammar.begin()) == pytest.approx(dict(Ann=1 / 3, Bo=1 / 3, Cy=1 / 3))
