"""Images with labels in files: IDX as MNIST comes in, and the book's CSV."""

import gzip
import math
import re
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bittrue.model.exceptions import BittrueError

Labels = npt.NDArray[np.int64]
Pixels = npt.NDArray[Any]

MAX_PIXEL = 255
MAX_LABEL = 999

GZIP = b"\x1f\x8b"
UNSIGNED_BYTES = 8
"""The code of IDX for its type of elements."""


def read_whole(path: Path) -> bytes:
    """Return a file's content, unpacked where it is gzipped.

    Raises
    ------
    BittrueError
        If it cannot be read, is empty, or its gzip is not whole.
    """
    try:
        content = path.read_bytes()
        if content.startswith(GZIP):
            content = gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BittrueError(f"{path} must be whole gzip, got: {error}") from None
    except OSError as error:
        raise BittrueError(f"{path} must be a readable file, got: {error.strerror}") from None
    if not content:
        raise BittrueError(f"{path} must hold data, got an empty file")
    return content


def check_labels(labels: npt.ArrayLike, place: str) -> Labels:
    """Return labels as integers, refusing what is none.

    Raises
    ------
    BittrueError
        If one is no integer from 0 to 999; the message names its row, counted from 1.
    """
    given = np.asarray(labels)
    if given.dtype.kind not in "iuf":
        raise BittrueError(f"labels of {place} must be integers, got {given.dtype}")
    with np.errstate(invalid="ignore"):
        wrong = ~((given >= 0) & (given <= MAX_LABEL) & (given == np.floor(given)))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise BittrueError(
            f"labels of {place} must be integers from 0 to {MAX_LABEL}, got {given[row]} in row "
            f"{row + 1}"
        )
    return given.astype(np.int64)


def read_idx(path: Path, labels: Path | None = None) -> tuple[Pixels, Labels]:
    """Read images and labels in IDX.

    Parameters
    ----------
    path : Path
        Of the images: bytes, of two or more dimensions.
    labels : Path, optional
        Of the labels: bytes, of one dimension. By default the file beside the images whose name has
        ``labels`` for ``images`` and ``idx1`` for the images' number of dimensions.

    Returns
    -------
    pixels : ndarray of uint8, shape (samples, pixels)
    labels : ndarray of int64, shape (samples,)

    Raises
    ------
    BittrueError
        If a file is not whole, is no IDX of bytes, or the two do not go together.
    """
    pixels = _idx_array(path, "images")
    beside = labels or _labels_beside(path)
    numbers = _idx_array(beside, "labels")
    if len(numbers) != len(pixels):
        raise BittrueError(
            f"{beside} must have as many labels as {path} has images, {len(pixels)}, got "
            f"{len(numbers)}"
        )
    return pixels.reshape(len(pixels), -1), check_labels(numbers, str(beside))


def _labels_beside(path: Path) -> Path:
    """Return the labels file of an images file by their usual names, zipped or not."""
    name = re.sub(r"idx\d", "idx1", path.name.replace("images", "labels"))
    plain = name.removesuffix(".gz")
    for candidate in (name, plain, f"{plain}.gz"):
        beside = path.with_name(candidate)
        if beside != path and beside.is_file():
            return beside
    raise BittrueError(
        f"labels must lie beside {path} as {name}, or be named as IMAGES,LABELS, got neither"
    )


def _idx_array(path: Path, what: str) -> Pixels:
    content = read_whole(path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UNSIGNED_BYTES:
        raise BittrueError(
            f"{path} must be IDX of bytes, which starts with 00 00 08, got {content[:4].hex(' ')}"
        )
    dimensions = content[3]
    if (dimensions == 1) != (what == "labels") or dimensions == 0:
        wanted = "one dimension" if what == "labels" else "two or more dimensions"
        raise BittrueError(f"{path} must be {what}, of {wanted}, got {dimensions}")
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise BittrueError(f"{path} must have a header of {start} bytes, got {len(content)}")
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", dimensions, 4))
    size = math.prod(shape)
    if not size:
        raise BittrueError(f"{path} must hold data, got shape {shape}")
    if len(content) - start != size:
        raise BittrueError(
            f"{path} must have {size} bytes of data for shape {shape}, got {len(content) - start}"
        )
    return np.frombuffer(content, np.uint8, size, start).reshape(shape)


def read_csv(path: Path) -> tuple[Pixels, Labels]:
    """Read rows ``label,p0,p1,…``, as the book's files have them.

    A first line in which nothing is a number is taken for names of columns.

    Returns
    -------
    pixels : ndarray of float64, shape (samples, pixels)
        From 0 to 255.
    labels : ndarray of int64, shape (samples,)

    Raises
    ------
    BittrueError
        If a row is short or long, a field is no number, a pixel or a label is out of range; the
        message names the line, counted from 1.
    """
    try:
        lines = read_whole(path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise BittrueError(f"{path} must be text, got: {error}") from None
    first = 1 if lines and not any(_is_number(field) for field in lines[0].split(",")) else 0
    rows = [number for number in range(first, len(lines)) if lines[number].strip()]
    if not rows:
        raise BittrueError(f"{path} must have rows label,p0,p1,…, got none")
    table = _parsed(path, lines, rows)
    _check_pixels(path, table[:, 1:], rows)
    labels = table[:, 0]
    with np.errstate(invalid="ignore"):
        wrong = ~((labels >= 0) & (labels <= MAX_LABEL) & (labels == np.floor(labels)))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise BittrueError(
            f"{path}: a label must be an integer from 0 to {MAX_LABEL}, got {labels[row]:g} in "
            f"line {rows[row] + 1}"
        )
    return table[:, 1:], labels.astype(np.int64)


def _parsed(path: Path, lines: list[str], rows: list[int]) -> npt.NDArray[np.float64]:
    width = lines[rows[0]].count(",") + 1
    if width < 2:
        raise BittrueError(f"{path} must have rows label,p0,p1,…, got line {rows[0] + 1} alone")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            table = np.loadtxt((lines[row] for row in rows), delimiter=",", comments=None, ndmin=2)
    except (ValueError, UserWarning):
        table = None
    if table is None:
        raise BittrueError(f"{path}: {next(_faults(lines, rows, width))}") from None
    return table


def _faults(lines: list[str], rows: list[int], width: int) -> Iterator[str]:
    """Yield what is wrong with rows that could not be read."""
    for row in rows:
        fields = lines[row].split(",")
        if len(fields) != width:
            yield f"line {row + 1} must have {width} fields like the first, got {len(fields)}"
        for column, field in enumerate(fields, start=1):
            if not _is_number(field):
                yield (
                    f"a field must be a number, got {field.strip()!r} in line {row + 1}, "
                    f"column {column}"
                )
    yield "rows must be numbers between commas"


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _check_pixels(path: Path, pixels: npt.NDArray[np.float64], rows: list[int]) -> None:
    low, high = float(pixels.min()), float(pixels.max())
    if low >= 0 and high <= MAX_PIXEL:
        return
    row, column = np.argwhere(~((pixels >= 0) & (pixels <= MAX_PIXEL)))[0].tolist()
    raise BittrueError(
        f"{path}: a pixel must be 0 to {MAX_PIXEL}, got {pixels[row, column]:g} in line "
        f"{rows[row] + 1}, column {column + 2}"
    )
