"""What a wire costs: alpha and beta, steps that are predicted, weights that are averaged.

Key idea: a model of the wire is fitted to some sizes and must predict others, and whole training
steps. Loopback is fast and noisy, the relay's wire slow and steady.
"""

from __future__ import annotations

import report

from grooves.hardware.many_devices import alpha_beta, averaging, hosts, wire_steps
from grooves.training.distributed import all_reduce_timing, launch

SIZES = tuple(2**k for k in range(10, 25, 2))  # 1 KiB to 16 MiB, on loopback
PLENTY, FEW = 4000, 60  # stories on each host to learn from
SLOW_SIZES = tuple(2**k for k in range(12, 21))  # 4 KiB to 1 MiB; every second one is held out


def fitted(rows: list[dict]) -> dict:
    """Alpha and beta from every second size, and the errors at the others."""
    rows = [{k: v for k, v in row.items() if k != "samples_s"} for row in rows]
    wire, predictions = alpha_beta.predict_held_out(
        [row["n_bytes"] for row in rows], [row["median_s"] for row in rows]
    )
    return {
        "alpha_s": wire.alpha_s,
        "beta_bytes_per_s": wire.beta_bytes_per_s,
        "half_bytes": wire.half_bytes,
        "typical_error": alpha_beta.typical_error(predictions),
        "worst_error": max(abs(row["error"]) for row in predictions if row["held_out"]),
        "sizes": [a | b for a, b in zip(rows, predictions, strict=True)],
    }


def steps_of(found: list[dict]) -> dict:
    """A wire's fit and its predicted steps, as `wire_steps.program` printed them."""
    wire, rows = wire_steps.predicted(found)
    for row in rows:
        row.pop("samples_s")
    alone = {row["model"]: row["step_s"] for row in found if row.get("way") == "alone"}
    return {
        "alpha_s": wire.alpha_s,
        "beta_bytes_per_s": wire.beta_bytes_per_s,
        "alone_s": alone,
        "steps": rows,
    }


def loopback(progress: report.Progress, quick: bool) -> dict:
    """Two processes on one host."""
    seconds, n = (0.05, 4) if quick else (0.3, 12)
    found = {
        kind: fitted(
            progress.get(
                f"loopback, {kind}",
                lambda k=kind: all_reduce_timing.measure_all_reduce(
                    SIZES, kinds=(k,), seconds=seconds
                ),
            )
        )
        for kind in ("all_reduce", "ring")
    }
    steps = progress.get("loopback, steps", lambda: launch.run(wire_steps.program(n, seconds)))
    return found | {"training": steps_of(steps)}


def slow_wire(progress: report.Progress, quick: bool) -> dict:
    """Two hosts, 2 ms and 100 Mbit/s apart."""
    if reason := hosts.why_not():
        return {"missing": reason}
    seconds, n = (0.1, 3) if quick else (0.4, 8)

    def sizes():
        with hosts.two_hosts() as pair:
            return pair.run(all_reduce_timing.program(SLOW_SIZES, seconds=seconds))[0]

    def steps():
        with hosts.two_hosts() as pair:
            return pair.run(wire_steps.program(n, seconds))[0]

    found = fitted(progress.get("slow wire, sizes", sizes))
    return {
        "wire": vars(hosts.Wire()),
        "all_reduce": found,
        "training": steps_of(progress.get("slow wire, steps", steps)),
    }


def averaged(progress: report.Progress, quick: bool) -> list[dict] | dict:
    """Equal time on the slow wire, several seeds, with plenty of stories on each host and with few.

    The control for few stories is a host that trains alone with as many as both have.
    """
    if reason := hosts.why_not():
        return {"missing": reason}
    seconds, seeds, stories = (1, (0,), 10) if quick else (3, (0, 1, 2), 60)
    rows = []
    for corpus, modes in (
        (PLENTY, ("alone", "every step", "every 16", "every 64")),
        (FEW, ("alone", "every step", "every 16")),
        (2 * FEW, ("alone",)),
    ):

        def run(corpus=corpus, modes=modes):
            with hosts.two_hosts() as pair:
                program = averaging.program(seconds, seeds, modes, stories=stories, corpus=corpus)
                return pair.run(program, 600)[0]

        found = progress.get(f"averaging, {corpus} stories per host", run)
        rows += [{"stories_per_host": corpus} | row for row in found]
    return rows
