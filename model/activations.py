"""Activations of the golden model: what a layer's outputs are, and how steep they are."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import erf, expit

from .exceptions import BittrueError
from .formats import Values

Function = Callable[[Values], Values]


@dataclass(frozen=True)
class Activation:
    """A function of a layer's pre-activation.

    Members
    -------
    name : str
        By which networks are saved, and curves called.
    value : callable
        From float64 arrays to float64 arrays of the same shape.
    slope : callable or None
        Of the pre-activations ``z`` and the outputs ``y``: the derivative at ``z``. None where
        there is none to train with.
    """

    name: str
    value: Function
    slope: Callable[[Values, Values], Values] | None = None


def _normal_density(z: Values) -> Values:
    return np.asarray(np.exp(-z * z / 2) / np.sqrt(2 * np.pi))


def _normal_share(z: Values) -> Values:
    return np.asarray((1 + erf(z / np.sqrt(2))) / 2)


def _clipped(name: str, ceiling: float) -> Activation:
    return Activation(
        name,
        lambda z: np.clip(z, 0.0, ceiling),
        lambda z, y: ((z > 0) & (z < ceiling)).astype(np.float64),
    )


def _hard_sigmoid(name: str, slope: float) -> Activation:
    return Activation(
        name,
        lambda z: np.clip(slope * z + 0.5, 0.0, 1.0),
        lambda z, y: np.where(np.abs(z) < 0.5 / slope, slope, 0.0),
    )


_LISTED = (
    Activation("sigmoid", expit, lambda z, y: y * (1 - y)),
    Activation("tanh", np.tanh, lambda z, y: 1 - y * y),
    Activation(
        "relu", lambda z: np.maximum(z, 0.0), lambda z, y: np.asarray(z > 0, dtype=np.float64)
    ),
    _clipped("clipped-relu", 1.0),
    _clipped("relu6", 6.0),
    _hard_sigmoid("hard-sigmoid", 1 / 5),
    _hard_sigmoid("hard-sigmoid-sixth", 1 / 6),
    _hard_sigmoid("hard-sigmoid-quarter", 1 / 4),
    Activation("identity", lambda z: np.array(z, dtype=np.float64), lambda z, y: np.ones_like(z)),
    Activation("step", lambda z: np.asarray(z >= 0, dtype=np.float64)),
    Activation("exp", np.exp, lambda z, y: y),
    Activation("softplus", lambda z: np.logaddexp(0.0, z), lambda z, y: expit(z)),
    Activation("silu", lambda z: z * expit(z), lambda z, y: expit(z) + y * (1 - expit(z))),
    Activation(
        "gelu",
        lambda z: z * _normal_share(z),
        lambda z, y: _normal_share(z) + z * _normal_density(z),
    ),
    Activation("erf", erf, lambda z, y: 2 / np.sqrt(np.pi) * np.exp(-z * z)),
    Activation("sin", np.sin, lambda z, y: np.cos(z)),
)

ACTIVATIONS: dict[str, Activation] = {activation.name: activation for activation in _LISTED}
"""Activations by name."""


def activation_named(activation: str | Activation) -> Activation:
    """Return an activation by name, or as it is.

    Raises
    ------
    BittrueError
        If there is none of that name.
    """
    if isinstance(activation, Activation):
        return activation
    if activation not in ACTIVATIONS:
        raise BittrueError(
            f"an activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}"
        )
    return ACTIVATIONS[activation]
