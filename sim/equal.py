"""Whether two sides compute the same words, decided from the inputs on, word by word.

Words are proven in the order in which they are computed. What is proven becomes a new variable in
both sides, so that the next word starts from it and not from the inputs; a product becomes a
variable that is shared where its operands are the same terms. Both forget something, which is
sound: what holds for any value of a variable holds for that of the word. A word that is not proven
so is asked about once more with nothing forgotten, before it is called different.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from bittrue.model.exceptions import BittrueError

from .forgotten import Forgotten, bits_within, down_to
from .linear import same_sum
from .solver import Solver
from .term_values import Values, values_of, variables
from .terms import Term, Terms, below, mask, signed

SAMPLES = 48
SMALL_SUPPORT = 17
"""Bits of variables up to which all values are tried instead of asking a solver."""


class Status(Enum):
    """What became of a claim."""

    PROVEN = "proven"
    REFUTED = "refuted"
    UNKNOWN = "unknown"


@dataclass
class Pair:
    """Two words that should be the same.

    Members
    -------
    name : str
        What they are.
    expected, actual : Term
        Of the specification, and of the hardware; ``actual`` is None for a word that the hardware
        need not have, but which is looked for in it.
    ends : (int, int) or None
        Values between which the word may be shown to lie, to be known of it from then on. Read as
        two's complement, but where the second needs a bit more as without a sign.
    """

    name: str
    expected: Term
    actual: Term | None = None
    ends: tuple[int, int] | None = None


@dataclass
class Outcome:
    """What was found out about pairs.

    Members
    -------
    status : Status
        Proven if all words that must be equal are.
    different : str or None
        Name of the first pair that differs, or is not decided.
    values : dict
        Values of the variables for which it does.
    found, asked, tried : int
        Words of the specification found in the hardware, questions to the solver, words decided by
        trying all values.
    """

    status: Status = Status.PROVEN
    different: str | None = None
    values: dict[str, int] = field(default_factory=dict)
    found: int = 0
    asked: int = 0
    tried: int = 0


class Comparison:
    """The words of two sides, proven equal one after the other.

    Parameters
    ----------
    terms : Terms
        Where both sides' terms were made.
    solver : Solver
        Who is asked.
    seed : int
        Of the values by which candidates are found.
    """

    def __init__(self, terms: Terms, solver: Solver, *, seed: int = 0) -> None:
        self._terms, self._solver = terms, solver
        self._rng = np.random.default_rng(seed)
        self._forgot = Forgotten(terms)
        self._values: dict[Term, Values] = {}
        self._same: set[tuple[Term, Term]] = set()
        self._supports: dict[Term, frozenset[Term] | None] = {}

    def run(self, pairs: Sequence[Pair]) -> Outcome:
        """Prove pairs in order; stop at the first that must be equal and is not.

        Parameters
        ----------
        pairs : sequence of Pair
            Each word behind those that it is computed from.
        """
        outcome = Outcome()
        ends = [pair.actual for pair in pairs if pair.actual is not None]
        self._sample([*ends, *(pair.expected for pair in pairs)])
        if self._shown_different(pairs, outcome):
            return outcome
        alike = self._alike(ends)
        for pair in pairs:
            width = pair.expected.width
            same = alike.get(self._signature(pair.expected), [])
            wanted = [pair.actual] if pair.actual is not None else same
            wanted = [word for word in wanted if word.width >= width]
            equal = [word for word in wanted if self._equal(pair, word, outcome)]
            if pair.actual is not None and not equal:
                return outcome
            if equal:
                outcome.found += 1
                inside = self._inside(pair, outcome)
                known_ends = pair.ends if inside else None
                self._forgot.name(pair.name, [*equal, pair.expected], width, known_ends)
        outcome.asked = self._solver.asked
        return outcome

    def _shown_different(self, pairs: Sequence[Pair], outcome: Outcome) -> bool:
        """Tell whether drawn values already show that a pair differs, before anything is proven."""
        for pair in pairs:
            if pair.actual is None:
                continue
            width = pair.expected.width
            if pair.actual.width != width:
                raise BittrueError(
                    f"{pair.name} must have {width} bits on both sides, got {pair.actual.width}"
                )
            values = self._drawn_difference(pair.expected, pair.actual)
            if values is not None:
                outcome.status, outcome.different, outcome.values = (
                    Status.REFUTED,
                    pair.name,
                    values,
                )
                return True
        return False

    def _sample(self, roots: Sequence[Term]) -> None:
        """Compute all words for drawn values of the variables, small ones among them."""
        drawn: dict[Term, Values] = {}
        for variable in variables(roots):
            bits = self._rng.integers(1, variable.width + 1, SAMPLES)
            bits[: SAMPLES // 2] = variable.width
            words = [
                int.from_bytes(self._rng.bytes(8 + variable.width // 8), "little")
                & ((1 << int(b)) - 1)
                for b in bits
            ]
            negated = self._rng.random(SAMPLES) < 0.5
            full = (1 << variable.width) - 1
            drawn[variable] = np.array(
                [-w & full if n else w for w, n in zip(words, negated, strict=True)], dtype=object
            )
        self._values = values_of(roots, drawn)

    def _signature(self, term: Term) -> tuple[int, ...]:
        """Return what a word is for the drawn values, read as two's complement."""
        return tuple(signed(int(value), term.width) for value in self._values[term])

    def _alike(self, ends: Sequence[Term]) -> dict[tuple[int, ...], list[Term]]:
        """Return the hardware's words by what they are for the drawn values."""
        found: dict[tuple[int, ...], list[Term]] = {}
        for term in below(ends):
            if term.op not in ("const", "var"):
                found.setdefault(self._signature(term), []).append(term)
        return found

    def _inside(self, pair: Pair, outcome: Outcome) -> bool:
        """Tell whether a word lies between its ends, as far as that is shown in time."""
        if pair.ends is None:
            return False
        terms, width = self._terms, bits_within(pair.expected.width, pair.ends)
        low, high = (terms.const(end, width) for end in pair.ends)
        word = terms.zext(pair.expected, width)
        outside = terms.binary(
            "or", terms.binary("slt", word, low), terms.binary("slt", high, word)
        )
        try:
            return self._proven(terms.const(0, 1), outside, outcome)
        except TimeoutError:
            return False

    def _equal(self, pair: Pair, word: Term, outcome: Outcome) -> bool:
        """Tell whether a word is the expected one; say in the outcome if it is not."""
        must = pair.actual is not None
        try:
            values = self._difference(pair.expected, word, outcome, must=must)
        except TimeoutError:
            if must:
                outcome.status, outcome.different = Status.UNKNOWN, pair.name
            return False
        if values is not None and must:
            outcome.status, outcome.different, outcome.values = Status.REFUTED, pair.name, values
        return values is None

    def _difference(
        self, expected: Term, word: Term, outcome: Outcome, *, must: bool
    ) -> dict[str, int] | None:
        """Return values of variables for which words differ, None if there are none.

        Where the word is only looked for, that nothing is forgotten is not asked about.
        """
        drawn = self._drawn_difference(expected, word)
        if drawn is not None:
            return drawn
        expected = self._terms.sext(expected, word.width)
        if self._proven(expected, word, outcome):
            return None
        return self._solver.differ(expected, word) if must else {}

    def _proven(self, expected: Term, word: Term, outcome: Outcome) -> bool:
        """Tell whether words of one width are proven equal, by the cheapest way that does it."""
        few = self._few_bits(expected, word)
        if few and self._tried(*self._forgot.renamed(expected, word), outcome):
            return True
        one, other = self._forgot.over([expected, word], products=False)
        if one is other or self._tried(*self._forgot.renamed(one, other), outcome):
            return True
        one, other = self._forgot.renamed(*self._forgot.over([expected, word], products=True))
        ranges = self._forgot.ranges_of([one, other])
        if (one, other) in self._same or same_sum(one, other, ranges):
            return True
        if self._solver.differ(one, other, within=ranges) is not None:
            return False
        self._same.add((one, other))
        return True

    def _few_bits(self, one: Term, other: Term) -> bool:
        """Tell whether words come from so few bits that nothing need be forgotten."""
        supports = self._support(one), self._support(other)
        return None not in supports and _few(frozenset().union(*filter(None, supports)))

    def _support(self, root: Term) -> frozenset[Term] | None:
        """Return the variables that a word comes from, None where they have too many bits."""
        for term in down_to([root], self._supports):
            if term in self._supports:
                continue
            found = frozenset([term]) if term.op == "var" else frozenset[Term]()
            below_it = [self._supports[arg] for arg in term.args]
            joined = found.union(*(part for part in below_it if part is not None))
            known = None not in below_it and _few(joined)
            self._supports[term] = joined if known else None
        return self._supports[root]

    def _drawn_difference(self, expected: Term, word: Term) -> dict[str, int] | None:
        """Return drawn values of variables for which words differ, if there are some."""
        pairs = zip(self._signature(expected), self._signature(word), strict=True)
        for sample, (wanted, found) in enumerate(pairs):
            if (wanted - found) % (1 << expected.width):
                return {
                    str(term.value): int(self._values[term][sample])
                    for term in self._values
                    if term.op == "var"
                }
        return None

    def _tried(self, expected: Term, actual: Term, outcome: Outcome) -> bool:
        """Tell whether words are equal, as far as trying all values of few bits shows it."""
        free = variables([expected, actual])
        bits = sum(term.width for term in free)
        if bits > SMALL_SUPPORT or (expected, actual) in self._same:
            return bits <= SMALL_SUPPORT
        outcome.tried += 1
        all_values = np.arange(1 << bits, dtype=np.uint64)
        assigned: dict[Term, Values] = {}
        low = 0
        for term in free:
            assigned[term] = all_values >> np.uint64(low) & np.uint64(mask(term.width))
            low += term.width
        assigned = self._forgot.possible(assigned)
        found = values_of([expected, actual], assigned)
        same = bool(np.all(found[expected] == found[actual]))
        if same:
            self._same.add((expected, actual))
        return same


def _few(support: frozenset[Term]) -> bool:
    return sum(term.width for term in support) <= SMALL_SUPPORT
