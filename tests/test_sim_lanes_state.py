"""Lanes: registers and memories held against what Yosys says they hold."""

import numpy as np
import pytest
from netlists import LANES, WIDTHS, Drawn, compiled, drawn_words

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
