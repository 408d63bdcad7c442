"""Certificates: what is proven of a fixed model beside its golden model, not measured.

Three claims, each sound for the golden model on real numbers and in float64: no accumulator
overflows; no output is further from the golden one than a bound, for all inputs and sample by
sample; and a sample's answer, the greatest output, is that of the golden model.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .affine import Enclosure, enclose
from .design import Design
from .exceptions import BittrueError
from .fixed import FixedNetwork
from .formats import Codes, Flags, Values, decode, encode
from .golden import GoldenNetwork
from .intervals import UNIT
from .reach import encoding_errors
from .worst_case import LayerBound, worst_case


@dataclass(frozen=True)
class Samples:
    """What is proven sample by sample, for inputs within boxes around them.

    Members
    -------
    bounds : ndarray of float64, shape (samples,)
        What no output is further from the golden model's.
    certified : ndarray of bool, shape (samples,)
        Whether the golden model's answer is proven to be the fixed model's.
    """

    bounds: Values
    certified: Flags

    @property
    def share(self) -> float:
        """Share of samples whose answer is certified."""
        return float(np.mean(self.certified))

    @property
    def bound(self) -> float:
        """What no output of any sample is further from the golden model's."""
        return float(self.bounds.max())


@dataclass(frozen=True)
class Certificate:
    """What is proven of a design.

    Members
    -------
    layers : tuple of LayerBound
        For all inputs within the input format's range: such as do not overflow.
    given : Samples
        For each sample's own input.
    alike : Samples
        For each sample's input, and any other that is encoded to the same codes and does not
        overflow.
    refuted : ndarray of bool, shape (samples,)
        Samples for which such another input is known that the golden model answers differently:
        nothing could certify those.
    inside : ndarray of bool, shape (samples,)
        Samples whose inputs are within the format's range.
    errors : ndarray of float64, shape (samples,)
        Largest error of each sample's outputs, as measured.
    agrees : ndarray of bool, shape (samples,)
        Whether both models answer a sample alike, as measured.
    """

    layers: tuple[LayerBound, ...]
    given: Samples
    alike: Samples
    refuted: Flags = field(repr=False)
    inside: Flags = field(repr=False)
    errors: Values = field(repr=False)
    agrees: Flags = field(repr=False)

    @property
    def bound(self) -> float:
        """What no output is further from the golden model's, for all inputs."""
        return self.layers[-1].bound

    @property
    def no_overflow(self) -> bool:
        """Whether no accumulator can overflow."""
        return all(layer.accumulator.fits for layer in self.layers)

    @property
    def contradicted(self) -> int:
        """Samples of which something proven is measured to be otherwise; any is a fault here."""
        wrong = np.zeros(len(self.agrees), np.bool_)
        for samples in (self.given, self.alike):
            wrong |= samples.certified & ~self.agrees
            wrong |= self.errors > samples.bounds
        wrong |= self.inside & (self.errors > self.bound)
        return int(np.count_nonzero(wrong))


def certify(golden: GoldenNetwork, design: Design, inputs: npt.ArrayLike) -> Certificate:
    """Prove what can be proven of a design.

    Parameters
    ----------
    golden : GoldenNetwork
        Of `bittrue.model.activations.ACTIVATIONS`.
    design : Design
        Made of it.
    inputs : array_like of float, shape (samples, inputs)
        At least one sample.

    Raises
    ------
    BittrueError
        If an activation is not known, sizes differ, or there is no sample.
    """
    values = np.asarray(inputs, np.float64)
    layers = worst_case(golden, design)
    if values.ndim != 2 or values.shape[1] != golden.sizes[0] or not len(values):
        raise BittrueError(
            f"inputs must have shape (samples, {golden.sizes[0]}) and at least one sample, got "
            f"{values.shape}"
        )
    type = design.shape.input
    codes = encode(values, type.format, type.rounding, type.overflow)
    network = FixedNetwork(design)
    fixed = decode(network.predict(codes), design.shape.output.format)
    answers = fixed.argmax(axis=1)
    stored = decode(codes, type.format)
    low, high = encoding_errors(type.rounding, type.format)
    box = np.minimum(values, stored + low), np.maximum(values, stored + high)
    around = enclose(golden, *box, answers)
    alike = _samples(around, fixed)
    given = _samples(enclose(golden, values, values, answers), fixed)
    expected = golden.predict(values)
    return Certificate(
        layers,
        # what holds for all inputs of a box holds for the one that was given
        Samples(np.minimum(given.bounds, alike.bounds), given.certified | alike.certified),
        alike,
        _refuted(golden, design, codes, around, answers),
        np.all((values - stored >= low) & (values - stored <= high), axis=1),
        np.abs(fixed - expected).max(axis=1),
        expected.argmax(axis=1) == answers,
    )


def _samples(found: Enclosure, fixed: Values) -> Samples:
    """Hold fixed outputs against what the golden ones do not leave."""
    off = np.maximum(np.abs(found.low - fixed), np.abs(found.high - fixed))
    magnitude = np.maximum(np.abs(found.low), np.abs(found.high)) + np.abs(fixed)
    return Samples((off + 8 * UNIT * magnitude).max(axis=1), np.all(found.lead > 0, axis=1))


def _refuted(
    golden: GoldenNetwork,
    design: Design,
    codes: Codes,
    found: Enclosure,
    answers: npt.NDArray[np.intp],
) -> Flags:
    """Tell of which samples a corner, or what is next to it, has the same codes and another answer.

    The corners themselves may be ties, which are encoded otherwise.
    """
    type = design.shape.input
    stored = decode(codes, type.format)
    near = stored + (found.corner - stored) * (1 - 2.0**-20)
    same = encode(near, type.format, type.rounding, type.overflow) == codes
    other = golden.predict(near).argmax(axis=1) != answers
    return np.asarray(same.all(axis=1) & other)
