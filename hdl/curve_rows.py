"""How the row of a curve's argument is found: by comparing with all starts, or by its top bits.

What is cheaper depends on the table alone. Costs are in look-up tables of four inputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from bittrue.model.curves import Curve
from bittrue.model.modes import Overflow, Rounding
from bittrue.model.types import Format

MAX_CELL_BITS = 10
"""Most top bits that are looked up."""

FEW = 4
"""Words between which is chosen at once, by two bits."""

LUT_INPUTS = 4
FREE_INPUTS = 7
"""Inputs up to which devices join look-up tables by multiplexers of their own."""


@dataclass(frozen=True)
class Cells:
    """Equal pieces of a curve's argument, told apart by its top bits; a row may start inside.

    Members
    -------
    low_bits : int
        Bits of an argument below the cell's.
    rows : tuple of int
        Row at the end of each cell, by the top bits as an unsigned number.
    splits : tuple of int
        Low bits from which on that row holds, and below which the one before does; 0 where it
        holds in all of the cell.
    """

    low_bits: int
    rows: tuple[int, ...]
    splits: tuple[int, ...]

    @classmethod
    def of(cls, table: Curve, low_bits: int) -> "Cells | None":
        """Return the cells of so many low bits, or None if two rows start inside of one."""
        argument = table.argument
        starts = [row.start for row in table.segments]
        found = []
        for pattern in range(1 << argument.width - low_bits):
            first = pattern << low_bits
            if first > argument.max_code:
                first -= 1 << argument.width
            end = min(first + (1 << low_bits) - 1, table.last_argument)
            inside = [start for start in starts if first < start <= end]
            if len(inside) > 1:
                return None
            row = sum(start <= end for start in starts) - 1
            found.append((row, inside[0] - first if inside else 0))
        rows, splits = zip(*found, strict=True)
        return cls(low_bits, rows, splits)

    @property
    def split(self) -> bool:
        """Whether a row starts inside a cell: one comparison is needed."""
        return any(self.splits)

    @property
    def direct(self) -> bool:
        """Whether words are looked up by the cell, and not by its row's number.

        A number of two bits costs a look-up table no input more than the cell; where it is longer,
        what a cell leads to is found in fewer look-up tables at once.
        """
        return not self.split and max(self.rows) >= FEW

    def cost(self, columns: Sequence[Sequence[int]]) -> int:
        """Return the look-up tables that give the words of a row, from columns of such words."""
        if self.direct:
            return sum(lookup_cost([column[row] for row in self.rows]) for column in columns)
        by_row = lookup_cost(self.rows) + sum(lookup_cost(column) for column in columns)
        if not self.split:
            return by_row
        comparison = _carries(self.low_bits - trailing_zeros(self.splits))
        subtraction = _carries(max(self.rows).bit_length())
        return by_row + lookup_cost(self.splits) + comparison + subtraction


@lru_cache(maxsize=256)
def cells_of(table: Curve) -> Cells | None:
    """Return the cells by which a table's rows are found, or None if comparing is cheaper."""
    width, columns = table.argument.width, columns_of(table)
    tried = [Cells.of(table, width - bits) for bits in range(1, min(width, MAX_CELL_BITS) + 1)]
    cells = min(filter(None, tried), key=lambda cells: cells.cost(columns), default=None)
    if cells is None or comparing_cost(table) < cells.cost(columns):
        return None
    return cells


def columns_of(table: Curve) -> tuple[list[int], list[int]]:
    """Return slopes and intercepts."""
    return [row.slope for row in table.segments], [row.intercept for row in table.segments]


def total_format(table: Curve) -> Format:
    """Return the smallest format of the sums that a table really has, fractional bits as stated."""
    low, high = _sum_ends(table)
    return Format.spanning(low, high, table.sum_format.frac)


def stays_inside(table: Curve) -> bool:
    """Tell whether no sum of a table, once rounded, leaves the output format."""
    low, high = _rounded_ends(table)
    target = table.output.format
    symmetric = table.output.overflow is Overflow.SAT_SYM and target.signed
    return target.min_code + symmetric <= low and high <= target.max_code


def result_format(table: Curve) -> Format:
    """Return the smallest format of the results of a table that stays inside."""
    target = table.output.format
    format = Format.spanning(*result_ends(table), target.frac)
    return format if format.width < target.width else target


def result_ends(table: Curve) -> tuple[int, int]:
    """Return codes between which all results of a table lie that stays inside."""
    low, high = _rounded_ends(table)
    if table.mirror is not None:
        low, high = min(low, table.mirror - high), max(high, table.mirror - low)
    return low, high


def _rounded_ends(table: Curve) -> tuple[int, int]:
    """Return codes between which all rounded sums of a table lie, in the output's LSB."""
    low, high = _sum_ends(table)
    mode, drop = table.output.rounding, table.sum_format.frac - table.output.format.frac
    if drop <= 0:
        return low << -drop, high << -drop
    if mode is Rounding.TRN:
        return low >> drop, high >> drop
    if mode is Rounding.TRN_ZERO:
        return low >> drop, -(-high >> drop) if high < 0 else high >> drop
    half = 1 << drop - 1
    return -(half - low >> drop), high + half >> drop


def _sum_ends(table: Curve) -> tuple[int, int]:
    """Return the smallest and the largest sum that a table really has, in its sum format."""
    frac = table.sum_format.frac
    sums = [
        (row.slope * end << frac - table.slope_format.frac - table.input.frac)
        + (row.intercept << frac - table.intercept_format.frac)
        for row, ends in zip(table.segments, table.ends(), strict=True)
        for end in ends
    ]
    return min(sums), max(sums)


def comparing_cost(table: Curve) -> int:
    """Look-up tables of a comparator for each start, and of an OR for each bit of a constant."""
    width, rows = table.argument.width, table.segments
    comparators = sum(_carries(width - trailing_zeros([row.start])) for row in rows[1:])
    inside = len(rows)
    ones = 0
    for column in columns_of(table):
        for bit in range(max(code.bit_length() for code in column) + (min(column) < 0)):
            set_in = sum(code >> bit & 1 for code in column)
            ones += -(-max(set_in - 1, 0) // (LUT_INPUTS - 1))
    return comparators + inside + ones


def lookup_cost(words: Sequence[int]) -> int:
    """Return the look-up tables of a function from an index to a word."""
    count = max((len(words) - 1).bit_length(), 0)
    padded = [*words, *[words[-1]] * ((1 << count) - len(words))]
    width = max(word.bit_length() for word in words) + (min(words) < 0)
    return sum(_bit_cost([word >> bit & 1 for word in padded]) for bit in range(width))


def _bit_cost(values: list[int]) -> int:
    """Return the look-up tables of one bit: parts of four inputs, and what joins many of them."""
    size = 1 << LUT_INPUTS
    if len(values) <= size:
        return int(0 < sum(values) < len(values))
    parts = {tuple(values[at : at + size]) for at in range(0, len(values), size)}
    varying = sum(0 < sum(part) < size for part in parts)
    joined = len(values) >> FREE_INPUTS
    return varying + (joined - 1 if joined > 1 else 0) + (varying == 0 and len(parts) > 1)


def trailing_zeros(codes: Sequence[int]) -> int:
    """Return the low bits that are 0 in all codes; 0 where all codes are."""
    union = 0
    for code in codes:
        union |= code
    return max((union & -union).bit_length() - 1, 0)


def _carries(bits: int) -> int:
    """Return the look-up tables of a chain of so many bits, two a carry cell, and one to get in."""
    return 2 * (bits // 2 + 1)
