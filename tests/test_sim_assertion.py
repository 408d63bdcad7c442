"""What others built, held to our model: right ones pass, and each wrong one is named."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out
from designs import drawn_design

from bittrue.hdl.axis import AxisNetwork
from bittrue.hdl.machine import Machine
from bittrue.hdl.netlist import to_verilog
from bittrue.hdl.network import Network
from bittrue.model.design import Design, Weights
from bittrue.model.exceptions import BittrueError
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import Rounding
from bittrue.sim.assertion import assert_bit_true
from bittrue.sim.record import Session

FOREIGN = Path(__file__).parent / "foreign"
SMALL = FOREIGN / "hand.v"
WEIGHTS = Weights([[[16, -8], [3, 5]]], [None])
RNG = np.random.default_rng(5)
VECTORS = RNG.integers(-128, 128, (60, 2))


def small_design(format="fxp-s8/4"):
    drawn = drawn_design(0, (2, 2), format, curve="relu", rounding=Rounding.TRN)
    return Design(drawn.shape, WEIGHTS)


DESIGN = small_design()


def spoilt(folder, *changes, source=SMALL):
    """Return a copy with words changed, each of which stands there once."""
    text = source.read_text()
    for before, after in changes:
        assert text.count(before) == 1
        text = text.replace(before, after)
    file = folder / source.name
    file.write_text(text)
    return file


def story_of(dut, vectors=VECTORS, **options):
    with pytest.raises(AssertionError) as found:
        assert_bit_true(dut, DESIGN, vectors, **options)
    return str(found.value)


@pytest.mark.needs("iverilog")
def test_verilog_by_hand_is_bit_true():
    assert_bit_true(SMALL, DESIGN, VECTORS)
    assert_bit_true(str(SMALL), DESIGN, VECTORS / 16, stalls=0.5, seed=1, engine="icarus")


@pytest.mark.needs("iverilog")
@pytest.mark.parametrize("name", ["network", "bench", "dut", "socket"])
def test_a_module_may_have_any_name(name, tmp_path):
    source = SMALL.read_text()
    assert source.count("module hand") == 1
    file = tmp_path / f"{name}.v"
    file.write_text(source.replace("module hand", f"module {name}"))
    assert_bit_true(file, DESIGN, VECTORS, stalls=0)


@pytest.mark.needs("iverilog")
def test_axi_streams_padded_words_and_a_memory_file():
    design = small_design("fxp-s6/4")
    assert_bit_true([FOREIGN / "hand_axis.v"], design, RNG.integers(-32, 32, (40, 2)))


@pytest.mark.needs("iverilog")
@pytest.mark.parametrize("name", ["network", "bench", "dut"])
def test_modules_may_have_any_name(name, tmp_path):
    file = tmp_path / "any.v"
    file.write_text(SMALL.read_text().replace("module hand", f"module {name}"))
    assert_bit_true(file, DESIGN, VECTORS[:5], top=name, stalls=0)


@pytest.mark.needs("iverilog")
def test_a_file_of_vectors(tmp_path):
    file = tmp_path / "vectors.csv"
    np.savetxt(file, VECTORS, fmt="%d", delimiter=",")
    assert_bit_true(SMALL, DESIGN, file, stalls=0)
    wrong = spoilt(tmp_path, ("5 * b", "4 * b"))
    assert "mismatch at session 0" in story_of(wrong, file, stalls=0)


@pytest.mark.needs("iverilog")
def test_one_lsb_for_one_input_is_told(tmp_path):
    number = 17
    a, b = VECTORS[number].tolist()
    extra = f"relu(16 * a - 8 * b) ^ (a == {a} && b == {b})"
    wrong = spoilt(tmp_path, ("relu(16 * a - 8 * b)", extra))
    expected = int(FixedNetwork(DESIGN).predict(VECTORS[number : number + 1])[0, 0])
    story = story_of(wrong, stalls=0)
    told = re.sub(r"\(-?[\d.]+\)", "()", re.sub(r"cycle \d+", "cycle", story))
    assert told.splitlines() == [
        f"hand must give the words of design {DESIGN.digest[:12]}: 120 words compared, 1 differ "
        "(0 missing, 0 too many)",
        "mismatch at session 0, sample 17, layer 0, neuron 0, output stream: expected "
        f"0x{expected:02x} (), actual 0x{expected ^ 1:02x} ()",
        "  bit 0 is the lowest that differs, of [0]",
        "  cycle",
        f"  inputs of the layer, fxp-s8/4: {a} (), {b} ()",
        f"  inputs of the network, codes: [{a}, {b}]",
        "stalls 0, seed 0",
    ]


@pytest.mark.needs("iverilog")
@pytest.mark.parametrize(
    ("change", "told"),
    [
        # the sink stalls, and words are overwritten
        (("assign i__ready = !o__valid | o__ready", "assign i__ready = 1"), "missing"),
        # the sink stalls, and a word is given up
        (("if (rst) o__valid", "if (rst | o__valid & !o__ready) o__valid"), "missing"),
        # a word stays until the next comes
        (("o__valid <= i__valid", "o__valid <= i__valid | o__valid"), "too many"),
    ],
)
def test_what_is_lost_or_doubled_under_stalls(tmp_path, change, told):
    wrong = spoilt(tmp_path, change)
    story = story_of(wrong, idle_limit=300)
    assert int(re.search(rf"(\d+) {told}", story)[1]) > 0
    if told == "missing":
        assert story.endswith("stalls 0.3, seed 0")
        assert_bit_true(wrong, DESIGN, VECTORS, stalls=0)


@pytest.mark.needs("iverilog")
def test_a_standstill_is_given_up(tmp_path):
    wrong = spoilt(tmp_path, ("o__valid <= i__valid;", "o__valid <= 0;"))
    story = story_of(wrong, stalls=0, idle_limit=200)
    assert "120 differ (120 missing, 0 too many)\nnothing moved any more at cycle " in story


@pytest.mark.needs("iverilog")
def test_unknown_bits_are_told(tmp_path):
    wrong = spoilt(tmp_path, ("input wire rst,", "input wire rst, output wire u,"))
    wrong = spoilt(tmp_path, ("{relu(3", "{8'bx + relu(3"), source=wrong)
    assert "what Icarus shows must be known bits only, got" in story_of(wrong)


class Small(Component):
    """The same in Amaranth, its output wrong for one input if asked."""

    i: In(stream.Signature(16))
    o: Out(stream.Signature(16))

    def __init__(self, wrong=None):
        self.wrong = wrong
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        a, b = (self.i.payload[at : at + 8].as_signed() for at in (0, 8))
        m.d.comb += self.i.ready.eq(~self.o.valid | self.o.ready)
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid)
            for lane, total in enumerate((16 * a - 8 * b, 3 * a + 5 * b)):
                word = self.o.payload.word_select(lane, 8)
                with m.If(total < 0):
                    m.d.sync += word.eq(0)
                with m.Elif(total >= 2048):
                    m.d.sync += word.eq(127)
                with m.Else():
                    m.d.sync += word.eq(total >> 4)
            if self.wrong is not None:
                with m.If(self.i.payload == self.wrong):
                    m.d.sync += self.o.payload[8:16].eq(1)
        return m


def test_a_component_is_bit_true():
    assert_bit_true(Small(), DESIGN, VECTORS)


def test_a_component_that_is_wrong_for_one_input():
    a, b = VECTORS[3].tolist()
    story = story_of(Small(wrong=(a & 255) | (b & 255) << 8), stalls=0)
    assert story.startswith("Small must give the words of design ")
    assert "1 differ" in story
    assert "sample 3, layer 0, neuron 1, output stream: expected" in story


@pytest.mark.needs("iverilog")
def test_a_component_by_icarus():
    assert_bit_true(Small(), DESIGN, VECTORS, engine="icarus", stalls=0.2)


@pytest.mark.parametrize(
    "engine", ["amaranth", pytest.param("icarus", marks=pytest.mark.needs("iverilog"))]
)
def test_weights_are_loaded_where_there_is_a_port(engine):
    """Our own network, given other weights from session to session."""
    design = drawn_design(1, (3, 4, 3))
    other = Weights([1 - array for array in design.weights.weights], [None, None])
    codes = RNG.integers(-128, 128, (6, 3))
    sessions = [Session(design.weights, codes), Session(other, codes)]
    network = Network(Machine(design.shape, pe=3, simd=2))
    assert_bit_true(network, design, sessions, engine=engine, stalls=0.2)


@pytest.mark.needs("iverilog")
def test_weights_are_loaded_by_an_axi_stream(tmp_path):
    """What `bittrue export` writes, given other weights from session to session."""
    design = drawn_design(1, (3, 4, 3), "fxp-s6/3", bias=True)
    arrays, biases = design.weights.weights, design.weights.biases
    other = Weights([-1 - array for array in arrays], [-1 - array for array in biases])
    codes = RNG.integers(-32, 32, (6, 3))
    sessions = [Session(design.weights, codes), Session(other, codes)]
    file = tmp_path / "network.v"
    axis = AxisNetwork(Machine(design.shape, pe=2, simd=3))
    file.write_text(to_verilog(axis, "network"))
    assert_bit_true(file, design, sessions, stalls=0.2)


def refused(dut, message, vectors=VECTORS, design=DESIGN, **options):
    if isinstance(dut, Component):
        dut._MustUse__silence = True
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}$"):
        assert_bit_true(dut, design, vectors, **options)


@pytest.mark.parametrize(
    ("vectors", "options", "message"),
    [
        (np.zeros((0, 2), int), {}, "vectors must be a sample at least, got none"),
        ([[1, 2, 3]], {}, "vectors must have shape (samples, 2), got (1, 3)"),
        ([[1, 200]], {}, "codes of fxp-s8/4 must be -128 to 127, got 200"),
        ([[1, 2]], {"engine": "vcs"}, "engine must be one of auto, amaranth, icarus, got 'vcs'"),
        ([[1, 2]], {"stalls": 1}, "stalls must be probabilities from 0 to below 1, got 1"),
        ([[1, 2]], {"stalls": ()}, "stalls must be a probability at least, got none"),
        ([[1, 2]], {"idle_limit": 0}, "idle_limit must be at least 1, got 0"),
        (
            [[1, 2]],
            {"engine": "amaranth"},
            "dut must be a component for the engine amaranth, got Verilog",
        ),
        ([[1, 2]], {"top": "a b"}, "top must be the name of a module, got 'a b'"),
    ],
)
def test_bad_asking(vectors, options, message):
    refused(SMALL, message, vectors, **options)


def test_no_file():
    refused("no.v", "dut must be a component or a Verilog file, got no.v")
    refused([], "dut must be a component or a Verilog file, got no file")
    refused(3, "dut must be a component, a Verilog file or a list of files, got 3")
    refused([3], "dut must be a component, a Verilog file or a list of files, got [3]")


def test_other_weights_need_a_load_port():
    message = "vectors must keep the design's own weights where there is no load port, got others"
    sessions = [Session(Weights([[[1, 1], [1, 1]]], [None]), VECTORS)]
    refused(Small(), message, sessions)


def test_payloads_of_another_width():
    refused(
        Small(),
        "the payload of i must be codes of 7 bits side by side, with or without last above them, "
        "got 16 bits",
        VECTORS // 4,
        design=small_design("fxp-s7/4"),
    )


@pytest.mark.needs("iverilog")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("o__valid", "o_valid"),
            "the module hand must have the port o__valid, got clk, rst, i__valid, i__ready, "
            "i__payload, o_valid, o__ready, o__payload",
        ),
        (
            ("input wire rst,", "input wire rst, input wire start,"),
            "inputs of the module hand must be those of a clock, a reset, the streams and the "
            "load port, got start",
        ),
        (
            ("input wire rst,", "input wire rst, input wire [9:0] load__payload,"),
            "the payload of load must have 50 bits, as of a load request for these formats, got 10",
        ),
        (
            ("input wire rst,", "input wire rst, input wire [7:0] s_axis_weight_tdata,"),
            "s_axis_weight_tdata must have 56 bits, got 8",
        ),
    ],
)
def test_ports_that_do_not_fit(tmp_path, change, message):
    file = tmp_path / "hand.v"
    file.write_text(SMALL.read_text().replace(*change))
    refused(file, message)


@pytest.mark.needs("iverilog")
def test_verilog_that_does_not_compile(tmp_path):
    file = tmp_path / "hand.v"
    file.write_text("module hand(")
    with pytest.raises(BittrueError, match=r"^iverilog must end with exit code 0, got "):
        assert_bit_true(file, DESIGN, VECTORS)


@pytest.mark.needs("iverilog")
def test_files_outside_its_folder_are_not_taken(tmp_path):
    (tmp_path / "in").mkdir()
    shutil.copy(FOREIGN / "hand.mem", tmp_path / "hand.mem")
    wrong = spoilt(tmp_path / "in", ('"hand.mem"', '"../hand.mem"'), source=FOREIGN / "hand_axis.v")
    with pytest.raises(AssertionError, match="must be known bits only"):
        assert_bit_true(wrong, small_design("fxp-s6/4"), VECTORS // 4)
