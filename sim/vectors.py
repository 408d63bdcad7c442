"""Directed vectors: weights and samples that take a network where random queries never go.

All weights of a layer's neurons are alike, and so are all inputs of a layer: the accumulator is
then ``total * drive``, with the *total* of a row's weights chosen by a load and the *drive* by a
sample. The layers before are loaded such that many drives are within reach.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from bittrue.model.design import Design, Layer, Shape, Weights
from bittrue.model.formats import Codes, requantize

from .coverage import input_codes, overflow_ends, possible_ties
from .record import Session
from .targets import targets_in, tie_kinds

MAX_DRIVES = 4096
"""Drives that are looked through for each total."""

POOL = 24
"""Totals of each sign that are tried for many targets at once."""


@dataclass
class Reach:
    """What a layer can be driven with.

    Members
    -------
    weights : list of ndarray of int64
        Weights of the layers before.
    inputs : ndarray of int64, shape (drives,)
        The code that all network inputs take.
    drives : ndarray of int64, shape (drives,)
        The code that all the layer's inputs then have.
    """

    weights: list[Codes]
    inputs: Codes
    drives: Codes


@dataclass
class Plan:
    """Samples to stream for each load of one layer: total of a row's weights → drives."""

    loads: dict[int, set[int]] = field(default_factory=dict)

    def add(self, total: int, drive: int) -> None:
        """Have a sample with this drive under this total."""
        self.loads.setdefault(total, set()).add(drive)


def directed_sessions(design: Design) -> list[Session]:
    """Return sessions that visit what can be visited in each layer of a design.

    Parameters
    ----------
    design : Design
        Its shape; layers behind the one that is visited keep the design's own weights.
    """
    sessions: list[Session] = []
    reach = _first_reach(design.shape)
    for number, layer in enumerate(design.shape.layers):
        plan = Plan()
        _visit_codes(layer, reach, plan, targets_in(layer).codes())
        _visit_ties(layer, reach, plan)
        _visit_extremes(layer, reach, plan)
        sessions += _sessions(design, number, reach, plan)
        if number + 1 < len(design.shape.layers):
            reach = _next_reach(design.shape, number, reach)
    return sessions


def _first_reach(shape: Shape) -> Reach:
    format = shape.input.format
    codes = _thinned(
        np.unique(np.linspace(format.min_code, format.max_code, 1 << 16).astype(np.int64))
    )
    return Reach([], codes, codes)


def _next_reach(shape: Shape, number: int, reach: Reach) -> Reach:
    """Return the reach of the next layer, with the total that gives it most drives."""
    layer = shape.layers[number]
    best: Reach | None = None
    codes = input_codes(shape, number + 1)
    ends = {int(codes.min()), int(codes.max())}
    for total in _pool(layer):
        outputs = layer.curve.evaluate(_preactivations(layer, total, reach.drives))
        drives, first = np.unique(outputs, return_index=True)
        found = Reach([*reach.weights, _row(layer, total)], reach.inputs[first], drives)
        if best is None or _rank(found, ends) > _rank(best, ends):
            best = found
    return best or reach


def _rank(reach: Reach, ends: set[int]) -> tuple[int, int]:
    """Rank a reach by how many of the extreme codes it has, then by how many codes."""
    return len(ends.intersection(reach.drives.tolist())), len(reach.drives)


def _thinned(codes: Codes) -> Codes:
    """Return codes, no more than are looked through, with the ends and those near zero."""
    if len(codes) <= MAX_DRIVES:
        return codes
    picked: Codes = np.linspace(0, len(codes) - 1, MAX_DRIVES).astype(np.int64)
    near_zero = np.argsort(np.abs(codes), kind="stable")[:64]
    thinned: Codes = codes[np.unique(np.concatenate([picked, near_zero]))]
    return thinned


def _pool(layer: Layer) -> list[int]:
    """Return totals of a row's weights that are worth trying, the plainest first."""
    low = layer.inputs * layer.weight.format.min_code
    high = layer.inputs * layer.weight.format.max_code
    one = layer.weight.format.code_of(1.0)
    steps = [end * n // POOL for end in (high, low) for n in range(POOL, 0, -1)]
    powers = [sign << bit for bit in range(high.bit_length()) for sign in (1, -1)]
    plain = [] if one is None else [one, -one]
    return [
        total for total in dict.fromkeys(plain + steps + powers) if total and low <= total <= high
    ]


def _sums(layer: Layer, total: int, drives: Codes) -> Codes:
    shift = layer.accumulator.frac - layer.weight.format.frac - layer.input.format.frac
    return total * drives << shift


def _preactivations(layer: Layer, total: int, drives: Codes) -> Codes:
    stage = layer.preactivation
    sums = _sums(layer, total, drives)
    return requantize(sums, layer.accumulator, stage.format, stage.rounding, stage.overflow)


def _visit_codes(layer: Layer, reach: Reach, plan: Plan, codes: Iterable[int]) -> None:
    """Plan to visit pre-activation codes: many with one load, the rest one by one."""
    wanted = np.array(sorted(codes), dtype=np.int64)
    exact = _exact_drives(layer, reach, wanted)
    drives = _thinned(
        np.unique(np.concatenate([reach.drives, exact])) if len(exact) else reach.drives
    )
    pool = [(total, _preactivations(layer, total, drives)) for total in _pool(layer)]
    while len(wanted) and pool:
        gains = [len(np.intersect1d(wanted, reached)) for _, reached in pool]
        best = int(np.argmax(gains))
        if gains[best] < 2:
            break
        total, reached = pool.pop(best)
        wanted = _take(plan, wanted, total, reached, drives)
    shift = layer.accumulator.frac - layer.preactivation.format.frac
    for code in wanted.tolist():
        if code in wanted:
            for total in _totals_for(layer, code, shift, drives):
                reached = _preactivations(layer, total, drives)
                if code in reached:
                    wanted = _take(plan, wanted, total, reached, drives)
                    break


def _exact_drives(layer: Layer, reach: Reach, wanted: Codes) -> Codes:
    """Return the drives that are the wanted codes themselves, where they are within reach."""
    shift = reach.drives.size and layer.input.format.frac - layer.preactivation.format.frac
    moved = wanted << shift if shift >= 0 else wanted >> -shift
    if not reach.weights:
        return moved[
            (moved >= layer.input.format.min_code) & (moved <= layer.input.format.max_code)
        ]
    return np.intersect1d(moved, reach.drives)


def _totals_for(layer: Layer, code: int, shift: int, drives: Codes) -> Iterator[int]:
    """Yield totals that may take one of the largest drives to a pre-activation code."""
    low = layer.inputs * layer.weight.format.min_code
    high = layer.inputs * layer.weight.format.max_code
    spread = layer.accumulator.frac - layer.weight.format.frac - layer.input.format.frac
    goal = code << shift if shift >= 0 else code >> -shift
    for drive in drives[np.argsort(-np.abs(drives), kind="stable")][:32].tolist():
        if drive:
            total = round((goal >> spread) / drive)
            yield from (t for t in (total, total + 1, total - 1) if low <= t <= high and t)


def _take(plan: Plan, wanted: Codes, total: int, reached: Codes, drives: Codes) -> Codes:
    """Plan one sample for each wanted code that is reached; return the codes still wanted."""
    found, _, places = np.intersect1d(wanted, reached, return_indices=True)
    for place in places.tolist():
        plan.add(total, int(drives[place]))
    return np.setdiff1d(wanted, found)


def _visit_ties(layer: Layer, reach: Reach, plan: Plan) -> None:
    """Plan to visit ties of the pre-activation's rounding, of each kind that there is."""
    drop = layer.accumulator.frac - layer.preactivation.format.frac
    drives = _thinned(reach.drives)
    wanted = set(possible_ties(layer, reach.drives))
    for total in _pool(layer):
        if not wanted:
            return
        for kind, at in enumerate(tie_kinds(_sums(layer, total, drives), drop)):
            if kind in wanted and at.any():
                plan.add(total, int(drives[np.argmax(at)]))
                wanted.discard(kind)


def _visit_extremes(layer: Layer, reach: Reach, plan: Plan) -> None:
    """Plan to visit the extreme operands, all terms at once, and with them the overflows."""
    ends = overflow_ends(layer, reach.drives)
    for end in (layer.weight.format.max_code, layer.weight.format.min_code):
        for drive in (int(reach.drives.max()), int(reach.drives.min())):
            if end and (drive or not ends):
                plan.add(layer.inputs * end, drive)


def _row(layer: Layer, total: int) -> Codes:
    """Return weights (outputs, inputs) whose rows add up to a total, as evenly as can be."""
    base, rest = divmod(total, layer.inputs)
    row = np.full(layer.inputs, base, dtype=np.int64)
    row[:rest] += 1
    return np.tile(row, (layer.outputs, 1))


def _sessions(design: Design, number: int, reach: Reach, plan: Plan) -> Iterator[Session]:
    """Yield one session for each load of a layer."""
    shape = design.shape
    where = {drive: place for place, drive in enumerate(reach.drives.tolist())}
    biases = [
        None if layer.bias is None else np.zeros(layer.outputs, np.int64) for layer in shape.layers
    ]
    for total, drives in plan.loads.items():
        behind = design.weights.weights[number + 1 :]
        weights = Weights([*reach.weights, _row(shape.layers[number], total), *behind], biases)
        chosen = sorted(drives)
        codes = chosen if number == 0 else [int(reach.inputs[where[drive]]) for drive in chosen]
        samples = np.repeat(np.array(codes, dtype=np.int64)[:, None], shape.sizes[0], axis=1)
        yield Session(weights, samples)
