"""The memory of one layer's weights, and how it is loaded without knowing the folding."""

from functools import reduce
from operator import or_

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory, ReadPort, WritePort
from amaranth.lib.wiring import Component, In, Out

from bittrue.model.shape import Layer
from bittrue.model.types import Codes, Format

from . import timing
from .address import LoadAddress, request_layout
from .machine import Folding
from .pipeline import delayed
from .shapes import UNORDERED, blanked, index_below, lanes_of, words_of


def update_layout(layer: Layer, folding: Folding) -> StructLayout:
    """Return the layout of what a trainer asks of a weight memory in one cycle.

    While ``read`` is up it owns the memory: it drives the row and fold that are read. With
    ``write``, and ``write_biases`` for biases, whole rows are written.
    """
    row, fold = index_below(folding.initiation_interval), index_below(folding.neuron_folds)
    members = {
        "read": 1,
        "row": row,
        "fold": fold,
        "write": 1,
        "write_row": row,
        "weights": lanes_of(layer.weight.format, folding.pe * folding.simd),
    }
    if layer.bias is not None:
        members |= {
            "write_biases": 1,
            "write_fold": fold,
            "biases": lanes_of(layer.bias.format, folding.pe),
        }
    return StructLayout(members)


class WeightMemory(Component):
    """Weights and biases of one layer: one read, one lane-masked write, one owner at a time.

    A row holds the weights of ``pe`` neurons by ``simd`` inputs, row ``neuron fold * input folds +
    input fold``. Requests address a neuron and an input (or the neuron's bias), whatever the
    folding. A write outside the layer does nothing, a read outside it gives 0.

    Parameters
    ----------
    layer : Layer
        Sizes and formats.
    folding : Folding
        How rows are made.
    data_width : int
        Width of the load port's data, at least that of a weight and of a bias. A write takes the
        low bits; a read extends the code, signed or not as its format is.
    weights, biases : array of int64, optional
        Codes at power-up, shapes (outputs, inputs) and (outputs,); zero where not given.
    trainer : bool
        Whether a trainer owns it at times.

    Members
    -------
    en, row, fold : In
        Clock enable, row and neuron fold that the layer reads.
    real : In(simd)
        Inputs of the row that are no padding, one enabled cycle after it.
    weights : Out(pe * simd lanes)
        The row, two enabled cycles later, padding blanked; lane ``p * simd + s``.
    biases : Out(pe lanes)
        The biases of the fold, two enabled cycles later. Only where the layer has biases.
    loading : In(1)
        The load port owns the memory: it drives the rows, and the enable must be up.
    valid, request : In
        One request a cycle.
    answered, response : Out
        What a read found, ``load_latency`` cycles after its request.
    update : In(update_layout)
        Only with a trainer: what it reads, as the layer does, and writes.

    Attributes
    ----------
    latency : int
        Enabled cycles from ``row`` to ``weights``. Initiation interval 1.
    load_latency : int
        Cycles from a read request to its response; a write is done sooner. Initiation interval 1.
    """

    latency = timing.WEIGHTS

    def __init__(
        self,
        layer: Layer,
        folding: Folding,
        data_width: int,
        *,
        weights: Codes | None = None,
        biases: Codes | None = None,
        trainer: bool = False,
    ) -> None:
        self._layer, self._folding, self._data_width = layer, folding, data_width
        self._trainer = trainer
        self.load_latency = timing.load(layer, folding)
        self._weight_rows = _rows(folding, weights)
        self._bias_rows = _rows(Folding(1, folding.outputs, folding.pe, 1), biases)
        ports = {
            "en": In(1),
            "row": In(index_below(folding.initiation_interval)),
            "fold": In(index_below(folding.neuron_folds)),
            "real": In(folding.simd),
            "weights": Out(lanes_of(layer.weight.format, folding.pe * folding.simd)),
            "loading": In(1),
            "valid": In(1),
            "request": In(request_layout(data_width)),
            "answered": Out(1),
            "response": Out(data_width),
        }
        if layer.bias is not None:
            ports["biases"] = Out(lanes_of(layer.bias.format, folding.pe))
        if trainer:
            ports["update"] = In(update_layout(layer, folding))
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        """Build the memories, the registers behind them, and what the load port reads there."""
        m = Module()
        layer, folding = self._layer, self._folding
        m.submodules.address = at = LoadAddress(
            folding, self._data_width, biases=layer.bias is not None
        )
        m.d.comb += [at.valid.eq(self.valid), at.request.eq(self.request)]
        write = at.asked & at.write & self.loading
        weights = self._memory(m, "weight", (layer.weight.format, self._weight_rows))
        self._connect(m, weights, self.row, at.row, Mux(write, at.weight_lanes, 0), at.data)
        row = blanked(words_of(weights[0].data), self.real)
        row = delayed(m, row, 1, name="weight_row", en=self.en)
        m.d.comb += self.weights.as_value().eq(row)
        if self._trainer:
            self._train(m, weights, "row", "write", "write_row", "weights")
        found, lanes = words_of(self.weights), at.weight_lanes
        if layer.bias is not None:
            biases = self._memory(m, "bias", (layer.bias.format, self._bias_rows))
            self._connect(m, biases, self.fold, at.fold, Mux(write, at.bias_lanes, 0), at.data)
            row = delayed(m, biases[0].data.as_value(), 1, name="bias_row", en=self.en)
            m.d.comb += self.biases.as_value().eq(row)
            if self._trainer:
                self._train(m, biases, "fold", "write_biases", "write_fold", "biases")
            found, lanes = [*found, *words_of(self.biases)], Cat(lanes, at.bias_lanes)
        lanes = delayed(m, lanes, timing.WEIGHTS, name="read_lanes")
        m.d.comb += self.response.eq(self._gathered(m, found, lanes))
        m.d.comb += self.answered.eq(
            delayed(
                m,
                at.asked & ~at.write,
                self.load_latency - at.latency,
                name="answered",
                reset_less=False,
            )
        )
        return m

    def _memory(
        self, m: Module, name: str, content: tuple[Format, list[list[int]]]
    ) -> tuple[ReadPort, WritePort]:
        """Build one memory of rows, and return its ports."""
        format, rows = content
        layout = lanes_of(format, len(rows[0]))
        # the load port either reads or writes, and the layer reads neither then
        m.submodules[name] = memory = Memory(
            shape=layout, depth=len(rows), init=rows, attrs=UNORDERED
        )
        return memory.read_port(), memory.write_port(granularity=1)

    def _connect(
        self,
        m: Module,
        ports: tuple[ReadPort, WritePort],
        row: Value,
        load_row: Value,
        written: Value,
        data: Value,
    ) -> None:
        """Let the layer or the load port read a row, and the load port write lanes of one."""
        read, write = ports
        m.d.comb += [
            read.addr.eq(Mux(self.loading, load_row, row)),
            read.en.eq(self.en),
            write.addr.eq(load_row),
            write.en.eq(written),
        ]
        m.d.comb += [lane.eq(data[: len(lane)]) for lane in words_of(write.data)]

    def _train(
        self,
        m: Module,
        ports: tuple[ReadPort, WritePort],
        row: str,
        write: str,
        written_row: str,
        written: str,
    ) -> None:
        """Let the trainer read a row while it owns the memory, and write one; names are its."""
        read_port, write_port = ports
        update = self.update
        with m.If(update.read):
            m.d.comb += read_port.addr.eq(update[row])
        with m.If(update[write]):
            m.d.comb += [
                write_port.addr.eq(update[written_row]),
                write_port.en.eq(~0),
                write_port.data.eq(update[written]),
            ]

    def _gathered(self, m: Module, words: list[Value], lanes: Value) -> Value:
        """Return the word whose bit of ``lanes`` is set, or 0, `timing.gather` cycles later."""
        terms: list[Value] = []
        for number, word in enumerate(words):
            term = Signal(self._data_width, name=f"found_{number}")
            if len(word) < self._data_width:
                # extended first: a bit of the term would else depend on another bit of it
                extended = Signal(self._data_width, name=f"extended_{number}")
                m.d.comb += extended.eq(word)
                word = extended
            m.d.comb += term.eq(Mux(lanes[number], word, 0))
            terms.append(term)
        for stage in range(timing.gather(len(words))):
            groups = [terms[n : n + timing.GATHERED] for n in range(0, len(terms), timing.GATHERED)]
            terms = [
                delayed(m, reduce(or_, group), 1, name=f"gathered_{stage}_{n}")
                for n, group in enumerate(groups)
            ]
        return terms[0]


def _rows(folding: Folding, codes: Codes | None) -> list[list[int]]:
    """Return memory rows of codes (outputs, inputs) or (outputs,), padding and None as zeros."""
    neurons = folding.neuron_folds * folding.pe
    inputs = folding.input_folds * folding.simd
    padded = np.zeros((neurons, inputs), dtype=np.int64)
    if codes is not None:
        padded[: folding.outputs, : folding.inputs] = codes.reshape(folding.outputs, -1)
    shape = (folding.neuron_folds, folding.pe, folding.input_folds, folding.simd)
    rows: npt.NDArray[np.int64] = padded.reshape(shape).transpose(0, 2, 1, 3)
    listed: list[list[int]] = rows.reshape(-1, folding.pe * folding.simd).tolist()
    return listed
