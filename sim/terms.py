"""Words as terms: what a bit-vector is computed from, each term made once and constants folded."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple


class Term:
    """A bit-vector.

    Members
    -------
    op : str
        ``const``, ``var``, or one of the operations of `Terms`.
    width : int
        Bits.
    args : tuple of Term
        What it is computed from.
    value : int or str
        Of a constant, its unsigned value; of a variable, its name; of a slice, its lowest bit.
    number : int
        In order of making: a term's is above those of its arguments.
    """

    __slots__ = ("args", "number", "op", "value", "width")

    def __init__(
        self, op: str, width: int, args: tuple["Term", ...], value: int | str, number: int
    ) -> None:
        self.op, self.width, self.args, self.value, self.number = op, width, args, value, number

    def __repr__(self) -> str:
        inside = ", ".join(f"#{arg.number}" for arg in self.args)
        return f"#{self.number}: {self.op}[{self.width}]({inside}; {self.value})"

    @property
    def constant(self) -> int | None:
        """Unsigned value of a constant, None of anything else."""
        return int(self.value) if self.op == "const" else None


class _Piece(NamedTuple):
    """Part of a word: bits from ``low`` on of a term."""

    term: Term
    low: int
    width: int


def mask(width: int) -> int:
    """Return the largest unsigned value of a width."""
    return (1 << width) - 1


def signed(value: int, width: int) -> int:
    """Return an unsigned value read as two's complement."""
    return value - (1 << width) if value >> (width - 1) & 1 else value


FOLDED: dict[str, Callable[[int, int, int], int]] = {
    "and": lambda a, b, w: a & b,
    "or": lambda a, b, w: a | b,
    "xor": lambda a, b, w: a ^ b,
    "add": lambda a, b, w: (a + b) & mask(w),
    "sub": lambda a, b, w: (a - b) & mask(w),
    "mul": lambda a, b, w: (a * b) & mask(w),
    "eq": lambda a, b, w: int(a == b),
    "ult": lambda a, b, w: int(a < b),
    "slt": lambda a, b, w: int(signed(a, w) < signed(b, w)),
    "shl": lambda a, b, w: (a << b) & mask(w) if b < w else 0,
    "lshr": lambda a, b, w: a >> b if b < w else 0,
    "ashr": lambda a, b, w: (signed(a, w) >> min(b, w)) & mask(w),
}
"""Operations of two words of one width on unsigned values; comparisons give one bit."""

COMPARISONS = ("eq", "ult", "slt")
COMMUTATIVE = ("and", "or", "xor", "add", "mul", "eq")


class Terms:
    """All terms of one proof; equal ones are one object.

    Nothing is simplified but constants, slices of what was joined, and choices that are no
    choice: rewriting further would take products apart that two sides have in common.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], Term] = {}

    def __len__(self) -> int:
        return len(self._made)

    def _term(self, op: str, width: int, args: tuple[Term, ...] = (), value: int | str = 0) -> Term:
        key = (op, width, value, *[arg.number for arg in args])
        term = self._made.get(key)
        if term is None:
            term = self._made[key] = Term(op, width, args, value, len(self._made))
        return term

    def const(self, value: int, width: int) -> Term:
        """Return a constant, taken modulo its width."""
        return self._term("const", width, (), value & mask(width))

    def var(self, name: str, width: int) -> Term:
        """Return a variable; one name has one width."""
        return self._term("var", width, (), name)

    def binary(self, op: str, a: Term, b: Term) -> Term:
        """Return one of the operations of `FOLDED` on two words of one width."""
        x, y = a.constant, b.constant
        width = 1 if op in COMPARISONS else a.width
        if x is not None and y is not None:
            return self.const(FOLDED[op](x, y, a.width), width)
        if op in COMMUTATIVE and (x is not None or (y is None and a.number > b.number)):
            a, b, x, y = b, a, y, x
        kept = self._absorbed(op, a, y)
        if kept is not None:
            return kept
        if a is b and op in ("eq", "ult", "slt", "xor", "sub"):
            return self.const(int(op == "eq"), width)
        return self._term(op, width, (a, b))

    def _absorbed(self, op: str, a: Term, y: int | None) -> Term | None:
        """Return the result where a constant on the right decides, or changes nothing."""
        if y == 0 and op in ("or", "xor", "add", "sub", "shl", "lshr", "ashr"):
            return a
        if y == 0 and op in ("and", "mul", "ult"):
            return self.const(0, 1 if op == "ult" else a.width)
        if y == mask(a.width) and op == "and":
            return a
        if y == mask(a.width) and op == "or":
            return self.const(y, a.width)
        if op == "eq" and a.width == 1 and y is not None:
            return a if y else self.not_(a)
        return None

    def not_(self, a: Term) -> Term:
        """Return all bits inverted."""
        if a.constant is not None:
            return self.const(~a.constant, a.width)
        return a.args[0] if a.op == "not" else self._term("not", a.width, (a,))

    def ite(self, chosen: Term, a: Term, b: Term) -> Term:
        """Return ``a`` where the bit is set, else ``b``."""
        if chosen.constant is not None:
            return a if chosen.constant else b
        return a if a is b else self._term("ite", a.width, (chosen, a, b))

    def any(self, a: Term) -> Term:
        """Return whether a bit is set."""
        return a if a.width == 1 else self.not_(self.binary("eq", a, self.const(0, a.width)))

    def all(self, a: Term) -> Term:
        """Return whether all bits are set."""
        return self.binary("eq", a, self.const(-1, a.width))

    def odd(self, a: Term) -> Term:
        """Return whether an odd number of bits is set."""
        parity = self.slice(a, 0, 1)
        for n in range(1, a.width):
            parity = self.binary("xor", parity, self.slice(a, n, 1))
        return parity

    def slice(self, a: Term, low: int, width: int) -> Term:
        """Return some bits of a word."""
        if width == a.width:
            return a
        if a.constant is not None:
            return self.const(a.constant >> low, width)
        if a.op == "slice":
            return self.slice(a.args[0], int(a.value) + low, width)
        if a.op == "concat":
            return self._within(a.args, low, width)
        if a.op == "sext":
            inner = a.args[0]
            first = min(low, inner.width - 1)
            real = min(width, inner.width - first)
            return self.sext(self.slice(inner, first, real), width)
        return self._term("slice", width, (a,), low)

    def _within(self, parts: Sequence[Term], low: int, width: int) -> Term:
        """Return some bits of parts side by side, the lowest first."""
        taken, start = [], 0
        for part in parts:
            first, last = max(low, start), min(low + width, start + part.width)
            if first < last:
                taken.append(self.slice(part, first - start, last - first))
            start += part.width
        return self.concat(taken)

    def concat(self, parts: Iterable[Term]) -> Term:
        """Return words side by side, the lowest first."""
        joined: list[Term] = []
        for part in self._flat(parts):
            together = self._joined(joined[-1], part) if joined else None
            if together is None:
                joined.append(part)
            else:
                joined[-1] = together
        if not joined:
            return self.const(0, 0)
        if len(joined) == 1:
            return joined[0]
        return self._term("concat", sum(part.width for part in joined), tuple(joined))

    def _flat(self, parts: Iterable[Term]) -> Iterable[Term]:
        for part in parts:
            if part.op == "concat":
                yield from part.args
            elif part.width:
                yield part

    def _joined(self, a: Term, b: Term) -> Term | None:
        """Return two neighbours as one: constants, bits in a row, or a word and its sign."""
        if a.constant is not None and b.constant is not None:
            return self.const(a.constant | b.constant << a.width, a.width + b.width)
        sign = b.args[0] if b.op == "sext" and b.args[0].width == 1 else b
        lower, upper = _piece(a), _piece(b)
        if lower.term is upper.term and lower.low + lower.width == upper.low:
            return self.slice(lower.term, lower.low, lower.width + upper.width)
        signs = a.args[0] if a.op == "sext" else a
        top = _piece(signs)
        if _piece(sign) == (top.term, top.low + top.width - 1, 1) and signs is not sign:
            return self.sext(signs, a.width + b.width)
        return None

    def sext(self, a: Term, width: int) -> Term:
        """Return a word with its sign copied up to a width, or cut to it."""
        if width <= a.width:
            return self.slice(a, 0, width)
        if a.constant is not None:
            return self.const(signed(a.constant, a.width), width)
        if a.op == "concat" and a.args[-1].constant is not None:
            top = a.args[-1]
            return self.concat([*a.args[:-1], self.sext(top, top.width + width - a.width)])
        return self._term("sext", width, (a.args[0] if a.op == "sext" else a,))

    def zext(self, a: Term, width: int) -> Term:
        """Return a word with zeros on top up to a width, or cut to it."""
        if width <= a.width:
            return self.slice(a, 0, width)
        return self.concat([a, self.const(0, width - a.width)])

    def extend(self, a: Term, width: int, is_signed: bool) -> Term:
        """Return a word widened, as its sign has it."""
        return self.sext(a, width) if is_signed else self.zext(a, width)

    def rebuilt(self, term: Term, args: Sequence[Term]) -> Term:
        """Return a term's operation on other arguments."""
        match term.op:
            case "const" | "var":
                return term
            case "not":
                return self.not_(args[0])
            case "ite":
                return self.ite(args[0], args[1], args[2])
            case "slice":
                return self.slice(args[0], int(term.value), term.width)
            case "concat":
                return self.concat(args)
            case "sext":
                return self.sext(args[0], term.width)
        return self.binary(term.op, args[0], args[1])


def _piece(term: Term) -> _Piece:
    if term.op == "slice":
        return _Piece(term.args[0], int(term.value), term.width)
    return _Piece(term, 0, term.width)


def below(roots: Iterable[Term]) -> list[Term]:
    """Return all terms that some are computed from, and these, arguments before what uses them."""
    seen: dict[int, Term] = {}
    waiting = list(roots)
    while waiting:
        term = waiting.pop()
        if term.number not in seen:
            seen[term.number] = term
            waiting.extend(term.args)
    return [seen[number] for number in sorted(seen)]
