"""How things are timed: side by side, round by round, as ratios of medians."""

import statistics
import time
from collections.abc import Callable, Mapping

ROUNDS = 7
LEAST_SECONDS = 0.02
"""Work that takes less is repeated within a round."""


def side_by_side(
    works: Mapping[str, Callable[[], object]], rounds: int = ROUNDS
) -> dict[str, float]:
    """Return the median seconds of each piece of work, all timed in turn in each round.

    Parameters
    ----------
    works : mapping from name to callable
        What is timed. Each is called once beforehand.
    rounds : int
        Times that all are timed.
    """
    repeats = {name: _repeats(work) for name, work in works.items()}
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start = time.perf_counter()
            for _ in range(repeats[name]):
                work()
            times[name].append((time.perf_counter() - start) / repeats[name])
    return {name: statistics.median(taken) for name, taken in times.items()}


def _repeats(work: Callable[[], object]) -> int:
    """Return how often work is to be called in a round."""
    work()
    start = time.perf_counter()
    work()
    taken = max(time.perf_counter() - start, 1e-9)
    return max(1, min(1000, round(LEAST_SECONDS / taken)))
