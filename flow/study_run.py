"""Running a study: networks that were saved or are trained, each measured at all choices."""

from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import numpy as np

from bittrue.model.exceptions import BittrueError
from bittrue.model.golden import GoldenNetwork
from bittrue.model.training import Epoch, Samples, accuracy, train_epochs

from .console import Told, progress
from .coordinator import local
from .data import Data, check_width, load, split
from .options import PARTS, part_of
from .study_choices import Choice, Making
from .study_points import Point, Subject, measured_point


class Training(NamedTuple):
    """What networks are trained with."""

    sizes: tuple[int, ...]
    epochs: int
    learning_rate: float
    rule: str


class Plan(NamedTuple):
    """What is measured of each network.

    Members
    -------
    choices : tuple of Choice
        At least one; those like the first one are budgeted for the first network.
    making : Making
        What does not vary.
    part : str
        One of `bittrue.flow.options.PARTS`.
    samples : int or None
        The first so many of them.
    certify : bool
        Whether what can be proven is proven, too.
    """

    choices: tuple[Choice, ...]
    making: Making
    part: str
    samples: int | None
    certify: bool = False


class Studied(NamedTuple):
    """What was measured of one network.

    Members
    -------
    seed : int or None
        What it was trained with.
    sizes : tuple of int
        Of its layers, the inputs first.
    samples : int
        How many were asked.
    accuracy : float
        Of the golden model.
    points : list of Point
        One a choice, in their order.
    """

    seed: int | None
    sizes: tuple[int, ...]
    samples: int
    accuracy: float
    points: list[Point]


def studied(subject: Subject, plan: Plan, *, budgeted: bool, shown: bool) -> Studied:
    """Measure one network at all choices."""
    kind = replace(plan.choices[0], width=0)
    golden, asked = subject.golden, subject.asked
    points = []
    with progress("measuring", shown=shown) as told:
        for done, choice in enumerate(plan.choices, 1):
            alike = budgeted and replace(choice, width=0) == kind
            found = measured_point(
                subject, choice, plan.making, budgeted=alike, certify=plan.certify
            )
            points.append(found)
            told(done, len(plan.choices))
    right = accuracy(golden.predict(asked.inputs), asked.labels)
    return Studied(subject.seed, tuple(golden.sizes), len(asked.labels), right, points)


def studied_seeds(
    training: Training, seeds: Sequence[int], known: Data, plan: Plan, *, jobs: int, shown: bool
) -> list[Studied]:
    """Train a network for each seed and measure it; in processes, where there are several seeds.

    Parameters
    ----------
    training : Training
        Sizes, and how they are trained.
    seeds : sequence of int
        Each draws the split, the weights and the orders of its network.
    known : Data
        All of it, by a name that `bittrue.flow.data.load` knows.
    plan : Plan
        What is measured.
    jobs : int
        Processes at most; with 1 all is done in this one.
    shown : bool
        Whether progress is shown on standard error.

    Raises
    ------
    BittrueError
        If sizes, data and part do not go together, or a process is lost.
    """
    check_width(known, training.sizes[0], training.sizes[-1])
    if min(jobs, len(seeds)) == 1:
        return [
            studied(
                _taught(training, seed, known, plan, shown=shown),
                plan,
                budgeted=seed == seeds[0],
                shown=shown,
            )
            for seed in seeds
        ]
    with progress("seeds", shown=shown) as told:
        return _in_processes(training, seeds, known, plan, min(jobs, len(seeds)), told)


def _in_processes(
    training: Training, seeds: Sequence[int], known: Data, plan: Plan, jobs: int, told: Told
) -> list[Studied]:
    """Study a seed a process; no more are sent than there are processes, so that all end soon."""
    found: dict[int, Studied] = {}
    flying: dict[Future[Studied], int] = {}
    left = iter(seeds)
    told(0, len(seeds))
    with local(jobs) as pool:
        while len(found) < len(seeds):
            for seed in islice(left, jobs - len(flying)):
                first = seed == seeds[0]
                flying[pool.submit(_one_seed, training, seed, known.name, plan, first)] = seed
            done, _ = wait(flying, return_when=FIRST_COMPLETED)
            try:
                found.update({flying.pop(future): future.result() for future in done})
            except BrokenProcessPool:
                raise BittrueError(
                    f"processes must return what they measured, got {len(found)} of "
                    f"{len(seeds)} seeds before one was lost: --jobs 1 does without"
                ) from None
            told(len(found), len(seeds))
    return [found[seed] for seed in seeds]


def _one_seed(training: Training, seed: int, data: str, plan: Plan, budgeted: bool) -> Studied:
    """Train and measure in a process of its own."""
    subject = _taught(training, seed, _loaded(data), plan, shown=False)
    return studied(subject, plan, budgeted=budgeted, shown=False)


_loaded = lru_cache(maxsize=1)(load)


def _taught(training: Training, seed: int, known: Data, plan: Plan, *, shown: bool) -> Subject:
    """Train a network from a seed, which draws its split, its weights and its orders."""
    parts = split(known, seed=seed)
    chosen = dict(zip(PARTS, (*parts, known), strict=True))
    if plan.part not in chosen:
        raise BittrueError(f"the part must be one of {', '.join(PARTS)}, got {plan.part!r}")
    asked, learnt = part_of(chosen[plan.part], "all", plan.samples), parts[0]
    weights_rng, order_rng = np.random.default_rng(seed).spawn(2)
    first, *hidden, last = training.sizes
    golden = GoldenNetwork(
        first, hidden, last, training.learning_rate, weights_rng, rule=training.rule
    )
    with progress(f"training, seed {seed}", shown=shown) as told:

        def report(done: int, total: int, last: Epoch | None, told: Told = told) -> None:
            told(done, total, "" if last is None else f"accuracy {last.accuracy:.4f}")

        train_epochs(
            golden,
            Samples(learnt.inputs, learnt.targets(last), learnt.labels),
            epochs=training.epochs,
            rng=order_rng,
            progress=report,
        )
    return Subject(seed, golden, learnt.inputs, asked)
