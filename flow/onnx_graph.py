"""An ONNX graph that is written node by node, the type and shape of each tensor with it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .importers.onnx_file import QONNX, onnx_module

FLOAT, DOUBLE, INT64, BOOL = 1, 11, 7, 9
"""Types of tensors, by their number in ONNX."""

OPSET, IR, PLAIN_OPSET, PLAIN_IR = 21, 10, 16, 8
"""Versions of operators and of the file: those of pairs of 16 bits, and those of QONNX."""

QONNX_VERSION = 1


class Graph:
    """What is written.

    Parameters
    ----------
    real : int
        `FLOAT` or `DOUBLE`: the type of all values.
    batch : int or None
        Samples in a call; None for any number.
    """

    truth = BOOL

    def __init__(self, real: int, batch: int | None) -> None:
        self.onnx = onnx_module()
        self.real = real
        self.batch = "batch" if batch is None else batch
        self.dtype = np.dtype(np.float32 if real == FLOAT else np.float64)
        self.nodes: list[Any] = []
        self._tensors: dict[str, Any] = {}
        self._known: dict[tuple[Any, ...], str] = {}
        self._infos: dict[str, Any] = {}
        self._widths: dict[str, int] = {}
        self._input = ""

    def input(self, name: str, size: int) -> str:
        """Return the name of the graph's input, of so many numbers a sample."""
        self._input = self._told(name, size, self.real)
        return name

    def add(
        self,
        op: str,
        inputs: Sequence[str],
        kind: int | None = None,
        *,
        size: int | None = None,
        planes: int = 0,
        domain: str = "",
        **attributes: Any,
    ) -> str:
        """Add a node, and return the name of its output.

        Parameters
        ----------
        op : str
            Type of the node.
        inputs : sequence of str
            Names.
        kind : int, optional
            Type of the output; that of all values where left out.
        size : int, optional
            Numbers of a sample; as in the first input that has samples where left out.
        planes : int
            Batches in the output, one on the other; 0 for a single one, which is no axis.
        domain : str
            Of the type of node.
        **attributes
            Of the node.
        """
        if size is None:
            size = next(self._widths[name] for name in inputs if name in self._widths)
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append(
            self.onnx.helper.make_node(op, list(inputs), [name], name, domain=domain, **attributes)
        )
        return self._told(name, size, self.real if kind is None else kind, planes)

    def constant(self, op: str, inputs: Sequence[str], shape: tuple[int, ...], **named: Any) -> str:
        """Add a node all of whose inputs are in the file; see `add`."""
        kind, domain = named.pop("kind", self.real), named.pop("domain", "")
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append(
            self.onnx.helper.make_node(op, list(inputs), [name], name, domain=domain, **named)
        )
        self._infos[name] = self.onnx.helper.make_tensor_value_info(name, kind, shape)
        return name

    def number(self, value: float) -> str:
        """Return the name of a value that the file holds, once for all its uses."""
        return self.tensor("number", np.array(value, self.dtype))

    def numbers(self, name: str, values: npt.ArrayLike) -> str:
        """Return the name of values that the file holds."""
        return self.tensor(name, np.asarray(values).astype(self.dtype))

    def integers(self, values: Sequence[int]) -> str:
        """Return the name of integers that the file holds."""
        return self.tensor("integers", np.array(values, np.int64))

    def tensor(self, name: str, array: npt.NDArray[Any]) -> str:
        """Return the name of an array that the file holds; equal ones are held once."""
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            whole = f"{name}_{len(self._known)}"
            little = array.astype(array.dtype.newbyteorder("<"))
            self._known[key] = whole
            self._tensors[whole] = self.onnx.numpy_helper.from_array(
                np.ascontiguousarray(little).reshape(array.shape), whole
            )
        return self._known[key]

    def model(self, output: str, quant: bool, about: Mapping[str, str]) -> Any:
        """Return the whole as a model.

        Parameters
        ----------
        output : str
            Name of the tensor that is its output.
        quant : bool
            Whether it has nodes of QONNX.
        about : mapping from str to str
            What is said of it in its metadata.
        """
        helper = self.onnx.helper
        infos = dict(self._infos)
        entering, leaving = infos.pop(self._input), infos.pop(output)
        graph = helper.make_graph(
            self.nodes, "network", [entering], [leaving], list(self._tensors.values()),
            value_info=list(infos.values()),
        )  # fmt: skip
        versions = [helper.make_opsetid("", PLAIN_OPSET if quant else OPSET)]
        if quant:
            versions.append(helper.make_opsetid(QONNX, QONNX_VERSION))
        model = helper.make_model(
            graph,
            opset_imports=versions,
            ir_version=PLAIN_IR if quant else IR,
            producer_name="bittrue",
        )
        helper.set_model_props(model, dict(about))
        return model

    def _told(self, name: str, size: int, kind: int, planes: int = 0) -> str:
        self._widths[name] = size
        shape = (*([planes] if planes else []), self.batch, size)
        self._infos[name] = self.onnx.helper.make_tensor_value_info(name, kind, shape)
        return name
