import time

import numpy as np
import pytest
from designs import drawn_design
from hypothesis import given
from hypothesis import strategies as st

from bittrue.hdl.machine import Folding, Machine
from bittrue.hdl.watch import trace_layout
from bittrue.model.formats import Format
from bittrue.sim.stimulus import input_beats, load_requests
from bittrue.sim.words import field, lanes, output_words, pack, place, shown, stage_words, unpack

S40 = Format(True, 40, 20)


@given(st.integers(0, (1 << 200) - 1), st.integers(0, 190), st.integers(1, 64))
def test_fields_are_bits(bits, offset, width):
    width = min(width, 200 - offset)
    _, chunks = shown([(0, bits)], 200)
    assert field(chunks, offset, width).tolist() == [bits >> offset & (1 << width) - 1]


@given(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(0, 190), st.integers(1, 64))
def test_what_is_placed_is_found(value, offset, width):
    width = min(width, 192 - offset)
    chunks = np.zeros((1, 3), dtype=np.uint64)
    place(chunks, offset, width, [value])
    as_bits = sum(int(chunk) << 64 * n for n, chunk in enumerate(chunks[0]))
    assert as_bits == (value & (1 << width) - 1) << offset


@pytest.mark.parametrize(
    "format", [S40, Format(False, 40, 20), Format(True, 63, 0), Format(True, 1, 0)]
)
def test_lanes_are_codes(format):
    ends = [format.min_code, format.max_code, 0, format.max_code // 2]
    word = pack(ends, format.width) << 17
    _, chunks = shown([(3, word), (4, 0)], 17 + 4 * format.width)
    assert lanes(chunks, 17, 4, format).tolist() == [ends, [0, 0, 0, 0]]
    assert unpack(word >> 17, 4, format) == ends


def port_bits(format, folding, sample, neuron, mask, codes):
    layout = dict(trace_layout(format, folding))
    fields = {"valid": 1, "sample": sample & 0xFFFF, "neuron": neuron, "mask": mask}
    bits = sum(value << layout[name].offset for name, value in fields.items())
    return bits | pack(codes, format.width) << layout["words"].offset


def test_stage_words_by_hand():
    folding = Folding(4, 3, 2, 1)
    stage = (1, "preactivation", S40, folding)
    rows = [
        (7, port_bits(S40, folding, 65535, 0, 3, [-5, 6])),
        (9, port_bits(S40, folding, 65535, 2, 1, [-(1 << 39), 99])),
        (11, port_bits(S40, folding, 65536, 0, 2, [1, 2])),
    ]
    width = int(trace_layout(S40, folding).size)
    other = (0, "output", S40, folding)
    late = shown([(7, rows[0][1])], width)
    found = stage_words([other, stage], [late, shown(rows, width)], 65534)
    assert found.tolist() == [
        [7, 0, 2, 1, 0, -5],
        [7, 0, 2, 1, 1, 6],
        [7, 1, 1, 1, 0, -5],
        [7, 1, 1, 1, 1, 6],
        [9, 1, 1, 1, 2, -(1 << 39)],
        [11, 1, 1, 2, 1, 2],
    ]
    assert stage_words([stage], [shown([], width)], 0).shape == (0, 6)
    assert stage_words([], [], 0).shape == (0, 6)


def test_output_words_by_hand():
    """Padding shows only where it is not zero; a beat too many is one of neurons too many."""
    machine = Machine(drawn_design(1, (2, 3)).shape, 2)
    beats = [(5, [1, -2], 0), (6, [3, 0], 1), (8, [4, 5], 0), (9, [6, 7], 1), (12, [1, 1], 1)]
    rows = [(cycle, pack(codes, 8) | last << 16) for cycle, codes, last in beats]
    assert output_words(machine, shown(rows, 17)).tolist() == [
        [5, 0, 0, 1],
        [5, 0, 1, -2],
        [6, 0, 2, 3],
        [8, 1, 0, 4],
        [8, 1, 1, 5],
        [9, 1, 2, 6],
        [9, 1, 3, 7],
        [12, 2, 0, 1],
        [12, 2, 1, 1],
    ]
    assert output_words(machine, shown([], 17)).shape == (0, 4)


def test_many_words_take_a_fraction_of_a_second():
    folding = Folding(64, 16, 16, 1)
    rng = np.random.default_rng(1)
    width = int(trace_layout(S40, folding).size)
    strobes = 40_000
    bits = rng.integers(0, 1 << 63, (strobes, -(-width // 64))).astype(np.uint64)
    start = time.perf_counter()
    table = stage_words([(0, "accumulator", S40, folding)], [(np.arange(strobes), bits)], 0)
    assert time.perf_counter() - start < 2
    assert 300_000 < len(table) < 340_000


def test_stimulus_by_hand():
    design = drawn_design(1, (3, 2), bias=True)
    machine = Machine(design.shape, 1, 2)
    beats = input_beats(machine, np.array([[1, -1, 2]]))
    assert beats.tolist() == [[0xFF01], [1 << 16 | 2]]
    requests = load_requests(machine, design.weights, None)
    assert len(requests) == 8
    code = int(design.weights.biases[0][1]) & 0xFF
    assert requests[-1].tolist() == [1 | 1 << 1 | 0 << 2 | 1 << 10 | code << 42]
    other = drawn_design(1, (3, 2), bias=True).weights
    assert len(load_requests(machine, other, design.weights)) == 0
