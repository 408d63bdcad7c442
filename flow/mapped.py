"""What tools report of a netlist, in the design's own words: resources, Fmax, critical path."""

import re
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import groupby
from typing import Any

from bittrue.model.exceptions import BittrueError

from .families import Target

CELL_SUFFIX = re.compile(r"_(TRELLIS_|MULT18|LUT4|CCU2C|PFUMX|L6MUX|SB_|DP16KD|PDPW16KD).*")
"""What synthesis adds to the name of the signal that a cell drives."""


@dataclass(frozen=True)
class Resources:
    """What a netlist takes, in the family's own cells.

    Parameters
    ----------
    lut : int
        Look-up tables that compute, of four inputs (ECP5, iCE40) or up to six (Xilinx).
    ff : int
        Flip-flops.
    dsp : int
        Hard multipliers.
    bram : float
        Block memories; half of one on Xilinx is 18 kbit.
    carry : int
        Carry cells: CCU2C, of two bits and two LUTs; SB_CARRY, of one; CARRY4, of four.
    lutram : int
        Look-up tables that store: memories and shift registers.
    cells : dict
        All cells by name.
    """

    lut: int
    ff: int
    dsp: int
    bram: float
    carry: int
    lutram: int
    cells: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One part of a critical path.

    Parameters
    ----------
    component : str
        In the design's words, such as ``layer 0, neuron 2, mac``.
    delay : float
        Nanoseconds in it, wires away from it included.
    """

    component: str
    delay: float


@dataclass(frozen=True)
class Timing:
    """How fast a netlist is after place and route, from register to register.

    Parameters
    ----------
    fmax : float
        Median over the seeds, in MHz.
    seeds : dict
        Fmax by seed, in MHz.
    start, end : str
        Registers between which the critical path of the median seed lies.
    path : tuple of Step
        Components on it, in order.
    """

    fmax: float
    seeds: Mapping[int, float]
    start: str
    end: str
    path: tuple[Step, ...]


def resources_of(stat: Mapping[str, Any], family: Target) -> Resources:
    """Return the resources in what Yosys' ``stat -json`` wrote."""
    cells = {
        name: count
        for name, count in stat["design"]["num_cells_by_type"].items()
        if not name.startswith("$")
    }
    counts = {
        kind: sum(_weight(name, weights) * count for name, count in cells.items())
        for kind, weights in family.resources.items()
    }
    whole = {kind: int(count) for kind, count in counts.items() if kind != "bram"}
    return Resources(**whole, bram=counts["bram"], cells=cells)


def _weight(cell: str, weights: Mapping[str, float]) -> float:
    return next((weight for name, weight in weights.items() if fnmatchcase(cell, name)), 0)


def timing_of(reports: Mapping[int, Mapping[str, Any]], scopes: Iterable[str], top: str) -> Timing:
    """Return Fmax and critical path from nextpnr's reports.

    Parameters
    ----------
    reports : mapping from int to dict
        By seed.
    scopes : iterable of str
        Instances in the design, ``top/layer_0.neuron_0``.
    top : str
        What is outside of them all.

    Raises
    ------
    BittrueError
        If a report names no clock: nothing lies between registers.
    """
    seeds = {seed: _fmax(report) for seed, report in reports.items()}
    ordered = sorted(seeds, key=lambda seed: (seeds[seed], seed))
    steps = _critical(reports[ordered[(len(ordered) - 1) // 2]])
    return Timing(
        fmax=round(statistics.median(seeds.values()), 2),
        seeds={seed: round(fmax, 2) for seed, fmax in seeds.items()},
        start=_signal(steps[0]["from"]["cell"]),
        end=_signal(steps[-1]["to"]["cell"]),
        path=_path(steps, {scope.split("/", 1)[-1] for scope in scopes}, top),
    )


def _path(steps: list[dict[str, Any]], scopes: set[str], top: str) -> tuple[Step, ...]:
    """Return a path with what lies in one component as one step."""
    placed: list[tuple[str, float]] = []
    for step in steps:
        cell = step["from"]["cell"]
        unnamed = placed and cell.startswith("$")
        component = placed[-1][0] if unnamed else component_of(cell, scopes, top)
        placed.append((component, step["delay"]))
    return tuple(
        Step(component, round(sum(delay for _, delay in group), 3))
        for component, group in groupby(placed, key=lambda pair: pair[0])
    )


def _fmax(report: Mapping[str, Any]) -> float:
    achieved = [float(clock["achieved"]) for clock in report["fmax"].values()]
    if not achieved:
        raise BittrueError("a design to be timed must have a path between registers, got none")
    return min(achieved)


def _critical(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the steps of the slowest path from register to register."""
    inside = [
        path["path"]
        for path in report["critical_paths"]
        if "<async>" not in (path["from"], path["to"])
    ]
    return max(inside, key=lambda steps: sum(step["delay"] for step in steps))


def component_of(cell: str, scopes: Iterable[str], top: str) -> str:
    """Return in the design's words where a cell of a flat netlist stands.

    Parameters
    ----------
    cell : str
        Its name, ``layer_0.neuron_2.mac.product_LUT4_Z``.
    scopes : iterable of str
        Instances, ``layer_0.neuron_2.mac``.
    top : str
        What is outside of them all.

    Returns
    -------
    str
        The innermost instance, as ``layer 0, neuron 2, mac``. Logic that two components have in
        common is named after one of them, as synthesis merges it.
    """
    around = [scope for scope in scopes if cell.startswith(f"{scope}.")]
    return max(around, key=len, default=top).replace(".", ", ").replace("_", " ")


def _signal(cell: str) -> str:
    return CELL_SUFFIX.sub("", cell)
