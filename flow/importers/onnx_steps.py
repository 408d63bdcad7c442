"""What stands in a network's graph, between its input and its output, one step after the other."""

from dataclasses import dataclass

import numpy as np

from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import FixedType, Format, Overflow, Rounding, Values

MOST_FEATURES = 1 << 20
"""Numbers of a sample at most, where no weights bound them yet."""


CLIPS = {(0.0, 1.0): "clipped-relu", (0.0, 6.0): "relu6", (0.0, np.inf): "relu"}
"""Activations that clip, by their ends; any other is one of them, scaled and shifted."""

SIZES = -7
"""Kind of sizes that were asked of a signal: integers, of which the batch is -1."""


@dataclass(frozen=True, eq=False)
class Constant:
    """Numbers that a file holds.

    Members
    -------
    values : ndarray
        The numbers; float64 where they were quantized.
    kind : int
        Type of the tensor, by its number in ONNX; or `SIZES`.
    type : FixedType or None
        Of the codes that the values are, where the file says so.
    """

    values: Values
    kind: int = 1
    type: FixedType | None = None


@dataclass(frozen=True, eq=False)
class Dense:
    """Weights, shape (outputs, inputs), and by which node."""

    weights: Values
    type: FixedType | None
    node: str


@dataclass(frozen=True, eq=False)
class Affine:
    """``scale * x + shift``, a number for each feature.

    Members
    -------
    scale, shift : ndarray of float64 or None
        Shape (features,); None for 1 and for 0.
    type : FixedType or None
        Of the shift's codes, where the file says so.
    node : str
        What did this, for messages.
    """

    scale: Values | None
    shift: Values | None
    type: FixedType | None
    node: str


@dataclass(frozen=True)
class Activated:
    """An activation, by its name in `bittrue.model.activations`."""

    name: str
    node: str


@dataclass(frozen=True)
class Clipped:
    """``slope * x + offset``, at least ``low`` and at most ``high``, one of which is finite."""

    low: float
    high: float
    node: str
    slope: float = 1.0
    offset: float = 0.0

    @property
    def plain(self) -> bool:
        """Whether nothing is done but clipping."""
        return self.slope == 1 and self.offset == 0

    @property
    def name(self) -> str | None:
        """Name of the activation that this is, in `bittrue.model.activations`; None for none."""
        return CLIPS.get((self.low, self.high)) if self.plain else None

    def value(self, values: Values) -> Values:
        """Return what becomes of values."""
        return np.clip(self.slope * values + self.offset, self.low, self.high)

    def named(self) -> tuple[str, tuple[float, float], tuple[float, float]]:
        """Return an activation with a name, and scale and shift before it and behind it."""
        if self.name is not None:
            return self.name, (1.0, 0.0), (1.0, 0.0)
        ends = np.isfinite([self.low, self.high])
        scale = self.high - self.low if ends.all() else 1.0 if ends[0] else -1.0
        shift = self.low if ends[0] else self.high
        before = self.slope / scale, (self.offset - shift) / scale
        return "clipped-relu" if ends.all() else "relu", before, (scale, shift)


@dataclass(frozen=True)
class Quantized:
    """A signal brought into a fixed type."""

    type: FixedType
    node: str


Step = Dense | Affine | Activated | Clipped | Quantized


@dataclass(frozen=True)
class Signal:
    """A sample on its way through a network.

    Members
    -------
    sizes : tuple of int
        Of one sample, the batch apart.
    steps : tuple of Step
        What was done to it.
    last : bool
        Whether the batch is the last axis, not the first.
    batch : int or None
        Samples of a batch, where the file says how many.
    coded : FixedType or None
        Whether it is codes at the moment, and of which type.
    tail : str or None
        What follows the network: ``softmax``, ``argmax``, or ``classes`` where two classes are made
        of one output.
    """

    sizes: tuple[int, ...]
    steps: tuple[Step, ...] = ()
    last: bool = False
    batch: int | None = None
    coded: FixedType | None = None
    tail: str | None = None

    @property
    def features(self) -> int:
        """Numbers of one sample."""
        return int(np.prod(self.sizes, dtype=object)) if self.sizes else 1


def power_of_two(scale: Values, what: str) -> list[int]:
    """Return the fractional bits that scales stand for.

    Raises
    ------
    BittrueError
        If one is no power of two; the nearest is offered.
    """
    fracs = []
    for value in np.asarray(scale, np.float64).ravel().tolist():
        if not np.isfinite(value) or value <= 0:
            raise BittrueError(f"the scale {what} must be a power of two, got {value:g}")
        mantissa, exponent = np.frexp(value)
        if mantissa != 0.5:
            near = int(exponent) - (mantissa < 0.75)
            raise BittrueError(
                f"the scale {what} must be a power of two, got {value:.9g}; the nearest is "
                f"2**{near} = {2.0**near:.9g}"
            )
        fracs.append(1 - int(exponent))
    if not fracs:
        raise BittrueError(f"the scale {what} must be a power of two, got none")
    return fracs


def held(values: Values, type: FixedType, frac: int) -> FixedType:
    """Return a type that holds values of several scales, as fine as the finest of them."""
    codes = np.ldexp(values, frac)
    low, high = (int(end) for end in (codes.min(), codes.max())) if codes.size else (0, 0)
    signed = type.format.signed
    if type.overflow is Overflow.SAT_SYM:
        high = max(high, -low)
    needed = Format.spanning(min(low, -1) if signed else low, max(high, 0), frac)
    width = max(needed.width, type.format.width)
    return FixedType(Format(signed, width, frac), type.rounding, type.overflow)


ROUNDINGS = {
    "ROUND": Rounding.RND_CONV,
    "HALF_EVEN": Rounding.RND_CONV,
    "FLOOR": Rounding.TRN,
    "DOWN": Rounding.TRN_ZERO,
    "HALF_UP": Rounding.RND_INF,
    "HALF_DOWN": Rounding.RND_ZERO,
}
"""Our rounding modes, by their names in QONNX: its ``HALF_UP`` takes ties away from zero."""
