"""The derivative of a curve in gates, from its output or from the segment it lies in."""

from amaranth.hdl import Cat, Const, Module, Value
from amaranth.lib.wiring import Component, In, Out

from bittrue.model.curves import Curve
from bittrue.model.learning import Derivative, one_of
from bittrue.model.types import Format

from . import timing
from .curve_rows import columns_of, result_ends, stays_inside
from .pipeline import APART, delayed
from .shapes import shape_of


def source_format(curve: Curve, derivative: Derivative) -> Format:
    """Return the format of what a derivative is taken from: outputs, or pre-activations."""
    return curve.output.format if derivative is Derivative.OUTPUT else curve.input


def output_ends(curve: Curve) -> tuple[int, int]:
    """Return codes between which all outputs of a curve lie."""
    if stays_inside(curve):
        return result_ends(curve)
    return curve.output.format.min_code, curve.output.format.max_code


def slope_format(curve: Curve, derivative: Derivative) -> Format:
    """Return the smallest format of the derivatives that a curve really has."""
    if derivative is Derivative.SLOPE:
        slopes, _ = columns_of(curve)
        return Format.spanning(min(slopes), max(slopes), curve.slope_format.frac)
    one, (low, high) = one_of(curve) or 0, output_ends(curve)
    ends = [y * (one - y) for y in (low, high, min(max(one // 2, low), high))]
    return Format.spanning(min(ends), max(ends), 2 * curve.output.format.frac)


class Slope(Component):
    """A curve's derivative, exact.

    Parameters
    ----------
    curve : Curve
        Whose it is.
    derivative : Derivative
        How it is taken.

    Members
    -------
    i : In(source_format)
        Output code, or pre-activation code.
    o : Out(slope_format)
        Derivative, ``latency`` cycles later.

    Attributes
    ----------
    latency : int
        Cycles from ``i`` to ``o``. Initiation interval 1.
    """

    latency = timing.SLOPE

    def __init__(self, curve: Curve, derivative: Derivative) -> None:
        self._curve, self._derivative = curve, derivative
        super().__init__(
            {
                "i": In(shape_of(source_format(curve, derivative))),
                "o": Out(shape_of(slope_format(curve, derivative))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Multiply, or look up."""
        m = Module()
        by_output = self._derivative is Derivative.OUTPUT
        m.d.comb += self.o.eq(self._product(m) if by_output else self._looked_up(m))
        return m

    def _product(self, m: Module) -> Value:
        """Return ``y * (c - y)``, of as many bits as outputs really have."""
        one, (low, high) = one_of(self._curve) or 0, output_ends(self._curve)
        sides = {
            "output": (self.i, Format.spanning(low, high, 0)),
            "rest": (one - self.i, Format.spanning(one - high, one - low, 0)),
        }
        y, rest = (
            delayed(m, value, timing.OPERANDS, name=name, shape=shape_of(format), attrs=APART)
            for name, (value, format) in sides.items()
        )
        return delayed(m, y * rest, timing.PRODUCT, name="product", shape=self.o.shape())

    def _looked_up(self, m: Module) -> Value:
        """Return the slope of the last segment that starts no later."""
        z = self.i
        if self._curve.mirror is not None:
            negative = z[-1]
            z = ((z ^ negative.replicate(len(z))).as_unsigned() + negative)[: len(z)]
        z = delayed(m, z, 1, name="argument")
        starts = [row.start for row in self._curve.segments[1:]]
        reached = Cat(Const(1, 1), *(z >= start for start in starts))
        inside = delayed(m, reached & ~(reached >> 1), 1, name="inside")
        slopes, _ = columns_of(self._curve)
        chosen = Cat(
            Cat(inside[n] for n, slope in enumerate(slopes) if slope >> bit & 1).any()
            for bit in range(len(self.o))
        )
        return delayed(m, chosen, 1, name="slope")
