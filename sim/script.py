"""Scripts: what is driven into every port in every cycle, and what must be seen there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Value

from bittrue.hdl.machine import Machine
from bittrue.hdl.network import Network

from .cycles import CycleModel, Shown

Bits = npt.NDArray[np.uint8]
Ports = tuple[tuple[str, int], ...]
"""Name and width of each."""


def ports_of(machine: Machine) -> tuple[Ports, Ports]:
    """Return the input ports, ``rst`` last, and the output ports of a machine."""
    ports: dict[str, list[tuple[str, int]]] = {"In": [], "Out": []}
    network = Network(machine)
    # only its ports are looked at, and Amaranth warns of what is never elaborated
    network._MustUse__silence = True
    for path, member, value in network.signature.flatten(network):
        ports[member.flow.name].append(("__".join(map(str, path)), len(Value.cast(value))))
    return (*ports["In"], ("rst", 1)), tuple(ports["Out"])


@dataclass(frozen=True)
class Script:
    """Cycles from power-up on.

    Members
    -------
    inputs, outputs : tuple of (str, int)
        Name and width of each port.
    driven, expected, promised : sequence of int
        For each cycle, the bits of all inputs, those of all outputs, and which of these are
        promised; the first port lowest.
    sections : sequence of (int, str)
        First cycle and name of each vector, in order.
    deposits : mapping from int to mapping from str to int
        Registers that are set before a cycle, by their names in the netlist.
    """

    inputs: Ports
    outputs: Ports
    driven: Sequence[int]
    expected: Sequence[int]
    promised: Sequence[int]
    sections: Sequence[tuple[int, str]]
    deposits: Mapping[int, Mapping[str, int]]

    @property
    def cycles(self) -> int:
        """How many there are."""
        return len(self.driven)

    def section(self, cycle: int) -> str:
        """Return the name of the vector that a cycle belongs to."""
        return [name for start, name in self.sections if start <= cycle][-1]

    @cached_property
    def driven_bits(self) -> Bits:
        """``driven``, a byte for each bit."""
        return _bits(self.driven, _width(self.inputs))

    @cached_property
    def expected_bits(self) -> Bits:
        """``expected``, a byte for each bit."""
        return _bits(self.expected, _width(self.outputs))

    @cached_property
    def promised_bits(self) -> Bits:
        """``promised``, a byte for each bit."""
        return _bits(self.promised, _width(self.outputs))

    def bit_of(self, port: str, bit: int) -> int:
        """Return the bit of all outputs that is a bit of a port."""
        before = [width for name, width in self.outputs[: [n for n, _ in self.outputs].index(port)]]
        return sum(before) + bit

    def output_at(self, bit: int) -> tuple[str, int]:
        """Return the output port, and its bit, that a bit of all outputs is."""
        for name, width in self.outputs:
            if bit < width:
                return name, bit
            bit -= width
        raise IndexError(bit)


def _width(ports: Ports) -> int:
    return sum(width for _, width in ports)


def _bits(words: Sequence[int], width: int) -> Bits:
    size = -(-width // 8)
    data = b"".join(word.to_bytes(size, "little") for word in words)
    rows = np.frombuffer(data, dtype=np.uint8).reshape(len(words), size)
    return np.ascontiguousarray(np.unpackbits(rows, axis=1, bitorder="little")[:, :width])


class ScriptWriter:
    """Writes a script cycle by cycle; what is expected comes from a `CycleModel`.

    Parameters
    ----------
    machine : Machine
        What is driven.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.model = CycleModel(machine)
        self.inputs, self.outputs = ports_of(machine)
        self._driven: list[int] = []
        self._expected: list[int] = []
        self._promised: list[int] = []
        self._sections: list[tuple[int, str]] = []
        self._deposits: dict[int, dict[str, int]] = {}

    def deposit(self, values: Mapping[str, int]) -> None:
        """Set registers before the next cycle."""
        self.model.deposit(values)
        self._deposits.setdefault(len(self._driven), {}).update(values)

    def section(self, name: str) -> None:
        """Begin a vector."""
        self._sections.append((len(self._driven), name))

    def cycle(self, **driven: int) -> Shown:
        """Drive a cycle; return what is seen in it. Ports that are not named are 0."""
        shown = self.model.step(driven)
        self._driven.append(_joined(self.inputs, driven))
        self._expected.append(_joined(self.outputs, {n: bits for n, (bits, _) in shown.items()}))
        self._promised.append(_joined(self.outputs, {n: mask for n, (_, mask) in shown.items()}))
        return shown

    def drive(self, word: int) -> Shown:
        """Drive a cycle, of which all inputs stand in one word, the first port lowest."""
        driven, offset = {}, 0
        for name, width in self.inputs:
            driven[name] = word >> offset & (1 << width) - 1
            offset += width
        return self.cycle(**driven)

    def script(self) -> Script:
        """Return what was written."""
        return Script(
            self.inputs,
            self.outputs,
            self._driven,
            self._expected,
            self._promised,
            self._sections,
            self._deposits,
        )


def _joined(ports: Ports, values: Mapping[str, int]) -> int:
    word, offset = 0, 0
    for name, width in ports:
        word |= (values.get(name, 0) & (1 << width) - 1) << offset
        offset += width
    return word
