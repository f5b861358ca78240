"""Fine-tuning: every example is seen, only what may learn moves, and nothing is lost on the way."""

import os
import signal

import pytest
import torch
from tiny_models import some_ids, tiny

from grooves import assets
from grooves.fine_tuning import recipes
from grooves.fine_tuning.lora import (
    LoRALinear,
    add_lora,
    freeze,
    last_layer_only,
    trainable_parameters,
)
from grooves.hardware.costs import cost_eur, energy_wh
from grooves.inference.decoder import Decoder
from grooves.inference.generate import generate
from grooves.language.corpora import IGNORED
from grooves.language.stories import Stories
from grooves.training import lineage
from grooves.training.optimizers import build_optimizers

NARRATOR = Stories("narrator")


def stories_of(batches):
    """The texts in some batches, as tuples of tokens without padding, and what is asked for."""
    found = []
    for inputs, targets in batches:
        for row, asked in zip(inputs.tolist(), targets.tolist(), strict=True):
            n = sum(target != IGNORED for target in asked)
            assert row[1:n] == asked[: n - 1] and asked[n - 1] == 0, "not the same, moved by one"
            assert not any(row[n:]), "something stands in the padding"
            found.append(tuple(asked[: n - 1]))
    return found


def expected(language, n, seed):
    return {tuple(language.index[word] for word in story) for story in language.corpus(n, seed)}


def test_every_example_is_seen_in_each_pass_and_no_other():
    examples = recipes.Examples(NARRATOR, 20, seed=3)
    for first in (0, 4):
        seen = stories_of(examples.batch(step) for step in range(first, first + 4))
        assert len(seen) == 20 and set(seen) == expected(NARRATOR, 20, 3)
    assert expected(NARRATOR, 10, 3) < set(seen), "more examples are not the same ones and others"


def test_old_stories_stand_beside_all_the_new_ones():
    examples = recipes.Examples(NARRATOR, 10, seed=3, replay=2)
    batches = [examples.batch(step) for step in range(6)]
    assert [len(inputs) for inputs, _ in batches] == 6 * [7]
    new = stories_of((inputs[:5], targets[:5]) for inputs, targets in batches)
    old = stories_of((inputs[5:], targets[5:]) for inputs, targets in batches)
    assert set(new) == expected(NARRATOR, 10, 3)
    words = NARRATOR.vocabulary
    assert all(Stories().parse([words[token] for token in story]).ok for story in old)
    assert len(set(old)) == 12
    padded = {int((targets[:, -1] == IGNORED)[:5].all()) for _, targets in batches}
    assert padded == {0, 1}, "the new ones are never shorter, or always: nothing was tested"


@pytest.mark.parametrize(("n", "replay", "sentence"), [(7, 0, "n=7 must be"), (5, -1, "replay=-1")])
def test_examples_that_would_be_left_out_are_refused(n, replay, sentence):
    with pytest.raises(ValueError, match=sentence):
        recipes.Examples(NARRATOR, n, replay=replay)


MOVES = {
    "last layer": lambda name: name == "head.weight",
    "LoRA": lambda name: name.endswith((".A", ".B")),
    "full": lambda name: True,
}


@pytest.mark.parametrize("method", MOVES)
def test_only_what_a_method_may_move_moves(method):
    before = dict(recipes.prepare(method, seed=1).named_parameters())
    model, history = recipes.fine_tune(method, NARRATOR, 5, seed=1, steps=2)
    assert history.steps == 2
    for name, weight in model.named_parameters():
        assert torch.equal(weight, before[name]) != MOVES[method](name), name


def test_from_scratch_knows_nothing_and_the_others_begin_where_the_base_stands():
    base, ids = lineage.base(), some_ids(2, 12)
    for method in recipes.METHODS:
        same = torch.equal(recipes.prepare(method)(ids.to(base.mix.device)), base(ids))
        assert same == (method != "from scratch"), method


def test_frozen_weights_get_no_optimizer():
    model = add_lora(tiny(), rank=2)
    (adamw,) = build_optimizers(model)
    assert sum(p.numel() for p in adamw.param_groups[0]["params"]) == trainable_parameters(model)
    only_matrices = freeze(tiny())
    only_matrices.blocks.requires_grad_(True)
    assert [type(o).__name__ for o in build_optimizers(only_matrices)] == ["Muon"]
    with pytest.raises(ValueError, match="every weight of this model is frozen"):
        build_optimizers(freeze(tiny()))


def test_an_interrupted_fine_tuning_goes_on_where_it_stopped(tmp_path, capsys):
    def stop(history, share):
        if history.steps == 2:
            os.kill(os.getpid(), signal.SIGINT)

    run = {"language": NARRATOR, "n_examples": 10, "seed": 4, "replay": 1, "steps": 5}
    whole, _ = recipes.fine_tune("LoRA", **run)
    path = tmp_path / "tuned.safetensors"
    _, first = recipes.fine_tune("LoRA", **run, save_to=path, on_step=stop)
    assert (
        first.interrupted and first.steps == 2 and "Stopped after step 2" in capsys.readouterr().out
    )
    later = []
    resumed, history = recipes.fine_tune(
        "LoRA", **run, save_to=path, on_step=lambda history, share: later.append(history.steps)
    )
    assert later == [3, 4, 5] and not history.interrupted
    for mine, theirs in zip(resumed.parameters(), whole.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_a_few_examples_teach_the_dialect_and_old_stories_keep_the_language():
    before = recipes.evaluate_both(lineage.base(), NARRATOR, 50)
    run = {"method": "full", "language": NARRATOR, "n_examples": 50, "lr": 0.003, "steps": 40}
    alone = recipes.evaluate_both(recipes.fine_tune(**run)[0], NARRATOR, 50)
    mixed = recipes.evaluate_both(recipes.fine_tune(**run, replay=5)[0], NARRATOR, 50)
    assert alone[0] < before[0] / 2 and mixed[0] < before[0] / 2
    assert before[1] < 0.01 < mixed[1] + 0.01 < alone[1] / 2


def test_each_number_of_examples_has_its_recipe_and_a_wrong_name_one_sentence():
    for method, by_size in recipes.RECIPES.items():
        sizes = sorted(by_size)
        assert recipes.recipe(method, sizes[0]) == by_size[sizes[0]]
        assert recipes.recipe(method, sizes[1] - 5) == by_size[sizes[0]]
        assert recipes.recipe(method, 10**6) == by_size[sizes[-1]]
    for ask in (lambda: recipes.recipe("lora", 5), lambda: recipes.prepare("lora")):
        with pytest.raises(ValueError, match="is not one of from scratch, last layer"):
            ask()


def test_the_recipes_are_those_that_the_sweep_found_best():
    runs = assets.recorded("fine_tuning_sweep")["runs"]
    for method, by_size in recipes.RECIPES.items():
        for n, recipe in by_size.items():
            tried = [run for run in runs if (run["method"], run["n"]) == (method, n)]
            best = min((r for r in tried if r["loss"] is not None), key=lambda run: run["loss"])
            assert (recipe.lr, recipe.steps) == (best["lr"], best["steps"]), (method, n)


def test_lora_and_full_fine_tuning_had_the_same_grid():
    runs = assets.recorded("fine_tuning_sweep")["runs"]
    for n in (5, 20, 50, 500):
        grids = {}
        for method in ("LoRA", "full"):
            tried = [r for r in runs if (r["method"], r["n"]) == (method, n)]
            best = min((r for r in tried if r["loss"] is not None), key=lambda r: r["loss"])
            rates = {r["lr"] for r in tried if r["steps"] == best["steps"]}
            assert min(rates) < best["lr"] < max(rates), (method, n, "the best is at an edge")
            grids[method] = {(r["lr"], r["steps"]) for r in tried if 0.001 <= r["lr"] <= 0.03}
        assert grids["LoRA"] == grids["full"] and len(grids["full"]) >= 4, n


def test_a_batch_may_hold_more_new_stories():
    examples = recipes.Examples(NARRATOR, 20, seed=3, batch_size=10)
    batches = [examples.batch(step) for step in range(2)]
    assert [len(inputs) for inputs, _ in batches] == [10, 10]
    assert set(stories_of(batches)) == expected(NARRATOR, 20, 3)


@pytest.mark.parametrize("change", [add_lora, last_layer_only])
def test_a_changed_model_writes_what_it_computes(change):
    """The fast decoder folds matrices, tied ones; a model that has others must not go there."""
    model = change(tiny())
    assert Decoder.fits(tiny()) and not Decoder.fits(model)
    with torch.no_grad():
        model.head.weight.add_(torch.randn(model.head.weight.shape))
        for layer in model.modules():
            if isinstance(layer, LoRALinear):
                layer.B.normal_()
    ids = some_ids(2, 4)
    written = generate(model, ids, max_words=6, temperature=0, end=None)
    for length in range(4, 10):
        wanted = model(written[:, :length])[:, -1].argmax(-1)
        assert torch.equal(written[:, length], wanted)


def test_costs_are_as_worked_by_hand():
    assert energy_wh(3600, power_w=100) == 100  # an hour at 100 W
    assert cost_eur(2500, price_eur_per_kwh=0.30) == pytest.approx(0.75)  # 2.5 kWh
    with pytest.raises(ValueError, match="seconds=-1"):
        energy_wh(-1)
