"""The claims that can be made about a machine, by group."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
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
from .handshake import Step, stream_steps
from .prove import curve_trial, network_trial, neuron_trial, requantize_trial
from .training import training_trial
from .trial import Proof, Trial, prove

GROUPS: Mapping[str, str] = {
    "modes": "the requantizer in all 28 pairs of rounding and overflow modes",
    "units": "requantizer, curve and neuron of each layer, and what holds for the curves",
    "network": "the whole network, reset from any state, for all inputs and all weights",
    "training": "steps of learning, for all inputs, targets and weights",
    "streams": "under any stalls nothing is lost, doubled or put in another order",
}
"""What can be claimed."""

MOST_PRODUCTS = 10_000
"""Products of a sample up to which a network, or a layer, is held against its specification."""

MOST_TAUGHT = 500
"""The same of a network that learns; each weight is read back."""

MOST_BEATS = 16
"""Beats of a sample up to which a buffer is followed through all states."""

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
    steps: list[Callable[[Path | None], list[Proof]]]


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
        If a group is unknown, or the machine too large for it.
    """
    claims = Claims([], [])
    for group in dict.fromkeys(groups):
        if group not in GROUPS:
            raise BittrueError(f"a claim must be one of {', '.join(GROUPS)}, got {group!r}")
        for name, step in _STEPS[group](machine, weights):
            claims.names.append(name)
            claims.steps.append(step)
    return claims


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
    products = sum(layer.inputs * layer.outputs for layer in machine.shape.layers)
    _refuse_products("a network", products)
    yield _one("network", partial(network_trial, machine, weights))


def _training(machine: Machine, weights: Weights | None) -> Iterator[Step]:
    products = sum(layer.inputs * layer.outputs for layer in machine.shape.layers)
    if products > MOST_TAUGHT:
        raise BittrueError(
            f"a network that learns must have at most {MOST_TAUGHT} products to be proven, got "
            f"{products}"
        )
    yield _one("training", partial(training_trial, replace(machine, trainer=True), weights))


def _streams(machine: Machine, weights: Weights | None) -> Iterator[Step]:
    for number, (layer, folding) in enumerate(machine.parts):
        _refuse_products("a layer", layer.inputs * layer.outputs)
        if folding.input_folds > MOST_BEATS:
            raise BittrueError(
                f"streams must have at most {MOST_BEATS} beats a sample to be followed through "
                f"all states, got {folding.input_folds} before layer {number}: raise simd, or "
                f"claim units and network alone"
            )
        yield from stream_steps(machine, number)


def _refuse_products(what: str, products: int) -> None:
    if products > MOST_PRODUCTS:
        raise BittrueError(
            f"{what} must have at most {MOST_PRODUCTS} products to be proven as a whole, "
            f"got {products}: claim units alone"
        )


_STEPS = {
    "modes": _modes,
    "units": _units,
    "network": _network,
    "training": _training,
    "streams": _streams,
}


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
