"""Machines of which some words differ, and proofs that it is never seen.

What has to be proven is that nothing is seen at a port, whatever the control, the bits that say
which words may differ, and all that is driven come to; and that no other word comes to differ.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from time import process_time

import numpy as np
import numpy.typing as npt

from .bits import Asked
from .control import Control, Word
from .guesses import never_beside, never_together
from .lasting import lasting
from .literals import FALSE
from .pairs import Pair
from .products import Fault, Product, Products
from .reach import Clause, Reach, Reached
from .running import Running
from .walk import Words

ROUNDS = 40
"""Times that words are added to those that may differ."""

NEAR = 40
"""Registers of the control of which pairs are looked at beside one word."""

MOST_APART = 24
"""Registers that may differ each by itself, at most."""

MOST_DATA = 160
"""Registers of data that facts are looked for about, at most."""

DEPTH = 6
"""Cycles from a register of data to what it is for, at most."""

MADE_OF = 80
"""Registers that a register of data is made of, at most: a product is of more."""

WIDEST = 24
"""Registers in a window of data."""

THINNED = 8
"""Of so many words of states on walks, one is looked at where windows are."""


class Apart:
    """Proofs about faults of one netlist.

    Parameters
    ----------
    pair : Pair
        Both machines.
    control : Control
        Which registers the control is, and what holds in it.
    initial : ndarray of bool, shape (registers,)
        What registers hold at power-up.
    walks : sequence of sequence of mapping
        What is driven on walks, as `control.walks_of` returns it.
    """

    def __init__(
        self,
        pair: Pair,
        control: Control,
        initial: npt.NDArray[np.bool_],
        walks: Sequence[Sequence[Mapping[int, Words]]],
    ) -> None:
        self._pair, self._control, self._walks = pair, control, walks
        self._products = Products(pair, control)
        self._logic = pair.logic
        self._becomes = dict(zip(pair.variables, pair.becomes, strict=True))
        self._initial = dict(zip(pair.variables, initial.tolist(), strict=True))
        self._in_control = set(control.registers)

    def word_by_word(self, faults: Sequence[Fault]) -> str:
        """Prove that nothing is seen of some faults, of guesses about words; or return nothing."""
        live = self._products.live(faults)
        apart = self._tainted_on_walks(faults, live)
        if apart is None:
            return ""

        def product_of(words: set[Word]) -> Product:
            return self._products.tainted(faults, live, words)

        return self._guessed(product_of, self._beside, apart, self._control.words.__getitem__)

    def bit_by_bit(self, fault: Fault, apart: set[int]) -> str:
        """Prove that nothing is seen of a fault, of guesses about data too; or return nothing.

        Parameters
        ----------
        fault : Fault
            What is wrong.
        apart : set of int
            Registers that come to differ.
        """
        live = self._products.live([fault])

        def product_of(words: set[Word]) -> Product:
            product = self._products.exact(fault, live, words)
            self._with_data(product)
            return product

        def guesses_of(product: Product) -> set[Clause]:
            return self._beside(product) | self._about_data(product)

        bits: set[Word] = {(register,) for register in apart & live}
        return self._guessed(product_of, guesses_of, bits, lambda register: (register,), MOST_APART)

    def backwards(self, fault: Fault, apart: set[int], seconds: float) -> str:
        """Prove that nothing is seen of a fault, backwards from where it would be; or return none.

        Parameters
        ----------
        fault : Fault
            What is wrong.
        apart : set of int
            Registers that come to differ.
        seconds : float
            Time for it.
        """
        live = self._products.live([fault])
        end = process_time() + seconds
        for exact in (False, True):
            words = {self._control.words[register] for register in apart & live}
            for _ in range(ROUNDS):
                if exact:
                    product = self._products.exact(fault, live, words)
                else:
                    product = self._products.tainted([fault], live, words)
                found = self._reached(product, (end - process_time()) / (1 if exact else 2))
                if isinstance(found, str):
                    return found
                if not found:
                    break
                words |= {self._control.words[register] for register in found}
        return ""

    def _guessed(
        self,
        product_of: Callable[[set[Word]], Product],
        guesses_of: Callable[[Product], set[Clause]],
        apart: set[Word],
        word_of: Callable[[int], Word],
        most: int | None = None,
    ) -> str:
        """Prove that nothing is seen, of guesses, while words that may differ become more."""
        while most is None or len(apart) <= most:
            product = product_of(apart)
            guesses, facts = sorted(guesses_of(product)), self._control.facts
            clauses = lasting(self._logic, product.becomes, facts, guesses, self._becomes)
            found = self._allowed(product, clauses)
            if not found:
                return "" if found is None else product.said(clauses)
            apart = apart | {word_of(register) for register in found}
        return ""

    def _tainted_on_walks(self, faults: Sequence[Fault], live: set[int]) -> set[Word] | None:
        """Return the words that may come to differ on a walk, as far as `taint` tells.

        None if it may be seen.
        """
        words = {self._control.words[register] for register in live}
        product = self._products.tainted(faults, live, words)
        seen, any_shown = self._logic.var(), FALSE
        for literal in product.shown:
            any_shown = self._logic.either(any_shown, literal)
        product.becomes[seen] = any_shown
        shown, *held = self._held(product, [seen, *product.differs.values()])
        if shown.any():
            return None
        return {word for word, row in zip(product.differs, held, strict=True) if row.any()}

    def _held(self, product: Product, looked_at: Sequence[int]) -> Words:
        """Return what variables are on walks, shape (variables, words)."""
        held = []
        for walk in self._walks:
            running = Running(
                self._logic, self._becomes | product.becomes, self._initial | product.initial
            )
            for driven in walk:
                held.append(running.held(looked_at))
                running.step({self._pair.inputs[slot]: row for slot, row in driven.items()})
        return np.concatenate(held, axis=1)

    def _beside(self, product: Product) -> set[Clause]:
        """Guess beside what no word differs that may."""
        bits = product.differs.values()
        state = [variable for variable in product.becomes if variable not in set(bits)]
        held = self._held(product, [*state, *bits])
        return {
            tuple(sorted([bit ^ 1, *(state[place] ^ value for place, value in one)]))
            for bit, up in zip(bits, held[len(state) :], strict=True)
            for one in never_beside(up, held[: len(state)], self._near(product, bit, state))
        }

    @cached_property
    def _groups(self) -> dict[int, str]:
        """What each variable of the control belongs to."""
        return {self._pair.variables[r]: group for r, group in self._control.groups.items()}

    def _near(self, product: Product, bit: int, state: Sequence[int]) -> list[int]:
        """Return the control, by its place in the state, on which it depends what a bit becomes."""
        below = {2 * node for node in self._logic.below([product.becomes[bit]])}
        direct = [n for n, variable in enumerate(state) if variable in below & self._groups.keys()]
        names = {self._groups[state[n]] for n in direct}
        near = [n for n, variable in enumerate(state) if self._groups.get(variable) in names]
        return near if len(near) <= NEAR else direct[:NEAR]

    def _with_data(self, product: Product) -> None:
        """Take registers of data that it depends on into the state; none that products make."""
        roots = [*product.shown, *product.moved.values()]
        roots += [product.becomes[bit] for bit in product.differs.values()]
        for _ in range(DEPTH):
            new = [
                register
                for register in self._pair.registers_below(roots)
                if self._pair.variables[register] not in product.becomes
                and len(self._made_of([register])) <= MADE_OF
            ]
            if len(product.becomes) - len(self._in_control) + len(new) > MOST_DATA:
                return
            variables = [self._pair.variables[register] for register in new]
            product.becomes.update({n: self._becomes[n] for n in variables})
            product.initial.update({n: self._initial[n] for n in variables})
            roots = [self._becomes[n] for n in variables]

    def _made_of(self, registers: Sequence[int]) -> list[int]:
        """Return the registers on which it depends what some become."""
        becomes = [self._becomes[self._pair.variables[register]] for register in registers]
        return self._pair.registers_below(becomes)

    def _about_data(self, product: Product) -> set[Clause]:
        """Guess what never is in the data, in a word or in two of which another is made."""
        variables = self._pair.variables
        words: dict[Word, list[int]] = {}
        for register, variable in enumerate(variables):
            if variable in product.becomes and register not in self._in_control:
                words.setdefault(self._control.words[register], []).append(register)
        windows = {tuple(registers) for registers in words.values()}
        for registers in words.values():
            parts = sorted(
                {self._control.words[r] for r in self._made_of(registers)} & words.keys()
            )
            pairs = [(*words[a], *words[b]) for n, a in enumerate(parts) for b in parts[n + 1 :]]
            windows |= {pair for pair in pairs if len(pair) <= WIDEST}
        guesses: set[Clause] = set()
        for window in sorted(windows):
            bits = [variables[register] for register in window]
            held = self._held_of_data[list(window)]
            guesses |= {
                tuple(sorted(bits[place] ^ value for place, value in one))
                for one in never_together(held, 3)
            }
        return guesses

    @cached_property
    def _held_of_data(self) -> Words:
        """What all registers are on walks, thinned out."""
        nothing = Product({}, {}, [], {}, {})
        return self._held(nothing, self._pair.variables)[:, ::THINNED]

    def _allowed(self, product: Product, clauses: Sequence[Clause]) -> set[int] | None:
        """Return registers that come to differ too, though clauses hold; None if it may be seen."""
        asked, some = Asked(self._logic), self._logic.var()
        for clause in (*self._control.facts, *clauses):
            asked.holds(clause)
        asked.holds([some ^ 1, *product.shown, *product.moved.values()])
        found: set[int] = set()
        try:
            while asked.true([some, *(n ^ 1 for r, n in product.moved.items() if r in found)]):
                if any(asked.value(literal) for literal in product.shown):
                    return None
                found |= {r for r, n in product.moved.items() if asked.value(n)}
        except TimeoutError:
            return None
        return found

    def _reached(self, product: Product, seconds: float) -> str | list[int]:
        """Prove that nothing is seen; return how, or registers that come to differ too."""
        control = self._control
        reach = Reach(self._logic, product.becomes, product.initial, control.facts, seconds)
        try:
            clauses = reach.never([*product.shown, *product.moved.values()])
        except Reached:
            return [r for r, literal in product.moved.items() if literal in reach.found]
        except TimeoutError:
            return []
        control.learn([c for c in clauses if {n & ~1 for n in c} <= control.becomes.keys()])
        return product.said(clauses)
