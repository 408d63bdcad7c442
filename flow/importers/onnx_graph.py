"""The way through an ONNX graph: every node read as a step, or refused by its name."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import Values

from .imported import check_size
from .onnx_dense import COMPUTING, scaled
from .onnx_file import QONNX, Tensors
from .onnx_node import Node, Value, attributes_of, label_of
from .onnx_quant_nodes import PAIRS, quant
from .onnx_shapes import SHAPING, labels
from .onnx_steps import MOST_FEATURES, Constant, Signal, Step

NODES = {**COMPUTING, **SHAPING, **PAIRS}
"""What reads a node of ONNX's own, by its type."""

QUANTS = ("Quant", "IntQuant")
"""Nodes of QONNX that are read; two names for one."""

ML = {"ZipMap": labels, "ArrayFeatureExtractor": labels, "Scaler": scaled}
"""What reads a node of ``ai.onnx.ml``, by its type."""


class Walk:
    """One way through a graph.

    Parameters
    ----------
    model : ModelProto
        As `bittrue.flow.importers.onnx_file.read_model_file` gives it.
    path : path
        Of the file.

    Attributes
    ----------
    constant : list of str
        Outputs that the file holds itself, once the signal is known.
    """

    def __init__(self, model: Any, path: str | os.PathLike[str]) -> None:
        self.graph = model.graph
        self.opset = {item.domain: item.version for item in model.opset_import}
        self.place = Path(path).name
        self.tensors = Tensors(path)
        self.held = {tensor.name: tensor for tensor in self.graph.initializer}
        self.known: dict[str, Value] = {}
        self.constant: list[str] = []
        self.left = (16 << 20) + 32 * check_size(path)
        if len(self.graph.sparse_initializer):
            raise BittrueError(f"{self.place} must have dense tensors, got sparse ones")

    def signal(self) -> Signal:
        """Return what comes out of the graph, with all that was done to it on the way.

        Raises
        ------
        BittrueError
            If a node is none of those that are accepted, or takes what it cannot.
        """
        self._input()
        for node in self.graph.node:
            self._node(node)
        names = [item.name for item in self.graph.output]
        self.constant = [name for name in names if self._constant(name)]
        found = [self.known.get(name) for name in names if name not in self.constant]
        signals = [value for value in found if isinstance(value, Signal)]
        if not found or len(signals) != len(found):
            raise BittrueError(f"{self.place} must give what its input leads to, got other outputs")
        if any(one.steps != signals[0].steps for one in signals):
            raise BittrueError(f"{self.place} must have one output, got {names}")
        tails = {one.tail for one in signals} - {None}
        tail = next((name for name in ("softmax", "argmax", "classes") if name in tails), None)
        return replace(signals[0], tail=tail)

    def _constant(self, name: str) -> bool:
        """Return whether the file holds an output itself: Brevitas gives scales beside values."""
        return name in self.held or isinstance(self.known.get(name), Constant)

    def _input(self) -> None:
        inputs = [item for item in self.graph.input if item.name not in self.held]
        if len(inputs) != 1:
            names = [item.name for item in inputs]
            raise BittrueError(f"{self.place} must have one input, got {names}")
        shape = inputs[0].type.tensor_type.shape
        sizes: list[int | str] = [
            int(dim.dim_value) if dim.WhichOneof("value") == "dim_value" else dim.dim_param or "?"
            for dim in shape.dim
        ]
        last = len(sizes) == 2 and not _fixed(sizes[1]) and _fixed(sizes[0])
        own = sizes[:-1] if last else sizes[1:]
        if not own or not all(_fixed(size) for size in own):
            raise BittrueError(
                f"the input {inputs[0].name!r} of {self.place} must have fixed sizes, all but the "
                f"batch, got {sizes}"
            )
        batch = sizes[-1 if last else 0]
        known = int(batch) if _fixed(batch) else None
        signal = Signal(tuple(int(size) for size in own), last=last, batch=known)
        if signal.features > MOST_FEATURES:
            raise BittrueError(
                f"the input {inputs[0].name!r} of {self.place} must have at most {MOST_FEATURES} "
                f"numbers, got {signal.features}"
            )
        self.known[inputs[0].name] = signal

    def _node(self, node: Any) -> None:
        label = label_of(node)
        read = _reader(node)
        if read is None:
            known = ", ".join(sorted([*NODES, *QUANTS, *ML]))
            domain = f" of {node.domain!r}" if node.domain not in ("", "ai.onnx") else ""
            raise BittrueError(
                f"a node of {self.place} must be one of {known}, got {label}{domain}"
            )
        if node.domain and node.domain != "ai.onnx" and node.domain not in self.opset:
            raise BittrueError(f"{self.place} must name the version of {node.domain!r}, got none")
        values = [self._value(name, label) for name in node.input]
        here = Node(label, node, values, attributes_of(node, self.tensors), self.opset.get("", 0))
        result = read(here)
        for name in node.output[:1] if node.op_type == "Dropout" else node.output:
            if name in self.known or name in self.held:
                raise BittrueError(f"{label} must give a new value, got {name!r} again")
            self.known[name] = result
        self._spend(result, label)

    def _spend(self, made: Value, label: str) -> None:
        """Count what a node made, which must be in keeping with the file."""
        arrays = [made.values] if isinstance(made, Constant) else _arrays(made.steps[-1:])
        self.left -= sum(int(np.asarray(array).nbytes) for array in arrays)
        if self.left < 0:
            raise BittrueError(f"{label} must make no more of {self.place} than it holds, got more")

    def _value(self, name: str, label: str) -> Value | None:
        """Return what a name stands for; None for an input that is left out."""
        if not name:
            return None
        if name not in self.known:
            if name not in self.held:
                raise BittrueError(f"{label} must take what is known before it, got {name!r}")
            tensor = self.held[name]
            self.known[name] = Constant(self.tensors.array(tensor), tensor.data_type)
        return self.known[name]


def _arrays(steps: tuple[Step, ...]) -> list[Values]:
    """Return the arrays of steps."""
    return [
        array
        for step in steps
        for name in ("weights", "scale", "shift")
        if (array := getattr(step, name, None)) is not None
    ]


def _reader(node: Any) -> Callable[[Node], Value] | None:
    """Return what reads a node; None for one that is not accepted."""
    if node.domain == "ai.onnx.ml":
        return ML.get(node.op_type)
    if node.domain in (QONNX, "onnx.brevitas"):
        return quant if node.op_type in QUANTS else None
    own = node.domain in ("", "ai.onnx") and node.op_type not in QUANTS
    return NODES.get(node.op_type) if own else None


def _fixed(size: int | str) -> bool:
    return isinstance(size, int) and size > 0
