"""What always holds in a netlist's control: found on random walks, then proven by induction.

What is found are bits that never move, and pairs of control bits of which one at least is always
true. What is kept is proven together: if all of it holds in a cycle, it does in the next, whatever
else registers hold and whatever is driven.
"""

from collections.abc import Mapping, Sequence
from time import process_time

import numpy as np
import numpy.typing as npt

from .bits import BitSolver, evaluated
from .gates import Gates
from .literals import FALSE, Literals, settled
from .sliced import LANES, SELECT
from .walk import Traffic, Walker

CYCLES = 3000
"""Of a walk, in each lane."""

COLUMNS = 1 << 17
"""States in which pairs are looked for."""

SOLVER_SECONDS = 300.0
"""For one answer; on a busy machine it is waited for."""

WALKED_ON = 48
"""Cycles from a state that refutes something."""

Clause = tuple[int, ...]
Bools = npt.NDArray[np.bool_]


def walked(
    gates: Gates, control: Sequence[int], folds: int, seed: int
) -> tuple[npt.NDArray[np.uint8], Bools]:
    """Return states of control registers on a walk, and which of all registers never move.

    Parameters
    ----------
    gates : Gates
        The netlist.
    control : sequence of int
        Registers.
    folds : int
        Beats of a sample.
    seed : int
        Of the walk.
    """
    walker, traffic = Walker(gates, 0), Traffic(gates, folds, seed)
    ever = np.zeros_like(walker.registers)
    states = [walker.registers[control].copy()]
    for _ in range(CYCLES):
        walker.settle(traffic.next())
        traffic.seen(walker.slots)
        walker.edge()
        ever |= walker.registers
        states.append(walker.registers[control].copy())
    words = np.stack(states[1:], axis=1).reshape(len(control), -1)
    bits = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")
    picked = np.random.default_rng(seed).permutation(bits.shape[1])[:COLUMNS]
    first = np.unpackbits(states[0].view(np.uint8), axis=1, bitorder="little")[:, :1]
    still: Bools = np.asarray(~ever.any(axis=1))
    return np.concatenate([first, bits[:, picked]], axis=1), still


def pairs(states: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return pairs of rows, of which one at least is 1 in each state.

    Rows from the number of control bits on stand for their negations.
    """
    both = np.concatenate([states, 1 - states]).astype(np.float32)
    together = both @ both.T
    count = len(states)
    places = np.arange(2 * count)
    negated = (places + count) % (2 * count)
    moving = together[places, places] > 0
    # never both false: the negations are never true together
    found = np.argwhere(together[np.ix_(negated, negated)] == 0)
    a, b = found.T
    kept = (a < b) & (negated[a] != b) & moving[a] & moving[b] & moving[negated[a]]
    chosen: npt.NDArray[np.int64] = found[kept & moving[negated[b]]]
    return chosen


class Invariants:
    """What is proven of a netlist's control.

    Parameters
    ----------
    logic, solver
        Where literals are made, and who is asked about them.
    gates : Gates
        The netlist.
    variables : sequence of int
        Variable of each register.
    becomes : sequence of int
        Literal of what each register becomes.
    control : sequence of int
        Registers of the control.
    folds : int
        Beats of a sample.
    seconds : float
        In which it must be proven; nothing is, if it is not.
    """

    def __init__(
        self,
        logic: Literals,
        solver: BitSolver,
        gates: Gates,
        variables: Sequence[int],
        becomes: Sequence[int],
        control: Sequence[int],
        folds: int,
        seconds: float,
    ) -> None:
        self._logic, self._solver, self._gates = logic, solver, gates
        self._variables, self._becomes = variables, becomes
        self._control = list(control)
        self._rng = np.random.default_rng(0)
        self._end = process_time() + seconds
        states, still = walked(gates, control, folds, seed=0)
        self._pairs = pairs(states)
        self._still = self._still_proven(still & ~gates.initial)
        self.rounds = 0
        self.clauses: list[Clause] = self._proven()

    def _still_proven(self, still: Bools) -> npt.NDArray[np.int64]:
        """Return registers that are 0 for good, by what constants make of the logic."""
        inputs = [s for n, slots in self._gates.inputs.items() if n != SELECT for s in slots]
        free = {slot: self._logic.var() for slot in inputs}
        left = still
        while True:
            held = np.where(left, FALSE, self._variables).tolist()
            sources = free | dict(zip(self._gates.registers[:, 0].tolist(), held, strict=True))
            slots = settled(self._logic, self._gates, sources)
            becomes = np.array([slots[slot] for slot in self._gates.registers[:, 1].tolist()])
            kept = left & (becomes == FALSE)
            if (kept == left).all():
                return np.flatnonzero(left)
            left = kept

    def literal(self, row: int) -> int:
        """Return the literal of a row of `pairs`."""
        count = len(self._control)
        return self._variables[self._control[row % count]] ^ (row >= count)

    def later(self, literal: int) -> int:
        """Return what a register's literal becomes."""
        return self._next[literal & ~1] ^ (literal & 1)

    def _proven(self) -> list[Clause]:
        self._next = dict(zip(self._variables, self._becomes, strict=True))
        units: list[Clause] = [(self._variables[r] ^ 1,) for r in self._still.tolist()]
        while process_time() < self._end:
            self.rounds += 1
            clauses = [(self.literal(a), self.literal(b)) for a, b in self._pairs.tolist()]
            everything: list[Clause] = [*units, *clauses]
            broken = [self._broken(clause) for clause in clauses]
            open_ones = [literal for literal in broken if literal]
            if not open_ones:
                return everything
            try:
                values = self._solver.true_at_once([*everything, open_ones], SOLVER_SECONDS)
            except TimeoutError:
                return []
            if values is None:
                return everything
            self._leave_out(broken, values)
        return []

    def _broken(self, clause: Clause) -> int:
        a, b = (self.later(literal) ^ 1 for literal in clause)
        return self._logic.both(a, b)

    def _leave_out(self, broken: Sequence[int], values: Mapping[int, bool]) -> None:
        """Leave out what a state refutes, and what states with the same control do."""
        found = evaluated(self._logic, broken, values)
        gone = np.array([found[literal >> 1] ^ bool(literal & 1) for literal in broken])
        self._pairs = self._pairs[~gone]
        self._walk_on(values)

    def _walk_on(self, values: Mapping[int, bool]) -> None:
        """Go on from a state, in lanes that hold and are given anything, and leave out what fails.

        All that is left holds in each state on the way: what fails in the next is refuted by it.
        """
        walker = Walker(self._gates, 0)
        random = self._rng.integers(0, 1 << 63, walker.registers.shape, dtype=np.uint64)
        walker.registers[:] = random << np.uint64(1) ^ random
        walker.registers[self._still] = 0
        for register in self._control:
            value = values.get(self._variables[register] >> 1, False)
            walker.registers[register] = ~np.uint64(0) if value else 0
        inputs = [s for n, slots in self._gates.inputs.items() if n != SELECT for s in slots]
        habits = {slot: self._rng.random(LANES) ** self._rng.choice([0.2, 1, 5]) for slot in inputs}
        for _ in range(WALKED_ON):
            driven = {}
            for slot, habit in habits.items():
                lanes = self._rng.random(LANES) < habit
                driven[slot] = np.packbits(lanes, bitorder="little").view(np.uint64)
            walker.settle(driven)
            walker.edge()
            bits = walker.registers[self._control]
            both = np.concatenate([bits, ~bits])
            a, b = self._pairs.T
            self._pairs = self._pairs[((both[a] | both[b]) == ~np.uint64(0)).all(axis=1)]
