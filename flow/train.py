"""``bittrue train``: a golden network taught a data set, and saved."""

import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from bittrue.model.activations import ACTIVATIONS
from bittrue.model.exceptions import BittrueError
from bittrue.model.files import dump_json
from bittrue.model.golden import RULES, GoldenNetwork
from bittrue.model.golden_file import save_golden
from bittrue.model.training import Epoch, Samples, train_epochs

from .console import console, progress, say
from .data import Data, check_width, load, split
from .paths import check_targets
from .tables import versions

SCHEMA = "bittrue.train/1"
SHOWN_EPOCHS = 40
VALIDATED = 10
"""One in so many training samples is kept apart to decide when to stop early."""


def train(
    data: Annotated[
        str,
        typer.Argument(help="digits, mnist, or a file: IDX images, label,pixel,... CSV, .npz."),
    ],
    layers: Annotated[
        str, typer.Option(metavar="N,N[,N...]", help="Sizes: inputs, hidden layers, outputs.")
    ],
    epochs: Annotated[int, typer.Option(help="Times through the training samples.")] = 40,
    learning_rate: Annotated[float, typer.Option(help="Step of the gradient descent.")] = 0.2,
    batch: Annotated[
        int, typer.Option(help="Samples a step; 1 is the book's rule, more take their mean.")
    ] = 1,
    activation: Annotated[
        str,
        typer.Option(
            metavar="NAME[,NAME...]",
            help=f"Of all layers, or one a layer: {', '.join(ACTIVATIONS)}.",
        ),
    ] = "sigmoid",
    biases: Annotated[bool, typer.Option("--biases", help="Give each layer biases.")] = False,
    rule: Annotated[
        str,
        typer.Option(help=f"How errors are carried back: {' or '.join(RULES)}."),
    ] = "book",
    patience: Annotated[
        int | None,
        typer.Option(
            metavar="EPOCHS",
            help="Stop after so many epochs without a better loss on a tenth kept apart.",
        ),
    ] = None,
    held_out: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Samples not trained on.  \\[default: a quarter; mnist 1000]"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of weights and orders.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE.npz", help="The network.  \\[default: DATA-LAYERS.npz]"
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Train a golden network on a data set, as the book does or in batches, and save it.

    Example: bittrue train mnist --layers 784,200,10 -o mnist.npz

    Exit codes: 0 done, 2 bad input, 3 a package is missing, 130 interrupted.
    """
    sizes = _sizes(layers)
    target = output or Path(f"{_stem(data)}-{'-'.join(map(str, sizes))}.npz")
    check_targets({"output": (".npz",)}, output=target)
    names = activation.split(",")
    weights_rng, order_rng = np.random.default_rng(seed).spawn(2)
    golden = GoldenNetwork(
        sizes[0],
        sizes[1:-1],
        sizes[-1],
        learning_rate,
        weights_rng,
        activation=names if len(names) > 1 else names[0],
        biases=biases,
        rule=rule,
    )
    known = load(data)
    check_width(known, sizes[0], sizes[-1])
    training, test = split(known, held_out)
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
        "learning_rate": learning_rate,
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


def _sizes(text: str) -> list[int]:
    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError:
        sizes = []
    if len(sizes) < 2 or min(sizes) < 1:
        raise BittrueError(f"layers must be sizes of at least 1 like 784,200,10, got {text!r}")
    return sizes


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
