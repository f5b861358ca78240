"""Pictures of many devices: measured beside predicted, and one bar per task of a pipeline."""

import numpy as np

from grooves.hardware.many_devices.alpha_beta import AlphaBeta
from grooves.plots import figures, many_devices_plots
from grooves.training.distributed.pipeline import timetable


def test_a_message_is_drawn_at_the_bandwidth_that_it_got(drawn):
    rows = [
        {"n_bytes": 1024, "measured_s": 1e-3, "held_out": False},
        {"n_bytes": 2**20, "measured_s": 0.1, "held_out": True},
    ]
    many_devices_plots.messages({"wire": (AlphaBeta(1e-3, 1e7), rows)}, "alt", "caption")
    line, *dots = drawn[0].axes[0].lines
    spots = np.array([dot.get_xydata()[0] for dot in dots])
    assert np.allclose(spots, [[1024, 8.192], [2**20, 83.88608]])
    assert [dot.get_markerfacecolor() == "none" for dot in dots] == [True, False]
    x, y = line.get_xydata()[-1]
    assert np.isclose(y, 8e-6 * x / (1e-3 + x / 1e7))


def test_every_task_of_a_pipeline_is_a_bar_in_its_slot(drawn):
    tables = {"all forward first": timetable("gpipe", 2, 3)}
    many_devices_plots.pipelines(tables, 2, "alt", "caption")
    found = set()
    for bar in drawn[0].axes[0].collections:
        box = bar.get_paths()[0].get_extents()
        blue = tuple(np.round(bar.get_facecolor()[0][:3], 2)) == (0.0, 0.45, 0.7)
        task = "forward" if blue else "backward"
        found.add((-round(box.y0 + box.height / 2), task, round(box.x1)))
    assert found == {(stage, task, slot) for (stage, task, _), slot in tables.popitem()[1].items()}
    assert many_devices_plots.FORWARD == figures.BLUE


def test_both_utilisations_of_a_run_stand_in_its_row(drawn):
    rows = [
        {"name": "small", "published": 0.3, "predicted": 0.5},
        {"name": "large", "published": 0.45, "predicted": 0.4},
    ]
    many_devices_plots.utilisations(rows, "alt", "caption")
    lines = {line.get_marker(): line.get_xydata().tolist() for line in drawn[0].axes[0].lines}
    assert lines["o"] == [[0.3, 0], [0.45, -1]] and lines["D"] == [[0.5, 0], [0.4, -1]]
