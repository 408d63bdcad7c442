"""Nodes that quantize, read as fixed types: QONNX's ``Quant``, and ONNX's pairs."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import FixedType, Format, Overflow, Values, decode, encode
from bittrue.model.types import MAX_WIDTH

from .onnx_steps import ROUNDINGS, Constant, held, power_of_two

WIDTHS = {
    **{2: (False, 8), 3: (True, 8), 4: (False, 16), 5: (True, 16), 6: (True, 32), 12: (False, 32)},
    **{21: (False, 4), 22: (True, 4)},
}
"""Sign and width of tensors of codes, by their number in ONNX."""


def quant_type(
    label: str,
    attributes: Mapping[str, Any],
    scale: Constant,
    zero: Constant,
    width: Constant,
    scale_name: str,
) -> tuple[FixedType, list[int]]:
    """Return the type of a ``Quant`` node, and the fractional bits of each of its scales.

    Raises
    ------
    BittrueError
        If it is none of ours: a zero point, a scale that is no power of two, a width that is not
        whole, a mode that is not among ours.
    """
    for name in ("signed", "narrow"):
        if attributes.get(name, 1) not in (0, 1):
            raise BittrueError(f"{name} of {label} must be 0 or 1, got {attributes[name]}")
    signed, narrow = bool(attributes.get("signed", 1)), bool(attributes.get("narrow", 1))
    _check_zero(label, zero)
    bits = np.asarray(width.values, np.float64).ravel()
    low = 2 if signed else 1
    kinds = sorted(set(bits.tolist()))
    if len(kinds) != 1 or kinds[0] not in range(low, MAX_WIDTH + 1):
        shown = " and ".join(f"{width:g}" for width in kinds[:2]) or "none"
        raise BittrueError(
            f"the width of {label} must be one of {low} to {MAX_WIDTH} bits, got {shown}"
        )
    if narrow and not signed:
        raise BittrueError(f"{label} must be signed to be narrow, got one without sign")
    mode = attributes.get("rounding_mode", "ROUND")
    if not isinstance(mode, str) or mode.upper() not in ROUNDINGS:
        raise BittrueError(
            f"the rounding mode of {label} must be one of {', '.join(ROUNDINGS)}, got {mode!r}"
        )
    fracs = power_of_two(scale.values, f"{scale_name!r} of {label}")
    overflow = Overflow.SAT_SYM if narrow else Overflow.SAT
    format = Format(signed, int(bits[0]), max(fracs))
    return FixedType(format, ROUNDINGS[mode.upper()], overflow), fracs


def _check_zero(label: str, zero: Constant) -> None:
    if np.any(np.asarray(zero.values, np.float64) != 0):
        raise BittrueError(f"the zero point of {label} must be 0, got {np.ravel(zero.values)[0]:g}")


def linear_type(label: str, kind: int, scale: Constant, zero: Constant | None, name: str) -> Any:
    """Return the type that a ``QuantizeLinear`` or ``DequantizeLinear`` stands for, and fracs."""
    if kind not in WIDTHS:
        raise BittrueError(f"{label} must be of integers of 4, 8, 16 or 32 bits, got type {kind}")
    if zero is not None:
        _check_zero(label, zero)
    signed, width = WIDTHS[kind]
    fracs = power_of_two(scale.values, f"{name!r} of {label}")
    return FixedType(Format(signed, width, max(fracs))), fracs


def quantized_constant(
    values: Values, type: FixedType, fracs: list[int], scale: Values, label: str
) -> Constant:
    """Return numbers as the codes that a node makes of them."""
    one = FixedType(type.format, type.rounding, type.overflow)
    if len(set(fracs)) == 1:
        codes = encode(values, one.format, one.rounding, one.overflow)
        return Constant(decode(codes, one.format), 1, one)
    spread = _spread(np.array(fracs).reshape(np.shape(scale)), values, label)
    result = np.empty(values.shape)
    for frac in set(fracs):
        format = Format(type.format.signed, type.format.width, frac)
        here = spread == frac
        result[here] = decode(encode(values[here], format, one.rounding, one.overflow), format)
    return Constant(result, 1, held(result, type, max(fracs)))


def dequantized(
    codes: Values, type: FixedType, fracs: list[int], axis: int, label: str
) -> Constant:
    """Return the values of codes that a file holds, a scale for all or one along an axis."""
    shape = [1] * codes.ndim
    if len(fracs) > 1:
        if not -codes.ndim <= axis < codes.ndim:
            raise BittrueError(f"the axis of {label} must be one of {codes.ndim}, got {axis}")
        shape[axis] = len(fracs)
    spread = _spread(np.array(fracs).reshape(shape), codes, label)
    values = np.ldexp(codes.astype(np.float64), -spread)
    return Constant(values, 1, held(values, type, max(fracs)))


def _spread(fracs: Values, values: Values, label: str) -> Any:
    try:
        return np.broadcast_to(fracs, values.shape)
    except ValueError:
        raise BittrueError(
            f"the scale of {label} must fit shape {values.shape}, got {fracs.shape}"
        ) from None
