"""What a design does with its ranges: for each tensor, bits needed, bits given, words lost."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .design import Design, Layer
from .fixed import BLOCK, FixedNetwork
from .formats import Format, Values, encode_counted
from .golden import GoldenNetwork
from .ranges import l1_range
from .tables import output_ends

Range = tuple[float, float]


class TensorRange(NamedTuple):
    """One tensor of one layer.

    Members
    -------
    layer : int
        Number.
    tensor : {"input", "weight", "bias", "accumulator", "pre-activation", "output"}
        Which.
    format : Format
        Given.
    seen : (float, float) or None
        Least and greatest value seen before it was fitted; None without data.
    guaranteed : (float, float)
        Values that cannot be left, for any input codes, with the weights as they are.
    bits_needed : int
        Integer bits, the sign counted, that hold what is guaranteed.
    bits_given : int
        Integer bits of the format.
    saturated : int or None
        Words that did not fit; None without data.
    words : int
        Words in all.
    """

    layer: int
    tensor: str
    format: Format
    seen: Range | None
    guaranteed: Range
    bits_needed: int
    bits_given: int
    saturated: int | None
    words: int


def range_table(
    golden: GoldenNetwork, design: Design, inputs: npt.ArrayLike | None = None
) -> list[TensorRange]:
    """Return the ranges of all tensors of a design.

    Parameters
    ----------
    golden : GoldenNetwork
        Whose weights the design's are.
    design : Design
        Its formats and codes.
    inputs : array_like of float, shape (samples, inputs), optional
        Data that ranges are seen on.
    """
    watch = None if inputs is None else _Watch(design, np.asarray(inputs, np.float64))
    rows: list[TensorRange] = []
    for number, layer in enumerate(design.shape.layers):
        stored = [("weight", layer.weight.format, golden.weights[number])]
        if golden.biases is not None and layer.bias is not None:
            stored.append(("bias", layer.bias.format, golden.biases[number]))
        if number == 0:
            rows.append(_entering(layer, watch))
        rows += [_stored(number, *row) for row in stored]
        rows += _computed(number, design, watch)
    return rows


class _Watch:
    """Ends and losses of each stage over data, taken block by block."""

    def __init__(self, design: Design, inputs: Values) -> None:
        type, layers = design.shape.input, design.shape.layers
        self.samples = len(inputs)
        self.entering = float(inputs.min(initial=0.0)), float(inputs.max(initial=0.0))
        codes, loss = encode_counted(inputs, type.format, type.rounding, type.overflow)
        self.saturated_inputs, self.words = loss.overflowed, inputs.size
        self.ends = [[(0, 0), (0, 0)] for _ in layers]
        self.lost = [[0, 0] for _ in layers]
        network = FixedNetwork(design)
        for start in range(0, len(codes), BLOCK):
            for number, trace in enumerate(network.trace(codes[start : start + BLOCK])):
                for stage, words in enumerate((trace.accumulator, trace.output)):
                    low, high = self.ends[number][stage]
                    self.ends[number][stage] = (
                        min(low, int(words.min())),
                        max(high, int(words.max())),
                    )
                self.lost[number][0] += trace.preactivation_loss.overflowed
                self.lost[number][1] += trace.output_loss.overflowed


def _entering(layer: Layer, watch: _Watch | None) -> TensorRange:
    format = layer.input.format
    ends = (format.min_value, format.max_value)
    return TensorRange(
        0,
        "input",
        format,
        watch.entering if watch else None,
        ends,
        format.int_bits,
        format.int_bits,
        watch.saturated_inputs if watch else None,
        watch.words if watch else 0,
    )


def _stored(number: int, tensor: str, format: Format, values: Values) -> TensorRange:
    ends = float(values.min()), float(values.max())
    low, high = np.rint(np.ldexp(ends, format.frac)).astype(np.int64).tolist()
    needed = integer_bits(low, high, format)
    return TensorRange(number, tensor, format, ends, ends, needed, format.int_bits, 0, values.size)


def _computed(number: int, design: Design, watch: _Watch | None) -> Iterator[TensorRange]:
    layer = design.shape.layers[number]
    sums, outputs = accumulator_ends(design, number), output_ends(layer)
    words = watch.samples * layer.outputs if watch else 0
    seen = watch.ends[number] if watch else [None, None]
    lost = watch.lost[number] if watch else [None, None]
    accumulator, output = layer.accumulator, layer.output.format
    for tensor, format, from_format, ends, seen_ends, count in (
        ("accumulator", accumulator, accumulator, sums, seen[0], 0 if watch else None),
        ("pre-activation", layer.preactivation.format, accumulator, sums, seen[0], lost[0]),
        ("output", output, output, outputs, seen[1], lost[1]),
    ):
        yield TensorRange(
            number,
            tensor,
            format,
            None if seen_ends is None else _values(seen_ends, from_format),
            _values(ends, from_format),
            integer_bits(*ends, from_format),
            format.int_bits,
            count,
            words,
        )


def accumulator_ends(design: Design, number: int) -> tuple[int, int]:
    """Return the accumulator codes that a layer's weights can reach, over all input codes.

    The L1 bound: a sum of absolute weights, times the largest input that the layer before can give.
    """
    layer = design.shape.layers[number]
    if number:
        low, high = output_ends(design.shape.layers[number - 1])
    else:
        low, high = layer.input.format.min_code, layer.input.format.max_code
    frac = layer.accumulator.frac
    shift = frac - layer.weight.format.frac - layer.input.format.frac
    biases = design.weights.biases[number]
    offset = None
    if biases is not None and layer.bias is not None:
        offset = biases.astype(object) << frac - layer.bias.format.frac
    weights = design.weights.weights[number].astype(object) << shift
    ends = l1_range(weights, offset, (low, high))
    return int(ends[0]), int(ends[1])


def integer_bits(low: int, high: int, format: Format) -> int:
    """Return the integer bits, the sign counted, that hold codes from low to high."""
    return Format.spanning(int(low), int(high), format.frac).int_bits


def _values(ends: tuple[int, int], format: Format) -> Range:
    low, high = np.ldexp(np.array(ends, dtype=np.float64), -format.frac)
    return float(low), float(high)
