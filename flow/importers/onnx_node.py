"""A node of an ONNX graph, its inputs known, and what it may ask of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import Values

from .onnx_file import Tensors
from .onnx_steps import SIZES, Constant, Signal, Step

Value = Signal | Constant


def attributes_of(node: Any, tensors: Tensors) -> dict[str, Any]:
    """Return a node's attributes as Python's own; those that hold graphs are refused."""
    found: dict[str, Any] = {}
    for item in node.attribute:
        if item.type == 1:
            found[item.name] = float(item.f)
        elif item.type == 2:
            found[item.name] = int(item.i)
        elif item.type == 3:
            found[item.name] = item.s.decode("utf-8", "replace")
        elif item.type == 4:
            found[item.name] = Constant(tensors.array(item.t), item.t.data_type)
        elif item.type == 6:
            found[item.name] = list(item.floats)
        elif item.type == 7:
            found[item.name] = list(item.ints)
        elif item.type == 8:
            found[item.name] = [text.decode("utf-8", "replace") for text in item.strings]
        else:
            raise BittrueError(
                f"{label_of(node)} must have plain attributes, got {item.name!r}, type {item.type}"
            )
    return found


def label_of(node: Any) -> str:
    """Return what a node is called in messages: its type and its name."""
    op = str(node.op_type)  # bytes, where it is no text
    op = op if op.isidentifier() else repr(op)
    return f"{op} {node.name or (node.output[0] if node.output else '')!r}"


class Node:
    """A node, its inputs known."""

    def __init__(
        self,
        label: str,
        proto: Any,
        values: list[Value | None],
        attributes: Mapping[str, Any],
        opset: int,
    ) -> None:
        self.label, self.proto, self.attributes, self.opset = label, proto, attributes, opset
        self.values = values

    @property
    def op(self) -> str:
        """Type of the node."""
        return str(self.proto.op_type)

    def given(self, place: int) -> Value | None:
        """Return an input, or None where it is left out."""
        return self.values[place] if place < len(self.values) else None

    def value(self, place: int) -> Value:
        """Return an input that must be there."""
        value = self.given(place)
        if value is None:
            raise BittrueError(f"{self.label} must have an input {place}, got none")
        return value

    def constant(self, place: int, sizes: bool = False) -> Constant:
        """Return an input that the file must hold; sizes of a signal where they may be."""
        value = self.value(place)
        if not isinstance(value, Constant):
            raise BittrueError(f"{self.label} must have input {place} in the file, got a signal")
        if value.kind == SIZES and not sizes:
            raise BittrueError(f"{self.label} must not compute with sizes, got those of a signal")
        return value

    def signal(self, place: int = 0) -> Signal:
        """Return an input that is on the way from the network's input, in values."""
        value = self.value(place)
        if not isinstance(value, Signal):
            raise BittrueError(f"{self.label} must follow the network's input, got a constant")
        if value.coded is not None:
            raise BittrueError(f"{self.label} must take values, got codes: DequantizeLinear first")
        if value.tail is not None:
            raise BittrueError(f"{self.label} must stand before {value.tail}, got it behind")
        return value

    def integer(self, name: str, default: int) -> int:
        """Return an attribute that is an integer."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int):
            raise BittrueError(f"{name} of {self.label} must be an integer, got {value!r:.40}")
        return value

    def real(self, name: str, default: float) -> float:
        """Return an attribute that is a finite number."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int | float) or not np.isfinite(value):
            raise BittrueError(f"{name} of {self.label} must be a finite number, got {value!r:.40}")
        return float(value)

    def refused(self, must: str, got: object) -> BittrueError:
        """Return the refusal of this node."""
        return BittrueError(f"{self.label} must {must}, got {got}")


def then(signal: Signal, *steps: Step) -> Signal:
    """Return a signal after further steps."""
    return replace(signal, steps=(*signal.steps, *steps))


def spread(node: Node, values: Values, signal: Signal) -> Values:
    """Return a constant, a number for each feature of a signal."""
    array = np.asarray(values, np.float64)
    shape = (*signal.sizes, 1) if signal.last else (1, *signal.sizes)
    while array.ndim > len(shape) and array.shape[0] == 1:
        array = array[0]
    try:
        return np.array(np.broadcast_to(array, shape), np.float64).ravel()
    except ValueError:
        raise node.refused(
            f"fit samples of {signal.sizes}", f"a constant of {array.shape}"
        ) from None


def turned(node: Node, value: Value) -> Value:
    """Return weights transposed, or samples whose other axis is the batch."""
    if isinstance(value, Constant):
        if np.ndim(value.values) != 2:
            raise node.refused("turn weights of two sizes", np.shape(value.values))
        return replace(value, values=value.values.T)
    if len(value.sizes) != 1:
        raise node.refused("turn samples of one size", value.sizes)
    return replace(value, last=not value.last)
