"""Nodes that quantize: QONNX's ``Quant``, and the pairs of ONNX."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from .onnx_node import Node, Value, then
from .onnx_quant import dequantized, linear_type, quant_type, quantized_constant
from .onnx_steps import Constant, Quantized


def quant(node: Node) -> Value:
    """Read QONNX's ``Quant``, of a signal or of what the file holds."""
    scale, zero, width = (node.constant(place) for place in (1, 2, 3))
    name = node.proto.input[1]
    type, fracs = quant_type(node.label, node.attributes, scale, zero, width, name)
    value = node.value(0)
    if isinstance(value, Constant):
        value = node.constant(0)
        values = np.asarray(value.values, np.float64)
        return quantized_constant(values, type, fracs, scale.values, node.label)
    if len(set(fracs)) > 1:
        raise node.refused("have one scale for a signal", f"{len(fracs)}")
    return then(node.signal(), Quantized(type, node.label))


def _quantize_linear(node: Node) -> Value:
    _check_blocks(node)
    scale, zero = node.constant(1), node.given(2)
    if zero is not None:
        zero = node.constant(2)
    kind = zero.kind if isinstance(zero, Constant) else node.integer("output_dtype", 0) or 2
    type, fracs = linear_type(
        node.label, kind, scale, zero if isinstance(zero, Constant) else None, node.proto.input[1]
    )
    if len(set(fracs)) > 1 or type.format.width > 16:
        raise node.refused("have one scale and at most 16 bits", f"{len(fracs)} scales")
    value = node.value(0)
    if isinstance(value, Constant):
        value = node.constant(0)
        found = quantized_constant(
            np.asarray(value.values, np.float64), type, fracs, scale.values, ""
        )
        return Constant(np.ldexp(found.values, type.format.frac).astype("<i8"), kind)
    return replace(then(node.signal(), Quantized(type, node.label)), coded=type)


def _dequantize_linear(node: Node) -> Value:
    _check_blocks(node)
    value, scale, zero = node.value(0), node.constant(1), node.given(2)
    if zero is not None:
        zero = node.constant(2)
    held_zero = zero if isinstance(zero, Constant) else None
    name = node.proto.input[1]
    if isinstance(value, Constant):
        type, fracs = linear_type(node.label, value.kind, scale, held_zero, name)
        axis = node.integer("axis", 1)
        return dequantized(np.asarray(value.values), type, fracs, axis, node.label)
    if value.coded is None:
        raise node.refused("follow QuantizeLinear", "values")
    kind = held_zero.kind if held_zero is not None else 2
    type, fracs = linear_type(node.label, kind, scale, held_zero, name)
    if type != value.coded or len(set(fracs)) > 1:
        raise node.refused(f"undo QuantizeLinear to {value.coded.format}", f"{type.format}")
    return replace(value, coded=None)


def _check_blocks(node: Node) -> None:
    if node.integer("block_size", 0):
        raise node.refused("have one scale, or one along an axis", "scales of blocks")


PAIRS: dict[str, Callable[[Node], Value]] = {
    "QuantizeLinear": _quantize_linear,
    "DequantizeLinear": _dequantize_linear,
}
"""What reads one of ONNX's own, by its type."""
