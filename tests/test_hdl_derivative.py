import numpy as np
import pytest
from designs import Bench

from bittrue.hdl.derivative import Slope, slope_format, source_format
from bittrue.model.formats import FixedType
from bittrue.model.learner import slopes_at
from bittrue.model.learning import Derivative
from bittrue.model.makers import make_curve


def streamed(dut, codes):
    """Return what a component makes of codes, one a cycle."""
    found = []

    async def testbench(ctx):
        for n in range(len(codes) + dut.latency):
            if n < len(codes):
                ctx.set(dut.i, int(codes[n]))
            if n >= dut.latency:
                found.append(ctx.get(dut.o))
            await ctx.tick()

    Bench(dut).run(testbench)
    return found


@pytest.mark.parametrize("format", ["fxp-s8/4", "fxp-s8/6", "fxp-s9/4,TRN,WRAP"])
def test_of_the_output_for_every_output(format):
    type = FixedType.parse(format)
    curve = make_curve("plan", type.format, type)
    codes = np.unique(curve.evaluate(type.format.codes()))
    dut = Slope(curve, Derivative.OUTPUT)
    one = 1 << type.format.frac
    assert streamed(dut, codes) == (codes * (one - codes)).tolist()


@pytest.mark.parametrize("name", ["plan", "plan-tanh", "relu"])
def test_slope_of_the_segment_for_every_preactivation(name):
    type = FixedType.parse("fxp-s8/4")
    curve = make_curve(name, type.format, type)
    dut, codes = Slope(curve, Derivative.SLOPE), type.format.codes()
    assert source_format(curve, Derivative.SLOPE) == type.format
    assert streamed(dut, codes) == slopes_at(curve, codes).tolist()


def test_formats_are_as_narrow_as_what_curves_give():
    type = FixedType.parse("fxp-s16/12")
    curve = make_curve("plan", type.format, type)
    assert slope_format(curve, Derivative.OUTPUT).width == 23
