"""Running a sweep: what has no row is claimed, sent to workers in batches, and stored."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

from bittrue.model.exceptions import BittrueError, ToolMissing

from .points import Task, end_with_parent, measure
from .search import Generations
from .space import Point
from .store import Row, Store

BATCH_SECONDS = 0.25
"""How long a batch should take, so that sending it costs little."""

FIRST_BATCH, MOST_BATCH = 4, 256
OTHERS_SECONDS = 0.2
"""Between looks at what another coordinator has claimed."""

CLUSTER_SECONDS = 10
ONE_THREAD = (
    *("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"),
    *("VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS"),
)


@dataclass
class Coordinator:
    """One of those who write to a store.

    Members
    -------
    store : Store
        Where rows go.
    task : Task
        What the points share.
    executor : Executor
        Where batches are measured.
    jobs : int
        Batches at once, one more than that waiting.
    limit : int or None
        New rows after which it stops.
    told : callable
        Called with rows there and points known so far, after each batch.
    """

    store: Store
    task: Task
    executor: Executor
    jobs: int
    limit: int | None = None
    told: Callable[[int, int], None] = lambda done, total: None
    computed: int = 0
    _batch: int = FIRST_BATCH
    _flying: dict[Future[list[Row]], tuple[float, int]] = field(default_factory=dict)
    _known: dict[str, Point] = field(default_factory=dict)
    _done: dict[str, Row] = field(default_factory=dict)

    def run(self, search: Generations) -> list[Row]:
        """Measure what a search asks for, and return the rows that are there of it, each once.

        Raises
        ------
        BittrueError
            If workers are lost; what they had returned is stored.
        """
        points = next(search, None)
        while points is not None:
            keys = [self.task.key(point) for point in points]
            self._known.update(zip(keys, points, strict=True))
            self._measure(keys)
            if any(key not in self._done for key in keys):
                break
            points = _sent(search, [self._done[key] for key in keys])
        return list(self._done.values())

    def _measure(self, keys: Sequence[str]) -> None:
        """Have a row of each key, or as many new ones as the limit allows."""
        self._done.update(self.store.rows(keys))
        waiting = {key: None for key in keys if key not in self._done}
        self.told(len(self._done), len(self._known))
        while waiting:
            claimed = self._submit(list(waiting))
            if self._flying:
                new = self._collect()
            elif not claimed and self._left() == 0:
                return
            else:
                time.sleep(OTHERS_SECONDS)
                new = []
            found = self.store.rows(waiting) if not claimed else {row.key: row for row in new}
            for key in found:
                waiting.pop(key, None)
            self._done.update(found)
            self.told(len(self._done), len(self._known))

    def _left(self) -> int:
        """Return how many more rows may be measured."""
        if self.limit is None:
            return MOST_BATCH
        return self.limit - self.computed - sum(size for _, size in self._flying.values())

    def _submit(self, waiting: Sequence[str]) -> bool:
        """Send batches until workers have enough to do; tell whether there was one."""
        sent = False
        while len(self._flying) <= self.jobs:
            share = -(-len(waiting) // (2 * self.jobs))
            keys = self.store.claim(waiting, min(self._batch, share, self._left()))
            if not keys:
                break
            points = [self._known[key] for key in keys]
            self._flying[self._sent(points)] = (time.monotonic(), len(keys))
            sent = True
        return sent

    def _sent(self, points: list[Point]) -> Future[list[Row]]:
        try:
            return self.executor.submit(measure, self.task, points)
        except BrokenProcessPool as error:
            raise self._lost(error) from None

    def _collect(self) -> list[Row]:
        """Store the batches that are done, at least one, and return their rows."""
        found: list[Row] = []
        done, _ = wait(self._flying, return_when=FIRST_COMPLETED)
        for future in done:
            started, size = self._flying.pop(future)
            try:
                rows = future.result()
            except BittrueError:
                raise
            except Exception as error:
                raise self._lost(error) from error
            self.store.add(rows)
            self.computed += len(rows)
            found += rows
            each = max((time.monotonic() - started) / size, 1e-4)
            self._batch = min(max(int(BATCH_SECONDS / each), 1), 2 * self._batch, MOST_BATCH)
        return found

    def _lost(self, error: Exception) -> BittrueError:
        return BittrueError(
            f"workers must return the rows of their batches, got {type(error).__name__} from one: "
            f"{len(self._done)} of {len(self._known)} rows are stored, the same command goes on"
        )


def _sent(search: Generations, rows: list[Row]) -> list[Point] | None:
    try:
        return search.send(rows)
    except StopIteration:
        return None


@contextmanager
def local(jobs: int) -> Iterator[Executor]:
    """Yield processes of this machine, each with one thread for matrix products."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=end_with_parent)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def cluster(address: str) -> Iterator[tuple[Executor, int]]:
    """Yield an existing Dask cluster as an executor, and how many workers it has.

    Raises
    ------
    ToolMissing
        If the package distributed is not installed.
    BittrueError
        If nothing answers at the address, or no worker is there.
    """
    try:
        import distributed
    except ImportError:
        raise ToolMissing(
            "a cluster must be spoken to with Dask, got none of it: pip install 'bittrue[cluster]'"
        ) from None
    make: Any = distributed.Client
    try:
        client = make(address, timeout=CLUSTER_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise BittrueError(
            f"a cluster must answer at {address} within {CLUSTER_SECONDS} s, got "
            f"{type(error).__name__}"
        ) from None
    with client:
        workers = len(client.scheduler_info(n_workers=-1)["workers"])
        if not workers:
            raise BittrueError(f"the cluster at {address} must have workers, got none")
        yield client.get_executor(pure=False), workers
