"""What a curve is made of, as in `bittrue.hdl.curve`."""

from bittrue.hdl import timing
from bittrue.hdl.curve_rows import (
    FEW,
    Cells,
    cells_of,
    columns_of,
    lookup_cost,
    result_format,
    stays_inside,
    total_format,
    trailing_zeros,
)
from bittrue.model.curves import Curve
from bittrue.model.modes import Rounding
from bittrue.model.types import Format

from .estimate_parts import LOOKS_AT_ALL, Parts, gate


def add_curve(parts: Parts, table: Curve, watched: set[str], count: int) -> None:
    """Count the curves of so many neurons.

    Parameters
    ----------
    parts : Parts
        Where they are counted.
    table : Curve
        Of all of them.
    watched : set of str
        Losses that something looks at: ``"overflowed"``, ``"inexact"``.
    count : int
        How many.
    """
    width = table.input.width
    if table.mirror is not None:
        parts.put("mirrored bits", width * count)
        parts.adder("mirror", width, count)
        parts.put("curve ff", (width + timing.curve(table) - 1) * count)
    slopes, intercepts = columns_of(table)
    shifts = timing.shifts_only(table)
    common = [trailing_zeros(slopes), trailing_zeros(intercepts)]
    columns = [[code >> common[0] for code in slopes], [code >> common[1] for code in intercepts]]
    if shifts:
        kinds = sorted(set(slopes))
        columns[0] = [kinds.index(slope) for slope in slopes]
        if len(kinds) > FEW:
            columns[0] = [2 * max(slope.bit_length() - 1, 0) + (slope > 0) for slope in slopes]
    bits = [_bits(column) for column in columns]
    cells = cells_of(table)
    if cells:
        _address(parts, cells, columns, width, count)
    else:
        _compare(parts, table, columns, count)
    total = total_format(table)
    if shifts:
        parts.put("curve ff", (width + bits[0] + bits[1]) * count)
        _shifter(parts, slopes, width, count)
    else:
        slope = Format.spanning(min(columns[0]), max(columns[0]), 0)
        parts.multiplier("curve product", slope, table.argument, count)
        product_bits = slope.width + width
        parts.put("curve ff", 2 * (bits[0] + width + product_bits + 2 * bits[1]) * count)
    if len(table.segments) > 1 or intercepts[0]:
        product_low = total.frac - table.slope_format.frac - table.input.frac + common[0]
        intercept_low = total.frac - table.intercept_format.frac + common[1]
        parts.adder("curve sum", total.width - max(product_low, intercept_low, 0), count)
    parts.put("curve ff", total.width * count)
    if stays_inside(table):
        _rounded(parts, table, total, watched, count)
    else:
        parts.requantizer("requantize", total, table.output, watched, count)
        if table.mirror is not None:
            parts.put("mirrored bits", table.output.format.width * count)
            parts.adder("mirror", table.output.format.width, count)
            parts.put("curve ff", table.output.format.width * count)


def _bits(column: list[int]) -> int:
    varying = len(set(column)) > 1
    return (max(code.bit_length() for code in column) + (min(column) < 0)) if varying else 0


def _address(parts: Parts, cells: Cells, columns: list[list[int]], width: int, count: int) -> None:
    """Count what finds a row by the top bits."""
    row_bits = max(cells.rows).bit_length()
    if cells.direct:
        words = [[column[row] for row in cells.rows] for column in columns]
        parts.put("looked up", sum(map(lookup_cost, words)) * count)
        return
    parts.put("looked up", (lookup_cost(cells.rows) + sum(map(lookup_cost, columns))) * count)
    if cells.split:
        skip = trailing_zeros(cells.splits)
        parts.put("looked up", lookup_cost(cells.splits) * count)
        parts.adder("split", cells.low_bits - skip, count)
        parts.put("split choice", row_bits * count)
        split_bits = _bits([split >> skip for split in cells.splits])
        parts.put("curve ff", (split_bits + 2 * row_bits + 2 * width) * count)


def _compare(parts: Parts, table: Curve, columns: list[list[int]], count: int) -> None:
    """Count comparators, and the ORs that make words of what they find."""
    rows = table.segments
    for row in rows[1:]:
        parts.adder("comparator", table.argument.width - trailing_zeros([row.start]), count)
    parts.put("compared rows", len(rows) * count)
    parts.put("curve ff", (len(rows) + table.argument.width) * count)
    for column in columns:
        for bit in range(_bits(column)):
            parts.put("word ones", gate(sum(code >> bit & 1 for code in column)) * count)


def _shifter(parts: Parts, slopes: list[int], width: int, count: int) -> None:
    """Count what shifts an argument by the slope."""
    kinds = sorted(set(slopes))
    shifts = [slope.bit_length() - 1 for slope in kinds if slope]
    if not shifts or len(kinds) == 1 or (len(kinds) == 2 and kinds[0] == 0):
        # a choice between a word and zero is left to the reset of registers
        return
    reach = max(shifts) - min(shifts)
    if len(kinds) <= FEW:
        parts.put(f"shifted bits of {len(kinds)}", (width + reach) * count)
    else:
        parts.put("barrel bits", (width + reach / 2) * max(reach.bit_length(), 1) * count)


def _rounded(parts: Parts, table: Curve, total: Format, watched: set[str], count: int) -> None:
    """Count what rounds, and mirrors, a table that never overflows."""
    target = table.output
    drop = total.frac - target.format.frac
    result = result_format(table).width
    if drop > 0 and (target.rounding in LOOKS_AT_ALL or "inexact" in watched):
        parts.put("dropped bits", min(drop, total.width) * count)
        parts.put("curve ff", count if "inexact" in watched else 0)
    if table.mirror is not None:
        parts.put("turned bits", result * count)
        parts.adder("result", result + 1, count)
    elif drop > 0 and target.rounding is not Rounding.TRN:
        parts.adder("result", result, count)
    parts.put("curve ff", result * count)
