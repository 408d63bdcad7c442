"""Everything that can run a machine, behind one call."""

import os
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bittrue.hdl.machine import Machine
from bittrue.model.build import find_compiler
from bittrue.model.exceptions import BittrueError, BittrueWarning, ToolMissing

from . import tools
from .amaranth_engine import idle_limit, run_amaranth
from .cxxrtl import cxxrtl_library
from .driver import run_compiled
from .icarus import run_icarus
from .lanes import run_lanes
from .lanes_build import lanes_library
from .record import Progress, Run, Session
from .shards import in_processes, in_threads
from .verilator import verilator_library


def _amaranth(
    machine: Machine,
    sessions: Sequence[Session],
    *,
    stalls: float,
    seed: int,
    waves: str | os.PathLike[str] | None,
    progress: Progress | None,
    jobs: int,
) -> list[Run]:
    run = partial(_amaranth_shard, machine, stalls, waves)
    return in_processes(run, sessions, jobs=jobs, seed=seed, progress=progress)


def _amaranth_shard(
    machine: Machine,
    stalls: float,
    waves: str | os.PathLike[str] | None,
    sessions: Sequence[Session],
    seed: int,
    progress: Progress | None,
) -> list[Run]:
    return run_amaranth(machine, sessions, stalls=stalls, seed=seed, waves=waves, progress=progress)


def _icarus(
    machine: Machine,
    sessions: Sequence[Session],
    *,
    stalls: float,
    seed: int,
    waves: str | os.PathLike[str] | None,
    progress: Progress | None,
    jobs: int,
) -> list[Run]:
    run = partial(run_icarus, machine, stalls, waves, idle_limit(machine, stalls))
    return in_threads(run, sessions, jobs=jobs, seed=seed, progress=progress)


def _compiled(
    build: Callable[[Machine], Path],
    run_library: Callable[..., list[Run]],
    machine: Machine,
    sessions: Sequence[Session],
    *,
    stalls: float,
    seed: int,
    waves: str | os.PathLike[str] | None,
    progress: Progress | None,
    jobs: int,
) -> list[Run]:
    library, limit = build(machine), idle_limit(machine, stalls)
    run = partial(run_library, machine, library, stalls, limit)
    return in_threads(run, sessions, jobs=jobs, seed=seed, progress=progress)


ENGINES: dict[str, Callable[..., list[Run]]] = {
    "amaranth": _amaranth,
    "lanes": partial(_compiled, lanes_library, run_lanes),
    "cxxrtl": partial(_compiled, cxxrtl_library, run_compiled),
    "verilator": partial(_compiled, verilator_library, run_compiled),
    "icarus": _icarus,
}
"""Engines by name."""

FASTEST_FIRST: dict[str, Callable[[], object]] = {
    "lanes": lambda: (find_compiler("c"), tools.yosys()),
    "cxxrtl": lambda: (find_compiler("c++"), tools.yosys()),
}
"""Engines worth choosing, each with a look for the tools it needs."""

WAVES = ("amaranth", "icarus")
"""Engines that can record waveforms."""


def fastest_engine() -> str:
    """Return the name of the fastest engine whose tools are here.

    Warns
    -----
    BittrueWarning
        If it is Amaranth's simulator, which is slow, with what is missing for the others.
    """
    missing: list[ToolMissing] = []
    for name, look in FASTEST_FIRST.items():
        try:
            look()
        except ToolMissing as error:
            missing.append(error)
        else:
            return name
    warnings.warn(f"{missing[0]}; Amaranth's simulator is used", BittrueWarning, stacklevel=2)
    return "amaranth"


def simulate(
    machine: Machine,
    sessions: Sequence[Session],
    *,
    engine: str = "amaranth",
    stalls: float = 0.0,
    seed: int = 0,
    waves: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    jobs: int = 1,
) -> list[Run]:
    """Run a machine through sessions, and return what each of them showed.

    The machine is built once; each session loads its weights through the load port, streams its
    samples, drains, and reads and clears the counters. All engines show the same words; without
    stalls, and with one job, also the same cycles.

    With more than one job each session's samples are spread over so many machines, each with the
    weights loaded; words, sample numbers and counts come out as of one run, but cycles are those
    of each machine, and so are rows by cycle: shard after shard.

    Parameters
    ----------
    machine : Machine
        What is built. Stage words are shown where it has ``trace``.
    sessions : sequence of Session
        Weights, and codes of shape (samples, inputs), for each.
    engine : str
        A name in `ENGINES`.
    stalls : float
        Probability, 0 to below 1, that the source or the sink lets a cycle pass.
    seed : int
        Of the stall pattern.
    waves : path, optional
        Where a VCD is written; a ``.gtkw`` is put beside it.
    progress : callable, optional
        Called with the samples done and the samples in all, now and then or after each sample.
    jobs : int
        Machines side by side, at least 1.

    Returns
    -------
    list of Run
        One a session.

    Raises
    ------
    BittrueError
        If the engine is unknown or cannot record waves, ``stalls`` is no probability below 1,
        ``jobs`` is below 1, or a tool that the engine needs fails.
    ToolMissing
        If such a tool is not installed.
    """
    if engine not in ENGINES:
        raise BittrueError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}")
    if not 0 <= stalls < 1:
        raise BittrueError(f"stalls must be a probability from 0 to below 1, got {stalls}")
    if jobs < 1:
        raise BittrueError(f"jobs must be at least 1, got {jobs}")
    if waves is not None:
        _check_waves(engine, jobs)
    return ENGINES[engine](
        machine,
        sessions,
        stalls=stalls,
        seed=seed,
        waves=waves,
        progress=progress,
        jobs=jobs,
    )


def _check_waves(engine: str, jobs: int) -> None:
    if engine not in WAVES:
        raise BittrueError(
            f"waves must be asked of one of {', '.join(WAVES)}, which record them, got {engine!r}"
        )
    if jobs > 1:
        raise BittrueError(f"jobs must be 1 where waves are recorded, got {jobs}")
