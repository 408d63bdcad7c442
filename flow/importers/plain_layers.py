"""Layers of which only weights and biases are known: their order, and the network they make."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import Values
from bittrue.model.golden import GoldenNetwork
from bittrue.model.reader import shown

from .imported import Imported
from .onnx_layers import LEARNING_RATE

Layer = tuple[Values, Values | None]
"""Weights, shape (outputs, inputs), and biases."""


def chained(layers: Mapping[str, Layer], place: str) -> list[Layer]:
    """Return layers in the order of the signal.

    Parameters
    ----------
    layers : mapping
        By name. Names that differ in their numbers only say the order; else sizes do.
    place : str
        The file, for messages.

    Raises
    ------
    BittrueError
        If there is no layer, sizes do not fit, or more than one order is possible.
    """
    if not layers:
        raise BittrueError(f"{place} must hold at least one layer of weights, got none")
    if len(layers) == 1:
        return list(layers.values())
    frames = {re.sub(r"\d+", "#", name) for name in layers}
    if len(frames) == 1 and "#" in frames.pop():
        names = sorted(layers, key=_numbers)
        for before, after in pairwise(names):
            if layers[after][0].shape[1] != len(layers[before][0]):
                raise BittrueError(
                    f"{place}: the layer {shown(after)} must have {len(layers[before][0])} inputs, "
                    f"as {shown(before)} before it has outputs, got {layers[after][0].shape[1]}"
                )
    else:
        names = _only_order(layers, place)
    return [layers[name] for name in names]


def _numbers(name: str) -> list[int]:
    return [int(digits[:18]) for digits in re.findall(r"\d+", name)]


def _only_order(layers: Mapping[str, Layer], place: str) -> list[str]:
    """Return the only order in which sizes fit."""
    takers: dict[int, list[str]] = {}
    for name, (weights, _) in layers.items():
        takers.setdefault(weights.shape[1], []).append(name)
    unsure = next((names for names in takers.values() if len(names) > 1), None)
    if unsure:
        raise BittrueError(
            f"{place}: layers must be numbered, or their sizes must fit in one order only, got "
            f"{shown(unsure[0])} and {shown(unsure[1])} with as many inputs"
        )
    given = {len(weights) for weights, _ in layers.values()}
    firsts = [names[0] for size, names in takers.items() if size not in given]
    order = firsts[:1]
    while order and len(order) <= len(layers) and len(layers[order[-1]][0]) in takers:
        order.append(takers[len(layers[order[-1]][0])][0])
    if len(order) != len(layers):
        raise BittrueError(f"{place}: layers must be one chain by their sizes, got others")
    return order


def plain_network(layers: Sequence[Layer], activation: Sequence[str], place: str) -> Imported:
    """Return a network of layers in order.

    Parameters
    ----------
    layers : sequence
        From the inputs on.
    activation : sequence of str
        One for all layers, or one a layer.
    place : str
        The file, for messages.

    Raises
    ------
    BittrueError
        If biases do not fit their weights, a number is not finite, or activations are too few.
    """
    try:
        sizes = [len(weights) for weights, _ in layers]
        biased = any(biases is not None for _, biases in layers)
        golden = GoldenNetwork(
            layers[0][0].shape[1],
            sizes[:-1],
            sizes[-1],
            LEARNING_RATE,
            0,
            activation=activation[0] if len(activation) == 1 else list(activation),
            biases=biased,
            rule="gradient",
        )
        golden.weights = [weights for weights, _ in layers]
        if biased:
            golden.biases = [
                np.zeros(len(weights)) if biases is None else biases for weights, biases in layers
            ]
    except BittrueError as error:
        raise BittrueError(f"{place}: {error}") from None
    return Imported(golden)
