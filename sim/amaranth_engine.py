"""The default engine: Amaranth's own simulator."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from amaranth.hdl import Cat, Const, Value
from amaranth.lib.wiring import Component

from bittrue.hdl import timing
from bittrue.hdl.machine import Machine
from bittrue.hdl.network import Network, stages_of, trace_name
from bittrue.hdl.watch import counter_address, trace_layout
from bittrue.model.design import Weights
from bittrue.model.formats import Codes, Loss

from .clocked import Clocked, StandstillError, simulated
from .record import Progress, Run, Session
from .stimulus import output_width
from .words import output_words, pack, shown, stage_words


def idle_limit(machine: Machine, stalls: float) -> int:
    """Return after how many cycles without any movement a simulation is given up."""
    longest = timing.step(machine) if machine.trainer else timing.network(machine)
    calm = 16 + 2 * (longest + machine.initiation_interval)
    return int(calm / (1 - stalls)) + int(40 / (1 - stalls))


class Bench(Clocked):
    """A network with a driver at each port, and a monitor that writes down what moves.

    Parameters
    ----------
    machine : Machine
        What is built.
    sessions : sequence of Session
        What is driven, one after the other.
    stalls : float
        Probability, below 1, that source or sink lets a cycle pass.
    seed : int
        Of the stall pattern.
    progress : callable or None
        Told the samples done and the samples in all.
    network : Component, optional
        In place of the machine's own network: anything with ports like its.
    loaded : Weights, optional
        What is there from the start, and need not be loaded.
    limit : int, optional
        Cycles without any movement after which the run is given up, in place of `idle_limit`.
    """

    def __init__(
        self,
        machine: Machine,
        sessions: Sequence[Session],
        *,
        stalls: float,
        seed: int,
        progress: Progress | None,
        network: Component | None = None,
        loaded: Weights | None = None,
        limit: int | None = None,
    ) -> None:
        super().__init__(
            Network(machine) if network is None else network,
            stalls,
            seed,
            idle_limit(machine, stalls) if limit is None else limit,
        )
        self._machine, self._sessions, self._progress = machine, sessions, progress
        self._loaded = dict(_placed(loaded) if loaded else ())
        self._samples_total = sum(len(session.codes) for session in sessions)
        self._samples_done = 0
        self._stages = list(stages_of(machine)) if machine.trace else []
        self._start_log()

    def _start_log(self) -> None:
        self._strobes: list[list[tuple[int, int]]] = [[] for _ in self._stages]
        self._beats: list[tuple[int, int]] = []
        self._accepted: list[int] = []
        self._finished = 0

    async def drive(self, ctx: Any) -> None:
        """Go through the sessions; give up when nothing moves any more."""
        try:
            for session in self._sessions:
                await self._drive_session(ctx, session)
        except StandstillError:
            self._give_up()

    async def _drive_session(self, ctx: Any, session: Session) -> None:
        """Load, feed, drain, read the counters."""
        network = self.network
        ctx.set(network.hold, 1)
        await self._until(ctx, network.idle)
        await self._load(ctx, session.weights)
        self._start_log()
        ctx.set(network.hold, 0)
        await self._feed(ctx, session.codes)
        while self._finished < len(session.codes):
            await self._until(ctx, Const(1))
        ctx.set(network.hold, 1)
        await self._until(ctx, network.idle)
        counts = await self._read_counts(ctx)
        self.runs.append(self._run(session, counts, bool(ctx.get(network.framing_error))))

    async def _load(self, ctx: Any, weights: Weights) -> None:
        """Write the codes that are not there already."""
        load = self.network.load
        for place, code in _placed(weights):
            if self._loaded.get(place) == code:
                continue
            layer, neuron, column, bias = place
            request = {"write": 1, "bias": bias, "layer": layer, "neuron": neuron, "input": column}
            ctx.set(load.payload, {**request, "data": code})
            ctx.set(load.valid, 1)
            await self._until(ctx, load.ready)
            self._loaded[place] = code
        ctx.set(load.valid, 0)

    async def _feed(self, ctx: Any, codes: Codes) -> None:
        layer = self._machine.shape.layers[0]
        width, simd = layer.input.format.width, self._machine.foldings[0].simd
        for sample in codes.tolist():
            for start in range(0, len(sample), simd):
                beat = pack(sample[start : start + simd], width)
                last = start + simd >= len(sample)
                await self._offer(ctx, beat | last << simd * width)

    async def _read_counts(self, ctx: Any) -> tuple[tuple[Loss, Loss], ...] | None:
        if self._machine.counters == "none":
            return None
        network, counts = self.network, []
        for layer in range(len(self._machine.shape.layers)):
            for stage in range(2):
                found = []
                for kind in range(2):
                    ctx.set(network.count_address, counter_address(layer, stage, kind))
                    await ctx.tick()
                    found.append(ctx.get(network.count))
                counts.append(Loss(inexact=found[1], overflowed=found[0]))
        ctx.set(network.count_clear, 1)
        await ctx.tick()
        ctx.set(network.count_clear, 0)
        return tuple(zip(counts[::2], counts[1::2], strict=True))

    async def monitor(self, ctx: Any) -> None:
        """Write down, each cycle, what moves."""
        network = self.network
        traces = [getattr(network, trace_name(n, stage)) for n, stage, _, _ in self._stages]
        moves = Cat(
            network.i.valid & network.i.ready,
            network.o.valid & network.o.ready,
            network.load.valid & network.load.ready,
            *(trace.valid for trace in traces),
        )
        shown = [Value.cast(network.o.payload), *(Value.cast(trace) for trace in traces)]
        async for _, _, move, output, *words in ctx.tick().sample(moves, *shown):
            if move:
                self._moved = self._cycle
                self._note(move, output, words)
            self._cycle += 1

    def _note(self, move: int, output: int, words: list[int]) -> None:
        if move & 1:
            self._accepted.append(self._cycle)
        if move & 2:
            self._beats.append((self._cycle, output))
            if output >> self._machine.shape.output.format.width * self._machine.foldings[-1].pe:
                self._finish_sample()
        for number, word in enumerate(words):
            if move >> 3 + number & 1:
                self._strobes[number].append((self._cycle, word))

    def _finish_sample(self) -> None:
        self._finished += 1
        self._samples_done += 1
        if self._progress is not None:
            self._progress(self._samples_done, self._samples_total)

    def _give_up(self) -> None:
        """Record what there was when nothing moved any more, and nothing for what was to come."""
        for session in self._sessions[len(self.runs) :]:
            self.runs.append(self._run(session, None, False, self._cycle))
            self._start_log()

    def _run(
        self,
        session: Session,
        counts: tuple[tuple[Loss, Loss], ...] | None,
        framing_error: bool,
        stalled_at: int | None = None,
    ) -> Run:
        first = self._machine.foldings[0]
        accepted = [[cycle, n // first.input_folds] for n, cycle in enumerate(self._accepted)]
        before = sum(len(run_session.codes) for run_session in self._sessions[: len(self.runs)])
        strobes = [
            shown(rows, int(trace_layout(format, folding).size))
            for (_, _, format, folding), rows in zip(self._stages, self._strobes, strict=True)
        ]
        return Run(
            words=stage_words(self._stages, strobes, before),
            outputs=output_words(self._machine, shown(self._beats, output_width(self._machine))),
            accepted=np.array(accepted, dtype=np.int64).reshape(-1, 2),
            counts=counts,
            traced=self._machine.trace,
            counts_inexact=self._machine.counters == "full",
            framing_error=framing_error,
            stalled_at=stalled_at,
        )


def _placed(weights: Weights) -> Iterator[tuple[tuple[int, int, int, int], int]]:
    """Yield (layer, neuron, input, is bias) and code of every weight and bias."""
    for layer, (array, biases) in enumerate(zip(weights.weights, weights.biases, strict=True)):
        for neuron, row in enumerate(array.tolist()):
            for column, code in enumerate(row):
                yield (layer, neuron, column, 0), code
        for neuron, code in enumerate([] if biases is None else biases.tolist()):
            yield (layer, neuron, 0, 1), code


def run_amaranth(
    machine: Machine,
    sessions: Sequence[Session],
    *,
    stalls: float,
    seed: int,
    waves: str | os.PathLike[str] | None,
    progress: Progress | None,
) -> list[Run]:
    """Simulate a machine; see `bittrue.sim.engines.simulate`."""
    return simulated(Bench(machine, sessions, stalls=stalls, seed=seed, progress=progress), waves)
