"""The int16 kernel: ``kernels.c``, compiled once by what is on the machine, called by ctypes."""

import ctypes
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from .build import shared_library
from .exceptions import BittrueError, BittrueWarning, ToolMissing
from .formats import Codes, Rounding
from .tables import Table, integer_rounding

BLOCK = 48
"""Samples side by side in the kernel, as in ``kernels.c``."""

MAX_DROP = 30
"""Most bits that the kernel cuts from a sum."""


class _Fields(ctypes.Structure):
    """``struct layer`` of ``kernels.c``."""

    _fields_ = [
        ("inputs", ctypes.c_int64),
        ("outputs", ctypes.c_int64),
        ("weights", ctypes.c_void_p),
        ("constants", ctypes.c_void_p),
        ("shift", ctypes.c_int64),
        ("drop", ctypes.c_int64),
        ("probe", ctypes.c_int64),
        ("mask", ctypes.c_int64),
        ("add", ctypes.c_int64),
        ("first", ctypes.c_int64),
        ("last", ctypes.c_int64),
        ("wrap", ctypes.c_int64),
        ("table", ctypes.c_void_p),
        ("offset", ctypes.c_int64),
    ]


@cache
def library() -> ctypes.CDLL | None:
    """Return the compiled kernel, or None without a C compiler.

    Warns
    -----
    BittrueWarning
        If there is a compiler, but it fails or what it builds cannot be loaded.
    """
    try:
        source = files(__package__).joinpath("kernels.c").read_text(encoding="utf-8")
        loaded = ctypes.CDLL(str(shared_library("kernels", {"kernels.c": source})))
    except ToolMissing:
        return None
    except (BittrueError, OSError) as error:
        warnings.warn(
            f"the int16 kernel must compile, got: {' '.join(str(error).split())}; NumPy is used",
            BittrueWarning,
            stacklevel=2,
        )
        return None
    loaded.neurons_in_a_group.restype = ctypes.c_int64
    loaded.run.restype = ctypes.c_int64
    return loaded


def offset_of(low: int, high: int) -> int:
    """Return what is taken from codes from ``low`` to ``high`` so that they fit 16 bits."""
    return 0 if low >= -(2**15) and high < 2**15 else low + 2**15


@dataclass(frozen=True, eq=False)
class NativeLayer:
    """A layer as the kernel takes it.

    Parameters
    ----------
    weights : ndarray of int64, shape (outputs, inputs)
        Codes of 16 bits.
    constants : ndarray of int64, shape (outputs,), or None
        Biases in the accumulator's LSB.
    shift : int
        Bits the sums are shifted left, at most 31.
    low, high : int
        Codes that no input leaves, less than 2**16 apart.
    table : Table or None
        Requantization and curve; None for the bare sums.
    rounding : Rounding
        Of the pre-activation.
    drop : int
        Bits that are cut from the sums, 0 to `MAX_DROP`.
    """

    weights: Codes
    constants: Codes | None
    shift: int
    low: int
    high: int
    table: Table | None
    rounding: Rounding = Rounding.TRN
    drop: int = 0

    def fields(self, neurons: int) -> tuple[_Fields, list[npt.NDArray[Any]]]:
        """Return the C structure, and the arrays it points into."""
        outputs, inputs = self.weights.shape
        weights = _packed(self.weights, neurons)
        # modulo 2**32, as all that the kernel adds
        correction = offset_of(self.low, self.high) * self.weights.sum(axis=1) << self.shift
        total = correction if self.constants is None else correction + self.constants
        constants = (total & 0xFFFFFFFF).astype(np.uint32)
        probe, mask, add = integer_rounding(self.rounding, self.drop)
        kept: list[npt.NDArray[Any]] = [weights, constants]
        first = last = wrap = offset = 0
        if (table := self.table) is not None:
            offset = offset_of(table.low, table.high)
            kept.append(np.append(table.codes - offset, 0).astype(np.int16))
            first, last = table.first, table.last
            wrap = len(table.codes) - 1 if table.wraps else 0
        address = kept[2].ctypes.data if self.table is not None else None
        return _Fields(
            inputs,
            outputs,
            weights.ctypes.data,
            constants.ctypes.data,
            self.shift,
            self.drop,
            probe,
            mask,
            add,
            first,
            last,
            wrap,
            address,
            offset,
        ), kept


def bare_layer(weights: Codes, low: int, high: int) -> NativeLayer:
    """Return a layer that gives its sums of products as they are."""
    return NativeLayer(weights, None, 0, low, high, None)


def _packed(weights: Codes, neurons: int) -> npt.NDArray[np.int32]:
    """Return weights as pairs, [group of neurons][pair][neuron], flat."""
    outputs, inputs = weights.shape
    padded = np.zeros((outputs, inputs + inputs % 2), dtype=np.int16)
    padded[:, :inputs] = weights
    pairs = padded.view(np.int32)
    groups = [pairs[start : start + neurons].T.ravel() for start in range(0, outputs, neurons)]
    return np.concatenate(groups)


class Chain:
    """Layers that run one after the other in a single call.

    Parameters
    ----------
    layers : sequence of NativeLayer
        Each reading what the one before it writes. Their bounds must be proven.

    Raises
    ------
    ToolMissing
        If there is no kernel.
    """

    def __init__(self, layers: Sequence[NativeLayer]) -> None:
        loaded = library()
        if loaded is None:
            raise ToolMissing("engine int16 must have a C compiler, got none that works")
        self._run: Any = loaded.run
        rows = [layer.fields(int(loaded.neurons_in_a_group())) for layer in layers]
        self._fields = (_Fields * len(rows))(*(fields for fields, _ in rows))
        self._kept = [arrays for _, arrays in rows]
        self._offset = offset_of(layers[0].low, layers[0].high)
        widths = [size for layer in layers for size in layer.weights.shape]
        self._words = (max(widths) + 1) // 2 * BLOCK
        self._sizes = layers[0].weights.shape[1], layers[-1].weights.shape[0]

    def run(self, codes: Codes, low: int, high: int, result: Codes) -> int:
        """Take samples through the layers, up to a block with a code outside low to high.

        Parameters
        ----------
        codes : ndarray of int64, shape (samples, inputs)
            Input codes, any.
        low, high : int
            Codes that the proof holds for, within those of the first layer.
        result : ndarray of int64, shape (samples, outputs)
            Filled as far as samples are done; C-contiguous.

        Returns
        -------
        int
            Samples that are done.
        """
        inputs, outputs = self._sizes
        if codes.shape[1] != inputs or result.shape != (len(codes), outputs):
            raise BittrueError(
                f"codes and result must have {inputs} and {outputs} columns, "
                f"got shapes {codes.shape} and {result.shape}"
            )
        if result.dtype != np.int64 or not result.flags.c_contiguous:
            raise BittrueError(f"result must be int64 in C order, got {result.dtype}")
        given = np.ascontiguousarray(codes, dtype=np.int64)
        scratch = np.zeros(2 * self._words, dtype=np.int32)
        return int(
            self._run(
                ctypes.c_void_p(given.ctypes.data),
                ctypes.c_int64(len(given)),
                ctypes.c_int64(low),
                ctypes.c_int64(high),
                ctypes.c_int64(self._offset),
                self._fields,
                ctypes.c_int64(len(self._fields)),
                ctypes.c_void_p(scratch.ctypes.data),
                ctypes.c_int64(self._words),
                ctypes.c_void_p(result.ctypes.data),
            )
        )
