"""Requantization and curve of a layer as one table, for pre-activation words of at most 16 bits.

A sum is cut and rounded to the pre-activation's LSB, which gives a *rounded* code of any size. The
table holds the layer's output code for each rounded code from `Table.first` on; what the overflow
mode does with the others is in the table's ends, or, for WRAP, in its period.
"""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .curves import Curve
from .formats import Codes, Overflow, Rounding
from .shape import Layer

MAX_INDEX_BITS = 16
"""Widest pre-activation word that is looked up."""

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Table:
    """Output codes by rounded codes.

    Parameters
    ----------
    codes : ndarray of int64, shape (entries,)
        Output codes, read-only.
    first : int
        The rounded code of the first entry.
    wraps : bool
        Rounded codes outside the table are taken modulo its length; else its nearest end holds.
    """

    codes: Codes = field(repr=False)
    first: int
    wraps: bool

    @property
    def last(self) -> int:
        """The rounded code of the last entry."""
        return self.first + len(self.codes) - 1

    @cached_property
    def low(self) -> int:
        """Smallest output code."""
        return int(self.codes.min())

    @cached_property
    def high(self) -> int:
        """Largest output code."""
        return int(self.codes.max())

    @cached_property
    def _typed(self) -> dict[str, npt.NDArray[Any]]:
        return {"int64": self.codes}

    def typed(self, name: str) -> npt.NDArray[Any]:
        """Return the codes as an array of another type that holds them exactly."""
        if name not in self._typed:
            self._typed[name] = self.codes.astype(name)
        return self._typed[name]

    def look_up(self, rounded: Codes, out: npt.NDArray[Any]) -> None:
        """Write the output codes of rounded codes into ``out``; ``rounded`` is overwritten."""
        np.subtract(rounded, self.first, out=rounded)
        if self.wraps:
            np.bitwise_and(rounded, len(self.codes) - 1, out=rounded)
        np.take(self.typed(out.dtype.name), rounded, out=out, mode="clip")


def table_of(layer: Layer) -> Table | None:
    """Return the table of a layer, or None where its pre-activation word is too wide for one."""
    if layer.preactivation.format.width > MAX_INDEX_BITS:
        return None
    return _table(layer.curve, layer.preactivation.overflow)


@lru_cache(maxsize=64)
def _table(curve: Curve, overflow: Overflow) -> Table:
    format = curve.input
    codes, first = curve.evaluate(format.codes()), format.min_code
    if overflow is Overflow.SAT_SYM and format.signed:
        codes[0] = codes[1]
    if overflow is Overflow.SAT_ZERO:
        codes, first = np.pad(codes, 1, constant_values=codes[-first]), first - 1
    codes.flags.writeable = False
    return Table(codes, first, overflow is Overflow.WRAP)


def output_ends(layer: Layer) -> tuple[int, int]:
    """Return codes that a layer's outputs cannot leave: the ends of its table where it has one."""
    table, curve = table_of(layer), layer.curve
    format = curve.output.format
    if table is not None:
        return table.low, table.high
    if curve.output.overflow in (Overflow.WRAP, Overflow.SAT_ZERO):
        return format.min_code, format.max_code
    # within a segment the value is monotone: its ends bound it
    ends = np.array(curve.ends(), dtype=np.int64).ravel()
    if curve.mirror is not None:
        ends = np.concatenate([np.minimum(ends, curve.input.max_code), -ends])
    codes = curve.evaluate(ends)
    return int(codes.min()), int(codes.max())


def integer_rounding(rounding: Rounding, drop: int) -> tuple[int, int, int]:
    """Return ``probe``, ``mask`` and ``add`` that round a sum while ``drop`` bits are cut.

    The rounded code is ``(s >> drop) + ((s mod 2**drop) + add + (s >> probe & mask) >> drop)``.
    """
    if drop == 0:
        return 0, 0, 0
    half, sign = 1 << drop - 1, 31
    return {
        Rounding.TRN: (0, 0, 0),
        Rounding.TRN_ZERO: (sign, 2 * half - 1, 0),
        Rounding.RND: (0, 0, half),
        Rounding.RND_ZERO: (sign, 1, half - 1),
        Rounding.RND_INF: (sign, -1, half),
        Rounding.RND_MIN_INF: (0, 0, half - 1),
        Rounding.RND_CONV: (drop, 1, half - 1),
    }[rounding]


def round_floats(sums: Floats, rounding: Rounding) -> None:
    """Round floats to integers in place; exact where ``|sum| + 1/2`` is.

    TRN_ZERO is left to the conversion to integers that follows, which does just that.
    """
    if rounding is Rounding.RND_CONV:
        np.rint(sums, out=sums)
    elif rounding is Rounding.TRN:
        np.floor(sums, out=sums)
    elif rounding is Rounding.RND:
        np.floor(np.add(sums, 0.5, out=sums), out=sums)
    elif rounding is Rounding.RND_MIN_INF:
        np.ceil(np.subtract(sums, 0.5, out=sums), out=sums)
    elif rounding is Rounding.RND_INF:
        np.add(sums, np.copysign(0.5, sums), out=sums)
    elif rounding is Rounding.RND_ZERO:
        towards = np.copysign(0.5, sums)
        np.ceil(np.subtract(np.abs(sums, out=sums), 0.5, out=sums), out=sums)
        np.copysign(sums, towards, out=sums)
