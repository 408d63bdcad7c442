"""How three models went that were taught side by side, as a figure."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from bittrue.model.formats import Values
from bittrue.sim.side_by_side import Trajectory

from .plots import as_svg
from .train_report import models_of
from .train_side import Taught

STYLES: Mapping[str, dict[str, Any]] = {
    "golden": {"linewidth": 4, "alpha": 0.35},
    "fixed": {"linewidth": 1},
    "RTL": {"linestyle": "none", "marker": ".", "markersize": 4},
}
"""Golden is a broad band, with the fixed model's line in it and the hardware's dots on that."""

MOST_LINES = 18
DOTS = 20
WINDOW = 50
"""Steps that a loss is the mean of, where samples differ from step to step."""


def trajectories_figure(taught: Taught) -> str:
    """Draw outputs over steps (or the loss, where samples differ), and the weights of each layer.

    Returns
    -------
    str
        SVG, the same byte for byte for the same models.
    """
    models, shape = models_of(taught), taught.design.shape
    layers = len(shape.layers)
    figure = Figure(figsize=(5 * (layers + 1), 4.8), layout="constrained")
    FigureCanvasSVG(figure)
    sizes = "-".join(map(str, shape.sizes))
    names = ", ".join(models)
    figure.suptitle(
        f"{sizes} on {taught.samples.name}, seed {taught.plan.seed}: {names}", parse_math=False
    )
    first, *others = np.atleast_1d(figure.subplots(1, layers + 1))
    if taught.samples.labels is None:
        _draw(first, models, {name: one.outputs for name, one in models.items()}, 1)
        first.set_title("outputs before each step")
    else:
        losses = {name: _loss(one, taught.samples.targets) for name, one in models.items()}
        _draw(first, models, losses, 1)
        first.set_title(f"loss, mean of {WINDOW} steps")
    start = 0
    for number, (axes, layer) in enumerate(zip(others, shape.layers, strict=True)):
        size = layer.outputs * layer.inputs
        kept = start + np.unique(
            np.linspace(0, size - 1, min(size, MOST_LINES)).round().astype(int)
        )
        weights = {name: one.weights[:, kept] for name, one in models.items()}
        _draw(axes, models, weights, taught.result.every)
        shown = "" if len(kept) == size else f", {len(kept)} of {size}"
        axes.set_title(f"weights of layer {number}{shown}")
        start += size
    for axes in (first, *others):
        axes.set_xlabel("step")
        axes.set_ylabel("value")
        axes.grid(alpha=0.3)
    return as_svg(figure)


def _loss(one: Trajectory, targets: Values) -> Values:
    """Return the squared error of outputs, as a mean over the steps before, shape (steps, 1)."""
    squares = ((one.outputs - targets) ** 2).sum(axis=1)
    sums = np.concatenate([[0.0], np.cumsum(squares)])
    ends = np.arange(1, len(sums))
    starts = np.maximum(ends - WINDOW, 0)
    means: Values = ((sums[ends] - sums[starts]) / (ends - starts))[:, None]
    return means


def _draw(
    axes: Axes, models: Mapping[str, Trajectory], lines: Mapping[str, Values], every: int
) -> None:
    """Draw a line a column, the same colour for all models."""
    for name in models:
        style = STYLES[name]
        for column, values in enumerate(lines[name].T):
            steps = np.arange(len(values)) * every
            gap = max(len(values) // DOTS, 1) if name == "RTL" else 1
            label = name if column == 0 else None
            axes.plot(steps[::gap], values[::gap], color=f"C{column % 10}", label=label, **style)
    axes.legend(fontsize="small")
