"""Multiply-accumulate: one neuron's dot product, ``simd`` products a cycle."""

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib.data import View
from amaranth.lib.wiring import Component, In, Out

from bittrue.model.types import Format

from . import timing
from .pipeline import APART, delayed
from .shapes import lanes_of, shape_of, words_of


class Mac(Component):
    """The exact dot product of one neuron, folded over its inputs.

    Each cycle takes ``simd`` weights and inputs into registers of the MAC's own, which stand beside
    its multipliers wherever those lie. The products are summed in a registered tree and added to
    the accumulator, which starts anew from the bias at ``first``. Nothing rounds or overflows: the
    accumulator's format holds every sum.

    Parameters
    ----------
    weight, input, accumulator : Format
        Formats of the operands and of the sum.
    simd : int
        Products a cycle.
    bias : Format or None
        Format of the bias, or None for a neuron without.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    first : In(1)
        The operands are the first of a dot product.
    weights, inputs : In(simd lanes)
        Codes; lanes that are padding must be zero.
    bias : In(bias format)
        Code, read ``bias_delay`` enabled cycles after the operands that came with ``first``.
    o : Out(accumulator format)
        Running sum, ``latency`` enabled cycles after the operands it is the last to include.

    Attributes
    ----------
    latency : int
        Enabled cycles from operands to the sum that includes them. Initiation interval 1.
    bias_delay : int
        Enabled cycles from ``first`` to the cycle that reads the bias.
    """

    def __init__(
        self,
        weight: Format,
        input: Format,
        accumulator: Format,
        simd: int,
        bias: Format | None = None,
    ) -> None:
        self._weight, self._input = weight, input
        self._accumulator, self._bias = accumulator, bias
        self._simd = simd
        self.bias_delay, self.latency = timing.bias_delay(simd), timing.mac(simd)
        ports = {
            "en": In(1),
            "first": In(1),
            "weights": In(lanes_of(weight, simd)),
            "inputs": In(lanes_of(input, simd)),
            "o": Out(shape_of(accumulator)),
        }
        if bias is not None:
            ports["bias"] = In(shape_of(bias))
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        """Build the multipliers, the adder tree and the accumulator."""
        m = Module()

        def register(value: Value, name: str, stages: int = 1) -> Signal:
            return delayed(m, value, stages, name=name, en=self.en)

        def operands(lanes: View, name: str) -> list[Signal]:
            return [
                delayed(m, lane, timing.OPERANDS, name=f"{name}_{n}", en=self.en, attrs=APART)
                for n, lane in enumerate(words_of(lanes))
            ]

        pairs = zip(operands(self.weights, "weight"), operands(self.inputs, "input"), strict=True)
        terms = [register(w * x, f"product_{n}", timing.PRODUCT) for n, (w, x) in enumerate(pairs)]
        level = 0
        while len(terms) > 1:
            sums = [
                register(a + b, f"sum_{level}_{n}")
                for n, (a, b) in enumerate(zip(terms[::2], terms[1::2], strict=False))
            ]
            odd = [register(terms[-1], f"pass_{level}")] if len(terms) % 2 else []
            terms, level = sums + odd, level + 1

        first = Signal(self.bias_delay)
        with m.If(self.en):
            m.d.sync += first.eq(Cat(self.first, first))
            start = Const(0) if self._bias is None else self._aligned(self.bias, self._bias.frac)
            term = self._aligned(terms[0], self._weight.frac + self._input.frac)
            with m.If(first[-1]):
                m.d.sync += self.o.eq(start + term)
            with m.Else():
                m.d.sync += self.o.eq(self.o + term)
        return m

    def _aligned(self, code: Value, frac: int) -> Value:
        """Bring a code to the accumulator's LSB; never a right shift."""
        return code << (self._accumulator.frac - frac)
