"""What a network needs to learn in gates, beside its layers."""

from functools import reduce
from itertools import pairwise
from operator import or_
from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.data import StructLayout, View
from amaranth.lib.stream import Signature
from amaranth.lib.wiring import Component, In, Out

from bittrue.model.learning import STOCHASTIC
from bittrue.model.lfsr import BITS

from .layer import probe_layout
from .layer_trainer import LayerTrainer, exact_error, learning_of, memory_of
from .lfsr import ShiftRegister
from .machine import Machine
from .pipeline import delayed
from .shapes import index_below, lanes_of, words_of
from .weights import update_layout


def target_folds(machine: Machine) -> int:
    """Return how many folds of the last layer's neurons have their targets in one beat."""
    return -(-machine.foldings[-1].neuron_folds // machine.foldings[0].input_folds)


def target_lanes(machine: Machine) -> int:
    """Return how many targets a beat carries."""
    return target_folds(machine) * machine.foldings[-1].pe


def lessons_of(machine: Machine) -> Signature:
    """Return a stream of beats that say whether, and what, is to be learned from a sample.

    ``train`` counts on the sample's last beat. ``targets`` are codes of the output format, in the
    order of neurons, the first in lane 0 of the first beat; lanes that no neuron is left for are
    ignored, and so are all targets of a sample that is only a query.
    """
    shape, folding = machine.shape, machine.foldings[0]
    return Signature(
        StructLayout(
            {
                "lanes": lanes_of(shape.input.format, folding.simd),
                "last": 1,
                "train": 1,
                "targets": lanes_of(shape.output.format, target_lanes(machine)),
            }
        )
    )


class Targets(Component):
    """Keeps the targets of the sample that came last, and gives them fold by fold.

    Parameters
    ----------
    machine : Machine
        With a trainer.

    Members
    -------
    taken, last, targets : In
        A beat has come; it is the sample's last; its targets.
    shown : In(1)
        The last layer shows the outputs of its next fold.
    o : Out(pe lanes)
        Their targets, one cycle later.
    """

    def __init__(self, machine: Machine) -> None:
        self._beats = machine.foldings[0].input_folds
        self._folding, self._parts = machine.foldings[-1], target_folds(machine)
        format = machine.shape.output.format
        super().__init__(
            {
                "taken": In(1),
                "last": In(1),
                "targets": In(lanes_of(format, target_lanes(machine))),
                "shown": In(1),
                "o": Out(lanes_of(format, self._folding.pe)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the memory, and the counters on both its sides."""
        m = Module()
        write, read = memory_of(m, "targets", self.targets.shape(), self._beats)
        position, address = (Signal(index_below(self._beats), name=n) for n in ("beat", "address"))
        fold, part = (
            Signal(index_below(self._folding.neuron_folds)),
            Signal(index_below(self._parts)),
        )
        m.d.comb += [
            write.addr.eq(position),
            write.data.eq(self.targets),
            write.en.eq(self.taken),
            read.addr.eq(address),
        ]
        with m.If(self.taken):
            m.d.sync += position.eq(Mux(self.last, 0, position + 1))
        with m.If(self.shown):
            with m.If(fold == self._folding.neuron_folds - 1):
                m.d.sync += [fold.eq(0), part.eq(0), address.eq(0)]
            with m.Elif(part == self._parts - 1):
                m.d.sync += [fold.eq(fold + 1), part.eq(0), address.eq(address + 1)]
            with m.Else():
                m.d.sync += [fold.eq(fold + 1), part.eq(part + 1)]
        words, pe = words_of(read.data), self._folding.pe
        chosen = delayed(m, part, 1, name="part")
        for lane in range(pe):
            with m.Switch(chosen):
                for n in range(self._parts):
                    with m.Case(n):
                        m.d.comb += self.o[lane].eq(words[n * pe + lane])
        return m


class Trainer(Component):
    """Lets a network learn: one sample after the other, by `LayerTrainer` and from last to first.

    A sample with targets runs through the layers as any other, behind those that came before it;
    none is taken behind it before all weights are written.

    Parameters
    ----------
    machine : Machine
        With a trainer.
    state : int, optional
        Of the shift register at power-up.

    Members
    -------
    taken, last, train, targets : In
        A beat of the network's inputs has come, and what it carries.
    committed : In(1)
        A sample has come whole with it.
    alone : In(1)
        No more than one sample is under way.
    busy, hold : Out(1)
        A sample is learned from; no more beats may be taken from the next cycle on.
    taken_<layer>, last_<layer>, inputs_<layer>, preactivation_<layer>, output_<layer>
        What is seen of a layer, as in `LayerTrainer`.
    weights_<layer>, biases_<layer>, update_<layer>
        Its weight memory, as there.
    valid, write, data, answered, response
        The shift register's part of the load port, as in `ShiftRegister`. Only where updates are
        rounded by chance.
    """

    def __init__(self, machine: Machine, state: int | None = None) -> None:
        self._machine, self._state = machine, state
        self._chance = learning_of(machine).rounding == STOCHASTIC
        ports: dict[str, Any] = {
            "taken": In(1),
            "last": In(1),
            "train": In(1),
            "targets": In(lanes_of(machine.shape.output.format, target_lanes(machine))),
            "committed": In(1),
            "alone": In(1),
            "busy": Out(1),
            "hold": Out(1),
        }
        for number, (layer, folding) in enumerate(machine.parts):
            ports |= {
                f"taken_{number}": In(1),
                f"last_{number}": In(1),
                f"inputs_{number}": In(lanes_of(layer.input.format, folding.simd)),
                f"preactivation_{number}": In(probe_layout(layer.preactivation.format, folding)),
                f"output_{number}": In(probe_layout(layer.output.format, folding)),
                f"weights_{number}": In(lanes_of(layer.weight.format, folding.pe * folding.simd)),
                f"update_{number}": Out(update_layout(layer, folding)),
            }
            if layer.bias is not None:
                ports[f"biases_{number}"] = In(lanes_of(layer.bias.format, folding.pe))
        if self._chance:
            ports |= {
                "valid": In(1),
                "write": In(1),
                "data": In(BITS),
                "answered": Out(1),
                "response": Out(BITS),
            }
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        """Connect the layers' trainers, and follow a lesson."""
        m = Module()
        trainers = [self._trainer(m, number) for number in range(len(self._machine.parts))]
        with m.If(self.committed & self.train):
            m.d.sync += self.busy.eq(1)
        with m.Elif(trainers[0].done):
            m.d.sync += self.busy.eq(0)
        m.d.comb += self.hold.eq(self.busy | (self.committed & self.train))
        self._begin(m, trainers[-1])
        for before, after in pairwise(trainers):
            m.d.comb += [before.coming.eq(after.handed), before.errors.eq(after.errors_before)]
        if self._chance:
            self._draw(m, trainers)
        return m

    def _trainer(self, m: Module, number: int) -> LayerTrainer:
        """Build a layer's trainer beside it."""
        m.submodules[f"layer_{number}"] = trainer = LayerTrainer(self._machine, number)
        names = ["taken", "last", "inputs", "preactivation", "output", "weights"]
        if self._machine.shape.layers[number].bias is not None:
            names.append("biases")
        m.d.comb += [getattr(trainer, name).eq(getattr(self, f"{name}_{number}")) for name in names]
        m.d.comb += getattr(self, f"update_{number}").eq(trainer.update)
        return trainer

    def _begin(self, m: Module, trainer: LayerTrainer) -> None:
        """Give the last layer its errors: targets minus outputs."""
        output: View = trainer.output
        m.submodules.targets = targets = Targets(self._machine)
        format = self._machine.shape.output.format
        shown = delayed(m, output.words, 1, name="shown", shape=output.words.shape())
        m.d.comb += [
            targets.taken.eq(self.taken),
            targets.last.eq(self.last),
            targets.targets.eq(self.targets),
            targets.shown.eq(output.valid),
            trainer.coming.eq(output.valid & self.busy & self.alone),
        ]
        errors = [
            (t - y)[: exact_error(format).width]
            for t, y in zip(words_of(targets.o), words_of(shown), strict=True)
        ]
        m.d.comb += [trainer.errors[lane].eq(error) for lane, error in enumerate(errors)]

    def _draw(self, m: Module, trainers: list[LayerTrainer]) -> None:
        """Let all layers, one at a time, draw from one register."""
        m.submodules.register = register = ShiftRegister(self._state)

        def any_of(values: list[Value]) -> Value:
            return reduce(or_, values)

        m.d.comb += [
            register.drawn.eq(any_of([trainer.drawn for trainer in trainers])),
            register.next.eq(any_of([Mux(t.drawn, t.next, 0) for t in trainers])),
            *(trainer.state.eq(register.state) for trainer in trainers),
            register.valid.eq(self.valid),
            register.write.eq(self.write),
            register.data.eq(self.data),
            self.answered.eq(register.answered),
            self.response.eq(register.response),
        ]
