"""Lanes: each kind of cell held against Yosys' definition of it, on Python's integers."""

import re

import numpy as np
import pytest
from netlists import LANES, WIDTHS, Drawn, compiled, drawn_words

from bittrue.model.exceptions import BittrueError
from bittrue.sim.lanes_cut import read_netlist


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


def test_an_unknown_cell_is_refused():
    drawn = Drawn(1)
    drawn.add("$div", {"A": drawn.operand(8), "B": drawn.operand(8)}, {}, None, 8)
    message = "cells must be of a known type, got $div (y0)"
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}$"):
        read_netlist(drawn.module(), {})
