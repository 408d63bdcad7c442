"""What a verification looks like: tables for people, one JSON object for programs."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bittrue.model.design import Design
from bittrue.model.errors import Errors
from bittrue.model.formats import Loss, Values
from bittrue.sim.ledger import Entry
from bittrue.sim.testbench import Verification, oops
from bittrue.sim.whole import WholeSet

from .config import Settings
from .tables import bare_table, finite, versions

SCHEMA = "bittrue.verify/1"
SHOWN_QUERIES = 40
STAGE_NAMES = {"preactivation": "pre-activation", "output": "output"}
"""Stages that lose something, as they are shown."""


def verdict(result: Verification | WholeSet) -> str:
    """Return how many words were compared, and how many differ, in one line."""
    compared = result.comparison
    line = words_line(
        result.compared,
        result.differing,
        missing=compared.missing,
        extra=compared.extra,
        stalled_at=compared.stalled_at,
    )
    return line if result.passed else f"FAIL: {line}"


def words_line(
    compared: int, differing: int, *, missing: int, extra: int, stalled_at: int | None
) -> str:
    """Return counts of words in one line."""
    line = f"{compared} words compared stage by stage, {differing} differ"
    if missing or extra:
        line += f" ({missing} missing, {extra} extra)"
    if stalled_at is not None:
        line += f", the hardware stood still from cycle {stalled_at}"
    return line


def print_on(page: Console, result: Verification, settings: Settings) -> None:
    """Print a verification, the verdict last."""
    print_heading(page, result, settings)
    ledger = ledger_tables(result.ledger, result.directed_ledger)
    tables = (_queries(result), errors_table(result.errors), *ledger, _coverage(result))
    for table in tables:
        page.print(table)
        page.print()
    print_divergences(page, result)
    visited, there = map(sum, zip(*result.coverage.values(), strict=True))
    interval = f"{result.initiation_interval:g}"
    page.print(f"{result.cycles_per_query} cycles per query, initiation interval {interval} cycles")
    page.print(f"directed vectors visited {visited} of {there} targets", soft_wrap=True)
    print_verdict(page, result)


def print_divergences(page: Console, result: Verification | WholeSet) -> None:
    """Print the first divergence whole, and those after it in a line each."""
    for divergence in result.comparison.divergences[:1]:
        page.print(str(divergence), markup=False, soft_wrap=True)
    for divergence in result.comparison.divergences[1:]:
        page.print(f"then {divergence.line}", markup=False, soft_wrap=True)


def print_verdict(page: Console, result: Verification | WholeSet) -> None:
    """Print the verdict, green or red."""
    style = "bold green" if result.passed else "bold red"
    page.print(verdict(result), style=style, soft_wrap=True)


def print_heading(page: Console, result: Verification | WholeSet, settings: Settings) -> None:
    """Print what was built from what, by which versions."""
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


def _queries(result: Verification) -> Table:
    models = {"golden": result.golden, "fixed": result.fixed, "RTL": result.rtl}
    return queries_table(result.inputs, models)


def queries_table(inputs: Values, models: Mapping[str, Values | None]) -> Table:
    """Return the answers of models side by side, with the book's marks.

    Parameters
    ----------
    inputs : ndarray of float64, shape (queries, inputs)
        Queries.
    models : mapping of str to ndarray of float64, shape (queries, outputs), or None
        Answers by name of the model.
    """
    table = bare_table("queries", "inputs", *models)
    marks = [None if values is None else oops(values) for values in models.values()]
    for row, query in enumerate(inputs[:SHOWN_QUERIES]):
        cells = [
            "–" if values is None or mark is None else _numbers(values[row], mark[row])
            for values, mark in zip(models.values(), marks, strict=True)
        ]
        table.add_row(_numbers(query), *cells)
    if len(inputs) > SHOWN_QUERIES:
        table.add_row(f"… {len(inputs) - SHOWN_QUERIES} more")
    return table


def _numbers(values: Values, mark: bool | None = None) -> str:
    text = " ".join("–" if math.isnan(value) else f"{value:.4f}" for value in values.tolist())
    return text if mark is None else f"{text} {'Oops!' if mark else '     '}"


def errors_table(errors: Errors | None) -> Table:
    """Return the errors of fixed against golden model as a table."""
    table = bare_table("fixed model against golden model", "", "value", "LSB")
    if errors is None:
        table.add_row("no golden model", "–", "–")
        return table
    table.add_row("maximum absolute error", f"{errors.maximum:.3e}", f"{errors.maximum_lsb:.2f}")
    table.add_row("mean absolute error", f"{errors.mean:.3e}", f"{errors.mean_lsb:.2f}")
    table.add_row("SQNR", f"{errors.sqnr:.2f} dB", "")
    return table


def ledger_tables(ledger: Sequence[Entry], directed: Sequence[Entry] = ()) -> list[Table]:
    """Return what model and hardware counted, and which samples and neurons lost most."""
    columns = ["layer", "stage", "loss", "of", "model", "RTL"]
    if directed:
        columns += ["directed: of", "model", "RTL"]
    counts = bare_table("ledger: words lost", *columns)
    most = bare_table(
        "samples and neurons that lost most, with their words",
        *("layer", "stage", "loss", "samples", "neurons"),
    )
    for number, entry in enumerate(ledger):
        place = str(entry.layer), STAGE_NAMES[entry.stage], entry.kind
        beside = [entry, *directed[number : number + 1]]
        counts.add_row(*place, *(text for one in beside for text in _counted(one)))
        if entry.expected:
            worst = (
                ", ".join(f"{lost.number} ({lost.words})" for lost in of)
                for of in (entry.samples, entry.neurons)
            )
            most.add_row(*place, *worst)
    return [counts, most] if most.rows else [counts]


def _counted(entry: Entry) -> tuple[str, str, str]:
    actual = "–" if entry.actual is None else str(entry.actual)
    return str(entry.words), str(entry.expected), actual if entry.equal else f"{actual} !"


def ledger_json(ledger: Iterable[Entry]) -> list[dict[str, Any]]:
    """Return a ledger as JSON."""
    return [
        {
            **entry._asdict(),
            "stage": STAGE_NAMES[entry.stage],
            "samples": [lost._asdict() for lost in entry.samples],
            "neurons": [lost._asdict() for lost in entry.neurons],
            "equal": entry.equal,
        }
        for entry in ledger
    ]


def by_stage(losses: Iterable[tuple[Loss, Loss]]) -> list[tuple[int, str, Loss]]:
    """Return layer, stage and loss of each pair, in order."""
    stages = tuple(STAGE_NAMES.values())
    return [
        (layer, stage, loss)
        for layer, pair in enumerate(losses)
        for stage, loss in zip(stages, pair, strict=True)
    ]


def _coverage(result: Verification) -> Table:
    table = bare_table("what the directed vectors visit", "target", "visited", "of")
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
        "initiation_interval": finite(result.initiation_interval),
        "queries": _queries_json(result),
        "errors": errors_json(result.errors),
        "losses": _losses_json(result),
        "ledger": {
            "queries": ledger_json(result.ledger),
            "directed": ledger_json(result.directed_ledger),
        },
        "coverage": {
            name: {"visited": visited, "there": there}
            for name, (visited, there) in result.coverage.items()
        },
        "config": config_json(result.design, settings, saved),
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


def errors_json(errors: Errors | None) -> dict[str, float | None] | None:
    """Return errors as JSON, null for what is infinite."""
    if errors is None:
        return None
    return {name: finite(value) for name, value in errors._asdict().items()}


def _losses_json(result: Verification) -> list[dict[str, Any]]:
    queries, directed = by_stage(result.losses), by_stage(result.directed_losses)
    return [
        {"layer": layer, "stage": stage, "queries": loss._asdict(), "directed": other._asdict()}
        for (layer, stage, loss), (_, _, other) in zip(queries, directed, strict=True)
    ]


def config_json(design: Design, settings: Settings, saved: bool) -> dict[str, Any]:
    """Return the choices that made a design, and those of the run."""
    layers = design.shape.layers
    chosen = {
        "input_type": str(layers[0].input),
        "weight_type": _once([str(layer.weight) for layer in layers]),
        "bias_type": _once([None if layer.bias is None else str(layer.bias) for layer in layers]),
        "preactivation_type": _once([str(layer.preactivation) for layer in layers]),
        "output_type": _once([str(layer.output) for layer in layers]),
        "curve": _once([layer.curve.name for layer in layers]),
    }
    options = {"segments": settings.segments, "tolerance": settings.tolerance}
    names = {"seed", "queries", "pe", "simd", "stalls", "engine", "width", "method", "margin"}
    run = settings.model_dump(include=names)
    return {**chosen, **({} if saved else options), **run}


def _once(values: list[Any]) -> Any:
    """Return the one value that all layers share, or the list of them."""
    return values[0] if all(value == values[0] for value in values) else values


def _finite_list(values: np.ndarray[Any, np.dtype[np.float64]]) -> list[float | None]:
    return [finite(value) for value in values.tolist()]
