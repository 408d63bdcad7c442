"""Lanes: each kind of cell held against Yosys' definition of it, on Python's integers."""

import ctypes
import re

import numpy as np
import pytest

from bittrue.model.build import shared_library
from bittrue.model.exceptions import BittrueError
from bittrue.sim.lanes_code import Source
from bittrue.sim.lanes_cut import read_netlist

LANES = 8
WIDTHS = {"a": 1, "b": 7, "c": 16, "d": 32, "e": 33, "f": 64, "g": 150, "h": 3}


class Drawn:
    """A netlist of drawn cells, one output port each, in the form that Yosys writes."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.count, self.ports, self.names, self.cells = 2, {}, {}, {}
        self.predictors = {}
        for name, width in WIDTHS.items():
            self.ports[name] = {"direction": "input", "bits": self.bits(width)}

    def bits(self, width):
        self.count += width
        return list(range(self.count - width, self.count))

    def operand(self, width):
        """Return bits of one input from some place on, now and then with a constant or a sign."""
        name = str(self.rng.choice([n for n, w in WIDTHS.items() if w >= min(width, 64)]))
        low = int(self.rng.integers(0, max(WIDTHS[name] - width, 0) + 1))
        bits = self.ports[name]["bits"][low : low + width]
        bits += [bits[-1]] * (width - len(bits))
        match self.rng.integers(0, 5):
            case 0:
                bits[width // 2 :] = ["1"] * (width - width // 2)
            case 1 if width > 2:
                bits[: width // 3] = self.ports["c"]["bits"][:16][: width // 3][::-1]
                bits = (bits + ["0"] * width)[:width]
            case 2:
                bits = [str(bit) for bit in self.rng.integers(0, 2, width)]
        return bits

    def add(self, type, connections, parameters, predict, width, init=0):
        name, out = f"y{len(self.predictors)}", self.bits(width)
        port = {"$mem_v2": "RD_DATA"}.get(type, "Q" if "CLK" in connections else "Y")
        self.cells[name] = {
            "type": type,
            "parameters": {key: f"{value:b}" for key, value in parameters.items()},
            "connections": {**connections, port: out},
        }
        self.ports[name] = {"direction": "output", "bits": out}
        self.names[name] = {"bits": out, "attributes": {"init": f"{init:0{width}b}"}}
        self.predictors[name] = (type, connections, predict)

    def module(self):
        return {"ports": self.ports, "netnames": self.names, "cells": self.cells}

    def value(self, bits, words):
        """Return what bits are, for the words of the inputs."""
        held = {"0": 0, "1": 1}
        for name, width in WIDTHS.items():
            places = enumerate(self.ports[name]["bits"][:width])
            held |= {bit: words[name] >> n & 1 for n, bit in places}
        return sum(held[bit] << n for n, bit in enumerate(bits))


def signed(value, width):
    return value - (1 << width) if value >> width - 1 & 1 else value


def widened(value, width, is_signed):
    return signed(value, width) if is_signed else value


ARITHMETIC = {
    "$add": lambda a, b: a + b,
    "$sub": lambda a, b: a - b,
    "$mul": lambda a, b: a * b,
    "$and": lambda a, b: a & b,
    "$or": lambda a, b: a | b,
    "$xor": lambda a, b: a ^ b,
    "$xnor": lambda a, b: ~(a ^ b),
}
COMPARED = {
    "$eq": lambda a, b: a == b,
    "$ne": lambda a, b: a != b,
    "$lt": lambda a, b: a < b,
    "$le": lambda a, b: a <= b,
    "$gt": lambda a, b: a > b,
    "$ge": lambda a, b: a >= b,
    "$logic_and": lambda a, b: bool(a) and bool(b),
    "$logic_or": lambda a, b: bool(a) or bool(b),
}
UNARY = {"$not": lambda a: ~a, "$neg": lambda a: -a, "$pos": lambda a: a}
REDUCED = {
    "$reduce_and": lambda a, width: a == (1 << width) - 1,
    "$reduce_or": lambda a, width: a != 0,
    "$reduce_bool": lambda a, width: a != 0,
    "$reduce_xor": lambda a, width: a.bit_count() & 1,
    "$reduce_xnor": lambda a, width: ~a.bit_count() & 1,
    "$logic_not": lambda a, width: a == 0,
}


def add_binary(drawn, type, widths, is_signed, width, of):
    connections = {"A": drawn.operand(widths[0]), "B": drawn.operand(widths[1])}

    def predict(a, b):
        return int(of(widened(a, widths[0], is_signed), widened(b, widths[1], is_signed)))

    drawn.add(type, connections, {"A_SIGNED": is_signed, "B_SIGNED": is_signed}, predict, width)


def add_unary(drawn, type, width_in, is_signed, width, of):
    connections = {"A": drawn.operand(width_in)}
    drawn.add(
        type,
        connections,
        {"A_SIGNED": is_signed},
        lambda a: of(widened(a, width_in, is_signed)),
        width,
    )


def add_shift(drawn, type, width_in, amount, signs, width):
    connections = {"A": drawn.operand(width_in), "B": drawn.operand(amount)}

    def predict(a, b):
        a, b = widened(a, width_in, signs[0]), widened(b, amount, signs[1])
        wide = max(width_in, width)
        if type in ("$shl", "$sshl"):
            return a << b
        if type != "$sshr":
            a &= (1 << wide) - 1
        return a >> b if b >= 0 else a << -b

    drawn.add(type, connections, {"A_SIGNED": signs[0], "B_SIGNED": signs[1]}, predict, width)


def add_choices(drawn, width):
    mux = {"A": drawn.operand(width), "B": drawn.operand(width), "S": drawn.operand(1)}
    drawn.add("$mux", mux, {}, lambda a, b, s: b if s else a, width)
    low, high = drawn.ports["a"]["bits"][0], drawn.ports["h"]["bits"]
    choices = {"A": drawn.operand(width), "B": drawn.operand(width) + drawn.operand(width)}
    one = ["0", high[1]] if width % 2 else [low, "0"]

    def parallel(a, b, s):
        return b & (1 << width) - 1 if s & 1 else b >> width if s & 2 else a

    drawn.add("$pmux", {**choices, "S": one}, {}, parallel, width)
    bits = [bit for _ in range(4) for bit in drawn.operand(width)]
    drawn.add("$bmux", {"A": bits, "S": high[:2]}, {}, lambda a, s: a >> s * width, width)


def drawn_cells(seed):
    drawn = Drawn(seed)
    for _ in range(2):
        for is_signed in (0, 1):
            for type, of in ARITHMETIC.items():
                a, b, y = (int(n) for n in drawn.rng.integers(1, 65, 3))
                add_binary(drawn, type, (a, b), is_signed, y, of)
            for type, of in COMPARED.items():
                a, b = (int(n) for n in drawn.rng.integers(1, 65, 2))
                add_binary(drawn, type, (a, b), is_signed and "logic" not in type, 1, of)
            for type, of in UNARY.items():
                add_unary(drawn, type, int(drawn.rng.integers(1, 60)), is_signed, 40, of)
        for type, of in REDUCED.items():
            width = int(drawn.rng.integers(1, 140))
            add_unary(drawn, type, width, 0, 1, lambda a, of=of, width=width: int(of(a, width)))
        for type in ("$shl", "$sshl", "$shr", "$sshr", "$shift", "$shiftx"):
            for width in (20, 64, 150):
                signs = (type == "$sshr", type == "$shift")
                width_in = width if type != "$sshr" else min(width, 60)
                out = width if type != "$sshr" else width_in
                add_shift(drawn, type, width_in, int(drawn.rng.integers(1, 9)), signs, out)
        for width in (1, 13, 32, 64, 150):
            add_choices(drawn, width)
            for type in ("$and", "$xor"):
                add_binary(drawn, type, (width, width), 0, width, ARITHMETIC[type])
    return drawn


ACCESS = """
model *make(void)
{
    model *m = aligned_alloc(64, (sizeof *m + 63) / 64 * 64);
    power_up(m);
    return m;
}
void go(model *m) { step(m, 1); }
"""


def compiled(drawn, lane_inputs, guard=None, deferred=0):
    """Return a model; its outputs are shown always, or where an input is set."""
    pieces = {
        name: [min(64, len(port["bits"]) - low) for low in range(0, len(port["bits"]), 64)]
        for name, port in drawn.ports.items()
    }
    netlist = read_netlist(drawn.module(), pieces)
    tainted = {n: [n in lane_inputs] * len(pieces[n]) for n in WIDTHS}
    when = (netlist.input(guard),) if guard else ()
    source = Source(netlist, tainted, dict.fromkeys(drawn.predictors, when), LANES)
    assert len(source.plan.deferred) == deferred
    text = source.text() + ACCESS
    for name in WIDTHS:
        kind = "X" if name in lane_inputs else "x"
        text += f"void *in_{name}(model *m) {{ return m->{kind}_{name}; }}\n"
        text += f"int bits_{name}(void) {{ return 8 * sizeof(**&((model *)0)->{kind}_{name}); }}\n"
    for name in drawn.predictors:
        text += f"void *out_{name}(model *m) {{ return m->Y_{name}; }}\n"
    path = shared_library("cells", {"cells.c": text}, flags=["-fwrapv", "-O0", "-std=gnu11"])
    return Compiled(ctypes.CDLL(str(path)), pieces, set(lane_inputs))


class Compiled:
    def __init__(self, library, pieces, lane_inputs):
        self.library, self.pieces, self.lane_inputs = library, pieces, lane_inputs
        library.make.restype = ctypes.c_void_p
        self.model = ctypes.c_void_p(library.make())

    def at(self, function, kind, count):
        found = getattr(self.library, function)
        found.restype = ctypes.c_void_p
        return (kind * count).from_address(found(self.model))

    def step(self, words):
        for name in WIDTHS:
            many = name in self.lane_inputs
            for number, width in enumerate(self.pieces[name]):
                wide = any(w > 32 for w in self.pieces[name]) or not many
                kind = ctypes.c_int64 if wide else ctypes.c_int32
                place = self.at(f"in_{name}", kind, len(self.pieces[name]) * (LANES if many else 1))
                for lane in range(LANES if many else 1):
                    word = words[lane][name] >> 64 * number & (1 << width) - 1
                    place[number * LANES + lane if many else number] = word
        self.library.go(self.model)

    def shown(self, name, lane):
        place = self.at(f"out_{name}", ctypes.c_uint64, len(self.pieces[name]) * LANES)
        parts = range(len(self.pieces[name]))
        return sum(place[n * LANES + lane] << 64 * n for n in parts)


def drawn_words(rng):
    """Return words for the inputs, now and then extreme ones."""
    words = {}
    for name, width in WIDTHS.items():
        drawn = int.from_bytes(rng.bytes(20), "little") & (1 << width) - 1
        extremes = [0, (1 << width) - 1, 1 << width - 1, (1 << width - 1) - 1]
        words[name] = drawn if rng.random() < 0.7 else extremes[int(rng.integers(0, 4))]
    return words


@pytest.mark.parametrize("lane_inputs", ["", "abcdefgh", "bdfh"])
@pytest.mark.parametrize("seed", [1, 2])
def test_cells_compute_what_yosys_says(seed, lane_inputs):
    drawn = drawn_cells(seed)
    model, rng = compiled(drawn, lane_inputs), np.random.default_rng(seed)
    for _ in range(12):
        words = [drawn_words(rng) for _ in range(LANES)]
        for lane in words:
            lane |= {name: words[0][name] for name in WIDTHS if name not in lane_inputs}
        model.step(words)
        for name, (type, connections, predict) in drawn.predictors.items():
            width = len(drawn.ports[name]["bits"])
            for lane in range(LANES):
                operands = [drawn.value(bits, words[lane]) for bits in connections.values()]
                expected = predict(*operands) & (1 << width) - 1
                actual = model.shown(name, lane)
                assert actual == expected, (name, type, connections, operands)


REGISTERS = ("$dff", "$dffe", "$sdff", "$sdffe", "$sdffce", "$adff", "$adffe")
POLARITIES = {"EN_POLARITY": 1, "SRST_POLARITY": 0, "ARST_POLARITY": 1}


def add_register(drawn, type, width, init):
    """Add a register; its predictor returns what is seen, and the next word."""
    h, value = drawn.ports["h"]["bits"], 5
    connections = {"CLK": [1], "D": drawn.operand(width)}
    enabled, reset = type.endswith("e"), type[1] in "sa"
    if enabled:
        connections["EN"] = [h[0]]
    if reset:
        connections["SRST" if type[1] == "s" else "ARST"] = [h[1]]
    parameters = {"CLK_POLARITY": 1, "SRST_VALUE": value, "ARST_VALUE": value, **POLARITIES}

    def predict(data, word, pins):
        hit = reset and (pins >> 1 & 1) == (type[1] == "a")
        taken = not enabled or pins & 1
        if type[1] == "a" and hit:
            return value, value
        if type == "$sdffce":
            return word, (value if hit else data) if taken else word
        return word, value if hit else data if taken else word

    drawn.add(type, connections, parameters, predict, width, init)


@pytest.mark.parametrize("lane_inputs", ["", "abcdefgh", "bcdefg", "h"])
def test_registers_take_what_yosys_says(lane_inputs):
    drawn = Drawn(3)
    for type in REGISTERS:
        for width in (1, 16, 40, 150):
            add_register(drawn, type, max(width, 3), 3 if width == 16 else (1 << width) - 1)
    model, rng = compiled(drawn, lane_inputs), np.random.default_rng(4)
    held = {}
    for name in drawn.predictors:
        init = drawn.names[name]["attributes"]["init"]
        held[name] = [int(init, 2)] * LANES
    for _ in range(12):
        words = [drawn_words(rng) for _ in range(LANES)]
        for lane in words:
            lane |= {name: words[0][name] for name in WIDTHS if name not in lane_inputs}
        model.step(words)
        for name, (type, connections, predict) in drawn.predictors.items():
            for lane in range(LANES):
                data = drawn.value(connections["D"], words[lane])
                seen, following = predict(data, held[name][lane], words[lane]["h"])
                assert model.shown(name, lane) == seen, (name, type, lane)
                held[name][lane] = following


def test_deferred_registers_show_what_kept_ones_would():
    """A pipeline behind an accumulator, wanted now and then, from its very first cycles on."""
    drawn, chain = Drawn(7), []
    h, c = drawn.ports["h"]["bits"], drawn.ports["c"]["bits"]
    widths, inits = (16, 16, 16, 16), (3, 0x8001, 0x7FFF, 0)
    total = drawn.bits(16)
    for width, init in zip(widths, inits, strict=True):
        before = drawn.ports[chain[-1]]["bits"] if chain else None
        data = drawn.bits(16) if chain else total
        name = f"y{len(drawn.predictors)}"
        chain.append(name)
        connections = {"CLK": [1], "D": data, "EN": [h[0]]}
        drawn.add("$dffe", connections, {"CLK_POLARITY": 1, "EN_POLARITY": 1}, None, width, init)
        if before is not None:
            drawn.cells[f"not_{name}"] = {
                "type": "$not",
                "parameters": {},
                "connections": {"A": before, "Y": data},
            }
    drawn.cells["sum"] = {
        "type": "$add",
        "parameters": {},
        "connections": {"A": drawn.ports["y0"]["bits"], "B": c, "Y": total},
    }
    model, rng = compiled(drawn, "c", guard="a", deferred=3), np.random.default_rng(8)
    held = [list(inits) for _ in range(LANES)]
    for cycle in range(40):
        words = [drawn_words(rng) for _ in range(LANES)]
        for lane in words:
            lane |= {name: words[0][name] for name in WIDTHS if name != "c"}
            lane["a"] = 1 if cycle < 6 else lane["a"]
        model.step(words)
        for lane, word in enumerate(words):
            if word["a"]:
                assert [model.shown(name, lane) for name in chain] == held[lane]
            if word["h"] & 1:
                inverted = [~n & 0xFFFF for n in held[lane][:-1]]
                held[lane] = [(held[lane][0] + word["c"]) & 0xFFFF, *inverted]


def add_memory(drawn, clocked):
    """Add a memory of six rows of twelve bits, written by halves."""
    h, b, c = (drawn.ports[name]["bits"] for name in "hbc")
    connections = {
        "RD_ADDR": b[:3], "RD_CLK": [1], "RD_EN": [h[2]], "RD_ARST": ["0"], "RD_SRST": ["0"],
        "WR_ADDR": b[3:6], "WR_DATA": c[:12], "WR_CLK": [1], "WR_EN": [h[0]] * 6 + [h[1]] * 6,
    }  # fmt: skip
    parameters = {
        "WIDTH": 12, "SIZE": 6, "ABITS": 3, "RD_PORTS": 1, "WR_PORTS": 1, "RD_CLK_ENABLE": clocked,
        "RD_CLK_POLARITY": 1, "WR_CLK_POLARITY": 1, "WR_CLK_ENABLE": 1, "INIT": INIT,
    }  # fmt: skip
    drawn.add("$mem_v2", connections, parameters, clocked, 12)


INIT = sum((0x9A5 + n) << 12 * n for n in range(6))


@pytest.mark.parametrize("lane_inputs", ["", "c", "bc", "ch", "abcdefgh"])
def test_memories_hold_what_was_written(lane_inputs):
    drawn = Drawn(5)
    add_memory(drawn, 0)
    add_memory(drawn, 1)
    model, rng = compiled(drawn, lane_inputs), np.random.default_rng(6)
    rows = [[INIT >> 12 * n & 0xFFF for n in range(6)] for _ in range(LANES)]
    read = [0] * LANES
    for _ in range(60):
        words = [drawn_words(rng) for _ in range(LANES)]
        for lane in words:
            lane |= {name: words[0][name] for name in WIDTHS if name not in lane_inputs}
        model.step(words)
        for lane, word in enumerate(words):
            address, place = word["b"] & 7, word["b"] >> 3 & 7
            found = rows[lane][address] if address < 6 else 0
            assert (model.shown("y0", lane), model.shown("y1", lane)) == (found, read[lane])
            read[lane] = found if word["h"] >> 2 else read[lane]
            mask = 0x3F * (word["h"] & 1) | 0xFC0 * (word["h"] >> 1 & 1)
            if place < 6:
                rows[lane][place] = (rows[lane][place] & ~mask) | (word["c"] & mask & 0xFFF)


def test_an_unknown_cell_is_refused():
    drawn = Drawn(1)
    drawn.add("$div", {"A": drawn.operand(8), "B": drawn.operand(8)}, {}, None, 8)
    message = "cells must be of a known type, got $div (y0)"
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}$"):
        read_netlist(drawn.module(), {})
