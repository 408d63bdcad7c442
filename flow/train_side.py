"""``bittrue train`` with the fixed model or in gates: what is taught, and by which engine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bittrue.hdl.machine import Machine
from bittrue.model.design import Design, Weights
from bittrue.model.exceptions import BittrueError, ToolMissing
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import Codes, Values, encode
from bittrue.model.golden import GoldenNetwork
from bittrue.sim.engines import FASTEST_FIRST
from bittrue.sim.lessons import ENGINES
from bittrue.sim.side_by_side import SideBySide, Told, teach_side_by_side
from bittrue.sim.testbench import query_inputs

from .console import say
from .data import check_width, load, split
from .lessons import BENCH, BENCH_SAMPLE, BENCH_STEPS, Course, design_of, golden_of

READINGS = 100
"""Steps from reading to reading of the weights, where many samples are taught."""

QUERIES = 10


@dataclass(frozen=True)
class Lane:
    """The hardware that is taught.

    Members
    -------
    pe, simd : int or tuple of int
        Folding.
    engine : str
        A name in `bittrue.sim.lessons.ENGINES`, or "auto".
    stalls : float
        Probability of a stalled cycle at source and sink.
    """

    pe: int | tuple[int, ...] = 1
    simd: int | tuple[int, ...] = 1
    engine: str = "auto"
    stalls: float = 0.0


@dataclass(frozen=True)
class Plan:
    """What all models are taught.

    Members
    -------
    model : {"golden", "fixed", "rtl"}
        The last that is shown.
    course : Course
        Network, data and learning.
    width : int
        Bits of everything that no choice names.
    rounding : str
        Of updates.
    choices : dict
        Types and curves, by field of `bittrue.model.config.Config`.
    state : int or None
        Where the shift register starts.
    seed : int
        Of weights, orders, queries and stalls.
    steps : int or None
        Samples of the test bench, or the first so many of an epoch.
    every : int or None
        Steps from reading to reading.
    held_out : int or None
        Samples of a data set that are not taught.
    """

    model: str
    course: Course
    width: int
    rounding: str
    choices: Mapping[str, Any]
    state: int | None
    seed: int
    steps: int | None
    every: int | None
    held_out: int | None

    @property
    def bench(self) -> bool:
        """Whether it is the book's test bench."""
        return self.course.data == BENCH


class Samples(NamedTuple):
    """What is taught, a step a row, and what is asked at the end; all in values.

    Members
    -------
    name : str
        What the samples are of.
    inputs, targets : ndarray of float64, shape (steps, inputs) and (steps, outputs)
        Taught in this order.
    queries : ndarray of float64, shape (queries, inputs)
        Asked.
    labels : ndarray of int64, shape (queries,), or None
        Classes of the queries, where they are held-out samples.
    """

    name: str
    inputs: Values
    targets: Values
    queries: Values
    labels: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Taught:
    """What was taught, and what came of it.

    Members
    -------
    plan : Plan
        What was asked for.
    golden : GoldenNetwork
        At the end.
    design : Design
        The fixed model at the start.
    machine : Machine or None
        The hardware, where there is one.
    engine : str or None
        What simulated it.
    samples : Samples
        What was taught and asked.
    before : tuple of float
        Accuracy of golden and fixed model before the first step, where there are labels.
    result : SideBySide
        The models.
    """

    plan: Plan
    golden: GoldenNetwork
    design: Design
    machine: Machine | None
    engine: str | None
    samples: Samples
    before: tuple[float, ...]
    result: SideBySide


def teach(plan: Plan, lane: Lane | None, told: Told) -> Taught:
    """Teach golden model, fixed model and, where there is a lane, hardware.

    Raises
    ------
    BittrueError
        If the plan cannot be followed: a rate that becomes code 0, a curve without a slope, a
        target outside the output format, a product that is too wide.
    ToolMissing
        If the engine lacks a tool.
    """
    golden, order = golden_of(plan.course, plan.seed)
    design = design_of(plan.course, golden, plan.width, plan.rounding, plan.choices)
    if plan.state is not None:
        weights = design.weights
        design = Design(design.shape, Weights(weights.weights, weights.biases, plan.state))
    samples = _bench(plan) if plan.bench else _data(plan, order)
    machine = engine = None
    if lane is not None:
        machine = Machine(design.shape, lane.pe, lane.simd, trainer=True)
        engine = engine_named(lane.engine)
    before = _accuracies(golden, design, samples)
    result = teach_side_by_side(
        golden,
        design,
        samples.inputs,
        samples.targets,
        samples.queries,
        machine=machine,
        every=plan.every or (1 if plan.bench else READINGS),
        engine=engine or "amaranth",
        stalls=lane.stalls if lane else 0.0,
        seed=plan.seed,
        told=told,
    )
    return Taught(plan, golden, design, machine, engine, samples, before, result)


def engine_named(name: str) -> str:
    """Return the engine of a name; for "auto" the fastest one whose tools are here.

    Raises
    ------
    BittrueError
        If weights cannot be read back in it.
    """
    if name == "auto":
        try:
            FASTEST_FIRST["cxxrtl"]()
        except ToolMissing as error:
            say(f"bittrue: note: {error}; Amaranth's simulator is used")
            return "amaranth"
        return "cxxrtl"
    if name not in ENGINES:
        raise BittrueError(
            f"engine must be one of {', '.join(ENGINES)}, or auto, where weights are read back, "
            f"got {name!r}"
        )
    return name


def accuracy(answers: Values | Codes, labels: NDArray[np.int64]) -> float:
    """Return the share of samples whose largest output is that of their label."""
    return float(np.mean(answers.argmax(axis=1) == labels))


def _accuracies(golden: GoldenNetwork, design: Design, samples: Samples) -> tuple[float, ...]:
    """Return what golden and fixed model know before they are taught."""
    if samples.labels is None:
        return ()
    type = design.shape.input
    codes = encode(samples.queries, type.format, type.rounding, type.overflow)
    fixed = FixedNetwork(design).predict(codes)
    return (
        accuracy(golden.predict(samples.queries), samples.labels),
        accuracy(fixed, samples.labels),
    )


def _bench(plan: Plan) -> Samples:
    """Return the book's sample, a hundred times, and its queries."""
    steps = BENCH_STEPS if plan.steps is None else plan.steps
    inputs, targets = (np.tile(row, (steps, 1)) for row in BENCH_SAMPLE)
    return Samples(f"the {BENCH} test bench", inputs, targets, query_inputs(plan.seed, QUERIES))


def _data(plan: Plan, order: np.random.Generator) -> Samples:
    """Return so many epochs of a data set, each in an order of its own."""
    known = load(plan.course.data)
    check_width(known, plan.course.sizes[0], plan.course.sizes[-1])
    training, test = split(known, plan.held_out)
    count = len(training.labels)
    rows = np.concatenate([order.permutation(count) for _ in range(plan.course.epochs)])
    if plan.steps is not None:
        rows = rows[: plan.steps]
    targets = training.targets(plan.course.sizes[-1])
    return Samples(known.name, training.inputs[rows], targets[rows], test.inputs, test.labels)
