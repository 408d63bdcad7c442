import numpy as np
import pytest
from designs import Bench

from bittrue.hdl.lfsr import Draws, ShiftRegister, masks_after
from bittrue.model import lfsr


def test_many_steps_at_once_are_steps_one_by_one():
    for steps in (0, 1, 15, 16, 17, 100):
        masks = masks_after(steps)
        for state in (1, 2, 0x8000, lfsr.SEED, 0xFFFF):
            expected = state
            for _ in range(steps):
                expected = lfsr.step(expected)
            found = sum(((state & mask).bit_count() & 1) << bit for bit, mask in enumerate(masks))
            assert found == expected


@pytest.mark.parametrize(("lanes", "last_lanes"), [(1, 1), (3, 2), (5, 1), (8, 8)])
def test_draws_are_those_of_the_model(lanes, last_lanes):
    dut = Draws(lanes, last_lanes)
    states = np.random.default_rng(lanes).integers(1, 1 << 16, 50).tolist()

    async def testbench(ctx):
        for n, state in enumerate([lfsr.SEED, *states]):
            ctx.set(dut.state, state)
            ctx.set(dut.last, n % 2)
            await ctx.delay(1e-9)
            expected, _ = lfsr.drawn(state, lanes)
            assert [ctx.get(dut.draws[lane]) for lane in range(lanes)] == expected.tolist()
            assert ctx.get(dut.next) == expected[(last_lanes if n % 2 else lanes) - 1]

    bench = Bench(dut)
    bench.run(testbench)


def test_the_first_draw_is_the_published_one():
    """0xACE1, 16 steps on: worked out by hand from the taps in the contract."""
    draws, state = lfsr.drawn(lfsr.SEED, 1)
    register = 0xACE1
    for _ in range(16):
        bit = (register >> 15 ^ register >> 14 ^ register >> 12 ^ register >> 3) & 1
        register = (register << 1 | bit) & 0xFFFF
    assert draws.tolist() == [state] == [register]
    masks = masks_after(16)
    assert sum(((0xACE1 & mask).bit_count() & 1) << n for n, mask in enumerate(masks)) == register


def test_the_register_is_loaded_and_read_and_survives_a_reset():
    dut = ShiftRegister(0x1234)
    bench = Bench(dut)
    found = []

    async def ask(ctx, write, data=0):
        ctx.set(dut.valid, 1)
        ctx.set(dut.write, write)
        ctx.set(dut.data, data)
        await ctx.tick()
        ctx.set(dut.valid, 0)
        if not write:
            assert ctx.get(dut.answered)
            found.append(ctx.get(dut.response))
        await ctx.tick()
        assert not ctx.get(dut.answered)

    async def testbench(ctx):
        await ask(ctx, 0)
        await ask(ctx, 1, 0x0BEE)
        await ask(ctx, 0)
        await ask(ctx, 1, 0)
        await ask(ctx, 0)
        ctx.set(dut.drawn, 1)
        ctx.set(dut.next, 0x7777)
        await ctx.tick()
        ctx.set(dut.drawn, 0)
        ctx.set(bench.domain.rst, 1)
        await ctx.tick()
        ctx.set(bench.domain.rst, 0)
        await ask(ctx, 0)

    bench.run(testbench)
    assert found == [0x1234, 0x0BEE, 0x0BEE, 0x7777]
