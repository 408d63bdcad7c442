"""One neuron's last steps, for all sums it can have: what curve and golden activation are apart.

A curve is looked at code by code, so that each of its jumps counts where it is.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .activations import Activation
from .curves import Curve
from .formats import Codes, Overflow, decode
from .intervals import TINY, UNIT, image
from .shape import Layer

CELL_BITS = 16
"""A curve's input is looked at in at most so many bits' parts; up to that, code by code."""


class Cells(NamedTuple):
    """A curve in parts: end codes, and the least and greatest value of the fixed output in each."""

    first: Codes
    last: Codes
    least: Codes
    most: Codes


def cells_of(curve: Curve) -> Cells:
    """Return a curve in parts, each of one segment and, with its ends, monotone."""
    format = curve.input
    starts = {segment.start for segment in curve.segments}
    if curve.mirror is not None:
        starts |= {0, 1} | {1 - start for start in starts}
    bits = min(format.width, CELL_BITS)
    even = format.min_code + (np.arange(1 << bits, dtype=np.int64) << format.width - bits)
    inner = [s for s in starts if format.min_code <= s <= format.max_code]
    first = np.union1d(even, np.array(inner, dtype=np.int64))
    last = np.append(first[1:] - 1, format.max_code)
    ends = np.stack([first, last])
    values, _, overflowed = curve.evaluate_flagged(ends)
    least, most = values.min(axis=0), values.max(axis=0)
    if curve.output.overflow in (Overflow.WRAP, Overflow.SAT_ZERO):
        # a part that overflows somewhere does so at an end
        jumps = overflowed.any(axis=0) & (first < last)
        least = np.where(jumps, curve.output.format.min_code, least)
        most = np.where(jumps, curve.output.format.max_code, most)
    return Cells(first, last, least, most)


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
        frac = self.layer.preactivation.format.frac
        low, high = (np.ldexp(end.astype(np.float64), -frac) for end in codes)
        spare = 4 * UNIT * (np.maximum(np.abs(low), np.abs(high)) + max(map(abs, self.beside)))
        golden = image(self.activation, low + self.beside[0] - spare, high + self.beside[1] + spare)
        format = self.layer.output.format
        fixed = decode(least, format), decode(most, format)
        ends = golden[0] - fixed[1], golden[1] - fixed[0]
        magnitude = max(float(np.abs(array).max()) for array in (*golden, *fixed))
        rounding = 8 * UNIT * magnitude + TINY
        return (
            float(ends[0].min() - rounding),
            float(ends[1].max() + rounding),
            int(least.min()),
            int(most.max()),
        )
