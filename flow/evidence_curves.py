"""What a verification's JSON holds of curves: outputs, what they follow, and errors on codes."""

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from bittrue.model.activations import ACTIVATIONS, Function
from bittrue.model.curve_errors import errors_of
from bittrue.model.curves import Curve
from bittrue.model.design import Design
from bittrue.model.formats import Codes, decode
from bittrue.model.golden import GoldenNetwork
from bittrue.model.makers import FOLLOWED

from .tables import finite

BUCKETS = 192
"""Parts of a curve's input whose errors are kept, least and greatest."""

IN_BUCKET = 1024
"""Codes of a part that are looked at: all, or so many evenly spread."""

MEASURED_WIDTH = 20
"""Widest curve input, in bits, of which every code is measured."""

DIGITS = 6
"""Significant digits of what is only drawn."""


def curves_found(design: Design, golden: GoldenNetwork | None) -> list[dict[str, Any]]:
    """Return each curve of a design once, as JSON, with the layers that have it.

    Parameters
    ----------
    design : Design
        Whose curves.
    golden : GoldenNetwork or None
        Says what functions they follow; else their names do.
    """
    found: dict[tuple[Curve, str | None], list[int]] = {}
    for number, layer in enumerate(design.shape.layers):
        name = FOLLOWED.get(layer.curve.name)
        if golden is not None:
            name = golden.activations[number].name
        found.setdefault((layer.curve, name), []).append(number)
    return [_curve(curve, name, layers) for (curve, name), layers in found.items()]


def _curve(curve: Curve, name: str | None, layers: list[int]) -> dict[str, Any]:
    function = None if name is None else ACTIVATIONS[name].value
    return {
        "layers": layers,
        "name": curve.name,
        "function": name,
        "input": str(curve.input),
        "output": str(curve.output),
        "segments": curve.rows,
        "mirrored": curve.mirror is not None,
        "breakpoints": [segment.start for segment in curve.segments][1:],
        "errors": _curve_errors(curve, function),
        "samples": _samples(curve, function),
    }


def _curve_errors(curve: Curve, function: Function | None) -> dict[str, Any] | None:
    if function is None or curve.input.width > MEASURED_WIDTH:
        return None
    with np.errstate(all="ignore"):
        errors = errors_of(curve, function)
    return {
        "maximum_lsb": finite(errors.maximum_lsb),
        "mean_lsb": finite(errors.mean_lsb),
        "maximum_at": errors.maximum_at,
        "correctly_rounded": errors.correctly_rounded,
        "rounded_lsb": errors.rounded_lsb,
        "monotone": errors.monotone,
    }


def _samples(curve: Curve, function: Function | None) -> dict[str, Any]:
    """Return outputs at evenly spread codes, and the least and greatest error up to the next."""
    low, high = curve.input.min_code, curve.input.max_code + 1
    starts = np.unique(np.linspace(low, high, BUCKETS + 1).astype(np.int64))
    codes, outputs, ends = starts[:-1], curve.evaluate(starts[:-1]), []
    for start, stop in pairwise(starts):
        part = np.unique(np.linspace(start, stop - 1, IN_BUCKET).astype(np.int64))
        ends.append(_error_ends(curve, function, part))
    return {
        "codes": codes.tolist(),
        "outputs": outputs.tolist(),
        "exact": None if function is None else _exact(curve, function, codes),
        "least": None if function is None else [end[0] for end in ends],
        "most": None if function is None else [end[1] for end in ends],
    }


def _exact(curve: Curve, function: Function, codes: Codes) -> list[float | None]:
    with np.errstate(all="ignore"):
        return _drawn(function(decode(codes, curve.input)))


def _error_ends(curve: Curve, function: Function | None, codes: Codes) -> list[float | None]:
    if function is None:
        return [None, None]
    format = curve.output.format
    with np.errstate(all="ignore"):
        values = function(decode(codes, curve.input))
        off = (decode(curve.evaluate(codes), format) - values) / format.lsb
    return _drawn(np.array([off.min(), off.max()]))


def _drawn(values: npt.ArrayLike) -> list[float | None]:
    """Return values with as many digits as can be seen; None for what is not finite."""
    return [finite(float(f"{value:.{DIGITS}g}")) for value in np.asarray(values).tolist()]
