"""The frozen description of a fixed-point network that everything else reads.

``Design = Shape + Weights``. A shape says how large the layers are, what happens at each stage and
which curves they use; weights are codes. Both know their `digest`, which is their identity.
"""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from .exceptions import BittrueError
from .files import digest_of, dump_json, parse_json, write_whole
from .formats import Codes, Format
from .reader import Reader, shape_from_json, shown, weights_from_json
from .shape import Layer, Shape, Weights, shape_to_json, weights_to_json, weights_to_tree

__all__ = ["SCHEMA", "VERSION", "Design", "Layer", "Shape", "Weights"]

SCHEMA = "bittrue.design"
VERSION = 1


@dataclass(frozen=True)
class Design:
    """A fixed-point network, whole: its shape and its weights.

    Parameters
    ----------
    shape : Shape
        Sizes, types and curves of its layers.
    weights : Weights
        Codes of shape (outputs, inputs), and of biases (outputs,), for each layer.

    Raises
    ------
    BittrueError
        If the weights do not have the shape's sizes, or are no codes of its formats.
    """

    shape: Shape
    weights: Weights

    def __post_init__(self) -> None:
        if len(self.weights.weights) != len(self.shape.layers):
            raise BittrueError(
                f"weights must be given for {len(self.shape.layers)} layers, "
                f"got {len(self.weights.weights)}"
            )
        for number, layer in enumerate(self.shape.layers):
            place = f"weights[{number}]"
            weights, biases = self.weights.weights[number], self.weights.biases[number]
            _check_codes(place, weights, (layer.outputs, layer.inputs), layer.weight.format)
            if (biases is None) != (layer.bias is None):
                have, want = ("none", "some") if biases is None else ("some", "none")
                raise BittrueError(f"{place}.biases must be {want}, got {have}")
            if biases is not None and layer.bias is not None:
                _check_codes(f"{place}.biases", biases, (layer.outputs,), layer.bias.format)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the design's canonical JSON."""
        return digest_of({**_head(self), "weights": weights_to_tree(self.weights)})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Design) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the design as one JSON file; an interrupted write leaves nothing behind."""
        write_whole(path, dump_json(self.to_json()))

    def to_json(self) -> dict[str, Any]:
        """Return what `save` writes."""
        return {**_head(self), "weights": weights_to_json(self.weights), "digest": self.digest}

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Design":
        """Read a design that `save` wrote.

        Raises
        ------
        BittrueError
            If the file is anything else; the message names the field.
        """
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise BittrueError(f"a design file must be readable text, got {error}") from None
        return cls.read(content, str(path))

    @classmethod
    def read(cls, content: bytes, place: str) -> "Design":
        """Read what a file holds that `save` wrote, called ``place`` in messages; see `load`."""
        return _design_from_json(parse_json(content, place), place)


def _check_codes(place: str, codes: Codes, shape: tuple[int, ...], format: Format) -> None:
    if codes.shape != shape:
        raise BittrueError(f"{place} must have shape {shape}, got {codes.shape}")
    if not format.holds(codes):
        outside = (codes < format.min_code) | (codes > format.max_code)
        index = tuple(int(i) for i in np.argwhere(outside)[0])
        raise BittrueError(
            f"{place} must be codes {format.min_code} to {format.max_code} ({format}), "
            f"got {codes[index]} at {list(index)}"
        )


def _head(design: Design) -> dict[str, Any]:
    """Return a design as JSON without its weights."""
    return {"schema": SCHEMA, "version": VERSION, "shape": shape_to_json(design.shape)}


def _design_from_json(tree: Any, place: str) -> Design:
    version = tree.get("version") if isinstance(tree, dict) else None
    known = version == VERSION and type(version) is int
    if isinstance(tree, dict) and tree.get("schema") == SCHEMA and not known:
        raise BittrueError(f"{place}.version must be {VERSION}, got {shown(version)}")
    file = Reader(tree, place, ("schema", "version", "shape", "weights", "digest"))
    if file.text("schema") != SCHEMA:
        raise BittrueError(f"{place}.schema must be {SCHEMA!r}, got {shown(tree['schema'])}")
    shape = shape_from_json(tree["shape"], file.at("shape"))
    weights = weights_from_json(file.list("weights"), file.at("weights"))
    try:
        design = Design(shape, weights)
    except BittrueError as error:
        raise BittrueError(f"{place}: {error}") from None
    if file.text("digest") != design.digest:
        raise BittrueError(
            f"{place}.digest must be {design.digest} for what the file holds, got "
            f"{shown(tree['digest'])}: the file was changed by hand"
        )
    return design
