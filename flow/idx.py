"""IDX files, the form in which MNIST and its kin are published: images and, apart, labels."""

from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np

from bittrue.model.exceptions import BittrueError
from bittrue.model.files import SPARE, unpacked_limit

from .gz import opened
from .pixels import Labels, Pixels

UNSIGNED_BYTES = 0x08
IMAGES, LABELS = 3, 1
"""Dimensions of a file of images (images, rows, columns) and of a file of labels."""

CHUNK = 1 << 20
"""Bytes read at once."""

_NAMES = {IMAGES: "images", LABELS: "labels"}


def read_idx(images: Path, labels: Path | None = None) -> tuple[Pixels, Labels]:
    """Read images and their labels, plain or gzipped.

    Parameters
    ----------
    images : Path
        The file of images.
    labels : Path, optional
        The file of labels; else the one that stands beside the images under the usual name.

    Returns
    -------
    pixels : uint8, (images, rows · columns)
        The pixels, row by row.
    labels : int64, (images,)
        The labels.

    Raises
    ------
    BittrueError
        If a file is missing, truncated, of another kind than it should be or does not fit the
        other.
    """
    pixels = _read(images, IMAGES)
    beside = labels or labels_beside(images)
    found = _read(beside, LABELS)
    if len(found) != len(pixels):
        raise BittrueError(
            f"{beside} must have as many labels as {images} has images, {len(pixels)}, "
            f"got {len(found)}"
        )
    return pixels.reshape(len(pixels), -1), found.astype(np.int64)


def labels_beside(images: Path) -> Path:
    """Return the labels file of an images file: the same name with labels and idx1 in it.

    Raises
    ------
    BittrueError
        If there is none, or the name is not of the usual kind.
    """
    name = images.name.replace("images", "labels").replace("idx3", "idx1")
    if "images" not in images.name:
        raise BittrueError(
            f"{images} must have images in its name, so that its labels can be found, or be given "
            "as IMAGES,LABELS"
        )
    bare = name.removesuffix(".gz")
    for path in (images.with_name(name), images.with_name(bare), images.with_name(f"{bare}.gz")):
        if path.is_file():
            return path
    raise BittrueError(
        f"{images} must have its labels beside it as {name} or be given as IMAGES,LABELS, "
        "got no such file"
    )


def _read(path: Path, dimensions: int) -> Pixels:
    """Return the bytes of an IDX file in the shape that its header says."""
    start = 4 + 4 * dimensions
    with opened(path) as stream:
        header = stream.read(start)
        _check_magic(path, header[:4], dimensions)
        if len(header) < start:
            raise BittrueError(
                f"{path} must have a header of {start} bytes, got a truncated file of {len(header)}"
            )
        shape = [int(size) for size in np.frombuffer(header, ">u4", dimensions, 4)]
        if not all(shape):
            raise BittrueError(
                f"{path} must have at least one of each dimension, "
                f"got {' × '.join(map(str, shape))}"
            )
        return _content(path, stream, start, prod(shape)).reshape(shape)


def _content(path: Path, stream: BinaryIO, start: int, size: int) -> Pixels:
    """Return the bytes behind a header, of which there must be so many."""
    # half of what may be spared is left to whatever unpacks
    most = unpacked_limit(path.stat().st_size) - SPARE // 2
    content, actual = np.empty(size if size <= most else 0, np.uint8), 0
    while part := stream.read(CHUNK):
        if actual + len(part) <= len(content):
            content[actual : actual + len(part)] = np.frombuffer(part, np.uint8)
        actual += len(part)
    if actual != size:
        kind = "a truncated file of" if actual < size else "a longer one of"
        raise BittrueError(
            f"{path} must have the {start + size} bytes that its header says, "
            f"got {kind} {start + actual}"
        )
    if len(content) != size:
        raise BittrueError(f"{path} must unpack to at most {most} bytes, got {start + size}")
    return content


def _check_magic(path: Path, magic: bytes, dimensions: int) -> None:
    """Refuse a file whose first four bytes do not say unsigned bytes of so many dimensions."""
    wanted = bytes((0, 0, UNSIGNED_BYTES, dimensions))
    if magic == wanted:
        return
    place = f"{path} must be IDX {_NAMES[dimensions]}, magic number 0x{wanted.hex()}"
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise BittrueError(f"{place}, got {f'0x{magic.hex()}' if magic else 'nothing'}")
    if magic[2] != UNSIGNED_BYTES:
        raise BittrueError(f"{place}: its type must be 0x08, unsigned bytes, got 0x{magic[2]:02x}")
    if magic[3] in _NAMES:
        raise BittrueError(f"{place}, got {_NAMES[magic[3]]}, 0x{magic.hex()}: is it mislabelled?")
    raise BittrueError(f"{place}: it must have {dimensions} dimensions, got {magic[3]}")
