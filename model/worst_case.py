"""How far a fixed model can be from its golden model, for all inputs: interval analysis.

Layer by layer, neuron by neuron: the codes that can be reached, and between which ends the golden
model's value lies beside the fixed one. What a curve does to that is looked up code by code, so
that each jump counts where it is.
"""

from typing import NamedTuple

import numpy as np

from .design import Design
from .exceptions import BittrueError
from .formats import (
    MAX_WIDTH,
    Codes,
    FixedType,
    Format,
    Overflow,
    Values,
    decode,
    requantize,
)
from .golden import GoldenNetwork
from .intervals import TINY, Bounds, check_known, gamma
from .reach import Neuron, cells_of, encoding_errors

CodeRange = tuple[Codes, Codes]


class Accumulator(NamedTuple):
    """What the sums of a layer can need, for all input codes.

    Members
    -------
    layer : int
        Number.
    format : Format
        Of the accumulator, sized from formats.
    low, high : int
        Codes that no sum leaves, with the weights as they are, in whole or in part, whatever the
        order.
    bits_needed : int
        Width that holds them.
    """

    layer: int
    format: Format
    low: int
    high: int
    bits_needed: int

    @property
    def fits(self) -> bool:
        """Whether no sum can overflow."""
        return self.format.min_code <= self.low and self.high <= self.format.max_code


class LayerBound(NamedTuple):
    """How far one layer of the fixed model can be from the golden model, for all inputs.

    Members
    -------
    accumulator : Accumulator
        Of the sums.
    wraps : int
        Neurons whose pre-activation can wrap around, or be set to zero.
    low, high : ndarray of float64, shape (outputs,)
        Ends of golden less fixed output.
    """

    accumulator: Accumulator
    wraps: int
    low: Values
    high: Values

    @property
    def bound(self) -> float:
        """What no output of the layer is further from the golden model's."""
        return float(np.maximum(np.abs(self.low), np.abs(self.high)).max())


def worst_case(golden: GoldenNetwork, design: Design) -> tuple[LayerBound, ...]:
    """Return bounds of each layer that hold for all inputs within the input format's range.

    An input is within the range if it does not overflow where it is encoded.

    Parameters
    ----------
    golden : GoldenNetwork
        Whose activations `bittrue.model.intervals.check_known` takes.
    design : Design
        Made of it.

    Raises
    ------
    BittrueError
        If sizes differ, something is unknown of an activation, or bounds leave float64.
    """
    if golden.sizes != design.shape.sizes:
        raise BittrueError(
            f"network and design must have the same sizes, got {golden.sizes} and "
            f"{design.shape.sizes}"
        )
    for activation in golden.activations:
        check_known(activation)
    input = design.shape.input
    size = design.shape.sizes[0]
    reached = (
        np.full(size, input.format.min_code, np.int64),
        np.full(size, input.format.max_code, np.int64),
    )
    low, high = encoding_errors(input.rounding, input.format)
    off = np.full(size, low), np.full(size, high)
    found = []
    for number in range(len(golden.weights)):
        with np.errstate(over="ignore", invalid="ignore"):
            bound, reached = _layer(golden, design, number, reached, off)
        off = bound.low, bound.high
        found.append(bound)
    return tuple(found)


def _layer(
    golden: GoldenNetwork, design: Design, number: int, reached: CodeRange, off: Bounds
) -> tuple[LayerBound, CodeRange]:
    """Take reached codes, and what golden values are beside them, through a layer."""
    layer = design.shape.layers[number]
    sums, parts = _sums(design, number, reached)
    shift_low, shift_high = _beside(golden, design, number, reached, off)
    type, accumulator = layer.preactivation, layer.accumulator
    rounded = [_rounded(end, accumulator, type) for end in sums]
    lost = (0.0, 0.0)
    if accumulator.frac > type.format.frac:
        lost = encoding_errors(type.rounding, type.format)
    cells = cells_of(layer.curve)
    activation = golden.activations[number]
    outputs = [
        Neuron(
            layer,
            activation,
            cells,
            (rounded[0][n], rounded[1][n]),
            (float(shift_low[n]) + lost[0], float(shift_high[n]) + lost[1]),
        ).through()
        for n in range(layer.outputs)
    ]
    low, high, least, most, wraps = (np.array(column) for column in zip(*outputs, strict=True))
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise BittrueError(f"bounds must be finite, got some in layer {number} that leave float64")
    needed = Format.spanning(*parts, accumulator.frac).width
    sized = Accumulator(number, accumulator, *parts, needed)
    return LayerBound(sized, int(wraps.sum()), low, high), (least, most)


def _rounded(sums: Codes, source: Format, type: FixedType) -> list[int]:
    """Return sums at a type's LSB, rounded and not yet fitted."""
    if source.frac < type.format.frac:
        return [code << type.format.frac - source.frac for code in sums.tolist()]
    wide = Format(True, MAX_WIDTH, type.format.frac)
    codes: list[int] = requantize(sums, source, wide, type.rounding, Overflow.SAT).tolist()
    return codes


def _sums(design: Design, number: int, reached: CodeRange) -> tuple[CodeRange, tuple[int, int]]:
    """Return ends of each neuron's sum, and of all sums in whole and in part; all are exact."""
    layer = design.shape.layers[number]
    weights, biases = design.weights.weights[number], design.weights.biases[number]
    frac = layer.accumulator.frac
    shift = frac - layer.weight.format.frac - layer.input.format.frac
    one, other = ((weights * end) << shift for end in reached)
    low, high = np.minimum(one, other), np.maximum(one, other)
    offset = np.zeros(len(weights), np.int64)
    if biases is not None and layer.bias is not None:
        offset = biases << frac - layer.bias.format.frac
    least = np.minimum(low, 0).sum(axis=1) + np.minimum(offset, 0)
    most = np.maximum(high, 0).sum(axis=1) + np.maximum(offset, 0)
    whole = low.sum(axis=1) + offset, high.sum(axis=1) + offset
    return whole, (int(least.min()), int(most.max()))


def _beside(
    golden: GoldenNetwork, design: Design, number: int, reached: CodeRange, off: Bounds
) -> Bounds:
    """Return the ends of each neuron's golden pre-activation less the fixed model's exact sum."""
    layer = design.shape.layers[number]
    weights = golden.weights[number]
    stored = decode(design.weights.weights[number], layer.weight.format)
    low, high = (decode(end, layer.input.format) for end in reached)
    change = weights - stored
    center = change @ ((low + high) / 2) + weights @ ((off[0] + off[1]) / 2)
    radius = np.abs(change) @ ((high - low) / 2) + np.abs(weights) @ ((off[1] - off[0]) / 2)
    magnitude = (np.abs(weights) + np.abs(stored)) @ (
        np.maximum(np.abs(low), np.abs(high)) + np.maximum(np.abs(off[0]), np.abs(off[1]))
    )
    if golden.biases is not None:
        offset, codes = golden.biases[number], design.weights.biases[number]
        given = np.zeros(len(offset))
        if codes is not None and layer.bias is not None:
            given = decode(codes, layer.bias.format)
        center += offset - given
        magnitude += np.abs(offset) + np.abs(given)
    # lost by the golden model's own sums, and by those here
    spare = magnitude * (8 * gamma(weights.shape[1] + 8)) + TINY
    return center - radius - spare, center + radius + spare
