"""A careful user of a machine's ports, whose steps a script writes down."""

from collections.abc import Sequence
from random import Random

from bittrue.hdl.machine import Machine
from bittrue.model.design import Weights

from .cycles import Shown
from .record import Session
from .script import ScriptWriter
from .stimulus import input_beats, load_requests
from .words import Chunks

PATIENCE = 1000
"""Cycles within which something must happen that a script waits for."""


class Player(ScriptWriter):
    """Writes what a careful user of the ports does: waits for ``ready``, holds, loads, drains."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.hold = 0
        self.before: Weights | None = None
        self.chance = Random(0)
        self.stalls = self.sink_stalls = 0.0

    def pace(self, source: float, sink: float) -> None:
        """Let cycles pass at the source and at the sink with these probabilities."""
        self.stalls, self.sink_stalls = source, sink

    def wait(self, port: str, **driven: int) -> None:
        """Drive the same until a port is up, in that cycle too."""
        for _ in range(PATIENCE):
            if self.go(**driven)[port][0]:
                return
        raise RuntimeError(f"{port} must come up within {PATIENCE} cycles")

    def go(self, **driven: int) -> Shown:
        """Drive a cycle, ready for outputs unless it is a stall."""
        taking = {"o__ready": self._now(self.sink_stalls), "hold": self.hold}
        return self.cycle(**{**taking, **driven})

    def _now(self, stalls: float) -> int:
        return int(stalls == 0 or self.chance.random() >= stalls)

    def quiet(self) -> None:
        """Hold until the network is idle."""
        self.hold = 1
        self.wait("idle")

    def load(self, weights: Weights) -> None:
        """Write the weights that are not there already."""
        for request in _words(load_requests(self.machine, weights, self.before)):
            self.wait("load__ready", load__valid=1, load__payload=request)
        self.before = weights

    def read(self, request: int) -> None:
        """Read from the load port."""
        self.wait("load__ready", load__valid=1, load__payload=request)
        self.wait_read()

    def wait_read(self) -> None:
        """Wait until what is read is taken."""
        for _ in range(PATIENCE):
            ready = self._now(self.sink_stalls)
            if self.go(loaded__ready=ready)["loaded__valid"][0] and ready:
                return
        raise RuntimeError(f"a read must be answered within {PATIENCE} cycles")

    def feed(self, beats: Sequence[int]) -> None:
        """Stream beats."""
        for beat in beats:
            while not self._now(self.stalls):
                self.go()
            self.wait("i__ready", i__valid=1, i__payload=beat)

    @property
    def addresses(self) -> int:
        """How many addresses of counts there are, counts or none behind them."""
        return 1 << dict(self.inputs).get("count_address", 0)

    def look(self) -> None:
        """Read all counts, each twice: one that changes by itself must not pass for one that is."""
        for address in range(self.addresses):
            self.go(count_address=address)
            self.go(count_address=address)
        self.go()

    def counts(self) -> None:
        """Read all counts, and clear them."""
        self.look()
        self.go(count_clear=1)
        self.go()


def _words(chunks: Chunks) -> list[int]:
    return [sum(int(chunk) << 64 * n for n, chunk in enumerate(row)) for row in chunks.tolist()]


def session_on(player: Player, session: Session) -> None:
    """Load weights, stream samples, drain, read and clear the counts."""
    player.quiet()
    player.load(session.weights)
    player.hold = 0
    player.feed(_words(input_beats(player.machine, session.codes)))
    player.quiet()
    player.counts()
