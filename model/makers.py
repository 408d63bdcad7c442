"""Makers of curves: published approximations of the sigmoid, fitted ones, and exact ones.

All published sigmoids mirror, ``y(-x) = 1 - y(x)``, and are given for ``a = |x|``.
"""

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from itertools import pairwise
from math import ceil, floor
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from .activations import Function
from .curves import Curve, Segment
from .exact import clipped_relu, identity, relu, require_codes, step
from .exceptions import BittrueError
from .faithful import faithful
from .fit import fit
from .formats import FixedType, Format


class Line(NamedTuple):
    """A piece of a curve in values, from ``start`` on."""

    start: Fraction
    slope: Fraction
    intercept: Fraction


def make_curve(
    name: str,
    input: Format,
    output: FixedType,
    *,
    segments: int | None = None,
    tolerance: float | None = None,
    function: str | Function | None = None,
    range: tuple[float, float] | None = None,
) -> Curve:
    """Make a curve by name.

    Parameters
    ----------
    name : str
        One of `MAKERS`.
    input : Format
        Format of the pre-activation codes.
    output : FixedType
        Format of the result, and how it is rounded and fitted.
    segments : int, optional
        Pieces, for ``uniform`` and ``fit``.
    tolerance : float, optional
        Maximum absolute error, in value, for ``fit``: the fewest pieces that keep it.
    function : str or callable, optional
        For ``fit``: one of `bittrue.model.fit.FUNCTIONS`, or a function of float64 arrays.
    range : (float, float), optional
        For ``fit``: values between which the function is followed.

    Raises
    ------
    BittrueError
        If there is no such maker, it does not take an option, or the formats are too coarse.
    """
    if name not in MAKERS:
        raise BittrueError(f"the curve must be one of {', '.join(MAKERS)}, got {name!r}")
    options = {
        "segments": segments,
        "tolerance": tolerance,
        "function": function,
        "range": range,
    }
    given = {key: value for key, value in options.items() if value is not None}
    for key in given:
        if key not in OPTIONS.get(name, ()):
            raise BittrueError(f"curve {name} takes no {key}, got {given[key]!r}")
    if segments is not None and (isinstance(segments, bool) or segments < 1):
        raise BittrueError(f"segments must be at least 1, got {segments}")
    return MAKERS[name](name, input, output, **given)


def _plan(name: str, input: Format, output: FixedType) -> Curve:
    """Amin, Curtis, Hayes-Gill 1997. Steps down by 2**-8 at 2.375."""
    return _published(name, input, output, _PLAN, Format(False, 4, 5), Format(False, 6, 5))


def _plan_monotone(name: str, input: Format, output: FixedType) -> Curve:
    """Return the minimum of PLAN's lines: each starts at the first code where it is lowest."""
    lines = []
    for before, line in zip([None, *_PLAN], _PLAN, strict=False):
        start = Fraction(0)
        if before is not None:
            start = (line.intercept - before.intercept) / (before.slope - line.slope)
        first = Fraction(ceil(start * Fraction(2) ** input.frac)) / Fraction(2) ** input.frac
        lines.append(line._replace(start=first))
    return _published(name, input, output, lines, Format(False, 4, 5), Format(False, 6, 5))


def _alaw(name: str, input: Format, output: FixedType) -> Curve:
    """Myers, Hutchinson 1989: chords through (0, ½) (1, ¾) (2, ⅞) (4, 15/16) (8, 1)."""
    corners = [(0, 8), (1, 12), (2, 14), (4, 15), (8, 16)]
    lines = []
    for (x, y), (end, top) in pairwise(corners):
        slope = Fraction(top - y, 16 * (end - x))
        lines.append(Line(Fraction(x), slope, Fraction(y, 16) - slope * x))
    lines.append(Line(Fraction(8), Fraction(0), Fraction(1)))
    return _published(name, input, output, lines, Format(False, 5, 6), Format(False, 5, 4))


def _alippi(name: str, input: Format, output: FixedType) -> Curve:
    """Alippi, Storti-Gajani 1991: a chord of slope 2**-(n+2) on each [n, n+1).

    The pieces end, with the constant 1, where they are a quarter of an output LSB below it.
    """
    pieces = max(output.format.frac + 1, 1)
    reach = -input.min_code * Fraction(2) ** -input.frac
    pieces = min(pieces, ceil(reach) + 1)
    lines = []
    for n in range(pieces):
        slope = Fraction(1, 2 ** (n + 2))
        lines.append(Line(Fraction(n), slope, 1 - (n + 2) * slope))
    lines.append(Line(Fraction(pieces), Fraction(0), Fraction(1)))
    frac = pieces + 1
    return _published(
        name, input, output, lines, Format(False, pieces, frac), Format(False, pieces + 2, frac)
    )


def _plan_tanh(name: str, input: Format, output: FixedType) -> Curve:
    """Return PLAN for the hyperbolic tangent: twice PLAN of twice the argument, less 1."""
    lines = [Line(start / 2, 4 * slope, 2 * intercept - 1) for start, slope, intercept in _PLAN]
    return _published(name, input, output, lines, Format(False, 4, 3), Format(False, 5, 4), 0.0)


def _hard_sigmoid(slope: Fraction) -> Callable[[str, Format, FixedType], Curve]:
    """Return the maker of min(slope * a + ½, 1).

    A slope that no code holds is cut below the half of an output LSB over the whole range.
    """

    def make(name: str, input: Format, output: FixedType) -> Curve:
        end = Fraction(1, 2) / slope
        cut = 2
        if slope.denominator & (slope.denominator - 1):
            cut = max(output.format.frac + end.numerator.bit_length() + 2, 4)
        code = floor(slope * 2**cut)
        lines = [
            Line(Fraction(0), Fraction(code, 2**cut), Fraction(1, 2)),
            Line(
                Fraction(ceil(end * Fraction(2) ** input.frac)) / Fraction(2) ** input.frac,
                Fraction(0),
                Fraction(1),
            ),
        ]
        return _published(
            name, input, output, lines, Format.spanning(0, code, cut), Format(False, 2, 1)
        )

    return make


def _uniform(name: str, input: Format, output: FixedType, *, segments: int = 16) -> Curve:
    """Return chords of the sigmoid over pieces of equal width on [0, 8), then 1."""
    require_codes(name, output.format, (0.0, 0.5, 1.0))
    last = -input.min_code
    end = min(int(8 * Fraction(2) ** input.frac), last)
    starts = sorted({round(Fraction(end * n, segments)) for n in range(segments)})
    slope_format, intercept_format = _table_formats(input, output)
    rows = []
    for start, stop in zip(starts, [*starts[1:], end], strict=True):
        low, high = expit(np.ldexp([start, stop], -input.frac))
        slope = (high - low) / max(stop - start, 1)
        code = floor(slope * 2.0 ** (slope_format.frac + input.frac))
        intercept = low - code * 2.0 ** -(slope_format.frac + input.frac) * start
        rows.append(Segment(start, code, floor(intercept * 2.0**intercept_format.frac)))
    if end < last:
        rows.append(Segment(end, 0, 1 << intercept_format.frac))
    mirror = output.format.code_of(1.0)
    return Curve(name, input, output, slope_format, intercept_format, tuple(rows), mirror)


def _table_formats(input: Format, output: FixedType) -> tuple[Format, Format]:
    """Return formats of a sigmoid's slopes and intercepts whose cut costs no output code."""
    reach = max(input.int_bits - 1, 0)
    guard = 3
    return (
        Format(
            False,
            max(output.format.frac + reach + guard - 1, 1),
            output.format.frac + reach + guard,
        ),
        Format(False, output.format.frac + guard + 1, output.format.frac + guard),
    )


_PLAN = [
    Line(Fraction(0), Fraction(1, 4), Fraction(1, 2)),
    Line(Fraction(1), Fraction(1, 8), Fraction(5, 8)),
    Line(Fraction(19, 8), Fraction(1, 32), Fraction(27, 32)),
    Line(Fraction(5), Fraction(0), Fraction(1)),
]

MAKERS: dict[str, Callable[..., Curve]] = {
    "plan": _plan,
    "plan-monotone": _plan_monotone,
    "alaw": _alaw,
    "alippi": _alippi,
    "hard-sigmoid": _hard_sigmoid(Fraction(1, 5)),
    "hard-sigmoid-sixth": _hard_sigmoid(Fraction(1, 6)),
    "hard-sigmoid-quarter": _hard_sigmoid(Fraction(1, 4)),
    "uniform": _uniform,
    "plan-tanh": _plan_tanh,
    "fit": lambda name, input, output, **options: fit(input, output, **options),
    "faithful": lambda name, input, output: faithful(input, output),
    "step": step,
    "identity": identity,
    "relu": relu,
    "clipped-relu": partial(clipped_relu, ceiling=1),
    "relu6": partial(clipped_relu, ceiling=6),
}
"""Makers by name."""

FOLLOWED = {
    **dict.fromkeys(
        [
            *("plan", "plan-monotone", "alaw", "alippi", "uniform", "faithful"),
            *("hard-sigmoid", "hard-sigmoid-sixth", "hard-sigmoid-quarter"),
        ],
        "sigmoid",
    ),
    "plan-tanh": "tanh",
    **{name: name for name in ("identity", "relu", "clipped-relu", "relu6")},
}
"""The function that a maker's curves stand for, beside one of their own name; a fit follows any,
a step may stand for any."""

USUAL = {
    "sigmoid": "plan",
    **{name: name for name in ("step", "identity", "relu", "clipped-relu", "relu6")},
    **{name: name for name in ("hard-sigmoid", "hard-sigmoid-sixth", "hard-sigmoid-quarter")},
}
"""The maker that is taken for a function where none is named; ``fit`` for all others."""

OPTIONS = {
    "uniform": ("segments",),
    "fit": ("segments", "tolerance", "function", "range"),
}
"""The options that makers take."""


def _published(
    name: str,
    input: Format,
    output: FixedType,
    lines: list[Line],
    slope_format: Format,
    intercept_format: Format,
    center: float = 1.0,
) -> Curve:
    """Return the mirrored curve of lines; those that start beyond the input are left out."""
    require_codes(name, output.format, (0.0, 1.0, center, center / 2))
    rows = []
    for line in lines:
        start = line.start * Fraction(2) ** input.frac
        if start > -input.min_code:
            continue
        if start.denominator != 1:
            raise BittrueError(
                f"{input} is too coarse for {name}: it has no code for {float(line.start)}"
            )
        rows.append(
            Segment(
                int(start),
                int(line.slope * 2**slope_format.frac),
                int(line.intercept * 2**intercept_format.frac),
            )
        )
    mirror = output.format.code_of(center)
    return Curve(name, input, output, slope_format, intercept_format, tuple(rows), mirror)
