"""The network's one load port, in front of the layers' weight memories."""

from functools import reduce
from operator import or_

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.data import ArrayLayout, StructLayout, View
from amaranth.lib.stream import Signature
from amaranth.lib.wiring import Component, In, Out

from .address import INPUT_BITS, NEURON_BITS, request_layout
from .pipeline import delayed

LAYER_BITS = 8


def load_layout(data_width: int) -> StructLayout:
    """Return the layout of a load request to the network."""
    return StructLayout(
        {
            "write": 1,
            "bias": 1,
            "layer": LAYER_BITS,
            "neuron": NEURON_BITS,
            "input": INPUT_BITS,
            "data": data_width,
        }
    )


class Loader(Component):
    """Takes load requests while the network is idle, and answers reads one after the other.

    Parameters
    ----------
    layers : int
        Layers to share requests among.
    data_width : int
        Width of the data.
    load_latency : int
        Cycles from a read request at a layer to its response, of the slowest layer.

    Members
    -------
    open : In(1)
        Requests may be taken: the network has drained and takes no samples.
    request : In(stream of load_layout)
        ``ready`` is a register. A write takes one cycle.
    response : Out(stream of data)
        One for each read, in order; 0 where no weight is.
    busy : Out(1)
        Requests are under way: samples must wait.
    valid : Out(layers), to_layer : Out(request_layout)
        The request, for the layer whose bit is set.
    answered : In(layers), answers : In(layers lanes)
        What the layers found.

    Attributes
    ----------
    latency : int
        Cycles from a read request to its response, at most. Initiation interval 1 for writes,
        ``latency + 1`` for reads of the slowest layer with an unstalled sink.
    """

    def __init__(self, layers: int, data_width: int, load_latency: int) -> None:
        self._layers, self._data_width = layers, data_width
        self._load_latency = load_latency
        self.latency = load_latency + 2
        super().__init__(
            {
                "open": In(1),
                "request": In(Signature(load_layout(data_width))),
                "response": Out(Signature(data_width)),
                "busy": Out(1),
                "valid": Out(layers),
                "to_layer": Out(request_layout(data_width)),
                "answered": In(layers),
                "answers": In(ArrayLayout(data_width, layers)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the handshakes and the choice of the layer."""
        m = Module()
        asked, taken = self.request.payload, self.request.valid & self.request.ready
        self._hand_on(m, asked, taken)
        nowhere = Signal()
        waiting, waiting_next = Signal(), Signal()
        read = taken & ~asked.write
        given = self.response.valid & self.response.ready
        m.d.comb += waiting_next.eq((waiting & ~given) | read)
        m.d.sync += [
            nowhere.eq(read & (asked.layer >= self._layers)),
            waiting.eq(waiting_next),
            self.request.ready.eq(self.open & ~waiting_next),
        ]
        found = [Mux(self.answered[layer], self.answers[layer], 0) for layer in range(self._layers)]
        with m.If(self.answered.any() | nowhere):
            m.d.sync += [self.response.valid.eq(1), self.response.payload.eq(reduce(or_, found))]
        with m.Elif(given):
            m.d.sync += self.response.valid.eq(0)
        return m

    def _hand_on(self, m: Module, asked: View, taken: Value) -> None:
        """Give requests to their layers, one cycle later, and be busy until all have arrived."""
        layout = request_layout(self._data_width)
        m.d.comb += [
            getattr(self.to_layer, name).eq(delayed(m, getattr(asked, name), 1, name=name))
            for name in layout.members
        ]
        m.d.sync += [
            self.valid[layer].eq(taken & (asked.layer == layer)) for layer in range(self._layers)
        ]
        left = Signal(range(self._load_latency + 2))
        with m.If(taken):
            m.d.sync += left.eq(self._load_latency + 1)
        with m.Elif(left.any()):
            m.d.sync += left.eq(left - 1)
        m.d.comb += self.busy.eq(left.any())
