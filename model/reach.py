"""One neuron's last steps, for all sums it can have: what curve and golden activation are apart.

A curve is looked at code by code, so that each of its jumps counts where it is.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .activations import Activation
from .curves import Curve
from .formats import Codes, Flags, Format, Overflow, Rounding, Values, decode
from .intervals import TINY, UNIT, Bounds, image, slopes
from .shape import Layer

CELL_BITS = 16
"""A curve's input is looked at in at most so many bits' parts; up to that, code by code."""

MOST_STARTS = 256
"""Segments up to which a wide input is looked at closer where they meet."""

NEAREST = (
    Rounding.RND,
    Rounding.RND_ZERO,
    Rounding.RND_INF,
    Rounding.RND_MIN_INF,
    Rounding.RND_CONV,
)


class Cells(NamedTuple):
    """A curve in parts of one segment each.

    Members
    -------
    first, last : ndarray of int64, shape (parts,)
        End codes.
    least, most : ndarray of int64, shape (parts,)
        Least and greatest output code.
    straight : ndarray of bool, shape (parts,)
        Parts of several codes in which outputs are the rounded line, and none overflows.
    middle, slope : ndarray of float64, shape (parts,)
        The line's value in the middle, and its slope.
    """

    first: Codes
    last: Codes
    least: Codes
    most: Codes
    straight: Flags
    middle: Values
    slope: Values


def encoding_errors(rounding: Rounding, format: Format) -> tuple[float, float]:
    """Return the ends of value less code's value where a number is rounded to a format."""
    if rounding in NEAREST:
        return -format.lsb / 2, format.lsb / 2
    return (0.0 if rounding is Rounding.TRN else -format.lsb), format.lsb


def cells_of(curve: Curve) -> Cells:
    """Return a curve in parts, each of one segment and, with its ends, monotone."""
    format, output, sums = curve.input, curve.output.format, curve.sum_format
    starts = {segment.start for segment in curve.segments}
    if curve.mirror is not None:
        starts |= {0, 1} | {1 - start for start in starts}
    bits = min(format.width, CELL_BITS)
    even = format.min_code + (np.arange(1 << bits, dtype=np.int64) << format.width - bits)
    # close to where segments meet, parts are as small as they are near
    few = len(starts) <= MOST_STARTS
    powers = [1 << bit for bit in range(format.width - bits)] if few else []
    starts |= {start + way for start in starts for power in powers for way in (power, -power)}
    inner = [s for s in starts if format.min_code <= s <= format.max_code]
    first = np.union1d(even, np.array(inner, dtype=np.int64))
    last = np.append(first[1:] - 1, format.max_code)
    ends = np.stack([first, last])
    values, _, overflowed = curve.evaluate_flagged(ends)
    least, most = values.min(axis=0), values.max(axis=0)
    if curve.output.overflow in (Overflow.WRAP, Overflow.SAT_ZERO):
        # a part that overflows somewhere does so at an end
        jumps = overflowed.any(axis=0) & (first < last)
        least = np.where(jumps, output.min_code, least)
        most = np.where(jumps, output.max_code, most)
    mirrored = (ends < 0) if curve.mirror is not None else np.zeros(ends.shape, np.bool_)
    lines = np.ldexp(curve.line(np.where(mirrored, -ends, ends)).astype(np.float64), -sums.frac)
    center = 0.0 if curve.mirror is None else float(np.ldexp(curve.mirror, -output.frac))
    middle = np.where(mirrored, center - lines, lines).mean(axis=0)
    rows = curve.segment_of(np.where(mirrored, -ends, ends)[0])
    slope = decode(np.array([row.slope for row in curve.segments]), curve.slope_format)[rows]
    straight = ~overflowed.any(axis=0) & (first < last)
    return Cells(first, last, least, most, straight, middle, slope)


class Neuron(NamedTuple):
    """One neuron, from its rounded sums on.

    Members
    -------
    layer : Layer
        Its layer.
    activation : Activation
        What the golden model does.
    cells : Cells
        What the fixed model does.
    rounded : (int, int)
        Ends of its rounded sums, before they are fitted.
    beside : (float, float)
        Ends of the golden pre-activation less the rounded sum's value.
    """

    layer: Layer
    activation: Activation
    cells: Cells
    rounded: tuple[int, int]
    beside: tuple[float, float]

    def through(self) -> tuple[float, float, int, int, bool]:
        """Return ends of golden less fixed output, of output codes, and whether words are lost."""
        type = self.layer.preactivation
        format = type.format
        symmetric = type.overflow is Overflow.SAT_SYM and format.signed
        ends = (-format.max_code if symmetric else format.min_code), format.max_code
        inside = max(self.rounded[0], ends[0]), min(self.rounded[1], ends[1])
        over = self.rounded[0] < ends[0], self.rounded[1] > ends[1]
        lost = any(over) and type.overflow in (Overflow.WRAP, Overflow.SAT_ZERO)
        found = []
        if inside[0] <= inside[1]:
            found.append(self._held(*inside, None))
        for beyond in self._beyond(ends, over):
            found += [self._held(*codes, beyond) for codes in self._fitted(beyond, ends)]
        low, high, least, most = zip(*found, strict=True)
        return float(np.min(low)), float(np.max(high)), min(least), max(most), lost

    def _beyond(self, ends: tuple[int, int], over: tuple[bool, bool]) -> Iterator[tuple[int, int]]:
        """Yield the rounded sums that do not fit, below and above."""
        if over[0]:
            yield self.rounded[0], min(self.rounded[1], ends[0] - 1)
        if over[1]:
            yield max(self.rounded[0], ends[1] + 1), self.rounded[1]

    def _fitted(self, beyond: tuple[int, int], ends: tuple[int, int]) -> Iterator[tuple[int, int]]:
        """Yield the codes that sums which do not fit become."""
        overflow, format = self.layer.preactivation.overflow, self.layer.preactivation.format
        if overflow is Overflow.WRAP:
            yield format.min_code, format.max_code
        elif overflow is Overflow.SAT_ZERO:
            yield 0, 0
        else:
            end = ends[0] if beyond[0] < ends[0] else ends[1]
            yield end, end

    def _held(
        self, first: int, last: int, sums: tuple[int, int] | None
    ) -> tuple[float, float, int, int]:
        """Hold codes from first to last against golden values beside the sums they stand for."""
        cells = self.cells
        part = slice(
            int(np.searchsorted(cells.last, first)),
            int(np.searchsorted(cells.first, last, "right")),
        )
        least, most = cells.least[part], cells.most[part]
        codes = np.maximum(cells.first[part], first), np.minimum(cells.last[part], last)
        if sums is not None:
            codes = (np.full(1, sums[0]), np.full(1, sums[1]))
            least, most = least.min(keepdims=True), most.max(keepdims=True)
        low, high = self._sides(*codes)
        golden = image(self.activation, low, high)
        format = self.layer.output.format
        fixed = decode(least, format), decode(most, format)
        magnitude = max(float(np.abs(array).max()) for array in (*golden, *fixed))
        ends = golden[0] - fixed[1], golden[1] - fixed[0]
        if sums is None and cells.straight[part].any():
            closer = self._along(part, low, high)
            ends = np.maximum(ends[0], closer[0]), np.minimum(ends[1], closer[1])
        rounding = 8 * UNIT * magnitude + TINY
        return (
            float(ends[0].min() - rounding),
            float(ends[1].max() + rounding),
            int(least.min()),
            int(most.max()),
        )

    def _sides(self, first: Codes, last: Codes) -> Bounds:
        """Return ends of the golden pre-activation beside codes from first to last."""
        frac = self.layer.preactivation.format.frac
        low, high = (np.ldexp(end.astype(np.float64), -frac) for end in (first, last))
        spare = 4 * UNIT * (np.maximum(np.abs(low), np.abs(high)) + max(map(abs, self.beside)))
        return low + self.beside[0] - spare, high + self.beside[1] + spare

    def _along(self, part: slice, low: Values, high: Values) -> Bounds:
        """Return ends of golden less fixed output by how steep both are, where parts are straight.

        Within a part the golden output less the line changes by no more than its slope less the
        line's, times the way from the middle; the output is the line, rounded.
        """
        cells, type = self.cells, self.layer.output
        nowhere = np.full(len(low), -np.inf), np.full(len(low), np.inf)
        first, last = cells.first[part], cells.last[part]
        steepness = slopes(self.activation, *self._sides(first, last))
        if steepness is None:
            return nowhere
        lsb = self.layer.preactivation.format.lsb
        slope, middle = cells.slope[part], cells.middle[part]
        apart = np.maximum(np.abs(steepness[0] - slope), np.abs(steepness[1] - slope))
        way = apart * ((last - first) * (lsb / 2)) * (1 + 16 * UNIT)
        lost = encoding_errors(type.rounding, type.format)
        if self.layer.curve.mirror is not None:
            lost = (-max(map(abs, lost)), max(map(abs, lost)))
        center = (first.astype(np.float64) + last) * (lsb / 2)
        spare = 4 * UNIT * (np.abs(center) + max(map(abs, self.beside)))
        golden = image(
            self.activation, center + self.beside[0] - spare, center + self.beside[1] + spare
        )
        extra = 16 * UNIT * (np.abs(middle) + np.abs(slope * center)) + TINY
        straight = cells.straight[part]
        return (
            np.where(straight, golden[0] - middle - way + lost[0] - extra, nowhere[0]),
            np.where(straight, golden[1] - middle + way + lost[1] + extra, nowhere[1]),
        )
