"""A netlist simulated on terms: control that is constant stays so, data becomes formulas."""

import json
from collections.abc import Collection, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple

from amaranth._toolchain.yosys import YosysError
from amaranth.back import rtlil
from amaranth.lib.wiring import Component

from bittrue.model.exceptions import BittrueError

from . import tools
from .cell_terms import Cell, term_of
from .terms import Term, Terms

SCRIPT = "hierarchy -check -top {top}\nproc\nflatten\nopt_clean\nmemory_collect\nopt_clean\n"
TOP = "top"


class Part(NamedTuple):
    """Bits of a word, or constant ones.

    Members
    -------
    word : int
        Number of the word; -1 for a constant.
    low : int
        First bit of it, or the constant.
    width : int
        Bits.
    """

    word: int
    low: int
    width: int


Operand = tuple[Part, ...]


class _Logic(NamedTuple):
    kind: str
    numbers: dict[str, int]
    operands: dict[str, Operand]
    word: int


class _Register(NamedTuple):
    word: int
    next: Operand


class _Port(NamedTuple):
    """A read or write port of a memory; of a read, ``word`` is what is read."""

    address: Operand
    enable: Operand
    data: Operand = ()
    word: int = -1


class _Memory(NamedTuple):
    name: str
    depth: int
    width: int
    init: int
    reads: list[_Port]
    writes: list[_Port]


PLAIN = {
    "RD_TRANSPARENCY_MASK": 0,
    "RD_WIDE_CONTINUATION": 0,
    "WR_WIDE_CONTINUATION": 0,
    "OFFSET": 0,
}
"""Parameters of a memory that only reads, in a cycle, what it held before."""


def netlist_of(component: Component, *, top: str = TOP) -> dict[str, Any]:
    """Return a component's flat netlist, as Yosys writes it in JSON.

    Raises
    ------
    ToolMissing
        If there is no Yosys.
    BittrueError
        If it fails.
    """
    return netlist_of_rtlil(rtlil.convert(component, name=top), top=top)


def netlist_of_rtlil(text: str, *, top: str = TOP) -> dict[str, Any]:
    """Return the flat netlist of a design in RTLIL; see `netlist_of`."""
    script = f"read_rtlil <<rtlil\n{text}\nrtlil\n{SCRIPT.format(top=top)}write_json\n"
    try:
        shown = tools.yosys().run(["-q", "-"], script)
    except YosysError as error:
        raise BittrueError(f"Yosys must read the netlist, got: {error}") from None
    module: dict[str, Any] = json.loads(shown[shown.index("{") :])["modules"][top]
    return module


class SymbolicNetlist:
    """A flat netlist of one clock whose registers hold terms.

    It starts in any state whatever: what registers hold at first are variables, whose names end in
    ``@0``, and so is what memories hold. `state`, `memory`, `steps` and `names` may be read and
    written: what each register holds, the rows of each memory, the number of the step, by which
    undefined bits are named, and the registers' names by their number.

    Parameters
    ----------
    module : dict
        As `netlist_of` returns it.
    terms : Terms
        Where terms are made.

    Raises
    ------
    BittrueError
        If it holds a cell that no component of ours becomes.
    """

    def __init__(self, module: Mapping[str, Any], terms: Terms) -> None:
        self.terms = terms
        self._bits: dict[int, tuple[int, int]] = {}
        self._widths: list[int] = []
        self._undefined: list[int] = []
        self.steps = 0
        self._inputs = {
            name: self._word(port["bits"])
            for name, port in module["ports"].items()
            if port["direction"] == "input"
        }
        cells = {
            name: cell for name, cell in module["cells"].items() if cell["type"] != "$scopeinfo"
        }
        driven = {name: self._driven(cell) for name, cell in cells.items()}
        self._outputs = {
            name: self._operand(port["bits"])
            for name, port in module["ports"].items()
            if port["direction"] == "output"
        }
        logic, self._registers, self._memories = [], [], []
        for name, cell in cells.items():
            if cell["type"] == "$dff":
                _check(cell, {"CLK_POLARITY": 1})
                next_word = self._operand(cell["connections"]["D"])
                self._registers.append(_Register(driven[name][0], next_word))
            elif cell["type"] == "$mem_v2":
                self._memories.append(self._memory(name, cell, driven[name]))
            else:
                logic.append(self._logic(cell, driven[name][0]))
        self._logic_in_order = _ordered(logic)
        self._kept: dict[int, tuple[tuple[int, ...], Term]] = {}
        self._start(module)

    def _word(self, bits: Sequence[int]) -> int:
        number = len(self._widths)
        self._widths.append(len(bits))
        for index, bit in enumerate(bits):
            self._bits[bit] = (number, index)
        return number

    def _driven(self, cell: Mapping[str, Any]) -> list[int]:
        """Return the words that a cell drives: one, or one for each read port of a memory."""
        (port,) = [p for p, way in cell["port_directions"].items() if way == "output"]
        bits = cell["connections"][port]
        size = int(cell["parameters"]["WIDTH"], 2) if cell["type"] == "$mem_v2" else len(bits)
        return [self._word(bits[low : low + size]) for low in range(0, len(bits), size)]

    def _operand(self, bits: Sequence[int | str]) -> Operand:
        parts: list[Part] = []
        for bit in bits:
            one = self._one(bit)
            last = parts[-1] if parts else None
            if (
                last
                and last.word == one.word
                and (one.word < 0 or last.low + last.width == one.low)
            ):
                low = last.low | one.low << last.width if one.word < 0 else last.low
                parts[-1] = Part(last.word, low, last.width + 1)
            else:
                parts.append(one)
        return tuple(parts)

    def _one(self, bit: int | str) -> Part:
        """Return a bit's place; one that nobody drives, or x, has a word of its own."""
        if bit in ("0", "1"):
            return Part(-1, int(bit), 1)
        place = self._bits.get(bit) if isinstance(bit, int) else None
        if place is None:
            place = len(self._widths), 0
            self._widths.append(1)
            self._undefined.append(place[0])
        return Part(*place, 1)

    def _logic(self, cell: Mapping[str, Any], word: int) -> _Logic:
        operands = {
            port: self._operand(bits)
            for port, bits in cell["connections"].items()
            if cell["port_directions"][port] == "input"
        }
        numbers = {name: int(bits, 2) for name, bits in cell["parameters"].items()}
        return _Logic(cell["type"], numbers, operands, word)

    def _memory(self, name: str, cell: Mapping[str, Any], read: Sequence[int]) -> _Memory:
        """Take a memory apart into its ports."""
        _check(cell, PLAIN)
        for port in ("RD_CLK_ENABLE", "WR_CLK_ENABLE"):
            ports = int(cell["parameters"][f"{port[:2]}_PORTS"], 2)
            _check(cell, {port: (1 << ports) - 1} if ports else {})
        _check(cell, {"WR_PORTS": 1})
        numbers, at = cell["parameters"], cell["connections"]
        width, depth = int(numbers["WIDTH"], 2), int(numbers["SIZE"], 2)
        address = int(numbers["ABITS"], 2)
        init = int(numbers["INIT"].replace("x", "0"), 2)

        def part(port: str, n: int, size: int) -> Operand:
            return self._operand(at[port][n * size : (n + 1) * size])

        writes = [
            _Port(part("WR_ADDR", n, address), part("WR_EN", n, width), part("WR_DATA", n, width))
            for n in range(int(numbers["WR_PORTS"], 2))
        ]
        reads = [
            _Port(part("RD_ADDR", n, address), part("RD_EN", n, 1), word=word)
            for n, word in enumerate(read)
        ]
        return _Memory(name, depth, width, init, reads, writes)

    def _start(self, module: Mapping[str, Any]) -> None:
        terms = self.terms
        names = _names(module, self._bits)
        self.state: dict[int, Term] = {}
        self.names: dict[int, list[str]] = {}
        for register in self._registers:
            width = self._widths[register.word]
            own = self.names[register.word] = names.get(
                register.word, [f"register {register.word}"]
            )
            self.state[register.word] = terms.var(f"{own[0]}@0", width)
        self.memory: dict[str, list[Term]] = {}
        self.fill()
        for memory in self._memories:
            for read in memory.reads:
                own = self.names[read.word] = [f"{memory.name}.read {read.word}"]
                self.state[read.word] = terms.var(f"{own[0]}@0", memory.width)

    def fill(self, powered_up: Collection[str] = ()) -> None:
        """Let memories hold variables; those that are named, what they hold at power-up."""
        terms = self.terms
        for memory in self._memories:
            self.memory[memory.name] = [
                terms.const(memory.init >> row * memory.width, memory.width)
                if memory.name in powered_up
                else terms.var(f"{memory.name}[{row}]", memory.width)
                for row in range(memory.depth)
            ]

    def reset(self) -> dict[str, Term]:
        """Go through one cycle of reset; return what stands at the inputs, which is anything."""
        inputs = {
            name: self.terms.var(f"{name} in reset", self._widths[word])
            for name, word in self._inputs.items()
            if name not in ("clk", "rst")
        }
        self.step({**inputs, "rst": self.terms.const(1, 1)})
        return inputs

    def step(self, inputs: Mapping[str, Term]) -> dict[str, Term]:
        """Return the outputs of one cycle, and go on to the next.

        Parameters
        ----------
        inputs : mapping from str to Term
            By port; ports that are not named are 0.
        """
        terms = self.terms
        words: dict[int, Term] = dict(self.state)
        self.steps += 1
        for word in self._undefined:
            words[word] = terms.var(f"undefined {word} in step {self.steps}", 1)
        for name, word in self._inputs.items():
            given = inputs.get(name)
            words[word] = terms.const(0, self._widths[word]) if given is None else given
        for logic in self._logic_in_order:
            words[logic.word] = self._computed(logic, words)
        outputs = {
            name: terms.slice(self._joined(operand, words), 0, sum(part.width for part in operand))
            for name, operand in self._outputs.items()
            if operand
        }
        state = {r.word: self._joined(r.next, words) for r in self._registers}
        for memory in self._memories:
            state |= self._accessed(memory, words)
        self.state = state
        return outputs

    def _joined(self, operand: Operand, words: Mapping[int, Term]) -> Term:
        terms = self.terms
        return terms.concat(
            terms.const(part.low, part.width)
            if part.word < 0
            else terms.slice(words[part.word], part.low, part.width)
            for part in operand
        )

    def _computed(self, logic: _Logic, words: Mapping[int, Term]) -> Term:
        """Return what a cell gives; the same as in the cycle before where nothing has changed."""
        sources = tuple(
            words[part.word].number
            for operand in logic.operands.values()
            for part in operand
            if part.word >= 0
        )
        kept = self._kept.get(logic.word)
        if kept is not None and kept[0] == sources:
            return kept[1]
        operands = {port: self._joined(operand, words) for port, operand in logic.operands.items()}
        term = term_of(self.terms, Cell(logic.kind, logic.numbers, operands))
        self._kept[logic.word] = sources, term
        return term

    def _accessed(self, memory: _Memory, words: Mapping[int, Term]) -> dict[int, Term]:
        """Write a memory; return what its read ports hold then, the rows as they were before."""
        terms, rows = self.terms, self.memory[memory.name]
        read: dict[int, Term] = {}
        for port in memory.reads:
            found = self._row(rows, self._joined(port.address, words), port.word)
            enable = self._joined(port.enable, words)
            read[port.word] = terms.ite(enable, found, words[port.word])
        for port in memory.writes:
            enables, data = (self._joined(operand, words) for operand in (port.enable, port.data))
            if enables.constant == 0:
                continue
            address = self._joined(port.address, words)
            for row in range(len(rows)):
                here = terms.binary("eq", address, terms.const(row, address.width))
                if here.constant != 0:
                    rows[row] = terms.ite(here, self._masked(enables, data, rows[row]), rows[row])
        return read

    def _row(self, rows: Sequence[Term], address: Term, port: int) -> Term:
        """Return the row at an address; behind the last there is any word."""
        terms = self.terms
        if address.constant is not None and address.constant < len(rows):
            return rows[address.constant]
        found = terms.var(f"no row, read by {port} in step {self.steps}", rows[0].width)
        if address.constant is not None:
            return found
        if len(rows) == 1 << address.width:
            found, rows = rows[-1], rows[:-1]
        for number, row in enumerate(rows):
            here = terms.binary("eq", address, terms.const(number, address.width))
            found = terms.ite(here, row, found)
        return found

    def _masked(self, enables: Term, data: Term, held: Term) -> Term:
        """Return a row with those bits of it written that are enabled."""
        terms = self.terms
        parts: list[Term] = []
        start = 0
        bits = [terms.slice(enables, n, 1) for n in range(enables.width)]
        for end in range(1, len(bits) + 1):
            if end == len(bits) or bits[end] is not bits[start]:
                size = end - start
                pair = terms.slice(data, start, size), terms.slice(held, start, size)
                parts.append(terms.ite(bits[start], *pair))
                start = end
        return terms.concat(parts)


def _check(cell: Mapping[str, Any], wanted: Mapping[str, int]) -> None:
    """Refuse a register or memory of a kind that is not simulated here."""
    for name, value in wanted.items():
        given = int(cell["parameters"][name], 2)
        if given != value:
            raise BittrueError(f"{name} of a {cell['type']} must be {value}, got {given}")


def _names(module: Mapping[str, Any], bits: Mapping[int, tuple[int, int]]) -> dict[int, list[str]]:
    """Return the names of each word that has some."""
    found: dict[int, list[str]] = {}
    for name, net in module["netnames"].items():
        if net["hide_name"] or not net["bits"] or isinstance(net["bits"][0], str):
            continue
        word, index = bits.get(net["bits"][0], (-1, 1))
        if index == 0:
            found.setdefault(word, []).append(name)
    return found


def _ordered(logic: Sequence[_Logic]) -> list[_Logic]:
    """Return cells so that each comes behind those it reads.

    Raises
    ------
    BittrueError
        If they form a loop.
    """
    by_word = {cell.word: cell for cell in logic}
    before = {
        cell.word: {
            part.word
            for operand in cell.operands.values()
            for part in operand
            if part.word in by_word
        }
        for cell in logic
    }
    try:
        return [by_word[word] for word in TopologicalSorter(before).static_order()]
    except CycleError:
        raise BittrueError("a netlist must have no loop of logic, got one") from None
