"""Questions about terms, put to an SMT solver."""

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from bittrue.model.exceptions import ToolMissing

from .terms import Term, below

OPERATIONS = {
    "and": "BV_AND",
    "or": "BV_OR",
    "xor": "BV_XOR",
    "add": "BV_ADD",
    "sub": "BV_SUB",
    "mul": "BV_MUL",
    "eq": "BV_COMP",
    "shl": "BV_SHL",
    "lshr": "BV_SHR",
    "ashr": "BV_ASHR",
    "not": "BV_NOT",
}
"""Bitwuzla's names of what gives a word."""

RELATIONS = {"ult": "BV_ULT", "slt": "BV_SLT"}
"""And of what gives a truth value."""


def bitwuzla() -> Any:
    """Return the package ``bitwuzla``.

    Raises
    ------
    ToolMissing
        If it is not installed.
    """
    try:
        return import_module("bitwuzla")
    except ImportError:
        raise ToolMissing(
            "bitwuzla must be installed for proofs, got none: pip install 'bittrue[prove]'"
        ) from None


class Solver:
    """Bitwuzla, asked whether words can differ.

    Parameters
    ----------
    seconds : float
        Time for one question.

    Raises
    ------
    ToolMissing
        If it is not installed.
    """

    def __init__(self, seconds: float = 60.0) -> None:
        self._library = bitwuzla()
        self._manager = self._library.TermManager()
        self._milliseconds = int(1000 * seconds)
        self._made: dict[int, Any] = {}
        self.asked = 0

    @property
    def version(self) -> str:
        """Version of the solver."""
        return f"bitwuzla {self._library.version()}"

    def differ(
        self, a: Term, b: Term, *, within: Mapping[Term, tuple[int, int]] | None = None
    ) -> dict[str, int] | None:
        """Return values of variables for which two words differ, or None if there are none.

        Parameters
        ----------
        a, b : Term
            Words of one width.
        within : mapping from Term to (int, int), optional
            Smallest and largest signed value that variables have.

        Raises
        ------
        TimeoutError
            If the solver does not know in time.
        """
        ranges = [bound for pair in (within or {}).items() for bound in self._bounds(*pair)]
        return self.satisfied([self._distinct(a, b), *ranges], [a, b])

    def _bounds(self, word: Term, ends: tuple[int, int]) -> list[Any]:
        low, high = (
            self._manager.mk_bv_value(self._manager.mk_bv_sort(word.width), end) for end in ends
        )
        kind = self._library.Kind.BV_SLE
        return [
            self._manager.mk_term(kind, [low, self._of(word)]),
            self._manager.mk_term(kind, [self._of(word), high]),
        ]

    def can_be(self, bit: Term, value: int) -> dict[str, int] | None:
        """Return values of variables for which one bit has a value, or None if there are none.

        Raises
        ------
        TimeoutError
            If the solver does not know in time.
        """
        wanted = self._manager.mk_bv_value(self._manager.mk_bv_sort(1), value)
        equal = self._manager.mk_term(self._library.Kind.EQUAL, [self._of(bit), wanted])
        return self.satisfied([equal], [bit])

    def _distinct(self, a: Term, b: Term) -> Any:
        kind = self._library.Kind.DISTINCT
        return self._manager.mk_term(kind, [self._of(a), self._of(b)])

    def satisfied(self, conditions: Iterable[Any], about: Iterable[Term]) -> dict[str, int] | None:
        """Return the variables' values where all conditions hold, or None."""
        self.asked += 1
        options = self._library.Options()
        options.set(self._library.Option.PRODUCE_MODELS, True)
        options.set(self._library.Option.TIME_LIMIT_PER, self._milliseconds)
        solver = self._library.Bitwuzla(self._manager, options)
        for condition in conditions:
            solver.assert_formula(condition)
        result = solver.check_sat()
        if result == self._library.Result.UNSAT:
            return None
        if result != self._library.Result.SAT:
            raise TimeoutError(f"no answer in {self._milliseconds / 1000:g} s")
        return {
            str(term.value): int(solver.get_value(self._of(term)).value(10))
            for term in below(about)
            if term.op == "var"
        }

    def _of(self, root: Term) -> Any:
        for term in self._new_below(root):
            self._made[term.number] = self._made_of(term)
        return self._made[root.number]

    def _new_below(self, root: Term) -> list[Term]:
        seen: dict[int, Term] = {}
        waiting = [root]
        while waiting:
            term = waiting.pop()
            if term.number not in self._made and term.number not in seen:
                seen[term.number] = term
                waiting.extend(term.args)
        return [seen[number] for number in sorted(seen)]

    def _made_of(self, term: Term) -> Any:
        make, kinds = self._manager.mk_term, self._library.Kind
        args = [self._made[arg.number] for arg in term.args]
        match term.op:
            case "const":
                return self._manager.mk_bv_value(self._manager.mk_bv_sort(term.width), term.value)
            case "var":
                return self._manager.mk_const(self._manager.mk_bv_sort(term.width), str(term.value))
            case "slice":
                low = int(term.value)
                return make(kinds.BV_EXTRACT, args, [low + term.width - 1, low])
            case "concat":
                return make(kinds.BV_CONCAT, args[::-1])
            case "sext":
                return make(kinds.BV_SIGN_EXTEND, args, [term.width - term.args[0].width])
            case "ite":
                return make(kinds.ITE, [self._true(args[0]), args[1], args[2]])
        if term.op in RELATIONS:
            truth = make(getattr(kinds, RELATIONS[term.op]), args)
            return make(kinds.ITE, [truth, self._bit(1), self._bit(0)])
        return make(getattr(kinds, OPERATIONS[term.op]), args)

    def _bit(self, value: int) -> Any:
        return self._manager.mk_bv_value(self._manager.mk_bv_sort(1), value)

    def _true(self, bit: Any) -> Any:
        return self._manager.mk_term(self._library.Kind.EQUAL, [bit, self._bit(1)])
