"""What stands between layers: a width converter, and a buffer of two samples."""

from math import gcd

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out
from amaranth.utils import ceil_log2

from bittrue.model.types import Format

from . import timing
from .shapes import UNORDERED, beats_of, index_below, lanes_of


class SampleBuffer(Component):
    """A ping-pong buffer: one sample is read, as often as wanted, while the next is written.

    A sample counts once its last beat has come with ``last`` on the beat where it belongs. A
    sample with a wrong ``last``, early or missing, is dropped whole; after a missing one,
    beats are dropped up to the next ``last``.

    Parameters
    ----------
    format : Format
        Format of a lane.
    lanes : int
        Lanes a beat.
    beats : int
        Beats a sample.

    Members
    -------
    i : In(stream of beats)
        ``ready`` is a register.
    hold : In(1)
        Takes no more beats from the next cycle on.
    committed : Out(1)
        A sample has come whole in this cycle.
    misframed : Out(1)
        A ``last`` was wrong in this cycle.
    available : Out(1)
        A sample waits to be read.
    en, address : In
        Clock enable of the read, and the beat to read.
    lanes : Out(lanes)
        The beat, one enabled cycle later.
    release : In(1)
        The sample is read for the last time in this cycle.

    Attributes
    ----------
    latency : int
        Cycles from a sample's last beat to ``available``. Initiation interval: ``beats`` cycles.
    """

    latency = timing.BUFFER

    def __init__(self, format: Format, lanes: int, beats: int) -> None:
        self._layout, self._beats = lanes_of(format, lanes), beats
        super().__init__(
            {
                "i": In(beats_of(format, lanes)),
                "hold": In(1),
                "committed": Out(1),
                "misframed": Out(1),
                "available": Out(1),
                "en": In(1),
                "address": In(index_below(beats)),
                "lanes": Out(self._layout),
                "release": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the memory, the write side with its framing, and the count of samples held."""
        m = Module()
        bits = ceil_log2(self._beats)
        # what is read is used only of the bank that is not written
        m.submodules.memory = memory = Memory(
            shape=self._layout, depth=2 << bits, init=[], attrs=UNORDERED
        )
        write, read = memory.write_port(), memory.read_port()
        position = Signal(index_below(self._beats))
        write_bank, read_bank = Signal(), Signal()
        m.d.comb += [
            write.addr.eq(Cat(position[:bits], write_bank)),
            write.data.eq(self.i.payload.lanes),
            write.en.eq(self.i.valid & self.i.ready),
            read.addr.eq(Cat(self.address[:bits], read_bank)),
            read.en.eq(self.en),
            self.lanes.eq(read.data),
        ]
        self._frame(m, position, write.en)
        with m.If(self.committed):
            m.d.sync += write_bank.eq(~write_bank)
        with m.If(self.release):
            m.d.sync += read_bank.eq(~read_bank)

        held, held_next = Signal(range(3)), Signal(range(3))
        m.d.comb += [
            held_next.eq(held + self.committed - self.release),
            self.available.eq(held != 0),
        ]
        m.d.sync += [held.eq(held_next), self.i.ready.eq((held_next < 2) & ~self.hold)]
        return m

    def _frame(self, m: Module, position: Signal, taken: Value) -> None:
        """Follow the beats of a sample, and tell whether it came whole."""
        lost = Signal()
        at_end = position == self._beats - 1
        last = self.i.payload.last
        m.d.comb += [
            self.committed.eq(taken & last & at_end & ~lost),
            self.misframed.eq(taken & ~lost & (last ^ at_end)),
        ]
        with m.If(taken):
            with m.If(last):
                m.d.sync += [position.eq(0), lost.eq(0)]
            with m.Elif(at_end):
                m.d.sync += lost.eq(1)
            with m.Else():
                m.d.sync += position.eq(position + 1)


def _last_lanes(lanes_in: int, lanes_out: int, size: int) -> int:
    """Return the lanes of a sample's last beat, which fills its last beat on the far side up."""
    return -(-size // lanes_out) * lanes_out - (-(-size // lanes_in) - 1) * lanes_in


def most_converted(lanes_in: int, lanes_out: int, size: int) -> int:
    """Return how many samples, taken whole, wait in a width converter to leave whole, at most."""
    return max(lanes_in, _last_lanes(lanes_in, lanes_out, size)) // lanes_out + 2


class WidthConverter(Component):
    """Repacks a sample from beats of ``lanes_in`` to beats of ``lanes_out`` lanes.

    Samples are never packed together: the last beat of each is filled up with zero lanes.

    Parameters
    ----------
    format : Format
        Format of a lane.
    lanes_in, lanes_out : int
        Lanes a beat, before and after.
    size : int
        Real lanes a sample.

    Members
    -------
    i : In(stream of beats)
        Padding lanes must be zero. ``ready`` is a register.
    o : Out(stream of beats)
        Never waits for more lanes than its beat carries.

    Attributes
    ----------
    latency : int
        Cycles from a beat to the first beat that it completes. Initiation interval: the larger
        number of beats a sample, in and out.
    """

    latency = timing.CONVERTER

    def __init__(self, format: Format, lanes_in: int, lanes_out: int, size: int) -> None:
        self._format, self._beats_out = format, -(-size // lanes_out)
        # counts are kept in steps of lanes, so that every beat is a whole number of them
        self._step = gcd(lanes_in, lanes_out)
        self._steps_in, self._steps_out = lanes_in // self._step, lanes_out // self._step
        self._steps_last = _last_lanes(lanes_in, lanes_out, size) // self._step
        super().__init__(
            {"i": In(beats_of(format, lanes_in)), "o": Out(beats_of(format, lanes_out))}
        )

    def elaborate(self, platform: object) -> Module:
        """Build the lane store and the count of steps in it."""
        m = Module()
        width = self._format.width * self._step
        largest = max(self._steps_in, self._steps_last)
        # not ready only while two whole beats are held: then nothing that follows comes late
        capacity = largest + 2 * self._steps_out
        store, kept = Signal(capacity * width, reset_less=True), Signal(capacity * width)
        count, kept_count, next_count = (Signal(range(capacity + 1)) for _ in range(3))

        taken, given = self.i.valid & self.i.ready, self.o.valid & self.o.ready
        m.d.comb += [
            self.o.payload.lanes.eq(store[: self._steps_out * width]),
            self.o.valid.eq(count >= self._steps_out),
            kept.eq(Mux(given, store >> self._steps_out * width, store)),
            kept_count.eq(Mux(given, count - self._steps_out, count)),
            next_count.eq(kept_count),
        ]
        m.d.sync += [
            store.eq(kept),
            count.eq(next_count),
            self.i.ready.eq(next_count + largest <= capacity),
        ]
        with m.If(taken):
            added = Mux(self.i.payload.last, self._steps_last, self._steps_in)
            m.d.comb += next_count.eq(kept_count + added)
            lanes = Value.cast(self.i.payload.lanes)
            with m.Switch(kept_count):
                for steps in range(capacity - self._steps_in + 1):
                    with m.Case(steps):
                        # zeros follow: they fill the last beat up
                        m.d.sync += store.eq(Cat(kept[: steps * width], lanes))

        beat = Signal(index_below(self._beats_out))
        m.d.comb += self.o.payload.last.eq(beat == self._beats_out - 1)
        with m.If(given):
            m.d.sync += beat.eq(Mux(self.o.payload.last, 0, beat + 1))
        return m
