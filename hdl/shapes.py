"""How formats look as Amaranth shapes."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Mux, Shape, Value
from amaranth.lib.data import ArrayLayout, StructLayout, View
from amaranth.lib.stream import Signature

from bittrue.model.types import Format

UNORDERED = {"no_rw_check": 1}
"""Attributes of a memory of which no word is used that was read as it was being written.

Yosys then leaves out the comparison of addresses that block RAM would need for it.
"""


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


def words_of(lanes: View) -> list[Value]:
    """Return the codes that stand side by side, lane 0 first."""
    return [lanes[n] for n in range(lanes.shape().length)]


def blanked(words: Sequence[Value], real: Value) -> Value:
    """Return codes side by side, 0 for those whose bit of ``real`` is not set.

    The bits of ``real`` serve the codes in turn, over and over.
    """
    return Cat(Mux(real[n % len(real)], word, 0)[: len(word)] for n, word in enumerate(words))
