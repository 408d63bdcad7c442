"""Runs machines compiled to a library, in batches, through ctypes."""

import ctypes
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np

from bittrue.hdl.machine import Machine
from bittrue.hdl.network import stages_of
from bittrue.hdl.watch import trace_layout
from bittrue.model.formats import Codes, Loss

from .record import Progress, Run, Session
from .stimulus import Stimulus, output_width, stimuli_of
from .words import Chunks, Shown, chunks_of, output_words, stage_words

Told = Callable[[int], None]
"""Told the samples of a session that are done."""

RUNNING, DONE, STALLED = range(3)
ACCEPTED, OUTPUTS, COUNTS, ANSWERS, STROBES = range(5)
BATCH = 1 << 15
"""Cycles of a call: after each one progress is told, and Ctrl-C heard."""

_WORDS = ctypes.POINTER(ctypes.c_uint64)
_FUNCTIONS = {
    "bench_new": (ctypes.c_void_p, []),
    "bench_delete": (None, [ctypes.c_void_p]),
    "bench_begin": (
        None,
        [ctypes.c_void_p, _WORDS, ctypes.c_uint64, _WORDS, ctypes.c_uint64, ctypes.c_uint64],
    ),
    "bench_stalls": (None, [ctypes.c_void_p, *[ctypes.c_uint64] * 3]),
    "bench_run": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_uint64]),
    "bench_cycle": (ctypes.c_uint64, [ctypes.c_void_p]),
    "bench_finished": (ctypes.c_uint64, [ctypes.c_void_p]),
    "bench_framing_error": (ctypes.c_int, [ctypes.c_void_p]),
    "bench_log_size": (ctypes.c_uint64, [ctypes.c_void_p, ctypes.c_uint64]),
    "bench_log": (_WORDS, [ctypes.c_void_p, ctypes.c_uint64]),
}


@lru_cache(maxsize=64)
def load_library(path: Path) -> ctypes.CDLL:
    """Return a library with the functions of ``driver.h``, loaded once."""
    library = ctypes.CDLL(str(path))
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


@contextmanager
def bench_of(library: ctypes.CDLL) -> Iterator[int]:
    """Return a context with a machine of its own, powered up."""
    bench = library.bench_new()
    try:
        yield bench
    finally:
        library.bench_delete(bench)


class Driver:
    """One compiled machine, and what is known of it from one session to the next.

    Parameters
    ----------
    machine : Machine
        What was compiled.
    library : CDLL
        What it was compiled to.
    bench : int
        Handle of the machine.
    """

    def __init__(self, machine: Machine, library: ctypes.CDLL, bench: int) -> None:
        self._machine, self._library, self._bench = machine, library, bench
        self._stages = list(stages_of(machine)) if machine.trace else []
        self._samples = 0

    def session(self, stimulus: Stimulus, told: Callable[[int], None]) -> Run:
        """Run a session; ``told`` is called with its samples done, after each batch."""
        loads, beats = _held(stimulus.loads), _held(stimulus.beats)
        library, bench = self._library, self._bench
        library.bench_begin(
            bench, _pointer(loads), len(loads), _pointer(beats), len(beats), stimulus.samples
        )
        status = RUNNING
        while status == RUNNING:
            status = library.bench_run(bench, BATCH)
            told(int(library.bench_finished(bench)))
        run = self._run(stimulus, None if status == DONE else int(library.bench_cycle(bench)))
        self._samples += stimulus.samples
        return run

    def _run(self, stimulus: Stimulus, stalled_at: int | None) -> Run:
        machine = self._machine
        strobes = [
            self._shown(STROBES + n, int(trace_layout(format, folding).size))
            for n, (_, _, format, folding) in enumerate(self._stages)
        ]
        accepted = self._log(ACCEPTED).astype(np.int64)
        counts = None if stalled_at is not None else counts_of(machine, self._log(COUNTS))
        return Run(
            words=stage_words(self._stages, strobes, self._samples),
            outputs=output_words(machine, self._shown(OUTPUTS, output_width(machine))),
            accepted=accepted_beats(machine, accepted),
            counts=counts,
            traced=machine.trace,
            counts_inexact=machine.counters == "full",
            framing_error=stalled_at is None
            and bool(self._library.bench_framing_error(self._bench)),
            stalled_at=stalled_at,
            answers=self._log(ANSWERS).astype(np.int64),
        )

    def _shown(self, log: int, width: int) -> Shown:
        rows = self._log(log).reshape(-1, 1 + chunks_of(width))
        return rows[:, 0].astype(np.int64), rows[:, 1:]

    def _log(self, log: int) -> Chunks:
        size = int(self._library.bench_log_size(self._bench, log))
        if not size:
            return np.empty(0, dtype=np.uint64)
        return np.ctypeslib.as_array(self._library.bench_log(self._bench, log), (size,)).copy()


def accepted_beats(machine: Machine, cycles: Codes) -> Codes:
    """Return the cycles of accepted beats as rows of ``Run.accepted``."""
    samples = np.arange(len(cycles)) // machine.foldings[0].input_folds
    return np.stack([cycles, samples], axis=1)


def counts_of(machine: Machine, read: Chunks) -> tuple[tuple[Loss, Loss], ...] | None:
    """Return the counts that were read, by address, as ``Run.counts``."""
    if machine.counters == "none":
        return None
    losses = [Loss(inexact=n[1], overflowed=n[0]) for n in read.reshape(-1, 2).tolist()]
    return tuple(zip(losses[::2], losses[1::2], strict=True))


def _held(chunks: Chunks) -> Chunks:
    return np.ascontiguousarray(chunks, dtype=np.uint64)


def _pointer(chunks: Chunks) -> "ctypes._Pointer[ctypes.c_uint64]":
    return chunks.ctypes.data_as(_WORDS)


def run_compiled(
    machine: Machine,
    library: Path,
    stalls: float,
    idle_limit: int,
    sessions: Sequence[Session],
    seed: int,
    progress: Progress | None,
) -> list[Run]:
    """Run sessions on a compiled machine.

    Parameters
    ----------
    machine : Machine
        What was compiled.
    library : Path
        What it was compiled to.
    stalls : float
        Probability, below 1, that source or sink lets a cycle pass.
    idle_limit : int
        Cycles without any movement after which the run is given up.
    sessions : sequence of Session
        What is driven, one after the other.
    seed : int
        Of the stall pattern.
    progress : callable or None
        Told the samples done and the samples in all.
    """
    loaded = load_library(library)
    with bench_of(loaded) as bench:
        loaded.bench_stalls(bench, seed & (1 << 63) - 1, int(stalls * 2**64), idle_limit)
        driver = Driver(machine, loaded, bench)
        stimuli = stimuli_of(machine, sessions)
        return in_order(sessions, lambda _, told: driver.session(next(stimuli), told), progress)


def in_order(
    sessions: Sequence[Session],
    run: Callable[[Session, Told], Run],
    progress: Progress | None,
) -> list[Run]:
    """Run sessions one after the other; those behind a standstill never begin.

    Parameters
    ----------
    sessions : sequence of Session
        What is driven.
    run : callable
        Runs one session, and tells the samples of it that are done.
    progress : callable or None
        Told the samples done and the samples in all.
    """
    total = sum(len(session.codes) for session in sessions)
    runs: list[Run] = []
    done = 0

    def told(finished: int) -> None:
        if progress is not None:
            progress(done + finished, total)

    for session in sessions:
        runs.append(run(session, told))
        if runs[-1].stalled_at is not None:
            break
        done += len(session.codes)
    return runs + [never_begun(run) for run in runs[-1:]] * (len(sessions) - len(runs))


def never_begun(stalled: Run) -> Run:
    """Return the run of a session that a standstill before it kept from beginning."""
    return Run(
        words=stalled.words[:0],
        outputs=stalled.outputs[:0],
        accepted=stalled.accepted[:0],
        counts=None,
        traced=stalled.traced,
        counts_inexact=stalled.counts_inexact,
        stalled_at=stalled.stalled_at,
    )
