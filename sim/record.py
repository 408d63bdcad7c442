"""What goes into a machine, and what is seen to come out of it."""

from collections.abc import Callable
from dataclasses import dataclass

from bittrue.model.design import Weights
from bittrue.model.formats import Codes, Loss

Progress = Callable[[int, int], None]
"""Told the samples done and the samples in all."""

STAGES = ("accumulator", "preactivation", "output")
"""Stages of a layer, as they are numbered in `Run.words`."""


@dataclass(frozen=True)
class Session:
    """One load of weights, then samples.

    Members
    -------
    weights : Weights
        What is loaded.
    codes : ndarray of int64, shape (samples, inputs)
        What is streamed.
    """

    weights: Weights
    codes: Codes


@dataclass(frozen=True)
class TaughtSession(Session):
    """One load of weights, then samples that are learned from, one after the other.

    Members
    -------
    targets : ndarray of int64, shape (samples, outputs)
        Codes of the output format.
    """

    targets: Codes


@dataclass(frozen=True)
class Run:
    """What one session showed.

    Members
    -------
    words : ndarray of int64, shape (n, 6)
        Words of the trace ports by cycle: cycle, layer, stage number, sample of the session,
        neuron, code.
    outputs : ndarray of int64, shape (n, 4)
        Words of the output stream by cycle: cycle, sample, neuron, code.
    accepted : ndarray of int64, shape (n, 2)
        Beats taken in: cycle, sample.
    counts : tuple of (Loss, Loss), one pair a layer, or None
        The loss counters of pre-activation and output; None without counters.
    traced, counts_inexact : bool
        Whether the machine has trace ports, and counts inexact words.
    framing_error : bool
        Whether the machine reports a wrong ``last``.
    stalled_at : int or None
        The cycle at which the simulation was given up because nothing moved, if it was.
    answers : ndarray of int64, shape (n,), or None
        Bits that reads of the load port found, in order; None where the engine does not read.
    """

    words: Codes
    outputs: Codes
    accepted: Codes
    counts: tuple[tuple[Loss, Loss], ...] | None
    traced: bool = True
    counts_inexact: bool = True
    framing_error: bool = False
    stalled_at: int | None = None
    answers: Codes | None = None
