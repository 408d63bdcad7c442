"""What three models that were taught side by side look like: tables, and one JSON object."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from bittrue.hdl import timing
from bittrue.model.formats import Values
from bittrue.model.learning import UpdateRounding
from bittrue.model.modes import Rounding
from bittrue.sim.lessons import LessonComparison
from bittrue.sim.side_by_side import Trajectory

from .tables import bare_table, versions
from .train_side import Taught, accuracy
from .verify_report import queries_table

SCHEMA = "bittrue.train-side/1"
SHOWN_STEPS = 10


def models_of(taught: Taught) -> dict[str, Trajectory]:
    """Return the models that were taught, by name."""
    result = taught.result
    models = {"golden": result.golden}
    if taught.plan.model != "golden":
        models["fixed"] = result.fixed
    if result.rtl is not None:
        models["RTL"] = result.rtl
    return models


def verdict(comparison: LessonComparison, every: int) -> str:
    """Return what was compared, and how much of it differs, in a line."""
    when = "every step" if every == 1 else f"every {every} steps"
    line = (
        f"{comparison.compared} words compared (all weights after {when}, all outputs), "
        f"{comparison.differing} differ"
    )
    return f"FAIL: {line}" if comparison.differing else line


def print_on(page: Console, taught: Taught) -> None:
    """Print what was taught and how it went, the verdict last."""
    _heading(page, taught)
    models = models_of(taught)
    if taught.samples.labels is None:
        page.print(_trajectories(taught, models))
        page.print()
        answers: dict[str, Values | None] = {name: one.answers for name, one in models.items()}
        page.print(queries_table(taught.samples.queries, answers))
    else:
        page.print(_accuracies(taught, models, taught.samples.labels))
    if "fixed" in models:
        _print_codes(page, taught, models)


def _print_codes(page: Console, taught: Taught, models: dict[str, Trajectory]) -> None:
    """Print what codes cost, and whether the hardware's are the model's."""
    page.print()
    page.print(_distances(taught, models))
    page.print()
    updates = taught.result.updates
    share = 100 * updates.rounded_away / max(updates.changed, 1)
    page.print(
        f"fixed model: {updates.changed} updates that were not 0, {updates.rounded_away} "
        f"({share:.1f} %) rounded away; {updates.overflowed} weights left their format",
        soft_wrap=True,
    )
    comparison = taught.result.comparison
    if taught.machine is None or comparison is None:
        return
    page.print(f"RTL: {timing.step(taught.machine)} cycles a step, unstalled")
    if comparison.first is not None:
        page.print(str(comparison.first), markup=False, soft_wrap=True)
    style = "bold green" if taught.result.passed else "bold red"
    page.print(verdict(comparison, taught.result.every), style=style, soft_wrap=True)


def _heading(page: Console, taught: Taught) -> None:
    shape, plan = taught.design.shape, taught.plan
    sizes = "-".join(map(str, shape.sizes))
    stack = ", ".join(f"{name} {number}" for name, number in versions().items())
    page.print(f"{sizes} on {taught.samples.name}, {taught.result.steps} steps, seed {plan.seed}")
    page.print(f"learning rate {plan.course.rate:g}, rule {plan.course.rule}")
    if plan.model != "golden":
        _print_types(page, taught)
    if taught.machine is not None:
        lanes = ", ".join(
            f"layer {number} with PE {folding.pe}, SIMD {folding.simd}"
            for number, (_, folding) in enumerate(taught.machine.parts)
        )
        page.print(f"RTL in {taught.engine}: {lanes}", soft_wrap=True)
    page.print(f"{stack}\n", soft_wrap=True)


def _print_types(page: Console, taught: Taught) -> None:
    shape = taught.design.shape
    if shape.learning is not None:
        rate = shape.learning.rate * shape.learning.rate_format.lsb
        page.print(
            f"on codes: learning rate {rate:.10g}, updates rounded "
            f"{_rounding(shape.learning.rounding)}"
        )
    for number, layer in enumerate(shape.layers):
        page.print(
            f"layer {number}: input {layer.input.format}, weight {layer.weight.format}, "
            f"pre-activation {layer.preactivation}, output {layer.output}, curve "
            f"{layer.curve.name} of {layer.curve.rows} segments",
            soft_wrap=True,
        )


def _rounding(rounding: UpdateRounding) -> str:
    return rounding.value if isinstance(rounding, Rounding) else rounding


def _trajectories(taught: Taught, models: dict[str, Trajectory]) -> Table:
    """Return what each model answered at some of the steps."""
    table = bare_table("outputs before a step", "step", *models)
    steps = taught.result.steps
    for step in np.unique(np.geomspace(1, steps, SHOWN_STEPS).round().astype(np.int64)):
        rows = [one.outputs[step - 1] for one in models.values()]
        table.add_row(str(step), *(" ".join(f"{value:.4f}" for value in row) for row in rows))
    return table


def _accuracies(taught: Taught, models: dict[str, Trajectory], labels: NDArray[np.int64]) -> Table:
    table = bare_table(f"accuracy on {len(labels)} held-out samples", "", *models)
    before = [*taught.before, taught.before[-1]][: len(models)]
    table.add_row("before", *(f"{share:.4f}" for share in before))
    table.add_row("after", *(f"{accuracy(one.answers, labels):.4f}" for one in models.values()))
    return table


def _distances(taught: Taught, models: dict[str, Trajectory]) -> Table:
    """Return how far the fixed model is from the golden one, after all steps."""
    table = bare_table("fixed model against golden model", "", "largest", "RMS", "LSB, largest")
    shape = taught.design.shape
    golden, fixed = models["golden"], models["fixed"]
    pairs = [
        ("answers", golden.answers, fixed.answers, shape.output.format.lsb),
        (
            "weights",
            golden.weights[-1],
            fixed.weights[-1],
            min(layer.weight.format.lsb for layer in shape.layers),
        ),
    ]
    for name, one, other, lsb in pairs:
        apart = np.abs(one - other)
        rms = float(np.sqrt(np.mean(apart**2)))
        table.add_row(name, f"{apart.max():.3e}", f"{rms:.3e}", f"{apart.max() / lsb:.1f}")
    return table


def to_json(taught: Taught) -> dict[str, Any]:
    """Return what was taught as one JSON object; trajectories only of the test bench."""
    plan, result, comparison = taught.plan, taught.result, taught.result.comparison
    models = models_of(taught)
    labels = taught.samples.labels
    tree: dict[str, Any] = {
        "schema": SCHEMA,
        "data": taught.samples.name,
        "sizes": list(taught.design.shape.sizes),
        "seed": plan.seed,
        "steps": result.steps,
        "every": result.every,
        "design": taught.design.digest,
        "learned": result.learned.digest,
        "engine": taught.engine,
        "updates": {
            "not_zero": result.updates.changed,
            "rounded_away": result.updates.rounded_away,
            "overflowed": result.updates.overflowed,
        },
        "verdict": {
            "passed": result.passed,
            "compared": 0 if comparison is None else comparison.compared,
            "differing": 0 if comparison is None else comparison.differing,
            "first": None
            if comparison is None or comparison.first is None
            else str(comparison.first),
        },
        "versions": versions(),
    }
    if labels is None:
        tree["queries"] = taught.samples.queries.tolist()
        tree["models"] = {
            name: {
                "outputs": one.outputs.tolist(),
                "weights": one.weights.tolist(),
                "answers": one.answers.tolist(),
            }
            for name, one in models.items()
        }
    else:
        tree["accuracy"] = {name: accuracy(one.answers, labels) for name, one in models.items()}
        tree["accuracy_before"] = dict(zip(("golden", "fixed"), taught.before, strict=True))
    return tree
