"""What a sweep looks like: a table of its front for people, JSON and CSV for programs."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from math import isfinite
from typing import Any, NamedTuple

from .console import console
from .points import Task
from .search import planned
from .space import AXES, FIGURES, Space
from .store import Row
from .tables import bare_table, versions

SCHEMA = "bittrue.sweep/1"
SHOWN_FRONT = 40
SHOWN_REASONS = 3
UNITS = {"sqnr": "dB", "latency": "cycles", "interval": "cycles", "fmax": "MHz"}


class Result(NamedTuple):
    """What a sweep came to.

    Members
    -------
    rows : list of Row
        Of the space's points that have one.
    computed : int
        How many of them were measured now.
    seconds : float
        That it took, training apart.
    accuracy : float
        Of the golden network on the held-out samples.
    samples : int
        How many those are.
    task : Task
        What the points share.
    """

    rows: list[Row]
    computed: int
    seconds: float
    accuracy: float
    samples: int
    task: Task


def as_csv(rows: Sequence[Row]) -> str:
    """Return rows as CSV: a column for each axis and figure; a list of one a layer as 8/6."""
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(["key", *AXES, *(f"measured_{name}" for name in FIGURES), "design", "reason"])
    for row in rows:
        axes = [_cell(row.config.get(name)) for name in AXES]
        figures = [_cell(row.figures.get(name)) for name in FIGURES]
        writer.writerow([row.key, *axes, *figures, row.design or "", row.reason or ""])
    return page.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return "/".join(map(str, value))
    return "" if value is None else f"{value:.12g}" if isinstance(value, float) else str(value)


def row_json(row: Row) -> dict[str, Any]:
    """Return a row as JSON, null for infinite figures."""
    figures = {name: x if isfinite(x) else None for name, x in row.figures.items()}
    return {**row._asdict(), "figures": figures}


def to_json(space: Space, result: Result, best: list[Row], chosen: Row | None) -> dict[str, Any]:
    """Return a sweep as JSON: the front and the chosen row whole, of the others how many."""
    return {
        "schema": SCHEMA,
        "network": {**space.network, "accuracy": result.accuracy, "samples": result.samples},
        "axes": space.axes,
        "search": {"method": space.method, "points": planned(space), "seed": space.seed},
        "objectives": list(space.objectives),
        "constraints": [str(bound) for bound in space.constraints],
        "choose": space.choose,
        "hardware": asdict(space.hardware),
        "points": len(result.rows),
        "computed": result.computed,
        "failed": sum(row.reason is not None for row in result.rows),
        "designs": _designs(result.rows),
        "seconds": result.seconds,
        "front": [row_json(row) for row in best],
        "chosen": None if chosen is None else row_json(chosen),
        "cloud": cloud(space.objectives, result.rows),
        "versions": versions(),
    }


def cloud(objectives: Sequence[str], rows: Sequence[Row]) -> list[list[float | None]]:
    """Return the objectives' figures of all rows that have some, each once, in order."""
    found = {tuple(row.figures[name] for name in objectives) for row in rows if row.figures}
    return [[x if isfinite(x) else None for x in figures] for figures in sorted(found)]


def _designs(rows: Sequence[Row]) -> int:
    return len({row.design for row in rows if row.design})


def show(space: Space, result: Result, best: list[Row], chosen: Row | None) -> None:
    """Print the front, the chosen row in it, and what the sweep took."""
    page = console()
    names = [name for name in AXES if len(space.axes.get(name, ())) > 1]
    figures = dict.fromkeys((*space.objectives, "width", *(c.figure for c in space.constraints)))
    table = bare_table(
        f"Pareto front of {', '.join(space.objectives)}", *_headings(names), *map(_heading, figures)
    )
    for row in best[:SHOWN_FRONT]:
        cells = [_cell(row.config.get(name)) or "–" for name in names]
        style = "bold green" if chosen is not None and row.key == chosen.key else None
        table.add_row(*cells, *(_figure(name, row) for name in figures), style=style)
    page.print(table)
    if len(best) > SHOWN_FRONT:
        page.print(f"… and {len(best) - SHOWN_FRONT} more")
    for line in _summary(space, result):
        page.print(line, soft_wrap=True, markup=False)
    if chosen is not None:
        wanted = ", ".join(map(str, space.constraints)) or "no constraint"
        choices = ", ".join(f"{name} {_cell(value)}" for name, value in _ordered(chosen))
        known = [name for name in FIGURES if name in chosen.figures]
        found = ", ".join(f"{name} {_figure(name, chosen)}" for name in known)
        better = "largest" if FIGURES[space.choose] else "smallest"
        text = f"{wanted}, {better} {space.choose}: {choices}: {found}; design "
        page.print(f"{text}{(chosen.design or '')[:12]}", style="bold", soft_wrap=True)


def _headings(names: Sequence[str]) -> list[str]:
    return [name.replace("_", "\n") for name in names]


def _ordered(row: Row) -> list[tuple[str, Any]]:
    return [(name, row.config[name]) for name in AXES if name in row.config]


def _heading(figure: str) -> str:
    return "widest\nword" if figure == "width" else f"{figure}\n{UNITS.get(figure, '')}".rstrip()


def _figure(name: str, row: Row) -> str:
    value = row.figures[name]
    return f"{value:.4f}" if name in ("accuracy", "agreement") else f"{value:.6g}"


def _summary(space: Space, result: Result) -> Iterator[str]:
    failed = [row for row in result.rows if row.reason is not None]
    rate = f", {result.computed / result.seconds:.0f} a second" if result.computed else ""
    yield (
        f"{len(result.rows)} points of {planned(space)}, {_designs(result.rows)} designs, "
        f"{len(failed)} failed; {result.computed} measured now in {result.seconds:.1f} s{rate}"
    )
    reasons: dict[str, int] = {}
    for row in failed:
        reasons[row.reason or ""] = reasons.get(row.reason or "", 0) + 1
    for reason, count in sorted(reasons.items(), key=lambda item: -item[1])[:SHOWN_REASONS]:
        yield f"failed {count} times: {reason}"
    yield (
        f"float accuracy {result.accuracy:.4f}, all accuracies on {result.samples} held-out samples"
    )
