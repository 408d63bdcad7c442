import numpy as np
import pytest
from designs import Bench, until

from bittrue.hdl.buffer import SampleBuffer, WidthConverter
from bittrue.model.formats import Format
from bittrue.sim.words import pack, unpack

U6 = Format.parse("fxp-u6/0")


def beats_of(samples, lanes):
    """Return each sample's codes as beats (word, last), the last filled up with zeros."""
    for sample in samples:
        for start in range(0, len(sample), lanes):
            yield pack(sample[start : start + lanes], U6.width), start + lanes >= len(sample)


def converted(samples, lanes_in, lanes_out, stalls, seed=0):
    """Return the beats (codes, last) that come out, and the cycles they come in."""
    converter = WidthConverter(U6, lanes_in, lanes_out, len(samples[0]))
    rng = np.random.default_rng(seed)
    expected_beats = len(samples) * -(-len(samples[0]) // lanes_out)
    found, cycles = [], []

    async def source(ctx):
        for word, last in beats_of(samples, lanes_in):
            while rng.random() < stalls:
                await ctx.tick()
            ctx.set(converter.i.payload.as_value(), word | last << U6.width * lanes_in)
            ctx.set(converter.i.valid, 1)
            await until(ctx, converter.i.ready)
            ctx.set(converter.i.valid, 0)

    async def sink(ctx):
        cycle = 0
        while len(found) < expected_beats:
            ctx.set(converter.o.ready, int(rng.random() >= stalls))
            _, _, moved, word = await ctx.tick().sample(
                converter.o.valid & converter.o.ready, converter.o.payload.as_value()
            )
            if moved:
                last = word >> U6.width * lanes_out
                found.append((unpack(word, lanes_out, U6), last))
                cycles.append(cycle)
            cycle += 1
            assert cycle < 4000

    Bench(converter).run(source, sink)
    return found, cycles


@pytest.mark.parametrize("lanes_in", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("lanes_out", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("size", [1, 4, 5, 12])
@pytest.mark.parametrize("stalls", [0.0, 0.5])
def test_samples_are_repacked_and_never_mixed(lanes_in, lanes_out, size, stalls):
    rng = np.random.default_rng(size)
    samples = rng.integers(1, 64, (6, size)).tolist()
    found, cycles = converted(samples, lanes_in, lanes_out, stalls)
    expected = [
        (unpack(word, lanes_out, U6), int(last)) for word, last in beats_of(samples, lanes_out)
    ]
    assert found == expected
    if not stalls:
        per_sample = max(-(-size // lanes_in), -(-size // lanes_out))
        assert cycles[-1] - cycles[0] <= 6 * per_sample - 1


def test_two_samples_are_held_and_no_more():
    buffer = SampleBuffer(U6, 2, 3)

    async def testbench(ctx):
        for beat in range(6):
            ctx.set(buffer.i.payload, {"lanes": [beat, beat], "last": beat % 3 == 2})
            ctx.set(buffer.i.valid, 1)
            await until(ctx, buffer.i.ready)
        ctx.set(buffer.i.payload, {"lanes": [60, 60], "last": 0})
        for _ in range(5):
            assert not ctx.get(buffer.i.ready)
            await ctx.tick()
        ctx.set(buffer.i.valid, 0)
        ctx.set(buffer.en, 1)
        for sample in range(2):
            for address in (2, 0, 1):
                assert ctx.get(buffer.available)
                ctx.set(buffer.address, address)
                ctx.set(buffer.release, address == 1)
                await ctx.tick()
                assert ctx.get(buffer.lanes[0]) == 3 * sample + address
            ctx.set(buffer.release, 0)
            assert ctx.get(buffer.i.ready)
        assert not ctx.get(buffer.available)

    Bench(buffer).run(testbench)


def test_hold_takes_no_more_beats():
    buffer = SampleBuffer(U6, 1, 2)

    async def testbench(ctx):
        ctx.set(buffer.hold, 1)
        ctx.set(buffer.i.valid, 1)
        for _ in range(4):
            await ctx.tick()
            assert not ctx.get(buffer.i.ready)
        ctx.set(buffer.hold, 0)
        await until(ctx, buffer.i.ready)

    Bench(buffer).run(testbench)
