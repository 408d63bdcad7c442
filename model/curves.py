"""Piecewise-linear curves: one table of segments, read by the model and by the hardware.

A curve is data. Its codes are made once, here or in `fit`, and nothing that reads them holds a
second copy of a constant.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .exceptions import BittrueError
from .formats import (
    Codes,
    FixedType,
    Flags,
    Format,
    Overflow,
    as_codes,
    requantize,
    requantize_flagged,
)


class Segment(NamedTuple):
    """One piece of a curve: ``slope * z + intercept`` from ``start`` to the next segment's start.

    Members
    -------
    start : int
        First pre-activation code of the piece (of its magnitude, in a mirrored curve).
    slope, intercept : int
        Codes in the curve's slope and intercept formats.
    """

    start: int
    slope: int
    intercept: int


@dataclass(frozen=True)
class Curve:
    """A piecewise-linear activation on codes.

    The value at code ``z`` is one requantization of ``slope * z + intercept`` straight to the
    output format. A *mirrored* curve stores ``z >= 0`` only: with ``t`` the table and ``c`` its
    ``mirror`` code, the value at ``z < 0`` is ``c - t(-z)``, subtracted after the rounding.

    Parameters
    ----------
    name : str
        What the curve is called in reports.
    input : Format
        Format of the pre-activation codes.
    output : FixedType
        Format of the result, with the modes of its one requantization.
    slope_format, intercept_format : Format
        Formats of the table.
    segments : sequence of Segment
        Ascending by start. The first starts at code 0 (mirrored) or at the smallest input code.
    mirror : int or None
        The output code ``c``, or None for a curve that does not mirror.

    Raises
    ------
    BittrueError
        If the table is out of order, holds a number that is no code of its format, needs more
        than 63 bits, or is mirrored and leaves the output format.
    """

    name: str
    input: Format
    output: FixedType
    slope_format: Format
    intercept_format: Format
    segments: tuple[Segment, ...] = field(repr=False)
    mirror: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "segments", tuple(Segment(*row) for row in self.segments))
        self._check_table()
        if self.mirror is not None:
            self._check_mirror(self.mirror)

    @property
    def argument(self) -> Format:
        """Format of what enters the table: the input, or its magnitude in as many bits."""
        if self.mirror is None:
            return self.input
        return Format(False, self.input.width, self.input.frac)

    @property
    def last_argument(self) -> int:
        """Largest code that enters the table."""
        return self.input.max_code if self.mirror is None else -self.input.min_code

    @property
    def sum_format(self) -> Format:
        """Format of ``slope * z + intercept``, exact over all codes."""
        return Format.dot(self.slope_format, self.argument, 1, self.intercept_format)

    @property
    def rows(self) -> int:
        """Stored segments with a slope: the K of the literature, a final constant apart."""
        return len(self.segments) - (len(self.segments) > 1 and self.segments[-1].slope == 0)

    def ends(self) -> list[tuple[int, int]]:
        """Return the first and the last argument code of each segment."""
        starts = [segment.start for segment in self.segments]
        return list(zip(starts, [s - 1 for s in starts[1:]] + [self.last_argument], strict=True))

    def _check_table(self) -> None:
        if not self.segments:
            raise BittrueError(f"curve {self.name} must have at least one segment, got none")
        _ = self.sum_format
        first = self.input.min_code if self.mirror is None else 0
        if self.segments[0].start != first:
            raise BittrueError(
                f"curve {self.name} must start at code {first}, got {self.segments[0].start}"
            )
        starts = [segment.start for segment in self.segments]
        for before, after in zip(starts, [*starts[1:], self.last_argument + 1], strict=True):
            if not before < after:
                raise BittrueError(
                    f"starts of curve {self.name} must ascend and be at most code "
                    f"{self.last_argument} of {self.input}, got {before} before {after}"
                )
        for number, segment in enumerate(self.segments):
            for what, code, format in (
                ("slope", segment.slope, self.slope_format),
                ("intercept", segment.intercept, self.intercept_format),
            ):
                if not format.min_code <= code <= format.max_code:
                    raise BittrueError(
                        f"{what} of segment {number} of curve {self.name} must be "
                        f"{format.min_code} to {format.max_code} ({format}), got {code}"
                    )

    def _check_mirror(self, mirror: int) -> None:
        target = self.output.format
        if not self.input.signed:
            raise BittrueError(
                f"mirrored curve {self.name} must have a signed input, got {self.input}"
            )
        if not target.min_code <= mirror <= target.max_code:
            raise BittrueError(
                f"the mirror code of curve {self.name} must be {target.min_code} to "
                f"{target.max_code} ({target}), got {mirror}"
            )
        # within a segment the value is monotone: its ends bound it
        wide = Format(True, 63, target.frac)
        corners = np.array(self.ends(), dtype=np.int64).ravel()
        unfitted = requantize(
            self.line(corners), self.sum_format, wide, self.output.rounding, Overflow.SAT
        )
        for code, value in zip(corners.tolist(), unfitted.tolist(), strict=True):
            values = [value, mirror - value] if code else [value]
            if not target.holds(values):
                raise BittrueError(
                    f"curve {self.name} must stay in {target}, got code {values[-1]} "
                    f"at pre-activation code {'-' if code else ''}{code}"
                )

    @cached_property
    def _columns(self) -> tuple[Codes, Codes, Codes]:
        starts, slopes, intercepts = np.array(self.segments, dtype=np.int64).T
        return starts, slopes, intercepts

    def segment_of(self, arguments: Codes) -> npt.NDArray[np.intp]:
        """Return the number of the segment that each argument code falls in."""
        return np.searchsorted(self._columns[0], arguments, side="right") - 1

    def line(self, arguments: Codes) -> Codes:
        """Return ``slope * z + intercept`` in `sum_format` for argument codes, exact."""
        _, slopes, intercepts = self._columns
        row = self.segment_of(arguments)
        frac = self.sum_format.frac
        product = slopes[row] * arguments
        return (product << frac - self.slope_format.frac - self.input.frac) + (
            intercepts[row] << frac - self.intercept_format.frac
        )

    def evaluate(self, codes: npt.ArrayLike) -> Codes:
        """Return the curve's output codes for pre-activation codes, same shape."""
        return self.evaluate_flagged(codes)[0]

    def evaluate_flagged(self, codes: npt.ArrayLike) -> tuple[Codes, Flags, Flags]:
        """Do as `evaluate`, and tell of each word whether it was inexact and overflowed.

        What is told is the requantization's loss, before mirroring.
        """
        array = as_codes(codes, self.input)
        mirrored = array < 0 if self.mirror is not None else np.zeros(array.shape, np.bool_)
        arguments = np.where(mirrored, -array, array)
        result, inexact, overflowed = requantize_flagged(
            self.line(arguments),
            self.sum_format,
            self.output.format,
            self.output.rounding,
            self.output.overflow,
        )
        if self.mirror is not None:
            result = np.where(mirrored, self.mirror - result, result)
        return result, inexact, overflowed

    def with_segment(self, number: int, segment: Segment) -> "Curve":
        """Return this curve with one segment replaced."""
        rows = list(self.segments)
        rows[number] = segment
        return replace(self, segments=tuple(rows))
