"""What a study looks like: tables for people, one JSON object and CSV for programs."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from bittrue.model.budget import SOURCES, Budget, Figures, Theory

from .study_certify_report import print_certificates
from .study_plots import budget_title, mode_points
from .study_points import Measured, Point
from .study_summary import DB_PER_BIT, Mean, Row, line_of, lines, per_bit, summary
from .tables import bare_table, finite

COLUMNS = ("accuracy", "agreement", "sqnr", "maximum", "mean", "rms", "bias")


def print_study(page: Console, points: Sequence[Point], width: int) -> None:
    """Print the tables of a study; layers and modes at one width."""
    found = lines(summary(points))
    shown = next(p for p in points if p.measured and p.choice.width == width)
    tables = _summaries(found)
    tables += [_layers(shown), _modes(mode_points(points, width), width), _budgets(points)]
    for table in tables:
        page.print(table)
        page.print()
    print_certificates(page, points)
    for name, line in found.items():
        slope = per_bit(line)
        if slope is not None:
            page.print(f"{name}: {slope:.2f} dB a bit, {DB_PER_BIT:.2f} in theory", soft_wrap=True)
    for text, count in _reasons(points).items():
        page.print(f"not measured, {count}: {text}", markup=False, soft_wrap=True)


def _reasons(points: Sequence[Point]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for point in points:
        if point.reason:
            text = f"{point.choice.width} bits, {point.choice.curve}: {point.reason}"
            counts[text] = counts.get(text, 0) + 1
    return counts


def _summaries(found: Mapping[str, Sequence[Row]]) -> list[Table]:
    """Return one table for all lines; where there are standard errors, one a line."""
    if any(row.seeds > 1 for line in found.values() for row in line):
        title = "{}: fixed against golden model, means ± standard errors"
        return [_summary(title.format(name), {"": line}) for name, line in found.items()]
    return [_summary("fixed against golden model", found)]


def _summary(title: str, found: Mapping[str, Sequence[Row]]) -> Table:
    columns = ["width", "accuracy", "agreement", "SQNR, dB", "maximum error", "mean absolute"]
    named = ["curve, modes"] if any(found) else []
    table = bare_table(title, *named, *columns, "RMS", "bias")
    table.columns[0].no_wrap = True
    for name, line in found.items():
        for row in line:
            table.add_row(
                *([name] if named else []),
                str(row.choice.width),
                _mean(row.accuracy, ".4f"),
                _mean(row.agreement, ".4f"),
                _mean(row.sqnr, ".2f"),
                *(f"{mean.mean:.2e}" for mean in (row.maximum, row.mean, row.rms, row.bias)),
                end_section=row is line[-1],
            )
    return table


def _mean(mean: Mean, form: str) -> str:
    text = f"{mean.mean:{form}}"
    return text if math.isnan(mean.error) else f"{text} ± {mean.error:{form}}"


def _layers(point: Point) -> Table:
    table = bare_table(
        f"{line_of(point.choice)}: layer by layer at {point.choice.width} bits, in LSB",
        *("layer", "stage", "format", "maximum error", "mean absolute", "RMS", "bias"),
        *("SQNR, dB", "overflowed"),
    )
    for stage in point.measured.stages if point.measured else ():
        figures = (getattr(stage.figures, name) for name in ("maximum", "mean", "rms", "bias"))
        table.add_row(
            str(stage.layer),
            stage.stage,
            str(stage.format),
            *(f"{value / stage.format.lsb:.3f}" for value in figures),
            f"{stage.figures.sqnr:.2f}",
            str(stage.overflowed),
        )
    return table


def _modes(points: Sequence[Point], width: int) -> Table:
    table = bare_table(
        f"rounding of pre-activations at {width} bits, in LSB",
        *("mode", "layer", "bits dropped", "bias", "theory", "variance", "theory"),
    )
    for point in points:
        for mode in point.measured.modes if point.measured else ():
            table.add_row(
                point.choice.rounding.value,
                str(mode.layer),
                str(mode.dropped),
                f"{mode.measured.bias:.4f}",
                f"{mode.theory.bias:.4f}",
                f"{mode.measured.variance:.4f}",
                f"{mode.theory.variance:.4f}",
            )
    return table


def _budgets(points: Sequence[Point]) -> Table:
    table = bare_table(
        f"{budget_title(points)}: mean square error of each source alone, share of all",
        "width",
        *SOURCES,
        "remainder",
        "all",
        "SQNR, dB",
    )
    for point in points:
        if point.measured is None or point.measured.budget is None:
            continue
        found = point.measured.budget
        total = found.total.power
        parts = [*(found.alone[source].power for source in SOURCES), found.remainder]
        table.add_row(
            str(point.choice.width),
            *(f"{part / total:.1%}" if total else "–" for part in parts),
            f"{total:.3e}",
            f"{found.total.sqnr:.2f}",
        )
    return table


def points_json(points: Sequence[Point]) -> list[dict[str, Any]]:
    """Return each point as JSON: what was chosen, and what was found or why not."""
    return [
        {
            "seed": point.seed,
            **_choice_json(point),
            "reason": point.reason or None,
            "found": None if point.measured is None else _measured_json(point.measured),
        }
        for point in points
    ]


def summary_json(points: Sequence[Point]) -> list[dict[str, Any]]:
    """Return means and standard errors over seeds, and dB a bit, line by line."""
    return [
        {
            "line": name,
            "db_per_bit": per_bit(line),
            "widths": [
                {
                    "width": row.choice.width,
                    "seeds": row.seeds,
                    **{column: getattr(row, column).to_json() for column in COLUMNS},
                    "theory_sqnr": finite(row.theory),
                }
                for row in line
            ],
        }
        for name, line in lines(summary(points)).items()
    ]


def points_csv(points: Sequence[Point]) -> str:
    """Return one line a point as CSV."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    choice = ("seed", "width", "rounding", "overflow", "curve")
    table.writerow([*choice, *COLUMNS, "design", "reason"])
    for point in points:
        found: list[Any] = [""] * (len(COLUMNS) + 1)
        if point.measured is not None:
            figures = (getattr(point.measured.figures, name) for name in COLUMNS[2:])
            measured = point.measured
            found = [measured.accuracy, measured.agreement, *figures, measured.design]
        seed = "" if point.seed is None else point.seed
        table.writerow([seed, *_choice_json(point).values(), *found, point.reason])
    return text.getvalue()


def _choice_json(point: Point) -> dict[str, Any]:
    choice = point.choice
    return {
        "width": choice.width,
        "rounding": choice.rounding.value,
        "overflow": choice.overflow.value,
        "curve": choice.curve,
    }


def _measured_json(measured: Measured) -> dict[str, Any]:
    return {
        "design": measured.design,
        "accuracy": measured.accuracy,
        "agreement": measured.agreement,
        "errors": _figures_json(measured.figures),
        "layers": [
            {
                "layer": stage.layer,
                "stage": stage.stage,
                "format": str(stage.format),
                "errors": _figures_json(stage.figures),
                "overflowed": stage.overflowed,
            }
            for stage in measured.stages
        ],
        "modes": [
            {
                "layer": mode.layer,
                "dropped": mode.dropped,
                "measured": _theory_json(mode.measured),
                "theory": _theory_json(mode.theory),
            }
            for mode in measured.modes
        ],
        "budget": None if measured.budget is None else _budget_json(measured.budget),
        "certificate": None if measured.certificate is None else measured.certificate.to_json(),
    }


def _budget_json(found: Budget) -> dict[str, Any]:
    return {
        "alone": {source: _figures_json(part) for source, part in found.alone.items()},
        "total": _figures_json(found.total),
        "remainder": found.remainder,
    }


def _figures_json(figures: Figures) -> dict[str, float | None]:
    return {name: finite(value) for name, value in figures._asdict().items()}


def _theory_json(theory: Theory) -> dict[str, float | None]:
    return {name: finite(value) for name, value in theory._asdict().items()}
