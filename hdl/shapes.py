"""How formats look as Amaranth shapes."""

from amaranth.hdl import Shape
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.stream import Signature

from bittrue.model.types import Format


def shape_of(format: Format) -> Shape:
    """Return the Amaranth shape of a format's codes."""
    return Shape(format.width, format.signed)


def index_below(count: int) -> range:
    """Return the shape of numbers below ``count``, at least one bit wide: Verilog has no less."""
    return range(max(count, 2))


def lanes_of(format: Format, count: int) -> ArrayLayout:
    """Return ``count`` codes side by side, lane 0 lowest."""
    return ArrayLayout(shape_of(format), count)


def beats_of(format: Format, count: int) -> Signature:
    """Return a stream whose beats carry ``count`` codes and ``last``, which ends a sample."""
    return Signature(StructLayout({"lanes": lanes_of(format, count), "last": 1}))
