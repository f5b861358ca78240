"""The explorable `memory`: it counts as the course does, rounds as PyTorch does, serves anyone."""

import itertools
import math
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
)

from grooves.explorables.memory import still as still_memory
from grooves.explorables.memory.widget import CONTEXT, FIRST, Memory, devices, models, short, state
from grooves.models import published
from grooves.precision.budget import KEPT, PRECISIONS, RECIPES, budget, fits

EXPLORABLE = "memory"  # what the fixture `page` shows
MODELS = [published.Model(**one) for one in models()]
LLAMA = next(model for model in MODELS if model.name == FIRST)


@pytest.fixture
def notebook(modules):
    """The widget on a bare page, as JupyterLab would show it."""
    with in_notebook(modules, Memory(), state()) as page:
        yield page


def select(page, name, value):
    page.get_by_role("combobox", name=name).select_option(value)


def text(page, selector):
    return page.locator(selector).inner_text()


def courses(model, choices):
    """The budget of a choice as the page holds it, by the course's own functions."""
    return budget(model, **{"n_tokens" if k == "context" else k: v for k, v in choices.items()})


CHOICES = [
    {"task": task, "context": context, "batch": batch, "precision": precision}
    | {"small_cache": small, "recipe": recipe, "kept": kept}
    for task, context, batch in (("answer", 128, 1), ("answer", 2**17, 32), ("train", 4096, 8))
    for precision, small in itertools.product(PRECISIONS, (False, True))
    for recipe, kept in itertools.product(RECIPES, KEPT)
]


# ---- the same sums -------------------------------------------------------------------------------


def test_the_pages_budget_is_the_courses_budget(modules):
    found = modules.evaluate(
        """async ([models, all]) => {
          const { budget } = await import("/memory/budget.mjs");
          return models.map((model) => all.map((choices) => budget(model, choices)));
        }""",
        [models(), CHOICES],
    )
    for model, needs in zip(MODELS, found, strict=True):
        for choices, need in zip(CHOICES, needs, strict=True):
            assert need == pytest.approx(courses(model, choices), rel=1e-12), (model.name, choices)


def halvings(n, least):
    return [n // 2**i for i in range(1, 20) if n // 2**i >= least]


def remedies(c):
    """What may change, the cheapest first, each from the mildest on: the course's order."""
    shorter = [{"context": n} for n in halvings(c["context"], 1024)]
    smaller = [{"batch": n} for n in halvings(c["batch"], 1)]
    if c["task"] == "train":
        return [
            [{"kept": "no_scores"}] if c["kept"] == "everything" else [],
            smaller,
            [{"recipe": "mixed"}] if c["recipe"] == "fp32" else [],
            [{"kept": "inputs"}] if c["kept"] != "inputs" else [],
            shorter,
            [{"recipe": "bf16"}] if c["recipe"] != "bf16" else [],
        ]
    return [
        [{"precision": "bf16"}] if c["precision"] == "fp32" else [],
        smaller,
        [{"small_cache": True}] if not c["small_cache"] else [],
        [{"precision": "int8"}] if PRECISIONS[c["precision"]] > 8 else [],
        shorter,
        [{"precision": "int4"}] if PRECISIONS[c["precision"]] > 4 else [],
    ]


def test_the_cheapest_remedy_that_works_is_named(modules):
    cases = [(m, c, gb) for m in range(0, len(MODELS), 2) for c in CHOICES[::7] for gb in (12, 80)]
    found = modules.evaluate(
        """async ([models, cases]) => {
          const { remedy } = await import("/memory/budget.mjs");
          return cases.map(([m, choices, gb]) =>
            remedy(models[m], choices, gb)?.map(({ change }) => change) ?? null);
        }""",
        [models(), cases],
    )
    kinds = dict.fromkeys(("none needed", "one", "several", "none is enough"), 0)
    for (m, choices, gb), steps in zip(cases, found, strict=True):

        def enough(changes, m=m, choices=choices, gb=gb):
            changed = dict(choices)
            for change in changes:
                changed |= change
            return fits(courses(MODELS[m], changed), gb)

        possible = remedies(choices)
        alone = next((one for level in possible for one in level if enough([one])), None)
        if enough([]):
            kind, right = "none needed", steps == []
        elif alone:
            kind, right = "one", steps == [alone]
        elif steps is None:
            strongest = [level[-1] for level in possible if level]
            kind, right = "none is enough", not enough(strongest)
        else:
            needed = not any(enough(steps[:i] + steps[i + 1 :]) for i in range(len(steps)))
            kind, right = "several", len(steps) > 1 and enough(steps) and needed
            for i, step in enumerate(steps):  # and none could be milder
                level = next(level for level in possible if step in level)
                milder = level[: level.index(step)]
                right &= not any(enough([*steps[:i], one, *steps[i + 1 :]]) for one in milder)
        assert right, (MODELS[m].name, choices, gb, steps)
        kinds[kind] += 1
    assert min(kinds.values()) >= 5, kinds


TORCH = {
    "fp32": (torch.float32, torch.int32),
    "bf16": (torch.bfloat16, torch.int16),
    "fp16": (torch.float16, torch.int16),
    "e4m3": (torch.float8_e4m3fn, torch.int8),
    "e5m2": (torch.float8_e5m2, torch.int8),
}


def test_bits_and_numbers_are_pytorchs_and_int8_is_symmetric(modules):
    rng = np.random.default_rng(0)
    wild = (rng.normal(size=1500) * 10.0 ** rng.integers(-12, 12, 1500)).astype(np.float32)
    ties = [1.0625, 1.1875, 257, 259, 2049, 2051, 17, 19, 448, 464, 465, 57344, 61440, 65519, 65520]
    edges = [0.0, -0.0, math.inf, -math.inf, 1e-45, 3e38, 2.0**-9, 2.0**-10, 1.5 * 2.0**-10]
    numbers = torch.tensor([*wild.tolist(), *ties, *(-t for t in ties), *edges])
    whole = (0.3, -0.3, 0.05, 2.0, -2.0, 0.0, 1.0, -1.0)
    words = {math.inf: "Infinity", -math.inf: "-Infinity"}
    sent = ["-0" if str(n) == "-0.0" else words.get(n, n) for n in numbers.tolist()]
    names = list(TORCH)
    patterns = {n: list(range(2 ** min(16, torch.finfo(TORCH[n][0]).bits))) for n in names}
    patterns["fp32"] = rng.integers(0, 2**32, 3000).tolist()
    found = modules.evaluate(
        """async ([numbers, patterns, whole]) => {
          const { FORMATS, decode, encode, neighbour } = await import("/memory/formats.mjs");
          const text = (x) => (Object.is(x, -0) ? "-0" : String(x));
          const number = (x) => (x === "-0" ? -0 : Number(x));
          const all = (of) =>
            Object.fromEntries(Object.keys(patterns).map((name) => [name, of(name)]));
          const order = (f) => {
            let [at, values] = [encode(f.finite ? -1e9 : -57344, f), []];
            for (; at !== null; at = neighbour(at, f, 1)) values.push(decode(at, f));
            return values;
          };
          return {
            bits: all((name) => numbers.map((x) => encode(number(x), FORMATS[name]))),
            values: all((name) => patterns[name].map((one) => text(decode(one, FORMATS[name])))),
            nan: all((name) => text(decode(encode(NaN, FORMATS[name]), FORMATS[name]))),
            whole: whole.map((x) => decode(encode(x, FORMATS.int8, 1 / 127), FORMATS.int8, 1)),
            order: [order(FORMATS.e4m3), order(FORMATS.e5m2)],
          };
        }""",
        [sent, patterns, whole],
    )
    assert found["nan"] == dict.fromkeys(names, "NaN")
    for name, (of, whole_of) in TORCH.items():
        n_bits = torch.finfo(of).bits
        bits = numbers.to(of).view(whole_of).to(torch.int64) % 2**n_bits
        assert found["bits"][name] == bits.tolist(), name
        raw = torch.tensor(patterns[name])
        raw = torch.where(raw >= 2 ** (n_bits - 1), raw - 2**n_bits, raw).to(whole_of)
        values = raw.view(of).to(torch.float64).tolist()
        shown = [float(one.replace("Infinity", "inf")) for one in found["values"][name]]
        np.testing.assert_array_equal(shown, values)
        assert (np.signbit(shown) == np.signbit(values))[~np.isnan(values)].all()
    assert found["whole"] == [np.clip(round(127 * x), -127, 127) for x in whole]
    for of, order in zip((torch.float8_e4m3fn, torch.float8_e5m2), found["order"], strict=True):
        every = torch.arange(-128, 128, dtype=torch.int8).view(of).to(torch.float64)
        assert order == sorted({x for x in every.tolist() if math.isfinite(x)})


# ---- in the hands of a reader --------------------------------------------------------------------


def statuses(page):
    return page.locator(".gm-devices .gm-status").all_inner_texts()


def test_the_reader_guesses_first_and_is_told_what_must_give(page):
    assert not page.locator(".gm-parts").is_visible() and set(statuses(page)) == {""}
    assert not page.locator(".gm-stack").first.is_visible()
    choose(page, "12 GiB")
    assert text(page, ".gm-verdict") == "" and not page.locator(".gx-numbers").first.is_visible()
    press(page, "Show the answer")
    need = budget(LLAMA, "answer", n_tokens=CONTEXT)
    total = sum(need.values()) / 2**30
    said = text(page, ".gm-verdict")
    assert said.startswith("You guessed 12 GiB, which is too small: it takes 24 GiB. ")
    assert f"It does not fit into 12 GiB: {total:.1f} GiB are needed" in said
    sizes = page.locator(".gm-parts .gm-number").all_inner_texts()
    weights = f"{need['weights'] / 2**30:.1f}".removesuffix(".0")
    assert sizes[0] == f"{weights} GiB" and sizes[-1] == f"{total:.1f} GiB"
    for status, device in zip(statuses(page), devices(), strict=True):
        gib = device["memory_gib"]
        fitting = f"fits: {round(100 * total / gib)}%"
        assert status == (fitting if fits(need, gib) else f"needs {math.ceil(total / gib / 0.9)}")
    eight = sum(budget(LLAMA, "answer", n_tokens=CONTEXT, precision="int8").values()) / 2**30
    remedy = f"Cheapest remedy: store the weights in 8 bits. Then {eight:.2f} GiB."
    assert text(page, ".gm-gives").startswith(remedy)
    press(page, "Apply it")
    assert page.get_by_role("combobox", name="Weights in").input_value() == "int8"
    assert text(page, ".gm-verdict").startswith("It fits")
    assert text(page, ".gm-gives") == "Nothing has to change."
    press(page, "Ask me another")
    assert not page.locator(".gm-parts").is_visible() and "is trained" in text(
        page, ".gm-situation"
    )


def test_training_shows_what_takes_the_memory_and_several_remedies_together(page):
    press(page, "Show the answer")
    choose(page, "training")
    parts = page.locator(".gm-parts li").all_inner_texts()
    assert [part.split("\n")[0] for part in parts] == [
        "weights", "gradients", "optimizer state", "activations", "total",
    ]  # fmt: skip
    choose(page, "80 GiB")
    page.get_by_role("slider", name="Batch").fill("2")
    select(page, "Keep", "everything")
    gives = text(page, ".gm-gives")
    assert gives.startswith("No single remedy is enough. Cheapest together: ")
    assert "checkpointing" in gives and "16 bits" in gives
    press(page, "Apply it")
    assert text(page, ".gm-verdict").startswith("It fits")
    choose(page, "24 GiB")
    assert text(page, ".gm-gives").startswith("Even all remedies together leave ")
    page.locator(".gx-numbers summary").first.click()
    assert "parameters × 4 bytes" in text(page, ".gm-counted")


def bits(page):
    return "".join(page.locator(".gm-bit").all_inner_texts())


def test_a_number_is_predicted_typed_and_its_bits_flipped(page):
    choose(page, "Down to the bit")
    question = page.get_by_label("Predict: 257 is converted to bf16")
    for answer, hint in (("", "Type a number."), ("257", "numbers of bf16 are 2 apart")):
        question.fill(answer)
        press(page, "Check")
        assert hint in text(page, ".gm-view:visible .gx-question .gx-said")
    question.fill("256")
    question.press("Enter")
    assert "Right. bf16 stores 257 as 256." in page.locator(".gx-said:visible").all_inner_texts()
    assert text(page, ".gm-rounding").startswith(
        "257 is stored as 256: rounded down by 1, 0.39% of it"
    )
    assert bits(page) == "0100001110000000"
    page.get_by_label("bit 7, worth 1/128").click()
    assert text(page, ".gm-value") == "1.0078125 × 2^(135 − 127) = 258"
    assert text(page, ".gm-rounding") == "258 is stored exactly."
    assert page.get_by_role("textbox", name="Number", exact=True).input_value() == "258"
    page.get_by_role("textbox", name="Number", exact=True).fill("1/3")
    select(page, "Format", "e4m3")
    assert text(page, ".gm-neighbours").split("\n") == [
        "below: 0.3125", "stored: 0.34375", "above: 0.375",
    ]  # fmt: skip
    press(page, "Next number down")
    assert text(page, ".gm-rounding") == "0.3125 is stored exactly."
    page.get_by_role("textbox", name="Number", exact=True).fill("70000")
    select(page, "Format", "fp16")
    assert text(page, ".gm-rounding") == "70,000 is too large: it becomes infinity."
    select(page, "Format", "int8")
    page.get_by_label("Largest of the numbers").fill("254")
    page.get_by_role("textbox", name="Number", exact=True).fill("99")
    assert text(page, ".gm-value") == "50 × scale = 50 × 2 = 100", "the tie goes to the even count"


def test_everything_can_be_done_with_the_keyboard(page):
    page.get_by_role("radio", name="8 GiB").first.focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('label').innerText").startswith("12 GiB")
    press_focus = page.get_by_role("button", name="Show the answer")
    press_focus.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.innerText") == "Ask me another"
    page.get_by_role("radio", name="Will it fit?").focus()
    page.keyboard.press("ArrowRight")
    page.locator(".gm-bit[tabindex='0']").focus()
    for key in ("ArrowRight", "End", "ArrowLeft", "Space"):
        page.keyboard.press(key)
    assert page.locator(".gm-bit[tabindex='0']").count() == 1
    focused = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused == "mantissa, bit 6, worth 1/64: 1" and bits(page) == "0011110111001111"


@in_both_looks
def test_axe_finds_nothing_to_mend_and_nothing_sticks_out(browser, address, width, scheme):
    for page in opened_at(browser, address, width, scheme):
        choose(page, "8 GiB")
        assert overflow(page) == 0
        press(page, "Show the answer")
        choose(page, "training")
        page.locator(".gx-numbers summary").first.click()
        assert overflow(page) == 0 and axe_faults(page) == []
        choose(page, "Down to the bit")
        select(page, "Format", "fp32")
        page.locator(".gx-numbers:visible summary").click()
        assert overflow(page) == 0 and axe_faults(page) == []


# ---- in a notebook -------------------------------------------------------------------------------


def test_the_budget_and_the_bits_reach_the_kernel_and_no_key_reaches_jupyterlab(notebook):
    select(notebook, "Model", MODELS[0].name)
    need = notebook.evaluate("window.kernel.need")
    assert need == pytest.approx(budget(MODELS[0], "answer", n_tokens=CONTEXT))
    choose(notebook, "Down to the bit")
    notebook.get_by_role("textbox", name="Number", exact=True).fill("-2")
    notebook.get_by_role("textbox", name="Number", exact=True).press("0")
    kernel = notebook.evaluate("window.kernel")
    bits_of_20 = torch.tensor(-20.0).bfloat16().view(torch.int16).item() % 2**16
    assert (kernel["view"], kernel["number"], kernel["pattern"]) == ("bits", "-20", bits_of_20)
    assert notebook.evaluate("window.keys") == []


def test_what_the_kernel_sets_is_shown_until_the_widget_is_closed(notebook):
    for name, value in (("view", "bits"), ("number", "0.5"), ("format", "fp16")):
        notebook.evaluate("([name, value]) => widgetModel.receive(name, value)", [name, value])
    assert bits(notebook) == "0011100000000000"
    assert notebook.evaluate("window.kernel.pattern") == 0x3800
    listening = "[...listeners.values()].flat().length"
    assert notebook.evaluate(listening) > 0
    notebook.evaluate("window.stop()")
    assert notebook.evaluate(listening) == 0


def test_the_page_starts_from_all_that_a_widget_knows():
    start, widget = state(), Memory(batch=4)
    assert set(start) == {name for name in Memory.class_own_traits(sync=True) if name[0] != "_"}
    assert widget.batch == 4 and widget.models == start["models"]
    assert start["model"] in {one["name"] for one in start["models"]}
    assert start["models"][0]["parameters"] == 95_680 and start["device"] is None and start["ask"]
    sizes = [one["memory_gib"] for one in start["devices"]]
    assert sizes == sorted(set(sizes)) and {8, 12, 24, 80, 140.4} <= set(sizes)
    for one in (*start["models"], *start["devices"]):
        assert one["source"] and one["read"]
    known = torch.tensor(float(start["number"])).bfloat16().view(torch.int16).item()
    assert start["format"] == "bf16" and start["pattern"] == known
    names = {"NVIDIA A100 SXM 80 GB": "A100 SXM", "GeForce RTX 4060": "RTX 4060"}
    assert {name: short(name) for name in names} == names


def test_the_still_picture_is_that_of_the_model_the_page_opens_on():
    kept = (ROOT / "grooves/explorables/memory/memory.svg").read_text("utf-8")
    drawn = still_memory.draw(LLAMA, devices(), CONTEXT)
    assert kept == drawn, "run `python -m grooves.explorables.export`"
    need = budget(LLAMA, "answer", n_tokens=CONTEXT)
    assert f">weights {need['weights'] / 2**30:.1f} GiB<" in kept
    fitting = [fits(need, one["memory_gib"]) for one in devices()]
    said = re.findall(r">(fits|does not fit)", kept)
    assert said == ["fits" if one else "does not fit" for one in fitting] and len(set(said)) == 2
