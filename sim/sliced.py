"""Many faulty machines at once: a netlist of gates, simulated with one machine in each bit."""

import ctypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice, pairwise

import numpy as np
import numpy.typing as npt

from bittrue.model.build import shared_library

from .dut import package_text
from .gates import Gates, Table
from .literals import registers_by_name
from .script import Ports, Script

LANES = 256
"""Machines at once: bits of ``lanes`` in ``sliced.h``."""

SELECT = "mutant"
"""Input port that tells each machine which fault it has; the first has none."""

CHUNK = 1024
"""Cycles between two looks at progress."""

Bits = npt.NDArray[np.uint8]
Told = Callable[[int, int], None]


class _Netlist(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("gates", "registers", "inputs", "outputs")),
        *(
            (name, ctypes.c_int32)
            for name in ("gates_n", "first_gate", "registers_n", "inputs_n", "outputs_n")
        ),
    )


@dataclass(frozen=True)
class Finding:
    """Where a machine first showed something that is not expected.

    Members
    -------
    cycle : int
        Of the script.
    port : str
        Name of the port.
    bit : int
        Of the port.
    """

    cycle: int
    port: str
    bit: int


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL:
    """Return the compiled simulator."""
    sources = {"sliced.c": '#include "sliced.h"\n', "sliced.h": package_text("sliced.h")}
    loaded = ctypes.CDLL(str(shared_library("sliced", sources)))
    loaded.sliced_settle.restype = loaded.sliced_edge.restype = None
    loaded.sliced_settle.argtypes = [ctypes.c_void_p] * 2
    loaded.sliced_edge.argtypes = [ctypes.c_void_p] * 3
    loaded.sliced_run.restype = ctypes.c_int64
    loaded.sliced_run.argtypes = [
        *[ctypes.c_void_p] * 6,
        *[ctypes.c_int64] * 2,
        *[ctypes.c_void_p] * 3,
    ]
    return loaded


class Sliced:
    """So many machines of one netlist, powered up.

    Parameters
    ----------
    gates : Gates
        The netlist, with the port `SELECT` where machines have faults.
    machines : int
        How many are of use, at most `LANES`: number n is the one whose `SELECT` is n.
    flipped : mapping from int to sequence of int, optional
        For a machine, registers that power up with the other value.

    Raises
    ------
    ToolMissing
        If there is no C compiler.
    """

    def __init__(
        self, gates: Gates, machines: int, flipped: Mapping[int, Sequence[int]] | None = None
    ) -> None:
        self._gates, self._machines = gates, machines
        self._slots = np.zeros((gates.slots, LANES // 64), dtype=np.uint64)
        self._slots[1] = ~np.uint64(0)
        first = gates.first_register
        self._slots[first : gates.first_gate][gates.initial] = ~np.uint64(0)
        for machine, registers in (flipped or {}).items():
            for register in registers:
                self._slots[first + register, machine // 64] ^= np.uint64(1 << machine % 64)
        for bit, slot in enumerate(gates.inputs.get(SELECT, [])):
            numbers = np.arange(LANES) >> bit & 1
            self._slots[slot] = np.packbits(numbers.astype(np.uint8), bitorder="little").view("<u8")
        self._next = np.zeros((max(len(gates.registers), 1), LANES // 64), dtype=np.uint64)
        self._found = np.zeros(LANES // 64, dtype=np.uint64)
        for machine in range(machines, LANES):
            self._found[machine // 64] |= np.uint64(1 << machine % 64)
        self._when = np.full(LANES, -1, dtype=np.int64)
        self._where = np.zeros(LANES, dtype=np.int32)

    def run(self, script: Script, told: Told | None = None) -> list[Finding | None]:
        """Drive a script; return what is first wrong with each machine."""
        gates = self._gates
        inputs = _slots(gates.inputs, script.inputs)
        outputs = _slots(gates.outputs, script.outputs)
        netlist, _kept = netlist_of(gates, inputs, outputs)
        tables = (script.driven_bits, script.expected_bits, script.promised_bits)
        starts = sorted({*range(0, script.cycles, CHUNK), *script.deposits})
        for start, stop in pairwise([*starts, script.cycles]):
            self._deposit(script.deposits.get(start, {}))
            done = library().sliced_run(
                *(ctypes.addressof(netlist), _at(self._slots), _at(self._next)),
                *(_at(table[start:stop]) for table in tables),
                *(start, stop - start),
                *(_at(self._found), _at(self._when), _at(self._where)),
            )
            if told is not None:
                told(start + done, script.cycles)
            if self._all_found():
                break
        first = zip(self._when.tolist(), self._where.tolist(), strict=True)
        return [
            None if when < 0 else Finding(when, *script.output_at(where))
            for when, where in islice(first, self._machines)
        ]

    def _deposit(self, values: Mapping[str, int]) -> None:
        """Set registers of all machines, by their names in the netlist."""
        first = self._gates.first_register
        for (name, bit), register in self._named.items() if values else ():
            if name in values:
                self._slots[first + register] = ~np.uint64(0) if values[name] >> bit & 1 else 0

    @cached_property
    def _named(self) -> dict[tuple[str, int], int]:
        return registers_by_name(self._gates, SELECT)

    def _all_found(self) -> bool:
        return bool((self._found == ~np.uint64(0)).all())


def netlist_of(
    gates: Gates, inputs: Table | None = None, outputs: Table | None = None
) -> tuple[_Netlist, tuple[Table, ...]]:
    """Return what the simulator is told of a netlist, and the tables that it must outlive."""
    none = np.zeros(0, dtype=np.int32)
    tables = (gates.gates, gates.registers, *(none if t is None else t for t in (inputs, outputs)))
    counts = (len(gates.gates), gates.first_gate, *map(len, tables[1:]))
    return _Netlist(*map(_at, tables), *counts), tables


def _slots(there: Mapping[str, list[int]], ports: Ports) -> npt.NDArray[np.int32]:
    """Return the slots of ports in order; bits that a netlist has not are never driven."""
    slots = [there[name][bit] for name, width in ports for bit in range(width)]
    return np.array(slots, dtype=np.int32)


def _at(table: npt.NDArray[np.generic]) -> int:
    return int(table.ctypes.data)
