"""Networks taught on integers, and what that cost: one lesson a width, rounding mode and seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from bittrue.model.config import Config
from bittrue.model.design import Design
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import Codes, FixedType, Values, encode
from bittrue.model.golden import GoldenNetwork
from bittrue.model.learner import Learner, learning
from bittrue.model.learning import STOCHASTIC, UpdateRounding
from bittrue.model.modes import Rounding
from bittrue.model.quantize import quantize
from bittrue.sim.testbench import query_inputs

from .data import load, split

BENCH = "3-3-3"
"""The book's test bench, as the name of what is taught."""

BENCH_STEPS = 100
BENCH_SAMPLE = ([0.0, 1.0, 0.0], [0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Course:
    """What all lessons have in common.

    Members
    -------
    data : str
        A data set, or `BENCH`.
    sizes : tuple of int
        Of the layers.
    rate : float
        Learning rate.
    epochs : int
        Times through the data; the test bench has its hundred steps.
    rule : str
        What hidden layers are told.
    curve : str or None
        Of all layers; None for the usual one of the activation.
    segments : int or None
        Of curves that take it.
    integer_bits : int
        Of weights, the sign apart.
    activation : str or tuple of str
        Of all layers of the golden network, or one a layer.
    biases : bool
        Whether layers have them.
    """

    data: str
    sizes: tuple[int, ...]
    rate: float
    epochs: int = 20
    rule: str = "book"
    curve: str | None = "plan"
    segments: int | None = None
    integer_bits: int = 3
    activation: str | tuple[str, ...] = "sigmoid"
    biases: bool = False

    @property
    def title(self) -> str:
        """What is taught, in a few words."""
        sizes = "-".join(map(str, self.sizes))
        return f"the {sizes} test bench" if self.data == BENCH else f"{sizes} on {self.data}"


@dataclass(frozen=True)
class Lesson:
    """One network taught at one width.

    Members
    -------
    width : int
        Bits of everything; 0 for the golden network.
    rounding : str
        Of updates: a mode, or by chance.
    seed : int
        Of weights, split and orders.
    score : float
        Share of held-out samples that are right; of the test bench the largest distance of an
        output of its queries from the golden network's.
    lost : float
        Share of updates that rounding brought to nothing.
    """

    width: int
    rounding: str
    seed: int
    score: float
    lost: float


def rounding_named(name: str) -> UpdateRounding:
    """Return a rounding of updates by name."""
    return STOCHASTIC if name.strip().upper() == STOCHASTIC else Rounding.parse(name)


def golden_of(course: Course, seed: int) -> tuple[GoldenNetwork, np.random.Generator]:
    """Return the network that a seed draws, and what draws the orders."""
    weights_rng, order_rng = np.random.default_rng(seed).spawn(2)
    first, *hidden, last = course.sizes
    golden = GoldenNetwork(
        first,
        hidden,
        last,
        course.rate,
        weights_rng,
        activation=course.activation,
        biases=course.biases,
        rule=course.rule,
    )
    return golden, order_rng


def design_of(
    course: Course,
    golden: GoldenNetwork,
    width: int,
    rounding: str,
    choices: Mapping[str, Any] | None = None,
) -> Design:
    """Return a network of one width that can be taught.

    Weights and pre-activations have the course's integer bits; inputs and outputs are unsigned,
    with one integer bit.

    Parameters
    ----------
    course : Course
        How it is taught.
    golden : GoldenNetwork
        Where it starts.
    width : int
        Bits of everything.
    rounding : str
        Of updates.
    choices : mapping, optional
        Types and curves that are taken instead, by field of `bittrue.model.config.Config`; a
        ``format`` stands for all types.
    """
    choices = choices or {}
    weight = f"fxp-s{width}/{width - 1 - course.integer_bits}"
    signal = f"fxp-u{width}/{width - 1}"
    types = {
        "input_type": signal,
        "weight_type": weight,
        "bias_type": weight,
        "preactivation_type": f"{weight},RND_CONV,SAT",
        "output_type": f"{signal},RND_CONV,SAT",
    }
    usual = {} if "format" in choices else types
    curve = {"curve": course.curve, "segments": course.segments}
    config = Config.of(**{**usual, **curve, **choices})
    return learning(
        quantize(golden, config), course.rate, rule=course.rule, rounding=rounding_named(rounding)
    )


def taught(course: Course, width: int, rounding: str, seed: int) -> Lesson:
    """Teach one network, and look what it has learnt.

    Raises
    ------
    BittrueError
        If the width is too narrow for the curve, or for the rate.
    """
    if course.data == BENCH:
        return _bench(course, width, rounding, seed)
    return _data(course, width, rounding, seed)


def _bench(course: Course, width: int, rounding: str, seed: int) -> Lesson:
    golden, _ = golden_of(course, seed)
    fixed = FixedNetwork(design_of(course, golden, width, rounding))
    updates = lost = 0
    for _ in range(BENCH_STEPS):
        golden.train(*BENCH_SAMPLE)
        for step in fixed.train(*BENCH_SAMPLE):
            updates += step.lost.updates
            lost += step.lost.rounded_away
    queries = query_inputs(seed, 10)
    apart = max(float(np.abs(fixed.query(q) - golden.query(q)).max()) for q in queries)
    return Lesson(width, rounding, seed, apart, lost / max(updates, 1))


def _data(course: Course, width: int, rounding: str, seed: int) -> Lesson:
    golden, order_rng = golden_of(course, seed)
    known = _loaded(course.data)
    training, test = split(known, seed=seed)
    targets = training.targets(course.sizes[-1])
    if width == 0:
        for _ in range(course.epochs):
            for n in order_rng.permutation(len(training.inputs)):
                golden.train(training.inputs[n], targets[n])
        right = golden.predict(test.inputs).argmax(axis=1) == test.labels
        return Lesson(0, "float64", seed, float(np.mean(right)), 0.0)
    learner = Learner(design_of(course, golden, width, rounding))
    shape = learner.design.shape
    codes, wanted = _codes(training.inputs, shape.input), _codes(targets, shape.output)
    updates = lost = 0
    for _ in range(course.epochs):
        for n in order_rng.permutation(len(codes)):
            for step in learner.step(codes[n], wanted[n]):
                updates += step.lost.updates
                lost += step.lost.rounded_away
    answers = FixedNetwork(learner.design).predict(_codes(test.inputs, shape.input))
    right = answers.argmax(axis=1) == test.labels
    return Lesson(width, rounding, seed, float(np.mean(right)), lost / max(updates, 1))


def _codes(values: Values, type: FixedType) -> Codes:
    return encode(values, type.format, type.rounding, type.overflow)


_loaded = lru_cache(maxsize=1)(load)
