"""The network: layers, buffers between them, and the ports around them."""

from collections.abc import Iterator

from amaranth.hdl import Module, Signal
from amaranth.lib.stream import Signature
from amaranth.lib.wiring import Component, In, Member, Out, PureInterface, connect, flipped
from amaranth.utils import bits_for

from bittrue.model.learning import STOCHASTIC
from bittrue.model.lfsr import BITS
from bittrue.model.shape import Weights
from bittrue.model.types import Format

from . import timing
from .buffer import SampleBuffer, WidthConverter, most_converted
from .layer import STAGES, Layer
from .loader import Loader, load_layout
from .machine import Folding, Machine
from .shapes import beats_of
from .trainer import Trainer, lessons_of
from .watch import COUNTER_BITS, LossCounter, Tracer, counter_address, selected, trace_layout


def most_in_flight(machine: Machine) -> int:
    """Return how many samples, taken whole, a network can hold at once.

    Each is where its last beat is: in a buffer, which holds two, in a width converter, or in the
    pipeline of a layer, where last beats stand at least an initiation interval apart.
    """
    most = 2
    for (layer, folding), after in zip(machine.parts, (*machine.foldings[1:], None), strict=True):
        latency = timing.LayerTiming.of(layer, folding).output
        interval = folding.initiation_interval
        inside = -(-latency // interval)
        if after is None:
            most += inside
        elif folding.pe != after.simd:
            most += inside + most_converted(folding.pe, after.simd, after.inputs) + 2
        else:
            # before a full buffer the next sample's first beat waits at best
            first = (folding.neuron_folds - 1) * folding.input_folds
            most += max(2 + max(0, -(-(latency - first) // interval)), 1 + inside)
    return most


class Network(Component):
    """A whole network in gates.

    Samples enter and leave as streams of beats. In front of each layer stands a buffer of two
    samples, between layers a width converter where their beats differ, so that with an unstalled
    source and sink a sample is taken every ``initiation_interval`` cycles.

    Weights are written, and read back, while the network is idle: raise ``hold``, wait for
    ``idle``. Reset discards all samples and load requests under way, and clears counters; weights
    that have been written stay.

    With a trainer, beats carry targets and whether to learn from them, see `lessons_of`. Samples
    that are learned from, and those that are not, may follow each other in any order: each is
    evaluated with the weights that all before it have left. A reset in mid-lesson leaves some
    weights changed and others not.

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
        The load port, as in `Loader`. Where updates are rounded by chance, the layer behind the
        last is the shift register.
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
        self.latency = timing.network(machine)
        self._data_width, self._weights = data_width_of(machine), weights
        super().__init__(self._ports())

    def _ports(self) -> dict[str, Member]:
        machine = self.machine
        first, last = machine.parts[0], machine.parts[-1]
        ports = {
            "i": In(
                lessons_of(machine)
                if machine.trainer
                else beats_of(first[0].input.format, first[1].simd)
            ),
            "o": Out(beats_of(last[0].output.format, last[1].pe)),
            "hold": In(1),
            "idle": Out(1),
            "framing_error": Out(1),
            "load": In(Signature(load_layout(self._data_width))),
            "loaded": Out(Signature(self._data_width)),
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

    def elaborate(self, platform: object) -> Module:
        """Connect everything."""
        m = Module()
        layers = [self._layer(m, number) for number in range(len(self.machine.parts))]
        buffers = [self._buffer(m, number, layer) for number, layer in enumerate(layers)]
        for number in range(1, len(layers)):
            connect(m, self._converted(m, number, layers[number - 1].o), buffers[number].i)
        if self.machine.trainer:
            self._take_lessons(m, buffers[0])
        else:
            connect(m, flipped(self.i), buffers[0].i)
        connect(m, layers[-1].o, flipped(self.o))

        slowest = max(timing.load(*part) for part in self.machine.parts)
        owners = len(layers) + has_chance(self.machine)
        m.submodules.loader = loader = Loader(owners, self._data_width, slowest)
        in_flight = self._follow(m, buffers[0], loader)
        self._connect_loader(m, loader, layers)
        if self.machine.trainer:
            self._train(m, loader, layers, buffers, in_flight)
        if self.machine.counters != "none":
            self._count(m, layers)
        if self.machine.trace:
            self._trace(m, layers)
        return m

    def _layer(self, m: Module, number: int) -> Layer:
        shape, folding = self.machine.parts[number]
        initial = {}
        if self._weights is not None:
            given = self._weights
            initial = {"weights": given.weights[number], "biases": given.biases[number]}
        m.submodules[f"layer_{number}"] = layer = Layer(
            shape, folding, self._data_width, **initial, trainer=self.machine.trainer
        )
        return layer

    def _buffer(self, m: Module, number: int, layer: Layer) -> SampleBuffer:
        """Build the buffer that a layer reads."""
        shape, folding = self.machine.parts[number]
        m.submodules[f"buffer_{number}"] = buffer = SampleBuffer(
            shape.input.format, folding.simd, folding.input_folds
        )
        m.d.comb += [
            layer.available.eq(buffer.available),
            layer.inputs.eq(buffer.lanes),
            buffer.en.eq(layer.en),
            buffer.address.eq(layer.address),
            buffer.release.eq(layer.release),
        ]
        return buffer

    def _converted(self, m: Module, number: int, stream: PureInterface) -> PureInterface:
        """Return a layer's outputs in beats as wide as the next layer, ``number``, takes them."""
        shape, folding = self.machine.parts[number]
        before = self.machine.foldings[number - 1]
        if before.pe == folding.simd:
            return stream
        m.submodules[f"converter_{number}"] = converter = WidthConverter(
            shape.input.format, before.pe, folding.simd, shape.inputs
        )
        connect(m, stream, converter.i)
        return converter.o

    def _take_lessons(self, m: Module, intake: SampleBuffer) -> None:
        """Give the inputs of beats to the first buffer."""
        given, taken = self.i, intake.i
        m.d.comb += [
            taken.valid.eq(given.valid),
            taken.payload.lanes.eq(given.payload.lanes),
            taken.payload.last.eq(given.payload.last),
            given.ready.eq(taken.ready),
        ]

    def _follow(self, m: Module, intake: SampleBuffer, loader: Loader) -> Signal:
        """Count the samples under way, and tell when there are none; return their number."""
        in_flight = Signal(range(most_in_flight(self.machine) + 1))
        left = self.o.valid & self.o.ready & self.o.payload.last
        m.d.sync += [
            in_flight.eq(in_flight + intake.committed - left),
            self.idle.eq(self.hold & ~self.i.ready & (in_flight == 0)),
            self.framing_error.eq(self.framing_error | intake.misframed),
        ]
        m.d.comb += intake.hold.eq(self.hold | self.idle | loader.busy)
        return in_flight

    def _train(
        self,
        m: Module,
        loader: Loader,
        layers: list[Layer],
        buffers: list[SampleBuffer],
        in_flight: Signal,
    ) -> None:
        """Set a trainer beside the layers."""
        state = None if self._weights is None else self._weights.state
        m.submodules.trainer = trainer = Trainer(self.machine, state)
        intake, payload = buffers[0], self.i.payload
        m.d.comb += [
            trainer.taken.eq(intake.i.valid & intake.i.ready),
            trainer.last.eq(payload.last),
            trainer.train.eq(payload.train),
            trainer.targets.eq(payload.targets),
            trainer.committed.eq(intake.committed),
            trainer.alone.eq(in_flight == 1),
            intake.hold.eq(self.hold | self.idle | loader.busy | trainer.hold),
        ]
        # what a lesson changes is nobody else's to see before it is over
        m.d.sync += self.idle.eq(self.hold & ~self.i.ready & (in_flight == 0) & ~trainer.busy)
        for number, (layer, buffer) in enumerate(zip(layers, buffers, strict=True)):
            seen = {
                "taken": buffer.i.valid & buffer.i.ready,
                "last": buffer.i.payload.last,
                "inputs": buffer.i.payload.lanes,
                "preactivation": layer.preactivation,
                "output": layer.output,
                "weights": layer.weights,
            }
            if self.machine.shape.layers[number].bias is not None:
                seen["biases"] = layer.biases
            m.d.comb += [getattr(trainer, f"{n}_{number}").eq(v) for n, v in seen.items()]
            m.d.comb += layer.update.eq(getattr(trainer, f"update_{number}"))
        if has_chance(self.machine):
            register = len(layers)
            m.d.comb += [
                trainer.valid.eq(loader.valid[register]),
                trainer.write.eq(loader.to_layer.write),
                trainer.data.eq(loader.to_layer.data),
                loader.answered[register].eq(trainer.answered),
                loader.answers[register].eq(trainer.response),
            ]

    def _connect_loader(self, m: Module, loader: Loader, layers: list[Layer]) -> None:
        connect(m, flipped(self.load), loader.request)
        connect(m, loader.response, flipped(self.loaded))
        loading = Signal()
        m.d.comb += loader.open.eq(self.idle & self.hold)
        # one cycle late: requests reach a memory later, and so do samples
        m.d.sync += loading.eq(self.idle | loader.busy)
        for number, layer in enumerate(layers):
            m.d.comb += [
                layer.loading.eq(loading),
                layer.valid.eq(loader.valid[number]),
                layer.request.eq(loader.to_layer),
                loader.answered[number].eq(layer.answered),
                loader.answers[number].eq(layer.response),
            ]

    def _count(self, m: Module, layers: list[Layer]) -> None:
        counters = []
        for number, stage, format, folding in stages_of(self.machine):
            if stage == STAGES[0]:
                continue
            counter = LossCounter(format, folding, inexact=self.machine.counters == "full")
            m.submodules[f"counter_{number}_{stage}"] = counter
            m.d.comb += [
                counter.probe.eq(getattr(layers[number], stage)),
                counter.clear.eq(self.count_clear & self.idle),
            ]
            counters.append(counter)
        m.d.sync += self.count.eq(selected(m, counters, self.count_address))

    def _trace(self, m: Module, layers: list[Layer]) -> None:
        for number, stage, format, folding in stages_of(self.machine):
            tracer = Tracer(format, folding)
            m.submodules[f"tracer_{number}_{stage}"] = tracer
            m.d.comb += [
                tracer.probe.eq(getattr(layers[number], stage)),
                getattr(self, trace_name(number, stage)).eq(tracer.o),
            ]


def data_width_of(machine: Machine) -> int:
    """Return the width of the load port's data: that of the widest weight, bias or register."""
    types = [fixed for layer in machine.shape.layers for fixed in (layer.weight, layer.bias)]
    widths = [fixed.format.width for fixed in types if fixed is not None]
    return max(*widths, BITS) if has_chance(machine) else max(widths)


def has_chance(machine: Machine) -> bool:
    """Tell whether a machine has a trainer that rounds updates by chance."""
    learning = machine.shape.learning
    return machine.trainer and learning is not None and learning.rounding == STOCHASTIC


def trace_name(layer: int, stage: str) -> str:
    """Return the name of a trace port."""
    return f"trace_{layer}_{stage}"


def stages_of(machine: Machine) -> Iterator[tuple[int, str, Format, Folding]]:
    """Return layer number, stage, format of its words and folding, for each stage in order."""
    for number, (layer, folding) in enumerate(machine.parts):
        formats = (layer.accumulator, layer.preactivation.format, layer.output.format)
        for stage, format in zip(STAGES, formats, strict=True):
            yield number, stage, format, folding
