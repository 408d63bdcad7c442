"""What a machine takes on a device, and how fast it is there, estimated without tools.

A machine is counted part by part, see `bittrue.flow.estimate_layer`; what one of a part costs, and
what the clock's period depends on, is fitted on stored synthesis runs and kept in
``estimator.json``, by ``benchmarks/estimator.py``. Multipliers and memories are not fitted: they
follow the rules by which Yosys maps them. Cycles are exact: they are those of
`bittrue.hdl.timing`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.resources import files
from math import log2
from typing import Any

from bittrue.hdl import timing
from bittrue.hdl.machine import Machine
from bittrue.model.exceptions import BittrueError

from .estimate_layer import parts_of
from .estimate_parts import LONGEST, Parts
from .families import target_of

FITTED = ("lut", "ff", "carry")
COUNTED = ("dsp", "bram", "lutram")


@dataclass(frozen=True)
class Estimate:
    """What is estimated of a machine.

    Parameters
    ----------
    target : str
        Of `bittrue.flow.families.TARGETS`.
    lut, ff, dsp, bram, carry, lutram : int
        As in `bittrue.flow.mapped.Resources`.
    fmax : float
        In MHz.
    latency, interval : int
        Cycles from a lone sample's first beat in to its last beat out, and from sample to sample,
        source and sink unstalled. Exact.
    """

    target: str
    lut: int
    ff: int
    dsp: int
    bram: int
    carry: int
    lutram: int
    fmax: float
    latency: int
    interval: int

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


def estimate(machine: Machine, target: str = "ecp5") -> Estimate:
    """Estimate resources and Fmax of a machine.

    Parameters
    ----------
    machine : Machine
        Without a trainer. Its weights are writable; hard multipliers are used.
    target : str
        One of those in `estimated_targets`.

    Raises
    ------
    BittrueError
        If the target is unknown, or the estimator was not fitted for it or for the machine.
    """
    if machine.trainer:
        raise BittrueError("an estimate must be of a machine without a trainer, got one with it")
    figures = of_parts(parts_of(machine), costs_of(target))
    return Estimate(
        target,
        **{kind: round(figures[kind]) for kind in (*FITTED, *COUNTED)},
        fmax=round(figures["fmax"], 1),
        latency=timing.network(machine),
        interval=machine.initiation_interval,
    )


def of_parts(parts: Parts, costs: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return what parts come to: `FITTED`, `COUNTED` and ``fmax``."""
    figures = {kind: weighted(logic_of(parts, kind), costs[kind]) for kind in FITTED}
    period = weighted(period_parts(parts, figures["ff"]), costs["period"])
    return {**figures, **{kind: parts[kind] for kind in COUNTED}, "fmax": 1000 / period}


def estimated_targets() -> tuple[str, ...]:
    """Return the families that the estimator was fitted for."""
    return tuple(_fit()["targets"])


def costs_of(target: str) -> Mapping[str, Mapping[str, float]]:
    """Return what each part costs on a family, by what is estimated.

    Raises
    ------
    BittrueError
        If the target is unknown, or the estimator was not fitted for it.
    """
    target_of(target)
    if target not in estimated_targets():
        raise BittrueError(
            f"the target of an estimate must be one of {', '.join(estimated_targets())}, got "
            f"{target!r}, which must be synthesised"
        )
    costs: Mapping[str, Mapping[str, float]] = _fit()["targets"][target]["costs"]
    return costs


@lru_cache(maxsize=1)
def _fit() -> dict[str, Any]:
    text = files(__package__).joinpath("estimator.json").read_text(encoding="utf-8")
    tree: dict[str, Any] = json.loads(text)
    return tree


def forget() -> None:
    """Read what was fitted anew, the next time it is asked for."""
    _fit.cache_clear()


def weighted(parts: Mapping[str, float], costs: Mapping[str, float]) -> float:
    """Return what parts cost together; a part that was never fitted costs 1."""
    return sum(amount * costs.get(name, 1.0) for name, amount in parts.items())


def logic_of(parts: Parts, kind: str) -> dict[str, float]:
    """Return the parts that one of `FITTED` consists of."""
    suffixes = {"ff": " ff", "carry": " carry"}
    if kind in suffixes:
        return {name: n for name, n in parts.items() if name.endswith(suffixes[kind])}
    others = (*COUNTED, LONGEST)
    return {
        name: n
        for name, n in parts.items()
        if name not in others and not name.endswith(tuple(suffixes.values()))
    }


def period_parts(parts: Parts, ff: float) -> dict[str, float]:
    """Return what the clock's period depends on: long adders, wide products, how large it all is.

    A product of words that are too wide for one hard multiplier is joined in the same cycle.
    """
    joined = any(amount for name, amount in parts.items() if "product joined" in name)
    return {
        "register to register": 1.0,
        "longest adder": parts[LONGEST],
        "joined products": float(joined),
        "registers, as a power of two": log2(max(ff, 1)),
    }
