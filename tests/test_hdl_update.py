import numpy as np
import pytest
from designs import Bench

from bittrue.hdl.update import Update, rated_format
from bittrue.model.formats import FixedType, Format, Overflow, Rounding, requantize
from bittrue.model.learner import rounded
from bittrue.model.learning import STOCHASTIC, Learning

RATE = Format(False, 8, 8)
DELTA, INPUT = Format(True, 6, 4), Format(True, 7, 4)
WEIGHTS = {
    "coarse": Format(True, 6, 2),
    "narrow": Format(True, 5, 4),
    "fine": Format(True, 30, 22),
    "coarsest": Format(True, 4, -8),
}


def extremes_and_drawn(rng, format, count):
    drawn = rng.integers(format.min_code, format.max_code + 1, count)
    ends = [format.min_code, format.max_code, 0, -1, 1]
    return np.concatenate([rng.choice(ends, 40), drawn])


@pytest.mark.parametrize("rate", [1, 64, 77, 160])
@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("rounding", [*Rounding, STOCHASTIC], ids=str)
def test_updates_are_those_of_the_model(rounding, weight, rate):
    rng = np.random.default_rng(rate)
    format = WEIGHTS[weight]
    overflow = list(Overflow)[rate % 4]
    type = FixedType(format, Rounding.TRN, overflow)
    learning = Learning("book", rate, RATE, rounding, ())
    delta, inputs, old = (extremes_and_drawn(rng, f, 80) for f in (DELTA, INPUT, format))
    draws = rng.integers(0, 1 << 16, len(delta))
    odd = rate // (rate & -rate)
    dut, bias = Update(learning, DELTA, INPUT, type), Update(learning, DELTA, None, type)

    def expected(products, frac):
        changes = rounded(products, frac - format.frac, learning, draws)
        source = Format(True, 63, format.frac)
        return requantize(old + changes, source, format, Rounding.TRN, overflow)

    frac = RATE.frac + DELTA.frac
    wanted = {
        dut: expected(rate * delta * inputs, frac + INPUT.frac),
        bias: expected(rate * delta, frac),
    }
    assert rated_format(learning, DELTA).holds(odd * delta)
    for component, codes in wanted.items():
        found = []

        async def testbench(ctx, component=component, found=found):
            latency = component.latency
            rows = zip(delta * odd, inputs, draws, old, strict=True)
            for n, (rated, value, draw, before) in enumerate(rows):
                ctx.set(component.rated, int(rated))
                if component is dut:
                    ctx.set(component.input, int(value))
                ctx.set(component.draw, int(draw))
                ctx.set(component.old, int(before))
                if n >= latency:
                    found.append(ctx.get(component.o))
                await ctx.tick()
            for _ in range(latency):
                found.append(ctx.get(component.o))
                await ctx.tick()

        Bench(component).run(testbench)
        assert found == codes.tolist()
