"""The explorable `feedback` in the browser: its update, judge and distances are those of Python."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from grooves.explorables.feedback.still import least_kl, optimum
from grooves.explorables.feedback.widget import state
from grooves.explorables.shared.eight_bits import as_told
from grooves.models.transformer import Transformer, norm
from grooves.training import lineage
from grooves.training.linear_probe import ending_alone

END = 0
RANK, RATES, MOMENTUM = 4, (0.05, 0.3), 0.9  # as in update.mjs


@pytest.fixture(scope="module")
def model():
    """The model that the page has: that of the course, with weights of 8 bits."""
    told = as_told(lineage.base().cpu())
    model = Transformer(told.config).double()
    model.load_state_dict(told.state_dict())
    return model


@pytest.fixture(scope="module")
def loaded(modules):
    """A page with the model and the language, and eight stories of it, as `window.gf`."""
    kept = state(lineage.base().cpu())
    modules.evaluate(
        """async ([weights, grammar]) => {
          const [{ restored }, { Transformer }, { Oracle }, update, telling, judge, learner] =
            await Promise.all(["shared/checkpoint", "shared/model", "shared/oracle",
              ...["update", "telling", "judge", "learner"].map((name) => `feedback/${name}`)]
              .map((name) => import(`/${name}.mjs`)));
          const bytes = Uint8Array.from(weights);
          const transformer = new Transformer(restored(new DataView(bytes.buffer)));
          const oracle = new Oracle(grammar);
          const plain = new update.LowRank(64, oracle.vocabulary.length);
          const pool = Array.from({ length: 8 }, (_, i) =>
            telling.tell(transformer, oracle, plain, 50 + i, true));
          const random = (seed) => {  // an update that changes much
            const found = new update.LowRank(64, oracle.vocabulary.length);
            found.B.forEach((_, i) => (found.B[i] = 0.9 * Math.sin(seed + 1.7 * i * i)));
            return found;
          };
          const all = { ...update, ...telling, ...judge, ...learner };
          window.gf = { transformer, oracle, pool, random, ...all };
        }""",
        [list(kept["weights"]), kept["grammar"]],
    )
    return modules


def states_of(model, tokens):
    """The state before each token of a text, (T, C), where the end mark counts as one."""
    ids = torch.tensor([[END, *tokens[:-1]]])
    with torch.no_grad():
        return norm(model.hidden(ids))[0]


def matrices(found):
    """A (R, C) and B (V, R) of the page."""
    A = torch.tensor(found[0]).double().view(RANK, -1)
    return A, torch.tensor(found[1]).double().view(-1, RANK)


def loss_of(model, A, B, stories, weights):
    """KL(reference, model) plus (1 - w) times the log-probability, on average over stories."""
    total = 0.0
    for tokens, weight in zip(stories, weights, strict=True):
        h, y = states_of(model, tokens), torch.tensor(tokens)
        before = h @ model.head.weight.detach().T
        log_p = (before + h @ A.T @ B.T).log_softmax(-1)
        log_q = before.log_softmax(-1)
        kl = (log_q.exp() * (log_q - log_p)).sum()
        total = total + kl - (weight - 1) * log_p[torch.arange(len(y)), y].sum()
    return total / len(stories)


# ---- telling -------------------------------------------------------------------------------------


def test_kl_of_a_story_is_summed_over_the_exact_distributions_of_its_words(loaded, model):
    stories, A_B, drawn = loaded.evaluate(
        """() => {
          const update = gf.random(3);
          const told = [1, 2, 3, 4].map((seed) => gf.tell(gf.transformer, gf.oracle, update, seed));
          const pick = ({ tokens, kl }) => [tokens, kl];
          return [told.map(pick), [[...update.A], [...update.B]], gf.pool.map(pick)];
        }"""
    )
    A, B = matrices(A_B)
    assert max(kl for _, kl in drawn) < 1e-9, "nothing is changed yet"
    for tokens, kl in stories:
        h = states_of(model, tokens)
        before = h @ model.head.weight.detach().T
        log_p, log_q = (before + h @ A.T @ B.T).log_softmax(-1), before.log_softmax(-1)
        assert kl == pytest.approx(float((log_p.exp() * (log_p - log_q)).sum()), rel=1e-5)
        assert kl > 1


def test_endings_and_acceptance_are_those_of_the_parser(loaded, language):
    found = loaded.evaluate(
        """() => {
          const update = gf.random(1);
          update.B.forEach((b, i) => (update.B[i] = b / 6));
          const told = Array.from({ length: 12 }, (_, i) =>
            gf.tell(gf.transformer, gf.oracle, update, 300 + i));
          return [...gf.pool, ...told].map(({ words, ending, ended }) => [words, ending, ended]);
        }"""
    )
    both = {name: ending_alone(name) for name in ("happy", "sad")}
    seen = set()
    for words, ending, ended in found:
        right = [name for name, only in both.items() if ended and only.parse(words).ok]
        assert ([ending] if ending else []) == right
        assert (ending is not None) == (ended and language.parse(words).ok)
        seen.add(ending)
    assert seen == {"happy", "sad", None}


# ---- the judge -----------------------------------------------------------------------------------


def test_the_judge_is_the_bradley_terry_model_with_a_prior(modules):
    rng = np.random.default_rng(0)
    table = rng.normal(size=(30, 9)) * rng.uniform(0.5, 3, 9)
    places = rng.permutation(30)[:24].reshape(12, 2)
    found = modules.evaluate(
        """async ([table, places]) => {
          const { learned, reward, scaleOf } = await import("/feedback/judge.mjs");
          const rows = table.map((row) => Float64Array.from(row));
          const scale = scaleOf(rows.map((row) => [...row]));
          const weights = learned(places.map(([a, b]) => [rows[a], rows[b]]), scale);
          const rewards = rows.map((row) => reward(row, weights, scale));
          return [[...weights], rewards, [...learned([], scale)]];
        }""",
        [table.tolist(), places.tolist()],
    )
    spread = table.std(0) + 0.1
    differences = (table[places[:, 0]] - table[places[:, 1]]) / spread

    def loss(w):
        return np.logaddexp(0, -differences @ w).sum() + 1.5 * (w @ w)

    best = minimize(loss, np.zeros(9), tol=1e-10).x
    assert found[0] == pytest.approx(best, abs=1e-4) and max(map(abs, best)) > 0.2
    assert found[1] == pytest.approx((table - table.mean(0)) / spread @ best, abs=1e-3)
    assert found[2] == [0] * 9


def test_features_are_the_last_states_and_the_length(loaded, model):
    tokens, words, told, read = loaded.evaluate(
        """() => {
          const [story] = gf.pool;
          const again = gf.read(gf.transformer, gf.oracle, story.words);
          return [story.tokens, story.words, [...gf.features(story)], [...gf.features(again)]];
        }"""
    )
    h = states_of(model, tokens)
    expected = [*h[-20:].mean(0).tolist(), len(tokens) / 10]
    assert told == pytest.approx(expected, abs=1e-5)
    assert read == pytest.approx(told, abs=1e-12) and len(words) == len(tokens) - 1


# ---- the update ----------------------------------------------------------------------------------


def test_the_gradient_is_that_of_autograd(loaded, model):
    loss, dA, dB, A_B, stories = loaded.evaluate(
        """() => {
          const update = gf.random(2);
          update.B.forEach((b, i) => (update.B[i] = b / 5));
          const few = gf.pool.slice(0, 3);
          const { loss, dA, dB } = gf.gradient(update, few, [0.3, 2.2, 0.5]);
          const tokens = few.map((story) => story.tokens);
          return [loss, [...dA], [...dB], [[...update.A], [...update.B]], tokens];
        }"""
    )
    A, B = (matrix.requires_grad_() for matrix in matrices(A_B))
    expected = loss_of(model, A, B, stories, [0.3, 2.2, 0.5])
    expected.backward()
    assert loss == pytest.approx(float(expected), rel=1e-5)
    for ours, right in ((dA, A.grad), (dB, B.grad)):
        ours = torch.tensor(ours).double().view_as(right)
        assert (ours - right).norm() < 1e-4 * right.norm()


def test_a_fit_takes_the_steps_that_python_takes(loaded, model):
    weights = [0.2, 0.4, 3.0, 0.9, 0.6, 1.3, 1.0, 0.6]
    start, end, stories, size = loaded.evaluate(
        """(weights) => {
          const update = new gf.LowRank(64, gf.oracle.vocabulary.length);
          const start = [[...update.A], [...update.B]];
          for (const _ of gf.fit(update, gf.pool, weights, 4, 3)) {}
          const tokens = gf.pool.map((story) => story.tokens);
          return [start, [[...update.A], [...update.B]], tokens, update.size];
        }""",
        weights,
    )
    A, B = (matrix.requires_grad_() for matrix in matrices(start))
    assert B.abs().max() == 0 and float(A.std()) == pytest.approx(1 / 8, rel=0.2)
    momenta = [torch.zeros_like(A), torch.zeros_like(B)]
    for step in range(4):
        places = [(step * 3 + j) % 8 for j in range(3)]
        A.grad = B.grad = None
        loss_of(model, A, B, [stories[i] for i in places], [weights[i] for i in places]).backward()
        slower = min(1, 2 * (1 - (step + 1) / 5))
        with torch.no_grad():
            for matrix, momentum, rate in zip((A, B), momenta, RATES, strict=True):
                momentum.mul_(MOMENTUM).add_(matrix.grad)
                matrix -= rate * slower * momentum / (momentum.norm() + 1e-9)
    found = matrices(end)
    for ours, right in zip(found, (A, B), strict=True):
        assert (ours - right).norm() < 1e-3 * right.norm()
    assert size == pytest.approx(float((found[1] @ found[0]).norm()), rel=1e-6)


def test_weights_and_bounds_are_those_of_the_exact_optimum(modules):
    rewards = [0.0, 1.5, -2.0, 0.4]
    found, effective, bounds = modules.evaluate(
        """async (rewards) => {
          const { effective, weights } = await import("/feedback/update.mjs");
          const { leastKl } = await import("/feedback/telling.mjs");
          const found = weights(rewards, 0.5);
          const bounds = [[0.9, 0.5], [1, 0.4], [0.5, 0.5]].map((pair) => leastKl(...pair));
          return [found, effective(found), bounds];
        }""",
        rewards,
    )
    expected = np.exp(np.array(rewards) / 0.5)
    expected /= expected.mean()
    assert found == pytest.approx(expected)
    assert effective == pytest.approx(expected.sum() ** 2 / (expected**2).sum())
    assert bounds == pytest.approx([least_kl(0.9, 0.5), -math.log(0.4), 0])
    for beta in (2.0, 0.5):
        share, kl = optimum(beta, 0.4)
        gains = [s - beta * least_kl(s, 0.4) for s in np.linspace(0.4, 1, 601)]
        assert share - beta * kl >= max(gains) - 1e-9
    with pytest.raises(ValueError, match="must be positive"):
        optimum(0.0)


def test_ten_thumbs_for_happy_endings_move_the_model_towards_them(loaded):
    before, after, thumbs = loaded.evaluate(
        """() => {
          const run = (work) => {
            for (;;) {
              const { done, value } = work.next();
              if (done) return value;
            }
          };
          const learner = new gf.Learner(gf.transformer, gf.oracle, { pool: 80, told: 60 });
          const thumbs = run(learner.thumbs("happy", 10, 1));
          const texts = thumbs.map(({ chosen, rejected }) =>
            ({ chosen: chosen.join(" "), rejected: rejected.join(" ") }));
          return [learner.before, run(learner.learning(texts, 1)), thumbs];
        }"""
    )
    happy = ending_alone("happy")
    assert all(happy.parse(one["chosen"]).ok for one in thumbs) and len(thumbs) == 10
    assert not any(happy.parse(one["rejected"]).ok for one in thumbs)
    assert after["happy"] > before["happy"] + 0.1 and after["accepted"] > 0.8
    assert 0.1 < after["kl"] < 4
    assert (after["n"], before["n"], after["thumbs"]) == (60, 80, 10)
