"""Golden networks as `.npz` files: arrays only, nothing that is run when it is read."""

import io
import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from .activations import Activation, activation_named
from .exceptions import BittrueError
from .files import write_whole
from .golden import GoldenNetwork

SCHEMA = "bittrue.golden"
VERSION = 1
UNREADABLE = (
    *(ValueError, zipfile.BadZipFile, EOFError, KeyError, zlib.error),
    *(NotImplementedError, RuntimeError, MemoryError),
)
"""What NumPy and `zipfile` raise on files that are damaged, odd or encrypted."""

ABOUT = "about"
"""The array that holds, as JSON text, all that is no array."""


def save_golden(
    golden: GoldenNetwork, path: str | os.PathLike[str], training: Mapping[str, Any] | None = None
) -> None:
    """Write a network as ``.npz``: whole, or not at all.

    Parameters
    ----------
    golden : GoldenNetwork
        What is written: sizes, activations, learning rate, rule, weights, biases.
    path : path
        Of the file.
    training : mapping, optional
        How the network came to be, as JSON; kept beside it.
    """
    about = {
        "schema": SCHEMA,
        "version": VERSION,
        "sizes": list(golden.sizes),
        "activations": [activation.name for activation in golden.activations],
        "learning_rate": golden.learning_rate,
        "rule": golden.rule,
        "biases": golden.biases is not None,
        "training": dict(training) if training else None,
    }
    arrays: dict[str, Any] = {f"weights_{n}": array for n, array in enumerate(golden.weights)}
    arrays |= {f"biases_{n}": array for n, array in enumerate(golden.biases or [])}
    text = json.dumps(about, allow_nan=False).encode()
    page = io.BytesIO()
    np.savez(page, about=np.frombuffer(text, np.uint8), **arrays)
    write_whole(path, page.getvalue())


def load_golden(
    path: str | os.PathLike[str], activations: Mapping[str, Activation] | None = None
) -> tuple[GoldenNetwork, dict[str, Any]]:
    """Read a network that `save_golden` wrote.

    Parameters
    ----------
    path : path
        Of the file.
    activations : mapping, optional
        Activations of one's own, by the names they were saved by.

    Returns
    -------
    GoldenNetwork
        The network.
    dict
        How it came to be; empty where that was not said.

    Raises
    ------
    BittrueError
        If the file is anything else; the message names what is wrong. Objects are never unpickled.
    """
    arrays = read_arrays(path)
    about = _about(arrays, path)
    try:
        golden = _made(about, activations or {})
        layers = range(len(golden.sizes) - 1)
        golden.weights = [_array(arrays, f"weights_{n}") for n in layers]
        if about["biases"]:
            golden.biases = [_array(arrays, f"biases_{n}") for n in layers]
    except BittrueError as error:
        raise BittrueError(f"{path}: {error}") from None
    return golden, about["training"] or {}


def read_arrays(path: str | os.PathLike[str]) -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays of an ``.npz`` file, by name; those of objects are refused.

    Raises
    ------
    BittrueError
        If the file cannot be read, is no ``.npz``, or holds objects.
    """
    try:
        with open(path, "rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.lib.npyio.NpzFile):
                return {name: loaded[name] for name in loaded.files}
    except OSError as error:
        raise BittrueError(f"{path} must be a readable file, got {error.strerror}") from None
    except UNREADABLE as error:
        raise BittrueError(
            f"{path} must be a whole .npz file of plain arrays, got: {error}"
        ) from None
    raise BittrueError(f"{path} must be an .npz file, got a single array")


def _about(arrays: Mapping[str, Any], path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what is said about a network, its fields checked for their kinds."""
    kinds: dict[str, type | tuple[type, ...]] = {
        "sizes": list,
        "activations": list,
        "learning_rate": (int, float),
        "rule": str,
        "biases": bool,
        "training": (dict, type(None)),
    }
    try:
        about = json.loads(np.asarray(arrays[ABOUT], np.uint8).tobytes())
    except (KeyError, ValueError):
        raise BittrueError(
            f"{path} must be a network that bittrue train saved, got arrays "
            f"{', '.join(arrays) or 'none'}"
        ) from None
    if not isinstance(about, dict) or about.get("schema") != SCHEMA:
        raise BittrueError(f"{path}: schema must be {SCHEMA!r}")
    if about.get("version") != VERSION:
        raise BittrueError(f"{path}: version must be {VERSION}, got {about.get('version')!r}")
    for field, kind in kinds.items():
        if field not in about or not isinstance(about[field], kind):
            raise BittrueError(f"{path}: {field} must be there, got {about.get(field)!r}")
    if len(about["sizes"]) < 2:
        raise BittrueError(f"{path}: sizes must be at least 2, got {about['sizes']}")
    return about


def _made(about: Mapping[str, Any], activations: Mapping[str, Activation]) -> GoldenNetwork:
    first, *hidden, last = about["sizes"]
    names = [str(name) for name in about["activations"]]
    return GoldenNetwork(
        first,
        hidden,
        last,
        about["learning_rate"],
        activation=[activations.get(name) or activation_named(name) for name in names],
        biases=about["biases"],
        rule=about["rule"],
        rng=0,
    )


def _array(arrays: Mapping[str, Any], name: str) -> Any:
    if name not in arrays:
        raise BittrueError(f"the array {name} must be there, got {', '.join(arrays)}")
    if arrays[name].dtype != np.float64:
        raise BittrueError(f"the array {name} must be of float64, got {arrays[name].dtype}")
    return arrays[name]
