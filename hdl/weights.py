"""The memory of one layer's weights, and how it is loaded without knowing the folding."""

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out
from amaranth.utils import bits_for

from bittrue.model.shape import Layer
from bittrue.model.types import Codes, Format

from . import timing
from .machine import Folding
from .pipeline import delayed
from .shapes import index_below, lanes_of

NEURON_BITS = INPUT_BITS = 16
"""Bits of a request's addresses: as many neurons and inputs as a layer may have."""


def request_layout(data_width: int) -> StructLayout:
    """Return the layout of a load request to one layer."""
    return StructLayout(
        {"write": 1, "bias": 1, "neuron": NEURON_BITS, "input": INPUT_BITS, "data": data_width}
    )


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

    Members
    -------
    en, row, fold : In
        Clock enable, row and neuron fold that the layer reads.
    weights : Out(pe * simd lanes)
        The row, one enabled cycle later; lane ``p * simd + s``.
    bias_en, biases : In(1), Out(pe lanes)
        Clock enable, and the biases of the fold, one enabled cycle later. Only where the layer
        has biases.
    loading : In(1)
        The load port owns the memory.
    valid, request : In
        One request a cycle.
    answered, response : Out
        What a read found, ``load_latency`` cycles after its request.

    Attributes
    ----------
    latency : int
        Enabled cycles from ``row`` to ``weights``. Initiation interval 1.
    load_latency : int
        Cycles from a read request to its response; a write is done one cycle sooner. Initiation
        interval 1.
    """

    latency = timing.MEMORY
    load_latency = timing.LOAD

    def __init__(
        self,
        layer: Layer,
        folding: Folding,
        data_width: int,
        *,
        weights: Codes | None = None,
        biases: Codes | None = None,
    ) -> None:
        self._layer, self._folding, self._data_width = layer, folding, data_width
        self._weight_rows = _rows(folding, weights)
        self._bias_rows = _rows(Folding(1, folding.outputs, folding.pe, 1), biases)
        ports = {
            "en": In(1),
            "row": In(index_below(folding.initiation_interval)),
            "fold": In(index_below(folding.neuron_folds)),
            "weights": Out(lanes_of(layer.weight.format, folding.pe * folding.simd)),
            "loading": In(1),
            "valid": In(1),
            "request": In(request_layout(data_width)),
            "answered": Out(1),
            "response": Out(data_width),
        }
        if layer.bias is not None:
            ports |= {"bias_en": In(1), "biases": Out(lanes_of(layer.bias.format, folding.pe))}
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        """Build the pipeline that turns an address into row and lane, and the memories behind."""
        m = Module()
        folding = self._folding
        control = delayed(m, self.valid, 3, name="valid", reset_less=False)
        asked = delayed(m, self.request, 3, name="request")
        fold, unit = _divided(m, self.request.neuron, folding.outputs, folding.pe, "neuron")
        beat, place = _divided(m, self.request.input, folding.inputs, folding.simd, "input")
        known = (self.request.neuron < folding.outputs) & (
            self.request.bias | (self.request.input < folding.inputs)
        )
        if self._layer.bias is None:
            known &= ~self.request.bias
        inside = delayed(m, known, 3, name="inside")
        row = delayed(m, fold * folding.input_folds + beat, 1, name="row")
        lane = delayed(m, unit * folding.simd + place, 1, name="lane")
        fold, unit = (delayed(m, value, 1, name="bias") for value in (fold, unit))

        write = control & inside & asked.write & self.loading
        found = self._port(
            m,
            "weight",
            (self._layer.weight.format, self._weight_rows),
            (self.en, self.row, self.weights),
            (write & ~asked.bias, row, lane),
            asked.data,
        )
        if self._layer.bias is not None:
            found_bias = self._port(
                m,
                "bias",
                (self._layer.bias.format, self._bias_rows),
                (self.bias_en, self.fold, self.biases),
                (write & asked.bias, fold, unit),
                asked.data,
            )
            found = Mux(delayed(m, asked.bias, 1, name="was_bias"), found_bias, found)
        found = Mux(delayed(m, inside, 1, name="was_inside"), found, 0)
        read = delayed(m, control & ~asked.write, 2, name="read", reset_less=False)
        m.d.comb += self.answered.eq(read)
        m.d.sync += self.response.eq(found)
        return m

    def _port(
        self,
        m: Module,
        name: str,
        content: tuple[Format, list[list[int]]],
        reader: tuple[Value, Value, Value],
        writer: tuple[Value, Value, Value],
        data: Value,
    ) -> Value:
        """Build one memory, and return the code that the load port reads from it.

        ``reader`` is the layer's enable, row and result; ``writer`` the load port's write, row and
        lane.
        """
        (format, rows), (en, row, result), (write, load_row, lane) = content, reader, writer
        layout = lanes_of(format, len(rows[0]))
        m.submodules[name] = memory = Memory(shape=layout, depth=len(rows), init=rows)
        write_port, read_port = memory.write_port(granularity=1), memory.read_port()
        m.d.comb += [
            write_port.addr.eq(load_row),
            write_port.en.eq(Mux(write, 1 << lane, 0)),
            read_port.addr.eq(Mux(self.loading, load_row, row)),
            read_port.en.eq(en | self.loading),
            result.eq(read_port.data),
        ]
        m.d.comb += [write_port.data[n].eq(data[: format.width]) for n in range(len(rows[0]))]
        read_lane = delayed(m, lane, 1, name=f"{name}_lane")
        code = Signal(read_port.data[0].shape(), name=f"{name}_code")
        m.d.comb += code.eq(read_port.data[read_lane])
        return code


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


def _divided(m: Module, index: Value, size: int, divisor: int, name: str) -> tuple[Signal, Signal]:
    """Return quotient and remainder of an index below ``size``, two cycles later.

    The quotient is the product with a reciprocal, cut: ``scale * divisor = 2**shift + excess`` is
    exact as long as ``excess * size < 2**shift``.
    """
    shift = 0
    while (-(1 << shift) % divisor) * size >= 1 << shift:
        shift += 1
    scale = -(-(1 << shift) // divisor)
    small = index[: bits_for(size - 1)]
    quotient = Signal(index_below(-(-size // divisor)), name=f"{name}_quotient", reset_less=True)
    m.d.sync += quotient.eq(small * scale >> shift)
    held = delayed(m, small, 1, name=f"{name}_index")
    remainder = Signal(index_below(divisor), name=f"{name}_remainder", reset_less=True)
    m.d.sync += remainder.eq(held - quotient * divisor)
    return delayed(m, quotient, 1, name=f"{name}_fold"), remainder
