"""Errors of curves are counted over every code, against an outside oracle."""

import re

import crfix
import numpy as np
import pytest
from scipy.special import expit

from bittrue.model.curve_errors import errors_of
from bittrue.model.curves import Curve, Segment
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import FixedType, Format, decode
from bittrue.model.makers import make_curve


def test_the_plain_definition_on_all_codes():
    input, output = Format.parse("fxp-s10/6"), FixedType.parse("fxp-u12/10")
    curve = make_curve("plan", input, output)
    errors = errors_of(curve)
    y = curve.evaluate(input.codes()) / 2**10
    off = np.abs(y - expit(input.codes() / 2**6))
    assert (errors.maximum, errors.mean) == (off.max(), off.mean())
    assert (errors.maximum_lsb, errors.mean_lsb) == (off.max() * 2**10, off.mean() * 2**10)
    assert off[errors.maximum_at - input.min_code] == off.max()
    falls = np.flatnonzero(np.diff(y) < 0) + 1 + input.min_code
    assert (errors.steps_down, errors.steps_down_total) == (tuple(falls.tolist()), len(falls))


@pytest.mark.parametrize("text", ["fxp-s8/4", "fxp-s12/8", "fxp-s16/12"])
def test_crfix_agrees_on_the_distance_from_the_correctly_rounded_sigmoid(text):
    input, output = Format.parse(text), FixedType.parse("fxp-u16/15")
    curve = make_curve("fit", input, output, segments=16)
    errors = errors_of(curve)
    codes = input.codes()
    rounded = crfix.sigmoid(codes.astype(np.int32), input.frac, output.format.frac)
    distance = np.abs(curve.evaluate(codes) - rounded)
    assert errors.rounded_lsb == distance.max()
    assert errors.correctly_rounded == np.mean(distance == 0)


def test_outside_the_range_the_value_at_its_end_counts():
    input, output = Format.parse("fxp-s12/8"), FixedType.parse("fxp-s16/12")
    curve = make_curve("fit", input, output, segments=8, function="exp", range=(-2.0, 1.0))
    assert errors_of(curve, "exp", (-2.0, 1.0)).maximum < 0.02
    assert errors_of(curve, "exp").maximum > 1000 - np.e
    top = decode(curve.evaluate([input.max_code]), output.format)[0]
    assert top == pytest.approx(np.e, abs=0.02)


def test_a_long_staircase_is_listed_in_part():
    input, output = Format.parse("fxp-s8/0"), FixedType.parse("fxp-s16/4")
    line = Curve(
        "down", input, output, Format(True, 4, 0), Format(True, 4, 0), (Segment(-128, -1, 0),)
    )
    errors = errors_of(line, lambda x: -x)
    assert (errors.maximum, errors.steps_down_total, len(errors.steps_down)) == (0, 255, 16)
    assert not errors.monotone


def test_what_cannot_be_measured_is_refused():
    wide = make_curve("plan", Format.parse("fxp-s26/12"), FixedType.parse("fxp-u16/15"))
    with pytest.raises(BittrueError, match=re.escape("at most 24 bits, got fxp-s26/12")):
        errors_of(wide)
    curve = make_curve("plan", Format.parse("fxp-s8/4"), FixedType.parse("fxp-u8/7"))
    with pytest.raises(
        BittrueError, match=r"^the function must be one of sigmoid, .*, got 'sinc'$"
    ):
        errors_of(curve, "sinc")
