"""What a study varies, and the design of a network at one choice of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from bittrue.model.activations import Activation
from bittrue.model.config import Config
from bittrue.model.curves import Curve, Segment
from bittrue.model.design import Design, Layer, Shape
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import (
    Codes,
    FixedType,
    Format,
    Overflow,
    Rounding,
    Values,
    decode,
    encode,
)
from bittrue.model.golden import GoldenNetwork
from bittrue.model.makers import FOLLOWED, MAKERS, OPTIONS, USUAL
from bittrue.model.quantize import quantize
from bittrue.model.ranges import choose_config

EXACT = "exact"
"""The curve that is no approximation: a row for each output code, correctly rounded.

The output's rounding is in the table, so in a budget it counts for the curve as well.
"""

BOUNDED = ("sigmoid", "tanh", "erf")
"""Functions that come near a power of two and never reach it."""

MAX_EXACT_WIDTH = 20
"""Widest pre-activation, in bits, whose codes are all tabled."""


@dataclass(frozen=True)
class Choice:
    """What is varied.

    Members
    -------
    width : int
        Bits of every word.
    rounding : Rounding
        Of pre-activations and outputs.
    overflow : Overflow
        Of pre-activations and outputs.
    curve : str
        A maker's name, or `EXACT`.
    """

    width: int
    rounding: Rounding
    overflow: Overflow
    curve: str


class Making(NamedTuple):
    """What all designs of a study share.

    Members
    -------
    method : str
        How ranges are found: one of `bittrue.model.ranges.METHODS`.
    segments : int
        Of the curves that take it, at most.
    preactivation_width : int or None
        Bits of pre-activations, where they should not be those of the other words.
    """

    method: str = "observed"
    segments: int = 256
    preactivation_width: int | None = None


def choices_of(
    widths: Sequence[int],
    roundings: Sequence[str],
    overflows: Sequence[str],
    curves: Sequence[str],
) -> list[Choice]:
    """Return all choices, widths innermost.

    Raises
    ------
    BittrueError
        If a mode or curve is unknown, a width is not 2 to 63, or something is named twice.
    """
    known = [*MAKERS, EXACT]
    for width in widths:
        if not 2 <= width <= 63:
            raise BittrueError(f"widths must be 2 to 63 bits, got {width}")
    for curve in curves:
        if curve not in known:
            raise BittrueError(f"the curve must be one of {', '.join(known)}, got {curve!r}")
    modes = [Rounding.parse(name) for name in roundings]
    fits = [Overflow.parse(name) for name in overflows]
    for name, given in (
        ("widths", widths),
        ("roundings", modes),
        ("overflows", fits),
        ("curves", curves),
    ):
        if not given or len(set(given)) < len(given):
            raise BittrueError(f"{name} must be at least one, each once, got {len(given)} of them")
    return [
        Choice(width, rounding, overflow, curve)
        for curve, rounding, overflow, width in product(curves, modes, fits, widths)
    ]


def design_of(golden: GoldenNetwork, training: Values, choice: Choice, making: Making) -> Design:
    """Return the design of a network at a choice.

    Parameters
    ----------
    golden : GoldenNetwork
        The network.
    training : ndarray of float64, shape (samples, inputs)
        What ranges are observed on.
    choice : Choice
        Width, modes and curve.
    making : Making
        What does not vary.

    Raises
    ------
    BittrueError
        If formats are too coarse for a curve, or too wide for an exact one.
    """
    maker = "fit" if choice.curve == EXACT else choice.curve
    curves = tuple(_maker_for(item.name, maker) for item in golden.activations)
    segments = 1 if choice.curve == EXACT else making.segments
    taken = tuple(segments if "segments" in OPTIONS.get(name, ()) else None for name in curves)
    same = _config(golden, training, choice, making.method, curve=curves, segments=taken)
    config = same
    if making.preactivation_width is not None:
        other = replace(choice, width=making.preactivation_width)
        wide = _config(golden, training, other, making.method)
        config = replace(same, preactivation_type=wide.preactivation_type)
    if choice.curve != EXACT:
        return quantize(golden, config)
    return _with_exact(golden, same, config, curves)


def _config(
    golden: GoldenNetwork, training: Values, choice: Choice, method: str, **choices: Any
) -> Config:
    return choose_config(
        golden,
        choice.width,
        method=method,
        inputs=training,
        rounding=choice.rounding,
        overflow=choice.overflow,
        **choices,
    )


def _maker_for(activation: str, curve: str) -> str:
    """Return the maker for a layer: what is made of lines is never fitted."""
    exact = USUAL.get(activation)
    return exact if curve == "fit" and exact in FOLLOWED and exact != "plan" else curve


def _with_exact(
    golden: GoldenNetwork, same: Config, config: Config, curves: Sequence[str]
) -> Design:
    """Return a design with exact curves where others would be fitted.

    A fit of one segment to pre-activations as wide as other words, which is quickly made, stands
    where an exact curve is put.
    """
    layers = len(curves)
    fitted = [name == "fit" for name in curves]
    chosen = [config.layer(number, layers).preactivation_type for number in range(layers)]
    quick = tuple(
        same.layer(number, layers).preactivation_type if fitted[number] else chosen[number]
        for number in range(layers)
    )
    design = quantize(golden, replace(config, preactivation_type=quick))
    made: list[Layer] = []
    for number, layer in enumerate(design.shape.layers):
        curve = layer.curve
        if fitted[number]:
            curve = _exact(golden.activations[number], chosen[number].format, layer.output)
        entering = made[-1].output if made else layer.input
        stored = (entering, layer.weight, layer.bias, chosen[number], curve)
        made.append(Layer(layer.inputs, layer.outputs, *stored))
    return Design(Shape(tuple(made)), design.weights)


@lru_cache(maxsize=64)
def _exact(activation: Activation, format: Format, type: FixedType) -> Curve:
    """Return the curve of a function's nearest codes, as constant rows."""
    if format.width > MAX_EXACT_WIDTH:
        raise BittrueError(
            f"an exact curve must have an input of at most {MAX_EXACT_WIDTH} bits, got {format}"
        )
    if activation.name in BOUNDED:
        finer = Format(type.format.signed, type.format.width, type.format.frac + 1)
        type = FixedType(finer, type.rounding, Overflow.SAT)
    values = activation.value(decode(format.codes(), format))
    codes: Codes = encode(values, type.format, Rounding.RND_CONV, Overflow.SAT)
    changes = np.flatnonzero(np.diff(codes, prepend=codes[0] - 1))
    rows = tuple(Segment(int(format.min_code + at), 0, int(codes[at])) for at in changes)
    return Curve(EXACT, format, type, Format(False, 1, 0), type.format, rows)
