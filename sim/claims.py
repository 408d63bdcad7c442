"""The claims that can be made about a machine, by group."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bittrue.hdl.machine import Machine
from bittrue.model.curves import Curve
from bittrue.model.exceptions import BittrueError
from bittrue.model.modes import Overflow, Rounding
from bittrue.model.shape import Weights
from bittrue.model.types import FixedType

from .curve_facts import WIDEST, curve_facts
from .handshake import prove_streams
from .prove import curve_trial, network_trial, neuron_trial, requantize_trial
from .trial import Proof, Trial, prove

GROUPS: Mapping[str, str] = {
    "modes": "the requantizer in all 28 pairs of rounding and overflow modes",
    "units": "requantizer, curve and neuron of each layer, and what holds for the curves",
    "network": "the whole network, reset from any state, for all inputs and all weights",
    "streams": "under any stalls nothing is lost, doubled or put in another order",
}
"""What can be claimed."""

DEFAULT = ("units", "network", "streams")


class Claims(NamedTuple):
    """Proofs to be made.

    Members
    -------
    names : list of str
        What each step proves, in short.
    steps : list of callables
        Each is given a folder for waveforms of replays, or None, and returns proofs.
    """

    names: list[str]
    steps: list[Callable[[Path | None], Iterable[Proof]]]


def claims_of(
    machine: Machine, groups: Iterable[str] = DEFAULT, weights: Weights | None = None
) -> Claims:
    """Return what is claimed of a machine.

    Parameters
    ----------
    machine : Machine
        What is built.
    groups : iterable of str
        Of `GROUPS`.
    weights : Weights, optional
        What its memories hold; where not given, claims are for all weights.

    Raises
    ------
    BittrueError
        If a group is unknown.
    """
    claims = Claims([], [])
    for group in dict.fromkeys(groups):
        if group not in GROUPS:
            raise BittrueError(f"a claim must be one of {', '.join(GROUPS)}, got {group!r}")
        for name, step in _STEPS[group](machine, weights):
            claims.names.append(name)
            claims.steps.append(step)
    return claims


Step = tuple[str, Callable[[Path | None], Iterable[Proof]]]


def _modes(machine: Machine, weights: Weights | None) -> Iterator[Step]:
    layer = machine.shape.layers[0]
    format = layer.preactivation.format
    for rounding in Rounding:
        for overflow in Overflow:
            target = FixedType(format, rounding, overflow)
            name = f"{rounding.name}, {overflow.name}"
            yield _one(name, partial(requantize_trial, layer.accumulator, target))


def _units(machine: Machine, weights: Weights | None) -> Iterator[Step]:
    for number, (layer, folding) in enumerate(machine.parts):
        requantizer = partial(requantize_trial, layer.accumulator, layer.preactivation)
        yield _one(f"requantizer {number}", requantizer)
        yield _one(f"curve {number}", partial(curve_trial, layer.curve))
        if layer.curve.input.width <= WIDEST:
            yield f"facts of curve {number}", partial(_facts, layer.curve)
        yield _one(f"neuron {number}", partial(neuron_trial, layer, folding.simd))


def _network(machine: Machine, weights: Weights | None) -> Iterator[Step]:
    yield _one("network", partial(network_trial, machine, weights))


def _streams(machine: Machine, weights: Weights | None) -> Iterator[Step]:
    yield "streams", lambda folder: prove_streams(machine, folder=folder)


_STEPS = {"modes": _modes, "units": _units, "network": _network, "streams": _streams}


def _one(name: str, trial: Callable[[], Trial]) -> Step:
    """Return the step of one trial."""

    def step(folder: Path | None) -> list[Proof]:
        waves = (
            None if folder is None else folder / f"{name.replace(', ', '-').replace(' ', '-')}.vcd"
        )
        return [prove(trial(), waves=waves)]

    return name, step


def _facts(curve: Curve, folder: Path | None) -> list[Proof]:
    return curve_facts(curve)
