"""Words of many lanes, as a compiled model wrote them down, as rows of a `Run`."""

import numpy as np
import numpy.typing as npt

from bittrue.hdl.machine import Folding
from bittrue.hdl.watch import SAMPLE_BITS
from bittrue.model.formats import Codes, Format

Log = npt.NDArray[np.int64]
"""Rows of a cycle, then of each piece of a port its lanes."""


def _codes(words: Log, format: Format) -> Log:
    """Return words as codes: two's complement where the format is signed."""
    return np.where(words > format.max_code, words - (1 << format.width), words)


def _spread(column: Log, like: Log) -> Log:
    """Return one number a row as an array of rows, samples and neurons."""
    return np.broadcast_to(column[:, None, None], like.shape)


def beat_words(log: Log, lanes: int, format: Format, folding: Folding, samples: int) -> Codes:
    """Return the beats of an output stream as rows of ``Run.outputs``.

    Parameters
    ----------
    log : ndarray of int64, shape (beats, 1 + (pe + 1) * lanes)
        Cycle, the words of each neuron, and ``last``.
    lanes : int
        Samples side by side.
    format : Format
        Format of the words.
    folding : Folding
        Folding of the last layer.
    samples : int
        Real samples; words of others are left out, as are zero lanes of padding.
    """
    words = log[:, 1:].reshape(len(log), folding.pe + 1, lanes)
    last = words[:, folding.pe, 0]
    slot = np.cumsum(last) - last
    starts = np.concatenate([[0], np.flatnonzero(last) + 1])
    fold = np.arange(len(log)) - starts[slot]
    codes = _codes(words[:, : folding.pe].transpose(0, 2, 1), format)
    sample = _spread(slot * lanes, codes) + np.arange(lanes)[:, None]
    neuron = _spread(fold * folding.pe, codes) + np.arange(folding.pe)
    kept = (sample < samples) & ((neuron < folding.outputs) | (codes != 0))
    columns = (_spread(log[:, 0], codes), sample, neuron, codes)
    return np.stack([column[kept] for column in columns], axis=1)


def strobe_words(
    log: Log,
    lanes: int,
    place: tuple[int, int],
    format: Format,
    folding: Folding,
    *,
    slots_before: int,
    samples: int,
) -> Codes:
    """Return what a trace port showed as rows of ``Run.words``.

    Parameters
    ----------
    log : ndarray of int64, shape (strobes, 1 + (4 + pe) * lanes)
        Cycle, and the port's pieces.
    lanes : int
        Samples side by side.
    place : (int, int)
        Numbers of layer and stage.
    format : Format
        Format of the words.
    folding : Folding
        Folding of the layer.
    slots_before : int
        Samples that each lane has taken in earlier sessions.
    samples : int
        Real samples; words of others are left out.
    """
    pieces = log[:, 1:].reshape(len(log), 4 + folding.pe, lanes)
    codes = _codes(pieces[:, 4:].transpose(0, 2, 1), format)
    # the port counts mod 2**16: take the sample nearest to the one before
    counted = np.concatenate([np.full((1, lanes), slots_before), pieces[:, 1]])
    half = 1 << SAMPLE_BITS - 1
    moves = (np.diff(counted, axis=0) + half) % (1 << SAMPLE_BITS) - half
    slot = np.cumsum(moves, axis=0)
    sample = np.broadcast_to((slot * lanes + np.arange(lanes))[:, :, None], codes.shape)
    neuron = pieces[:, 2][:, :, None] + np.arange(folding.pe)
    real = pieces[:, 3][:, :, None] >> np.arange(folding.pe) & 1 == 1
    kept = real & (sample < samples)
    cycle, layer, stage = (
        _spread(column, codes)
        for column in (log[:, 0], *(np.full(len(log), number) for number in place))
    )
    columns = (cycle, layer, stage, sample, neuron, codes)
    return np.stack([column[kept] for column in columns], axis=1)
