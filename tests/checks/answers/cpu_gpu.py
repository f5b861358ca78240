"""Answers to lab 11, CPU and GPU: right ones in several ways, wrong ones named by mistake."""

import itertools
import math
import operator
import statistics
import time
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from answers.lab import Answers

from grooves.checks import CheckFailed
from grooves.checks import cpu_gpu as check
from grooves.checks.cpu_gpu import machine_plan as cpu_gpu_plan
from grooves.checks.cpu_gpu import step as cpu_gpu_step
from grooves.hardware import roofline, tiling
from grooves.hardware.timing import measure

ANSWERS = Answers("11_cpu_gpu")
right, wrong, rare = ANSWERS.right, ANSWERS.wrong, ANSWERS.rare
by_hand = ANSWERS.by_hand


# ---- median_time -----------------------------------------------------------------------------


@right("median_time", "waits before and behind each run, with the library's median")
def _(work, synchronize, clock, warm_ups, runs):
    samples = []
    for number in range(warm_ups + runs):
        synchronize()
        before = clock()
        work()
        synchronize()
        if number >= warm_ups:
            samples.append(clock() - before)
    return statistics.median(samples)


@right("median_time", "all timed, the first ones thrown away, in NumPy")
def _(work, synchronize, clock, warm_ups, runs):
    synchronize()
    looks = [clock()]
    for _ in range(warm_ups + runs):
        work()
        synchronize()
        looks.append(clock())
    return np.median(np.diff(looks)[warm_ups:])


@right("median_time", "PyTorch's lower median")
def _(work, synchronize, clock, warm_ups, runs):
    for _ in range(warm_ups):
        work()
    samples = []
    for _ in range(runs):
        synchronize()
        started = clock()
        work()
        synchronize()
        samples.append(clock() - started)
    return torch.tensor(samples, dtype=torch.float64).median()


def timer(combine=statistics.median, warm=lambda w: w, runs=lambda r: r, wait="WS", settle=True):
    """A timer with parts exchanged.

    combine: what is made of the samples. warm, runs: how many. wait: what happens between two
    looks at the clock; "WS|" waits behind the second look. settle: waits for the warm-ups.
    """

    def answer(work, synchronize, clock, warm_ups, n_runs):
        do = {"W": work, "S": synchronize}
        for _ in range(warm(warm_ups)):
            work()
        if settle:
            synchronize()
        samples = []
        before, between, behind = (*wait.split("|"), "", "")[:3] if "|" in wait else ("", wait, "")
        for _ in range(runs(n_runs)):
            for letter in before:
                do[letter]()
            started = clock()
            for letter in between:
                do[letter]()
            samples.append(clock() - started)
            for letter in behind:
                do[letter]()
        return combine(samples)

    return answer


@wrong("median_time", "synchronised_once")
def _(work, synchronize, clock, warm_ups, runs):
    for _ in range(warm_ups):
        work()
    synchronize()
    samples = []
    for _ in range(runs):
        started = clock()
        work()
        samples.append(clock() - started)
    synchronize()
    return statistics.median(samples)


@wrong("median_time", "timed_together")
def _(work, synchronize, clock, warm_ups, runs):
    for _ in range(warm_ups):
        work()
    synchronize()
    started = clock()
    for _ in range(runs):
        work()
    synchronize()
    return (clock() - started) / runs


@wrong("median_time", "cold_runs_kept")
def _(work, synchronize, clock, warm_ups, runs):
    return timer(runs=lambda r: warm_ups + r, warm=lambda w: 0)(
        work, synchronize, clock, warm_ups, runs
    )


@wrong("median_time", "other_clock")
def _(work, synchronize, clock, warm_ups, runs):
    return timer()(work, synchronize, time.perf_counter, warm_ups, runs)


@wrong("median_time", "nothing_called")
def _(work, synchronize, clock, warm_ups, runs):
    samples = []
    for _ in range(runs):
        started = clock()
        _ = work  # without brackets
        synchronize()
        samples.append(clock() - started)
    return statistics.median(samples)


@wrong("median_time", "course_code")
def _(work, synchronize, clock, warm_ups, runs):
    return measure(work, min_s=0, min_runs=2).median_s


@wrong("median_time", "unrecognised")
def _(work, synchronize, clock, warm_ups, runs):
    return 2 * timer()(work, synchronize, clock, warm_ups, runs)


ANSWERS.wrong_answers["median_time"] |= {
    "called_too_often": timer(warm=lambda w: max(1, w)),
    "never_synchronised": timer(wait="W", settle=False),
    "synchronised_outside": timer(wait="S|W|"),
    "cold_start": timer(warm=lambda w: 0),
    "too_few_calls": timer(warm=lambda w: 1),
    "warm_ups_unfinished": timer(settle=False),
    "total": timer(sum),
    "mean": timer(statistics.mean),
    "minimum": timer(min),
    "unsorted": timer(lambda samples: samples[len(samples) // 2]),
    "wrong_type": timer(lambda samples: samples),
}


def _five_runs(median_time):
    """The lab's five runs, on a device that has finished when it answers."""
    now, ahead = 0.0, itertools.chain([50.0], itertools.cycle([3.0, 2.0, 90.0, 2.0, 1.0]))

    def work():
        nonlocal now
        now += next(ahead)

    return median_time(work, lambda: None, lambda: now, 1, 5) == 2


by_hand(
    "median_time",
    "Five runs take 3, 2, 90, 2 and 1 seconds.\nTheir mean is 19.6, which is close to none of "
    "them; their median is 2.",
    _five_runs,
)


# ---- intensity -------------------------------------------------------------------------------


def _counts(operation, shape):
    """FLOPs, numbers read, numbers written."""
    if operation == "matmul":
        n, k, m = shape
        return 2 * n * k * m, n * k + k * m, n * m
    a, b = shape
    return {
        "matvec": (2 * a * b, a + a * b, b),
        "add": (a * b, 2 * a * b, a * b),
        "copy": (0, a * b, a * b),
    }[operation]


@right("intensity", "tensors built and counted")
def _(operation, shape, bytes_per_number):
    shapes = {
        "matmul": lambda n, k, m: ([(n, k), (k, m)], (n, m)),
        "matvec": lambda k, m: ([(1, k), (k, m)], (1, m)),
        "add": lambda n, m: ([(n, m), (n, m)], (n, m)),
        "copy": lambda n, m: ([(n, m)], (n, m)),
    }[operation](*shape)
    made = [torch.empty(size, device="meta") for size in (*shapes[0], shapes[1])]
    n_bytes = sum(tensor.numel() for tensor in made) * bytes_per_number
    each = {"matmul": 2 * shape[1], "matvec": 2 * shape[0], "add": 1, "copy": 0}[operation]
    return torch.tensor(each * made[-1].numel() / n_bytes)


@right("intensity", "a row is a matrix with one row, in NumPy's numbers")
def _(operation, shape, bytes_per_number):
    sizes = np.array(shape if operation == "matmul" else (1, *shape))
    n, k, m = sizes.astype(float)
    if operation in ("matmul", "matvec"):
        return 2 * n * k * m / (n * k + k * m + n * m) / bytes_per_number
    return np.float64(1 / 3 if operation == "add" else 0) / bytes_per_number


def asks(flops=None, moved=None, scale=1.0, only=None):
    """An answer whose counts are exchanged, for some operations alone."""

    def answer(operation, shape, bytes_per_number):
        f, r, w = _counts(operation, shape)
        if only and operation not in only:
            return f / ((r + w) * bytes_per_number)
        f = flops(f, shape) if flops else f
        n = moved(r, w, shape) if moved else r + w
        return scale * f / (n * bytes_per_number)

    return answer


PRODUCTS = ("matmul", "matvec")


@wrong("intensity", "numbers_not_bytes")
def _(operation, shape, bytes_per_number):
    return asks()(operation, shape, 1)


@wrong("intensity", "inverted")
def _(operation, shape, bytes_per_number):
    return 1 / asks()(operation, shape, bytes_per_number)


@wrong("intensity", "square_assumed")
def _(operation, shape, bytes_per_number):
    if operation == "matmul":
        return 2 * shape[0] / (3 * bytes_per_number)
    return asks()(operation, shape, bytes_per_number)


@wrong("intensity", "course_code")
def _(operation, shape, bytes_per_number):
    if operation == "matmul":
        return roofline.matmul(*shape, bytes_per_number).intensity
    return asks()(operation, shape, bytes_per_number)


ANSWERS.wrong_answers["intensity"] |= {
    "parentheses_missing": lambda o, s, b: (c := _counts(o, s))[0] / (c[1] + c[2]) * b,
    "output_forgotten": asks(moved=lambda r, w, s: r),
    "multiply_add_as_one": asks(scale=0.5, only=PRODUCTS),
    "weights_only": asks(moved=lambda r, w, s: s[1] * s[2], only=("matmul",)),
    "vector_forgotten": asks(moved=lambda r, w, s: s[0] * s[1], only=("matvec",)),
    "two_flops_per_addition": asks(scale=2, only=("add",)),
    "operand_forgotten": asks(moved=lambda r, w, s: r / 2 + w, only=("add",)),
    "wrong_type": lambda operation, shape, b: _counts(operation, shape),
    "first_addition_left_out": asks(flops=lambda f, s: f - f // (2 * s[-2]), only=PRODUCTS),
    "one_factor": asks(scale=3),
    "unrecognised": asks(flops=lambda f, s: f + 1),
}
by_hand(
    "intensity",
    "2 · 2 · 3 · 4 = 48 FLOPs.\n6 and 12 numbers are read and 8 are written: 26 numbers, 104 bytes."
    "\nThe intensity is 48 / 104 = 0.4615 FLOPs per byte.",
    lambda intensity: (
        math.isclose(intensity("matmul", (2, 3, 4), 4), 48 / 104) and round(48 / 104, 4) == 0.4615
    ),
)


# ---- attainable ------------------------------------------------------------------------------


@right("attainable", "by the longer of two times")
def _(intensity, peak, bandwidth):
    arithmetic, memory = intensity / peak, 1 / bandwidth  # seconds for one byte
    if memory > arithmetic:
        return [intensity / memory, memory * peak, "memory"]
    return [peak, memory * peak, "arithmetic"]


@right("attainable", "tensors")
def _(intensity, peak, bandwidth):
    limits = torch.tensor([intensity * bandwidth, peak], dtype=torch.float64)
    rate, which = limits.min(dim=0)
    return rate, np.divide(peak, bandwidth), ("memory", "arithmetic")[which]


def roof(rate=None, ridge=None, limit=None):
    """An answer with parts exchanged, each a function of intensity, peak and bandwidth."""

    def answer(i, p, w):
        parts = min(p, i * w), p / w, "memory" if i < p / w else "arithmetic"
        changed = (f(i, p, w) if f else None for f in (rate, ridge, limit))
        return tuple(a if b is None else b for a, b in zip(parts, changed, strict=True))

    return answer


def limit(memory_binds):
    return lambda *inputs: "memory" if memory_binds(*inputs) else "arithmetic"


ANSWERS.wrong_answers["attainable"] = {
    "larger_limit": roof(rate=lambda i, p, w: max(p, i * w)),
    "peak_only": roof(rate=lambda i, p, w: p),
    "slope_only": roof(rate=lambda i, p, w: i * w),
    "times_added": roof(rate=lambda i, p, w: i / (i / p + 1 / w)),
    "slope_divided": roof(rate=lambda i, p, w: min(p, w / i)),
    "bandwidth_as_limit": roof(rate=lambda i, p, w: min(p, w)),
    "other_word": roof(limit=lambda i, p, w: "memory" if i < p / w else "compute"),
    "ridge_point_inverted": roof(ridge=lambda i, p, w: w / p),
    "limits_swapped": roof(limit=limit(lambda i, p, w: i >= p / w)),
    "fixed_threshold": roof(limit=limit(lambda i, p, w: i < 5)),
    "wrong_comparison": roof(limit=limit(lambda i, p, w: i < w)),
    "order_swapped": lambda i, p, w: (p / w, *roof()(i, p, w)[::2]),
    "how_many": lambda i, p, w: (min(p, i * w), p / w),
    "wrong_type": lambda i, p, w: min(p, i * w),
    "course_code": roof(rate=roofline.attainable),
    "unrecognised": roof(rate=lambda i, p, w: min(p, i * w) + w),
}
by_hand(
    "attainable",
    "the ridge point is 5 FLOPs per byte.\nAt an intensity of 2, memory allows 40 GFLOP/s, so it "
    "is the limit.\nAt 8 it would allow 160, so arithmetic is the limit, at 100.",
    lambda attainable: (
        tuple(attainable(2, 100e9, 20e9)) == (40e9, 5, "memory")
        and tuple(attainable(8, 100e9, 20e9)) == (100e9, 5, "arithmetic")
    ),
)


# ---- predict_time ----------------------------------------------------------------------------


@right("predict_time", "arrays, and a name with a capital")
def _(operations, peak, bandwidth, launch_s):
    times = np.array(operations, dtype=float) / (peak, bandwidth)  # (N, 2)
    longer = times.max(axis=1)
    of_memory = longer[times[:, 1] > times[:, 0]].sum()
    causes = [launch_s * len(times), of_memory, longer.sum() - of_memory]
    return sum(causes), ("Launch", "Memory", "Arithmetic")[int(np.argmax(causes))]


@right("predict_time", "operation by operation, as tensors")
def _(operations, peak, bandwidth, launch_s):
    spent = torch.zeros(3, dtype=torch.float64)
    for flops, n_bytes in operations:
        pair = torch.tensor([n_bytes / bandwidth, flops / peak], dtype=torch.float64)
        spent[0] += launch_s
        spent[1 + int(pair.argmax())] += pair.max()
    return [spent.sum(), ["launch", "memory", "arithmetic"][int(spent.argmax())]]


def _spent(operations, peak, bandwidth, launch_s):
    spent = {"launch": launch_s * len(operations), "memory": 0.0, "arithmetic": 0.0}
    for flops, n_bytes in operations:
        a, m = flops / peak, n_bytes / bandwidth
        spent["memory" if m > a else "arithmetic"] += max(a, m)
    return spent


def forecast(seconds=None, cause=None):
    """An answer with the seconds or the cause exchanged."""

    def answer(*inputs):
        spent = _spent(*inputs)
        total = seconds(*inputs) if seconds else sum(spent.values())
        return total, cause(*inputs) if cause else max(spent, key=spent.get)

    return answer


def each(one):
    """Seconds of all operations from those of one: arithmetic, memory, launch."""
    return forecast(lambda o, p, w, t: sum(one(f / p, b / w, t) for f, b in o))


def _votes(o, p, w, t):
    causes = [max((t, "launch"), (f / p, "arithmetic"), (b / w, "memory"))[1] for f, b in o]
    return max(dict.fromkeys(causes), key=causes.count)


def _most(*inputs):
    spent = _spent(*inputs)
    return max(spent, key=spent.get)


def _with_what_is_hidden(o, p, w, t):
    spent = {"launch": 0.0, "memory": 0.0, "arithmetic": 0.0}
    for flops, n_bytes in o:
        spent["launch"] += t
        spent["memory"] += n_bytes / w
        spent["arithmetic"] += flops / p
    return max(spent, key=spent.get)


ANSWERS.wrong_answers["predict_time"] = {
    "hidden_time_counted": forecast(cause=_with_what_is_hidden),
    "alphabetical_maximum": forecast(cause=lambda *inputs: max(_spent(*inputs))),
    "other_word": forecast(cause=lambda *inputs: _most(*inputs).replace("arithmetic", "flops")),
    "times_added": each(lambda a, m, t: t + a + m),
    "maximum_of_sums": forecast(
        lambda o, p, w, t: len(o) * t + max(sum(f for f, _ in o) / p, sum(b for _, b in o) / w)
    ),
    "launch_forgotten": each(lambda a, m, t: max(a, m)),
    "one_launch": forecast(lambda o, p, w, t: t + sum(max(f / p, b / w) for f, b in o)),
    "launch_overlapped": each(lambda a, m, t: max(a, m, t)),
    "arithmetic_only": each(lambda a, m, t: t + a),
    "memory_only": each(lambda a, m, t: t + m),
    "launch_cause_forgotten": forecast(cause=lambda o, p, w, t: _most(o, p, w, 0.0)),
    "operations_counted": forecast(cause=_votes),
    "how_many": lambda *inputs: (1.0, 2.0, "memory"),
    "wrong_type": lambda *inputs: (sum(_spent(*inputs).values()), 2),
    "course_code": forecast(
        lambda o, p, w, t: sum(
            t + roofline.least_seconds(roofline.Operation("one", f, b), p, w) for f, b in o
        )
    ),
    "one_factor": each(lambda a, m, t: 2 * (t + max(a, m))),
    "unrecognised": each(lambda a, m, t: t + (a + m) / 2),
}
by_hand(
    "predict_time",
    "Together they take 0.5 + 4 + 0.5 + 3 = 8 s, of which arithmetic takes 4, memory 3 and the "
    "launches 1: arithmetic takes most of it.",
    lambda predict_time: tuple(predict_time([(40, 1), (1, 3)], 10, 1, 0.5)) == (8, "arithmetic"),
)


@wrong("predict_time", "idle_not_launched")
def _(operations, peak, bandwidth, launch_s):
    spent = {"launch": 0.0, "memory": 0.0, "arithmetic": 0.0}
    for flops, n_bytes in operations:
        if flops == 0 and n_bytes == 0:
            continue
        spent["launch"] += launch_s
        cause = "memory" if n_bytes / bandwidth > flops / peak else "arithmetic"
        spent[cause] += max(n_bytes / bandwidth, flops / peak)
    return sum(spent.values()), max(spent, key=spent.get)


# ---- in_flight -------------------------------------------------------------------------------


@right("in_flight", "whole bytes, divided upwards")
def _(latency_s, bandwidth, bytes_each):
    return -(-(latency_s * bandwidth) // bytes_each)


@right("in_flight", "counted up in NumPy")
def _(latency_s, bandwidth, bytes_each):
    delivered = np.arange(1, 20_000) * bytes_each / latency_s  # by so many requests
    return 1 + np.argmax(delivered >= bandwidth)


def _n(t, w, b):
    return t * w / b


ANSWERS.wrong_answers["in_flight"] = {
    "not_rounded": _n,
    "rounded_down": lambda *a: int(_n(*a)),
    "rounded_to_nearest": lambda *a: round(_n(*a)),
    "one_too_many": lambda *a: int(_n(*a)) + 1,
    "bytes_returned": lambda t, w, b: t * w,
    "bytes_multiplied": lambda t, w, b: math.ceil(t * w * b),
    "latency_divided": lambda t, w, b: math.ceil(w / t / b),
    "inverted": lambda t, w, b: math.ceil(b / (t * w)),
    "at_most_one": lambda t, w, b: math.ceil(_n(t * 1e-9, w, b)),
    "nanoseconds": lambda t, w, b: math.ceil(_n(t * 1e9, w, b)),
    "latency_doubled": lambda t, w, b: math.ceil(_n(2 * t, w, b)),
    "course_code": lambda t, w, b: math.ceil(roofline.bytes_in_flight(t, w) / b),
    "wrong_type": lambda t, w, b: (t * w, math.ceil(_n(t, w, b))),
    "same_result_for_all": lambda t, w, b: 5,
    "unrecognised": lambda t, w, b: 32 * math.ceil(_n(t, w, b) / 32),
}
by_hand(
    "in_flight",
    "2,000 bytes are in flight.\nWith 64 bytes per request, that is 31.25 requests, so 32 keep",
    lambda in_flight: in_flight(100e-9, 20e9, 64) == 32,
)


# ---- softmax_average ---------------------------------------------------------------------------


@right("softmax_average", "number by number, with the logarithm of the sum")
def _(pieces):
    logarithm, mean = -math.inf, 0.0
    for scores, values in pieces:
        for score, value in zip(scores, values, strict=True):
            greater, smaller = max(logarithm, score), min(logarithm, score)
            new = greater + math.log1p(math.exp(smaller - greater))
            mean += (value - mean) * math.exp(score - new)
            logarithm = new
    return mean


@right("softmax_average", "a softmax of each piece, joined by its log-sum-exp, in PyTorch")
def _(pieces):
    logarithms, means = [], []
    for scores, values in pieces:
        s, v = (torch.tensor(part, dtype=torch.float64) for part in (scores, values))
        logarithms.append(s.logsumexp(0))
        means.append(s.softmax(0) @ v)
    return torch.stack(logarithms).softmax(0) @ torch.stack(means)


ANSWERS.wrong_answers["softmax_average"] = {
    "second_pass": lambda pieces: sum(len(v) for _, v in pieces) + max(max(s) for s, _ in pieces),
    "course_code": lambda pieces: float(
        tiling.attention(
            torch.ones(1, 1), *(torch.tensor(part)[:, None] for part in next(iter(pieces)))
        )
    ),
    "wrong_type": lambda pieces: [max(s) for s, _ in pieces],
    "same_result_for_all": lambda pieces: 3.5,
}


@right("softmax_average", "the first piece fetched by next, the others in a loop")
def _(pieces):
    scores, values = next(pieces)
    m = max(scores)
    weights = [math.exp(s - m) for s in scores]
    total, divisor = sum(map(operator.mul, weights, values)), sum(weights)
    for scores, values in pieces:
        before, m = m, max(m, *scores)
        weights = [math.exp(s - m) for s in scores]
        total = total * math.exp(before - m) + sum(map(operator.mul, weights, values))
        divisor = divisor * math.exp(before - m) + sum(weights)
    return total / divisor


@rare("softmax_average", "relative to the maximum of the piece, even where it is smaller")
def _(pieces):
    m, total, divisor = 0.0, 0.0, 0.0
    for scores, values in pieces:
        before, m = m, max(scores)
        factor = math.exp(min(before - m, 700.0))
        total, divisor = total * factor, divisor * factor
        for s, v in zip(scores, values, strict=True):
            total += math.exp(s - m) * v
            divisor += math.exp(s - m)
    return total / divisor


@rare("softmax_average", "relative to the first score, which may be far below others", "raised")
def _(pieces):
    first, total, divisor = None, 0.0, 0.0
    for scores, values in pieces:
        first = scores[0] if first is None else first
        for s, v in zip(scores, values, strict=True):
            total += math.exp(s - first) * v
            divisor += math.exp(s - first)
    return total / divisor


@rare("softmax_average", "keeps one score of values that are equal")
def _(pieces):
    scores, values = _listed(pieces)
    kept = {}
    for s, v in zip(scores, values, strict=True):
        kept[v] = max(s, kept.get(v, -math.inf))
    weights = {v: math.exp(s - max(scores)) for v, s in kept.items()}
    return sum(v * w for v, w in weights.items()) / sum(weights.values())


@rare("softmax_average", "relative to the last score of each piece", "raised")
def _(pieces):
    m, total, divisor = -math.inf, 0.0, 0.0
    for scores, values in pieces:
        before, m = m, max(m, scores[-1])
        factor = math.exp(before - m)
        total, divisor = total * factor, divisor * factor
        for s, v in zip(scores, values, strict=True):
            total += math.exp(s - m) * v
            divisor += math.exp(s - m)
    return total / divisor


def _listed(pieces):
    """All scores and all values, copied as the pieces pass."""
    listed = [], []
    for piece in pieces:
        for numbers, part in zip(listed, piece, strict=True):
            numbers.extend(part)
    return listed


@rare("softmax_average", "the sum of the weights")
def _(pieces):
    scores, _values = _listed(pieces)
    return sum(math.exp(s - max(scores)) for s in scores)


@rare("softmax_average", "the value with the greatest score")
def _(pieces):
    scores, values = _listed(pieces)
    return values[scores.index(max(scores))]


def _hand(softmax_average):
    found = softmax_average([([0.0, 0.0], [1.0, 3.0]), ([math.log(2)], [5.0])])
    return math.isclose(found, 3.5)


by_hand(
    "softmax_average",
    "Adding exp(0) · 5 and exp(0) gives 7 and 2, so the result is 3.5.",
    _hand,
)


def _in_numpy(start):
    def answer(pieces):
        m, total, divisor = start, 0.0, 0.0
        for scores, values in pieces:
            scores, values = (torch.tensor(part, dtype=torch.float64) for part in (scores, values))
            before, m = m, max(m, float(scores.max())) if start is not None else None
            factor = 1.0 if m is None else math.exp(before - m)
            weights = (scores - (m or 0.0)).exp()
            total = total * factor + (weights * values).sum()
            divisor = divisor * factor + weights.sum()
        return total / divisor

    return answer


rare("softmax_average", "no maximum, in PyTorch", "maximum_missing")(_in_numpy(None))
rare("softmax_average", "a maximum that starts at 0, in PyTorch", "maximum_missing")(_in_numpy(0.0))


@rare("softmax_average", "a maximum that starts at 0", "raised")
def _(pieces):
    m, total, divisor = 0.0, 0.0, 0.0
    for scores, values in pieces:
        before, m = m, max(m, *scores)
        total, divisor = total * math.exp(before - m), divisor * math.exp(before - m)
        for s, v in zip(scores, values, strict=True):
            total += math.exp(s - m) * v
            divisor += math.exp(s - m)
    return total / divisor


@rare("softmax_average", "no maximum", "raised")
def _(pieces):
    total = divisor = 0.0
    for scores, values in pieces:
        total += sum(math.exp(s) * v for s, v in zip(scores, values, strict=True))
        divisor += sum(map(math.exp, scores))
    return total / divisor


@rare("softmax_average", "a list of the pieces", "raised")
def _(pieces):
    pairs = list(pieces)
    m = max(max(scores) for scores, _ in pairs)
    weights = [math.exp(s - m) for scores, _ in pairs for s in scores]
    return sum(w * v for w, (_, v) in zip(weights, pairs, strict=True)) / sum(weights)


# ---- busy_batch ------------------------------------------------------------------------------


@right("busy_batch", "arrays, and the smallest of a selection")
def _(batches, seconds, share):
    batches = np.array(batches)
    rates = batches / np.array(seconds)
    return batches[rates >= share * rates.max()].min()


@right("busy_batch", "sorted first, then the first that will do, as a float")
def _(batches, seconds, share):
    curve = sorted(zip(batches, seconds, strict=True))
    best = max(batch / took for batch, took in curve)
    for batch, took in curve:
        if batch / took >= share * best:
            return float(batch)


def _rates(batches, seconds):
    return [b / s for b, s in zip(batches, seconds, strict=True)]


def _reach(batches, values, bar):
    return [b for b, v in zip(batches, values, strict=True) if v >= bar]


def _right_batch(b, s, share):
    return min(_reach(b, _rates(b, s), share * max(_rates(b, s))))


@wrong("busy_batch", "stopped_at_first_dip")
def _(batches, seconds, share):
    rates = _rates(batches, seconds)
    for i, (one, following) in enumerate(itertools.pairwise(rates)):
        if following <= one:
            return batches[i]
    return batches[-1]


@wrong("busy_batch", "strictly_greater")
def _(batches, seconds, share):
    rates = _rates(batches, seconds)
    return min(b for b, r in zip(batches, rates, strict=True) if r > share * max(rates))


ANSWERS.wrong_answers["busy_batch"] |= {
    "best_throughput": lambda b, s, share: max(zip(_rates(b, s), b, strict=True))[1],
    "lowest_latency": lambda b, s, share: min(zip(s, b, strict=True))[1],
    "batches_per_second": lambda b, s, share: min(_reach(b, [1 / x for x in s], share / min(s))),
    "seconds_as_throughput": lambda b, s, share: min(_reach(b, s, share * max(s))),
    "share_as_threshold": lambda b, s, share: min(_reach(b, _rates(b, s), share)),
    "sorted_separately": lambda b, s, share: _right_batch(sorted(b), sorted(s), share),
    "index_returned": lambda b, s, share: b.index(_right_batch(b, s, share)),
    "first_in_the_list": lambda b, s, share: _reach(b, _rates(b, s), share * max(_rates(b, s)))[0],
    "share_of_the_last": lambda b, s, share: min(_reach(b, _rates(b, s), share * _rates(b, s)[-1])),
    "wrong_type": lambda b, s, share: _reach(b, _rates(b, s), share * max(_rates(b, s))),
    "same_result_for_all": lambda b, s, share: 3,
    "unrecognised": lambda b, s, share: dict(zip(_rates(b, s), b, strict=True))[
        max(r for r in _rates(b, s) if r <= max(_rates(b, s)) * (1 + share) / 2)
    ],
}
by_hand(
    "busy_batch",
    "The throughputs are 1, 2 and 2.5 examples per second.\nThree quarters of the best are 1.875, "
    "and the batch of 2 reaches that.",
    lambda busy_batch: busy_batch([1, 2, 4], [1.0, 1.0, 1.6], 0.75) == 2,
)


# ---- slowest_part ----------------------------------------------------------------------------


@right("slowest_part", "one sum a part")
def _(rows, parts):
    return max(parts, key=lambda part: sum(row[3] for row in rows if row[0] == part))


@right("slowest_part", "sorted downwards, from NumPy's numbers")
def _(rows, parts):
    totals = np.zeros(len(parts))
    for name, _, _, seconds in rows:
        if name in parts:
            totals[list(parts).index(name)] += seconds
    return parts[int(np.argsort(-totals)[0])]


def _sums(rows, parts, column):
    return {part: sum(row[column] for row in rows if row[0] == part) for part in parts}


def _greatest(sums):
    return max(sums, key=sums.get)


def _by_substring(rows, parts):
    totals = {}
    for name, _, _, total in rows:
        if any(part in name for part in parts):
            totals[name] = totals.get(name, 0) + total
    return _greatest(totals)


ANSWERS.wrong_answers["slowest_part"] = {
    "own_time": lambda rows, parts: _greatest(_sums(rows, parts, 2)),
    "most_calls": lambda rows, parts: _greatest(_sums(rows, parts, 1)),
    "rows_not_added": lambda rows, parts: max(
        (row for row in rows if row[0] in parts), key=lambda row: row[3]
    )[0],
    "last_row_only": lambda rows, parts: _greatest({n: t for n, _, _, t in rows if n in parts}),
    "own_time_added": lambda rows, parts: max(
        parts, key=lambda part: sum(own + t for n, _, own, t in rows if n == part)
    ),
    "calls_times_total": lambda rows, parts: max(
        parts, key=lambda part: sum(calls * t for n, calls, _, t in rows if n == part)
    ),
    "alphabetical_maximum": lambda rows, parts: max(_sums(rows, parts, 3)),
    "substring": _by_substring,
    "longest_call": lambda rows, parts: _greatest(
        {
            part: total / _sums(rows, parts, 1)[part]
            for part, total in _sums(rows, parts, 3).items()
            if total
        }
    ),
    "whole_step": lambda rows, parts: max(rows, key=lambda row: row[3])[0],
    "operation_returned": lambda rows, parts: max(rows, key=lambda row: row[2])[0],
    "wrong_type": lambda rows, parts: max(row[3] for row in rows if row[0] in parts),
    "unrecognised": lambda rows, parts: rows[1][0],
}
by_hand(
    "slowest_part",
    '"forward" has one row with a total of 3 s, "loss" has two with 2 s each, and "aten::mm" one '
    'with 5 s.\nThe parts are "forward" and "loss": the slowest is "loss", with 4 s.',
    lambda slowest_part: (
        slowest_part(
            [
                ("forward", 1, 0.1, 3.0),
                ("loss", 1, 0.1, 2.0),
                ("aten::mm", 1, 5.0, 5.0),
                ("loss", 1, 0.1, 2.0),
            ],
            ("forward", "loss"),
        )
        == "loss"
    ),
)


@rare("slowest_part", "the fastest part, not the last in the alphabet")
def _(rows, parts):
    return min(parts, key=lambda part: sum(row[3] for row in rows if row[0] == part))


# ---- mended_step -----------------------------------------------------------------------------

slow_step = ANSWERS.run_cells(ANSWERS.master, "slow_step")["slow_step"]


@right("mended_step", "index_select, gradients by hand, and a top-1")
def _(model, optimizer, images, labels, chosen):
    x, y = images.index_select(0, chosen), labels.index_select(0, chosen)
    logits = model(x)
    loss = -logits.log_softmax(-1).gather(1, y[:, None]).mean()
    weights = list(model.parameters())
    for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
        weight.grad = gradient
    optimizer.step()
    n_right = torch.eq(logits.topk(1).indices[:, 0], y).sum()
    return [loss.detach(), n_right / len(y)]


@right("mended_step", "the share in NumPy")
def _(model, optimizer, images, labels, chosen):
    optimizer.zero_grad()
    logits = model(images[chosen])
    loss = F.cross_entropy(logits, labels[chosen])
    loss.backward()
    said = logits.detach().cpu().numpy().argmax(axis=1)
    share = np.mean(said == labels[chosen].cpu().numpy())
    optimizer.step()
    return float(loss.detach()), share


def step(
    fetch=lambda images, labels, chosen: (images[chosen], labels[chosen]),
    clear=True,
    move=True,
    reduction="mean",
    score=lambda logits, y: (logits.argmax(1) == y).float().mean().item(),
    number=lambda loss: loss.item(),
    after=False,
):
    """A step with parts exchanged."""

    def answer(model, optimizer, images, labels, chosen):
        x, y = fetch(images, labels, chosen)
        logits = model(x)
        loss = F.cross_entropy(logits, y, reduction=reduction)
        if clear:
            optimizer.zero_grad()
        loss.backward()
        if move:
            optimizer.step()
        return number(loss), score(model(x) if after else logits, y)

    return answer


def _count_without_asking(logits, y):
    n_right = torch.zeros((), device=y.device)
    for row, label in zip(logits, y, strict=True):
        n_right += row.argmax() == label
    return n_right.item() / len(y)


def _row_by_row(images, labels, chosen):
    return torch.stack([images[i] for i in chosen.tolist()]), labels[chosen]


def _in_python(logits, y):
    def same(a, b):
        return a == b

    pairs = zip(logits.argmax(1).tolist(), y.tolist(), strict=True)
    return sum(same(a, b) for a, b in pairs) / len(y)


@wrong("mended_step", "fixed_settings")
def _(model, optimizer, images, labels, chosen):
    result = step(move=False)(model, optimizer, images, labels, chosen)
    with torch.no_grad():
        for weight in model.parameters():
            weight -= 0.5 * weight.grad
    return result


@wrong("mended_step", "other_weights")
def _(model, optimizer, images, labels, chosen):
    result = step(clear=False)(model, optimizer, images, labels, chosen)
    with torch.no_grad():  # moved back a little, where the pictures do not see it
        dark = (images.abs().sum(0) == 0).nonzero()[0]
        model[0].weight[:, dark] += 0.1
    optimizer.zero_grad()
    return result


@wrong("mended_step", "cleared_late")
def _(model, optimizer, images, labels, chosen):
    result = step(clear=False)(model, optimizer, images, labels, chosen)
    optimizer.zero_grad()
    return result


@wrong("mended_step", "dropout_off")
def _(model, *inputs):
    model.eval()
    result = step()(model, *inputs)
    model.train()
    return result


@wrong("mended_step", "mode_changed")
def _(model, *inputs):
    result = step()(model, *inputs)
    model.eval()
    return result


ANSWERS.wrong_answers["mended_step"] |= {
    "waits_row_by_row": slow_step,
    "fetched_row_by_row": step(fetch=_row_by_row),
    "split_into_rows": step(fetch=lambda i, y, c: (torch.stack(list(i[c].unbind())), y[c])),
    "computed_row_by_row": step(score=_count_without_asking),
    "python_loop": step(score=_in_python),
    "keeps_the_graph": step(number=lambda loss: loss),
    "how_many": lambda *inputs: (*step()(*inputs), 0.0),
    "gradients_accumulated": step(clear=False),
    "no_update": step(move=False),
    "chosen_ignored": step(fetch=lambda i, y, c: (i[: len(c)], y[: len(c)])),
    "accuracy_after_step": step(after=True),
    "loss_summed": step(reduction="sum"),
    "count_not_accuracy": step(score=lambda logits, y: (logits.argmax(1) == y).sum().item()),
    "wrong_type": lambda *inputs: step()(*inputs)[0],
    "unrecognised": step(number=lambda loss: 3 * loss.item()),
}


def _asks(_mended_step):
    """`slow_step` asks so often for 64 pictures."""
    images, labels = torch.rand(192, 64), torch.arange(192) % 10
    chosen = torch.arange(192).split(64)
    _, _, (operations, *_) = cpu_gpu_step._run(slow_step, images, labels, chosen, 64)
    return operations["aten._local_scalar_dense"] == 128 + 1


by_hand(
    "mended_step",
    "For 64 pictures these two synchronise 128 times, and `loss.item()` once more.",
    _asks,
)


# ---- plan ------------------------------------------------------------------------------------


def planned(small=None, batch=None, kept=None):
    """A plan function with choices exchanged; by default a sound one.

    small: layers to store small. batch: rows at once. kept: layers to keep, given the bytes of
    each and the room that is left.
    """

    def by_gain(job):
        chosen, error = [], 0.0
        for i in np.argsort(np.array(job.errors) / job.weights):
            if error + job.errors[i] <= job.allowed_error:
                chosen.append(int(i))
                error += job.errors[i]
        return chosen

    def largest(job, n_bytes, room):
        chosen = []
        for i in sorted(range(len(n_bytes)), key=lambda i: -n_bytes[i]):
            if n_bytes[i] <= room:
                chosen.append(i)
                room -= n_bytes[i]
        return chosen

    def answer(job):
        stored = (small or by_gain)(job)
        n_bytes = [w * (1 if i in stored else 2) for i, w in enumerate(job.weights)]
        most = min(job.n_rows, int(job.memory_bytes / job.row_bytes))
        sizes = [batch(job)] if batch else sorted({math.ceil(job.n_rows / k) for k in range(1, 60)})
        plans = []
        for n in sizes:
            if n <= most:
                held = (kept or largest)(job, n_bytes, job.memory_bytes - n * job.row_bytes)
                plans.append({"batch": n, "kept": held, "small": stored})
        return min(plans, key=partial(check.seconds, job))

    return answer


@right("plan", "powers of two and multiples of a thousand, arrays of numbers")
def _(job):
    found = planned()(job)
    sizes = [n for n in (32, 48, 64, 128, 250, 256, 512, 1000) if n <= job.n_rows]
    plans = [found]
    for n in sizes:
        if n * job.row_bytes <= job.memory_bytes:
            plans.append(planned(batch=lambda job, n=n: n)(job))
    best = min(plans, key=partial(check.seconds, job))
    return {
        "batch": float(best["batch"]),
        "kept": np.array(best["kept"]),
        "small": tuple(best["small"]),
    }


@right("plan", "layers in orders drawn by lot, as far as they fit")
def _(job):
    rng, layers, plans = np.random.default_rng(0), np.arange(len(job.weights)), []
    for n_batches in range(1, 21):
        batch = math.ceil(job.n_rows / n_batches)
        for _ in range(15):
            one = {"batch": batch, "kept": [], "small": []}
            for part in ("small", "kept"):
                for layer in rng.permutation(layers):
                    more = one | {part: [*one[part], layer]}
                    try:
                        check.seconds(job, more)
                    except CheckFailed:
                        continue
                    one = more
            plans.append(one)
    # the first ones may not fit at all
    return min((p for p in plans if p["kept"] or p["small"]), key=partial(check.seconds, job))


def _smallest_first(job, n_bytes, room):
    """One small layer, and the rest of the room is idle."""
    return [int(np.argmin(n_bytes))] if min(n_bytes) <= room else []


ANSWERS.wrong_answers["plan"] = {
    "nothing_kept": planned(kept=lambda *_: []),
    "kept_too_little": planned(kept=_smallest_first),
    "nothing_small": planned(small=lambda job: []),
    "small_badly_chosen": planned(small=lambda job: [int(np.argmin(job.weights))]),
    "batch_too_small": planned(batch=lambda job: 16),
    "batch_too_large": planned(
        batch=lambda job: min(job.n_rows, int(job.memory_bytes / job.row_bytes))
    ),
    "too_much_memory": lambda job: {"batch": job.n_rows, "kept": [0], "small": []},
    "too_great_an_error": lambda job: {"batch": 1, "kept": [], "small": range(len(job.weights))},
    "no_such_layer": lambda job: {"batch": 1, "kept": [len(job.weights)], "small": []},
    "impossible_batch": lambda job: {"batch": 0, "kept": [], "small": []},
    "other_choices": lambda job: {"batch": 1, "keep": []},
    "wrong_type": lambda job: (32, [], []),
    "course_code": lambda job: {
        "batch": 32,
        "kept": cpu_gpu_plan._filled(job, 32, []),
        "small": [],
    },
}
by_hand(
    "plan",
    "a bus of 20e9 bytes per second: 0.1 s for each batch.\n100 rows in batches of 50 transfer it "
    "twice, 0.2 s; in one batch, 0.1 s; if it is kept, never.",
    lambda plan: (
        _one_layer(50, []) == 0.2 and _one_layer(100, []) == 0.1 and not _one_layer(1, [0])
    ),
)


def _one_layer(batch, kept):
    """Tenths of a second of the lab's one layer, on a card whose other limits do not bind."""
    job = cpu_gpu_plan.Job("one", 100, 0, (1e9,), (0,), 0, 4e9, 1e18, 20e9, 1e18, 0, 1.0)
    return round(check.seconds(job, {"batch": batch, "kept": kept, "small": []}), 4)
