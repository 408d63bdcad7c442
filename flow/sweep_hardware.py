"""What a sweep's designs take on a device: estimated, or found by synthesis."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from bittrue.hdl import timing
from bittrue.hdl.machine import COUNTERS, Machine
from bittrue.model.exceptions import BittrueError
from bittrue.model.files import digest_of
from bittrue.model.shape import Shape

from .estimate import costs_of, estimate, estimated_targets
from .families import TARGETS
from .options import one_a_layer
from .space_keys import nearest, typed
from .synthesis import network_source, synthesize
from .wasm import tool_version

RESOURCES = ("lut", "ff", "dsp", "bram")
METHODS = ("estimate", "synthesis")
KEYS = {"resources": str, "timeout": float, "counters": str}
TARGET = "ecp5"
"""Where a space names no target."""

SEED = 1
"""Of the placement that Fmax is taken from."""


@dataclass(frozen=True)
class Hardware:
    """How resources and Fmax of a sweep's points come to be.

    Members
    -------
    resources : {"estimate", "synthesis"}
        By the estimator, or by the tools.
    timeout : float or None
        Seconds for each run of a tool.
    counters : str
        Losses that the machines count.
    place : bool
        Whether synthesis goes on to placing and routing, for Fmax.
    """

    resources: str = METHODS[0]
    timeout: float | None = None
    counters: str = COUNTERS[0]
    place: bool = False

    def identity(self, target: str) -> str:
        """Return the digest of all that figures depend on beside the machine.

        Raises
        ------
        ToolMissing
            If a tool is needed that is not installed.
        """
        if self.resources == METHODS[0]:
            return digest_of([self.resources, self.counters, costs_of(target)])
        placer = TARGETS[target].place if self.place else None
        tools = [tool_version(tool) for tool in ("yosys", *([placer] if placer else []))]
        return digest_of([self.resources, self.counters, self.timeout, tools])

    def figures(self, shape: Shape, point: Mapping[str, Any]) -> dict[str, float]:
        """Return cycles, resources and, where it is known, Fmax of a point.

        Raises
        ------
        ToolMissing
            If a tool is not installed.
        BittrueError
            If the lanes do not go with the shape, or a tool fails or runs out of time.
        """
        pe, simd = (one_a_layer(point.get(name, 1)) for name in ("pe", "simd"))
        machine = Machine(shape, pe=pe, simd=simd, counters=self.counters)
        target = point.get("target", TARGET)
        cycles = {"latency": timing.network(machine), "interval": machine.initiation_interval}
        if self.resources == METHODS[0]:
            found = estimate(machine, target)
            taken = {name: getattr(found, name) for name in RESOURCES}
            return {**cycles, **taken, "fmax": found.fmax}
        seeds = (SEED,) if self.place else ()
        made = synthesize(network_source(machine), target, seeds=seeds, timeout=self.timeout)
        taken = {name: getattr(made.resources, name) for name in RESOURCES}
        placed = {} if made.timing is None else {"fmax": made.timing.fmax}
        return {**cycles, **taken, **placed}


def hardware_of(tree: Mapping[str, Any], targets: Iterable[str], asked: Iterable[str]) -> Hardware:
    """Read how resources come to be.

    Parameters
    ----------
    tree : mapping
        The table ``hardware`` of a space.
    targets : iterable of str
        Families that the space names.
    asked : iterable of str
        Figures that count.

    Raises
    ------
    BittrueError
        If a key or value is unknown, or the figures cannot be had for a target.
    """
    found = typed("hardware", tree, KEYS)
    resources = found.get("resources", METHODS[0])
    counters = found.get("counters", COUNTERS[0])
    timeout = found.get("timeout")
    nearest("hardware.resources", resources, METHODS)
    nearest("hardware.counters", counters, COUNTERS)
    if timeout is not None and not (isfinite(timeout) and timeout > 0):
        raise BittrueError(f"hardware.timeout must be a number above 0, got {timeout}")
    if timeout is not None and resources == METHODS[0]:
        raise BittrueError(f"hardware.timeout must come with synthesis, got {resources}")
    place = resources == METHODS[1] and "fmax" in asked
    for target in targets:
        if resources == METHODS[0] and target not in estimated_targets():
            raise BittrueError(
                f"hardware.resources must be synthesis for the target {target}, got {resources}"
            )
        if place and TARGETS[target].place is None:
            raise BittrueError(f"fmax must be of a target that can be placed, got {target}")
    return Hardware(resources, timeout, counters, place)
