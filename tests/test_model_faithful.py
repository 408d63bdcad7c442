"""Faithful curves: within one LSB of the correctly rounded function on every code, and aligned."""

import re

import crfix
import numpy as np
import pytest

from bittrue.model.curve_errors import errors_of
from bittrue.model.exceptions import BittrueError
from bittrue.model.faithful import faithful
from bittrue.model.formats import FixedType, Format, Rounding
from bittrue.model.makers import make_curve

S16 = Format.parse("fxp-s16/12")


def far(curve):
    """Return the largest distance, in LSB, from crfix's sigmoid over all codes."""
    codes = curve.input.codes()
    rounded = crfix.sigmoid(codes.astype(np.int32), curve.input.frac, curve.output.format.frac)
    return np.abs(curve.evaluate(codes) - rounded).max()


@pytest.mark.parametrize(
    ("input", "output"),
    [
        ("fxp-s16/12", "fxp-s16/12"),
        ("fxp-s16/12", "fxp-u13/12"),
        ("fxp-s16/12", "fxp-u16/15"),
        ("fxp-s12/8", "fxp-s12/8"),
        ("fxp-s8/4", "fxp-u9/8"),
        ("fxp-s5/0", "fxp-u8/7"),
    ],
)
@pytest.mark.parametrize("rounding", Rounding)
def test_within_one_lsb_of_crfix_on_every_code(input, output, rounding):
    curve = faithful(Format.parse(input), FixedType.parse(output, rounding))
    assert far(curve) <= 1


def test_the_maker_gives_the_sigmoid():
    output = FixedType(S16)
    curve = make_curve("faithful", S16, output)
    assert curve == faithful(S16, output)
    assert (curve.name, curve.mirror) == ("faithful", 1 << 12)


def test_one_row_moved_by_an_lsb_is_found():
    curve = faithful(S16, FixedType(S16))
    row = curve.segments[3]
    assert far(curve.with_segment(3, row._replace(intercept=row.intercept + 8))) > 1


@pytest.mark.parametrize(("output", "most"), [("fxp-s16/12", 40), ("fxp-u16/15", 80)])
def test_starts_are_multiples_that_64_or_128_cells_have(output, most):
    curve = faithful(S16, FixedType.parse(output))
    assert len(curve.segments) <= most
    assert all(row.start % 256 == 0 for row in curve.segments)
    assert all(row.start % 512 == 0 for row in curve.segments) == (output == "fxp-s16/12")


def test_other_functions():
    curve = faithful(S16, FixedType(S16), function="tanh")
    assert (curve.name, errors_of(curve, "tanh").rounded_lsb) == ("faithful-tanh", 1)
    range = (-4.0, 1.0)
    curve = faithful(S16, FixedType(S16), function="exp", range=range)
    assert curve.mirror is None
    assert errors_of(curve, "exp", range).rounded_lsb == 1


@pytest.mark.parametrize(
    ("input", "output", "options", "message"),
    [
        ("fxp-s25/20", "fxp-s16/12", {}, "a fit must have an input of at most 24 bits, got"),
        ("fxp-s8/4", "fxp-s8/4", {"function": "sinc"}, "the function must be one of sigmoid, "),
        ("fxp-s8/4", "fxp-s8/4", {"range": (1.0, 1.0)}, "the range must go up, got 1 to 1"),
        (
            "fxp-s16/12",
            "fxp-u28/27",
            {},
            "a faithful curve from fxp-s16/12 to fxp-u28/27 must do with segments that start at "
            "1024 multiples of a power of two, it does not",
        ),
        ("fxp-s8/4", "fxp-s8/7", {}, "fxp-s8/7 is too coarse for sigmoid: it has no code for 1"),
    ],
)
def test_bad_choices(input, output, options, message):
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}"):
        faithful(Format.parse(input), FixedType.parse(output), **options)
