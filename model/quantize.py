"""From a golden network to a design: every number that is stored gets its code."""

from typing import Any

import numpy as np

from .config import Config, LayerConfig
from .design import Design, Layer, Shape, Weights
from .exceptions import BittrueError
from .formats import (
    MAX_FRAC,
    MAX_WIDTH,
    Codes,
    FixedType,
    Format,
    Overflow,
    Values,
    encode,
    encode_counted,
)
from .golden import GoldenNetwork
from .makers import make_curve

__all__ = ["Config", "quantize"]

SHOWN = 3
"""Weights named in an error."""


def quantize(golden: GoldenNetwork, config: Config | None = None, **choices: Any) -> Design:
    """Return the design of a golden network.

    Parameters
    ----------
    golden : GoldenNetwork
        Whose weights are encoded.
    config : Config, optional
        Types and curves.
    **choices
        Instead of ``config``: what `Config.of` takes, such as ``format="fxp-s12/8"`` or
        ``curve="fit", segments=8``.

    Raises
    ------
    BittrueError
        If a weight does not fit its format (how many and which, and a format that holds them),
        is not finite, or the choices do not go together.
    """
    if config is not None and choices:
        raise BittrueError(f"quantize must be given a config or choices, got both: {choices}")
    config = config or Config.of(**choices)
    layers: list[Layer] = []
    codes: list[Codes] = []
    for number, weights in enumerate(golden.weights):
        chosen = config.layer(number, len(golden.weights))
        input = layers[-1].output if layers else config.input_type
        layers.append(_layer(chosen, input, weights))
        codes.append(_encoded(number, weights, layers[-1].weight))
    return Design(Shape(tuple(layers)), Weights(codes))


def _layer(chosen: LayerConfig, input: FixedType, weights: Values) -> Layer:
    stage = chosen.preactivation_type
    curve = make_curve(
        chosen.curve,
        stage.format,
        chosen.output_type,
        segments=chosen.segments,
        tolerance=chosen.tolerance,
    )
    outputs, inputs = weights.shape
    return Layer(inputs, outputs, input, chosen.weight_type, None, stage, curve)


def _encoded(number: int, weights: Values, type: FixedType) -> Codes:
    codes, loss = encode_counted(weights, type.format, type.rounding, type.overflow)
    if loss.overflowed:
        raise BittrueError(_misfit(number, weights, type))
    return codes


def _misfit(number: int, weights: Values, type: FixedType) -> str:
    """Say which weights do not fit, and what would hold them."""
    format = type.format
    wide = encode(weights, Format(True, MAX_WIDTH, format.frac), type.rounding, Overflow.SAT)
    outside = np.argwhere((wide < format.min_code) | (wide > format.max_code)).tolist()
    named = ", ".join(f"{weights[n, i]:.6g} (neuron {n}, input {i})" for n, i in outside[:SHOWN])
    more = f" and {len(outside) - SHOWN} more" if len(outside) > SHOWN else ""
    return (
        f"weights of layer {number} must be {format.min_value:g} to {format.max_value:g} "
        f"({format}), got {len(outside)} of {weights.size} outside: {named}{more}; "
        f"{_holding(weights, type)} would hold them"
    )


def _holding(weights: Values, type: FixedType) -> Format:
    """Return a format that holds all weights: as fine if there is one, else as wide."""
    for frac in range(type.format.frac, -MAX_FRAC, -1):
        widest = Format(True, MAX_WIDTH, frac)
        codes, loss = encode_counted(weights, widest, type.rounding, Overflow.SAT)
        if not loss.overflowed:
            low = min(int(codes.min()), -1 if type.format.signed else 0)
            return Format.spanning(low, int(codes.max()), frac)
    raise BittrueError(f"weights must be below 2**{MAX_WIDTH + MAX_FRAC}")
