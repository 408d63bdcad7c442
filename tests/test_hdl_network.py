import numpy as np
import pytest
from designs import Bench, drawn_design, drawn_session, until

from bittrue.hdl import timing
from bittrue.hdl.machine import Machine
from bittrue.hdl.network import Network, most_in_flight
from bittrue.model.design import Design
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import Overflow, Rounding
from bittrue.sim.compare import compare
from bittrue.sim.engines import simulate
from bittrue.sim.words import pack, unpack

FOLDINGS = [
    ((3, 3, 3), 1, 1),
    ((3, 3, 3), 2, 2),
    ((3, 3, 3), 3, 3),
    ((3, 3, 3), 3, 1),
    ((3, 3, 3), 1, 3),
    ((3, 3, 3), 5, 4),
    ((5, 4, 3), 2, 3),
    ((1, 1), 1, 1),
    ((1, 7, 1), (3, 1), (1, 5)),
    ((9, 2, 8, 5), (2, 3, 4), (4, 1, 6)),
    ((4, 9, 3), (4, 1), (1, 6)),
    ((6, 8, 8), (8, 1), (6, 8)),
    ((7, 16, 4, 2), (16, 1, 2), (7, 1, 3)),
]


def ends_of(run, samples):
    """Return the cycle in which each sample's last beat left."""
    return [run.outputs[run.outputs[:, 1] == n, 0].max() for n in range(samples)]


@pytest.mark.parametrize(("sizes", "pe", "simd"), FOLDINGS)
def test_words_and_cycles(sizes, pe, simd):
    design = drawn_design(1, sizes, bias=len(sizes) % 2 == 0)
    session = drawn_session(2, design, 12)
    machine = Machine(design.shape, pe, simd, "full", trace=True)
    (run,) = simulate(machine, [session])
    assert compare(design, session, run).differing == 0
    ends = ends_of(run, 12)
    assert ends[0] - run.accepted[0, 0] == timing.network(machine)
    assert ends[-1] - ends[3] == 8 * machine.initiation_interval


def test_buffers_hide_everything_but_the_largest_layer():
    design = drawn_design(3, (64, 64, 64, 10))
    machine = Machine(design.shape, 8, 1)
    (run,) = simulate(machine, [drawn_session(4, design, 4)])
    assert machine.initiation_interval == 512
    assert np.diff(ends_of(run, 4)).tolist() == [512, 512, 512]


def most_seen(machine, seed, cycles):
    """Return how many whole samples were under way at most; ``idle`` must never be up then."""
    rng, network, most = np.random.default_rng(seed), Network(machine), 0

    async def testbench(ctx):
        nonlocal most
        beats, under_way, patience = machine.foldings[0].input_folds, 0, 0
        i, o = network.i, network.o
        ctx.set(i.valid, 1)
        taken = 0
        for _ in range(cycles):
            ctx.set(i.payload.last, taken % beats == beats - 1)
            ctx.set(network.hold, under_way == most and bool(rng.integers(2)))
            if not patience:
                patience = int(rng.choice([1, 3, 40]))
                ctx.set(o.ready, bool(rng.integers(2)))
            patience -= 1
            assert not (ctx.get(network.idle) and under_way)
            _, _, come, gone = await ctx.tick().sample(
                i.valid & i.ready, o.valid & o.ready & o.payload.last
            )
            under_way += int(come and taken % beats == beats - 1) - int(gone)
            taken += int(come)
            most = max(most, under_way)

    Bench(network).run(testbench)
    return most


@pytest.mark.parametrize(
    ("sizes", "pe", "simd", "most"),
    [
        ((3, 3, 3), 1, 1, 7),
        ((3, 3, 3), 2, 2, 11),
        ((3, 3, 3), 1, 3, 16),
        ((3, 3, 3), 5, 4, 35),
        ((1, 1), 1, 1, 14),
        ((6, 8, 8), (8, 1), (6, 8), 21),
    ],
)
def test_samples_under_way(sizes, pe, simd, most):
    machine = Machine(drawn_design(0, sizes).shape, pe, simd)
    assert most_in_flight(machine) == most
    assert most_seen(machine, 1, 500) == most


@pytest.mark.parametrize(("sizes", "pe", "simd"), FOLDINGS)
def test_no_more_samples_under_way(sizes, pe, simd):
    machine = Machine(drawn_design(0, sizes).shape, pe, simd)
    assert most_seen(machine, 2, 200) <= most_in_flight(machine)


@pytest.mark.parametrize("seed", range(6))
def test_stalls_change_no_word(seed):
    rng = np.random.default_rng(seed)
    sizes = tuple(rng.integers(1, 8, rng.integers(2, 5)).tolist())
    design = drawn_design(
        seed,
        sizes,
        bias=bool(rng.integers(2)),
        rounding=list(Rounding)[seed],
        overflow=list(Overflow)[seed % 4],
    )
    lanes = rng.integers(1, 5, (2, len(sizes) - 1)).tolist()
    machine = Machine(design.shape, tuple(lanes[0]), tuple(lanes[1]), "full", trace=True)
    again = drawn_design(seed + 100, sizes, bias=design.shape.layers[0].bias is not None)
    sessions = [drawn_session(seed, design, 7), drawn_session(seed + 1, again, 5)]
    for session, run in zip(
        sessions, simulate(machine, sessions, stalls=0.5, seed=seed), strict=True
    ):
        assert compare(design, session, run).differing == 0


@pytest.mark.parametrize("stalls", [0.0, 0.4])
def test_counters_and_trace_change_no_cycle(stalls):
    design = drawn_design(5, (5, 4, 3))
    session = drawn_session(6, design, 8)
    runs = [
        simulate(Machine(design.shape, 2, 2, counters, trace), [session], stalls=stalls, seed=7)[0]
        for counters, trace in (("none", False), ("overflow", True), ("full", True))
    ]
    for run in runs[1:]:
        assert (run.outputs == runs[0].outputs).all()
        assert compare(design, session, run).differing == 0


class Driven:
    """A network that a test drives beat by beat."""

    def __init__(self, design, pe=1, simd=1):
        self.design = design
        self.machine = Machine(design.shape, pe, simd)
        self.network = Network(self.machine, design.weights)
        self.bench = Bench(self.network)
        self.outputs = []

    async def collect(self, ctx):
        stream, format = self.network.o, self.design.shape.output.format
        ctx.set(stream.ready, 1)
        lanes = self.machine.foldings[-1].pe
        async for _, _, moved, beat in ctx.tick().sample(
            stream.valid & stream.ready, stream.payload.as_value()
        ):
            if moved:
                self.outputs += unpack(beat, lanes, format)

    async def send(self, ctx, codes, *, lasts=None):
        """Send one beat a code, ``last`` at the end or where told."""
        stream = self.network.i
        width = self.design.shape.input.format.width
        for n, code in enumerate(codes):
            last = n == len(codes) - 1 if lasts is None else n in lasts
            ctx.set(stream.payload.as_value(), pack([int(code)], width) | last << width)
            ctx.set(stream.valid, 1)
            await until(ctx, stream.ready)
        ctx.set(stream.valid, 0)

    async def drain(self, ctx):
        ctx.set(self.network.hold, 1)
        await until(ctx, self.network.idle)

    def run(self, testbench):
        self.bench.run(testbench, background=[self.collect])

    def expected(self, *samples):
        return FixedNetwork(self.design).predict(np.array(samples)).ravel().tolist()


def test_weights_at_power_up():
    driven = Driven(drawn_design(7, (3, 3, 3), bias=True))

    async def testbench(ctx):
        await driven.send(ctx, [5, -6, 7])
        await driven.drain(ctx)

    driven.run(testbench)
    assert driven.outputs == driven.expected([5, -6, 7])


@pytest.mark.parametrize("beats", [1, 2, 3, 4, 9, 20, 30, 40])
def test_reset_in_mid_sample_discards_it(beats):
    """Reset while samples are coming in, computed, and going out: only later ones come out."""
    driven = Driven(drawn_design(8, (3, 3, 3)))
    marks = []

    async def testbench(ctx):
        sent = [code for n in range(1, 16) for code in (n, -n, 2 * n)]
        await driven.send(ctx, sent[:beats], lasts=range(2, 60, 3))
        ctx.set(driven.bench.domain.rst, 1)
        await ctx.tick()
        ctx.set(driven.bench.domain.rst, 0)
        await ctx.tick()
        marks.append(len(driven.outputs))
        await driven.send(ctx, [9, 8, -7])
        await driven.drain(ctx)
        assert not ctx.get(driven.network.framing_error)

    driven.run(testbench)
    assert driven.outputs[marks[0] :] == driven.expected([9, 8, -7])


@pytest.mark.parametrize(
    ("codes", "lasts"),
    [
        ([1, 2], [1]),
        ([1], [0]),
        ([1, 2, 3, 4], [3]),
        ([1, 2, 3, 4, 5, 6, 7], [6]),
    ],
    ids=["early", "at once", "one late", "four late"],
)
def test_wrong_last(codes, lasts):
    """The sample is dropped, the error stays, the stream goes on behind the next ``last``."""
    driven = Driven(drawn_design(9, (3, 3, 3)))

    async def testbench(ctx):
        await driven.send(ctx, [10, 20, 30])
        assert not ctx.get(driven.network.framing_error)
        await driven.send(ctx, codes, lasts=lasts)
        assert ctx.get(driven.network.framing_error)
        await driven.send(ctx, [-10, 20, -30])
        await driven.drain(ctx)
        assert ctx.get(driven.network.framing_error)
        ctx.set(driven.bench.domain.rst, 1)
        await ctx.tick()
        ctx.set(driven.bench.domain.rst, 0)
        assert not ctx.get(driven.network.framing_error)

    driven.run(testbench)
    assert driven.outputs == driven.expected([10, 20, 30], [-10, 20, -30])


def test_padding_lanes_are_ignored():
    design = drawn_design(10, (3, 3, 3))
    driven = Driven(design, pe=2, simd=2)
    stream, width = driven.network.i, 8

    async def testbench(ctx):
        for codes, last in (([5, -6], 0), ([7, 99], 1)):
            ctx.set(stream.payload.as_value(), pack(codes, width) | last << 2 * width)
            ctx.set(stream.valid, 1)
            await until(ctx, stream.ready)
        ctx.set(stream.valid, 0)
        await driven.drain(ctx)

    driven.run(testbench)
    assert driven.outputs == [*driven.expected([5, -6, 7]), 0]


@pytest.mark.parametrize(("pe", "simd"), [(1, 1), (2, 3), (3, 2), (4, 4)])
def test_load_port(pe, simd):
    """What is written is read back by the same address, and nothing else has changed."""
    old, new = (drawn_design(seed, (5, 4, 3), bias=True) for seed in (11, 12))
    driven = Driven(old, pe, simd)
    network, found = driven.network, []

    def addresses(layers=2, neurons=5, inputs=6):
        for layer in range(layers):
            for neuron in range(neurons):
                for column in range(inputs):
                    yield {"layer": layer, "neuron": neuron, "input": column, "bias": 0}
                yield {"layer": layer, "neuron": neuron, "input": 0, "bias": 1}

    def held(design, layer, neuron, input, bias):
        array = design.weights.weights[layer] if layer < 2 else np.zeros((0, 0))
        if neuron >= len(array) or (not bias and input >= array.shape[1]):
            return None
        return int(design.weights.biases[layer][neuron] if bias else array[neuron, input])

    async def request(ctx, **fields):
        ctx.set(network.load.payload, {"write": 0, "data": 0, **fields})
        ctx.set(network.load.valid, 1)
        await until(ctx, network.load.ready)
        ctx.set(network.load.valid, 0)

    async def read_all(ctx, design):
        for place in addresses(layers=3):
            await request(ctx, **place)
            await until(ctx, network.loaded.valid)
            found.append(ctx.get(network.loaded.payload))
            ctx.set(network.loaded.ready, 1)
            await ctx.tick()
            ctx.set(network.loaded.ready, 0)
            assert found[-1] == (held(design, **place) or 0) & 0xFF, place

    async def testbench(ctx):
        await driven.drain(ctx)
        await read_all(ctx, old)
        for place in addresses(layers=3):
            data = held(new, **place)
            await request(ctx, write=1, **place | {"data": 0x55 if data is None else data})
        await read_all(ctx, new)
        ctx.set(network.hold, 0)

    driven.run(testbench)
    assert len(found) == 2 * 3 * 5 * 7


def test_loads_wait_for_the_machine_to_drain():
    design = drawn_design(13, (3, 3, 3))
    driven = Driven(design)
    network = driven.network

    async def testbench(ctx):
        await driven.send(ctx, [1, 2, 3])
        ctx.set(network.hold, 1)
        ctx.set(network.load.payload, {"write": 1, "layer": 1, "neuron": 0, "input": 0, "data": 9})
        ctx.set(network.load.valid, 1)
        await until(ctx, network.load.ready)
        ctx.set(network.load.valid, 0)
        assert len(driven.outputs) == 3
        ctx.set(network.hold, 0)
        await driven.send(ctx, [1, 2, 3])
        await driven.drain(ctx)

    driven.run(testbench)
    weights = [array.copy() for array in design.weights.weights]
    weights[1][0, 0] = 9
    changed = Design(design.shape, type(design.weights)(weights))
    after = FixedNetwork(changed).predict(np.array([[1, 2, 3]])).ravel().tolist()
    assert driven.outputs == driven.expected([1, 2, 3]) + after


def test_valid_and_ready_fall_with_reset():
    driven = Driven(drawn_design(14, (3, 3, 3)))

    async def testbench(ctx):
        await driven.send(ctx, [1, 2, 3] * 6, lasts=range(2, 18, 3))
        ctx.set(driven.bench.domain.rst, 1)
        await ctx.tick()
        assert not ctx.get(driven.network.o.valid)
        ctx.set(driven.bench.domain.rst, 0)
        await driven.drain(ctx)

    driven.run(testbench)
