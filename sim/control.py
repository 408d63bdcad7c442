"""The control of a netlist: which registers it is made of, and what always holds in it."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from .gates import Gates
from .lasting import lasting
from .literals import Literals, registers_by_name
from .reach import Clause
from .sliced import SELECT
from .walk import Traffic, Walker, Words
from .windows import Bits, unseen_in, windows

WALKS = ((1000, 1), (1000, 2))
"""Cycles and seeds of walks."""

NARROW = 8
"""Bits of a word of the control, at most."""

Word = tuple[int, ...]
"""Registers."""

Fact = tuple[tuple[str, int, bool], ...]
"""Bits of registers, by name, of which one at least is what is said."""


def walks_of(gates: Gates, folds: int) -> list[list[dict[int, Words]]]:
    """Return what is driven on walks, cycle by cycle.

    Parameters
    ----------
    gates : Gates
        The netlist.
    folds : int
        Beats of a sample.
    """
    walks: list[list[dict[int, Words]]] = []
    for cycles, seed in WALKS:
        walker, traffic = Walker(gates, 0), Traffic(gates, folds, seed)
        walks.append([])
        for _ in range(cycles):
            driven = traffic.next()
            walker.settle(driven)
            traffic.seen(walker.slots)
            walker.edge()
            walks[-1].append(driven)
    return walks


class Control:
    """Registers that reset clears, but those of wide words.

    Parameters
    ----------
    logic : Literals
        Where literals are made.
    gates : Gates
        The netlist.
    variables, becomes : sequence of int
        Variable of each register, and literal of what it becomes.
    cleared : sequence of int
        Registers that reset clears.
    walks : sequence of sequence of mapping
        What is driven on walks, as `walks_of` returns it.
    known : sequence of Fact, optional
        Facts of the same netlist with other faults, as `named` returns them.

    Attributes
    ----------
    registers : list of int
        Those of the control.
    becomes : dict from int to int
        Their variables, and literals of what they become.
    initial : dict from int to bool
        What they are at power-up.
    """

    def __init__(
        self,
        logic: Literals,
        gates: Gates,
        variables: Sequence[int],
        becomes: Sequence[int],
        cleared: Sequence[int],
        walks: Sequence[Sequence[dict[int, Words]]],
        known: Sequence[Fact] | None = None,
    ) -> None:
        self._known = known
        self._logic, self._gates, self._variables, self._walks = logic, gates, variables, walks
        self._by_name: dict[str, list[int]] = {}
        self._places = registers_by_name(gates, SELECT)
        for (name, _), register in self._places.items():
            self._by_name.setdefault(name, []).append(register)
        words = self._by_name.values()
        narrow = {register for word in words for register in word if len(word) <= NARROW}
        self.registers = [register for register in cleared if register in narrow]
        self.becomes = {variables[r]: becomes[r] for r in self.registers}
        self.initial = {variables[r]: bool(gates.initial[r]) for r in self.registers}

    @cached_property
    def words(self) -> dict[int, Word]:
        """For each register, all of its word; each is in one only, those of the control alone."""
        found: dict[int, Word] = {register: (register,) for register in self.registers}
        for word in sorted(self._by_name.values(), key=len):
            rest = tuple(register for register in word if register not in found)
            found |= dict.fromkeys(rest, rest)
        return {n: found.get(n, (n,)) for n in range(len(self._gates.registers))}

    @cached_property
    def facts(self) -> list[Clause]:
        """Clauses that hold whatever is driven: seen on walks, then proven; or known."""
        if self._known is not None:
            return self._unnamed(self._known)
        numbers = {variable: n for n, variable in enumerate(self._variables)}
        depends = {
            numbers[variable]: frozenset(
                numbers[2 * n] for n in self._logic.below([literal]) if 2 * n in numbers
            )
            for variable, literal in self.becomes.items()
        }
        place = {register: n for n, register in enumerate(self.registers)}
        states = self._states
        guessed = {
            tuple(sorted(self._variables[window[n]] ^ value for n, value in one))
            for window in windows(self.groups, depends)
            for one in unseen_in(states[[place[register] for register in window]])
        }
        return lasting(self._logic, self.becomes, [], sorted(guessed))

    def _unnamed(self, facts: Sequence[Fact]) -> list[Clause]:
        """Return facts as clauses, but those of registers that are not there."""
        there = {place: self._variables[r] for place, r in self._places.items()}
        return [
            tuple(sorted(there[name, bit] ^ (not value) for name, bit, value in fact))
            for fact in facts
            if all((name, bit) in there for name, bit, _ in fact)
        ]

    @property
    def named(self) -> list[Fact]:
        """The facts, by names of registers."""
        names = {self._variables[r]: place for place, r in self._places.items()}
        return [tuple((*names[n & ~1], not n & 1) for n in clause) for clause in self.facts]

    def learn(self, clauses: Sequence[Clause]) -> None:
        """Add those clauses to the facts that hold for ever; all must be true at power-up."""
        self.facts += lasting(self._logic, self.becomes, self.facts, clauses)

    @property
    def groups(self) -> dict[int, str]:
        """For each register, what it belongs to: a structure, or a component."""
        structures = {name.rpartition(".")[0] for name in self._by_name}
        groups = {}
        for register in self.registers:
            names = [name for name, word in sorted(self._by_name.items()) if register in word]
            widths = {name: len(self._by_name[name]) for name in names}
            name = max((n for n in names if widths[n] <= NARROW), key=widths.__getitem__)
            groups[register] = name if name in structures else name.rpartition(".")[0] or name
        return groups

    @property
    def _states(self) -> Bits:
        """What the registers hold on walks, the first state among them."""
        states = []
        for walk in self._walks:
            walker = Walker(self._gates, 0)
            for driven in walk:
                states.append(walker.registers[self.registers])
                walker.settle(driven)
                walker.edge()
        words = np.stack(states, axis=1).reshape(len(self.registers), -1)
        return np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")
