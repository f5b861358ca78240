"""The checks of lab 12 beyond what `test_checks_labs.py` asks of every lab's."""

import functools
import itertools
import math

import numpy as np
import pytest
import torch
from answers.precision_memory import ANSWERS, BASE, _pack_in, _unpack_in
from test_checks_labs import refusal as refusal_in

from grooves import device
from grooves.checks import CheckFailed, NotStarted
from grooves.checks import precision_memory as check
from grooves.checks.precision_memory import file as challenge
from grooves.checks.precision_memory.checkpointing import CASES as CHAINS
from grooves.checks.precision_memory.codes import CASES as MATRICES
from grooves.checks.precision_memory.codes import case, with_ties
from grooves.checks.precision_memory.decode import PATTERNS, value
from grooves.checks.precision_memory.memory_fit import FIT_MISTAKES, cases
from grooves.checks.precision_memory.training import CASES, TRAINING_MISTAKES, _count, measured
from grooves.precision.formats import BF16

WRONG = ANSWERS.wrong_answers
pytestmark = pytest.mark.usefixtures("own_progress")
refusal = functools.partial(refusal_in, ANSWERS.lab)


# --- yardsticks -------------------------------------------------------------------------------


def test_every_kind_of_pattern_is_asked_for_and_read_rightly():
    kinds = set()
    for bits in PATTERNS:
        sign, exponent, mantissa = BF16.split(bits)
        kinds.add((sign, "low" if exponent == 0 else exponent // 255, mantissa == 0))
        assert np.array_equal(value(bits), BF16.decode(bits), equal_nan=True)
    every = set(itertools.product((0, 1), ("low", 0, 1), (True, False)))
    assert every <= kinds


def test_the_parts_that_the_lab_names_are_what_pytorch_takes():
    for one in CASES:
        assert math.isclose(_count(*one), measured(*one), rel_tol=0.04)


def test_every_mistake_in_counting_is_more_than_a_tenth_off_in_some_network():
    for mistake in TRAINING_MISTAKES:
        assert any(abs(mistake.compute(*one) / _count(*one) - 1) > 0.12 for one in CASES), (
            mistake.name
        )


def test_no_two_mistakes_say_the_same_of_all_made_up_models():
    said = {}
    for mistake in FIT_MISTAKES:
        results = tuple(mistake.compute(*one) for one in cases())
        assert said.setdefault(results, mistake.name) == mistake.name
    for model, gb, bits, n_tokens, batch in cases():  # nothing hangs on the last digits of a float
        cache = 4 * model.n_layer * model.n_kv_head * model.head_dim * n_tokens * batch
        need = model.parameters * bits / 8 + cache
        assert abs(need / (0.9 * gb * 2**30) - 1) > 0.005


def test_no_code_of_the_check_hangs_on_a_rounding():
    for seed, (shape, bits) in enumerate(MATRICES):
        weight, codes, scales = case(seed, shape, bits)
        steps = weight.double().numpy() / scales[:, None]
        assert (abs(steps - codes) < 0.45).all() and (abs(steps - np.rint(steps)) < 0.45).all()
        limit = 2 ** (bits - 1) - 1
        assert (abs(codes).max(axis=1) == limit).all()
        assert len(codes) == 1 or codes.min() == -limit
    for bits in (4, 6):  # but for those that lie half-way, where every way to divide is exact
        weight, codes, _ = with_ties(bits)
        limit, top = 2 ** (bits - 1) - 1, weight.abs().amax(1, keepdim=True)
        for steps in (weight / (top / limit), weight / top * limit, weight * (limit / top)):
            assert np.array_equal(steps.round(), codes) and ((steps % 1) == 0.5).sum() == 18


# --- the same mistake in other words
# ----------------------------------------------------------------


def _stepped(step):
    def scaled_step(w, g, scale, good, lr, patience):
        if not torch.isfinite(g).all():
            return w, scale / 2, 0
        w = w - step(g, scale, lr)
        return (w, 2 * scale, 0) if good + 1 == patience else (w, scale, good + 1)

    return scaled_step


@pytest.mark.parametrize(
    ("hint", "step"),
    [
        ("half_precision_step", lambda g, scale, lr: lr * (g / scale)),
        ("half_precision_step", lambda g, scale, lr: g / scale * lr),
        ("half_precision_step", lambda g, scale, lr: g * (lr / scale)),
        ("half_precision_step", lambda g, scale, lr: g * lr / scale),
    ],
)
def test_every_way_to_stay_in_sixteen_bits_is_named(hint, step):
    assert refusal("scaled_step", _stepped(step)).hint == hint


def test_one_scale_without_a_shape_is_one_for_the_whole_matrix():
    def one_number(weight, bits):
        scale = weight.abs().max() / (2 ** (bits - 1) - 1)
        return (weight / scale).round().to(torch.int8), scale

    assert refusal("quantize", one_number).hint == "per_tensor_scale"


def test_all_that_two_batches_need_is_too_much():
    def doubled(widths, batch):
        return _count(widths, 2 * batch)

    assert refusal("training_bytes", doubled).hint == "both_batches"


# --- the chain ----------------------------------------------------------------------------------


def test_what_is_kept_as_a_copy_elsewhere_is_seen():
    cellar = []

    def hoarding(layers, x, every, output_gradient):
        cellar.clear()
        for layer in layers:
            cellar.append(x.clone())
            x = layer.forward(x)
        g = output_gradient(x)
        for layer, before in zip(reversed(layers), reversed(cellar), strict=True):
            g = layer.backward(before, g)
        return g

    assert refusal("checkpointed", hoarding).hint == "keeps_all"


def test_a_chain_is_the_same_at_every_call_and_its_layers_share_their_notes():
    one, other = check.chain(4), check.chain(4)
    assert all(torch.equal(a.weight, b.weight) for a, b in zip(one, other, strict=True))
    one[2].forward(torch.ones(2, 4).double())
    assert [call[:2] for call in one[0].calls] == [("forward", 2)] and not other[0].calls
    assert any(n % every for n, every in CHAINS)


# --- the challenge ------------------------------------------------------------------------------


def as_the_course_has_it(weights, order):
    back = torch.empty_like(weights["embedding.weight"])
    back[order] = weights["embedding.weight"]
    return {**weights, "embedding.weight": back}


@pytest.mark.parametrize("seed", [0, 1])
def test_the_disguised_model_answers_alike_and_no_stored_weight_fits(seed):
    weights, order = challenge.disguised(seed)
    assert abs(check.nats_above(as_the_course_has_it(weights, order))) < 1e-4
    for name, parameter in challenge._base().named_parameters():
        mine, old = weights[name].flatten(), parameter.detach().cpu().flatten()
        assert torch.equal(mine.abs().sort()[0], old.abs().sort()[0])
        assert abs(float(torch.corrcoef(torch.stack((mine, old)))[0, 1])) < 0.4, name


def test_no_verdict_of_the_challenge_hangs_on_a_rounding():
    answers = {"reference": ANSWERS.reference("smallest"), **ANSWERS.right_answers["smallest"]}
    for name, answer in answers.items():
        n_bytes, nats, *_ = challenge._examined(answer)
        assert n_bytes < 0.95 * challenge.BAR_BYTES and nats < 0.7 * challenge.BAR_NATS, name
    n_bytes, nats, *_ = challenge._examined(WRONG["smallest"]["eight_bits"])
    assert n_bytes > 1.5 * challenge.BAR_BYTES and nats < 0.1 * challenge.BAR_NATS
    assert challenge._examined(WRONG["smallest"]["too_coarse"])[1] > 1.5 * challenge.BAR_NATS


ASIDE = []
values = torch.zeros(5_000)  # a large value that shares its name with what dicts have
TABLE = tuple(range(40))


def test_what_pack_puts_aside_is_not_there_for_unpack():
    def pack(weights):
        ASIDE.append({name: weight.clone() for name, weight in weights.items()})
        return b"see aside"

    def unpack(data, shapes):
        return ASIDE[-1]

    failure = refusal("smallest", (pack, unpack))
    assert failure.hint == "put_aside" and "`ASIDE`" in failure.message and not ASIDE


def test_a_file_that_unpack_has_written_itself_may_be_read(tmp_path):
    path = tmp_path / "bytes"

    def unpack(data, shapes):
        path.write_bytes(data)
        return _unpack_in(7, 64)(path.read_bytes(), shapes)

    check.smallest((_pack_in(7, 64), unpack))


def test_a_name_that_pack_makes_is_not_there_for_unpack():
    def pack(weights):
        global MADE
        MADE = {name: weight.clone() for name, weight in weights.items()}
        return b"see MADE"

    def unpack(data, shapes):
        return dict(MADE)

    failure = refusal("smallest", (pack, unpack))
    assert failure.hint == "put_aside" and "`MADE`" in failure.message


def test_an_error_of_unpack_alone_stays_an_error():
    def pack(weights):
        return bytes(TABLE)

    def unpack(data, shapes):
        return dict.fromkeys(shapes, TABLE[99])

    assert refusal("smallest", (pack, unpack)).hint == "raised"


def test_arrays_read_off_the_bytes_are_used_without_a_warning(recwarn):
    def pack(weights):
        return b"".join(weight.numpy().tobytes() for weight in weights.values())

    def unpack(data, shapes):
        arrays, at = {}, 0
        for name, shape in shapes.items():
            arrays[name] = np.frombuffer(data, np.float32, math.prod(shape), at).reshape(shape)
            at += arrays[name].nbytes
        return arrays

    assert refusal("smallest", (pack, unpack)).hint == "sixteen_bits"
    assert abs(check.nats_above(unpack(pack(BASE), {n: w.shape for n, w in BASE.items()}))) < 1e-6
    assert not recwarn.list


def test_a_closure_and_a_default_are_no_way_round_the_bytes():
    kept = {}

    def pack(weights):
        kept.update(weights)
        return b"see kept"

    def unpack(data, shapes):
        return dict(kept)

    def by_default(data, shapes, kept=kept):
        return dict(kept)

    assert refusal("smallest", (pack, unpack)).hint == "names"
    assert refusal("smallest", (pack, by_default)).hint == "names" and not kept


def test_small_tables_and_functions_that_call_each_other_may_be_used():
    def even(n):
        return n == 0 or odd(n - 1)

    def odd(n):
        return n != 0 and even(n - 1)

    def unpack(data, shapes):
        assert even(TABLE[4]) and len(list(shapes.values())) == len(shapes)
        return _unpack_in(7, 64)(data, shapes)

    check.smallest((_pack_in(7, 64), unpack))


def test_a_large_table_is_refused_by_its_name():
    def unpack(data, shapes):
        return values.sum() + _unpack_in(7, 64)(data, shapes)

    failure = refusal("smallest", (_pack_in(7, 64), unpack))
    assert failure.hint == "brings_along" and "`values`" in failure.message


def test_half_an_answer_is_not_started_yet():
    def unpack(data, shapes):
        raise NotImplementedError

    assert isinstance(refusal("smallest", (_pack_in(7, 64), unpack)), NotStarted)


def test_the_race_returns_the_bytes_that_it_prints_and_refuses_what_is_too_coarse(capsys):
    score = check.race(ANSWERS.reference("smallest"))
    assert f"score {score:,} bytes" in capsys.readouterr().out and 50_000 < score < 60_000
    with pytest.raises(CheckFailed) as caught:
        check.race(WRONG["smallest"]["too_coarse"])
    assert caught.value.hint == "too_coarse"


def test_weights_are_judged_wherever_they_lie():
    weights = {name: p.detach() for name, p in challenge._base().named_parameters()}
    on_device = {name: weight.to(device()) for name, weight in weights.items()}
    assert check.nats_above(on_device) == check.nats_above(
        {name: weight.cpu().numpy() for name, weight in weights.items()}
    )
