"""A flattened netlist as words of at most 64 bits, wide words cut where their parts meet."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from amaranth._toolchain.yosys import YosysError

from bittrue.model.build import built
from bittrue.model.exceptions import BittrueError

from . import tools

LARGEST = 64
"""Bits of the largest word that is computed in one piece."""

SCRIPT = (
    "hierarchy -check -top {top}; proc; flatten; opt -nosdff; memory_collect; opt -nosdff; "
    "wreduce; opt -nosdff; opt_clean -purge; write_json netlist.json"
)


class Part(NamedTuple):
    """A piece of an operand.

    Members
    -------
    node : int
        Word it is taken from; -1 for a constant.
    low : int
        First bit in that word, or the constant.
    width : int
        Bits taken.
    extra : int
        Copies of the last of them that follow.
    """

    node: int
    low: int
    width: int
    extra: int = 0

    @property
    def total(self) -> int:
        """Bits it fills."""
        return self.width + self.extra


Operand = tuple[Part, ...]
"""Parts of an operand, the lowest first."""


@dataclass
class Node:
    """A word of at most 64 bits.

    Members
    -------
    kind : str
        As in `Cell`; ``input`` for a piece of an input port.
    width : int
        Bits.
    along, beside : list of Operand
        As in `Cell`.
    low : int
        First bit of it in the word it was cut from.
    signed, init, memory
        As in `Cell`.
    column : int
        Of a read: column of the memory.
    port : str
        Of an input: name of the port.
    """

    kind: str
    width: int
    along: list[Operand] = field(default_factory=list)
    beside: list[Operand] = field(default_factory=list)
    low: int = 0
    signed: bool = False
    init: int = 0
    memory: int = -1
    column: int = 0
    port: str = ""

    @property
    def operands(self) -> list[Operand]:
        """All operands."""
        return [*self.along, *self.beside]

    def sources(self) -> Iterator[int]:
        """Yield the words it is computed from."""
        for operand in self.operands:
            for part in operand:
                if part.node >= 0:
                    yield part.node


class Write(NamedTuple):
    """A write port's operands for one column of a memory."""

    address: Operand
    data: Operand
    enable: Operand


@dataclass
class Memory:
    """A memory cut into columns.

    Members
    -------
    depth : int
        Rows.
    columns : list of (first bit, width)
        Where it is cut.
    init : list of list of int
        Words at power-up that are not all zero, by column; else empty.
    writes : list of list of Write
        Write ports of each column, a later one winning.
    """

    depth: int
    columns: list[tuple[int, int]]
    init: list[list[int]]
    writes: list[list[Write]]


@dataclass
class Netlist:
    """A netlist ready to be compiled.

    Members
    -------
    nodes : list of Node
        All words.
    memories : list of Memory
        All memories.
    inputs : mapping from port to words
        Pieces of each input port, in order.
    outputs : mapping from port to operands
        Pieces of each output port, in order.
    """

    nodes: list[Node]
    memories: list[Memory]
    inputs: dict[str, list[int]]
    outputs: dict[str, list[Operand]]

    def input(self, port: str, piece: int = 0) -> Operand:
        """Return a piece of an input port as an operand."""
        number = self.inputs[port][piece]
        return (Part(number, 0, self.nodes[number].width),)


def yosys_netlist(rtlil: str, top: str) -> dict[str, Any]:
    """Return the flattened module of a design, as Yosys writes it in JSON.

    Raises
    ------
    ToolMissing
        If there is no Yosys.
    BittrueError
        If it fails.
    """
    yosys = tools.yosys()
    script = SCRIPT.format(top=top).replace("; ", "\n")

    def make(folder: Path) -> None:
        text = f"read_rtlil <<rtlil\n{rtlil}\nrtlil\n{script}".removesuffix(" netlist.json")
        try:
            shown = yosys.run(["-q", "-"], text)
        except YosysError as error:
            raise BittrueError(f"Yosys must read the netlist, got: {error}") from None
        (folder / "netlist.json").write_text(shown[shown.index("{") :], encoding="utf-8")

    folder = built("netlist", [rtlil, script, str(yosys.version())], make)
    module: dict[str, Any] = json.loads((folder / "netlist.json").read_text("utf-8"))
    return dict(module["modules"][top])
