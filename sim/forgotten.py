"""What proofs forget of words: proven ones, products and parities become variables.

That is sound: what holds for any value of a variable holds for that of the word. What is known of
a variable beside is where it lies.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from .term_values import Values, variables
from .terms import Term, Terms, below

Ends = tuple[int, int]
"""Smallest and largest value of a word."""

FEWEST_BITS = 3
"""Bits from which on a parity becomes a variable; a choice of inverting a bit has two."""


class _Operand(NamedTuple):
    """What a product is of: a word, read with or without a sign."""

    term: Term
    is_signed: bool


_Key = tuple[_Operand | int, ...]
"""Two operands, and the width of a product that may wrap."""


class Forgotten:
    """Variables in place of words of one proof.

    Parameters
    ----------
    terms : Terms
        Where terms are made.
    """

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._known: dict[Term, Term] = {}
        self._products: dict[_Key, Term] = {}
        self._parities: dict[Term, frozenset[Term]] = {}
        self._ranges: dict[Term, Ends] = {}

    def name(self, name: str, words: Sequence[Term], width: int, ends: Ends | None = None) -> None:
        """Let words that are proven equal be one variable from here on.

        Parameters
        ----------
        name : str
            What they are.
        words : sequence of Term
            Each is the last, widened as its sign has it.
        width : int
            Bits of the last.
        ends : (int, int), optional
            Values between which it lies; see `bits_within`.
        """
        names = [self._known[term] for term in words if term in self._known]
        word = self._terms.slice(names[0], 0, width) if names else words[-1]
        if not names and word.op not in ("const", "var"):
            bits = bits_within(width, ends)
            word = self._terms.var(f"word {len(self._known)}, {name}", bits)
            if ends is not None:
                self._ranges[word] = ends
            word = self._terms.slice(word, 0, width)
        for term in words:
            wide = self._terms.sext(word, term.width)
            if term.op not in ("const", "var"):
                self._known.setdefault(term, wide)
            if _is_widened(term) and term.args[0].op != "var":
                # widened further, it would be made of what is inside
                inner = term.args[0]
                self._known.setdefault(inner, self._terms.slice(wide, 0, inner.width))

    def over(self, roots: Sequence[Term], *, products: bool) -> list[Term]:
        """Return terms over proven words, and products, instead of what those come from."""
        made: dict[Term, Term] = {}
        for term in down_to(roots, self._known):
            if term in self._known:
                made[term] = self._known[term]
                continue
            made[term] = self._terms.rebuilt(term, [made[arg] for arg in term.args])
            if products and _is_product(made[term]):
                made[term] = self._product(made[term])
            elif products and term.op == "xor" and term.width == 1:
                made[term] = self._parity(made[term])
        return [made[root] for root in roots]

    def _product(self, term: Term) -> Term:
        """Return the variable that stands for a product, in whatever width it was worked out."""
        one, other = sorted(map(self._operand, term.args), key=lambda operand: operand.term.number)
        ends = [a * b for a in self._range(one) for b in self._range(other)]
        low, high = min(ends), max(ends)
        bits = 1 + max((~low if low < 0 else low).bit_length(), high.bit_length())
        key: _Key = (one, other)
        if bits > term.width:
            # it may wrap: then it is any word, and another one in another width
            bits, key = term.width, (one, other, term.width)
            low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
        if key not in self._products:
            word = self._terms.var(f"product {len(self._products)}", bits)
            self._products[key], self._ranges[word] = word, (low, high)
        return self._terms.sext(self._products[key], term.width)

    def _operand(self, term: Term) -> _Operand:
        """Return what was widened to an operand, and how."""
        if term.op == "sext":
            return _Operand(term.args[0], is_signed=True)
        if not _is_widened(term):
            return _Operand(term, is_signed=True)
        inner = term.args[0]
        if inner.op == "slice" and inner.value == 0:
            low, high = self._ranges.get(inner.args[0], (-1, 0))
            if low >= 0 and high < 1 << inner.width:
                return _Operand(inner.args[0], is_signed=True)
        return _Operand(inner, is_signed=False)

    def _range(self, operand: _Operand) -> tuple[int, int]:
        """Return the smallest and largest value of an operand."""
        limit = 1 << operand.term.width
        if not operand.is_signed:
            return 0, limit - 1
        return self._ranges.get(operand.term, (-limit // 2, limit // 2 - 1))

    def _parity(self, term: Term) -> Term:
        """Return what stands for a parity, in whatever order its bits were brought together."""
        if term.op != "xor":
            return term
        bits = frozenset[Term]()
        for arg in term.args:
            bits ^= self._parities.get(arg, frozenset([arg]))
        if len(bits) >= FEWEST_BITS:
            found = self._terms.var(f"parity {sorted(bit.number for bit in bits)}", 1)
        else:
            found = self._terms.const(0, 1)
            for bit in sorted(bits, key=lambda bit: bit.number):
                found = self._terms.binary("xor", bit, found)
        self._parities[found] = bits
        return found

    def ranges_of(self, sides: Sequence[Term]) -> dict[Term, tuple[int, int]]:
        """Return the ranges of variables that words come from."""
        return {term: self._ranges[term] for term in variables(sides) if term in self._ranges}

    def renamed(self, one: Term, other: Term) -> tuple[Term, Term]:
        """Return words over variables that are numbered, so that the same question is met again."""
        made: dict[Term, Term] = {}
        free = 0
        for term in below([one, other]):
            if term.op != "var":
                made[term] = self._terms.rebuilt(term, [made[arg] for arg in term.args])
                continue
            made[term] = self._terms.var(f"free {free}, {term.width} bits", term.width)
            if term in self._ranges:
                made[term] = self._terms.var(f"free {free}, {self._ranges[term]}", term.width)
                self._ranges[made[term]] = self._ranges[term]
            free += 1
        return made[one], made[other]

    def possible(self, assigned: Mapping[Term, Values]) -> dict[Term, Values]:
        """Return those assignments in which variables have values that they can have."""
        kept = [
            (words ^ np.uint64(1 << (term.width - 1))).astype(np.int64) - (1 << (term.width - 1))
            for term, words in assigned.items()
            if term in self._ranges
        ]
        ends = [self._ranges[term] for term in assigned if term in self._ranges]
        inside = [(low <= v) & (v <= high) for v, (low, high) in zip(kept, ends, strict=True)]
        if not inside:
            return dict(assigned)
        every = np.logical_and.reduce(inside)
        return {term: words[every] for term, words in assigned.items()}


def bits_within(width: int, ends: Ends | None) -> int:
    """Return the bits in which a word that lies between its ends is read with a sign."""
    return width + (ends is not None and ends[1] >= 1 << (width - 1))


def _is_product(term: Term) -> bool:
    """Tell whether a word is a product of two that are not known; others are multiples."""
    return term.op == "mul" and all(arg.constant is None for arg in term.args)


def _is_widened(term: Term) -> bool:
    """Tell whether a word is another with zeros above it."""
    return term.op == "concat" and len(term.args) == 2 and term.args[1].constant == 0


def down_to(roots: Sequence[Term], known: Collection[Term]) -> list[Term]:
    """Return the terms that roots need, down to words that are known, arguments first."""
    seen: dict[int, Term] = {}
    waiting = list(roots)
    while waiting:
        term = waiting.pop()
        if term.number not in seen:
            seen[term.number] = term
            if term not in known:
                waiting.extend(term.args)
    return [seen[number] for number in sorted(seen)]
