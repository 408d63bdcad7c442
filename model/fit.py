"""Fitted curves: the fewest bits of error that a table of segments can have.

A curve is fitted on codes: what is bounded is the error of the output code at every pre-activation
code, after slopes and intercepts are codes and the result is rounded as the hardware rounds it.
For a given bound the longest possible segments are laid one after the other, which takes as few of
them as there can be; the bound is then lowered until no fewer segments would do.
"""

from functools import lru_cache
from math import ceil, log2
from typing import NamedTuple

import numpy as np

from .activations import ACTIVATIONS, Function
from .curves import Curve, Segment
from .exceptions import BittrueError
from .formats import Codes, FixedType, Format, Rounding, Values
from .minimax import best_slope, furthest, least_error

FUNCTIONS: dict[str, Function] = {name: known.value for name, known in ACTIVATIONS.items()}
"""Functions by name."""

MAX_FIT_WIDTH = 24
"""Widest input, in bits, whose codes are all followed."""

BISECTIONS = 26
DEFAULT_SEGMENTS = 16


def fit(
    input: Format,
    output: FixedType,
    *,
    segments: int | None = None,
    tolerance: float | None = None,
    function: str | Function = "sigmoid",
    range: tuple[float, float] | None = None,
) -> Curve:
    """Fit a curve to a smooth function, on codes.

    Parameters
    ----------
    input : Format
        Format of the pre-activation codes, at most 24 bits.
    output : FixedType
        Format and rounding of the result.
    segments : int, optional
        Rows at most, a final constant apart, those on ``z >= 0`` where the function mirrors; 16
        where neither this nor a tolerance is given. Fewer are kept where more are of no use.
    tolerance : float, optional
        Maximum absolute error, in value: the fewest rows that keep it.
    function : str or callable
        A name in `FUNCTIONS`, or a function of float64 arrays.
    range : (float, float), optional
        Values between which the function is followed; outside, its value at the end is held.

    Returns
    -------
    Curve
        Mirrored where the function is symmetric about a point on the axis.

    Raises
    ------
    BittrueError
        If the input is too wide, the range empty, or no curve keeps the tolerance.
    """
    check_followed(input, function, range)
    if segments is not None and tolerance is not None:
        raise BittrueError("a fit must have segments or a tolerance, got both")
    if tolerance is not None and not 0 < tolerance < np.inf:
        raise BittrueError(f"the tolerance must be above 0 and finite, got {tolerance}")
    return _fit(input, output, segments, tolerance, function, range)


def check_followed(
    input: Format, function: str | Function, range: tuple[float, float] | None
) -> None:
    """Refuse what no fit can follow.

    Raises
    ------
    BittrueError
        If the input is too wide, the function unknown, or the range empty.
    """
    if input.width > MAX_FIT_WIDTH:
        raise BittrueError(f"a fit must have an input of at most {MAX_FIT_WIDTH} bits, got {input}")
    if isinstance(function, str) and function not in FUNCTIONS:
        raise BittrueError(f"the function must be one of {', '.join(FUNCTIONS)}, got {function!r}")
    if range is not None and not range[0] < range[1]:
        raise BittrueError(f"the range must go up, got {range[0]:g} to {range[1]:g}")


@lru_cache(maxsize=256)
def _fit(
    input: Format,
    output: FixedType,
    segments: int | None,
    tolerance: float | None,
    function: str | Function,
    range: tuple[float, float] | None,
) -> Curve:
    fitter = Fitter(function, input, output, range, segments or DEFAULT_SEGMENTS)
    return fitter.to_tolerance(tolerance) if tolerance is not None else fitter.to_segments()


class Fitter:
    """One fit: the codes to follow, and the rows that follow them.

    Parameters
    ----------
    function, input, output, range
        As in `fit`.
    segments : int
        So many are expected.

    Attributes
    ----------
    codes : ndarray of int64, shape (codes,)
        Argument codes that are followed, ascending.
    scaled : ndarray of float64, shape (codes,)
        The function there, in output LSB.
    least, greatest : int
        Output codes between which the table must stay.
    """

    def __init__(
        self,
        function: str | Function,
        input: Format,
        output: FixedType,
        range: tuple[float, float] | None,
        segments: int,
    ) -> None:
        name = function if isinstance(function, str) else getattr(function, "__name__", "function")
        function = FUNCTIONS[function] if isinstance(function, str) else function
        self.name, self.input, self.output, self.segments = name, input, output, segments
        low, high = range or (
            input.min_value,
            -input.min_value if input.signed else input.max_value,
        )
        center = self._center(function, low, high)
        self.mirror = None if center is None else output.format.code_of(center)
        if center is not None and self.mirror is None:
            raise BittrueError(
                f"{output.format} is too coarse for {name}: it has no code for {center:g}"
            )
        first, last = (
            (0, -input.min_code) if center is not None else (input.min_code, input.max_code)
        )
        self.codes = np.arange(first, last + 1, dtype=np.int64)
        held = np.clip(np.ldexp(self.codes.astype(np.float64), -input.frac), low, high)
        self.targets = np.asarray(function(held), dtype=np.float64)
        if not np.isfinite(self.targets).all():
            raise BittrueError(f"{name} must be finite from {low:g} to {high:g}, it is not")
        self._choose_formats(high - (low if center is None else 0.0))
        self.least, self.greatest = self._output_ends()
        scaled = np.ldexp(self.targets, output.format.frac)
        self.scaled = scaled
        nearest = np.clip(np.rint(scaled), self.least, self.greatest)
        self.floor = float(np.ldexp(np.abs(nearest - scaled).max(), -output.format.frac))
        self.turns = _turns(self.targets)

    def _center(self, function: Function, low: float, high: float) -> float | None:
        """Return ``f(x) + f(-x)`` where it is the same for all ``x``."""
        if not self.input.signed or low != -high:
            return None
        x = np.linspace(0.0, high, 257)
        sums = function(x) + function(-x)
        scale = max(1.0, float(np.abs(sums).max()))
        center = float(np.rint(sums[0] * 2**20) / 2**20)
        return center if np.abs(sums - center).max() <= 1e-9 * scale else None

    def _choose_formats(self, reach: float) -> None:
        """Set fractional bits such that a cut slope moves no end of a segment by an eighth LSB."""
        piece = max(reach / self.segments, self.input.lsb)
        frac = self.output.format.frac
        self.use(frac + 2 + max(ceil(log2(piece)), 0), frac + 2)

    def use(self, slope_frac: int, intercept_frac: int) -> None:
        """Set the fractional bits of slopes and intercepts."""
        self.slope_frac, self.intercept_frac = slope_frac, intercept_frac
        self.sum_frac = max(self.slope_frac + self.input.frac, self.intercept_frac)
        self.raise_product = self.sum_frac - self.slope_frac - self.input.frac
        self.raise_intercept = self.sum_frac - self.intercept_frac

    def _output_ends(self) -> tuple[int, int]:
        """Return the output codes between which the table must stay."""
        low, high = self.output.format.min_code, self.output.format.max_code
        if self.mirror is None:
            return low, high
        return max(low, self.mirror - high), min(high, self.mirror - low)

    def to_segments(self) -> Curve:
        """Return the curve of least error with so many rows."""
        worst = self.floor + float(np.ptp(self.targets)) + 4 * self.output.format.lsb
        error = least_error(
            self.floor,
            worst,
            lambda bound: self._rows(bound, self.segments) is not None,
            BISECTIONS,
        )
        rows = self._rows(error, self.segments)
        if rows is None:
            raise BittrueError(
                f"{self.name} must fit {self.output.format} with {self.segments} segments, "
                "but no line keeps to its codes"
            )
        return self.curve(rows)

    def to_tolerance(self, tolerance: float) -> Curve:
        """Return the curve of fewest rows that keeps a tolerance, and of least error with those."""
        rows = self._rows(tolerance, len(self.codes))
        if rows is None:
            raise BittrueError(
                f"the tolerance must be at least {self.floor:.4g}, the error of rounding "
                f"{self.name} to {self.output.format}, got {tolerance:g}"
            )
        self.segments = max(len(rows) - (rows[-1].slope == 0 and len(rows) > 1), 1)
        error = least_error(
            self.floor,
            tolerance,
            lambda bound: self._rows(bound, self.segments) is not None,
            BISECTIONS,
        )
        return self.curve(self._rows(error, self.segments) or rows)

    def _rows(self, error: float, most: int) -> list[Segment] | None:
        """Lay the longest segments that keep an error; None if more than ``most`` are needed."""
        bound = np.ldexp(error, self.output.format.frac) * (1 + 1e-12)
        low = np.maximum(np.ceil(self.scaled - bound), self.least).astype(np.int64)
        high = np.minimum(np.floor(self.scaled + bound), self.greatest).astype(np.int64)
        return None if (low > high).any() else self.rows_between(low, high, most)

    def rows_between(
        self, low: Codes, high: Codes, most: int, step: int = 1
    ) -> list[Segment] | None:
        """Lay the longest segments whose output codes lie between two, at each argument code.

        Parameters
        ----------
        low, high : ndarray of int64, shape (codes,)
            Smallest and largest output codes.
        most : int
            Rows, a final constant apart; None is returned if they are not enough.
        step : int
            Segments start at multiples of so many codes.
        """
        floors, ceilings = self._raw_ends(low, high)
        tail = self._tail(floors, ceilings, step)
        end = tail.start if tail else len(self.codes)
        steps = -(-end // step)
        rows: list[Segment] = []
        start, guess = 0, 1
        while start < steps:
            if len(rows) == most:
                return None
            found: dict[int, Segment] = {}

            def fits(last: int, start: int = start, found: dict[int, Segment] = found) -> bool:
                stop = min((last + 1) * step, end) - 1
                row = self._line(start * step, stop, floors, ceilings)
                if row is not None:
                    found[last] = row
                return row is not None

            if not fits(start):
                return None
            last = furthest(start, steps - 1, start + guess, fits)
            rows.append(found[last])
            guess, start = last - start, last + 1
        return [*rows, tail.row] if tail else rows

    def _raw_ends(self, low: Codes, high: Codes) -> tuple[Codes, Codes]:
        """Return the smallest and largest sums that round to output codes from low to high.

        Sums that lie on a tie count as outside, but for the modes that send all of them one way.
        """
        drop = self.sum_frac - self.output.format.frac
        half = 1 << drop - 1
        rounding = self.output.rounding
        if rounding is Rounding.TRN:
            return low << drop, (high + 1 << drop) - 1
        if rounding is Rounding.TRN_ZERO:
            floors = np.where(low > 0, low << drop, (low - 1 << drop) + 1)
            return floors, np.where(high < 0, high << drop, (high + 1 << drop) - 1)
        on_tie = 0 if rounding is Rounding.RND else 1
        return (low << drop) - half + on_tie, (high << drop) + half - 1

    def _tail(self, floors: Codes, ceilings: Codes, step: int) -> "_Tail | None":
        """Return the longest constant that the codes may end with, if it is worth a row."""
        low = np.maximum.accumulate(floors[::-1])[::-1]
        high = np.minimum.accumulate(ceilings[::-1])[::-1]
        end = float(
            np.ldexp(float(np.rint(self.scaled[-1])), self.intercept_frac - self.output.format.frac)
        )
        intercept = int(end)
        constant = intercept << self.raise_intercept
        fits = (low <= constant) & (constant <= high)
        start = -(-int(np.argmax(fits)) // step) * step
        if not fits[-1] or start >= len(fits):
            return None
        return _Tail(start, Segment(int(self.codes[start]), 0, intercept))

    def _line(self, start: int, stop: int, floors: Codes, ceilings: Codes) -> Segment | None:
        """Return a row that keeps all codes from start to stop, if one is found."""
        z = self.codes[start : stop + 1]
        ideal = self._slope(start, stop)
        center = round(float(np.ldexp(ideal, self.slope_frac)))
        for slope in (center, center + 1, center - 1, center + 2, center - 2):
            product = slope * z << self.raise_product
            low = int((floors[start : stop + 1] - product).max())
            high = int((ceilings[start : stop + 1] - product).min())
            least, most = -(-low >> self.raise_intercept), high >> self.raise_intercept
            if least <= most:
                return Segment(int(z[0]), slope, (least + most) // 2)
        return None

    def _slope(self, start: int, stop: int) -> float:
        """Return the minimax slope of the targets from start to stop."""
        if start == stop:
            return 0.0
        ups, downs = self.turns[:, max(stop - 1, start)] - self.turns[:, start]
        values = self.targets[start : stop + 1]
        if ups == 0 or downs == 0:
            return float((values[-1] - values[0]) / ((stop - start) * self.input.lsb))
        return best_slope(
            np.ldexp(np.arange(len(values), dtype=np.float64), -self.input.frac), values
        )

    def curve(self, rows: list[Segment], maker: str = "fit") -> Curve:
        """Return the curve of rows, in the smallest formats; the maker gives its name."""
        slopes = [row.slope for row in rows]
        intercepts = [row.intercept for row in rows]
        return Curve(
            maker if self.name == "sigmoid" else f"{maker}-{self.name}",
            self.input,
            self.output,
            Format.spanning(min(slopes), max(slopes), self.slope_frac),
            Format.spanning(min(intercepts), max(intercepts), self.intercept_frac),
            tuple(rows),
            self.mirror,
        )


class _Tail(NamedTuple):
    """A constant from an index on."""

    start: int
    row: Segment


def _turns(values: Values) -> Codes:
    """Return, up to each point, how often the points bend up and down. Shape (2, points)."""
    noise = 4 * np.finfo(np.float64).eps * max(float(np.abs(values).max()), 1e-300)
    bends = np.diff(values, 2)
    counts = np.zeros((2, len(values)), dtype=np.int64)
    counts[0, 1:-1], counts[1, 1:-1] = np.cumsum(bends > noise), np.cumsum(bends < -noise)
    counts[:, -1] = counts[:, -2]
    return counts
