"""Proofs that a fault is never seen: whatever is driven, all ports show the same.

A mutant and the true machine are run side by side in thought. They start alike, and three things
are tried, each sound: that their logic is the same; that from equal states they go to equal ones;
that they never show a difference though some words come to differ. Which words, is found on a
walk of both, and by what refutes it.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from bittrue.model.exceptions import ToolMissing

from .apart import Apart
from .bits import Asked
from .control import Control, Fact, walks_of
from .gates import Gates
from .pairs import Pair
from .products import Fault
from .walk import Walker, Words


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
        For one mutant that guesses are not enough for; 0 to prove only what is plain.
    known : sequence of Fact, optional
        What holds in the control, as `facts` of another build of the same netlist says.
    """

    version = "8"

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

    @property
    def facts(self) -> list[Fact]:
        """What holds in the control, whatever is driven; none where nothing can be proven."""
        try:
            return self._control.named
        except ToolMissing:
            return []

    def _fault(self, number: int) -> Fault:
        if number in self._flipped:
            return Fault(0, tuple(self._flipped[number]))
        return Fault(number, ())

    def _plain(self, number: int) -> str:
        """Return the proof where none is needed, or nothing."""
        if number in self._flipped:
            return "" if self._flipped[number] else "the same at power-up"
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
            self._pair.logic,
            self._gates,
            self._pair.variables,
            self._pair.becomes,
            self._pair.under_reset(),
            self._walks,
            self._known,
        )

    @cached_property
    def _apart(self) -> Apart:
        return Apart(self._pair, self._control, self._gates.initial, self._walks)

    def _hard(self, numbers: Sequence[int]) -> dict[int, str]:
        """Return proofs that mutants show the same from power-up on, or nothing."""
        found = {n: "equal states become equal" for n in numbers if self._stays_equal(n)}
        walked = {n: self._walked(self._fault(n)) for n in numbers if n not in found}
        hidden = {n: registers for n, registers in walked.items() if registers is not None}
        found |= {n: self._apart.bit_by_bit(self._fault(n), hidden[n]) for n in hidden}
        found |= self._together([n for n in hidden if not found[n]])
        for n in [n for n in hidden if not found[n]]:
            found[n] = self._apart.backwards(self._fault(n), hidden[n], self._seconds)
        return dict.fromkeys(numbers, "") | found

    def _together(self, numbers: Sequence[int]) -> dict[int, str]:
        """Return the proof of mutants at once, or of each half of them; empty of one alone."""
        if not numbers:
            return {}
        how = self._apart.word_by_word([self._fault(n) for n in numbers])
        if how or len(numbers) == 1:
            return dict.fromkeys(numbers, how)
        half = len(numbers) // 2
        return self._together(numbers[:half]) | self._together(numbers[half:])

    def _stays_equal(self, number: int) -> bool:
        """Tell whether equal states, of which facts hold, show the same and become equal."""
        if number in self._flipped:
            return False
        asked = Asked(self._pair.logic)
        for fact in self._control.facts:
            asked.holds(fact)
        asked.holds(self._unlike(number))
        try:
            return not asked.true([])
        except TimeoutError:
            return False

    def _walked(self, fault: Fault) -> set[int] | None:
        """Walk both machines; return which registers come to differ, None if it is seen."""
        apart = np.zeros(len(self._pair.variables), dtype=np.bool_)
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
