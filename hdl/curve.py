"""A piecewise-linear curve in gates."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from bittrue.model.curves import Curve as Table
from bittrue.model.types import Format

from . import timing
from .pipeline import delayed
from .requantize import Requantize
from .shapes import shape_of


class Curve(Component):
    """A piecewise-linear curve: look the segment up, multiply, add, requantize, mirror.

    The constants are those of the table it is made from. Where all slopes are powers of two there
    is no multiplier: the argument is shifted.

    Parameters
    ----------
    table : model Curve
        Segments, formats, mirror.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    i : In(pre-activation format)
        Code.
    o : Out(output format)
        Code, ``latency`` enabled cycles later.
    inexact, overflowed : Out(1)
        What the requantization lost, before mirroring. In step with ``o``.

    Attributes
    ----------
    latency : int
        Enabled cycles from ``i`` to ``o``. Initiation interval 1.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self.latency = timing.curve(table)
        super().__init__(
            {
                "en": In(1),
                "i": In(shape_of(table.input)),
                "o": Out(shape_of(table.output.format)),
                "inexact": Out(1),
                "overflowed": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the stages in order."""
        m = Module()
        m.submodules.requantize = requantize = Requantize(
            self._table.sum_format, self._table.output
        )
        mirrored = self._table.mirror is not None
        z = Mux(self.i < 0, -self.i, self.i)[: len(self.i)] if mirrored else self.i
        z = delayed(m, z, 1, name="argument", en=self.en)
        m.d.comb += [requantize.en.eq(self.en), requantize.i.eq(self._line(m, z))]
        results = (requantize.o, requantize.inexact, requantize.overflowed)
        if mirrored:
            stages = self.latency - 1
            negative = delayed(m, self.i < 0, stages, name="negative", en=self.en)
            value = Mux(negative, self._table.mirror - requantize.o, requantize.o)
            results = tuple(
                delayed(m, result, 1, name=f"result_{n}", en=self.en)
                for n, result in enumerate((value, *results[1:]))
            )
        ports = (self.o, self.inexact, self.overflowed)
        m.d.comb += [port.eq(result) for port, result in zip(ports, results, strict=True)]
        return m

    def _line(self, m: Module, z: Signal) -> Value:
        """Return ``slope * z + intercept`` of the segment that ``z`` falls in."""
        table = self._table
        reached = Cat(1, *(z >= segment.start for segment in table.segments[1:]))
        inside = reached & ~(reached >> 1)
        inside = delayed(m, inside, 1, name="inside", en=self.en)
        z = delayed(m, z, 1, name="argument_beside_inside", en=self.en)

        frac = table.sum_format.frac
        intercept_shift = frac - table.intercept_format.frac
        product_shift = frac - table.slope_format.frac - table.input.frac
        intercept = _constant(
            m, inside, [s.intercept for s in table.segments], table.intercept_format, "intercept"
        )
        intercept = delayed(m, intercept, 1, name="intercept", en=self.en)
        if timing.shifts_only(table):
            product = delayed(m, self._shifted(m, inside, z), 1, name="product", en=self.en)
        else:
            slopes = [s.slope for s in table.segments]
            slope = _constant(m, inside, slopes, table.slope_format, "slope")
            slope = delayed(m, slope, 1, name="slope", en=self.en)
            z = delayed(m, z, 1, name="argument_beside_slope", en=self.en)
            product = delayed(m, slope * z, 1, name="product", en=self.en)
            intercept = delayed(m, intercept, 1, name="intercept_beside_product", en=self.en)
        total = (product << product_shift) + (intercept << intercept_shift)
        return delayed(m, total, 1, name="total", en=self.en, shape=shape_of(table.sum_format))

    def _shifted(self, m: Module, inside: Value, z: Signal) -> Signal:
        """Return ``slope * z`` where all slopes are zero or powers of two."""
        table = self._table
        product = Signal(shape_of(table.slope_format * table.argument), name="shifted")
        for number, row in enumerate(table.segments):
            if row.slope:
                with m.If(inside[number]):
                    m.d.comb += product.eq(z << row.slope.bit_length() - 1)
        return product


def _constant(m: Module, inside: Value, codes: list[int], format: Format, name: str) -> Signal:
    """Return the code of the segment whose bit of ``inside`` is set, each bit an OR of those."""
    chosen = Signal(shape_of(format), name=f"{name}_chosen")
    for bit in range(format.width):
        m.d.comb += chosen[bit].eq(
            Cat(inside[n] for n, c in enumerate(codes) if c >> bit & 1).any()
        )
    return chosen
