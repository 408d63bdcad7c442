"""What a golden network can answer to inputs that are known up to a box: affine analysis.

Each value is a centre and a sum of *generators*, each times its own number from -1 to 1. What two
values owe to the same input they share, so that a difference of two is bounded far closer than
each of them. An activation is replaced by a line through its value at the centre, with the mean of
its least and greatest slope, and a generator for what it may be off that line; or by its image,
where that is narrower.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .activations import Activation
from .exceptions import BittrueError
from .formats import Values
from .golden import GoldenNetwork
from .intervals import TINY, UNIT, check_known, gamma, image, slopes, value_error

BLOCK_NUMBERS = 2**22
"""Numbers of a layer's generators that are held at once."""


class Enclosure(NamedTuple):
    """Bounds of a golden network's last layer.

    Members
    -------
    low, high : ndarray of float64, shape (samples, outputs)
        What no output leaves.
    lead : ndarray of float64, shape (samples, outputs)
        What the output of the answer that was asked for is at least above each other one; infinite
        for itself.
    corner : ndarray of float64, shape (samples, inputs)
        The corner of each box towards which the least of these leads falls.
    """

    low: Values
    high: Values
    lead: Values
    corner: Values


class _Sums(NamedTuple):
    """Pre-activations: centres, generators and, neuron by neuron, what else they may be off."""

    center: Values
    generators: Values
    rest: Values

    def radius(self) -> Values:
        """Return what no sum is further from its centre."""
        shared = np.abs(self.generators).sum(axis=2)
        return _up(shared + self.rest, self.generators.shape[2] + 2)

    def lead(self, answers: npt.NDArray[np.intp]) -> Values:
        """Return what the sum of each sample's answer is at least above each other one."""
        rows = np.arange(len(answers))
        apart = self.center[rows, answers][:, None] - self.center
        generators = self.generators[rows, answers][:, None] - self.generators
        off = np.abs(generators).sum(axis=2) + self.rest + self.rest[rows, answers][:, None]
        lost = 4 * UNIT * (np.abs(self.center) + np.abs(self.center[rows, answers])[:, None])
        return np.asarray(apart - _up(off, self.generators.shape[2] + 4) - lost - TINY)

    def falling(self, answers: npt.NDArray[np.intp], others: npt.NDArray[np.intp]) -> Values:
        """Return the sign of each generator that brings an answer's sum down to another's."""
        rows = np.arange(len(answers))
        return np.sign(self.generators[rows, others] - self.generators[rows, answers])


def enclose(
    golden: GoldenNetwork, low: Values, high: Values, answers: npt.NDArray[np.intp]
) -> Enclosure:
    """Return what a golden network's outputs cannot leave, for boxes of inputs.

    Holds for the function on real numbers and for its evaluation in float64, summed in any order.

    Parameters
    ----------
    golden : GoldenNetwork
        Whose activations `check_known` takes.
    low, high : ndarray of float64, shape (samples, inputs)
        Ends of each input.
    answers : ndarray of int, shape (samples,)
        The output whose lead over the others is asked for.

    Raises
    ------
    BittrueError
        If something is unknown of an activation, or bounds leave float64.
    """
    for activation in golden.activations:
        check_known(activation)
    with np.errstate(over="ignore", invalid="ignore"):
        parts = [
            _enclosed(golden, low[part], high[part], answers[part])
            for part in _blocks(len(low), golden)
        ]
    found = Enclosure(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
    if not (np.isfinite(found.low).all() and np.isfinite(found.high).all()):
        raise BittrueError("bounds must be finite, got some that leave float64")
    return found


def _blocks(samples: int, golden: GoldenNetwork) -> Iterator[slice]:
    size = max(1, BLOCK_NUMBERS // (max(golden.sizes[1:]) * sum(golden.sizes[:-1])))
    for start in range(0, samples, size):
        yield slice(start, start + size)


def _enclosed(
    golden: GoldenNetwork, low: Values, high: Values, answers: npt.NDArray[np.intp]
) -> Enclosure:
    center = middle = (low + high) / 2
    radius = _up(np.maximum(high - center, center - low), 2)
    generators = None
    last = len(golden.weights) - 1
    for number, (weights, activation) in enumerate(
        zip(golden.weights, golden.activations, strict=True)
    ):
        biases = None if golden.biases is None else golden.biases[number]
        sums = _sums(weights, biases, center, generators, radius)
        if number < last:
            center, generators, radius = _activated(activation, sums)
    least, most, lead = _answered(activation, sums, answers)
    lead[np.arange(len(answers)), answers] = np.inf
    towards = sums.falling(answers, lead.argmin(axis=1))[:, : golden.sizes[0]]
    corner = np.clip(middle + towards * ((high - low) / 2), low, high)
    return Enclosure(least, most, lead, corner)


def _sums(
    weights: Values,
    biases: Values | None,
    center: Values,
    generators: Values | None,
    radius: Values,
) -> _Sums:
    """Take values with shared generators, if any, and one of its own each, through a layer."""
    own = weights * radius[:, None, :]
    offset = np.zeros(len(weights)) if biases is None else biases
    reach = np.abs(center) + radius
    spread = own
    if generators is not None:
        reach += np.abs(generators).sum(axis=2)
        spread = np.concatenate([weights @ generators, own], axis=2)
    # lost by the golden model, by its centre here, and by the generators here
    terms = weights.shape[1] + 4
    magnitude = reach @ np.abs(weights).T + np.abs(offset)
    return _Sums(
        center @ weights.T + offset,
        spread,
        _up(magnitude, spread.shape[2] + terms) * (4 * gamma(terms)) + TINY,
    )


def _activated(activation: Activation, sums: _Sums) -> tuple[Values, Values, Values]:
    """Return centres, shared generators and own generators of a layer's outputs."""
    radius = sums.radius()
    low, high = _ends(sums.center, radius)
    least, most = image(activation, low, high)
    center = (least + most) / 2
    own = _up(np.maximum(most - center, center - least), 2)
    steepness = slopes(activation, low, high)
    if steepness is None:
        return center, np.zeros_like(sums.generators), own
    slope = (steepness[0] + steepness[1]) / 2
    bend = _up(np.maximum(steepness[1] - slope, slope - steepness[0]), 2)
    through = activation.value(sums.center)
    line = _up(bend * radius + np.abs(slope) * (sums.rest + 4 * UNIT * radius), 6)
    line += 2 * value_error(activation, low, high)
    shared = np.abs(slope) * radius
    narrower = line + shared < own
    # a line that is as wide as the image still shares most of its width
    taken = narrower | (line < own / 2)
    return (
        np.where(taken, through, center),
        np.where(taken, slope, 0.0)[:, :, None] * sums.generators,
        np.where(taken, line, own),
    )


def _answered(
    activation: Activation, sums: _Sums, answers: npt.NDArray[np.intp]
) -> tuple[Values, Values, Values]:
    """Return the outputs' ends, and each answer's lead."""
    low, high = _ends(sums.center, sums.radius())
    least, most = image(activation, low, high)
    rows = np.arange(len(answers))
    apart = least[rows, answers][:, None] - most
    if slopes(activation, low, high) is None:
        return least, most, apart
    # where an activation rises, outputs are apart by the sums' lead times the least slope between
    lead = sums.lead(answers)
    start = np.minimum(low, low[rows, answers][:, None])
    end = np.maximum(high, high[rows, answers][:, None])
    between = slopes(activation, start, end)
    steps = np.zeros_like(lead) if between is None else between[0]
    error = value_error(activation, start, end)
    risen = lead * steps * (1 - 4 * UNIT) - 2 * error
    rises = (lead > 0) & (steps > 0)
    return least, most, np.where(rises, np.maximum(apart, risen), apart)


def _ends(center: Values, radius: Values) -> tuple[Values, Values]:
    spare = 4 * UNIT * (np.abs(center) + radius) + TINY
    return center - radius - spare, center + radius + spare


def _up(values: Values, terms: int) -> Values:
    """Return sums of non-negative terms, widened by what floats lost in them."""
    return np.asarray(values * (1 + 4 * gamma(terms)) + TINY)
