"""Three models of one network, taught the same samples side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from bittrue.hdl.machine import Machine
from bittrue.model.design import Design, Weights
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import Codes, FixedType, Values, decode, encode
from bittrue.model.golden import GoldenNetwork
from bittrue.model.learner import LayerStep, target_codes
from bittrue.model.shape import Shape

from .lessons import Learned, Lesson, LessonComparison, compare_lessons, expect, teach

Told = Callable[[int, int, str], None]
"""Told what is done, of how much, and by which model."""


@dataclass(frozen=True)
class Trajectory:
    """How one model went.

    Members
    -------
    outputs : ndarray of float64, shape (steps, outputs)
        Answers to each sample, before it is learned from.
    weights : ndarray of float64, shape (readings + 1, weights)
        Of all layers, before the first step and at every reading: layer by layer, neuron by
        neuron.
    answers : ndarray of float64, shape (queries, outputs)
        What it says to the queries at the end.
    """

    outputs: Values
    weights: Values
    answers: Values


@dataclass
class Updates:
    """What became of the fixed model's updates.

    Members
    -------
    changed : int
        Updates that were not 0 before rounding.
    rounded_away : int
        Those of them that were 0 after it.
    overflowed : int
        Weights and biases that left their format's range.
    """

    changed: int = 0
    rounded_away: int = 0
    overflowed: int = 0

    def add(self, step: Sequence[LayerStep]) -> None:
        """Count one step."""
        for layer in step:
            self.changed += layer.lost.updates
            self.rounded_away += layer.lost.rounded_away
            self.overflowed += layer.lost.overflowed


@dataclass(frozen=True)
class SideBySide:
    """What three models became.

    Members
    -------
    steps : int
        Samples learned from.
    every : int
        Steps from reading to reading.
    golden, fixed : Trajectory
        Of the two models in software.
    rtl : Trajectory or None
        Of the hardware, where there is one.
    learned : Design
        The fixed model at the end.
    updates : Updates
        Of the fixed model.
    comparison : LessonComparison or None
        Of the hardware's words with the fixed model's.
    """

    steps: int
    every: int
    golden: Trajectory
    fixed: Trajectory
    rtl: Trajectory | None
    learned: Design
    updates: Updates = field(default_factory=Updates)
    comparison: LessonComparison | None = None

    @property
    def passed(self) -> bool:
        """Whether no word of the hardware differs."""
        return self.comparison is None or not self.comparison.differing


def teach_side_by_side(
    golden: GoldenNetwork,
    design: Design,
    inputs: Values,
    targets: Values,
    queries: Values,
    *,
    machine: Machine | None = None,
    every: int = 1,
    engine: str = "amaranth",
    stalls: float = 0.0,
    seed: int = 0,
    told: Told | None = None,
) -> SideBySide:
    """Teach golden model, fixed model and hardware, and compare the last two word by word.

    Parameters
    ----------
    golden : GoldenNetwork
        It is trained.
    design : Design
        Where the fixed model starts, and how it learns.
    inputs, targets : ndarray of float64, shape (steps, inputs) and (steps, outputs)
        In values, one step a row.
    queries : ndarray of float64, shape (queries, inputs)
        Asked behind the last step.
    machine : Machine, optional
        With a trainer, of the design's shape; without one there are two models.
    every : int
        Weights are read after so many steps, and behind the last.
    engine, stalls, seed
        As in `bittrue.sim.lessons.teach`.
    told : callable, optional
        Called now and then.

    Raises
    ------
    BittrueError
        If a target lies outside the output format, or the hardware stands still; nothing has
        learned then.
    """
    if every < 1:
        raise BittrueError(f"weights must be read every 1 step or more, got {every}")
    lessons = _lessons(design.shape, inputs, targets, queries, every)
    told = told or (lambda done, total, model: None)
    updates = Updates()
    count = len(inputs)

    def counted(step: Sequence[LayerStep], done: int) -> None:
        updates.add(step)
        told(done, count, "fixed")

    expected = expect(design, lessons, counted)
    shown = compared = None
    if machine is not None:
        actual = teach(
            machine,
            design.weights,
            lessons,
            engine=engine,
            stalls=stalls,
            seed=seed,
            told=lambda done, _: told(min(done * every, count), count, "RTL"),
        )
        shown = _trajectory(design, actual)
        compared = compare_lessons(machine, lessons, expected, actual)
    return SideBySide(
        count,
        every,
        _golden(golden, inputs, targets, queries, every, told),
        _trajectory(design, expected),
        shown,
        Design(design.shape, expected[-1].weights),
        updates,
        compared,
    )


def _lessons(
    shape: Shape, inputs: Values, targets: Values, queries: Values, every: int
) -> list[Lesson]:
    """Return the steps between two readings as a lesson each, and one of queries."""
    codes, asked = _encoded(inputs, shape.input), _encoded(queries, shape.input)
    wanted = target_codes(targets, shape.output.format)
    lessons = [
        Lesson(
            codes[start : start + every],
            wanted[start : start + every],
            np.ones(len(codes[start : start + every]), dtype=np.int64),
        )
        for start in range(0, len(codes), every)
    ]
    nothing = np.zeros((len(asked), shape.sizes[-1]), dtype=np.int64)
    return [*lessons, Lesson(asked, nothing, np.zeros(len(asked), dtype=np.int64))]


def _encoded(values: Values, type: FixedType) -> Codes:
    return encode(values, type.format, type.rounding, type.overflow)


def _golden(
    golden: GoldenNetwork,
    inputs: Values,
    targets: Values,
    queries: Values,
    every: int,
    told: Told,
) -> Trajectory:
    """Train the golden model, its weights looked at as often as the others'."""
    outputs, weights = [], [_flat(golden.weights)]
    for done, (sample, wanted) in enumerate(zip(inputs, targets, strict=True), 1):
        outputs.append(golden.query(sample))
        golden.train(sample, wanted)
        if done % every == 0 or done == len(inputs):
            weights.append(_flat(golden.weights))
            told(done, len(inputs), "golden")
    return Trajectory(np.array(outputs), np.array(weights), golden.predict(queries))


def _flat(arrays: Sequence[Values]) -> Values:
    return np.concatenate([np.asarray(array).ravel() for array in arrays])


def _trajectory(design: Design, learned: Sequence[Learned]) -> Trajectory:
    """Return codes that were seen as values."""
    shape = design.shape
    outputs = [decode(one.outputs, shape.output.format) for one in learned]
    readings = [design.weights, *(one.weights for one in learned[:-1])]
    return Trajectory(
        np.concatenate(outputs[:-1]),
        np.array([_values(shape, weights) for weights in readings]),
        outputs[-1],
    )


def _values(shape: Shape, weights: Weights) -> Values:
    layers = zip(shape.layers, weights.weights, strict=True)
    return _flat([decode(codes, layer.weight.format) for layer, codes in layers])
