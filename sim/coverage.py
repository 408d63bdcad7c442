"""What vectors really visited, measured on the words of the model, not on what was planned."""

from collections.abc import Iterable, Mapping

import numpy as np

from bittrue.model.design import Design, Layer, Shape
from bittrue.model.fixed import FixedNetwork, LayerTrace
from bittrue.model.formats import Codes, requantize_flagged

from .record import Session
from .targets import MAX_WIDTH, targets_in, targets_of, tie_kinds

Coverage = Mapping[str, tuple[int, int]]


def possible_ties(layer: Layer, inputs: Codes) -> list[int]:
    """Return the kinds of ties (`tie_kinds`) that sums of a layer can be, for its input codes.

    A sum is a multiple of the largest power of two that divides all input codes; where that
    exceeds half an LSB of the pre-activation there are no ties.
    """
    drop = layer.accumulator.frac - layer.preactivation.format.frac
    shift = layer.accumulator.frac - layer.weight.format.frac - layer.input.format.frac
    common = int(np.bitwise_or.reduce(inputs)) << shift
    if drop < 1 or common == 0 or (common & -common) > 1 << drop - 1:
        return []
    low, high = _sum_ends(layer, inputs)
    half = 1 << drop - 1
    # the smallest tie of each kind: kept part 0 or 1 above half, or -2 or -1 below it
    ties = [half, half - 2 * (2 * half), 3 * half, half - 2 * half]
    return [kind for kind, tie in enumerate(ties) if low <= tie <= high]


def _sum_ends(layer: Layer, inputs: Codes) -> tuple[int, int]:
    """Return the smallest and the largest sum of a layer without bias, for its input codes."""
    shift = layer.accumulator.frac - layer.weight.format.frac - layer.input.format.frac
    format = layer.weight.format
    corners = [
        weight * int(x)
        for weight in (format.min_code, format.max_code)
        for x in (inputs.min(), inputs.max())
    ]
    return layer.inputs * min(corners) << shift, layer.inputs * max(corners) << shift


def extreme_sums(layer: Layer, inputs: Codes) -> set[int]:
    """Return the sums of which all weights are extreme, and all inputs."""
    shift = layer.accumulator.frac - layer.weight.format.frac - layer.input.format.frac
    return {
        layer.inputs * weight * int(x) << shift
        for weight in (layer.weight.format.min_code, layer.weight.format.max_code)
        for x in (inputs.min(), inputs.max())
    }


def overflow_ends(layer: Layer, inputs: Codes) -> list[int]:
    """Return the signs (-1, 1) towards which a pre-activation can overflow."""
    stage, ends = layer.preactivation, np.array(_sum_ends(layer, inputs), dtype=np.int64)
    _, _, overflowed = requantize_flagged(
        ends, layer.accumulator, stage.format, stage.rounding, stage.overflow
    )
    return [sign for sign, over in zip((-1, 1), overflowed.tolist(), strict=True) if over]


def measure(design: Design, sessions: Iterable[Session]) -> dict[str, tuple[int, int]]:
    """Return what sessions visit: name → (visited, what there is to visit).

    Parameters
    ----------
    design : Design
        Its shape.
    sessions : iterable of Session
        Weights and codes.
    """
    layers = design.shape.layers
    seen = [_Seen(layer) for layer in layers]
    for session in sessions:
        network = FixedNetwork(Design(design.shape, session.weights))
        inputs = session.codes
        for record, trace in zip(seen, network.trace(session.codes), strict=True):
            record.note(inputs, trace)
            inputs = trace.output
    result: dict[str, tuple[int, int]] = {}
    for number, record in enumerate(seen):
        for name, count in record.counts(input_codes(design.shape, number)).items():
            result[f"layer {number}: {name}"] = count
    return result


def input_codes(shape: Shape, number: int) -> Codes:
    """Return the codes that can reach a layer, or, where there are many, ends and granularity."""
    if number == 0:
        format = shape.input.format
        return np.array([format.min_code, -1, 0, 1, format.max_code], dtype=np.int64)
    curve = shape.layers[number - 1].curve
    if curve.input.width > MAX_WIDTH:
        # monotone between the ends of segments, as far as is needed here
        near = sorted(targets_of(curve).ends)
        return np.unique(curve.evaluate(np.array(near, dtype=np.int64)))
    return np.unique(curve.evaluate(curve.input.codes()))


class _Seen:
    """The words of one layer that vectors have shown."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.sums: set[int] = set()
        self.codes: set[int] = set()

    def note(self, inputs: Codes, trace: LayerTrace) -> None:
        """Remember what every neuron of the layer has seen."""
        self.sums.update(np.unique(trace.accumulator).tolist())
        on_all = trace.preactivation[
            (trace.preactivation == trace.preactivation[:, :1]).all(axis=1)
        ]
        self.codes.update(np.unique(on_all[:, 0]).tolist())

    def counts(self, inputs: Codes) -> dict[str, tuple[int, int]]:
        """Return what was visited of all there is."""
        layer, targets = self.layer, targets_in(self.layer)
        sums = np.array(sorted(self.sums), dtype=np.int64)
        altering = [m for m in targets.mutants if len(m.witnesses)]
        caught = sum(1 for m in altering if not self.codes.isdisjoint(m.witnesses.tolist()))
        drop = layer.accumulator.frac - layer.preactivation.format.frac
        kinds = list(tie_kinds(sums, drop))
        possible = possible_ties(layer, inputs)
        extremes = extreme_sums(layer, inputs)
        ends = overflow_ends(layer, inputs)
        return {
            "segment ends": (len(targets.ends & self.codes), len(targets.ends)),
            "1-LSB changes of the table": (caught, len(altering)),
            "pre-activation ties": (
                sum(bool(kinds[kind].any()) for kind in possible),
                len(possible),
            ),
            "output ties": self._groups(targets.ties),
            "extreme operands": (len(extremes & self.sums), len(extremes)),
            "pre-activation overflows": (
                sum(self._overflowed(sums, sign) for sign in ends),
                len(ends),
            ),
            "output overflows": self._groups(targets.overflows),
        }

    def _groups(self, groups: tuple[Codes, ...]) -> tuple[int, int]:
        there = [group for group in groups if len(group)]
        return sum(not self.codes.isdisjoint(group.tolist()) for group in there), len(there)

    def _overflowed(self, sums: Codes, sign: int) -> bool:
        stage = self.layer.preactivation
        _, _, flags = requantize_flagged(
            sums, self.layer.accumulator, stage.format, stage.rounding, stage.overflow
        )
        return bool((flags & ((sums < 0) == (sign < 0))).any())
