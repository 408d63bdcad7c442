"""A program of a user who checks types: run by mypy, not by the tests."""

from pathlib import Path
from typing import assert_type

import numpy as np

import bittrue
from bittrue import Config, Design, FixedNetwork, FixedType, Format, GoldenNetwork, Machine


def designed(path: Path) -> Design:
    golden, _ = bittrue.load_golden(path)
    assert_type(golden, GoldenNetwork)
    word: Format = Format.parse("fxp-s8/4")
    choices = Config.of(format=FixedType(word), curve="plan")
    return bittrue.quantize(golden, choices)


def held(design: Design, verilog: Path) -> bool:
    answers = FixedNetwork(design).predict(np.zeros((1, 3), dtype=np.int64))
    assert_type(int(answers[0, 0]), int)
    bittrue.assert_bit_true(verilog, design, [[0, 1, 0]], stalls=0.3)
    runs = bittrue.simulate(Machine(design.shape, pe=2), [bittrue.Session(design.weights, answers)])
    assert_type(runs[0].framing_error, bool)
    return bittrue.verify(design, None, seed=0).passed


def told() -> str:
    try:
        return str(held(designed(Path("trained.npz")), Path("mine.v")))
    except bittrue.ToolMissing as error:
        return f"{bittrue.__version__}: {error}"
