"""A session as bits for the ports of a machine."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from bittrue.hdl.loader import load_layout
from bittrue.hdl.machine import Machine
from bittrue.hdl.network import data_width_of, has_chance
from bittrue.hdl.trainer import lessons_of, target_lanes
from bittrue.model import lfsr
from bittrue.model.design import Weights
from bittrue.model.formats import Codes, Format

from .record import Session
from .words import Chunks, chunks_of, place


@dataclass(frozen=True)
class Stimulus:
    """What is driven into a machine's ports in one session.

    Members
    -------
    loads : ndarray of uint64, shape (n, chunks)
        Payloads of the load port.
    beats : ndarray of uint64, shape (n, chunks)
        Payloads of the input stream.
    samples : int
        Samples in the beats.
    """

    loads: Chunks
    beats: Chunks
    samples: int


def stimuli_of(machine: Machine, sessions: Iterable[Session]) -> Iterator[Stimulus]:
    """Return the stimulus of each session for a machine, one after the other.

    Only weights that differ from those of the session before are loaded anew.
    """
    before: Weights | None = None
    for session in sessions:
        loads = load_requests(machine, session.weights, before)
        yield Stimulus(loads, input_beats(machine, session.codes), len(session.codes))
        before = session.weights


def load_width(machine: Machine) -> int:
    """Return the bits of a load request."""
    return int(load_layout(data_width_of(machine)).size)


def beat_width(machine: Machine) -> int:
    """Return the bits of an input beat, ``last`` included, and what is to be learned from it."""
    if machine.trainer:
        return int(lessons_of(machine).members["payload"].shape.size)
    return machine.shape.input.format.width * machine.foldings[0].simd + 1


def output_width(machine: Machine) -> int:
    """Return the bits of an output beat, ``last`` included."""
    return machine.shape.output.format.width * machine.foldings[-1].pe + 1


def load_requests(machine: Machine, weights: Weights, before: Weights | None) -> Chunks:
    """Return the requests that write weights, layer by layer, each layer's biases last."""
    fields = weight_fields(machine, weights)
    if before is not None:
        fields = fields[:, fields[-1] != weight_fields(machine, before)[-1]]
    return _requests(machine, fields, write=1)


def read_requests(machine: Machine, weights: Weights) -> Chunks:
    """Return the requests that read all weights, of shapes like the given ones, in that order."""
    return _requests(machine, weight_fields(machine, weights), write=0)


def weights_read(machine: Machine, weights: Weights, answers: Codes) -> Weights:
    """Return weights from what `read_requests` found.

    Parameters
    ----------
    machine : Machine
        What was read.
    weights : Weights
        Some of the same shapes.
    answers : ndarray of int64
        Bits, in the order of the requests.
    """
    layers: list[Codes] = []
    biases: list[Codes | None] = []
    at = 0

    def taken(like: Codes, format: Format) -> Codes:
        nonlocal at
        bits = answers[at : at + like.size].reshape(like.shape)
        at += like.size
        spare = 64 - format.width
        return bits << spare >> spare if format.signed else bits & format.max_code

    parts = zip(machine.shape.layers, weights.weights, weights.biases, strict=True)
    for layer, array, offsets in parts:
        layers.append(taken(array, layer.weight.format))
        if offsets is None or layer.bias is None:
            biases.append(None)
        else:
            biases.append(taken(offsets, layer.bias.format))
    return Weights(layers, biases, int(answers[at]) if has_chance(machine) else None)


def _requests(machine: Machine, fields: Codes, write: int) -> Chunks:
    width = data_width_of(machine)
    layout = dict(load_layout(width))
    requests = np.zeros((fields.shape[1], chunks_of(load_width(machine))), dtype=np.uint64)
    names = ("layer", "neuron", "input", "bias", "data")
    place(requests, layout["write"].offset, 1, write)
    for name, values in zip(names, fields, strict=True):
        place(requests, layout[name].offset, layout[name].width, values)
    return requests


def weight_fields(machine: Machine, weights: Weights) -> Codes:
    """Return layer, neuron, input, is bias and code of every weight and bias, shape (5, n).

    The register that is drawn from comes last, where there is one.
    """
    parts = []
    for layer, (array, biases) in enumerate(zip(weights.weights, weights.biases, strict=True)):
        neuron, column = np.indices(array.shape).reshape(2, -1)
        zeros = np.zeros_like(neuron)
        parts.append(np.stack([zeros + layer, neuron, column, zeros, array.ravel()]))
        if biases is not None:
            neuron = np.arange(len(biases))
            zeros = np.zeros_like(neuron)
            parts.append(np.stack([zeros + layer, neuron, zeros, zeros + 1, biases]))
    if has_chance(machine):
        state = lfsr.SEED if weights.state is None else weights.state
        parts.append(np.array([[len(weights.weights)], [0], [0], [0], [state]]))
    return np.concatenate(parts, axis=1)


def lesson_beats(machine: Machine, codes: Codes, targets: Codes, train: Codes) -> Chunks:
    """Return the beats of samples for a machine with a trainer.

    Parameters
    ----------
    machine : Machine
        With a trainer.
    codes, targets : ndarray of int64, shapes (samples, inputs) and (samples, outputs)
        What comes in, and what should come out.
    train : ndarray of int64, shape (samples,)
        Whether each is learned from, 1 or 0.
    """
    beats, layout = input_beats(machine, codes), lessons_of(machine).members["payload"].shape
    lanes, width = target_lanes(machine), machine.shape.output.format.width
    count = machine.foldings[0].input_folds
    padded = np.zeros((len(codes), count * lanes), dtype=np.int64)
    padded[:, : targets.shape[1]] = targets
    of_beats = padded.reshape(-1, lanes)
    for lane in range(lanes):
        place(beats, layout["targets"].offset + lane * width, width, of_beats[:, lane])
    place(beats, layout["train"].offset, 1, np.repeat(train, count))
    return beats


def input_beats(machine: Machine, codes: Codes) -> Chunks:
    """Return the beats of samples, the last of each padded with zero lanes."""
    folding, width = machine.foldings[0], machine.shape.input.format.width
    padding = folding.input_folds * folding.simd - folding.inputs
    lanes = np.pad(codes, ((0, 0), (0, padding))).reshape(-1, folding.simd)
    beats = np.zeros((len(lanes), chunks_of(beat_width(machine))), dtype=np.uint64)
    for lane in range(folding.simd):
        place(beats, lane * width, width, lanes[:, lane])
    last = np.arange(len(beats)) % folding.input_folds == folding.input_folds - 1
    place(beats, folding.simd * width, 1, last)
    return beats
