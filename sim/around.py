"""What the hardware showed around a word that is not as expected: what a waveform is drawn from."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from bittrue.model.design import Layer
from bittrue.model.fixed import LayerTrace
from bittrue.model.formats import Codes, Format

from .divergence import Divergence, Seen, hex_word
from .record import STAGES, Run

BEFORE, AFTER = 6, 5
"""Cycles with words that are kept on either side."""


class _Word(NamedTuple):
    cycle: int
    stage: int
    sample: int
    neuron: int
    code: int


def with_words_around(
    divergence: Divergence, layer: Layer, trace: LayerTrace, run: Run, *, last: bool
) -> Divergence:
    """Return a divergence with the words of its layer that were seen around it.

    Parameters
    ----------
    divergence : Divergence
        Of a stage or the output stream.
    layer : Layer
        Where it is.
    trace : LayerTrace
        What the fixed model expects there.
    run : Run
        What was seen.
    last : bool
        Whether the layer is the last: then the output stream is its fourth stage.

    Returns
    -------
    Divergence
        One word at most for each cycle and stage: of the samples and neurons there, the one
        nearest to the divergence. The same divergence where nothing of its layer was seen.
    """
    rows = run.words[run.words[:, 1] == divergence.layer][:, [0, 2, 3, 4, 5]]
    if last:
        stream = np.insert(run.outputs, 1, len(STAGES), axis=1)
        rows = np.concatenate([rows, stream])
    cycle = _centre(divergence, rows)
    if cycle is None:
        return divergence
    cycles = np.unique(rows[:, 0])
    at = int(np.searchsorted(cycles, cycle))
    kept = cycles[max(at - BEFORE, 0) : at + AFTER + 1]
    formats = (layer.accumulator, layer.preactivation.format, *(layer.output.format,) * 2)
    found: dict[tuple[int, int], _Word] = {}
    for word in map(_Word._make, rows[np.isin(rows[:, 0], kept)].tolist()):
        place = word.cycle, word.stage
        if place not in found or _far(word, divergence) < _far(found[place], divergence):
            found[place] = word
    expected = (trace.accumulator, trace.preactivation, trace.output, trace.output)
    seen = [_seen(found[place], formats, expected) for place in sorted(found)]
    return replace(divergence, around=tuple(seen))


def _centre(divergence: Divergence, rows: Codes) -> int | None:
    """Return the cycle of a divergence; of a missing word, that of its sample's last one."""
    if divergence.cycle is not None:
        return divergence.cycle
    of_sample = rows[rows[:, 2] == divergence.sample]
    return int(of_sample[:, 0].max()) if len(of_sample) else None


def _far(word: _Word, divergence: Divergence) -> tuple[int, int]:
    return abs(word.sample - divergence.sample), abs(word.neuron - divergence.neuron)


def _seen(word: _Word, formats: Sequence[Format], expected: Sequence[Codes]) -> Seen:
    codes, format = expected[word.stage], formats[word.stage]
    samples, neurons = codes.shape
    there = 0 <= word.sample < samples and 0 <= word.neuron < neurons
    return Seen(
        word.cycle,
        (*STAGES, "output stream")[word.stage],
        word.sample,
        word.neuron,
        hex_word(int(codes[word.sample, word.neuron]), format) if there else None,
        hex_word(word.code, format),
    )
