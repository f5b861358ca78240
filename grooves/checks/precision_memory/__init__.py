"""Checks of lab 12, will it fit: what the notebook imports as `check` (chapter 12).

Key idea: one check per exercise. Where students *write* something, an answer that calls the
course's own formats, quantiser or scaler is refused. Where they count, and in the challenge, they
may call everything. `nats_above` and `race` are for the challenge, and
`chain` makes the layers that `checkpointed` goes through.
"""

import functools

from grooves import checks

# The order of these lines is the order of the exercises.
# isort: off
from grooves.checks.precision_memory.decode import decode_bf16
from grooves.checks.precision_memory.training import training_bytes
from grooves.checks.precision_memory.codes import quantize
from grooves.checks.precision_memory.product import int8_product
from grooves.checks.precision_memory.check_mxfp4 import mxfp4
from grooves.checks.precision_memory.scaling import scaled_step
from grooves.checks.precision_memory.accumulate import accumulated_step
from grooves.checks.precision_memory.checkpointing import chain, checkpointed
from grooves.checks.precision_memory.memory_fit import fits
from grooves.checks.precision_memory.file import nats_above, race, smallest
# isort: on

__all__ = [
    "accumulated_step",
    "chain",
    "checkpointed",
    "decode_bf16",
    "fits",
    "int8_product",
    "mxfp4",
    "nats_above",
    "quantize",
    "race",
    "scaled_step",
    "smallest",
    "start",
    "training_bytes",
]

LAB = "12_precision_memory"

start = functools.partial(checks.start, LAB)
