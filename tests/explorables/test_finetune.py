"""The explorable `finetune`: its models are the recorded ones, and anyone can use it."""

import base64
import re
from statistics import mean

import pytest
import torch
from in_browser import (
    ROOT,
    axe_faults,
    choose,
    cut_off,
    in_notebook,
    opened,
    opened_at,
    overflow,
    press,
    turn_to,
)

from grooves import assets
from grooves.explorables.finetune import still as still_finetune
from grooves.explorables.finetune.widget import KEYS, PROMPT, FineTuning, part, recorded, state
from grooves.fine_tuning import recipes
from grooves.language.stories import Stories, to_text, to_words
from grooves.precision import stored_adapters
from grooves.training import lineage
from grooves.training.checkpoint import CheckpointError

EXPLORABLE = "finetune"  # what the fixture `page` shows


@pytest.fixture
def notebook(modules):
    """The widget with two models of one's own, as JupyterLab would show it."""
    widget = FineTuning(losses={("full", 5): (0.5, 0.3), ("LoRA", 5): (0.25, 0.1)})
    with in_notebook(modules, widget) as page:
        yield page


def losses(method, n, what="new"):
    """Recorded losses of a way, one a run."""
    runs = assets.recorded("fine_tuning")["runs"]
    ours = (method, "narrator", n)
    return [run[what] for run in runs if (run["method"], run["dialect"], run["n"]) == ours]


def models_of(n):
    """The models of the page by key, put together in Python."""
    kept = stored_adapters.read(n)
    return {"base": lineage.base().cpu()} | {
        KEYS[m]: stored_adapters.unpack(m, kept[m]) for m in kept
    }


# ---- the models ----------------------------------------------------------------------------------


def moved(method):
    """A model in which everything that may learn has moved a little."""
    model = recipes.prepare(method)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                step = torch.randn(weight.shape, generator=generator).to(weight.device)
                weight += 0.05 * step
    return model.cpu()


@pytest.mark.parametrize("method", recipes.METHODS)
def test_a_kept_difference_gives_the_model_back_up_to_rounding(method):
    model = moved(method)
    kept = stored_adapters.pack(method, model)
    ids = torch.randint(0, 400, (2, 40), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected, found, before = (
            one(ids) for one in (model, stored_adapters.unpack(method, kept), lineage.base().cpu())
        )
    assert (expected - before).std() > 0.1, "logits this near would match anything"
    assert (found - expected).std() < 0.03 * (expected - before).std()
    whole = 4 * sum(weight.numel() for weight in lineage.base().parameters())
    share = stored_adapters.kept_bytes(kept) / whole
    assert share < {"last layer": 0.1, "LoRA": 0.02}.get(method, 0.28)


def test_the_kept_models_are_as_good_as_the_recorded_runs():
    language, rows = Stories(stored_adapters.DIALECT), assets.recorded("tuned_models")["rows"]
    stated = {(row["method"], row["n"]): row for row in rows}
    for n in stored_adapters.COUNTS:
        for method, kept in stored_adapters.read(n).items():
            row, model = stated.pop((method, n)), stored_adapters.unpack(method, kept)
            assert lineage.gap(model, language)[0] == pytest.approx(row["new"], abs=1e-3)
            assert stored_adapters.kept_bytes(kept) == row["bytes"]
            if n == 50:
                assert lineage.gap(model)[0] == pytest.approx(row["old"], abs=1e-3)
            first = (losses(method, n, what)[0] for what in ("new", "old"))
            for what, loss in zip(("new", "old"), first, strict=True):
                assert row[what] == pytest.approx(loss, abs=0.005, rel=0.01), (method, n, what)
    assert not stated


def test_the_page_puts_the_models_together_as_python_does(modules):
    words = to_words("Listen, children. I once knew an odd badger named Daisy. She lived in a")
    tokens = [0, *(Stories().index[word] for word in words)]
    parts = [base64.b64encode(part(name)).decode("ascii") for name in ("base", "50")]
    found = modules.evaluate(
        """async ([base, bytes, tokens]) => {
          const { tunedModels } = await import("/finetune/models.mjs");
          const decode = (text) =>
            new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
          const models = tunedModels(decode(base), decode(bytes));
          return Object.fromEntries(Object.entries(models).map(([key, model]) => {
            const reading = model.read();
            for (const token of tokens) reading.push(token);
            return [key, [...reading.places.at(-1).scores]];
          }));
        }""",
        [*parts, tokens],
    )
    expected = models_of(50)
    assert set(found) == set(expected) == {"base", *KEYS.values()}
    with torch.no_grad():
        for key, model in expected.items():
            scores = model(torch.tensor([tokens]))[0, -1]
            assert (torch.tensor(found[key]) - scores).abs().max() < 1e-3, key


# ---- on a page -----------------------------------------------------------------------------------


def fetched(page):
    """The names of the parts that the page has fetched so far."""
    scripts = page.evaluate("[...document.scripts].map((script) => script.src)")
    parts = [re.search(r"/finetune-(base|\d+)\.", script) for script in scripts]
    return sorted(found[1] for found in parts if found)


def test_the_answer_and_the_models_come_after_the_question(page):
    verdict, right = page.locator(".gc-verdict"), 0
    for asked, n in enumerate(stored_adapters.COUNTS, start=1):
        choose(page, f"{n:,}")
        assert not verdict.is_visible() and not page.locator(".gf-told").is_visible()
        assert str(n) not in fetched(page), "what nobody asked for is not fetched"
        points = page.locator(".gf-mark.gf-now")
        assert points.count() == 0
        page.get_by_role("button", name="LoRA", exact=True).click()
        means = {method: mean(losses(method, n)) for method in recipes.METHODS}
        best = min(means, key=means.get)
        right += best == "LoRA"
        way, gap = re.search(
            r"stories, (.*) comes closest: ([\d.]+) nats", verdict.inner_text()
        ).groups()
        assert way == best and float(gap) == pytest.approx(means[best], abs=6e-4, rel=0.05)
        near = [m for m in means if m != best and min(losses(m, n)) <= max(losses(best, n))]
        learned = verdict.inner_text().partition(" Forgetting is lowest")[0]
        assert ("overlap with those of " + " and ".join(near) in learned) == bool(near), near
        so = "Right." if best == "LoRA" else "Not this time."
        assert page.locator(".gc-said").inner_text().startswith(f"{so} {right} of {asked} guess")
        page.locator(".gf-story").first.wait_for(state="attached")
        assert fetched(page) == sorted(["base", *map(str, stored_adapters.COUNTS[:asked])])
        assert points.count() == 7, "four ways learn, three forget"
        assert page.locator(".gf-line").count() == (7 if asked == 4 else 0)
    assert 0 < right < 4
    kept = mean(losses("full", 2000, "old")) - assets.recorded("fine_tuning")["base_old"]
    choose(page, "full")
    assert f"{kept:.2f} nats of the first language forgotten" in (
        page.locator(".gc-help").inner_text()
    )
    page.locator("summary").click()
    assert page.locator(".gx-table tbody tr").count() == 16


def number(seed, place):
    """The random number of model.mjs once more."""
    h = (seed * 0x9E3779B1 ^ (place + 1) * 0x85EBCA6B) & 0xFFFFFFFF
    for factor in (0x21F0AAAD, 0x735A2D97):
        h = (h ^ (h >> 15)) * factor & 0xFFFFFFFF
    return (h ^ (h >> 15)) / 2**32


@torch.no_grad()
def told(model, prompt, length, seed):
    """The words with which a model goes on, drawn as the page draws."""
    language = Stories()
    words = to_words(prompt)
    for place in range(len(words), len(words) + length):
        tokens = [0, *(language.index[word] for word in words)]
        shares = model(torch.tensor([tokens]))[0, -1].double().softmax(-1).cumsum(-1)
        token = int((shares <= number(seed, place)).sum())
        if token == 0:
            break
        words.append(language.vocabulary[token])
    return words


def first_left(language, words):
    """The first word that a language never has there, or None."""
    for place, word in enumerate(words):
        if language.next_word(words[:place])[language.index[word]] == 0:
            return word
    return None


def test_each_model_tells_on_and_the_grammar_judges(page):
    page.get_by_label("Ask me first").uncheck()
    choose(page, "50")
    turn_to(page, "2.")
    rows, models = page.locator(".gf-stories li"), models_of(50)
    rows.nth(4).wait_for()
    for seed, prompt, length in ((1, PROMPT, 30), (2, "Once upon a time", 60)):
        if seed == 2:
            page.get_by_role("button", name="Once upon a time", exact=True).click()
            press(page, "Sample again")
            press(page, "More words")
        for row, (key, model) in zip(rows.all(), models.items(), strict=True):
            words = told(model, prompt, length, seed)
            assert row.locator(".gf-story").inner_text().removesuffix(" …") == to_text(words), key
            left = [first_left(Stories(name), words) for name in ("narrator", None)]
            verdict = row.locator(".gx-note").inner_text()
            wrong = row.locator(".gf-wrong").all_inner_texts()
            assert wrong == ([left[0]] if left[0] else [])
            both = ["the new teller" if left[1] else "either teller", "the first teller"]
            whose = "Neither teller" if all(left) else both[left[0] is not None]
            assert whose in verdict and (not left[0] or f"has “{left[0]}” there" in verdict)
    page.get_by_label("Start of a story").fill("Once upon a timee")
    page.get_by_role("button", name="time", exact=True).click()
    assert page.get_by_label("Start of a story").input_value() == "Once upon a time"


def test_models_that_cannot_be_fetched_are_said_and_tried_again(browser, address):
    for page in opened(browser, address, alone=True):
        page.route(re.compile("finetune-5[.]"), lambda route: route.abort())
        press(page, "Show me")
        assert page.locator(".gc-verdict").is_visible(), "what was recorded is shown all the same"
        turn_to(page, "2.")
        said = page.locator(".gf-told [role=status]", has_text="could not be fetched")
        said.wait_for()
        page.unroute_all()
        choose(page, "50")
        turn_to(page, "1.")
        press(page, "Show me")
        turn_to(page, "2.")
        page.locator(".gf-story").first.wait_for(state="attached")
        assert not said.is_visible()
        choose(page, "5")
        page.locator(
            ".gf-name", has_text=f"from scratch: {losses('from scratch', 5)[0]:.1f}"
        ).wait_for()


def test_everything_can_be_done_with_the_keyboard_and_from_a_disk(browser, site):
    for page in opened(browser, (site / "index.html").as_uri()):
        page.get_by_role("radio", name="5", exact=True).focus()
        page.keyboard.press("ArrowRight")
        assert page.get_by_role("radio", name="50", exact=True).is_checked()
        page.get_by_role("button", name="full", exact=True).press("Enter")
        news = page.locator("[role=status].gx-news")
        assert news.inner_text().startswith("With 50 stories, full comes closest")
        assert page.evaluate("document.activeElement.closest('.gc-check') !== null")
        page.get_by_role("radio", name="full", exact=True).press("ArrowLeft")
        assert news.inner_text().startswith("LoRA: "), "a screen reader hears the numbers"
        page.locator(".gf-story").first.wait_for(state="attached")
        turn_to(page, "2.")
        page.get_by_role("button", name="Sample again").press("Enter")
        spoken = page.locator(".gf-stories li.gf-strong .gf-story").inner_text().removesuffix(" …")
        assert news.inner_text() == f"LoRA: {spoken}"
        chart = page.locator(".gf-plane svg").first.get_attribute("aria-label")
        assert f"LoRA {mean(losses('LoRA', 50)):.2f}" in chart and "500 stories" not in chart


def test_axe_finds_nothing_to_mend_and_nothing_sticks_out(browser, address):
    for scheme, width in (("light", 390), ("dark", 1280)):
        for page in opened_at(browser, address, width, scheme):
            assert overflow(page) == 0 and (scheme == "dark" or axe_faults(page) == [])
            page.get_by_label("Ask me first").uncheck()
            page.locator("summary").click()
            page.locator(".gf-story").first.wait_for(state="attached")
            assert axe_faults(page) == [] and overflow(page) == 0
            turn_to(page, "2.")
            assert axe_faults(page) == [] and overflow(page) == 0
            turn_to(page, "1.")
            assert cut_off(page, ".gf-plane svg") == []


# ---- in a notebook -------------------------------------------------------------------------------


def test_your_models_are_asked_of_the_kernel_and_what_is_done_reaches_it(notebook):
    assert notebook.evaluate("window.sent") == []
    notebook.get_by_role("button", name="LoRA", exact=True).press("Enter")
    assert notebook.evaluate("window.sent") == [{"want": "base"}, {"want": "5"}]
    assert notebook.locator(".gf-own").count() == 4
    assert "Yours: 0.50, and 0.30 forgotten." in notebook.locator(".gc-help").inner_text()
    mine = FineTuning({("full", 5): moved("full")})
    sent = []
    mine.send = lambda message, buffers: sent.append((message["part"], buffers[0]))
    for message in [*notebook.evaluate("window.sent"), {"other": 1}]:
        mine._handle_custom_msg(message, [])  # as ipywidgets does with what a page sends
    for name, content in sent:
        text = base64.b64encode(content).decode("ascii")
        notebook.evaluate("([part, text]) => widgetModel.answer({ part }, text)", [name, text])
    names = notebook.locator(".gf-name").all_text_contents()
    assert names[3:] == ["LoRA, yours: 0.25 nats, 7 kB", "full, yours: 0.50 nats, 101 kB"]
    kernel = notebook.evaluate("window.kernel")
    assert kernel["guesses"] == [{"n": 5, "guess": "lora", "best": "lora"}]
    own = stored_adapters.unpack("full", stored_adapters.pack("full", moved("full")))
    assert kernel["told"]["full"] == to_text(told(own, PROMPT, 30, 1))
    assert notebook.evaluate("window.keys") == []


def test_what_the_kernel_sets_is_shown_until_the_widget_is_closed(notebook):
    for name, value in (("asks", False), ("way", "head"), ("n", 500)):
        notebook.evaluate("([name, value]) => widgetModel.receive(name, value)", [name, value])
    assert notebook.get_by_role("radio", name="500").is_checked()
    assert notebook.locator(".gc-help").inner_text().startswith("Last layer: 0.037 nats")
    notebook.evaluate("window.stop()")
    assert notebook.evaluate("[...listeners.values()].flat().length") == 0


def test_what_has_no_place_on_the_page_is_refused():
    for place in (("full", 20), ("by heart", 5)):
        with pytest.raises(ValueError, match="has no place here: a way with 5, 50, 500, 2000"):
            FineTuning(losses={place: (1.0, 1.0)})
    with pytest.raises(ValueError, match="'by heart' is not one of from scratch"):
        stored_adapters.pack("by heart", lineage.base())
    for name in ("20", "everything"):
        with pytest.raises(CheckpointError):
            part(name)


def test_the_page_starts_light_and_from_what_the_still_picture_shows():
    start = state()
    assert start["n"] == stored_adapters.COUNTS[0] and start["prompt"] == PROMPT
    assert sum(map(len, start["parts"].values())) < 1_500_000
    assert max(len(start["parts"][f"{n}"]) for n in stored_adapters.COUNTS) < 300_000
    kept = (ROOT / "grooves/explorables/finetune/finetune.svg").read_text(encoding="utf-8")
    assert kept == still_finetune.draw(recorded()), "run `python -m grooves.explorables.export`"
    for method in recipes.METHODS:
        assert f"{method} {mean(losses(method, 2000)):.3f}" in kept
