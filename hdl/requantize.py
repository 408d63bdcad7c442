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
    registers : bool
        False leaves all registers out: the latency is 0.

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

    def __init__(self, source: Format, target: FixedType, *, registers: bool = True) -> None:
        self._source, self._target, self._registers = source, target, registers
        self.latency = timing.REQUANTIZE if registers else 0
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
        kept, increment, inexact = increment_of(self.i, drop, self._target.rounding)
        rounded = self._held(m, kept + increment if drop > 0 else kept, "rounded")
        inexact = self._held(m, self._held(m, inexact, "was_inexact"), "was_inexact_2")
        raise_by = max(-drop, 0)
        overflowed = self._outside(rounded, raise_by)
        low_bits = Signal.like(self.o)
        if raise_by < self._target.format.width:
            m.d.comb += low_bits.eq(rounded << raise_by)
        fitted = Signal(self.o.shape())
        m.d.comb += [
            fitted.eq(self._fitted(low_bits, overflowed, sign_of(rounded))),
            self.o.eq(self._held(m, fitted, "fitted")),
            self.overflowed.eq(self._held(m, overflowed, "was_overflowed")),
            self.inexact.eq(inexact),
        ]
        return m

    def _held(self, m: Module, value: Value, name: str) -> Value:
        """Return a value behind a register, if there are any."""
        return delayed(m, value, 1, name=name, en=self.en) if self._registers else value

    def _outside(self, rounded: Value, raise_by: int) -> Value:
        """Tell whether a rounded code, raised by some bits, leaves the target's range."""
        target = self._target.format
        magnitude_bits = target.width - target.signed - raise_by
        if magnitude_bits < 0:
            return rounded.any()
        sign = sign_of(rounded)
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


def sign_of(code: Value) -> Value:
    """Return whether a code is negative."""
    return code[-1] if code.shape().signed else Const(0, 1)


def increment_of(code: Value, drop: int, rounding: Rounding) -> tuple[Value, Value, Value]:
    """Return a code without its low bits, what rounding adds to it, and whether bits were lost.

    Parameters
    ----------
    code : Value
        What is rounded.
    drop : int
        How many bits; none are where it is not above 0.
    rounding : Rounding
        Its mode.
    """
    if drop <= 0:
        return code, Const(0, 1), Const(0, 1)
    width, sign = len(code), sign_of(code)

    def bit(n: int) -> Value:
        return code[n] if n < width else sign

    half, odd, rest = bit(drop - 1), bit(drop), code[: drop - 1].any()
    increment = {
        Rounding.TRN: Const(0, 1),
        Rounding.TRN_ZERO: sign & (half | rest),
        Rounding.RND: half,
        Rounding.RND_ZERO: half & (sign | rest),
        Rounding.RND_INF: half & (~sign | rest),
        Rounding.RND_MIN_INF: half & rest,
        Rounding.RND_CONV: half & (odd | rest),
    }[rounding]
    kept = code[drop:] if drop < width else sign
    return (kept.as_signed() if code.shape().signed else kept), increment, half | rest
