"""What layers, and what stands between and around them, are made of."""

from dataclasses import replace
from math import gcd

from bittrue.hdl import timing
from bittrue.hdl.curve_rows import stays_inside
from bittrue.hdl.machine import Folding, Machine
from bittrue.hdl.network import data_width_of
from bittrue.hdl.watch import COUNTER_BITS
from bittrue.model.modes import Overflow
from bittrue.model.shape import Layer
from bittrue.model.types import Format

from .estimate_curve import add_curve
from .estimate_memory import add_memory, add_weights
from .estimate_parts import Parts, gate

WATCHED = {"none": set[str](), "overflow": {"overflowed"}, "full": {"overflowed", "inexact"}}
"""Losses that something looks at, by what a machine counts."""


def parts_of(machine: Machine) -> Parts:
    """Return what a machine is made of."""
    parts = Parts()
    watched = WATCHED[machine.counters]
    width = data_width_of(machine)
    layers = len(machine.parts)
    for layer, folding in machine.parts:
        _add_layer(parts, layer, folding, watched, machine.trace)
        add_weights(parts, layer, folding, width)
        _add_buffer(parts, layer.input.format, folding)
    for (layer, folding), (_, before) in zip(machine.parts[1:], machine.parts, strict=False):
        if before.pe != folding.simd:
            _add_converter(parts, layer, before, folding)
    _add_loader(parts, machine, width)
    if machine.counters != "none":
        _add_counters(parts, machine, watched)
    if machine.trace:
        parts.put("trace ff", 16 * 3 * layers)
        parts.put("trace carry", 8 * 3 * layers)
    parts.put("network", 1)
    parts.put("layers", layers)
    return parts


def _add_layer(
    parts: Parts, layer: Layer, folding: Folding, watched: set[str], trace: bool
) -> None:
    """Count the neurons of a layer and what steps through its products."""
    pe, simd = folding.pe, folding.simd
    when = timing.LayerTiming.of(layer, folding)
    target, sums = layer.preactivation, layer.accumulator
    if target.overflow is Overflow.WRAP and "overflowed" not in watched and not trace:
        # synthesis leaves out high bits that nothing looks at
        used = target.format.width + max(sums.frac - target.format.frac, 0)
        sums = replace(sums, width=max(min(used, sums.width), 1))
    _add_macs(parts, layer, folding, sums.width)
    parts.requantizer("requantize", sums, target, watched, pe)
    add_curve(parts, layer.curve, watched, pe)
    parts.put("operand ff", simd * layer.input.format.width)
    # padding of inputs and weights is left to the reset of registers
    parts.put("blanked outputs", (pe - folding.last_neurons) * layer.output.format.width)
    parts.put("tag ff", when.output * (1 + (folding.neuron_folds > 1)) + timing.WEIGHTS)
    fold_bits = (folding.neuron_folds - 1).bit_length()
    if layer.bias is not None:
        parts.put("tag ff", (when.operands + timing.bias_delay(simd)) * fold_bits)
    for count in (folding.neuron_folds, folding.input_folds, folding.initiation_interval):
        bits = (count - 1).bit_length()
        parts.put("step ff", bits)
        parts.put("step bits", bits)
        parts.adder("step", bits)


def _add_macs(parts: Parts, layer: Layer, folding: Folding, sum_bits: int) -> None:
    """Count multipliers, adder trees and accumulators, as in `bittrue.hdl.mac`."""
    pe, simd = folding.pe, folding.simd
    weight, input = layer.weight.format, layer.input.format
    parts.multiplier("product", weight, input, pe * simd)
    parts.put("operand ff", pe * simd * (weight.width + input.width))
    terms, width = simd, min(weight.width + input.width, sum_bits)
    parts.put("product ff", pe * simd * 2 * width)
    while terms > 1:
        width = min(width + 1, sum_bits)
        parts.adder("tree", width, pe * (terms // 2))
        parts.put("tree ff", pe * (terms // 2 * width + terms % 2 * (width - 1)))
        terms = -(-terms // 2)
    parts.adder("accumulator", sum_bits, pe)
    parts.put("accumulator ff", pe * sum_bits)
    parts.put("accumulator choice", pe * sum_bits)
    parts.put("first ff", timing.bias_delay(simd))
    if layer.bias is not None:
        low = max(layer.accumulator.frac - layer.bias.format.frac, 0)
        parts.adder("bias", max(width, layer.bias.format.width + low) + 1 - low, pe)


def _add_buffer(parts: Parts, format: Format, folding: Folding) -> None:
    """Count a buffer of two samples, as in `bittrue.hdl.buffer`."""
    bits = (folding.input_folds - 1).bit_length()
    block = add_memory(parts, 2 << bits, folding.simd, format.width, masked=False)
    parts.put("buffer ff", bits + (0 if block else folding.simd * format.width))
    parts.put("buffer bits", bits)
    parts.adder("step", bits)


def _add_converter(parts: Parts, layer: Layer, before: Folding, after: Folding) -> None:
    """Count a width converter, as in `bittrue.hdl.buffer`."""
    step = gcd(before.pe, after.simd)
    entering, leaving = before.pe // step, after.simd // step
    last = after.input_folds * leaving - (before.neuron_folds - 1) * entering
    capacity = max(entering, last) + 2 * leaving
    bits = step * layer.input.format.width
    parts.put("converter ff", capacity * bits)
    for place in range(capacity):
        # lanes that a place may be given, by the steps that are held
        lanes = min(entering, place + 1, capacity - place, capacity - entering + 1)
        kept = 1 + (place + leaving < capacity)
        parts.put("converted lanes", lanes * bits)
        parts.put("converted kept", kept * bits)
    parts.put("converter cases", capacity - entering + 1)
    parts.put("converter count", capacity.bit_length())


def _add_loader(parts: Parts, machine: Machine, width: int) -> None:
    """Count the load port, and the registers on the way to all layers."""
    layers = len(machine.parts)
    parts.put("found bits", gate(2 * layers) * width)
    stages = max(timing.load_address(folding) for folding in machine.foldings)
    parts.put("load ff", width * (stages + 2) + 2 * stages + 32)


def _add_counters(parts: Parts, machine: Machine, watched: set[str]) -> None:
    """Count the counters of losses that can be, and what chooses one of them."""
    counters = 0
    for layer, folding in machine.parts:
        target = layer.preactivation
        whole = layer.accumulator.int_bits + 1 <= target.format.int_bits
        drop = layer.accumulator.frac - target.format.frac
        rounds = layer.curve.sum_format.frac > layer.output.format.frac
        possible = {
            "overflowed": (not whole) + (not stays_inside(layer.curve)),
            "inexact": (drop > 0) + rounds,
        }
        for kind in watched:
            counters += possible[kind]
            parts.put("counted lanes", possible[kind] * (folding.pe - 1))
            parts.put("counter ff", possible[kind] * (COUNTER_BITS + folding.pe.bit_length()))
    parts.put("counter carry", counters * -(-(COUNTER_BITS + 1) // 2))
    parts.put("counters", counters)
    parts.put("counters chosen", gate(max(counters - 1, 0) * 3) * COUNTER_BITS)
    parts.put("counter ff", COUNTER_BITS)
