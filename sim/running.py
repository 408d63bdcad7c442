"""Logic at work: registers and what they become, in many lanes, each driven in its own way."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from .gates import Gates
from .literals import Literals
from .sliced import LANES
from .walk import Walker, Words

KINDS = {"and": 0, "xor": 2, "mux": 5}
"""Numbers of the gates of a netlist."""

NOT = 4
HABITS = (0.01, 0.1, 0.5, 0.5, 0.9, 0.99)
"""How often a free variable is true in a lane."""


class Running:
    """Registers in so many lanes.

    Parameters
    ----------
    logic : Literals
        Where literals are made.
    becomes : mapping from int to int
        Variable of each register, and literal of what it becomes.
    initial : mapping from int to bool
        What registers hold at first; false, where it is not said.

    Attributes
    ----------
    free : list of int
        Variables that are no register, and that registers depend on.
    """

    def __init__(
        self, logic: Literals, becomes: Mapping[int, int], initial: Mapping[int, bool]
    ) -> None:
        roots = list(becomes.values())
        nodes = logic.below(roots)
        self.free = [
            2 * node for node in nodes if logic.kinds[node] == "var" and 2 * node not in becomes
        ]
        self._slots = {literal: 2 + n for n, literal in enumerate([*self.free, *becomes])}
        rows, next_slots = _gates(logic, nodes, roots, {0: 0, **self._slots})
        inputs = {str(n): [self._slots[literal]] for n, literal in enumerate(self.free)}
        first = 2 + len(self.free)
        registers = [(first + n, slot) for n, slot in enumerate(next_slots)]
        gates = Gates(
            np.array(rows, dtype=np.int32).reshape(-1, 4),
            np.array(registers, dtype=np.int32).reshape(-1, 2),
            np.array([initial.get(register, False) for register in becomes], dtype=np.bool_),
            inputs,
            {},
            {},
        )
        self._walker = Walker(gates, 0)

    def hold(self, values: Mapping[int, Words]) -> None:
        """Set registers."""
        self._walker.slots[[self._slots[register] for register in values]] = list(values.values())

    def held(self, registers: Sequence[int]) -> Words:
        """Return what registers hold, shape (registers, words)."""
        return self._walker.slots[[self._slots[register] for register in registers]]

    def step(self, driven: Mapping[int, Words]) -> None:
        """Drive free variables, and let the clock rise."""
        self._walker.settle({self._slots[n]: row for n, row in driven.items() if n in self._slots})
        self._walker.edge()


def habits(rng: np.random.Generator, count: int) -> npt.NDArray[np.float64]:
    """Return how often each of so many free variables is true, in each lane."""
    return rng.choice(HABITS, (count, LANES))


def packed(bits: npt.NDArray[np.bool_]) -> Words:
    """Return bits of all lanes as words, shape (rows, words)."""
    return np.ascontiguousarray(np.packbits(bits, axis=1, bitorder="little")).view(np.uint64)


def _gates(
    logic: Literals, nodes: Sequence[int], roots: Sequence[int], slot_of: Mapping[int, int]
) -> tuple[list[tuple[int, int, int, int]], list[int]]:
    """Return rows of gates for nodes, and the slots of some literals."""
    rows: list[tuple[int, int, int, int]] = []
    found, first = {**slot_of, 1: 1}, len(slot_of) + 1

    def at(literal: int) -> int:
        if literal not in found:
            rows.append((NOT, found[literal ^ 1], 0, 0))
            found[literal] = first + len(rows) - 1
        return found[literal]

    for node in nodes:
        if 2 * node not in found:
            a, b, *select = map(at, logic.operands[node])
            rows.append((KINDS[logic.kinds[node]], a, b, select[0] if select else 0))
            found[2 * node] = first + len(rows) - 1
    return rows, [at(root) for root in roots]
