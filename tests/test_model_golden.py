import re

import numpy as np
import pytest

from bittrue.model.exceptions import BittrueError
from bittrue.model.golden import GoldenNetwork
from bittrue.sim.testbench import query_inputs, train_333

PRINTED_543 = (
    [
        [-0.78217197, 0.5808482, -0.31876802, 1.64631682, -0.28874034],
        [0.17742955, -0.26017423, -0.55911973, -0.40947595, 0.41022274],
        [-0.28092837, -0.04689308, -0.25862563, -0.67334743, -0.85635187],
        [-0.44649879, 0.31916959, 0.05223414, -0.06373131, -0.46721884],
    ],
    [
        [0.64205114, 0.50799958, 1.45701532, -1.02826693],
        [0.56086822, 0.46135494, -0.55627495, 0.40996956],
        [-0.63063029, -0.71400507, 0.82037014, 1.43052149],
    ],
)


def test_the_printed_543_query():
    golden = GoldenNetwork(5, 4, 3, 0.3)
    golden.weights = PRINTED_543
    outputs = golden.query([1.0, 0.5, -1.5, 1.5, 2.0])
    np.testing.assert_allclose(outputs, [0.69641302, 0.7060551, 0.32236108], atol=1e-8, rtol=0)


def test_the_worked_333_example():
    golden = GoldenNetwork(3, 3, 3, 0.3)
    golden.weights = (
        [[0.9, 0.3, 0.4], [0.2, 0.8, 0.2], [0.1, 0.5, 0.6]],
        [[0.3, 0.7, 0.5], [0.6, 0.5, 0.2], [0.8, 0.1, 0.9]],
    )
    inputs, hidden, outputs = golden.signals([0.9, 0.1, 0.8])
    np.testing.assert_allclose(golden.weights[0] @ inputs, [1.16, 0.42, 0.62], atol=1e-12)
    assert hidden.round(3).tolist() == [0.761, 0.603, 0.650]
    assert outputs.round(3).tolist() == [0.726, 0.709, 0.778]


def test_a_step_by_hand():
    """The last layer descends the squared error; hidden errors are split by the old weights."""
    golden = GoldenNetwork(3, 4, 2, 0.5, rng=5)
    inputs, targets = np.array([0.2, 0.9, -0.4]), np.array([0.1, 0.8])
    first, second = (array.copy() for array in golden.weights)
    hidden = 1 / (1 + np.exp(-first @ inputs))
    outputs = 1 / (1 + np.exp(-second @ hidden))
    errors = targets - outputs
    back = np.array([sum(second[k, j] * errors[k] for k in range(2)) for j in range(4)])
    golden.train(inputs, targets)
    for k, j in np.ndindex(2, 4):
        step = 0.5 * errors[k] * outputs[k] * (1 - outputs[k]) * hidden[j]
        assert abs(golden.weights[1][k, j] - second[k, j] - step) < 1e-12
    for j, i in np.ndindex(4, 3):
        step = 0.5 * back[j] * hidden[j] * (1 - hidden[j]) * inputs[i]
        assert abs(golden.weights[0][j, i] - first[j, i] - step) < 1e-12


def test_first_weights_have_the_standard_deviation_of_the_fan_in():
    golden = GoldenNetwork(400, 100, 300, 0.1, rng=3)
    assert [array.shape for array in golden.weights] == [(100, 400), (300, 100)]
    for array, fan_in in zip(golden.weights, (400, 100), strict=True):
        assert abs(array.std() * fan_in**0.5 - 1) < 0.02
        assert abs(array.mean() * fan_in**0.5) < 0.02


def test_equal_seeds_give_equal_networks():
    first, second, third = (GoldenNetwork(3, 3, 3, 0.3, rng=seed) for seed in (7, 7, 8))
    assert all((a == b).all() for a, b in zip(first.weights, second.weights, strict=True))
    assert (first.weights[0] != third.weights[0]).any()
    generator = np.random.default_rng(7)
    assert (GoldenNetwork(3, 3, 3, 0.3, rng=generator).weights[0] == first.weights[0]).all()


def test_the_test_bench_over_seeds():
    """Mean, ends and share of Oops of the third output, as over 2,000 unseeded runs."""
    thirds = np.array([train_333(seed).query([0.25, 1.0, 0.25])[2] for seed in range(400)])
    assert 0.872 < thirds.mean() < 0.892
    assert thirds.min() > 0.40 and thirds.max() < 0.96
    assert 0.15 < (thirds >= 0.9).mean() < 0.31
    queries = query_inputs(4, 10)
    assert ((queries[:, 0] == queries[:, 2]) & (queries[:, 1] == 1.0)).all()
    assert (queries[:, 0] >= 0).all() and (queries[:, 0] < 0.5).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: g.query([1, 2]), "inputs must be a vector of 3 values, got shape (2,)"),
        (lambda g: g.query([1, 2, np.nan]), "inputs must be finite, got nan"),
        (lambda g: g.train([1, 2, 3], [1]), "targets must be a vector of 3 values, got shape (1,)"),
        (lambda g: g.train([1, 2, 3], [0, np.inf, 0]), "targets must be finite, got inf"),
        (
            lambda g: setattr(g, "weights", [np.zeros((3, 3))]),
            "weights must have shapes [(3, 3), (3, 3)], got [(3, 3)]",
        ),
        (
            lambda g: setattr(g, "weights", [np.zeros((3, 3)), np.full((3, 3), np.nan)]),
            "weights must be finite, got nan",
        ),
        (
            lambda g: GoldenNetwork(3, 0, 3, 0.1),
            "node counts must be integers of at least 1, got 0",
        ),
        (
            lambda g: GoldenNetwork(3, 3, 3, np.nan),
            "the learning rate must be finite, got nan",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}$"):
        call(GoldenNetwork(3, 3, 3, 0.3, rng=1))
