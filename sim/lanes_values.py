"""C expressions of words, with the range of what their containers hold.

A word of ``width`` bits lives in a signed container of 32 or 64 bits, equal to it modulo
``2**width``. What stands above the width is only put right where something reads it.
"""

from collections.abc import Callable
from typing import NamedTuple

from bittrue.model.exceptions import BittrueError

from .lanes_netlist import LARGEST, Netlist, Node, Operand, Part

Name = Callable[[int], str]
"""Tells how a word is called."""

FULL = {bits: (-(1 << bits - 1), (1 << bits - 1) - 1) for bits in (8, 16, 32, 64)}


class Value(NamedTuple):
    """An expression, and the range of the numbers it can be."""

    text: str
    low: int
    high: int

    def within(self, low: int, high: int) -> bool:
        """Tell whether all numbers lie in a range."""
        return low <= self.low and self.high <= high


def literal(value: int) -> str:
    """Return a constant of C."""
    if value == -(1 << 63):
        return "INT64_MIN"
    if -(1 << 31) < value < 1 << 31:
        return f"({value})" if value < 0 else str(value)
    return f"INT64_C({value})"


def size(operand: Operand) -> int:
    """Return the bits of an operand."""
    return sum(part.total for part in operand)


def piece(operand: Operand, low: int, high: int) -> Operand:
    """Return bits ``low`` to below ``high`` of an operand."""
    found: list[Part] = []
    at = 0
    for part in operand:
        first, last = max(low - at, 0), min(high - at, part.total)
        at += part.total
        if first >= last:
            continue
        if part.node < 0:
            found.append(Part(-1, part.low >> first & (1 << last - first) - 1, last - first))
        elif first >= part.width:
            found.append(Part(part.node, part.low + part.width - 1, 1, last - first - 1))
        else:
            extra = max(last - part.width, 0)
            found.append(Part(part.node, part.low + first, last - extra - first, extra))
    return tuple(found)


def _signed(width: int) -> tuple[int, int]:
    return -(1 << width - 1), (1 << width - 1) - 1


def _fixed(value: Value, width: int, bits: int, need: str) -> Value:
    """Put right what stands above a width: ``zero``, ``sign`` or nothing (``any``)."""
    mask = (1 << width) - 1
    if need == "zero" and not value.within(0, mask) and width < bits:
        return Value(f"({value.text} & {literal(mask)})", 0, mask)
    if need == "sign" and not value.within(*_signed(width)):
        if width in FULL:
            return Value(f"((int{width}_t){value.text})", *_signed(width))
        by = bits - width
        return Value(f"(({value.text} << {by}) >> {by})", *_signed(width))
    return value


def _fitted(text: str, low: int, high: int, bits: int) -> Value:
    """Return a value in its container: outside it, it wraps."""
    if FULL[bits][0] <= low and high <= FULL[bits][1]:
        return Value(text, low, high)
    return Value(text, *FULL[bits])


class Words:
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
                self.range[number] = _level(node.width, self.bits(number), 0, 0)
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

    def _initial_memories(self) -> None:
        for number, memory in enumerate(self.netlist.memories):
            for column, (_, width) in enumerate(memory.columns):
                kind = _signed(width) if memory.init else (0, 0)
                self.memory_range[number][column] = _level(width, storage(width), *kind)

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
                wider = _level(node.width, bits, min(low, found.low), max(high, found.high))
                if node.init > wider[1] and wider[0] >= 0:
                    wider = _level(node.width, bits, wider[0], node.init)
                changed |= wider != self.range[number]
                self.range[number] = wider
        for number, memory in enumerate(self.netlist.memories):
            for column, (_, width) in enumerate(memory.columns):
                low, high = self.memory_range[number][column]
                for write in memory.writes[column]:
                    found = self.fetch(write.data, 64, "any", name)
                    low, high = min(low, found.low), max(high, found.high)
                wider = _level(width, storage(width), low, high)
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
        if len(kept) == 1:
            return self._part(kept[0], bits, need, name, signed)
        at, texts, low, high = 0, [], 0, 0
        for part in kept[:-1]:
            value = self._part(part, bits, "zero", name, False)
            texts.append(f"({value.text} << {at})" if at else value.text)
            low, high = low + (value.low << at), high + (value.high << at)
            at += part.total
        top = self._part(kept[-1], bits, need, name, signed)
        texts.append(f"({top.text} << {at})")
        text = f"({' | '.join(text for text in texts if text != '0')})"
        return _fitted(text, low + (top.low << at), high + (top.high << at), bits)

    def _part(self, part: Part, bits: int, need: str, name: Name, signed: bool) -> Value:
        if part.node < 0:
            negative = part.low >> part.width - 1 and (need == "sign" or (need == "any" and signed))
            value = (
                part.low - (1 << part.width) if negative or part.low > FULL[bits][1] else part.low
            )
            return Value(literal(value), value, value)
        text, (low, high) = name(part.node), self.range[part.node]
        if part.low:
            text, low, high = f"({text} >> {part.low})", low >> part.low, high >> part.low
        held = self.bits(part.node)
        if held != bits:
            text = f"((int{bits}_t){text})"
        value = _fitted(text, low, high, bits)
        if part.extra:
            value = _fixed(value, part.width, bits, "sign")
        return _fixed(value, part.total, bits, need)

    def compute(self, number: int, name: Name) -> Value:
        """Return what a combinational word is.

        Raises
        ------
        BittrueError
            If it is wider than can be computed.
        """
        node = self.netlist.nodes[number]
        made: Value = getattr(self, f"_make_{node.kind}")(node, self.bits(number), name)
        return _fitted(made.text, made.low, made.high, self.bits(number))

    def test(self, operand: Operand, name: Name) -> str:
        """Return a condition: whether a one-bit operand is set."""
        return self.fetch(operand, 64 if self._scalar(operand) else 32, "zero", name).text

    def _scalar(self, *operands: Operand) -> bool:
        return not any(part.node >= 0 and self.lane[part.node] for o in operands for part in o)

    def _room(self, *operands: Operand, spare: int = 0) -> int:
        """Return the container that operands are compared in."""
        width = max(size(operand) for operand in operands)
        if width > LARGEST:
            raise BittrueError(f"an operation must be on at most {LARGEST} bits, got {width}")
        return 64 if self._scalar(*operands) or width + spare > 32 else 32

    def _both(self, node: Node, bits: int, name: Name) -> tuple[Value, Value]:
        operands = node.along or node.beside
        for operand in operands:
            self._room(operand)
        a, b = (self.fetch(operand, bits, "any", name) for operand in operands)
        constants = [len(operand) == 1 and operand[0].node < 0 for operand in operands]
        if constants[0] and b.low >= 0:
            a = self.fetch(operands[0], bits, "any", name, False)
        if constants[1] and a.low >= 0:
            b = self.fetch(operands[1], bits, "any", name, False)
        return a, b

    def _make_read(self, node: Node, bits: int, name: Name) -> Value:
        address, memory = node.beside[0], self.netlist.memories[node.memory]
        low, high = self.memory_range[node.memory][node.column]
        place = self.fetch(address, 64, "zero", name).text
        inside = f"((uint64_t){place} < {memory.depth})"
        safe = memory.depth >> size(address) > 0
        row = place if safe else f"{inside} ? {place} : 0"
        found = f"m->M{node.memory}[{row}][{node.column}]"
        if self._lane_memories[node.memory]:
            found = f"m->M{node.memory}_{node.column}[{row}][l]"
        text = found if safe else f"({inside} ? {found} : 0)"
        return Value(text, min(low, 0), max(high, 0))

    def _make_add(self, node: Node, bits: int, name: Name) -> Value:
        a, b = self._both(node, bits, name)
        return _fitted(f"({a.text} + {b.text})", a.low + b.low, a.high + b.high, bits)

    def _make_sub(self, node: Node, bits: int, name: Name) -> Value:
        a, b = self._both(node, bits, name)
        return _fitted(f"({a.text} - {b.text})", a.low - b.high, a.high - b.low, bits)

    def _make_mul(self, node: Node, bits: int, name: Name) -> Value:
        a, b = self._both(node, bits, name)
        products = [x * y for x in a[1:] for y in b[1:]]
        return _fitted(f"({a.text} * {b.text})", min(products), max(products), bits)

    def _make_neg(self, node: Node, bits: int, name: Name) -> Value:
        self._room(node.beside[0])
        a = self.fetch(node.beside[0], bits, "any", name)
        return _fitted(f"(-{a.text})", -a.high, -a.low, bits)

    def _make_pos(self, node: Node, bits: int, name: Name) -> Value:
        return self.fetch(node.along[0], bits, "any", name)

    def _make_not(self, node: Node, bits: int, name: Name) -> Value:
        a = self.fetch(node.along[0], bits, "any", name)
        mask = (1 << node.width) - 1
        if a.within(0, mask) and node.width < bits:
            return Value(f"({a.text} ^ {literal(mask)})", 0, mask)
        return Value(f"(~{a.text})", ~a.high, ~a.low)

    def _make_and(self, node: Node, bits: int, name: Name) -> Value:
        a, b = self._both(node, bits, name)
        text = f"({a.text} & {b.text})"
        tops = [value.high for value in (a, b) if value.low >= 0]
        return Value(text, 0, min(tops)) if tops else Value(text, *_spanned(a, b))

    def _make_or(self, node: Node, bits: int, name: Name) -> Value:
        a, b = self._both(node, bits, name)
        return Value(f"({a.text} | {b.text})", *_spanned(a, b))

    def _make_xor(self, node: Node, bits: int, name: Name) -> Value:
        a, b = self._both(node, bits, name)
        return Value(f"({a.text} ^ {b.text})", *_spanned(a, b))

    def _make_xnor(self, node: Node, bits: int, name: Name) -> Value:
        a, b = self._both(node, bits, name)
        mask = (1 << node.width) - 1
        if min(a.low, b.low) >= 0 and node.width < bits:
            return Value(f"(({a.text} ^ {b.text} ^ {literal(mask)}) & {literal(mask)})", 0, mask)
        return Value(f"(~({a.text} ^ {b.text}))", *FULL[bits])

    def _make_mux(self, node: Node, bits: int, name: Name) -> Value:
        a, b = self._both(node, bits, name)
        text = self._chosen(node.beside[0], b.text, a.text, bits, name)
        return Value(text, min(a.low, b.low), max(a.high, b.high))

    def _chosen(self, test: Operand, then: str, other: str, bits: int, name: Name) -> str:
        condition = self.test(test, name)
        if self._scalar(test):
            return masked(condition, then, other, bits)
        return f"({condition} ? {then} : {other})"

    def _make_pmux(self, node: Node, bits: int, name: Name) -> Value:
        values = [self.fetch(operand, bits, "any", name) for operand in node.along]
        if all(value.low >= 0 or value.low == value.high for value in values):
            values = [self.fetch(operand, bits, "any", name, False) for operand in node.along]
        text = values[0].text
        for test, value in reversed(list(zip(node.beside, values[1:], strict=True))):
            text = self._chosen(test, value.text, text, bits, name)
        return Value(text, min(v.low for v in values), max(v.high for v in values))

    def _groups(self, operand: Operand, name: Name) -> list[tuple[Value, int, int]]:
        """Return an operand in pieces that can be tested: value, width and container of each."""
        width, found = size(operand), []
        for low in range(0, width, LARGEST):
            part = piece(operand, low, min(low + LARGEST, width))
            bits = self._room(part)
            value = self.fetch(part, bits, "any", name)
            found.append((value, size(part), bits))
        return found

    def _nonzero(self, operand: Operand, name: Name) -> str:
        texts = []
        for value, width, bits in self._groups(operand, name):
            if width < bits and not value.within(-(1 << width - 1), (1 << width) - 1):
                value = _fixed(value, width, bits, "zero")
            texts.append(f"({value.text} != 0)")
        return f"({' | '.join(texts)})"

    def _make_any(self, node: Node, bits: int, name: Name) -> Value:
        return _truth(self._nonzero(node.beside[0], name))

    def _make_none(self, node: Node, bits: int, name: Name) -> Value:
        return _truth(f"({self._nonzero(node.beside[0], name)} == 0)")

    def _make_all(self, node: Node, bits: int, name: Name) -> Value:
        texts = []
        for value, width, bits in self._groups(node.beside[0], name):
            inverse = _fixed(
                Value(f"(~{value.text})", ~value.high, ~value.low), width, bits, "zero"
            )
            texts.append(f"({inverse.text} == 0)")
        return _truth(f"({' & '.join(texts)})")

    def _parity(self, node: Node, name: Name) -> str:
        groups = self._groups(node.beside[0], name)
        texts = [_fixed(v, w, bits, "zero").text for v, w, bits in groups]
        return f"parity({' ^ '.join(f'(uint64_t){text}' for text in texts)})"

    def _make_odd(self, node: Node, bits: int, name: Name) -> Value:
        return _truth(self._parity(node, name))

    def _make_even(self, node: Node, bits: int, name: Name) -> Value:
        return _truth(f"({self._parity(node, name)} ^ 1)")

    def _make_both(self, node: Node, bits: int, name: Name) -> Value:
        return _truth(f"({' & '.join(self._nonzero(o, name) for o in node.beside)})")

    def _make_either(self, node: Node, bits: int, name: Name) -> Value:
        return _truth(f"({' | '.join(self._nonzero(o, name) for o in node.beside)})")

    def _equal(self, node: Node, name: Name) -> str:
        texts = []
        a, b = node.beside
        for low in range(0, size(a), LARGEST):
            high = min(low + LARGEST, size(a))
            texts.append(self._equal_pieces(piece(a, low, high), piece(b, low, high), name))
        return f"({' & '.join(texts)})"

    def _equal_pieces(self, a: Operand, b: Operand, name: Name) -> str:
        bits, width = self._room(a, b), size(a)
        for need in ("sign", "zero"):
            span = _signed(width) if need == "sign" else (0, (1 << width) - 1)
            x, y = (self.fetch(o, bits, "any", name, need == "sign") for o in (a, b))
            if (x.within(*span) and y.within(*span)) or width == bits:
                return f"({x.text} == {y.text})"
        mask = literal((1 << width) - 1)
        return f"((({x.text} ^ {y.text}) & {mask}) == 0)"

    def _make_eq(self, node: Node, bits: int, name: Name) -> Value:
        return _truth(self._equal(node, name))

    def _make_ne(self, node: Node, bits: int, name: Name) -> Value:
        return _truth(f"({self._equal(node, name)} ^ 1)")

    def _order(self, node: Node, sign: str, name: Name) -> Value:
        bits = self._room(*node.beside, spare=not node.signed)
        need = "sign" if node.signed else "zero"
        a, b = (self.fetch(operand, bits, need, name).text for operand in node.beside)
        if not node.signed and size(node.beside[0]) == bits:
            a, b = f"(uint64_t){a}", f"(uint64_t){b}"
        return _truth(f"({a} {sign} {b})")

    def _make_lt(self, node: Node, bits: int, name: Name) -> Value:
        return self._order(node, "<", name)

    def _make_le(self, node: Node, bits: int, name: Name) -> Value:
        return self._order(node, "<=", name)

    def _make_gt(self, node: Node, bits: int, name: Name) -> Value:
        return self._order(node, ">", name)

    def _make_ge(self, node: Node, bits: int, name: Name) -> Value:
        return self._order(node, ">=", name)

    def _taken(self, node: Node, name: Name, sign: str, amount: str) -> Value:
        """Return the bits of an operand that lie some bits above where this word starts."""
        operand = node.beside[0]
        words = []
        for low in range(0, size(operand), LARGEST):
            part = piece(operand, low, min(low + LARGEST, size(operand)))
            words.append(f"(uint64_t){self.fetch(part, 64, 'zero', name).text}")
        array = f"((const uint64_t[]){{{', '.join(words)}}})"
        return Value(f"bits_at({array}, {size(operand)}, {node.low}, {sign}({amount}))", *FULL[64])

    def _amount(self, operand: Operand, need: str, name: Name) -> Value:
        """Return the amount of a shift."""
        if size(operand) >= LARGEST:
            raise BittrueError(
                f"a shift must be by fewer than {LARGEST} bits of amount, got {size(operand)}"
            )
        return self.fetch(operand, 64, need, name)

    def _make_left(self, node: Node, bits: int, name: Name) -> Value:
        amount = self._amount(node.beside[1], "zero", name)
        return self._taken(node, name, "-", amount.text)

    def _make_right(self, node: Node, bits: int, name: Name) -> Value:
        amount = self._amount(node.beside[1], "zero", name)
        return self._taken(node, name, "", amount.text)

    def _make_shift(self, node: Node, bits: int, name: Name) -> Value:
        amount = self._amount(node.beside[1], "sign", name)
        return self._taken(node, name, "", amount.text)

    def _make_sright(self, node: Node, bits: int, name: Name) -> Value:
        self._room(node.beside[0])
        amount = self._amount(node.beside[1], "zero", name).text
        a = self.fetch(node.beside[0], 64, "sign", name).text
        return Value(
            f"(({a} >> ((uint64_t){amount} < 63 ? {amount} : 63)) >> {node.low})", *FULL[64]
        )

    def _make_choose(self, node: Node, bits: int, name: Name) -> Value:
        a, chosen = node.beside
        width = size(a) >> size(chosen)
        amount = self._amount(chosen, "zero", name)
        return self._taken(node, name, "", f"{amount.text} * {width}")


def masked(condition: str, then: str, other: str, bits: int) -> str:
    """Return a choice, by a condition that all lanes share, that compilers make no branch of."""
    mask = f"(-(int{bits}_t)({condition}))"
    kept = [f"({then} & {mask})"] if then != "0" else []
    kept += [f"({other} & ~{mask})"] if other != "0" else []
    return f"({' | '.join(kept) or '0'})"


def storage(width: int) -> int:
    """Return the bits of the smallest integer type that a memory's words fit."""
    return next(bits for bits in (8, 16, 32, 64) if width <= bits)


def _truth(text: str) -> Value:
    return Value(text, 0, 1)


def _spanned(a: Value, b: Value) -> tuple[int, int]:
    """Return the range of a bitwise operation of two values."""
    largest = max(a.high, b.high, ~a.low if a.low < 0 else 0, ~b.low if b.low < 0 else 0)
    top = (1 << largest.bit_length()) - 1
    return (~top if min(a.low, b.low) < 0 else 0), top


def _level(width: int, bits: int, low: int, high: int) -> tuple[int, int]:
    """Return the narrowest kind of range for words of a width that holds a range."""
    half = 1 << width - 1
    kinds = [(0, half - 1), (-half, half - 1), (0, 2 * half - 1), (-half, 2 * half - 1)]
    for kind in kinds:
        if kind[0] <= low and high <= kind[1] and kind[1] <= FULL[bits][1]:
            return kind
    return FULL[bits]
