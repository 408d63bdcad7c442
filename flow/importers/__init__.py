"""Networks of others, read: ONNX, Keras, safetensors, and our own ``.npz``."""

import os
from importlib import import_module
from pathlib import Path

from bittrue.model.exceptions import BittrueError

from .imported import Imported, check_size

__all__ = ["Imported", "read_model"]

READERS = {
    ".onnx": ("onnx_reader", "read_onnx"),
    ".keras": ("keras_reader", "read_keras"),
    ".safetensors": ("safetensors_reader", "read_safetensors"),
    ".npz": ("npz_reader", "read_npz"),
}
"""Module and function that read a file, by its suffix."""


def read_model(path: str | os.PathLike[str]) -> Imported:
    """Read a network, in the format that its file's suffix names.

    Parameters
    ----------
    path : path
        Of the file: ``.onnx``, ``.keras``, ``.safetensors`` or ``.npz``.

    Returns
    -------
    Imported
        The network in floats; in fixed point too, where the file says its formats.

    Raises
    ------
    BittrueError
        If the suffix is another, the file is too large or cannot be read, or holds what no dense
        network is made of. Nothing is unpickled, and nothing in a file is run.
    ToolMissing
        If the package that knows the format is not installed.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in READERS:
        raise BittrueError(
            f"a network must be a file {', '.join(READERS)}, got {Path(path).name!r}"
        )
    check_size(path)
    module, function = READERS[suffix]
    read = getattr(import_module(f".{module}", __name__), function)
    found: Imported = read(path)
    return found
