"""Intervals that are not left: what rounding adds to sums of floats, and images of activations.

Every bound is widened by more than floats can lose, so that it holds for the real numbers and for
the float64 golden model alike. What is taken on trust: float64 arithmetic rounds to the nearest,
and the library's functions are right to 2**-48 of their value.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from .activations import ACTIVATIONS, Activation
from .exceptions import BittrueError
from .formats import Values
from .ranges import LIMITS

UNIT = 2.0**-53
"""Largest relative error of one float64 operation."""

FUNCTION_ERROR = 2.0**-48
"""Largest relative error of an activation in float64, that of its slope's value too."""

TINY = 2.0**-960
"""More than what underflows in any sum here."""

Bounds = tuple[Values, Values]


class _Rule(NamedTuple):
    """What is known of an activation.

    Members
    -------
    slopes : callable
        From ends of intervals to bounds of the slope within them; None where it has jumps.
    lowest : (float, float) or None
        Where it turns from falling to rising, and its value there; None where it never falls.
    rises : bool
        Whether it falls nowhere but before its lowest point.
    share : float
        Share of the argument's magnitude that may be lost beside that of the value.
    """

    slopes: Callable[[Values, Values], Bounds] | None
    lowest: tuple[float, float] | None = None
    rises: bool = True
    share: float = 0.0


def gamma(terms: int) -> float:
    """Return the largest relative error of a sum of products of so many terms, in any order.

    Higham, *Accuracy and Stability of Numerical Algorithms*, section 3.1.
    """
    return terms * UNIT / (1 - terms * UNIT)


def _bell(slope: Callable[[Values], Values], peak: float) -> Callable[[Values, Values], Bounds]:
    """Return bounds of a slope that is greatest at 0 and falls to both sides."""

    def bounds(low: Values, high: Values) -> Bounds:
        at_low, at_high = slope(low), slope(high)
        inside = (low <= 0) & (high >= 0)
        greatest = np.where(inside, peak, np.maximum(at_low, at_high))
        return np.minimum(at_low, at_high), greatest

    return bounds


def _ramp(ceiling: float) -> Callable[[Values, Values], Bounds]:
    """Return bounds of the slope of what is cut below 0 and above a ceiling."""

    def bounds(low: Values, high: Values) -> Bounds:
        whole, some = (low >= 0) & (high <= ceiling), (high > 0) & (low < ceiling)
        return whole.astype(np.float64), some.astype(np.float64)

    return bounds


def _hard(steepness: float) -> _Rule:
    """Return what is known of a line of a slope through 0, ½ that is cut at 0 and 1."""

    def bounds(low: Values, high: Values) -> Bounds:
        end = 0.5 / steepness
        whole, some = (low >= -end) & (high <= end), (high > -end) & (low < end)
        return np.where(whole, steepness, 0.0), np.where(some, steepness, 0.0)

    return _Rule(bounds, share=1.0)


def _around(slope: Callable[[Values], Values], bend: float) -> Callable[[Values, Values], Bounds]:
    """Return bounds of a slope that changes by at most ``bend`` times the way."""

    def bounds(low: Values, high: Values) -> Bounds:
        middle, way = (low + high) / 2, (high - low) / 2 * bend
        # what the middle is off is beyond none of the ends
        spare = way * 2.0**-40 + (np.abs(middle) + 1) * bend * 2.0**-44
        at = slope(middle)
        return at - way - spare, at + way + spare

    return bounds


def _rising(slope: Callable[[Values], Values]) -> Callable[[Values, Values], Bounds]:
    return lambda low, high: (slope(low), slope(high))


def _slope_of(name: str) -> Callable[[Values], Values]:
    activation = ACTIVATIONS[name]
    slope = activation.slope
    if slope is None:
        raise BittrueError(f"an activation must have a slope, got {name}")
    return lambda z: slope(z, activation.value(z))


_RULES = {
    "sigmoid": _Rule(_bell(lambda z: expit(z) * expit(-z), 0.25)),
    "tanh": _Rule(_bell(lambda z: 4 * expit(2 * z) * expit(-2 * z), 1.0)),
    "erf": _Rule(_bell(lambda z: 2 / np.sqrt(np.pi) * np.exp(-z * z), 2 / np.sqrt(np.pi))),
    "relu": _Rule(_ramp(np.inf)),
    "clipped-relu": _Rule(_ramp(1.0)),
    "relu6": _Rule(_ramp(6.0)),
    "hard-sigmoid": _hard(1 / 5),
    "hard-sigmoid-sixth": _hard(1 / 6),
    "hard-sigmoid-quarter": _hard(1 / 4),
    "identity": _Rule(lambda low, high: (np.ones_like(low), np.ones_like(low))),
    "step": _Rule(None),
    "exp": _Rule(_rising(np.exp)),
    "softplus": _Rule(_rising(expit)),
    "silu": _Rule(
        _around(_slope_of("silu"), 0.5), (-1.278464542761074, -0.278464542761074), share=1.0
    ),
    "gelu": _Rule(
        _around(_slope_of("gelu"), 0.8), (-0.751791524693564, -0.169971207479904), share=1.0
    ),
    "sin": _Rule(_around(np.cos, 1.0), rises=False, share=1.0),
}


def check_known(activation: Activation) -> None:
    """Refuse an activation of which nothing is known but values at points.

    Raises
    ------
    BittrueError
        If it is none of `bittrue.model.activations.ACTIVATIONS`.
    """
    if ACTIVATIONS.get(activation.name) != activation:
        raise BittrueError(
            f"an activation must be one of {', '.join(_RULES)} to be bounded, got "
            f"{activation.name}, of which only values are known"
        )


def image(activation: Activation, low: Values, high: Values) -> Bounds:
    """Return bounds of an activation's values over intervals.

    Parameters
    ----------
    activation : Activation
        One that `check_known` takes.
    low, high : ndarray of float64, same shape
        Finite ends, ``low <= high``.

    Returns
    -------
    (ndarray of float64, ndarray of float64)
        Left neither by the function nor by its float64 value anywhere in the interval.
    """
    rule = _RULES[activation.name]
    if rule.rises:
        least, most = activation.value(low), activation.value(high)
        if rule.lowest is not None:
            at, value = rule.lowest
            least, most = np.minimum(least, most), np.maximum(least, most)
            least = np.where((low <= at) & (high >= at), value, least)
    else:
        middle, way = (low + high) / 2, (high - low) / 2
        least, most = activation.value(middle) - way, activation.value(middle) + way
    reach = np.maximum(np.abs(low), np.abs(high)) * rule.share
    spare = _spare(np.maximum(np.abs(least), np.abs(most)) + reach)
    if rule.slopes is None or activation.name == "relu":
        spare = np.zeros_like(spare)  # its values are exact
    floor, ceiling = LIMITS.get(activation.name, (-np.inf, np.inf))
    return np.maximum(least - spare, floor), np.minimum(most + spare, ceiling)


def slopes(activation: Activation, low: Values, high: Values) -> Bounds | None:
    """Return bounds of an activation's slope over intervals, or None where it jumps.

    Parameters
    ----------
    activation : Activation
        One that `check_known` takes.
    low, high : ndarray of float64, same shape
        Finite ends, ``low <= high``.
    """
    rule = _RULES[activation.name]
    if rule.slopes is None:
        return None
    least, most = rule.slopes(low, high)
    return least - _spare(np.abs(least)), most + _spare(np.abs(most))


def value_error(activation: Activation, low: Values, high: Values) -> Values:
    """Return what an activation's float64 values may be off within intervals."""
    least, most = image(activation, low, high)
    reach = np.maximum(np.abs(low), np.abs(high)) * _RULES[activation.name].share
    return np.asarray(_spare(np.maximum(np.abs(least), np.abs(most)) + reach))


def _spare(magnitude: Values) -> Values:
    return np.asarray(magnitude * (2 * FUNCTION_ERROR) + TINY)
