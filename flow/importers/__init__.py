"""Networks of others, read: ONNX, Keras, safetensors, and our own ``.npz``."""

import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from bittrue.model.exceptions import BittrueError

from .imported import Imported, check_size
from .sklearn_model import from_sklearn

__all__ = ["Imported", "from_sklearn", "read_model"]

READERS = {
    ".onnx": ("onnx_reader", "read_onnx"),
    ".keras": ("keras_reader", "read_keras"),
    ".safetensors": ("safetensors_reader", "read_safetensors"),
    ".npz": ("npz_reader", "read_npz"),
}
"""Module and function that read a file, by its suffix."""

WITHOUT_ACTIVATIONS = (".safetensors", ".npz")
"""Suffixes of files that may hold weights alone."""

PICKLED = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".bin")
"""Suffixes of files that run code when they are read."""


def read_model(
    path: str | os.PathLike[str], activation: str | Sequence[str] | None = None
) -> Imported:
    """Read a network, in the format that its file's suffix names.

    Parameters
    ----------
    path : path
        Of the file: ``.onnx``, ``.keras``, ``.safetensors`` or ``.npz``.
    activation : str or sequence of str, optional
        For files that hold weights alone: one for all layers, or one a layer.

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
    name, suffix = Path(path).name, Path(path).suffix.lower()
    if suffix in PICKLED:
        raise BittrueError(
            f"a network must be a file that runs nothing when it is read, got {name!r}: in Python "
            "bittrue.flow.importers.from_sklearn takes a model of scikit-learn, and torch exports "
            "to .onnx"
        )
    if suffix not in READERS:
        raise BittrueError(f"a network must be a file {', '.join(READERS)}, got {name!r}")
    if activation is not None and suffix not in WITHOUT_ACTIVATIONS:
        raise BittrueError(f"{name!r} must be read with its own activations, got others")
    check_size(path)
    module, function = READERS[suffix]
    read = getattr(import_module(f".{module}", __name__), function)
    given = [activation] if isinstance(activation, str) else activation
    found: Imported = read(path) if suffix not in WITHOUT_ACTIVATIONS else read(path, given)
    return found
