"""The ledger: what each stage lost, counted by the model and by the hardware, and where most."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bittrue.model.design import Design, Layer
from bittrue.model.fixed import FixedNetwork, LayerTrace
from bittrue.model.formats import Codes, Flags, Loss, requantize_flagged

from .record import STAGES, Run, Session

KINDS = Loss._fields
"""What is counted of each stage: inexact words, and words that overflowed."""

MOST = 3
"""Samples and neurons that are named."""


class Lost(NamedTuple):
    """A sample or a neuron, by its number, and the words it lost."""

    number: int
    words: int


class Entry(NamedTuple):
    """One kind of loss of one stage.

    Members
    -------
    layer : int
        Number.
    stage : {"preactivation", "output"}
        Which.
    kind : {"inexact", "overflowed"}
        What is counted.
    words : int
        Words of the stage in all.
    expected : int
        Counted by the fixed model.
    actual : int or None
        Counted by the hardware; None where it does not count, or stood still.
    samples, neurons : tuple of Lost
        Those that lost most words by the fixed model, the worst first; none that lost nothing.
    """

    layer: int
    stage: str
    kind: str
    words: int
    expected: int
    actual: int | None
    samples: tuple[Lost, ...]
    neurons: tuple[Lost, ...]

    @property
    def equal(self) -> bool:
        """Whether the hardware has counted what the model has."""
        return self.actual == self.expected


class Ledger:
    """Losses over sessions, added up; samples are numbered through.

    Parameters
    ----------
    design : Design
        Whose shape is expected; each session's weights take the place of its own.
    """

    def __init__(self, design: Design) -> None:
        self._design = design
        layers = design.shape.layers
        self._expected = np.zeros((len(layers), 2, 2), np.int64)
        self._actual: Codes | None = np.zeros_like(self._expected)
        self._kinds_counted = [True, True]
        self._neurons = [np.zeros((2, 2, layer.outputs), np.int64) for layer in layers]
        self._samples: list[list[Codes]] = [[] for _ in layers]
        self._words = 0

    def add(self, session: Session, run: Run) -> None:
        """Count a session's losses, and take in what the hardware has counted."""
        network = FixedNetwork(Design(self._design.shape, session.weights))
        self._words += len(session.codes)
        for number, trace in enumerate(network.trace(session.codes)):
            self._expected[number] += np.array([trace.preactivation_loss, trace.output_loss])
            flags = lost_words(self._design.shape.layers[number], trace)
            self._neurons[number] += np.array([[f.sum(axis=0) for f in kinds] for kinds in flags])
            self._samples[number].append(
                np.array([[f.sum(axis=1) for f in kinds] for kinds in flags])
            )
        self._kinds_counted[KINDS.index("inexact")] &= run.counts_inexact
        if run.counts is None or self._actual is None:
            self._actual = None
        else:
            self._actual = self._actual + np.array(run.counts)

    @property
    def losses(self) -> tuple[tuple[Loss, Loss], ...]:
        """The fixed model's counts, one pair a layer: pre-activation and output."""
        return tuple((Loss(*first), Loss(*second)) for first, second in self._expected.tolist())

    def entries(self) -> tuple[Entry, ...]:
        """Return all counts, layer by layer, stage by stage, kind by kind."""
        return tuple(
            self._entry(layer, stage, kind)
            for layer in range(len(self._neurons))
            for stage in range(2)
            for kind in range(2)
        )

    def _entry(self, layer: int, stage: int, kind: int) -> Entry:
        counted = self._actual is not None and self._kinds_counted[kind]
        samples = [part[stage, kind] for part in self._samples[layer]]
        return Entry(
            layer,
            STAGES[1 + stage],
            KINDS[kind],
            self._words * self._design.shape.layers[layer].outputs,
            int(self._expected[layer, stage, kind]),
            int(self._actual[layer, stage, kind]) if counted and self._actual is not None else None,
            most(np.concatenate(samples) if samples else np.zeros(0, np.int64)),
            most(self._neurons[layer][stage, kind]),
        )


def lost_words(layer: Layer, trace: LayerTrace) -> tuple[tuple[Flags, Flags], tuple[Flags, Flags]]:
    """Return which words of a layer were inexact, and which overflowed.

    Returns
    -------
    pair of (inexact, overflowed)
        Of the pre-activation and of the output; arrays of bool, shape (samples, outputs).
    """
    type = layer.preactivation
    _, *first = requantize_flagged(
        trace.accumulator, layer.accumulator, type.format, type.rounding, type.overflow
    )
    _, *second = layer.curve.evaluate_flagged(trace.preactivation)
    return (first[0], first[1]), (second[0], second[1])


def most(words: Codes, shown: int = MOST) -> tuple[Lost, ...]:
    """Return the numbers of those that lost most, the worst first, with their words."""
    order: Sequence[int] = np.argsort(-words, kind="stable")[:shown].tolist()
    return tuple(Lost(number, int(words[number])) for number in order if words[number])
