"""What the verification of a whole data set looks like."""

from typing import Any

from rich.console import Console
from rich.table import Table

from bittrue.sim.whole import WholeSet

from .config import Settings
from .tables import bare_table, finite, versions
from .verify_report import (
    by_stage,
    config_json,
    errors_json,
    errors_table,
    ledger_json,
    ledger_tables,
    print_divergences,
    print_heading,
    print_verdict,
)

SCHEMA = "bittrue.verify-data/1"
SHOWN_SAMPLES = 20
SHOWN_CLASSES = 16
"""Classes up to which a confusion matrix is printed."""


def print_on(page: Console, result: WholeSet, settings: Settings) -> None:
    """Print a verification of a whole data set, the verdict last."""
    print_heading(page, result, settings)
    tables = [_models(result)]
    if result.fixed.shape[1] <= SHOWN_CLASSES:
        tables += [_confusion(result, model) for model in ("golden", "rtl") if _has(result, model)]
    tables += [errors_table(result.errors), *ledger_tables(result.ledger)]
    for table in tables:
        page.print(table)
        page.print()
    if result.golden is not None:
        _print_agreement(page, result)
    print_divergences(page, result)
    page.print(
        f"{result.timing.latency} cycles per query, initiation interval "
        f"{result.timing.initiation_interval:g} cycles; engine {result.engine}: "
        f"{result.inferences_per_second:,.0f} inferences a second, build included",
        soft_wrap=True,
    )
    print_verdict(page, result)


def _has(result: WholeSet, model: str) -> bool:
    return model in result.models


def _models(result: WholeSet) -> Table:
    table = bare_table("models", "model", "right", "of", "accuracy", "seconds")
    for model in result.models:
        right = round(result.accuracy(model) * len(result.labels))
        table.add_row(
            "RTL" if model == "rtl" else model,
            str(right),
            str(len(result.labels)),
            f"{result.accuracy(model):.4f}",
            f"{result.seconds[model]:.3f}",
        )
    return table


def _confusion(result: WholeSet, model: str) -> Table:
    counts = result.confusion(model)
    name = "RTL" if model == "rtl" else model
    answers = [str(n) for n in range(len(counts))]
    table = bare_table(f"confusion, {name}", "label / answer", *answers)
    for label, row in enumerate(counts.tolist()):
        table.add_row(str(label), *(str(count) if count else "·" for count in row))
    return table


def _print_agreement(page: Console, result: WholeSet) -> None:
    unlike = result.disagreements
    line = f"golden and fixed answer alike on {result.agreement:.2%} of the samples"
    if unlike:
        named = ", ".join(map(str, unlike[:SHOWN_SAMPLES]))
        more = f" and {len(unlike) - SHOWN_SAMPLES} more" if len(unlike) > SHOWN_SAMPLES else ""
        line += f", but not on {named}{more}"
    page.print(line, soft_wrap=True)


def to_json(result: WholeSet, settings: Settings, saved: bool) -> dict[str, Any]:
    """Return a verification of a whole data set as one JSON object."""
    first = result.first_divergence
    return {
        "schema": SCHEMA,
        "seed": result.seed,
        "samples": len(result.labels),
        "compared": result.compared,
        "differing": result.differing,
        "missing": result.comparison.missing,
        "extra": result.comparison.extra,
        "stalled_at": result.comparison.stalled_at,
        "first_divergence": first.to_json() if first else None,
        "accuracy": {model: result.accuracy(model) for model in result.models},
        "confusion": {model: result.confusion(model).tolist() for model in result.models},
        "agreement": None if result.golden is None else result.agreement,
        "disagreements": _disagreements(result),
        "errors": errors_json(result.errors),
        "losses": [
            {"layer": layer, "stage": stage, **loss._asdict()}
            for layer, stage, loss in by_stage(result.losses)
        ],
        "ledger": ledger_json(result.ledger),
        "cycles_per_query": result.timing.latency,
        "initiation_interval": finite(result.timing.initiation_interval),
        "engine": result.engine,
        "seconds": dict(result.seconds),
        "inferences_per_second": result.inferences_per_second,
        "config": config_json(result.design, settings, saved),
        "design": result.design.digest,
        "machine": {**result.machine.to_json(), "digest": result.machine.digest},
        "versions": versions(),
    }


def _disagreements(result: WholeSet) -> list[dict[str, int]]:
    if result.golden is None:
        return []
    return [
        {
            "sample": sample,
            "label": int(result.labels[sample]),
            "golden": int(result.golden[sample].argmax()),
            "fixed": int(result.fixed[sample].argmax()),
        }
        for sample in result.disagreements
    ]
