"""The true machine and faulty ones at once, some words of which may differ.

For each word that may differ there is one bit, which is up while it may. Either these bits are all
that is known of a faulty machine, as `taint` tells what becomes of them, or it is there as it is.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .control import Control, Word
from .literals import FALSE
from .pairs import Pair
from .reach import Clause


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


class Product(NamedTuple):
    """The true machine and faulty ones at once.

    Members
    -------
    becomes, initial : dict
        The state: what each variable becomes, and what it is at first.
    shown : list of int
        Literals of differences at ports.
    moved : dict from int to int
        Registers of which it is not in the state whether they differ, and when they come to.
    differs : dict from Word to int
        Words that may differ, and the variable of each.
    """

    becomes: dict[int, int]
    initial: dict[int, bool]
    shown: list[int]
    moved: dict[int, int]
    differs: dict[Word, int]

    def said(self, clauses: Sequence[Clause]) -> str:
        """Return in words how it was proven."""
        return f"{len(self.differs)} words may differ, {len(clauses)} clauses keep them unseen"


@dataclass(frozen=True)
class Products:
    """Products of one netlist.

    Members
    -------
    pair : Pair
        Both machines.
    control : Control
        Which registers the control is, and what holds in it.
    """

    pair: Pair
    control: Control

    def live(self, faults: Sequence[Fault]) -> set[int]:
        """Return the registers that outputs can depend on, in one of the machines."""
        pair = self.pair
        return set[int]().union(*(pair.live(pair.slots(fault.number, {})) for fault in faults))

    def tainted(self, faults: Sequence[Fault], live: set[int], apart: Collection[Word]) -> Product:
        """Return the true machine and faulty ones, as far as `taint` tells."""
        differs = {word: self.pair.logic.var() for word in sorted(apart)}
        bits = {register: bit for word, bit in differs.items() for register in word}
        different = [self.pair.tainted(fault.number, bits) for fault in faults]
        return self._joined(faults, live, differs, different)

    def exact(self, fault: Fault, live: set[int], apart: Collection[Word]) -> Product:
        """Return the true machine and a faulty one, as they are.

        Words of one bit, when they may differ, do; of others, any bits then may be anything.
        """
        differs = {word: self.pair.logic.var() for word in sorted(apart)}
        bits = {register: bit for word, bit in differs.items() for register in word}
        plain = {register for word in differs if len(word) == 1 for register in word}
        own = self.pair.own(bits, plain)
        different = self.pair.different(self.pair.slots(fault.number, own))
        return self._joined([fault], live, differs, [different])

    def _joined(
        self,
        faults: Sequence[Fault],
        live: set[int],
        differs: dict[Word, int],
        different: Sequence[Sequence[int]],
    ) -> Product:
        """Return machines at once, of differences in the slots of each."""
        logic, shown, moved = self.pair.logic, list[int](), dict[int, int]()
        for slots in different:
            shown += self.pair.shown(slots)
            for register, literal in self.pair.moved(slots, live).items():
                moved[register] = logic.either(moved.get(register, FALSE), literal)
        flipped = {register for fault in faults for register in fault.flipped}
        becomes, initial = dict(self.control.becomes), dict(self.control.initial)
        for word, bit in differs.items():
            becomes[bit] = FALSE
            initial[bit] = not flipped.isdisjoint(word)
            for register in word:
                becomes[bit] = logic.either(becomes[bit], moved.pop(register, FALSE))
        return Product(becomes, initial, shown, moved, differs)
