"""Published curves are what was published, to the digit and to the bit."""

import re
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from bittrue.model.curve_errors import errors_of
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import FixedType, Format, decode
from bittrue.model.makers import FOLLOWED, MAKERS, make_curve

FINE = (Format.parse("fxp-s16/12"), FixedType.parse("fxp-u28/27"))
COARSE = (Format.parse("fxp-s8/4"), FixedType.parse("fxp-s8/4"))

PUBLISHED = {
    "plan": (0.018941, 0.005874),
    "plan-monotone": (0.018941, 0.005864),
    "alaw": (0.048955, 0.024724),
    "alippi": (0.018941, 0.008731),
    "hard-sigmoid": (0.07586, 0.01744),
    "hard-sigmoid-sixth": (0.06918, 0.02165),
    "hard-sigmoid-quarter": (0.11920, 0.02410),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_errors(name):
    maximum, mean = PUBLISHED[name]
    errors = errors_of(make_curve(name, *FINE))
    digits = 5 if name.startswith("hard") else 6
    assert round(errors.maximum, digits) == pytest.approx(maximum, abs=1.01 * 10**-digits)
    assert errors.mean == pytest.approx(mean, rel=0.002)


def plan(x):
    """Return PLAN of an exact number, as the paper's table has it."""
    a = abs(x)
    if a >= 5:
        y = Fraction(1)
    elif a >= Fraction("2.375"):
        y = a / 32 + Fraction("0.84375")
    elif a >= 1:
        y = a / 8 + Fraction("0.625")
    else:
        y = a / 4 + Fraction("0.5")
    return y if x >= 0 else 1 - y


def alippi(x):
    """Return Alippi's curve, which its paper gives for negative numbers."""
    a = abs(x)
    n = a.numerator // a.denominator
    y = (Fraction(1, 2) + (-a + n) / 4) / 2**n
    return y if x <= 0 else 1 - y


@pytest.mark.parametrize(("name", "exact"), [("plan", plan), ("alippi", alippi)])
def test_exact_where_the_output_has_bits_enough(name, exact):
    input = Format.parse("fxp-s8/4")
    output = FixedType.parse("fxp-u40/38")
    curve = make_curve(name, input, output)
    values = decode(curve.evaluate(input.codes()), output.format)
    expected = [float(exact(Fraction(int(code), 16))) for code in input.codes()]
    assert values.tolist() == expected


def test_plan_steps_down_once_a_side_by_2_to_the_minus_8():
    curve = make_curve("plan", *FINE)
    code = round(2.375 * 2**12)
    assert errors_of(curve).steps_down == (-code + 1, code)
    before, after = decode(curve.evaluate([code - 1, code]), FINE[1].format)
    assert after - before == pytest.approx(-(2**-8) + 2**-15, abs=1e-12)
    assert errors_of(make_curve("plan-monotone", *FINE)).monotone


ANY_OUTPUT = [name for name in MAKERS if name != "faithful"]
SIGMOIDS = [*(name for name in ANY_OUTPUT if FOLLOWED.get(name) == "sigmoid"), "fit"]


@pytest.mark.parametrize("name", SIGMOIDS)
def test_all_sigmoids_mirror(name):
    curve = make_curve(name, *FINE)
    codes = np.arange(1, FINE[0].max_code + 1)
    one = FINE[1].format.code_of(1.0)
    assert curve.mirror == one
    assert (curve.evaluate(codes) + curve.evaluate(-codes) == one).all()


@pytest.mark.parametrize("name", [name for name in SIGMOIDS if name != "plan"])
def test_all_but_plan_are_monotone(name):
    assert errors_of(make_curve(name, *FINE)).monotone


def test_step():
    curve = make_curve("step", *COARSE)
    assert decode(curve.evaluate([-128, -1, 0, 127]), COARSE[1].format).tolist() == [0, 0, 1, 1]
    assert (len(curve.segments), curve.mirror) == (2, None)


def test_shift_only_curves_have_slopes_that_are_powers_of_two():
    for name in ("plan", "plan-monotone", "alaw", "alippi", "hard-sigmoid-quarter"):
        slopes = [row.slope for row in make_curve(name, *FINE).segments]
        assert all(slope & (slope - 1) == 0 for slope in slopes), name


def test_chords_come_nearer_as_they_get_shorter():
    errors = [errors_of(make_curve("uniform", *FINE, segments=k)).maximum for k in (8, 16, 32, 64)]
    assert all(after < before / 2 for before, after in pairwise(errors))


@pytest.mark.parametrize(
    ("name", "input", "output", "options", "message"),
    [
        ("spline", *COARSE, {}, "the curve must be one of plan, "),
        ("plan", *COARSE, {"segments": 3}, "curve plan takes no segments, got 3"),
        ("plan", *COARSE, {"range": (0, 1)}, "curve plan takes no range, got (0, 1)"),
        ("uniform", *COARSE, {"tolerance": 0.1}, "curve uniform takes no tolerance, got 0.1"),
        ("uniform", *COARSE, {"segments": 0}, "segments must be at least 1, got 0"),
        ("fit", *COARSE, {"segments": True}, "segments must be at least 1, got True"),
        (
            "plan",
            Format.parse("fxp-s8/2"),
            COARSE[1],
            {},
            "fxp-s8/2 is too coarse for plan: it has no code for 2.375",
        ),
        (
            "alaw",
            COARSE[0],
            FixedType.parse("fxp-s8/7"),
            {},
            "fxp-s8/7 is too coarse for alaw: it has no code for 1",
        ),
        (
            "uniform",
            COARSE[0],
            FixedType.parse("fxp-u2/0"),
            {},
            "fxp-u2/0 is too coarse for uniform: it has no code for 0.5",
        ),
        (
            "plan",
            Format.parse("fxp-u8/4"),
            COARSE[1],
            {},
            "mirrored curve plan must have a signed input, got fxp-u8/4",
        ),
    ],
)
def test_bad_choices(name, input, output, options, message):
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}"):
        make_curve(name, input, output, **options)
