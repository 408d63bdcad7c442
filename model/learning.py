"""What a network that learns in fixed point is: the stages of a training step, layer by layer.

A description, like `shape`: it says what happens, and evaluates nothing.
"""

from dataclasses import dataclass
from enum import Enum

from .curves import Curve
from .exceptions import BittrueError
from .modes import Rounding
from .types import FixedType, Format

RULES = ("book", "gradient")
"""What hidden layers are told: errors as in the book, or errors times derivatives."""


class Derivative(Enum):
    """How a curve's derivative is taken, on codes."""

    OUTPUT = "output"
    """``y * (c - y)``, with c the code of 1: that of a sigmoid, from its output alone."""

    SLOPE = "slope"
    """The slope of the segment that the pre-activation lies in."""


STOCHASTIC = "STOCHASTIC"
"""Rounding by chance: up as often as the dropped bits are large."""

UpdateRounding = Rounding | str


@dataclass(frozen=True)
class LayerLearning:
    """The training stages of one layer.

    Parameters
    ----------
    error : FixedType
        Type of the errors at the layer's outputs.
    delta : FixedType
        Type of errors times derivatives.
    derivative : Derivative
        How that is taken.
    """

    error: FixedType
    delta: FixedType
    derivative: Derivative


@dataclass(frozen=True)
class Learning:
    """How a network learns.

    Parameters
    ----------
    rule : {"book", "gradient"}
        What is carried back through the weights.
    rate : int
        Learning rate, a code.
    rate_format : Format
        Its format, unsigned.
    rounding : Rounding or "STOCHASTIC"
        Of updates, on their way to the LSB of a weight or bias.
    layers : tuple of LayerLearning
        One a layer.

    Raises
    ------
    BittrueError
        If the rule is unknown, or the rate is no code above 0.
    """

    rule: str
    rate: int
    rate_format: Format
    rounding: UpdateRounding
    layers: tuple[LayerLearning, ...]

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise BittrueError(f"the rule must be one of {', '.join(RULES)}, got {self.rule!r}")
        if self.rate_format.signed or not 0 < self.rate <= self.rate_format.max_code:
            raise BittrueError(
                f"the learning rate must be a code 1 to {self.rate_format.max_code} of an "
                f"unsigned format, got {self.rate} of {self.rate_format}"
            )

    @property
    def shift_only(self) -> bool:
        """Whether the rate is a power of two, and costs no multiplier."""
        return self.rate & (self.rate - 1) == 0


def one_of(curve: Curve) -> int | None:
    """Return the output code of 1, or None where the format has none."""
    format = curve.output.format
    if format.frac < 0 or 1 << format.frac > format.max_code:
        return None
    return 1 << format.frac


def derivative_of(curve: Curve) -> Derivative:
    """Return how a curve's derivative is taken: from the output where it mirrors like a sigmoid.

    Raises
    ------
    BittrueError
        If the curve has none: all its slopes are 0.
    """
    if all(segment.slope == 0 for segment in curve.segments):
        raise BittrueError(
            f"a curve that is trained must have a slope, got {curve.name}: take plan or fit"
        )
    if curve.mirror is not None and curve.mirror == one_of(curve):
        return Derivative.OUTPUT
    return Derivative.SLOPE


def derivative_format(curve: Curve, derivative: Derivative) -> Format:
    """Return the smallest signed format that holds every derivative of a curve exactly."""
    if derivative is Derivative.SLOPE:
        return curve.slope_format
    output, one = curve.output.format, one_of(curve) or 0
    ends = [y * (one - y) for y in (output.min_code, output.max_code)]
    low, high = min(ends), max(*ends, (one // 2) * (one - one // 2))
    width = 1 + max((-low - 1).bit_length() if low < 0 else 0, high.bit_length())
    return Format(True, width, 2 * output.frac)
