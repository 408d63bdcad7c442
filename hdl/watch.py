"""What watches a layer without touching it: loss counters and trace ports."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import Component, In, Out

from bittrue.model.types import Format

from .layer import probe_layout
from .machine import Folding
from .pipeline import delayed
from .shapes import index_below, lanes_of

COUNTER_BITS = 32
SAMPLE_BITS = 16


def trace_layout(format: Format, folding: Folding) -> StructLayout:
    """Return the layout of a trace port.

    ``valid`` strobes once for each beat of ``words``; ``sample`` counts samples since reset, mod
    2**16, ``neuron`` is that of lane 0, ``mask`` tells real lanes from padding.
    """
    return StructLayout(
        {
            "valid": 1,
            "sample": SAMPLE_BITS,
            "neuron": index_below(folding.neuron_folds * folding.pe),
            "mask": folding.pe,
            "words": lanes_of(format, folding.pe),
        }
    )


class LossCounter(Component):
    """Counts the words of one stage that lost something, and stays at the largest count.

    Parameters
    ----------
    format : Format
        Format of the stage's words.
    folding : Folding
        Folding of the layer.
    inexact : bool
        Whether inexact words are counted too.
    bits : int
        Bits of a counter.

    Members
    -------
    probe : In(probe_layout)
        What the stage shows.
    clear : In(1)
        Both counts start anew.
    overflowed, inexact : Out(bits)
        Real words that overflowed, or were inexact (0 where not asked for), two cycles after
        they were shown.

    Attributes
    ----------
    latency : int
        Cycles from a word to the counts. Initiation interval 1.
    """

    latency = 2

    def __init__(
        self, format: Format, folding: Folding, *, inexact: bool, bits: int = COUNTER_BITS
    ) -> None:
        self._bits = bits
        self._kinds = ("overflowed", "inexact") if inexact else ("overflowed",)
        super().__init__(
            {
                "probe": In(probe_layout(format, folding)),
                "clear": In(1),
                "overflowed": Out(bits),
                "inexact": Out(bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build one saturating counter a kind."""
        m = Module()
        strobe = self.probe.valid
        for kind in self._kinds:
            flags = getattr(self.probe, kind) & self.probe.mask
            lost = sum(flags[n] for n in range(len(flags)))
            self._accumulate(m, getattr(self, kind), Mux(strobe, lost, 0), kind)
        return m

    def _accumulate(self, m: Module, count: Signal, lost: Value, kind: str) -> None:
        term = delayed(m, lost, 1, name=kind, reset_less=False)
        total = count + term
        with m.If(self.clear):
            m.d.sync += count.eq(0)
        with m.Else():
            m.d.sync += count.eq(Mux(total[self._bits :].any(), (1 << self._bits) - 1, total))


class Tracer(Component):
    """Numbers the words that a stage shows.

    Parameters
    ----------
    format : Format
        Format of the stage's words.
    folding : Folding
        Folding of the layer.

    Members
    -------
    probe : In(probe_layout)
        What the stage shows.
    o : Out(trace_layout)
        The same, numbered, in the same cycle.

    Attributes
    ----------
    latency : int
        Cycles from a word to the port: none. Initiation interval 1.
    sample : Signal
        The register that counts samples, for a test bench to set.
    """

    latency = 0

    def __init__(self, format: Format, folding: Folding) -> None:
        self._folding = folding
        self.sample = Signal(SAMPLE_BITS)
        super().__init__(
            {"probe": In(probe_layout(format, folding)), "o": Out(trace_layout(format, folding))}
        )

    def elaborate(self, platform: object) -> Module:
        """Build the count of samples."""
        m = Module()
        sample = self.sample
        last = self.probe.fold == self._folding.neuron_folds - 1
        with m.If(self.probe.valid & last):
            m.d.sync += sample.eq(sample + 1)
        m.d.comb += [
            self.o.valid.eq(self.probe.valid),
            self.o.sample.eq(sample),
            self.o.neuron.eq(self.probe.fold * self._folding.pe),
            self.o.mask.eq(self.probe.mask),
            self.o.words.eq(self.probe.words),
        ]
        return m


def counter_address(layer: int, stage: int, kind: int) -> int:
    """Return where a count is read.

    Stage 0 is the pre-activation, 1 the output; kind 0 counts overflowed words, 1 inexact ones.
    """
    return layer * 4 + stage * 2 + kind


def selected(m: Module, counters: list[LossCounter], address: Value) -> Value:
    """Return the count at an address, as `counter_address` numbers them."""
    counts = [count for counter in counters for count in (counter.overflowed, counter.inexact)]
    chosen = Signal(COUNTER_BITS)
    with m.Switch(address):
        for number, count in enumerate(counts):
            with m.Case(number):
                m.d.comb += chosen.eq(count)
    return chosen
