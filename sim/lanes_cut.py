"""Words cut where their parts meet, so that none is wider than a machine's own."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from .lanes_cells import Bit, Bits, Cell, CellReader, MemoryCell
from .lanes_netlist import LARGEST, Memory, Netlist, Node, Operand, Part, Write


def read_netlist(module: Mapping[str, Any], fields: Mapping[str, Sequence[int]]) -> Netlist:
    """Return a module of Yosys' JSON as a netlist.

    Parameters
    ----------
    module : mapping
        Flattened, with word-level cells and collected memories.
    fields : mapping from port to widths
        How ports are cut into pieces; others are one piece.

    Raises
    ------
    BittrueError
        If a cell is not known.
    """
    reader = CellReader(module)
    for name, port in module["ports"].items():
        if port["direction"] == "input":
            reader.cells.append(Cell(f"input {name}", port["bits"], [], []))
    return _Cutter(reader.cells, reader.memories, module, fields).netlist()


class _Cutter:
    """Cuts words, then rewrites all operands as parts of the pieces."""

    def __init__(
        self,
        cells: list[Cell],
        memories: list[MemoryCell],
        module: Mapping[str, Any],
        fields: Mapping[str, Sequence[int]],
    ) -> None:
        self._cells, self._memories, self._module, self._fields = cells, memories, module, fields
        self._place: dict[Bit, tuple[int, int]] = {
            bit: (number, index)
            for number, cell in enumerate(cells)
            for index, bit in enumerate(cell.out)
        }
        of_memory: list[set[int]] = [set() for _ in memories]
        self._cuts = [of_memory[c.memory] if c.kind == "read" else set() for c in cells]
        self._memory_cuts = of_memory

    def netlist(self) -> Netlist:
        self._cut()
        nodes: list[Node] = []
        self._pieces: dict[int | str, tuple[int, int]] = {}
        ranges = [list(self._ranges(n, len(cell.out))) for n, cell in enumerate(self._cells)]
        starts = []
        for cell, pieces in zip(self._cells, ranges, strict=True):
            starts.append(len(nodes))
            for low, high in pieces:
                for bit in range(low, high):
                    self._pieces[cell.out[bit]] = (len(nodes), bit - low)
                nodes.append(Node(cell.kind, high - low, low=low, signed=cell.signed))
        for cell, pieces, start in zip(self._cells, ranges, starts, strict=True):
            for column, (low, high) in enumerate(pieces):
                self._fill(nodes[start + column], cell, low, high, column)
        inputs = {
            cell.kind.removeprefix("input "): list(range(start, start + len(pieces)))
            for cell, pieces, start in zip(self._cells, ranges, starts, strict=True)
            if cell.kind.startswith("input ")
        }
        for name, numbers in inputs.items():
            for node in numbers:
                nodes[node].kind, nodes[node].port = "input", name
        return Netlist(
            nodes,
            [self._memory(n) for n in range(len(self._memories))],
            inputs,
            dict(self._outputs()),
        )

    def _cut(self) -> None:
        """Find where words must be cut; the cut of one may cut another."""
        for number, memory in enumerate(self._memories):
            for _, _, enable in memory.writes:
                changes = (n for n in range(1, memory.width) if enable[n] != enable[n - 1])
                self._memory_cuts[number].update(changes)
        for number, cell in enumerate(self._cells):
            name = cell.kind.removeprefix("input ")
            if name in self._fields:
                self._cuts[number].update(_starts(self._fields[name]))
            for operand in (*cell.along, *cell.beside):
                self._cut_sources(operand)
        for memory in self._memories:
            for write in memory.writes:
                self._cut_sources(write[1])
        for name, port in self._module["ports"].items():
            bits = port["bits"]
            if port["direction"] == "output":
                for low, high in _pairs(_starts(self._fields.get(name, [len(bits)])), len(bits)):
                    self._cut_sources(bits[low:high])
        while sum(self._spread(n) for n in range(len(self._cells))):
            pass

    def _runs(self, bits: Bits) -> Iterator[tuple[int, int]]:
        """Yield the stretches of an operand that are stretches of one word, or constant."""
        low = 0
        for n in range(1, len(bits) + 1):
            if n == len(bits) or not self._follows(bits[n - 1], bits[n]):
                yield low, n
                low = n

    def _follows(self, before: int | str, bit: int | str) -> bool:
        a, b = self._place.get(before), self._place.get(bit)
        if a is None or b is None:
            return a is b
        return a[0] == b[0] and b[1] in (a[1], a[1] + 1)

    def _cut_sources(self, bits: Bits) -> None:
        """Cut wide words and memories where an operand takes a piece of them."""
        for low, high in self._runs(bits):
            first, last = self._place.get(bits[low]), self._place.get(bits[high - 1])
            if first is None or last is None:
                continue
            cell = self._cells[first[0]]
            if cell.kind == "read" or (cell.sliced and len(cell.out) > LARGEST):
                inside = {first[1], last[1] + 1} - {0, len(cell.out)}
                self._cuts[first[0]].update(inside)

    def _spread(self, number: int) -> bool:
        """Cut a word where its operands are cut, and its wide operands where it is."""
        cell, cuts = self._cells[number], self._cuts[number]
        along = cell.along
        if cell.kind == "read":
            along = [data for _, data, _ in self._memories[cell.memory].writes]
        elif not cell.sliced:
            return False
        before, changed = len(cuts), False
        for operand in along:
            for n in range(1, len(cell.out)):
                a, b = self._place.get(operand[n - 1]), self._place.get(operand[n])
                if a is not None and b is not None and a != b:
                    meets = b[1] in self._cuts[b[0]] or not self._follows(
                        operand[n - 1], operand[n]
                    )
                    if meets:
                        cuts.add(n)
                    elif n in cuts and self._wide(b[0]) and b[1] == a[1] + 1:
                        self._cuts[b[0]].add(b[1])
                        changed = True
        return changed or len(cuts) > before

    def _wide(self, number: int) -> bool:
        cell = self._cells[number]
        return cell.sliced and len(cell.out) > LARGEST

    def _ranges(self, number: int, width: int) -> Iterator[tuple[int, int]]:
        for low, high in _pairs({0, *self._cuts[number]}, width):
            for start in range(low, high, LARGEST):
                yield start, min(start + LARGEST, high)

    def _fill(self, node: Node, cell: Cell, low: int, high: int, column: int) -> None:
        node.along = [self._operand(bits[low:high]) for bits in cell.along]
        node.beside = [self._operand(bits) for bits in cell.beside]
        node.init = cell.init >> low & (1 << high - low) - 1
        node.memory, node.column = cell.memory, column

    def _operand(self, bits: Bits) -> Operand:
        """Return bits as parts; a constant's undefined bits are 0."""
        parts: list[Part] = []
        for bit in bits:
            piece = self._pieces.get(bit)
            last = parts[-1] if parts else None
            if piece is None:
                value = int(bit == "1")
                if last is not None and last.node < 0:
                    parts[-1] = Part(-1, last.low | value << last.width, last.width + 1)
                else:
                    parts.append(Part(-1, value, 1))
            elif (
                last is not None
                and last.node == piece[0]
                and last.low + last.width == piece[1]
                and not last.extra
            ):
                parts[-1] = last._replace(width=last.width + 1)
            elif (
                last is not None and last.node == piece[0] and last.low + last.width - 1 == piece[1]
            ):
                parts[-1] = last._replace(extra=last.extra + 1)
            else:
                parts.append(Part(piece[0], piece[1], 1))
        return tuple(parts)

    def _memory(self, number: int) -> Memory:
        cell = self._memories[number]
        pairs = list(_pairs({0, *self._memory_cuts[number]}, cell.width))
        columns = [
            (n, min(LARGEST, high - n)) for low, high in pairs for n in range(low, high, LARGEST)
        ]
        init: list[list[int]] = []
        if "1" in cell.init:
            rows = [cell.init[n : n + cell.width] for n in range(0, len(cell.init), cell.width)][
                ::-1
            ]
            init = [
                [int(row[cell.width - low - width : cell.width - low], 2) for row in rows]
                for low, width in columns
            ]
        writes = [
            [
                Write(
                    self._operand(place),
                    self._operand(data[low : low + width]),
                    self._operand(enable[low : low + 1]),
                )
                for place, data, enable in cell.writes
            ]
            for low, width in columns
        ]
        return Memory(cell.depth, columns, init, writes)

    def _outputs(self) -> Iterator[tuple[str, list[Operand]]]:
        for name, port in self._module["ports"].items():
            if port["direction"] == "output":
                bits = port["bits"]
                cuts = _starts(self._fields.get(name, [len(bits)]))
                yield name, [self._operand(bits[low:high]) for low, high in _pairs(cuts, len(bits))]


def _starts(widths: Sequence[int]) -> set[int]:
    return {sum(widths[:n]) for n in range(len(widths))}


def _pairs(starts: set[int], width: int) -> Iterator[tuple[int, int]]:
    ordered = [*sorted(starts), width]
    yield from ((low, high) for low, high in pairwise(ordered) if low < high)
