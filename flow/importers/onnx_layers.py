"""From the steps of a graph to the layers of a network: what is scaled or shifted is folded."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import FixedType, Values
from bittrue.model.golden import GoldenNetwork

from .onnx_steps import Activated, Affine, Clipped, Dense, Quantized, Step

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
        By name, ``clip`` where it is that of ``clip``; None while there is none.
    clip : Clipped or None
        An activation that has no name.
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
    clip: Clipped | None = None
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
            elif isinstance(step, Clipped):
                self._clipped(step)
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
        """Return the layers as a network in floats.

        Raises
        ------
        BittrueError
            If what a node holds, or became by what was folded into it, is not finite.
        """
        layers = self._named()
        for (*arrays, _), layer in zip(layers, self.layers, strict=True):
            for array in arrays:
                if array is not None and not np.isfinite(array).all():
                    raise BittrueError(
                        f"{layer.node} must have finite weights and biases, with what is folded "
                        f"into it, got {array[~np.isfinite(array)][0]:g}"
                    )
        sizes = [len(weights) for weights, _, _ in layers]
        biased = any(biases is not None for _, biases, _ in layers)
        golden = GoldenNetwork(
            layers[0][0].shape[1],
            sizes[:-1],
            sizes[-1],
            LEARNING_RATE,
            0,
            activation=[name for *_, name in layers],
            biases=biased,
            rule="gradient",
        )
        golden.weights = [weights for weights, _, _ in layers]
        if biased:
            golden.biases = [
                np.zeros(size) if biases is None else biases
                for size, (_, biases, _) in zip(sizes, layers, strict=True)
            ]
        return golden

    def _named(self) -> list[tuple[Values, Values | None, str]]:
        """Return weights, biases and activations, all of which have names.

        What clips to other ends is one that has, of sums that are scaled and shifted, and scaled
        back in the weights behind it.
        """
        found: list[tuple[Values, Values | None, str]] = []
        behind = (1.0, 0.0)
        for layer in self.layers:
            weights, biases, name = layer.weights, layer.biases, layer.activation or "identity"
            weights, biases = _scaled(weights, biases, (behind[0], behind[1] * weights.sum(axis=1)))
            behind = (1.0, 0.0)
            if layer.clip is not None:
                name, before, behind = layer.clip.named()
                biases = None if biases is None else biases * before[0]
                weights, biases = _scaled(weights, biases, before)
            found.append((weights, biases, name))
        if behind != (1.0, 0.0) and layer.clip is not None:
            raise BittrueError(
                f"{layer.clip.node} must stand before further weights, to be folded into them, got "
                "it behind the last"
            )
        return found

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
        else:
            self._fold(layer, step)

    def _fold(self, layer: Read, step: Affine) -> None:
        """Bring into a layer's weights what stands before its activation."""
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

    def _activating(self, node: str, also: str | None = None) -> Read:
        """Return the layer that gets an activation, in the place of one of that name."""
        layer = self.layers[-1] if self.layers else None
        free = layer is not None and layer.activation is None
        other = layer is not None and layer.activation == also and self._before is None
        if layer is None or not (free or other):
            raise BittrueError(
                f"{node} must stand behind weights, one activation a layer, got it elsewhere"
            )
        if self._before is not None:
            self._lose(f"{self._before.node} stands behind a quantized pre-activation")
            self._fold(layer, self._before)
            self._before = None
        return layer

    def _activated(self, step: Activated) -> None:
        self._activating(step.node).activation = step.name

    def _clipped(self, step: Clipped) -> None:
        """Add an activation that clips, in the place of a ReLU too."""
        low, high = step.low, step.high
        if (low, high) == (-np.inf, np.inf):
            return
        layer = self._activating(step.node, "relu" if step.plain else None)
        if layer.activation == "relu":
            low = max(low, 0.0)
            if layer.output is not None:
                self._lose(f"{step.node} stands behind quantized outputs")
        if not low < high:
            raise BittrueError(f"{step.node} must leave more than one number, got {high:g} alone")
        step = replace(step, low=low)
        layer.activation = step.name
        if step.name is None:
            layer.activation, layer.clip = "clip", step
            self.notes.append(
                f"{step.node} is {step.named()[0]} in the network in floats, scaled and shifted in "
                "the weights beside it"
            )

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


def _scaled(
    weights: Values, biases: Values | None, by: tuple[float, Values | float]
) -> tuple[Values, Values | None]:
    """Return weights that are scaled, and biases that are shifted."""
    scale, shift = by
    if np.any(shift):
        biases = np.full(len(weights), shift) + (0.0 if biases is None else biases)
    return weights if scale == 1 else weights * scale, biases


def _joined(first: Affine, second: Affine) -> Affine:
    """Return two affine steps as one."""
    scale, shift = first.scale, first.shift
    if second.scale is not None:
        scale = second.scale if scale is None else scale * second.scale
        shift = None if shift is None else shift * second.scale
    if second.shift is not None:
        shift = second.shift if shift is None else shift + second.shift
    return Affine(scale, shift, None, f"{first.node}, {second.node}")
