"""ONNX files, read within bounds: their size, what they become in memory, and where data lies."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bittrue.model.exceptions import BittrueError, ToolMissing
from bittrue.model.files import unpacked_limit

from .imported import LARGEST, check_size

Array = npt.NDArray[Any]

OPSETS = (7, 27)
"""First and last version of ONNX's operators that are known."""

QONNX = "qonnx.custom_op.general"
DOMAINS = {
    "": OPSETS,
    "ai.onnx.ml": (1, 5),
    QONNX: (1, 2),
    "onnx.brevitas": (1, 1),
}
"""Sets of operators that may be named, and the versions that are known."""

DTYPES = {
    **{1: "<f4", 2: "u1", 3: "i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8", 9: "?", 10: "<f2"},
    **{11: "<f8", 12: "<u4", 13: "<u8"},
}
"""Types of tensors that are read, by their number in ONNX."""

NIBBLES = {21: False, 22: True}
"""Types of four bits, two in a byte, and whether they are signed."""

NAMES = {"float": 4, "int32": 5, "int64": 7, "double": 10, "uint64": 11}
"""Fields of a tensor that hold numbers one by one."""

MOST_PARTS = 1 << 17
"""Nodes, tensors and descriptions of both that a graph may have."""

_DATA, _NUMBERS = (4, 9, 10), (5, 7, 11)
_GRAPH, _INITIALIZER = 7, 5
_NUMBER_BYTES, _PART_BYTES = 8, 64
"""What a byte of a packed number, and one of what is no data, may become in memory."""


def onnx_module() -> Any:
    """Return the package ``onnx``.

    Raises
    ------
    ToolMissing
        If it is not installed.
    """
    try:
        import onnx
    except ImportError:
        raise ToolMissing(
            "networks as ONNX need onnx, which is not installed: pip install 'bittrue[onnx]'"
        ) from None
    return onnx


def read_model_file(path: str | os.PathLike[str]) -> Any:
    """Return the ``ModelProto`` of a file; data outside the file is not read yet.

    Raises
    ------
    BittrueError
        If the file is too large, would become too large, is no ONNX model, or is of a version
        that is not known.
    ToolMissing
        If the package ``onnx`` is not installed.
    """
    size = check_size(path)
    onnx = onnx_module()
    try:
        with open(path, "rb") as file:
            content = file.read(size)
    except OSError as error:
        raise BittrueError(f"{path} must be a readable file, got {error.strerror}") from None
    place = Path(path).name
    _check_weight(content, place)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except Exception as error:  # DecodeError is not to be had without protobuf's own modules
        raise BittrueError(f"{place} must be an ONNX model, got {error}") from None
    if not model.graph.node:
        raise BittrueError(f"{place} must be an ONNX model with at least one node, got none")
    _check_versions(model, place)
    return model


def _check_weight(content: bytes, place: str) -> None:
    """Refuse a file whose many small parts would become much more than the file."""
    data = numbers = count = 0
    try:
        for field, part in _parts(memoryview(content)):
            for kind, inner in _parts(part) if field == _GRAPH else ():
                count += 1
                if count > MOST_PARTS:
                    raise BittrueError(f"{place} must have at most {MOST_PARTS} parts, got more")
                for what, piece in _parts(inner) if kind == _INITIALIZER else ():
                    data += len(piece) * (what in _DATA)
                    numbers += len(piece) * (what in _NUMBERS)
    except IndexError:
        raise BittrueError(f"{place} must be an ONNX model, got no whole one") from None
    rest = len(content) - data - numbers
    needed = data + _NUMBER_BYTES * numbers + _PART_BYTES * rest
    if needed > unpacked_limit(len(content)):
        raise BittrueError(
            f"{place} must describe its nodes in at most 1 MiB beside its tensors' data, got "
            f"{rest} bytes and {numbers} of packed integers"
        )


def _parts(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield number and bytes of a message's fields that have a length."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == 2:
            length, at = _varint(message, at)
            if at + length > len(message):
                raise IndexError
            yield tag >> 3, message[at : at + length]
            at += length
        elif kind == 0:
            _, at = _varint(message, at)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise IndexError


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return a number and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise IndexError


def _check_versions(model: Any, place: str) -> None:
    named = {item.domain if item.domain != "ai.onnx" else "": item for item in model.opset_import}
    if "" not in named:
        raise BittrueError(f"{place} must name the version of ONNX's operators, got none")
    for domain, item in named.items():
        if domain in DOMAINS:
            low, high = DOMAINS[domain]
            if not low <= item.version <= high:
                raise BittrueError(
                    f"{place}: the opset of {domain or 'ai.onnx'} must be {low} to {high}, "
                    f"got {item.version}"
                )


class Tensors:
    """Tensors of one file, made arrays where they are asked for.

    Parameters
    ----------
    path : path
        Of the file, in whose folder external data must lie.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.folder = Path(path).resolve().parent
        self._left = LARGEST

    def array(self, tensor: Any) -> Array:
        """Return a tensor's numbers.

        Raises
        ------
        BittrueError
            If it is of a type that is not known, holds more or fewer numbers than its shape says,
            or lies outside the folder of the file.
        """
        what = f"the tensor {tensor.name!r}"
        shape = tuple(tensor.dims)
        if any(size < 0 for size in shape) or len(shape) > 8:
            raise BittrueError(f"{what} must have at most 8 sizes of at least 0, got {shape}")
        count = 1
        for size in shape:
            count *= size
        kind = tensor.data_type
        if kind not in DTYPES and kind not in NIBBLES:
            raise BittrueError(f"{what} must be of floats, integers or truths, got type {kind}")
        raw = self._external(tensor, what) if tensor.data_location == 1 else tensor.raw_data
        flat = _unpacked(raw, kind) if raw or not _listed(tensor) else _numbers(tensor, kind, what)
        if kind in NIBBLES and flat.size == count + 1:
            flat = flat[:count]
        if flat.size != count:
            raise BittrueError(
                f"{what} must hold {count} numbers, as its shape says, got {flat.size}"
            )
        return flat.reshape(shape)

    def _external(self, tensor: Any, what: str) -> bytes:
        told = {item.key: item.value for item in tensor.external_data}
        location = str(told.get("location", ""))
        target = self.folder / location
        try:
            inside = target.resolve().is_relative_to(self.folder) and not os.path.isabs(location)
        except (OSError, ValueError, RuntimeError):
            inside = False
        if not inside or not location.isprintable() or not location:
            raise BittrueError(
                f"{what} must have its data in the folder of the model, got {location!r}"
            )
        offset, length = (_whole(told.get(key, "0"), what) for key in ("offset", "length"))
        size = check_size(target)
        length = length or max(size - offset, 0)
        if offset + length > size or not target.is_file():
            raise BittrueError(
                f"{what} must lie within the {size} bytes of {location!r}, got bytes {offset} "
                f"to {offset + length}"
            )
        self._left -= length
        if self._left < 0:
            raise BittrueError(f"data outside the model must be at most {LARGEST} bytes, got more")
        with open(target, "rb") as file:
            file.seek(offset)
            return file.read(length)


def _whole(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise BittrueError(f"{what} must have an offset and a length in bytes, got {text!r}")
    return int(text)


def _unpacked(raw: bytes, kind: int) -> Array:
    """Return raw bytes as numbers."""
    if kind in NIBBLES:
        bytes_ = np.frombuffer(raw, np.uint8)
        pairs = np.stack([bytes_ & 15, bytes_ >> 4], axis=1).ravel().astype(np.int8)
        return np.where(pairs > 7, pairs - 16, pairs) if NIBBLES[kind] else pairs
    size = np.dtype(DTYPES[kind]).itemsize
    return np.frombuffer(raw[: len(raw) - len(raw) % size], DTYPES[kind])


def _listed(tensor: Any) -> bool:
    return any(len(getattr(tensor, f"{name}_data")) for name in NAMES)


def _numbers(tensor: Any, kind: int, what: str) -> Array:
    """Return numbers that are listed one by one."""
    field = {1: "float", 11: "double", 7: "int64", 12: "uint64", 13: "uint64"}.get(kind, "int32")
    listed = getattr(tensor, f"{field}_data")
    if kind in NIBBLES:
        return _unpacked(bytes(number & 255 for number in listed), kind)
    if kind == 10:
        return np.array([number & 0xFFFF for number in listed], np.uint16).view(np.float16)
    array = np.array(listed, {"float": "<f4", "double": "<f8", "uint64": "<u8"}.get(field, "<i8"))
    with np.errstate(over="ignore"):
        given = array.astype(DTYPES[kind])
    if not np.array_equal(given, array, equal_nan=field in ("float", "double")):
        raise BittrueError(f"{what} must hold numbers of its type {given.dtype}, got others")
    return given
