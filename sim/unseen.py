"""Proofs that a fault is never seen: whatever is driven, all ports show the same.

A mutant and the true machine are run side by side in thought. They start alike, and three things
are tried, each sound: that their logic is the same; that from equal states they go to equal ones;
that they go from *alike* to alike, where some registers may differ while certain control bits say
that what they hold does not matter. Which registers, and which bits, is guessed on a random walk of
both, and then corrected by what refutes it.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from time import process_time

import numpy as np

from bittrue.model.exceptions import ToolMissing

from .bits import BitSolver, evaluated
from .gates import Gates
from .invariants import Clause, Invariants
from .literals import Literals, registers_by_name, settled
from .sliced import SELECT
from .walk import Traffic, Walker

WALKS = ((1000, 1), (1000, 2))
"""Cycles and seed of walks with a mutant."""

ROUNDS = 80
"""Times that what is guessed is corrected."""

INVARIANT_SECONDS = 120.0


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
    """

    version = "3"

    def __init__(
        self,
        gates: Gates,
        flipped: Mapping[int, Sequence[int]],
        promises: Mapping[tuple[str, int], tuple[str, int]],
        folds: int,
        seconds: float,
    ) -> None:
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
        self._true = self._settled(0, {})

    def _settled(self, number: int, twins: Mapping[int, set[int]]) -> list[int]:
        """Return literals of all slots of a machine, of which some registers are its own."""
        chosen = self._gates.inputs.get(SELECT, [])
        sources = self._inputs | {slot: number >> n & 1 for n, slot in enumerate(chosen)}
        for register, slot in enumerate(self._registers):
            own = register in twins
            sources[slot] = (self._twins if own else self._variables)[register]
        return settled(self._logic, self._gates, sources)

    def proof(self, number: int) -> str:
        """Return how a mutant is proven to be equivalent, or nothing."""
        flipped = tuple(self._flipped.get(number, ()))
        if number in self._flipped:
            if not flipped:
                return "the same at power-up"
            number = 0
        elif self._same(self._settled(number, {})):
            return "the same logic"
        if self._seconds <= 0:
            return ""
        try:
            return self._related(number, flipped)
        except (ToolMissing, TimeoutError):
            return ""

    def _same(self, slots: Sequence[int]) -> bool:
        shown = [slot for slots in self._gates.outputs.values() for slot in slots]
        return all(slots[slot] == self._true[slot] for slot in [*self._becomes, *shown])

    @cached_property
    def _solver(self) -> BitSolver:
        return BitSolver(self._logic)

    @cached_property
    def _control(self) -> list[int]:
        """Registers that reset clears, without counters and what is as wide."""
        (reset,) = self._gates.inputs["rst"]
        sources = self._inputs | dict(zip(self._registers, self._variables, strict=True))
        sources |= dict.fromkeys(self._gates.inputs.get(SELECT, []), 0)
        slots = settled(self._logic, self._gates, sources | {reset: 1})
        wide = {
            register
            for (name, _), register in registers_by_name(self._gates, SELECT).items()
            if name.startswith(LEFT_OUT)
        }
        return [
            register
            for register, slot in enumerate(self._becomes)
            if slots[slot] < 2 and register not in wide
        ]

    @cached_property
    def _invariants(self) -> Invariants:
        return Invariants(
            self._logic,
            self._solver,
            self._gates,
            self._variables,
            [self._true[slot] for slot in self._becomes],
            self._control,
            self._folds,
            INVARIANT_SECONDS,
        )

    def _related(self, number: int, flipped: tuple[int, ...]) -> str:
        """Return the proof that a mutant goes from alike to alike, or nothing."""
        facts = self._invariants.clauses
        if not flipped and self._stays_equal(number, facts):
            return "equal states become equal"
        alike = self._guessed(number, flipped)
        if alike is None:
            return ""
        end = process_time() + self._seconds
        for _ in range(ROUNDS):
            slots = self._settled(number, alike)
            equal = [
                (guard ^ 1, self._logic.differ(self._variables[r], self._twins[r]) ^ 1)
                for r, guards in alike.items()
                for guard in guards
            ]
            shown, moved = self._unlike(slots, alike)
            wrong = [*shown, *(literal for _, _, literal in moved)]
            if not wrong:
                return self._how(alike)
            left = end - process_time()
            if left <= 0:
                return ""
            values = self._solver.true_at_once([*facts, *equal, wrong], left)
            if values is None:
                return self._how(alike)
            found = evaluated(self._logic, wrong, values)

            def true(literal: int, found: Mapping[int, bool] = found) -> bool:
                return found[literal >> 1] ^ bool(literal & 1)

            if any(map(true, shown)):
                return ""
            for register, guard, literal in moved:
                if not true(literal):
                    continue
                if guard is None:
                    alike[register] = set(self._literals)
                else:
                    alike[register].discard(guard)
        return ""

    def _stays_equal(self, number: int, facts: Sequence[Clause]) -> bool:
        """Tell whether equal states, of which facts hold, show the same and become equal."""
        shown, moved = self._unlike(self._settled(number, {}), {})
        wrong = [*shown, *(literal for _, _, literal in moved)]
        return self._solver.true_at_once([*facts, wrong], self._seconds) is None

    def _how(self, alike: Mapping[int, set[int]]) -> str:
        return f"alike states become alike, {len(alike)} registers apart"

    @property
    def _literals(self) -> list[int]:
        """Literals of the control that may say that a register matters."""
        variables = [self._variables[register] for register in self._control]
        return [*variables, *(variable ^ 1 for variable in variables)]

    def _unlike(
        self, slots: Sequence[int], alike: Mapping[int, set[int]]
    ) -> tuple[list[int], list[tuple[int, int | None, int]]]:
        """Return literals that say what differs in a promised output, and what in a register."""
        logic, true = self._logic, self._true
        shown = []
        for name, places in self._gates.outputs.items():
            for bit, slot in enumerate(places):
                different = logic.differ(true[slot], slots[slot])
                port, condition = self._promises.get((name, bit), (name, -1))
                if condition >= 0:
                    needed = true[self._gates.outputs[port][condition]]
                    different = logic.both(different, needed)
                if different:
                    shown.append(different)
        moved: list[tuple[int, int | None, int]] = []
        later = dict(zip(self._variables, (true[slot] for slot in self._becomes), strict=True))
        for register, slot in enumerate(self._becomes):
            different = logic.differ(true[slot], slots[slot])
            if not different:
                continue
            if register not in alike:
                moved.append((register, None, different))
                continue
            for guard in alike[register]:
                literal = logic.both(later[guard & ~1] ^ guard & 1, different)
                if literal:
                    moved.append((register, guard, literal))
        return shown, moved

    def _guessed(self, number: int, flipped: tuple[int, ...]) -> dict[int, set[int]] | None:
        """Walk both machines; return which registers differ and when not, None if it is seen."""
        literals = self._literals
        allowed = np.ones((0, len(literals)), dtype=np.bool_)
        differing: list[int] = []
        for cycles, seed in WALKS:
            true, faulty = Walker(self._gates, 0), Walker(self._gates, number, flipped)
            traffic = Traffic(self._gates, self._folds, seed)
            for _ in range(cycles):
                different = true.registers ^ faulty.registers
                rows = np.flatnonzero(different.any(axis=1))
                for register in set(rows.tolist()) - set(differing):
                    differing.append(register)
                    allowed = np.concatenate([allowed, np.ones((1, len(literals)), dtype=np.bool_)])
                if len(rows):
                    control = true.registers[self._control]
                    both = np.concatenate([control, ~control])
                    for place, register in enumerate(differing):
                        if different[register].any():
                            allowed[place] &= ~(both & different[register]).any(axis=1)
                driven = traffic.next()
                true.settle(driven)
                faulty.settle(driven)
                if self._seen(true, faulty):
                    return None
                traffic.seen(true.slots)
                true.edge()
                faulty.edge()
        return {
            register: {literals[n] for n in np.flatnonzero(allowed[place]).tolist()}
            for place, register in enumerate(differing)
        }

    def _seen(self, true: Walker, faulty: Walker) -> bool:
        outputs = self._gates.outputs
        for name, places in outputs.items():
            for bit, slot in enumerate(places):
                different = true.slots[slot] ^ faulty.slots[slot]
                port, condition = self._promises.get((name, bit), (name, -1))
                if condition >= 0:
                    different &= true.slots[outputs[port][condition]]
                if different.any():
                    return True
        return False


LEFT_OUT = ("counter_", "tracer_", "trace_", "count", "in_flight", "loaded__payload")
"""Beginnings of names of registers that are no control, or as wide as data."""
