"""Cycles of products on a systolic array, counted by SCALE-Sim; run by the Python that has it.

SCALE-Sim 3.0.0 (Samajdar et al. 2018, arXiv:1811.02883) needs a NumPy before 2.4 and requires
numba, pandas and matplotlib, together half a gigabyte, so it is no requirement of the course:

    python -m venv scalesim && scalesim/bin/pip install scalesim==3.0.0 numpy==2.2.6 numba==0.61.2
    python benchmarks/dataflow.py --scalesim scalesim/bin/python

Reads [[rows, inner, columns, height, width, dataflow], ...] as JSON from standard input and writes
a list of cycles as the last line of standard output.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from pathlib import Path

CONFIG = """
[general]
run_name = counted
[architecture_presets]
ArrayHeight : {height}
ArrayWidth : {width}
IfmapSramSzkB: 1024
FilterSramSzkB: 1024
OfmapSramSzkB: 1024
IfmapOffset: 0
FilterOffset: 10000000
OfmapOffset: 20000000
Bandwidth : 10
Dataflow : {dataflow}
MemoryBanks: 1
ReadRequestBuffer: 32
WriteRequestBuffer: 32
[layout]
IfmapCustomLayout: False
IfmapSRAMBankBandwidth: 10
IfmapSRAMBankNum: 10
IfmapSRAMBankPort: 2
FilterCustomLayout: False
FilterSRAMBankBandwidth: 10
FilterSRAMBankNum: 10
FilterSRAMBankPort: 2
[sparsity]
SparsitySupport : false
SparseRep : ellpack_block
OptimizedMapping : false
BlockSize : 8
RandomNumberGeneratorSeed : 40
[run_presets]
InterfaceBandwidth: CALC
UseRamulatorTrace: False
"""


def cycles(rows: int, inner: int, columns: int, height: int, width: int, dataflow: str) -> int:
    """Cycles that SCALE-Sim reports for one product, without the first fetch from memory."""
    from scalesim.scale_sim import scalesim

    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        settings = CONFIG.format(height=height, width=width, dataflow=dataflow)
        (where / "array.cfg").write_text(settings)
        (where / "product.csv").write_text(f"Layer, M, N, K,\nP, {rows}, {columns}, {inner},\n")
        (where / "layout.csv").write_text("Layer," + "x," * 20 + "\nP," + "1," * 20 + "\n")
        run = scalesim(
            save_disk_space=True,
            verbose=False,
            config=str(where / "array.cfg"),
            topology=str(where / "product.csv"),
            layout=str(where / "layout.csv"),
            input_type_gemm=True,
        )
        run.run_scale(top_path=str(where / "out"))
        (found,) = (where / "out").rglob("COMPUTE_REPORT.csv")
        heads, row = list(csv.reader(found.read_text().splitlines()))[:2]
        values = {head.strip(): value for head, value in zip(heads, row, strict=True)}
        return int(float(values["Total Cycles"]))


if __name__ == "__main__":
    print(json.dumps([cycles(*one) for one in json.load(sys.stdin)]))
