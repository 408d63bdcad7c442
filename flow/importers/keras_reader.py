"""Networks of Keras 3, one layer behind the other: read as they were saved, nothing of it run."""

import os
import re
from typing import Any

import numpy as np

from bittrue.model.exceptions import BittrueError
from bittrue.model.reader import shown

from .imported import Imported
from .keras_config import LayerConfig, ordered
from .keras_file import KerasFile
from .onnx_layers import Folding
from .onnx_steps import MOST_FEATURES, Activated, Affine, Clipped, Dense, Step

ACTIVATIONS = {
    **{name: name for name in ("sigmoid", "tanh", "relu", "relu6", "softplus", "silu", "gelu")},
    "swish": "silu",
    "linear": "identity",
    "exponential": "exp",
    "hard_sigmoid": "hard-sigmoid-sixth",
}
"""Our activations, by their names in Keras."""

DROPPED = ("Dropout", "GaussianDropout", "GaussianNoise", "AlphaDropout", "ActivityRegularization")
"""Layers that do something in training only."""


def read_keras(path: str | os.PathLike[str]) -> Imported:
    """Read a network of dense layers that Keras 3 saved as ``.keras``.

    Parameters
    ----------
    path : path
        Of the file.

    Returns
    -------
    Imported
        In floats.

    Raises
    ------
    BittrueError
        If the file is damaged, of another version, or holds a layer that is not accepted; the
        message names it.
    ToolMissing
        If the package ``h5py`` is not installed.
    """
    with KerasFile(path) as file, np.errstate(all="ignore"):
        place = os.path.basename(path)
        _check_version(file.metadata, place)
        walk = Walk(file, ordered(file.config, place))
        folded = Folding(walk.steps, place)
        golden = folded.golden()
    notes = [*walk.notes, *folded.notes]
    if walk.tail is not None:
        notes.append(f"{walk.tail} behind the last layer was left out")
    return Imported(golden, None, walk.tail, tuple(notes))


def _check_version(metadata: Any, place: str) -> None:
    version = metadata.get("keras_version") if isinstance(metadata, dict) else None
    if not isinstance(version, str) or not re.match(r"3\.", version):
        raise BittrueError(f"{place} must be saved by Keras 3, got version {shown(version)}")


class Walk:
    """Layers of Keras on their way into steps.

    Attributes
    ----------
    steps : list
        What they do.
    tail : str or None
        A softmax at the end.
    notes : list of str
        What was left out.
    """

    def __init__(self, file: KerasFile, layers: list[tuple[LayerConfig, str]]) -> None:
        self._file = file
        self.steps: list[Step] = []
        self.tail: str | None = None
        self.notes: list[str] = []
        self._sizes: tuple[int, ...] | None = None
        known = {
            "InputLayer": self._input,
            "Dense": self._dense,
            "Activation": self._activation,
            "ReLU": self._relu,
            "Softmax": self._softmax,
            "Flatten": self._flatten,
            "Rescaling": self._rescaling,
            "BatchNormalization": self._normalized,
            **dict.fromkeys(DROPPED, self._dropped),
        }
        for layer, group in layers:
            if layer.kind not in known:
                raise BittrueError(
                    f"the layer {layer.what} must be one of {', '.join(known)}, got another class"
                )
            if self.tail is not None and layer.kind not in DROPPED:
                raise BittrueError(f"{layer.what} must stand before softmax, got it behind")
            known[layer.kind](layer, group)

    def _features(self, layer: LayerConfig) -> int:
        if self._sizes is None:
            raise BittrueError(f"{layer.what} must stand behind an InputLayer, got none")
        return int(np.prod(self._sizes, dtype=object))

    def _flat(self, layer: LayerConfig) -> int:
        features = self._features(layer)
        if len(self._sizes or ()) != 1:
            raise BittrueError(
                f"{layer.what} must take one axis of features, got {self._sizes}: Flatten belongs "
                "before it"
            )
        return features

    def _input(self, layer: LayerConfig, group: str) -> None:
        shape = layer.get("batch_shape", layer.get("batch_input_shape"))
        known = isinstance(shape, list) and 2 <= len(shape) <= 8
        sizes: list[Any] = shape[1:] if known else [None]
        if not all(type(size) is int and 0 < size <= MOST_FEATURES for size in sizes):
            raise BittrueError(f"{layer.what} must have known sizes, got {shown(shape)}")
        if self._sizes is not None and self._sizes != tuple(sizes):
            raise BittrueError(f"{layer.what} must stand first, got it behind others")
        self._sizes = tuple(sizes)
        if self._features(layer) > MOST_FEATURES:
            raise BittrueError(f"{layer.what} must have at most {MOST_FEATURES} inputs, got more")

    def _dense(self, layer: LayerConfig, group: str) -> None:
        inputs, units = self._flat(layer), layer.get("units")
        if type(units) is not int or not 0 < units <= MOST_FEATURES:
            raise BittrueError(f"{layer.what} must have units, a count, got {shown(units)}")
        biased = layer.must("use_bias", True, False)
        shapes: list[tuple[int, ...]] = [(inputs, units), (units,)][: 1 + biased]
        kernel, *bias = self._file.arrays(group, layer.name, shapes)
        self.steps.append(Dense(np.ascontiguousarray(kernel.T), None, layer.what))
        self.steps += [Affine(None, shift, None, layer.what) for shift in bias]
        self._sizes = (units,)
        self._activation(layer, group)

    def _activation(self, layer: LayerConfig, group: str) -> None:
        given = layer.get("activation")
        if isinstance(given, dict) and given.get("class_name") == "function":
            given = given.get("config")
        name = "linear" if given is None else given
        if name == "softmax":
            self._flat(layer)
            self.tail = "softmax"
        elif not isinstance(name, str) or name not in ACTIVATIONS:
            raise BittrueError(
                f"{layer.what} must have an activation of {', '.join(ACTIVATIONS)} or softmax, "
                f"got {shown(given)}"
            )
        elif name != "linear":
            self.steps.append(Activated(ACTIVATIONS[name], layer.what))

    def _relu(self, layer: LayerConfig, group: str) -> None:
        for name in ("negative_slope", "threshold"):
            layer.must(name, 0.0, 0)
        ceiling = np.inf
        if layer.get("max_value") is not None:
            [ceiling] = layer.numbers("max_value", 6.0, 1)
        if not ceiling > 0:
            raise BittrueError(f"{layer.what} must have a max_value above 0, got {ceiling:g}")
        self.steps.append(Clipped(0.0, float(ceiling), layer.what))

    def _softmax(self, layer: LayerConfig, group: str) -> None:
        self._flat(layer)
        layer.must("axis", -1, 1)
        self.tail = "softmax"

    def _flatten(self, layer: LayerConfig, group: str) -> None:
        features = self._features(layer)
        if len(self._sizes or ()) > 1:
            layer.must("data_format", "channels_last")
        self._sizes = (features,)

    def _rescaling(self, layer: LayerConfig, group: str) -> None:
        size = (self._sizes or (1,))[-1]
        repeats = self._features(layer) // size
        scale, shift = (
            np.tile(layer.numbers(name, usual, size), repeats)
            for name, usual in (("scale", 1.0), ("offset", 0.0))
        )
        self.steps.append(Affine(scale, shift, None, layer.what))

    def _normalized(self, layer: LayerConfig, group: str) -> None:
        size = self._flat(layer)
        axis = layer.get("axis", -1)
        if axis not in (-1, 1, [-1], [1]):
            raise BittrueError(f"{layer.what} must have axis -1, got {shown(axis)}")
        scaled, centred = (layer.must(name, True, False) for name in ("scale", "center"))
        arrays = self._file.arrays(group, layer.name, [(size,)] * (2 + scaled + centred))
        gamma = arrays.pop(0) if scaled else np.ones(size)
        beta = arrays.pop(0) if centred else np.zeros(size)
        mean, variance = arrays
        scale = gamma / np.sqrt(variance + layer.numbers("epsilon", 1e-3, 1))
        self.steps.append(Affine(scale, beta - mean * scale, None, layer.what))

    def _dropped(self, layer: LayerConfig, group: str) -> None:
        self.notes.append(f"{layer.what} was left out: it does nothing once a network is trained")
