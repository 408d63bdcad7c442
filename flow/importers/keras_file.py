"""Files of Keras: a zip of two texts and of an HDF5 file, read within bounds, none of it run."""

import io
import os
import zipfile
from types import TracebackType
from typing import IO, Any

import numpy as np

from bittrue.model.arrays import UNREADABLE, check_entries, checked_size
from bittrue.model.exceptions import BittrueError, ToolMissing
from bittrue.model.files import parse_json, unpacked_limit
from bittrue.model.formats import Values
from bittrue.model.reader import shown

TEXTS = {"metadata.json": 1 << 16, "config.json": 1 << 22}
"""Entries that are JSON, and the bytes that each may have."""

WEIGHTS = "model.weights.h5"
CHUNK = 1 << 20


def h5py_module() -> Any:
    """Return the package ``h5py``.

    Raises
    ------
    ToolMissing
        If it is not installed.
    """
    try:
        import h5py
    except ImportError:
        raise ToolMissing(
            "networks of Keras need h5py, which is not installed: pip install 'bittrue[keras]'"
        ) from None
    return h5py


class KerasFile:
    """A ``.keras`` file, open while a block runs.

    Parameters
    ----------
    path : path
        Of the file.

    Attributes
    ----------
    metadata, config : object
        The trees of its texts.

    Raises
    ------
    BittrueError
        If it is no whole zip of the three entries, or unpacks to more than it may.
    ToolMissing
        If the package ``h5py`` is not installed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._h5py = h5py_module()
        self._place = os.path.basename(path)
        try:
            with open(path, "rb") as file:
                texts, weights = self._unpacked(file)
        except OSError as error:
            raise BittrueError(f"{path} must be a readable file, got {error.strerror}") from None
        except UNREADABLE as error:
            raise BittrueError(f"{self._place} must be a whole .keras file, got: {error}") from None
        self.metadata, self.config = (
            parse_json(texts[name], f"{self._place}: {name}") for name in TEXTS
        )
        self._size = weights.getbuffer().nbytes
        self._file = self._opened(weights)

    def __enter__(self) -> "KerasFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._file.close()

    def _unpacked(self, file: IO[bytes]) -> tuple[dict[str, bytes], io.BytesIO]:
        size = checked_size(file)
        most = {**TEXTS, WEIGHTS: unpacked_limit(size) // 2}
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            check_entries(entries, size)
            sizes = {info.filename: info.file_size for info in entries}
            for name, limit in most.items():
                if name not in sizes:
                    raise BittrueError(f"no {name}")
                if sizes[name] > limit:
                    raise BittrueError(f"{name} of {sizes[name]} bytes, above {limit}")
            texts = {name: _read(archive, name, sizes[name]).getvalue() for name in TEXTS}
            return texts, _read(archive, WEIGHTS, sizes[WEIGHTS])

    def _opened(self, content: io.BytesIO) -> Any:
        try:
            return self._h5py.File(content, "r")
        except Exception as error:  # whatever HDF5 makes of a damaged file
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> BittrueError:
        return BittrueError(
            f"{self._place}: {WEIGHTS} must be a whole HDF5 file, got {shown(str(error))}"
        )

    def arrays(self, group: str, layer: str, shapes: list[tuple[int, ...]]) -> list[Values]:
        """Return the arrays of a layer.

        Parameters
        ----------
        group : str
            What the layer is called in the file of weights.
        layer : str
            Its own name, which stands beside the arrays where Keras wrote one.
        shapes : list of tuple of int
            Of its arrays.

        Raises
        ------
        BittrueError
            If there are others, of another kind, or they do not lie in the file as they are.
        """
        what = f"the layer {shown(layer)}"
        try:
            found = self._variables(group)
            names = set(found)
            told = found.attrs.get("name")
            kept = [self._array(found, str(number), what) for number in range(len(shapes))]
        except BittrueError:
            raise
        except Exception as error:  # whatever HDF5 makes of a damaged file
            raise self._damaged(error) from None
        if told is not None and told != layer:
            raise BittrueError(f"{what} must have its own weights, got those of {shown(str(told))}")
        if names != {str(number) for number in range(len(shapes))}:
            raise BittrueError(f"{what} must have {len(shapes)} arrays, got {len(names)}")
        for array, shape in zip(kept, shapes, strict=True):
            if array.shape != shape:
                raise BittrueError(f"{what} must have an array of {shape}, got {array.shape}")
        return [np.array(array, np.float64) for array in kept]

    def _variables(self, group: str) -> Any:
        """Return the group of a layer's arrays, by links that stay in the file."""
        node = self._file
        for name in ("layers", group, "vars"):
            if not isinstance(node.get(name, getlink=True), self._h5py.HardLink):
                raise BittrueError(f"{self._place} must hold the weights of {group!r}, got none")
            node = node[name]
            if not isinstance(node, self._h5py.Group):
                raise BittrueError(f"{self._place} must hold the weights of {group!r}, got others")
        return node

    def _array(self, group: Any, name: str, what: str) -> Values:
        link = group.get(name, getlink=True) if name in group else None
        data = group[name] if isinstance(link, self._h5py.HardLink) else None
        if not isinstance(data, self._h5py.Dataset):
            raise BittrueError(f"{what} must have an array {name}, got none")
        if data.dtype.kind != "f" or data.dtype.itemsize not in (2, 4, 8):
            raise BittrueError(f"{what} must have weights in floats, got {data.dtype}")
        stored = data.id.get_storage_size()
        plain = data.chunks is None and not data.is_virtual and data.external is None
        if not plain or stored != data.size * data.dtype.itemsize or stored > self._size:
            raise BittrueError(f"{what} must have its weights as they are, got them packed")
        return np.asarray(data[()])


def _read(archive: zipfile.ZipFile, name: str, size: int) -> io.BytesIO:
    """Return an entry, of which no more is read than it says it has."""
    page = io.BytesIO()
    with archive.open(name) as stream:
        while part := stream.read(min(CHUNK, size + 1 - page.tell())):
            page.write(part)
            if page.tell() > size:
                break
    if page.tell() != size:
        raise BittrueError(f"{name} of {page.tell()} bytes where {size} were told")
    page.seek(0)
    return page
