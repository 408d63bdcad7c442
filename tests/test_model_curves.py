"""Tables of segments: what they compute, and what is no table."""

import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bittrue.model.curves import Curve, Segment
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import FixedType, Format, Overflow, Rounding, requantize

TABLE = {
    "name": "own",
    "input": Format.parse("fxp-s6/3"),
    "output": FixedType.parse("fxp-s8/4"),
    "slope_format": Format.parse("fxp-s5/3"),
    "intercept_format": Format.parse("fxp-s7/4"),
    "segments": ((-32, -3, 5), (-4, 7, 9), (10, 2, -20)),
}


def exactly(curve, code):
    """Return the output code of one pre-activation code, by the contract and on fractions."""
    mirrored = curve.mirror is not None and code < 0
    z = -code if mirrored else code
    _, slope, intercept = [row for row in curve.segments if row.start <= z][-1]
    value = Fraction(slope * z) / Fraction(2) ** (curve.slope_format.frac + curve.input.frac)
    value += Fraction(intercept) / Fraction(2) ** curve.intercept_format.frac
    wide = Format(True, 60, curve.slope_format.frac + curve.input.frac + 8)
    word = int(value * Fraction(2) ** wide.frac)
    output = curve.output
    result = requantize(word, wide, output.format, output.rounding, output.overflow)
    return curve.mirror - int(result) if mirrored else int(result)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.sampled_from(Rounding),
    st.sampled_from(Overflow),
    st.lists(st.integers(-31, 31), min_size=1, max_size=5, unique=True),
    st.data(),
)
def test_every_code_by_the_contract(rounding, overflow, starts, data):
    slope, intercept = TABLE["slope_format"], TABLE["intercept_format"]
    rows = [
        Segment(
            start,
            data.draw(st.integers(slope.min_code, slope.max_code)),
            data.draw(st.integers(intercept.min_code, intercept.max_code)),
        )
        for start in [-32, *sorted(starts)]
    ]
    output = FixedType(Format.parse("fxp-s6/2"), rounding, overflow)
    curve = Curve(**{**TABLE, "output": output, "segments": tuple(rows)})
    codes = curve.input.codes()
    assert curve.evaluate(codes).tolist() == [exactly(curve, code) for code in codes.tolist()]


def test_mirroring_comes_after_rounding():
    rows = ((0, 3, 5), (9, 0, 16))
    output = FixedType(Format.parse("fxp-s8/4"), Rounding.TRN, Overflow.SAT)
    curve = Curve(**{**TABLE, "segments": rows, "output": output, "mirror": 16})
    codes = curve.input.codes()
    assert curve.evaluate(codes).tolist() == [exactly(curve, code) for code in codes.tolist()]
    assert (curve.argument, curve.last_argument) == (Format.parse("fxp-u6/3"), 32)
    assert curve.rows == 1


def test_a_segment_is_replaced_in_a_copy():
    curve = Curve(**TABLE)
    other = curve.with_segment(1, Segment(-4, 6, 9))
    assert curve.segments[1].slope == 7
    assert other.segments[1].slope == 6
    assert curve.ends() == [(-32, -5), (-4, 9), (10, 31)]


@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3, 4)])
def test_any_shape(shape):
    codes = np.zeros(shape, dtype=np.int64)
    assert Curve(**TABLE).evaluate(codes).shape == shape


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"segments": ()}, ""),
        ({"segments": ((-31, 0, 0),)}, ""),
        ({"segments": ((-32, 0, 0), (5, 0, 0), (5, 1, 0))}, "starts of curve own must ascend"),
        ({"segments": ((-32, 0, 0), (32, 0, 0))}, "starts of curve own must ascend"),
        (
            {"segments": ((-32, 16, 0),)},
            "slope of segment 0 of curve own must be -16 to 15 (fxp-s5/3), got 16",
        ),
        (
            {"segments": ((-32, 0, -65),)},
            "intercept of segment 0 of curve own must be -64 to 63 (fxp-s7/4), got -65",
        ),
        ({"slope_format": Format.parse("fxp-s60/3")}, ""),
        (
            {"segments": ((0, 0, 0),), "mirror": 128},
            "the mirror code of curve own must be -128 to 127 (fxp-s8/4), got 128",
        ),
        (
            {"segments": ((0, 15, 63),), "mirror": 16},
            "curve own must stay in fxp-s8/4, got code ",
        ),
        (
            {"segments": ((0, -15, 0),), "mirror": 120},
            "curve own must stay in fxp-s8/4, got code ",
        ),
        (
            {"segments": ((0, 0, 0),), "mirror": 0, "input": Format.parse("fxp-u6/3")},
            "mirrored curve own must have a signed input, got fxp-u6/3",
        ),
    ],
)
def test_no_table(changes, message):
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}"):
        Curve(**{**TABLE, **changes})
