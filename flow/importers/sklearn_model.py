"""Networks of scikit-learn, taken from the object: a file of theirs would have to be unpickled."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bittrue.model.exceptions import BittrueError

from .imported import Imported
from .onnx_layers import Folding
from .onnx_steps import Activated, Affine, Dense, Step

NETWORKS = ("MLPClassifier", "MLPRegressor")
SCALERS = ("StandardScaler", "MinMaxScaler", "MaxAbsScaler")
ACTIVATIONS = {
    **{name: name for name in ("tanh", "relu", "identity", "exp")},
    "logistic": "sigmoid",
}
"""Our activations, by their names in scikit-learn."""


def from_sklearn(model: Any) -> Imported:
    """Return a trained network of scikit-learn.

    Parameters
    ----------
    model : MLPClassifier, MLPRegressor or Pipeline
        Fitted. In a pipeline scalers may stand before the network; they are folded into it.

    Returns
    -------
    Imported
        In floats; softmax behind the last layer is the tail, the logistic function of a single
        output its activation.

    Raises
    ------
    BittrueError
        If it is something else, not fitted, or a part of it is not accepted; the message names it.
    """
    *before, network = _parts(model) or [None]
    steps: list[Step] = [_scaled(part) for part in before]
    kind = type(network).__name__
    if kind not in NETWORKS:
        raise BittrueError(f"a network must be {' or '.join(NETWORKS)}, got {kind}")
    if not hasattr(network, "coefs_"):
        raise BittrueError(f"{kind} must be fitted, got it as it was made")
    last = len(network.coefs_) - 1
    tail = "softmax" if network.out_activation_ == "softmax" else None
    for number, (weights, shift) in enumerate(
        zip(network.coefs_, network.intercepts_, strict=True)
    ):
        node = f"layer {number}"
        steps.append(Dense(np.array(weights, np.float64).T, None, node))
        steps.append(Affine(None, np.array(shift, np.float64), None, node))
        name = network.activation if number < last else network.out_activation_
        if number == last and tail:
            continue
        if name not in ACTIVATIONS:
            raise BittrueError(
                f"{node} must have an activation of {', '.join(ACTIVATIONS)}, got {name!r}"
            )
        if name != "identity":
            steps.append(Activated(ACTIVATIONS[name], node))
    folded = Folding(steps, kind)
    notes = list(folded.notes)
    if tail:
        notes.append(f"{tail} behind the last layer was left out")
    return Imported(folded.golden(), None, tail, tuple(notes))


def _parts(model: Any) -> Sequence[Any]:
    """Return the steps of a pipeline, or the model alone."""
    if type(model).__name__ == "Pipeline":
        return [part for _, part in model.steps if part not in (None, "passthrough")]
    return [model]


def _scaled(part: Any) -> Affine:
    """Return what a scaler does to each feature."""
    kind = type(part).__name__
    if kind not in SCALERS:
        raise BittrueError(f"before a network must stand {', '.join(SCALERS)}, got {kind}")
    if not hasattr(part, "n_features_in_"):
        raise BittrueError(f"{kind} must be fitted, got it as it was made")
    if getattr(part, "clip", False):
        raise BittrueError(f"{kind} must not clip, got clip=True")
    ones = np.ones(part.n_features_in_)
    if kind == "MinMaxScaler":
        return Affine(part.scale_ * ones, part.min_ * ones, None, kind)
    scale = ones if part.scale_ is None else 1 / part.scale_
    mean = getattr(part, "mean_", None) if getattr(part, "with_mean", False) else None
    shift = None if mean is None else -mean * scale
    return Affine(scale, shift, None, kind)
