"""Files of data sets: every form reads the same, and what is refused is named by file and row."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from bittrue.flow.data import load
from bittrue.model.exceptions import BittrueError

IMAGES = np.random.default_rng(7).integers(0, 256, (5, 3, 2), np.uint8)
LABELS = np.array([3, 0, 9, 3, 1])
PIXELS = IMAGES.reshape(5, 6)


def idx(array, type=8):
    """Return an array as the bytes of an IDX file."""
    return struct.pack(f">HBB{array.ndim}I", 0, type, array.ndim, *array.shape) + bytes(array)


def rows(pixels=PIXELS, labels=LABELS):
    """Return samples as CSV."""
    return "".join(
        ",".join(map(str, [label, *row])) + "\n"
        for label, row in zip(labels.tolist(), pixels.tolist(), strict=True)
    ).encode()


IDX = {"train-images-idx3-ubyte": idx(IMAGES), "train-labels-idx1-ubyte": idx(LABELS.astype("u1"))}
IMAGES_NAME, LABELS_NAME = IDX


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Return the empty folder in which a test runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(folder):
    """Return what writes files: their bytes, or the arrays of an .npz, by name."""

    def write(files):
        for name, content in files.items():
            if isinstance(content, dict):
                np.savez(folder / name, **content)
            else:
                (folder / name).write_bytes(content)

    return write


FORMS = {
    "idx": (IMAGES_NAME, IDX),
    "idx, gzipped": (
        f"{IMAGES_NAME}.gz",
        {f"{name}.gz": gzip.compress(content) for name, content in IDX.items()},
    ),
    "idx, labels alone gzipped": (
        IMAGES_NAME,
        {
            IMAGES_NAME: IDX[IMAGES_NAME],
            f"{LABELS_NAME}.gz": gzip.compress(IDX[LABELS_NAME]),
        },
    ),
    "idx, names with dots": (
        "t10k-images.idx3-ubyte",
        {"t10k-images.idx3-ubyte": idx(IMAGES), "t10k-labels.idx1-ubyte": IDX[LABELS_NAME]},
    ),
    "idx, both named": ("a.bin,b.bin", {"a.bin": idx(IMAGES), "b.bin": IDX[LABELS_NAME]}),
    "csv": ("small.csv", {"small.csv": rows()}),
    "csv, gzipped": ("small.csv.gz", {"small.csv.gz": gzip.compress(rows())}),
    "csv by content": ("small.txt", {"small.txt": rows()}),
    "csv, names above": ("small.csv", {"small.csv": b"label,1x1,1x2,2x1,2x2,3x1,3x2\n" + rows()}),
    "csv of Windows": (
        "small.csv",
        {"small.csv": b"\xef\xbb\xbf" + rows().replace(b"\n", b"\r\n") + b"\r\n"},
    ),
    "csv of floats": (
        "small.csv",
        {"small.csv": rows(PIXELS.astype(float), LABELS.astype(float))},
    ),
    "npz": ("small.npz", {"small.npz": {"inputs": PIXELS, "labels": LABELS}}),
    "npz, short names": ("small.npz", {"small.npz": {"x": PIXELS, "y": LABELS.astype("u1")}}),
    "npz of floats": (
        "small.npz",
        {"small.npz": {"inputs": PIXELS / 255 * 0.99 + 0.01, "labels": LABELS.astype(">i2")}},
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_reads_the_same(form, write):
    source, files = FORMS[form]
    write(files)
    read = load(source)
    assert (read.name, read.classes) == (source, 10)
    assert read.inputs.dtype == np.float64 and read.labels.dtype == np.int64
    assert (read.inputs == PIXELS / 255 * 0.99 + 0.01).all()
    assert (read.labels == LABELS).all()


def test_floats_stay_as_they_are(write):
    inputs = np.array([[-1.5, 0.0], [0.25, 7.0]], np.float32)
    write({"small.npz": {"inputs": inputs, "labels": np.array([0, 999])}})
    read = load("small.npz")
    assert read.inputs.tolist() == inputs.tolist() and read.classes == 1000


BAD = {
    "no such name": ({}, "mnits", "a data set must be digits, mnist or a file, got 'mnits'"),
    "a folder": ({}, ".", "a data set must be a file, got the folder ."),
    "unknown content": ({"a.png": b"\x89PNG\0"}, "a.png", "a.png must be IDX images, a .csv or"),
    "empty idx": ({IMAGES_NAME: b""}, IMAGES_NAME, f"{IMAGES_NAME} must hold samples, got an empt"),
    "empty gzip": (
        {f"{IMAGES_NAME}.gz": gzip.compress(b"")},
        f"{IMAGES_NAME}.gz",
        "magic number 0x00000803, got nothing",
    ),
    "empty csv": ({"a.csv": b""}, "a.csv", "a.csv must hold samples, got an empty file"),
    "empty gzipped csv": ({"a.csv.gz": gzip.compress(b"")}, "a.csv.gz", "got no row of numbers"),
    "blank csv": ({"a.csv": b"\n\n"}, "a.csv", "a.csv must hold samples, got no row of numbers"),
    "csv of names": ({"a.csv": b"label,a\n"}, "a.csv", "must hold samples, got no row of numbers"),
    "empty npz": ({"a.npz": b""}, "a.npz", "a.npz must hold samples, got an empty file"),
    "truncated idx": (
        {**IDX, IMAGES_NAME: idx(IMAGES)[:-1]},
        IMAGES_NAME,
        f"{IMAGES_NAME} must have the 46 bytes that its header says, got a truncated file of 45",
    ),
    "truncated header": (
        {**IDX, IMAGES_NAME: idx(IMAGES)[:9]},
        IMAGES_NAME,
        "must have a header of 16 bytes, got a truncated file of 9",
    ),
    "sizes beyond all memory": (
        {**IDX, IMAGES_NAME: idx(IMAGES)[:4] + b"\xff" * 12 + b"123"},
        IMAGES_NAME,
        "got a truncated file of 19",
    ),
    "longer idx": ({**IDX, IMAGES_NAME: idx(IMAGES) + b"1"}, IMAGES_NAME, "got a longer one of 47"),
    "truncated gzip": (
        {f"{IMAGES_NAME}.gz": gzip.compress(idx(IMAGES))[:-9]},
        f"{IMAGES_NAME}.gz",
        "must be a whole gzip file, got a truncated one",
    ),
    "damaged gzip": (
        {"a.csv.gz": gzip.compress(rows())[:-8] + b"12345678"},
        "a.csv.gz",
        "a.csv.gz must be a whole gzip file, got: CRC check failed",
    ),
    "no idx": (
        {IMAGES_NAME: b"GIF89a"},
        IMAGES_NAME,
        f"{IMAGES_NAME} must be IDX images, magic number 0x00000803, got 0x47494638",
    ),
    "idx of floats": (
        {IMAGES_NAME: idx(IMAGES.astype(">f4"), 13)},
        IMAGES_NAME,
        "its type must be 0x08, unsigned bytes, got 0x0d",
    ),
    "idx of colours": (
        {IMAGES_NAME: idx(IMAGES[..., None])},
        IMAGES_NAME,
        "it must have 3 dimensions, got 4",
    ),
    "labels as images": (
        IDX,
        LABELS_NAME,
        f"{LABELS_NAME} must be IDX images, magic number 0x00000803, got labels, 0x00000801: "
        "is it mislabelled?",
    ),
    "images as labels": (
        IDX,
        f"{IMAGES_NAME},{IMAGES_NAME}",
        f"{IMAGES_NAME} must be IDX labels, magic number 0x00000801, got images, 0x00000803: "
        "is it mislabelled?",
    ),
    "no images": (
        {**IDX, IMAGES_NAME: idx(IMAGES[:0])},
        IMAGES_NAME,
        "must have at least one of each dimension, got 0 × 3 × 2",
    ),
    "fewer labels": (
        {**IDX, LABELS_NAME: idx(LABELS[:4].astype("u1"))},
        IMAGES_NAME,
        f"{LABELS_NAME} must have as many labels as {IMAGES_NAME} has images, 5, got 4",
    ),
    "no labels": (
        {IMAGES_NAME: idx(IMAGES)},
        IMAGES_NAME,
        f"{IMAGES_NAME} must have its labels beside it as {LABELS_NAME} or be given as",
    ),
    "labels not named": ({"a.idx": idx(IMAGES)}, "a.idx", "a.idx must have images in its name"),
    "labels named, not there": (
        {"a.idx": idx(IMAGES)},
        "a.idx,b.idx",
        "b.idx must be a readable file, got No such file",
    ),
    "short row": (
        {"a.csv": b"1,2,3\n1,2,3\n1,2\n"},
        "a.csv",
        "a.csv, row 3 must have 3 fields like the first row, got 2",
    ),
    "long row": ({"a.csv": b"1,2\n\n1,2,3\n"}, "a.csv", "row 3 must have 2 fields like the first"),
    "no commas": ({"a.csv": b"1;2;3\n"}, "a.csv", "row 1 must have a label and pixels between"),
    "a word": (
        {"a.csv": b"1,2,3\n1,x\x1b[2J,3\n"},
        "a.csv",
        r"a.csv, row 2, column 2 must be a number, a pixel, got 'x\x1b[2J'",
    ),
    "nothing": ({"a.csv": b"1,2,\n"}, "a.csv", "row 1, column 3 must be a number, a pixel, got ''"),
    "names and numbers above": (
        {"a.csv": b"label,0,1\n1,2,3\n"},
        "a.csv",
        "a.csv, row 1, column 1 must be a number, a label, got 'label'",
    ),
    "Python's numbers": ({"a.csv": b"1,1_0\n"}, "a.csv", "column 2 must be a number"),
    "a word of no end": ({"a.csv": b"1," + b"x" * 999}, "a.csv", f"got '{'x' * 40}...'"),
    "npz, no zip": ({"a.npz": b"inputs"}, "a.npz", "a.npz must be an .npz file, a zip of arrays,"),
    "npz with objects": (
        {"a.npz": {"inputs": PIXELS, "labels": np.array([{}], object)}},
        "a.npz",
        "a.npz must be a whole .npz file of plain arrays, got: 'labels' of objects or texts",
    ),
    "npz without labels": (
        {"a.npz": {"inputs": PIXELS}},
        "a.npz",
        "a.npz must have one array labels or y, got inputs",
    ),
    "npz without inputs": ({"a.npz": {"y": LABELS}}, "a.npz", "must have one array inputs or x, "),
    "npz with both": (
        {"a.npz": {"inputs": PIXELS, "x": PIXELS, "y": LABELS}},
        "a.npz",
        "a.npz must have one array inputs or x, got inputs, x, y",
    ),
    "npz of images": (
        {"a.npz": {"inputs": IMAGES, "labels": LABELS}},
        "a.npz",
        "a.npz: inputs must have 2 dimensions, got 3",
    ),
    "npz of targets": (
        {"a.npz": {"inputs": PIXELS, "labels": np.eye(5)}},
        "a.npz",
        "a.npz: labels must have 1 dimension, got 2",
    ),
    "npz of none": (
        {"a.npz": {"inputs": PIXELS[:0], "labels": LABELS[:0]}},
        "a.npz",
        "a.npz: inputs must not be empty, got shape (0, 6)",
    ),
    "npz of wide integers": (
        {"a.npz": {"inputs": PIXELS.astype(int), "labels": LABELS}},
        "a.npz",
        "a.npz: inputs must be floats, or bytes (uint8), got int64",
    ),
    "npz, fewer labels": (
        {"a.npz": {"inputs": PIXELS, "labels": LABELS[:4]}},
        "a.npz",
        "a.npz must have as many labels as inputs have rows, 5, got 4",
    ),
    "npz with nan": (
        {"a.npz": {"inputs": np.array([[0, 1], [2, np.nan]]), "labels": LABELS[:2]}},
        "a.npz",
        "a.npz, row 2, column 2 must be finite, got nan",
    ),
    "npz of float labels": (
        {"a.npz": {"inputs": PIXELS, "labels": LABELS / 2}},
        "a.npz",
        "a.npz: labels must be integers, got float64",
    ),
    "npz of negative labels": (
        {"a.npz": {"inputs": PIXELS, "labels": LABELS - 1}},
        "a.npz",
        "a.npz, row 2 must have a label from 0 to 999, got -1",
    ),
    "npz of labels too high": (
        {"a.npz": {"inputs": PIXELS, "labels": LABELS.astype("u8") * 111 + 1}},
        "a.npz",
        "a.npz, row 3 must have a label from 0 to 999, got 1000",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case, write):
    files, source, message = BAD[case]
    write(files)
    with pytest.raises(BittrueError) as caught:
        load(source)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value) and ". " not in str(caught.value)


@pytest.mark.parametrize("field", ["256", "-1", "0.5", "nan", "inf", "-inf", "1e999"])
def test_pixels_out_of_range(field, write):
    write({"a.csv": b"1,2,3\n4,5,%s\n" % field.encode()})
    with pytest.raises(BittrueError, match=rf"^a.csv, row 2, column 3 .* 0 to 255, got '{field}'$"):
        load("a.csv")


@pytest.mark.parametrize("field", ["1000", "-1", "0.5", "nan", "inf"])
def test_labels_out_of_range(field, write):
    write({"a.csv": b"1,2,3\n%s,5,6\n" % field.encode()})
    with pytest.raises(BittrueError, match=rf"^a.csv, row 2, column 1 .* 0 to 999, got '{field}'$"):
        load("a.csv")


def test_every_flipped_byte_is_read_or_refused(write):
    """Damage is one sentence, never another exception."""
    np.savez("small.npz", inputs=PIXELS, labels=LABELS)
    forms = [FORMS[form] for form in ("idx", "idx, gzipped", "csv", "csv, gzipped")]
    for source, files in (*forms, ("small.npz", {"small.npz": Path("small.npz").read_bytes()})):
        content = files[source]
        for at in range(len(content)):
            write({**files, source: content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :]})
            try:
                assert load(source).inputs.shape[0] <= 6
            except BittrueError as error:
                assert source in str(error)


@pytest.mark.long
def test_sixty_thousand_images(write):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60000, 28, 28), np.uint8)
    labels = rng.integers(0, 10, 60000)
    write({IMAGES_NAME: idx(images), LABELS_NAME: idx(labels.astype("u1"))})
    write({"big.csv": rows(images.reshape(60000, 784), labels)})
    assert load("big.csv").digest == load(IMAGES_NAME).digest
