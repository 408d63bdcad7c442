"""``bittrue train`` in floats alone: a golden network taught a data set, and saved."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import typer
from rich.table import Table

from bittrue.model.files import dump_json
from bittrue.model.golden import GoldenNetwork
from bittrue.model.golden_file import save_golden
from bittrue.model.training import Epoch, Samples, train_epochs

from .console import console, progress, say
from .data import Data, check_width, load, split
from .paths import check_targets
from .tables import versions

SCHEMA = "bittrue.train/1"
RATE, EPOCHS = 0.2, 40
SHOWN_EPOCHS = 40
VALIDATED = 10
"""One in so many training samples is kept apart to decide when to stop early."""


def train_golden(
    source: str,
    sizes: list[int],
    given: Mapping[str, Any],
    activation: str | tuple[str, ...],
) -> None:
    """Train a golden network alone, save it, and show its epochs.

    Parameters
    ----------
    source : str
        A data set.
    sizes : list of int
        Of the layers.
    given : mapping
        Options of `bittrue.flow.train.train` by name.
    activation : str or tuple of str
        Of all layers, or one a layer.
    """
    output, seed, json = given.get("output"), given["seed"], given["json"]
    rule, biases = given["rule"], given["biases"]
    target = output or Path(f"{_stem(source)}-{'-'.join(map(str, sizes))}.npz")
    check_targets({"output": (".npz",)}, output=target)
    weights_rng, order_rng = np.random.default_rng(seed).spawn(2)
    golden = GoldenNetwork(
        sizes[0],
        sizes[1:-1],
        sizes[-1],
        given.get("learning_rate", RATE),
        weights_rng,
        activation=activation,
        biases=biases,
        rule=rule,
    )
    known = load(source)
    check_width(known, sizes[0], sizes[-1])
    training, test = split(known, given.get("held_out"))
    batch, patience = given.get("batch", 1), given.get("patience")
    epochs = given.get("epochs", EPOCHS)
    start = time.perf_counter()
    shown = test if patience is None else None
    with progress("training", shown=not json) as told:

        def report(done: int, total: int, last: Epoch | None) -> None:
            told(done, total, "" if last is None else f"accuracy {last.accuracy:.4f}")

        history = _taught(golden, training, shown, epochs, batch, patience, order_rng, report)
    seconds = time.perf_counter() - start
    reached = float(np.mean(golden.predict(test.inputs).argmax(axis=1) == test.labels))
    about: dict[str, Any] = {
        "data": known.name,
        "digest": known.digest,
        "held_out": len(test.labels),
        "seed": seed,
        "epochs": len(history),
        "batch": batch,
        "accuracy": reached,
    }
    save_golden(golden, target, about)
    tree = {
        "schema": SCHEMA,
        **about,
        "layers": sizes,
        "activations": [item.name for item in golden.activations],
        "learning_rate": golden.learning_rate,
        "rule": rule,
        "biases": biases,
        "history": [epoch._asdict() for epoch in history],
        "seconds": seconds,
        "output": str(target),
        "versions": versions(),
    }
    if json:
        typer.echo(dump_json(tree), nl=False)
    else:
        _show(tree, history, "held out" if shown else "kept apart")


def _taught(
    golden: GoldenNetwork,
    training: Data,
    test: Data | None,
    epochs: int,
    batch: int,
    patience: int | None,
    rng: np.random.Generator,
    report: Any,
) -> list[Epoch]:
    """Train; with a patience on nine tenths, watching the last."""
    kept = training
    if test is None:
        kept, test = split(training, max(len(training.labels) // VALIDATED, 1))
    outputs = golden.sizes[-1]
    return train_epochs(
        golden,
        _samples(kept, outputs),
        epochs=epochs,
        batch=batch,
        rng=rng,
        watched=_samples(test, outputs),
        patience=patience,
        progress=report,
    )


def _samples(data: Data, outputs: int) -> Samples:
    return Samples(data.inputs, data.targets(outputs), data.labels)


def _stem(source: str) -> str:
    """Return a file name for a data set: its own name without folder and endings."""
    return Path(source.split(",")[0]).name.split(".")[0]


def _show(tree: dict[str, Any], history: list[Epoch], watched: str) -> None:
    page = console()
    table = Table(title="epochs", title_justify="left", title_style="bold")
    for heading in ("epoch", f"loss, {watched}", f"accuracy, {watched}"):
        table.add_column(heading, justify="right")
    if len(history) > SHOWN_EPOCHS:
        table.add_row("…", "", "")
    for epoch in history[-SHOWN_EPOCHS:]:
        table.add_row(str(epoch.number), f"{epoch.loss:.6f}", f"{epoch.accuracy:.4f}")
    page.print(table)
    sizes = "-".join(map(str, tree["layers"]))
    page.print(
        f"{sizes} on {tree['data']}, seed {tree['seed']}: {tree['accuracy']:.4f} of "
        f"{tree['held_out']} held-out samples right",
        style="bold",
        soft_wrap=True,
    )
    say(f"bittrue: wrote {tree['output']}")
