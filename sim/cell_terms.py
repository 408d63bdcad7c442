"""What each cell of a Yosys netlist computes, as terms."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from bittrue.model.exceptions import BittrueError

from .terms import Term, Terms


class Cell(NamedTuple):
    """A combinational cell's type, parameters and operands.

    Members
    -------
    kind : str
        Yosys' name.
    numbers : mapping from str to int
        Its parameters.
    operands : mapping from str to Term
        By port.
    """

    kind: str
    numbers: Mapping[str, int]
    operands: Mapping[str, Term]

    @property
    def signed(self) -> bool:
        """Whether operands are read as two's complement: both, or the only one."""
        return bool(self.numbers.get("A_SIGNED")) and bool(self.numbers.get("B_SIGNED", 1))

    @property
    def width(self) -> int:
        """Bits of the result."""
        return self.numbers.get("Y_WIDTH", self.numbers.get("WIDTH", 1))


Maker = Callable[[Terms, Cell], Term]

ARITHMETIC = {"$add": "add", "$sub": "sub", "$mul": "mul"}
BITWISE = {"$and": "and", "$or": "or", "$xor": "xor"}
SHIFTS = {"$shl": "shl", "$sshl": "shl", "$shr": "lshr", "$sshr": "ashr"}


def term_of(terms: Terms, cell: Cell) -> Term:
    """Return what a cell gives.

    Raises
    ------
    BittrueError
        If it is of a type that no component of ours becomes.
    """
    maker = MAKERS.get(cell.kind)
    if maker is None:
        raise BittrueError(f"a cell must be one of {', '.join(sorted(MAKERS))}, got {cell.kind}")
    return maker(terms, cell)


def _both(terms: Terms, cell: Cell, width: int) -> tuple[Term, Term]:
    a, b = cell.operands["A"], cell.operands["B"]
    return terms.extend(a, width, cell.signed), terms.extend(b, width, cell.signed)


def _two(op: str) -> Maker:
    return lambda terms, cell: terms.binary(op, *_both(terms, cell, cell.width))


def _shift(op: str) -> Maker:
    def make(terms: Terms, cell: Cell) -> Term:
        by = cell.operands["B"]
        is_signed = bool(cell.numbers["A_SIGNED"])
        width = max(cell.width, cell.operands["A"].width)
        moved = terms.extend(cell.operands["A"], width, is_signed)
        chosen = "lshr" if op == "ashr" and not is_signed else op
        # the shift's own width may be larger; what comes in from above is not
        wide = max(width, by.width)
        moved = terms.extend(moved, wide, chosen == "ashr")
        shifted = terms.binary(chosen, moved, terms.zext(by, wide))
        return terms.slice(shifted, 0, cell.width)

    return make


def _compared(op: str, *, swapped: bool = False, inverted: bool = False) -> Maker:
    def make(terms: Terms, cell: Cell) -> Term:
        width = max(cell.operands["A"].width, cell.operands["B"].width)
        a, b = _both(terms, cell, width)
        if swapped:
            a, b = b, a
        chosen = "slt" if op == "ult" and cell.signed else op
        bit = terms.binary(chosen, a, b)
        return terms.zext(terms.not_(bit) if inverted else bit, cell.width)

    return make


def _reduced(reduce: Callable[[Terms, Term], Term]) -> Maker:
    return lambda terms, cell: terms.zext(reduce(terms, cell.operands["A"]), cell.width)


def _logic(op: str) -> Maker:
    def make(terms: Terms, cell: Cell) -> Term:
        bits = [terms.any(cell.operands[name]) for name in ("A", "B")]
        return terms.zext(terms.binary(op, *bits), cell.width)

    return make


def _mux(terms: Terms, cell: Cell) -> Term:
    return terms.ite(cell.operands["S"], cell.operands["B"], cell.operands["A"])


def _pmux(terms: Terms, cell: Cell) -> Term:
    """Return the choice of one of many; where no bit or one is set, which our netlists keep to."""
    chosen, words = cell.operands["S"], cell.operands["B"]
    result = cell.operands["A"]
    for n in reversed(range(chosen.width)):
        word = terms.slice(words, n * result.width, result.width)
        result = terms.ite(terms.slice(chosen, n, 1), word, result)
    return result


def _extended(terms: Terms, cell: Cell) -> Term:
    return terms.extend(cell.operands["A"], cell.width, bool(cell.numbers["A_SIGNED"]))


MAKERS: dict[str, Maker] = {
    **{kind: _two(op) for kind, op in (ARITHMETIC | BITWISE).items()},
    **{kind: _shift(op) for kind, op in SHIFTS.items()},
    "$xnor": lambda terms, cell: terms.not_(_two("xor")(terms, cell)),
    "$not": lambda terms, cell: terms.not_(_extended(terms, cell)),
    "$pos": _extended,
    "$neg": lambda terms, cell: terms.binary(
        "sub", terms.const(0, cell.width), _extended(terms, cell)
    ),
    "$eq": _compared("eq"),
    "$ne": _compared("eq", inverted=True),
    "$lt": _compared("ult"),
    "$gt": _compared("ult", swapped=True),
    "$ge": _compared("ult", inverted=True),
    "$le": _compared("ult", swapped=True, inverted=True),
    "$reduce_or": _reduced(Terms.any),
    "$reduce_bool": _reduced(Terms.any),
    "$reduce_and": _reduced(Terms.all),
    "$reduce_xor": _reduced(Terms.odd),
    "$logic_not": _reduced(lambda terms, a: terms.not_(terms.any(a))),
    "$logic_and": _logic("and"),
    "$logic_or": _logic("or"),
    "$mux": _mux,
    "$pmux": _pmux,
}
"""By Yosys' name."""
