"""C expressions of words, with the range of what their containers hold.

A word of ``width`` bits lives in a signed container of 32 or 64 bits, equal to it modulo
``2**width``. What stands above the width is only put right where something reads it.
"""

from collections.abc import Callable

from .lanes_netlist import Netlist, Operand, Part
from .lanes_ranges import FULL, Value, fitted, fixed, level, literal, storage, wrapped

Name = Callable[[int], str]
"""Tells how a word is called."""


class Operands:
    """Expressions of a netlist's words.

    Parameters
    ----------
    netlist : Netlist
        Whose words.
    lane : list of bool
        Which words are vectors of lanes.
    order : list of int
        Combinational words, each behind what it is computed from.
    lane_memories : list of bool
        Which memories hold vectors of lanes.
    """

    def __init__(
        self, netlist: Netlist, lane: list[bool], order: list[int], lane_memories: list[bool]
    ) -> None:
        self.netlist, self.lane, self._lane_memories = netlist, lane, lane_memories
        self.range = [(0, 0)] * len(netlist.nodes)
        self.memory_range = [[(0, 0)] * len(memory.columns) for memory in netlist.memories]
        for number, node in enumerate(netlist.nodes):
            if node.kind == "input":
                self.range[number] = FULL[self.bits(number)]
            elif node.kind == "reg":
                self.range[number] = level(node.width, self.bits(number), 0, 0)
        self._initial_memories()
        while self._widen(order):
            pass

    def bits(self, number: int) -> int:
        """Return the bits of a word's container."""
        return 32 if self.lane[number] and self.netlist.nodes[number].width <= 32 else 64

    def initial(self, number: int) -> int:
        """Return a register's word at power-up, as its container holds it."""
        node = self.netlist.nodes[number]
        return node.init - (1 << node.width) if node.init > self.range[number][1] else node.init

    def compute(self, number: int, name: Name) -> Value:
        """Return what a combinational word is.

        Raises
        ------
        BittrueError
            If it is wider than can be computed.
        """
        raise NotImplementedError

    def _initial_memories(self) -> None:
        for number, memory in enumerate(self.netlist.memories):
            for column, (_, width) in enumerate(memory.columns):
                top = (1 << width) - 1 if memory.init else 0
                self.memory_range[number][column] = level(width, storage(width), 0, top)

    def _widen(self, order: list[int]) -> bool:
        """Go through all words once; tell whether a register or a memory was seen to hold more."""
        name, changed = str, False
        for number in order:
            self.range[number] = self.compute(number, name)[1:]
        for number, node in enumerate(self.netlist.nodes):
            if node.kind == "reg":
                bits = self.bits(number)
                found = self.fetch(node.along[0], bits, "any", name)
                low, high = self.range[number]
                wider = level(node.width, bits, min(low, found.low), max(high, found.high))
                if node.init > wider[1] and wider[0] >= 0:
                    wider = level(node.width, bits, wider[0], node.init)
                changed |= wider != self.range[number]
                self.range[number] = wider
        for number, memory in enumerate(self.netlist.memories):
            for column, (_, width) in enumerate(memory.columns):
                low, high = self.memory_range[number][column]
                for write in memory.writes[column]:
                    found = self.fetch(write.data, 64, "any", name)
                    low, high = min(low, found.low), max(high, found.high)
                wider = level(width, storage(width), low, high)
                changed |= wider != self.memory_range[number][column]
                self.memory_range[number][column] = wider
        return changed

    def fetch(
        self, operand: Operand, bits: int, need: str, name: Name, signed: bool = True
    ) -> Value:
        """Return an operand in a container.

        Parameters
        ----------
        operand : Operand
            Its width must fit the container; ``zero`` needs a bit more.
        bits : int
            32 or 64.
        need : {"any", "zero", "sign"}
            What is asked of the bits above its width.
        name : callable
            How words are called.
        signed : bool
            Whether a constant whose last bit is set stands for a negative number, where any does.
        """
        kept = operand
        while len(kept) > 1 and kept[-1].node < 0 and not kept[-1].low:
            kept = kept[:-1]
        if len(kept) < len(operand):
            need = "zero"
        if not kept:
            # the address of a memory of one row has no bits
            return Value("0", 0, 0)
        if len(kept) == 1:
            return self._part(kept[0], bits, need, name, signed)
        at, texts, low, high = 0, [], 0, 0
        for part in kept:
            value = self._part(part, bits, need if part is kept[-1] else "zero", name, signed)
            text = f"({value.text} << {at})" if at else value.text
            if part.node < 0:
                # a constant's own type may be too narrow to be shifted
                text = literal(wrapped(value.low << at, bits))
            texts += [text] if text != "0" else []
            low, high = low + (value.low << at), high + (value.high << at)
            at += part.total
        return fitted(f"({' | '.join(texts) or '0'})", low, high, bits)

    def _part(self, part: Part, bits: int, need: str, name: Name, signed: bool) -> Value:
        if part.node < 0:
            negative = part.low >> part.width - 1 and (need == "sign" or (need == "any" and signed))
            wraps = negative or part.low > FULL[bits][1]
            constant = part.low - (1 << part.width) if wraps else part.low
            return Value(literal(constant), constant, constant)
        text, (low, high) = name(part.node), self.range[part.node]
        if part.low:
            text, low, high = f"({text} >> {part.low})", low >> part.low, high >> part.low
        held = self.bits(part.node)
        if held != bits:
            text = f"((int{bits}_t){text})"
        value = fitted(text, low, high, bits)
        if part.extra:
            value = fixed(value, part.width, bits, "sign")
        return fixed(value, part.total, bits, need)
