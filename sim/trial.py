"""What is done to a component and what must come of it: proven for all words, replayed for some."""

import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import NamedTuple

from amaranth.lib.wiring import Component

from .bench import Bench, Stimulus
from .equal import Comparison, Outcome, Pair, Status
from .explore import Contract, Move, Violation
from .record import Session
from .solver import Solver
from .symbolic import SymbolicNetlist, netlist_of
from .term_values import value_of, variables
from .terms import Term, Terms, mask

PREFIXES = 40
"""Cycles of traffic before the reset that a replay tries at most."""

MOVED_PREFIXES = 20
"""The same of moves that break a contract."""


class Expected(NamedTuple):
    """A word that must stand at a port in a cycle.

    Members
    -------
    name : str
        What it is.
    cycle : int
        Counted from the first of the trial.
    port : str
        Output port, as in the netlist.
    low : int
        Its first bit there.
    word : Term
        What must stand there.
    """

    name: str
    cycle: int
    port: str
    low: int
    word: Term


class Replay(NamedTuple):
    """What a simulator showed for a counterexample.

    Members
    -------
    name : str
        Word that was wrong, or promise that was broken.
    cycle : int
        When.
    expected, actual : int or None
        Unsigned words, where it was a word.
    before : int
        Cycles of traffic before the trial, where it takes some.
    """

    name: str
    cycle: int
    expected: int | None = None
    actual: int | None = None
    before: int = 0


@dataclass
class Trial:
    """Inputs by cycle, and what they must lead to.

    Members
    -------
    claim : str
        In words.
    build : callable
        Makes the component; given the value of every variable, with memories that hold them.
    terms : Terms
        Where all terms are made.
    stimulus : list of mapping from port to Term
        Inputs of each cycle.
    expected : list of Expected
        What must be.
    inner : list of Pair
        Words of the specification that are looked for inside, before those that use them.
    traffic : callable or None
        Makes inputs for cycles before the trial, from a random generator, for a fault that only a
        certain past shows.
    reset : bool
        The component is reset, from any state whatever, in the cycle before the first.
    powered_up : collection of str
        Memories that hold then what they do at power-up; others hold anything.
    cleared : tuple of str
        Registers that are 0 before the first cycle; with a reset, which it has to see to.
    back : int or None
        Number of cycles behind which those registers must be 0 again; None where they need not.
    period : int
        Cycles of traffic before the trial are a multiple of it.
    session : callable or None
        Makes of the variables' values the weights and samples that they stand for.
    held : mapping from str to Term
        What registers that a reset leaves hold before the first cycle, as memories do.
    past : int
        Cycles of traffic that are tried at most.
    """

    claim: str
    build: Callable[[Mapping[str, int]], Component]
    terms: Terms
    stimulus: list[dict[str, Term]] = field(default_factory=list)
    expected: list[Expected] = field(default_factory=list)
    inner: list[Pair] = field(default_factory=list)
    traffic: Callable[[random.Random], dict[str, int]] | None = None
    reset: bool = False
    powered_up: Collection[str] = ()
    cleared: tuple[str, ...] = ()
    back: int | None = None
    period: int = 1
    session: Callable[[Mapping[str, int]], Session] | None = None
    held: Mapping[str, Term] = field(default_factory=dict)
    past: int = PREFIXES


@dataclass(frozen=True)
class Proof:
    """What became of a claim.

    Members
    -------
    claim : str
        In words.
    status : Status
        Proven, refuted or unknown.
    seconds : float
        Spent on it.
    words : int
        Words proven equal, inner ones included.
    asked, tried : int
        Questions to the solver; words decided by trying all values.
    different : str or None
        The word that differs or is not decided.
    values : dict
        Values of all variables for which it does.
    replay : Replay or None
        What the simulator showed; None also if it could not show it.
    stimulus : list of mapping from port to int
        Input words by cycle with which it did.
    session : Session or None
        The same as weights and samples, of a whole network.
    """

    claim: str
    status: Status
    seconds: float
    words: int = 0
    asked: int = 0
    tried: int = 0
    different: str | None = None
    values: Mapping[str, int] = field(default_factory=dict)
    replay: Replay | None = None
    stimulus: Sequence[Mapping[str, int]] = ()
    session: Session | None = None


def _netlist_under(trial: Trial) -> SymbolicNetlist:
    """Return the component of a trial as it is before the first cycle."""
    netlist = SymbolicNetlist(netlist_of(trial.build({})), trial.terms)
    if trial.reset:
        netlist.reset()
    netlist.fill(trial.powered_up)
    for word, names in netlist.names.items():
        for name in trial.held.keys() & set(names):
            netlist.state[word] = trial.held[name]
    if not trial.reset:
        for word in _cleared(trial, netlist):
            netlist.state[word] = trial.terms.const(0, netlist.state[word].width)
    return netlist


def _cleared(trial: Trial, netlist: SymbolicNetlist) -> list[int]:
    """Return the registers that are 0 at the start of the trial."""
    wanted = set(trial.cleared)
    return [word for word, names in netlist.names.items() if not wanted.isdisjoint(names)]


def _stepped(trial: Trial) -> tuple[list[dict[str, Term]], list[Pair]]:
    """Return what each cycle of a trial shows, and the registers that must be 0 again."""
    netlist = _netlist_under(trial)
    shown: list[dict[str, Term]] = []
    back: list[Pair] = []
    for inputs in trial.stimulus:
        shown.append(netlist.step(inputs))
        if len(shown) == trial.back:
            for word in _cleared(trial, netlist):
                held = netlist.state[word]
                name = f"{netlist.names[word][0]} back at the start"
                back.append(Pair(name, trial.terms.const(0, held.width), held))
    return shown, back


def prove(
    trial: Trial,
    *,
    solver: Solver | None = None,
    waves: Path | None = None,
) -> Proof:
    """Decide a trial for all values of all variables.

    Parameters
    ----------
    trial : Trial
        The claim.
    solver : Solver, optional
        Who is asked.
    waves : path, optional
        Where the waveform of a replay goes, as VCD.
    """
    start = time.perf_counter()
    shown, back = _stepped(trial)
    ends = [
        Pair(e.name, e.word, trial.terms.slice(shown[e.cycle][e.port], e.low, e.word.width))
        for e in trial.expected
    ]
    control = [pair for pair in ends if pair.expected.constant is not None]
    data = [pair for pair in ends if pair.expected.constant is None]
    comparison = Comparison(trial.terms, solver or Solver())
    outcome = comparison.run([*control, *trial.inner, *data, *back])
    replay, session = None, None
    stimulus: Stimulus = []
    if outcome.status is Status.REFUTED:
        # what registers hold at the end is not seen outside
        if outcome.different not in {pair.name for pair in back}:
            replay, stimulus = replayed(trial, outcome, waves)
        session = trial.session(outcome.values) if trial.session else None
    return Proof(
        trial.claim,
        outcome.status,
        time.perf_counter() - start,
        outcome.found,
        outcome.asked,
        outcome.tried,
        outcome.different,
        outcome.values,
        replay,
        stimulus,
        session,
    )


def replayed(trial: Trial, outcome: Outcome, waves: Path | None) -> tuple[Replay | None, Stimulus]:
    """Run a counterexample in a simulator, with more and more traffic before it until it shows.

    Returns
    -------
    replay, stimulus
        What showed, and all that was driven.
    """
    given = outcome.values
    stimulus = [{p: value_of(term, given) for p, term in step.items()} for step in trial.stimulus]
    wanted = [(e, value_of(e.word, given)) for e in trial.expected]
    if trial.reset:
        ending = " in reset"
        held = {n.removesuffix(ending): v for n, v in given.items() if n.endswith(ending)}
        stimulus = [{**held, "rst": 1}, *stimulus]
    bench = Bench(trial.build(outcome.values))
    for before in range(0, trial.past if trial.traffic else 1, trial.period):
        chance = random.Random(before)
        past = [trial.traffic(chance) for _ in range(before)] if trial.traffic else []
        shown = bench.run([*past, *stimulus])
        for e, value in wanted:
            word = shown[before + trial.reset + e.cycle][e.port] >> e.low & (
                (1 << e.word.width) - 1
            )
            if word != value:
                if waves is not None:
                    bench.run([*past, *stimulus], waves)
                return Replay(e.name, e.cycle, value, word, before), [*past, *stimulus]
    return None, stimulus


def replayed_moves(
    component: Component,
    terms: Terms,
    contract: Contract,
    moves: Sequence[Move],
    waves: Path | None = None,
) -> tuple[Replay | None, Stimulus]:
    """Run moves that break a contract in a simulator, with more and more traffic before a reset.

    Parameters
    ----------
    component : Component
        Whose contract it is.
    terms : Terms
        Where the contract's tokens were made.
    contract : Contract
        What holds behind the reset.
    moves : sequence of Move
        The last of them breaks it.
    waves : path, optional
        Where the waveform goes, as VCD.
    """
    bench = Bench(component)
    stimulus: Stimulus = []
    for before in range(MOVED_PREFIXES):
        chance = random.Random(before)
        stimulus = [bench.drawn(chance) for _ in range(before)]
        replay = _moved(bench, terms, contract, moves, stimulus)
        if replay is not None:
            if waves is not None:
                bench.run(stimulus, waves)
            return replay, stimulus
    return None, stimulus


def _moved(
    bench: Bench, terms: Terms, contract: Contract, moves: Sequence[Move], stimulus: Stimulus
) -> Replay | None:
    """Add a reset and moves to a stimulus until the contract is broken.

    Tokens are numbers that count up.
    """
    numbers, before = count(1), len(stimulus)
    stimulus.append({"rst": 1})
    for cycle, move in enumerate(moves):
        # what is given to a contract does not depend on the tokens inside, only on the past moves
        inputs = contract.inputs(move)
        tokens = {t: next(numbers) & mask(t.width) for t in variables(inputs.values())}
        values = {str(t.value): number for t, number in tokens.items()}
        stimulus.append({port: value_of(term, values) for port, term in inputs.items()})
        shown = bench.run(stimulus)[-1]
        outputs = {port: terms.const(word, bench.widths[port]) for port, word in shown.items()}
        try:
            contract = contract.after(move, outputs)
        except Violation as violation:
            return Replay(str(violation), cycle, before=before)
        known = {t: terms.const(number, t.width) for t, number in tokens.items()}
        contract = contract.renamed({t: known.get(t, t) for t in contract.tokens})
    return None
