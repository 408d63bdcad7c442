"""One point of a study: a network at one choice of formats, modes and curve, measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
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
from bittrue.model.curves import Curve, Segment
from bittrue.model.design import Design, Layer, Shape
from bittrue.model.exceptions import BittrueError
from bittrue.model.fixed import FixedNetwork, LayerTrace
from bittrue.model.formats import (
    Codes,
    FixedType,
    Format,
    Overflow,
    Rounding,
    Values,
    decode,
    encode,
    requantize_flagged,
)
from bittrue.model.golden import GoldenNetwork
from bittrue.model.makers import FOLLOWED, MAKERS, OPTIONS, USUAL
from bittrue.model.quantize import quantize
from bittrue.model.ranges import choose_config
from bittrue.model.training import accuracy

from .data import Data

EXACT = "exact"
"""The curve that is no approximation: a row for each output code, correctly rounded.

The output's rounding is in the table, so in a budget it counts for the curve as well.
"""

BOUNDED = ("sigmoid", "tanh", "erf")
"""Functions that come near a power of two and never reach it."""

MAX_EXACT_WIDTH = 20
"""Widest pre-activation, in bits, whose codes are all tabled."""


@dataclass(frozen=True)
class Choice:
    """What is varied.

    Members
    -------
    width : int
        Bits of every word.
    rounding : Rounding
        Of pre-activations and outputs.
    overflow : Overflow
        Of pre-activations and outputs.
    curve : str
        A maker's name, or `EXACT`.
    """

    width: int
    rounding: Rounding
    overflow: Overflow
    curve: str


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
    """

    design: str
    accuracy: float
    agreement: float
    figures: Figures
    signal: float
    stages: tuple[StageFigures, ...]
    modes: tuple[ModeFigures, ...]
    budget: Budget | None


class Point(NamedTuple):
    """A subject at a choice: what was measured, or why there is nothing to measure."""

    seed: int | None
    choice: Choice
    measured: Measured | None
    reason: str = ""


def choices_of(
    widths: Sequence[int],
    roundings: Sequence[str],
    overflows: Sequence[str],
    curves: Sequence[str],
) -> list[Choice]:
    """Return all choices, widths innermost.

    Raises
    ------
    BittrueError
        If a mode or curve is unknown, a width is not 2 to 63, or something is named twice.
    """
    known = [*MAKERS, EXACT]
    for width in widths:
        if not 2 <= width <= 63:
            raise BittrueError(f"widths must be 2 to 63 bits, got {width}")
    for curve in curves:
        if curve not in known:
            raise BittrueError(f"the curve must be one of {', '.join(known)}, got {curve!r}")
    modes = [Rounding.parse(name) for name in roundings]
    fits = [Overflow.parse(name) for name in overflows]
    for name, given in (
        ("widths", widths),
        ("roundings", modes),
        ("overflows", fits),
        ("curves", curves),
    ):
        if not given or len(set(given)) < len(given):
            raise BittrueError(f"{name} must be at least one, each once, got {len(given)} of them")
    return [
        Choice(width, rounding, overflow, curve)
        for curve, rounding, overflow, width in product(curves, modes, fits, widths)
    ]


def measured_point(
    subject: Subject, choice: Choice, *, method: str, segments: int, budgeted: bool
) -> Point:
    """Measure a subject at a choice; a choice that cannot be made is a point with its reason."""
    try:
        design = _design(subject, choice, method, segments)
    except BittrueError as error:
        return Point(subject.seed, choice, None, str(error))
    return Point(subject.seed, choice, _measured(subject, design, budgeted))


def _design(subject: Subject, choice: Choice, method: str, segments: int) -> Design:
    golden = subject.golden
    maker = "fit" if choice.curve == EXACT else choice.curve
    curves = tuple(_maker_for(item.name, maker) for item in golden.activations)
    taken = tuple(segments if "segments" in OPTIONS.get(name, ()) else None for name in curves)
    if choice.curve == EXACT:
        taken = tuple(None if count is None else 1 for count in taken)
    config = choose_config(
        golden,
        choice.width,
        method=method,
        inputs=subject.training,
        rounding=choice.rounding,
        overflow=choice.overflow,
        curve=curves,
        segments=taken,
    )
    design = quantize(golden, config)
    return _with_exact(design, golden, curves) if choice.curve == EXACT else design


def _maker_for(activation: str, curve: str) -> str:
    """Return the maker for a layer: what is made of lines is never fitted."""
    exact = USUAL.get(activation)
    return exact if curve == "fit" and exact in FOLLOWED and exact != "plan" else curve


def _with_exact(design: Design, golden: GoldenNetwork, curves: Sequence[str]) -> Design:
    """Return a design with its fitted curves replaced by exact ones."""
    layers: list[Layer] = []
    for number, layer in enumerate(design.shape.layers):
        curve, activation = layer.curve, golden.activations[number]
        if curves[number] == "fit":
            format, type = layer.preactivation.format, layer.output
            if activation.name in BOUNDED:
                finer = Format(type.format.signed, type.format.width, type.format.frac + 1)
                type = FixedType(finer, type.rounding, Overflow.SAT)
            if format.width > MAX_EXACT_WIDTH:
                raise BittrueError(
                    f"an exact curve must have an input of at most {MAX_EXACT_WIDTH} bits, "
                    f"got {format}"
                )
            values = activation.value(decode(format.codes(), format))
            curve = _table(format, type, values)
        entering = layers[-1].output if layers else layer.input
        stored = (entering, layer.weight, layer.bias, layer.preactivation, curve)
        layers.append(Layer(layer.inputs, layer.outputs, *stored))
    return Design(Shape(tuple(layers)), design.weights)


def _table(input: Format, output: FixedType, values: Values) -> Curve:
    """Return the curve of values at all codes, nearest codes of the output, as constant rows."""
    codes: Codes = encode(values, output.format, Rounding.RND_CONV, Overflow.SAT)
    changes = np.flatnonzero(np.diff(codes, prepend=codes[0] - 1))
    rows = tuple(Segment(int(input.min_code + at), 0, int(codes[at])) for at in changes)
    return Curve(EXACT, input, output, Format(False, 1, 0), output.format, rows)


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
