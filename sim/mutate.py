"""Does the regression find what is wrong? Faults are planted, and each has to be found.

Each mutant is *killed*, by a vector and at a port; or *equivalent*, when it is proven that no ports
ever show a difference; or *unknown*, which counts as alive.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Protocol, TypeVar

from bittrue.hdl.machine import Machine
from bittrue.model.exceptions import BittrueError

from .control import Fact
from .cycles import promises_of
from .faults import FAULTS, planted, rtlil_of, table_faults
from .mutants import Flat, Mutant, build, full_yosys, gates_from
from .script import Script
from .sliced import LANES, Finding, Sliced
from .unseen import Unseen

KILLED, EQUIVALENT, UNKNOWN = "killed", "equivalent", "unknown"
BATCH = LANES - 1
"""Mutants in one build."""

PROOFS = 8
"""Mutants that one process tries to prove equivalent, and hands over."""

SHARES = 12
"""Parts in which named faults are handed to processes."""

Told = Callable[[int, int], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Outcome:
    """What became of a fault.

    Members
    -------
    name : str
        Key of the mutant, or name of the fault.
    component : str
        Where it is.
    what : str
        What it is, in the design's own words.
    verdict : {"killed", "equivalent", "unknown"}
        What became of it.
    vector, port : str
        Which vector killed it, and at which port; empty if none did.
    bit, cycle : int
        Bit of the port, and cycle of the script; -1 if none did.
    how : str
        How it was proven equivalent; empty if it was not.
    """

    name: str
    component: str
    what: str
    verdict: str
    vector: str = ""
    port: str = ""
    bit: int = -1
    cycle: int = -1
    how: str = ""


class Store(Protocol):
    """Where outcomes are kept, so that a run that was cut short goes on."""

    def known(self, run: str) -> Mapping[str, Outcome]:
        """Return the outcomes of a run, by name."""

    def keep(self, run: str, outcomes: Sequence[Outcome]) -> None:
        """Keep more of them."""


def run_of(flat: Flat, script: Script) -> str:
    """Return a digest of all that outcomes depend on."""
    said = [script.driven, script.expected, script.promised, script.sections]
    deposits = {cycle: dict(values) for cycle, values in script.deposits.items()}
    parts = [flat.text, repr(said), repr(deposits), full_yosys(), Unseen.version]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def judge_mutants(
    flat: Flat,
    mutants: Sequence[Mutant],
    script: Script,
    *,
    jobs: int = 1,
    seconds: float = 20.0,
    store: Store | None = None,
    progress: Told | None = None,
) -> list[Outcome]:
    """Run mutants of a netlist through a script, and try to prove equivalent what survives.

    Parameters
    ----------
    flat : Flat
        The netlist.
    mutants : sequence of Mutant
        Some of its mutants.
    script : Script
        The regression.
    jobs : int
        Processes.
    seconds : float
        For the proof of one mutant.
    store : Store, optional
        Knows some outcomes already, and keeps the others.
    progress : callable, optional
        Told the mutants done, and all of them.

    Raises
    ------
    BittrueError
        If the machine without a fault does not pass.
    """
    run = run_of(flat, script)
    found = dict(store.known(run)) if store is not None else {}
    left = [mutant for mutant in mutants if mutant.key not in found]
    alive: list[Mutant] = []

    def tell(outcomes: Sequence[Outcome]) -> None:
        found.update({outcome.name: outcome for outcome in outcomes})
        if store is not None and outcomes:
            store.keep(run, outcomes)
        if progress is not None:
            progress(sum(mutant.key in found for mutant in mutants), len(mutants))

    tell([])
    for killed, survived in _side_by_side(
        [(_batch, (flat, part, script)) for part in _parts(left, jobs)], jobs
    ):
        tell(killed)
        alive += survived
    left = []
    for proven, unproven in _side_by_side(
        [(_plain_proofs, (flat, part)) for part in _parts(alive, jobs)], jobs
    ):
        tell(proven)
        left += unproven
    if left and seconds > 0:
        # proofs of neighbours go together
        left.sort(key=lambda mutant: mutant.key)
        facts = _unseen(flat, left[:1], seconds).facts
        parts = [left[n : n + PROOFS] for n in range(0, len(left), PROOFS)]
        tasks = [(_proofs, (flat, part, seconds, facts)) for part in parts]
        for outcomes in _side_by_side(tasks, jobs):
            tell(outcomes)
    else:
        tell([_judged(flat, mutant, "") for mutant in left])
    return [found[mutant.key] for mutant in mutants]


def _parts(mutants: Sequence[Mutant], jobs: int) -> list[Sequence[Mutant]]:
    """Return mutants in parts that fit one build each, at least one a process."""
    size = max(min(BATCH, -(-len(mutants) // max(jobs, 1))), 1)
    return [mutants[n : n + size] for n in range(0, len(mutants), size)]


def _batch(
    flat: Flat, mutants: Sequence[Mutant], script: Script
) -> tuple[list[Outcome], list[Mutant]]:
    """Run mutants of one build; return what was killed, and those that were not."""
    gates, flipped = build(flat, mutants)
    first, *findings = Sliced(gates, len(mutants) + 1, flipped).run(script)
    if first is not None:
        raise BittrueError(
            "the machine without a fault must pass its regression, got a difference at "
            f"{first.port} in {script.section(first.cycle)}"
        )
    pairs = list(zip(mutants, findings, strict=True))
    killed = [
        _outcome(mutant.key, mutant.component, flat.what(mutant), script, finding)
        for mutant, finding in pairs
        if finding is not None
    ]
    return killed, [mutant for mutant, finding in pairs if finding is None]


def _unseen(
    flat: Flat, mutants: Sequence[Mutant], seconds: float, facts: Sequence[Fact] | None = None
) -> Unseen:
    gates, flipped = build(flat, mutants)
    folds = flat.machine.foldings[0].input_folds
    return Unseen(gates, flipped, promises_of(flat.machine), folds, seconds, facts)


def _judged(flat: Flat, mutant: Mutant, how: str) -> Outcome:
    verdict = EQUIVALENT if how else UNKNOWN
    return Outcome(mutant.key, mutant.component, flat.what(mutant), verdict, how=how)


def _plain_proofs(flat: Flat, mutants: Sequence[Mutant]) -> tuple[list[Outcome], list[Mutant]]:
    """Prove equivalent what is so plainly; return that, and what is not."""
    proofs = _proofs_of(_unseen(flat, mutants, 0), mutants)
    return (
        [_judged(flat, mutant, how) for mutant, how in proofs if how],
        [mutant for mutant, how in proofs if not how],
    )


def _proofs(
    flat: Flat, mutants: Sequence[Mutant], seconds: float, facts: Sequence[Fact]
) -> list[Outcome]:
    """Return what becomes of mutants that no vector kills, and that are not plainly equivalent."""
    proofs = _proofs_of(_unseen(flat, mutants, seconds, facts), mutants)
    return [_judged(flat, mutant, how) for mutant, how in proofs]


def _proofs_of(unseen: Unseen, mutants: Sequence[Mutant]) -> list[tuple[Mutant, str]]:
    return list(zip(mutants, unseen.proofs(range(1, len(mutants) + 1)), strict=True))


def _outcome(
    name: str, component: str, what: str, script: Script, finding: Finding | None
) -> Outcome:
    if finding is None:
        return Outcome(name, component, what, UNKNOWN)
    vector = script.section(finding.cycle)
    return Outcome(name, component, what, KILLED, vector, finding.port, finding.bit, finding.cycle)


def judge_faults(
    machine: Machine, script: Script, *, jobs: int = 1, progress: Told | None = None
) -> list[Outcome]:
    """Run a script on machines with one of the named faults each.

    Parameters
    ----------
    machine : Machine
        What the script is for. Faults in parts that it has not are left out.
    script : Script
        The regression.
    jobs : int
        Processes.
    progress : callable, optional
        Told the faults done, and all of them.
    """
    full_yosys()
    names = [fault.name for fault in FAULTS] + list(table_faults(machine))
    tasks = [(_faults, (machine, names[n::SHARES], script)) for n in range(SHARES)]
    outcomes: dict[str, Outcome] = {}
    for done, found in enumerate(_side_by_side(tasks, jobs), 1):
        outcomes |= {outcome.name: outcome for outcome in found}
        if progress is not None:
            progress(len(names) * done // SHARES, len(names))
    return [outcomes[name] for name in names if name in outcomes]


def _faults(machine: Machine, names: Sequence[str], script: Script) -> list[Outcome]:
    """Return the outcomes of some faults; of those that change nothing, none."""
    true, outcomes = rtlil_of(machine), []
    in_source = {fault.name: fault for fault in FAULTS}
    in_tables = table_faults(machine)
    for name in names:
        fault = in_source.get(name)
        if fault is None:
            component, what, text = "curve", name, rtlil_of(in_tables[name])
        else:
            component, what = fault.module.__name__.rsplit(".", 1)[-1], fault.what
            with planted(fault):
                text = rtlil_of(machine)
        if text != true:
            (finding,) = Sliced(gates_from(text), 1).run(script)
            outcomes.append(_outcome(name, component, what, script, finding))
    return outcomes


def _side_by_side(
    tasks: Sequence[tuple[Callable[..., T], tuple[object, ...]]], jobs: int
) -> Iterator[T]:
    """Yield what tasks return, as they end, with so many processes."""
    if jobs <= 1 or len(tasks) <= 1:
        for call, arguments in tasks:
            yield call(*arguments)
        return
    pool = ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=get_context("spawn"))
    try:
        pending: set[Future[T]] = {pool.submit(call, *arguments) for call, arguments in tasks}
        while pending:
            ended, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in ended:
                yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)
