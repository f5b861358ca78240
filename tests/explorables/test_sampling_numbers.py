"""The functions of `sampling` in the browser: samplers, distances, stories, beams, as in Python."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.stats import binomtest, entropy
from story_draws import told_in_python

from grooves.explorables.sampling.widget import state
from grooves.explorables.shared.eight_bits import as_told
from grooves.inference.sampling import Sampler
from grooves.inference.search import beam_search
from grooves.training import lineage

SAMPLERS = [
    {},
    {"temperature": 0.0},
    {"temperature": 0.5, "top_k": 3},
    {"temperature": 1.7, "top_p": 0.9},
    {"top_k": 1},
    {"top_k": 5, "top_p": 0.5, "min_p": 0.3},
    {"top_p": 0.3},
    {"top_p": 0.95, "min_p": 0.1},
    {"min_p": 0.05},
    {"min_p": 1.0},
    {"epsilon": 0.02},
    {"epsilon": 0.9},
    {"temperature": 2.0, "min_p": 0.02, "epsilon": 0.1},
]


@pytest.fixture(scope="module")
def model():
    """The model that the page has: that of the course, with weights of 8 bits."""
    return as_told(lineage.base().cpu())


@pytest.fixture(scope="module")
def loaded(modules, model):
    """A page with the model and the language as `window.gs`; models load from the same state."""
    kept = state(lineage.base().cpu())
    modules.evaluate(
        """async ([weights, grammar]) => {
          const [{ restored }, { Transformer }, { Oracle }] = await Promise.all(
            ["checkpoint", "model", "oracle"].map((name) => import(`/shared/${name}.mjs`)));
          const bytes = Uint8Array.from(weights);
          const transformer = new Transformer(restored(new DataView(bytes.buffer)));
          window.gs = { transformer, oracle: new Oracle(grammar) };
        }""",
        [list(kept["weights"]), kept["grammar"]],
    )
    return modules


# ---- the functions are those of the course ----------------------------------------------------


def logits_to_try():
    """Logits of several shapes (V,): random, with ties, with impossible words, of one word."""
    generator = torch.Generator().manual_seed(3)
    random = [torch.randn(n, generator=generator) * scale for n, scale in ((50, 1), (470, 3))]
    tied = torch.tensor([1.0, 2.0, 2.0, 2.0, 0.0, 2.0, 1.0, -1.0])
    flat = torch.zeros(20)
    language = torch.tensor([0.5, 0.0, 0.25, 0.125, 0.0, 0.125]).log()
    return [*random, tied, flat, language, torch.tensor([0.0])]


@pytest.mark.parametrize("settings", SAMPLERS, ids=lambda s: str(Sampler(**s)))
def test_samplers_give_the_probabilities_of_python(modules, settings):
    cases = logits_to_try()
    found = modules.evaluate(
        """async ([cases, settings]) => {
          const { NEUTRAL, sampled } = await import("/sampling/samplers.mjs");
          const { label } = await import("/sampling/sentences.mjs");
          return [
            cases.map((scores) => [...sampled(scores.map((x) => x ?? -Infinity), settings).q]),
            label({ ...NEUTRAL, ...settings }),
          ];
        }""",
        [[[x if math.isfinite(x) else None for x in one.tolist()] for one in cases], settings],
    )
    sampler = Sampler(**settings)
    for logits, q in zip(cases, found[0], strict=True):
        expected = sampler.probabilities(logits)
        torch.testing.assert_close(torch.tensor(q).float(), expected, rtol=1e-5, atol=1e-7)
        assert [p > 0 for p in q] == (expected > 0).tolist()
    assert found[1] == str(sampler)


def test_every_cut_is_put_down_to_the_step_that_made_it(modules):
    logits = torch.tensor([0.4, 0.25, 0.15, 0.1, 0.06, 0.04]).log()
    found = modules.evaluate(
        """async (scores) => {
          const { sampled } = await import("/sampling/samplers.mjs");
          const settings = { top_k: 5, top_p: 0.9, min_p: 0.3, epsilon: 0.3 };
          return [...sampled(scores, settings).cut].sort(([i], [j]) => i - j);
        }""",
        logits.tolist(),
    )
    # Of 0.96 that top-k leaves, four words make 0.94; then 0.1 < 0.3 * 0.4; then 0.15 / 0.8 < 0.3.
    assert found == [[2, "epsilon"], [3, "min-p"], [4, "top-p"], [5, "top-k"]]


def test_distances_equal_scipys_and_name_what_makes_them_infinite(modules):
    p = [0.5, 0.3, 0.2, 0.0, 0.0]
    cases = [[0.2, 0.3, 0.5, 0.0, 0.0], [0.6, 0.4, 0.0, 0.0, 0.0], [0.2, 0.2, 0.2, 0.1, 0.3], p]
    found = modules.evaluate(
        """async ([p, cases]) => {
          const { distances } = await import("/sampling/samplers.mjs");
          return cases.map((q) => {
            const found = distances(p, q);
            return { ...found, forward: `${found.forward}`, backward: `${found.backward}` };
          });
        }""",
        [p, cases],
    )
    for q, one in zip(cases, found, strict=True):
        both = [float(one[way].replace("Infinity", "inf")) for way in ("forward", "backward")]
        assert both == pytest.approx([entropy(p, q), entropy(q, p)], abs=1e-12)
        assert one["jensenShannon"] == pytest.approx(jensenshannon(p, q) ** 2, abs=1e-12)
    assert [one["missing"] for one in found] == [[], [2], [], []]
    assert [one["impossible"] for one in found] == [[], [], [4, 3], []]
    assert (found[1]["missingMass"], found[2]["impossibleMass"]) == pytest.approx((0.2, 0.4))


def test_the_interval_is_wilsons(modules):
    cases = [(0, 100), (95, 100), (100, 100), (3, 7)]
    found = modules.evaluate(
        """async (cases) => {
          const { interval } = await import("/sampling/telling.mjs");
          return cases.map(([k, n]) => interval(k, n));
        }""",
        cases,
    )
    expected = [binomtest(k, n).proportion_ci(method="wilson") for k, n in cases]
    np.testing.assert_allclose(found, expected, atol=1e-9)


# ---- stories ------------------------------------------------------------------------------------


TELL = """async ([source, settings, seeds]) => {
  const [{ tell }, { ModelText, LanguageText }, { NEUTRAL }] = await Promise.all(
    ["telling", "readers", "samplers"].map((name) => import(`/sampling/${name}.mjs`)));
  const { transformer, oracle } = window.gs;
  const begin = {
    model: () => ModelText.begin(transformer),
    language: () => LanguageText.begin(oracle, 192),
  }[source];
  return seeds.map((seed) => tell(begin(), oracle, { ...NEUTRAL, ...settings }, seed));
}"""


@pytest.mark.parametrize(
    ("source", "settings"),
    [
        ("model", {}),
        ("model", {"temperature": 1.6}),  # most stories break a rule
        ("model", {"top_p": 0.9}),
        ("language", {"temperature": 1.5}),
    ],
)
def test_stories_are_drawn_and_judged_as_in_python(loaded, model, language, source, settings):
    seeds = list(range(200, 212))
    found = loaded.evaluate(TELL, [source, settings, seeds])
    speaker = model if source == "model" else language
    words, ended, nats = told_in_python(speaker, language, Sampler(**settings), seeds)
    assert [one["words"] for one in found] == words
    np.testing.assert_allclose([one["nats"] for one in found], nats, rtol=1e-4)
    for row, one in enumerate(found):
        verdict = language.parse(words[row])
        assert one["ended"] == (row in ended) and one["drawn"] == len(words[row]) + one["ended"]
        if one["ended"]:
            assert one["wrong"] == verdict.position
        else:  # an unfinished text may obey the rules as far as it goes
            assert one["wrong"] == (verdict.position if verdict.position is not None else 192)
    refused = sum(one["wrong"] is not None for one in found)
    assert (refused > 6) == (settings == {"temperature": 1.6})
    assert (refused == 0) >= (source == "language")


# ---- the beam -----------------------------------------------------------------------------------

BEAM = """async ([source, width, exponent]) => {
  const [{ Beam }, { ModelText, LanguageText }] = await Promise.all(
    ["beam", "readers"].map((name) => import(`/sampling/${name}.mjs`)));
  const { transformer, oracle } = window.gs;
  const text = source === "model" ? ModelText.begin(transformer) : LanguageText.begin(oracle, 192);
  const beam = new Beam(text, { width, exponent });
  while (!beam.over) beam.step();
  const found = beam.found.map(({ tokens, logP }) => ({ tokens, logP }));
  return { found, read: beam.read, over: beam.over, steps: beam.steps.length };
}"""


@pytest.mark.parametrize(
    ("source", "width", "exponent"),
    [("model", 1, 0), ("model", 4, 0), ("model", 4, 1), ("language", 4, 0)],
)
def test_a_beam_finds_what_pythons_finds_step_for_step(
    loaded, model, language, source, width, exponent
):
    found = loaded.evaluate(BEAM, [source, width, exponent])
    speaker = model if source == "model" else language
    expected = beam_search(speaker, width, exponent)
    assert found["read"] == expected.words_read
    assert len(found["found"]) == len(expected.found)
    for ours, theirs in zip(found["found"], expected.found, strict=True):
        assert ours["logP"] == pytest.approx(theirs.log_p, abs=1e-3)
    texts = {tuple(one["tokens"]) for one in found["found"]}
    same = texts & {one.tokens for one in expected.found}
    assert len(same) >= 0.9 * len(expected.found)  # the last places are decided by rounding
    assert tuple(found["found"][0]["tokens"]) == expected.best.tokens


def test_a_beam_in_which_nothing_ends_stops_where_the_context_does(loaded, model):
    found = loaded.evaluate(
        """async (room) => {
          const { Beam } = await import("/sampling/beam.mjs");
          const { ModelText } = await import("/sampling/readers.mjs");
          const text = Object.assign(ModelText.begin(window.gs.transformer), { room });
          const beam = new Beam(text, { width: 2 });
          while (!beam.over) beam.step();
          const found = beam.found.map(({ tokens }) => tokens);
          return { over: beam.over, read: beam.read, found };
        }""",
        6,
    )
    expected = beam_search(model, 2, max_words=6)
    assert found["over"] == "room" and not expected.best.finished
    assert found["found"] == [list(one.tokens) for one in expected.found]
    assert found["read"] == expected.words_read
