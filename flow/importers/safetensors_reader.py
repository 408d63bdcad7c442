"""Dense layers as ``.safetensors``, by torch's names: weights and biases, and nothing else."""

import os
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from bittrue.model.exceptions import BittrueError
from bittrue.model.files import parse_json
from bittrue.model.formats import Values
from bittrue.model.reader import shown

from .imported import Imported, check_size
from .plain_layers import chained, plain_network

DTYPES = {"F16": "<f2", "BF16": "<u2", "F32": "<f4", "F64": "<f8"}
"""Types of tensors that are read; the short one of 16 bits is the upper half of an F32."""

LONGEST_HEADER = 1 << 20
MOST_TENSORS = 1000


def read_safetensors(
    path: str | os.PathLike[str], activation: Sequence[str] | None = None
) -> Imported:
    """Read dense layers whose tensors are called ``….weight`` and ``….bias``.

    Layers stand in the order of the numbers in their names; where there are none, in the only order
    in which their sizes fit.

    Parameters
    ----------
    path : path
        Of the file.
    activation : sequence of str
        By name, one for all layers or one a layer: the file says none.

    Returns
    -------
    Imported
        In floats.

    Raises
    ------
    BittrueError
        If the file is damaged, holds another tensor, its order is not sure, or no activation is
        given.
    """
    place = os.path.basename(path)
    if activation is None:
        raise BittrueError(f"{place} must come with activations, as it says none itself, got none")
    tensors = read_tensors(path)
    layers: dict[str, tuple[Values, Values | None]] = {}
    for name, array in tensors.items():
        prefix, dot, part = name.rpartition(".")
        axes = {"weight": 2, "bias": 1}.get(part)
        if axes is None or array.ndim != axes:
            raise BittrueError(
                f"{place}: the tensor {shown(name)} must be the weight of a dense layer, of 2 "
                f"axes, or its bias, of 1, got shape {array.shape}"
            )
        if part == "weight":
            layers[prefix] = (array, tensors.get(f"{prefix}{dot}bias"))
        elif f"{prefix}{dot}weight" not in tensors:
            raise BittrueError(f"{place}: the tensor {shown(name)} must have a weight, got none")
    return plain_network(chained(layers, place), activation, place)


def read_tensors(path: str | os.PathLike[str]) -> dict[str, Values]:
    """Return the tensors of a ``.safetensors`` file, by name.

    Raises
    ------
    BittrueError
        If it is no whole file of that kind, holds a tensor that is not of floats, or bytes that
        belong to none.
    """
    place = os.path.basename(path)
    size = check_size(path)
    try:
        with open(path, "rb") as file:
            content = file.read(size)
    except OSError as error:
        raise BittrueError(f"{path} must be a readable file, got {error.strerror}") from None
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > min(LONGEST_HEADER, len(content) - 8):
        raise BittrueError(
            f"{place} must be a whole .safetensors file with a header of at most "
            f"{LONGEST_HEADER} bytes, got {len(content)} bytes and a header of {length}"
        )
    header = parse_json(content[8 : 8 + length], f"{place}: header")
    if not isinstance(header, dict):
        raise BittrueError(f"{place}: header must be an object, got {shown(header)}")
    header.pop("__metadata__", None)
    if len(header) > MOST_TENSORS:
        raise BittrueError(f"{place} must hold at most {MOST_TENSORS} tensors, got {len(header)}")
    data = memoryview(content)[8 + length :]
    places = {name: _place(name, said, len(data), place) for name, said in header.items()}
    end = 0
    for name, (start, stop, *_) in sorted(places.items(), key=lambda item: item[1][:2]):
        if start != end:
            raise BittrueError(
                f"{place}: the tensor {shown(name)} must begin at byte {end}, got {start}"
            )
        end = stop
    if end != len(data):
        raise BittrueError(f"{place} must hold {end} bytes of tensors, got {len(data)}")
    # what is not finite is found where it would become a weight
    with np.errstate(all="ignore"):
        return {name: _array(data, *said) for name, said in places.items()}


def _place(name: str, said: Any, size: int, place: str) -> tuple[int, int, str, tuple[int, ...]]:
    """Return where a tensor begins and ends, its type and its shape."""
    what = f"{place}: the tensor {shown(name)}"
    kind, shape, ends = (
        said.get(key) if isinstance(said, dict) else None
        for key in ("dtype", "shape", "data_offsets")
    )
    if not isinstance(kind, str) or kind not in DTYPES:
        raise BittrueError(f"{what} must be of {', '.join(DTYPES)}, got {shown(kind)}")
    if not isinstance(shape, list) or not _whole(shape) or len(shape) > 8:
        raise BittrueError(f"{what} must have a shape of at most 8 sizes, got {shown(shape)}")
    if (
        not isinstance(ends, list)
        or not _whole(ends)
        or len(ends) != 2
        or not ends[0] <= ends[1] <= size
    ):
        raise BittrueError(f"{what} must lie within {size} bytes, got {shown(ends)}")
    expected = prod(shape) * np.dtype(DTYPES[kind]).itemsize
    if ends[1] - ends[0] != expected:
        raise BittrueError(
            f"{what} must have {shown(expected)} bytes, as its shape says, got {ends[1] - ends[0]}"
        )
    return ends[0], ends[1], kind, tuple(shape)


def _whole(items: list[Any]) -> bool:
    return all(type(item) is int and item >= 0 for item in items)


def _array(data: memoryview, start: int, stop: int, kind: str, shape: tuple[int, ...]) -> Values:
    array = np.frombuffer(data[start:stop], DTYPES[kind])
    if kind == "BF16":
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return array.reshape(shape).astype(np.float64)
