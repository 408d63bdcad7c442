"""Certificates in a study: what is proven of a design, beside what is measured."""

from typing import Any, NamedTuple

import numpy as np

from bittrue.model.certify import Certificate, certify
from bittrue.model.design import Design
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import Values
from bittrue.model.golden import GoldenNetwork

from .tables import finite


class Stage(NamedTuple):
    """One layer for all inputs: its accumulator, and what its outputs may be off.

    Members
    -------
    bits_given, bits_needed : int
        Of the accumulator's format, and for the weights as they are.
    fits : bool
        Whether no sum can overflow.
    wraps : int
        Neurons whose pre-activation can wrap around, or be set to zero.
    bound : float
        What no output is further from the golden model's.
    """

    bits_given: int
    bits_needed: int
    fits: bool
    wraps: int
    bound: float


class Certified(NamedTuple):
    """What is proven of one design.

    Members
    -------
    given, alike : float
        Shares of samples whose answer is certified: for the sample's own input, and for all that
        is encoded to the same codes.
    refuted : float
        Share of samples for which one of those is known to be answered differently.
    bound, bound_alike : float
        What no output is further from the golden model's: for all inputs, and for all that is
        encoded as one of the samples.
    measured, agreement : float
        Largest error, and share of answers alike, as measured.
    contradicted : int
        Samples of which something proven is measured to be otherwise.
    layers : tuple of Stage
        For all inputs.
    reason : str
        Why nothing is proven; empty where something is.
    """

    given: float = float("nan")
    alike: float = float("nan")
    refuted: float = float("nan")
    bound: float = float("nan")
    bound_alike: float = float("nan")
    measured: float = float("nan")
    agreement: float = float("nan")
    contradicted: int = 0
    layers: tuple[Stage, ...] = ()
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON; null for what is not proven."""
        numbers = {name: finite(getattr(self, name)) for name in (*SHARES, *WORST)}
        layers = [stage._asdict() for stage in self.layers]
        rest = {"contradicted": self.contradicted, "layers": layers, "reason": self.reason or None}
        return {**numbers, **rest}


SHARES = ("given", "alike", "refuted", "agreement")
WORST = ("bound", "bound_alike", "measured")
"""What is shown over seeds: means of shares, and the worst of the others."""


def certified(golden: GoldenNetwork, design: Design, inputs: Values) -> Certified:
    """Prove what can be proven of a design, or say why nothing can."""
    try:
        found = certify(golden, design, inputs)
    except BittrueError as error:
        return Certified(reason=str(error))
    return Certified(
        found.given.share,
        found.alike.share,
        float(np.mean(found.refuted)),
        found.bound,
        found.alike.bound,
        float(found.errors.max()),
        float(np.mean(found.agrees)),
        found.contradicted,
        _stages(found),
    )


def _stages(found: Certificate) -> tuple[Stage, ...]:
    return tuple(
        Stage(
            layer.accumulator.format.width,
            layer.accumulator.bits_needed,
            layer.accumulator.fits,
            layer.wraps,
            layer.bound,
        )
        for layer in found.layers
    )
