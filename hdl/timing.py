"""When things happen, in cycles: what components promise, and tests hold them to.

Latencies are counted in cycles in which the clock enable is up.
"""

from dataclasses import dataclass

from bittrue.model.curves import Curve
from bittrue.model.exceptions import BittrueError
from bittrue.model.learning import Learning
from bittrue.model.shape import Layer

from .curve_rows import cells_of, stays_inside
from .machine import Folding, Machine

MEMORY = 1
"""From an address to what a memory holds there."""

BUFFER = 1
"""From a sample's last beat to the first read of it."""

CONVERTER = 1
"""From a beat to the first beat that it completes, in a width converter."""

REQUANTIZE = 2
"""From a code to the requantized one."""

WEIGHTS = MEMORY + 1
"""From a row to its weights: a register stands behind the memory."""

GATHERED = 4
"""Lanes that a read of the load port brings together in one cycle."""


def quotient_bits(size: int, divisor: int) -> tuple[int, ...]:
    """Return the bits of ``index // divisor``, ``index < size``, that take a cycle each."""
    if divisor & (divisor - 1) == 0:
        return ()
    return tuple(reversed(range(((size - 1) // divisor).bit_length())))


def row_terms(folding: Folding) -> tuple[int, ...]:
    """Return the shifts of the neuron fold whose sum, a cycle each, is the row of beat 0."""
    beats = folding.input_folds
    if folding.neuron_folds == 1 or beats & (beats - 1) == 0:
        return ()
    return tuple(bit for bit in range(beats.bit_length()) if beats >> bit & 1)


def load_address(folding: Folding) -> int:
    """Return the cycles from a load request to its row and lane."""
    divided = (
        quotient_bits(folding.outputs, folding.pe),
        quotient_bits(folding.inputs, folding.simd),
    )
    # one to check the request, one to decode it
    return 1 + max(map(len, divided)) + len(row_terms(folding)) + 1


def gather(lanes: int) -> int:
    """Return the cycles in which one of so many lanes is chosen."""
    return 1 if lanes <= GATHERED else 1 + gather(-(-lanes // GATHERED))


def load(layer: Layer, folding: Folding) -> int:
    """Return the cycles from a read request at a weight memory to its response."""
    lanes = folding.pe * folding.simd + (folding.pe if layer.bias is not None else 0)
    return load_address(folding) + WEIGHTS + gather(lanes)


OPERANDS = 1
"""From what a MAC is given to its own registers, which stand beside its multipliers."""

PRODUCT = 2
"""From operands to their product: one register stands beside the multiplier, one on the way."""


def bias_delay(simd: int) -> int:
    """Return the cycles from a neuron's first operands to the cycle that reads its bias."""
    return OPERANDS + PRODUCT + (simd - 1).bit_length()


def mac(simd: int) -> int:
    """Return the cycles from operands to the sum that includes them."""
    return bias_delay(simd) + 1


def shifts_only(curve: Curve) -> bool:
    """Tell whether all slopes of a curve are zero or powers of two: it needs no multiplier."""
    return all(row.slope >= 0 and row.slope.bit_count() <= 1 for row in curve.segments)


def curve(table: Curve) -> int:
    """Return the cycles from a pre-activation to its output."""
    cells, mirrors = cells_of(table), table.mirror is not None
    find = 1 if cells is None else 2 * cells.split
    multiply = 0 if shifts_only(table) else 3
    finish = 1 if stays_inside(table) else REQUANTIZE + mirrors
    return mirrors + find + 1 + multiply + 1 + finish


@dataclass(frozen=True)
class LayerTiming:
    """Pipeline stages of a layer, counted from the issue of an address.

    Members
    -------
    operands : int
        Operands reach the neurons.
    accumulator, preactivation, output : int
        The neuron's words show, counted from its last operands' issue.
    """

    operands: int
    accumulator: int
    preactivation: int
    output: int

    @classmethod
    def of(cls, layer: Layer, folding: Folding) -> "LayerTiming":
        """Return the timing of a layer."""
        operands = WEIGHTS
        accumulator = operands + mac(folding.simd)
        preactivation = accumulator + REQUANTIZE
        return cls(operands, accumulator, preactivation, preactivation + curve(layer.curve))


def network(machine: Machine) -> int:
    """Return the cycles from a lone sample's first beat in to its last beat out.

    Both in the cycle of transfer, source and sink unstalled.
    """
    foldings = machine.foldings
    beats = list(range(foldings[0].input_folds))
    for number, (layer, folding) in enumerate(machine.parts):
        first = beats[-1] + BUFFER + folding.input_folds - 1 + LayerTiming.of(layer, folding).output
        beats = [first + fold * folding.input_folds for fold in range(folding.neuron_folds)]
        if number + 1 < len(foldings) and folding.pe != foldings[number + 1].simd:
            beats = _converted(beats, folding, foldings[number + 1])
    return beats[-1]


def _converted(arrivals: list[int], before: Folding, after: Folding) -> list[int]:
    """Return when a width converter gives the beats of a sample, from when it is given them."""
    given: list[int] = []
    for beat in range(after.input_folds):
        lanes = min((beat + 1) * after.simd, before.outputs)
        complete = arrivals[-(-lanes // before.pe) - 1] + CONVERTER
        given.append(max(complete, given[-1] + 1) if given else complete)
    return given


SLOPE = OPERANDS + PRODUCT
"""From an output, or a pre-activation, to the derivative there."""

UPDATE = PRODUCT + 1 + REQUANTIZE
"""From rated delta, input and old weight to the new weight."""


def delta(learning: Learning) -> int:
    """Return the cycles from an error to the rated delta."""
    rate = 0 if learning.shift_only else OPERANDS + PRODUCT
    return SLOPE + PRODUCT + REQUANTIZE + rate


def pace(machine: Machine, number: int) -> int:
    """Return the cycles that a layer's trainer spends on each beat of the layer's inputs.

    One for each fold of neurons; more where the layer before takes longer to take the errors.
    """
    folding = machine.foldings[number]
    before = machine.foldings[number - 1].pe if number else folding.simd
    return max(folding.neuron_folds, -(-folding.simd // before))


def step(machine: Machine) -> int:
    """Return the cycles from a lone lesson's first beat in to the first cycle that takes another.

    Source and sink unstalled.

    Raises
    ------
    BittrueError
        If the machine has no trainer.
    """
    learning = machine.shape.learning
    if not machine.trainer or learning is None:
        raise BittrueError("a machine that takes a step must have a trainer, got one without")
    # from an error, or an output in the last layer, to the first row that is read
    start = 1 + delta(learning) + 1
    now = network(machine)
    for number in reversed(range(len(machine.parts))):
        folding = machine.foldings[number]
        turns = pace(machine, number)
        read = [
            now + start + b * turns + folding.neuron_folds - 1 for b in range(folding.input_folds)
        ]
        if not number:
            return read[-1] + WEIGHTS + UPDATE + 2
        errors = [cycle + WEIGHTS + mac(folding.pe) + REQUANTIZE for cycle in read]
        now = _converted_errors(errors, folding, machine.foldings[number - 1])[-1]
    return now


def _converted_errors(arrivals: list[int], folding: Folding, before: Folding) -> list[int]:
    """Return when the layer before is given its errors, in beats as wide as its neurons."""
    if folding.simd == before.pe:
        return arrivals
    given = Folding(1, folding.inputs, folding.simd, 1)
    return _converted(arrivals, given, Folding(folding.inputs, 1, 1, before.pe))
