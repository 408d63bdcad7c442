"""Reading ``.npz`` files that may be hostile: plain arrays only, and no more than they may take.

What a file says of itself is believed only where the file can hold it: an array is made once its
size is known to be that of its entry, and all entries together stay within what `unpacked_limit`
allows. Headers are matched, not evaluated; nothing is unpickled.
"""

import math
import os
import re
import zipfile
import zlib
from typing import IO, Any

import numpy as np

from .exceptions import BittrueError
from .files import unpacked_limit

Arrays = dict[str, np.ndarray[Any, Any]]

MOST_ENTRIES = 1000
"""Entries of a file, whose list alone takes memory."""

_DIRECTORY = b"PK\x01\x02"
_CHUNK = 1 << 20
_MAGIC = b"\x93NUMPY"
_LENGTHS = {1: 2, 2: 4, 3: 4}
"""Bytes of a header's length, by the format's version."""

_LONGEST_HEADER = 10_000
_HEADER = re.compile(
    r"\{'descr': '([<>|=]?[bifcuSUmMVO?]\d{0,9})', 'fortran_order': (True|False), "
    r"'shape': \(((?:\d{1,18}(?:, ?|(?=\))))*)\),? ?\}\s*"
)

UNREADABLE = (
    *(ValueError, zipfile.BadZipFile, EOFError, KeyError, zlib.error),
    *(NotImplementedError, RuntimeError, OverflowError),
)
"""What `zipfile` raises on files that are damaged, odd or encrypted."""


def read_arrays(path: str | os.PathLike[str]) -> Arrays:
    """Return the arrays of an ``.npz`` file, by name; those of objects are refused.

    Raises
    ------
    BittrueError
        If the file cannot be read, is no ``.npz``, holds objects, or says that it holds more than
        it may.
    """
    try:
        with open(path, "rb") as file:
            return arrays_of(file, str(path))
    except OSError as error:
        raise BittrueError(f"{path} must be a readable file, got {error.strerror}") from None


def arrays_of(file: IO[bytes], place: str) -> Arrays:
    """Return the arrays of an open ``.npz`` file that is called ``place``; see `read_arrays`."""
    if file.read(len(_MAGIC)) == _MAGIC:
        raise BittrueError(f"{place} must be an .npz file, got a single array")
    try:
        size = checked_size(file)
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            check_entries(entries, size)
            return {_name(info): _array(archive, info) for info in entries}
    except UNREADABLE as error:
        raise BittrueError(
            f"{place} must be a whole .npz file of plain arrays, got: {error}"
        ) from None


def checked_size(file: IO[bytes]) -> int:
    """Return the size of a zip file whose list of entries is short; `zipfile` would read any."""
    file.seek(0)
    found, size, tail = 0, 0, b""
    while chunk := file.read(_CHUNK):
        found += (tail + chunk).count(_DIRECTORY)
        tail, size = chunk[1 - len(_DIRECTORY) :], size + len(chunk)
    if found > MOST_ENTRIES:
        raise BittrueError(f"a list of {found} entries")
    file.seek(0)
    return size


def check_entries(entries: list[zipfile.ZipInfo], size: int) -> None:
    """Refuse entries of a zip file of a size that are odd, or more than it may unpack to."""
    names: set[str] = set()
    for info in entries:
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BittrueError(f"{_name(info)!r} neither stored nor deflated")
        if info.flag_bits & 1:
            raise BittrueError(f"{_name(info)!r} encrypted")
        if info.filename in names:
            raise BittrueError(f"{_name(info)!r} twice")
        names.add(info.filename)
    unpacked = sum(info.file_size for info in entries)
    if unpacked > unpacked_limit(size):
        raise BittrueError(f"{unpacked} bytes once unpacked, above {unpacked_limit(size)}")


def _name(info: zipfile.ZipInfo) -> str:
    return info.filename.removesuffix(".npy")


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray[Any, Any]:
    """Return an entry's array, which fills the entry to its last byte."""
    with archive.open(info) as stream:
        kind, fortran, shape, taken = _header(stream, _name(info))
        count = math.prod(shape)
        expected = info.file_size - taken
        if count * kind.itemsize != expected:
            raise BittrueError(
                f"{_name(info)!r} of {expected} bytes where its header says {count * kind.itemsize}"
            )
        array = np.empty(count, kind)
        _fill(array, stream)
    return array.reshape(shape, order="F" if fortran else "C")


def _fill(array: np.ndarray[Any, Any], stream: IO[bytes]) -> None:
    place = array.view(np.uint8).data if array.size else memoryview(b"")
    start = 0
    while part := stream.read(_CHUNK):
        place[start : start + len(part)] = part
        start += len(part)
    if start != len(place):
        raise BittrueError(f"{start} bytes where {len(place)} were to follow")


def _header(stream: IO[bytes], name: str) -> tuple[np.dtype[Any], bool, tuple[int, ...], int]:
    """Return type, order and shape, and the bytes that said so."""
    magic = stream.read(len(_MAGIC) + 2)
    width = _LENGTHS.get(magic[-2] if magic[:-2] == _MAGIC else 0)
    if width is None:
        raise BittrueError(f"{name!r}, which is no array of NumPy's formats 1 to 3")
    length = int.from_bytes(stream.read(width), "little")
    if length > _LONGEST_HEADER:
        raise BittrueError(f"{name!r} with a header of {length} bytes")
    said = _HEADER.fullmatch(stream.read(length).decode("latin-1"))
    if said is None:
        raise BittrueError(f"{name!r} with a header of more than one plain type and a shape")
    try:
        kind = np.dtype(said[1])
    except TypeError:
        raise BittrueError(f"{name!r} of an unknown type, {said[1]}") from None
    if kind.kind not in "biufc":
        raise BittrueError(f"{name!r} of objects or texts, type {said[1]}")
    shape = tuple(int(size) for size in re.findall(r"\d+", said[3]))
    if len(shape) > 32:
        raise BittrueError(f"{name!r} of {len(shape)} dimensions")
    return kind, said[2] == "True", shape, len(magic) + width + length
