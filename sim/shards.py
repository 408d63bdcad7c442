"""Samples spread over cores: each shard runs all sessions, with a part of the samples of each."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from multiprocessing import get_context
from threading import Event

import numpy as np

from bittrue.hdl.watch import COUNTER_BITS
from bittrue.model.formats import Codes, Loss

from .record import Progress, Run, Session

Shard = Callable[[Sequence[Session], int, Progress | None], list[Run]]
"""Runs sessions, with a seed of its own, and tells the samples done and in all."""

PATIENCE = 0.1
"""Seconds between two looks at what the shards have done."""


class StoppedError(Exception):
    """A shard was told to end before its time."""


def split(sessions: Sequence[Session], jobs: int) -> list[list[Session]]:
    """Return sessions, each with its part of the samples, for each shard that has any sample."""
    parts = [np.array_split(session.codes, jobs) for session in sessions]
    shards = [
        [Session(session.weights, part[n]) for session, part in zip(sessions, parts, strict=True)]
        for n in range(jobs)
    ]
    return [shard for n, shard in enumerate(shards) if n == 0 or any(len(s.codes) for s in shard)]


def shard_seed(seed: int, number: int) -> int:
    """Return a shard's seed; the first has the seed itself."""
    return seed if number == 0 else int(np.random.default_rng([seed, number]).integers(1 << 62))


def in_threads(
    run: Shard, sessions: Sequence[Session], *, jobs: int, seed: int, progress: Progress | None
) -> list[Run]:
    """Run shards side by side in threads, for what leaves the interpreter's lock alone.

    Interrupted, it stops all of them; ``progress`` is called from the caller's thread only.
    """
    shards = split(sessions, jobs)
    if len(shards) == 1:
        return run(sessions, seed, progress)
    stop, done = Event(), [0] * len(shards)

    def shard(number: int) -> list[Run]:
        def told(finished: int, total: int) -> None:
            done[number] = finished
            if stop.is_set():
                raise StoppedError

        return run(shards[number], shard_seed(seed, number), told)

    total = sum(len(session.codes) for session in sessions)
    with ThreadPoolExecutor(len(shards)) as pool:
        futures = [pool.submit(shard, number) for number in range(len(shards))]
        try:
            _await(futures, lambda: progress(sum(done), total) if progress else None)
        finally:
            stop.set()
    return merged(shards, [future.result() for future in futures])


def in_processes(
    run: Shard, sessions: Sequence[Session], *, jobs: int, seed: int, progress: Progress | None
) -> list[Run]:
    """Run shards side by side in processes, for what is written in Python.

    Progress is told when a shard is through.
    """
    shards = split(sessions, jobs)
    if len(shards) == 1:
        return run(sessions, seed, progress)
    sizes = [sum(len(session.codes) for session in shard) for shard in shards]
    with ProcessPoolExecutor(len(shards), mp_context=get_context("spawn")) as pool:
        futures = [
            pool.submit(run, shard, shard_seed(seed, number), None)
            for number, shard in enumerate(shards)
        ]

        def told() -> None:
            through = zip(sizes, futures, strict=True)
            if progress is not None:
                progress(sum(size for size, future in through if future.done()), sum(sizes))

        _await(futures, told)
    return merged(shards, [future.result() for future in futures])


def _await(futures: list["Future[list[Run]]"], tell: Callable[[], None]) -> None:
    """Wait until all have ended, or one has failed."""
    pending = set(futures)
    while pending:
        ended, pending = wait(pending, timeout=PATIENCE)
        for future in ended:
            future.result()
        tell()


def merged(shards: Sequence[Sequence[Session]], runs: Sequence[Sequence[Run]]) -> list[Run]:
    """Return the runs of shards as if all samples had been run in one.

    Parameters
    ----------
    shards : sequence of sequence of Session
        For each shard, what was driven.
    runs : sequence of sequence of Run
        For each shard, what was seen.

    Returns
    -------
    list of Run
        One a session: samples numbered through, counts added up and saturating. Cycles are those
        of each shard.
    """
    sessions = zip(*shards, strict=True)
    return [
        _merged(*of_session) for of_session in zip(sessions, zip(*runs, strict=True), strict=True)
    ]


def _merged(parts: Sequence[Session], runs: Sequence[Run]) -> Run:
    before = np.cumsum([0, *(len(part.codes) for part in parts)])[:-1].tolist()
    stalls = [run.stalled_at for run in runs if run.stalled_at is not None]
    return Run(
        words=_renumbered([run.words for run in runs], 3, before),
        outputs=_renumbered([run.outputs for run in runs], 1, before),
        accepted=_renumbered([run.accepted for run in runs], 1, before),
        counts=_added([run.counts for run in runs]),
        traced=runs[0].traced,
        counts_inexact=runs[0].counts_inexact,
        framing_error=any(run.framing_error for run in runs),
        stalled_at=min(stalls, default=None),
    )


def _renumbered(tables: Sequence[Codes], column: int, before: Sequence[int]) -> Codes:
    """Return tables one below the other, samples counted through."""
    table = np.concatenate(tables)
    table[:, column] += np.repeat(before, [len(part) for part in tables])
    return table


def _added(
    counts: Sequence[tuple[tuple[Loss, Loss], ...] | None],
) -> tuple[tuple[Loss, Loss], ...] | None:
    """Return the sums of counts, as counters that stay at their largest would have them."""
    there = [np.array(count, dtype=np.int64) for count in counts if count is not None]
    if len(there) < len(counts):
        return None
    total = np.minimum(sum(there), (1 << COUNTER_BITS) - 1).tolist()
    return tuple((Loss(*first), Loss(*second)) for first, second in total)
