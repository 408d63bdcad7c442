"""The fixed network that a file describes by its own formats, bit for bit."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from math import ceil, isfinite

import numpy as np

from bittrue.model.activations import ACTIVATIONS
from bittrue.model.curves import Curve, Segment
from bittrue.model.design import Design, Layer, Shape, Weights
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import (
    Codes,
    FixedType,
    Format,
    Values,
    decode,
    encode,
    encode_counted,
)
from bittrue.model.makers import make_curve

from .onnx_layers import Read
from .onnx_steps import Clipped

WIDEST_TABLE = 20
"""Bits of a pre-activation at most, of which every code is looked at."""

MOST_ROWS = 4096
"""Segments of a curve at most that is one step a row."""

EXACT = ("identity", "relu", "clipped-relu", "relu6")
"""Activations that a curve of lines is, without an error."""

BIAS_WIDTH = 32
"""Bits that biases without a format of their own may take."""


def fixed_design(layers: list[Read], input: FixedType | None) -> Design:
    """Return the design of layers whose formats are known.

    Parameters
    ----------
    layers : list of Read
        From the inputs on.
    input : FixedType or None
        Of the network's inputs.

    Raises
    ------
    BittrueError
        If a format is missing, or one that follows is more than a design can have; the message
        says which.
    """
    if input is None:
        raise BittrueError("the inputs must be quantized, got floats")
    built: list[Layer] = []
    weights: list[Codes] = []
    biases: list[Codes | None] = []
    for read in layers:
        entering = built[-1].output if built else input
        layer, own, offsets = _layer(read, entering)
        built.append(layer)
        weights.append(own)
        biases.append(offsets)
    return Design(Shape(tuple(built)), Weights(weights, biases))


def _layer(read: Read, input: FixedType) -> tuple[Layer, Codes, Codes | None]:
    """Return a layer, its weights and its biases."""
    if read.weight is None:
        raise BittrueError(f"the weights of {read.node} must be quantized, got floats")
    bias, offsets = _biases(read)
    outputs, inputs = read.weights.shape
    sum = Format.dot(read.weight.format, input.format, inputs, bias.format if bias else None)
    stage = read.preactivation or FixedType(sum)
    output = read.output
    if output is None and read.activation in (None, "identity"):
        output = stage
    if output is None and read.activation in EXACT:
        output = FixedType(Format.spanning(0, stage.format.max_code, stage.format.frac))
    if output is None:
        raise BittrueError(f"what follows {read.activation} of {read.node} must be quantized")
    if read.clip is not None:
        curve = clip_curve(read.clip, stage.format, output)
    else:
        curve = exact_curve(read.activation or "identity", stage.format, output)
    layer = Layer(inputs, outputs, input, read.weight, bias, stage, curve)
    return layer, _codes(read.weights, read.weight, read.node), offsets


def _codes(values: Values, type: FixedType, node: str) -> Codes:
    codes, loss = encode_counted(values, type.format, type.rounding, type.overflow)
    if loss.inexact or loss.overflowed:
        raise BittrueError(f"the weights of {node} must be codes of {type.format}, got others")
    return codes


def _biases(read: Read) -> tuple[FixedType | None, Codes | None]:
    """Return the biases and their type: the file's, or the smallest that holds them exactly."""
    if read.biases is None:
        return None, None
    if read.bias is not None:
        return read.bias, _codes(read.biases, read.bias, read.node)
    for frac in range(-BIAS_WIDTH, 64):
        scaled = np.ldexp(read.biases, frac)
        if (scaled == np.rint(scaled)).all():
            low, high = int(scaled.min()), int(scaled.max())
            type = FixedType(Format.spanning(min(low, -1), max(high, 0), frac))
            if type.format.width <= BIAS_WIDTH:
                return type, scaled.astype(np.int64)
            break
    raise BittrueError(f"the biases of {read.node} must be quantized, got floats")


def exact_curve(activation: str, input: Format, output: FixedType) -> Curve:
    """Return the curve that is an activation at every code, correctly rounded.

    Parameters
    ----------
    activation : str
        By name.
    input : Format
        Of the pre-activation.
    output : FixedType
        Of the result, with the modes of its one requantization.

    Raises
    ------
    BittrueError
        If the pre-activation is too wide, or steps are too many.
    """
    if activation in EXACT:
        try:
            return make_curve(activation, input, output)
        except BittrueError:
            # formats in which the ceiling is no code: it saturates below, as a step a row does
            if activation in ("identity", "relu"):
                raise
    return _steps(activation, ACTIVATIONS[activation].value, input, output)


def clip_curve(clip: Clipped, input: Format, output: FixedType) -> Curve:
    """Return the curve that clips, correctly rounded at every code.

    Parameters
    ----------
    clip : Clipped
        From which value to which; scaled before, it is a step a row.
    input : Format
        Of the pre-activation.
    output : FixedType
        Of the result, with the modes of its one requantization.

    Raises
    ------
    BittrueError
        If it is scaled, and the pre-activation is too wide, or steps are too many.
    """
    if not clip.plain:
        return _steps("clip", clip.value, input, output)
    low, high = (
        encode([end], output.format, output.rounding, output.overflow).item()
        if isfinite(end)
        else 0
        for end in (clip.low, clip.high)
    )
    least, most = input.min_code, input.max_code + 1
    # the first codes that are not below an end, which is exact on coarse inputs too
    firsts = (
        ceil(Fraction(end) * Fraction(2) ** input.frac) if isfinite(end) else other
        for end, other in ((clip.low, least), (clip.high, most))
    )
    starts = [least, *(min(max(first, least), most) for first in firsts), most]
    rows = [
        Segment(start, *line)
        for (start, end), line in zip(pairwise(starts), ((0, low), (1, 0), (0, high)), strict=True)
        if start < end
    ]
    return Curve("clip", input, output, Format(False, 1, 0), output.format, tuple(rows))


def _steps(
    name: str, function: Callable[[Values], Values], input: Format, output: FixedType
) -> Curve:
    """Return a function of every code, a row for each code of the result."""
    if input.width > WIDEST_TABLE:
        raise BittrueError(f"what {name} takes must have at most {WIDEST_TABLE} bits, got {input}")
    codes = input.codes()
    values = function(decode(codes, input))
    results = encode(values, output.format, output.rounding, output.overflow)
    starts = np.flatnonzero(np.diff(results, prepend=results[0] - 1))
    if len(starts) > MOST_ROWS:
        raise BittrueError(f"{name} must have at most {MOST_ROWS} steps, got {len(starts)}")
    rows = [Segment(int(codes[at]), 0, int(results[at])) for at in starts]
    return Curve(f"{name}-steps", input, output, Format(False, 1, 0), output.format, tuple(rows))
