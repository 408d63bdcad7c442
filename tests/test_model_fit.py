"""Fitted curves: their error on codes, and what they refuse."""

import re

import numpy as np
import pytest
from scipy.special import expit

from bittrue.model.curve_errors import errors_of
from bittrue.model.exceptions import BittrueError
from bittrue.model.fit import FUNCTIONS, fit
from bittrue.model.formats import FixedType, Format, decode
from bittrue.model.minimax import minimax

INPUT = Format.parse("fxp-s16/12")
OUTPUT = FixedType.parse("fxp-u16/15")


@pytest.mark.parametrize(("segments", "bound"), [(16, 3.6e-4), (64, 4.0e-5)])
def test_bounds_on_all_codes(segments, bound):
    curve = fit(INPUT, OUTPUT, segments=segments)
    assert curve.rows <= segments
    assert errors_of(curve).maximum < bound


@pytest.mark.parametrize("segments", [2, 3, 4, 6, 8, 12, 16])
def test_codes_cost_little_over_the_floor(segments):
    curve = fit(INPUT, FixedType.parse("fxp-u24/23"), segments=segments)
    floor = max(line.error for line in minimax(expit, 0.0, 8.0, segments, tail=1.0))
    assert errors_of(curve).maximum <= 1.02 * floor + 2.0**-23


@pytest.mark.parametrize("tolerance", [0.02, 0.005, 1e-3, 2e-4])
def test_tolerance_takes_the_fewest_segments(tolerance):
    curve = fit(INPUT, OUTPUT, tolerance=tolerance)
    assert errors_of(curve).maximum <= tolerance
    fewer = fit(INPUT, OUTPUT, segments=curve.rows - 1)
    assert errors_of(fewer).maximum > tolerance


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function(function):
    output = FixedType.parse("fxp-s20/12")
    range = (-4.0, 4.0)
    curve = fit(INPUT, output, segments=32, function=function, range=range)
    span = np.ptp(FUNCTIONS[function](np.linspace(*range, 1001)))
    assert errors_of(curve, function, range).maximum < 0.004 * span
    assert curve.rows <= 32


def test_a_function_of_ones_own():
    def bump(x):
        return np.exp(-np.square(x))

    curve = fit(INPUT, OUTPUT, segments=24, function=bump)
    off = decode(curve.evaluate(INPUT.codes()), OUTPUT.format) - bump(decode(INPUT.codes(), INPUT))
    assert np.abs(off).max() < 2e-3
    assert curve.name.endswith("bump")


def test_symmetric_functions_mirror():
    signed = FixedType.parse("fxp-s16/14")
    assert fit(INPUT, signed, segments=8, function="tanh").mirror == 0
    assert fit(INPUT, OUTPUT, segments=8).mirror == 1 << 15
    assert fit(INPUT, signed, segments=8, function="exp", range=(-8, 0)).mirror is None


def test_more_segments_are_never_worse():
    errors = [errors_of(fit(INPUT, OUTPUT, segments=k)).maximum for k in (4, 8, 16, 32, 64)]
    assert errors == sorted(errors, reverse=True)


def test_a_unit_of_the_last_place_is_left_where_segments_abound():
    small = Format.parse("fxp-s8/4")
    curve = fit(small, FixedType.parse("fxp-u8/7"), segments=128)
    assert errors_of(curve).maximum_lsb <= 0.5
    assert errors_of(curve).correctly_rounded == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"function": "sinc"}, "the function must be one of sigmoid, "),
        ({"range": (1.0, 1.0)}, "the range must go up, got 1 to 1"),
        ({"segments": 3, "tolerance": 0.1}, "a fit must have segments or a tolerance, got both"),
        ({"tolerance": 0.0}, "the tolerance must be above 0 and finite, got 0.0"),
        ({"tolerance": float("nan")}, "the tolerance must be above 0 and finite, got nan"),
        ({"tolerance": 1e-6}, ""),
        ({"input": Format.parse("fxp-s25/20")}, "a fit must have an input of at most 24 bits, got"),
    ],
)
def test_bad_choices(options, message):
    given = {"input": INPUT, "output": OUTPUT, **options}
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}"):
        fit(given.pop("input"), given.pop("output"), **given)
