"""One point of a study: a network at one choice of formats, modes and curve, measured."""

from typing import NamedTuple

import numpy as np

from bittrue.model.budget import (
    Budget,
    Figures,
    Theory,
    budget,
    figures_between,
    rounding_theory,
)
from bittrue.model.design import Design, Layer
from bittrue.model.exceptions import BittrueError
from bittrue.model.fixed import FixedNetwork, LayerTrace
from bittrue.model.formats import Format, Values, decode, encode, requantize_flagged
from bittrue.model.golden import GoldenNetwork
from bittrue.model.training import accuracy

from .data import Data
from .study_certify import Certified, certified
from .study_choices import Choice, Making, design_of


class Subject(NamedTuple):
    """A network that is studied, and the data for it.

    Members
    -------
    seed : int or None
        What it was trained with; None for a network that was given.
    golden : GoldenNetwork
        The network.
    training : ndarray of float64, shape (samples, inputs)
        What ranges are observed on.
    asked : Data
        What errors are measured on.
    """

    seed: int | None
    golden: GoldenNetwork
    training: Values
    asked: Data


class StageFigures(NamedTuple):
    """One stage of one layer against the golden model.

    Members
    -------
    layer : int
        Number.
    stage : {"pre-activation", "output"}
        Which.
    format : Format
        Of its words.
    figures : Figures
        Errors in value.
    overflowed : int
        Words that did not fit.
    """

    layer: int
    stage: str
    format: Format
    figures: Figures
    overflowed: int


class ModeFigures(NamedTuple):
    """What rounding one layer's pre-activations did, overflowed words left out.

    Members
    -------
    layer : int
        Number.
    dropped : int
        Bits.
    measured, theory : Theory
        Bias and variance, in LSB.
    """

    layer: int
    dropped: int
    measured: Theory
    theory: Theory


class Measured(NamedTuple):
    """What was found at a choice.

    Members
    -------
    design : str
        Digest.
    accuracy, agreement : float
        Shares of samples: right, and answered as the golden model answers.
    figures : Figures
        Errors of the network's outputs.
    signal : float
        Mean square of the golden model's outputs.
    stages : tuple of StageFigures
        Errors stage by stage.
    modes : tuple of ModeFigures
        Rounding against its theory, layer by layer.
    budget : Budget or None
        What each source adds; None where it was not asked for.
    certificate : Certified or None
        What is proven; None where it was not asked for.
    """

    design: str
    accuracy: float
    agreement: float
    figures: Figures
    signal: float
    stages: tuple[StageFigures, ...]
    modes: tuple[ModeFigures, ...]
    budget: Budget | None
    certificate: Certified | None = None


class Point(NamedTuple):
    """A subject at a choice: what was measured, or why there is nothing to measure."""

    seed: int | None
    choice: Choice
    measured: Measured | None
    reason: str = ""


def measured_point(
    subject: Subject,
    choice: Choice,
    making: Making,
    *,
    budgeted: bool = False,
    certify: bool = False,
) -> Point:
    """Measure a subject at a choice; a choice that cannot be made is a point with its reason."""
    try:
        design = design_of(subject.golden, subject.training, choice, making)
    except BittrueError as error:
        return Point(subject.seed, choice, None, str(error))
    measured = _measured(subject, design, budgeted)
    if certify:
        proven = certified(subject.golden, design, subject.asked.inputs)
        measured = measured._replace(certificate=proven)
    return Point(subject.seed, choice, measured)


def _measured(subject: Subject, design: Design, budgeted: bool) -> Measured:
    golden, asked, type = subject.golden, subject.asked, design.shape.input
    entering = encode(asked.inputs, type.format, type.rounding, type.overflow)
    traces = FixedNetwork(design).trace(entering)
    sums = golden.preactivations(asked.inputs)
    expected = [act.value(z) for act, z in zip(golden.activations, sums, strict=True)]
    stages: list[StageFigures] = []
    modes: list[ModeFigures] = []
    for number, (layer, trace) in enumerate(zip(design.shape.layers, traces, strict=True)):
        for name, fixed, codes, values, loss in (
            (
                "pre-activation",
                layer.preactivation,
                trace.preactivation,
                sums,
                trace.preactivation_loss,
            ),
            ("output", layer.output, trace.output, expected, trace.output_loss),
        ):
            errors = figures_between(values[number], decode(codes, fixed.format))
            stages.append(StageFigures(number, name, fixed.format, errors, loss.overflowed))
        modes.append(_mode(number, layer, trace))
    answers = decode(traces[-1].output, design.shape.output.format)
    agreed = answers.argmax(axis=1) == expected[-1].argmax(axis=1)
    return Measured(
        design.digest,
        accuracy(answers, asked.labels),
        float(np.mean(agreed)),
        stages[-1].figures,
        float(np.square(expected[-1]).mean()),
        tuple(stages),
        tuple(modes),
        budget(golden, design, asked.inputs) if budgeted else None,
    )


def _mode(number: int, layer: Layer, trace: LayerTrace) -> ModeFigures:
    """Hold the rounding of a layer's pre-activations against its theory."""
    stage, source = layer.preactivation, layer.accumulator
    *_, overflowed = requantize_flagged(
        trace.accumulator, source, stage.format, stage.rounding, stage.overflow
    )
    sums, kept = trace.accumulator[~overflowed], trace.preactivation[~overflowed]
    dropped = max(source.frac - stage.format.frac, 0)
    if not sums.size:
        nothing = Theory(float("nan"), float("nan"))
        return ModeFigures(number, dropped, nothing, nothing)
    off = (decode(kept, stage.format) - decode(sums, source)) / stage.format.lsb
    theory = rounding_theory(stage.rounding, dropped, float(np.mean(sums < 0)))
    return ModeFigures(number, dropped, Theory(float(off.mean()), float(off.var())), theory)
