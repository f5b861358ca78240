"""What the tests of the explorables share: a server, models, and what goes into a page."""

import base64
import functools
import http.server
import re
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import axe_playwright_python
import pytest
import torch
from sphinx.application import Sphinx

from grooves.explorables.attention.widget import pack
from grooves.models.transformer import Config, Transformer

ROOT = Path(__file__).parents[2]
MODULES = ROOT / "grooves" / "explorables"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {
        ".mjs": "text/javascript"  # not known to every platform, and browsers insist
    }

    def log_message(self, *_):
        pass


@contextmanager
def served(folder):
    """The address at which a folder is served while the block runs."""
    handler = functools.partial(_Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def random_model(seed=0, **config):
    """A model in which every weight matters; an untrained one has weights that are zero."""
    model = Transformer(Config(**({"vocabulary_size": 50, "context": 48, "n_embd": 32} | config)))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=1.5 * weight.shape[-1] ** -0.5, generator=generator)
    return model.eval()


def in_base64(model):
    """A model's checkpoint as text, to be handed to a page."""
    return base64.b64encode(pack(model)).decode("ascii")


# ---- an explorable on a page ---------------------------------------------------------------------

PAGE = """# A page

```{{anywidget}} /explorables/{name}/{name}.mjs
:css: /explorables/{name}/{name}.css
:data: grooves.explorables.export:{name}
:still: /explorables/{name}/{name}.svg
:alt: A still picture
:caption: What to notice.
{{}}
```
"""


def built_page(name, source, out):
    """A book of one page that shows an explorable as the book's directive does: `out` is its HTML.

    source, out: empty folders.
    """
    (source / "index.md").write_text(PAGE.format(name=name))
    (source / "explorables").symlink_to(ROOT / "grooves" / "explorables")
    (source / "_static").symlink_to(ROOT / "book" / "_static")
    settings = {
        "extensions": ["myst_parser", "book_explorable"],
        "html_theme": "basic",
        "html_static_path": ["_static"],
        "html_css_files": ["grooves.css"],
        "exclude_patterns": ["explorables"],
    }
    sys.path.insert(0, str(ROOT / "book" / "_ext"))
    try:
        trees = str(out / ".doctrees")
        app = Sphinx(
            str(source), None, str(out), trees, "html", settings, status=None, freshenv=True
        )
        app.build()
    finally:
        sys.path.pop(0)
    assert app.statuscode == 0
    return out


_kept = {}  # pages that wait for the next test, by their browser and settings
NATIVE = "/native code/.test(Date) && /native code/.test(setTimeout)"


def opened(browser, url, alone=False, **settings):
    """A page with the explorable on it (a generator of one); errors in it fail the test.

    Tests with the same settings (of a context of Playwright) take turns with one page: a new one
    takes four times as long as another document on the same. A test that stops its clock, or leaves
    requests unanswered, opens its page `alone`.
    """
    settings = {"viewport": {"width": 1280, "height": 720}, "color_scheme": "light"} | settings
    settings = {"reduced_motion": "reduce"} | settings
    key = browser, repr(sorted(settings.items()))
    page = None if alone else _kept.pop(key, None)
    if page is None:
        page = browser.new_context(**settings).new_page()
        page.set_default_timeout(10_000)
    errors = []

    def note(error):
        errors.append(str(error))

    page.on("pageerror", note)
    page.set_viewport_size(settings["viewport"])
    page.emulate_media(
        color_scheme=settings["color_scheme"], reduced_motion=settings["reduced_motion"]
    )
    page.mouse.move(0, 0)
    page.goto(url)
    page.locator(".explorable-mount[data-ready=yes]").wait_for()
    assert page.evaluate(NATIVE), "an earlier test stopped the clock: have it open its page alone"
    yield page
    if alone:
        page.context.close()
    else:
        page.goto("about:blank")
        page.remove_listener("pageerror", note)
        _kept[key] = page
    assert not errors


def dress(page, scheme):
    """The page in the book's own light or dark, down to its ground, which axe measures against."""
    page.evaluate("scheme => (document.documentElement.dataset.theme = scheme)", scheme)
    page.add_style_tag(content="body { background: var(--groove-paper); }")


def opened_at(browser, url, width, scheme):
    """A page of this width in the book's own light or dark (a generator of one)."""
    size = {"width": width, "height": 900}
    for page in opened(browser, url, viewport=size, color_scheme=scheme):
        dress(page, scheme)
        yield page


# ---- what a reader does -------------------------------------------------------------------------


def _beginning(name):
    """What a name begins with, in whole words: "Next word" for "Next word (3)"."""
    return re.compile(rf"^{re.escape(name)}(?!\w)")


def choose(page, name):
    """Take one of several: the radio button whose name begins so."""
    page.get_by_role("radio", name=_beginning(name)).check(force=True)


def press(page, *names):
    """Press buttons, one after the other, each by the beginning of its name."""
    for name in names:
        page.get_by_role("button", name=_beginning(name)).click()


def turn_to(page, name):
    """Show the step of an explorable whose tab's name begins so."""
    page.get_by_role("tab", name=_beginning(name)).click()


def slide(page, name, value, group=None):
    """Set a slider, in the group of this name where there are several."""
    inside = page.get_by_role("group", name=group, exact=True) if group else page
    inside.get_by_role("slider", name=name).fill(str(value))


# ---- what a reader must be able to rely on ------------------------------------------------------

# Colours do not hang on the width, and on a telephone everything is narrowest: two looks see what
# four would.
in_both_looks = pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")


def axe_faults(page):
    """What axe finds wrong with the explorable: (rule, elements).

    In the dark only colours differ, so what does not look at colours is asked in the light alone.
    """
    dark = page.evaluate("document.documentElement.dataset.theme") == "dark"
    options = {"runOnly": ["color-contrast"] if dark else RULES, "resultTypes": ["violations"]}
    options["preload"] = False  # style sheets and media, for rules that are off
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    run = "async (options) => (await axe.run('.explorable', options)).violations"
    return [
        (violation["id"], [node["html"][:150] for node in violation["nodes"]])
        for violation in page.evaluate(run, options)
    ]


def overflow(page):
    """By how many pixels the page is wider than the window."""
    return page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )


def cut_off(page, pictures):
    """The texts in pictures (a selector of SVG elements) that stick out at the sides."""
    return page.evaluate(
        """pictures => [...document.querySelectorAll(pictures)].flatMap((picture) => {
          const { left, right } = picture.getBoundingClientRect();
          return [...picture.querySelectorAll("text")].filter((text) => {
            const box = text.getBoundingClientRect();
            return box.left < left - 1 || box.right > right + 1;
          }).map((text) => text.textContent);
        })""",
        pictures,
    )


# ---- an explorable in the hands of a kernel ------------------------------------------------------

HOST = """async ([text, css, plain, binary]) => {
  // What anywidget gives to a module: a model that talks to a kernel, and an element.
  const decode = (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    return new DataView(bytes.buffer);
  };
  const state = { ...plain };
  for (const [name, value] of Object.entries(binary)) state[name] = decode(value);
  const listeners = new Map();
  const unsaved = {};
  const model = {
    get: (name) => state[name],
    set(name, value) {
      unsaved[name] = value;
      model.receive(name, value);
    },
    receive(name, value) {
      if (state[name] === value) return;
      state[name] = value;
      for (const listen of listeners.get(`change:${name}`) ?? []) listen();
    },
    save_changes: () => Object.assign(window.kernel, unsaved),
    send: (message) => window.sent.push(message),
    answer(message, ...binary) {
      for (const listen of listeners.get("msg:custom") ?? []) listen(message, binary.map(decode));
    },
    on: (event, listen) => listeners.set(event, [...(listeners.get(event) ?? []), listen]),
    off: (event, listen) =>
      listeners.set(event, listeners.get(event).filter((other) => other !== listen)),
  };
  Object.assign(window, { kernel: {}, sent: [], listeners, widgetModel: model, decode, keys: [] });
  document.addEventListener("keydown", ({ key }) => window.keys.push(key));
  document.adoptedStyleSheets = [await new CSSStyleSheet().replace(css)];
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const { default: widget } = await import(address);
  document.body.replaceChildren(document.createElement("main"));
  window.stop = await widget.render({ model, el: document.body.firstChild });
}"""


def hosted(page, widget, state):
    """Show a widget on a bare page as JupyterLab would.

    state: its state by name; bytes go over as bytes.
    """
    binary = {k: base64.b64encode(v).decode("ascii") for k, v in state.items() if type(v) is bytes}
    plain = {name: value for name, value in state.items() if name not in binary}
    page.evaluate(HOST, [widget._esm, widget._css, plain, binary])


@contextmanager
def in_notebook(page, widget, state=None):
    """The page, with a widget on it as JupyterLab would show it; stopped in the end.

    state: its state by name; None takes the widget's own.
    """
    if state is None:
        # anywidget gives each instance a class of its own, without traits of its own
        kind = next(kind for kind in type(widget).__mro__ if "module" in vars(kind))
        state = {name: getattr(widget, name) for name in kind.defaults()}
    page.emulate_media(reduced_motion="reduce")
    hosted(page, widget, state)
    yield page
    page.evaluate("window.stop()")
