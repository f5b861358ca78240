"""The transformer in the browser is the transformer of the course."""

import pytest
import torch
from in_browser import in_base64, random_model

CASES = {
    "the course's own ingredients": {},
    "learned positions": {"positions": "learned"},
    "no positions": {"positions": "none"},
    "no norm of queries and keys": {"qk_norm": False},
    "no mixing": {"mix": False},
    "one layer, one head": {"n_layer": 1, "n_head": 1, "mlp_from": 0},
    "four layers, four heads, an MLP in each": {"n_layer": 4, "n_head": 4, "mlp_from": 0},
    "none of the ingredients": {"positions": "none", "qk_norm": False, "mix": False, "mlp_from": 0},
}

READ = """
async ([weights, texts]) => {
  const { Transformer } = await import("/shared/model.mjs");
  const bytes = Uint8Array.from(atob(weights), (letter) => letter.charCodeAt(0));
  const model = new Transformer(new DataView(bytes.buffer));
  return texts.map((tokens) => {
    const reading = model.read();
    for (const token of tokens) reading.push(token);
    return reading.places.map(({ scores, attention }) => {
      return { scores: [...scores], attention: attention.map((heads) => heads.map((w) => [...w])) };
    });
  });
}
"""


def texts_for(model, seed=1):
    """Token rows of several lengths: one word, some words, and as many as the model can read."""
    generator = torch.Generator().manual_seed(seed)
    sizes = (1, 2, 17, model.config.context)
    size = model.config.vocabulary_size
    return [torch.randint(size, (n,), generator=generator).tolist() for n in sizes]


@pytest.mark.parametrize("case", CASES)
def test_logits_read_word_by_word_match_pytorchs_full_forward(modules, case):
    model = random_model(**CASES[case])
    texts = texts_for(model)
    for tokens, places in zip(
        texts, modules.evaluate(READ, [in_base64(model), texts]), strict=True
    ):
        with torch.inference_mode():
            expected = model(torch.tensor([tokens]))[0]
        found = torch.tensor([place["scores"] for place in places])
        assert expected.std() > 0.1, "logits this small would match anything"
        assert (found - expected).abs().max() < 1e-4


@pytest.mark.parametrize("case", CASES)
def test_attention_weights_match_pytorchs(modules, case):
    model = random_model(**CASES[case])
    texts = texts_for(model)
    for tokens, places in zip(
        texts, modules.evaluate(READ, [in_base64(model), texts]), strict=True
    ):
        expected = model.attention_weights(torch.tensor([tokens]))[:, 0]  # (L, H, T, T)
        for t, place in enumerate(places):
            found = torch.tensor(place["attention"])  # (L, H, t + 1)
            assert (found - expected[:, :, t, : t + 1]).abs().max() < 1e-5


def test_a_text_taken_back_and_read_again_gives_the_same_as_a_fresh_one(modules):
    model = random_model()
    first, second = texts_for(model)[-1], texts_for(model, seed=2)[-1]
    same = modules.evaluate(
        """async ([weights, first, second]) => {
          const { Transformer } = await import("/shared/model.mjs");
          const bytes = Uint8Array.from(atob(weights), (letter) => letter.charCodeAt(0));
          const model = new Transformer(new DataView(bytes.buffer));
          const [changed, fresh] = [model.read(), model.read()];
          for (const token of first) changed.push(token);
          changed.cut(10);
          for (const token of second.slice(10)) changed.push(token);
          for (const token of [...first.slice(0, 10), ...second.slice(10)]) fresh.push(token);
          return JSON.stringify(changed.places) === JSON.stringify(fresh.places);
        }""",
        [in_base64(model), first, second],
    )
    assert same


def test_a_text_longer_than_the_context_is_refused_as_in_python(modules):
    model = random_model(context=4, n_layer=1, mlp_from=0)
    message = modules.evaluate(
        """async (weights) => {
          const { Transformer } = await import("/shared/model.mjs");
          const bytes = Uint8Array.from(atob(weights), (letter) => letter.charCodeAt(0));
          const reading = new Transformer(new DataView(bytes.buffer)).read();
          try {
            for (let i = 0; i < 5; i++) reading.push(1);
          } catch (error) {
            return error.message;
          }
        }""",
        in_base64(model),
    )
    with pytest.raises(ValueError) as refused:
        model(torch.ones(1, 5, dtype=torch.long))
    assert message == str(refused.value)


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0, 2.0])
def test_words_are_drawn_with_the_models_own_probabilities(modules, temperature):
    scores = [2.0, 0.0, 1.0, -1.0]
    counts = modules.evaluate(
        """async ([scores, temperature]) => {
          const { draw, randomNumber } = await import("/shared/model.mjs");
          const { softmax } = await import("/shared/softmax.mjs");
          const counts = scores.map(() => 0);
          for (let seed = 0; seed < 100; seed++) {
            for (let place = 0; place < 200; place++) {
              counts[draw(softmax(scores, temperature), randomNumber(seed, place))]++;
            }
          }
          return counts;
        }""",
        [scores, temperature],
    )
    if temperature == 0:
        assert counts == [20_000, 0, 0, 0]
        return
    expected = torch.softmax(torch.tensor(scores) / temperature, 0) * 20_000
    # Seeds are fixed, so this decides the same way every time: five standard errors.
    assert ((torch.tensor(counts) - expected).abs() < 5 * expected.sqrt()).all()
