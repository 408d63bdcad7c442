"""Makers of curves that are no approximation: their lines are the function itself."""

from fractions import Fraction
from math import ceil

from .curves import Curve, Segment
from .exceptions import BittrueError
from .formats import FixedType, Format

BIT = Format(False, 1, 0)


def step(name: str, input: Format, output: FixedType) -> Curve:
    """Return 0 below zero and 1 from zero on: a discontinuous activation, as the book allows."""
    require_codes(name, output.format, (0.0, 1.0))
    rows = [Segment(0, 0, 1)]
    if input.signed:
        rows.insert(0, Segment(input.min_code, 0, 0))
    return Curve(name, input, output, BIT, BIT, tuple(rows))


def identity(name: str, input: Format, output: FixedType) -> Curve:
    """Return the pre-activation, requantized."""
    return Curve(name, input, output, BIT, BIT, (Segment(input.min_code, 1, 0),))


def relu(name: str, input: Format, output: FixedType) -> Curve:
    """Return the pre-activation where it is above zero, else 0."""
    return Curve(name, input, output, BIT, BIT, tuple(_ramp(input)))


def clipped_relu(name: str, input: Format, output: FixedType, *, ceiling: int) -> Curve:
    """Return the pre-activation, at least 0 and at most a ceiling."""
    require_codes(name, output.format, (0.0, float(ceiling)))
    rows = _ramp(input)
    # from the first code that is not below the ceiling on, which is exact on coarse inputs too
    start = ceil(Fraction(ceiling) * Fraction(2) ** input.frac)
    if 0 < start <= input.max_code:
        rows.append(Segment(start, 0, ceiling))
    return Curve(name, input, output, BIT, Format.spanning(0, ceiling, 0), tuple(rows))


def _ramp(input: Format) -> list[Segment]:
    rows = [Segment(0, 1, 0)]
    if input.signed:
        rows.insert(0, Segment(input.min_code, 0, 0))
    return rows


def require_codes(name: str, output: Format, values: tuple[float, ...]) -> None:
    """Refuse an output format that lacks a code for one of the values."""
    for value in values:
        if output.code_of(value) is None:
            raise BittrueError(f"{output} is too coarse for {name}: it has no code for {value:g}")
