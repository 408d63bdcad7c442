"""Whether what is bad can ever come about: proven cycle by cycle, backwards from what is bad.

This is property-directed reachability (A. R. Bradley, *SAT-based model checking without unrolling*,
2011). For growing numbers of cycles, states that lead to what is bad are shown not to be reached
within so many, each by a clause that leaves out as many others as it can. When the clauses of one
number hold for the next too, they hold for ever.
"""

from collections.abc import Mapping, Sequence, Set
from heapq import heappop, heappush
from itertools import count
from time import process_time

from .bits import Asked
from .literals import Literals

Cube = frozenset[int]
"""Literals of the state that are all true."""

Clause = tuple[int, ...]

MOST_CYCLES = 200
"""Frames, at most."""


class Reached(Exception):
    """Something bad can be reached, as far as the state tells."""


class Reach:
    """A state, how it goes on, and what is known of it.

    Parameters
    ----------
    logic : Literals
        Where literals are made.
    becomes : mapping from int to int
        Each variable of the state, and the literal of what it becomes. All else is free.
    initial : mapping from int to bool
        What each of them is at first.
    facts : sequence of sequence of int
        Clauses that hold in each state that is reached.
    seconds : float
        For all questions together.
    """

    def __init__(
        self,
        logic: Literals,
        becomes: Mapping[int, int],
        initial: Mapping[int, bool],
        facts: Sequence[Sequence[int]],
        seconds: float,
    ) -> None:
        self._logic, self._becomes, self._initial = logic, becomes, initial
        self._end = process_time() + seconds
        self._frames_asked, self._asked_alone = Asked(logic), Asked(logic)
        for fact in facts:
            self._frames_asked.holds(fact)
        self.found: list[int] = []
        self._acts: list[int] = []
        self._frames: list[set[Cube]] = []
        self._add_frame()
        for variable, value in initial.items():
            self._frames_asked.holds([self._acts[0] ^ 1, variable ^ (not value)])

    def never(self, bad: Sequence[int]) -> list[Clause]:
        """Return clauses that hold for ever, and with which none of some literals is ever true.

        Raises
        ------
        Reached
            If it can be.
        TimeoutError
            If it is not known in time.
        """
        if not any(bad):
            return []
        some = self._logic.var()
        self._frames_asked.holds([some ^ 1, *bad])
        self._add_frame()
        while len(self._frames) < MOST_CYCLES:
            while self._frames_asked.true([*self._acts[-1:], some]):
                self.found = [n for n in bad if self._frames_asked.value(n)]
                self._block(self._enough(self.found[:1], self._frames_asked))
            self._add_frame()
            proven = self._pushed()
            if proven is not None:
                return proven
        raise TimeoutError(f"not decided in {MOST_CYCLES} cycles")

    def left_out(self, state: Set[int]) -> list[Clause]:
        """Return clauses that hold for some cycles at least, about some variables alone."""
        return [
            _clause(cube)
            for frame in self._frames
            for cube in sorted(frame, key=sorted)
            if {literal & ~1 for literal in cube} <= state
        ]

    def _add_frame(self) -> None:
        self._acts.append(self._logic.var())
        self._frames.append(set())

    def _enough(self, literals: Sequence[int], asked: Asked) -> Cube:
        """Return a part of the state just found that, with all that is free, makes them true."""
        used = [
            2 * node for node in self._logic.below(literals) if self._logic.kinds[node] == "var"
        ]
        values = [variable ^ (not asked.value(variable)) for variable in used]
        only = self._logic.var()
        self._asked_alone.holds([only ^ 1, *(literal ^ 1 for literal in literals)])
        if self._asked_alone.true([only, *values]):
            raise RuntimeError("what was found must be found again")
        core = self._asked_alone.core()
        return frozenset(v for v in values if v in core and v & ~1 in self._becomes)

    def _later(self, literal: int) -> int:
        return self._becomes[literal & ~1] ^ (literal & 1)

    def _at_first(self, cube: Cube) -> bool:
        """Tell whether the first state is in a cube."""
        return all(self._initial[literal & ~1] != bool(literal & 1) for literal in cube)

    def _comes(self, cube: Cube, level: int) -> Cube | None:
        """Ask whether a cube comes about in one cycle, from another that ``level`` cycles reach.

        Return the part of it that does not, or None if all of it can.
        """
        if process_time() > self._end:
            raise TimeoutError("not decided in time")
        other = self._logic.var()
        self._frames_asked.holds([other ^ 1, *(literal ^ 1 for literal in cube)])
        later = {literal: self._later(literal) for literal in cube}
        if self._frames_asked.true([*self._acts[level:], other, *later.values()]):
            return None
        core = self._frames_asked.core()
        return self._past_first(frozenset(n for n in cube if later[n] in core), cube)

    def _past_first(self, part: Cube, cube: Cube) -> Cube:
        """Return a part of a cube, with a literal more if the first state were in it."""
        if not self._at_first(part):
            return part
        apart = min(n for n in cube if self._initial[n & ~1] == bool(n & 1))
        return part | {apart}

    def _block(self, bad: Cube) -> None:
        """Show that a cube is not reached within the cycles looked at."""
        top, number = len(self._frames) - 1, count()
        waiting: list[tuple[int, int, Cube]] = [(top, next(number), bad)]
        while waiting:
            level, _, cube = heappop(waiting)
            if self._at_first(cube) or level == 0:
                raise Reached
            if self._left_out(cube, level):
                continue
            part = self._comes(cube, level - 1)
            if part is None:
                before = self._enough([self._later(n) for n in cube], self._frames_asked)
                heappush(waiting, (level - 1, next(number), before))
                heappush(waiting, (level, next(number), cube))
                continue
            part = self._smaller(part, level)
            while level < top and self._comes(part, level) is not None:
                level += 1
            self._leave_out(part, level)
            if level < top:
                heappush(waiting, (level + 1, next(number), cube))

    def _left_out(self, cube: Cube, level: int) -> bool:
        return any(other <= cube for frame in self._frames[level:] for other in frame)

    def _leave_out(self, cube: Cube, level: int) -> None:
        for frame in self._frames[1 : level + 1]:
            frame -= {other for other in frame if cube <= other}
        self._frames[level].add(cube)
        self._frames_asked.holds([self._acts[level] ^ 1, *(literal ^ 1 for literal in cube)])

    def _smaller(self, cube: Cube, level: int) -> Cube:
        """Return a part of a cube, as small as found, that does not come about either."""
        for literal in sorted(cube):
            less = cube - {literal}
            if literal not in cube or self._at_first(less):
                continue
            part = self._comes(less, level - 1)
            if part is not None:
                cube = part
        return cube

    def _pushed(self) -> list[Clause] | None:
        """Let clauses hold for as many cycles as they do; return them if that is for ever."""
        for level in range(1, len(self._frames) - 1):
            for cube in sorted(self._frames[level], key=sorted):
                if cube in self._frames[level] and self._comes(cube, level) is not None:
                    self._frames[level].discard(cube)
                    self._leave_out(cube, level + 1)
            if not self._frames[level]:
                return [_clause(cube) for frame in self._frames[level + 1 :] for cube in frame]
        return None


def _clause(cube: Cube) -> Clause:
    """Return the clause that leaves a cube out."""
    return tuple(sorted(literal ^ 1 for literal in cube))
