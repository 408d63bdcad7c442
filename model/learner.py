"""Training on integers: one step of a network that learns in fixed point, to the last bit.

Follows "Training" in docs/arithmetic.md.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from . import lfsr
from .curves import Curve
from .design import Design
from .exceptions import BittrueError
from .formats import (
    Codes,
    Loss,
    Values,
    as_codes,
    decode,
    encode_counted,
    requantize,
    requantize_counted,
)
from .learning import (
    STOCHASTIC,
    Derivative,
    LayerLearning,
    Learning,
    UpdateRounding,
    derivative_format,
    derivative_of,
)
from .modes import Overflow, Rounding
from .shape import Layer, Shape, Weights
from .types import FixedType, Format

DRAWN_BITS = 15
"""Most dropped bits that chance is added to; a draw has one more."""


RATE_FORMAT = Format(False, 16, 16)
"""Format of a learning rate where none is given."""


def learning(
    design: Design,
    rate: float,
    *,
    rule: str = "book",
    rounding: UpdateRounding = STOCHASTIC,
    error_type: FixedType | None = None,
    delta_type: FixedType | None = None,
    rate_format: Format = RATE_FORMAT,
) -> Design:
    """Return a design that can be trained.

    Parameters
    ----------
    design : Design
        Whose weights it starts from.
    rate : float
        Learning rate; it becomes the nearest code.
    rule : {"book", "gradient"}
        What hidden layers are told.
    rounding : Rounding, its name, or "STOCHASTIC"
        Of updates.
    error_type, delta_type : FixedType, optional
        Of all layers; where not given, each layer's weight format, rounded as updates are (to the
        nearest, where those are rounded by chance) and saturating.
    rate_format : Format
        Of the rate, unsigned.

    Returns
    -------
    Design
        With the same codes, and how it learns.

    Raises
    ------
    BittrueError
        If the rate becomes code 0, there is no such rounding mode, a curve has no derivative, or a
        product is too wide.
    """
    if isinstance(rounding, str) and rounding != STOCHASTIC:
        rounding = Rounding.parse(rounding)
    smallest = 2.0**-rate_format.frac
    code = round(rate / smallest) if np.isfinite(rate) else 0
    if code < 1:
        raise BittrueError(
            f"the learning rate must become a code above 0 of {rate_format}, got {rate:g}: the "
            f"smallest is {smallest:g}"
        )
    usual = rounding if isinstance(rounding, Rounding) else Rounding.RND_CONV
    layers = []
    for layer in design.shape.layers:
        type = FixedType(layer.weight.format, usual, Overflow.SAT)
        layers.append(
            LayerLearning(error_type or type, delta_type or type, derivative_of(layer.curve))
        )
    how = Learning(rule, code, rate_format, rounding, tuple(layers))
    return Design(Shape(design.shape.layers, how), design.weights)


def target_codes(targets: Values, format: Format) -> Codes:
    """Return targets as the nearest codes of the output format.

    Raises
    ------
    BittrueError
        If one lies outside it.
    """
    codes, loss = encode_counted(targets, format, Rounding.RND_CONV, Overflow.SAT)
    if loss.overflowed:
        low, high = (decode(code, format) for code in (format.min_code, format.max_code))
        worst = targets.ravel()[np.argmax(np.abs(targets - (low + high) / 2))]
        raise BittrueError(
            f"targets must be {low:g} to {high:g}, the range of {format}, got {worst:g}"
        )
    return codes


class Lost(NamedTuple):
    """What training lost in one layer, in words.

    Members
    -------
    error, delta : Loss
        In the requantizations of errors and deltas.
    updates, rounded_away : int
        Updates that were not 0 before rounding, and those of them that were after it.
    overflowed : int
        Weights and biases that left their format's range.
    """

    error: Loss
    delta: Loss
    updates: int
    rounded_away: int
    overflowed: int

    def plus(self, other: "Lost") -> "Lost":
        """Return the counts of both."""
        return Lost(
            Loss(*(a + b for a, b in zip(self.error, other.error, strict=True))),
            Loss(*(a + b for a, b in zip(self.delta, other.delta, strict=True))),
            self.updates + other.updates,
            self.rounded_away + other.rounded_away,
            self.overflowed + other.overflowed,
        )


class LayerStep(NamedTuple):
    """What one training step held in one layer.

    Members
    -------
    preactivation, output, error, delta : ndarray of int64, shape (outputs,)
        Codes.
    draws : ndarray of int64, shape (outputs,)
        16 drawn bits a row; zeros where nothing is drawn.
    lost : Lost
        What it lost.
    """

    preactivation: Codes
    output: Codes
    error: Codes
    delta: Codes
    draws: Codes
    lost: Lost


class Learner:
    """Weights that change, and what changes them.

    Parameters
    ----------
    design : Design
        Whose shape says how it learns.

    Raises
    ------
    BittrueError
        If the shape does not.
    """

    def __init__(self, design: Design) -> None:
        learning = design.shape.learning
        if learning is None:
            raise BittrueError(
                "a design that is trained must say how, got none: give quantize a learning rate"
            )
        self._shape, self._learning = design.shape, learning
        self._weights = [np.array(array) for array in design.weights.weights]
        self._biases = [
            None if array is None else np.array(array) for array in design.weights.biases
        ]
        self.state = design.weights.state or lfsr.SEED

    @property
    def design(self) -> Design:
        """The network as it is now."""
        return Design(self._shape, Weights(self._weights, self._biases, self.state))

    @property
    def weights(self) -> Sequence[Codes]:
        """Codes of each layer, shape (outputs, inputs)."""
        return self._weights

    def outputs(self, codes: Codes) -> Codes:
        """Return the output codes of one sample."""
        return self._forward(codes)[-1][1]

    def step(self, codes: npt.ArrayLike, targets: npt.ArrayLike) -> list[LayerStep]:
        """Learn from one sample.

        Parameters
        ----------
        codes : array_like of int, shape (inputs,)
            Input codes.
        targets : array_like of int, shape (outputs,)
            Codes of the output format.

        Raises
        ------
        BittrueError
            If they have other shapes, or are no codes; weights are untouched then.
        """
        shape = self._shape
        inputs = _vector("inputs", codes, shape.sizes[0], shape.input.format)
        wanted = _vector("targets", targets, shape.sizes[-1], shape.output.format)
        stages = self._forward(inputs)
        signals = [inputs, *(output for _, output in stages)]
        steps: list[LayerStep] = []
        exact, format = wanted - signals[-1], shape.output.format
        source = Format(True, format.width + 1, format.frac)
        for number in reversed(range(len(shape.layers))):
            layer, own = shape.layers[number], self._learning.layers[number]
            error, lost_error = _into(exact, source, own.error)
            delta, lost_delta = self._delta(layer, own, error, *stages[number])
            carried, carried_format = (
                (error, own.error.format)
                if self._learning.rule == "book"
                else (delta, own.delta.format)
            )
            if number:
                exact = carried @ self._weights[number]
                source = Format.dot(layer.weight.format, carried_format, layer.outputs)
            draws = self._draw(layer.outputs)
            counts = self._update(number, delta, signals[number], draws)
            lost = Lost(lost_error, lost_delta, *counts)
            steps.append(LayerStep(*stages[number], error, delta, draws, lost))
        return steps[::-1]

    def _forward(self, inputs: Codes) -> list[tuple[Codes, Codes]]:
        """Return pre-activation and output codes of each layer."""
        found: list[tuple[Codes, Codes]] = []
        for layer, weights, biases in zip(
            self._shape.layers, self._weights, self._biases, strict=True
        ):
            frac = layer.accumulator.frac
            total = weights @ inputs << frac - layer.weight.format.frac - layer.input.format.frac
            if biases is not None and layer.bias is not None:
                total = total + (biases << frac - layer.bias.format.frac)
            type = layer.preactivation
            z = requantize(total, layer.accumulator, type.format, type.rounding, type.overflow)
            inputs = layer.curve.evaluate(z)
            found.append((z, inputs))
        return found

    def _delta(
        self, layer: Layer, own: LayerLearning, error: Codes, z: Codes, y: Codes
    ) -> tuple[Codes, Loss]:
        format = derivative_format(layer.curve, own.derivative)
        if own.derivative is Derivative.OUTPUT:
            derivative = y * ((1 << layer.output.format.frac) - y)
        else:
            derivative = slopes_at(layer.curve, z)
        return _into(error * derivative, own.error.format * format, own.delta)

    def _draw(self, rows: int) -> Codes:
        """Return a draw for each row; nothing is drawn where nothing is left to chance."""
        if self._learning.rounding != STOCHASTIC:
            return np.zeros(rows, dtype=np.int64)
        draws, self.state = lfsr.drawn(self.state, rows)
        return draws

    def _update(
        self, number: int, delta: Codes, inputs: Codes, draws: Codes
    ) -> tuple[int, int, int]:
        """Change a layer's weights and biases; return what `Lost` counts of it."""
        layer, learning = self._shape.layers[number], self._learning
        own = learning.layers[number]
        frac = own.delta.format.frac + learning.rate_format.frac
        rated = learning.rate * delta
        products = rated[:, None] * inputs[None, :]
        drop = frac + layer.input.format.frac - layer.weight.format.frac
        changes = rounded(products, drop, learning, draws[:, None])
        counts = np.array(_counted(products, changes))
        changed, overflowed = _fitted(self._weights[number] + changes, layer.weight)
        self._weights[number] = changed
        biases = self._biases[number]
        if biases is not None and layer.bias is not None:
            changes = rounded(rated, frac - layer.bias.format.frac, learning, draws)
            counts += _counted(rated, changes)
            self._biases[number], more = _fitted(biases + changes, layer.bias)
            overflowed += more
        return int(counts[0]), int(counts[1]), overflowed


def rounded(products: Codes, drop: int, learning: Learning, draws: Codes) -> Codes:
    """Return updates in the LSB of what they change, exact products of ``drop`` bits more.

    Parameters
    ----------
    products : ndarray of int64
        Rate times delta times input.
    drop : int
        Bits below the new LSB; where it is negative, products are shifted up.
    learning : Learning
        Whose rounding is used.
    draws : ndarray of int64
        Drawn bits, of a shape that goes with the products'.
    """
    if drop <= 0:
        return products << -drop
    if learning.rounding == STOCHASTIC:
        bits = min(drop, DRAWN_BITS)
        return (products + ((draws & ((1 << bits) - 1)) << drop - bits)) >> drop
    source = Format(True, 63, drop)
    target = Format(True, 63, 0)
    rounding = learning.rounding
    if not isinstance(rounding, Rounding):
        raise BittrueError(f"updates must be rounded by a mode or {STOCHASTIC}, got {rounding!r}")
    return requantize(products, source, target, rounding, Overflow.SAT)


def slopes_at(curve: Curve, z: Codes) -> Codes:
    """Return the slope code of the segment that each pre-activation lies in.

    A mirrored curve has at -z the slope that it has at z.
    """
    argument = z if curve.mirror is None else np.abs(z)
    starts = [segment.start for segment in curve.segments]
    slopes = np.array([segment.slope for segment in curve.segments], dtype=np.int64)
    found: Codes = slopes[np.searchsorted(starts, argument, side="right") - 1]
    return found


def _vector(name: str, values: npt.ArrayLike, size: int, format: Format) -> Codes:
    array = as_codes(values, format)
    if array.shape != (size,):
        raise BittrueError(f"{name} must be {size} codes of {format}, got shape {array.shape}")
    return array


def _into(exact: Codes, source: Format, type: FixedType) -> tuple[Codes, Loss]:
    return requantize_counted(exact, source, type.format, type.rounding, type.overflow)


def _counted(products: Codes, changes: Codes) -> tuple[int, int]:
    """Return how many products are not 0, and how many of them changed nothing."""
    some = products != 0
    return int(np.count_nonzero(some)), int(np.count_nonzero(some & (changes == 0)))


def _fitted(sums: Codes, type: FixedType) -> tuple[Codes, int]:
    """Return changed codes in their format's range, and how many had left it."""
    source = Format(True, 63, type.format.frac)
    fitted, loss = requantize_counted(sums, source, type.format, type.rounding, type.overflow)
    return fitted, loss.overflowed
