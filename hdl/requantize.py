"""The one place in gates where bits are lost: round, then fit the range."""

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from bittrue.model.modes import Overflow, Rounding
from bittrue.model.types import FixedType, Format

from . import timing
from .pipeline import delayed
from .shapes import shape_of


class Requantize(Component):
    """Brings a code from one format into a fixed type, in two steps.

    The first cuts and rounds, the second fits the range.

    Parameters
    ----------
    source : Format
        Format of the codes that come.
    target : FixedType
        Format of the codes that go, with rounding and overflow mode.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    i : In(source format)
        Code.
    o : Out(target format)
        Code, ``latency`` enabled cycles later.
    inexact, overflowed : Out(1)
        A non-zero bit was dropped; the rounded value lay outside the range. In step with ``o``.

    Attributes
    ----------
    latency : int
        Enabled cycles from ``i`` to ``o``. Initiation interval 1.
    """

    latency = timing.REQUANTIZE

    def __init__(self, source: Format, target: FixedType) -> None:
        self._source, self._target = source, target
        super().__init__(
            {
                "en": In(1),
                "i": In(shape_of(source)),
                "o": Out(shape_of(target.format)),
                "inexact": Out(1),
                "overflowed": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the two steps."""
        m = Module()
        drop = self._source.frac - self._target.format.frac
        if drop > 0:
            rounded, inexact = self._rounded(drop)
        else:
            rounded, inexact = self.i, Const(0)
        rounded = delayed(m, rounded, 1, name="rounded", en=self.en)
        inexact = delayed(m, inexact, 2, name="was_inexact", en=self.en)
        raise_by = max(-drop, 0)
        overflowed = self._outside(rounded, raise_by)
        low_bits = Signal.like(self.o)
        if raise_by < self._target.format.width:
            m.d.comb += low_bits.eq(rounded << raise_by)
        m.d.comb += self.inexact.eq(inexact)
        with m.If(self.en):
            m.d.sync += [
                self.o.eq(self._fitted(low_bits, overflowed, _sign(rounded))),
                self.overflowed.eq(overflowed),
            ]
        return m

    def _rounded(self, drop: int) -> tuple[Value, Value]:
        """Return the code without its low bits, rounded, one bit wider; and whether any was set."""
        width, signed = self._source.width, self._source.signed
        sign = _sign(self.i)

        def bit(n: int) -> Value:
            return self.i[n] if n < width else sign

        half, odd, rest = bit(drop - 1), bit(drop), self.i[: drop - 1].any()
        increment = {
            Rounding.TRN: Const(0),
            Rounding.TRN_ZERO: sign & (half | rest),
            Rounding.RND: half,
            Rounding.RND_ZERO: half & (sign | rest),
            Rounding.RND_INF: half & (~sign | rest),
            Rounding.RND_MIN_INF: half & rest,
            Rounding.RND_CONV: half & (odd | rest),
        }[self._target.rounding]
        kept = self.i[drop:] if drop < width else sign
        return (kept.as_signed() if signed else kept) + increment, half | rest

    def _outside(self, rounded: Value, raise_by: int) -> Value:
        """Tell whether a rounded code, raised by some bits, leaves the target's range."""
        target = self._target.format
        magnitude_bits = target.width - target.signed - raise_by
        if magnitude_bits < 0:
            return rounded.any()
        sign = _sign(rounded)
        above = rounded[magnitude_bits:]
        if not target.signed:
            return above.any() | sign
        outside = above.any() & ~(above.all() & sign)
        if self._target.overflow is Overflow.SAT_SYM:
            outside |= sign & ~rounded[:magnitude_bits].any()
        return outside

    def _fitted(self, low_bits: Value, overflowed: Value, negative: Value) -> Value:
        """Return the code that stands for a rounded value of which the low bits are known."""
        target, overflow = self._target.format, self._target.overflow
        if overflow is Overflow.WRAP:
            return low_bits
        if overflow is Overflow.SAT_ZERO:
            return Mux(overflowed, 0, low_bits)
        symmetric = overflow is Overflow.SAT_SYM and target.signed
        low = -target.max_code if symmetric else target.min_code
        return Mux(overflowed, Mux(negative, low, target.max_code), low_bits)


def _sign(code: Value) -> Value:
    """Return whether a code is negative."""
    return code[-1] if code.shape().signed else Const(0, 1)
