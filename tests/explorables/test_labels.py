"""The explorable `labels`: its pairs are the course's, its counts are right, anyone can use it."""

import re

import numpy as np
import pytest
import torch
from in_browser import (
    ROOT,
    axe_faults,
    choose,
    in_both_looks,
    in_notebook,
    opened_at,
    overflow,
    press,
    slide,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB

from grooves.explorables.labels import still as still_labels
from grooves.explorables.labels.widget import SENTENCE, Labels, endings, state
from grooves.language.corpora import IGNORED
from grooves.language.stories import Stories, to_text, to_words
from grooves.training import objectives

EXPLORABLE = "labels"  # what the fixture `page` shows
MASK = "[MASK]"


@pytest.fixture
def notebook(modules):
    """The widget on a bare page, as JupyterLab would show it."""
    with in_notebook(modules, Labels(), state()) as page:
        yield page


def tiles(page):
    """What each place reads, and what it is asked for ("" for nothing)."""
    texts = page.locator(".gl-tiles [role=option] span").all_inner_texts()
    return list(zip(texts[::2], texts[1::2], strict=True))


def cards(page):
    """The counts on the card of each objective, in order."""
    texts = page.locator(".gl-card").all_inner_texts()
    return [" ".join(text.split("\n")[1:]) for text in texts]


# ---- the same pairs ------------------------------------------------------------------------------


def test_the_pages_pairs_are_the_courses_pairs(modules):
    rng = np.random.default_rng(0)
    cases = []
    for n in (1, 2, 3, 17, 60):
        ids = rng.integers(0, 9, n)
        inputs, targets = objectives.masked_word(ids, 99, 0.3, rng)
        following = [part.tolist() for part in objectives.next_word(ids)] if n > 1 else [[], []]
        masked = [inputs.tolist(), targets.tolist()]
        cases.append([ids.tolist(), (targets != IGNORED).tolist(), following, masked])
    found = modules.evaluate(
        """async ([cases, ignored]) => {
          const { maskedWord, nextWord } = await import("/labels/objectives.mjs");
          return cases.map(([ids, hidden]) => [nextWord(ids), maskedWord(ids, hidden, 99, ignored)]
            .map(({ inputs, targets }) => [inputs, targets]));
        }""",
        [cases, IGNORED],
    )
    assert found == [case[2:] for case in cases]


def test_places_are_hidden_by_chance_at_least_one_and_never_all_of_a_view(modules):
    found = modules.evaluate(
        """async () => {
          const { chooseDropped, choosePlaces } = await import("/labels/objectives.mjs");
          const { uniform } = await import("/shared/random.mjs");
          const draw = (choose, n, share, seeds) =>
            Array.from({ length: seeds }, (_, seed) => choose(n, share, uniform(seed)))
              .map((places) => places.filter(Boolean).length);
          return {
            few: draw(choosePlaces, 5, 0.01, 300),
            many: draw(choosePlaces, 1000, 0.15, 50),
            dropped: draw(chooseDropped, 3, 0.9, 300),
            some: choosePlaces(50, 0.2, uniform(4)),
            more: choosePlaces(50, 0.6, uniform(4)),
          };
        }"""
    )
    assert min(found["few"]) == 1 and np.mean(found["few"]) < 1.1
    assert abs(np.mean(found["many"]) / 150 - 1) < 0.05 and np.std(found["many"]) > 5
    assert max(found["dropped"]) == 2
    nested = zip(found["some"], found["more"], strict=True)
    assert all(more or not some for some, more in nested) and sum(found["more"]) > 20


def test_contrast_and_pseudo_labels_are_computed_as_in_the_course(modules):
    rng = np.random.default_rng(1)
    z = rng.normal(size=(8, 5))
    first, second = torch.from_numpy(z[0::2]), torch.from_numpy(z[1::2])
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    shares = rng.dirichlet(np.ones(3), 20)
    found = modules.evaluate(
        """async ([cosines, temperature, shares]) => {
          const { contrastiveLosses, pseudoLabels } = await import("/labels/objectives.mjs");
          const losses = contrastiveLosses(cosines, cosines.map((_, i) => i ^ 1), temperature);
          const { indices, labels } = pseudoLabels(shares, 0.6);
          return [losses, indices, labels];
        }""",
        [(unit @ unit.T).tolist(), 0.1, shares.tolist()],
    )
    loss = objectives.contrastive_loss(first, second, 0.1).item()
    assert np.mean(found[0]) == pytest.approx(loss, rel=1e-9)
    assert found[1:] == [part.tolist() for part in objectives.pseudo_labels(shares, 0.6)]


def bayes(texts, labels, others):
    """scikit-learn's answers for other texts."""
    count = CountVectorizer(tokenizer=to_words, token_pattern=None, lowercase=False)
    model = MultinomialNB().fit(count.fit_transform(texts), labels)
    return model.predict_proba(count.transform(others))


def test_the_model_in_the_page_is_naive_bayes(modules):
    texts = [one["text"] for one in endings()]
    labels = [one["label"] for one in endings()]
    others = [*texts[7:], "not a word of these", "the the cried"]
    found = modules.evaluate(
        """async ([texts, labels, others]) => {
          const { NaiveBayes } = await import("/labels/naive_bayes.mjs");
          const model = new NaiveBayes(texts, labels, 2);
          return others.map((other) => model.probabilities(other));
        }""",
        [[to_words(text) for text in texts[:7]], labels[:7], [to_words(text) for text in others]],
    )
    np.testing.assert_allclose(found, bayes(texts[:7], labels[:7], others), rtol=1e-9)


def test_a_text_is_cut_as_in_the_course_and_every_writing_into_its_own_pieces(modules):
    english = [to_text(words) for words in Stories().corpus(20, 3)] + ["don't,  2 b!\n(or) x_1"]
    others = {
        "Größe naïve": ["Größe", "naïve"],
        "cafe\u0301 ¿qué?": ["cafe\u0301", "¿", "qué", "?"],
        "Где ключ?": ["Где", "ключ", "?"],
        "أين المفتاح": ["أين", "المفتاح"],
        "हिन्दी में": ["हिन्दी", "में"],
        "ok 👩‍👩‍👧🇮🇹": ["ok", "👩‍👩‍👧", "🇮🇹"],
    }
    found, unspaced, letters = modules.evaluate(
        """async ([texts]) => {
          const { cut, line } = await import("/labels/pieces.mjs");
          const all = texts.map((text) => cut(text, "words"));
          for (const [i, { pieces, spaced }] of all.entries()) {
            const plain = texts[i].trim().replaceAll(/\\s+/g, " ");
            if (line(pieces, spaced) !== plain) throw new Error(texts[i]);
          }
          const kanji = cut("狐は川へ行った。", "words").pieces;
          const characters = cut("né 👩‍👧", "characters").pieces;
          return [all.map(({ pieces }) => pieces), kanji, characters];
        }""",
        [[*english, *others]],
    )
    assert found == [*map(to_words, english), *others.values()]
    assert len(unspaced) > 3 and "".join(unspaced) == "狐は川へ行った。"
    assert letters == ["n", "é", "👩‍👧"]


# ---- on the page ---------------------------------------------------------------------------------


def test_any_sentence_becomes_pairs_of_which_copying_answers_none_until_the_mistake(page):
    sentence = "Who labelled the internet? Nobody did, nobody could."
    page.get_by_label("Any sentence").fill(sentence)
    words = to_words(sentence)
    pairs = list(zip(*(map(str, part) for part in objectives.next_word(words)), strict=True))
    assert tiles(page) == pairs
    assert cards(page)[0] == f"{len(pairs)} pairs 0 human labels"
    page.locator("summary").click()
    rows = [row.locator("td").all_inner_texts() for row in page.locator("tbody tr").all()]
    assert [target for _, target in rows] == words[1:]
    assert rows[0][0] == "Who" and rows[4][0] == "Who labelled the internet?"
    assert f"correct for 0 of {len(pairs)}." in page.locator(".gl-verdict").first.inner_text()
    page.get_by_label("forget to shift the targets").check()
    assert tiles(page) == [(word, word) for word in words[:-1]]
    verdict = page.locator(".gl-verdict").first.inner_text()
    assert f"correct for {len(pairs)} of {len(pairs)}. The answer has leaked" in verdict


def test_only_what_is_hidden_is_asked_for_and_stands_nowhere_in_its_place(page):
    choose(page, "Masked word")
    words = to_words(SENTENCE)
    hidden_at = set()
    for share in (0.05, 0.5, 0.9):
        slide(page, "Masked", share)
        for _ in range(3):
            shown = tiles(page)
            hidden = [i for i, (read, _) in enumerate(shown) if read == MASK]
            assert hidden and [shown[i][1] for i in hidden] == [words[i] for i in hidden]
            rest = [pair for i, pair in enumerate(shown) if i not in hidden]
            assert rest == [(word, "") for i, word in enumerate(words) if i not in hidden]
            assert cards(page)[1].startswith(f"{len(hidden)} pair")
            hidden_at.add(tuple(hidden))
            press(page, "Mask others")
    assert len(hidden_at) >= 7
    page.get_by_label("predict words that are not masked").check()
    shown = tiles(page)
    leaks = sum(read == asked for read, asked in shown)
    assert [asked for _, asked in shown] == words and leaks
    assert f"correct for {leaks} of {len(words)}." in page.locator(".gl-verdict").first.inner_text()


def test_a_view_looks_for_its_partner_among_all_others(page):
    choose(page, "Two views")
    slide(page, "Dropped", 0.6)
    options = page.locator(".gl-views [role=option]")
    dropped = [to_words(" ".join(one.locator("s").all_inner_texts())) for one in options.all()]
    assert sum(map(len, dropped[:2])) >= 12 and sum(dropped[0] != dropped[1] for _ in (1,))
    kept = [
        re.sub(r"^\S+ ?\d?\.?\d*: ", "", one.get_attribute("aria-label")) for one in options.all()
    ]
    for text, away in zip(kept[:2], dropped[:2], strict=True):
        assert sorted([*to_words(text), *away]) == sorted(to_words(SENTENCE))
    counts = CountVectorizer(tokenizer=to_words, token_pattern=None, lowercase=False)
    rows = counts.fit_transform(kept).toarray().astype(float)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = unit @ unit.T
    options.nth(3).click()
    roles = page.locator(".gl-role").all_inner_texts()
    for i, role in enumerate(roles):
        name = {3: "anchor", 2: "positive"}.get(i, "negative")
        assert role == (name if i == 3 else f"{name} {cosines[3, i]:.2f}")
    scores = np.delete(cosines[3] / 0.1, 3)
    loss = np.log(np.exp(scores).sum()) - cosines[3, 2] / 0.1
    assert f"Loss {loss:.2f} nats" in page.locator(".gl-panel:visible .gl-caption").inner_text()
    page.get_by_label("drop nothing").check()
    assert page.locator(".gl-views s").count() == 0
    assert "find 6 of 6 positives. Both views" in page.locator(".gl-verdict:visible").inner_text()


def test_a_person_is_asked_by_the_clock_and_the_hours_follow(lone_page):
    page = lone_page
    page.clock.install(time=0)
    page.clock.pause_at(1000)  # from here on it goes as the test says
    choose(page, "Human label")
    assert SENTENCE in page.locator(".gl-quote").inner_text()
    truth = ["happy" if one["label"] == 0 else "sad" for one in endings()]
    for name, seconds in (("neither", 8), (truth[0], 2), (truth[1], 4), (truth[3], 6)):
        page.clock.run_for(1000 * seconds)
        press(page, name)
    said = page.locator(".gl-panel:visible .gl-caption").inner_text()
    assert "4 texts labelled. Your pace: 5.0 s per label (the median of 4)" in said
    assert "agrees with 2 of 3" in said
    assert endings()[3]["text"] in page.locator(".gl-quote").inner_text()
    assert cards(page)[3:] == ["0 pairs 1 human label", cards(page)[4]]
    choose(page, "Next word")
    page.clock.run_for(50_000)  # what one does elsewhere is not labelling
    choose(page, "Human label")
    page.clock.run_for(4_400)
    press(page, "sad")
    press(page, "Use my pace")
    slide(page, "Texts", 4)
    said = page.locator(".gl-sum").inner_text()
    assert said.startswith("10,000 texts × 4.4 s = 12 hours. Next-word prediction"), said
    slide(page, "Seconds per label", 36)
    slide(page, "Texts", 7)
    said = page.locator(".gl-sum").inner_text()
    assert "10,000,000 texts × 36 s = 100,000 hours, or 57 years of one person" in said
    press(page, "Start over")
    assert SENTENCE in page.locator(".gl-quote").inner_text()


def test_the_model_labels_where_it_is_sure_and_is_held_against_the_truth(page):
    choose(page, "Pseudo-label")
    assert cards(page)[4] == "0 pairs needs labels first"
    press(page, "Take six labels from the grammar")
    texts = [one["text"] for one in endings()]
    labels = np.array([one["label"] for one in endings()])
    by_person = [i for label in (0, 1) for i in np.flatnonzero(labels == label)[:3]]
    rest = [i for i in range(len(texts)) if i not in by_person]
    known = [texts[i] for i in by_person]
    for threshold in (0.9, 0.6):
        slide(page, "Confidence threshold", threshold)
        shares = bayes(known, labels[by_person], [texts[i] for i in rest])
        kept, said = objectives.pseudo_labels(shares, threshold)
        right = int((said == labels[rest][kept]).sum())
        own = bayes(known, labels[by_person], [SENTENCE])[0]
        taken = len(kept) + (own.max() >= threshold)
        verdict = page.locator(".gl-verdict:visible").inner_text()
        assert verdict.startswith(f"From 6 human labels, the model makes {taken} more")
        assert f"{right} of {len(kept)} are correct" in verdict
        assert page.locator(".gl-kept").count() == taken
        assert page.locator(".gl-wrong").count() == len(kept) - right
        assert cards(page)[4].startswith(f"{int(own.max() >= threshold)} pair")
    rows = page.locator(".gl-answers li")
    assert rows.count() == len(rest) + 1
    texts = rows.locator("p:first-child").all_inner_texts()
    said = [text.removeprefix("Your sentence: ") for text in texts]
    names, sure = (rows.locator(part).all_inner_texts() for part in (".gl-label", ".gl-share"))
    shares = bayes(known, labels[by_person], said)
    for name, shown, share in zip(names, sure, shares, strict=True):
        assert name == ["happy", "sad"][share.argmax()]
        assert shown == (f"{share.max():.1%}" if share.max() <= 0.999 else "> 99.9%")
    press(page, "Forget all labels")
    assert page.get_by_role("button", name="Take six").evaluate(
        "one => one === document.activeElement"
    )


def test_everything_can_be_done_with_the_keyboard(page):
    page.locator(".gl-card input").first.focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_label("predict words that are not masked").is_visible()
    page.keyboard.press("ArrowLeft")
    page.locator(".gl-tiles [tabindex='0']").focus()
    for key in ("Home", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    caption = page.locator(".gl-caption:visible")
    assert caption.inner_text() == "Given “The fox lost”, the target is “her”."
    focused = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused == "input lost, target her"
    page.keyboard.press("End")
    assert "target is “.”." in caption.inner_text()


def test_a_screen_reader_is_told_the_count_once_typing_rests(page):
    page.get_by_label("Any sentence").fill("One two three")
    told = "Next word: 2 pairs, 0 human labels."
    page.wait_for_function(
        "told => document.querySelector('.gx-news').textContent === told", arg=told
    )


def test_a_text_too_short_or_too_long_is_told_so(page):
    field, message = page.get_by_label("Any sentence"), page.locator(".gx-message")
    for text in ("", "  ", "word"):
        field.fill(text)
        assert "Type a little more" in message.inner_text() and tiles(page) == []
        for name in ("Masked word", "Two views", "Human label", "Pseudo-label", "Next word"):
            choose(page, name)
    field.fill("so " * 300)
    assert message.inner_text() == "Only the first 200 of 300 words are used."
    assert len(tiles(page)) == 199
    assert (
        "correct for 199 of 199. Here the text repeats"
        in page.locator(".gl-verdict").first.inner_text()
    )


@in_both_looks
def test_axe_finds_nothing_to_mend_and_nothing_sticks_out(browser, address, width, scheme):
    for page in opened_at(browser, address, width, scheme):
        for name in ("Next word", "Masked word", "Two views", "Human label", "Pseudo-label"):
            choose(page, name)
            if name == "Masked word":
                page.get_by_label("predict words that are not masked").check()
            if name == "Pseudo-label":
                press(page, "Take six labels from the grammar")
            assert overflow(page) == 0
            if name in ("Masked word", "Pseudo-label") or (scheme, width) == ("light", 1280):
                assert axe_faults(page) == []
        page.get_by_label("Any sentence").fill("x" * 200)  # a word wider than the page
        choose(page, "Next word")
        assert overflow(page) == 0


# ---- in a notebook -------------------------------------------------------------------------------


def test_pairs_and_labels_reach_the_kernel_and_no_key_reaches_jupyterlab(notebook):
    notebook.get_by_label("Any sentence").fill("Lily had a kite")
    kernel = notebook.evaluate("window.kernel")
    assert kernel["sentence"] == "Lily had a kite"
    assert (kernel["inputs"], kernel["targets"]) == (["Lily", "had", "a"], ["had", "a", "kite"])
    choose(notebook, "Masked word")
    kernel = notebook.evaluate("window.kernel")
    hidden = [i for i, word in enumerate(kernel["inputs"]) if word == MASK]
    assert hidden and [i for i, word in enumerate(kernel["targets"]) if word is not None] == hidden
    choose(notebook, "Human label")
    press(notebook, "sad")
    assert notebook.evaluate("window.kernel.given") == {"own": 1}
    notebook.get_by_label("Any sentence").press("a")
    assert notebook.evaluate("window.kernel.given") == {}, "the label was another sentence's"
    assert notebook.evaluate("window.keys") == []


def test_what_the_kernel_sets_is_shown_until_the_widget_is_closed(notebook):
    notebook.evaluate("widgetModel.receive('sentence', 'ab cd')")
    notebook.evaluate("widgetModel.receive('unit', 'characters')")
    assert tiles(notebook) == [("a", "b"), ("b", "c"), ("c", "d")]
    listening = "[...listeners.values()].flat().length"
    assert notebook.evaluate(listening) > 0
    notebook.evaluate("window.stop()")
    assert notebook.evaluate(listening) == 0


def test_the_page_starts_from_all_that_a_widget_knows():
    start, widget = state(), Labels("Any words.")
    assert set(start) == {name for name in Labels.class_own_traits(sync=True) if name[0] != "_"}
    assert widget.sentence == "Any words." and widget.texts == start["texts"]
    labels = [one["label"] for one in start["texts"]]
    assert labels.count(0) == labels.count(1) == 12
    assert len({one["text"] for one in start["texts"]}) == 24
    for one in start["texts"]:
        if re.search("cried|sleep|sad", one["text"]):
            assert one["label"] == 1
        if re.search("glad|joy|cheered", one["text"]):
            assert one["label"] == 0


def test_the_still_picture_is_that_of_the_sentence_the_page_opens_on():
    kept = (ROOT / "grooves/explorables/labels/labels.svg").read_text("utf-8")
    assert kept == still_labels.draw(SENTENCE), "run `python -m grooves.explorables.export`"
    words = re.findall(r'font-size="14"[^>]*text-anchor="middle"[^>]*>([^<]+)<', kept)
    inputs, targets = objectives.next_word(to_words(SENTENCE))
    pairs = [word for pair in zip(inputs, targets, strict=True) for word in pair]
    assert words[: len(pairs)] == pairs
    assert words.count(MASK) == 3 and ">3 pairs, 0 human labels<" in kept
