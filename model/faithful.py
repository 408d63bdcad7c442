"""Faithful curves: no output code is more than one LSB from the correctly rounded function.

Segments start at multiples of a power of two, so that the top bits of a pre-activation tell where
it falls. Of all such tables one is taken that is small in hardware: with the largest such power,
then with the fewest bits in a row, then with the fewest rows.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import product

import numpy as np

from .activations import Function
from .curves import Curve
from .exceptions import BittrueError
from .fit import Fitter, check_followed
from .formats import FixedType, Format

MAX_CELLS = 1 << 10
"""Most multiples that segments may start at."""

GUARD = 3
"""Most bits below an output LSB in an intercept, and in what a slope adds over the whole range."""


def faithful(
    input: Format,
    output: FixedType,
    *,
    function: str | Function = "sigmoid",
    range: tuple[float, float] | None = None,
) -> Curve:
    """Make a curve that is within one LSB of the correctly rounded function, at every code.

    Parameters
    ----------
    input : Format
        Format of the pre-activation codes, at most 24 bits.
    output : FixedType
        Format and rounding of the result.
    function : str or callable
        A name in `bittrue.model.fit.FUNCTIONS`, or a function of float64 arrays.
    range : (float, float), optional
        Values between which the function is followed; outside, its value at the end is held.

    Returns
    -------
    Curve
        Mirrored where the function is symmetric about a point on the axis.

    Raises
    ------
    BittrueError
        If the input is too wide, the function unknown, the range empty, or `MAX_CELLS` are not
        enough.
    """
    check_followed(input, function, range)
    return _faithful(input, output, function, range)


@lru_cache(maxsize=64)
def _faithful(
    input: Format,
    output: FixedType,
    function: str | Function,
    range: tuple[float, float] | None,
) -> Curve:
    fitter = Fitter(function, input, output, range, 1)
    nearest = np.clip(np.rint(fitter.scaled), fitter.least, fitter.greatest)
    low = np.maximum(nearest - 1, fitter.least).astype(np.int64)
    high = np.minimum(nearest + 1, fitter.greatest).astype(np.int64)

    frac = output.format.frac
    intercept_fracs = np.arange(frac, frac + GUARD + 1).tolist()
    # a sum has bits to round, and a slope is exact to an intercept's LSB over the whole range
    slope_fracs = np.arange(
        frac - input.frac + 1, frac + max(input.int_bits, 0) + GUARD + 1
    ).tolist()

    def curves(step: int, slope_fracs: Iterable[int]) -> Iterator[Curve]:
        for bits in product(slope_fracs, intercept_fracs):
            fitter.use(*bits)
            rows = fitter.rows_between(low, high, MAX_CELLS, step)
            if rows:
                yield fitter.curve(rows, "faithful")

    for step in _steps(len(fitter.codes)):
        if any(curves(step, slope_fracs[-1:])):
            return min(curves(step, slope_fracs), key=_size)
    raise BittrueError(
        f"a faithful curve from {input} to {output.format} must do with segments that start at "
        f"{MAX_CELLS} multiples of a power of two, it does not"
    )


def _steps(codes: int) -> Iterator[int]:
    """Return powers of two, descending, of which so many codes hold not too many multiples."""
    step = 1 << codes.bit_length() - 1
    while step and codes <= step * MAX_CELLS:
        yield step
        step >>= 1


def _size(curve: Curve) -> tuple[int, int]:
    """Return the bits of a row, and the rows."""
    return curve.slope_format.width + curve.intercept_format.width, len(curve.segments)
