"""Nodes that change no number: shapes, casts, constants, and what follows the last layer."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bittrue.model.formats import Values

from .onnx_node import Node, Value, turned
from .onnx_steps import SIZES, Affine, Constant, Signal

FLOATS = (1, 11)
"""Types that signals are cast to: float and double, by their number in ONNX."""


def _shaped(node: Node) -> Value:
    """Flatten, Reshape, Squeeze, Unsqueeze, Transpose: samples keep their numbers in order."""
    value = node.value(0)
    if isinstance(value, Signal) and value.tail is not None:
        return value
    if isinstance(value, Signal) and node.op == "Transpose":
        kept = _order(node, len(value.sizes) + 1) == list(range(len(value.sizes) + 1))
        return value if kept else turned(node, value)
    if isinstance(value, Signal):
        return replace(value, sizes=_new_sizes(node, value))
    try:
        return replace(value, values=_reshaped(node, value.values))
    except (ValueError, OverflowError, IndexError):
        raise node.refused("fit its constant", f"shape {np.shape(value.values)}") from None


def _wanted(node: Node, name: str) -> list[int]:
    """Return sizes or axes: of an attribute, or of the second input."""
    given = node.attributes.get(name)
    if given is None and node.given(1) is not None:
        given = np.asarray(node.constant(1, sizes=name == "shape").values).ravel()[:9].tolist()
    if not isinstance(given, list) or len(given) > 8 or any(type(n) is not int for n in given):
        raise node.refused(f"have at most 8 integers for {name}", "others")
    return given


def _order(node: Node, axes: int) -> list[int]:
    """Return the order that axes are brought into."""
    given = node.attributes.get("perm", list(range(axes))[::-1])
    order = [axis for axis in given if type(axis) is int] if isinstance(given, list) else []
    if order != given or sorted(order) != list(range(axes)):
        raise node.refused(f"have an order of {axes} axes", repr(given)[:40])
    return order


def _new_sizes(node: Node, signal: Signal) -> tuple[int, ...]:
    """Return the sizes of a sample behind a node that keeps its numbers in order."""
    sizes: tuple[int, ...] | None = None
    if not signal.last:
        sizes = NEW_SIZES[node.op](node, signal)
    if sizes is None or np.prod(sizes, dtype=object) != signal.features:
        raise node.refused(
            f"keep the {signal.features} numbers of a sample together", "another shape"
        )
    return sizes


def _flattened(node: Node, signal: Signal) -> tuple[int, ...] | None:
    axis = node.integer("axis", 1)
    axis += len(signal.sizes) + 1 if axis < 0 else 0
    whole = axis >= 1 and all(size == 1 for size in signal.sizes[: axis - 1])
    return (signal.features,) if whole else None


def _given_sizes(node: Node, signal: Signal) -> tuple[int, ...] | None:
    """Read Reshape: 0 keeps a size, -1 is what is left."""
    batch, *sizes = _wanted(node, "shape") or [-2]
    if not node.integer("allowzero", 0):
        old = dict(enumerate(signal.sizes))
        sizes = [old.get(at, 0) if size == 0 else size for at, size in enumerate(sizes)]
    known = int(np.prod([size for size in sizes if size > 0], dtype=object)) if sizes else 1
    if sizes.count(-1) == 1 and known and not signal.features % known:
        sizes = [signal.features // known if size == -1 else size for size in sizes]
    whole = sizes and all(size > 0 for size in sizes)
    return tuple(sizes) if whole and batch in (-1, 0, 1, signal.batch) else None


def _squeezed(node: Node, signal: Signal) -> tuple[int, ...] | None:
    axes = {axis % (len(signal.sizes) + 1) for axis in _wanted(node, "axes")}
    left = [size for at, size in enumerate(signal.sizes, 1) if at not in axes]
    return tuple(left) if 0 not in axes else None


def _unsqueezed(node: Node, signal: Signal) -> tuple[int, ...] | None:
    given = _wanted(node, "axes")
    rank = len(signal.sizes) + 1 + len(given)
    axes, old = {axis % rank for axis in given}, iter(signal.sizes)
    if 0 in axes or len(axes) != len(given):
        return None
    return tuple(1 if at in axes else next(old) for at in range(1, rank))


NEW_SIZES = {
    "Flatten": _flattened,
    "Reshape": _given_sizes,
    "Squeeze": _squeezed,
    "Unsqueeze": _unsqueezed,
}
"""What says the sizes of a sample behind a node, by its type; None where samples are mixed."""


def _reshaped(node: Node, array: Values) -> Values:
    if node.op == "Transpose":
        return np.transpose(array, _order(node, array.ndim))
    if node.op == "Flatten":
        axis = node.integer("axis", 1) % (array.ndim + 1)
        return array.reshape(int(np.prod(array.shape[:axis])), -1)
    if node.op == "Reshape":
        sizes = [
            array.shape[at] if size == 0 else size for at, size in enumerate(_wanted(node, "shape"))
        ]
        return array.reshape(sizes)
    axes = _wanted(node, "axes")
    return (
        np.squeeze(array, tuple(axes))
        if node.op == "Squeeze"
        else np.expand_dims(array, tuple(axes))
    )


def _kept(node: Node) -> Value:
    if node.op == "Dropout" and node.given(2) is not None and np.any(node.constant(2).values):
        raise node.refused("be told that nothing is trained", "training mode")
    return node.value(0)


def _cast(node: Node) -> Value:
    value, kind = node.value(0), node.integer("to", 0)
    if isinstance(value, Signal):
        if value.tail is None and kind not in FLOATS:
            raise node.refused("cast to float or double", f"type {kind}")
        return value
    numbers = np.asarray(value.values)
    if value.kind == SIZES and kind in (6, 7):
        return value
    if value.kind == SIZES:
        raise node.refused("keep sizes as integers", f"type {kind}")
    if kind in FLOATS:
        return Constant(numbers.astype("<f4" if kind == 1 else "<f8"), kind, value.type)
    if kind in (6, 7):
        whole = np.asarray(numbers, np.float64)
        if not (np.abs(whole) < 2**31).all():
            raise node.refused("cast what fits 32 bits", "more")
        return Constant(numbers.astype("<i8"), kind)
    raise node.refused("cast to float, double or integers", f"type {kind}")


def _constant(node: Node) -> Value:
    value = node.attributes.get("value")
    if isinstance(value, Constant):
        return value
    for name, kind in (
        ("value_float", 1),
        ("value_int", 7),
        ("value_floats", 1),
        ("value_ints", 7),
    ):
        if name in node.attributes and isinstance(node.attributes[name], int | float | list):
            return Constant(np.array(node.attributes[name], "<f4" if kind == 1 else "<i8"), kind)
    raise node.refused("hold numbers", "others")


def _tail(node: Node) -> Value:
    value = node.value(0)
    if isinstance(value, Signal) and value.tail is not None:
        return value
    signal = node.signal()
    usual = 0 if node.op == "ArgMax" else -1 if node.opset >= 13 else 1
    axis = node.integer("axis", usual)
    if axis % (len(signal.sizes) + 1) != len(signal.sizes) or signal.last:
        raise node.refused("go along the outputs", f"axis {axis}")
    return replace(signal, tail=node.op.lower())


def _sizes(node: Node) -> Value:
    """Read Shape: what Keras, and torch's ``view``, ask of a signal before they reshape it."""
    signal = node.signal()
    sizes = [*signal.sizes, -1] if signal.last else [-1, *signal.sizes]
    start, end = node.integer("start", 0), node.integer("end", len(sizes))
    return Constant(np.array(sizes[start:end], np.int64), SIZES)


def _gathered(node: Node) -> Value:
    """Read Gather: one of the sizes of a signal."""
    sizes, at = node.constant(0, sizes=True), np.asarray(node.constant(1).values)
    if sizes.kind != SIZES or node.integer("axis", 0) or at.dtype.kind != "i" or at.size > 8:
        raise node.refused("take of a signal's sizes", "others")
    try:
        return replace(sizes, values=sizes.values[at])
    except IndexError:
        raise node.refused(f"take one of {sizes.values.shape} sizes", "another") from None


def _joined(node: Node) -> Value:
    """Read Concat: of sizes, or of what makes classes of one output."""
    if isinstance(node.value(0), Signal):
        return _classes(node)
    parts = [node.constant(place, sizes=True) for place in range(len(node.values))]
    arrays = [np.asarray(part.values) for part in parts]
    whole = all(array.ndim == 1 and array.dtype.kind == "i" for array in arrays)
    if not whole or sum(array.size for array in arrays) > 8 or node.integer("axis", 0):
        raise node.refused("join at most 8 sizes", "others")
    return Constant(np.concatenate(arrays), SIZES)


def _classes(node: Node) -> Value:
    """Read Concat: of one output the chances of two classes, as scikit-learn has them."""
    first, second = node.signal(0), node.signal(1)
    *before, made = first.steps or (None,)
    ends = (made.scale, made.shift) if isinstance(made, Affine) else (None, None)
    rest = all(
        end is not None and np.array_equal(end, [value])
        for end, value in zip(ends, (-1, 1), strict=True)
    )
    if not rest or tuple(before) != second.steps or len(node.values) != 2:
        raise node.refused("join 1 - p and p, two classes of one output", "others")
    return replace(second, tail="classes")


def labels(node: Node) -> Value:
    """Read what turns answers into labels: nothing comes of it."""
    for value in node.values:
        if isinstance(value, Signal) and value.tail is not None:
            return value
    raise node.refused("follow Softmax or ArgMax", "another place")


SHAPING: dict[str, Callable[[Node], Value]] = {
    **dict.fromkeys(("Flatten", "Reshape", "Squeeze", "Unsqueeze", "Transpose"), _shaped),
    **dict.fromkeys(("Identity", "Dropout"), _kept),
    "Cast": _cast,
    "Constant": _constant,
    "Shape": _sizes,
    "Gather": _gathered,
    "Concat": _joined,
    "Softmax": _tail,
    "ArgMax": _tail,
}
"""What reads a node that changes no number, by its type."""
