"""Proofs that a fault is never seen: whatever is driven, all ports show the same.

A mutant and the true machine are run side by side in thought. They start alike, and three things
are tried, each sound: that their logic is the same; that from equal states they go to equal ones;
that they never show a difference though some words come to differ. Which words, is found on a
walk of both, and by what refutes it. For each there is one bit, which is up while the word may be
another than it should be; that nothing is seen at a port, whatever such bits and the control come
to, and that no other word comes to differ, is what has to be proven. First it is guessed beside
what each bit is never seen, and what of that holds for ever may do; else `reach` looks for more.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from time import process_time
from typing import NamedTuple

import numpy as np

from bittrue.model.exceptions import ToolMissing

from .bits import Asked
from .control import Control, Fact, Word, walks_of
from .gates import Gates
from .guesses import never_beside
from .lasting import lasting
from .literals import FALSE
from .pairs import Pair
from .reach import Clause, Reach, Reached
from .running import Running
from .walk import Walker, Words

ROUNDS = 40
"""Times that words are added to those that may differ."""

NEAR = 40
"""Registers of the control of which pairs are looked at beside one word."""


class Fault(NamedTuple):
    """What is wrong with a machine.

    Members
    -------
    number : int
        Which machine it is.
    flipped : tuple of int
        Registers that power up with the other value.
    """

    number: int
    flipped: tuple[int, ...]


class _Product(NamedTuple):
    """Both machines at once.

    Members
    -------
    becomes, initial : dict
        The state, as `Reach` takes it.
    shown : list of int
        Literals of differences at ports.
    moved : mapping from int to int
        Registers of which it is not in the state whether they differ, and when they come to.
    differs : mapping from Word to int
        Words that may differ, and the variable of each.
    """

    becomes: dict[int, int]
    initial: dict[int, bool]
    shown: list[int]
    moved: Mapping[int, int]
    differs: Mapping[Word, int]


class Unseen:
    """Proofs about the mutants of one build.

    Parameters
    ----------
    gates : Gates
        The netlist.
    flipped : mapping from int to sequence of int
        For mutants of what memories hold at power-up, the registers that are different.
    promises : mapping from (str, int) to (str, int)
        For bits of ports that are not always promised, the bit that must be up.
    folds : int
        Beats of a sample.
    seconds : float
        For one mutant.
    known : sequence of Fact, optional
        What holds in the control, as `facts` of another build of the same netlist says.
    """

    version = "7"

    def __init__(
        self,
        gates: Gates,
        flipped: Mapping[int, Sequence[int]],
        promises: Mapping[tuple[str, int], tuple[str, int]],
        folds: int,
        seconds: float,
        known: Sequence[Fact] | None = None,
    ) -> None:
        self._known = known
        self._gates, self._flipped, self._folds = gates, flipped, folds
        self._promises, self._seconds = promises, seconds
        self._pair = Pair(gates, promises)
        self._logic, self._variables = self._pair.logic, self._pair.variables

    def proofs(self, numbers: Sequence[int]) -> list[str]:
        """Return how mutants are proven to be equivalent, or nothing; some of them together."""
        found = {number: self._plain(number) for number in numbers}
        hard = [number for number in numbers if not found[number]]
        try:
            if self._seconds > 0 and hard:
                found |= self._hard(hard)
        except ToolMissing:
            pass
        return [found[number] for number in numbers]

    def proof(self, number: int) -> str:
        """Return how one mutant is proven to be equivalent, or nothing."""
        return self.proofs([number])[0]

    def _fault(self, number: int) -> Fault:
        if number in self._flipped:
            return Fault(0, tuple(self._flipped[number]))
        return Fault(number, ())

    def _plain(self, number: int) -> str:
        """Return the proof where none is needed, or nothing."""
        fault = self._fault(number)
        if number in self._flipped:
            return "" if fault.flipped else "the same at power-up"
        return "" if any(self._unlike(number)) else "the same logic"

    def _unlike(self, number: int) -> list[int]:
        """Return literals of what differs in promised outputs, and in what registers become."""
        slots = self._pair.slots(number, {})
        different = self._pair.different(slots)
        moved = self._pair.moved(different, self._pair.live(slots))
        return [*self._pair.shown(different), *moved.values()]

    @cached_property
    def _control(self) -> Control:
        return Control(
            self._logic,
            self._gates,
            self._variables,
            self._pair.becomes,
            self._pair.under_reset(),
            self._walks,
            self._known,
        )

    @property
    def facts(self) -> list[Fact]:
        """What holds in the control, whatever is driven; none where nothing can be proven."""
        try:
            return self._control.named
        except ToolMissing:
            return []

    def _hard(self, numbers: Sequence[int]) -> dict[int, str]:
        """Return proofs that mutants show the same from power-up on, or nothing."""
        found = {n: "equal states become equal" for n in numbers if self._stays_equal(n)}
        walked = {n: self._walked(self._fault(n)) for n in numbers if n not in found}
        hidden = {n: words for n, words in walked.items() if words is not None}
        found |= self._together(list(hidden))
        return dict.fromkeys(numbers, "") | {
            n: found.get(n) or self._one(self._fault(n), hidden[n]) for n in [*hidden, *found]
        }

    def _together(self, numbers: Sequence[int]) -> dict[int, str]:
        """Return the proof of mutants at once, or of each half of them; empty of one alone."""
        if not numbers:
            return {}
        how = self._guessed([self._fault(n) for n in numbers])
        if how or len(numbers) == 1:
            return dict.fromkeys(numbers, how)
        half = len(numbers) // 2
        return self._together(numbers[:half]) | self._together(numbers[half:])

    def _one(self, fault: Fault, walked: set[int]) -> str:
        """Return the proof that one mutant shows the same, or nothing."""
        live = self._live([fault])
        end = process_time() + self._seconds
        for exact in (False, True):
            apart = {self._control.words[register] for register in walked & live}
            for _ in range(ROUNDS):
                product = self._product([fault], live, apart, exact=exact)
                found = self._reached(product, (end - process_time()) / (1 if exact else 2))
                if isinstance(found, str):
                    return found
                if not found:
                    break
                apart |= {self._control.words[register] for register in found}
        return ""

    def _live(self, faults: Sequence[Fault]) -> set[int]:
        pair = self._pair
        return set().union(*(pair.live(pair.slots(fault.number, {})) for fault in faults))

    def _stays_equal(self, number: int) -> bool:
        """Tell whether equal states, of which facts hold, show the same and become equal."""
        if number in self._flipped:
            return False
        asked = Asked(self._logic)
        for fact in self._control.facts:
            asked.holds(fact)
        asked.holds(self._unlike(number))
        try:
            return not asked.true([])
        except TimeoutError:
            return False

    def _product(
        self, faults: Sequence[Fault], live: set[int], apart: set[Word], *, exact: bool = False
    ) -> _Product:
        """Return the true machine and faulty ones at once, where some words may differ."""
        pair, logic = self._pair, self._logic
        differs = {word: logic.var() for word in sorted(apart)}
        bits = {register: bit for word, bit in differs.items() for register in word}
        shown: list[int] = []
        moved: dict[int, int] = {}
        for fault in faults:
            if exact:
                own = pair.own(bits, set(self._control.registers))
                different = pair.different(pair.slots(fault.number, own))
            else:
                different = pair.tainted(fault.number, bits)
            shown += pair.shown(different)
            for register, literal in pair.moved(different, live).items():
                moved[register] = logic.either(moved.get(register, FALSE), literal)
        flipped = {register for fault in faults for register in fault.flipped}
        becomes, initial = dict(self._control.becomes), dict(self._control.initial)
        for word, bit in differs.items():
            becomes[bit] = FALSE
            initial[bit] = not flipped.isdisjoint(word)
            for register in word:
                becomes[bit] = logic.either(becomes[bit], moved.pop(register, FALSE))
        return _Product(becomes, initial, shown, moved, differs)

    def _guessed(self, faults: Sequence[Fault]) -> str:
        """Return the proof that nothing is seen, of guesses alone; or nothing."""
        live = self._live(faults)
        apart = self._tainted_on_walks(faults, live)
        if apart is None:
            return ""
        for _ in range(ROUNDS):
            product = self._product(faults, live, apart)
            clauses = self._beside(product)
            found = self._allowed(product, clauses)
            if found is None:
                return ""
            if not found:
                return _said(product, clauses)
            apart |= found
        return ""

    def _tainted_on_walks(self, faults: Sequence[Fault], live: set[int]) -> set[Word] | None:
        """Return the words that may come to differ on a walk, as far as `taint` tells.

        None if it may be seen.
        """
        words = {self._control.words[register] for register in live}
        product = self._product(faults, live, words)
        seen, any_shown = self._logic.var(), FALSE
        for literal in product.shown:
            any_shown = self._logic.either(any_shown, literal)
        product.becomes[seen] = any_shown
        shown, *held = self._held(product, [seen, *product.differs.values()])
        if shown.any():
            return None
        return {word for word, row in zip(product.differs, held, strict=True) if row.any()}

    def _held(self, product: _Product, looked_at: Sequence[int]) -> Words:
        """Return what variables are on walks, shape (variables, words)."""
        becomes = {**self._all_become, **product.becomes}
        initial = dict(zip(self._variables, self._gates.initial.tolist(), strict=True))
        initial |= product.initial
        held = []
        for walk in self._walks:
            running = Running(self._logic, becomes, initial)
            for driven in walk:
                held.append(running.held(looked_at))
                running.step({self._pair.inputs[slot]: row for slot, row in driven.items()})
        return np.concatenate(held, axis=1)

    @cached_property
    def _all_become(self) -> dict[int, int]:
        return dict(zip(self._variables, self._pair.becomes, strict=True))

    def _beside(self, product: _Product) -> list[Clause]:
        """Return clauses that hold for ever, of what is never seen while a word may differ."""
        control = [*self._control.becomes]
        held = self._held(product, [*control, *product.differs.values()])
        states, ups = held[: len(control)], held[len(control) :]
        guesses = [
            tuple(sorted([bit ^ 1, *(control[place] ^ value for place, value in one)]))
            for bit, up in zip(product.differs.values(), ups, strict=True)
            for one in never_beside(up, states, self._near(product, bit))
        ]
        return lasting(self._logic, product.becomes, self._control.facts, guesses, self._all_become)

    @cached_property
    def _groups(self) -> dict[int, str]:
        return self._control.groups

    def _near(self, product: _Product, bit: int) -> list[int]:
        """Return the registers of the control, by place, on which it depends what a bit becomes."""
        place = {variable: n for n, variable in enumerate(self._control.becomes)}
        below = {2 * node for node in self._logic.below([product.becomes[bit]])}
        direct = [place[variable] for variable in self._control.becomes if variable in below]
        groups = self._control.groups
        names = {groups[self._control.registers[n]] for n in direct}
        near = [
            n for n, register in enumerate(self._control.registers) if groups[register] in names
        ]
        return near if len(near) <= NEAR else direct[:NEAR]

    def _allowed(self, product: _Product, clauses: Sequence[Clause]) -> set[Word] | None:
        """Return words that come to differ too, though clauses hold; None if it may be seen."""
        asked, some = Asked(self._logic), self._logic.var()
        for clause in (*self._control.facts, *clauses):
            asked.holds(clause)
        asked.holds([some ^ 1, *product.shown, *product.moved.values()])
        words, found = self._control.words, set[Word]()
        try:
            while asked.true(
                [some, *(n ^ 1 for r, n in product.moved.items() if words[r] in found)]
            ):
                if any(asked.value(literal) for literal in product.shown):
                    return None
                found |= {words[r] for r, n in product.moved.items() if asked.value(n)}
        except TimeoutError:
            return None
        return found

    def _reached(self, product: _Product, seconds: float) -> str | list[int]:
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
        return _said(product, clauses)

    def _walked(self, fault: Fault) -> set[int] | None:
        """Walk both machines; return which registers come to differ, None if it is seen."""
        apart = np.zeros(len(self._variables), dtype=np.bool_)
        for walk in self._walks:
            true, faulty = Walker(self._gates, 0), Walker(self._gates, *fault)
            for driven in walk:
                apart |= (true.registers ^ faulty.registers).any(axis=1)
                true.settle(driven)
                faulty.settle(driven)
                if self._shown_on_walks(true, faulty):
                    return None
                true.edge()
                faulty.edge()
        return set(np.flatnonzero(apart).tolist())

    def _shown_on_walks(self, true: Walker, faulty: Walker) -> bool:
        """Tell whether a promised output differs."""
        places, needed = self._looked_at
        different = true.slots[places] ^ faulty.slots[places]
        return bool((different & true.slots[needed]).any())

    @cached_property
    def _looked_at(self) -> tuple[list[int], list[int]]:
        """Slots of outputs, and of what must be up for each to be promised."""
        outputs, places = self._gates.outputs, self._pair.places
        conditions = [self._promises.get((name, bit)) for name, bit, _ in places]
        return [slot for _, _, slot in places], [
            1 if c is None else outputs[c[0]][c[1]] for c in conditions
        ]

    @cached_property
    def _walks(self) -> list[list[dict[int, Words]]]:
        return walks_of(self._gates, self._folds)


def _said(product: _Product, clauses: Sequence[Clause]) -> str:
    return f"{len(product.differs)} words may differ, {len(clauses)} clauses keep them unseen"
