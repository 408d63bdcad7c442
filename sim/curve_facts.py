"""What holds for every code of a curve in gates, by trying all of them."""

import time

import numpy as np
from scipy.special import expit

from bittrue.hdl import timing
from bittrue.hdl.curve import Curve as CurveComponent
from bittrue.model.curves import Curve
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import Codes

from .equal import Status
from .symbolic import SymbolicNetlist, netlist_of
from .term_values import values_of
from .terms import Terms
from .trial import Proof

WIDEST = 20
"""Bits of a pre-activation up to which all codes are tried."""


def outputs_in_gates(curve: Curve) -> tuple[Codes, Codes]:
    """Return all codes of a curve's input in order, and what the hardware makes of each.

    Raises
    ------
    BittrueError
        If there are too many.
    """
    width = curve.input.width
    if width > WIDEST:
        raise BittrueError(f"a curve must read at most {WIDEST} bits to be tried, got {width}")
    terms = Terms()
    netlist = SymbolicNetlist(netlist_of(CurveComponent(curve)), terms)
    z, on = terms.var("z", width), terms.const(1, 1)
    for _ in range(timing.curve(curve)):
        netlist.step({"en": on, "i": z})
    output = netlist.step({"en": on, "i": z})["o"]
    codes = np.arange(curve.input.min_code, curve.input.max_code + 1)
    words = (codes & ((1 << width) - 1)).astype(np.uint64)
    found = values_of([output], {z: words})[output].astype(np.int64)
    format = curve.output.format
    if format.signed:
        found = np.where(found > format.max_code, found - (1 << format.width), found)
    return codes, found


def curve_facts(curve: Curve) -> list[Proof]:
    """Return what was found: bounds, mirror, and whether it ever steps back."""
    start = time.perf_counter()
    codes, outputs = outputs_in_gates(curve)
    seconds = time.perf_counter() - start
    facts = [(f"bounded: {outputs.min()} to {outputs.max()}", True), _mirrored(curve, outputs)]
    steps = np.flatnonzero(np.diff(outputs) < 0)
    if len(steps) == 0:
        facts.append(("monotone", True))
    else:
        largest = int(-np.diff(outputs)[steps].min())
        at = int(codes[steps[0] + 1])
        facts.append(
            (f"steps back {len(steps)} times, by at most {largest} LSB, first at {at}", True)
        )
    largest_error = _largest_error(curve, codes, outputs)
    if largest_error:
        facts.append((largest_error, True))
    return [
        Proof(
            f"curve {curve.name} over all {len(codes)} codes: {fact}",
            Status.PROVEN if holds else Status.REFUTED,
            seconds / len(facts),
            words=len(codes),
            different=None if holds else "see the claim",
        )
        for fact, holds in facts
    ]


def _largest_error(curve: Curve, codes: Codes, outputs: Codes) -> str | None:
    """Return how far the outputs are from the function that the mirror tells, if it does."""
    format = curve.output.format
    if curve.mirror is None or curve.mirror not in (0, 1 << max(format.frac, 0)):
        return None
    name, function = ("tanh", np.tanh) if curve.mirror == 0 else ("sigmoid", expit)
    errors = np.abs(outputs * 2.0**-format.frac - function(codes * 2.0**-curve.input.frac))
    worst = int(np.argmax(errors))
    return f"at most {errors[worst]:.3e} from the {name}, at code {codes[worst]}"


def _mirrored(curve: Curve, outputs: Codes) -> tuple[str, bool]:
    """Return whether y(-z) = c - y(z) for all codes but 0 and the smallest, as is promised."""
    if curve.mirror is None:
        return "not mirrored", True
    positive, negative = outputs[len(outputs) // 2 + 1 :], outputs[1 : len(outputs) // 2][::-1]
    holds = bool(np.all(negative == curve.mirror - positive))
    return f"mirrored: y(-z) = {curve.mirror} - y(z)", holds
