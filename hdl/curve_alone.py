"""A curve between registers, for measuring one alone."""

from amaranth.hdl import Module
from amaranth.lib.wiring import Component, In, Out

from bittrue.model.curves import Curve as Table

from .curve import Curve
from .shapes import shape_of


class CurveAlone(Component):
    """A curve between registers, always enabled, with what it loses left out.

    Parameters
    ----------
    table : model Curve
        Segments, formats, mirror.
    registers : bool
        False leaves all registers out, those around the curve too.

    Members
    -------
    i : In(pre-activation format)
        Code.
    o : Out(output format)
        Code.
    """

    def __init__(self, table: Table, *, registers: bool = True) -> None:
        self._table, self._registers = table, registers
        super().__init__({"i": In(shape_of(table.input)), "o": Out(shape_of(table.output.format))})

    def elaborate(self, platform: object) -> Module:
        """Put a register before the curve."""
        m = Module()
        m.submodules.curve = curve = Curve(self._table, registers=self._registers)
        if self._registers:
            m.d.sync += curve.i.eq(self.i)
        else:
            m.d.comb += curve.i.eq(self.i)
        m.d.comb += [curve.en.eq(1), self.o.eq(curve.o)]
        return m
