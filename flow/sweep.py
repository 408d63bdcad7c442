"""``bittrue sweep``: many designs of one network, measured, stored, and the best of them shown."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Annotated

import numpy as np
import typer

import bittrue
from bittrue.model.exceptions import BittrueError
from bittrue.model.files import dump_json, write_whole

from . import options
from .console import progress, say
from .coordinator import Coordinator, cluster, local
from .data import load, split
from .pareto import choice, front
from .paths import check_targets
from .points import Task
from .search import generations, planned
from .space import Space, read_space
from .store import Row, Store
from .sweep_designs import front_designs
from .sweep_network import golden_of
from .sweep_report import Result, as_csv, show, to_json


def sweep(
    space: Annotated[
        Path, typer.Argument(metavar="SPACE.toml", help="What is varied, and what counts.")
    ],
    store: Annotated[
        Path | None,
        typer.Option(metavar="FILE.sqlite", help="Rows.  \\[default: SPACE.sqlite, here]"),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("-j", "--jobs", min=1, metavar="N", help="Processes.  \\[default: all cores]"),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="tcp://HOST:PORT", help="A Dask cluster instead of processes."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="All rows of the space.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Stop after so many new rows.")
    ] = None,
    json: options.AsJson = False,
) -> None:
    """Measure the designs of a space, bit-true and on all held-out samples; show the best.

    Every point is a row of the store, measured once: a sweep that was stopped goes on where it
    was, and several may work on one store.

    Example: bittrue sweep examples/digits.toml

    Exit codes: 0 done, 2 bad input or no point meets the constraints, 3 a package is missing.
    """
    known = read_space(space)
    target = store or Path(f"{space.stem}.sqlite")
    check_targets(store=target, csv=csv)
    if cluster is not None and jobs is not None:
        raise BittrueError(f"a sweep must have either jobs or a cluster, got {jobs} and {cluster}")
    with Store(target) as rows:
        result = swept(known, rows, jobs=jobs, address=cluster, limit=limit, shown=not json)
        result = result._replace(rows=sorted(result.rows, key=lambda row: row.key))
        best = front(result.rows, known.objectives)
        chosen, unmet = _choice(result.rows, known)
        kept = [*best, *([] if chosen is None else [chosen])]
        designs = front_designs(rows, result.task, kept)
    if csv is not None:
        write_whole(csv, as_csv(result.rows))
        say(f"bittrue: wrote {csv}")
    if json:
        typer.echo(dump_json({**to_json(known, result, best, chosen), **designs}), nl=False)
    else:
        show(known, result, best, chosen)
    if unmet is not None and (limit is None or len(result.rows) == planned(known)):
        raise unmet


def swept(
    space: Space,
    store: Store,
    *,
    jobs: int | None = None,
    address: str | None = None,
    limit: int | None = None,
    shown: bool = False,
) -> Result:
    """Measure what a space asks for and a store does not have.

    Parameters
    ----------
    space : Space
        The points.
    store : Store
        Where rows are looked for and written.
    jobs : int, optional
        Processes; as many as cores where not given.
    address : str, optional
        Of a Dask cluster to be used instead.
    limit : int, optional
        New rows after which it stops.
    shown : bool
        Whether progress is shown on standard error.

    Raises
    ------
    BittrueError
        If network and data do not go together, or workers are lost.
    """
    data = load(space.network["data"])
    golden, held_out = golden_of(space.network, data, store, shown)
    test = split(data, held_out)[1]
    reached = float(np.mean(golden.predict(test.inputs).argmax(axis=1) == test.labels))
    place = _findable(data.name)
    task = Task.of(golden, place, data, held_out, bittrue.__version__, space.hardware)
    start = perf_counter()
    with _executor(jobs, address) as (executor, workers), progress("points", shown=shown) as told:
        work = Coordinator(store, task, executor, workers, limit, told)
        rows = work.run(generations(space))
    seconds = perf_counter() - start
    return Result(rows, work.computed, seconds, reached, len(test.labels), task)


@contextmanager
def _executor(jobs: int | None, address: str | None) -> Iterator[tuple[Executor, int]]:
    if address is not None:
        with cluster(address) as found:
            yield found
    else:
        count = jobs or os.cpu_count() or 1
        with local(count) as executor:
            yield executor, count


def _findable(source: str) -> str:
    """Return a data set's name as workers in another folder find it."""
    return str(Path(source).resolve()) if Path(source).exists() else source


def _choice(rows: Sequence[Row], space: Space) -> tuple[Row | None, BittrueError | None]:
    """Return the chosen row, or why there is none."""
    try:
        return choice(rows, space), None
    except BittrueError as error:
        return None, error
