"""The command ``bittrue doctor``: what is installed, and whether each engine works."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bittrue.hdl.machine import Machine
from bittrue.model.build import find_compiler
from bittrue.model.config import Config
from bittrue.model.design import Design
from bittrue.model.exceptions import ToolMissing
from bittrue.model.files import dump_json
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import encode
from bittrue.model.kernels import ENGINES as KERNELS
from bittrue.model.quantize import quantize
from bittrue.sim import testbench
from bittrue.sim.compare import Comparison, compare
from bittrue.sim.engines import ENGINES, simulate
from bittrue.sim.record import Session
from bittrue.sim.solver import Solver
from bittrue.sim.terms import Terms

from . import options
from .console import console as on_screen
from .console import progress
from .installed import Part, parts
from .tables import bare_table, versions

SCHEMA = "bittrue.doctor/1"
FORMAT = "fxp-s8/4"
"""So narrow that every engine of the fixed model is proven for it."""

SAMPLES = 4
SEED = 0


class Checked(NamedTuple):
    """What came of trying one engine.

    Members
    -------
    engine : str
        Its name.
    outcome : {"passed", "failed", "missing"}
        Missing where a tool that it needs is not installed.
    words : int
        Compared.
    seconds : float
        All that it took, a first build too.
    message : str
        What went wrong, or what is missing.
    """

    engine: str
    outcome: str
    words: int
    seconds: float
    message: str = ""


def doctor(json: options.AsJson = False) -> None:
    """Say what is installed, what a missing tool would add and what brings it; try each engine.

    Each engine runs the 3-3-3 test bench, and its words are compared.

    Exit codes: 0 the base works, 1 something that is installed does not, 130 interrupted.
    """
    found = parts()
    with progress("trying engines", shown=not json) as told:
        tried = list(_tried(told))
    if json:
        typer.echo(dump_json(to_json(found, tried)), nl=False)
    else:
        print_on(on_screen(), found=found, tried=tried)
    if not healthy(found, tried):
        raise typer.Exit(1)


def healthy(found: list[Part], tried: list[Checked]) -> bool:
    """Tell whether all of the base is there, and nothing that was tried has failed."""
    return all(part.version is not None for part in found if part.kind == "base") and not any(
        check.outcome == "failed" for check in tried
    )


def trials() -> dict[str, Callable[[], int]]:
    """Return, by name, what tries each engine and gives the words it compared."""
    golden = testbench.train_333(SEED)
    design = quantize(golden, Config.of(format=FORMAT, curve="plan"))
    type = design.shape.input
    inputs = testbench.query_inputs(SEED, SAMPLES)
    session = Session(design.weights, encode(inputs, type.format, type.rounding, type.overflow))
    hardware = {f"RTL, {name}": partial(_simulated, design, session, name) for name in ENGINES}
    return {
        **{f"model, {name}": partial(_modelled, design, session, name) for name in KERNELS},
        **hardware,
        "proofs, bitwuzla": _solved,
    }


def _modelled(design: Design, session: Session, engine: str) -> int:
    """Hold an engine of the fixed model against the evaluation stage by stage."""
    if engine == "int16":
        find_compiler("c")
    expected = FixedNetwork(design).trace(session.codes)[-1].output
    actual = FixedNetwork(design, engine=engine).predict(session.codes)
    if (actual != expected).any():
        raise WrongWords(f"{int((actual != expected).sum())} of {actual.size} words differ")
    return int(actual.size)


def _simulated(design: Design, session: Session, engine: str) -> int:
    machine = Machine(design.shape, pe=3, counters="full", trace=True)
    (run,) = simulate(machine, [session], engine=engine, stalls=0.2, seed=SEED)
    found: Comparison = compare(design, session, run)
    if found.differing or found.stalled_at is not None:
        first = found.first.line if found.first else f"nothing moved at cycle {found.stalled_at}"
        raise WrongWords(f"{found.differing} of {found.compared} words differ: {first}")
    return found.compared


def _solved() -> int:
    """Ask the solver what is so, and what is not."""
    terms, solver = Terms(), Solver()
    a, b = terms.var("a", 4), terms.var("b", 4)
    for operation, alike in (("add", True), ("sub", False)):
        found = solver.differ(terms.binary(operation, a, b), terms.binary(operation, b, a))
        if (found is None) != alike:
            raise WrongWords(f"{operation} of two words in another order: got {found}")
    return 2


class WrongWords(Exception):
    """An engine gave words that are not the model's."""


def _tried(told: Callable[[int, int], None]) -> Iterator[Checked]:
    every = trials()
    for number, (name, trial) in enumerate(every.items()):
        told(number, len(every))
        yield tried(name, trial)


def tried(name: str, trial: Callable[[], int]) -> Checked:
    """Return what comes of one trial; whatever it raises is told, never raised."""
    start = time.perf_counter()

    def checked(outcome: str, words: int = 0, message: str = "") -> Checked:
        seconds = round(time.perf_counter() - start, 3)
        return Checked(name, outcome, words, seconds, " ".join(message.split()))

    try:
        return checked("passed", trial())
    except ToolMissing as error:
        return checked("missing", message=str(error))
    except Exception as error:  # whatever a broken installation raises is what is to be told
        return checked("failed", message=f"{type(error).__name__}: {error}")


def to_json(found: list[Part], tried: list[Checked]) -> dict[str, Any]:
    """Return parts and trials as JSON."""
    return {
        "schema": SCHEMA,
        "healthy": healthy(found, tried),
        "versions": versions(),
        "platform": sys.platform,
        "parts": [part.to_json() for part in found],
        "engines": [check._asdict() for check in tried],
    }


def print_on(console: Console, *, found: list[Part], tried: list[Checked]) -> None:
    """Print what is there, what is not, what was tried, and the verdict last."""
    there = [(p.name, p.version, p.adds) for p in found if p.version is not None]
    missing = [(p.name, p.adds, p.command) for p in found if p.version is None]
    checks = [(c.engine, c.outcome, str(c.words), f"{c.seconds:.2f}") for c in tried]
    for title, columns, rows in (
        ("installed", ("what", "version", "for"), there),
        ("missing", ("what", "would add", "command"), missing),
        ("engines, on 3-3-3", ("engine", "outcome", "words", "seconds"), checks),
    ):
        if rows:
            console.print(_table(title, columns, rows))
    for check in tried:
        if check.message:
            console.print(f"{check.engine}: {check.message}", soft_wrap=True, markup=False)
    console.print(verdict(found, tried))


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = bare_table(title, *columns)
    for column in table.columns:
        column.justify, column.overflow = "left", "fold"
    for row in rows:
        # as plain text: brackets of an extra are no markup
        table.add_row(*map(Text, row))
    return table


def verdict(found: list[Part], tried: list[Checked]) -> str:
    """Return the verdict in one line."""
    failed = [check.engine for check in tried if check.outcome == "failed"]
    lacking = [part.name for part in found if part.kind == "base" and part.version is None]
    passed = sum(check.outcome == "passed" for check in tried)
    words = sum(check.words for check in tried)
    told = f"{passed} of {len(tried)} engines work, {words} words compared"
    if lacking:
        return f"{told}; missing: {', '.join(lacking)}"
    return f"{told}; failed: {', '.join(failed)}" if failed else told
