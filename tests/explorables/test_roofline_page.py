"""The explorable `roofline`: its counts are PyTorch's, its limits are right, anyone can use it."""

import math
import re

import pytest
import torch
from in_browser import (
    ROOT,
    axe_faults,
    choose,
    cut_off,
    in_notebook,
    opened_at,
    overflow,
    press,
)
from torch.utils._python_dispatch import TorchDispatchMode

from grooves.explorables.roofline import still as still_roofline
from grooves.explorables.roofline.widget import (
    BYTES,
    OPERATIONS,
    WIDTH,
    Roofline,
    devices,
    first_device,
    intensity,
    state,
    work,
)
from grooves.hardware.record import recordings
from grooves.hardware.roofline import attainable

EXPLORABLE = "roofline"  # what the fixture `page` shows
CASES = [
    (operation, 2**a, 2**b, 2**c if operation == "attention" else 1)
    for operation in OPERATIONS
    for a, b, c in ((4, 0, 0), (7, 5, 3), (12, 10, 6))
]


@pytest.fixture
def notebook(modules):
    """The widget with a measured machine, as JupyterLab would show it."""
    widget = Roofline(8e10, 2e10, [("a layer", 4.0, 6e10)], name="My laptop")
    with in_notebook(modules, widget) as page:
        yield page


def device(name):
    return next(one for one in devices() if one["name"] == name)


def met(one, operation, size, batch=1, shared=1, precision="fp32"):
    """Seconds of arithmetic, seconds of memory."""
    flops, n_bytes = work(operation, size, batch, shared, precision)
    peak, bandwidth = one["peak_tflops"][precision] * 1e12, one["bandwidth_gb_per_s"] * 1e9
    return flops / peak, n_bytes / bandwidth


# ---- the counts ----------------------------------------------------------------------------------


class Products(TorchDispatchMode):
    """FLOPs and operands' bytes of every matrix product that PyTorch does."""

    flops = n_bytes = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        out = operation(*args, **(kwargs or {}))
        if operation.overloadpacket in (torch.ops.aten.mm, torch.ops.aten.bmm):
            a, b = args
            self.flops += 2 * a.numel() * b.shape[-1]
            self.n_bytes += sum(tensor.numel() * tensor.element_size() for tensor in (a, b, out))
        return out


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_flops_and_bytes_are_those_of_what_pytorch_does(dtype):
    precision = "fp32" if dtype == torch.float32 else "bf16"
    n, batch = 24, 5

    def counted(function):
        with Products() as products:
            function()
        return products.flops, products.n_bytes

    def some(*shape):
        return torch.randn(shape, dtype=dtype, requires_grad=True)

    square, other, rows = some(n, n), some(n, n), some(batch, n)
    assert work("matrix_matrix", n, precision=precision) == counted(lambda: square @ other)
    assert work("matrix_vectors", n, batch, precision=precision) == counted(lambda: rows @ square)

    # Attention: `shared` heads look at the same keys, so their queries are rows of one product.
    shared, head = 4, 32
    kept = batch * WIDTH // (shared * head)  # key heads of all texts
    query, keys, values = some(kept, shared, head), some(kept, n, head), some(kept, n, head)
    flops, n_bytes = counted(lambda: query @ keys.mT @ values)
    scores = 2 * kept * shared * n * query.element_size()  # stay on the chip: written and read
    assert work("attention", n, batch, shared, precision) == (flops, n_bytes - scores)

    # Training: the four products of a layer, then the optimizer.
    shapes = [(n, 3 * n), (n, n), (n, 4 * n), (4 * n, n)]
    weights = [some(*shape) for shape in shapes]

    def step():
        for weight in weights:
            out = some(batch, weight.shape[0]) @ weight
            out.backward(torch.ones_like(out))

    flops, n_bytes = counted(step)
    numbers = sum(weight.numel() for weight in weights)
    copied = numbers * BYTES[precision] if dtype == torch.bfloat16 else 0
    # The optimizer reads the gradient, reads and writes weight and two moments in fp32 (AdamW's
    # `exp_avg` and `exp_avg_sq`), and writes the weight again where it is kept shorter, too.
    n_bytes += numbers * BYTES[precision] + 2 * 3 * 4 * numbers + copied
    assert work("training", n, batch, precision=precision) == (flops, n_bytes)


def test_the_page_counts_and_judges_as_python_does(modules):
    asked = [(*case, precision) for case in CASES for precision in BYTES]
    found = modules.evaluate(
        """async (cases) => {
          const { attainable, work } = await import("/roofline/workloads.mjs");
          return cases.map(([operation, size, batch, shared, precision]) => {
            const { flops, bytes } = work({ operation, size, batch, shared }, precision);
            return [flops, bytes, attainable(flops / bytes, { peak: 3e12, bandwidth: 2e11 })];
          });
        }""",
        asked,
    )
    for case, (flops, n_bytes, rate) in zip(asked, found, strict=True):
        assert (flops, n_bytes) == work(*case), case
        best = attainable(intensity(flops, n_bytes), 3e12, 2e11)
        assert rate == pytest.approx(best, rel=1e-12)
        assert rate == pytest.approx(min(3e12, flops / (n_bytes / 2e11)))


def test_where_it_turns_is_the_first_size_at_which_arithmetic_is_longer(modules):
    asked = [
        (one, operation, name, size, precision)
        for one in devices()
        for operation, name, size in (
            ("matrix_matrix", "size", 1),
            ("matrix_vectors", "batch", 4096),
            ("matrix_vectors", "batch", 64),
            ("training", "batch", 1024),
        )
        for precision in one["peak_tflops"]
    ]
    found = modules.evaluate(
        """async (cases) => {
          const { turns } = await import("/roofline/workloads.mjs");
          return cases.map(([device, operation, name, size, precision]) =>
            turns(device, { operation, size, batch: 1, shared: 1 }, precision, name));
        }""",
        asked,
    )
    never = 0
    for (one, operation, name, size, precision), turn in zip(asked, found, strict=True):

        def longer(value, one=one, operation=operation, name=name, size=size, precision=precision):
            sizes = {"size": size} | {name: value}
            arithmetic, memory = met(one, operation, **sizes, precision=precision)
            return arithmetic > memory

        if turn is None:
            never += 1
            assert not longer(8192)
        else:
            assert longer(turn) and (turn == 1 or not longer(turn - 1))
    assert 0 < never < len(asked)


# ---- on a page -----------------------------------------------------------------------------------


def seconds(text):
    """What "12.3 µs" says."""
    number, unit = re.fullmatch(r"([\d.,]+) ([pnµm]?)s", text).groups()
    power = {"p": -12, "n": -9, "µ": -6, "m": -3, "": 0}[unit]
    return float(number.replace(",", "")) * 10.0**power


def test_the_answer_comes_after_the_question_and_holds_on_every_device(page):
    verdict, bars = page.locator(".gc-verdict"), page.locator(".gc-number")
    right = asked = 0
    for one in devices():
        page.get_by_role("combobox", name="Device").select_option(one["name"])
        assert not verdict.is_visible(), "another device is another question"
        for name, operation, size in (
            ("Matrix × matrix", "matrix_matrix", 4096),
            ("Add two vectors", "addition", 2**20),
            ("Copy", "copy", 2**20),
        ):
            choose(page, name)
            assert page.get_by_role("group", name="Predict first").is_visible()
            assert not verdict.is_visible() and page.locator(".gr-point").count() == 0
            assert "after the question" in page.locator(".gr-plane svg").get_attribute("aria-label")
            press(page, "The arithmetic")
            precision = page.locator(".gr-precisions input:checked").get_attribute("value")
            both = met(one, operation, size, precision=precision)
            binds = "Arithmetic" if both[0] > both[1] else "Memory"
            asked, right = asked + 1, right + (binds == "Arithmetic")
            assert verdict.inner_text().startswith(
                f"{'Compute' if binds == 'Arithmetic' else 'Memory'}-bound:"
            ), (one["name"], name)
            shown = [seconds(text) for text in bars.all_inner_texts()]
            assert shown == pytest.approx(both, rel=6e-3, abs=1e-12)
            assert page.locator(".gr-point").count() == 1
            so = "Right." if binds == "Arithmetic" else "Not this time."
            said = page.locator(".gc-said").inner_text()
            assert said.startswith(f"{so} {right} of {asked} guess")
    page.get_by_label("Ask me first").uncheck()
    choose(page, "Matrix × vector")
    assert verdict.is_visible() and page.locator(".gc-question").is_hidden()


def test_what_would_help_is_true(page):
    page.get_by_label("Ask me first").uncheck()
    name = first_device(devices())
    one, help_ = device(name), page.locator(".gc-help")
    choose(page, "bf16")
    from_ = int(re.search(r"from ([\d,]+) vectors", help_.inner_text())[1].replace(",", ""))
    arithmetic, memory = met(one, "matrix_vectors", 4096, from_, precision="bf16")
    assert arithmetic > memory
    page.get_by_role("slider", name="Vectors at once").fill(str(math.ceil(math.log2(from_))))
    assert page.locator(".gc-verdict").inner_text().startswith(("Compute-bound", "Both"))
    assert "Faster memory would change nothing" in help_.inner_text()
    choose(page, "Attention, one new token")
    said = help_.inner_text()
    gain = float(re.search(r"with 64 heads per KV head it would be ([\d.]+) times", said)[1])
    alone, together = (max(met(one, "attention", 2048, 1, n, "bf16")) for n in (1, 64))
    assert gain == pytest.approx(alone / together, rel=0.06)
    page.get_by_role("slider", name="Batch size").fill("6")
    assert page.locator(".gc-verdict").inner_text().startswith("Memory-bound"), (
        "batching is no help"
    )
    choose(page, "fp32")
    best, gain = re.search(r"In (\w+) it would be ([\d.]+) times", help_.inner_text()).groups()
    now, then = (max(met(one, "attention", 2048, 64, 1, how)) for how in ("fp32", best))
    assert float(gain) == pytest.approx(now / then, rel=0.06)
    choose(page, "Train one layer")
    assert page.get_by_role("radio", name="int8").is_disabled(), "nobody trains in int8"


def test_everything_can_be_done_with_the_keyboard(page):
    page.get_by_role("radio", name="Matrix × vector").focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("radio", name="Add two vectors").is_checked()
    page.get_by_role("slider", name="Values").press("ArrowRight")
    assert page.locator(".gr-sliders output").inner_text() == f"{2**21:,}"
    page.get_by_role("button", name="Moving the data").press("Enter")
    told = page.locator("[role=status].gx-news")
    assert told.inner_text().startswith("Memory-bound"), "a screen reader hears the answer"
    assert page.evaluate("document.activeElement.closest('.gc-check') !== null")


def test_axe_finds_nothing_to_mend_and_nothing_sticks_out(browser, address):
    for scheme, width in (("light", 390), ("dark", 1280)):
        for page in opened_at(browser, address, width, scheme):
            assert overflow(page) == 0 and (scheme == "dark" or axe_faults(page) == [])
            press(page, "Show me")
            page.locator("summary").click()
            assert axe_faults(page) == []
            for name in ("Copy", "Train one layer", "Matrix × matrix"):
                choose(page, name)
                press(page, "Show me")
                assert overflow(page) == 0
                assert cut_off(page, ".gr-plane svg") == []


# ---- in a notebook -------------------------------------------------------------------------------


def test_your_machine_comes_first_and_what_is_guessed_reaches_the_kernel(notebook):
    assert notebook.get_by_role("combobox", name="Device").input_value() == "My laptop"
    assert notebook.locator(".gr-source").inner_text() == "Measured on this machine."
    assert notebook.get_by_role("radio", name="bf16").is_disabled(), "it was not measured"
    assert notebook.get_by_role("radio", name="fp32").is_checked()
    assert notebook.locator(".gr-measured").count() == 1
    notebook.get_by_role("button", name="The arithmetic").press("Enter")
    (guess,) = notebook.evaluate("window.kernel.guesses")
    expected = {"device": "My laptop", "operation": "matrix_vectors", "size": 4096, "batch": 1}
    assert guess.items() >= (expected | {"guess": "arithmetic", "binds": "memory"}).items()
    assert [seconds(text) for text in notebook.locator(".gc-number").all_inner_texts()] == (
        pytest.approx([2 * 4096**2 / 8e10, 4 * (4096**2 + 8192) / 2e10], rel=6e-3)
    )
    choose(notebook, "Train one layer")
    kernel = notebook.evaluate("window.kernel")
    assert (kernel["operation"], kernel["size"], kernel["batch"]) == ("training", 1024, 4096)
    assert notebook.evaluate("window.keys") == []


def test_what_the_kernel_sets_is_shown_until_the_widget_is_closed(notebook):
    notebook.evaluate("widgetModel.receive('asks', false)")
    notebook.evaluate("widgetModel.receive('batch', 1000)")
    assert notebook.locator(".gr-sliders output").last.inner_text() == "1,000"
    assert notebook.locator(".gc-verdict").inner_text().startswith("Compute-bound")
    notebook.evaluate("window.stop()")
    assert notebook.evaluate("[...listeners.values()].flat().length") == 0


def test_a_machine_of_which_only_half_is_known_is_refused():
    for peak, bandwidth in ((1e11, None), (None, 1e10), (0.0, 1e10), ({}, 1e10), (1e11, -1.0)):
        with pytest.raises(ValueError, match="give both, above 0"):
            Roofline(peak, bandwidth)
    own = Roofline({"fp32": 1e11, "bf16": 3e11}, 2e10).devices[0]
    assert own["peak_tflops"] == pytest.approx({"fp32": 0.1, "bf16": 0.3})


def test_a_recorded_device_has_the_limits_that_were_measured_on_it():
    found = {one["name"]: one for one in devices() if one["kind"] == "recorded"}
    made = {f"{recording.name} (recorded)": recording for recording in recordings()}
    assert found.keys() <= made.keys() and any("NVIDIA" in name for name in found)
    assert {made[name].device["name"] for name in found} == {
        r.device["name"] for r in made.values()
    }
    for name, one in found.items():
        products = made[name].of("matmul", "fp32")
        rate = max(m.operation.flops / min(m.timing.samples) for m in products)
        assert one["peak_tflops"]["fp32"] == pytest.approx(rate / 1e12)
        assert one["bandwidth_gb_per_s"] == made[name].bandwidth_bytes_per_s() / 1e9
        assert "fp64" not in one["peak_tflops"] and one["read"] == made[name].date[:10]


def test_every_published_figure_says_where_and_when_it_was_read():
    assert len(devices()) >= 3 and state()["devices"] == devices()
    for one in devices():
        assert len(one["source"]) > 10 and re.fullmatch(r"\d{4}-\d\d-\d\d", one["read"])
        assert set(one["peak_tflops"]) <= set(BYTES) and one["bandwidth_gb_per_s"] > 0
    drawn = still_roofline.draw(devices())
    assert (ROOT / "grooves/explorables/roofline/roofline.svg").read_text(encoding="utf-8") == drawn
