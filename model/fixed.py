"""The fixed model: a design evaluated on integers, bit by bit as the hardware does it."""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .design import Design
from .exceptions import BittrueError
from .formats import (
    Codes,
    Loss,
    Values,
    as_codes,
    decode,
    encode,
    requantize_flagged,
)
from .kernels import Choice, blocks, check_engine
from .learner import LayerStep, Learner, target_codes
from .native import Chain
from .stages import Scratch, Stage, rows

MAX_COUNT = 2**32 - 1
"""Where loss counts stay, as the hardware's 32-bit counters do."""

BLOCK = 2048
"""Samples evaluated at a time in wide layers: as many as a matrix product is quick with."""

BLOCK_WORDS = 2**16
"""Words evaluated at a time in narrow layers: as many as a cache holds."""

MOST_WORDS = 2**22
"""Words of a layer that are never exceeded, but by a single sample."""

CALL_WORDS = 2**20
"""Most input words handed to the int16 kernel in one call."""

SMALL = 2**17
"""Multiplications for which nothing is prepared: they are done before it would be."""


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
    engine : {"auto", "int16", "float32", "float64", "int64"}
        How products are summed, the same to the bit in every way. ``"auto"`` takes the quickest
        engine whose bound is proven for a layer and the inputs at hand; any other is used for
        every layer, or refused where it is not proven. ``"int64"`` evaluates plainly throughout.

    Raises
    ------
    BittrueError
        If there is no such engine.
    """

    def __init__(self, design: Design, *, engine: str = "auto") -> None:
        check_engine(engine)
        self._design = design
        self._learner: Learner | None = None
        self._changed = False
        self.engine = engine
        self._work = 0

    @property
    def design(self) -> Design:
        """The network as it is now: after training, another one."""
        if self._learner is not None and self._changed:
            self._design, self._changed = self._learner.design, False
        return self._design

    def train(self, inputs: npt.ArrayLike, targets: npt.ArrayLike) -> list[LayerStep]:
        """Learn from one sample, as the book's network does, on integers.

        Parameters
        ----------
        inputs : array_like of float, shape (inputs,)
            Encoded by the input type's modes.
        targets : array_like of float, shape (outputs,)
            Encoded into the output format; they must lie in it.

        Returns
        -------
        list of LayerStep
            What the step held in each layer.

        Raises
        ------
        BittrueError
            If the design does not say how it learns, a vector has another length, or a target lies
            outside the output format; weights are untouched then.
        """
        self._learning_now()
        shape, type = self._design.shape, self._design.shape.input
        values = _values("inputs", inputs, shape.sizes[0])
        codes = encode(values, type.format, type.rounding, type.overflow)
        wanted = target_codes(_values("targets", targets, shape.sizes[-1]), shape.output.format)
        return self.train_codes(codes, wanted)

    def train_codes(self, codes: npt.ArrayLike, targets: npt.ArrayLike) -> list[LayerStep]:
        """Learn from one sample that is encoded already; see `train`."""
        steps = self._learning_now().step(codes, targets)
        self._changed = True
        for prepared in ("_stages", "_chain"):
            self.__dict__.pop(prepared, None)
        return steps

    def _learning_now(self) -> Learner:
        if self._learner is None:
            self._learner = Learner(self._design)
        return self._learner

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
        array = _values("inputs", values, shape.sizes[0])
        codes = encode(array, shape.input.format, shape.input.rounding, shape.input.overflow)
        return decode(self.predict(codes[None])[0], shape.output.format)

    def predict(
        self, codes: npt.ArrayLike, *, progress: Callable[[int], object] | None = None
    ) -> Codes:
        """Return the output codes of a batch.

        Parameters
        ----------
        codes : array_like of int, shape (samples, inputs)
            Codes of the input format. Nothing of the batch's size is made beside the result.
        progress : callable, optional
            Called with the number of samples done, after each block.

        Returns
        -------
        ndarray of int64, shape (samples, outputs)

        Raises
        ------
        BittrueError
            If the shape is another, something is no code of the input format, or the engine asked
            for is not proven.
        """
        batch = self._batch(codes)
        result = np.empty((len(batch), self.design.shape.sizes[-1]), dtype=np.int64)
        engine, chain = self._way(len(batch))
        scratch = Scratch()
        for part in blocks(len(batch), batch.shape[1], CALL_WORDS):
            self._fill(batch[part], result[part], engine, chain, scratch)
            if progress is not None:
                progress(part.stop)
        return result

    def _way(self, samples: int) -> tuple[str, Chain | None]:
        """Return the engine to ask for, and the kernel for all layers if it may be tried."""
        self._work += samples * sum(stage.accumulator.weights.size for stage in self._stages)
        if self.engine == "auto" and self._work < SMALL:
            return "int64", None
        return self.engine, self._chain if self.engine in ("auto", "int16") else None

    def _fill(
        self, batch: Codes, result: Codes, engine: str, chain: Chain | None, scratch: Scratch
    ) -> None:
        """Evaluate a part of a batch, as far as it is proven for it by the kernel."""
        done = 0
        kernel = self._stages[0].kernel_ends if chain else None
        if chain and kernel:
            if batch.dtype != np.int64:
                batch = as_codes(batch, self.design.shape.input.format)
            done = chain.run(batch, *kernel, result)
        for part in blocks(len(batch) - done, 1, _block(max(self.design.shape.sizes))):
            block = slice(done + part.start, done + part.stop)
            result[block] = self._evaluated(batch[block], engine, scratch)

    def _evaluated(self, batch: Codes, engine: str, scratch: Scratch) -> Codes:
        """Evaluate a block layer by layer, each by the engine that is proven for it."""
        outputs, ends = self._ends(batch)
        for stage in self._stages:
            outputs = stage.evaluate(outputs, stage.choose(*ends, engine), ends, scratch)
            ends = stage.output_ends
        return rows(outputs)

    def engines(self, codes: npt.ArrayLike | None = None) -> tuple[Choice, ...]:
        """Return the engine of each layer, with its bound and why it was chosen.

        Parameters
        ----------
        codes : array_like of int, shape (samples, inputs), optional
            A batch; the first layer's bound is proven for it. Without it, for every input code.

        Raises
        ------
        BittrueError
            If the engine asked for is not proven.
        """
        ends = self._stages[0].input_ends
        if codes is not None:
            _, ends = self._ends(self._batch(codes))
        choices = []
        for stage in self._stages:
            choices.append(stage.choose(*ends, self.engine))
            ends = stage.output_ends
        return tuple(choices)

    @cached_property
    def _stages(self) -> tuple[Stage, ...]:
        stages: list[Stage] = []
        weights = self.design.weights
        for number, layer in enumerate(self.design.shape.layers):
            before = stages[-1] if stages else None
            stages.append(
                Stage(number, layer, weights.weights[number], weights.biases[number], before)
            )
        return tuple(stages)

    @cached_property
    def _chain(self) -> Chain | None:
        """The kernel for all layers, where every one of them is proven for it."""
        for stage in self._stages:
            if stage.kernel_ends is None or (
                stage.number and stage.kernel_ends != stage.input_ends
            ):
                return None
        return Chain([stage.native_layer() for stage in self._stages])

    def trace(self, codes: npt.ArrayLike) -> tuple[LayerTrace, ...]:
        """Return what every stage of every layer holds, for a batch.

        Parameters
        ----------
        codes : array_like of int, shape (samples, inputs)
            Codes of the input format.
        """
        return tuple(self._traced(self._batch(codes)))

    def _batch(self, codes: npt.ArrayLike) -> Codes:
        inputs = self.design.shape.sizes[0]
        array = np.asarray(codes)
        if array.ndim != 2 or array.shape[1] != inputs:
            raise BittrueError(f"codes must have shape (samples, {inputs}), got {array.shape}")
        if array.size == 0 or array.dtype.kind not in "iu":
            return as_codes(array, self.design.shape.input.format)
        return array

    def _ends(self, batch: Codes) -> tuple[Codes, tuple[int, int]]:
        """Return codes as int64, all checked, and the least and the greatest."""
        format = self.design.shape.input.format
        ends = (int(batch.min()), int(batch.max())) if batch.size else (0, 0)
        if batch.dtype == np.int64 and format.min_code <= ends[0] and ends[1] <= format.max_code:
            return batch, ends
        return as_codes(batch, format), ends

    def _traced(self, batch: Codes) -> Iterator[LayerTrace]:
        """Take a batch through the stages of each layer."""
        engine, _ = self._way(len(batch))
        batch, ends = self._ends(batch)
        for stage in self._stages:
            layer, chosen = stage.layer, stage.choose(*ends, engine).engine
            accumulator = stage.accumulator.sums(batch, chosen, *ends)
            type = layer.preactivation
            preactivation, *preactivation_flags = requantize_flagged(
                accumulator, layer.accumulator, type.format, type.rounding, type.overflow
            )
            output, *output_flags = layer.curve.evaluate_flagged(preactivation)
            yield LayerTrace(
                accumulator,
                preactivation,
                output,
                _loss(*preactivation_flags),
                _loss(*output_flags),
            )
            batch, ends = output, stage.output_ends


def _values(name: str, values: npt.ArrayLike, size: int) -> Values:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (size,):
        raise BittrueError(f"{name} must be a vector of {size} values, got shape {array.shape}")
    return array


def _block(width: int) -> int:
    """Return how many samples are evaluated at a time in layers of at most so many words."""
    return min(max(BLOCK, BLOCK_WORDS // width), max(1, MOST_WORDS // width))


def _loss(inexact: npt.NDArray[np.bool_], overflowed: npt.NDArray[np.bool_]) -> Loss:
    return Loss(*(min(int(np.count_nonzero(flags)), MAX_COUNT) for flags in (inexact, overflowed)))
