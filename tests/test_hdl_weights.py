import itertools

import numpy as np
import pytest
from designs import Bench, drawn_design

from bittrue.hdl import timing
from bittrue.hdl.machine import Machine
from bittrue.hdl.weights import WeightMemory

FOLDINGS = [(1, 1), (2, 3), (3, 2), (4, 4), (5, 1)]


def memory_of(pe, simd, *, filled=True, seed=1):
    """Return a layer's design, its folding, and a memory of it."""
    design = drawn_design(seed, sizes=(7, 5, 2), bias=True)
    layer, folding = Machine(design.shape, pe, simd).parts[0]
    codes = {}
    if filled:
        codes = {"weights": design.weights.weights[0], "biases": design.weights.biases[0]}
    return design, folding, WeightMemory(layer, folding, 24, **codes)


def extended(code, width=24):
    """Return a code as the load port's data shows it."""
    return int(code) & ((1 << width) - 1)


def asked(neuron, input=0, *, bias=0, write=0, data=0):
    return {"write": write, "bias": bias, "neuron": neuron, "input": input, "data": data}


def answers_of(memory, requests):
    """Return the answers to requests, one a cycle, each checked to come when it was promised."""
    answers = []

    async def testbench(ctx):
        ctx.set(memory.en, 1)
        ctx.set(memory.real, -1)
        ctx.set(memory.loading, 1)
        for cycle, request in enumerate([*requests, *[None] * memory.load_latency]):
            ctx.set(memory.valid, request is not None)
            if request is not None:
                ctx.set(memory.request, request)
            await ctx.tick()
            due = cycle + 1 - memory.load_latency
            expected = 0 <= due < len(requests) and not requests[due]["write"]
            assert ctx.get(memory.answered) == expected
            if expected:
                answers.append(ctx.get(memory.response))

    Bench(memory).run(testbench)
    return answers


@pytest.mark.parametrize(("pe", "simd"), FOLDINGS)
def test_what_is_there_at_power_up_is_read_back(pe, simd):
    design, folding, memory = memory_of(pe, simd)
    assert memory.load_latency == timing.load(design.shape.layers[0], folding)
    pairs = list(itertools.product(range(5), range(7)))
    weights = design.weights.weights[0]
    assert answers_of(memory, [asked(n, i) for n, i in pairs]) == [
        extended(weights[pair]) for pair in pairs
    ]


@pytest.mark.parametrize(("pe", "simd"), FOLDINGS)
def test_words_are_written_and_read_in_any_order(pe, simd):
    """A read right behind a write of the same word finds what was written."""
    design, _, memory = memory_of(pe, simd, filled=False)
    layer = design.shape.layers[0]
    rng = np.random.default_rng(pe)
    held, requests, expected = {}, [], []
    for _ in range(300):
        bias = int(rng.random() < 0.2)
        neuron, input = (int(rng.integers(n)) for n in (6, 8))
        format = layer.bias.format if bias else layer.weight.format
        code = int(rng.integers(format.min_code, format.max_code + 1))
        place = (bias, neuron, 0 if bias else input)
        inside = neuron < 5 and (bias or input < 7)
        write = int(rng.random() < 0.5)
        requests.append(asked(neuron, input, bias=bias, write=write, data=extended(code)))
        if write and inside:
            held[place] = code
        elif not write:
            expected.append(extended(held.get(place, 0)))
    assert answers_of(memory, requests) == expected


def test_nothing_is_written_while_the_layer_owns_the_memory():
    design, _, memory = memory_of(2, 3)
    weights = design.weights.weights[0]

    async def write(ctx):
        ctx.set(memory.en, 1)
        ctx.set(memory.real, -1)
        ctx.set(memory.request, asked(0, 0, write=1, data=extended(int(weights[0, 0]) ^ 1)))
        ctx.set(memory.valid, 1)
        await ctx.tick()
        ctx.set(memory.valid, 0)
        await ctx.tick().repeat(memory.load_latency)
        await ctx.tick().repeat(memory.latency)
        assert ctx.get(memory.weights[0]) == weights[0, 0]

    Bench(memory).run(write)


@pytest.mark.parametrize(("pe", "simd"), FOLDINGS)
def test_rows_are_given_with_their_padding_blanked(pe, simd):
    design, folding, memory = memory_of(pe, simd)
    weights = np.zeros((folding.neuron_folds * pe, folding.input_folds * simd), dtype=int)
    weights[:5, :7] = design.weights.weights[0]

    async def testbench(ctx):
        ctx.set(memory.en, 1)
        for row in range(folding.initiation_interval):
            fold, beat = divmod(row, folding.input_folds)
            last = beat == folding.input_folds - 1
            ctx.set(memory.row, row)
            await ctx.tick()
            ctx.set(memory.real, (1 << (folding.last_inputs if last else simd)) - 1)
            await ctx.tick()
            found = [ctx.get(memory.weights[n]) for n in range(pe * simd)]
            block = weights[fold * pe : (fold + 1) * pe, beat * simd : (beat + 1) * simd]
            assert found == block.ravel().tolist(), row

    Bench(memory).run(testbench)


def test_lanes_that_are_no_inputs_are_zero_whatever_they_hold():
    _, folding, memory = memory_of(2, 3)

    async def testbench(ctx):
        ctx.set(memory.en, 1)
        ctx.set(memory.real, 0b010)
        await ctx.tick().repeat(memory.latency)
        found = [ctx.get(memory.weights[n]) for n in range(6)]
        assert [bool(word) for word in found] == [False, True, False] * 2

    assert folding.initiation_interval > 1
    Bench(memory).run(testbench)


def test_nothing_moves_while_the_clock_enable_is_down():
    _, folding, memory = memory_of(2, 3)

    async def testbench(ctx):
        ctx.set(memory.en, 1)
        ctx.set(memory.real, 0b111)
        await ctx.tick().repeat(memory.latency)
        before = ctx.get(memory.weights.as_value())
        ctx.set(memory.en, 0)
        ctx.set(memory.row, folding.initiation_interval - 1)
        await ctx.tick().repeat(4)
        assert ctx.get(memory.weights.as_value()) == before
        ctx.set(memory.en, 1)
        await ctx.tick()
        assert ctx.get(memory.weights.as_value()) == before
        await ctx.tick()
        assert ctx.get(memory.weights.as_value()) != before

    Bench(memory).run(testbench)
