"""Golden networks of our own, read as an imported one; and plain arrays of weights and biases."""

import os
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from bittrue.model.arrays import Arrays, read_arrays
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import Values
from bittrue.model.golden_file import ABOUT, load_golden
from bittrue.model.reader import shown

from .imported import Imported
from .plain_layers import Layer, plain_network

NAMES = {"W": "b", "w": "b", "weights": "biases", "coefs": "intercepts"}
"""What weights are called, and biases beside them; a number follows, with or without ``_``."""


def read_npz(path: str | os.PathLike[str], activation: Sequence[str] | None = None) -> Imported:
    """Read a network that ``bittrue train`` saved, or arrays ``W0``, ``b0``, ``W1``, ...

    Parameters
    ----------
    path : path
        Of the file.
    activation : sequence of str, optional
        Of plain arrays, one for all layers or one a layer.

    Returns
    -------
    Imported
        In floats.

    Raises
    ------
    BittrueError
        If the file is damaged, or arrays are missing, of other names, or of sizes that do not say
        whether rows are outputs or inputs. Objects are never unpickled.
    """
    place = os.path.basename(path)
    arrays = read_arrays(path)
    if ABOUT in arrays:
        if activation is not None:
            raise BittrueError(f"{place} must be read with its own activations, got others")
        del arrays
        return Imported(load_golden(path)[0])
    layers = plain_arrays(arrays, place)
    if activation is None:
        raise BittrueError(f"{place} must come with activations, as it says none itself, got none")
    return plain_network(layers, activation, place)


def plain_arrays(arrays: Arrays, place: str) -> list[Layer]:
    """Return layers from arrays by name, weights as (outputs, inputs).

    Raises
    ------
    BittrueError
        If they are none, or not sure.
    """
    named = _numbered(arrays, place)
    weights = [matrix for matrix, _ in named]
    biases = [shift for _, shift in named]
    ways = [
        [matrix.T if turned else matrix for matrix in weights]
        for turned in (False, True)
        if _fits([matrix.T if turned else matrix for matrix in weights], biases)
    ]
    if not ways:
        sizes = ", ".join(str(matrix.shape) for matrix in weights[:8])
        raise BittrueError(f"{place} must hold layers whose sizes fit, got {sizes}")
    if len(ways) > 1:
        raise BittrueError(
            f"{place} must show by its sizes whether rows are outputs or inputs, got squares: "
            "bittrue.model.golden_file.save_golden writes a network that says so"
        )
    return list(zip(ways[0], biases, strict=True))


def _numbered(arrays: Arrays, place: str) -> list[tuple[Values, Values | None]]:
    """Return weights and biases by their numbers, which count up by one."""
    for weight, bias in NAMES.items():
        found = {int(match[1]) for match in _matches(arrays, weight)}
        if not found:
            continue
        start = min(found)
        if start > 1 or found != set(range(start, start + len(found))):
            raise BittrueError(f"{place}: {weight} must be counted from 0 or 1, without a gap")
        used: set[str] = set()
        pairs = []
        for number in sorted(found):
            matrix = _taken(arrays, weight, number, 2, used, place)
            pairs.append((matrix, _taken(arrays, bias, number, 1, used, place)))
        others = [name for name in arrays if name not in used]
        if others:
            raise BittrueError(f"{place} must hold weights and biases only, got {shown(others[0])}")
        return [(matrix, shift) for matrix, shift in pairs if matrix is not None]
    raise BittrueError(
        f"{place} must be a network that bittrue train saved, or arrays W0, b0, W1, ..., got "
        f"{shown(sorted(arrays)[:8])}"
    )


def _matches(arrays: Arrays, name: str) -> Iterator[re.Match[str]]:
    for given in arrays:
        if match := re.fullmatch(rf"{name}_?(\d{{1,3}})", given, re.ASCII):
            yield match


def _taken(
    arrays: Arrays, name: str, number: int, axes: int, used: set[str], place: str
) -> Values | None:
    """Return an array by its name and number, in floats."""
    found = [match[0] for match in _matches(arrays, name) if int(match[1]) == number]
    if not found:
        return None
    if len(found) > 1:
        raise BittrueError(f"{place} must hold {name}{number} once, got {', '.join(found[:4])}")
    array = arrays[found[0]]
    used.add(found[0])
    if array.ndim != axes or array.dtype.kind not in "fiu" or not array.size:
        raise BittrueError(
            f"{place}: {found[0]} must have {axes} axes of numbers, got shape {array.shape} of "
            f"{array.dtype}"
        )
    return np.asarray(array, np.float64)


def _fits(weights: Sequence[Values], biases: Sequence[Values | None]) -> bool:
    """Return whether sizes fit where rows are outputs."""
    ends = pairwise(weights)
    return all(len(one) == two.shape[1] for one, two in ends) and all(
        shift is None or len(shift) == len(one) for one, shift in zip(weights, biases, strict=True)
    )
