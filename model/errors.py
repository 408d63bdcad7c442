"""What the bits cost: errors of one set of numbers against another."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .exceptions import BittrueError


class Errors(NamedTuple):
    """How far actual values are from expected ones.

    Members
    -------
    maximum, mean : float
        Maximum and mean absolute error, in value.
    maximum_lsb, mean_lsb : float
        The same in LSB.
    sqnr : float
        Signal-to-quantization-noise ratio in dB, ``10 log10(signal power / error power)``; infinite
        where nothing differs.
    """

    maximum: float
    mean: float
    maximum_lsb: float
    mean_lsb: float
    sqnr: float


def errors_between(expected: npt.ArrayLike, actual: npt.ArrayLike, lsb: float) -> Errors:
    """Measure actual values against expected ones.

    Parameters
    ----------
    expected, actual : array_like of float, same shape
        Values.
    lsb : float
        The actual values' LSB.

    Raises
    ------
    BittrueError
        If the shapes differ, or there is nothing to measure.
    """
    expected, actual = np.asarray(expected, np.float64), np.asarray(actual, np.float64)
    if expected.shape != actual.shape or not expected.size:
        raise BittrueError(
            f"errors must be of two arrays of one shape, got {expected.shape} and {actual.shape}"
        )
    off = np.abs(actual - expected)
    maximum, mean = float(off.max()), float(off.mean())
    return Errors(maximum, mean, maximum / lsb, mean / lsb, sqnr(expected, actual))


def sqnr(expected: npt.ArrayLike, actual: npt.ArrayLike) -> float:
    """Return the signal-to-quantization-noise ratio in dB; infinite where nothing differs."""
    expected, actual = np.asarray(expected, np.float64), np.asarray(actual, np.float64)
    noise = float(np.square(actual - expected).sum())
    signal = float(np.square(expected).sum())
    if noise == 0:
        return float("inf")
    return float(10 * np.log10(signal / noise)) if signal else float("-inf")
