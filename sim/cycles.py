"""What a network shows at every port in every cycle, foretold without its gates.

The fixed model says which words come; this says when, and what handshakes, counters and the load
port do meanwhile, whatever is driven: stalls, holds, resets, wrong framing. It is written from what
the components promise (latencies in `hdl.timing`, ports in their docstrings), not from their gates.
"""

from collections.abc import Mapping

import numpy as np

from bittrue.hdl import timing
from bittrue.hdl.machine import Folding, Machine
from bittrue.hdl.network import data_width_of, stages_of, trace_name
from bittrue.hdl.watch import COUNTER_BITS, SAMPLE_BITS, counter_address, trace_layout
from bittrue.model.design import Design, Weights
from bittrue.model.exceptions import BittrueError
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import Codes, Flags, requantize_flagged

from .cycle_parts import BeatQueue, LayerWalk, LoadPort, Sample, SampleQueue, Word
from .record import STAGES
from .words import pack, unpack

Shown = dict[str, tuple[int, int]]
"""For each output port, its bits, and a mask of those that are promised."""

INPUTS = (
    *("rst", "i__valid", "i__payload", "o__ready", "hold", "load__valid", "load__payload"),
    *("loaded__ready", "count_address", "count_clear"),
)
"""What is driven."""

KINDS = ("overflowed", "inexact")
"""What a counter counts, in the order of its addresses."""

MOST = (1 << COUNTER_BITS) - 1


def promises_of(machine: Machine) -> dict[tuple[str, int], tuple[str, int]]:
    """Return, for bits of ports that are not always promised, the bit that says when they are."""
    needed: dict[tuple[str, int], tuple[str, int]] = {}
    layer, folding = machine.parts[-1]
    for name in ("o", "loaded"):
        width = layer.output.format.width * folding.pe + 1
        width = width if name == "o" else data_width_of(machine)
        needed |= {(f"{name}__payload", bit): (f"{name}__valid", 0) for bit in range(width)}
    for number, stage, format, folding in stages_of(machine) if machine.trace else ():
        layout, name = trace_layout(format, folding), trace_name(number, stage)
        needed |= {(name, bit): (name, 0) for bit in range(1, layout["words"].offset)}
        for lane in range(folding.pe):
            first = layout["words"].offset + lane * format.width
            for bit in range(first, first + format.width):
                # more than is promised: a lane's bit of the mask may be up without valid
                needed[name, bit] = (
                    (name, 0) if folding.pe == 1 else (name, layout["mask"].offset + lane)
                )
    return needed


class CycleModel:
    """A network, cycle by cycle.

    Parameters
    ----------
    machine : Machine
        What is foretold. At power-up all its weights are zero.

    Raises
    ------
    BittrueError
        If it learns.
    """

    def __init__(self, machine: Machine) -> None:
        if machine.trainer:
            raise BittrueError("cycles must be of a network that does not learn, got one that does")
        self._machine = machine
        self._stages = list(stages_of(machine))
        layers = machine.shape.layers
        self._weights = [np.zeros((n.outputs, n.inputs), dtype=np.int64) for n in layers]
        self._biases = [
            None if n.bias is None else np.zeros(n.outputs, dtype=np.int64) for n in layers
        ]
        self._loads = LoadPort(machine, self._weights, self._biases)
        self._reset()

    def _reset(self) -> None:
        machine = self._machine
        self._loads.reset()
        self._buffers = [SampleQueue(folding.input_folds) for folding in machine.foldings]
        pairs = zip(machine.foldings, machine.foldings[1:], strict=False)
        self._converters = [BeatQueue(before, after) for before, after in pairs]
        self._walks = [LayerWalk(f, timing.LayerTiming.of(n, f)) for n, f in machine.parts]
        self._partial: list[int] = []
        self._in_flight, self._idle, self._framing_error = 0, False, False
        self._numbers = [0] * len(self._stages)
        self._counts = [0] * counter_address(len(machine.parts), 0, 0)
        self._terms = list(self._counts)
        self._count = 0

    def registers(self) -> dict[str, int]:
        """Return the registers that `deposit` sets, by their names in the netlist, with widths."""
        widths: dict[str, int] = {}
        for place, (number, stage, _, _) in enumerate(self._stages):
            if self._machine.trace:
                widths[f"tracer_{number}_{stage}.sample"] = SAMPLE_BITS
            if self._machine.counters != "none" and place % len(STAGES):
                for kind in KINDS[: 1 + (self._machine.counters == "full")]:
                    widths[f"counter_{number}_{stage}.{kind}"] = COUNTER_BITS
        return widths

    def deposit(self, values: Mapping[str, int]) -> None:
        """Set registers, as a test bench may where no simulation would last long enough.

        Parameters
        ----------
        values : mapping from str to int
            Some of `registers`.
        """
        for name, value in values.items():
            component, kind = name.split(".")
            _, number, stage = component.split("_")
            place = STAGES.index(stage)
            if kind == "sample":
                self._numbers[int(number) * len(STAGES) + place] = value
            else:
                address = counter_address(int(number), place - 1, KINDS.index(kind))
                self._counts[address] = value

    def step(self, driven: Mapping[str, int]) -> Shown:
        """Return what is shown in one cycle, and go on to the next.

        Parameters
        ----------
        driven : mapping from str to int
            Bits of input ports, ``rst`` among them; those that are not named are 0.
        """
        at = {**dict.fromkeys(INPUTS, 0), **driven}
        ready = [self._taker(n).ready for n in range(1, len(self._walks))]
        ready.append(bool(at["o__ready"]))
        moves = [walk.enabled(taken) for walk, taken in zip(self._walks, ready, strict=True)]
        strobes = [self._walks[n].strobe(stage, moves[n]) for n, stage, _, _ in self._stages]
        shown = self._shown(strobes)
        if at["rst"]:
            self._reset()
            return shown
        self._follow_words(at, strobes)
        self._advance(at, moves, ready)
        return shown

    def _taker(self, number: int) -> SampleQueue | BeatQueue:
        """Return what takes the beats that are meant for a layer."""
        converter = self._converters[number - 1]
        return converter if converter.needed else self._buffers[number]

    def _shown(self, strobes: list[Word | None]) -> Shown:
        layer, folding = self._machine.parts[-1]
        given = self._walks[-1].given
        shown: Shown = {
            "i__ready": (int(self._buffers[0].ready), 1),
            "idle": (int(self._idle), 1),
            "framing_error": (int(self._framing_error), 1),
            "o__valid": (int(given is not None), 1),
            **self._loads.shown(),
        }
        if given is not None:
            width = layer.output.format.width
            last = given[1] == folding.neuron_folds - 1
            size = width * folding.pe
            beat = pack(_beat(given, len(self._walks) - 1, "output", folding), width)
            shown["o__payload"] = beat | last << size, (2 << size) - 1
        if self._machine.counters != "none":
            shown["count"] = self._count, MOST
        if self._machine.trace:
            for place, strobe in enumerate(strobes):
                number, stage, _, _ = self._stages[place]
                shown[trace_name(number, stage)] = self._trace(place, strobe)
        return shown

    def _trace(self, place: int, strobe: Word | None) -> tuple[int, int]:
        if strobe is None:
            return 0, 1
        number, stage, format, folding = self._stages[place]
        layout = trace_layout(format, folding)
        codes = _beat(strobe, number, stage, folding)
        real = min(folding.outputs - strobe[1] * folding.pe, folding.pe)
        values = {
            "valid": 1,
            "sample": self._numbers[place],
            "neuron": strobe[1] * folding.pe,
            "mask": (1 << real) - 1,
            "words": pack(codes, format.width),
        }
        bits = sum(value << layout[name].offset for name, value in values.items())
        unreal = layout.size - layout["words"].offset - real * format.width
        return bits, (1 << layout.size - unreal) - 1

    def _follow_words(self, at: Mapping[str, int], strobes: list[Word | None]) -> None:
        """Follow the words that stages show with numbers and counts."""
        address = at["count_address"]
        self._count = self._counts[address] if address < len(self._counts) else 0
        cleared = bool(at["count_clear"]) and self._idle
        for n, term in enumerate(self._terms):
            self._counts[n] = 0 if cleared else min(self._counts[n] + term, MOST)
        self._terms = [0] * len(self._terms)
        for place, strobe in enumerate(strobes):
            if strobe is None:
                continue
            number, stage, _, folding = self._stages[place]
            if strobe[1] == folding.neuron_folds - 1:
                self._numbers[place] = (self._numbers[place] + 1) % (1 << SAMPLE_BITS)
            if stage != STAGES[0]:
                self._lose(number, STAGES.index(stage) - 1, strobe, folding)

    def _lose(self, number: int, stage: int, word: Word, folding: Folding) -> None:
        kinds = 1 + (self._machine.counters == "full")
        sample, fold = word
        neurons = slice(fold * folding.pe, (fold + 1) * folding.pe)
        for kind, flags in enumerate(sample.lost[number][STAGES[stage + 1]][:kinds]):
            self._terms[counter_address(number, stage, kind)] = sum(flags[neurons])

    def _advance(self, at: Mapping[str, int], moves: list[bool], ready: list[bool]) -> None:
        """Go on to the next cycle, with all that is handed on in this one."""
        idle, busy, intake = self._idle, self._loads.busy, self._buffers[0]
        given = self._walks[-1].given
        left = given is not None and ready[-1] and self._is_last(len(self._walks) - 1)
        self._loads.advance(at, open=idle and bool(at["hold"]))
        self._idle = bool(at["hold"]) and not intake.ready and self._in_flight == 0
        beats = [self._beat_for(n) for n in range(len(self._walks))]
        come = [self._taken_in(at)]
        for number in range(1, len(self._walks)):
            buffer, beat = self._buffers[number], beats[number]
            taken = beat is not None and buffer.ready
            buffer.framed(taken, beat is not None and beat[1])
            come.append(beat[0] if beat is not None and buffer.committed else None)
        self._in_flight += int(intake.committed) - int(left)
        self._framing_error |= intake.misframed
        self._convert(ready)
        for number, walk in enumerate(self._walks):
            buffer = self._buffers[number]
            waiting = buffer.samples[0] if buffer.samples else None
            released = moves[number] and walk.walk(waiting)
            held_back = number == 0 and (bool(at["hold"]) or idle or busy)
            buffer.advance(come[number], released=released, hold=held_back)

    def _is_last(self, number: int) -> bool:
        given = self._walks[number].given
        return given is not None and given[1] == self._machine.foldings[number].neuron_folds - 1

    def _beat_for(self, number: int) -> tuple[Sample, bool] | None:
        """Return the beat that a layer's buffer is offered by the layer before."""
        if number == 0:
            return None
        converter = self._converters[number - 1]
        if converter.needed:
            return converter.given
        given = self._walks[number - 1].given
        return None if given is None else (given[0], self._is_last(number - 1))

    def _convert(self, ready: list[bool]) -> None:
        for number, converter in enumerate(self._converters):
            if not converter.needed:
                continue
            given = self._walks[number].given
            come = None
            if given is not None and ready[number]:
                come = given[0], self._is_last(number)
            taken = converter.given is not None and self._buffers[number + 1].ready
            converter.advance(come, taken=taken)

    def _taken_in(self, at: Mapping[str, int]) -> Sample | None:
        """Take a beat; return the sample that it makes whole."""
        (layer, folding), buffer = self._machine.parts[0], self._buffers[0]
        taken = buffer.ready and bool(at["i__valid"])
        size = layer.input.format.width * folding.simd
        last = bool(at["i__payload"] >> size)
        buffer.framed(taken, last)
        if taken:
            self._partial += unpack(at["i__payload"], folding.simd, layer.input.format)
        codes = self._partial[: folding.inputs]
        if taken and last:
            self._partial = []
        return self._sample(codes) if buffer.committed else None

    def _sample(self, codes: list[int]) -> Sample:
        """Return a sample with all that the weights of this moment will make of it."""
        shape = self._machine.shape
        network = FixedNetwork(Design(shape, Weights(self._weights, self._biases)))
        words, lost = [], []
        for layer, trace in zip(shape.layers, network.trace(np.array([codes])), strict=True):
            stage = layer.preactivation
            _, *preactivation = requantize_flagged(
                trace.accumulator, layer.accumulator, stage.format, stage.rounding, stage.overflow
            )
            _, *output = layer.curve.evaluate_flagged(trace.preactivation)
            words.append({name: _listed(getattr(trace, name)) for name in STAGES})
            lost.append({"preactivation": _kinds(preactivation), "output": _kinds(output)})
        return Sample(tuple(words), tuple(lost))


def _listed(codes: Codes | Flags) -> list[int]:
    listed: list[int] = codes[0].tolist()
    return listed


def _kinds(flags: list[Flags]) -> tuple[list[int], list[int]]:
    inexact, overflowed = flags
    return _listed(overflowed), _listed(inexact)


def _beat(word: Word, layer: int, stage: str, folding: Folding) -> list[int]:
    """Return the codes of a beat, without padding."""
    sample, fold = word
    return sample.words[layer][stage][fold * folding.pe : (fold + 1) * folding.pe]
