"""The two halves of a design: what a network does, stage by stage, and its codes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from .curves import Curve
from .exceptions import BittrueError
from .files import digest_of
from .formats import Codes, FixedType, Format
from .learning import Derivative, Learning, derivative_format, derivative_of
from .lfsr import checked_state
from .types import MAX_WIDTH


@dataclass(frozen=True)
class Layer:
    """What one dense layer does, stage by stage, weights apart.

    Parameters
    ----------
    inputs, outputs : int
        Sizes, at least 1.
    input, weight : FixedType
        Types of the layer's inputs and weights.
    bias : FixedType or None
        Type of the biases, or None for a layer without.
    preactivation : FixedType
        Type the exact accumulator is requantized to.
    curve : Curve
        From the pre-activation format to the output type.

    Raises
    ------
    BittrueError
        If a size is below 1, the curve does not read the pre-activation's format, or the
        accumulator needs more than 63 bits.
    """

    inputs: int
    outputs: int
    input: FixedType
    weight: FixedType
    bias: FixedType | None
    preactivation: FixedType
    curve: Curve

    def __post_init__(self) -> None:
        for name in ("inputs", "outputs"):
            if getattr(self, name) < 1:
                raise BittrueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.curve.input != self.preactivation.format:
            raise BittrueError(
                f"the curve must read the pre-activation's format {self.preactivation.format}, "
                f"got {self.curve.input}"
            )
        _ = self.accumulator

    @property
    def output(self) -> FixedType:
        """Type of the layer's outputs: its curve's."""
        return self.curve.output

    @property
    def accumulator(self) -> Format:
        """The smallest format that holds the sum of all products and the bias, over all codes."""
        bias = self.bias.format if self.bias else None
        return Format.dot(self.weight.format, self.input.format, self.inputs, bias)


@dataclass(frozen=True)
class Shape:
    """The layers of a network, in order, each reading what the one before it writes.

    Parameters
    ----------
    layers : tuple of Layer
        From the inputs on.
    learning : Learning or None
        How the network learns; None for one that does not.

    Raises
    ------
    BittrueError
        If there is no layer, neighbours do not fit in size or format, or the network cannot learn
        as described.
    """

    layers: tuple[Layer, ...]
    learning: Learning | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        if not self.layers:
            raise BittrueError("a network must have at least one layer, got none")
        for number, (before, after) in enumerate(
            zip(self.layers, self.layers[1:], strict=False), start=1
        ):
            if after.inputs != before.outputs:
                raise BittrueError(
                    f"layer {number} must have {before.outputs} inputs, got {after.inputs}"
                )
            if after.input.format != before.output.format:
                raise BittrueError(
                    f"layer {number} must read {before.output.format}, got {after.input.format}"
                )

        if self.learning is not None:
            _check_learning(self.layers, self.learning)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of inputs, then of each layer's outputs."""
        return (self.layers[0].inputs, *(layer.outputs for layer in self.layers))

    @property
    def input(self) -> FixedType:
        """Type of the network's inputs."""
        return self.layers[0].input

    @property
    def output(self) -> FixedType:
        """Type of the network's outputs."""
        return self.layers[-1].output

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the shape's canonical JSON."""
        return digest_of(shape_to_json(self))


def _check_learning(layers: tuple[Layer, ...], learning: Learning) -> None:
    if len(learning.layers) != len(layers):
        raise BittrueError(
            f"learning must be described for {len(layers)} layers, got {len(learning.layers)}"
        )
    for number, (layer, own) in enumerate(zip(layers, learning.layers, strict=True)):
        best = derivative_of(layer.curve)
        if own.derivative is Derivative.OUTPUT and best is not Derivative.OUTPUT:
            raise BittrueError(
                f"the derivative of layer {number} must be slope, for curve {layer.curve.name} is "
                "no sigmoid, got output"
            )
        derivative = derivative_format(layer.curve, own.derivative)
        parts = {
            "error times derivative": (own.error.format.width, derivative.width),
            "update": (
                own.delta.format.width,
                layer.input.format.width,
                learning.rate_format.width,
            ),
        }
        for what, widths in parts.items():
            if sum(widths) > MAX_WIDTH:
                raise BittrueError(
                    f"the {what} of layer {number} must fit {MAX_WIDTH} bits, got {sum(widths)}: "
                    f"{' + '.join(map(str, widths))}"
                )


class Weights:
    """The codes of a network: read-only copies, compared and hashed by their digest.

    Parameters
    ----------
    weights : sequence of array_like of int
        One array a layer, shape (outputs, inputs), codes.
    biases : sequence of array_like of int or None, optional
        One array a layer, shape (outputs,), codes; None for a layer without biases.
    state : int, optional
        Of the shift register that rounds updates by chance; None where nothing was drawn yet.
    """

    def __init__(
        self,
        weights: Sequence[npt.ArrayLike],
        biases: Sequence[npt.ArrayLike | None] | None = None,
        state: int | None = None,
    ) -> None:
        self.state = None if state is None else checked_state(state)
        self.weights: tuple[Codes, ...] = tuple(_frozen(array) for array in weights)
        given = [None] * len(self.weights) if biases is None else biases
        self.biases: tuple[Codes | None, ...] = tuple(
            None if array is None else _frozen(array) for array in given
        )
        if len(self.biases) != len(self.weights):
            raise BittrueError(
                f"biases must be given for {len(self.weights)} layers, got {len(self.biases)}"
            )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the weights' canonical JSON."""
        return digest_of(weights_to_tree(self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Weights) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Weights({'-'.join(str(w.shape) for w in self.weights)}, {self.digest[:12]})"


def _frozen(array: npt.ArrayLike) -> Codes:
    given = np.asarray(array)
    if given.size and given.dtype.kind not in "iu":
        raise BittrueError(f"weights must be integer codes, got {given.dtype}")
    copy = np.array(given, dtype=np.int64)
    copy.flags.writeable = False
    return copy


def shape_to_json(shape: Shape) -> dict[str, Any]:
    """Return a shape as JSON: canonical, so that its digest is its identity."""
    return {
        "layers": [_layer_to_json(layer) for layer in shape.layers],
        "training": None if shape.learning is None else _learning_to_json(shape.learning),
    }


def _learning_to_json(learning: Learning) -> dict[str, Any]:
    rounding = learning.rounding
    return {
        "rule": learning.rule,
        "rate": learning.rate,
        "rate_format": str(learning.rate_format),
        "rounding": rounding if isinstance(rounding, str) else rounding.value,
        "layers": [
            {
                "error": _type_to_json(layer.error),
                "delta": _type_to_json(layer.delta),
                "derivative": layer.derivative.value,
            }
            for layer in learning.layers
        ],
    }


def _layer_to_json(layer: Layer) -> dict[str, Any]:
    return {
        "inputs": layer.inputs,
        "outputs": layer.outputs,
        "input": _type_to_json(layer.input),
        "weight": _type_to_json(layer.weight),
        "bias": None if layer.bias is None else _type_to_json(layer.bias),
        "preactivation": _type_to_json(layer.preactivation),
        "output": _type_to_json(layer.output),
        "curve": {
            "name": layer.curve.name,
            "slope_format": str(layer.curve.slope_format),
            "intercept_format": str(layer.curve.intercept_format),
            "mirror": layer.curve.mirror,
            "segments": [segment._asdict() for segment in layer.curve.segments],
        },
    }


def _type_to_json(fixed: FixedType) -> dict[str, Any]:
    return {
        "format": str(fixed.format),
        "rounding": fixed.rounding.value,
        "overflow": fixed.overflow.value,
    }


def weights_to_json(weights: Weights) -> list[dict[str, Any]]:
    """Return all codes as JSON, one object a layer; behind them the register's state, if known."""
    return [
        {
            name: item.tolist() if isinstance(item, np.ndarray) else item
            for name, item in part.items()
        }
        for part in weights_to_tree(weights)
    ]


def weights_to_tree(weights: Weights) -> list[dict[str, Any]]:
    """Return what `weights_to_json` does, with the codes left in their arrays."""
    layers: list[dict[str, Any]] = [
        {"weights": array, "biases": biases}
        for array, biases in zip(weights.weights, weights.biases, strict=True)
    ]
    return layers if weights.state is None else [*layers, {"state": weights.state}]
