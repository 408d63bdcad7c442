"""Questions about bits, put to a solver."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .literals import FALSE, TRUE, Literals
from .solver import bitwuzla

ANSWER = 20_000
"""Milliseconds for one of many answers."""


class _Terms:
    """Bitwuzla's terms for literals.

    Parameters
    ----------
    logic : Literals
        What literals stand for.

    Raises
    ------
    ToolMissing
        If it is not installed.
    """

    def __init__(self, logic: Literals) -> None:
        self._library = bitwuzla()
        self._logic = logic
        self._manager = self._library.TermManager()
        self._bool = self._manager.mk_bool_sort()
        self._made: list[Any] = [self._manager.mk_false()]

    def _term(self, literal: int) -> Any:
        node = literal >> 1
        if node >= len(self._made) or self._made[node] is None:
            self._make(node)
        term = self._made[node]
        return self._manager.mk_term(self._library.Kind.NOT, [term]) if literal & 1 else term

    def _any(self, clause: Sequence[int]) -> Any:
        """Return the term that says that a literal of a clause is true."""
        terms = [self._term(literal) for literal in clause]
        if len(terms) == 1:
            return terms[0]
        return self._manager.mk_term(self._library.Kind.OR, terms)

    def _make(self, root: int) -> None:
        if root >= len(self._made):
            self._made += [None] * (len(self._logic.kinds) - len(self._made))
        kinds = self._library.Kind
        names = {"and": kinds.AND, "xor": kinds.XOR}
        waiting = [root]
        while waiting:
            node = waiting[-1]
            if self._made[node] is not None:
                waiting.pop()
                continue
            kind, operands = self._logic.kinds[node], self._logic.operands[node]
            missing = [o >> 1 for o in operands if self._made[o >> 1] is None]
            if missing:
                waiting += missing
                continue
            if kind == "var":
                self._made[node] = self._manager.mk_const(self._bool)
            elif kind == "mux":
                a, b, s = map(self._term, operands)
                self._made[node] = self._manager.mk_term(kinds.ITE, [s, b, a])
            else:
                self._made[node] = self._manager.mk_term(
                    names[kind], [self._term(operand) for operand in operands]
                )
            waiting.pop()


class BitSolver(_Terms):
    """Bitwuzla, asked about literals.

    Parameters
    ----------
    logic : Literals
        What literals stand for.

    Raises
    ------
    ToolMissing
        If it is not installed.
    """

    def true_at_once(
        self, clauses: Iterable[Sequence[int]], seconds: float
    ) -> Mapping[int, bool] | None:
        """Return the variables' values, by node, with which every clause holds; None if none do.

        Parameters
        ----------
        clauses : iterable of sequence of int
            Literals, of which one at least must be true.
        seconds : float
            Time for the answer.

        Raises
        ------
        TimeoutError
            If there is none in time.
        """
        options = self._library.Options()
        options.set(self._library.Option.PRODUCE_MODELS, True)
        options.set(self._library.Option.TIME_LIMIT_PER, max(int(1000 * seconds), 1))
        solver = self._library.Bitwuzla(self._manager, options)
        roots: list[int] = []
        for clause in clauses:
            roots += clause
            solver.assert_formula(self._any(clause))
        result = solver.check_sat()
        if result == self._library.Result.UNSAT:
            return None
        if result != self._library.Result.SAT:
            raise TimeoutError(f"no answer in {seconds:g} s")
        return {
            node: bool(solver.get_value(self._made[node]).value())
            for node in self._logic.below(roots)
            if self._logic.kinds[node] == "var"
        }


class Asked(_Terms):
    """Bitwuzla, asked again and again about clauses that only become more.

    Parameters
    ----------
    logic : Literals
        What literals stand for.

    Raises
    ------
    ToolMissing
        If it is not installed.
    """

    def __init__(self, logic: Literals) -> None:
        super().__init__(logic)
        options = self._library.Options()
        options.set(self._library.Option.PRODUCE_MODELS, True)
        options.set(self._library.Option.PRODUCE_UNSAT_ASSUMPTIONS, True)
        options.set(self._library.Option.TIME_LIMIT_PER, ANSWER)
        self._solver = self._library.Bitwuzla(self._manager, options)
        self._assumed: dict[Any, int] = {}
        self._core: set[int] = set()

    def holds(self, clause: Sequence[int]) -> None:
        """Add a clause."""
        self._solver.assert_formula(self._any(clause))

    def true(self, literals: Sequence[int]) -> bool:
        """Tell whether all clauses and some literals can be true at once.

        Raises
        ------
        TimeoutError
            If that takes too long.
        """
        self._assumed, self._core = {}, {FALSE}
        if FALSE in literals:
            return False
        self._assumed = {self._term(literal): literal for literal in literals if literal != TRUE}
        result = self._solver.check_sat(*self._assumed)
        if result == self._library.Result.SAT:
            return True
        if result != self._library.Result.UNSAT:
            raise TimeoutError("no answer in time")
        self._core = {self._assumed[term] for term in self._solver.get_unsat_assumptions()}
        return False

    def value(self, literal: int) -> bool:
        """Return what a literal is where all was true at once."""
        return bool(self._solver.get_value(self._term(literal)).value())

    def core(self) -> set[int]:
        """Return those of the literals that cannot be true at once."""
        return self._core


def evaluated(logic: Literals, roots: Sequence[int], values: Mapping[int, bool]) -> dict[int, bool]:
    """Return the value of each node below some literals; variables without one are false."""
    found: dict[int, bool] = {0: False}
    for node in logic.below(roots):
        kind, operands = logic.kinds[node], logic.operands[node]
        at = [found[operand >> 1] ^ bool(operand & 1) for operand in operands]
        if kind == "var":
            found[node] = values.get(node, False)
        elif kind == "and":
            found[node] = at[0] and at[1]
        elif kind == "xor":
            found[node] = at[0] != at[1]
        elif kind == "mux":
            found[node] = at[1] if at[2] else at[0]
    return found
