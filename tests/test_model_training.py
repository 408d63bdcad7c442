"""More layers, biases, other activations, batches, epochs: all by rules that can be checked."""

import re

import numpy as np
import pytest

from bittrue.model.activations import ACTIVATIONS, Activation
from bittrue.model.exceptions import BittrueError
from bittrue.model.golden import GoldenNetwork
from bittrue.model.training import Samples, accuracy, train_epochs

SLOPED = [name for name, activation in ACTIVATIONS.items() if activation.slope]


def loss(golden, inputs, targets):
    return 0.5 * np.square(golden.predict(inputs) - targets).sum(axis=1).mean()


@pytest.mark.parametrize("name", SLOPED)
def test_slopes_are_derivatives(name):
    known = ACTIVATIONS[name]
    z = np.linspace(-4.03, 4.04, 201)
    difference = (known.value(z + 1e-6) - known.value(z - 1e-6)) / 2e-6
    np.testing.assert_allclose(known.slope(z, known.value(z)), difference, atol=2e-5)


@pytest.mark.parametrize("name", SLOPED)
def test_a_batch_descends_the_gradient(name):
    """Every weight and bias moves by the learning rate times the numerical gradient."""
    rng = np.random.default_rng(3)
    inputs, targets = rng.normal(size=(5, 4)), rng.random((5, 2))
    golden = GoldenNetwork(4, (3, 3), 2, 0.25, rng=7, activation=name, biases=True, rule="gradient")
    golden.biases = [rng.normal(size=size) for size in (3, 3, 2)]
    before = [array.copy() for array in (*golden.weights, *golden.biases)]
    golden.train_batch(inputs, targets)
    after = [array.copy() for array in (*golden.weights, *golden.biases)]
    for number, array in enumerate(before):
        for place in np.ndindex(array.shape):
            ends = []
            for step in (1e-6, -1e-6):
                moved = [other.copy() for other in before]
                moved[number][place] += step
                golden.weights, golden.biases = moved[:3], moved[3:]
                ends.append(loss(golden, inputs, targets))
            gradient = (ends[0] - ends[1]) / 2e-6
            assert after[number][place] - array[place] == pytest.approx(-0.25 * gradient, abs=1e-6)


def test_the_book_carries_errors_without_their_slope():
    sizes = (3, (4, 5), 2)
    book = GoldenNetwork(*sizes, 0.1, rng=1)
    gradient = GoldenNetwork(*sizes, 0.1, rng=1, rule="gradient")
    inputs, targets = [0.2, -0.4, 0.9], [0.1, 0.9]
    signals = book.signals(inputs)
    weights = [array.copy() for array in book.weights]
    book.train(inputs, targets)
    gradient.train(inputs, targets)
    np.testing.assert_allclose(book.weights[2], gradient.weights[2])
    errors = weights[1].T @ (weights[2].T @ (np.array(targets) - signals[3]))
    steps = 0.1 * np.outer(errors * signals[1] * (1 - signals[1]), signals[0])
    np.testing.assert_allclose(book.weights[0], weights[0] + steps)


def test_a_batch_takes_the_mean_of_its_samples():
    rng = np.random.default_rng(0)
    inputs, targets = rng.random((6, 3)), rng.random((6, 2))
    whole = GoldenNetwork(3, 4, 2, 0.3, rng=2, biases=True)
    start = [array.copy() for array in (*whole.weights, *whole.biases)]
    whole.train_batch(inputs, targets)
    moved = [np.zeros_like(array) for array in start]
    for row, wanted in zip(inputs, targets, strict=True):
        lone = GoldenNetwork(3, 4, 2, 0.3, rng=2, biases=True)
        lone.train(row, wanted)
        ends = (*lone.weights, *lone.biases)
        moved = [sum_ + b - a for sum_, a, b in zip(moved, start, ends, strict=True)]
    for array, first, steps in zip((*whole.weights, *whole.biases), start, moved, strict=True):
        np.testing.assert_allclose(array, first + steps / 6)


def test_a_network_without_hidden_layers_and_one_of_many():
    assert GoldenNetwork(3, (), 2, 0.1, rng=0).shapes == [(2, 3)]
    deep = GoldenNetwork(
        3, [5, 4, 6], 2, 0.1, rng=0, activation=["tanh", "relu", "step", "sigmoid"]
    )
    assert deep.sizes == (3, 5, 4, 6, 2)
    batch = np.random.default_rng(1).random((7, 3))
    np.testing.assert_allclose(deep.predict(batch), [deep.query(row) for row in batch])


def xor_samples():
    inputs = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    labels = np.array([0, 1, 1, 0])
    return Samples(inputs, np.eye(2)[labels] * 0.98 + 0.01, labels)


@pytest.mark.parametrize("batch", [1, 3])
def test_epochs_learn_and_are_seeded(batch):
    def taught(seed):
        golden = GoldenNetwork(2, 6, 2, 0.6, rng=4, activation="tanh", biases=True)
        golden.rule = "gradient"
        return golden, train_epochs(golden, xor_samples(), epochs=600, batch=batch, rng=seed)

    (first, history), (second, _), (third, _) = taught(1), taught(1), taught(2)
    assert history[-1].accuracy == 1.0 and history[-1].loss < history[0].loss / 4
    assert [epoch.number for epoch in history] == list(range(1, 601))
    assert (first.weights[0] == second.weights[0]).all()
    assert (first.weights[0] != third.weights[0]).any()


def test_patience_stops_and_goes_back_to_the_best():
    samples = xor_samples()
    wrong = samples._replace(targets=1 - samples.targets)
    golden = GoldenNetwork(2, 4, 2, 0.5, rng=0)
    start = loss(golden, wrong.inputs, wrong.targets)
    history = train_epochs(golden, samples, epochs=500, rng=0, watched=wrong, patience=5)
    best = min(history, key=lambda epoch: epoch.loss)
    assert len(history) == best.number + 5 < 500
    reached = np.square(golden.predict(wrong.inputs) - wrong.targets).mean()
    assert reached == pytest.approx(best.loss)
    assert start > 0


def test_progress_is_told_by_samples():
    seen = []
    golden = GoldenNetwork(2, 3, 2, 0.1, rng=0)
    train_epochs(
        golden,
        xor_samples(),
        epochs=2,
        batch=3,
        rng=0,
        progress=lambda done, total, last: seen.append((done, total, last and last.number)),
    )
    assert seen == [(3, 8, None), (4, 8, None), (7, 8, 1), (8, 8, 1)]


def test_accuracy():
    assert accuracy(np.array([[0, 1], [3, 2], [5, 5]]), np.array([1, 1, 0])) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GoldenNetwork(2, 2, 2, 0.1, activation="spline"), "an activation must be one of "),
        (
            lambda: GoldenNetwork(2, 2, 2, 0.1, activation=["tanh"]),
            "activations must be one or 2, one a layer, got 1",
        ),
        (
            lambda: GoldenNetwork(2, 2, 2, 0.1, rule="hebb"),
            "the rule must be one of book, gradient",
        ),
        (
            lambda: GoldenNetwork(2, 2, 2, 0.1, activation="step").train([0, 1], [0, 1]),
            "a layer that is trained must have an activation with a slope, got step in layer 1",
        ),
        (
            lambda: GoldenNetwork(2, 2, 2, 0.1).train_batch(np.zeros((3, 2)), np.zeros((2, 2))),
            "a batch must have as many targets as inputs, and at least one, got 2 and 3",
        ),
        (
            lambda: GoldenNetwork(2, 2, 2, 0.1).predict([0, 1]),
            "inputs must have shape (samples, 2), got (2,)",
        ),
        (
            lambda: setattr(GoldenNetwork(2, 2, 2, 0.1), "biases", [[0.0], [0.0]]),
            "biases must have shapes [(2,), (2,)], got [(1,), (1,)]",
        ),
        (
            lambda: train_epochs(GoldenNetwork(2, 2, 2, 0.1), xor_samples(), epochs=0),
            "epochs must be at least 1, got 0",
        ),
        (
            lambda: train_epochs(GoldenNetwork(2, 2, 2, 0.1), xor_samples(), epochs=1, batch=0),
            "batch must be at least 1, got 0",
        ),
        (
            lambda: train_epochs(
                GoldenNetwork(2, 2, 2, 1e200, rng=0, activation="identity"),
                xor_samples(),
                epochs=9,
                rng=0,
            ),
            "the learning rate must be small enough that weights stay finite, got 1e+200",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}"):
        call()


def test_an_activation_of_ones_own():
    hat = Activation("hat", lambda z: np.maximum(0, 1 - abs(z)))
    golden = GoldenNetwork(2, 3, 1, 0.1, rng=0, activation=[hat, "identity"])
    hidden = np.maximum(0, 1 - abs(golden.weights[0] @ [0.5, -0.5]))
    np.testing.assert_allclose(golden.query([0.5, -0.5]), golden.weights[1] @ hidden)
