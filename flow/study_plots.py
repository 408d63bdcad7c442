"""What a study found, as one SVG: figures over width, stage by stage, the budget, the modes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from bittrue.model.budget import SOURCES

from .plots import as_svg
from .study_beside import Beside, Published
from .study_certify_report import draw_certificates
from .study_points import Measured, Point
from .study_summary import DB_PER_BIT, Mean, Row, line_of, lines, summary

MARKS = "osv^D<>Pphd"
COLORS = 10
LEGEND_COLUMNS = 4
LEGEND_ROW = 0.25
"""Height of a row of the legend, in inches."""

PANEL = 4.0
"""Height of a row of panels, in inches."""


def study_figure(
    points: Sequence[Point],
    reached: Mean,
    shown_width: int,
    title: str,
    beside: Beside | None = None,
) -> str:
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
    beside : Beside, optional
        Published figures, drawn beside those found.

    Returns
    -------
    str
        SVG, the same byte for byte for the same points.
    """
    found = lines(summary(points))
    proven = any(point.measured and point.measured.certificate for point in points)
    rows = 3 + proven + (beside is not None)
    height = PANEL * rows + LEGEND_ROW * -(-len(found) // LEGEND_COLUMNS)
    figure = Figure(figsize=(11, height), layout="constrained")
    FigureCanvasSVG(figure)
    figure.suptitle(title, parse_math=False)
    grid = figure.add_gridspec(rows, 2)
    panels = [figure.add_subplot(grid[number // 2, number % 2]) for number in range(6)]
    theirs = [] if beside is None else beside.rows
    handles = _sqnr(panels[0], found, theirs)
    _shares(panels[1], found, "accuracy", theirs)
    panels[1].axhline(reached.mean, color="k", linestyle="--", linewidth=1, label="golden model")
    panels[1].legend(fontsize="small")
    _shares(panels[2], found, "agreement", theirs)
    _stages(panels[3], points)
    _budget(panels[4], points)
    _modes(panels[5], points, shown_width)
    if proven:
        pair = [figure.add_subplot(grid[3, column]) for column in range(2)]
        draw_certificates(pair[0], pair[1], points)
    if beside is not None:
        _differences(figure.add_subplot(grid[rows - 1, :]), beside)
    figure.legend(
        handles, list(found), loc="outside lower center", ncols=LEGEND_COLUMNS, fontsize="small"
    )
    return as_svg(figure)


def _sqnr(axes: Axes, found: dict[str, list[Row]], theirs: Sequence[Published]) -> list[Line2D]:
    """Draw SQNR over width; return what stands for each line."""
    drawn = [
        _means(axes, line, [row.sqnr for row in line], style)
        for line, style in zip(found.values(), _styles(found), strict=True)
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
    _published(axes, theirs, "sqnr")
    _labelled(axes, "SQNR of the outputs", "width, bits", "dB")
    return drawn


def _shares(
    axes: Axes, found: dict[str, list[Row]], name: str, theirs: Sequence[Published]
) -> None:
    """Draw a share of samples over width."""
    for line, style in zip(found.values(), _styles(found), strict=True):
        _means(axes, line, [getattr(row, name) for row in line], style)
    _published(axes, theirs, name)
    title = "accuracy" if name == "accuracy" else "agreement with the golden model's answers"
    _labelled(axes, title, "width, bits", "share of samples")


def _styles(found: dict[str, list[Row]]) -> list[tuple[str, str]]:
    """Return color and mark of each line: with several curves, a color for each of them."""
    choices = [line[0].choice for line in found.values()]
    curves = list(dict.fromkeys(choice.curve for choice in choices))
    modes = list(dict.fromkeys((choice.rounding, choice.overflow) for choice in choices))
    styles = []
    for choice in choices:
        mode = modes.index((choice.rounding, choice.overflow))
        color = curves.index(choice.curve) if len(curves) > 1 else mode
        styles.append((f"C{color % COLORS}", MARKS[mode % len(MARKS)]))
    return styles


def _means(axes: Axes, line: list[Row], means: list[Mean], style: tuple[str, str]) -> Line2D:
    """Draw means with bars of two standard errors; return their line."""
    kept = [(row.choice.width, m) for row, m in zip(line, means, strict=True) if _finite(m.mean)]
    drawn = axes.errorbar(
        [width for width, _ in kept],
        [mean.mean for _, mean in kept],
        yerr=[2 * mean.error if _finite(mean.error) else 0.0 for _, mean in kept],
        color=style[0],
        marker=style[1],
        markersize=4,
        linewidth=1,
        capsize=2,
    )
    return drawn.lines[0]


def _published(axes: Axes, theirs: Sequence[Published], name: str) -> None:
    """Draw published figures, their standard errors as wide bars."""
    kept = [row for row in theirs if row.name == name and row.width is not None]
    if kept:
        axes.errorbar(
            [row.width or 0 for row in kept],
            [row.published for row in kept],
            yerr=[2 * row.error if _finite(row.error) else 0.0 for row in kept],
            fmt="kx",
            markersize=7,
            elinewidth=4,
            ecolor="0.8",
            zorder=1,
            label="published ± two standard errors",
        )


def _stages(axes: Axes, points: Sequence[Point]) -> None:
    """Draw the SQNR of each stage of each layer over width."""
    at = _first_line(points)
    for number, stage in enumerate(at[0][1].stages):
        kept = [
            (width, found.stages[number].figures.sqnr)
            for width, found in at
            if _finite(found.stages[number].figures.sqnr)
        ]
        axes.plot(
            [width for width, _ in kept],
            [value for _, value in kept],
            "--" if stage.stage == "pre-activation" else "-",
            color=f"C{stage.layer}",
            marker=MARKS[stage.layer % len(MARKS)],
            markersize=4,
            linewidth=1,
            label=f"layer {stage.layer}, {stage.stage}",
        )
    _labelled(axes, f"stage by stage: {_first_title(points)}", "width, bits", "SQNR, dB")


def _first_line(points: Sequence[Point]) -> list[tuple[int, Measured]]:
    """Return the first subject's first line: width and what was measured there."""
    first = next(point for point in points if point.measured is not None)
    line = line_of(first.choice)
    return [
        (point.choice.width, point.measured)
        for point in points
        if point.measured is not None and (point.seed, line_of(point.choice)) == (first.seed, line)
    ]


def _budget(axes: Axes, points: Sequence[Point]) -> None:
    """Draw what each source does alone, their sum, and what all of them do."""
    budgets = [
        (point.choice.width, point.measured.budget, point.measured.signal)
        for point in points
        if point.measured is not None and point.measured.budget is not None
    ]
    for number, source in enumerate(SOURCES):
        alone = [(width, found.alone[source].sqnr) for width, found, _ in budgets]
        _plotted(axes, alone, f"C{number}", source, marker=MARKS[number])
    sums = [
        (width, _decibels(signal, sum(part.power for part in found.alone.values())))
        for width, found, signal in budgets
    ]
    _plotted(axes, sums, "0.5", "sum of their powers", linestyle=":", linewidth=2)
    total = [(width, found.total.sqnr) for width, found, _ in budgets]
    _plotted(axes, total, "k", "all, remainder included", linewidth=2)
    _labelled(axes, f"one source at a time: {_first_title(points)}", "width, bits", "SQNR, dB")


def _decibels(signal: float, noise: float) -> float:
    return float(10 * np.log10(signal / noise)) if signal and noise else float("nan")


def _plotted(
    axes: Axes, pairs: Sequence[tuple[int, float]], color: str, label: str, **style: Any
) -> None:
    """Draw what is finite over width."""
    kept = [(width, value) for width, value in pairs if _finite(value)]
    if kept:
        shape = {"markersize": 4, "linewidth": 1, **style}
        axes.plot(*zip(*kept, strict=True), color=color, label=label, **shape)


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
    axes.margins(x=0.1, y=0.15)
    axes.set_xticks(places, names, fontsize="small", rotation=90 if len(names) > 4 else 0)
    _labelled(axes, f"rounding of pre-activations at {width} bits", "", "LSB, LSB²")


def _differences(axes: Axes, beside: Beside) -> None:
    """Draw how many standard errors ours is from theirs, figure by figure."""
    names = []
    for place, row in enumerate(beside.rows):
        what = "SQNR" if row.name == "sqnr" else row.name
        names.append(f"{what}, {'golden' if row.width is None else row.width}")
        if _finite(row.error) and row.error > 0:
            color = "C2" if row.within else "C3"
            filled = color if row.within_errors or not row.within else "none"
            axes.plot(place, row.difference / row.error, "o", color=color, markerfacecolor=filled)
    axes.plot([], [], "o", color="C2", label="agrees")
    axes.plot([], [], "o", color="C2", markerfacecolor="none", label="agrees within 0.5 alone")
    axes.plot([], [], "o", color="C3", label="differs")
    axes.axhspan(-2, 2, color="C2", alpha=0.1, label="two standard errors")
    axes.axhline(0, color="0.8", linewidth=0.8)
    axes.set_xticks(np.arange(len(names)), names, fontsize="small", rotation=90)
    seeds = beside.reference.seeds
    of = "" if seeds is None else f" of a mean of {seeds} seeds"
    title = f"difference from {beside.reference.name}, found less published"
    _labelled(axes, title, "", f"standard errors{of}")
    axes.legend(fontsize="small", ncols=4)


def _first_title(points: Sequence[Point]) -> str:
    """Return what the first subject's first line is: its curve, modes and seed."""
    first = next((point for point in points if point.measured is not None), points[0])
    seed = "" if first.seed is None else f", seed {first.seed}"
    return f"{line_of(first.choice)}{seed}"


def budget_title(points: Sequence[Point]) -> str:
    """Return what budgets are of."""
    return f"error budget of {_first_title(points)}"


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
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize="small")


def _finite(value: float) -> bool:
    return bool(np.isfinite(value))
