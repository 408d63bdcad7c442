"""Drawn netlists in the form that Yosys writes, and models of them compiled for many lanes."""

import ctypes

import numpy as np

from bittrue.model.build import shared_library
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
