"""Networks of Keras: the same answers as Keras gave, and every refusal by its name."""

import io
import json
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from bittrue.flow.importers import read_model
from bittrue.model.exceptions import BittrueError, ToolMissing

FIXTURES = Path(__file__).parent / "fixtures"


def entries_of(name):
    """Return a fixture's entries, its configuration as a tree."""
    with zipfile.ZipFile(FIXTURES / f"{name}.keras") as file:
        entries = {info.filename: file.read(info) for info in file.infolist()}
    return entries, json.loads(entries["config.json"])


def rewritten(folder, name="keras-functional", *, change=None, version=None, weights=None):
    """Return the path of a fixture with its configuration, version or weights changed."""
    entries, config = entries_of(name)
    if change is not None:
        change(config["config"])
        entries["config.json"] = json.dumps(config).encode()
    if version is not None:
        entries["metadata.json"] = json.dumps({"keras_version": version}).encode()
    if weights is not None:
        page = io.BytesIO(entries["model.weights.h5"])
        with h5py.File(page, "r+") as file:
            weights(file)
        entries["model.weights.h5"] = page.getvalue()
    path = folder / "network.keras"
    with zipfile.ZipFile(path, "w") as file:
        for entry, content in entries.items():
            file.writestr(entry, content)
    return path


def layer(config, name):
    """Return the layer of a name in a configuration."""
    return next(one for one in config["layers"] if one["config"]["name"] == name)


def setting(name, **fields):
    """Return a change of a layer's fields."""
    return lambda config: layer(config, name)["config"].update(fields)


def test_what_was_folded_and_left_out():
    found = read_model(FIXTURES / "keras-sequential.keras")
    assert found.golden.sizes == (12, 8, 6, 3)
    assert [one.name for one in found.golden.activations] == ["sigmoid", "relu", "identity"]
    assert found.tail == "softmax"
    assert found.design is None
    assert found.notes == (
        'Dropout "dropout" was left out: it does nothing once a network is trained',
        'Rescaling "rescaling" was folded into Dense "dense"',
        'BatchNormalization "batch_normalization" was folded into Dense "dense_1"',
        "softmax behind the last layer was left out",
    )


def test_names_of_layers_are_not_those_of_their_weights():
    found = read_model(FIXTURES / "keras-functional.keras")
    assert found.golden.sizes == (6, 7, 5, 2)
    names = [one.name for one in found.golden.activations]
    assert names == ["tanh", "hard-sigmoid-sixth", "identity"]
    assert not found.golden.biases[1].any()


def test_layers_stand_in_the_order_of_the_signal(tmp_path):
    """The list of a graph's layers may be in any order, but says which weights are whose."""
    turned = rewritten(tmp_path, change=lambda config: config["layers"].append(
        config["layers"].pop(0)
    ))  # fmt: skip
    whole = read_model(FIXTURES / "keras-functional.keras").golden
    for one, two in zip(read_model(turned).golden.weights, whole.weights, strict=True):
        assert np.array_equal(one, two)


@pytest.mark.parametrize(
    ("given", "ours"),
    [
        *(("relu", "relu"), ("relu6", "relu6"), ("sigmoid", "sigmoid"), ("softplus", "softplus")),
        *(("swish", "silu"), ("gelu", "gelu"), ("exponential", "exp"), (None, "identity")),
        ({"module": "builtins", "class_name": "function", "config": "tanh"}, "tanh"),
    ],
)
def test_activations(tmp_path, given, ours):
    path = rewritten(tmp_path, change=setting("first", activation=given))
    assert read_model(path).golden.activations[0].name == ours


@pytest.mark.parametrize(("ceiling", "ours"), [(1.0, "clipped-relu"), (6, "relu6")])
def test_ceilings(tmp_path, ceiling, ours):
    change = setting("re_lu", max_value=ceiling)
    path = rewritten(tmp_path, "keras-sequential", change=change)
    assert read_model(path).golden.activations[1].name == ours


def test_a_ceiling_without_a_name_is_folded(tmp_path):
    """At 3 outputs are thrice those of a ceiling of 1, of a third of what went in."""
    path = rewritten(tmp_path, "keras-sequential", change=setting("re_lu", max_value=3.0))
    plain, clipped = (
        read_model(file).golden for file in (FIXTURES / "keras-sequential.keras", path)
    )
    assert clipped.activations[1].name == "clipped-relu"
    assert np.allclose(clipped.weights[1] * 3, plain.weights[1])
    assert np.allclose(clipped.weights[2], plain.weights[2] * 3)


def test_halves_are_read(tmp_path):
    def weights(file):
        kernel = file["layers/dense/vars/0"][()]
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = kernel.astype(np.float16)

    whole = read_model(FIXTURES / "keras-functional.keras").golden.weights[0]
    found = read_model(rewritten(tmp_path, weights=weights)).golden.weights[0]
    assert np.array_equal(found, whole.astype(np.float16))


def replaced(name, **fields):
    """Return a change of a layer's class, or what else stands beside its fields."""
    return lambda config: layer(config, name).update(fields)


def second_input(config):
    config["layers"].append(
        {"class_name": "InputLayer", "config": {"name": "b"}, "inbound_nodes": []}
    )


def branch(config):
    history = layer(config, "first")["inbound_nodes"][0]["args"][0]["config"]["keras_history"]
    second = layer(config, "last")["inbound_nodes"][0]["args"][0]["config"]
    second["keras_history"] = [history[0], 0, 0]


def doubled(config):
    config["layers"].append(config["layers"][1])


LAMBDA = {"class_name": "__lambda__", "config": {"value": "4wEAAAAAAAAA"}}
REFUSED_CONFIGS = [
    ("keras-functional", replaced("first", class_name="Lambda"),
     r'^the layer Lambda "first" must be one of InputLayer, Dense, .*, got another class$'),
    ("keras-functional", replaced("first", class_name="LSTM"), r'^the layer LSTM "first" must be'),
    ("keras-functional", setting("first", activation=LAMBDA),
     r'^Dense "first" must have an activation of .* got \{"class_name": "__lambda__"'),
    ("keras-functional", setting("first", activation="elu"),
     r'^Dense "first" must have an activation of .*, got "elu"$'),
    ("keras-functional", setting("first", activation="softmax"),
     r'^Dense "dense.*" must stand before softmax, got it behind$'),
    ("keras-functional", setting("first", units=10**12),
     r'^Dense "first" must have units, a count, got 1000000000000$'),
    ("keras-functional", setting("first", units=8),
     r'^the layer "first" must have an array of \(6, 8\), got \(6, 7\)$'),
    ("keras-functional", setting("first", use_bias=False),
     r'^the layer "first" must have 1 arrays, got 2$'),
    ("keras-functional", second_input, r"^network\.keras must have one input, got 2$"),
    ("keras-functional", branch, r'^what ".*" gives must go into one layer, got two, Dense'),
    ("keras-functional", doubled, r'^network\.keras must name each layer once, got "first" twice$'),
    ("keras-functional", lambda config: config["layers"].insert(1, 3),
     r"^a layer must have a class and a name, got 3$"),
    ("keras-sequential", setting("re_lu", negative_slope=0.1),
     r'^ReLU "re_lu" must have negative_slope 0\.0 or 0, got 0\.1$'),
    ("keras-sequential", setting("re_lu", max_value=-3.0),
     r'^ReLU "re_lu" must have a max_value above 0, got -3$'),
    ("keras-sequential", setting("re_lu", max_value="x"),
     r'^ReLU "re_lu" must have max_value in numbers, got "x"$'),
    ("keras-sequential", setting("rescaling", scale="x"),
     r'^Rescaling "rescaling" must have scale in numbers, got "x"$'),
    ("keras-sequential", setting("batch_normalization", axis=2),
     r'^BatchNormalization "batch_normalization" must have axis -1, got 2$'),
    ("keras-sequential", lambda config: config["layers"].pop(1),
     r'^Dense "dense" must take one axis of features, got \(3, 4\): Flatten belongs before it$'),
    ("keras-sequential", lambda config: config["layers"].pop(0),
     r'^Flatten "flatten" must stand behind an InputLayer, got none$'),
    ("keras-sequential", setting("flatten", data_format="channels_first"),
     r'^Flatten "flatten" must have data_format channels_last, got "channels_first"$'),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "message"), REFUSED_CONFIGS)
def test_refused_layers(tmp_path, name, change, message):
    path = rewritten(tmp_path, name, change=change)
    with pytest.raises(BittrueError, match=message):
        read_model(path)


def replace_kernel(**options):
    """Return a change of the first kernel to one that is stored otherwise."""

    def weights(file):
        kernel = file["layers/dense/vars/0"][()]
        del file["layers/dense/vars/0"]
        file["layers/dense/vars"].create_dataset("0", **{"data": kernel, **options})

    return weights


def linked(file):
    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/passwd", "/x")


def renamed(file):
    file["layers/dense/vars"].attrs["name"] = "other"


def infinite(file):
    file["layers/dense/vars/0"][0, 0] = np.inf


UNWRITTEN = {"data": None, "shape": (1 << 20, 1 << 20), "dtype": "<f8"}
REFUSED_WEIGHTS = [
    (linked, r'^the layer "first" must have an array 0, got none$'),
    (renamed, r'^the layer "first" must have its own weights, got those of "other"$'),
    (replace_kernel(compression="gzip"), r'^the layer "first" must have its weights as they are'),
    (replace_kernel(**UNWRITTEN), r'^the layer "first" must have its weights as they are'),
    (replace_kernel(dtype="<i4"), r'^the layer "first" must have weights in floats, got int32$'),
    (infinite, r'^Dense "first" must have finite weights and biases, .*, got inf$'),
    (lambda file: file.pop("layers"), r"^network\.keras must hold the weights of 'dense', got no"),
]


@pytest.mark.parametrize(("weights", "message"), REFUSED_WEIGHTS)
def test_refused_weights(tmp_path, weights, message):
    path = rewritten(tmp_path, weights=weights)
    with pytest.raises(BittrueError, match=message):
        read_model(path)


def test_versions(tmp_path):
    path = rewritten(tmp_path, version="2.15.0")
    with pytest.raises(
        BittrueError, match=r'^network\.keras must be saved by Keras 3, got version "2\.15\.0"$'
    ):
        read_model(path)


def test_files_that_are_none(tmp_path):
    path = tmp_path / "network.keras"
    path.write_bytes(b"PK")
    with pytest.raises(BittrueError, match=r"^network\.keras must be a whole \.keras file, got: "):
        read_model(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("metadata.json", "{}")
    with pytest.raises(BittrueError, match=r"got: no config\.json$"):
        read_model(path)


def test_a_bomb(tmp_path):
    path = tmp_path / "network.keras"
    entries, _ = entries_of("keras-functional")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name in ("metadata.json", "config.json"):
            file.writestr(name, entries[name])
        file.writestr("model.weights.h5", bytes(40 << 20))
    with pytest.raises(
        BittrueError, match=r"got: model\.weights\.h5 of 41943040 bytes, above \d+$"
    ):
        read_model(path)


def test_without_h5py(monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(
        ToolMissing, match=r"^networks of Keras need h5py, .*: pip install 'bittrue\[keras\]'$"
    ):
        read_model(FIXTURES / "keras-functional.keras")
