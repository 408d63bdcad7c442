"""The trainer of one layer: deltas, errors for the layer before, new weights."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.data import ArrayLayout, View
from amaranth.lib.memory import Memory, ReadPort, WritePort
from amaranth.lib.wiring import Component, In, Out

from bittrue.model.learning import STOCHASTIC, Derivative, Learning
from bittrue.model.lfsr import BITS
from bittrue.model.types import FixedType, Format

from . import timing
from .buffer import WidthConverter
from .delta import carried_format
from .deltas import Deltas
from .derivative import source_format
from .layer import probe_layout
from .mac import Mac
from .machine import Machine
from .pipeline import delayed
from .requantize import Requantize
from .shapes import UNORDERED, blanked, index_below, lanes_of, words_of
from .update import Update
from .walk import Walk, visit_layout
from .weights import update_layout


class LayerTrainer(Component):
    """Watches a layer, and changes its weights once the errors of its outputs are known.

    One walk through the weights does both: each row is read once, as it was, for the errors of
    the layer before and for its own update, and written back. It has multipliers of its own, as
    many as the layer for either.

    Parameters
    ----------
    machine : Machine
        With a trainer.
    number : int
        Number of the layer.

    Members
    -------
    taken, last, inputs : In
        A beat of the layer's inputs has come; it is a sample's last; its lanes.
    preactivation, output : In(probe_layout)
        What the layer's stages show.
    coming : In(1)
        Errors come in the next cycle.
    errors : In(pe lanes)
        Beats of them, neurons ascending: exact in the last layer, in the error format in others.
    weights, biases, update
        The weight memory's, as in `Layer`.
    state, drawn, next
        The register that is drawn from, where updates are rounded by chance.
    handed, errors_before : Out(1), Out(lanes)
        Errors of the layer before, in beats as wide as its neurons. Not in the first layer.
    done : Out(1)
        The last row is written in this cycle.
    """

    def __init__(self, machine: Machine, number: int) -> None:
        self._machine, self._number = machine, number
        self._layer, self._folding = machine.parts[number]
        self._learning = learning_of(machine)
        self._own = self._learning.layers[number]
        self._is_last = number == len(machine.parts) - 1
        layer, folding = self._layer, self._folding
        ports: dict[str, Any] = {
            "taken": In(1),
            "last": In(1),
            "inputs": In(lanes_of(layer.input.format, folding.simd)),
            "preactivation": In(probe_layout(layer.preactivation.format, folding)),
            "output": In(probe_layout(layer.output.format, folding)),
            "coming": In(1),
            "errors": In(lanes_of(self._exact or self._own.error.format, folding.pe)),
            "weights": In(lanes_of(layer.weight.format, folding.pe * folding.simd)),
            "update": Out(update_layout(layer, folding)),
            "done": Out(1),
        }
        if layer.bias is not None:
            ports["biases"] = In(lanes_of(layer.bias.format, folding.pe))
        if self._learning.rounding == STOCHASTIC:
            ports |= {"state": In(BITS), "drawn": Out(1), "next": Out(BITS)}
        if number:
            before = self._learning.layers[number - 1].error.format
            lanes = lanes_of(before, machine.foldings[number - 1].pe)
            ports |= {"handed": Out(1), "errors_before": Out(lanes)}
        super().__init__(ports)

    @property
    def _exact(self) -> Format | None:
        """Format of the last layer's errors, target minus output."""
        return exact_error(self._layer.output.format) if self._is_last else None

    def elaborate(self, platform: object) -> Module:
        """Connect memories, deltas, walk, errors and updates."""
        m = Module()
        m.submodules.deltas = deltas = self._deltas(m)
        m.submodules.walk = walk = Walk(self._folding, timing.pace(self._machine, self._number))
        m.d.comb += [walk.start.eq(deltas.complete), deltas.fold.eq(walk.visit.fold)]
        inputs = self._inputs(m, walk.visit.beat)
        visits = self._visits(m, walk.visit, timing.WEIGHTS + self._longest)
        kept = delayed(m, deltas.kept, 1, name="kept", shape=deltas.kept.shape())
        inputs = delayed(m, inputs, 1, name="inputs", shape=self.inputs.shape())
        if self._number:
            self._hand_on(m, visits, words_of(kept.carried))
        self._change(m, visits, kept, words_of(inputs))
        return m

    @property
    def _longest(self) -> int:
        """Cycles for which a visit is remembered, from the weights on."""
        return max(timing.UPDATE, timing.mac(self._folding.pe) + timing.REQUANTIZE)

    def _visits(self, m: Module, visit: View, cycles: int) -> list[View]:
        """Return the visit of each cycle behind its own."""
        layout, visits = visit_layout(self._folding), [visit]
        for cycle in range(cycles):
            visits.append(
                delayed(m, visits[-1], 1, name=f"visit_{cycle}", reset_less=False, shape=layout)
            )
        return visits

    def _inputs(self, m: Module, beat: Value) -> View:
        """Remember the last sample's inputs; return those of a beat, padding 0, a cycle later."""
        folding, format = self._folding, self._layer.input.format
        write, read = memory_of(m, "inputs", lanes_of(format, folding.simd), folding.input_folds)
        position = Signal(index_below(folding.input_folds))
        real = Mux(self.last, (1 << folding.last_inputs) - 1, (1 << folding.simd) - 1)
        lanes = blanked(words_of(self.inputs), real[: folding.simd])
        m.d.comb += [
            write.addr.eq(position),
            write.data.as_value().eq(lanes),
            write.en.eq(self.taken),
            read.addr.eq(beat),
        ]
        with m.If(self.taken):
            m.d.sync += position.eq(Mux(self.last, 0, position + 1))
        return read.data

    def _deltas(self, m: Module) -> Deltas:
        """Build the deltas, and bring to them what derivatives are taken from."""
        deltas = Deltas(self._layer, self._folding, self._learning, self._number, exact=self._exact)
        coming = delayed(m, self.coming, 1, name="coming", reset_less=False)
        m.d.comb += [
            deltas.valid.eq(coming),
            deltas.errors.eq(self.errors),
            deltas.values.eq(self._values(m)),
        ]
        if self._learning.rounding == STOCHASTIC:
            m.d.comb += [
                deltas.state.eq(self.state),
                self.drawn.eq(deltas.drawn),
                self.next.eq(deltas.next),
            ]
        return deltas

    def _values(self, m: Module) -> View:
        """Return outputs or pre-activations of the neurons whose errors come, in step with them."""
        by_output = self._own.derivative is Derivative.OUTPUT
        probe = self.output if by_output else self.preactivation
        if by_output and self._is_last:
            return delayed(m, probe.words, 1, name="output", shape=probe.words.shape())
        folds = self._folding.neuron_folds
        format = source_format(self._layer.curve, self._own.derivative)
        write, read = memory_of(m, "values", lanes_of(format, self._folding.pe), folds)
        fold = Signal(index_below(folds))
        with m.If(self.coming):
            m.d.sync += fold.eq(Mux(fold == folds - 1, 0, fold + 1))
        m.d.comb += [
            write.addr.eq(probe.fold),
            write.data.eq(probe.words),
            write.en.eq(probe.valid),
            read.addr.eq(fold),
        ]
        return read.data

    def _hand_on(self, m: Module, visits: list[View], carried: list[Value]) -> None:
        """Sum up the errors of the layer before, input by input, and hand them on."""
        folding, before = self._folding, self._learning.layers[self._number - 1].error
        at_sum = timing.WEIGHTS + timing.mac(folding.pe)
        beat = visits[at_sum + timing.REQUANTIZE]
        weights = words_of(self.weights)
        found = [
            self._error(
                m, place, visits[timing.WEIGHTS].first, weights[place :: folding.simd], carried
            )
            for place in range(folding.simd)
        ]
        real = Mux(beat.last_beat, (1 << folding.last_inputs) - 1, (1 << folding.simd) - 1)
        lanes, valid = blanked(found, real[: folding.simd]), beat.valid & beat.last
        pe = self._machine.foldings[self._number - 1].pe
        if pe != folding.simd:
            m.submodules.converter = converter = WidthConverter(
                before.format, folding.simd, pe, folding.inputs
            )
            m.d.comb += [
                converter.i.valid.eq(valid),
                converter.i.payload.lanes.as_value().eq(lanes),
                converter.i.payload.last.eq(beat.last_beat),
                converter.o.ready.eq(1),
            ]
            lanes, valid = converter.o.payload.lanes.as_value(), converter.o.valid
        m.d.comb += [
            self.handed.eq(valid),
            self.errors_before.as_value().eq(delayed(m, lanes, 1, name="handed_errors")),
        ]

    def _error(
        self, m: Module, place: int, first: Value, weights: list[Value], carried: list[Value]
    ) -> Value:
        """Return the requantized error of the input at one place of a beat."""
        layer, lanes = self._layer, self._folding.pe
        format = carried_format(self._learning, self._number)
        total = Format.dot(layer.weight.format, format, layer.outputs)
        mac = Mac(layer.weight.format, format, total, lanes)
        into = Requantize(total, self._learning.layers[self._number - 1].error)
        m.submodules[f"mac_{place}"], m.submodules[f"into_error_{place}"] = mac, into
        m.d.comb += [mac.en.eq(1), mac.first.eq(first), into.en.eq(1), into.i.eq(mac.o)]
        for lane in range(lanes):
            m.d.comb += [mac.weights[lane].eq(weights[lane]), mac.inputs[lane].eq(carried[lane])]
        return into.o

    def _change(self, m: Module, visits: list[View], kept: View, inputs: list[Value]) -> None:
        """Read rows, change them, and write them back."""
        layer, folding, update = self._layer, self._folding, self.update
        at_end = visits[timing.WEIGHTS + timing.UPDATE]
        m.d.comb += [
            update.read.eq(visits[0].valid),
            update.row.eq(visits[0].row),
            update.fold.eq(visits[0].fold),
            update.write.eq(at_end.valid),
            update.write_row.eq(at_end.row),
            self.done.eq(at_end.valid & at_end.last & at_end.last_beat),
        ]
        for lane in range(folding.pe):
            for place in range(folding.simd):
                number = lane * folding.simd + place
                changed = self._changed(
                    m, kept, lane, layer.weight, self.weights[number], inputs[place], f"_{place}"
                )
                m.d.comb += update.weights[number].eq(changed)
        if layer.bias is not None:
            m.d.comb += [
                update.write_biases.eq(at_end.valid & at_end.first_beat),
                update.write_fold.eq(at_end.fold),
            ]
            for lane in range(folding.pe):
                changed = self._changed(m, kept, lane, layer.bias, self.biases[lane])
                m.d.comb += update.biases[lane].eq(changed)

    def _changed(
        self,
        m: Module,
        kept: View,
        lane: int,
        type: FixedType,
        old: Value,
        input: Value | None = None,
        place: str = "_bias",
    ) -> Value:
        """Return a changed weight, or bias where there is no input."""
        format = None if input is None else self._layer.input.format
        update = Update(self._learning, self._own.delta.format, format, type)
        m.submodules[f"update_{lane}{place}"] = update
        m.d.comb += [update.rated.eq(kept.rated[lane]), update.old.eq(old)]
        if input is not None:
            m.d.comb += update.input.eq(input)
        if self._learning.rounding == STOCHASTIC:
            m.d.comb += update.draw.eq(kept.draws[lane])
        return update.o


def learning_of(machine: Machine) -> Learning:
    """Return how a machine with a trainer learns."""
    learning = machine.shape.learning
    if learning is None:
        raise TypeError("a machine with a trainer must say how it learns")
    return learning


def exact_error(output: Format) -> Format:
    """Return the format of target minus output, as exact as these are."""
    return Format(True, output.width + 1, output.frac)


def memory_of(m: Module, name: str, layout: ArrayLayout, depth: int) -> tuple[WritePort, ReadPort]:
    """Build a small memory, and return its ports."""
    m.submodules[f"{name}_memory"] = memory = Memory(
        shape=layout, depth=depth, init=[], attrs=UNORDERED
    )
    return memory.write_port(), memory.read_port()
