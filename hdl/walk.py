"""The order in which a trainer goes through a layer's weights."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import Component, In, Out

from .machine import Folding
from .shapes import index_below


def visit_layout(folding: Folding) -> StructLayout:
    """Return the layout of a visit to one row of weights.

    ``valid`` tells a visit from a pause; ``first`` and ``last`` are of the folds of neurons, and
    ``first_beat`` and ``last_beat`` of the beats of inputs.
    """
    return StructLayout(
        {
            "valid": 1,
            "row": index_below(folding.initiation_interval),
            "fold": index_below(folding.neuron_folds),
            "beat": index_below(folding.input_folds),
            "first": 1,
            "last": 1,
            "first_beat": 1,
            "last_beat": 1,
        }
    )


class Walk(Component):
    """Visits each row of a layer's weights once: beats of inputs ascending, in each all neurons.

    So the error of an input is a sum that is finished before the next one begins.

    Parameters
    ----------
    folding : Folding
        How rows are made.
    pace : int
        Cycles spent on a beat, at least one for each fold of neurons.

    Members
    -------
    start : In(1)
        Begin in the next cycle. Not while it walks.
    visit : Out(visit_layout)
        The row of this cycle.
    """

    def __init__(self, folding: Folding, pace: int) -> None:
        self._folding, self._pace = folding, pace
        super().__init__({"start": In(1), "visit": Out(visit_layout(folding))})

    def elaborate(self, platform: object) -> Module:
        """Build the counters."""
        m = Module()
        folds, beats = self._folding.neuron_folds, self._folding.input_folds
        walking, turn = Signal(), Signal(index_below(self._pace))
        beat, row = Signal(index_below(beats)), Signal(index_below(folds * beats))
        visit = self.visit
        m.d.comb += [
            visit.valid.eq(walking & (turn < folds)),
            visit.row.eq(row),
            visit.fold.eq(turn),
            visit.beat.eq(beat),
            visit.first.eq(turn == 0),
            visit.last.eq(turn == folds - 1),
            visit.first_beat.eq(beat == 0),
            visit.last_beat.eq(beat == beats - 1),
        ]
        with m.If(walking):
            with m.If(turn == self._pace - 1):
                following = Mux(visit.last_beat, 0, beat + 1)
                m.d.sync += [turn.eq(0), beat.eq(following), row.eq(following)]
                m.d.sync += walking.eq(~visit.last_beat)
            with m.Else():
                m.d.sync += [turn.eq(turn + 1), row.eq(row + beats)]
        with m.Elif(self.start):
            m.d.sync += walking.eq(1)
        return m
