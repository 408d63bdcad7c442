"""What tests of the hardware share: drawn designs, and a simulator with a reset at hand."""

from itertools import pairwise

import numpy as np
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator

from bittrue.model.design import Design, Layer, Shape, Weights
from bittrue.model.formats import FixedType, Overflow, Rounding
from bittrue.model.makers import make_curve
from bittrue.sim.record import Session


def drawn_design(
    seed,
    sizes,
    format="fxp-s8/4",
    *,
    bias=False,
    rounding=Rounding.RND_CONV,
    overflow=Overflow.SAT,
    curve="plan",
):
    """Return a design with drawn weights, everything in one format."""
    rng = np.random.default_rng(seed)
    encoded = FixedType.parse(format)
    stage = FixedType(encoded.format, rounding, overflow)
    table = make_curve(curve, stage.format, stage)
    layers, weights, biases = [], [], []
    low, high = encoded.format.min_code, encoded.format.max_code + 1
    for inputs, outputs in pairwise(sizes):
        input_type = stage if layers else encoded
        layers.append(
            Layer(inputs, outputs, input_type, encoded, encoded if bias else None, stage, table)
        )
        weights.append(rng.integers(low, high, (outputs, inputs)))
        biases.append(rng.integers(low, high, outputs) if bias else None)
    return Design(Shape(tuple(layers)), Weights(weights, biases))


def drawn_session(seed, design, samples):
    """Return a session of drawn samples with a design's weights."""
    format = design.shape.input.format
    rng = np.random.default_rng(seed)
    codes = rng.integers(format.min_code, format.max_code + 1, (samples, design.shape.sizes[0]))
    return Session(design.weights, codes)


class Bench:
    """A component in a simulator, its reset at hand."""

    def __init__(self, component):
        self.domain = ClockDomain("sync")
        module = Module()
        module.domains.sync = self.domain
        module.submodules.dut = component
        self.simulator = Simulator(module)
        self.simulator.add_clock(1e-6)

    def run(self, *testbenches, background=()):
        for testbench in testbenches:
            self.simulator.add_testbench(testbench)
        for testbench in background:
            self.simulator.add_testbench(testbench, background=True)
        self.simulator.run()


async def until(ctx, condition, limit=2000):
    """Wait for a condition at a clock edge; fail after so many cycles."""
    for _ in range(limit):
        _, _, met = await ctx.tick().sample(condition)
        if met:
            return
    raise AssertionError(f"nothing happened for {limit} cycles")
