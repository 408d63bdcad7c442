"""Every state that a component can reach, with words of data as tokens.

Control is followed as it is, state by state, under every choice of the world outside. Words of data
are variables: a component that only moves them treats all words alike, so that what is true of a
token is true of every word. Tokens are named anew in each state, by their place in what the
contract says is inside; so there are finitely many states, and when all have been seen the claim
holds for runs of any length.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from .symbolic import SymbolicNetlist
from .term_values import variables
from .terms import Term, Terms, below

Outputs = Mapping[str, Term]
Move = Mapping[str, int]
"""What the world outside does in a cycle: control inputs by port."""


class Violation(Exception):
    """A component broke its contract."""


class Contract(Protocol):
    """What a component promises, as a state of its own beside the component's.

    A contract is immutable; it holds the tokens that are inside, oldest first.
    """

    @property
    def tokens(self) -> tuple[Term, ...]:
        """Tokens that are still of interest."""

    @property
    def key(self) -> Hashable:
        """What tells it from others that hold as many tokens."""

    def moves(self) -> Iterable[Move]:
        """Return what the world may do."""

    def inputs(self, move: Move) -> Mapping[str, Term]:
        """Return the component's inputs for a move, with new tokens."""

    def after(self, move: Move, outputs: Outputs) -> "Contract":
        """Return the contract behind a cycle.

        Raises
        ------
        Violation
            If the outputs are not those that are promised.
        """

    def renamed(self, names: Mapping[Term, Term]) -> "Contract":
        """Return it with other tokens in place of its own."""


class Broken(NamedTuple):
    """How a contract is broken.

    Members
    -------
    moves : list of Move
        From the cycle behind the reset on.
    message : str
        What was promised, and what was seen.
    """

    moves: list[Move]
    message: str


class Explored(NamedTuple):
    """What was seen.

    Members
    -------
    states, steps : int
        Different states, and transitions tried.
    broken : Broken or None
        The shortest way to a violation, if there is one.
    """

    states: int
    steps: int
    broken: Broken | None


class _State(NamedTuple):
    registers: tuple[tuple[int, Term], ...]
    memory: tuple[tuple[str, tuple[Term, ...]], ...]
    contract: Any


def explore(
    netlist: SymbolicNetlist,
    start: Contract,
    *,
    told: Callable[[int], None] = lambda states: None,
) -> Explored:
    """Visit all states that can be reached after a reset from any state whatever.

    Parameters
    ----------
    netlist : SymbolicNetlist
        The component.
    start : Contract
        What holds behind the reset.
    told : callable
        Given the number of states from time to time.
    """
    terms = netlist.terms
    netlist.reset()
    first = _canonical(terms, _taken(netlist, start))
    seen: dict[Hashable, tuple[Hashable, Move] | None] = {_key(first): None}
    waiting = deque([first])
    steps = 0
    while waiting:
        state = waiting.popleft()
        for move in state.contract.moves():
            steps += 1
            _put(netlist, state)
            outputs = netlist.step(state.contract.inputs(move))
            try:
                contract = state.contract.after(move, outputs)
            except Violation as violation:
                return Explored(len(seen), steps, Broken(_way(seen, state, move), str(violation)))
            following = _canonical(terms, _taken(netlist, contract))
            key = _key(following)
            if key not in seen:
                seen[key] = _key(state), move
                waiting.append(following)
                if len(seen) % 1000 == 0:
                    told(len(seen))
    return Explored(len(seen), steps, None)


def _way(
    seen: Mapping[Hashable, tuple[Hashable, Move] | None], state: _State, last: Move
) -> list[Move]:
    """Return the moves that lead to a state, and one more."""
    moves, key = [last], _key(state)
    while (step := seen[key]) is not None:
        key, move = step
        moves.append(move)
    return moves[::-1]


def _taken(netlist: SymbolicNetlist, contract: Contract) -> _State:
    memory = tuple((name, tuple(rows)) for name, rows in netlist.memory.items())
    return _State(tuple(netlist.state.items()), memory, contract)


def _put(netlist: SymbolicNetlist, state: _State) -> None:
    netlist.state = dict(state.registers)
    netlist.memory = {name: list(rows) for name, rows in state.memory}


def _key(state: _State) -> Hashable:
    registers = tuple(term.number for _, term in state.registers)
    memory = tuple(term.number for _, rows in state.memory for term in rows)
    return registers, memory, len(state.contract.tokens), state.contract.key


def _canonical(terms: Terms, state: _State) -> _State:
    """Name tokens by their place in the contract; what it does not hold is any word."""
    names = {
        token: terms.var(f"token {n}, {token.width} bits", token.width)
        for n, token in enumerate(dict.fromkeys(state.contract.tokens))
    }
    made: dict[Term, Term] = dict(names)

    def named(place: str, term: Term) -> Term:
        """Return a word over the new names; of what is nobody's token, each place has its own."""
        others, inside = 0, variables([term])
        if inside and names.keys().isdisjoint(inside):
            return terms.var(f"any at {place}", term.width)
        for inner in below([term]):
            if inner.op == "var" and inner not in names:
                made[inner] = terms.var(f"any {others} at {place}", inner.width)
                others += 1
            elif inner not in names:
                made[inner] = terms.rebuilt(inner, [made[arg] for arg in inner.args])
        return made[term]

    return _State(
        tuple((word, named(str(word), term)) for word, term in state.registers),
        tuple(
            (name, tuple(named(f"{name} {row}", term) for row, term in enumerate(rows)))
            for name, rows in state.memory
        ),
        state.contract.renamed(names),
    )
