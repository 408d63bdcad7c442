"""Exact sums of integer products, fast: engines of which each is used only under a proven bound.

An engine gives the same bits as plain int64 arithmetic while no sum reaches its limit. The bound
that proves it is the largest ``sum of |weight| * reach + |bias|`` of a layer's neurons, in LSB of
the accumulator, where ``reach`` is the largest magnitude among the inputs: no sum in any order, in
whole or in part, is larger.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import native
from .exceptions import BittrueError
from .formats import Codes

LIMIT_BITS = {"int16": 31, "float32": 24, "float64": 53, "int64": 63}
"""Engines, the quickest first; each is proven where the bound is below two to this power."""

ENGINES = tuple(LIMIT_BITS)
CHOICES = ("auto", *ENGINES)
"""What may be asked for."""

BLOCK_WORDS = 2**17
"""Input words taken at a time."""


class Choice(NamedTuple):
    """Which engine sums a layer's products, and why.

    Members
    -------
    layer : int
        Number.
    engine : str
        One of `ENGINES`.
    bound : int
        What no sum's magnitude exceeds, in LSB of the accumulator.
    limit : int
        What the bound must be below.
    reason : str
        Why the quicker engines were passed over, or the proof, for people.
    """

    layer: int
    engine: str
    bound: int
    limit: int
    reason: str


def check_engine(engine: str) -> None:
    """Refuse what is no engine's name."""
    if engine not in CHOICES:
        raise BittrueError(f"engine must be one of {', '.join(CHOICES)}, got {engine!r}")


class Accumulator:
    """The sums of a layer: ``(inputs @ weights.T << shift) + (biases << bias_shift)``, exact.

    Parameters
    ----------
    weights : ndarray of int64, shape (outputs, inputs)
        Codes.
    biases : ndarray of int64, shape (outputs,), optional
        Codes.
    shift, bias_shift : int
        Bits that bring products and biases to the accumulator's LSB.
    """

    def __init__(
        self,
        weights: Codes,
        biases: Codes | None = None,
        shift: int = 0,
        bias_shift: int = 0,
    ) -> None:
        self.weights = weights
        self.shift = shift
        self.constants = None if biases is None else biases << bias_shift
        self._chains: dict[int, native.Chain] = {}
        self._typed: dict[tuple[str, int], npt.NDArray[Any]] = {}

    @cached_property
    def _gains(self) -> set[tuple[int, int]]:
        """What each neuron makes of an input of magnitude 1, and its bias: magnitudes."""
        magnitudes = np.abs(self.weights)
        most = int(magnitudes.max(initial=0)) * self.weights.shape[1]
        sums = (magnitudes if most < 2**63 else magnitudes.astype(object)).sum(axis=1).tolist()
        constants = np.zeros(len(sums), np.int64) if self.constants is None else self.constants
        return {
            (gain << self.shift, abs(constant))
            for gain, constant in zip(sums, constants.tolist(), strict=True)
        }

    @cached_property
    def narrow_weights(self) -> bool:
        """Whether all weights fit 16 bits, and the shift 31."""
        least, most = self.weights.min(initial=0), self.weights.max(initial=0)
        return bool(least >= -(2**15) and most < 2**15 and self.shift <= 31)

    def bound(self, reach: int) -> int:
        """Return what no sum's magnitude exceeds for inputs of magnitude ``reach``."""
        return max((gain * reach + constant for gain, constant in self._gains), default=0)

    @cached_property
    def reaches(self) -> dict[str, int]:
        """Largest magnitude of inputs that each engine is proven for; -1 where there is none."""
        return {engine: self._reach(1 << bits) for engine, bits in LIMIT_BITS.items()}

    def _reach(self, limit: int) -> int:
        if any(constant >= limit for _, constant in self._gains):
            return -1
        room = [(limit - 1 - constant) // gain for gain, constant in self._gains if gain]
        return min(room, default=1 << 63)

    def objection(self, engine: str, low: int, high: int) -> str:
        """Return why an engine may not sum inputs from ``low`` to ``high``; empty if it may."""
        reach = max(-low, high, 0)
        if reach > self.reaches[engine]:
            return f"bound {self.bound(reach)} is not below 2**{LIMIT_BITS[engine]}"
        if engine != "int16":
            return ""
        if not self.narrow_weights:
            return "weights do not fit 16 bits"
        if high - low >= 2**16:
            return f"inputs {low} to {high} do not fit 16 bits"
        return "" if native.library() else "no C compiler"

    def choose(self, low: int, high: int, engine: str = "auto", layer: int = 0) -> Choice:
        """Return the engine for inputs from ``low`` to ``high``.

        Parameters
        ----------
        low, high : int
            Codes that no input leaves.
        engine : str
            One of `ENGINES`, or ``"auto"`` for the first that is proven.
        layer : int
            Number of the layer, for the answer.

        Raises
        ------
        BittrueError
            If the engine asked for, or with ``"auto"`` every engine, is not proven.
        """
        check_engine(engine)
        bound = self.bound(max(-low, high, 0))
        passed: list[str] = []
        for name in ENGINES if engine == "auto" else (engine,):
            objection = self.objection(name, low, high)
            if not objection:
                proof = f"bound {bound} is below 2**{LIMIT_BITS[name]}"
                reason = "; ".join([*passed, f"{name}: {proof}"])
                return Choice(layer, name, bound, 1 << LIMIT_BITS[name], reason)
            passed.append(f"{name}: {objection}")
        raise BittrueError(
            f"an engine must be proven for the sums of layer {layer}, got {'; '.join(passed)}"
        )

    def typed_weights(self, name: str, drop: int = 0) -> npt.NDArray[Any]:
        """Return the weights in units of 2**drop of the accumulator's LSB, as exact floats."""
        key = (name, drop)
        if key not in self._typed:
            self._typed[key] = np.ldexp(self.weights.astype(name), self.shift - drop)
        return self._typed[key]

    def _chain(self, low: int, high: int) -> native.Chain:
        """Return the kernel for bare products, made once for each offset of the inputs."""
        offset = native.offset_of(low, high)
        if offset not in self._chains:
            self._chains[offset] = native.Chain([native.bare_layer(self.weights, low, high)])
        return self._chains[offset]

    def sums(self, inputs: Codes, engine: str, low: int, high: int) -> Codes:
        """Return all sums by an engine that is proven.

        Parameters
        ----------
        inputs : ndarray of int64, shape (samples, inputs)
            Codes from ``low`` to ``high``.
        engine : str
            One of `ENGINES`.
        low, high : int
            What the proof was for.

        Returns
        -------
        ndarray of int64, shape (samples, outputs)
        """
        result = np.empty((len(inputs), len(self.weights)), dtype=np.int64)
        if engine == "int16":
            self._chain(low, high).run(inputs, low, high, result)
        elif engine == "int64":
            np.matmul(inputs, self.weights.T, out=result)
        else:
            weights = self.typed_weights(engine, self.shift)
            for part in blocks(len(inputs), max(self.weights.shape)):
                # the product of these floats is exact, and so is the way back
                result[part] = inputs[part].astype(engine) @ weights.T
        result <<= self.shift
        if self.constants is not None:
            result += self.constants
        return result


def blocks(samples: int, words: int, most: int = BLOCK_WORDS) -> Iterator[slice]:
    """Yield slices over samples of ``words`` words each, so that no slice has over ``most``."""
    size = max(1, most // words)
    for start in range(0, samples, size):
        yield slice(start, min(start + size, samples))


def product(inputs: npt.ArrayLike, weights: npt.ArrayLike, *, engine: str = "auto") -> Codes:
    """Return ``inputs @ weights.T``, exact.

    Parameters
    ----------
    inputs : array_like of int, shape (samples, inputs)
        Codes.
    weights : array_like of int, shape (outputs, inputs)
        Codes.
    engine : {"auto", "int16", "float32", "float64", "int64"}
        Which engine; ``"auto"`` takes the first whose bound is proven for these operands.

    Returns
    -------
    ndarray of int64, shape (samples, outputs)

    Raises
    ------
    BittrueError
        If the operands are not integer matrices that go together, or the engine is not proven.
    """
    left, right = _matrix("inputs", inputs), _matrix("weights", weights)
    if left.shape[1] != right.shape[1]:
        raise BittrueError(f"weights must have {left.shape[1]} columns, got {right.shape[1]}")
    low, high = int(left.min(initial=0)), int(left.max(initial=0))
    accumulator = Accumulator(right)
    choice = accumulator.choose(low, high, engine)
    return accumulator.sums(left, choice.engine, low, high)


def _matrix(what: str, codes: npt.ArrayLike) -> Codes:
    array = np.asarray(codes)
    if array.ndim != 2 or array.dtype.kind not in "iu":
        raise BittrueError(
            f"{what} must be a matrix of integers, got {array.dtype} of shape {array.shape}"
        )
    ends = int(array.min(initial=0)), int(array.max(initial=0))
    if max(-ends[0], ends[1]) >= 2**63:
        raise BittrueError(f"{what} must be -2**63 + 1 to 2**63 - 1, got {ends[0]} to {ends[1]}")
    return np.ascontiguousarray(array, dtype=np.int64)
