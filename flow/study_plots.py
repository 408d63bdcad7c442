"""What a study found, as one SVG: SQNR and accuracy over width, the budget, the modes."""

import io
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from bittrue.model.budget import SOURCES

from .study_points import Point
from .study_summary import DB_PER_BIT, Mean, Row, line_of, lines, summary

MARKS = "osv^D<>Pphd"
LEGEND_COLUMNS = 4
LEGEND_ROW = 0.25
"""Height of a row of the legend, in inches."""


def study_figure(points: Sequence[Point], reached: Mean, shown_width: int, title: str) -> str:
    """Draw a study.

    Parameters
    ----------
    points : sequence of Point
        All of it; at least one measured.
    reached : Mean
        Accuracy of the golden model.
    shown_width : int
        Width that rounding modes are shown at.
    title : str
        Written above.

    Returns
    -------
    str
        SVG, the same byte for byte for the same points.
    """
    found = lines(summary(points))
    height = 8 + LEGEND_ROW * -(-len(found) // LEGEND_COLUMNS)
    figure = Figure(figsize=(11, height), layout="constrained")
    FigureCanvasSVG(figure)
    figure.suptitle(title, parse_math=False)
    (above_left, above_right), (below_left, below_right) = figure.subplots(2, 2)
    handles = _sqnr(above_left, found)
    _accuracy(above_right, found, reached)
    _budget(below_left, points)
    _modes(below_right, points, shown_width)
    figure.legend(
        handles, list(found), loc="outside lower center", ncols=LEGEND_COLUMNS, fontsize="small"
    )
    return _svg(figure)


def _sqnr(axes: Axes, found: dict[str, list[Row]]) -> list[Line2D]:
    """Draw SQNR over width; return what stands for each line."""
    drawn = [
        _means(axes, line, [row.sqnr for row in line], number)
        for number, line in enumerate(found.values())
    ]
    theory = {row.choice.width: row.theory for line in found.values() for row in line}
    widths = sorted(theory)
    axes.plot(
        widths,
        [theory[width] for width in widths],
        "k--",
        linewidth=1,
        label=f"output rounding alone: LSB²/12, {DB_PER_BIT:.2f} dB a bit",
    )
    _labelled(axes, "SQNR of the outputs", "width, bits", "dB")
    return drawn


def _accuracy(axes: Axes, found: dict[str, list[Row]], reached: Mean) -> None:
    for number, line in enumerate(found.values()):
        _means(axes, line, [row.accuracy for row in line], number)
    axes.axhline(reached.mean, color="k", linestyle="--", linewidth=1, label="golden model")
    _labelled(axes, "accuracy", "width, bits", "share of samples")


def _means(axes: Axes, line: list[Row], means: list[Mean], number: int) -> Line2D:
    """Draw means with bars of two standard errors; return their line."""
    kept = [(row.choice.width, m) for row, m in zip(line, means, strict=True) if _finite(m.mean)]
    drawn = axes.errorbar(
        [width for width, _ in kept],
        [mean.mean for _, mean in kept],
        yerr=[2 * mean.error if _finite(mean.error) else 0.0 for _, mean in kept],
        marker=MARKS[number % len(MARKS)],
        markersize=4,
        linewidth=1,
        capsize=2,
    )
    return drawn.lines[0]


def _budget(axes: Axes, points: Sequence[Point]) -> None:
    budgets = [
        (point.choice.width, point.measured.budget)
        for point in points
        if point.measured is not None and point.measured.budget is not None
    ]
    for number, source in enumerate(SOURCES):
        at = [(width, part.alone[source].sqnr) for width, part in budgets]
        kept = [(width, value) for width, value in at if _finite(value)]
        axes.plot(
            [width for width, _ in kept],
            [value for _, value in kept],
            marker=MARKS[number],
            markersize=4,
            linewidth=1,
            label=f"{source} alone",
        )
    kept = [(width, part.total.sqnr) for width, part in budgets if _finite(part.total.sqnr)]
    axes.plot(*zip(*kept, strict=True), "k-", linewidth=2, label="all") if kept else None
    _labelled(axes, f"{budget_title(points)}: one source at a time", "width, bits", "SQNR, dB")


def _modes(axes: Axes, points: Sequence[Point], width: int) -> None:
    """Draw bias and variance of rounding pre-activations beside the theory."""
    names: list[str] = []
    figures: list[tuple[float, float, float, float]] = []
    for point in mode_points(points, width):
        for mode in point.measured.modes if point.measured else ():
            names.append(f"{point.choice.rounding.value}\nlayer {mode.layer}")
            figures.append((*mode.measured, *mode.theory))
    places = np.arange(len(names))
    columns = np.array(figures).reshape(-1, 4).T
    for start, mark, what in ((0, "o", "measured"), (2, "_", "theory")):
        for offset, name in enumerate(("bias, LSB", "variance, LSB²")):
            axes.plot(
                places,
                columns[start + offset],
                f"C{offset}{mark}",
                markersize=5 if start == 0 else 18,
                label=f"{name}, {what}",
            )
    axes.axhline(0, color="0.8", linewidth=0.8)
    axes.set_xticks(places, names, fontsize="small", rotation=90 if len(names) > 4 else 0)
    _labelled(axes, f"rounding of pre-activations at {width} bits", "", "")


def budget_title(points: Sequence[Point]) -> str:
    """Return what budgets are of: the first subject, its curve and modes."""
    seed = "" if points[0].seed is None else f", seed {points[0].seed}"
    return f"error budget of {line_of(points[0].choice)}{seed}"


def mode_points(points: Sequence[Point], width: int) -> list[Point]:
    """Return one measured point for each rounding mode, at a width."""
    found: dict[Any, Point] = {}
    for point in points:
        if point.measured is not None and point.choice.width == width:
            found.setdefault(point.choice.rounding, point)
    return list(found.values())


def _labelled(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title)
    axes.set_xlabel(x)
    if x:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")


def _finite(value: float) -> bool:
    return bool(np.isfinite(value))


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "bittrue", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()
