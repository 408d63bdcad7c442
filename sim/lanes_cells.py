"""The cells of a flattened netlist, brought into one form: operands as wide as what they meet."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bittrue.model.exceptions import BittrueError

Bit = int | str
"""A bit as Yosys names it: a number, or a constant ``"0"``, ``"1"``, ``"x"``."""

Bits = list[Bit]

UNARY = {"$not", "$pos", "$neg"}
BITWISE = {"$and", "$or", "$xor", "$xnor"}
ARITHMETIC = {"$add", "$sub", "$mul"}
COMPARISONS = {"$eq": "eq", "$ne": "ne", "$eqx": "eq", "$nex": "ne"}
ORDERS = {"$lt", "$le", "$gt", "$ge"}
REDUCTIONS = {
    "$reduce_and": "all",
    "$reduce_or": "any",
    "$reduce_bool": "any",
    "$logic_not": "none",
    "$reduce_xor": "odd",
    "$reduce_xnor": "even",
}
LOGIC = {"$logic_and": "both", "$logic_or": "either"}
SHIFTS = {"$shl", "$sshl", "$shr", "$sshr", "$shift", "$shiftx"}
REGISTERS = {
    "$dff", "$dffe", "$sdff", "$sdffe", "$sdffce", "$adff", "$adffe",
}  # fmt: skip
SLICED = {"not", "pos", "and", "or", "xor", "xnor", "mux", "pmux", "reg", "read"}
"""Kinds of word that may be cut anywhere: each bit depends on its own bits alone."""


@dataclass
class Cell:
    """A word, and what it is made from.

    Members
    -------
    kind : str
        What is computed.
    out : list of bits
        Bits of the word.
    along : list of list of bits
        Operands of the word's own width, bit by bit, for a kind in `SLICED`.
    beside : list of list of bits
        Other operands.
    signed : bool
        Of an order or a shift: whether operand (or amount) is signed.
    init : int
        Of a register: the word at power-up.
    memory, column : int
        Of a read: what is read.
    """

    kind: str
    out: Bits
    along: list[Bits]
    beside: list[Bits]
    signed: bool = False
    init: int = 0
    memory: int = -1

    @property
    def sliced(self) -> bool:
        """Whether the word may be cut anywhere."""
        return self.kind in SLICED


@dataclass
class MemoryCell:
    """A memory, its reads apart.

    Members
    -------
    width, depth : int
        Bits of a row, and rows.
    init : str
        All rows at power-up, the last first, as bits.
    writes : list of (address, data, enable bits)
        Write ports, a later one winning.
    """

    width: int
    depth: int
    init: str
    writes: list[tuple[Bits, Bits, Bits]]


def number(parameters: Mapping[str, Any], name: str) -> int:
    """Return a parameter as a number, undefined bits as 0."""
    text = str(parameters.get(name, "0"))
    return int(text.replace("x", "0").replace("z", "0") or "0", 2)


def extended(bits: Bits, width: int, signed: bool) -> Bits:
    """Return bits cut or extended to a width."""
    fill: Bit = bits[-1] if signed and bits else "0"
    return bits[:width] + [fill] * (width - len(bits))


class CellReader:
    """Reads the cells of one flattened module.

    Parameters
    ----------
    module : mapping
        A module of Yosys' JSON.

    Attributes
    ----------
    cells : list of Cell
        All words, in no order.
    memories : list of MemoryCell
        All memories.

    Raises
    ------
    BittrueError
        If there is a cell that is not known, or more than one clock.
    """

    def __init__(self, module: Mapping[str, Any]) -> None:
        self.cells: list[Cell] = []
        self.memories: list[MemoryCell] = []
        self._init = dict(_initial_bits(module))
        self._clocks: set[Bit] = set()
        wires = (
            entry["bits"] for entry in (*module["netnames"].values(), *module["ports"].values())
        )
        self._fresh = 1 + max(
            (bit for bits in wires for bit in bits if isinstance(bit, int)), default=1
        )
        for name, cell in module["cells"].items():
            self._read(name, cell["type"], cell["parameters"], cell["connections"])
        if len(self._clocks) > 1:
            raise BittrueError(f"a netlist must have one clock, got {len(self._clocks)}")

    def _read(self, name: str, type: str, p: Mapping[str, Any], c: Mapping[str, Bits]) -> None:
        if type == "$scopeinfo":
            return
        if type == "$mem_v2":
            self._memory(p, c)
        elif type in REGISTERS:
            self._register(type, p, c)
        else:
            cell = _combinational(type, p, c)
            if cell is None:
                raise BittrueError(f"cells must be of a known type, got {type} ({name})")
            self.cells.append(cell)

    def _clock(self, p: Mapping[str, Any], bit: Bit, polarity: str = "CLK_POLARITY") -> None:
        if not number(p, polarity):
            raise BittrueError(
                "registers must take the rising edge of the clock, got a falling one"
            )
        self._clocks.add(bit)

    def _bits(self, count: int) -> Bits:
        self._fresh += count
        return list(range(self._fresh - count, self._fresh))

    def _combined(self, kind: str, along: list[Bits], beside: list[Bits]) -> Bits:
        out = self._bits(len(along[0]))
        self.cells.append(Cell(kind, out, along, beside))
        return out

    def _inverted(self, bits: Bits, polarity: int) -> Bits:
        return bits if polarity else self._combined("not", [bits], [])

    def _register(self, type: str, p: Mapping[str, Any], c: Mapping[str, Bits]) -> None:
        """Bring a register to data, enable and power-up word; resets become multiplexers."""
        self._clock(p, c["CLK"][0])
        out, data, width = c["Q"], c["D"], len(c["Q"])
        enable: Bits = ["1"]
        if "EN" in c:
            enable = self._inverted(c["EN"], number(p, "EN_POLARITY"))
        if "SRST" in c:
            reset = self._inverted(c["SRST"], number(p, "SRST_POLARITY"))
            value = _constant(p["SRST_VALUE"], width)
            data = self._combined("mux", [data, value], [reset])
            if type == "$sdffe":
                enable = self._combined("or", [enable, reset], [])
        if "ARST" in c:
            reset = self._inverted(c["ARST"], number(p, "ARST_POLARITY"))
            value = _constant(p["ARST_VALUE"], width)
            data = self._combined("mux", [data, value], [reset])
            enable = self._combined("or", [enable, reset], [])
            held = self._bits(width)
            self.cells.append(Cell("mux", out, [held, value], [reset]))
            self._init |= {new: self._init.get(old, 0) for new, old in zip(held, out, strict=True)}
            out = held
        init = sum(self._init.get(bit, 0) << n for n, bit in enumerate(out))
        self.cells.append(Cell("reg", out, [data], [enable], init=init))

    def _memory(self, p: Mapping[str, Any], c: Mapping[str, Bits]) -> None:
        width, depth, address = number(p, "WIDTH"), number(p, "SIZE"), number(p, "ABITS")
        for name in ("RD_TRANSPARENCY_MASK", "RD_WIDE_CONTINUATION", "WR_WIDE_CONTINUATION"):
            if number(p, name):
                raise BittrueError(f"memories must have no {name}, got one that has")
        if number(p, "OFFSET") or {*c["RD_ARST"], *c["RD_SRST"]} - {"0", "x"}:
            raise BittrueError("memories must have no reset and no offset, got one that has")
        writes = []
        for port in range(number(p, "WR_PORTS")):
            self._clock(p, c["WR_CLK"][port], "WR_CLK_POLARITY")
            cut = slice(port * width, (port + 1) * width)
            place = c["WR_ADDR"][port * address : (port + 1) * address]
            writes.append((place, c["WR_DATA"][cut], c["WR_EN"][cut]))
        init = str(p.get("INIT", "")).replace("x", "0").replace("z", "0").zfill(width * depth)
        self.memories.append(MemoryCell(width, depth, init[-width * depth :], writes))
        for port in range(number(p, "RD_PORTS")):
            self._read_port(p, c, port, width, address)

    def _read_port(
        self, p: Mapping[str, Any], c: Mapping[str, Bits], port: int, width: int, address: int
    ) -> None:
        out = c["RD_DATA"][port * width : (port + 1) * width]
        place = c["RD_ADDR"][port * address : (port + 1) * address]
        found = out
        if number(p, "RD_CLK_ENABLE") >> port & 1:
            self._clock(
                {"P": str(number(p, "RD_CLK_POLARITY") >> port & 1)}, c["RD_CLK"][port], "P"
            )
            found = self._bits(width)
            initial = number(p, "RD_INIT_VALUE") >> port * width & (1 << width) - 1
            self.cells.append(Cell("reg", out, [found], [[c["RD_EN"][port]]], init=initial))
        memory = len(self.memories) - 1
        self.cells.append(Cell("read", found, [], [place], memory=memory))


def _initial_bits(module: Mapping[str, Any]) -> Iterator[tuple[Bit, int]]:
    for wire in module["netnames"].values():
        for bit, value in zip(
            wire["bits"], reversed(wire["attributes"].get("init", "")), strict=False
        ):
            if value == "1":
                yield bit, 1


def _constant(text: str, width: int) -> Bits:
    bits: Bits = ["1" if bit == "1" else "0" for bit in reversed(text)]
    return extended(bits, width, False)


def _combinational(type: str, p: Mapping[str, Any], c: Mapping[str, Bits]) -> Cell | None:
    """Return a combinational cell in the one form, None if its type is not known."""
    out, width = c.get("Y", []), len(c.get("Y", []))
    a, b = c.get("A", []), c.get("B", [])
    signed_a, signed_b = bool(number(p, "A_SIGNED")), bool(number(p, "B_SIGNED"))
    signed = signed_a and (signed_b or not b)
    kind = type[1:]
    if type in UNARY:
        return _same(kind, out, [extended(a, width, signed_a)])
    if type in BITWISE or type in ARITHMETIC:
        return _same(kind, out, [extended(a, width, signed), extended(b, width, signed)])
    if type == "$mux":
        return Cell("mux", out, [a, b], [c["S"]])
    if type == "$pmux":
        choices = [b[n : n + width] for n in range(0, len(b), width)]
        return Cell("pmux", out, [a, *choices], [[bit] for bit in c["S"]])
    if type in COMPARISONS or type in ORDERS:
        wide = max(len(a), len(b))
        both = [extended(a, wide, signed), extended(b, wide, signed)]
        return Cell(COMPARISONS.get(type, kind), out, [], both, signed)
    if type in REDUCTIONS:
        return Cell(REDUCTIONS[type], out, [], [a])
    if type in LOGIC:
        return Cell(LOGIC[type], out, [], [a, b])
    if type in SHIFTS:
        return _shift(type, out, (a, signed_a), (b, signed_b))
    if type == "$bmux":
        return Cell("choose", out, [], [a, c["S"]])
    return None


def _same(kind: str, out: Bits, operands: list[Bits]) -> Cell:
    """Return a cell whose operands are as wide as its result."""
    if kind in SLICED:
        return Cell(kind, out, operands, [])
    return Cell(kind, out, [], operands)


def _shift(type: str, out: Bits, a: tuple[Bits, bool], b: tuple[Bits, bool]) -> Cell:
    """Return a shift: ``left``, ``right`` filled with 0, ``sright`` with the sign, or ``shift``."""
    (bits, signed), (amount, signed_amount) = a, b
    wide = max(len(bits), len(out))
    if type in ("$shl", "$sshl"):
        return Cell("left", out, [], [extended(bits, len(out), signed), amount])
    if type in ("$shift", "$shiftx"):
        bits = extended(bits, wide, signed and type == "$shift")
        return Cell("shift" if signed_amount else "right", out, [], [bits, amount])
    kind = "sright" if type == "$sshr" and signed else "right"
    return Cell(kind, out, [], [extended(bits, wide, signed), amount])
