"""A chip without caches, its compiler and its simulator.

Read `chip` (units, latencies, what is published and what is assumed), `operations` (what a unit
does to a vector), `steps` (one step of generation as PyTorch), `places`, `lower` and `graph` (from
PyTorch's graph to operations), `planes` (which matrix lies where), `schedule` (which unit in which
cycle), `addresses` (where each vector lies), `simulate` (executing the instruction list),
`numbers` (fp16 and int8), `compiler` (all passes in a row), `arranged` and `shorter` (the same step
with a shorter critical path) and `split` (several chips). Chapter 14.
Beside the chip: `cached_machine` and `jitter` (latencies where something is decided at run time),
`product_rates`, `recurrent` (an LSTM), `systolic`, `fusion` (bytes and energy), `ceilings` (a model
of 70 billion weights) and `puzzle` (scheduling as a search).

    step = TransformerStep(lineage.base())      # LSTMStep(model), or shorter.STEPS[name](model)
    program = compile(step, Chip(), numbers="fp16")
    result = run(program, words)                # words (S, T) -> result.logits (S, T, V)
    assert set(result.cycles) == {program.cycles}
    rows = program.schedule.as_rows()           # unit, start, end, name, inputs
"""

from grooves.hardware.dataflow.addresses import allocate, lives
from grooves.hardware.dataflow.chip import ASSUMED, Chip
from grooves.hardware.dataflow.compiler import (
    Program,
    Result,
    TooLarge,
    calibrate,
    compile,
    finish,
    memory_bytes,
    run,
    sensitivity,
)
from grooves.hardware.dataflow.numbers import Numbers
from grooves.hardware.dataflow.operations import Operation, Tile
from grooves.hardware.dataflow.schedule import (
    Hazard,
    Schedule,
    check,
    critical_path,
    hazards,
    paths_to_end,
    schedule,
)
from grooves.hardware.dataflow.simulate import Instruction, Simulator, instructions
from grooves.hardware.dataflow.split import split
from grooves.hardware.dataflow.steps import LSTMStep, Step, TransformerStep

__all__ = [
    "ASSUMED",
    "Chip",
    "Hazard",
    "Instruction",
    "LSTMStep",
    "Numbers",
    "Operation",
    "Program",
    "Result",
    "Schedule",
    "Simulator",
    "Step",
    "Tile",
    "TooLarge",
    "TransformerStep",
    "allocate",
    "calibrate",
    "check",
    "compile",
    "critical_path",
    "finish",
    "hazards",
    "instructions",
    "lives",
    "memory_bytes",
    "paths_to_end",
    "run",
    "schedule",
    "sensitivity",
    "split",
]
