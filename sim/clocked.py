"""A network in Amaranth's own simulator: driven, watched, given up when nothing moves any more."""

import os
from abc import ABC, abstractmethod
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import ClockDomain, Module, Value
from amaranth.lib.wiring import Component
from amaranth.sim import Simulator

from .record import Run


class StandstillError(Exception):
    """Nothing has moved for too many cycles."""


class Clocked(ABC):
    """A network with somebody at its ports, and how both let cycles pass.

    Parameters
    ----------
    network : Component
        What is driven; anything with ports like those of `bittrue.hdl.network.Network`.
    stalls : float
        Probability, below 1, that source or sink lets a cycle pass.
    seed : int
        Of the stall pattern.
    limit : int
        Cycles without any movement after which it is given up.

    Attributes
    ----------
    runs : list of Run
        What came of each stimulus, as far as they are done.
    """

    def __init__(self, network: Any, stalls: float, seed: int, limit: int) -> None:
        self.network, self._stalls, self._idle_limit = network, stalls, limit
        self._source_rng, self._sink_rng = np.random.default_rng(seed).spawn(2)
        self._cycle = self._moved = 0
        self.runs: list[Run] = []

    @abstractmethod
    async def drive(self, ctx: Any) -> None:
        """Go through what is to be driven; give up when nothing moves any more."""

    @abstractmethod
    async def monitor(self, ctx: Any) -> None:
        """Write down, each cycle, what moves, and when something did."""

    async def sink(self, ctx: Any) -> None:
        """Take outputs, now and then not."""
        ctx.set(self.network.o.ready, 1)
        while self._stalls:
            await ctx.tick()
            ctx.set(self.network.o.ready, int(self._sink_rng.random() >= self._stalls))

    async def _offer(self, ctx: Any, beat: int) -> None:
        """Let cycles pass now and then, and show a beat until it is taken."""
        while self._stalls and self._source_rng.random() < self._stalls:
            await ctx.tick()
        stream = self.network.i
        ctx.set(Value.cast(stream.payload), beat)
        ctx.set(stream.valid, 1)
        await self._until(ctx, stream.ready)
        ctx.set(stream.valid, 0)

    async def _until(self, ctx: Any, condition: Value) -> None:
        """Wait for a condition at a clock edge."""
        met = False
        while not met:
            _, _, met = await ctx.tick().sample(condition)
            if self._cycle - self._moved > self._idle_limit:
                raise StandstillError


def simulated(bench: Clocked, waves: str | os.PathLike[str] | None = None) -> list[Run]:
    """Simulate what stands in a bench, waveforms to a file if one is named."""
    m = Module()
    m.domains.sync = ClockDomain()
    m.submodules.network = bench.network
    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench.drive)
    simulator.add_testbench(bench.sink, background=True)
    simulator.add_testbench(bench.monitor, background=True)
    with _recorded(simulator, bench.network, waves):
        simulator.run()
    return bench.runs


def _recorded(
    simulator: Simulator, network: Component, waves: str | os.PathLike[str] | None
) -> Any:
    """Return a context that writes a VCD, and beside it a GTKWave view of the ports."""
    if waves is None:
        return nullcontext()
    vcd = Path(waves)
    ports = [network.i, network.o, network.hold, network.idle, network.framing_error]
    ports += [getattr(network, name) for name in network.signature.members if "trace" in name]
    return simulator.write_vcd(str(vcd), str(vcd.with_suffix(".gtkw")), traces=ports)
