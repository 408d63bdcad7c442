"""What a verification's JSON holds beside its verdict: ranges, histograms, errors and curves.

All of it is taken from the data that were asked, so that a report can be drawn from the JSON alone.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from bittrue.model.budget import Theory, rounding_theory
from bittrue.model.design import Design, Layer
from bittrue.model.fixed import BLOCK, FixedNetwork, LayerTrace
from bittrue.model.formats import (
    Codes,
    FixedType,
    Format,
    Values,
    decode,
    encode,
    requantize_flagged,
)
from bittrue.model.golden import GoldenNetwork
from bittrue.model.range_table import TensorRange, range_table

from .evidence_curves import curves_found
from .tables import finite

FINEST = 4
"""An LSB is parted into at most 2**4 bins of errors."""

MOST_BINS = 64


class Asked(NamedTuple):
    """What was asked of which network.

    Members
    -------
    golden : GoldenNetwork or None
        The network, if it is not a design alone.
    inputs : ndarray of float64, shape (samples, inputs)
        Values.
    network : str or None
        Name of its file.
    data : dict or None
        Name, digest and part of a data set.
    """

    golden: GoldenNetwork | None
    inputs: Values
    network: str | None
    data: dict[str, str] | None


def evidence(design: Design, asked: Asked) -> dict[str, Any]:
    """Return what a report draws of a design on the data that were asked.

    Parameters
    ----------
    design : Design
        Formats, curves and codes.
    asked : Asked
        Where there is no golden model, values are those of the design's own words.

    Returns
    -------
    dict
        As JSON: ``network``, ``data``; ``tensors`` with ranges and log2 magnitudes; ``rounding``
        with histograms of what each stage dropped, in LSB; ``deviations`` with those of outputs
        against the golden model; ``curves`` with their errors on codes.
    """
    golden = asked.golden or _stand_in(design)
    seen = _Seen(design, asked.golden)
    for start in range(0, len(asked.inputs), BLOCK):
        seen.add(asked.inputs[start : start + BLOCK])
    rows = range_table(golden, design, asked.inputs)
    return {
        "network": asked.network,
        "data": asked.data,
        "layers": list(design.shape.sizes),
        "tensors": [_tensor(row, seen, golden) for row in rows],
        "rounding": list(seen.rounding()),
        "deviations": list(seen.deviations()),
        "curves": curves_found(design, asked.golden),
    }


def _stand_in(design: Design) -> GoldenNetwork:
    """Return a network of a design's own weights; its activations are not asked."""
    first, *hidden, last = design.shape.sizes
    biased = any(array is not None for array in design.weights.biases)
    network = GoldenNetwork(first, hidden, last, 0.0, 0, biases=biased)
    layers = design.shape.layers
    pairs = zip(design.weights.weights, layers, strict=True)
    network.weights = [decode(codes, layer.weight.format) for codes, layer in pairs]
    if biased:
        network.biases = [
            np.zeros(layer.outputs)
            if codes is None or layer.bias is None
            else decode(codes, layer.bias.format)
            for codes, layer in zip(design.weights.biases, layers, strict=True)
        ]
    return network


class _Seen:
    """Histograms over data, taken block by block."""

    def __init__(self, design: Design, golden: GoldenNetwork | None) -> None:
        self.design, self.golden = design, golden
        self.network = FixedNetwork(design)
        self.magnitudes: dict[tuple[int, str], Counter[int | None]] = {}
        layers = design.shape.layers
        self.dropped = [[_Errors(bits) for bits in _dropped(layer)] for layer in layers]
        self.off = [_Errors(FINEST) for _ in layers]

    def add(self, inputs: Values) -> None:
        """Take in samples."""
        type = self.design.shape.input
        traces = self.network.trace(encode(inputs, type.format, type.rounding, type.overflow))
        sums, outputs = self._values(inputs, traces)
        self._count(0, "input", inputs)
        for number, (layer, trace) in enumerate(zip(self.design.shape.layers, traces, strict=True)):
            for tensor in ("accumulator", "pre-activation"):
                self._count(number, tensor, sums[number])
            self._count(number, "output", outputs[number])
            self._drop(number, layer, trace)
            if self.golden is not None:
                words = decode(trace.output, layer.output.format)
                self.off[number].add((words - outputs[number]) / layer.output.format.lsb)

    def _values(
        self, inputs: Values, traces: Sequence[LayerTrace]
    ) -> tuple[list[Values], list[Values]]:
        """Return pre-activations and outputs that formats are to hold, layer by layer."""
        if self.golden is not None:
            sums = self.golden.preactivations(inputs)
            pairs = zip(self.golden.activations, sums, strict=True)
            return sums, [activation.value(total) for activation, total in pairs]
        layers = self.design.shape.layers
        return (
            [decode(t.accumulator, lay.accumulator) for t, lay in zip(traces, layers, strict=True)],
            [decode(t.output, lay.output.format) for t, lay in zip(traces, layers, strict=True)],
        )

    def _count(self, number: int, tensor: str, values: Values) -> None:
        self.magnitudes.setdefault((number, tensor), Counter()).update(magnitudes(values))

    def _drop(self, number: int, layer: Layer, trace: LayerTrace) -> None:
        """Count what rounding dropped in both stages, in LSB."""
        curve, codes = layer.curve, trace.preactivation
        arguments = codes if curve.mirror is None else np.abs(codes)
        for errors, exact, source, type in (
            (self.dropped[number][0], trace.accumulator, layer.accumulator, layer.preactivation),
            (self.dropped[number][1], curve.line(arguments), curve.sum_format, curve.output),
        ):
            errors.negative += int(np.count_nonzero(exact < 0))
            errors.add(_lost(exact, source, type))

    def rounding(self) -> Iterator[dict[str, Any]]:
        """Yield what was dropped by each stage, beside the theory of its mode."""
        for number, layer in enumerate(self.design.shape.layers):
            stages = (("pre-activation", layer.preactivation), ("output", layer.output))
            each = zip(stages, self.dropped[number], _dropped(layer), strict=True)
            for (stage, type), errors, dropped in each:
                negative = errors.negative / errors.words if errors.words else 0.0
                yield {
                    "layer": number,
                    "stage": stage,
                    "format": str(type.format),
                    "mode": type.rounding.value,
                    "dropped": dropped,
                    **errors.to_json(rounding_theory(type.rounding, dropped, negative)),
                }

    def deviations(self) -> Iterator[dict[str, Any]]:
        """Yield how far outputs are from the golden model's, where there is one."""
        if self.golden is None:
            return
        for number, layer in enumerate(self.design.shape.layers):
            yield {
                "layer": number,
                "format": str(layer.output.format),
                **self.off[number].to_json(Theory(0.0, 1 / 12)),
            }


def magnitudes(values: Values) -> Counter[int | None]:
    """Return how many values have each floor(log2 |value|); None for zero."""
    nonzero = values[values != 0]
    _, exponents = np.frexp(nonzero)
    found, counts = np.unique(exponents - 1, return_counts=True)
    counter: Counter[int | None] = Counter()
    counter.update(dict(zip(found.tolist(), counts.tolist(), strict=True)))
    counter[None] = int(values.size - nonzero.size)
    return counter


def _lost(exact: Codes, source: Format, type: FixedType) -> Values:
    """Return what rounding added to exact words that fitted, in LSB of the result."""
    words, _, overflowed = requantize_flagged(
        exact, source, type.format, type.rounding, type.overflow
    )
    fitted = ~overflowed
    off = decode(words[fitted], type.format) - decode(exact[fitted], source)
    return off / type.format.lsb


def _dropped(layer: Layer) -> tuple[int, int]:
    """Return the bits that the two stages of a layer drop."""
    curve, stage = layer.curve, layer.preactivation.format
    return (
        max(layer.accumulator.frac - stage.frac, 0),
        max(curve.sum_format.frac - curve.output.format.frac, 0),
    )


class _Errors:
    """A histogram of errors in LSB, with their mean and variance.

    Parameters
    ----------
    bits : int
        What is dropped: errors are multiples of ``2**-bits`` LSB, if not of less.
    """

    def __init__(self, bits: int) -> None:
        self.finest = min(bits, FINEST)
        self.bins: Counter[int] = Counter()
        self.words = self.negative = 0
        self.sum = self.squares = 0.0

    def add(self, errors: Values) -> None:
        """Count errors, each in the bin around the multiple of the finest width next to it."""
        found, counts = np.unique(np.rint(np.ldexp(errors, self.finest)), return_counts=True)
        self.bins.update(dict(zip(found.astype(np.int64).tolist(), counts.tolist(), strict=True)))
        self.words += errors.size
        self.sum += float(errors.sum())
        self.squares += float(np.square(errors).sum())

    def to_json(self, theory: Theory) -> dict[str, Any]:
        """Return the histogram in as many bins as can be drawn."""
        step, bins = 1, self.bins
        while bins and max(bins) - min(bins) >= MOST_BINS:
            step, wider = step * 2, Counter[int]()
            for at, count in bins.items():
                wider[at // 2] += count
            bins = wider
        first = min(bins, default=0)
        last = max(bins, default=-1)
        mean = self.sum / self.words if self.words else 0.0
        variance = self.squares / self.words - mean**2 if self.words else 0.0
        return {
            "words": self.words,
            "bias": mean,
            "variance": variance,
            "theory": {name: finite(value) for name, value in theory._asdict().items()},
            "bins": {
                "width": step / 2**self.finest,
                # a merged bin holds the fine ones from its own first on
                "first": (first * step - 0.5) / 2**self.finest,
                "counts": [bins[at] for at in range(first, last + 1)],
            },
        }


def _tensor(row: TensorRange, seen: _Seen, golden: GoldenNetwork) -> dict[str, Any]:
    counter = seen.magnitudes.get((row.layer, row.tensor))
    if counter is None:
        arrays = golden.weights if row.tensor == "weight" else golden.biases or []
        counter = magnitudes(arrays[row.layer])
    zeros = counter.pop(None, 0)
    exponents = [at for at in counter if at is not None]
    first = min(exponents, default=0)
    return {
        **row._asdict(),
        "format": str(row.format),
        "seen": None if row.seen is None else list(row.seen),
        "guaranteed": list(row.guaranteed),
        "magnitudes": {
            "first": first,
            "counts": [counter[at] for at in range(first, max(exponents, default=-1) + 1)],
            "zeros": zeros,
        },
    }
