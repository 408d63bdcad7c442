"""One dense layer: weights and neurons behind one clock enable."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.data import StructLayout, View
from amaranth.lib.wiring import Component, In, Out

from bittrue.model.shape import Layer as LayerShape
from bittrue.model.types import Codes, Format

from . import timing
from .address import request_layout
from .machine import Folding
from .neuron import Neuron
from .pipeline import delayed
from .shapes import beats_of, blanked, index_below, lanes_of, words_of
from .weights import WeightMemory, update_layout

STAGES = ("accumulator", "preactivation", "output")
"""Stages of a layer whose words can be compared, in order."""


def probe_layout(format: Format, folding: Folding) -> StructLayout:
    """Return the layout of what a stage shows in one cycle.

    ``valid`` strobes once for each beat of words that moves on; ``fold`` is its neuron fold,
    ``mask`` tells real lanes from padding, ``inexact`` and ``overflowed`` tell of each lane what
    the stage lost.
    """
    lanes = folding.pe
    return StructLayout(
        {
            "valid": 1,
            "fold": index_below(folding.neuron_folds),
            "mask": lanes,
            "words": lanes_of(format, lanes),
            "inexact": lanes,
            "overflowed": lanes,
        }
    )


class Layer(Component):
    """A dense layer, ``pe`` neurons and ``simd`` inputs at a time.

    Counters walk through the products of a sample; behind them is a pipeline without bubbles,
    which stops as a whole while an output beat waits: read weights and inputs, blank padding, then
    `Neuron`.

    Parameters
    ----------
    layer : model Layer
        Sizes, formats, curve.
    folding : Folding
        Lanes.
    data_width : int
        Width of the load port's data.
    weights, biases : array of int64, optional
        Codes at power-up; zero where not given.
    trainer : bool
        Whether a trainer reads and changes the weights.

    Members
    -------
    available : In(1)
        A sample waits in the buffer before the layer.
    en, address, release : Out
        How the buffer is read: clock enable, beat, and the sample's last read.
    inputs : In(simd lanes)
        The beat, one enabled cycle after its address.
    o : Out(stream of beats)
        Beats of ``pe`` outputs, ``neuron_folds`` of them a sample.
    loading, valid, request, answered, response
        The load port, as in `WeightMemory`.
    accumulator, preactivation, output : Out(probe_layout)
        What each stage shows.
    update, weights, biases
        Only with a trainer: as in `WeightMemory`.

    Attributes
    ----------
    latency : int
        Enabled cycles from the issue of a neuron's last products to its beat on ``o``.
    initiation_interval : int
        Cycles from one sample to the next: neuron folds times input folds.
    """

    def __init__(
        self,
        layer: LayerShape,
        folding: Folding,
        data_width: int,
        *,
        weights: Codes | None = None,
        biases: Codes | None = None,
        trainer: bool = False,
    ) -> None:
        self._layer, self._folding, self._data_width = layer, folding, data_width
        self._trainer = trainer
        self._initial = {"weights": weights, "biases": biases}
        self._timing = timing.LayerTiming.of(layer, folding)
        self.latency = self._timing.output
        self.initiation_interval = folding.initiation_interval
        formats = (layer.accumulator, layer.preactivation.format, layer.output.format)
        trained = {}
        if trainer:
            trained["update"] = In(update_layout(layer, folding))
            trained["weights"] = Out(lanes_of(layer.weight.format, folding.pe * folding.simd))
            if layer.bias is not None:
                trained["biases"] = Out(lanes_of(layer.bias.format, folding.pe))
        super().__init__(
            {
                "available": In(1),
                "en": Out(1),
                "address": Out(index_below(folding.input_folds)),
                "release": Out(1),
                "inputs": In(lanes_of(layer.input.format, folding.simd)),
                "o": Out(beats_of(layer.output.format, folding.pe)),
                "loading": In(1),
                "valid": In(1),
                "request": In(request_layout(data_width)),
                "answered": Out(1),
                "response": Out(data_width),
                **{
                    stage: Out(probe_layout(format, folding))
                    for stage, format in zip(STAGES, formats, strict=True)
                },
                **trained,
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Connect counters, memory and neurons."""
        m = Module()
        folding = self._folding
        m.submodules.memory = memory = WeightMemory(
            self._layer, folding, self._data_width, **self._initial, trainer=self._trainer
        )
        if self._trainer:
            m.d.comb += [memory.update.eq(self.update), self.weights.eq(memory.weights)]
            if self._layer.bias is not None:
                m.d.comb += self.biases.eq(memory.biases)
        neurons = [Neuron(self._layer, folding.simd) for _ in range(folding.pe)]
        for lane, neuron in enumerate(neurons):
            m.submodules[f"neuron_{lane}"] = neuron
        m.d.comb += self.en.eq(~self.o.valid | self.o.ready)
        tags = self._issue(m, memory)
        self._load(m, memory)
        self._operate(m, memory, neurons, tags)
        for stage in STAGES:
            self._show(m, stage, neurons, tags[getattr(self._timing, stage)])

        m.d.comb += [self.o.valid.eq(tags[-1].word), self.o.payload.last.eq(tags[-1].last_fold)]
        for lane, neuron in enumerate(neurons):
            real = self.output.mask[lane]
            m.d.comb += self.o.payload.lanes[lane].eq(Mux(real, neuron.output, 0))
        return m

    def _issue(self, m: Module, memory: WeightMemory) -> list[View]:
        """Walk through a sample; return the tag of each pipeline stage, from the issue on."""
        folds, beats = self._folding.neuron_folds, self._folding.input_folds
        layout = StructLayout(
            {"first": 1, "tail": 1, "word": 1, "last_fold": 1, "fold": index_below(folds)}
        )
        issue, row = Signal(layout), Signal(index_below(folds * beats))
        m.d.comb += [
            issue.first.eq(self.address == 0),
            issue.tail.eq(self.address == beats - 1),
            issue.word.eq(self.available & issue.tail),
            issue.last_fold.eq(issue.fold == folds - 1),
            self.release.eq(self.en & issue.word & issue.last_fold),
            memory.row.eq(row),
            memory.en.eq(self.en),
        ]
        fold = Signal(index_below(folds))
        m.d.comb += issue.fold.eq(fold)
        with m.If(self.en & self.available):
            m.d.sync += [
                row.eq(Mux(self.release, 0, row + 1)),
                self.address.eq(Mux(issue.tail, 0, self.address + 1)),
            ]
            with m.If(issue.tail):
                m.d.sync += fold.eq(Mux(issue.last_fold, 0, fold + 1))
        tags = [issue]
        for stage in range(self.latency):
            tags.append(
                delayed(
                    m, tags[-1], 1, name=f"tag_{stage}", en=self.en, reset_less=False, shape=layout
                )
            )
        return tags

    def _load(self, m: Module, memory: WeightMemory) -> None:
        """Hand the load port to the memory."""
        m.d.comb += [
            memory.loading.eq(self.loading),
            memory.valid.eq(self.valid),
            memory.request.eq(self.request),
            self.answered.eq(memory.answered),
            self.response.eq(memory.response),
        ]

    def _operate(
        self, m: Module, memory: WeightMemory, neurons: list[Neuron], tags: list[View]
    ) -> None:
        """Bring operands, padding blanked, to the neurons."""
        folding = self._folding
        real = Signal(folding.simd)
        m.d.comb += [
            real.eq(Mux(tags[1].tail, (1 << folding.last_inputs) - 1, (1 << folding.simd) - 1)),
            memory.real.eq(real),
        ]
        inputs = blanked(words_of(self.inputs), real)
        inputs = delayed(m, inputs, 1, name="inputs", en=self.en)
        for lane, neuron in enumerate(neurons):
            m.d.comb += [
                neuron.en.eq(self.en),
                neuron.first.eq(tags[self._timing.operands].first),
                neuron.inputs.eq(inputs),
            ]
            m.d.comb += [
                neuron.weights[n].eq(memory.weights[lane * folding.simd + n])
                for n in range(folding.simd)
            ]
        if self._layer.bias is not None:
            at_bias = self._timing.operands + neurons[0].bias_delay - memory.latency
            m.d.comb += memory.fold.eq(tags[at_bias].fold)
            m.d.comb += [n.bias.eq(memory.biases[lane]) for lane, n in enumerate(neurons)]

    def _show(self, m: Module, stage: str, neurons: list[Neuron], tag: View) -> None:
        """Show the words of one stage, which the tag belongs to."""
        probe, folding = getattr(self, stage), self._folding
        real = Mux(tag.last_fold, (1 << folding.last_neurons) - 1, (1 << folding.pe) - 1)
        m.d.comb += [
            probe.valid.eq(tag.word & self.en),
            probe.fold.eq(tag.fold),
            probe.mask.eq(real),
        ]
        for lane, neuron in enumerate(neurons):
            m.d.comb += probe.words[lane].eq(getattr(neuron, stage))
            if stage != "accumulator":
                m.d.comb += [
                    probe.inexact[lane].eq(getattr(neuron, f"{stage}_inexact")),
                    probe.overflowed[lane].eq(getattr(neuron, f"{stage}_overflowed")),
                ]
