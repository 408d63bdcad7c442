"""A layer prepared for evaluation: its sums, its table, and which of its ways are proven."""

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from . import native
from .formats import Codes, Rounding, requantize
from .kernels import LIMIT_BITS, Accumulator, Choice, blocks
from .shape import Layer
from .tables import Floats, Table, output_ends, round_floats, table_of

EXACT_CUTS = (Rounding.TRN, Rounding.TRN_ZERO, Rounding.RND_CONV)
"""Modes by which floats are rounded with nothing added."""


class Scratch:
    """Arrays by name, kept from block to block."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], npt.NDArray[Any]] = {}

    def array(self, name: str, dtype: str, shape: tuple[int, int]) -> npt.NDArray[Any]:
        """Return an array of that shape; what it holds is left from before."""
        size = shape[0] * shape[1]
        kept = self._kept.get((name, dtype))
        if kept is None or kept.size < size:
            kept = self._kept[name, dtype] = np.empty(size, dtype)
        return kept[:size].reshape(shape)


class Stage:
    """One layer of a network, its weights' proofs worked out when they are asked for.

    Parameters
    ----------
    number : int
        Of the layer.
    layer : Layer
        What it does.
    weights : ndarray of int64, shape (outputs, inputs)
        Codes.
    biases : ndarray of int64, shape (outputs,), or None
        Codes.
    before : Stage or None
        The stage whose outputs are read.
    """

    def __init__(
        self,
        number: int,
        layer: Layer,
        weights: Codes,
        biases: Codes | None,
        before: "Stage | None",
    ) -> None:
        self.number, self.layer, self._before = number, layer, before
        frac = layer.accumulator.frac
        self.accumulator = Accumulator(
            weights,
            biases,
            frac - layer.weight.format.frac - layer.input.format.frac,
            frac - layer.bias.format.frac if layer.bias else 0,
        )
        self.drop = frac - layer.preactivation.format.frac

    @cached_property
    def table(self) -> Table | None:
        """Requantization and curve, where the pre-activation is narrow enough."""
        return table_of(self.layer)

    @cached_property
    def output_ends(self) -> tuple[int, int]:
        """Codes that no output leaves."""
        return output_ends(self.layer)

    @cached_property
    def input_ends(self) -> tuple[int, int]:
        """Codes that no input leaves."""
        if self._before:
            return self._before.output_ends
        return self.layer.input.format.min_code, self.layer.input.format.max_code

    def choose(self, low: int, high: int, engine: str) -> Choice:
        """Return the engine for inputs from ``low`` to ``high``, as `Accumulator.choose` does."""
        return self.accumulator.choose(low, high, engine, self.number)

    @cached_property
    def kernel_ends(self) -> tuple[int, int] | None:
        """Input codes for which the kernel may take the whole layer; None if for none."""
        low, high = self.input_ends
        if high - low >= 2**16:
            low, high = max(low, -(2**15)), min(high, 2**15 - 1)
        reach = self.accumulator.reaches["int16"]
        low, high = max(low, -reach), min(high, reach)
        table = self.table
        if (
            table is None
            or not 0 <= self.drop <= native.MAX_DROP
            or table.high - table.low >= 2**16
            or self.accumulator.objection("int16", low, high)
            or low > high
        ):
            return None
        return low, high

    def native_layer(self) -> native.NativeLayer:
        """Return the whole layer as the kernel takes it, for inputs within `kernel_ends`."""
        low, high = self.kernel_ends or (0, 0)
        return native.NativeLayer(
            self.accumulator.weights,
            self.accumulator.constants,
            self.accumulator.shift,
            low,
            high,
            self.table,
            self.layer.preactivation.rounding,
            self.drop,
        )

    @cached_property
    def _chain(self) -> native.Chain:
        return native.Chain([self.native_layer()])

    def evaluate(
        self, inputs: npt.NDArray[Any], choice: Choice, ends: tuple[int, int], scratch: Scratch
    ) -> npt.NDArray[Any]:
        """Take a block through the layer by the engine chosen for it.

        Parameters
        ----------
        inputs : ndarray of int64, shape (samples, inputs), or of floats, shape (inputs, samples)
            Codes, as the layer before gave them.
        choice : Choice
            Whose proof holds for the inputs.
        ends : (int, int)
            Codes that no input leaves.
        scratch : Scratch
            Where arrays are kept.

        Returns
        -------
        ndarray of int64, shape (samples, outputs), or of floats, shape (outputs, samples)
            Codes, for `evaluate` of the next layer or `rows`.
        """
        if self._floats_round(choice):
            return self._by_floats(inputs, choice.engine, scratch)
        codes = rows(inputs)
        result = np.empty((len(codes), self.layer.outputs), dtype=np.int64)
        kernel = self.kernel_ends if choice.engine == "int16" else None
        if kernel and kernel[0] <= ends[0] and ends[1] <= kernel[1]:
            self._chain.run(codes, *kernel, result)
            return result
        for part in blocks(len(codes), max(self.accumulator.weights.shape)):
            sums = self.accumulator.sums(codes[part], choice.engine, *ends)
            result[part] = self.layer.curve.evaluate(self._requantized(sums))
        return result

    def _requantized(self, sums: Codes) -> Codes:
        type = self.layer.preactivation
        return requantize(sums, self.layer.accumulator, type.format, type.rounding, type.overflow)

    def _floats_round(self, choice: Choice) -> bool:
        """Tell whether floats hold the sums, and what rounding adds to them, exactly."""
        if choice.engine not in ("float32", "float64") or self.table is None or self.drop < 0:
            return False
        if self.layer.preactivation.rounding in EXACT_CUTS:
            most = choice.bound
        else:
            most = choice.bound + (1 << self.drop >> 1)
        bits = LIMIT_BITS[choice.engine]
        fits = max(-self.table.low, self.table.high) < 1 << bits
        return most < 1 << bits and self.drop <= bits and fits

    def _by_floats(
        self, inputs: npt.NDArray[Any], engine: str, scratch: Scratch
    ) -> npt.NDArray[Any]:
        """Do the whole layer on floats that are integers, in units of the pre-activation's LSB."""
        columns = _columns(inputs, engine, scratch)
        shape = self.layer.outputs, columns.shape[1]
        sums = scratch.array("sums", engine, shape)
        np.matmul(self.accumulator.typed_weights(engine, self.drop), columns, out=sums)
        if self.accumulator.constants is not None:
            sums += np.ldexp(self.accumulator.constants.astype(engine), -self.drop)[:, None]
        if self.drop:
            round_floats(sums, self.layer.preactivation.rounding)
        places = scratch.array("places", "int64", shape)
        np.copyto(places, sums, casting="unsafe")
        result = scratch.array(f"codes {self.number % 2}", engine, shape)
        if self.table is not None:
            self.table.look_up(places, result)
        return result


def _columns(inputs: npt.NDArray[Any], engine: str, scratch: Scratch) -> Floats:
    """Return inputs as floats of an engine, one column a sample."""
    if inputs.dtype.name == engine:
        return inputs
    copy = scratch.array("inputs", engine, (inputs.shape[0], inputs.shape[1]))
    np.copyto(copy, inputs, casting="unsafe")
    return copy.T if inputs.dtype.kind == "i" else copy


def rows(codes: npt.NDArray[Any]) -> Codes:
    """Return what a layer gave as int64, one row a sample."""
    return codes if codes.dtype == np.int64 else codes.T.astype(np.int64)
