"""Designs of others, wired up so that whatever drives our machines can drive them.

What drives a machine knows the ports of `Network`. A socket has these ports, and a design of
someone else's inside: with streams of the same handshake, whose payloads carry the codes side by
side, and with or without a load port. Where it has none its weights are inside it.
"""

from dataclasses import dataclass

from amaranth.hdl import Const, Module, Signal, Value
from amaranth.lib.stream import Signature
from amaranth.lib.wiring import Component, In, Out

from bittrue.model.exceptions import BittrueError
from bittrue.model.shape import Shape

from .loader import load_layout
from .machine import Machine
from .network import data_width_of
from .shapes import beats_of

QUIET = 64
"""Cycles without a word after which a design that does not say that it is idle counts as idle:
for so long words too many are waited for."""


@dataclass(frozen=True)
class Plug:
    """How the payloads of a design's two streams are laid out.

    Parameters
    ----------
    simd, pe : int
        Codes in a beat of the input, and of the output.
    i_pitch, o_pitch : int
        Bits from code to code; those above a code's own repeat its sign.
    i_last, o_last : bool
        Whether beats say which of them ends a sample.
    """

    simd: int
    pe: int
    i_pitch: int
    o_pitch: int
    i_last: bool
    o_last: bool

    @classmethod
    def packed(cls, shape: Shape, i_bits: int, o_bits: int) -> "Plug":
        """Return how codes without padding, ``last`` above them if at all, fill so many bits.

        Raises
        ------
        BittrueError
            If they do not.
        """
        widths = shape.input.format.width, shape.output.format.width
        (simd, i_last), (pe, o_last) = (
            _split(name, bits, width)
            for name, bits, width in zip("io", (i_bits, o_bits), widths, strict=True)
        )
        return cls(simd, pe, *widths, i_last, o_last)

    def machine(self, shape: Shape) -> Machine:
        """Return the machine whose ports the socket has."""
        inner = (1,) * (len(shape.layers) - 1)
        return Machine(shape, pe=(*inner, self.pe), simd=(self.simd, *inner))


def _split(name: str, bits: int, width: int) -> tuple[int, bool]:
    # where codes are single bits the highest is last
    lanes, last = divmod(bits, width) if width > 1 else (bits - 1, 1)
    if lanes < 1 or last > 1:
        raise BittrueError(
            f"the payload of {name} must be codes of {width} bits side by side, with or without "
            f"last above them, got {bits} bits"
        )
    return lanes, bool(last)


class Socket(Component):
    """A component of someone else's behind the ports of `Network`.

    Parameters
    ----------
    dut : Component
        With streams ``i`` and ``o`` at least. Ports ``hold``, ``idle``, ``framing_error`` and
        ``load`` are used where it has them.
    plug : Plug
        How its streams are laid out, see `plug_of`.
    shape : Shape
        Of the network that it should be.
    most : int
        Beats after which no more are given: of one that does not stop no more is seen.

    Members
    -------
    Those of `bittrue.hdl.network.Network` that have to do with samples and weights.

    Attributes
    ----------
    machine : Machine
        The one whose ports these are.
    """

    def __init__(self, dut: Component, plug: Plug, shape: Shape, most: int) -> None:
        self._dut, self._plug, self._most = dut, plug, most
        self.machine = plug.machine(shape)
        input, output = shape.input.format, shape.output.format
        super().__init__(
            {
                "i": In(beats_of(input, plug.simd)),
                "o": Out(beats_of(output, plug.pe)),
                "hold": In(1),
                "idle": Out(1),
                "framing_error": Out(1),
                "load": In(Signature(load_layout(data_width_of(self.machine)))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Wire the component up."""
        m = Module()
        m.submodules.dut = dut = self._dut
        m.d.comb += [
            Value.cast(dut.i.payload).eq(Value.cast(self.i.payload)),
            dut.i.valid.eq(self.i.valid),
            self.i.ready.eq(dut.i.ready),
            self.o.valid.eq(dut.o.valid & self._more(m)),
            dut.o.ready.eq(self.o.ready),
            Value.cast(self.o.payload).eq(self._output(m)),
        ]
        if hasattr(dut, "load"):
            m.d.comb += [
                Value.cast(dut.load.payload).eq(Value.cast(self.load.payload)),
                dut.load.valid.eq(self.load.valid),
                self.load.ready.eq(dut.load.ready),
            ]
        if hasattr(dut, "hold"):
            m.d.comb += dut.hold.eq(self.hold)
        if hasattr(dut, "framing_error"):
            m.d.comb += self.framing_error.eq(dut.framing_error)
        m.d.comb += self.idle.eq(getattr(dut, "idle", 1) & self._quiet(m))
        return m

    def _more(self, m: Module) -> Value:
        """Return whether fewer beats have been given than may be."""
        given = Signal(range(self._most + 1))
        more = given != self._most
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += given.eq(given + 1)
        return more

    def _output(self, m: Module) -> Value:
        """Return an output beat, its ``last`` counted where the component has none."""
        payload = Value.cast(self._dut.o.payload)
        if self._plug.o_last:
            return payload
        folds = self.machine.foldings[-1].neuron_folds
        beat = Signal(range(max(folds, 2)))
        last = beat == folds - 1
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += beat.eq(beat + 1)
            with m.If(last):
                m.d.sync += beat.eq(0)
        return payload | last << len(payload)

    def _quiet(self, m: Module) -> Value:
        """Return whether nothing has come out since ``hold`` went up, for long enough."""
        cycles = Signal(range(QUIET + 1))
        quiet = cycles == QUIET
        with m.If(~self.hold | self.o.valid):
            m.d.sync += cycles.eq(0)
        with m.Elif(~quiet):
            m.d.sync += cycles.eq(cycles + 1)
        return quiet


def plug_of(dut: Component, shape: Shape) -> Plug:
    """Return how the streams of a component are laid out.

    Raises
    ------
    BittrueError
        If a port is missing, or not as wide as the shape asks for.
    """
    for name in ("i", "o", *(["load"] if hasattr(dut, "load") else [])):
        _check_stream(dut, name)
    bits = (len(Value.cast(getattr(dut, name).payload)) for name in ("i", "o"))
    plug = Plug.packed(shape, *bits)
    if hasattr(dut, "load"):
        check_load_width(len(Value.cast(dut.load.payload)), plug.machine(shape))
    return plug


def _check_stream(dut: Component, name: str) -> None:
    stream = getattr(dut, name, None)
    if not all(hasattr(stream, wire) for wire in ("payload", "valid", "ready")):
        raise BittrueError(f"{type(dut).__name__} must have a stream {name}, got {stream!r}")
    if isinstance(getattr(stream, "ready" if name == "o" else "valid"), Const):
        raise BittrueError(
            f"the stream {name} of {type(dut).__name__} must have a handshake, got one without"
        )


def check_load_width(bits: int, machine: Machine) -> None:
    """Refuse a load port whose requests are not as wide as a machine's."""
    wanted = int(load_layout(data_width_of(machine)).size)
    if bits != wanted:
        raise BittrueError(
            f"the payload of load must have {wanted} bits, as of a load request for these "
            f"formats, got {bits}"
        )
