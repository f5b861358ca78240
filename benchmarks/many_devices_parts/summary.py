"""The figures that a reader looks for first, one a row."""

from __future__ import annotations

from statistics import median


def table_of(found: dict) -> list[dict]:
    """One row per part: what it found, in a number or two."""
    rows = []
    for part, result in found.items():
        if isinstance(result, dict) and "missing" in result:
            rows.append({"part": part, "figure": "not measured", "value": None})
    for part in ("loopback", "slow_wire"):
        if "all_reduce" in found.get(part, {}):
            fit, training = found[part]["all_reduce"], found[part]["training"]
            errors = [abs(row["error"]) for row in training["steps"]]
            rows += [
                {"part": part, "figure": "alpha, ms", "value": fit["alpha_s"] * 1e3},
                {"part": part, "figure": "beta, Mbit/s", "value": fit["beta_bytes_per_s"] * 8e-6},
                {"part": part, "figure": "typical error", "value": fit["typical_error"]},
                {"part": part, "figure": "worst error of a step", "value": max(errors)},
            ]
    for row in found["scaling"][0]["strong"] if "scaling" in found else []:
        what = f"{row['stories']} stories: two processes over "
        for rival in ("one_thread", "two_threads", "two_workers"):
            figure = what + rival.replace("_", " ")
            rows.append({"part": "scaling", "figure": figure, "value": row[f"over_{rival}"]})
        figure = f"{row['stories']} stories: flat over tensor by tensor"
        rows.append({"part": "scaling", "figure": figure, "value": row["flat_over_naive"]})
    for row in found.get("requests", []):
        figure = f"width {row['width']}: one user by two"
        rows.append({"part": "requests", "figure": figure, "value": row["speedup"]})
    for where, kills in found.get("kill", {}).items():
        if where != "missing" and kills:
            same = sum(row["same"] for row in kills)
            slowest = max(row["recovery_s"] for row in kills)
            rows.append({"part": "kill", "figure": f"{where}, same end of {len(kills)}",
                         "value": same})  # fmt: skip
            rows.append({"part": "kill", "figure": f"{where}, slowest, s", "value": slowest})
    if isinstance(found.get("averaging"), list):
        kinds = {(row["stories_per_host"], row["mode"]): None for row in found["averaging"]}
        for stories, mode in kinds:
            gaps = [
                row["gap"]
                for row in found["averaging"]
                if (row["stories_per_host"], row["mode"]) == (stories, mode)
            ]
            figure = f"{stories} stories per host, {mode}: gap"
            rows.append({"part": "averaging", "figure": figure, "value": median(gaps)})
    if "host" in found:
        rows.append({"part": "host", "figure": "share of a step", "value": found["host"]["share"]})
    return rows
