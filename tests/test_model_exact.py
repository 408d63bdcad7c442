"""Curves that are the function itself, on every code."""

import re

import numpy as np
import pytest

from bittrue.model.curve_errors import errors_of
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import FixedType, Format, decode
from bittrue.model.makers import FOLLOWED, MAKERS, USUAL, make_curve

FUNCTIONS = {
    "identity": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "clipped-relu": lambda x: np.clip(x, 0, 1),
    "relu6": lambda x: np.clip(x, 0, 6),
    "step": lambda x: (x >= 0).astype(float),
}
WIDE = FixedType.parse("fxp-s24/12")


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("input", ["fxp-s8/4", "fxp-s12/8", "fxp-u8/3", "fxp-s6/-2", "fxp-s8/12"])
def test_exact_on_every_code(name, input):
    format = Format.parse(input)
    curve = make_curve(name, format, WIDE)
    values = decode(format.codes(), format)
    assert (decode(curve.evaluate(format.codes()), WIDE.format) == FUNCTIONS[name](values)).all()
    assert errors_of(curve, name).maximum == 0.0


def test_what_leaves_the_output_is_fitted_by_its_mode():
    input, codes = Format.parse("fxp-s8/4"), [-128, -16, 8, 127]
    saturated = make_curve("identity", input, FixedType.parse("fxp-s4/0,RND,SAT"))
    wrapped = make_curve("identity", input, FixedType.parse("fxp-s3/0,TRN,WRAP"))
    assert saturated.evaluate(codes).tolist() == [-8, -1, 1, 7]
    assert wrapped.evaluate(codes).tolist() == [0, -1, 0, -1]


def test_plan_tanh_is_plan_twice_stretched():
    input, output = Format.parse("fxp-s16/12"), FixedType.parse("fxp-s32/24")
    tanh = make_curve("plan-tanh", input, output)
    plan = make_curve("plan", Format.parse("fxp-s16/11"), output)
    codes = np.arange(-(2**15) + 1, 2**15)
    one = output.format.code_of(1.0)
    assert (tanh.evaluate(codes) == 2 * plan.evaluate(codes) - one).all()
    assert errors_of(tanh, "tanh").maximum == pytest.approx(2 * 0.018941, abs=2e-6)
    slopes = [row.slope for row in tanh.segments]
    assert all(slope & (slope - 1) == 0 for slope in slopes)


def test_every_maker_is_usual_or_stands_for_something():
    assert set(FOLLOWED) | {"fit", "step"} == set(MAKERS)
    assert set(USUAL.values()) <= set(MAKERS)


@pytest.mark.parametrize(
    ("name", "output", "message"),
    [
        ("relu6", "fxp-s8/6", "fxp-s8/6 is too coarse for relu6: it has no code for 6"),
        (
            "clipped-relu",
            "fxp-s8/7",
            "fxp-s8/7 is too coarse for clipped-relu: it has no code for 1",
        ),
        ("step", "fxp-s8/7", "fxp-s8/7 is too coarse for step: it has no code for 1"),
        ("plan-tanh", "fxp-s8/7", "fxp-s8/7 is too coarse for plan-tanh: it has no code for 1"),
    ],
)
def test_formats_without_the_codes_are_refused(name, output, message):
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}$"):
        make_curve(name, Format.parse("fxp-s12/6"), FixedType.parse(output))
