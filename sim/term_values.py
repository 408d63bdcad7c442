"""Values of terms, for many assignments of their variables at once."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .terms import COMPARISONS, Term, below

Values = npt.NDArray[Any]
WORD = 64


def values_of(roots: Iterable[Term], assigned: Mapping[Term, Values]) -> dict[Term, Values]:
    """Return the unsigned values of terms and of all below them.

    Parameters
    ----------
    roots : iterable of Term
        What is wanted.
    assigned : mapping from Term to array, shape (samples,)
        Values of variables, or of any other terms: what lies below those is not computed.
    """
    found: dict[Term, Values] = {}
    count = len(next(iter(assigned.values()))) if assigned else 1
    for term in _order(roots, assigned):
        if term in assigned:
            found[term] = _typed(assigned[term], term.width)
        elif term.op == "const":
            found[term] = _typed(np.full(count, term.value, dtype=object), term.width)
        else:
            found[term] = _computed(term, [found[arg] for arg in term.args])
    return found


def _order(roots: Iterable[Term], assigned: Mapping[Term, Values]) -> list[Term]:
    seen: dict[int, Term] = {}
    waiting = list(roots)
    while waiting:
        term = waiting.pop()
        if term.number in seen:
            continue
        seen[term.number] = term
        if term not in assigned:
            waiting.extend(term.args)
    return [seen[number] for number in sorted(seen)]


def _typed(values: Values, width: int) -> Values:
    """Return values as machine words where they fit."""
    return values.astype(np.uint64 if width <= WORD else object)


def _cut(values: Values, width: int) -> Values:
    if values.dtype == object:
        return _typed(values & ((1 << width) - 1), width)
    return values if width >= WORD else values & np.uint64((1 << width) - 1)


def _computed(term: Term, args: list[Values]) -> Values:
    """Return the values of one operation."""
    if any(arg.width > WORD for arg in term.args) or term.width > WORD:
        args = [arg.astype(object) for arg in args]
        return _typed(_exact(term, args), term.width)
    return _typed(_exact(term, args), term.width)


def _exact(term: Term, args: list[Values]) -> Values:
    width, wide = term.args[0].width, args[0].dtype == object
    match term.op:
        case "not":
            return _cut(~args[0], width)
        case "ite":
            return np.where(args[0] != 0, args[1], args[2])
        case "slice":
            return _cut(args[0] >> _one(int(term.value), wide), term.width)
        case "concat":
            return _joined(term, args, wide)
        case "sext":
            extended = _signed(args[0], width)
            return _cut(extended if wide else extended.astype(np.uint64), term.width)
        case "add":
            return _cut(args[0] + args[1], width)
        case "sub":
            return _cut(args[0] - args[1], width)
        case "mul":
            return _cut(args[0] * args[1], width)
        case "and":
            return args[0] & args[1]
        case "or":
            return args[0] | args[1]
        case "xor":
            return args[0] ^ args[1]
    if term.op in COMPARISONS:
        return _compared(term.op, args, width)
    return _shifted(term.op, args, width, wide)


def _one(value: int, wide: bool) -> Any:
    return value if wide else np.uint64(value)


def _joined(term: Term, args: list[Values], wide: bool) -> Values:
    total, low = args[0], term.args[0].width
    for part, values in zip(term.args[1:], args[1:], strict=True):
        total = total | (values << _one(low, wide))
        low += part.width
    return total


def _signed(values: Values, width: int) -> Values:
    """Return values read as two's complement, as int64 or as Python's integers."""
    if values.dtype == object:
        sign = 1 << (width - 1)
        return (values ^ sign) - sign
    up = WORD - width
    return (values << np.uint64(up)).astype(np.int64) >> np.int64(up)


def _compared(op: str, args: list[Values], width: int) -> Values:
    if op == "slt":
        args = [_signed(arg, width) for arg in args]
    compared: Values = args[0] == args[1] if op == "eq" else args[0] < args[1]
    return compared


def _shifted(op: str, args: list[Values], width: int, wide: bool) -> Values:
    if wide:
        by = np.array([min(int(shift), width) for shift in args[1]], dtype=object)
    else:
        by = np.minimum(args[1], np.uint64(min(width, WORD - 1)))
    over = args[1] >= width
    match op:
        case "shl":
            return np.where(over, 0 if wide else np.uint64(0), _cut(args[0] << by, width))
        case "lshr":
            return np.where(over, 0 if wide else np.uint64(0), args[0] >> by)
    values = _signed(args[0], width) >> (by if wide else by.astype(np.int64))
    return _cut(values if wide else values.astype(np.uint64), width)


def variables(roots: Iterable[Term]) -> list[Term]:
    """Return the variables that terms are computed from."""
    return [term for term in below(roots) if term.op == "var"]


def value_of(term: Term, values: Mapping[str, int]) -> int:
    """Return a term's unsigned value for values of the variables, 0 where not given."""
    given = {v: np.array([values.get(str(v.value), 0)], dtype=object) for v in variables([term])}
    return int(values_of([term], given)[term][0])
