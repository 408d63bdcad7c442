"""Everything that can run a machine, behind one call."""

import os
from collections.abc import Callable, Sequence

from bittrue.hdl.machine import Machine
from bittrue.model.exceptions import BittrueError

from .amaranth_engine import run_amaranth
from .record import Progress, Run, Session

ENGINES: dict[str, Callable[..., list[Run]]] = {"amaranth": run_amaranth}
"""Engines by name."""


def simulate(
    machine: Machine,
    sessions: Sequence[Session],
    *,
    engine: str = "amaranth",
    stalls: float = 0.0,
    seed: int = 0,
    waves: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> list[Run]:
    """Run a machine through sessions, and return what each of them showed.

    The machine is built once; each session loads its weights through the load port, streams its
    samples, drains, and reads and clears the counters.

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
        Called with the samples done and the samples in all.

    Raises
    ------
    BittrueError
        If the engine is unknown, or ``stalls`` is no probability below 1.
    """
    if engine not in ENGINES:
        raise BittrueError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}")
    if not 0 <= stalls < 1:
        raise BittrueError(f"stalls must be a probability from 0 to below 1, got {stalls}")
    return ENGINES[engine](
        machine, sessions, stalls=stalls, seed=seed, waves=waves, progress=progress
    )
