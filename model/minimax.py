"""Minimax lines: the straight line that stays nearest to a function, and chains of them."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from .formats import Values

SAMPLES = 1 << 15
"""Points on which a function is followed."""

HALVINGS = 40
"""Halvings of an error bracket: far below what SAMPLES resolve."""


class MinimaxLine(NamedTuple):
    """A piece of a minimax approximation, in values.

    Members
    -------
    start, stop : float
        Where the piece begins and ends.
    slope, intercept : float
        The line ``slope * x + intercept``.
    error : float
        Its maximum absolute error on the samples.
    """

    start: float
    stop: float
    slope: float
    intercept: float
    error: float


def best_slope(x: Values, y: Values) -> float:
    """Return the slope of the line whose maximum absolute error is smallest.

    Where the points bend one way only this is the slope of their chord (de la Vallée Poussin);
    elsewhere the spread ``max(y - s x) - min(y - s x)``, convex in ``s``, is minimised.
    """
    chord = float((y[-1] - y[0]) / (x[-1] - x[0])) if len(x) > 1 else 0.0
    if len(x) < 3:
        return chord
    bends = np.diff(y, 2)
    noise = 4 * np.finfo(np.float64).eps * max(float(np.abs(y).max()), 1e-300)
    if (bends <= noise).all() or (bends >= -noise).all():
        return chord
    steps = np.diff(y) / np.diff(x)
    return _least(lambda s: float(np.ptp(y - s * x)), float(steps.min()), float(steps.max()))


def _least(cost: Callable[[float], float], low: float, high: float) -> float:
    """Return where a convex cost is least, by golden section."""
    ratio = (5**0.5 - 1) / 2
    for _ in range(HALVINGS):
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, b) if cost(a) <= cost(b) else (a, high)
    return (low + high) / 2


def furthest(start: int, last: int, guess: int, fits: Callable[[int], bool]) -> int:
    """Return the largest index up to ``last`` that fits.

    ``fits`` holds up to some index and fails from there on; it holds at ``start``.
    """
    step, low, high = 1, start, last + 1
    probe = min(max(guess, start), last)
    while low < high - 1:
        if fits(probe):
            low = probe
        else:
            high = probe
        if high == last + 1 and low != last:
            probe, step = min(low + step, last), step * 2
        elif low == start and high - step > start:
            probe, step = high - step, step * 2
        else:
            probe = (low + high) // 2
    return low


def least_error(low: float, high: float, reaches: Callable[[float], bool], steps: int) -> float:
    """Return, nearly, the least error between two bounds that ``reaches`` grants."""
    if reaches(low):
        return low
    for _ in range(steps):
        middle = (low + high) / 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return high


def minimax(
    function: Callable[[Values], Values],
    low: float,
    high: float,
    segments: int,
    tail: float | None = None,
) -> list[MinimaxLine]:
    """Return the best approximation by lines with free breakpoints; jumps are allowed.

    Parameters
    ----------
    function : callable
        From float64 arrays to float64 arrays.
    low, high : float
        Where it is followed.
    segments : int
        Lines at most.
    tail : float, optional
        A constant that may follow the last line for nothing.

    Returns
    -------
    list of MinimaxLine
        The lines from left to right, the tail left out.
    """
    x = np.linspace(low, high, SAMPLES)
    y = function(x)
    last = SAMPLES - 1

    def fits(error: float, start: int, stop: int) -> bool:
        return _line(x, y, start, stop).error <= error

    def chain(error: float) -> list[MinimaxLine] | None:
        end = last if tail is None else _tail_start(y, tail, error) - 1
        lines: list[MinimaxLine] = []
        start = 0
        while start <= end:
            if len(lines) == segments:
                return None
            guess = start + 2 * (end - start) // (segments - len(lines) + 1)
            stop = furthest(start, end, guess, partial(fits, error, start))
            lines.append(_line(x, y, start, stop))
            start = stop + 1
        return lines

    worst = float(np.ptp(y))
    error = least_error(0.0, worst, lambda e: chain(e) is not None, HALVINGS)
    return chain(error) or []


def _tail_start(y: Values, tail: float, error: float) -> int:
    off = np.flatnonzero(np.abs(y - tail) > error)
    return int(off[-1]) + 1 if len(off) else 0


def _line(x: Values, y: Values, start: int, stop: int) -> MinimaxLine:
    x, y = x[start : stop + 1], y[start : stop + 1]
    slope = best_slope(x, y)
    rest = y - slope * x
    top, bottom = float(rest.max()), float(rest.min())
    return MinimaxLine(float(x[0]), float(x[-1]), slope, (top + bottom) / 2, (top - bottom) / 2)
