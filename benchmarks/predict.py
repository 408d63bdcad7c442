"""Time the fixed model against the golden model and against simulated hardware, in one run.

Ratios of medians: times of different runs or machines are not for comparing.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np

from bittrue.hdl.machine import Machine
from bittrue.model.config import Config
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import encode
from bittrue.model.quantize import quantize
from bittrue.sim.engines import simulate
from bittrue.sim.record import Session
from bittrue.sim.testbench import query_inputs, train_333

REPEATS = 5
PREDICTED = 10_000
SIMULATED = 100


def median_time(work: Callable[[], object]) -> float:
    """Return the median of a few runs, in seconds."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


golden = train_333(0)
design = quantize(golden, Config.of(format="fxp-s16/12"))
values = query_inputs(0, PREDICTED)
type = design.shape.input
codes = encode(values, type.format, type.rounding, type.overflow)
fixed = FixedNetwork(design)
session = Session(design.weights, codes[:SIMULATED])

queried = median_time(lambda: [golden.query(row) for row in values]) / PREDICTED
predicted = median_time(lambda: fixed.predict(codes)) / PREDICTED
traced = median_time(lambda: fixed.trace(codes)) / PREDICTED
simulated = median_time(lambda: simulate(Machine(design.shape), [session])) / SIMULATED

print(f"3-3-3, {design.shape.input.format}, medians of {REPEATS}, NumPy {np.__version__}")
print(f"golden model, query by query   {queried * 1e6:10.2f} us/query")
print(f"fixed model, predict           {predicted * 1e6:10.2f} us/query")
print(f"fixed model, every stage       {traced * 1e6:10.2f} us/query")
print(f"hardware, Amaranth's simulator {simulated * 1e6:10.2f} us/query, building included")
print(f"hardware / fixed model         {simulated / predicted:10.0f}")
