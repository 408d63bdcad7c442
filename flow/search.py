"""Which points a sweep takes: all, drawn ones, or those that a search by generations asks for."""

from collections.abc import Generator, Iterator, Sequence
from math import isfinite
from typing import Any

from bittrue.model.exceptions import ToolMissing

from .space import FIGURES, Point, Space
from .store import Row

Generations = Generator[list[Point], list[Row], None]
"""Yields points, and is sent their rows in the same order."""

BEYOND = 1e9
"""What stands for an infinite figure in a search."""


def generations(space: Space) -> Generations:
    """Return the points of a space, a generation at a time.

    The same space asks for the same points, whatever order they are measured in.

    Raises
    ------
    ToolMissing
        If the method needs optuna and it is not installed.
    """
    if space.method == "nsga2":
        return _nsga2(space)
    return _at_once(space.grid() if space.method == "grid" else space.drawn())


def _at_once(points: Iterator[Point]) -> Generations:
    yield list(points)


def planned(space: Space) -> int:
    """Return how many points a search asks for, at most."""
    if space.method == "grid":
        return sum(1 for _ in space.grid())
    return min(space.points, space.size)


def _nsga2(space: Space) -> Generations:
    """Ask optuna's NSGA-II for ``points`` trials, many of them for the same point."""
    study = _study(space)
    left = space.points
    while left > 0:
        trials = [study.ask() for _ in range(min(space.population, left))]
        left -= len(trials)
        points = [_asked(space, trial) for trial in trials]
        rows = yield points
        for trial, row in zip(trials, rows, strict=True):
            _tell(study, trial, row, space.objectives)


def _study(space: Space) -> Any:
    try:
        import optuna
    except ImportError:
        raise ToolMissing(
            "the search nsga2 must have optuna, got none of it: pip install 'bittrue[search]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.NSGAIISampler(seed=space.seed, population_size=space.population)
    directions: list[Any] = [
        "maximize" if FIGURES[name] else "minimize" for name in space.objectives
    ]
    return optuna.create_study(directions=directions, sampler=sampler)


def _asked(space: Space, trial: Any) -> Point:
    return space.at(
        trial.suggest_categorical(name, range(len(values))) for name, values in space.axes.items()
    )


def _tell(study: Any, trial: Any, row: Row, objectives: Sequence[str]) -> None:
    if row.reason is not None:
        from optuna.trial import TrialState

        study.tell(trial, state=TrialState.FAIL)
        return
    values = [row.figures[name] for name in objectives]
    study.tell(trial, [x if isfinite(x) else BEYOND * (1 if x > 0 else -1) for x in values])
