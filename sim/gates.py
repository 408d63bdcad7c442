"""Netlists of gates: what Yosys writes, as tables that a simulator of many lanes walks through."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

import numpy as np
import numpy.typing as npt

from bittrue.model.exceptions import BittrueError

KINDS = {
    "$_AND_": (0, "AB"),
    "$_OR_": (1, "AB"),
    "$_XOR_": (2, "AB"),
    "$_XNOR_": (3, "AB"),
    "$_NOT_": (4, "A"),
    "$_MUX_": (5, "ABS"),
}
"""Gates by Yosys's name: number and operands."""

REGISTER = "$_DFF_P_"

TO_GATES = (
    *("memory_collect", "memory_map", "opt_expr", "opt_clean", "dffunmap", "simplemap", "techmap"),
    *("opt_expr", "opt_clean"),
)
"""What makes gates of a flat module of `proc`."""

Table = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Gates:
    """A flat netlist of gates, bit by bit in numbered slots.

    Slot 0 is 0 and slot 1 is 1; inputs, registers and gates follow, gates in an order in which each
    comes behind its operands.

    Members
    -------
    gates : ndarray of int32, shape (n, 4)
        Number of the kind and slots of operands.
    registers : ndarray of int32, shape (n, 2)
        Slot, and slot of what it becomes at the clock edge.
    initial : ndarray of bool, shape (n,)
        What registers hold at power-up.
    inputs, outputs : mapping from str to list of int
        Slots of each port, the lowest bit first; the clock is left out.
    names : mapping from (str, int) to int
        Slot by public name and bit.
    """

    gates: Table
    registers: Table
    initial: npt.NDArray[np.bool_]
    inputs: Mapping[str, list[int]]
    outputs: Mapping[str, list[int]]
    names: Mapping[tuple[str, int], int]

    @property
    def first_register(self) -> int:
        """Slot of the first register."""
        return 2 + sum(map(len, self.inputs.values()))

    @property
    def first_gate(self) -> int:
        """Slot of the first gate."""
        return self.first_register + len(self.registers)

    @property
    def slots(self) -> int:
        """How many slots there are."""
        return self.first_gate + len(self.gates)


def gates_of(module: Mapping[str, Any]) -> Gates:
    """Return the gates of a module as Yosys writes it in JSON.

    Raises
    ------
    BittrueError
        If there are cells other than gates and registers of one clock, or gates in a circle.
    """
    cells = [cell for cell in module["cells"].values() if cell["type"] != "$scopeinfo"]
    odd = {cell["type"] for cell in cells} - {*KINDS, REGISTER}
    if odd:
        raise BittrueError(f"a netlist of gates must hold gates only, got {', '.join(sorted(odd))}")
    place: dict[int | str, int] = {"0": 0, "1": 1, "x": 0, "z": 0}
    inputs = {
        name: port["bits"]
        for name, port in module["ports"].items()
        if port["direction"] == "input" and name != "clk"
    }
    for bits in inputs.values():
        for bit in bits:
            place[bit] = len(place) - 2
    registers = [cell["connections"] for cell in cells if cell["type"] == REGISTER]
    number = {at["Q"][0]: n for n, at in enumerate(registers)}
    for at in registers:
        place[at["Q"][0]] = len(place) - 2
    logic = {c["connections"]["Y"][0]: c for c in cells if c["type"] in KINDS}
    order = [bit for bit in _ordered(logic) if bit in logic]
    for bit in order:
        place[bit] = len(place) - 2
    table = np.zeros((len(order), 4), dtype=np.int32)
    for row, bit in zip(table, order, strict=True):
        kind, operands = KINDS[logic[bit]["type"]]
        row[0] = kind
        wired = logic[bit]["connections"]
        # what nothing drives is what is read behind a memory's end
        row[1 : 1 + len(operands)] = [place.get(wired[port][0], 0) for port in operands]
    initial = _initial(module, number)
    return Gates(
        gates=table,
        registers=np.array(
            [[place[at["Q"][0]], place.get(at["D"][0], 0)] for at in registers], dtype=np.int32
        ).reshape(-1, 2),
        initial=initial,
        inputs={name: [place[bit] for bit in bits] for name, bits in inputs.items()},
        outputs={
            name: [place.get(bit, 0) for bit in port["bits"]]
            for name, port in module["ports"].items()
            if port["direction"] == "output"
        },
        names={
            (name, index): place[bit]
            for name, net in module["netnames"].items()
            if not net.get("hide_name")
            for index, bit in enumerate(net["bits"])
            if bit in place
        },
    )


def _ordered(logic: Mapping[int, Mapping[str, Any]]) -> Sequence[int]:
    graph = {
        bit: [cell["connections"][port][0] for port in KINDS[cell["type"]][1]]
        for bit, cell in logic.items()
    }
    return tuple(TopologicalSorter(graph).static_order())


def _initial(module: Mapping[str, Any], number: Mapping[int, int]) -> npt.NDArray[np.bool_]:
    """Return what registers hold at power-up."""
    initial = np.zeros(len(number), dtype=np.bool_)
    for net in module["netnames"].values():
        init = net.get("attributes", {}).get("init", "")
        for bit, value in zip(net["bits"], reversed(init), strict=False):
            if value == "1" and bit in number:
                initial[number[bit]] = True
    return initial
