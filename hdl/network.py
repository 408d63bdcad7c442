"""The network: layers, buffers between them, and the ports around them."""

from collections.abc import Iterator

from amaranth.hdl import Module, Signal
from amaranth.lib.stream import Signature
from amaranth.lib.wiring import Component, In, Member, Out, connect, flipped
from amaranth.utils import bits_for

from bittrue.model.shape import Weights
from bittrue.model.types import Codes, Format

from .buffer import SampleBuffer, WidthConverter
from .layer import STAGES, Layer
from .loader import Loader, load_layout
from .machine import Folding, Machine
from .shapes import beats_of
from .watch import COUNTER_BITS, LossCounter, Tracer, counter_address, selected, trace_layout

IN_FLIGHT_BITS = 16


class Network(Component):
    """A whole network in gates.

    Samples enter and leave as streams of beats. In front of each layer stands a buffer of two
    samples, between layers a width converter where their beats differ, so that with an unstalled
    source and sink a sample is taken every ``initiation_interval`` cycles.

    Weights are written, and read back, while the network is idle: raise ``hold``, wait for
    ``idle``. Reset discards all samples under way, and clears counters; weights stay.

    Parameters
    ----------
    machine : Machine
        Shape, lanes and switches.
    weights : Weights, optional
        Codes at power-up; zero where not given.

    Members
    -------
    i : In(stream of beats)
        ``simd`` lanes of the first layer; ``last`` on a sample's last beat. Padding lanes are
        ignored. ``ready`` is a register.
    o : Out(stream of beats)
        ``pe`` lanes of the last layer; padding lanes are zero.
    hold : In(1)
        Takes no more beats; a sample partly taken waits.
    idle : Out(1)
        ``hold`` is up and all whole samples have left.
    framing_error : Out(1)
        Some ``last`` was early or missing; stays until reset. The sample was dropped.
    load, loaded : In(stream of requests), Out(stream of data)
        The load port, as in `Loader`.
    count_address, count, count_clear
        With counters, of use while idle: which count is read (`counter_address`), the count one
        cycle later, and clear all.
    trace_<layer>_<stage> : Out(trace_layout)
        With trace: each word of each stage, once.

    Attributes
    ----------
    latency : int
        Cycles from a lone sample's first beat in to its last beat out, both in the cycle of
        transfer, source and sink unstalled.
    initiation_interval : int
        Cycles from sample to sample, source and sink unstalled: the largest of the layers'.
    """

    def __init__(self, machine: Machine, weights: Weights | None = None) -> None:
        self.machine = machine
        self.initiation_interval = machine.initiation_interval
        data_width = data_width_of(machine)
        self._layers = []
        self._buffers = []
        for number, (layer, folding) in enumerate(machine.parts):
            initial = _initial(weights, number)
            self._layers.append(Layer(layer, folding, data_width, **initial))
            self._buffers.append(
                SampleBuffer(layer.input.format, folding.simd, folding.input_folds)
            )
        self._converters = [
            WidthConverter(layer.output.format, before.pe, after.simd, layer.outputs)
            if before.pe != after.simd
            else None
            for (layer, before), after in zip(machine.parts, machine.foldings[1:], strict=False)
        ]
        self._loader = Loader(len(self._layers), data_width)
        self.latency = self._first_to_last()
        super().__init__(self._ports(data_width))

    def _ports(self, data_width: int) -> dict[str, Member]:
        machine = self.machine
        first, last = machine.parts[0], machine.parts[-1]
        ports = {
            "i": In(beats_of(first[0].input.format, first[1].simd)),
            "o": Out(beats_of(last[0].output.format, last[1].pe)),
            "hold": In(1),
            "idle": Out(1),
            "framing_error": Out(1),
            "load": In(Signature(load_layout(data_width))),
            "loaded": Out(Signature(data_width)),
        }
        if machine.counters != "none":
            highest = counter_address(len(machine.parts) - 1, 1, 1)
            ports |= {
                "count_address": In(bits_for(highest)),
                "count": Out(COUNTER_BITS),
                "count_clear": In(1),
            }
        if machine.trace:
            ports |= {
                trace_name(number, stage): Out(trace_layout(format, folding))
                for number, stage, format, folding in stages_of(machine)
            }
        return ports

    def _first_to_last(self) -> int:
        """Follow a lone sample through the network, and return when its last beat leaves."""
        arrivals = list(range(self.machine.foldings[0].input_folds))
        for number, (layer, folding) in enumerate(
            zip(self._layers, self.machine.foldings, strict=True)
        ):
            start = arrivals[-1] + SampleBuffer.latency + layer.latency + folding.input_folds - 1
            arrivals = [start + fold * folding.input_folds for fold in range(folding.neuron_folds)]
            if number < len(self._converters) and self._converters[number] is not None:
                arrivals = _converted(arrivals, folding, self.machine.foldings[number + 1])
        return arrivals[-1]

    def elaborate(self, platform: object) -> Module:
        """Connect everything."""
        m = Module()
        for number, (buffer, layer) in enumerate(zip(self._buffers, self._layers, strict=True)):
            m.submodules[f"buffer_{number}"] = buffer
            m.submodules[f"layer_{number}"] = layer
            m.d.comb += [
                layer.available.eq(buffer.available),
                layer.inputs.eq(buffer.lanes),
                buffer.en.eq(layer.en),
                buffer.address.eq(layer.address),
                buffer.release.eq(layer.release),
            ]
        for number, converter in enumerate(self._converters):
            source, sink = self._layers[number].o, self._buffers[number + 1].i
            if converter is not None:
                m.submodules[f"converter_{number}"] = converter
                connect(m, source, converter.i)
                source = converter.o
            connect(m, source, sink)
        connect(m, flipped(self.i), self._buffers[0].i)
        connect(m, self._layers[-1].o, flipped(self.o))
        self._follow(m)
        self._connect_loader(m)
        if self.machine.counters != "none":
            self._count(m)
        if self.machine.trace:
            self._trace(m)
        return m

    def _follow(self, m: Module) -> None:
        """Count the samples under way, and tell when there are none."""
        in_flight = Signal(IN_FLIGHT_BITS)
        intake = self._buffers[0]
        left = self.o.valid & self.o.ready & self.o.payload.last
        m.d.sync += [
            in_flight.eq(in_flight + intake.committed - left),
            self.idle.eq(self.hold & ~self.i.ready & (in_flight == 0)),
            self.framing_error.eq(self.framing_error | intake.misframed),
        ]
        m.d.comb += intake.hold.eq(self.hold | self.idle | self._loader.busy)

    def _connect_loader(self, m: Module) -> None:
        m.submodules.loader = loader = self._loader
        connect(m, flipped(self.load), loader.request)
        connect(m, loader.response, flipped(self.loaded))
        m.d.comb += loader.open.eq(self.idle & self.hold)
        for number, layer in enumerate(self._layers):
            m.d.comb += [
                layer.loading.eq(self.idle | loader.busy),
                layer.valid.eq(loader.valid[number]),
                layer.request.eq(loader.to_layer),
                loader.answered[number].eq(layer.answered),
                loader.answers[number].eq(layer.response),
            ]

    def _count(self, m: Module) -> None:
        counters = []
        for number, stage, format, folding in stages_of(self.machine):
            if stage == STAGES[0]:
                continue
            counter = LossCounter(format, folding, inexact=self.machine.counters == "full")
            m.submodules[f"counter_{number}_{stage}"] = counter
            m.d.comb += [
                counter.probe.eq(getattr(self._layers[number], stage)),
                counter.clear.eq(self.count_clear & self.idle),
            ]
            counters.append(counter)
        m.d.sync += self.count.eq(selected(m, counters, self.count_address))

    def _trace(self, m: Module) -> None:
        for number, stage, format, folding in stages_of(self.machine):
            tracer = Tracer(format, folding)
            m.submodules[f"tracer_{number}_{stage}"] = tracer
            m.d.comb += [
                tracer.probe.eq(getattr(self._layers[number], stage)),
                getattr(self, trace_name(number, stage)).eq(tracer.o),
            ]


def data_width_of(machine: Machine) -> int:
    """Return the width of the load port's data: that of the widest weight or bias."""
    types = [fixed for layer in machine.shape.layers for fixed in (layer.weight, layer.bias)]
    return max(fixed.format.width for fixed in types if fixed is not None)


def trace_name(layer: int, stage: str) -> str:
    """Return the name of a trace port."""
    return f"trace_{layer}_{stage}"


def stages_of(machine: Machine) -> Iterator[tuple[int, str, Format, Folding]]:
    """Return layer number, stage, format of its words and folding, for each stage in order."""
    for number, (layer, folding) in enumerate(machine.parts):
        formats = (layer.accumulator, layer.preactivation.format, layer.output.format)
        for stage, format in zip(STAGES, formats, strict=True):
            yield number, stage, format, folding


def _initial(weights: Weights | None, layer: int) -> dict[str, Codes | None]:
    if weights is None:
        return {}
    return {"weights": weights.weights[layer], "biases": weights.biases[layer]}


def _converted(arrivals: list[int], before: Folding, after: Folding) -> list[int]:
    """Return when a width converter gives the beats of a sample, from when it is given them."""
    given: list[int] = []
    for beat in range(after.input_folds):
        lanes = min((beat + 1) * after.simd, before.outputs)
        complete = arrivals[-(-lanes // before.pe) - 1] + WidthConverter.latency
        given.append(max(complete, given[-1] + 1) if given else complete)
    return given
