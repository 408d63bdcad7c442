"""The yardstick of RTL simulation: Verilator's model in the plainest harness, at full optimisation.

It drives the exported Verilog with the same words as our engines, one thread, no trace, and times
itself from the first sample on: neither its build nor the load of weights counts.
"""

import re
import subprocess
from pathlib import Path

import numpy as np
from networks import Network

from bittrue.hdl.machine import Machine
from bittrue.hdl.netlist import to_verilog
from bittrue.hdl.network import Network as Hardware
from bittrue.model.build import built, compiler_identity, find_compiler, run_tool
from bittrue.sim import tools
from bittrue.sim.stimulus import (
    beat_width,
    input_beats,
    load_requests,
    load_width,
    output_width,
)
from bittrue.sim.words import chunks_of

HARNESS = Path(__file__).with_suffix(".cpp")


class PlainVerilator:
    """A network in the plain harness.

    Parameters
    ----------
    network : Network
        What is simulated.
    samples : int
        How many of its batch.
    """

    def __init__(self, network: Network, samples: int) -> None:
        machine = Machine(network.design.shape, network.pe)
        self._program = _program(machine)
        self._stimulus = self._program.parent / f"{network.name}-{samples}.bin"
        self._write(network, machine, samples)

    def _write(self, network: Network, machine: Machine, samples: int) -> None:
        requests = load_requests(machine, network.design.weights, None)
        words = input_beats(machine, network.codes[:samples])
        sizes = (chunks_of(load_width(machine)), chunks_of(beat_width(machine)))
        head = [len(requests), len(words), samples, *sizes, output_width(machine) - 1]
        parts = [np.array(head, dtype=np.uint64), requests.ravel(), words.ravel()]
        np.concatenate(parts).tofile(self._stimulus)

    def seconds_per_sample(self) -> float:
        """Return how long a sample takes, in a run of its own."""
        done = subprocess.run(
            [str(self._program), str(self._stimulus)],
            capture_output=True,
            check=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        speed = re.search(r"(\d+) inferences/s", done.stdout)
        if speed is None:
            raise ValueError(f"the harness must print its speed, got {done.stdout!r}")
        return 1 / float(speed[1])


def _program(machine: Machine) -> Path:
    """Return the harness with a machine's model, built once."""
    verilog, harness = to_verilog(Hardware(machine), "network"), HARNESS.read_text()
    verilator, root = tools.verilator()
    compiler = find_compiler("c++")

    def make(folder: Path) -> None:
        (folder / "network.v").write_text(verilog)
        (folder / "harness.cpp").write_text(harness)
        options = ("-O3", "--x-assign", "fast", "--x-initial", "fast", "--noassert", "-Wno-fatal")
        run_tool(
            [verilator, "--cc", *options, "-Wno-lint", "--Mdir", "obj", "network.v"],
            folder,
            VERILATOR_ROOT=str(root),
        )
        sources = [str(path) for path in (folder / "obj").glob("*.cpp")]
        library = [str(root / "include" / f"verilated{part}.cpp") for part in ("", "_threads")]
        folders = (folder / "obj", root / "include", root / "include" / "vltstd")
        flags = ["-std=c++17", "-O3", "-march=native", *(f"-I{path}" for path in folders)]
        out = ["-o", "plain", "-lpthread"]
        run_tool([*compiler, *flags, "harness.cpp", *sources, *library, *out], folder)

    parts = [
        verilog,
        harness,
        compiler_identity(tuple(compiler)),
        run_tool([verilator, "--version"]),
    ]
    return built("plain-verilator", parts, make) / "plain"
