"""How far a curve is from the function it stands for, over every code it can be given."""

from dataclasses import dataclass

import numpy as np

from .activations import Function
from .curves import Curve
from .exceptions import BittrueError
from .fit import FUNCTIONS
from .formats import Codes, Overflow, Rounding, Values, decode, encode

MAX_INPUT_WIDTH = 24
BLOCK = 1 << 18
STEPS_LISTED = 16


@dataclass(frozen=True)
class CurveErrors:
    """Errors of a curve over all pre-activation codes.

    Members
    -------
    maximum, mean : float
        Maximum and mean absolute error against the function, in value.
    maximum_lsb, mean_lsb : float
        The same in LSB of the output.
    maximum_at : int
        A pre-activation code with the maximum error.
    rounded_lsb : int
        Maximum distance, in LSB, from the correctly rounded function.
    correctly_rounded : float
        Share of the codes at which the output is the correctly rounded function.
    steps_down : tuple of int
        Codes at which the output is below that of the code before: the first few.
    steps_down_total : int
        How many there are.
    mirrored : bool
        Whether ``y(-z) = c - y(z)`` by construction.
    """

    maximum: float
    mean: float
    maximum_lsb: float
    mean_lsb: float
    maximum_at: int
    rounded_lsb: int
    correctly_rounded: float
    steps_down: tuple[int, ...]
    steps_down_total: int
    mirrored: bool

    @property
    def monotone(self) -> bool:
        """Whether the output never falls where the pre-activation rises."""
        return self.steps_down_total == 0


def function_named(function: str | Function) -> Function:
    """Return a function by name, or as it is.

    Raises
    ------
    BittrueError
        If there is none of that name.
    """
    if not isinstance(function, str):
        return function
    if function not in FUNCTIONS:
        raise BittrueError(f"the function must be one of {', '.join(FUNCTIONS)}, got {function!r}")
    return FUNCTIONS[function]


def errors_of(
    curve: Curve,
    function: str | Function = "sigmoid",
    range: tuple[float, float] | None = None,
) -> CurveErrors:
    """Measure a curve against a function, on every code.

    Parameters
    ----------
    curve : Curve
        Whose input has at most 24 bits.
    function : str or callable
        A name in `bittrue.model.fit.FUNCTIONS`, or a function of float64 arrays.
    range : (float, float), optional
        Values between which the function counts; outside, its value at the end does.

    Raises
    ------
    BittrueError
        If the input is too wide, or there is no such function.
    """
    if curve.input.width > MAX_INPUT_WIDTH:
        raise BittrueError(
            f"errors are measured on all codes of at most {MAX_INPUT_WIDTH} bits, got {curve.input}"
        )
    follow = function_named(function)
    low, high = range or (-np.inf, np.inf)
    codes = curve.input.codes()
    blocks = [codes[start : start + BLOCK] for start in np.arange(0, len(codes), BLOCK).tolist()]
    parts = [_block(curve, block, follow, low, high) for block in blocks]
    off = np.concatenate([part[0] for part in parts])
    outputs = np.concatenate([part[1] for part in parts])
    distance = np.concatenate([part[2] for part in parts])
    down = codes[1:][np.diff(outputs) < 0]
    lsb = curve.output.format.lsb
    worst = int(np.argmax(off))
    return CurveErrors(
        maximum=float(off[worst]),
        mean=float(off.mean()),
        maximum_lsb=float(off[worst] / lsb),
        mean_lsb=float(off.mean() / lsb),
        maximum_at=int(codes[worst]),
        rounded_lsb=int(distance.max()),
        correctly_rounded=float(np.mean(distance == 0)),
        steps_down=tuple(down[:STEPS_LISTED].tolist()),
        steps_down_total=len(down),
        mirrored=curve.mirror is not None,
    )


def _block(
    curve: Curve, codes: Codes, function: Function, low: float, high: float
) -> tuple[Values, Codes, Codes]:
    """Return absolute errors, output codes and distances from the correctly rounded code."""
    format = curve.output.format
    exact = function(np.clip(decode(codes, curve.input), low, high))
    outputs = curve.evaluate(codes)
    rounded = encode(exact, format, Rounding.RND_CONV, Overflow.SAT)
    return np.abs(decode(outputs, format) - exact), outputs, np.abs(outputs - rounded)
