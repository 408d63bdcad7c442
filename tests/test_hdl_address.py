import itertools

import numpy as np
import pytest
from designs import Bench

from bittrue.hdl import timing
from bittrue.hdl.address import LoadAddress
from bittrue.hdl.machine import Folding

FOLDINGS = [
    Folding(3, 3, 1, 1),
    Folding(3, 3, 3, 3),
    Folding(5, 7, 2, 3),
    Folding(11, 13, 3, 5),
    Folding(16, 8, 4, 8),
    Folding(1, 1, 1, 1),
    Folding(9, 10, 1, 4),
    Folding(12, 6, 5, 7),
]


def found(folding, requests, *, biases=True):
    """Return (asked, write, row, fold, weight lanes, bias lanes, data) of each request."""
    address = LoadAddress(folding, 8, biases=biases)
    outputs = ("asked", "write", "row", "fold", "weight_lanes", "bias_lanes", "data")
    seen = []

    async def testbench(ctx):
        for request in [*requests, *[None] * address.latency]:
            ctx.set(address.valid, request is not None)
            if request is not None:
                ctx.set(address.request, request)
            await ctx.tick()
            seen.append({name: ctx.get(getattr(address, name)) for name in outputs})

    Bench(address).run(testbench)
    assert address.latency == timing.load_address(folding)
    assert not any(outputs["asked"] for outputs in seen[: address.latency - 1])
    return seen[address.latency - 1 : address.latency - 1 + len(requests)]


def request(neuron, input=0, *, bias=0, write=1, data=0):
    return {"write": write, "bias": bias, "neuron": neuron, "input": input, "data": data}


@pytest.mark.parametrize("folding", FOLDINGS, ids=str)
def test_every_weight_has_its_row_and_lane(folding):
    pairs = list(itertools.product(range(folding.outputs), range(folding.inputs)))
    rng = np.random.default_rng(0)
    rng.shuffle(pairs)
    data = rng.integers(0, 256, len(pairs)).tolist()
    answers = found(folding, [request(n, i, data=d) for (n, i), d in zip(pairs, data, strict=True)])
    for (neuron, input), word, answer in zip(pairs, data, answers, strict=True):
        fold, unit = divmod(neuron, folding.pe)
        beat, place = divmod(input, folding.simd)
        assert answer["asked"] and answer["write"] and answer["data"] == word
        assert answer["row"] == fold * folding.input_folds + beat, (neuron, input)
        assert answer["weight_lanes"] == 1 << (unit * folding.simd + place)
        assert answer["bias_lanes"] == 0


@pytest.mark.parametrize("folding", FOLDINGS, ids=str)
def test_every_bias_has_its_fold_and_lane(folding):
    neurons = range(folding.outputs)
    for neuron, answer in zip(
        neurons, found(folding, [request(n, bias=1) for n in neurons]), strict=True
    ):
        assert answer["fold"] == neuron // folding.pe
        assert answer["bias_lanes"] == 1 << neuron % folding.pe
        assert answer["weight_lanes"] == 0


@pytest.mark.parametrize("folding", FOLDINGS, ids=str)
@pytest.mark.parametrize("write", [0, 1])
def test_nothing_is_chosen_outside_the_layer(folding, write):
    outside = [
        request(folding.outputs, write=write),
        request(65535, write=write),
        request(0, folding.inputs, write=write),
        request(folding.outputs - 1, 65535, write=write),
        request(folding.outputs, bias=1, write=write),
        request(65535, bias=1, write=write),
    ]
    for answer in found(folding, outside):
        assert answer["asked"] and answer["write"] == write
        assert answer["weight_lanes"] == answer["bias_lanes"] == 0


def test_a_layer_without_biases_has_no_lane_for_one():
    folding = Folding(5, 7, 2, 3)
    answers = found(folding, [request(n, bias=1) for n in range(7)], biases=False)
    assert all(answer["bias_lanes"] == answer["weight_lanes"] == 0 for answer in answers)
