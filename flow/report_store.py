"""A store of sweeps as results of sweeps, one for each network and data set in it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bittrue.model.exceptions import BittrueError
from bittrue.model.files import digest_of

from .pareto import front
from .space import AXES, DEFAULT_OBJECTIVES, FIGURES
from .store import Row, Store
from .sweep_designs import kept_designs, parted
from .sweep_report import SCHEMA, cloud, row_json

IN_HARDWARE = ("accuracy", "lut", "latency")
"""Objectives where rows say what is taken on a device."""


def store_result(path: Path, objectives: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Return what a store holds, as ``bittrue sweep --json`` writes it.

    Parameters
    ----------
    path : Path
        The store; it is only read.
    objectives : sequence of str, optional
        What its front is of: by default accuracy, latency, and LUT or else bits of weights.

    Raises
    ------
    BittrueError
        If it cannot be read, has no rows, or an objective is unknown or was not measured.
    """
    with Store(path, writable=False) as store:
        rows = list(store.rows().values())
        if not rows:
            raise BittrueError(f"{path} must be a store with rows, got an empty one")
        groups: dict[tuple[str, str, str], list[Row]] = {}
        for row in rows:
            groups.setdefault((row.weights, row.data, row.version), []).append(row)
        return [_result(store, groups[at], objectives) for at in sorted(groups)]


def _result(store: Store, rows: list[Row], objectives: Sequence[str] | None) -> dict[str, Any]:
    good = [row for row in rows if row.reason is None]
    common = [name for name in FIGURES if all(name in row.figures for row in good)]
    in_hardware = "lut" in common
    chosen = list(objectives or (IN_HARDWARE if in_hardware else DEFAULT_OBJECTIVES))
    for name in chosen:
        if name not in common:
            raise BittrueError(
                f"an objective must be one of {', '.join(common)}, as all rows of {store.path} "
                f"have, got {name!r}"
            )
    best = front(rows, chosen)
    there = {row.design for row in best if row.design is not None} & store.designs().keys()
    first = rows[0]
    return {
        "schema": SCHEMA,
        "network": {"weights": first.weights, "held_out_data": first.data},
        "axes": _axes(rows),
        "search": {"rows": digest_of([row_json(row) for row in rows])},
        "objectives": chosen,
        "constraints": [],
        "choose": chosen[0],
        "hardware": {},
        "points": len(rows),
        "failed": len(rows) - len(good),
        "designs": len({row.design for row in good}),
        "front": [row_json(row) for row in best],
        "chosen": None,
        "cloud": cloud(chosen, good),
        "versions": {"bittrue": first.version},
        **parted(kept_designs(store, there)),
    }


def _axes(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """Return what was varied, with each value once, in the order of rows."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        for name, value in row.config.items():
            found.setdefault(name, {})[json.dumps(value)] = value
    return {name: [found[name][at] for at in sorted(found[name])] for name in AXES if name in found}
