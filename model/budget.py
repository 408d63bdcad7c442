"""Where quantization errors come from, and what theory says they should be.

A design is evaluated in float64 with its sources of error switched on one at a time; with all of
them on, it gives what the fixed model gives.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .activations import Activation
from .curves import Curve
from .design import Design
from .errors import sqnr
from .exceptions import BittrueError
from .fixed import FixedNetwork
from .formats import FixedType, Rounding, Values, decode, encode
from .golden import GoldenNetwork

SOURCES = ("weights", "inputs", "pre-activation", "curve", "output")
"""What can be switched on: codes of weights and biases, codes of inputs, the pre-activation stage,
the table instead of the function, and the output stage."""


class Figures(NamedTuple):
    """How far actual values are from expected ones, signs kept.

    Members
    -------
    maximum, mean, rms : float
        Maximum, mean absolute and root mean square error, in value.
    bias : float
        Mean of actual less expected, in value.
    power : float
        Mean square error.
    sqnr : float
        Signal-to-quantization-noise ratio in dB; infinite where nothing differs.
    """

    maximum: float
    mean: float
    rms: float
    bias: float
    power: float
    sqnr: float


class Budget(NamedTuple):
    """What each source adds to the errors of a design's outputs.

    Members
    -------
    alone : mapping of str to Figures
        Errors with one source switched on, by name.
    total : Figures
        Errors of the fixed model.
    remainder : float
        Mean square error of the total less those of all sources: what they do to each other,
        below zero where they cancel.
    """

    alone: Mapping[str, Figures]
    total: Figures
    remainder: float


class Theory(NamedTuple):
    """What a rounding mode should do to words spread evenly over the dropped bits.

    Members
    -------
    bias, variance : float
        In LSB and in LSB squared.
    """

    bias: float
    variance: float


def figures_between(expected: npt.ArrayLike, actual: npt.ArrayLike) -> Figures:
    """Measure actual values against expected ones.

    Raises
    ------
    BittrueError
        If the shapes differ, or there is nothing to measure.
    """
    expected, actual = np.asarray(expected, np.float64), np.asarray(actual, np.float64)
    if expected.shape != actual.shape or not expected.size:
        raise BittrueError(
            f"errors must be of two arrays of one shape, got {expected.shape} and {actual.shape}"
        )
    off = actual - expected
    power = float(np.square(off).mean())
    return Figures(
        float(np.abs(off).max()),
        float(np.abs(off).mean()),
        power**0.5,
        float(off.mean()),
        power,
        sqnr(expected, actual),
    )


def switched(
    golden: GoldenNetwork, design: Design, inputs: npt.ArrayLike, sources: Collection[str]
) -> Values:
    """Return the outputs of a network in float64 with some sources of error switched on.

    Parameters
    ----------
    golden : GoldenNetwork
        Whose weights the design's are.
    design : Design
        Its codes, stages and curves.
    inputs : array_like of float, shape (samples, inputs)
        Values.
    sources : collection of str
        Of `SOURCES`. A table is followed as exact lines, arguments beyond its input's format held
        at the ends. With all sources on, the result is the fixed model's as long as its
        accumulators fit 53 bits.

    Returns
    -------
    ndarray of float64, shape (samples, outputs)

    Raises
    ------
    BittrueError
        If there is no such source.
    """
    for source in sources:
        if source not in SOURCES:
            raise BittrueError(f"a source must be one of {', '.join(SOURCES)}, got {source!r}")
    signal = np.asarray(inputs, np.float64)
    if "inputs" in sources:
        signal = _through(signal, design.shape.input)
    for number, layer in enumerate(design.shape.layers):
        weights, biases = _parameters(golden, design, number, "weights" in sources)
        sums = signal @ weights.T
        if biases is not None:
            sums = sums + biases
        if "pre-activation" in sources:
            sums = _through(sums, layer.preactivation)
        signal = _activated(sums, layer.curve, golden.activations[number], sources)
    return signal


def budget(golden: GoldenNetwork, design: Design, inputs: npt.ArrayLike) -> Budget:
    """Return what each source adds to the errors of a design's outputs on data.

    Parameters
    ----------
    golden : GoldenNetwork
        Whose weights the design's are, and whose outputs are expected.
    design : Design
        What is measured.
    inputs : array_like of float, shape (samples, inputs)
        Data, at least one sample.
    """
    expected = golden.predict(inputs)
    alone = {
        source: figures_between(expected, switched(golden, design, inputs, (source,)))
        for source in SOURCES
    }
    type = design.shape.input
    codes = encode(inputs, type.format, type.rounding, type.overflow)
    actual = decode(FixedNetwork(design).predict(codes), design.shape.output.format)
    total = figures_between(expected, actual)
    return Budget(alone, total, total.power - sum(part.power for part in alone.values()))


def rounding_theory(rounding: Rounding, dropped: int, negative: float = 0.5) -> Theory:
    """Return the bias and variance of dropping bits that are spread evenly.

    Parameters
    ----------
    rounding : Rounding
        How they are dropped.
    dropped : int
        Bits; none are lost where it is 0 or less.
    negative : float
        Share of words below zero, which the modes toward and away from zero depend on.
    """
    if dropped <= 0:
        return Theory(0.0, 0.0)
    step = 2.0**-dropped
    cut = (1 - step) / 2
    above, below = {
        Rounding.TRN: (-cut, -cut),
        Rounding.TRN_ZERO: (-cut, cut),
        Rounding.RND: (step / 2, step / 2),
        Rounding.RND_ZERO: (-step / 2, step / 2),
        Rounding.RND_INF: (step / 2, -step / 2),
        Rounding.RND_MIN_INF: (-step / 2, -step / 2),
        Rounding.RND_CONV: (0.0, 0.0),
    }[rounding]
    bias = above * (1 - negative) + below * negative
    cuts = rounding in (Rounding.TRN, Rounding.TRN_ZERO)
    power = (1 - step**2) / 12 + cut**2 if cuts else (1 + 2 * step**2) / 12
    return Theory(bias, power - bias**2)


def _through(values: Values, type: FixedType) -> Values:
    return decode(encode(values, type.format, type.rounding, type.overflow), type.format)


def _parameters(
    golden: GoldenNetwork, design: Design, number: int, coded: bool
) -> tuple[Values, Values | None]:
    """Return weights and biases of a layer: as they are, or what their codes stand for."""
    if not coded:
        return golden.weights[number], None if golden.biases is None else golden.biases[number]
    layer, codes = design.shape.layers[number], design.weights.biases[number]
    weights = decode(design.weights.weights[number], layer.weight.format)
    if codes is None or layer.bias is None:
        return weights, None
    return weights, decode(codes, layer.bias.format)


def _activated(
    sums: Values, curve: Curve, activation: Activation, sources: Collection[str]
) -> Values:
    """Return a layer's outputs; mirrored as the hardware does it, behind the output stage."""
    center = None if curve.mirror is None else curve.mirror * curve.output.format.lsb
    mirrored = sums < 0 if center is not None else np.zeros(sums.shape, np.bool_)
    arguments = np.where(mirrored, -sums, sums)
    values = _lines(curve, arguments) if "curve" in sources else activation.value(arguments)
    if "output" in sources:
        values = _through(values, curve.output)
    return values if center is None else np.where(mirrored, center - values, values)


def _lines(curve: Curve, arguments: Values) -> Values:
    """Return the lines of a table at values, without any rounding."""
    lsb = curve.input.lsb
    first = 0 if curve.mirror is not None else curve.input.min_code
    held = np.clip(arguments, first * lsb, curve.last_argument * lsb)
    rows = np.array(curve.segments, dtype=np.float64)
    row = np.searchsorted(rows[:, 0] * lsb, held, side="right") - 1
    slopes, intercepts = rows[:, 1][row], rows[:, 2][row]
    return slopes * curve.slope_format.lsb * held + intercepts * curve.intercept_format.lsb
