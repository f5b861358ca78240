"""Answers to lab 13, many devices: right ones in several ways, wrong ones by mistake."""

import math
from fractions import Fraction

import numpy as np
import torch
from answers.lab import Answers, near

from grooves.hardware.many_devices.cluster import training_step, why_invalid
from grooves.hardware.many_devices.memory import Plan
from grooves.hardware.many_devices.plans import fastest
from grooves.training.distributed.ring import bytes_sent

ANSWERS = Answers(
    "13_many_devices",
    plain_hints=(
        *("how_many", "not_steps", "not_a_dict", "not_a_plan", "not_valid", "does_not_fit"),
        *("half_missing", "steps_not_n_minus_1", "never_added", "other_direction"),
        *("same_chunk", "always_the_same", "not_modulo", "added_twice"),
        "wrong_start_of_second_half",
    ),
)
right, wrong, rare = ANSWERS.right, ANSWERS.wrong, ANSWERS.rare


# ---- 1 ring_all_reduce -------------------------------------------------------------------------


@right("ring_all_reduce", "what is sent is what was received before")
def _(rank, n):
    steps, sent = [], rank
    for step in range(2 * n - 2):
        received = (sent - 1) % n
        steps.append((sent, received, step < n - 1))
        sent = received
    return steps


@right("ring_all_reduce", "in NumPy, as lists")
def _(rank, n):
    received = (rank - 1 - np.arange(2 * n - 2)) % n
    sent = np.concatenate([[rank], received[:-1]])
    return [[a, b, i < n - 1] for i, (a, b) in enumerate(zip(sent, received, strict=True))]


@wrong("ring_all_reduce", "not_steps")
def _(rank, n):
    return [rank, n]


@wrong("ring_all_reduce", "wrong_type")
def _(rank, n):
    return {}


@rare("ring_all_reduce", "two faults: the second half starts early and one step is missing")
def _(rank, n):
    steps = [((rank - s) % n, (rank - s - 1) % n, True) for s in range(n - 2)]
    return steps + [((rank - s) % n, (rank - s - 1) % n, False) for s in range(n)]


ANSWERS.by_hand(
    "ring_all_reduce",
    "The second half is `(1, 0, False)` and `(0, 2, False)`.",
    lambda f: [tuple(step) for step in f(0, 3)][2:] == [(1, 0, False), (0, 2, False)],
)


# ---- 2 bytes_on_the_wire -----------------------------------------------------------------------


@right("bytes_on_the_wire", "two halves, each with all chunks but one, as a fraction")
def _(n_parameters, bits, n_devices):
    vector = Fraction(n_parameters * bits, 8)
    return 2 * (vector - vector / n_devices), (n_devices - 1) + (n_devices - 1)


@right("bytes_on_the_wire", "message by message, in NumPy")
def _(n_parameters, bits, n_devices):
    each = np.full(2 * n_devices - 2, n_parameters * bits / 8 / n_devices)
    return each.sum(), len(each)


@wrong("bytes_on_the_wire", "course_code")
def _(n_parameters, bits, n_devices):
    return bytes_sent(n_parameters * bits / 8, n_devices), 2 * (n_devices - 1)


@wrong("bytes_on_the_wire", "how_many")
def _(n_parameters, bits, n_devices):
    return (2 * (n_devices - 1) / n_devices * n_parameters * bits / 8,)


@wrong("bytes_on_the_wire", "wrong_type")
def _(n_parameters, bits, n_devices):
    return "many", "more"


ANSWERS.by_hand(
    "bytes_on_the_wire",
    "each device sends 6 messages and 6,000 bytes",
    lambda f: near(f(1_000, 32, 4)[0], 6_000) and f(1_000, 32, 4)[1] == 6,
)


# ---- 3 mean_gradient ---------------------------------------------------------------------------


@right("mean_gradient", "sums first, then one division")
def _(gradients, words, tied):
    names = list(gradients[0])
    sums = {
        name: sum(n * g[name] for n, g in zip(words, gradients, strict=True)) / sum(words)
        for name in names
    }
    if len(tied) == 2:
        sums[tied[0]] = sums[tied[0]] + sums[tied[1]]
        sums = {name: value for name, value in sums.items() if name != tied[1]}
    return sums


@right("mean_gradient", "the two uses first, then NumPy's average")
def _(gradients, words, tied):
    merged = []
    for one in gradients:
        joined = dict(one)
        if tied:
            joined[tied[0]] = joined[tied[0]] + joined.pop(tied[1])
        merged.append(joined)
    return {
        name: np.average([one[name] for one in merged], axis=0, weights=words) for name in merged[0]
    }


@wrong("mean_gradient", "not_a_dict")
def _(gradients, words, tied):
    return dict.fromkeys(gradients[0], "gradient")


@wrong("mean_gradient", "wrong_type")
def _(gradients, words, tied):
    return list(gradients[0].values())


@rare("mean_gradient", "weighed by the roots of the words")
def _(gradients, words, tied):
    weights = [math.sqrt(n) for n in words]
    total = {
        name: sum(w * g[name] for w, g in zip(weights, gradients, strict=True)) / sum(weights)
        for name in gradients[0]
    }
    if tied:
        total[tied[0]] = total[tied[0]] + total.pop(tied[1])
    return total


ANSWERS.by_hand(
    "mean_gradient",
    "The mean over all 120 words is (30 · 4.0 + 90 · 0.0) / 120 = 1.0",
    lambda f: near(
        float(f([{"b": np.array([4.0])}, {"b": np.array([0.0])}], [30, 90], ())["b"][0]), 1.0
    ),
)


# ---- 4 pipeline_bubble -------------------------------------------------------------------------


@right("pipeline_bubble", "simulated stage by stage")
def _(n_stages, n_micro, forward_s, backward_s):
    ends = [[0.0] * n_micro for _ in range(n_stages)]
    for stage in range(n_stages):
        for k in range(n_micro):
            before = ends[stage - 1][k] if stage else 0.0
            mine = ends[stage][k - 1] if k else 0.0
            ends[stage][k] = max(before, mine) + forward_s
    last = ends[-1][-1] + n_micro * backward_s + (n_stages - 1) * backward_s
    return last, 1 - n_micro * (forward_s + backward_s) / last


@right("pipeline_bubble", "busy and idle, as tensors")
def _(n_stages, n_micro, forward_s, backward_s):
    task = torch.tensor(forward_s + backward_s, dtype=torch.float64)
    busy, idle = n_micro * task, (n_stages - 1) * task
    return busy + idle, idle / (busy + idle)


@wrong("pipeline_bubble", "how_many")
def _(n_stages, n_micro, forward_s, backward_s):
    return ((n_micro + n_stages - 1) * (forward_s + backward_s),)


@wrong("pipeline_bubble", "course_code")
def _(n_stages, n_micro, forward_s, backward_s):
    from grooves.training.distributed.pipeline import bubble, timetable

    slots = n_micro + n_stages - 1
    return slots * (forward_s + backward_s), bubble(timetable("1f1b", n_stages, n_micro), n_stages)


ANSWERS.by_hand(
    "pipeline_bubble",
    "Each stage works for 9 of 12 s, so the bubble is 0.25.",
    lambda f: near(f(2, 3, 1, 2)[0], 12) and near(f(2, 3, 1, 2)[1], 0.25),
)


# ---- 5 zero_memory -----------------------------------------------------------------------------


@right("zero_memory", "a table of what is divided")
def _(n_parameters, n_devices, stage):
    divided = (0, 12, 14, 16)[stage]
    return Fraction(n_parameters * ((16 - divided) * n_devices + divided), n_devices)


@right("zero_memory", "in NumPy")
def _(n_parameters, n_devices, stage):
    parts = np.array([12.0, 2.0, 2.0])
    parts[:stage] /= n_devices
    return n_parameters * parts.sum()


@wrong("zero_memory", "course_code")
def _(n_parameters, n_devices, stage):
    from grooves.hardware.many_devices.memory import state_bytes

    return state_bytes(n_parameters, n_devices, stage)


@wrong("zero_memory", "wrong_type")
def _(n_parameters, n_devices, stage):
    return "5.5 MB"


ANSWERS.by_hand(
    "zero_memory",
    "a quarter of 12 MB of the optimizer's, 5.5 MB in all.",
    lambda f: near(f(10**6, 4, 2), 5.5e6),
)


# ---- 6 fit_alpha_beta --------------------------------------------------------------------------


@right("fit_alpha_beta", "the normal equations, in closed form")
def _(sizes, times):
    u = [1 / t for t in times]
    v = [n / t for n, t in zip(sizes, times, strict=True)]
    uu, vv = sum(a * a for a in u), sum(b * b for b in v)
    uv = sum(a * b for a, b in zip(u, v, strict=True))
    determinant = uu * vv - uv * uv
    return (sum(u) * vv - sum(v) * uv) / determinant, determinant / (sum(v) * uu - sum(u) * uv)


@right("fit_alpha_beta", "weighted polyfit")
def _(sizes, times):
    slope, alpha = np.polyfit(np.array(sizes, float), times, 1, w=1 / np.array(times))
    return alpha, 1 / slope


@wrong("fit_alpha_beta", "course_code")
def _(sizes, times):
    from grooves.hardware.many_devices.alpha_beta import fit

    link = fit(sizes, times)
    return link.alpha_s, link.beta_bytes_per_s


@wrong("fit_alpha_beta", "how_many")
def _(sizes, times):
    return (0.002,)


ANSWERS.by_hand(
    "fit_alpha_beta",
    "so β = 110 MB/s, and α = 2.1 ms - 1,000 / β = 2.091 ms.",
    lambda f: (
        near(f([1e3, 1e5], [2.1e-3, 3e-3])[1], 110e6)
        and near(f([1e3, 1e5], [2.1e-3, 3e-3])[0], 2.1e-3 - 1e3 / 110e6)
    ),
)


# ---- 7 step_time -------------------------------------------------------------------------------


@right("step_time", "from the last bucket back")
def _(forward_s, backward_s, ready, sizes, alpha_s, beta, n_devices):
    each = [2 * (n_devices - 1) * (alpha_s + s / n_devices / beta) for s in sizes]
    ends = [ready[i] + sum(each[i:]) for i in range(len(ready))]
    return forward_s + max([backward_s, *ends])


@right("step_time", "in NumPy")
def _(forward_s, backward_s, ready, sizes, alpha_s, beta, n_devices):
    each = 2 * (n_devices - 1) * (alpha_s + np.array(sizes) / n_devices / beta)
    sent = np.cumsum(each)
    waited = np.maximum.accumulate(np.array(ready) - sent + each)
    return forward_s + np.maximum(backward_s, (waited + sent).max())


@wrong("step_time", "course_code")
def _(forward_s, backward_s, ready, sizes, alpha_s, beta, n_devices):
    from grooves.hardware.many_devices.alpha_beta import AlphaBeta, all_reduce_seconds

    free = 0.0
    for at, size in zip(ready, sizes, strict=True):
        free = max(at, free) + all_reduce_seconds(AlphaBeta(alpha_s, beta), size, n_devices)
    return forward_s + max(backward_s, free)


@wrong("step_time", "wrong_type")
def _(forward_s, backward_s, ready, sizes, alpha_s, beta, n_devices):
    return [forward_s, backward_s]


ANSWERS.by_hand(
    "step_time",
    "so the step takes 31.2 ms.",
    lambda f: near(f(0.01, 0.02, [0.008, 0.014, 0.02], [4e6, 8e6, 4e6], 1e-4, 4e9, 2), 0.0312),
)


# ---- 8 checkpoint_interval ---------------------------------------------------------------------


@right("checkpoint_interval", "in hours until the end")
def _(device_hours, n_devices, save_s, restart_s):
    between = device_hours / n_devices
    save, restart = save_s / 3600, restart_s / 3600
    interval = (2 * save * between) ** 0.5
    return 3600 * interval, save / interval + interval / 2 / between + restart / between


@right("checkpoint_interval", "both parts are equal at Young's interval")
def _(device_hours, n_devices, save_s, restart_s):
    rate = n_devices / np.float64(3600 * device_hours)
    interval = np.sqrt(2 * save_s / rate)
    return interval, 2 * save_s / interval + restart_s * rate


@wrong("checkpoint_interval", "course_code")
def _(device_hours, n_devices, save_s, restart_s):
    from grooves.hardware.many_devices.failures import mean_seconds_between, young

    between = mean_seconds_between(n_devices, device_hours)
    interval = young(save_s, between)
    return interval, save_s / interval + (interval / 2 + restart_s) / between


@wrong("checkpoint_interval", "how_many")
def _(device_hours, n_devices, save_s, restart_s):
    return (3_795.0,)


ANSWERS.by_hand(
    "checkpoint_interval",
    "M = 50 hours = 180,000 s, and the interval is √(2 · 40 · 180,000) = 3,795 s.",
    lambda f: (
        abs(f(50_000, 1_000, 40, 300)[0] - 3_795) < 0.5
        and abs(f(50_000, 1_000, 40, 300)[1] - 0.0227) < 5e-5
    ),
)


# ---- 9 loader_workers --------------------------------------------------------------------------


@right("loader_workers", "the least of all times, then the first that reaches it")
def _(kind, load_s, step_s, carry_s, cores):
    step = step_s + carry_s
    floor = (load_s + step) / cores if kind == "computing" else 0.0
    times = [load_s + step_s] + [max(load_s / w, step, floor) for w in range(1, 65)]
    best = min(times)
    workers = next(w for w, t in enumerate(times) if math.isclose(t, best, rel_tol=1e-9))
    return workers, times[workers]


@right("loader_workers", "in closed form")
def _(kind, load_s, step_s, carry_s, cores):
    step = step_s + carry_s
    target = max(step, (load_s + step) / cores if kind == "computing" else 0.0, load_s / 64)
    if load_s + step_s <= target * (1 + 1e-9):
        return 0, load_s + step_s
    workers = math.ceil(load_s / target - 1e-9)
    return workers, max(target, load_s / workers)


@wrong("loader_workers", "course_code")
def _(kind, load_s, step_s, carry_s, cores):
    from grooves.hardware.many_devices.loaders import Costs, predicted_seconds

    costs = Costs(step_s, carry_s, cores)
    times = {
        w: predicted_seconds(kind, load_s, f"{w} workers" if w else "none", costs)
        for w in range(65)
    }
    workers = min(times, key=times.get)
    return workers, times[workers]


@wrong("loader_workers", "wrong_type")
def _(kind, load_s, step_s, carry_s, cores):
    return "two", 0.012


ANSWERS.by_hand(
    "loader_workers",
    "with 5 max(10, 12) = 12 ms, and more workers change nothing: 5 workers.",
    lambda f: (
        f("waiting", 0.05, 0.01, 0.002, 2)[0] == 5
        and near(f("computing", 0.05, 0.01, 0.002, 4)[1], 0.0155)
        and f("computing", 0.05, 0.01, 0.002, 4)[0] == 4
    ),
)


# ---- 10 parallel_plan --------------------------------------------------------------------------


def _plans(cluster, batch, zero=(0, 1, 2, 3)):
    """All plans by the lab's rules, made otherwise than in the solution."""
    n = cluster.n_devices
    for data in range(1, n + 1):
        for tensor in range(1, cluster.per_server + 1):
            if n % (data * tensor) or batch % data:
                continue
            pipe = n // (data * tensor)
            for micro in range(1, batch // data + 1):
                if batch // data % micro:
                    continue
                for z in zero:
                    if z and (data == 1 or (z > 1 and pipe > 1)):
                        continue
                    for recompute in ("full", "selective"):
                        yield Plan(data, tensor, pipe, micro, z, recompute)


@right("parallel_plan", "all that fit, sorted")
def _(model, cluster, batch):
    steps = {}
    for plan in _plans(cluster, batch):
        if not why_invalid(model, cluster, plan, batch):
            steps[plan] = training_step(model, cluster, plan, batch)
    fitting = [p for p, step in steps.items() if step.memory_bytes <= cluster.memory_bytes]
    return min(fitting, key=lambda p: (steps[p].seconds, steps[p].memory_bytes))


@right("parallel_plan", "improved one number at a time, from several beginnings")
def _(model, cluster, batch):
    def cost(plan):
        if why_invalid(model, cluster, plan, batch):
            return math.inf
        step = training_step(model, cluster, plan, batch)
        return step.seconds if step.memory_bytes <= cluster.memory_bytes else math.inf

    groups: dict = {}
    for plan in _plans(cluster, batch):
        groups.setdefault((plan.tensor, plan.pipeline), []).append(plan)
    return min((min(group, key=cost) for group in groups.values()), key=cost)


@wrong("parallel_plan", "course_code")
def _(model, cluster, batch):
    return fastest(model, cluster, batch).plan


@wrong("parallel_plan", "wrong_type")
def _(model, cluster, batch):
    return (8, 1, 1, 4, 1)


@wrong("parallel_plan", "not_valid")
def _(model, cluster, batch):
    return Plan(data=3)


@wrong("parallel_plan", "does_not_fit")
def _(model, cluster, batch):
    return Plan(data=cluster.n_devices)


ANSWERS.by_hand(
    "parallel_plan",
    "which take 256 / 8 / 4 = 8 sequences at a time.",
    lambda f: 256 // 8 // Plan(data=8, zero=1, micro_batches=4).micro_batches == 8,
)
