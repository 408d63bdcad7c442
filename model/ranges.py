"""Formats from ranges: how many integer bits each tensor needs, and where the others are best put.

Three ways to a pre-activation's range, from the safest to the tightest: *worst-case* over all codes
of the formats, *l1* over all inputs but with the weights as they are, and *observed* on data,
widened by a margin.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .activations import Activation
from .config import Config
from .exceptions import BittrueError
from .formats import Format, Overflow, Rounding, Values
from .golden import GoldenNetwork

METHODS = ("worst-case", "l1", "observed")

LIMITS = {
    "sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "erf": (-1.0, 1.0),
    "sin": (-1.0, 1.0),
    "step": (0.0, 1.0),
    "clipped-relu": (0.0, 1.0),
    "relu6": (0.0, 6.0),
    **dict.fromkeys(("hard-sigmoid", "hard-sigmoid-sixth", "hard-sigmoid-quarter"), (0.0, 1.0)),
}
"""Values between which bounded functions stay."""

SATURATING = tuple(name for name in LIMITS if name != "sin")
"""Functions that are constant far out, up to any error one cares for."""

LEAST_CAP, MOST_CAP = 1.0, 2.0**40

Range = tuple[float, float]


def fitted_format(low: float, high: float, width: int, signed: bool | None = None) -> Format:
    """Return the finest format of a width that holds a range.

    Parameters
    ----------
    low, high : float
        Finite ends of the range.
    width : int
        Bits.
    signed : bool, optional
        Whether the format must be signed; by default it is where ``low`` is below zero.

    Raises
    ------
    BittrueError
        If the range is not finite or upside down.
    """
    if not (np.isfinite([low, high]).all() and low <= high):
        raise BittrueError(f"a range must be finite and go up, got {low} to {high}")
    signed = low < 0 if signed is None else signed
    largest = max(-low, high)
    frac = width if largest == 0 else width - int(np.floor(np.log2(largest)))
    while True:
        format = Format(signed, width, frac)
        if np.rint(np.ldexp(low, frac)) >= format.min_code and (
            np.rint(np.ldexp(high, frac)) <= format.max_code
        ):
            return format
        frac -= 1


def choose_config(
    golden: GoldenNetwork,
    width: int,
    *,
    method: str = "observed",
    inputs: npt.ArrayLike | None = None,
    input_range: Range | None = None,
    margin: float = 0.0,
    rounding: str | Rounding = Rounding.RND_CONV,
    overflow: str | Overflow = Overflow.SAT,
    **choices: Any,
) -> Config:
    """Choose the formats of every layer from a width and from ranges.

    Parameters
    ----------
    golden : GoldenNetwork
        Whose tensors are to be held.
    width : int
        Bits of every word.
    method : {"worst-case", "l1", "observed"}
        Where the ranges of pre-activations come from.
    inputs : array_like of float, shape (samples, inputs), optional
        Data; the input's range is theirs, and *observed* needs them.
    input_range : (float, float), optional
        Range of the inputs, where there are no data or it should be another.
    margin : float
        By which share observed ranges are widened, at least 0.
    rounding, overflow
        Of pre-activations and outputs.
    **choices
        Other fields of `Config`: those given here are not chosen.

    Returns
    -------
    Config
        One type for each layer. Where an activation is constant far out and the pre-activation
        saturates, it is given no more integer bits than lead there: outputs cannot tell.

    Raises
    ------
    BittrueError
        If the method is unknown, or lacks data or a range.
    """
    if method not in METHODS:
        raise BittrueError(f"the method must be one of {', '.join(METHODS)}, got {method!r}")
    if not (np.isfinite(margin) and margin >= 0):
        raise BittrueError(f"the margin must be at least 0, got {margin}")
    if inputs is None and (method == "observed" or input_range is None):
        raise BittrueError(f"the method {method} must be given data, got none")
    chooser = _Chooser(golden, width, method, inputs, input_range, margin, overflow)
    types = chooser.types()
    stage = {"rounding": rounding, "overflow": overflow}
    return Config.of(**{**types, **stage, **{k: v for k, v in choices.items() if v is not None}})


@dataclass
class _Chooser:
    golden: GoldenNetwork
    width: int
    method: str
    inputs: npt.ArrayLike | None
    input_range: Range | None
    margin: float
    overflow: str | Overflow

    def types(self) -> dict[str, Any]:
        """Return the text of each type, layer by layer."""
        golden = self.golden
        data = None if self.inputs is None else np.asarray(self.inputs, np.float64)
        seen = None if data is None else golden.preactivations(data)
        low, high = self.input_range or _widened(_ends(data), self.margin)
        entering = fitted_format(low, high, self.width)
        types: dict[str, Any] = {"input_type": str(entering)}
        lists: dict[str, list[str]] = {
            name: [] for name in ("weight_type", "bias_type", "preactivation_type", "output_type")
        }
        for number, weights in enumerate(golden.weights):
            biases = None if golden.biases is None else golden.biases[number]
            weight = fitted_format(*_ends(weights), self.width, signed=True)
            bias = fitted_format(*_ends(biases), self.width, signed=True)
            reached = self._reached(
                None if seen is None else seen[number], weights, biases, weight, entering, bias
            )
            activation = golden.activations[number]
            output = fitted_format(*image(activation, reached), self.width)
            stage = fitted_format(*self._capped(activation, reached, output), self.width, True)
            chosen = (weight, bias, stage, output)
            for values, format in zip(lists.values(), chosen, strict=True):
                values.append(str(format))
            entering = output
        return {**types, **lists}

    def _reached(
        self,
        seen: Values | None,
        weights: Values,
        biases: Values | None,
        weight: Format,
        entering: Format,
        bias: Format,
    ) -> Range:
        """Return the range of a layer's pre-activations by the method."""
        if self.method == "observed" and seen is not None:
            return _widened(_ends(seen), self.margin)
        if self.method == "l1":
            low, high = l1_range(weights, biases, (entering.min_value, entering.max_value))
            return float(low), float(high)
        corners = [
            w * x
            for w in (weight.min_value, weight.max_value)
            for x in (entering.min_value, entering.max_value)
        ]
        terms = weights.shape[1]
        offset = (0.0, 0.0) if biases is None else (bias.min_value, bias.max_value)
        return terms * min(corners) + offset[0], terms * max(corners) + offset[1]

    def _capped(self, activation: Activation, reached: Range, output: Format) -> Range:
        saturates = self.overflow in (Overflow.SAT, Overflow.SAT.value, "SAT_SYM", Overflow.SAT_SYM)
        if activation.name not in SATURATING or not saturates:
            return reached
        cap = flat_beyond(activation, output)
        return max(reached[0], -cap), min(reached[1], cap)


def flat_beyond(activation: Activation, output: Format) -> float:
    """Return the power of two beyond which a saturating function stays within half an LSB."""
    low, high = LIMITS[activation.name]
    cap = LEAST_CAP
    while cap < MOST_CAP:
        below, above = activation.value(np.array([-cap, cap]))
        if max(below - low, high - above) < output.lsb / 2:
            break
        cap *= 2
    return cap


def image(activation: Activation, reached: Range) -> Range:
    """Return the range of a function over a range of pre-activations."""
    if activation.name in LIMITS:
        return LIMITS[activation.name]
    values = activation.value(np.linspace(*reached, 4097))
    return _ends(np.append(values, activation.value(np.zeros(1))))


def l1_range(weights: Any, biases: Any, entering: tuple[Any, Any]) -> tuple[Any, Any]:
    """Return the range of all neurons' sums over all inputs in a range.

    Parameters
    ----------
    weights : ndarray, shape (outputs, inputs)
        Values, or codes as Python integers.
    biases : ndarray, shape (outputs,), or None
        Values, or codes of the products' LSB.
    entering : (low, high)
        Range of each input, in values or codes.
    """
    low, high = entering
    offset = 0 if biases is None else biases
    lows = np.minimum(weights * low, weights * high).sum(axis=1) + offset
    highs = np.maximum(weights * low, weights * high).sum(axis=1) + offset
    return lows.min(), highs.max()


def _ends(values: Values | Sequence[float] | None) -> Range:
    """Return the least and greatest of values, zero among them."""
    if values is None or not np.size(values):
        return 0.0, 0.0
    return min(float(np.min(values)), 0.0), max(float(np.max(values)), 0.0)


def _widened(ends: Range, margin: float) -> Range:
    return ends[0] * (1 + margin), ends[1] * (1 + margin)
