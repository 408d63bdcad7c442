"""What reading a network of others gives."""

import os
from dataclasses import dataclass

from bittrue.model.design import Design
from bittrue.model.exceptions import BittrueError
from bittrue.model.golden import GoldenNetwork

TAILS = ("softmax", "argmax")
"""What may stand behind the last layer."""

LARGEST = 256 << 20
"""Bytes that a file of a network may have: some sixty million weights of four bytes."""


@dataclass(frozen=True)
class Imported:
    """A network that was trained elsewhere.

    Members
    -------
    golden : GoldenNetwork
        Dense layers in float64, with biases and activations.
    design : Design or None
        The fixed network, where the file itself says its formats; else None.
    tail : {"softmax", "argmax"} or None
        What stood behind the last layer's activation. It is no part of the networks, as it
        changes no order of the outputs.
    notes : tuple of str
        A line for each thing that was folded into a layer or left out.
    """

    golden: GoldenNetwork
    design: Design | None = None
    tail: str | None = None
    notes: tuple[str, ...] = ()


def check_size(path: str | os.PathLike[str], most: int = LARGEST) -> int:
    """Return a file's size in bytes, before anything of it is read.

    Raises
    ------
    BittrueError
        If there is no such file, or it is larger than it may be.
    """
    try:
        size = os.stat(path).st_size
    except OSError as error:
        raise BittrueError(f"{path} must be a readable file, got {error.strerror}") from None
    if size > most:
        raise BittrueError(f"{path} must have at most {most} bytes, got {size}")
    return size
