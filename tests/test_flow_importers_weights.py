"""Files of weights alone, and networks of scikit-learn: order, orientation, every refusal."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, PolynomialFeatures, StandardScaler

from bittrue.flow.importers import from_sklearn, read_model
from bittrue.model.exceptions import BittrueError
from bittrue.model.golden import GoldenNetwork
from bittrue.model.golden_file import save_golden

FIXTURES = Path(__file__).parent / "fixtures"
RNG = np.random.default_rng(5)
NAMES = {"F16": np.float16, "F32": np.float32, "F64": np.float64}


def tensors(folder, *, kind="F64", **arrays):
    """Return the path of a .safetensors file of arrays; names with two underscores for a dot."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, array in arrays.items():
        content = array.astype(NAMES[kind]).tobytes()
        ends = [len(data), len(data) + len(content)]
        said = {"dtype": kind, "shape": list(array.shape), "data_offsets": ends}
        header[name.replace("__", ".")], data = said, data + content
    return written(folder, header, data)


def written(folder, header, data=b""):
    """Return the path of a .safetensors file of a header and bytes."""
    text = json.dumps(header).encode()
    path = folder / "a.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def drawn(*shape):
    return RNG.normal(size=shape)


@pytest.mark.parametrize("kind", NAMES)
def test_numbers_say_the_order(tmp_path, kind):
    """Ten comes behind two, though not as text; equal sizes do not matter."""
    arrays = {f"net__{n}__weight": drawn(3, 3) for n in (10, 2, 0)}
    path = tensors(tmp_path, kind=kind, **arrays, net__2__bias=drawn(3))
    golden = read_model(path, "tanh").golden
    for weights, n in zip(golden.weights, (0, 2, 10), strict=True):
        assert np.array_equal(weights, arrays[f"net__{n}__weight"].astype(NAMES[kind]))
    assert [shift.any() for shift in golden.biases] == [False, True, False]


def test_sizes_say_the_order(tmp_path):
    path = tensors(tmp_path, last__weight=drawn(2, 5), first__weight=drawn(4, 3),
                   between__weight=drawn(5, 4))  # fmt: skip
    found = read_model(path, ["relu", "relu", "identity"])
    assert found.golden.sizes == (3, 4, 5, 2)
    assert [one.name for one in found.golden.activations] == ["relu", "relu", "identity"]


@pytest.mark.parametrize("prefix", ["", "0__"])
def test_a_layer_alone(tmp_path, prefix):
    """Square, and named as torch names one that is no part of another."""
    shift = drawn(3)
    path = tensors(tmp_path, **{f"{prefix}weight": drawn(3, 3), f"{prefix}bias": shift})
    assert np.array_equal(read_model(path, "tanh").golden.biases[0], shift)


def test_short_floats(tmp_path):
    said = {"dtype": "BF16", "shape": [1, 2], "data_offsets": [0, 4]}
    path = written(tmp_path, {"0.weight": said}, b"\x80\x3f\x20\xc0")
    assert read_model(path, "tanh").golden.weights[0].tolist() == [[1.0, -2.5]]


def said(shape=(1, 2), ends=(0, 16), kind="F64"):
    return {"0.weight": {"dtype": kind, "shape": list(shape), "data_offsets": list(ends)}}


REFUSED_HEADERS = [
    (said(kind="I8"), r'^a\.safetensors: the tensor "0\.weight" must be of F16, .*, got "I8"$'),
    (said((1, -2)), r'^a\.safetensors: the tensor "0\.weight" must have a shape of .*\[1, -2\]$'),
    (said((1, 3)), r'"0\.weight" must have 24 bytes, as its shape says, got 16$'),
    (said(ends=(0, 17)), r'"0\.weight" must lie within 16 bytes, got \[0, 17\]$'),
    (said((1, 1), (8, 16)), r'"0\.weight" must begin at byte 0, got 8$'),
    (said((1, 1), (0, 8)), r"^a\.safetensors must hold 8 bytes of tensors, got 16$"),
    (said((1 << 40, 1 << 40)), r'"0\.weight" must have 9671406556917033397649408 bytes'),
    ([], r"^a\.safetensors: header must be an object, got \[\]$"),
    ({f"{n}.weight": 0 for n in range(1001)}, r"must hold at most 1000 tensors, got 1001$"),
]


@pytest.mark.parametrize(("header", "message"), REFUSED_HEADERS)
def test_refused_headers(tmp_path, header, message):
    with pytest.raises(BittrueError, match=message):
        read_model(written(tmp_path, header, bytes(16)), "tanh")


REFUSED_TENSORS = [
    ({"conv__weight": drawn(2, 3, 3)}, r'the tensor "conv\.weight" must be the weight of a dense'),
    ({"0__weight": drawn(2, 3), "0__running_mean": drawn(2)}, r'the tensor "0\.running_mean" must'),
    ({"0__bias": drawn(2)}, r'the tensor "0\.bias" must have a weight, got none$'),
    ({"0__weight": drawn(2, 3), "0__bias": drawn(3)}, r"^a\.safetensors: biases must have shapes"),
    ({"0__weight": drawn(2, 3), "1__weight": drawn(2, 3)},
     r'the layer "1" must have 2 inputs, as "0" before it has outputs, got 3$'),
    ({"a__weight": drawn(3, 3), "b__weight": drawn(3, 3)},
     r'or their sizes must fit in one order only, got "a" and "b" with as many inputs$'),
    ({"a__weight": drawn(2, 3), "b__weight": drawn(5, 4)}, r"must be one chain by their sizes"),
    ({"a__weight": drawn(2, 3), "b__weight": drawn(3, 2)}, r"must be one chain by their sizes"),
    ({}, r"^a\.safetensors must hold at least one layer of weights, got none$"),
]  # fmt: skip


@pytest.mark.parametrize(("arrays", "message"), REFUSED_TENSORS)
def test_refused_tensors(tmp_path, arrays, message):
    with pytest.raises(BittrueError, match=message):
        read_model(tensors(tmp_path, **arrays), "tanh")


def test_activations_must_be_given(tmp_path):
    path = tensors(tmp_path, a__weight=drawn(2, 3))
    with pytest.raises(BittrueError, match=r"^a\.safetensors must come with activations, .*none$"):
        read_model(path)
    with pytest.raises(BittrueError, match=r"activations must be one or 1, one a layer, got 2$"):
        read_model(path, ["tanh", "tanh"])


def test_files_that_are_no_tensors(tmp_path):
    path = tmp_path / "a.safetensors"
    for content in (b"", b"\xff" * 8 + b"{}"):
        path.write_bytes(content)
        with pytest.raises(BittrueError, match=r"^a\.safetensors must be a whole \.safetensors fi"):
            read_model(path, "tanh")


def arrays(folder, **given):
    """Return the path of an .npz file."""
    path = folder / "a.npz"
    np.savez(path, **given)
    return path


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("weight", "bias"), [("W", "b"), ("weights_", "biases_"), ("coefs_", "in"
                                              "tercepts_")])  # fmt: skip
def test_plain_arrays(tmp_path, turned, weight, bias):
    matrices, shifts = [drawn(4, 3), drawn(2, 4)], [drawn(4), drawn(2)]
    given = {f"{weight}{n}": m.T if turned else m for n, m in enumerate(matrices)}
    given |= {f"{bias}{n}": shift for n, shift in enumerate(shifts)}
    golden = read_model(arrays(tmp_path, **given), "tanh").golden
    assert all(map(np.array_equal, golden.weights, matrices))
    assert all(map(np.array_equal, golden.biases, shifts))


REFUSED_ARRAYS = [
    ({"W0": drawn(3, 3), "b0": drawn(3)}, r"^a\.npz must show by its sizes whether rows are"),
    ({"W0": drawn(3, 2), "W2": drawn(2, 3)}, r"^a\.npz: W must be counted from 0 or 1, without a"),
    ({"W0": drawn(3, 2), "W1": drawn(5, 7)}, r"^a\.npz must hold layers whose sizes fit, got \(3,"),
    ({"W0": drawn(3, 2), "b0": drawn(3), "c": drawn(1)}, r'weights and biases only, got "c"$'),
    ({"W0": drawn(3, 2), "W_0": drawn(3, 2)}, r"^a\.npz must hold W0 once, got W0, W_0$"),
    ({"W0": drawn(3)}, r"^a\.npz: W0 must have 2 axes of numbers, got shape \(3,\) of float64$"),
    ({"W0": drawn(3, 2) > 0}, r"^a\.npz: W0 must have 2 axes of numbers, .* of bool$"),
    ({"x": drawn(3)}, r'a network that bittrue train saved, or arrays W0, b0, W1, .* got \["x"\]$'),
]


@pytest.mark.parametrize(("given", "message"), REFUSED_ARRAYS)
def test_refused_arrays(tmp_path, given, message):
    with pytest.raises(BittrueError, match=message):
        read_model(arrays(tmp_path, **given), "tanh")


def test_our_own_network(tmp_path):
    golden = GoldenNetwork(3, 4, 2, 0.1, 1, activation=["tanh", "sigmoid"])
    save_golden(golden, tmp_path / "a.npz")
    found = read_model(tmp_path / "a.npz").golden
    assert all(map(np.array_equal, found.weights, golden.weights))
    with pytest.raises(BittrueError, match=r"^a\.npz must be read with its own activations"):
        read_model(tmp_path / "a.npz", "tanh")
    with pytest.raises(BittrueError, match=r"^'a\.onnx' must be read with its own activations"):
        read_model(tmp_path / "a.onnx", "tanh")


@pytest.mark.parametrize("name", ["a.pkl", "a.JOBLIB", "a.pt"])
def test_nothing_is_unpickled(tmp_path, name):
    (tmp_path / name).write_bytes(b"cos\nsystem\n(S'touch here'\ntR.")
    with pytest.raises(BittrueError, match=r"^a network must be a file that runs nothing when it"):
        read_model(tmp_path / name)


def fitted(model, outputs=None):
    """Return a model fitted to drawn samples, and some of these."""
    samples = np.random.default_rng(2).normal(1.0, 2.0, (120, 5))
    kinds = (samples[:, 0] > samples[:, 1]).astype(int) + (samples[:, 2] > 1) * (outputs != 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(samples, kinds if outputs else samples[:, :2]), samples


SHORT = {"hidden_layer_sizes": (6, 4), "max_iter": 20, "random_state": 3}


def softmax(values):
    powers = np.exp(values)
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("activation", ["logistic", "tanh", "relu", "identity"])
def test_a_classifier(activation):
    model, samples = fitted(MLPClassifier(activation=activation, **SHORT), 3)
    found = from_sklearn(model)
    assert (found.tail, found.golden.sizes) == ("softmax", (5, 6, 4, 3))
    probabilities = softmax(found.golden.predict(samples))
    assert np.abs(probabilities - model.predict_proba(samples)).max() < 1e-12


def test_two_classes_have_one_output():
    model, samples = fitted(MLPClassifier(**SHORT), 2)
    found = from_sklearn(model)
    assert found.tail is None
    assert found.golden.activations[-1].name == "sigmoid"
    outputs = found.golden.predict(samples)[:, 0]
    assert np.abs(outputs - model.predict_proba(samples)[:, 1]).max() < 1e-12


SCALERS = [StandardScaler(), StandardScaler(with_mean=False), StandardScaler(with_std=False),
           MinMaxScaler((-1, 3)), MaxAbsScaler()]  # fmt: skip


@pytest.mark.parametrize("scaler", SCALERS, ids=str)
def test_a_regressor_behind_a_scaler(scaler):
    model, samples = fitted(make_pipeline(scaler, MLPRegressor(activation="tanh", **SHORT)))
    found = from_sklearn(model)
    assert f"{type(scaler).__name__} was folded into layer 0" in found.notes
    assert np.abs(found.golden.predict(samples) - model.predict(samples)).max() < 1e-12


def test_a_regressor_of_counts():
    """Poisson loss, which newer versions have, ends in powers of e."""
    model, samples = fitted(MLPRegressor(**SHORT))
    expected = np.exp(model.predict(samples))
    model.out_activation_ = "exp"
    assert np.allclose(from_sklearn(model).golden.predict(samples), expected, rtol=1e-12)


REFUSED_MODELS = [
    (lambda: make_pipeline(), r"^a network must be MLPClassifier or MLPRegressor, got NoneType$"),
    (lambda: 3, r"^a network must be MLPClassifier or MLPRegressor, got int$"),
    (MLPRegressor, r"^MLPRegressor must be fitted, got it as it was made$"),
    (lambda: fitted(make_pipeline(PolynomialFeatures(), MLPRegressor(**SHORT)))[0],
     r"^before a network must stand StandardScaler, .*, got PolynomialFeatures$"),
    (lambda: fitted(make_pipeline(MinMaxScaler(clip=True), MLPRegressor(**SHORT)))[0],
     r"^MinMaxScaler must not clip, got clip=True$"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "message"), REFUSED_MODELS)
def test_refused_models(made, message):
    with pytest.raises(BittrueError, match=message):
        from_sklearn(made())
