"""The fixed model: a design evaluated on integers, bit by bit as the hardware does it."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .design import Design, Layer
from .exceptions import BittrueError
from .formats import Codes, Loss, Values, as_codes, decode, encode, requantize_flagged

MAX_COUNT = 2**32 - 1
"""Where loss counts stay, as the hardware's 32-bit counters do."""

BLOCK = 4096
"""Samples evaluated at a time."""


class LayerTrace(NamedTuple):
    """What each stage of one layer held, for a batch of samples.

    Members
    -------
    accumulator, preactivation, output : ndarray of int64, shape (samples, outputs)
        Codes.
    preactivation_loss, output_loss : Loss
        Words that lost something on the way into each stage, at most 2**32 - 1.
    """

    accumulator: Codes
    preactivation: Codes
    output: Codes
    preactivation_loss: Loss
    output_loss: Loss


class FixedNetwork:
    """A bit-true network.

    Parameters
    ----------
    design : Design
        Shape and weights.
    """

    def __init__(self, design: Design) -> None:
        self.design = design

    def query(self, values: npt.ArrayLike) -> Values:
        """Return the outputs for one sample, in values.

        Parameters
        ----------
        values : array_like of float, shape (inputs,)
            Encoded by the input type's modes.

        Returns
        -------
        ndarray of float64, shape (outputs,)

        Raises
        ------
        BittrueError
            If the vector has another length, or holds NaN or an infinity.
        """
        shape = self.design.shape
        array = np.asarray(values, dtype=np.float64)
        if array.shape != (shape.sizes[0],):
            raise BittrueError(
                f"inputs must be a vector of {shape.sizes[0]} values, got shape {array.shape}"
            )
        codes = encode(array, shape.input.format, shape.input.rounding, shape.input.overflow)
        return decode(self.predict(codes[None])[0], shape.output.format)

    def predict(self, codes: npt.ArrayLike) -> Codes:
        """Return the output codes of a batch.

        Parameters
        ----------
        codes : array_like of int, shape (samples, inputs)
            Codes of the input format.

        Returns
        -------
        ndarray of int64, shape (samples, outputs)

        Raises
        ------
        BittrueError
            If the shape is another, or something is no code of the input format.
        """
        batch = self._batch(codes)
        result = np.empty((len(batch), self.design.shape.sizes[-1]), dtype=np.int64)
        for start in range(0, len(batch), BLOCK):
            result[start : start + BLOCK] = self._layers(batch[start : start + BLOCK])[-1].output
        return result

    def trace(self, codes: npt.ArrayLike) -> tuple[LayerTrace, ...]:
        """Return what every stage of every layer holds, for a batch.

        Parameters
        ----------
        codes : array_like of int, shape (samples, inputs)
            Codes of the input format.
        """
        return tuple(self._layers(self._batch(codes)))

    def _batch(self, codes: npt.ArrayLike) -> Codes:
        inputs = self.design.shape.sizes[0]
        array = np.asarray(codes)
        if array.ndim != 2 or array.shape[1] != inputs:
            raise BittrueError(f"codes must have shape (samples, {inputs}), got {array.shape}")
        return as_codes(array, self.design.shape.input.format)

    def _layers(self, batch: Codes) -> list[LayerTrace]:
        traces: list[LayerTrace] = []
        weights = self.design.weights
        for layer, array, biases in zip(
            self.design.shape.layers, weights.weights, weights.biases, strict=True
        ):
            traces.append(_evaluate(layer, array, biases, batch))
            batch = traces[-1].output
        return traces


def _evaluate(layer: Layer, weights: Codes, biases: Codes | None, inputs: Codes) -> LayerTrace:
    """Take a batch through the stages of a layer."""
    frac = layer.accumulator.frac
    accumulator = inputs @ weights.T << frac - layer.weight.format.frac - layer.input.format.frac
    if biases is not None and layer.bias is not None:
        accumulator += biases << frac - layer.bias.format.frac
    stage = layer.preactivation
    preactivation, *preactivation_flags = requantize_flagged(
        accumulator, layer.accumulator, stage.format, stage.rounding, stage.overflow
    )
    output, *output_flags = layer.curve.evaluate_flagged(preactivation)
    return LayerTrace(
        accumulator, preactivation, output, _loss(*preactivation_flags), _loss(*output_flags)
    )


def _loss(inexact: npt.NDArray[np.bool_], overflowed: npt.NDArray[np.bool_]) -> Loss:
    return Loss(*(min(int(np.count_nonzero(flags)), MAX_COUNT) for flags in (inexact, overflowed)))
