"""What a verification looks like: tables for people, one JSON object for programs."""

import io
import math
from collections.abc import Iterable
from importlib.metadata import version
from platform import python_version
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bittrue.model.formats import Loss, Values
from bittrue.sim.testbench import Verification, oops

from .config import Settings
from .console import console

SCHEMA = "bittrue.verify/1"
SHOWN_QUERIES = 40
PACKAGES = ("bittrue", "amaranth", "numpy", "scipy")


def versions() -> dict[str, str]:
    """Return the versions that a result may depend on, by package."""
    return {"python": python_version(), **{name: version(name) for name in PACKAGES}}


def report(result: Verification, settings: Settings) -> str:
    """Return what `show` prints, as plain text."""
    page = io.StringIO()
    _print(console(page), result, settings)
    return page.getvalue()


def show(result: Verification, settings: Settings) -> None:
    """Print a verification on standard output, the verdict last."""
    _print(console(), result, settings)


def verdict(result: Verification) -> str:
    """Return how many words were compared, and how many differ, in one line."""
    line = f"{result.compared} words compared stage by stage, {result.differing} differ"
    if result.missing or result.extra:
        line += f" ({result.missing} missing, {result.extra} extra)"
    if result.comparison.stalled_at is not None:
        line += f", the hardware stood still from cycle {result.comparison.stalled_at}"
    return line if result.passed else f"FAIL: {line}"


def _print(page: Console, result: Verification, settings: Settings) -> None:
    _heading(page, result, settings)
    for table in (_queries(result), _errors(result), _losses(result), _coverage(result)):
        page.print(table)
        page.print()
    for divergence in result.comparison.divergences[:1]:
        page.print(str(divergence), markup=False, soft_wrap=True)
    for divergence in result.comparison.divergences[1:]:
        page.print(f"then {divergence.line}", markup=False, soft_wrap=True)
    visited, there = map(sum, zip(*result.coverage.values(), strict=True))
    interval = _interval(result)
    page.print(f"{result.cycles_per_query} cycles per query, initiation interval {interval} cycles")
    page.print(f"directed vectors visited {visited} of {there} targets", soft_wrap=True)
    style = "bold green" if result.passed else "bold red"
    page.print(verdict(result), style=style, soft_wrap=True)


def _interval(result: Verification) -> str:
    return f"{result.initiation_interval:g}"


def _heading(page: Console, result: Verification, settings: Settings) -> None:
    sizes = "-".join(map(str, result.design.shape.sizes))
    stack = ", ".join(f"{name} {number}" for name, number in versions().items())
    page.print(f"design {result.design.digest[:12]}, {sizes}, seed {result.seed}", soft_wrap=True)
    for number, (layer, folding) in enumerate(result.machine.parts):
        page.print(
            f"layer {number}: input {layer.input.format}, weight {layer.weight.format}, "
            f"accumulator {layer.accumulator}, pre-activation {layer.preactivation}, "
            f"output {layer.output}, curve {layer.curve.name} of {layer.curve.rows} segments, "
            f"PE {folding.pe}, SIMD {folding.simd}",
            soft_wrap=True,
        )
    page.print(f"stalls {settings.stalls:g}; {stack}\n", soft_wrap=True)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _queries(result: Verification) -> Table:
    table = _table("queries", "inputs", "golden", "fixed", "RTL")
    models = (result.golden, result.fixed, result.rtl)
    marks = [None if values is None else oops(values) for values in models]
    for row, inputs in enumerate(result.inputs[:SHOWN_QUERIES]):
        cells = [
            "–" if values is None or mark is None else _numbers(values[row], mark[row])
            for values, mark in zip(models, marks, strict=True)
        ]
        table.add_row(_numbers(inputs), *cells)
    if len(result.inputs) > SHOWN_QUERIES:
        table.add_row(f"… {len(result.inputs) - SHOWN_QUERIES} more")
    return table


def _numbers(values: Values, mark: bool | None = None) -> str:
    text = " ".join("–" if math.isnan(value) else f"{value:.4f}" for value in values.tolist())
    return text if mark is None else f"{text} {'Oops!' if mark else '     '}"


def _errors(result: Verification) -> Table:
    table = _table("fixed model against golden model", "", "value", "LSB")
    if result.errors is None:
        table.add_row("no golden model", "–", "–")
        return table
    errors = result.errors
    table.add_row("maximum absolute error", f"{errors.maximum:.3e}", f"{errors.maximum_lsb:.2f}")
    table.add_row("mean absolute error", f"{errors.mean:.3e}", f"{errors.mean_lsb:.2f}")
    table.add_row("SQNR", f"{errors.sqnr:.2f} dB", "")
    return table


def _losses(result: Verification) -> Table:
    table = _table(
        "losses, in words",
        "layer",
        "stage",
        "inexact",
        "overflowed",
        "directed: inexact",
        "overflowed",
    )
    for (layer, stage, loss), (_, _, directed) in zip(
        _by_stage(result.losses), _by_stage(result.directed_losses), strict=True
    ):
        table.add_row(str(layer), stage, *map(str, (*loss, *directed)))
    return table


def _by_stage(losses: Iterable[tuple[Loss, Loss]]) -> list[tuple[int, str, Loss]]:
    stages = ("pre-activation", "output")
    return [
        (layer, stage, loss)
        for layer, pair in enumerate(losses)
        for stage, loss in zip(stages, pair, strict=True)
    ]


def _coverage(result: Verification) -> Table:
    table = _table("what the directed vectors visit", "target", "visited", "of")
    for name, (visited, there) in result.coverage.items():
        table.add_row(name, str(visited), str(there))
    return table


def to_json(result: Verification, settings: Settings, saved: bool) -> dict[str, Any]:
    """Return a verification as one JSON object.

    Parameters
    ----------
    result : Verification
        What was found.
    settings : Settings
        What was asked for.
    saved : bool
        Whether the design came from a file: then its choices are not those of the settings.
    """
    first = result.first_divergence
    return {
        "schema": SCHEMA,
        "seed": result.seed,
        "compared": result.compared,
        "differing": result.differing,
        "missing": result.missing,
        "extra": result.extra,
        "stalled_at": result.comparison.stalled_at,
        "first_divergence": first.to_json() if first else None,
        "cycles_per_query": result.cycles_per_query,
        "initiation_interval": _finite(result.initiation_interval),
        "queries": _queries_json(result),
        "errors": _errors_json(result),
        "losses": _losses_json(result),
        "coverage": {
            name: {"visited": visited, "there": there}
            for name, (visited, there) in result.coverage.items()
        },
        "config": _config_json(settings, saved),
        "design": result.design.digest,
        "machine": {**result.machine.to_json(), "digest": result.machine.digest},
        "versions": versions(),
    }


def _queries_json(result: Verification) -> list[dict[str, Any]]:
    models = {"golden": result.golden, "fixed": result.fixed, "rtl": result.rtl}
    marks = {name: oops(values) for name, values in models.items() if values is not None}
    return [
        {
            "inputs": inputs.tolist(),
            **{
                name: None
                if values is None
                else {"outputs": _finite_list(values[row]), "oops": marks[name][row]}
                for name, values in models.items()
            },
        }
        for row, inputs in enumerate(result.inputs)
    ]


def _errors_json(result: Verification) -> dict[str, float | None] | None:
    if result.errors is None:
        return None
    return {name: _finite(value) for name, value in result.errors._asdict().items()}


def _losses_json(result: Verification) -> list[dict[str, Any]]:
    queries, directed = _by_stage(result.losses), _by_stage(result.directed_losses)
    return [
        {"layer": layer, "stage": stage, "queries": loss._asdict(), "directed": other._asdict()}
        for (layer, stage, loss), (_, _, other) in zip(queries, directed, strict=True)
    ]


def _config_json(settings: Settings, saved: bool) -> dict[str, Any]:
    choices = {} if saved else settings.config.to_json()
    run = settings.model_dump(include={"seed", "queries", "pe", "simd", "stalls"})
    return {**choices, **run}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _finite_list(values: np.ndarray[Any, np.dtype[np.float64]]) -> list[float | None]:
    return [_finite(value) for value in values.tolist()]
