"""Networks come back as they were saved, and nothing else is let in."""

import io
import json
import re

import numpy as np
import pytest

from bittrue.model.activations import Activation
from bittrue.model.exceptions import BittrueError
from bittrue.model.golden import GoldenNetwork
from bittrue.model.golden_file import load_golden, save_golden


def network(**options):
    golden = GoldenNetwork(
        4, (3, 5), 2, 0.3, rng=1, activation=["tanh", "relu", "sigmoid"], biases=True, **options
    )
    golden.biases = [np.arange(size) / 8 for size in (3, 5, 2)]
    return golden


def test_there_and_back(tmp_path):
    golden = network(rule="gradient")
    save_golden(golden, tmp_path / "net.npz", {"data": "digits", "held_out": 450})
    back, training = load_golden(tmp_path / "net.npz")
    assert (back.sizes, back.learning_rate, back.rule) == ((4, 3, 5, 2), 0.3, "gradient")
    assert back.activations == golden.activations
    for before, after in zip(
        golden.weights + golden.biases, back.weights + back.biases, strict=True
    ):
        assert (before == after).all()
    assert training == {"data": "digits", "held_out": 450}


def test_equal_networks_are_equal_files(tmp_path):
    for name in ("a.npz", "b.npz"):
        save_golden(network(), tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_without_biases(tmp_path):
    save_golden(GoldenNetwork(2, 3, 1, 0.1, rng=0), tmp_path / "net.npz")
    back, training = load_golden(tmp_path / "net.npz")
    assert back.biases is None and training == {}


def test_an_activation_of_ones_own_is_handed_over(tmp_path):
    hat = Activation("hat", lambda z: np.maximum(0, 1 - abs(z)))
    save_golden(GoldenNetwork(2, 3, 1, 0.1, rng=0, activation=hat), tmp_path / "net.npz")
    with pytest.raises(BittrueError, match=r"an activation must be one of .* got 'hat'"):
        load_golden(tmp_path / "net.npz")
    assert load_golden(tmp_path / "net.npz", {"hat": hat})[0].activations == (hat, hat)


def changed(path, **fields):
    """Write a saved network with some arrays or some of what is said about it replaced."""
    save_golden(network(), path)
    with np.load(path) as file:
        arrays = dict(file)
    about = json.loads(arrays["about"].tobytes())
    for name, value in fields.items():
        if name in about:
            about[name] = value
        elif value is None:
            del arrays[name]
        else:
            arrays[name] = value
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"schema": "other"}, "schema must be 'bittrue.golden'"),
        ({"version": 2}, "version must be 1, got 2"),
        ({"sizes": [4]}, "sizes must be at least 2, got [4]"),
        ({"sizes": [4, 0, 2]}, "node counts must be integers of at least 1, got 0"),
        ({"sizes": "4-2"}, 'sizes must be there, got "4-2"'),
        ({"rule": "hebb"}, "the rule must be one of book, gradient, got 'hebb'"),
        ({"activations": ["tanh"]}, "activations must be one or 3, one a layer, got 1"),
        ({"weights_1": None}, "the array weights_1 must be there, got "),
        ({"biases_2": None}, "the array biases_2 must be there, got "),
        ({"weights_0": np.zeros((2, 2))}, "weights_0 must have shape (3, 4), got (2, 2)"),
        ({"weights_0": np.full((3, 4), np.nan)}, "weights_0 must be finite, got nan"),
        ({"weights_0": np.zeros((3, 4), int)}, "the array weights_0 must be of float64, got int64"),
    ],
)
def test_what_is_not_ours_is_refused(fields, message, tmp_path):
    path = tmp_path / "net.npz"
    changed(path, **fields)
    with pytest.raises(BittrueError, match=f"^{re.escape(f'{path}: {message}')}"):
        load_golden(path)


class Bomb:
    """What would go off if it were unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


def bomb():
    page = io.BytesIO()
    np.savez(page, about=np.array([Bomb()], dtype=object))
    return page.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "must be a readable file, got No such file or directory"),
        (b"", "must be a whole .npz file of plain arrays, got: "),
        (b"not a zip", "must be a whole .npz file of plain arrays, got: "),
        (bomb(), "must be a whole .npz file of plain arrays, got: 'about' of objects or texts, "),
    ],
)
def test_other_files_are_refused(content, message, tmp_path):
    path = tmp_path / "net.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BittrueError, match=f"^{re.escape(f'{path} {message}')}"):
        load_golden(path)


def test_a_truncated_file_is_refused(tmp_path):
    path = tmp_path / "net.npz"
    save_golden(network(), path)
    whole = path.read_bytes()
    for end in (100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:end])
        with pytest.raises(BittrueError, match=re.escape(str(path))):
            load_golden(path)


def test_other_arrays_are_refused(tmp_path):
    path = tmp_path / "net.npz"
    np.savez(path, x=np.zeros(3))
    with pytest.raises(
        BittrueError, match="must be a network that bittrue train saved, got arrays x"
    ):
        load_golden(path)
    np.save(tmp_path / "lone.npy", np.zeros(3))
    with pytest.raises(BittrueError, match=r"must be an \.npz file, got a single array"):
        load_golden(tmp_path / "lone.npy")
