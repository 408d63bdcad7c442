"""Golden networks as `.npz` files: arrays only, nothing that is run when it is read."""

import io
import json
import os
import sys
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from .activations import Activation, activation_named
from .arrays import Arrays, arrays_of, read_arrays
from .exceptions import BittrueError
from .files import parse_json, write_whole
from .golden import GoldenNetwork
from .reader import shown

SCHEMA = "bittrue.golden"
VERSION = 1
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
    write_whole(path, golden_content(golden, training))


def golden_content(golden: GoldenNetwork, training: Mapping[str, Any] | None = None) -> bytes:
    """Return what `save_golden` writes."""
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
    return page.getvalue()


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
    return _network(read_arrays(path), str(path), activations or {})


def golden_from(content: bytes, place: str) -> GoldenNetwork:
    """Return the network that `golden_content` put into bytes, called ``place`` in messages."""
    return _network(arrays_of(io.BytesIO(content), place), place, {})[0]


def _network(
    arrays: Arrays, place: str, activations: Mapping[str, Activation]
) -> tuple[GoldenNetwork, dict[str, Any]]:
    about = _about(arrays, place)
    try:
        _check_shapes(about, arrays)
        golden = _made(about, activations)
        # in place, and each array let go: no more than twice the file is held at once
        for n, weights in enumerate(golden.weights):
            weights[:] = arrays.pop(f"weights_{n}")
        for n, biases in enumerate(golden.biases or []):
            biases[:] = arrays.pop(f"biases_{n}")
    except BittrueError as error:
        raise BittrueError(f"{place}: {error}") from None
    return golden, about["training"] or {}


def _check_shapes(about: Mapping[str, Any], arrays: Arrays) -> None:
    """Refuse arrays of other sizes than are told, before a network of those is made."""
    sizes = about["sizes"]
    for size in sizes:
        if type(size) is not int or size < 1:
            raise BittrueError(f"node counts must be integers of at least 1, got {shown(size)}")
    for n, (inputs, outputs) in enumerate(pairwise(sizes)):
        _check_array(arrays, f"weights_{n}", (outputs, inputs))
        if about["biases"]:
            _check_array(arrays, f"biases_{n}", (outputs,))


def _about(arrays: Arrays, place: str) -> dict[str, Any]:
    """Return what is said about a network, its fields checked for their kinds."""
    kinds: dict[str, type | tuple[type, ...]] = {
        "sizes": list,
        "activations": list,
        "learning_rate": (int, float),
        "rule": str,
        "biases": bool,
        "training": (dict, type(None)),
    }
    told = arrays.get(ABOUT)
    if told is None or told.dtype != np.uint8 or told.ndim != 1:
        raise BittrueError(
            f"{place} must be a network that bittrue train saved, got arrays {_names(arrays)}"
        )
    about = parse_json(told.tobytes(), f"{place}: {ABOUT}")
    if not isinstance(about, dict) or about.get("schema") != SCHEMA:
        raise BittrueError(f"{place}: schema must be {SCHEMA!r}")
    if about.get("version") != VERSION:
        raise BittrueError(f"{place}: version must be {VERSION}, got {shown(about.get('version'))}")
    for field, kind in kinds.items():
        if field not in about or not isinstance(about[field], kind):
            raise BittrueError(f"{place}: {field} must be there, got {shown(about.get(field))}")
    if abs(about["learning_rate"]) > sys.float_info.max:
        raise BittrueError(f"{place}: learning_rate must be finite, got one too large")
    if len(about["sizes"]) < 2:
        raise BittrueError(f"{place}: sizes must be at least 2, got {shown(about['sizes'])}")
    return about


def _made(about: Mapping[str, Any], activations: Mapping[str, Activation]) -> GoldenNetwork:
    first, *hidden, last = about["sizes"]
    names = [str(name) for name in about["activations"]]
    return GoldenNetwork(
        first,
        hidden,
        last,
        float(about["learning_rate"]),
        activation=[activations.get(name) or activation_named(name) for name in names],
        biases=about["biases"],
        rule=about["rule"],
        rng=0,
    )


def _check_array(arrays: Arrays, name: str, shape: tuple[int, ...]) -> None:
    if name not in arrays:
        raise BittrueError(f"the array {name} must be there, got {_names(arrays)}")
    if arrays[name].dtype != np.float64:
        raise BittrueError(f"the array {name} must be of float64, got {arrays[name].dtype}")
    if arrays[name].shape != shape:
        raise BittrueError(f"{name} must have shape {shape}, got {arrays[name].shape}")
    finite = np.isfinite(arrays[name])
    if not finite.all():
        raise BittrueError(f"{name} must be finite, got {arrays[name][~finite][0]}")


def _names(arrays: Arrays) -> str:
    """Return the names of arrays, as a message shows them."""
    return ascii(", ".join(arrays))[1:-1] or "none"
