"""The explorable as a widget: what goes over to the page and back, and what is refused."""

import re
import struct

import numpy as np
import pytest
import torch
from in_browser import (
    MODULES,
    in_base64,
    in_notebook,
    random_model,
)

from grooves.explorables import MARK, bundle, module_graph, stylesheet
from grooves.explorables.attention.widget import PROMPT, Attention, pack, state
from grooves.language.stories import Stories, to_words
from grooves.models.lstm import LSTM
from grooves.models.transformer import Config


@pytest.fixture(scope="module")
def model(language):
    return random_model(vocabulary_size=len(language.vocabulary), context=192)


def test_the_weights_go_over_as_a_checkpoint_that_the_course_can_read(model, tmp_path):
    from grooves.training.checkpoint import load_model

    path = tmp_path / "sent.safetensors"
    path.write_bytes(Attention(model).weights)
    again = load_model(path)
    assert again.config == model.config
    ids = torch.tensor([[0, 3, 5]])
    torch.testing.assert_close(again(ids), model(ids), rtol=0, atol=0)


def test_weights_of_another_dtype_go_over_as_float32(model):
    sent = pack(random_model(vocabulary_size=model.config.vocabulary_size).double())
    (header_length,) = struct.unpack("<Q", sent[:8])
    assert set(re.findall(rb'"dtype":"(\w+)"', sent[8 : 8 + header_length])) == {b"F32"}


def test_more_training_is_shown_by_sending_the_weights_again(model):
    widget = Attention(model)
    before = widget.weights
    widget.show(random_model(seed=1, vocabulary_size=model.config.vocabulary_size, context=192))
    assert widget.weights != before
    assert len(widget.weights) == len(before)


def test_a_page_without_a_kernel_starts_from_everything_that_a_widget_syncs(model):
    alone, widget = state(model), Attention(model)
    assert set(alone) == {name for name in Attention.class_own_traits(sync=True) if name[0] != "_"}
    for name, value in alone.items():
        assert getattr(widget, name) == value, name


def test_a_dialect_goes_over_with_its_own_grammar(model):
    assert Attention(model, Stories("narrator")).grammar != Attention(model).grammar


def test_a_model_of_another_language_is_refused_with_both_sizes():
    size = len(Stories().vocabulary)
    with pytest.raises(ValueError, match=f"vocabulary of 50 words and the language one of {size}:"):
        Attention(random_model())
    widget = Attention(random_model(vocabulary_size=size))
    with pytest.raises(ValueError, match=f"vocabulary of 50 words and the language one of {size}:"):
        widget.show(random_model())


def test_a_model_that_does_not_attend_is_refused_by_its_name(language):
    with pytest.raises(TypeError, match="shows a Transformer, not LSTM"):
        Attention(LSTM(Config(vocabulary_size=len(language.vocabulary)), width=8))


def test_the_first_prompt_asks_for_a_word_that_was_named_long_before(language):
    """One word is certain, and only because it stood at the start."""
    words = to_words(PROMPT)
    p = language.next_word(words)
    recalled = language.vocabulary[int(p.argmax())]
    assert np.isclose(p.max(), 1)
    assert words.index(recalled) < len(words) - 10


def test_every_module_stands_after_those_it_imports():
    graph = module_graph(MODULES / "attention" / "attention.mjs")
    assert graph[-1][0] == "attention.mjs"
    known = set()
    for name, source in graph:
        imports = set(re.findall(re.escape(MARK) + r"([\w.]+)", source))
        assert imports <= known, name
        assert not re.search(r"""from\s*["']\.""", source)
        known.add(name)
    assert {"model.mjs", "oracle.mjs"} <= known


def test_a_style_sheet_holds_those_that_it_imports(tmp_path, model):
    (tmp_path / "frame.css").write_text("p { color: red }\n")
    (tmp_path / "one.css").write_text('/* one */\n@import "./frame.css";\nb { color: blue }\n')
    assert stylesheet(tmp_path / "one.css") == "/* one */\np { color: red }\n\nb { color: blue }\n"
    sent = Attention(model)._css
    assert "@import" not in sent and "--gx-text:" in sent and ".gx-story" in sent


@pytest.mark.parametrize(
    "files, error, words",
    [
        ({"a.mjs": 'import "./gone.mjs";'}, FileNotFoundError, "gone.mjs"),
        (
            {"a.mjs": 'import { b } from "./b.mjs";', "b.mjs": "export * from './a.mjs';"},
            ValueError,
            "in a circle: a.mjs → b.mjs → a.mjs",
        ),
        (
            {"a.mjs": 'import "./b.mjs"; import "./x/b.mjs";', "b.mjs": "", "x/b.mjs": ""},
            ValueError,
            "two modules are called b.mjs",
        ),
    ],
)
def test_modules_that_cannot_be_bundled_are_named(tmp_path, files, error, words):
    for name, source in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(source)
    with pytest.raises(error, match=words):
        module_graph(tmp_path / "a.mjs")


def test_a_bundle_is_one_module_that_works_like_its_parts(modules, tmp_path):
    files = {
        "a.mjs": "import { two } from './x/b.mjs';\nimport * as c from \"./c.mjs\";\n"
        "const hidden = 10;\nexport default { sum: two + c.one + hidden };\n",
        "x/b.mjs": 'import { one } from "../c.mjs";\nexport const two = one + one;\n',
        "c.mjs": "const hidden = 1; // also a name in a.mjs\nexport { hidden as one };\n",
    }
    for name, source in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(source)
    found = modules.evaluate(
        """async (text) => {
          const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
          return (await import(address)).default;
        }""",
        bundle(tmp_path / "a.mjs"),
    )
    assert found == {"sum": 13}


# ---- in the hands of a kernel --------------------------------------------------------------------


@pytest.fixture
def notebook(modules, model):
    """A page that shows the widget as JupyterLab would."""
    widget = Attention(model)
    with in_notebook(modules, widget, state(model)) as page:
        yield page


def test_what_is_chosen_on_the_page_reaches_the_kernel(notebook):
    notebook.get_by_label("Temperature").press("ArrowRight")
    notebook.get_by_role("radio", name="Layer 2, head 1").click()
    notebook.get_by_label("Start of a story").fill("There once")
    notebook.get_by_role("button", name="New seed").click()
    expected = {"temperature": 1.1, "layer": 1, "head": 0, "prompt": "There once", "seed": 2}
    assert notebook.evaluate("window.kernel") == expected | {"text": "There once"}


def test_what_the_kernel_sets_is_shown_on_the_page(notebook):
    def receive(name, value):
        notebook.evaluate("([name, value]) => widgetModel.receive(name, value)", [name, value])

    receive("prompt", "One")
    assert notebook.get_by_label("Start of a story").input_value() == "One"
    assert notebook.locator(".gx-word").all_inner_texts() == ["start", "One"]
    receive("temperature", 0.5)
    assert notebook.get_by_label("Temperature").input_value() == "0.5"
    receive("layer", 1)
    receive("head", 1)
    chosen = notebook.locator("[aria-checked=true]").get_attribute("aria-label")
    assert chosen.startswith("Layer 2, head 2")
    notebook.get_by_role("button", name="Next word").click()
    receive("seed", 5)
    assert notebook.get_by_role("button", name="New seed (5)").is_visible()
    assert notebook.locator(".gx-word").all_inner_texts() == ["start", "One"]


@pytest.mark.parametrize("name", [None, "Next word", "Finish the story"])
def test_other_weights_are_shown_on_the_story_as_it_stands(notebook, model, name):
    pictures = "() => [...document.querySelectorAll('canvas')].map((one) => one.toDataURL())"
    if name:
        notebook.get_by_role("button", name=name).click()
    words, verdict = notebook.locator(".gx-word"), notebook.locator(".gx-verdict")
    told, said, painted = words.all_inner_texts(), verdict.inner_text(), notebook.evaluate(pictures)
    notebook.get_by_role("option").nth(3).click()
    bars = notebook.locator(".gx-next").inner_text()
    changed = random_model(seed=1, vocabulary_size=model.config.vocabulary_size, context=192)
    notebook.evaluate(
        'weights => widgetModel.receive("weights", decode(weights))', in_base64(changed)
    )
    assert (words.all_inner_texts(), verdict.inner_text()) == (told, said)
    assert notebook.get_by_role("option", selected=True).get_attribute("aria-label") == told[3]
    assert notebook.locator(".gx-next").inner_text() != bars
    assert not set(notebook.evaluate(pictures)) & set(painted)
    labels = [radio.get_attribute("aria-label") for radio in notebook.get_by_role("radio").all()]
    assert all(label and "words back" in label for label in labels)


def test_no_key_that_is_pressed_in_the_widget_reaches_jupyterlab(notebook):
    notebook.get_by_label("Temperature").press("ArrowRight")
    notebook.get_by_role("option", selected=True).press("ArrowLeft")
    notebook.get_by_label("Start of a story").press("Shift+Enter")
    assert notebook.evaluate("window.keys") == []


def test_a_widget_that_is_closed_listens_no_more(notebook):
    listening = "[...listeners.values()].flat().length"
    assert notebook.evaluate(listening) > 0
    notebook.evaluate("window.stop()")
    assert notebook.evaluate(listening) == 0
