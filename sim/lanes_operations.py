"""C expressions of all kinds of words."""

from bittrue.model.exceptions import BittrueError

from .lanes_netlist import LARGEST, Node, Operand
from .lanes_ranges import (
    FULL,
    Value,
    fitted,
    fixed,
    literal,
    masked,
    piece,
    signed_range,
    size,
    spanned,
    truth,
)
from .lanes_values import Name, Operands


class Words(Operands):
    """Expressions of a netlist's words; see `Operands`."""

    def compute(self, number: int, name: Name) -> Value:
        """Return what a combinational word is.

        Raises
        ------
        BittrueError
            If it is wider than can be computed.
        """
        node = self.netlist.nodes[number]
        made: Value = getattr(self, f"_make_{node.kind}")(node, self.bits(number), name)
        return fitted(made.text, made.low, made.high, self.bits(number))

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
        return fitted(f"({a.text} + {b.text})", a.low + b.low, a.high + b.high, bits)

    def _make_sub(self, node: Node, bits: int, name: Name) -> Value:
        a, b = self._both(node, bits, name)
        return fitted(f"({a.text} - {b.text})", a.low - b.high, a.high - b.low, bits)

    def _make_mul(self, node: Node, bits: int, name: Name) -> Value:
        a, b = self._both(node, bits, name)
        products = [x * y for x in a[1:] for y in b[1:]]
        return fitted(f"({a.text} * {b.text})", min(products), max(products), bits)

    def _make_neg(self, node: Node, bits: int, name: Name) -> Value:
        self._room(node.beside[0])
        a = self.fetch(node.beside[0], bits, "any", name)
        return fitted(f"(-{a.text})", -a.high, -a.low, bits)

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
        return Value(text, 0, min(tops)) if tops else Value(text, *spanned(a, b))

    def _make_or(self, node: Node, bits: int, name: Name) -> Value:
        a, b = self._both(node, bits, name)
        return Value(f"({a.text} | {b.text})", *spanned(a, b))

    def _make_xor(self, node: Node, bits: int, name: Name) -> Value:
        a, b = self._both(node, bits, name)
        return Value(f"({a.text} ^ {b.text})", *spanned(a, b))

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
                value = fixed(value, width, bits, "zero")
            texts.append(f"({value.text} != 0)")
        return f"({' | '.join(texts)})"

    def _make_any(self, node: Node, bits: int, name: Name) -> Value:
        return truth(self._nonzero(node.beside[0], name))

    def _make_none(self, node: Node, bits: int, name: Name) -> Value:
        return truth(f"({self._nonzero(node.beside[0], name)} == 0)")

    def _make_all(self, node: Node, bits: int, name: Name) -> Value:
        texts = []
        for value, width, bits in self._groups(node.beside[0], name):
            inverse = fixed(Value(f"(~{value.text})", ~value.high, ~value.low), width, bits, "zero")
            texts.append(f"({inverse.text} == 0)")
        return truth(f"({' & '.join(texts)})")

    def _parity(self, node: Node, name: Name) -> str:
        groups = self._groups(node.beside[0], name)
        texts = [fixed(v, w, bits, "zero").text for v, w, bits in groups]
        return f"parity({' ^ '.join(f'(uint64_t){text}' for text in texts)})"

    def _make_odd(self, node: Node, bits: int, name: Name) -> Value:
        return truth(self._parity(node, name))

    def _make_even(self, node: Node, bits: int, name: Name) -> Value:
        return truth(f"({self._parity(node, name)} ^ 1)")

    def _make_both(self, node: Node, bits: int, name: Name) -> Value:
        return truth(f"({' & '.join(self._nonzero(o, name) for o in node.beside)})")

    def _make_either(self, node: Node, bits: int, name: Name) -> Value:
        return truth(f"({' | '.join(self._nonzero(o, name) for o in node.beside)})")

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
            span = signed_range(width) if need == "sign" else (0, (1 << width) - 1)
            x, y = (self.fetch(o, bits, "any", name, need == "sign") for o in (a, b))
            if (x.within(*span) and y.within(*span)) or width == bits:
                return f"({x.text} == {y.text})"
        mask = literal((1 << width) - 1)
        return f"((({x.text} ^ {y.text}) & {mask}) == 0)"

    def _make_eq(self, node: Node, bits: int, name: Name) -> Value:
        return truth(self._equal(node, name))

    def _make_ne(self, node: Node, bits: int, name: Name) -> Value:
        return truth(f"({self._equal(node, name)} ^ 1)")

    def _order(self, node: Node, sign: str, name: Name) -> Value:
        bits = self._room(*node.beside, spare=not node.signed)
        need = "sign" if node.signed else "zero"
        a, b = (self.fetch(operand, bits, need, name).text for operand in node.beside)
        if not node.signed and size(node.beside[0]) == bits:
            a, b = f"(uint64_t){a}", f"(uint64_t){b}"
        return truth(f"({a} {sign} {b})")

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
