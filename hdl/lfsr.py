"""Chance in gates: the shift register of training, many steps in one cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import Component, In, Out

from bittrue.model.lfsr import BITS, SEED, STEPS, TAPS

from .pipeline import delayed


def masks_after(steps: int) -> list[int]:
    """Return, for each bit after so many steps, the bits now whose parity it is, as a mask."""
    masks = [1 << bit for bit in range(BITS)]
    for _ in range(steps):
        parity = 0
        for tap in TAPS:
            parity ^= masks[tap - 1]
        masks = [parity, *masks[:-1]]
    return masks


def state_after(state: Value, steps: int) -> Value:
    """Return the register after so many steps, without any cycle between."""
    return Cat(
        Cat(state[bit] for bit in range(BITS) if mask >> bit & 1).xor()
        for mask in masks_after(steps)
    )


class Draws(Component):
    """Draws for neurons side by side, in the cycle they are asked for.

    Parameters
    ----------
    lanes : int
        Neurons side by side.
    last_lanes : int
        Real ones in the last group: only for them the register moves on.

    Members
    -------
    state : In(16)
        The register.
    last : In(1)
        It is the last group.
    draws : Out(lanes of 16 bits)
        One a neuron, 16 steps apart.
    next : Out(16)
        The register behind them.

    Attributes
    ----------
    latency : int
        None: there is no register here.
    """

    latency = 0

    def __init__(self, lanes: int, last_lanes: int) -> None:
        self._lanes, self._last_lanes = lanes, last_lanes
        super().__init__(
            {
                "state": In(BITS),
                "last": In(1),
                "draws": Out(ArrayLayout(BITS, lanes)),
                "next": Out(BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the parities."""
        m = Module()
        for lane in range(self._lanes):
            m.d.comb += self.draws[lane].eq(state_after(self.state, STEPS * (lane + 1)))
        ends = self.draws[self._lanes - 1], self.draws[self._last_lanes - 1]
        m.d.comb += self.next.eq(Mux(self.last, ends[1], ends[0]))
        return m


class ShiftRegister(Component):
    """The one register that all layers draw from; it is loaded and read back like a weight.

    Writing 0, from which it would never move, does nothing. Reset leaves it as it is.

    Parameters
    ----------
    state : int
        At power-up.

    Members
    -------
    state : Out(16)
        As it is.
    drawn, next : In(1), In(16)
        A layer has drawn, and what the register becomes.
    valid, write, data : In
        A request of the load port, while nothing is drawn.
    answered, response : Out
        What a read found.

    Attributes
    ----------
    load_latency : int
        Cycles from a read request to its response. Initiation interval 1.
    """

    load_latency = 1

    def __init__(self, state: int | None = None) -> None:
        self._initial = SEED if state is None else state
        super().__init__(
            {
                "state": Out(BITS),
                "drawn": In(1),
                "next": In(BITS),
                "valid": In(1),
                "write": In(1),
                "data": In(BITS),
                "answered": Out(1),
                "response": Out(BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the register and its two ways in."""
        m = Module()
        held = Signal(BITS, init=self._initial, reset_less=True)
        with m.If(self.drawn):
            m.d.sync += held.eq(self.next)
        with m.Elif(self.valid & self.write & self.data.any()):
            m.d.sync += held.eq(self.data)
        read = delayed(m, self.valid & ~self.write, 1, name="answered", reset_less=False)
        m.d.comb += [
            self.state.eq(held),
            self.answered.eq(read),
            self.response.eq(delayed(m, held, 1, name="response")),
        ]
        return m
