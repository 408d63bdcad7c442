"""From the steps of a graph to the layers of a network: what is scaled or shifted is folded."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import FixedType, Values
from bittrue.model.golden import GoldenNetwork

from .onnx_steps import Activated, Affine, Dense, Quantized, Step

LEARNING_RATE = 0.1
"""Of imported networks, as no file says one."""


@dataclass
class Read:
    """A layer as it is read.

    Members
    -------
    weights, biases : ndarray of float64
        Shapes (outputs, inputs) and (outputs,); no biases are None.
    weight, bias, preactivation, output : FixedType or None
        As far as the file says them; those of a folded layer count for nothing.
    activation : str or None
        By name; None while there is none.
    node : str
        The one with the weights, for messages.
    """

    weights: Values
    biases: Values | None
    weight: FixedType | None
    node: str
    bias: FixedType | None = None
    preactivation: FixedType | None = None
    activation: str | None = None
    output: FixedType | None = None


class Folding:
    """Steps on their way into layers.

    Attributes
    ----------
    layers : list of Read
        Finished ones, and the one at hand.
    input : FixedType or None
        Of the network's inputs.
    notes : list of str
        What was folded.
    unfixed : str or None
        Why there is no fixed network, though the file says formats.
    """

    def __init__(self, steps: Iterable[Step], place: str) -> None:
        self.layers: list[Read] = []
        self.input: FixedType | None = None
        self.notes: list[str] = []
        self.unfixed: str | None = None
        self._before: Affine | None = None
        for step in steps:
            if isinstance(step, Dense):
                self._dense(step)
            elif isinstance(step, Affine):
                self._affine(step)
            elif isinstance(step, Activated):
                self._activated(step)
            else:
                self._quantized(step)
        if not self.layers:
            raise BittrueError(f"{place} must have at least one layer of weights, got none")
        if self._before is not None:
            raise BittrueError(
                f"{self._before.node} must stand beside weights, to be folded into them, got it "
                "behind the last activation"
            )

    @property
    def quantized(self) -> bool:
        """Whether the file says any format."""
        types = [(one.weight, one.bias, one.preactivation, one.output) for one in self.layers]
        return self.input is not None or any(type is not None for row in types for type in row)

    def golden(self) -> GoldenNetwork:
        """Return the layers as a network in floats."""
        first, *others = self.layers
        sizes = [layer.weights.shape[0] for layer in self.layers]
        biased = any(layer.biases is not None for layer in self.layers)
        golden = GoldenNetwork(
            first.weights.shape[1],
            sizes[:-1],
            sizes[-1],
            LEARNING_RATE,
            0,
            activation=[layer.activation or "identity" for layer in (first, *others)],
            biases=biased,
            rule="gradient",
        )
        golden.weights = [layer.weights for layer in self.layers]
        if biased:
            golden.biases = [
                np.zeros(size) if layer.biases is None else layer.biases
                for size, layer in zip(sizes, self.layers, strict=True)
            ]
        return golden

    def _lose(self, why: str) -> None:
        self.unfixed = self.unfixed or why

    def _dense(self, step: Dense) -> None:
        weights, biases = step.weights, None
        if self._before is not None:
            scale, shift = self._before.scale, self._before.shift
            biases = None if shift is None else weights @ shift
            weights = weights if scale is None else weights * scale
            self.notes.append(f"{self._before.node} was folded into {step.node}")
            self._lose(f"{self._before.node} stands before quantized weights")
            self._before = None
        self.layers.append(Read(weights, biases, step.type, step.node))

    def _affine(self, step: Affine) -> None:
        layer = self.layers[-1] if self.layers else None
        if layer is None or layer.activation is not None or layer.preactivation is not None:
            self._before = step if self._before is None else _joined(self._before, step)
            return
        if step.scale is not None:
            layer.weights = layer.weights * step.scale[:, None]
            layer.biases = None if layer.biases is None else layer.biases * step.scale
            self._lose(f"{step.node} scales quantized weights")
        if step.shift is not None:
            again = layer.biases is not None
            if again or step.type is None:
                layer.bias = None
            else:
                layer.bias = step.type
            layer.biases = step.shift if layer.biases is None else layer.biases + step.shift
        if step.scale is not None or step.node != layer.node:
            self.notes.append(f"{step.node} was folded into {layer.node}")

    def _activated(self, step: Activated) -> None:
        layer = self.layers[-1] if self.layers else None
        if layer is None or layer.activation is not None or self._before is not None:
            raise BittrueError(
                f"{step.node} must stand behind weights, one activation a layer, got it elsewhere"
            )
        layer.activation = step.name

    def _quantized(self, step: Quantized) -> None:
        if self._before is not None:
            self._lose(f"{step.node} stands behind {self._before.node}, which is folded")
        elif not self.layers:
            if self.input is not None and self.input != step.type:
                self._lose(f"{step.node} quantizes inputs a second time")
            self.input = step.type
        else:
            self._stage(self.layers[-1], step)

    def _stage(self, layer: Read, step: Quantized) -> None:
        if layer.activation is None and layer.preactivation is None:
            layer.preactivation = step.type
        elif layer.output is None:
            layer.activation = layer.activation or "identity"
            layer.output = step.type
        elif layer.output != step.type:
            self._lose(f"{step.node} quantizes outputs a second time")


def _joined(first: Affine, second: Affine) -> Affine:
    """Return two affine steps as one."""
    scale, shift = first.scale, first.shift
    if second.scale is not None:
        scale = second.scale if scale is None else scale * second.scale
        shift = None if shift is None else shift * second.scale
    if second.shift is not None:
        shift = second.shift if shift is None else shift + second.shift
    return Affine(scale, shift, None, f"{first.node}, {second.node}")
