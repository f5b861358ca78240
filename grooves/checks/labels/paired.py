"""Check of lab 03: the interval of paired differences (chapter 03).

Key idea: in the check's accuracies the luck of a draw is larger than the difference of the two
methods, and it is shared by both. So an interval that forgets the pairs is far too wide, and the
numbers of draws are small enough that every wrong factor shows.
Letters: n draws, a and b the accuracies of two methods in percent.
"""

from __future__ import annotations

import statistics
from copy import deepcopy

import numpy as np
from scipy.stats import t as student_t

from grooves.checks import CheckFailed, check, compare
from grooves.checks.arrays import by_hand, compare_parts
from grooves.checks.compare import Mistake, shape_of
from grooves.checks.labels.rules import LAB, PAIR, SHOULD, as_pair

PARTS = "the mean difference", "the lower end", "the upper end"
MOST = 99  # degrees of freedom in the table
MOST_SHOWN = 8  # accuracies that a message shows one by one
T_95 = {df: float(student_t.ppf(0.975, df)) for df in range(1, MOST + 1)}
FINISHED = ("ttest_rel", "ttest_1samp", "ttest_ind", "bootstrap")  # SciPy's own intervals


def _around(middle, half):
    return middle, middle - half, middle + half


def _error(values, ddof: int = 1):
    """The standard error of a mean."""
    return values.std(ddof=ddof) / np.sqrt(len(values))


def _interval(d, t_95):
    return _around(d.mean(), t_95[len(d) - 1] * _error(d))


PAIRED_MISTAKES = (
    *(
        Mistake(
            "unpaired",
            lambda a, b, t_95, df=df: _around(
                (b - a).mean(), t_95[df(len(a))] * np.hypot(_error(a), _error(b))
            ),
            "you add the variances of the two methods, as if their draws were independent. Both "
            "had the same draws: take the standard deviation of the differences.",
        )
        for df in (lambda n: n - 1, lambda n: 2 * n - 2)
    ),
    *(
        Mistake(
            "unpaired",
            lambda a, b, t_95, of=of, ddof=ddof: _around(
                (b - a).mean(), t_95[len(a) - 1] * of(a, b, ddof) / np.sqrt(len(a))
            ),
            says + " Take the standard deviation of the differences, (b - a).std(ddof=1).",
        )
        for of, says in (
            (
                lambda a, b, ddof: b.std(ddof=ddof) - a.std(ddof=ddof),
                "you subtract one standard deviation from the other. The standard deviation of a "
                "difference is not the difference of two standard deviations.",
            ),
            (
                lambda a, b, ddof: a.std(ddof=ddof),
                "s is the standard deviation of A's accuracies alone.",
            ),
            (
                lambda a, b, ddof: b.std(ddof=ddof),
                "s is the standard deviation of B's accuracies alone.",
            ),
        )
        for ddof in (1, 0)
    ),
    Mistake(
        "half_widths_added",
        lambda a, b, t_95: _around((b - a).mean(), t_95[len(a) - 1] * (_error(a) + _error(b))),
        "you compare the ends of two intervals, one for each method. Methods whose intervals "
        "overlap can still differ in every draw: make one interval, of the differences.",
    ),
    Mistake(
        "population_deviation",
        lambda a, b, t_95: _around((b - a).mean(), t_95[len(a) - 1] * _error(b - a, ddof=0)),
        "the standard deviation is divided by n, NumPy's default. From a sample it is divided by "
        "n - 1: ddof=1.",
    ),
    Mistake(
        "population_deviation",
        lambda a, b, t_95: _around(
            (b - a).mean(), t_95[len(a) - 1] * (b - a).std(ddof=1) / np.sqrt(len(a) - 1)
        ),
        "n - 1 is in your standard error twice, in the standard deviation and below it. The "
        "standard deviation with ddof=1 is divided by the square root of n.",
    ),
    Mistake(
        "deviation_for_error",
        lambda a, b, t_95: _around((b - a).mean(), t_95[len(a) - 1] * (b - a).std(ddof=1)),
        "the interval is as wide as the differences vary from draw to draw. The mean of n draws "
        "varies less: divide the standard deviation by the square root of n.",
    ),
    *(
        Mistake(
            "deviation_for_error",
            lambda a, b, t_95, ddof=ddof, below=below: _around(
                (b - a).mean(), t_95[len(a) - 1] * (b - a).var(ddof=ddof) / below(len(a))
            ),
            "you use the variance of the differences. The standard error is their standard "
            "deviation, the square root of the variance, divided by the square root of n.",
        )
        for ddof in (1, 0)
        for below in (np.sqrt, float)
    ),
    Mistake(
        "divided_by_n",
        lambda a, b, t_95: _around((b - a).mean(), t_95[len(a) - 1] * (b - a).std(ddof=1) / len(a)),
        "the standard deviation is divided by n. The standard error of a mean has the square root "
        "of n below it.",
    ),
    *(
        Mistake(
            "degrees_of_freedom",
            lambda a, b, t_95, df=df: _around((b - a).mean(), t_95[df(len(a))] * _error(b - a)),
            "t is read in the wrong row of the table. The n differences have n - 1 degrees of "
            "freedom.",
        )
        for df in (lambda n: n, lambda n: 2 * n - 2)
    ),
    *(
        Mistake(
            "degrees_of_freedom",
            lambda a, b, t_95, t=t: _around((b - a).mean(), t * _error(b - a)),
            "t is that of the example, 4.303, whatever n is. It belongs to 2 degrees of freedom: "
            "read t_95[n - 1], with n the number of draws that your function is given.",
        )
        for t in (4.303, T_95[2])
    ),
    *(
        Mistake(
            "normal_quantile",
            lambda a, b, t_95, z=z: _around((b - a).mean(), z * _error(b - a)),
            f"you multiply the standard error by {z}, which the normal distribution gives. A "
            "standard deviation from few draws is uncertain itself, so Student's t is larger: read "
            "it from the table.",
        )
        for z in (1.96, 2)
    ),
    Mistake(
        "no_t",
        lambda a, b, t_95: _around((b - a).mean(), _error(b - a)),
        "you go one standard error to either side, which covers about two thirds of cases. "
        "Multiply it by t.",
    ),
    Mistake(
        "absolute_differences",
        lambda a, b, t_95: _interval(abs(b - a), t_95),
        "you take the size of each difference without its sign, so the draws in which B is worse "
        "count for B. Keep the sign.",
    ),
    Mistake(
        "sign_swapped",
        lambda a, b, t_95: _interval(a - b, t_95),
        "you subtract B from A. The result should be positive where B is better: b - a.",
    ),
    Mistake(
        "not_centred",
        lambda a, b, t_95: ((b - a).mean(), *_interval(b - a - (b - a).mean(), t_95)[1:]),
        "the ends lie on either side of 0. They should lie on either side of the mean difference.",
    ),
    *(
        Mistake(
            "order",
            lambda a, b, t_95, order=order: [_interval(b - a, t_95)[i] for i in order],
            "the three numbers are right, and their order is not: the mean difference comes "
            "first, then the lower end, then the upper end.",
        )
        for order in ((1, 0, 2), (0, 2, 1), (1, 2, 0))
    ),
)


@check(lab=LAB, exercise="paired_interval", returns=PAIR)
def paired_interval(answer):
    """paired_interval(a, b, t_95) -> mean of b - a, lower end, upper end; a, b: (n,)."""
    ways = {0: by_hand(answer), 1: lambda *inputs: _by_steps(answer, *inputs)}
    cases = [
        _accuracies(110, 5, 2.0),
        _accuracies(111, 8, -1.0),
        _accuracies(112, 5, 0.3),
        ([80, 78, 90], [81, 82, 91]),  # integers
        _accuracies(113, 2, 4.0),
        _accuracies(114, 30, -0.2),
        _accuracies(115, 47, 0.6),
        ([61.5, 75.25, 58.0, 93.5], [62.5, 76.25, 59.0, 94.5]),  # the same in every draw
    ]
    results = []
    for i, (a, b) in enumerate(cases):
        inputs = np.array(a), np.array(b), dict(T_95)
        results.append((inputs, _three(ways.get(i, answer), inputs)))
    # the means first: an interval around a wrong mean is wrong too, whatever its width
    means_right = [_judge(got, inputs, PARTS[:1]) for inputs, got in results]
    if all(means_right):
        for inputs, got in results:
            _judge(got, inputs, PARTS[1:])
    return (
        "Part of a draw's luck is shared by both methods and cancels in the differences, most of "
        "it where labels are few."
    )


def _three(call, inputs) -> list[np.ndarray]:
    """The three numbers that an answer returns, each without axes if it is one number."""
    try:
        with np.errstate(all="ignore"):
            got = as_pair(call)(*deepcopy(inputs))
    except (KeyError, TypeError) as error:
        if _misreads_the_table(error):
            raise CheckFailed(
                f"{type(error).__name__}: {error}. t_95 is a dictionary, so it is read with square "
                "brackets, and its keys are integers: t_95[n - 1].",
                hint="table_misread",
            ) from None
        raise
    if not isinstance(got, (tuple, list)) or len(got) != len(PARTS):
        said = len(got) if isinstance(got, (tuple, list)) else "something else"
        raise CheckFailed(
            f"expected {len(PARTS)} results: {', '.join(PARTS)}. Your function returned {said}.",
            hint="how_many",
        )
    return [np.array(part) for part in got]


def _misreads_the_table(error: Exception) -> bool:
    if isinstance(error, KeyError):
        return not (error.args and error.args[0] in range(1, MOST + 1))
    return "'dict' object is not callable" in str(error)


def _judge(got, inputs, parts) -> bool:
    """Compare some of the three numbers with the right ones; returns whether all of them are."""
    a, b, t_95 = inputs
    d = [float(y) - float(x) for x, y in zip(a, b, strict=True)]
    mean = statistics.fmean(d)
    half = t_95[len(d) - 1] * statistics.stdev(d) / len(d) ** 0.5
    expected = dict(zip(PARTS, (mean, mean - half, mean + half), strict=True))
    first = PARTS.index(parts[0])
    mistakes = [
        Mistake(m.name, lambda *inputs, m=m: m.compute(*inputs)[first:][: len(parts)], m.says)
        for m in PAIRED_MISTAKES
    ]
    given = f"accuracies of shape {shape_of(a)}"
    if a.size + b.size <= MOST_SHOWN:
        given = f"a = {a.tolist()} and b = {b.tolist()}"
    shown, right = got[first:][: len(parts)], {part: expected[part] for part in parts}
    compare_parts(shown, inputs, right, mistakes, given, SHOULD)
    return all(
        part.size == 1 and np.isclose(float(part.item()), each, 1e-4, 1e-4)
        for part, each in zip(shown, right.values(), strict=True)
    )


def _accuracies(seed: int, n: int, ahead: float) -> tuple[np.ndarray, np.ndarray]:
    """Accuracies of two methods in percent (n,), with one decimal, that share each draw's luck."""
    rng = np.random.default_rng(seed)
    luck = rng.normal(80, 6, n)
    a, b = luck + rng.normal(0, 1.5, n), luck + ahead + rng.normal(0, 2, n)
    return a.round(1), b.round(1)


def _by_steps(answer, *inputs):
    """What the answer returns, unless it calls a function of SciPy that solves the exercise."""

    def finished(module: str, code) -> str | None:
        own = module.startswith("scipy.stats") and code.co_name in FINISHED
        return code.co_name if own else None

    result, called = compare.watched(answer, inputs, finished)
    if called:
        raise CheckFailed(
            f"your code calls SciPy's {called[0]}, which does the whole exercise. Write it from "
            "the mean, the standard deviation and t.",
            hint="ready_made",
        )
    return result
