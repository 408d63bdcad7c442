"""Simulated inferences a second of every engine, against the plain Verilator harness.

Engines are timed as users call them, with packing, decoding and comparing left to the caller: the
seconds of many samples less those of few, so that neither build nor load of weights counts.
"""

import statistics
import sys
import time
from typing import NamedTuple

import numpy as np
from networks import Network
from plain_verilator import PlainVerilator

from bittrue.hdl.machine import Machine
from bittrue.sim.engines import simulate
from bittrue.sim.record import Session

ROUNDS = 5
COMPILED = ("cxxrtl", "verilator", "lanes")
SLOW = {"3-3-3": 100, "64-32-10": 6}
"""Samples for Amaranth's simulator; loading MNIST's weights alone would take it many minutes."""


class Speeds(NamedTuple):
    """Seconds a sample, of the plain harness and by engine."""

    plain: float
    engines: dict[str, float]


def measured(network: Network) -> Speeds:
    """Return the speeds of a network, all engines timed in turn in each round."""
    print(f"timing simulators on {network.name}", file=sys.stderr)
    plain = PlainVerilator(network, network.simulated)
    times: dict[str, list[float]] = {name: [] for name in ("plain", *COMPILED)}
    for engine in COMPILED:
        _seconds(network, engine, 1)
    for _ in range(ROUNDS):
        times["plain"].append(plain.seconds_per_sample())
        for engine in COMPILED:
            many = network.simulated * (16 if engine == "lanes" else 1)
            times[engine].append(_marginal(network, engine, many))
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    if network.name in SLOW:
        medians["amaranth"] = _marginal(network, "amaranth", SLOW[network.name])
    return Speeds(medians.pop("plain"), medians)


def _marginal(network: Network, engine: str, samples: int) -> float:
    """Return the seconds that each further sample takes."""
    few = max(samples // 8, 1)
    return (_seconds(network, engine, few + samples) - _seconds(network, engine, few)) / samples


def _seconds(network: Network, engine: str, samples: int) -> float:
    machine = Machine(network.design.shape, network.pe)
    codes = np.resize(network.codes, (samples, network.codes.shape[1]))
    start = time.perf_counter()
    simulate(machine, [Session(network.design.weights, codes)], engine=engine)
    return time.perf_counter() - start
