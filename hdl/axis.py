"""The network behind flat AXI4-Stream ports, as systems on a chip are put together."""

from dataclasses import dataclass
from functools import cached_property

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import Component, In, Member, Out

from bittrue.model.exceptions import BittrueError
from bittrue.model.shape import Weights
from bittrue.model.types import Format

from .address import INPUT_BITS, NEURON_BITS
from .loader import LAYER_BITS
from .machine import Machine
from .network import Network, data_width_of
from .shapes import shape_of, words_of

BYTE = 8


@dataclass(frozen=True)
class AxisWords:
    """How the words on the ports of a machine are laid out, in whole bytes.

    Parameters
    ----------
    machine : Machine
        Behind the ports, without trainer, trace and counters: there are none for them.

    Members
    -------
    simd, pe : int
        Codes in a word of the input, and of the output; the first lies lowest.
    input_bytes, output_bytes : int
        Of each of them: a code and its sign, or zeros above a code without one.
    data_width : int
        Bits of a weight or bias on the weight port, the lowest of a word.
    data_bytes : int
        Whole bytes of it, its highest bit repeated.

    Raises
    ------
    BittrueError
        If the machine has what there are no ports for.
    """

    machine: Machine

    def __post_init__(self) -> None:
        machine = self.machine
        if machine.trainer or machine.trace or machine.counters != "none":
            raise BittrueError(
                "a machine behind AXI4-Stream ports must be without trainer, trace and counters, "
                f"got trainer={machine.trainer}, trace={machine.trace}, "
                f"counters={machine.counters!r}: bittrue.to_verilog writes it with Amaranth's ports"
            )

    @property
    def simd(self) -> int:
        """Codes in a word of the input."""
        return self.machine.foldings[0].simd

    @property
    def pe(self) -> int:
        """Codes in a word of the output."""
        return self.machine.foldings[-1].pe

    @property
    def input_bytes(self) -> int:
        """Bytes of a code of the input."""
        return bytes_of(self.machine.shape.input.format.width)

    @property
    def output_bytes(self) -> int:
        """Bytes of a code of the output."""
        return bytes_of(self.machine.shape.output.format.width)

    @property
    def data_width(self) -> int:
        """Bits of a weight or bias."""
        return data_width_of(self.machine)

    @property
    def data_bytes(self) -> int:
        """Bytes of a weight or bias."""
        return bytes_of(self.data_width)

    @cached_property
    def weight(self) -> StructLayout:
        """Layout of a word of the weight port: each field begins at a byte."""
        data = BYTE * self.data_bytes
        fields = {"data": data, "input": INPUT_BITS, "neuron": NEURON_BITS, "layer": LAYER_BITS}
        return StructLayout({**fields, "write": 1, "bias": 1, "zero": BYTE - 2})


def bytes_of(width: int) -> int:
    """Return the bytes that hold so many bits."""
    return -(-width // BYTE)


class AxisNetwork(Component):
    """A network in gates behind flat AXI4-Stream ports.

    A word of data carries the codes of a beat, each padded to whole bytes: on the way out its
    sign is repeated (zeros where the format has none), on the way in what lies above the code is
    ignored. ``tlast`` ends a sample.

    Words of the weight port are requests, laid out as `AxisWords.weight` says: they write a weight
    or bias, or read one back. ``tlast`` ends a load: from its first word to its last no sample is
    taken, and it begins once all samples that were taken whole have left. Each answer to a read is
    a packet of one word.

    Parameters
    ----------
    machine : Machine
        Without trainer, trace and counters, for which there are no ports.
    weights : Weights, optional
        Codes at power-up; zero where not given.

    Members
    -------
    s_axis_tdata, s_axis_tvalid, s_axis_tready, s_axis_tlast
        Samples.
    m_axis_tdata, m_axis_tvalid, m_axis_tready, m_axis_tlast
        Answers.
    s_axis_weight_tdata, s_axis_weight_tvalid, s_axis_weight_tready, s_axis_weight_tlast
        Requests.
    m_axis_weight_tdata, m_axis_weight_tvalid, m_axis_weight_tready, m_axis_weight_tlast
        What reads found.
    framing_error : Out(1)
        Some ``s_axis_tlast`` was early or missing, and its sample dropped; stays until reset.

    Attributes
    ----------
    words : AxisWords
        How words are laid out.
    latency, initiation_interval : int
        In cycles, as of `Network`: there is no register in between.

    Raises
    ------
    BittrueError
        If the machine has what there are no ports for.
    """

    def __init__(self, machine: Machine, weights: Weights | None = None) -> None:
        self.words = words = AxisWords(machine)
        self._network = network = Network(machine, weights)
        self.latency, self.initiation_interval = network.latency, network.initiation_interval
        super().__init__(
            {
                **_taken("s_axis", words.simd * words.input_bytes),
                **_given("m_axis", words.pe * words.output_bytes),
                **_taken("s_axis_weight", int(words.weight.size) // BYTE),
                **_given("m_axis_weight", words.data_bytes),
                "framing_error": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Wire the network up."""
        m = Module()
        m.submodules.network = network = self._network
        self._take(m, network)
        self._give(m, network)
        self._load(m, network)
        m.d.comb += self.framing_error.eq(network.framing_error)
        return m

    def _take(self, m: Module, network: Network) -> None:
        """Cut codes out of words."""
        pitch = BYTE * self.words.input_bytes
        m.d.comb += [
            lane.eq(self.s_axis_tdata[n * pitch :][: len(lane)])
            for n, lane in enumerate(words_of(network.i.payload.lanes))
        ]
        m.d.comb += [
            network.i.payload.last.eq(self.s_axis_tlast),
            network.i.valid.eq(self.s_axis_tvalid),
            self.s_axis_tready.eq(network.i.ready),
        ]

    def _give(self, m: Module, network: Network) -> None:
        """Pad codes to whole bytes."""
        format = self.words.machine.shape.output.format
        lanes = words_of(network.o.payload.lanes)
        padded = [_padded(m, lane, format, f"lane_{n}") for n, lane in enumerate(lanes)]
        m.d.comb += [
            self.m_axis_tdata.eq(Cat(padded)),
            self.m_axis_tlast.eq(network.o.payload.last),
            self.m_axis_tvalid.eq(network.o.valid),
            network.o.ready.eq(self.m_axis_tready),
        ]

    def _load(self, m: Module, network: Network) -> None:
        """Hold the network back as long as a load lasts."""
        request = self.words.weight(self.s_axis_weight_tdata)
        loading = Signal()
        with m.If(self.s_axis_weight_tvalid & self.s_axis_weight_tready):
            m.d.sync += loading.eq(~self.s_axis_weight_tlast)
        asked = network.load.payload
        m.d.comb += [
            *(
                getattr(asked, name).eq(getattr(request, name))
                for name in ("write", "bias", "layer", "neuron", "input")
            ),
            asked.data.eq(request.data[: self.words.data_width]),
            network.hold.eq(self.s_axis_weight_tvalid | loading),
            network.load.valid.eq(self.s_axis_weight_tvalid),
            self.s_axis_weight_tready.eq(network.load.ready),
        ]
        data = Format(True, self.words.data_width, 0)
        m.d.comb += [
            self.m_axis_weight_tdata.eq(_padded(m, network.loaded.payload, data, "found")),
            self.m_axis_weight_tlast.eq(1),
            self.m_axis_weight_tvalid.eq(network.loaded.valid),
            network.loaded.ready.eq(self.m_axis_weight_tready),
        ]


def _taken(name: str, size: int) -> dict[str, Member]:
    """Return the ports of a stream that comes in, of words of so many bytes."""
    return {
        f"{name}_tdata": In(BYTE * size),
        f"{name}_tvalid": In(1),
        f"{name}_tready": Out(1),
        f"{name}_tlast": In(1),
    }


def _given(name: str, size: int) -> dict[str, Member]:
    """Return the ports of a stream that goes out, of words of so many bytes."""
    return {
        f"{name}_tdata": Out(BYTE * size),
        f"{name}_tvalid": Out(1),
        f"{name}_tready": In(1),
        f"{name}_tlast": Out(1),
    }


def _padded(m: Module, word: Value, format: Format, name: str) -> Value:
    """Return a code with its sign, or zeros, above it, so that it fills whole bytes."""
    code = Signal(shape_of(format), name=f"{name}_code")
    padded = Signal(BYTE * bytes_of(format.width), name=name)
    m.d.comb += [code.eq(word), padded.eq(code)]
    return padded
