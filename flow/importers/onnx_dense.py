"""Nodes that compute: products with weights, what is scaled or shifted, activations."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from .onnx_node import Node, Value, spread, then, turned
from .onnx_steps import Activated, Affine, Clipped, Constant, Dense, Signal

FUNCTIONS = {
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Softplus": "softplus",
    "Exp": "exp",
    "Erf": "erf",
    "Sin": "sin",
}
"""Activations that have no parameters."""

HARD_SIGMOIDS = {
    1 / 5: "hard-sigmoid",
    1 / 6: "hard-sigmoid-sixth",
    1 / 4: "hard-sigmoid-quarter",
}
"""What ``HardSigmoid`` is by name, by its slope; others are folded."""

_LARGE = 3e38
"""From here on an end of ``Clip`` is none: the largest float32 is how exporters leave it out."""


def _product(node: Node, left: Value, right: Value) -> Signal:
    """Return a signal behind a matrix product: with weights on its right, or on its left."""
    if isinstance(left, Signal) and isinstance(right, Constant):
        signal, weights, last = left, right, False
    elif isinstance(left, Constant) and isinstance(right, Signal):
        signal, weights, last = right, left, True
    else:
        raise node.refused("multiply a signal by weights", "two of a kind")
    matrix = np.asarray(weights.values, np.float64)
    if matrix.ndim != 2 or not matrix.size:
        raise node.refused("have weights of two sizes", matrix.shape)
    if signal.last != last or any(size != 1 for size in signal.sizes[:-1]):
        raise node.refused("multiply rows of samples by weights", f"sizes {signal.sizes}")
    matrix = matrix if last else matrix.T
    if matrix.shape[1] != signal.features:
        raise node.refused(f"have weights for {signal.features} inputs", matrix.shape[1])
    sizes = (*signal.sizes[:-1], matrix.shape[0])
    return replace(then(signal, Dense(matrix, weights.type, node.label)), sizes=sizes)


def _gemm(node: Node) -> Value:
    left, right = (
        node.signal(place) if isinstance(node.value(place), Signal) else node.constant(place)
        for place in (0, 1)
    )
    left = turned(node, left) if node.integer("transA", 0) else left
    right = turned(node, right) if node.integer("transB", 0) else right
    result = _product(node, left, right)
    alpha, beta = node.real("alpha", 1.0), node.real("beta", 1.0)
    if alpha != 1:
        scale = np.full(result.features, alpha)
        result = then(result, Affine(scale, None, None, f"alpha of {node.label}"))
    if node.given(2) is None or beta == 0:
        return result
    bias = node.constant(2)
    shift = beta * spread(node, bias.values, result)
    return then(result, Affine(None, shift, bias.type if beta == 1 else None, node.label))


def _matmul(node: Node) -> Value:
    left, right = (
        node.signal(place) if isinstance(node.value(place), Signal) else node.constant(place)
        for place in (0, 1)
    )
    return _product(node, left, right)


def _elementwise(node: Node) -> Value:
    left, right = node.value(0), node.value(1)
    if isinstance(left, Constant) == isinstance(right, Constant):
        raise node.refused("have one input in the file and one signal", "two of a kind")
    place = 0 if isinstance(left, Signal) else 1
    signal, constant = node.signal(place), node.constant(1 - place)
    numbers = spread(node, constant.values, signal)
    kept = constant.type
    if node.op == "Add":
        return then(signal, Affine(None, numbers, kept, node.label))
    if node.op == "Sub":
        scale = None if place == 0 else np.full(signal.features, -1.0)
        return then(signal, Affine(scale, numbers if place else -numbers, None, node.label))
    if node.op == "Div":
        if place or not numbers.all():
            raise node.refused("divide a signal by what is not zero", "another quotient")
        numbers = 1 / numbers
    return then(signal, Affine(numbers, None, None, node.label))


def scaled(node: Node) -> Value:
    """Read scikit-learn's ``Scaler``: less an offset, times a scale."""
    signal = node.signal()
    offset, scale = (
        spread(node, np.array(_reals(node, name)), signal) for name in ("offset", "scale")
    )
    return then(signal, Affine(scale, -offset * scale, None, node.label))


def _reals(node: Node, name: str) -> list[float]:
    numbers = node.attributes.get(name)
    if not isinstance(numbers, list) or any(type(number) is not float for number in numbers):
        raise node.refused(f"have numbers for {name}", "others")
    return numbers


def _normalized(node: Node) -> Value:
    signal = node.signal()
    # before version 14 more outputs than one were what asked for training
    training = node.integer("training_mode", 0) or any(list(node.proto.output)[1:])
    if training or signal.last or not signal.sizes:
        raise node.refused("normalize by what the file holds", "training or turned samples")
    gamma, beta, mean, var = (
        np.asarray(node.constant(place).values, np.float64) for place in range(1, 5)
    )
    shapes = {array.shape for array in (gamma, beta, mean, var)}
    if shapes != {(signal.sizes[0],)}:
        raise node.refused(f"have {signal.sizes[0]} numbers of each kind", sorted(shapes))
    spread = np.sqrt(var + node.real("epsilon", 1e-5))
    if not (spread > 0).all():
        raise node.refused("have variances above zero", f"{var.min():g}")
    each = signal.features // signal.sizes[0]
    scale, shift = gamma / spread, beta - mean * gamma / spread
    return then(signal, Affine(np.repeat(scale, each), np.repeat(shift, each), None, node.label))


def _function(node: Node) -> Value:
    return then(node.signal(), Activated(FUNCTIONS[node.op], node.label))


def _relu(node: Node) -> Value:
    return then(node.signal(), Clipped(0.0, np.inf, node.label))


def _clip(node: Node) -> Value:
    ends = [node.attributes.get("min", -np.inf), node.attributes.get("max", np.inf)]
    for place in (1, 2):
        if node.given(place) is not None:
            array = np.asarray(node.constant(place).values, np.float64)
            if array.size != 1:
                raise node.refused("have one end each", array.shape)
            ends[place - 1] = float(array.ravel()[0])
    low, high = (float(end) if isinstance(end, int | float) else np.nan for end in ends)
    low, high = -np.inf if low < -_LARGE else low, np.inf if high > _LARGE else high
    if not low < high:
        raise node.refused("clip to a range", f"{low:g} and {high:g}")
    return then(node.signal(), Clipped(low, high, node.label))


def _hard_sigmoid(node: Node) -> Value:
    signal, alpha, beta = node.signal(), node.real("alpha", 0.2), node.real("beta", 0.5)
    for slope, name in HARD_SIGMOIDS.items():
        if abs(alpha - slope) < 1e-7 and beta == 0.5:
            return then(signal, Activated(name, node.label))
    return then(signal, Clipped(0.0, 1.0, node.label, alpha, beta))


COMPUTING: dict[str, Callable[[Node], Value]] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), _elementwise),
    "BatchNormalization": _normalized,
    **dict.fromkeys(FUNCTIONS, _function),
    "Relu": _relu,
    "Clip": _clip,
    "HardSigmoid": _hard_sigmoid,
}
"""What reads a node that computes, by its type."""
