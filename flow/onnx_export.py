"""A design as ONNX: in QONNX's ``Quant`` nodes, or in pairs of QuantizeLinear and DequantizeLinear.

What stands in the file computes the design's codes, each as its value, in floats that are proven
to hold every sum exactly: float32 where all stay below 2**24 of their LSB, float64 below 2**53.
"""

import os
from itertools import pairwise
from typing import Any

import numpy as np

from bittrue.model.curves import Curve
from bittrue.model.design import Design, Layer
from bittrue.model.exceptions import BittrueError
from bittrue.model.files import write_whole
from bittrue.model.formats import Codes, FixedType, Format, decode
from bittrue.model.makers import make_curve

from .importers.onnx_file import onnx_module
from .onnx_graph import DOUBLE, FLOAT, INT64, Graph
from .onnx_requantize import Requantizer

WAYS = ("qonnx", "qdq")
"""Ways to say formats in ONNX."""

BITS = {FLOAT: 24, DOUBLE: 53}
"""Bits of an integer that each type of floats holds, whatever its last bits."""

MOST_FRAC = {FLOAT: 100, DOUBLE: 900}
"""Largest magnitude of fractional bits whose powers of two are normal floats."""


def save_onnx(
    design: Design, path: str | os.PathLike[str], way: str = "qonnx", *, batch: int | None = None
) -> None:
    """Write a design as ONNX, whole or not at all; see `onnx_model`."""
    write_whole(path, onnx_model(design, way, batch=batch).SerializeToString())


def onnx_model(design: Design, way: str = "qonnx", *, batch: int | None = None) -> Any:
    """Return a design as an ONNX model that gives the same codes, as values.

    Parameters
    ----------
    design : Design
        What is written. How it learns is not.
    way : {"qonnx", "qdq"}
        How formats are said: by ``Quant`` nodes of QONNX, or by ONNX's own pairs.
    batch : int, optional
        Samples in a call; any number where left out. The executor of ``qonnx`` wants one.

    Returns
    -------
    ModelProto
        With one input, shape (batch, inputs), and one output, shape (batch, outputs).

    Raises
    ------
    BittrueError
        If float64 is not proven to hold every sum, or there is no such way.
    ToolMissing
        If the package ``onnx`` is not installed.
    """
    if way not in WAYS:
        raise BittrueError(f"the way must be one of {', '.join(WAYS)}, got {way!r}")
    if batch is not None and batch < 1:
        raise BittrueError(f"the batch must be at least 1, got {batch}")
    onnx_module()
    graph = Graph(_floats(design), batch)
    requantizer = Requantizer(graph, way)
    shape = design.shape
    signal = requantizer.requantized(graph.input("input", shape.sizes[0]), shape.input)
    for layer, weights, biases in zip(
        shape.layers, design.weights.weights, design.weights.biases, strict=True
    ):
        signal = _layer(requantizer, signal, layer, weights, biases)
    about = {
        "bittrue.design": design.digest,
        "bittrue.input": str(shape.input),
        "bittrue.output": str(shape.output),
    }
    return graph.model(signal, way == "qonnx", about)


def _layer(
    requantizer: Requantizer, signal: str, layer: Layer, weights: Codes, biases: Codes | None
) -> str:
    graph = requantizer.graph
    matrix = requantizer.held("weights", weights.T, layer.weight)
    signal = graph.add("MatMul", [signal, matrix], size=layer.outputs)
    if biases is not None and layer.bias is not None:
        signal = graph.add("Add", [signal, requantizer.held("biases", biases, layer.bias, 32)])
    signal = requantizer.requantized(signal, layer.preactivation, layer.accumulator)
    return _curve(requantizer, signal, layer.curve)


def _curve(requantizer: Requantizer, signal: str, curve: Curve) -> str:
    """Add a curve: as what it is called where it is exact, else as its table."""
    graph = requantizer.graph
    if _is(curve, "identity"):
        return requantizer.requantized(signal, curve.output, curve.input)
    if _is(curve, "relu"):
        return requantizer.requantized(graph.add("Relu", [signal]), curve.output, curve.input)
    argument = signal if curve.mirror is None else graph.add("Abs", [signal])
    slopes, intercepts = (
        decode(np.array(codes, np.int64), format)
        for codes, format in (
            ([row.slope for row in curve.segments], curve.slope_format),
            ([row.intercept for row in curve.segments], curve.intercept_format),
        )
    )
    slope, intercept = _rows(graph, argument, curve, slopes, intercepts)
    line = graph.add("Add", [graph.add("Mul", [argument, slope]), intercept])
    result = requantizer.requantized(line, curve.output, curve.sum_format)
    if curve.mirror is None:
        return result
    center = graph.number(float(decode(np.array([curve.mirror]), curve.output.format)[0]))
    below = graph.add("Less", [signal, graph.number(0.0)], kind=graph.truth)
    return graph.add("Where", [below, graph.add("Sub", [center, result]), result])


def _rows(
    graph: Graph, argument: str, curve: Curve, slopes: Any, intercepts: Any
) -> tuple[str, str]:
    """Return slope and intercept of each number: those of the last segment that starts below."""
    if len(slopes) == 1:
        return graph.number(slopes[0]), graph.number(intercepts[0])
    starts = decode(np.array([row.start for row in curve.segments[1:]]), curve.argument)
    planes = len(starts)
    table = graph.numbers("starts", starts.reshape(planes, 1, 1))
    reached = graph.add("GreaterOrEqual", [argument, table], graph.truth, planes=planes)
    counted = graph.add("Cast", [reached], INT64, planes=planes, to=INT64)
    row = graph.add("ReduceSum", [counted, graph.integers([0])], INT64, keepdims=0)
    slope = graph.add("Gather", [graph.numbers("slopes", slopes), row])
    intercept = graph.add("Gather", [graph.numbers("intercepts", intercepts), row])
    return slope, intercept


def _is(curve: Curve, name: str) -> bool:
    """Tell whether a curve's table is that of an exact one."""
    try:
        known = make_curve(name, curve.input, curve.output)
    except BittrueError:
        return False
    return (known.segments, known.slope_format, known.intercept_format, known.mirror) == (
        curve.segments,
        curve.slope_format,
        curve.intercept_format,
        curve.mirror,
    )


def _floats(design: Design) -> int:
    """Return the smallest type of floats that is proven to hold every number of a design."""
    needed, frac = _needed(design)
    for kind, bits in BITS.items():
        if needed < 1 << bits and frac <= MOST_FRAC[kind]:
            return kind
    raise BittrueError(
        f"every sum must fit {BITS[DOUBLE]} bits to be exact in ONNX, got "
        f"{needed.bit_length()} bits, of up to {frac} fractional ones"
    )


def _needed(design: Design) -> tuple[int, int]:
    """Return a bound of all numbers, in their LSB, and the most fractional bits."""
    bounds, fracs = [0], [0]
    for layer, weights, biases in zip(
        design.shape.layers, design.weights.weights, design.weights.biases, strict=True
    ):
        sums = np.abs(weights).sum(axis=1).astype(object) * _reach(layer.input)
        sums = sums << layer.accumulator.frac - layer.weight.format.frac - layer.input.format.frac
        if biases is not None and layer.bias is not None:
            shift = layer.accumulator.frac - layer.bias.format.frac
            sums = sums + (np.abs(biases).astype(object) << shift)
        bounds += [2 * int(sums.max()), 2 * _line_bound(layer.curve)]
        types = [layer.input, layer.weight, layer.preactivation, layer.output]
        types += [layer.bias] if layer.bias else []
        bounds += [4 << type.format.width for type in types]
        formats = [layer.accumulator, layer.curve.sum_format, *(type.format for type in types)]
        fracs += [abs(format.frac) + format.width for format in formats]
        bounds += [_rounded_bound(*pair) for pair in _hops(layer)]
    return max(bounds), max(fracs)


def _hops(layer: Layer) -> list[tuple[Format, Format]]:
    return [
        (layer.accumulator, layer.preactivation.format),
        (layer.curve.sum_format, layer.output.format),
    ]


def _rounded_bound(source: Format, target: Format) -> int:
    """Return what half of a target's LSB is in a source's, and one more bit."""
    dropped = max(source.frac - target.frac, 0)
    return 2 << dropped


def _reach(type: FixedType) -> int:
    ends = -type.format.min_code, type.format.max_code
    return max(ends)


def _line_bound(curve: Curve) -> int:
    """Return a bound of a curve's sums, in the LSB of the sum."""
    frac = curve.sum_format.frac
    by_slope = frac - curve.slope_format.frac - curve.input.frac
    by_intercept = frac - curve.intercept_format.frac
    starts = [row.start for row in curve.segments]
    most: int = 0
    for row, (first, after) in zip(
        curve.segments, pairwise([*starts, curve.last_argument + 1]), strict=True
    ):
        end = max(abs(first), abs(after - 1))
        most = max(most, (abs(row.slope) * end << by_slope) + (abs(row.intercept) << by_intercept))
    return most
