"""Amounts of what hardware is made of, by name, and the parts that components have in common.

What one of a part costs is fitted on synthesis runs, see `bittrue.flow.estimate`. A name that ends
in ``carry`` counts cells of two bits of an adder, ``short`` bits of adders too short for such
cells, ``ff`` bits of registers; all others count bits or inputs of logic.
"""

from collections import Counter

from bittrue.model.modes import Overflow, Rounding
from bittrue.model.types import FixedType, Format

SHORTEST_CARRY = 5
"""Bits of an adder from which on carry cells are used."""

MULTIPLIER = 18
"""Bits of each operand of a hard multiplier."""

LUT_INPUTS = 4
LONGEST = "longest adder"
"""Bits of the longest adder: the one amount that is no sum."""

LOOKS_AT_ALL = (
    *(Rounding.TRN_ZERO, Rounding.RND_ZERO, Rounding.RND_INF),
    *(Rounding.RND_MIN_INF, Rounding.RND_CONV),
)
"""Modes that need all bits that are dropped."""


class Parts(Counter[str]):
    """Amounts by name."""

    def put(self, name: str, amount: float) -> None:
        """Count so much more of a part."""
        if amount > 0:
            self[name] += amount  # type: ignore[assignment]

    def adder(self, where: str, bits: int, count: int = 1) -> None:
        """Count adders, subtractors or comparators of so many bits."""
        self[LONGEST] = max(self[LONGEST], bits if count else 0)
        if bits >= SHORTEST_CARRY:
            self.put(f"{where} carry", -(-bits // 2) * count)
        else:
            self.put(f"{where} short", bits * count)

    def multiplier(self, where: str, a: Format, b: Format, count: int) -> None:
        """Count products of two words, and what joins their pieces where one is too wide."""
        signed = a.signed or b.signed
        widths = [a.width, b.width]
        for n, (word, other) in enumerate(((a, b), (b, a))):
            # a word without sign is given one, where it is split beside a word with one
            widths[n] += not word.signed and other.signed and word.width > MULTIPLIER
        wide, narrow = _pieces(max(widths)), _pieces(min(widths))
        for x in wide:
            for y in narrow:
                if min(x, y) > 1:
                    self.put("dsp", count)
                else:
                    self.put(f"{where} gated", max(x, y) * count)
                    self.adder(f"{where} negated", max(x, y) * signed, count)
            for y in narrow[1:]:
                self.adder(f"{where} joined", x + y, count)
        for x in wide[1:]:
            self.adder(f"{where} joined", x + min(widths), count)

    def requantizer(
        self, where: str, source: Format, target: FixedType, watched: set[str], count: int
    ) -> None:
        """Count requantizers, as in `bittrue.hdl.requantize`.

        The source is what is left of the format where nothing looks at its high bits.
        """
        drop = source.frac - target.format.frac
        wraps = target.overflow is Overflow.WRAP and "overflowed" not in watched
        rounded = source.width
        if drop > 0:
            rounded = max(source.width - drop, 1) + 1
        if wraps:
            rounded = min(rounded, target.format.width)
        if drop > 0:
            if target.rounding is not Rounding.TRN:
                self.adder(where, rounded, count)
            if target.rounding in LOOKS_AT_ALL or "inexact" in watched:
                self.put("dropped bits", min(drop, source.width) * count)
            self.put(f"{where} ff", 2 * count if "inexact" in watched else 0)
        self.put(f"{where} ff", rounded * count)
        above = rounded - (target.format.width - target.format.signed - max(-drop, 0))
        fits = above <= 1 and target.format.signed >= source.signed
        if fits and target.overflow is not Overflow.SAT_SYM:
            self.put(f"{where} ff", min(target.format.width, rounded) * count)
            return
        self.put(f"{where} ff", target.format.width * count)
        if not wraps:
            self.put("bits above", above * count)
            self.put(f"{where} ff", count if "overflowed" in watched else 0)
        if target.overflow is Overflow.SAT_SYM:
            self.put("dropped bits", target.format.width * count)
        # zeros are left to the reset of registers
        if target.overflow in (Overflow.SAT, Overflow.SAT_SYM):
            self.put("saturated bits", target.format.width * count)


def _pieces(bits: int) -> list[int]:
    whole = (bits - 1) // MULTIPLIER
    return [MULTIPLIER] * whole + [bits - MULTIPLIER * whole]


def gate(inputs: int) -> int:
    """Return the look-up tables of one function of so many inputs that falls into a tree."""
    return -(-max(inputs - 1, 0) // (LUT_INPUTS - 1))
