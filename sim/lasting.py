"""Which of many guesses hold for ever: those that, with the others, keep themselves true.

What one state refutes is left out, and again, until no state does (C. Flanagan and K. R. M. Leino,
*Houdini, an annotation assistant for ESC/Java*, 2001). From each state that a solver finds, the
logic also runs on, in many lanes: what all guesses left allow, no step leaves again.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from .bits import Asked
from .literals import TRUE, Literals
from .reach import Clause
from .running import Running, habits, packed
from .sliced import LANES
from .walk import Words

TOGETHER = 64
"""Clauses in one question."""

CYCLES = 24
"""Cycles run on from each state found."""


def lasting(
    logic: Literals,
    becomes: Mapping[int, int],
    facts: Sequence[Clause],
    clauses: Sequence[Clause],
    beside: Mapping[int, int] | None = None,
) -> list[Clause]:
    """Return those of some clauses, all true at first, that facts and they alone keep true.

    Parameters
    ----------
    logic : Literals
        Where literals are made.
    becomes : mapping from int to int
        Each variable of facts and clauses, and the literal of what it becomes.
    facts : sequence of Clause
        What holds in any case.
    clauses : sequence of Clause
        The guesses.
    beside : mapping from int to int, optional
        Other registers, and what they become: to run on with. What is not said is free.
    """
    left, asked = list(clauses), Asked(logic)
    for fact in facts:
        asked.holds(fact)
    later = {n: becomes[n & ~1] ^ (n & 1) for clause in clauses for n in clause}
    holds = {clause: logic.var() for clause in left}
    broken = dict.fromkeys(left, TRUE)
    for clause in left:
        asked.holds([holds[clause] ^ 1, *clause])
        for literal in clause:
            broken[clause] = logic.both(broken[clause], later[literal] ^ 1)
    onward = _Onward(logic, {**(beside or {}), **becomes})
    at = certain = 0
    while certain < len(left):
        # a few at a time, round and round: all at once are a hard question
        at %= len(left)
        part = left[at : at + TOGETHER]
        some = logic.var()
        asked.holds([some ^ 1, *(broken[clause] for clause in part)])
        try:
            refuted = asked.true([some, *(holds[clause] for clause in left)])
        except TimeoutError:
            left, certain = [clause for clause in left if clause not in part], 0
            continue
        if refuted:
            wrong = {clause for clause in part if asked.value(broken[clause])}
            state = {variable: asked.value(variable) for variable in becomes}
            left = [clause for clause in left if clause not in wrong]
            left, certain = onward.kept(left, state), 0
        else:
            at, certain = at + len(part), certain + len(part)
    return left


class _Onward:
    """Runs logic on from states."""

    def __init__(self, logic: Literals, becomes: Mapping[int, int]) -> None:
        self._running = Running(logic, becomes, {})
        self._becomes = becomes
        self._rng = np.random.default_rng(0)

    def kept(self, clauses: Sequence[Clause], state: Mapping[int, bool]) -> list[Clause]:
        """Return the clauses that are still true some cycles after a state, however driven."""
        if not clauses:
            return []
        rng, running = self._rng, self._running
        start = {n: rng.random(LANES) < 0.5 for n in self._becomes}
        start |= {n: np.full(LANES, value) for n, value in state.items()}
        running.hold(dict(zip(start, packed(np.array(list(start.values()))), strict=True)))
        often = habits(rng, len(running.free))
        variables = sorted({literal & ~1 for clause in clauses for literal in clause})
        rows = _rows(clauses, {variable: n for n, variable in enumerate(variables)})
        true = np.ones(len(clauses), dtype=np.bool_)
        for _ in range(CYCLES):
            drawn = packed(rng.random(often.shape) < often) if len(often) else ()
            running.step(dict(zip(running.free, drawn, strict=True)))
            true &= _true(rows, running.held(variables))
        return [clause for clause, there in zip(clauses, true.tolist(), strict=True) if there]


def _rows(clauses: Sequence[Clause], place: Mapping[int, int]) -> npt.NDArray[np.int64]:
    """Return the places of literals in `_true`, a row a clause, short ones filled up with one."""
    width = max(map(len, clauses))
    return np.array(
        [
            [2 * place[n & ~1] + (n & 1) for n in (clause + clause[-1:] * (width - len(clause)))]
            for clause in clauses
        ]
    )


def _true(rows: npt.NDArray[np.int64], held: Words) -> npt.NDArray[np.bool_]:
    """Tell which clauses are true in all lanes."""
    literals = np.stack([held, ~held], axis=1).reshape(2 * len(held), -1)
    found = literals[rows[:, 0]]
    for column in rows.T[1:]:
        found |= literals[column]
    return np.asarray((found == ~np.uint64(0)).all(axis=1))
