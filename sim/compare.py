"""The scoreboard: every word of every stage, expected against actual."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bittrue.model.design import Design
from bittrue.model.fixed import FixedNetwork, LayerTrace
from bittrue.model.formats import Codes, Format, Loss

from .around import with_words_around
from .divergence import Divergence
from .record import STAGES, Run, Session

OUTPUT_STREAM = "output stream"
SHOWN = 5
"""Divergences that a report lists."""


@dataclass(frozen=True)
class Comparison:
    """A verdict, of one session or of several added up.

    Members
    -------
    compared : int
        Words expected, each looked for once: stage words, words of the output stream, counts.
    differing : int
        Words that mismatch, are missing, or are there that should not be.
    missing, extra : int
        How many of the differing are not there, or too many.
    divergences : tuple of Divergence
        The first few, causes before effects.
    stalled_at : int or None
        The cycle at which nothing moved any more.
    """

    compared: int = 0
    differing: int = 0
    missing: int = 0
    extra: int = 0
    divergences: tuple[Divergence, ...] = ()
    stalled_at: int | None = None

    @property
    def first(self) -> Divergence | None:
        """The first divergence, if there is one."""
        return self.divergences[0] if self.divergences else None

    def __add__(self, other: "Comparison") -> "Comparison":
        return Comparison(
            self.compared + other.compared,
            self.differing + other.differing,
            self.missing + other.missing,
            self.extra + other.extra,
            (self.divergences + other.divergences)[:SHOWN],
            other.stalled_at if self.stalled_at is None else self.stalled_at,
        )


@dataclass(frozen=True)
class _Words:
    """Words of one stage, expected and actual, as they are held against each other."""

    layer: int
    stage: str
    format: Format
    expected: Codes
    cycles: Codes
    samples: Codes
    neurons: Codes
    codes: Codes


def compare(design: Design, session: Session, run: Run, *, number: int = 0) -> Comparison:
    """Hold what a session showed against the fixed model.

    Each expected word must be there exactly once, and no other.

    Parameters
    ----------
    design : Design
        Whose shape is expected; the session's weights take the place of its own.
    session : Session
        What was driven.
    run : Run
        What was seen. Stages are compared where it has any stage words, counters where it has any.
    number : int
        Number of the session, for the report.
    """
    traces = FixedNetwork(Design(design.shape, session.weights)).trace(session.codes)
    result = Comparison(stalled_at=run.stalled_at)
    found: list[Divergence] = []
    for words in _streams(design, traces, run):
        verdict, divergences = _held(words, design, session, traces, number)
        result += verdict
        found += divergences
    order = {stage: place for place, stage in enumerate((*STAGES, OUTPUT_STREAM))}
    found.sort(key=lambda d: (d.sample, d.layer, order[d.stage], d.neuron))
    for first in found[:1]:
        layer, trace = design.shape.layers[first.layer], traces[first.layer]
        last = first.layer == len(traces) - 1
        found[0] = with_words_around(first, layer, trace, run, last=last)
    counts, miscounts = _counts(design, traces, run, number)
    framing = _framing(design, run, number)
    return result + counts + framing + Comparison(divergences=tuple((found + miscounts)[:SHOWN]))


def _streams(design: Design, traces: tuple[LayerTrace, ...], run: Run) -> Iterator[_Words]:
    """Yield the words of each stage, then of the output stream."""
    words = run.words
    for number, layer in enumerate(design.shape.layers if run.traced else ()):
        formats = (layer.accumulator, layer.preactivation.format, layer.output.format)
        of_layer = words[words[:, 1] == number]
        for stage, name in enumerate(STAGES):
            rows = of_layer[of_layer[:, 2] == stage]
            expected = getattr(traces[number], name)
            yield _Words(
                number,
                name,
                formats[stage],
                expected,
                rows[:, 0],
                rows[:, 3],
                rows[:, 4],
                rows[:, 5],
            )
    last, out = len(traces) - 1, run.outputs
    yield _Words(
        last,
        OUTPUT_STREAM,
        design.shape.output.format,
        traces[-1].output,
        out[:, 0],
        out[:, 1],
        out[:, 2],
        out[:, 3],
    )


def _held(
    words: _Words,
    design: Design,
    session: Session,
    traces: tuple[LayerTrace, ...],
    number: int,
) -> tuple[Comparison, list[Divergence]]:
    """Hold the words of one stage against each other."""
    samples, neurons = words.expected.shape
    inside = (words.samples >= 0) & (words.samples < samples)
    inside &= (words.neurons >= 0) & (words.neurons < neurons)
    place = words.samples * neurons + words.neurons
    _, first_rows = np.unique(place[inside], return_index=True)
    once = np.zeros(len(place), dtype=np.bool_)
    once[np.flatnonzero(inside)[first_rows]] = True

    seen = np.zeros(samples * neurons, dtype=np.bool_)
    seen[place[once]] = True
    expected = words.expected.ravel()
    wrong = once.copy()
    wrong[once] = expected[place[once]] != words.codes[once]
    missing, extra = np.flatnonzero(~seen), np.flatnonzero(~once)

    def divergence(
        kind: str, sample: int, neuron: int, row: int | None, code: int | None
    ) -> Divergence:
        layer = design.shape.layers[words.layer]
        batch = session.codes if words.layer == 0 else traces[words.layer - 1].output
        inputs = tuple(batch[sample].tolist()) if 0 <= sample < len(batch) else ()
        return Divergence(
            kind,
            sample,
            words.layer,
            neuron,
            words.stage,
            words.format,
            None if row is None else int(words.cycles[row]),
            code,
            None if row is None else int(words.codes[row]),
            inputs,
            layer.input.format,
            number,
        )

    def rows_first(rows: npt.NDArray[np.intp]) -> list[int]:
        return [int(row) for row in rows[np.argsort(place[rows], kind="stable")][:SHOWN]]

    found = [
        divergence("missing", int(p) // neurons, int(p) % neurons, None, int(expected[p]))
        for p in missing[:SHOWN]
    ]
    for kind, rows in (("mismatch", np.flatnonzero(wrong)), ("extra", extra)):
        for row in rows_first(rows):
            sample, neuron = int(words.samples[row]), int(words.neurons[row])
            code = int(expected[place[row]]) if kind == "mismatch" else None
            found.append(divergence(kind, sample, neuron, row, code))
    differing = int(wrong.sum()) + len(missing) + len(extra)
    return Comparison(expected.size, differing, len(missing), len(extra)), found


def _counts(
    design: Design, traces: tuple[LayerTrace, ...], run: Run, number: int
) -> tuple[Comparison, list[Divergence]]:
    """Hold the loss counters against the model's; those that should be there and are not miss."""
    found: list[Divergence] = []
    compared = 0
    if run.counts is None and run.counts_inexact and run.stalled_at is None:
        lacking = len(traces) * len(STAGES[1:]) * len(Loss._fields)
        return Comparison(lacking, lacking, lacking), found
    for layer, counts in enumerate(run.counts or ()):
        pairs = zip(STAGES[1:], traces[layer][3:], counts, strict=True)
        for stage, expected, actual in pairs:
            for kind in Loss._fields if run.counts_inexact else ("overflowed",):
                compared += 1
                want, got = getattr(expected, kind), getattr(actual, kind)
                if want != got:
                    found.append(
                        Divergence(
                            "counter",
                            0,
                            layer,
                            0,
                            f"{stage}, {kind} words",
                            None,
                            None,
                            want,
                            got,
                            (),
                            design.shape.layers[layer].input.format,
                            number,
                        )
                    )
    return Comparison(compared, len(found)), found


def _framing(design: Design, run: Run, number: int) -> Comparison:
    if not run.framing_error:
        return Comparison()
    input_format = design.shape.input.format
    error = Divergence(
        "framing", 0, 0, 0, "framing error", None, None, 0, 1, (), input_format, number
    )
    return Comparison(1, 1, divergences=(error,))
