"""Proofs that a fault is never seen: whatever is driven, all ports show the same.

A mutant and the true machine are run side by side in thought. They start alike, and three things
are tried, each sound: that their logic is the same; that from equal states they go to equal ones;
that they never show a difference though some words come to differ. Which words, is found on a
walk of both, and by what refutes it. For each there is one bit, which is up while the word may be
another than it should be; that nothing is seen at a port, whatever such bits and the control come
to, and that no other word comes to differ, is what `reach` proves.
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
from .literals import FALSE, Literals, settled
from .reach import Reach, Reached
from .sliced import SELECT
from .taint import tainted
from .walk import Walker, Words

ROUNDS = 40
"""Times that words are added to those that may differ."""


class _Product(NamedTuple):
    """Both machines at once.

    Members
    -------
    becomes, initial : mapping
        The state, as `Reach` takes it.
    shown : list of int
        Literals of differences at ports.
    moved : mapping from int to int
        Registers of which it is not in the state whether they differ, and when they come to.
    words : int
        How many words may differ.
    """

    becomes: Mapping[int, int]
    initial: Mapping[int, bool]
    shown: list[int]
    moved: Mapping[int, int]
    words: int


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

    version = "6"

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
        self._logic = Literals()
        logic = self._logic
        self._inputs = {
            slot: logic.var()
            for name, slots in gates.inputs.items()
            if name != SELECT
            for slot in slots
        }
        self._registers = gates.registers[:, 0].tolist()
        self._becomes = gates.registers[:, 1].tolist()
        self._variables = [logic.var() for _ in self._registers]
        self._twins = [logic.var() for _ in self._registers]
        self._numbers = {variable: n for n, variable in enumerate(self._variables)}
        self._true = self._settled(0, {})

    def _settled(self, number: int, own: Mapping[int, int]) -> list[int]:
        """Return literals of all slots of a machine, of which some registers are its own."""
        chosen = self._gates.inputs.get(SELECT, [])
        sources = self._inputs | {slot: number >> n & 1 for n, slot in enumerate(chosen)}
        for register, slot in enumerate(self._registers):
            sources[slot] = own.get(register, self._variables[register])
        return settled(self._logic, self._gates, sources)

    def proof(self, number: int) -> str:
        """Return how a mutant is proven to be equivalent, or nothing."""
        flipped = tuple(self._flipped.get(number, ()))
        if number in self._flipped:
            if not flipped:
                return "the same at power-up"
            number = 0
        slots = self._settled(number, {})
        live = self._live(slots)
        if not flipped and not any(self._unlike(slots, live)):
            return "the same logic"
        if self._seconds <= 0:
            return ""
        try:
            return self._related(number, flipped, live)
        except (ToolMissing, TimeoutError):
            return ""

    def _live(self, slots: Sequence[int]) -> set[int]:
        """Return the registers that outputs can depend on, in a machine or in the true one."""
        shown = [slot for places in self._gates.outputs.values() for slot in places]
        waiting = [literal for slot in shown for literal in (slots[slot], self._true[slot])]
        live: set[int] = set()
        while waiting:
            nodes = self._logic.below(waiting)
            found = {self._numbers[2 * n] for n in nodes if 2 * n in self._numbers} - live
            live |= found
            becomes = [self._becomes[register] for register in found]
            waiting = [literal for slot in becomes for literal in (slots[slot], self._true[slot])]
        return live

    def _unlike(self, slots: Sequence[int], live: set[int]) -> list[int]:
        """Return literals of what differs in promised outputs, and in what registers become."""
        return [*self._shown(slots), *self._moved(slots, live).values()]

    @property
    def _places(self) -> list[tuple[str, int, int]]:
        """Name, bit and slot of all outputs."""
        outputs = self._gates.outputs.items()
        return [(name, bit, slot) for name, slots in outputs for bit, slot in enumerate(slots)]

    def _promised(self, name: str, bit: int, different: int) -> int:
        """Return a literal of a difference in an output, and of that the output is promised."""
        port, condition = self._promises.get((name, bit), (name, -1))
        if condition < 0:
            return different
        return self._logic.both(different, self._true[self._gates.outputs[port][condition]])

    def _shown(self, slots: Sequence[int]) -> list[int]:
        shown = [
            self._promised(name, bit, self._logic.differ(self._true[slot], slots[slot]))
            for name, bit, slot in self._places
        ]
        return [literal for literal in shown if literal != FALSE]

    def _moved(self, slots: Sequence[int], live: set[int]) -> dict[int, int]:
        """Return literals of what differs in what registers become, where something can."""
        moved = {
            register: self._logic.differ(self._true[slot], slots[slot])
            for register, slot in enumerate(self._becomes)
            if register in live
        }
        return {register: literal for register, literal in moved.items() if literal != FALSE}

    @cached_property
    def _control(self) -> Control:
        (reset,) = self._gates.inputs["rst"]
        sources = self._inputs | dict(zip(self._registers, self._variables, strict=True))
        sources |= dict.fromkeys(self._gates.inputs.get(SELECT, []), 0)
        slots = settled(self._logic, self._gates, sources | {reset: 1})
        return Control(
            self._logic,
            self._gates,
            self._variables,
            [self._true[slot] for slot in self._becomes],
            [register for register, slot in enumerate(self._becomes) if slots[slot] < 2],
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

    def _related(self, number: int, flipped: tuple[int, ...], live: set[int]) -> str:
        """Return the proof that a mutant shows the same from power-up on, or nothing."""
        if not flipped and self._stays_equal(number, live):
            return "equal states become equal"
        walked = self._walked(number, flipped)
        if walked is None:
            return ""
        end = process_time() + self._seconds
        for exact in (False, True):
            apart = {self._control.words[register] for register in walked & live}
            for _ in range(ROUNDS):
                product = self._product(number, flipped, live, apart, exact=exact)
                left = (end - process_time()) / (1 if exact else 2)
                found = self._decided(product, left)
                if isinstance(found, str):
                    return found
                if not found:
                    break
                apart |= {self._control.words[register] for register in found}
        return ""

    def _stays_equal(self, number: int, live: set[int]) -> bool:
        """Tell whether equal states, of which facts hold, show the same and become equal."""
        asked = Asked(self._logic)
        for fact in self._control.facts:
            asked.holds(fact)
        asked.holds(self._unlike(self._settled(number, {}), live))
        return not asked.true([])

    def _product(
        self,
        number: int,
        flipped: tuple[int, ...],
        live: set[int],
        apart: set[Word],
        *,
        exact: bool,
    ) -> _Product:
        """Return both machines at once, where some words may differ."""
        logic = self._logic
        differs = {word: logic.var() for word in sorted(apart)}
        if exact:
            slots = self._settled(number, self._own(differs))
            shown, moved = self._shown(slots), self._moved(slots, live)
        else:
            taints = self._taints(number, differs)
            shown, moved = self._tainted(taints, live)
        becomes, initial = dict(self._control.becomes), dict(self._control.initial)
        for word, bit in differs.items():
            becomes[bit] = FALSE
            initial[bit] = not set(flipped).isdisjoint(word)
            for register in word:
                becomes[bit] = logic.either(becomes[bit], moved.pop(register, FALSE))
        return _Product(becomes, initial, shown, moved, len(differs))

    def _own(self, differs: Mapping[Word, int]) -> dict[int, int]:
        """Return literals of the faulty machine's registers, where they are its own."""
        logic, control = self._logic, set(self._control.registers)
        return {
            register: (
                logic.differ(self._variables[register], bit)
                if register in control
                else logic.choose(self._variables[register], self._twins[register], bit)
            )
            for word, bit in differs.items()
            for register in word
        }

    def _decided(self, product: _Product, seconds: float) -> str | list[int]:
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
        return f"{product.words} words may differ, {len(clauses)} clauses keep them unseen"

    def _taints(self, number: int, differs: Mapping[Word, int]) -> list[int]:
        sources = {
            self._registers[register]: bit for word, bit in differs.items() for register in word
        }
        alone = self._settled(number, {})
        return tainted(self._logic, self._gates, self._true, alone, sources)

    def _tainted(self, taints: Sequence[int], live: set[int]) -> tuple[list[int], dict[int, int]]:
        shown = [self._promised(n, b, taints[s]) for n, b, s in self._places]
        moved = {r: taints[slot] for r, slot in enumerate(self._becomes) if r in live}
        return [n for n in shown if n], {r: n for r, n in moved.items() if n}

    def _walked(self, number: int, flipped: tuple[int, ...]) -> set[int] | None:
        """Walk both machines; return which registers come to differ, None if it is seen."""
        apart = np.zeros(len(self._registers), dtype=np.bool_)
        for walk in self._walks:
            true, faulty = Walker(self._gates, 0), Walker(self._gates, number, flipped)
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
        outputs, places = self._gates.outputs, self._places
        conditions = [self._promises.get((name, bit)) for name, bit, _ in places]
        return [slot for _, _, slot in places], [
            1 if c is None else outputs[c[0]][c[1]] for c in conditions
        ]

    @cached_property
    def _walks(self) -> list[list[dict[int, Words]]]:
        return walks_of(self._gates, self._folds)
