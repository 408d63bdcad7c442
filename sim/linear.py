"""Words as sums: whether two are the same one, in whatever order and width they were added up."""

from collections.abc import Mapping
from typing import NamedTuple

from .terms import Term, mask, signed

Ranges = Mapping[Term, tuple[int, int]]
"""Smallest and largest signed value of variables."""


class Atom(NamedTuple):
    """What is added up: a word, read with or without a sign."""

    term: Term
    is_signed: bool


class Sum(NamedTuple):
    """An integer: a constant and multiples of atoms.

    Members
    -------
    constant : int
        What is added to the rest.
    factors : mapping from Atom to int
        None of them 0.
    low, high : int
        Between which it lies.
    """

    constant: int
    factors: Mapping[Atom, int]
    low: int
    high: int

    def times(self, factor: int) -> "Sum":
        """Return a multiple."""
        ends = sorted((self.low * factor, self.high * factor))
        factors = {atom: n * factor for atom, n in self.factors.items() if factor}
        return Sum(self.constant * factor, factors, *ends)

    def plus(self, other: "Sum") -> "Sum":
        """Return the sum of two."""
        factors = dict(self.factors)
        for atom, n in other.factors.items():
            factors[atom] = factors.get(atom, 0) + n
        return Sum(
            self.constant + other.constant,
            {atom: n for atom, n in factors.items() if n},
            self.low + other.low,
            self.high + other.high,
        )


def same_sum(a: Term, b: Term, ranges: Ranges) -> bool:
    """Tell whether two words are the same sum of the same words; False says nothing."""
    found: dict[Term, Sum] = {}
    one, other = _sum_of(a, ranges, found), _sum_of(b, ranges, found)
    return (one.constant, one.factors) == (other.constant, other.factors)


def _sum_of(root: Term, ranges: Ranges, found: dict[Term, Sum]) -> Sum:
    """Return the signed value of a word; terms that are deep are taken one after the other."""
    waiting = [root]
    while waiting:
        term = waiting[-1]
        missing = [arg for arg in _summands(term) if arg not in found]
        if missing:
            waiting += missing
        else:
            found[term] = _checked(term, ranges, found)
            waiting.pop()
    return found[root]


def _summands(term: Term) -> tuple[Term, ...]:
    if term.op in ("add", "sub", "sext") or (term.op == "slice" and term.value == 0):
        return term.args
    if term.op in ("shl", "mul") and term.args[1].constant is not None:
        return term.args[:1]
    if _is_raised(term):
        return term.args[1:]
    return ()


def _is_raised(term: Term) -> bool:
    """Tell whether a word is another with zeros below it."""
    return term.op == "concat" and len(term.args) == 2 and term.args[0].constant == 0


def _checked(term: Term, ranges: Ranges, found: Mapping[Term, Sum]) -> Sum:
    """Return a word as a sum, or as an atom where the sum may wrap around."""
    total = _added(term, found)
    limit = 1 << (term.width - 1)
    if total is not None and -limit <= total.low and total.high < limit:
        return total
    return _atom(term, ranges)


def _added(term: Term, found: Mapping[Term, Sum]) -> Sum | None:
    if term.constant is not None:
        value = signed(term.constant, term.width)
        return Sum(value, {}, value, value)
    args = [found[arg] for arg in _summands(term)]
    match term.op:
        case "add":
            return args[0].plus(args[1])
        case "sub":
            return args[0].plus(args[1].times(-1))
        case "sext":
            return args[0]
        case "slice" if args:
            return args[0]
        case "shl" if args:
            return args[0].times(1 << int(term.args[1].value))
        case "mul" if args:
            return args[0].times(signed(int(term.args[1].value), term.width))
        case "concat" if args:
            return args[0].times(1 << term.args[0].width)
    return None


def _atom(term: Term, ranges: Ranges) -> Sum:
    if term.op == "concat" and len(term.args) == 2 and term.args[1].constant == 0:
        inner = term.args[0]
        return Sum(0, {Atom(inner, is_signed=False): 1}, 0, mask(inner.width))
    limit = 1 << (term.width - 1)
    low, high = ranges.get(term, (-limit, limit - 1))
    return Sum(0, {Atom(term, is_signed=True): 1}, low, high)
