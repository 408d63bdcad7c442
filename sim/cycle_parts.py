"""The parts of a network as a cycle-true model knows them: queues, walks and a port, no gates."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import gcd

from bittrue.hdl import timing
from bittrue.hdl.loader import load_layout
from bittrue.hdl.machine import Folding, Machine
from bittrue.hdl.network import data_width_of
from bittrue.model.formats import Codes, Format

HELD = 2
"""Whole samples that a buffer holds."""


@dataclass(frozen=True)
class Sample:
    """A sample on its way, with all that stages will make of it.

    Members
    -------
    words : tuple of mapping from stage to list of int, one a layer
        Codes by neuron.
    lost : tuple of mapping from stage to two lists, one a layer
        1 for each word that overflows, and for each that is inexact.
    """

    words: tuple[Mapping[str, list[int]], ...]
    lost: tuple[Mapping[str, tuple[list[int], list[int]]], ...]


Word = tuple[Sample, int]
"""A sample, and the neuron fold of it that a beat carries."""


class SampleQueue:
    """A buffer of two samples, and the framing in front of it.

    Parameters
    ----------
    beats : int
        Beats a sample.
    """

    def __init__(self, beats: int) -> None:
        self._beats, self._position, self._dropping = beats, 0, False
        self.samples: deque[Sample] = deque()
        self.ready = False
        self.committed = self.misframed = False

    def framed(self, taken: bool, last: bool) -> None:
        """Follow a beat; tell in ``committed`` and ``misframed`` what it means."""
        at_end = self._position == self._beats - 1
        self.committed = taken and last and at_end and not self._dropping
        self.misframed = taken and not self._dropping and last != at_end
        if not taken:
            return
        if last:
            self._position, self._dropping = 0, False
        elif at_end:
            self._dropping = True
        else:
            self._position += 1

    def advance(self, come: Sample | None, *, released: bool, hold: bool) -> None:
        """Go on to the next cycle, with a sample that came whole, and one that was read."""
        if released:
            self.samples.popleft()
        if come is not None:
            self.samples.append(come)
        self.ready = len(self.samples) < HELD and not hold


class BeatQueue:
    """A width converter: steps of lanes in a row, each of some sample.

    Parameters
    ----------
    before, after : Folding
        Of the layer whose beats come, and of the one whose beats go.
    """

    def __init__(self, before: Folding, after: Folding) -> None:
        self.needed = before.pe != after.simd
        step = gcd(before.pe, after.simd)
        self._steps_in, self._steps_out = before.pe // step, after.simd // step
        self._beats = after.input_folds
        earlier = (before.neuron_folds - 1) * self._steps_in
        self._steps_last = self._beats * self._steps_out - earlier
        self._largest = max(self._steps_in, self._steps_last)
        self._steps: deque[Sample] = deque()
        self._beat = 0
        self.ready = False

    @property
    def given(self) -> tuple[Sample, bool] | None:
        """The sample of the beat that is shown, and whether it is the sample's last."""
        if len(self._steps) < self._steps_out:
            return None
        return self._steps[0], self._beat == self._beats - 1

    def advance(self, come: tuple[Sample, bool] | None, *, taken: bool) -> None:
        """Go on to the next cycle; ``taken`` tells whether the beat that was shown is gone."""
        if taken:
            self._beat = (self._beat + 1) % self._beats
            for _ in range(self._steps_out):
                self._steps.popleft()
        if come is not None:
            sample, last = come
            self._steps += [sample] * (self._steps_last if last else self._steps_in)
        capacity = self._largest + 2 * self._steps_out
        self.ready = len(self._steps) + self._largest <= capacity


class LayerWalk:
    """A layer: a walk through a sample's products, and words that follow it at fixed distances.

    Parameters
    ----------
    folding : Folding
        Lanes.
    at : LayerTiming
        The distances.
    """

    def __init__(self, folding: Folding, at: timing.LayerTiming) -> None:
        self._folding, self._at = folding, at
        self._place = 0
        self._behind: deque[Word | None] = deque([None] * at.output, maxlen=at.output)

    @property
    def given(self) -> Word | None:
        """The beat on the layer's output."""
        return self._behind[-1]

    def enabled(self, ready: bool) -> bool:
        """Tell whether the layer moves: no beat waits, or it is taken."""
        return ready or self.given is None

    def strobe(self, stage: str, enable: bool) -> Word | None:
        """Return what a stage shows in this cycle."""
        return self._behind[int(getattr(self._at, stage)) - 1] if enable else None

    def walk(self, sample: Sample | None) -> bool:
        """Go on by one enabled cycle; tell whether that was the sample's last product."""
        fold, beat = divmod(self._place, self._folding.input_folds)
        whole = sample is not None and beat == self._folding.input_folds - 1
        self._behind.appendleft((sample, fold) if sample is not None and whole else None)
        if sample is not None:
            self._place = (self._place + 1) % self._folding.initiation_interval
        return whole and self._place == 0


class LoadPort:
    """The load port and what it reaches.

    Parameters
    ----------
    machine : Machine
        Whose port.
    weights, biases : sequence of ndarray
        What the memories hold, by layer; written in place.
    """

    def __init__(
        self, machine: Machine, weights: Sequence[Codes], biases: Sequence[Codes | None]
    ) -> None:
        self._machine, self._weights, self._biases = machine, weights, biases
        self._width = data_width_of(machine)
        self._layout = dict(load_layout(self._width))
        self._slowest = max(timing.load(*part) for part in machine.parts)
        self._writes: deque[tuple[int, int]] = deque()
        self.reset()

    def reset(self) -> None:
        """Forget requests under way: reads are not answered, and writes not done but the ripe."""
        for due, request in self._writes:
            if due == 1:
                self._write(request)
        self._writes.clear()
        self.ready = False
        self._read: int | None = None
        self._due = 0
        self._given: int | None = None
        self._left = 0

    @property
    def busy(self) -> bool:
        """Whether requests are under way."""
        return self._left > 0

    def shown(self) -> dict[str, tuple[int, int]]:
        """Return what the port shows, each with a mask of the bits that are promised."""
        shown = {
            "load__ready": (int(self.ready), 1),
            "loaded__valid": (int(self._given is not None), 1),
        }
        if self._given is not None:
            shown["loaded__payload"] = (self._given, (1 << self._width) - 1)
        return shown

    def advance(self, at: Mapping[str, int], *, open: bool) -> None:
        """Go on to the next cycle."""
        if self._given is not None and at["loaded__ready"]:
            self._given = self._read = None
        self._due -= 1
        self._writes = deque((due - 1, request) for due, request in self._writes)
        while self._writes and self._writes[0][0] == 0:
            self._write(self._writes.popleft()[1])
        if self._read is not None and self._due == 0:
            self._given = self._found(self._read)
        taken = self.ready and bool(at["load__valid"])
        if taken:
            self._take(at["load__payload"])
        self._left = self._slowest + 1 if taken else max(self._left - 1, 0)
        self.ready = open and self._read is None

    def _take(self, request: int) -> None:
        layer = self._field(request, "layer")
        there = layer < len(self._machine.parts)
        if self._field(request, "write"):
            if there:
                delay = timing.load_address(self._machine.foldings[layer])
                self._writes.append((1 + delay, request))
            return
        self._read = request
        self._due = 1 + (timing.load(*self._machine.parts[layer]) if there else 0)

    def _field(self, request: int, name: str) -> int:
        part = self._layout[name]
        return int(request >> part.offset & (1 << part.width) - 1)

    def _place(self, request: int) -> tuple[Codes, tuple[int, ...], Format] | None:
        """Return the array, the index in it and the format of what a request is about."""
        layer, neuron, column = (self._field(request, n) for n in ("layer", "neuron", "input"))
        if layer >= len(self._machine.parts):
            return None
        shape = self._machine.shape.layers[layer]
        biases = self._biases[layer]
        if self._field(request, "bias"):
            there = biases is not None and neuron < shape.outputs
            if not there or biases is None or shape.bias is None:
                return None
            return biases, (neuron,), shape.bias.format
        if neuron >= shape.outputs or column >= shape.inputs:
            return None
        return self._weights[layer], (neuron, column), shape.weight.format

    def _write(self, request: int) -> None:
        place = self._place(request)
        if place is None:
            return
        array, index, format = place
        code = self._field(request, "data") & (1 << format.width) - 1
        array[index] = code - (1 << format.width) if code > format.max_code else code

    def _found(self, request: int) -> int:
        place = self._place(request)
        if place is None:
            return 0
        array, index, _ = place
        return int(array[index]) & (1 << self._width) - 1
