import pytest
from designs import Bench

from bittrue.hdl.machine import Folding
from bittrue.hdl.watch import LossCounter, Tracer
from bittrue.model.formats import Format

S4 = Format.parse("fxp-s4/0")


@pytest.mark.parametrize("inexact", [False, True])
def test_counters_stay_at_the_largest_count(inexact):
    """Three real lanes of four lose something each time: 3, 6, … 15, 15."""
    counter = LossCounter(S4, Folding(1, 4, 4, 1), inexact=inexact, bits=4)
    counts = []

    async def testbench(ctx):
        probe = {"valid": 1, "mask": 0b0111, "overflowed": 0b1111, "inexact": 0b0101}
        for _ in range(9):
            ctx.set(counter.probe, probe)
            await ctx.tick()
            ctx.set(counter.probe, {**probe, "valid": 0})
            await ctx.tick()
            counts.append((ctx.get(counter.overflowed), ctx.get(counter.inexact)))
        ctx.set(counter.clear, 1)
        await ctx.tick()
        assert (ctx.get(counter.overflowed), ctx.get(counter.inexact)) == (0, 0)

    Bench(counter).run(testbench)
    assert counts == [(min(3 * n, 15), min(2 * n, 15) * inexact) for n in range(1, 10)]


def test_samples_are_counted_mod_65536():
    tracer = Tracer(S4, Folding(1, 1, 1, 1))

    async def testbench(ctx):
        ctx.set(tracer.probe, {"valid": 1, "mask": 1})
        await ctx.tick().repeat(2**16 - 1)
        assert ctx.get(tracer.o.sample) == 2**16 - 1
        await ctx.tick()
        assert ctx.get(tracer.o.sample) == 0

    Bench(tracer).run(testbench)
