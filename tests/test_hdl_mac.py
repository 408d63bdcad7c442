import itertools

import numpy as np
import pytest
from designs import Bench

from bittrue.hdl import timing
from bittrue.hdl.mac import Mac
from bittrue.model.formats import Format

S4, U4, S16 = (Format.parse(text) for text in ("fxp-s4/2", "fxp-u4/3", "fxp-s16/12"))


def sums_of(weight, input, simd, beats, operands, biases, *, bias=None, stalls=0.0, seed=0):
    """Return the sum of each dot product: ``operands`` (n, beats, simd, 2), one after the other."""
    accumulator = Format.dot(weight, input, simd * beats, bias)
    mac = Mac(weight, input, accumulator, simd, bias)
    assert mac.latency == timing.mac(simd)
    rng = np.random.default_rng(seed)
    flat = operands.reshape(-1, simd, 2).tolist()
    sums = []

    async def testbench(ctx):
        step = 0
        while step < len(flat) + mac.latency:
            if rng.random() < stalls:
                ctx.set(mac.en, 0)
                await ctx.tick()
                continue
            ctx.set(mac.en, 1)
            if step < len(flat):
                ctx.set(mac.first, step % beats == 0)
                ctx.set(mac.weights, [w for w, _ in flat[step]])
                ctx.set(mac.inputs, [x for _, x in flat[step]])
            product, beat = divmod(step - mac.bias_delay, beats)
            if bias is not None and beat == 0 and 0 <= product < len(biases):
                ctx.set(mac.bias, int(biases[product]))
            await ctx.tick()
            step += 1
            if step >= mac.latency and (step - mac.latency) % beats == beats - 1:
                sums.append(ctx.get(mac.o))

    Bench(mac).run(testbench)
    return sums[: len(operands)], accumulator


def expected(weight, input, accumulator, operands, biases, bias):
    """Return the same sums by plain integers."""
    shift = accumulator.frac - weight.frac - input.frac
    sums = (operands[..., 0] * operands[..., 1]).sum(axis=(1, 2)) << shift
    if bias is not None:
        sums = sums + (biases << accumulator.frac - bias.frac)
    return sums.tolist()


@pytest.mark.parametrize("simd", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("bias", [None, Format.parse("fxp-s6/1"), Format.parse("fxp-u5/7")])
@pytest.mark.parametrize("stalls", [0.0, 0.4])
def test_drawn_sums(simd, bias, stalls):
    rng = np.random.default_rng(simd)
    beats = 3
    operands = np.stack(
        [rng.integers(f.min_code, f.max_code + 1, (10, beats, simd)) for f in (S4, U4)], axis=-1
    )
    ends = (bias.min_code, bias.max_code + 1) if bias else (0, 1)
    biases = rng.integers(*ends, 10)
    sums, accumulator = sums_of(
        S4, U4, simd, beats, operands, biases, bias=bias, stalls=stalls, seed=simd
    )
    assert sums == expected(S4, U4, accumulator, operands, biases, bias)


@pytest.mark.parametrize("bias", [None, S16])
@pytest.mark.parametrize("simd", [1, 3])
def test_extreme_operands(simd, bias):
    """All terms at an end of their range at once: where a guard bit too few would show."""
    corners = list(itertools.product((S16.min_code, S16.max_code), repeat=3))
    operands = np.array([np.full((4, simd, 2), (w, x)) for w, x, _ in corners])
    biases = np.array([b for _, _, b in corners])
    sums, accumulator = sums_of(S16, S16, simd, 4, operands, biases, bias=bias)
    wanted = expected(S16, S16, accumulator, operands, biases, bias)
    assert sums == wanted
    assert accumulator.holds(wanted)
