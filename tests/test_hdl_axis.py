"""The network behind AXI4-Stream ports, and the files that its Verilog becomes."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from designs import Bench, drawn_design, drawn_session

from bittrue.hdl.axis import AxisNetwork, AxisWords
from bittrue.hdl.machine import Machine
from bittrue.hdl.network import Network
from bittrue.hdl.verilog_files import to_files
from bittrue.model.design import Design, Weights
from bittrue.model.exceptions import BittrueError
from bittrue.model.fixed import FixedNetwork
from bittrue.model.learner import learning

LIMIT = 3000


class Ports:
    """The four streams of a component, driven with pauses drawn from a seed."""

    def __init__(self, component, seed):
        self.dut, self.rng = component, np.random.default_rng(seed)

    def willing(self):
        return self.rng.random() < 0.7

    async def pause(self, ctx):
        while not self.willing():
            await ctx.tick()

    async def send(self, ctx, name, words):
        """Send (word, last) one after the other."""
        data, valid, ready, last = self._wires(name)
        for word, ends in words:
            await self.pause(ctx)
            ctx.set(valid, 1)
            ctx.set(data, word)
            ctx.set(last, ends)
            await self._moved(ctx, ready)
            ctx.set(valid, 0)

    async def receive(self, ctx, name, count):
        """Return so many (word, last)."""
        data, valid, ready, last = self._wires(name)
        found = []
        for _ in range(count):
            await self.pause(ctx)
            ctx.set(ready, 1)
            found.append(await self._moved(ctx, valid, data, last))
            ctx.set(ready, 0)
        return found

    def _wires(self, name):
        return (
            getattr(self.dut, f"{name}_{wire}") for wire in ("tdata", "tvalid", "tready", "tlast")
        )

    async def _moved(self, ctx, other, *seen):
        for _ in range(LIMIT):
            _, _, moved, *found = await ctx.tick().sample(other, *seen)
            if moved:
                return tuple(found)
        raise AssertionError(f"nothing moved for {LIMIT} cycles")


def beats(codes, lanes, bytes, signed_above=0):
    """Return samples as (word, last), padding bits as told."""
    found = []
    for row in codes.tolist():
        for at in range(0, len(row), lanes):
            word = 0
            for lane, code in enumerate(row[at : at + lanes]):
                word |= (code & (1 << 8 * bytes) - 1) << 8 * bytes * lane
            found.append((word ^ signed_above, int(at + lanes >= len(row))))
    return found


def requests(words, weights, *, write=1):
    """Return what writes, or reads, all weights, laid out by hand."""
    data = 8 * words.data_bytes
    found = []

    def add(layer, neuron, column, bias, code):
        word = code & (1 << data) - 1 | column << data | neuron << data + 16
        found.append(word | layer << data + 32 | write << data + 40 | bias << data + 41)

    for layer, (array, biases) in enumerate(zip(weights.weights, weights.biases, strict=True)):
        for (neuron, column), code in np.ndenumerate(array):
            add(layer, neuron, column, 0, int(code))
        for neuron, code in enumerate([] if biases is None else biases.tolist()):
            add(layer, neuron, 0, 1, code)
    return [(word, int(n == len(found) - 1)) for n, word in enumerate(found)]


CASES = [
    ((3, 3, 3), 1, 1, "fxp-s16/12", {"bias": True}),
    ((5, 4, 3), (3, 2), 2, "fxp-s9/5", {"bias": True, "curve": "plan-tanh"}),
    ((3, 2), 2, 3, "fxp-s5/3", {"curve": "identity"}),
    ((2, 2), 1, 2, "fxp-u6/6", {"curve": "relu"}),
]


@pytest.mark.parametrize(("sizes", "pe", "simd", "format", "options"), CASES)
def test_answers_are_those_of_the_model(sizes, pe, simd, format, options):
    """What lies above a code is ignored on the way in, and its sign on the way out."""
    design = drawn_design(2, sizes, format, **options)
    component = AxisNetwork(Machine(design.shape, pe, simd), design.weights)
    words, ports = component.words, Ports(component, 3)
    codes = drawn_session(4, design, 12).codes
    width = design.shape.input.format.width
    above = sum(
        ((1 << 8 * words.input_bytes) - (1 << width)) << 8 * words.input_bytes * lane
        for lane in range(words.simd)
    )
    found = []

    async def source(ctx):
        await ports.send(ctx, "s_axis", beats(codes[:6], words.simd, words.input_bytes))
        await ports.send(ctx, "s_axis", beats(codes[6:], words.simd, words.input_bytes, above))

    expected = beats(FixedNetwork(design).predict(codes), words.pe, words.output_bytes)

    async def sink(ctx):
        found.extend(await ports.receive(ctx, "m_axis", len(expected)))
        assert ctx.get(component.framing_error) == 0

    Bench(component).run(source, sink)
    assert found == expected


@pytest.mark.parametrize(("sizes", "pe", "simd", "format", "options"), CASES)
def test_a_load_is_whole_before_the_next_sample(sizes, pe, simd, format, options):
    """Samples before a load see the old weights, those behind it the new, and reads too.

    In the midst of the load there is a pause in which several samples would pass.
    """
    old = drawn_design(5, sizes, format, **options)
    new = Design(old.shape, drawn_design(6, sizes, format, **options).weights)
    component = AxisNetwork(Machine(old.shape, pe, simd), old.weights)
    words, ports = component.words, Ports(component, 7)
    codes = drawn_session(8, old, 8).codes
    sent = beats(codes, words.simd, words.input_bytes)
    folds = len(sent) // len(codes)
    writes, reads = requests(words, new.weights), requests(words, new.weights, write=0)
    answers, read = [], []
    state = {"begun": None}

    async def source(ctx):
        await ports.send(ctx, "s_axis", sent[: 4 * folds])
        state["begun"] = True
        await ports.send(ctx, "s_axis", sent[4 * folds :])

    async def loader(ctx):
        while not state["begun"]:
            await ctx.tick()
        half = len(writes) // 2
        await ports.send(ctx, "s_axis_weight", writes[:half])
        for _ in range(300):
            await ctx.tick()
        whole = [*writes[half:-1], (writes[-1][0], 0), *reads]
        await ports.send(ctx, "s_axis_weight", whole)

    async def sink(ctx):
        answers.extend(await ports.receive(ctx, "m_axis", len(codes) * per_sample))

    async def reader(ctx):
        read.extend(await ports.receive(ctx, "m_axis_weight", len(reads)))

    per_sample = component.words.machine.foldings[-1].neuron_folds
    Bench(component).run(source, loader, sink, reader)
    top, mask = 1 << words.data_width - 1, (1 << 8 * words.data_bytes) - 1
    # whatever lay above the bits of a weight, the highest of them is repeated
    assert read == [(((word & 2 * top - 1 ^ top) - top) & mask, 1) for word, _ in writes]
    by = [
        beats(FixedNetwork(design).predict(codes), words.pe, words.output_bytes)
        for design in (old, new)
    ]
    switched = [
        answers == by[0][: n * per_sample] + by[1][n * per_sample :] for n in range(len(codes) + 1)
    ]
    # one sample may have been taken before the load began, or was half taken and sees it
    assert any(switched[4:6]) and by[0] != by[1]


def test_latency_and_interval_are_the_networks():
    design = drawn_design(1, (5, 4, 3))
    machine = Machine(design.shape, 2, 1)
    component, network = AxisNetwork(machine), Network(machine)
    for unused in (component, component._network, network):
        unused._MustUse__silence = True
    assert component.latency == network.latency
    assert component.initiation_interval == network.initiation_interval


def test_fields_of_requests_begin_at_bytes():
    words = AxisWords(Machine(drawn_design(1, (3, 3), "fxp-s9/5").shape))
    places = {name: (field.offset, field.width) for name, field in words.weight}
    assert places == {
        "data": (0, 16),
        "input": (16, 16),
        "neuron": (32, 16),
        "layer": (48, 8),
        "write": (56, 1),
        "bias": (57, 1),
        "zero": (58, 6),
    }


@pytest.mark.parametrize(
    ("choices", "got"),
    [
        ({"trace": True}, "trainer=False, trace=True, counters='none'"),
        ({"counters": "full"}, "trainer=False, trace=False, counters='full'"),
        ({"trainer": True}, "trainer=True, trace=False, counters='none'"),
    ],
)
def test_machines_with_other_ports_are_refused(choices, got):
    machine = Machine(learning(drawn_design(1, (3, 3)), 0.3).shape, **choices)
    message = (
        "^a machine behind AXI4-Stream ports must be without trainer, trace and counters, got "
        f"{re.escape(got)}: bittrue.to_verilog writes it with Amaranth's ports$"
    )
    with pytest.raises(BittrueError, match=message):
        AxisWords(machine)


@pytest.fixture(scope="module")
def files():
    design = drawn_design(1, (3, 3, 3), bias=True)
    return to_files(AxisNetwork(Machine(design.shape, 2, 2), design.weights), "net_axis")


def test_each_module_stands_in_a_file_of_its_name(files):
    sources = {name: text for name, text in files.items() if name.endswith(".v")}
    for name, text in sources.items():
        assert re.findall(r"^module (\S+) ", text, re.M) == [name.removesuffix(".v")]
        assert not re.search(r"\\\S*[\[\]]", text)
    assert "net_axis.v" in sources
    # both neurons of both layers are alike
    assert [name for name in sources if "_mac" in name] == [
        "net_axis_network_layer_0_neuron_0_mac.v"
    ]


def test_memories_are_files(files):
    memories = {name: text for name, text in files.items() if name.endswith(".mem")}
    read = [
        match
        for text in files.values()
        for match in re.findall(r'\$readmemh\("(\S+)", \S+, 0, (\d+)\)', text)
    ]
    assert sorted(name for name, _ in read) == sorted(memories)
    for name, last in read:
        assert len(memories[name].split()) == int(last) + 1
    assert not any(re.search(r"initial begin", text) for text in files.values())


def test_memories_hold_the_weights(files):
    """Row of neuron fold and input fold, neuron by neuron from the low end, as in WeightMemory."""
    array = drawn_design(1, (3, 3, 3), bias=True).weights.weights[0]
    padded = np.pad(array, ((0, 1), (0, 1))) & 255
    rows = [
        sum(
            int(padded[2 * fold + p, 2 * at + s]) << 8 * (2 * p + s)
            for p in range(2)
            for s in range(2)
        )
        for fold in range(2)
        for at in range(2)
    ]
    held = files["net_axis_network_layer_0_memory_weight.mem"].split()
    assert held == [f"{row:08x}" for row in rows]


@pytest.mark.needs("iverilog")
@pytest.mark.parametrize("standard", ["2001", "2005"])
def test_icarus_reads_the_files(files, standard, tmp_path):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    command = [shutil.which("iverilog"), f"-g{standard}", "-Wall", "-s", "net_axis", "-o", "x.vvp"]
    said = subprocess.run(
        [*command, *sorted(name for name in files if name.endswith(".v"))],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_weights_apart_files_are_the_same():
    """Only memories tell one network from another of its shape."""
    design = drawn_design(1, (3, 2))
    other = Weights([array[::-1] for array in design.weights.weights], design.weights.biases)
    one, two = (
        to_files(AxisNetwork(Machine(design.shape), weights), "net_axis")
        for weights in (design.weights, other)
    )
    differing = {name for name in one if one[name] != two[name]}
    assert differing and all(name.endswith("_weight.mem") for name in differing)
