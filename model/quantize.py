"""From a golden network to a design: every number that is stored gets its code."""

from dataclasses import replace
from typing import Any

import numpy as np

from .activations import ACTIVATIONS
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
from .makers import FOLLOWED, OPTIONS, USUAL, make_curve

__all__ = ["Config", "quantize", "resolved"]

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

    Returns
    -------
    Design
        Of the same sizes.

    Raises
    ------
    BittrueError
        If a weight does not fit its format (how many and which, and a format that holds them),
        is not finite, or the choices do not go together.
    """
    if config is not None and choices:
        raise BittrueError(f"quantize must be given a config or choices, got both: {choices}")
    config = resolved(config or Config.of(**choices), golden)
    layers: list[Layer] = []
    weights: list[Codes] = []
    biases: list[Codes | None] = []
    for number, array in enumerate(golden.weights):
        chosen = config.layer(number, len(golden.weights))
        input = layers[-1].output if layers else config.input_type
        offsets = None if golden.biases is None else golden.biases[number]
        options = _options(config, number, len(golden.weights))
        layers.append(_layer(chosen, options, input, golden, number))
        weights.append(_encoded(f"weights of layer {number}", array, chosen.weight_type))
        biases.append(
            None
            if offsets is None
            else _encoded(f"biases of layer {number}", offsets, chosen.bias_type)
        )
    return Design(Shape(tuple(layers)), Weights(weights, biases))


def resolved(config: Config, golden: GoldenNetwork) -> Config:
    """Return the choices for a network with every curve named.

    Raises
    ------
    BittrueError
        If a curve stands for another function than the layer's activation.
    """
    layers = len(golden.weights)
    curves = []
    for number, activation in enumerate(golden.activations):
        curve = config.layer(number, layers).curve or USUAL.get(activation.name, "fit")
        followed = FOLLOWED.get(curve, activation.name)
        if activation.name not in (followed, curve):
            raise BittrueError(
                f"the curve of layer {number} must stand for {activation.name}, got {curve}, "
                f"which stands for {followed}"
            )
        curves.append(curve)
    return config.with_curves(curves)


def _options(config: Config, number: int, layers: int) -> dict[str, Any]:
    """Return the options of a layer's curve; one for all layers counts where a curve takes it."""
    curves = [config.layer(n, layers).curve or "" for n in range(layers)]
    options = {}
    for name in ("segments", "tolerance"):
        value = getattr(config.layer(number, layers), name)
        for_all = not isinstance(getattr(config, name), tuple)
        taken = name in OPTIONS.get(curves[number], ())
        if taken or not for_all or not any(name in OPTIONS.get(curve, ()) for curve in curves):
            options[name] = value
    return options


def _layer(
    chosen: LayerConfig,
    options: dict[str, Any],
    input: FixedType,
    golden: GoldenNetwork,
    number: int,
) -> Layer:
    stage = chosen.preactivation_type
    activation = golden.activations[number]
    name = chosen.curve or USUAL[activation.name]
    known = activation == ACTIVATIONS.get(activation.name)
    curve = make_curve(
        name,
        stage.format,
        chosen.output_type,
        function=(activation.name if known else activation.value) if name == "fit" else None,
        **options,
    )
    if name == "fit" and not known:
        curve = replace(curve, name=f"fit-{activation.name}")
    outputs, inputs = golden.shapes[number]
    bias = None if golden.biases is None else chosen.bias_type
    return Layer(inputs, outputs, input, chosen.weight_type, bias, stage, curve)


def _encoded(name: str, values: Values, type: FixedType) -> Codes:
    codes, loss = encode_counted(values, type.format, type.rounding, type.overflow)
    if loss.overflowed:
        raise BittrueError(_misfit(name, values, type))
    return codes


def _misfit(name: str, values: Values, type: FixedType) -> str:
    """Say which values do not fit, and what would hold them."""
    format = type.format
    wide = encode(values, Format(True, MAX_WIDTH, format.frac), type.rounding, Overflow.SAT)
    outside = np.argwhere((wide < format.min_code) | (wide > format.max_code)).tolist()
    places = [dict(zip(("neuron", "input"), index, strict=False)) for index in outside[:SHOWN]]
    named = ", ".join(
        f"{values[tuple(place.values())]:.6g} ({', '.join(f'{k} {v}' for k, v in place.items())})"
        for place in places
    )
    more = f" and {len(outside) - SHOWN} more" if len(outside) > SHOWN else ""
    return (
        f"{name} must be {format.min_value:g} to {format.max_value:g} "
        f"({format}), got {len(outside)} of {values.size} outside: {named}{more}; "
        f"{format_holding(values, type)} would hold them"
    )


def format_holding(values: Values, type: FixedType) -> Format:
    """Return a format that holds all values: as fine as a type's if there is one, else as wide."""
    for frac in range(type.format.frac, -MAX_FRAC, -1):
        widest = Format(True, MAX_WIDTH, frac)
        codes, loss = encode_counted(values, widest, type.rounding, Overflow.SAT)
        if not loss.overflowed:
            low = min(int(codes.min()), -1 if type.format.signed else 0)
            return Format.spanning(low, int(codes.max()), frac)
    raise BittrueError(f"values must be below 2**{MAX_WIDTH + MAX_FRAC}")
