"""Where a load request goes: from neuron and input to row and lane, whatever the folding."""

from amaranth.hdl import Cat, Const, Module, Mux, Value
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import Component, In, Out
from amaranth.utils import bits_for

from . import timing
from .machine import Folding
from .pipeline import Lockstep
from .shapes import index_below

NEURON_BITS = INPUT_BITS = 16
"""Bits of a request's addresses: as many neurons and inputs as a layer may have."""


def request_layout(data_width: int) -> StructLayout:
    """Return the layout of a load request to one layer."""
    return StructLayout(
        {"write": 1, "bias": 1, "neuron": NEURON_BITS, "input": INPUT_BITS, "data": data_width}
    )


class LoadAddress(Component):
    """Turns load requests into rows and lanes of a layer's memories.

    Neuron and input are divided by the lanes, one bit of the quotient a cycle where lanes are no
    power of two; the row, ``neuron fold * input folds + input fold``, is summed one term a cycle.
    No cycle holds more than one addition, so that loading never limits the clock.

    Parameters
    ----------
    folding : Folding
        How rows are made.
    data_width : int
        Width of the load port's data.
    biases : bool
        Whether the layer has biases.

    Members
    -------
    valid, request : In
        One request a cycle.
    asked, write : Out(1)
        There is a request; it writes.
    row, fold : Out
        Row of the weight, or fold of the bias.
    weight_lanes, bias_lanes : Out(pe * simd), Out(pe)
        The lane in it; no bit is set for a request outside the layer.
    data : Out(data_width)
        What is written.

    Attributes
    ----------
    latency : int
        Cycles from a request to its row and lane. Initiation interval 1.
    """

    def __init__(self, folding: Folding, data_width: int, *, biases: bool) -> None:
        self._folding, self._biases = folding, biases
        self.latency = timing.load_address(folding)
        super().__init__(
            {
                "valid": In(1),
                "request": In(request_layout(data_width)),
                "asked": Out(1),
                "write": Out(1),
                "row": Out(index_below(folding.initiation_interval)),
                "fold": Out(index_below(folding.neuron_folds)),
                "weight_lanes": Out(folding.pe * folding.simd),
                "bias_lanes": Out(folding.pe),
                "data": Out(data_width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Check, divide, sum, decode."""
        m = Module()
        folding, request = self._folding, self.request
        at = Lockstep(m, self.valid, write=request.write, bias=request.bias, data=request.data)
        at.step(
            known_neuron=request.neuron < folding.outputs,
            known_input=request.input < folding.inputs,
            unit=request.neuron[: bits_for(folding.outputs - 1)],
            place=request.input[: bits_for(folding.inputs - 1)],
        )
        self._divide(at)
        self._sum(at)
        known = at.known_neuron & (Const(1) if self._biases else ~at.bias)
        neurons = [known & (at.unit == n) for n in range(folding.pe)]
        places = [at.known_input & ~at.bias & (at.place == n) for n in range(folding.simd)]
        at.step(
            weight_lanes=Cat(neuron & place for neuron in neurons for place in places),
            bias_lanes=Cat(neuron & at.bias for neuron in neurons),
        )
        names = ("write", "row", "fold", "weight_lanes", "bias_lanes", "data")
        m.d.comb += [getattr(self, name).eq(getattr(at, name)) for name in names]
        m.d.comb += self.asked.eq(at.valid)
        return m

    def _divide(self, at: Lockstep) -> None:
        """Part neuron into fold and unit, input into beat and place, side by side."""
        folding = self._folding
        divided = [
            _Division("fold", "unit", folding.outputs, folding.pe),
            _Division("beat", "place", folding.inputs, folding.simd),
        ]
        at.set(**{k: v for division in divided for k, v in division.start(at).items()})
        for cycle in range(max(len(division.bits) for division in divided)):
            at.step(**{k: v for division in divided for k, v in division.step(at, cycle).items()})

    def _sum(self, at: Lockstep) -> None:
        """Form the row from fold and beat."""
        folds = self._folding.input_folds
        terms = timing.row_terms(self._folding)
        if self._folding.neuron_folds == 1:
            at.set(row=at.beat)
        elif not terms:
            at.set(row=Cat(at.beat[: bits_for(folds) - 1], at.fold))
        else:
            at.set(row=at.beat)
        width = bits_for(self._folding.initiation_interval - 1)
        for shift in terms:
            at.step(row=(at.row + (at.fold << shift))[:width])


class _Division:
    """Division of an index by a constant, one bit of the quotient a cycle, the highest first."""

    def __init__(self, quotient: str, remainder: str, size: int, divisor: int) -> None:
        self._quotient, self._remainder, self._divisor = quotient, remainder, divisor
        self._single = size <= divisor
        self.bits = timing.quotient_bits(size, divisor)

    def start(self, at: Lockstep) -> dict[str, Value]:
        """Return quotient and remainder as far as they need no subtraction."""
        index = getattr(at, self._remainder)
        if self._single or self.bits:
            return {self._quotient: Const(0, 0), self._remainder: index}
        shift = self._divisor.bit_length() - 1
        return {self._quotient: index[shift:], self._remainder: index[:shift]}

    def step(self, at: Lockstep, cycle: int) -> dict[str, Value]:
        """Return what one cycle makes of quotient and remainder."""
        if cycle >= len(self.bits):
            return {}
        part = self._divisor << self.bits[cycle]
        index, quotient = getattr(at, self._remainder), getattr(at, self._quotient)
        reached = index >= part
        rest = Mux(reached, index - part, index)[: bits_for(part - 1)]
        return {self._quotient: Cat(reached, quotient), self._remainder: rest}
