"""The network's one load port, in front of the layers' weight memories."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.stream import Signature
from amaranth.lib.wiring import Component, In, Out

from . import timing
from .weights import INPUT_BITS, NEURON_BITS, request_layout

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
        Cycles from a read request to its response. Initiation interval 1 for writes,
        ``latency + 1`` for reads with an unstalled sink.
    """

    latency = timing.LOAD + 1

    def __init__(self, layers: int, data_width: int) -> None:
        self._layers = layers
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
        m.d.comb += [
            getattr(self.to_layer, name).eq(getattr(asked, name))
            for name in ("write", "bias", "neuron", "input", "data")
        ]
        m.d.comb += [
            self.valid[layer].eq(taken & (asked.layer == layer)) for layer in range(self._layers)
        ]
        # requests to no layer pass through these chains too, and find nothing
        under_way, reads = Signal(timing.LOAD), Signal(timing.LOAD)
        waiting, waiting_next = Signal(), Signal()
        read = taken & ~asked.write
        given = self.response.valid & self.response.ready
        m.d.comb += [
            self.busy.eq(under_way.any()),
            waiting_next.eq((waiting & ~given) | read),
        ]
        m.d.sync += [
            under_way.eq(Cat(taken, under_way)),
            reads.eq(Cat(read, reads)),
            waiting.eq(waiting_next),
            self.request.ready.eq(self.open & ~waiting_next),
        ]
        found: Value = Const(0)
        for layer in range(self._layers):
            found |= Mux(self.answered[layer], self.answers[layer], 0)
        with m.If(reads[-1]):
            m.d.sync += [self.response.valid.eq(1), self.response.payload.eq(found)]
        with m.Elif(given):
            m.d.sync += self.response.valid.eq(0)
        return m
