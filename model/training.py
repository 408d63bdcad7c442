"""Training a golden network: epochs over drawn orders, in samples one by one or in batches."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .exceptions import BittrueError
from .formats import Values
from .golden import GoldenNetwork, Rng

Labels = npt.NDArray[np.int64]


class Epoch(NamedTuple):
    """What one epoch came to.

    Members
    -------
    number : int
        From 1 on.
    loss : float
        Mean squared error over outputs and samples of what is watched.
    accuracy : float
        Share of watched samples whose largest output is at their label.
    """

    number: int
    loss: float
    accuracy: float


class Samples(NamedTuple):
    """Samples with what is wanted of them.

    Members
    -------
    inputs : ndarray of float64, shape (samples, inputs)
        Values.
    targets : ndarray of float64, shape (samples, outputs)
        Values.
    labels : ndarray of int64, shape (samples,)
        Where each target is largest.
    """

    inputs: Values
    targets: Values
    labels: Labels


def train_epochs(
    golden: GoldenNetwork,
    samples: Samples,
    *,
    epochs: int,
    batch: int = 1,
    rng: Rng = None,
    watched: Samples | None = None,
    patience: int | None = None,
    progress: Callable[[int, int, Epoch | None], None] | None = None,
) -> list[Epoch]:
    """Train a network in place.

    Parameters
    ----------
    golden : GoldenNetwork
        What is trained.
    samples : Samples
        At least one.
    epochs : int
        Times that all samples are gone through, at least 1; each time in an order drawn anew.
    batch : int
        Samples a step: 1 is the book's rule; more take the mean of their steps.
    rng : int, Generator or None
        Of the orders.
    watched : Samples, optional
        What losses and accuracies are measured on; the samples themselves where not given.
    patience : int, optional
        Stop after so many epochs without a better loss, and go back to the best weights.
    progress : callable, optional
        Told samples done, samples in all, and the last epoch's figures.

    Returns
    -------
    list of Epoch
        One for each epoch that was run.

    Raises
    ------
    BittrueError
        If a count is below 1, shapes do not go together, or training diverges.
    """
    for name, count in (("epochs", epochs), ("batch", batch), ("patience", patience)):
        if count is not None and count < 1:
            raise BittrueError(f"{name} must be at least 1, got {count}")
    order = np.random.default_rng(rng)
    history: list[Epoch] = []
    total = epochs * len(samples.inputs)
    best, kept = np.inf, _parameters(golden)
    for number in range(1, epochs + 1):
        last = history[-1] if history else None

        def told(done: int, number: int = number, last: Epoch | None = last) -> None:
            if progress is not None:
                progress((number - 1) * len(samples.inputs) + done, total, last)

        _go_through(golden, samples, batch, order, told)
        history.append(_measured(golden, watched or samples, number))
        if not np.isfinite(history[-1].loss):
            raise BittrueError(
                f"the learning rate must be small enough that weights stay finite, got "
                f"{golden.learning_rate:g}, which diverged in epoch {number}"
            )
        if history[-1].loss < best:
            best, kept = history[-1].loss, _parameters(golden)
        if patience is not None and number - _best(history) >= patience:
            break
    if patience is not None:
        golden.weights, golden.biases = kept
    return history


def _go_through(
    golden: GoldenNetwork,
    samples: Samples,
    batch: int,
    order: np.random.Generator,
    told: Callable[[int], None],
) -> None:
    chosen = order.permutation(len(samples.inputs))
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(chosen), batch):
            rows = chosen[start : start + batch]
            golden.train_batch(samples.inputs[rows], samples.targets[rows])
            told(start + len(rows))


def _measured(golden: GoldenNetwork, watched: Samples, number: int) -> Epoch:
    with np.errstate(over="ignore", invalid="ignore"):
        outputs = golden.predict(watched.inputs)
        loss = float(np.square(outputs - watched.targets).mean())
    return Epoch(number, loss, accuracy(outputs, watched.labels))


def accuracy(outputs: npt.NDArray[Any], labels: Labels) -> float:
    """Return the share of samples whose largest output, the first of them, is at the label."""
    return float(np.mean(outputs.argmax(axis=1) == labels))


def _best(history: list[Epoch]) -> int:
    """Return the number of the epoch with the least loss."""
    return min(history, key=lambda epoch: epoch.loss).number


def _parameters(golden: GoldenNetwork) -> tuple[list[Values], list[Values] | None]:
    biases = golden.biases
    return [array.copy() for array in golden.weights], (
        None if biases is None else [array.copy() for array in biases]
    )
