"""``.npz`` files of inputs and labels."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bittrue.model.arrays import read_arrays
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import Values

from .gz import opened
from .pixels import HIGHEST_LABEL, Labels, scaled

Array = np.ndarray[Any, Any]

INPUTS = ("inputs", "x")
LABELS = ("labels", "y")


def read_npz(path: Path) -> tuple[Values, Labels]:
    """Read the arrays ``inputs`` (or ``x``) and ``labels`` (or ``y``); nothing is unpickled.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    inputs : float64, (samples, inputs)
        Floats as they are; bytes are pixels and scaled.
    labels : int64, (samples,)
        The labels.

    Raises
    ------
    BittrueError
        If the file is no ``.npz`` or holds objects, an array is missing or of a wrong kind or
        shape, an input is not finite or a label outside 0 to 999.
    """
    with opened(path):
        whole = _is_zip(path)
    if not whole:
        raise BittrueError(f"{path} must be an .npz file, a zip of arrays, got no whole zip file")
    arrays = read_arrays(path)
    inputs = _array(arrays, INPUTS, path, 2)
    labels = _array(arrays, LABELS, path, 1)
    if len(labels) != len(inputs):
        raise BittrueError(
            f"{path} must have as many labels as inputs have rows, {len(inputs)}, got {len(labels)}"
        )
    return _inputs(inputs, path), _labels(labels, path)


def _is_zip(path: Path) -> bool:
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:
        return False


def _array(arrays: Mapping[str, Array], names: tuple[str, str], path: Path, axes: int) -> Array:
    """Return the array of either name, if it has so many axes and is not empty."""
    present = [name for name in names if name in arrays]
    if len(present) != 1:
        got = ascii(", ".join(arrays))[1:-1] or "none"
        raise BittrueError(f"{path} must have one array {' or '.join(names)}, got {got}")
    array = arrays[present[0]]
    if array.ndim != axes:
        raise BittrueError(
            f"{path}: {present[0]} must have {axes} dimension{'s' * (axes > 1)}, got {array.ndim}"
        )
    if array.size == 0:
        raise BittrueError(f"{path}: {present[0]} must not be empty, got shape {array.shape}")
    return array


def _inputs(array: Array, path: Path) -> Values:
    if array.dtype == np.uint8:
        return scaled(array)
    if array.dtype.kind != "f":
        raise BittrueError(f"{path}: inputs must be floats, or bytes (uint8), got {array.dtype}")
    values = np.ascontiguousarray(array, np.float64)
    finite = np.isfinite(values)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise BittrueError(
            f"{path}, row {row + 1}, column {column + 1} must be finite, got {values[row, column]}"
        )
    return values


def _labels(array: Array, path: Path) -> Labels:
    if array.dtype.kind not in "iu":
        raise BittrueError(f"{path}: labels must be integers, got {array.dtype}")
    wrong = np.flatnonzero((array < 0) | (array > HIGHEST_LABEL))
    if len(wrong):
        raise BittrueError(
            f"{path}, row {wrong[0] + 1} must have a label from 0 to {HIGHEST_LABEL}, "
            f"got {array[wrong[0]]}"
        )
    return array.astype(np.int64)
