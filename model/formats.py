"""Arithmetic on fixed-point numbers, and the one place where bits are lost.

A number is an integer *code*; its *value* is ``code * 2**-frac``. Floats pass through two doors
only, `encode` and `decode`; between them nothing rounds or overflows except `requantize`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .exceptions import BittrueError
from .modes import Overflow, Rounding
from .types import MAX_FRAC, MAX_WIDTH, Codes, FixedType, Format

__all__ = [
    "MAX_FRAC",
    "MAX_WIDTH",
    "Codes",
    "FixedType",
    "Flags",
    "Format",
    "Loss",
    "Overflow",
    "Rounding",
    "Values",
    "as_codes",
    "decode",
    "encode",
    "encode_counted",
    "requantize",
    "requantize_counted",
    "requantize_flagged",
]

Values = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Loss(NamedTuple):
    """What a requantization lost, in words.

    Members
    -------
    inexact : int
        Words of which a non-zero bit was dropped.
    overflowed : int
        Words whose *rounded* value lay outside the target range.
    """

    inexact: int = 0
    overflowed: int = 0


_INCREMENT: dict[Rounding, Callable[[Codes, Codes, Codes, Codes], Codes | int]] = {
    Rounding.TRN: lambda half, rest, sign, odd: 0,
    Rounding.TRN_ZERO: lambda half, rest, sign, odd: sign & (half | rest),
    Rounding.RND: lambda half, rest, sign, odd: half,
    Rounding.RND_ZERO: lambda half, rest, sign, odd: half & (sign | rest),
    Rounding.RND_INF: lambda half, rest, sign, odd: half & ((1 - sign) | rest),
    Rounding.RND_MIN_INF: lambda half, rest, sign, odd: half & rest,
    Rounding.RND_CONV: lambda half, rest, sign, odd: half & (odd | rest),
}
"""What is added after cutting, from bits: the first dropped one, the OR of the other dropped ones,
the sign, and the lowest kept one."""


def requantize(
    codes: npt.ArrayLike, source: Format, target: Format, rounding: Rounding, overflow: Overflow
) -> Codes:
    """Bring codes from one format into another: shift, round, then fit the range.

    Parameters
    ----------
    codes : array_like of int, any shape
        Codes of ``source``.
    source, target : Format
        Formats before and after; any two, the result is exact for all.
    rounding, overflow
        How bits below the new LSB are dropped, and how the rounded value is fitted.

    Returns
    -------
    ndarray of int64, same shape
        Codes of ``target``.

    Raises
    ------
    BittrueError
        If the codes are not integers, or not codes of ``source``.
    """
    return _requantize(codes, source, target, rounding, overflow)[0]


def requantize_counted(
    codes: npt.ArrayLike, source: Format, target: Format, rounding: Rounding, overflow: Overflow
) -> tuple[Codes, Loss]:
    """Do as `requantize`, and count the words that lost something."""
    result, inexact, overflowed = _requantize(codes, source, target, rounding, overflow)
    return result, Loss(int(np.count_nonzero(inexact)), int(np.count_nonzero(overflowed)))


def requantize_flagged(
    codes: npt.ArrayLike, source: Format, target: Format, rounding: Rounding, overflow: Overflow
) -> tuple[Codes, Flags, Flags]:
    """Do as `requantize`, and flag each word that was inexact, and each that overflowed."""
    return _requantize(codes, source, target, rounding, overflow)


def _requantize(
    codes: npt.ArrayLike, source: Format, target: Format, rounding: Rounding, overflow: Overflow
) -> tuple[Codes, Flags, Flags]:
    array = as_codes(codes, source)
    drop = source.frac - target.frac
    low, high = _ends(target, overflow)
    if drop <= 0:
        overflowed = (array < -(-low >> -drop)) | (array > high >> -drop)
        shifted = array << -drop if drop > -64 else np.zeros_like(array)
        fitted = _fit(shifted, array < 0, overflowed, target, overflow)
        return fitted, np.zeros(array.shape, dtype=np.bool_), overflowed
    half = (array >> min(drop - 1, 63)) & 1
    rest = ((array & (-1 if drop > 63 else (1 << drop - 1) - 1)) != 0).astype(np.int64)
    sign = (array < 0).astype(np.int64)
    kept = array >> min(drop, 63)
    rounded = kept + _INCREMENT[rounding](half, rest, sign, kept & 1)
    overflowed = (rounded < low) | (rounded > high)
    fitted = _fit(rounded, rounded < 0, overflowed, target, overflow)
    return fitted, (half | rest) != 0, overflowed


def _ends(target: Format, overflow: Overflow) -> tuple[int, int]:
    """Return the smallest and the largest code that is not an overflow."""
    symmetric = overflow is Overflow.SAT_SYM and target.signed
    return (-target.max_code if symmetric else target.min_code), target.max_code


def _fit(
    low_bits: Codes, negative: Flags, overflowed: Flags, target: Format, overflow: Overflow
) -> Codes:
    """Fit words, of which at least the target's low bits are known, into the target's range."""
    low, high = _ends(target, overflow)
    if overflow is Overflow.WRAP:
        unused = 64 - target.width
        raised = low_bits << unused
        if target.signed:
            return raised >> unused
        return (raised.view(np.uint64) >> np.uint64(unused)).view(np.int64)
    if overflow is Overflow.SAT_ZERO:
        return np.where(overflowed, 0, low_bits)
    return np.where(overflowed, np.where(negative, low, high), low_bits)


def as_codes(codes: npt.ArrayLike, format: Format) -> Codes:
    """Return ``codes`` as an int64 array, refusing what is no code of ``format``."""
    array = np.asarray(codes)
    if array.size == 0:
        return array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise BittrueError(f"codes must be integers, got {array.dtype} ({array.flat[0]!r}, …)")
    # as Python's integers: NumPy up to 2.2 crashes where unsigned arrays meet negative numbers
    if int(array.min()) < format.min_code or int(array.max()) > format.max_code:
        wrong = next(int(code) for code in array.flat if not format.holds(int(code)))
        raise BittrueError(
            f"codes of {format} must be {format.min_code} to {format.max_code}, got {wrong}"
        )
    return array.astype(np.int64)


def encode(values: npt.ArrayLike, format: Format, rounding: Rounding, overflow: Overflow) -> Codes:
    """Turn values into codes.

    Parameters
    ----------
    values : array_like of float, any shape
        Finite values; each float64 is taken as the exact number it is.
    format, rounding, overflow
        The format of the codes, and what happens to a value that is none of its own.

    Returns
    -------
    ndarray of int64, same shape

    Raises
    ------
    BittrueError
        If a value is NaN or infinite.
    """
    return encode_counted(values, format, rounding, overflow)[0]


def encode_counted(
    values: npt.ArrayLike, format: Format, rounding: Rounding, overflow: Overflow
) -> tuple[Codes, Loss]:
    """Do as `encode`, and count the values that lost something."""
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        bad = array[~np.isfinite(array)].flat[0]
        raise BittrueError(f"values must be finite, got {bad}")
    mantissa, exponent = np.frexp(array)
    # beyond 2**±1000 a word is a multiple of 2**63, or below every half LSB, either way
    scaled = np.ldexp(mantissa, np.clip(exponent + format.frac, -1000, 1000))
    toward_zero = np.trunc(scaled)
    fraction = scaled - toward_zero
    sign = (fraction < 0).astype(np.int64)
    tie = np.abs(fraction) == 0.5
    above = (fraction > 0.5) | ((fraction < 0) & (fraction > -0.5))
    floor = toward_zero - sign
    half = (tie | above).astype(np.int64)
    rest = ((fraction != 0) & ~tie).astype(np.int64)
    odd = (np.fmod(floor, 2.0) != 0).astype(np.int64)
    rounded = floor + _INCREMENT[rounding](half, rest, sign, odd)
    low, high = _ends(format, overflow)
    # compared with powers of two, which float64 holds where it does not hold the ends
    too_low = rounded <= low - 1 if low == -high else rounded < low
    overflowed = too_low | (rounded >= high + 1)
    low_bits = np.fmod(rounded, 2.0**63).astype(np.int64)
    fitted = _fit(low_bits, rounded < 0, overflowed, format, overflow)
    return fitted, Loss(int(np.count_nonzero(fraction)), int(np.count_nonzero(overflowed)))


def decode(codes: npt.ArrayLike, format: Format) -> Values:
    """Return the values of codes, exact where the width is at most 53 bits.

    Raises
    ------
    BittrueError
        If the codes are not integers, or not codes of ``format``.
    """
    return np.ldexp(as_codes(codes, format).astype(np.float64), -format.frac)
