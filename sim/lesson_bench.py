"""Lessons in Amaranth's own simulator."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bittrue.hdl.loader import load_layout
from bittrue.hdl.machine import Machine
from bittrue.hdl.network import Network, data_width_of

from .amaranth_engine import idle_limit
from .clocked import Clocked, StandstillError, simulated
from .driver import accepted_beats
from .record import Run
from .stimulus import Stimulus, output_width
from .words import CHUNK, Chunks, output_words, shown

Told = Callable[[int, int], None]
"""Told the lessons that are done, and how many there are."""


def unheard(done: int, total: int) -> None:
    """Hear nothing."""


class LessonBench(Clocked):
    """A network whose load port is written and read between streams of samples.

    Parameters
    ----------
    machine : Machine
        What is built.
    stimuli : sequence of Stimulus
        What is driven, one after the other.
    stalls : float
        Probability, below 1, that source or sink lets a cycle pass.
    seed : int
        Of the stall pattern.
    told : callable, optional
        Called with the stimuli behind the first that are done, and how many there are.
    """

    def __init__(
        self,
        machine: Machine,
        stimuli: Sequence[Stimulus],
        stalls: float,
        seed: int,
        told: Told | None = None,
    ) -> None:
        super().__init__(Network(machine), stalls, seed, idle_limit(machine, stalls))
        self._machine, self._stimuli, self._told = machine, stimuli, told or unheard
        self._write_bit = load_layout(data_width_of(machine))["write"].offset
        self._start_log()

    def _start_log(self) -> None:
        self._accepted: list[int] = []
        self._beats: list[tuple[int, int]] = []
        self._answers: list[int] = []

    async def drive(self, ctx: Any) -> None:
        """Go through the stimuli; give up when nothing moves any more."""
        try:
            for stimulus in self._stimuli:
                await self._drive(ctx, stimulus)
                self.runs.append(self._run(None))
                self._start_log()
                self._told(len(self.runs) - 1, len(self._stimuli) - 1)
        except StandstillError:
            rest = len(self._stimuli) - len(self.runs)
            self.runs += [self._run(self._cycle)] * rest

    async def _drive(self, ctx: Any, stimulus: Stimulus) -> None:
        network = self.network
        ctx.set(network.loaded.ready, 1)
        ctx.set(network.hold, 1)
        await self._until(ctx, network.idle)
        for request in _words(stimulus.loads):
            ctx.set(network.load.payload.as_value(), request)
            ctx.set(network.load.valid, 1)
            await self._until(ctx, network.load.ready)
            ctx.set(network.load.valid, 0)
            if not request >> self._write_bit & 1:
                await self._until(ctx, network.loaded.valid)
        ctx.set(network.hold, 0)
        for beat in _words(stimulus.beats):
            await self._offer(ctx, beat)
        ctx.set(network.hold, 1)
        await self._until(ctx, network.idle)

    async def monitor(self, ctx: Any) -> None:
        """Write down, each cycle, what moves."""
        network = self.network
        seen = (
            network.i.valid & network.i.ready,
            network.o.valid & network.o.ready,
            network.loaded.valid & network.loaded.ready,
            network.load.valid & network.load.ready,
            network.o.payload.as_value(),
            network.loaded.payload,
        )
        async for _, _, accepted, given, answered, asked, beat, answer in ctx.tick().sample(*seen):
            if accepted:
                self._accepted.append(self._cycle)
            if given:
                self._beats.append((self._cycle, beat))
            if answered:
                self._answers.append(answer)
            if accepted or given or answered or asked:
                self._moved = self._cycle
            self._cycle += 1

    def _run(self, stalled_at: int | None) -> Run:
        accepted = np.array(self._accepted, dtype=np.int64)
        return Run(
            words=np.empty((0, 6), dtype=np.int64),
            outputs=output_words(self._machine, shown(self._beats, output_width(self._machine))),
            accepted=accepted_beats(self._machine, accepted),
            counts=None,
            traced=False,
            stalled_at=stalled_at,
            answers=np.array(self._answers, dtype=np.int64),
        )


def _words(chunks: Chunks) -> list[int]:
    """Return rows of chunks as integers."""
    return [sum(chunk << n * CHUNK for n, chunk in enumerate(row)) for row in chunks.tolist()]


def play_amaranth(
    machine: Machine,
    stimuli: Sequence[Stimulus],
    stalls: float,
    seed: int,
    told: Told,
) -> list[Run]:
    """Run a machine through stimuli, its load port read where they ask.

    Parameters
    ----------
    machine, stimuli, stalls, seed, told
        As in `LessonBench`.
    """
    return simulated(LessonBench(machine, stimuli, stalls, seed, told))
